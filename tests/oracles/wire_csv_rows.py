"""Plain-Python twin of the CSV row reader: str.split and Decimal."""

from __future__ import annotations

import re
from decimal import Decimal

OK, SKIPPED, COLUMNS, NUMBER, ID, TIME, FLAG, TICK, LOT, POSITIVE, BAR = range(11)
TRADES, AGG_TRADES, KLINES = range(3)
INT64_MAX = (1 << 63) - 1
_LITERAL = re.compile(r"(0|[1-9][0-9]*)(\.[0-9]+)?")
_SHAPE = re.compile(r"-?([0-9]|\.(?=[0-9.]*))+")


class Refused(Exception):  # noqa: N818 - a verdict on its way up
    def __init__(self, verdict: int) -> None:
        super().__init__(verdict)
        self.verdict = verdict


def steps(text: str, step: Decimal, off: int) -> int:
    if len(text) > 40:
        raise Refused(NUMBER)
    negative = text.startswith("-")
    if not _LITERAL.fullmatch(text.removeprefix("-")):
        raise Refused(NUMBER)
    value = Decimal(text)
    if negative:
        raise Refused(POSITIVE)
    decimals = max(-step.normalize().as_tuple().exponent, 0)
    if int(value.scaleb(decimals)) > INT64_MAX:
        raise Refused(NUMBER)
    if value % step:
        raise Refused(off)
    return int(value / step)


def whole(text: str) -> int:
    if not 0 < len(text) <= 18 or not re.fullmatch(r"[0-9]+", text):
        raise Refused(ID)
    return int(text)


def stamp(text: str) -> int:
    if not re.fullmatch(r"[0-9]{12,19}", text) or int(text) == 0:
        raise Refused(TIME)
    value = int(text)
    unit = 10**9 if value < 10**11 else 10**6 if value < 10**14 else 10**3 if value < 10**17 else 1
    if value * unit > INT64_MAX:
        raise Refused(TIME)
    return value * unit


def truth(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise Refused(FLAG)
    return text.lower() == "true"


def number(text: str) -> None:
    body = text.removeprefix("-")
    if not body or body.count(".") > 1 or any(c not in "0123456789." for c in body):
        raise Refused(NUMBER)


def row(line: str, kind: int, tick: Decimal, lot: Decimal, *, first_line: bool) -> tuple[int, dict[str, int]]:
    """Verdict and figures of one line without its line end."""
    line = line.removesuffix("\r")
    if not line or (first_line and line[0] not in "0123456789"):
        return SKIPPED, {}
    fields = line.split(",")
    try:
        return OK, (_kline if kind == KLINES else _trade)(fields, kind, tick, lot)
    except Refused as refused:
        return refused.verdict, {}


def _trade(fields: list[str], kind: int, tick: Decimal, lot: Decimal) -> dict[str, int]:
    at = 5 if kind == AGG_TRADES else 4
    if len(fields) not in (at + 2, at + 3):
        raise Refused(COLUMNS)
    trade_id = first = last = whole(fields[0])
    price, qty = steps(fields[1], tick, TICK), steps(fields[2], lot, LOT)
    if kind == AGG_TRADES:
        first, last = whole(fields[3]), whole(fields[4])
        if last < first:
            raise Refused(ID)
    else:
        number(fields[3])
    when, maker = stamp(fields[at]), truth(fields[at + 1])
    if len(fields) == at + 3:
        truth(fields[at + 2])
    if price <= 0 or qty <= 0:
        raise Refused(POSITIVE)
    return {"id": trade_id, "price": price, "qty": qty, "first": first, "last": last, "when": when, "maker": maker}


def _kline(fields: list[str], _kind: int, tick: Decimal, lot: Decimal) -> dict[str, int]:
    if len(fields) != 12:
        raise Refused(COLUMNS)
    opened = stamp(fields[0])
    prices = [steps(text, tick, TICK) for text in fields[1:5]]
    volume = steps(fields[5], lot, LOT)
    closed = stamp(fields[6]) + (1_000 if len(fields[6]) > 15 else 1_000_000)
    number(fields[7])
    count = whole(fields[8])
    bought = steps(fields[9], lot, LOT)
    number(fields[10])
    if closed <= opened:
        raise Refused(TIME)
    if min(prices) <= 0:
        raise Refused(POSITIVE)
    start, high, low, end = prices
    if high < max(start, end) or low > min(start, end) or bought > volume:
        raise Refused(BAR)
    return {
        "open": start, "high": high, "low": low, "close": end, "volume": volume, "bought": bought, "count": count,
        "when": closed, "interval": closed - opened, "opened": opened,
    }  # fmt: skip
