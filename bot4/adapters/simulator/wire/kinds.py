"""The kinds of parameters: each turns a text into a value or refuses it as the venue does."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import orjson

from bot4.adapters.simulator.wire.decimals import parse_e8
from bot4.adapters.simulator.wire.errors import refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    Kind = Callable[[str, str], Any]

_INT64_MAX = (1 << 63) - 1
_LEGAL_LONG = "^[0-9]{1,20}$"
_LEGAL_SYMBOL = r"^[\w\-._&&[^a-z]]{1,50}$"
_LEGAL_ID = "^[a-zA-Z0-9-_.:/]{1,36}$"
_LEGAL_WINDOW = r"^([0-9]{1,20})(\.[0-9]{1,3})?$"
_MICROSECONDS_FROM = 10**14  # in milliseconds that is the year 5138
_STRATEGY_TYPE_MIN = 1_000_000
_RECV_WINDOW_MAX_NS = 60_000_000_000
_SYMBOLS_MAX = 100

_is_long = re.compile(r"[0-9]{1,20}", re.ASCII).fullmatch
_is_symbol = re.compile(r"(?:(?![a-z])[\w\-.]){1,50}").fullmatch
_is_id = re.compile(r"[a-zA-Z0-9\-_.:/]{1,36}", re.ASCII).fullmatch
_window = re.compile(r"([0-9]{1,20})(?:\.([0-9]{1,3}))?", re.ASCII).fullmatch

decimal = parse_e8


def long(name: str, text: str) -> int:
    """Return a whole number that is not negative."""
    if _is_long(text) is None:
        raise refusal(-1100, name, _LEGAL_LONG)
    value = int(text)
    if value > _INT64_MAX:
        raise refusal(-1108, name)
    return value


def symbol(name: str, text: str) -> str:
    """Return a symbol's name; whether there is such a one is not checked here."""
    if _is_symbol(text) is None:
        raise refusal(-1100, name, _LEGAL_SYMBOL)
    return text


def symbols(name: str, text: str) -> list[str]:
    """Return the names of a JSON list of symbols, each once."""
    try:
        names = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise refusal(-1100, name, '^\\["[\\w\\-._&&[^a-z]]{1,50}"(,"[\\w\\-._&&[^a-z]]{1,50}"){0,}\\]$') from None
    if not isinstance(names, list) or not 1 <= len(names) <= _SYMBOLS_MAX:
        raise refusal(-1130, name)
    for item in names:
        if not isinstance(item, str) or _is_symbol(item) is None:
            raise refusal(-1100, name, _LEGAL_SYMBOL)
    if len(set(names)) != len(names):
        raise refusal(-1151)
    return names


def names(name: str, text: str) -> list[str]:
    """Return one name, or those of a JSON list of names."""
    if not text.startswith("["):
        return [text]
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise refusal(-1130, name) from None
    if not all(isinstance(item, str) for item in value):
        raise refusal(-1130, name)
    return list(value)


def client_id(name: str, text: str) -> str:
    """Return an order id of the client's own making."""
    if _is_id(text) is None:
        raise refusal(-1100, name, _LEGAL_ID)
    return text


def boolean(name: str, text: str) -> bool:
    """Return true or false, in either case of letters."""
    lowered = text.lower()
    if lowered not in {"true", "false"}:
        raise refusal(-1130, name)
    return lowered == "true"


def strategy_type(name: str, text: str) -> int:
    """Return the kind of a strategy; small ones are reserved."""
    value = long(name, text)
    if value < _STRATEGY_TYPE_MIN:
        raise refusal(-1134)
    return value


def moment_ns(name: str, text: str) -> int:
    """Return a time in nanoseconds; milliseconds or microseconds are told apart by their size."""
    value = long(name, text)
    return value * (1_000 if value >= _MICROSECONDS_FROM else 1_000_000)


def recv_window_ns(name: str, text: str) -> int:
    """Return how long a request stays valid, nanoseconds; milliseconds with at most three decimals."""
    found = _window(text)
    if found is None:
        raise refusal(-1100, name, _LEGAL_WINDOW)
    value = int(found[1]) * 1_000_000 + int((found[2] or "0").ljust(3, "0")) * 1_000
    if value > _RECV_WINDOW_MAX_NS:
        raise refusal(-1131)
    return value


def text(_name: str, value: str) -> str:
    """Return a text as it is."""
    return value


def choice(*values: str, code: int = -1130) -> Kind:
    """Return a kind that takes one of some words and refuses others with `code`."""
    allowed = {value: value for value in values}

    def parse(name: str, value: str) -> str:
        found = allowed.get(value)
        if found is None:
            raise refusal(code, name) if code == -1130 else refusal(code)  # noqa: PLR2004 - the general code
        return found

    return parse


SIDE = choice("BUY", "SELL", code=-1117)
ORDER_TYPE = choice(
    *("LIMIT", "MARKET", "STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT", "LIMIT_MAKER"),
    code=-1116,
)
TIME_IN_FORCE = choice("GTC", "IOC", "FOK", code=-1115)
RESPONSE_TYPE = choice("ACK", "RESULT", "FULL")
STP_MODE = choice("NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH", "DECREMENT", "TRANSFER")
CANCEL_RESTRICTIONS = choice("ONLY_NEW", "ONLY_PARTIALLY_FILLED", code=-1145)
CANCEL_REPLACE_MODE = choice("STOP_ON_FAILURE", "ALLOW_FAILURE")
RATE_LIMIT_MODE = choice("DO_NOTHING", "CANCEL_ONLY")
PEG_PRICE_TYPE = choice("PRIMARY_PEG", "MARKET_PEG", code=-1210)
PEG_OFFSET_TYPE = choice("PRICE_LEVEL", code=-1211)
SYMBOL_STATUS = choice("TRADING", "HALT", "BREAK", code=-1122)
TICKER_TYPE = choice("FULL", "MINI", code=-1139)
INTERVALS = ("1s", "1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "3d", "1w", "1M")
INTERVAL = choice(*INTERVALS, code=-1120)
