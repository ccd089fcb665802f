"""A recorded USD-M perpetual: quotes of a made-up market as capture lines, mark prices among them, and its rules."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING

import bot4
from bot4.domain.instrument import ContractKind

if TYPE_CHECKING:
    import numpy as np

RULES = """
[[instrument]]
symbol = "BTCUSDT"
venue = "binance"
market = "usdm"
base = "BTC"
quote = "USDT"
settle = "USDT"
price_step = "0.5"
qty_step = "0.001"
"""
PERPETUAL = bot4.Instrument(
    symbol="BTCUSDT", venue="binance", kind=ContractKind.LINEAR, base="BTC", quote="USDT", settle="USDT",
    tick_size=Decimal("0.5"), lot_size=Decimal("0.001"),
)  # fmt: skip


def line(recv_ns: int, stream: str, data: object) -> tuple[int, str]:
    return recv_ns, f"{recv_ns} " + json.dumps({"stream": stream, "data": data}, separators=(",", ":"))


def quote_lines(rows: np.ndarray) -> list[tuple[int, str]]:
    """Stamp and line of each quote."""
    found = []
    for number, row in enumerate(rows.tolist()):
        recv_ns, (bid, bid_lots, ask, ask_lots) = row[1], row[2:]
        ms = recv_ns // 1_000_000
        data = {"e": "bookTicker", "u": number + 1, "s": "BTCUSDT", "b": f"{bid / 2:.2f}", "B": f"{bid_lots / 1e3:.3f}",
                "a": f"{ask / 2:.2f}", "A": f"{ask_lots / 1e3:.3f}", "T": ms, "E": ms}  # fmt: skip
        found.append(line(recv_ns, "btcusdt@bookTicker", data))
    return found


def mark(at_ms: int, rate: str, settled_ms: int, price: str = "60000.00000000", symbol: str = "BTCUSDT") -> dict:
    """Return what a mark price frame says at a time."""
    return {"e": "markPriceUpdate", "E": at_ms, "s": symbol, "p": price, "ap": price, "P": price, "i": price, "r": rate,
            "T": settled_ms}  # fmt: skip


def mark_line(at_ms: int, *marks: dict) -> tuple[int, str]:
    """Stamp and line of a mark price, or of those of all symbols."""
    if len(marks) == 1:
        return line(at_ms * 1_000_000, f"{marks[0]['s'].lower()}@markPrice@1s", marks[0])
    return line(at_ms * 1_000_000, "!markPrice@arr@1s", list(marks))


def capture_text(*lines: list[tuple[int, str]]) -> str:
    """All lines by their stamps; of equal ones those that were given first go first."""
    merged = sorted((one for part in lines for one in part), key=lambda one: one[0])
    return "".join(f"{text}\n" for _, text in merged)
