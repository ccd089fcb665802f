"""The kinds of parameters that only the futures have."""

from __future__ import annotations

import re
from typing import Any

import orjson

from bot4.adapters.simulator.futures.errors import refusal
from bot4.adapters.simulator.wire.decimals import LEGAL, parse_e8
from bot4.adapters.simulator.wire.kinds import choice

_LEGAL_ID = r"^[\.A-Z\:/a-z0-9_-]{1,36}$"
_is_id = re.compile(r"[.A-Z:/a-z0-9_\-]{1,36}", re.ASCII).fullmatch

PLAIN_TYPES = ("LIMIT", "MARKET")
ALGO_TYPES = ("STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET", "TRAILING_STOP_MARKET")
ORDER_TYPE = choice(*PLAIN_TYPES, *ALGO_TYPES, code=-1116)
TIME_IN_FORCE = choice("GTC", "IOC", "FOK", "GTX", "GTD", code=-1115)
POSITION_SIDE = choice("BOTH", "LONG", "SHORT")
WORKING_TYPE = choice("MARK_PRICE", "CONTRACT_PRICE")
RESPONSE_TYPE = choice("ACK", "RESULT")
STP_MODE = choice("NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH")
ALGO_TYPE = choice("CONDITIONAL")
MARGIN_TYPE = choice("ISOLATED", "CROSSED")
PRICE_MATCHES = tuple(f"{side}{depth}" for side in ("OPPONENT", "QUEUE") for depth in ("", "_5", "_10", "_20"))
PRICE_MATCH = choice("NONE", *PRICE_MATCHES)


def client_id(name: str, text: str) -> str:
    """Return an order id of the client's own making."""
    if _is_id(text) is None:
        raise refusal(-4015) if name != "clientAlgoId" else refusal(-1100, name, _LEGAL_ID)
    return text


def signed_decimal(name: str, text: str) -> int:
    """Return a decimal that may be negative, in hundred-millionths."""
    return -parse_e8(name, text[1:]) if text.startswith("-") else parse_e8(name, text)


def json_list(name: str, text: str) -> list[Any]:
    """Return the items of a JSON list."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise refusal(-1100, name, LEGAL) from None
    if not isinstance(value, list):
        raise refusal(-1130, name)
    return value
