"""Twin of the frame scanner in plain Python: the standard library's JSON parser, Decimal, the rules of docs/wire.md.

Slow and readable; nothing here knows how the compiled scanner works.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from decimal import Context, Decimal
from typing import Any

INT64_MAX = 2**63 - 1
MAX_DEPTH = 32
MAX_LITERAL = 40
MAX_SYMBOL = 32
MAX_NAME = 64
MAX_BYTES = 16 << 20
#: Digits enough for a literal of 40 bytes over any step: no division here rounds where it matters.
EXACT = Context(prec=120)

FIRST, LAST, SNAPSHOT, BUYER_IS_MAKER, PARTIAL, FUTURES, BAR_CLOSED = 1, 2, 4, 8, 16, 32, 64
DEPTH_BEGIN, DEPTH_LEVEL, TRADE, AGG_TRADE, QUOTE, BAR_PRICES, BAR_FLOW = 1, 2, 3, 4, 5, 6, 7
BID, ASK = 0, 1

KNOWN = frozenset("eETsUubaBAtpqXmflkohcvnxV") | {"pu", "bids", "asks", "data", "stream", "symbol", "lastUpdateId"}
#: Verdicts that say "this is no JSON we read"; which of the three depends on where a parser stops.
NOT_JSON = frozenset({"malformed", "truncated", "too_deep"})

Event = tuple[int, ...]


class Number(str):
    """A JSON number, as the text it came in."""

    __slots__ = ()


class Members(dict[str, Any]):
    """A JSON object that remembers whether a known key stood in it twice; the first one counts."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__()
        self.duplicate = False
        self.depth = 1 + max((depth_of(value) for _, value in pairs), default=0)
        for key, value in pairs:
            if key in self:
                self.duplicate |= key in KNOWN
            else:
                self[key] = value


class Refused(Exception):  # noqa: N818 - a verdict, not an error of the program
    """The frame is refused, or ignored, for the reason given."""


@dataclass
class Instrument:
    tick: Decimal
    lot: Decimal
    skip_off_tick_levels: bool


