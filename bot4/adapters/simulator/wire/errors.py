"""What the venue answers when it refuses: codes, texts and HTTP statuses, in one table.

Source: binance-spot-api-docs errors.md (2026-07-21).
"""

from __future__ import annotations

from typing import Any

_BAD_REQUEST = 400

# code: text, where %s takes what the refusal is about
TEXTS = {
    -1000: "An unknown error occurred while processing the request.",
    -1001: "Internal error; unable to process your request. Please try again.",
    -1002: "You are not authorized to execute this request.",
    -1006: "An unexpected response was received from the message bus. Execution status unknown.",
    -1007: "Timeout waiting for response from backend server. Send status unknown; execution status unknown.",
    -1008: "Server is currently overloaded with other requests. Please try again in a few minutes.",
    -1013: "%s",
    -1014: "Unsupported order combination.",
    -1015: "Too many new orders; current limit is %s orders per %s.",
    -1016: "This service is no longer available.",
    -1020: "This operation is not supported.",
    -1021: "%s",
    -1022: "Signature for this request is not valid.",
    -1034: "Too many connection attempts from IP; current limit is %s per '%s'.",
    -1100: "Illegal characters found in parameter '%s'; legal range is '%s'.",
    -1101: "%s",
    -1102: "Mandatory parameter '%s' was not sent, was empty/null, or malformed.",
    -1103: "An unknown parameter was sent.",
    -1104: "Not all sent parameters were read; read '%s' parameter(s) but was sent '%s'.",
    -1105: "Parameter '%s' was empty.",
    -1106: "Parameter '%s' sent when not required.",
    -1108: "Parameter '%s' overflowed.",
    -1111: "Parameter '%s' has too much precision.",
    -1112: "No orders on book for symbol.",
    -1114: "TimeInForce parameter sent when not required.",
    -1115: "Invalid timeInForce.",
    -1116: "Invalid orderType.",
    -1117: "Invalid side.",
    -1118: "New client order ID was empty.",
    -1119: "Original client order ID was empty.",
    -1120: "Invalid interval.",
    -1121: "Invalid symbol.",
    -1122: "Invalid symbolStatus.",
    -1125: "This listenKey does not exist.",
    -1127: "More than %s hours between startTime and endTime.",
    -1128: "Combination of optional parameters invalid.",
    -1130: "Data sent for parameter '%s' is not valid.",
    -1131: "recvWindow must be less than 60000.",
    -1134: "`strategyType` was less than 1000000.",
    -1135: "Invalid JSON Request",
    -1139: "Invalid ticker type.",
    -1145: "Invalid cancelRestrictions",
    -1151: "Symbol is present multiple times in the list.",
    -1152: "Invalid `X-MBX-SBE` header; expected `<SCHEMA_ID>:<VERSION>`.",
    -1155: "SBE is not enabled.",
    -1158: "Order type not supported in OCO.",
    -1160: "Parameter '%s' is not supported if `aboveTimeInForce`/`belowTimeInForce` is not GTC.",
    -1165: "A limit order in a buy OCO must be below.",
    -1166: "A limit order in a sell OCO must be above.",
    -1168: "At least one OCO order must be contingent.",
    -1194: "Invalid value for time unit; expected either MICROSECOND or MILLISECOND.",
    -1196: "A stop loss order in a buy OCO must be above.",
    -1197: "A stop loss order in a sell OCO must be below.",
    -1198: "A take profit order in a buy OCO must be below.",
    -1199: "A take profit order in a sell OCO must be above.",
    -1210: "Invalid pegPriceType.",
    -1211: "Invalid pegOffsetType.",
    -1220: "The symbol's status does not match the requested symbolStatus.",
    -1222: "Working order in an OPO list must be a bid.",
    -1223: "Pending orders in an OPO list must be asks.",
    -1224: "Working order must include the '%s' tag.",
    -1225: "Pending orders should not include the '%s' tag.",
    -2008: "Invalid Api-Key ID.",
    -2010: "%s",
    -2011: "%s",
    -2013: "Order does not exist.",
    -2014: "API-key format invalid.",
    -2015: "Invalid API-key, IP, or permissions for action.",
    -2021: "Order cancel-replace partially failed.",
    -2022: "Order cancel-replace failed.",
    -2035: "User Data Stream subscription already active.",
    -2036: "User Data Stream subscription not active.",
    -2038: "%s",
    -2039: "Client order ID is not correct for this order ID.",
    -2042: "Maximum subscription ID reached for this connection.",
    -2043: "This symbol doesn't have a reference price.",
}
# Everything else is 400.
STATUSES = {-1000: 500, -1001: 500, -1006: 503, -1007: 504, -1008: 503, -1015: 429, -1034: 429, -2014: 401, -2015: 401}

EITHER_MUST_BE_SENT = "Param '%s' or '%s' must be sent, but both were empty/null!"
DUPLICATE_VALUES = "Duplicate values for a parameter detected."
TOO_MANY = "Too many parameters; expected '%s' and received '%s'."
OUTSIDE_WINDOW = "Timestamp for this request is outside of the recvWindow."
AHEAD_OF_SERVER = "Timestamp for this request was 1000ms ahead of the server's time."


class ApiError(Exception):
    """A refusal as the venue words it.

    Parameters
    ----------
    code : int
        The venue's number, negative.
    text : str
        What it says.
    status : int
        HTTP status, also the ``status`` of a WebSocket answer.
    data : mapping, optional
        Further fields: ``data`` of the answer.
    retry_after_s : int, optional
        Content of the ``Retry-After`` header.

    """

    def __init__(
        self,
        code: int,
        text: str,
        status: int = _BAD_REQUEST,
        *,
        data: dict[str, Any] | None = None,
        retry_after_s: int | None = None,
    ) -> None:
        super().__init__(code, text)
        self.code = code
        self.text = text
        self.status = status
        self.data = data
        self.retry_after_s = retry_after_s
        self.request_id: Any = None  # of a WebSocket frame that was not understood whole

    def body(self) -> dict[str, Any]:
        """Return the answer's content."""
        if self.data is None:
            return {"code": self.code, "msg": self.text}
        return {"code": self.code, "msg": self.text, "data": self.data}


def refusal(code: int, *about: object) -> ApiError:
    """Return the error of a code, its text filled with what it is about.

    >>> refusal(-1102, "symbol").text
    "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed."
    """
    text = TEXTS[code]
    return ApiError(code, text % about if about else text, STATUSES.get(code, _BAD_REQUEST))
