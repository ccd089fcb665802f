"""Every documented error code of Binance spot, and what it says about the request.

Source: binance/binance-spot-api-docs errors.md (2026-07-21); the codes of the last group are sent and not listed there.
"""

from __future__ import annotations

from dataclasses import replace

from bot4.adapters.venues.binance.errors import ErrorTable, definitely_not, definitely_yes, unclear
from bot4.domain.errors import RejectReason

SPOT_ERRORS: ErrorTable = {
    **unclear(
        {
            -1000: "UNKNOWN",
            -1001: "DISCONNECTED",
            -1006: "UNEXPECTED_RESP",
            -1007: "TIMEOUT",
            # Overloaded, says the text; whether it says so before or after the engine, it does not.
            -1008: "SERVER_BUSY",
            -2021: "CANCEL_REPLACE_PARTIALLY_FAILED",
        }
    ),
    **definitely_yes(RejectReason.NO_CHANGE, {-2026: "ORDER_ARCHIVED", -2035: "SUBSCRIPTION_ACTIVE"}),
    **definitely_not(
        RejectReason.RATE_LIMITED,
        {
            -1003: "TOO_MANY_REQUESTS",
            -1015: "TOO_MANY_ORDERS",
            -1034: "TOO_MANY_CONNECTIONS",
            -1181: "TOO_MANY_MESSAGES",
            -1191: "TOO_MANY_SUBSCRIPTIONS",
            -2042: "MAXIMUM_SUBSCRIPTION_IDS",
        },
    ),
    **definitely_not(RejectReason.CLOCK_SKEW, {-1021: "INVALID_TIMESTAMP"}),
    **definitely_not(
        RejectReason.AUTH_FAILED,
        {
            -1002: "UNAUTHORIZED",
            -1022: "INVALID_SIGNATURE",
            -1033: "COMP_ID_IN_USE",
            -1035: "LOGGED_OUT",
            -1125: "INVALID_LISTEN_KEY",
            -1176: "ALREADY_LOGGED_IN",
            -1178: "BAD_SENDER_COMPID",
            -1180: "EXPECTED_LOGON",
            -2014: "BAD_API_KEY_FMT",
            -2015: "REJECTED_MBX_KEY",
        },
    ),
    **definitely_not(
        RejectReason.VENUE_HALTED,
        {-1016: "SERVICE_SHUTTING_DOWN", -1220: "SYMBOL_DOES_NOT_MATCH_STATUS", -2016: "NO_TRADING_WINDOW"},
    ),
    **definitely_not(RejectReason.FILTER_VIOLATION, {-1013: "INVALID_MESSAGE", -1111: "BAD_PRECISION"}),
    **definitely_not(RejectReason.WOULD_NOT_FILL, {-1112: "NO_DEPTH"}),
    # The engine's own refusals; their messages say more (`errors.explain`).
    **definitely_not(RejectReason.INVALID_REQUEST, {-1010: "ERROR_MSG_RECEIVED", -2010: "NEW_ORDER_REJECTED"}),
    **definitely_not(
        RejectReason.UNKNOWN_ORDER,
        {-2011: "CANCEL_REJECTED", -2013: "NO_SUCH_ORDER", -2039: "CLIENT_ORDER_ID_INVALID"},
    ),
    **definitely_not(
        RejectReason.NO_CHANGE,
        {-2022: "CANCEL_REPLACE_FAILED", -2036: "SUBSCRIPTION_INACTIVE", -2038: "ORDER_AMEND_REJECTED"},
    ),
    **definitely_not(
        RejectReason.INVALID_REQUEST,
        {
            -1014: "UNKNOWN_ORDER_COMPOSITION",
            -1020: "UNSUPPORTED_OPERATION",
            -1100: "ILLEGAL_CHARS",
            -1101: "TOO_MANY_PARAMETERS",
            -1102: "MANDATORY_PARAM_EMPTY_OR_MALFORMED",
            -1103: "UNKNOWN_PARAM",
            -1104: "UNREAD_PARAMETERS",
            -1105: "PARAM_EMPTY",
            -1106: "PARAM_NOT_REQUIRED",
            -1108: "PARAM_OVERFLOW",
            -1114: "TIF_NOT_REQUIRED",
            -1115: "INVALID_TIF",
            -1116: "INVALID_ORDER_TYPE",
            -1117: "INVALID_SIDE",
            -1118: "EMPTY_NEW_CL_ORD_ID",
            -1119: "EMPTY_ORG_CL_ORD_ID",
            -1120: "BAD_INTERVAL",
            -1121: "BAD_SYMBOL",
            -1122: "INVALID_SYMBOLSTATUS",
            -1127: "MORE_THAN_XX_HOURS",
            -1128: "OPTIONAL_PARAMS_BAD_COMBO",
            -1130: "INVALID_PARAMETER",
            -1134: "BAD_STRATEGY_TYPE",
            -1135: "INVALID_JSON",
            -1139: "INVALID_TICKER_TYPE",
            -1145: "INVALID_CANCEL_RESTRICTIONS",
            -1151: "DUPLICATE_SYMBOLS",
            -1152: "INVALID_SBE_HEADER",
            -1153: "UNSUPPORTED_SCHEMA_ID",
            -1155: "SBE_DISABLED",
            -1158: "OCO_ORDER_TYPE_REJECTED",
            -1160: "OCO_ICEBERGQTY_TIMEINFORCE",
            -1161: "DEPRECATED_SCHEMA",
            -1165: "BUY_OCO_LIMIT_MUST_BE_BELOW",
            -1166: "SELL_OCO_LIMIT_MUST_BE_ABOVE",
            -1168: "BOTH_OCO_ORDERS_CANNOT_BE_LIMIT",
            -1169: "INVALID_TAG_NUMBER",
            -1170: "TAG_NOT_DEFINED_IN_MESSAGE",
            -1171: "TAG_APPEARS_MORE_THAN_ONCE",
            -1172: "TAG_OUT_OF_ORDER",
            -1173: "GROUP_FIELDS_OUT_OF_ORDER",
            -1174: "INVALID_COMPONENT",
            -1175: "RESET_SEQ_NUM_SUPPORT",
            -1177: "GARBLED_MESSAGE",
            -1179: "BAD_SEQ_NUM",
            -1182: "PARAMS_BAD_COMBO",
            -1183: "NOT_ALLOWED_IN_DROP_COPY_SESSIONS",
            -1184: "DROP_COPY_SESSION_NOT_ALLOWED",
            -1185: "DROP_COPY_SESSION_REQUIRED",
            -1186: "NOT_ALLOWED_IN_ORDER_ENTRY_SESSIONS",
            -1187: "NOT_ALLOWED_IN_MARKET_DATA_SESSIONS",
            -1188: "INCORRECT_NUM_IN_GROUP_COUNT",
            -1189: "DUPLICATE_ENTRIES_IN_A_GROUP",
            -1190: "INVALID_REQUEST_ID",
            -1194: "INVALID_TIME_UNIT",
            -1196: "BUY_OCO_STOP_LOSS_MUST_BE_ABOVE",
            -1197: "SELL_OCO_STOP_LOSS_MUST_BE_BELOW",
            -1198: "BUY_OCO_TAKE_PROFIT_MUST_BE_BELOW",
            -1199: "SELL_OCO_TAKE_PROFIT_MUST_BE_ABOVE",
            -1210: "INVALID_PEG_PRICE_TYPE",
            -1211: "INVALID_PEG_OFFSET_TYPE",
            -1221: "INVALID_SBE_MESSAGE_FIELD",
            -1222: "OPO_WORKING_MUST_BE_BUY",
            -1223: "OPO_PENDING_MUST_BE_SELL",
            -1224: "WORKING_PARAM_REQUIRED",
            -1225: "PENDING_PARAM_NOT_REQUIRED",
            -2043: "NO_REFERENCE_PRICE",
            # Seen in clients, not in errors.md.
            -1023: "START_TIME_GREATER_THAN_END_TIME",
            -1109: "BAD_ACCOUNT",
            -1131: "BAD_RECV_WINDOW",
            -1136: "INVALID_NEW_ORDER_RESP_TYPE",
        },
    ),
}

# A refused window or a full bucket is refused before the engine, whatever the status it comes with.
SPOT_ERRORS |= {code: replace(SPOT_ERRORS[code], holds_at_5xx=True) for code in (-1003, -1015, -1021)}
