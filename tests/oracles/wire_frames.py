"""Frames in the shapes Binance sends, made up from a seed: with shuffled keys, unknown members, white space, escapes,
and now and then one fault. They feed the property tests and the corpus of the fuzzer.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

#: Symbol, tick size, lot size: steps of one, of five, of many decimals, and a symbol that is not ASCII.
INSTRUMENTS = [
    ("BTCUSDT", "0.01", "0.00001"),
    ("BTCUSD_PERP", "0.1", "1"),
    ("ETHUSDT", "0.05", "0.001"),
    ("NKNUSDT", "0.00000100", "10"),
    ("１２３４５６USDT", "0.5", "0.25"),  # noqa: RUF001 - such symbols exist
    ("ABCDEFGHIJKLMNOPQRSTUVWXYZ012345", "2.5", "0.000000000000000001"),
]
START_MS = 1_723_161_256_000

Pairs = list[tuple[str, Any]]


class Raw(str):
    """JSON text to be put in as it stands."""

    __slots__ = ()


class Frames:
    """Endless frames from one random generator.

    With `as_sent` they are spelled as the venue spells them: its order of keys, no white space, escapes or strangers.
    """

    def __init__(
        self, rng: random.Random, fault_share: float = 0.0, max_levels: int = 12, *, as_sent: bool = False
    ) -> None:
        self.rng = rng
        self.fault_share = fault_share
        self.max_levels = max_levels
        self.as_sent = as_sent
        self.shapes: list[Callable[[], Pairs]] = [
            self.spot_ticker,
            self.futures_ticker,
            self.trade,
            self.agg_trade,
            self.diff,
            self.futures_diff,
            self.snapshot,
            self.kline,
            self.other,
        ]

    def next(self) -> bytes:
        """One frame; valid unless a fault was drawn."""
        shape = self.rng.choice(self.shapes)
        self.symbol, self.tick, self.lot = self.rng.choice(INSTRUMENTS)
        self.now = START_MS + self.rng.randrange(10**9)
        if self.rng.random() < 0.2:
            self.now = self.now * 1000 + self.rng.randrange(1000)
        pairs = shape()
        if self.rng.random() < self.fault_share:
            pairs = self.spoil(pairs)
        if not self.as_sent and self.rng.random() < 0.5:
            pairs += self.strangers()
        if not self.as_sent and self.rng.random() < 0.6:
            self.rng.shuffle(pairs)
        if self.rng.random() < 0.6:
            pairs = [("stream", self.stream(shape)), ("data", pairs)]
            if not self.as_sent and self.rng.random() < 0.3:
                pairs.reverse()
        text = self.render(pairs)
        return (self.blank() + text + self.blank()).encode()

    # ---- members ----

    def decimal(self, step: str, steps: int) -> str:
        decimals = len(step.partition(".")[2])
        units = steps * int(step.replace(".", ""))
        text = str(units).rjust(decimals + 1, "0")
        if decimals:
            text = f"{text[:-decimals]}.{text[-decimals:]}"
            if self.rng.random() < 0.3:
                text = text.rstrip("0").removesuffix(".")
        if "." in text:
            text += "0" * self.rng.choice([0, 0, 0, 2, 6])
        elif self.rng.random() < 0.2:
            text += ".00"
        return text

    def price(self) -> str:
        return self.decimal(self.tick, self.rng.randrange(1, 10 ** self.rng.randrange(1, 10)))

    def qty(self) -> str:
        return self.decimal(
            self.lot, self.rng.randrange(0 if self.rng.random() < 0.2 else 1, 10 ** self.rng.randrange(1, 9))
        )

    def number(self) -> int:
        return self.rng.randrange(10 ** self.rng.randrange(1, 18))

    def levels(self) -> list[list[str]]:
        return [[self.price(), self.qty()] for _ in range(self.rng.randrange(self.max_levels))]

    def stream(self, shape: Callable[[], Pairs]) -> str:
        name = self.symbol.lower()
        kinds = {"trade": "trade", "agg_trade": "aggTrade", "kline": "kline_1m", "other": "ticker"}
        default = (
            "bookTicker"
            if "ticker" in shape.__name__
            else self.rng.choice(
                ["depth", "depth@100ms", "depth5", "depth10@100ms", "depth20@0ms", "depth50", "depth5x", "depth1"]
            )
        )
        return f"{name}@{kinds.get(shape.__name__, default)}"

    # ---- shapes ----

    def quote(self) -> Pairs:
        return [
            ("u", self.number()), ("s", self.symbol), ("b", self.price()), ("B", self.qty()), ("a", self.price()),
            ("A", self.qty()),
        ]  # fmt: skip

    def spot_ticker(self) -> Pairs:
        return self.quote()

    def futures_ticker(self) -> Pairs:
        return [("e", "bookTicker"), *self.quote(), ("T", self.now), ("E", self.now)]

    def trade(self) -> Pairs:
        pairs: Pairs = [
            ("e", "trade"), ("E", self.now), ("s", self.symbol), ("t", self.number()), ("p", self.price()),
            ("q", self.qty()), ("T", self.now), ("m", self.rng.random() < 0.5),
        ]  # fmt: skip
        if self.rng.random() < 0.5:
            return [*pairs, ("X", self.rng.choice(["MARKET", "MARKET", "MARKET", "INSURANCE_FUND", "NA"]))]
        return [*pairs, ("M", True)]

    def agg_trade(self) -> Pairs:
        first = self.number()
        return [
            ("e", "aggTrade"), ("E", self.now), ("a", self.number()), ("s", self.symbol), ("p", self.price()),
            ("q", self.qty()), ("f", first), ("l", first + self.rng.randrange(9)), ("T", self.now),
            ("m", self.rng.random() < 0.5),
        ]  # fmt: skip

    def diff(self) -> Pairs:
        first = self.number()
        return [
            ("e", "depthUpdate"), ("E", self.now), ("s", self.symbol), ("U", first),
            ("u", first + self.rng.randrange(99)), ("b", self.levels()), ("a", self.levels()),
        ]  # fmt: skip

    def futures_diff(self) -> Pairs:
        pairs = [*self.diff(), ("T", self.now), ("pu", self.number())]
        return [*pairs, ("ps", "PAIR")] if self.rng.random() < 0.5 else pairs

    def snapshot(self) -> Pairs:
        pairs: Pairs = [("lastUpdateId", self.number()), ("bids", self.levels()), ("asks", self.levels())]
        if self.rng.random() < 0.5:
            pairs[1:1] = [("E", self.now), ("T", self.now)]
        if self.rng.random() < 0.3:
            pairs[1:1] = [("symbol", self.symbol), ("pair", "PAIR")]
        return pairs

    def kline(self) -> Pairs:
        low, middle, other, high = sorted(self.rng.randrange(1, 10**6) for _ in range(4))
        bought, volume = sorted(self.rng.randrange(10**6) for _ in range(2))
        unit = 1 if self.now < 10**14 else 1000
        bar: Pairs = [
            ("t", self.now), ("T", self.now + 60_000 * unit - 1), ("s", self.symbol), ("i", "1m"), ("f", -1), ("L", -1),
            ("o", self.decimal(self.tick, middle)), ("c", self.decimal(self.tick, other)),
            ("h", self.decimal(self.tick, high)), ("l", self.decimal(self.tick, low)),
            ("v", self.decimal(self.lot, volume)), ("n", self.number()), ("x", self.rng.random() < 0.5), ("q", "1.5"),
            ("V", self.decimal(self.lot, bought)), ("Q", "0"), ("B", "ignored"),
        ]  # fmt: skip
        if self.rng.random() < self.fault_share:
            bar = self.spoil(bar)
        if self.rng.random() < 0.5:
            self.rng.shuffle(bar)
        return [("e", "kline"), ("E", self.now), ("s", self.symbol), ("k", bar)]

    def other(self) -> Pairs:
        """Sound, and no market event of ours."""
        return self.rng.choice(
            [
                [("result", None), ("id", self.number())],
                [("code", 2), ("msg", 'Invalid "request" \u00e9'), ("id", "x")],
                [
                    ("e", "24hrTicker"),
                    ("E", self.now),
                    ("s", self.symbol),
                    ("p", "-1.5"),
                    ("P", "-0.1"),
                    ("b", self.price()),
                ],
                [("e", "markPriceUpdate"), ("E", self.now), ("s", self.symbol), ("r", "0.0001"), ("T", self.now)],
                [("e", "serverShutdown"), ("E", self.now)],
            ]
        )

    def strangers(self) -> Pairs:
        return [
            (f"{self.rng.choice(['st', 'ps', 'nq', 'Z', 'é', ''])}{i or ''}", self.any_value(0))
            for i in range(self.rng.randrange(1, 3))
        ]

    def any_value(self, depth: int) -> Any:
        kind = self.rng.randrange(9 if depth < 3 else 7)
        if kind == 7:
            return [self.any_value(depth + 1) for _ in range(self.rng.randrange(3))]
        if kind == 8:
            return [(f"k{i}", self.any_value(depth + 1)) for i in range(1, self.rng.randrange(1, 4))]
        return [None, True, -0.5, Raw("1.25E-7"), 'a "quoted" \\ text\n', "日本", Raw("-0")][kind]

    # ---- faults ----

    def spoil(self, pairs: Pairs) -> Pairs:
        """One fault somewhere: what a venue must never make us believe."""
        pairs = list(pairs)
        at = self.rng.randrange(len(pairs))
        key, value = pairs[at]
        kind = self.rng.randrange(4)
        if kind == 0:
            del pairs[at]
        elif kind == 1:
            pairs.insert(self.rng.randrange(len(pairs) + 1), (key, value))
        elif isinstance(value, list) and value and isinstance(value[0], list) and self.rng.random() < 0.9:
            level = self.rng.choice(value)
            level[self.rng.randrange(2)] = self.bad_value()
            if self.rng.random() < 0.2:
                level.append("1")
        else:
            pairs[at] = (key, self.bad_value())
        return pairs

    def bad_value(self) -> Any:
        return self.rng.choice(
            [
                "", "-", "--1", "-1.5", "+1", "1.", ".5", "1e5", "007", "00.1", "0", "0.000", "1.0000000001", "1_000",
                " 1", "1 ", "9" * 19, "9223372036854775807", "9223372036854775808", "9" * 40, "1" * 41, "1.5\u0661",
                "0." + "0" * 30 + "1", "0." + "0" * 38, "0." + "0" * 39, "NaN", "nothing", -5, 0, 1, 1.5, Raw("1e3"),
                Raw("12345678901234567890"), 10**12 - 1, 10**12, 10**13, 10**14, 10**15 - 1, 10**16, None, True, [],
                [[]], [["1"]], [["1", "2", "3"]], [("x", 1)],
            ]
        )  # fmt: skip

    # ---- text ----

    def render(self, value: Any) -> str:
        if isinstance(value, Raw):
            return value
        if isinstance(value, list) and value and isinstance(value[0], tuple):
            members = (f"{self.string(key)}{self.blank()}:{self.blank()}{self.render(item)}" for key, item in value)
            return "{" + self.blank() + (self.blank() + "," + self.blank()).join(members) + self.blank() + "}"
        if isinstance(value, list):
            return (
                "[" + self.blank() + (self.blank() + ",").join(self.render(item) for item in value) + self.blank() + "]"
            )
        return self.string(value) if isinstance(value, str) else json.dumps(value)

    def string(self, text: str) -> str:
        if self.as_sent:
            return json.dumps(text, ensure_ascii=False)
        if self.rng.random() < 0.03:
            return (
                '"'
                + "".join(
                    f"\\u{ord(c):04x}" if ord(c) < 0x10000 and self.rng.random() < 0.5 else json.dumps(c)[1:-1]
                    for c in text
                )
                + '"'
            )
        return json.dumps(text, ensure_ascii=self.rng.random() < 0.1)

    def blank(self) -> str:
        if self.as_sent or self.rng.random() >= 0.02:
            return ""
        return self.rng.choice([" ", "\n", "\t\r ", "  "])
