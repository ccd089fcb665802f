"""Frames in the shapes Binance documents, and what the scanner said of one."""

from __future__ import annotations

import json

import numpy as np

from bot4._core.wire.scan import Scanner

MS = 1_700_000_000_000


def scan(scanner: Scanner, message: object, default: int = -1) -> np.ndarray:
    frame = message if isinstance(message, bytes) else json.dumps(message, ensure_ascii=False).encode()
    return scanner.scan(frame, 77, default)


def verdict(scanner: Scanner, message: object, default: int = -1) -> str:
    before = scanner.counters
    events = scan(scanner, message, default)
    after = scanner.counters
    assert len(events) == 0
    assert after[scanner.last_verdict] == before[scanner.last_verdict] + 1
    return scanner.last_verdict


TRADE = {"e": "trade", "E": MS + 5, "s": "BTCUSDT", "t": 12, "p": "100.50", "q": "0.25", "T": MS, "m": True, "M": True}
DIFF = {
    "e": "depthUpdate",
    "E": MS,
    "s": "BTCUSDT",
    "U": 5,
    "u": 9,
    "b": [["1.00", "2"], ["0.99", "0"]],
    "a": [["1.01", "3.5"]],
}
TICKER = {"u": 7, "s": "BTCUSDT", "b": "1.00", "B": "2.000", "a": "1.01", "A": "3"}
BAR = {
    "t": MS, "T": MS + 59_999, "s": "BTCUSDT", "i": "1m", "f": -1, "L": -1, "o": "1.50", "c": "2", "h": "2.25",
    "l": "1.25", "v": "10", "n": 4, "x": True, "q": "15", "V": "6", "Q": "9", "B": "0",
}  # fmt: skip


KLINE = {"e": "kline", "E": MS + 1, "s": "BTCUSDT", "k": BAR}
SNAPSHOT = {"lastUpdateId": 160, "bids": [["0.99", "1"]], "asks": [["1.01", "2"], ["1.02", "3"]]}
