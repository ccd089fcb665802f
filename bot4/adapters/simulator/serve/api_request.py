"""A request of the WebSocket API as it is read from its frame.

Parameters may be JSON numbers, and a signature covers what was written, not what it means: `1.50` is signed as `1.50`.
The fast parser keeps whole numbers as they are, so only requests with fractions are parsed again, numbers as texts.

Source: binance-spot-api-docs web-socket-api.md (2026-07-21), "Request format".
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import orjson

from bot4.adapters.simulator.wire.errors import ApiError, refusal

_ID_LENGTH_MAX = 256


class ApiRequest(NamedTuple):
    """A request."""

    request_id: int | str | None
    method: str
    params: dict[str, str]
    shows_limits: bool | None


def parse_request(frame: str | bytes) -> ApiRequest:
    """Return the request of a frame.

    Raises
    ------
    ApiError
        -1135 it is no such JSON.

    """
    try:
        message = orjson.loads(frame)
    except orjson.JSONDecodeError:
        raise refusal(-1135) from None
    if not isinstance(message, dict):
        raise refusal(-1135)
    request_id = message.get("id")
    if isinstance(request_id, (float, bool, list, dict)) or (
        isinstance(request_id, str) and len(request_id) > _ID_LENGTH_MAX
    ):
        raise refusal(-1135)
    method = message.get("method")
    params = message.get("params")
    if not isinstance(method, str) or not (params is None or isinstance(params, dict)):
        raise _with_id(refusal(-1135), request_id)
    if not params:
        return ApiRequest(request_id, method.removeprefix("v3/"), {}, None)
    shows_limits = params.get("returnRateLimits")
    if shows_limits is not None and not isinstance(shows_limits, bool):
        raise _with_id(refusal(-1130, "returnRateLimits"), request_id)
    if _has_fraction(params, request_id):
        params = _literal(frame)
    texts = {name: value if type(value) is str else _text(value) for name, value in params.items()}
    return ApiRequest(request_id, method.removeprefix("v3/"), texts, shows_limits)


def _has_fraction(params: dict[str, Any], request_id: Any) -> bool:
    """Whether a number has to be read again as it was written; what is nested is refused."""
    found = False
    for value in params.values():
        if type(value) is float:
            found = True
        elif type(value) is dict or (type(value) is list and not all(type(item) is str for item in value)):
            raise _with_id(refusal(-1135), request_id)
    return found


def _literal(frame: str | bytes) -> dict[str, Any]:
    params: dict[str, Any] = json.loads(frame, parse_float=str, parse_int=str)["params"]
    return params


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    return orjson.dumps(value).decode()


def _with_id(error: ApiError, request_id: Any) -> ApiError:
    error.request_id = request_id
    return error
