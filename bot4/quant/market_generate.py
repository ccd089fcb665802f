"""A generated market, measured as a recording is: what a parameter file is worth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bot4._core.event_dtype import EVENT_DTYPE
from bot4._core.sim.exchange import Exchange
from bot4._core.sim.exchange_types import ExecutionType
from bot4._core.sim.flow import Flow
from bot4._core.sim.market_measure import MarketMeasure
from bot4._core.types import EventKind, Flag
from bot4.quant.market_statistics import MarketStatistics

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bot4.quant.market_model import MarketModel

START_NS = 1_767_225_600_000_000_000  # 2026-01-01T00:00:00Z
WARM_UP_S = 60.0
_MS = 1_000_000
_SIDE_TRADED = int(ExecutionType.EXECUTION_TRADE)


class GeneratedMarket:
    """One symbol with nobody on it but the generator.

    Parameters
    ----------
    model : MarketModel
    seed : int
    max_orders : int
        Open at one time, a power of two.

    """

    def __init__(self, model: MarketModel, *, seed: int, max_orders: int = 1 << 15) -> None:
        self.exchange = Exchange(
            max_orders=max_orders, max_accounts=4, max_assets=2, max_symbols=1, max_reports=1 << 19
        )
        base, quote = self.exchange.add_asset("BASE", 0), self.exchange.add_asset("QUOTE", 0)
        # A lot is one atom of the base, a tick times a lot one of the quote: nothing but counts matters here.
        self._symbol = self.exchange.add_symbol(
            "MARKET", base, quote, tick_size="1", lot_size="1", average_price_mins=0
        )
        makers, taker = [self.exchange.open_account("makers")], self.exchange.open_account("takers")
        self.flow = Flow(
            self.exchange,
            symbol=self._symbol,
            parameters=model.parameters(),
            seed=seed,
            bid_ticks=max(1_000, round(model.origin.mid_ticks)),
            makers=makers,
            taker=taker,
            start_ns=START_NS,
            max_orders=max_orders - 64,
        )
        self._now_ns = START_NS

    def run(self, seconds: float, interval_ms: float) -> list[NDArray[Any]]:
        """Let time pass; returns the trades and depth messages of each interval, ndarray[EVENT_DTYPE]."""
        end_ns, step_ns = self._now_ns + int(seconds * 1e9), max(1, int(interval_ms * _MS))
        told = []
        while self._now_ns < end_ns:
            self._now_ns += step_ns
            trades = []
            while self.flow.advance(self._now_ns):
                trades.append(self._trades())
            trades.append(self._trades())
            told += [*trades, self._depth()]
        return told

    def snapshot(self) -> NDArray[Any]:
        """Return the whole book as a snapshot message."""
        self.exchange.take_depth(self._symbol)
        update_id, bids, asks = self.exchange.depth(self._symbol)
        return self._message(update_id, update_id, np.concatenate([bids, asks]), int(Flag.FLAG_SNAPSHOT))

    def _trades(self) -> NDArray[Any]:
        reports = self.exchange.take_reports()
        # Each trade is reported to both: the taker's record says which side took.
        taken = reports[(reports["execution_type"] == _SIDE_TRADED) & (reports["is_maker"] == 0)]
        events = np.zeros(len(taken), EVENT_DTYPE)
        events["kind"], events["flags"] = int(EventKind.EVENT_TRADE), int(Flag.FLAG_FIRST | Flag.FLAG_LAST)
        events["flags"] |= np.where(taken["side"] == 1, int(Flag.FLAG_BUYER_IS_MAKER), 0).astype(np.uint16)
        events["venue_ns"] = events["recv_ns"] = taken["time_ns"]
        events["a"], events["b"] = taken["last_price_ticks"], taken["last_lots"]
        events["c"] = events["d"] = events["e"] = taken["trade_id"]
        return events

    def _depth(self) -> NDArray[Any]:
        first, last, levels = self.exchange.take_depth(self._symbol)
        if first > last:
            return np.zeros(0, EVENT_DTYPE)
        return self._message(first, last, levels, 0)

    def _message(self, first: int, last: int, levels: NDArray[Any], flags: int) -> NDArray[Any]:
        events = np.zeros(1 + len(levels), EVENT_DTYPE)
        events["kind"][0], events["kind"][1:] = int(EventKind.EVENT_DEPTH_BEGIN), int(EventKind.EVENT_DEPTH_LEVEL)
        events["flags"] = flags
        events["flags"][0] |= int(Flag.FLAG_FIRST)
        events["flags"][-1] |= int(Flag.FLAG_LAST)
        events["venue_ns"] = events["recv_ns"] = self._now_ns
        events["a"][0], events["b"][0], events["c"][0], events["d"][0] = first, last, -1, len(levels)
        events["side"][1:] = levels["side"]
        events["a"][1:], events["b"][1:] = levels["price_ticks"], levels["qty_lots"]
        events["c"][1:], events["d"][1:] = last, np.arange(len(levels))
        return events


def generate_statistics(model: MarketModel, *, seed: int, seconds: float) -> MarketStatistics:
    """Return the statistics of a market generated from a parameter file.

    Parameters
    ----------
    model : MarketModel
        Its parameters.
    seed : int
        Of the market.
    seconds : float
        Measured time, after a warm-up of WARM_UP_S.

    """
    market = GeneratedMarket(model, seed=seed)
    interval_ms = max(1.0, model.origin.message_interval_ms)
    market.run(WARM_UP_S, interval_ms)
    measure, records = MarketMeasure(), []
    for events in [market.snapshot(), *market.run(seconds, interval_ms)]:
        used = 0
        while used < len(events):
            used += measure.events_many(events[used:])
            records.append(measure.take_records())
    return MarketStatistics.of(measure, records)