@dataclass
class Twin:
    """The scanner's twin: instruments in the order they were added, `capacity` events a frame."""

    capacity: int = 16_384
    symbols: list[bytes] = field(default_factory=list)
    instruments: list[Instrument] = field(default_factory=list)

    off_tick_levels: int = 0

    def add_instrument(self, symbol: str, tick_size: str, lot_size: str, *, skip_off_tick_levels: bool = False) -> int:
        self.symbols.append(symbol.encode())
        self.instruments.append(Instrument(Decimal(tick_size), Decimal(lot_size), skip_off_tick_levels))
        return len(self.symbols) - 1

    def scan(self, frame: bytes, recv_ns: int, default_instrument: int = -1) -> tuple[str, list[Event]]:
        """Verdict and events of one frame."""
        try:
            root = strict_json(frame)
            check(isinstance(root, Members), "ignored")
            return "ok", self.message(root, recv_ns, default_instrument)
        except Refused as refusal:
            return str(refusal), []

    def message(self, root: Members, recv_ns: int, default_instrument: int) -> list[Event]:
        wrapped = is_text(root.get("stream")) and isinstance(root.get("data"), Members)
        fields = root["data"] if wrapped else root
        stream = name_bytes(root["stream"]) if is_text(root.get("stream")) else None
        check(not (root.duplicate or fields.duplicate), "duplicate_field")
        if "e" in fields:
            check(is_text(fields["e"]), "wrong_type")
            kind = fields["e"]
            if kind == "bookTicker":
                return self.quote(fields, recv_ns)
            if kind == "depthUpdate":
                return self.depth_update(fields, recv_ns, stream)
            if kind in ("trade", "aggTrade"):
                return self.trade(fields, recv_ns, TRADE if kind == "trade" else AGG_TRADE)
            if kind == "kline":
                return self.kline(fields, recv_ns)
            raise Refused("ignored")
        if any(key in fields for key in "usbBaA"):
            return self.quote(fields, recv_ns)
        if any(key in fields for key in ("lastUpdateId", "bids", "asks")):
            return self.snapshot(fields, recv_ns, stream, default_instrument)
        raise Refused("ignored")

    def instrument(self, value: Any) -> int:
        check(is_text(value), "wrong_type")
        return self.of_symbol(utf8(value))

    def of_symbol(self, symbol: bytes) -> int:
        check(symbol in self.symbols, "unknown_symbol")
        return self.symbols.index(symbol)

    def price(self, index: int, value: Any) -> int:
        return decimal_steps(value, self.instruments[index].tick, "off_tick")

    def level_price(self, index: int, value: Any) -> int | None:
        """Ticks, or None where the level is to be left out."""
        try:
            return self.price(index, value)
        except Refused as refusal:
            if str(refusal) == "off_tick" and self.instruments[index].skip_off_tick_levels:
                return None
            raise

    def qty(self, index: int, value: Any) -> int:
        return decimal_steps(value, self.instruments[index].lot, "off_lot")

    # ---- shapes ----

    def quote(self, fields: Members, recv_ns: int) -> list[Event]:
        require(fields, "usbBaA")
        index = self.instrument(fields["s"])
        update_id = integer(fields["u"])
        sides = []
        for price_key, qty_key in ("bB", "aA"):
            sides += [self.price(index, fields[price_key]), self.qty(index, fields[qty_key])]
        check(not (sides[0] == 0 and sides[1]) and not (sides[2] == 0 and sides[3]), "zero_price")
        flags = FIRST | LAST | (FUTURES if "e" in fields else 0)
        return [(QUOTE, 0, flags, index, 0, venue_ns(fields), recv_ns, *sides, update_id)]

    def trade(self, fields: Members, recv_ns: int, kind: int) -> list[Event]:
        require(fields, "sptqTm" if kind == TRADE else "spaflqTm")
        index = self.instrument(fields["s"])
        stamp = time_ns(fields["T"])[0]
        buyer_is_maker = boolean(fields["m"])
        if "X" in fields:
            check(is_text(fields["X"]), "wrong_type")
            check(fields["X"] == "MARKET", "ignored")
        price, qty = self.price(index, fields["p"]), self.qty(index, fields["q"])
        check(qty != 0, "ignored")
        check(price != 0, "zero_price")
        trade_id = first = last = integer(fields["t" if kind == TRADE else "a"])
        if kind == AGG_TRADE:
            first, last = integer(fields["f"]), integer(fields["l"])
            check(first <= last, "bad_range")
        flags = FIRST | LAST | (BUYER_IS_MAKER if buyer_is_maker else 0)
        taker = ASK if buyer_is_maker else BID
        return [(kind, taker, flags, index, 0, stamp, recv_ns, price, qty, trade_id, first, last)]

    def kline(self, fields: Members, recv_ns: int) -> list[Event]:
        require(fields, "sEk")
        bar = fields["k"]
        check(isinstance(bar, Members), "wrong_type")
        check(not bar.duplicate, "duplicate_field")
        require(bar, "tTohlcvnxV")
        index = self.instrument(fields["s"])
        stamp = time_ns(fields["E"])[0]
        opened, unit = time_ns(bar["t"])
        last, last_unit = time_ns(bar["T"])
        open_, high, low, close = (self.price(index, bar[key]) for key in "ohlc")
        volume, taker_buy = self.qty(index, bar["v"]), self.qty(index, bar["V"])
        count = integer(bar["n"])
        closed = boolean(bar["x"])
        check(low != 0, "zero_price")
        check(low <= min(open_, close) and high >= max(open_, close) and taker_buy <= volume, "bad_range")
        check(last >= opened and unit == last_unit, "bad_range")
        head = (index, 0, stamp, recv_ns)
        flags = BAR_CLOSED if closed else 0
        return [
            (BAR_PRICES, 0, flags | FIRST, *head, open_, high, low, close, opened),
            (BAR_FLOW, 0, flags | LAST, *head, volume, taker_buy, count, last - opened + unit, opened),
        ]

    def depth_update(self, fields: Members, recv_ns: int, stream: bytes | None) -> list[Event]:
        require(fields, "sUuba")
        check("E" in fields or "T" in fields, "missing_field")
        index = self.instrument(fields["s"])
        first, last = integer(fields["U"]), integer(fields["u"])
        before, flags = (integer(fields["pu"]), FUTURES) if "pu" in fields else (-1, 0)
        check(first <= last, "bad_range")
        stamp = venue_ns(fields)
        if is_partial(stream):
            flags |= SNAPSHOT | PARTIAL
        return self.depth((fields["b"], fields["a"]), flags, (index, 0, stamp, recv_ns), (first, last, before))

    def snapshot(self, fields: Members, recv_ns: int, stream: bytes | None, default: int) -> list[Event]:
        require(fields, ("lastUpdateId", "bids", "asks"))
        if "symbol" in fields:
            index = self.instrument(fields["symbol"])
        elif stream is not None:
            index = self.of_symbol(stream.partition(b"@")[0].upper())
        else:
            check(0 <= default < len(self.symbols), "unknown_symbol")
            index = default
        flags = SNAPSHOT | (PARTIAL if is_partial(stream) else 0) | (FUTURES if "E" in fields or "T" in fields else 0)
        last = integer(fields["lastUpdateId"])
        head = (index, 0, venue_ns(fields), recv_ns)
        return self.depth((fields["bids"], fields["asks"]), flags, head, (last, last, -1))

    def depth(self, sides: tuple[Any, Any], flags: int, head: Event, ids: tuple[int, int, int]) -> list[Event]:
        index = head[0]
        check(self.capacity > 0, "too_many_levels")
        levels: list[tuple[int, int, int]] = []
        skipped = 0
        for side, array in zip((BID, ASK), sides, strict=True):
            check(isinstance(array, list), "wrong_type")
            for level in array:
                check(len(levels) + 1 < self.capacity, "too_many_levels")
                check(isinstance(level, list) and len(level) > 0 and is_text(level[0]), "wrong_type")
                price = self.level_price(index, level[0])
                check(len(level) > 1 and is_text(level[1]), "wrong_type")
                qty = self.qty(index, level[1])
                check(len(level) == 2, "wrong_type")
                check(price != 0, "zero_price")
                if price is None:
                    skipped += 1
                else:
                    levels.append((side, price, qty))
        self.off_tick_levels += skipped
        events: list[list[int]] = [[DEPTH_BEGIN, 0, flags | FIRST, *head, *ids, len(levels), -1]]
        events += [
            [DEPTH_LEVEL, side, flags, *head, price, qty, ids[1], i, 0] for i, (side, price, qty) in enumerate(levels)
        ]
        events[-1][2] |= LAST
        return [tuple(event) for event in events]


