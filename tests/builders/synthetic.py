"""Captures of the synthetic market: lines of `<ns> <json>` as a recorder would write them."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from bot4.adapters.recordings.catalog import InstrumentCatalog
from bot4.adapters.synthetic.market import SyntheticMarket
from bot4.domain.instrument import Instrument, Market

if TYPE_CHECKING:
    from pathlib import Path

START_NS = 1_767_225_600_000_000_000


def instrument(symbol: str = "BTCUSDT") -> Instrument:
    return InstrumentCatalog().require("binance", Market.SPOT, symbol)


def market(seed: int = 7, *, symbol: str = "BTCUSDT", messages_per_s: int = 60) -> SyntheticMarket:
    return SyntheticMarket(
        instrument(symbol),
        seed=seed,
        start_ns=START_NS,
        start_price=Decimal(60_000),
        volatility_annual=0.6,
        messages_per_s=messages_per_s,
    )


def capture_lines(count: int, *, seed: int = 7) -> list[bytes]:
    """The first `count` messages, the snapshot first."""
    frames = iter(market(seed))
    return [b"%d %b\n" % (stamped.recv_ns, stamped.frame) for stamped, _ in zip(frames, range(count), strict=False)]


def write_capture(path: Path, lines: list[bytes]) -> Path:
    path.write_bytes(b"".join(lines))
    return path
