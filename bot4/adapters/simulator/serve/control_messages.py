"""What a client may say on a market stream: subscribe, unsubscribe, list, properties.

Source: binance-spot-api-docs web-socket-streams.md (2026-07-21), "Live Subscribing/Unsubscribing to streams".
"""

from __future__ import annotations

from typing import Any, NamedTuple

import orjson

METHODS = ("SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS", "SET_PROPERTY", "GET_PROPERTY")
_ID_LENGTH_MAX = 36
_INT64 = 1 << 63


class ControlError(Exception):
    """A control message that is refused."""

    def __init__(self, code: int, text: str, request_id: Any = None) -> None:
        super().__init__(code, text)
        self.code = code
        self.text = text
        self.request_id = request_id

    def to_json(self) -> bytes:
        """Return the answer."""
        return orjson.dumps({"code": self.code, "msg": self.text, "id": self.request_id})


class Control(NamedTuple):
    """A control message."""

    method: str
    params: list[Any]
    request_id: int | str | None


def parse_control(text: str | bytes) -> Control:
    """Return what a client asks.

    Raises
    ------
    ControlError
        It is no JSON, has no method or an unknown one, or a wrong id.

    """
    try:
        message = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        text = f"Invalid JSON: expected value at line {error.lineno} column {error.colno}"
        raise ControlError(3, text) from None
    if not isinstance(message, dict):
        raise ControlError(2, "Invalid request: missing field `method` at line 1 column 1")
    request_id = message.get("id")
    if not _is_id(request_id):
        raise ControlError(2, "Invalid request: request ID must be an unsigned integer")
    method = message.get("method")
    if method is None:
        raise ControlError(2, f"Invalid request: missing field `method` at line 1 column {len(text)}", request_id)
    if method not in METHODS:
        expected = ", ".join(f"`{name}`" for name in METHODS)
        text = f"Invalid request: unknown variant {method}, expected one of {expected} at line 1 column 28"
        raise ControlError(2, text, request_id)
    params = message.get("params", [])
    if not isinstance(params, list):
        raise ControlError(2, "Invalid request: params must be a list", request_id)
    return Control(method, params, request_id)


def _is_id(value: Any) -> bool:
    if value is None:
        return True
    if isinstance(value, str):
        return len(value) <= _ID_LENGTH_MAX
    return isinstance(value, int) and not isinstance(value, bool) and -_INT64 <= value < _INT64