# ---- values ----


def check(holds: bool, verdict: str) -> None:  # noqa: FBT001
    if not holds:
        raise Refused(verdict)


def require(fields: Members, keys: str | tuple[str, ...]) -> None:
    check(all(key in fields for key in keys), "missing_field")


def is_text(value: Any) -> bool:
    return isinstance(value, str) and not isinstance(value, Number)


def utf8(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def name_bytes(text: str) -> bytes:
    return utf8(text)[:MAX_NAME]


def is_partial(stream: bytes | None) -> bool:
    parts = (stream or b"").split(b"@")
    return len(parts) > 1 and parts[1] in (b"depth5", b"depth10", b"depth20")


def integer(value: Any) -> int:
    check(isinstance(value, Number), "wrong_type")
    check(not value.startswith("-"), "negative")
    check(value.isdigit(), "bad_number")
    check(int(value) <= INT64_MAX, "overlong")
    return int(value)


def boolean(value: Any) -> bool:
    check(isinstance(value, bool), "wrong_type")
    return bool(value)


def time_ns(value: Any) -> tuple[int, int]:
    """Nanoseconds of a stamp, and the length of its unit."""
    stamp = integer(value)
    for unit, least in ((1_000_000, 10**12), (1_000, 10**15)):
        if least <= stamp < 100 * least and stamp * unit <= INT64_MAX:
            return stamp * unit, unit
    raise Refused("bad_time")


def venue_ns(fields: Members) -> int:
    for key in "TE":
        if key in fields:
            return time_ns(fields[key])[0]
    return 0


def decimal_steps(value: Any, step: Decimal, off_grid: str) -> int:
    """Whole steps in a decimal literal, or the reason why not."""
    check(is_text(value), "wrong_type")
    check(len(utf8(value)) <= MAX_LITERAL, "overlong")
    unsigned = value.removeprefix("-")
    whole, point, fraction = unsigned.partition(".")
    plain = whole.isascii() and whole.isdigit() and (not point or (fraction.isascii() and fraction.isdigit()))
    check(plain and not (len(whole) > 1 and whole.startswith("0")), "bad_number")
    check(unsigned == value, "negative")
    decimals = max(0, -step.normalize().as_tuple().exponent)
    check(int(EXACT.scaleb(Decimal(value), decimals)) <= INT64_MAX, "overlong")
    steps = EXACT.divide(Decimal(value), step)
    check(steps == int(steps), off_grid)
    return int(steps)


def depth_of(value: Any) -> int:
    if isinstance(value, Members):
        return value.depth
    if isinstance(value, list):
        return 1 + max(map(depth_of, value), default=0)
    return 0


def no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def strict_json(frame: bytes) -> Any:
    check(len(frame) <= MAX_BYTES, "oversized")
    try:
        text = frame.decode()
        root = json.loads(
            text, object_pairs_hook=Members, parse_int=Number, parse_float=Number, parse_constant=no_constant
        )
        depth = depth_of(root)
    except RecursionError:
        raise Refused("too_deep") from None
    except ValueError:  # UnicodeDecodeError and JSONDecodeError are both
        raise Refused("malformed") from None
    check(depth <= MAX_DEPTH, "too_deep")
    return root
