"""The synthetic market as a source of a session: frames at the pace of their stamps, or as fast as they can be made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot4.adapters.synthetic.market import SyntheticMarket

if TYPE_CHECKING:
    from bot4._core.engine.feed import Feed
    from bot4.config import SyntheticSettings
    from bot4.domain.instrument import Instrument

# 2026-01-01T00:00:00Z
_START_NS = 1_767_225_600_000_000_000


class SyntheticFeed:
    """Endless frames of one made-up instrument.

    Parameters
    ----------
    instrument : Instrument
    settings : SyntheticSettings
    seed : int

    Its market time begins at a fixed moment, so the same seed gives the same frames in every run, whatever the pace.

    """

    is_synthetic = True
    is_endless = True
    is_live = False
    connection: str | None = None
    progress: float | None = None
    damage: str | None = None

    def __init__(self, instrument: Instrument, settings: SyntheticSettings, *, seed: int) -> None:
        self.instruments = (instrument,)
        self.name = f"synthetic market, seed {seed}"
        self.notes = ("the market is synthetic: its prices are made up and say nothing of a real one",)
        self._market = SyntheticMarket(
            instrument,
            seed=seed,
            start_ns=_START_NS,
            start_price=settings.start_price,
            volatility_annual=settings.volatility_annual,
            messages_per_s=settings.messages_per_s,
        )

    def run(self, feed: Feed) -> None:
        """Feed frames until the feed is stopped."""
        for stamped in self._market:
            if feed.is_stopped:
                return
            feed.frame(stamped.frame, stamped.recv_ns, default_instrument=0)
            if feed.needs_snapshot(0):
                feed.frame(self._market.snapshot(), stamped.recv_ns, default_instrument=0)
