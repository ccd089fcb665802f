"""What orders were stated to be worth before costs, beside what came of them before costs (decision 0110)."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING

import numpy as np

from bot4._core.engine.decide import DecisionReason
from bot4.domain.instrument import ContractKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from bot4.application.backtest.result import BacktestResult
    from bot4.domain.instrument import Instrument

_BPS = 10_000.0


@dataclass(frozen=True, slots=True)
class Expectation:
    """Of orders whose fills made a position larger: only those are judged by what they are worth.

    Attributes
    ----------
    orders, unstated : int
        How many there were, and of how many the settings had to say it (`strategy.expected_bps`).
    stated_bps : float or None
        Mean of what was stated, weighed by the value that was added; None where nothing was, or where it was measured.
    brought_bps : float or None
        What the mid moved for what was held, over the same value; None where nothing was added.

    """

    orders: int
    unstated: int
    stated_bps: float | None
    brought_bps: float | None


@dataclass(frozen=True, slots=True)
class Worth:
    """The same period by period, each of shape (periods,); the first three in the settle asset.

    ``gained`` is what the mid moved for what was held: from the mid when an order was sent to the last one of the
    period. ``added`` is the value that fills made positions larger by, ``stated`` that times what was stated, NaN where
    it was measured. An order is counted where it first added.
    """

    gained: NDArray[np.float64]
    added: NDArray[np.float64]
    stated: NDArray[np.float64]
    orders: NDArray[np.float64]
    unstated: NDArray[np.float64]


def expectation_of(result: BacktestResult) -> Expectation:
    """Return what was stated and what was brought in a whole run."""
    ends = np.array([result.equity_ns[0], result.equity_ns[-1] + 1], np.int64)
    return expectation_in([(worth_by_period(result, ends), 0, 1)])


def expectation_in(parts: Sequence[tuple[Worth, int, int]]) -> Expectation:
    """Return it of periods that need not be of one run: each part has its first one, and the one after its last."""
    gained, added, stated, orders, unstated = (
        sum(float(getattr(worth, name)[first:end].sum()) for worth, first, end in parts)
        for name in ("gained", "added", "stated", "orders", "unstated")
    )
    return Expectation(
        round(orders),
        round(unstated),
        stated / added if added > 0.0 and isfinite(stated) else None,
        _BPS * gained / added if added > 0.0 else None,
    )


def expectation_text(found: Expectation) -> str:
    """Return it in words."""
    if found.brought_bps is None:
        return "no order added risk"
    stated = "measured, not stated" if found.stated_bps is None else f"stated {found.stated_bps:.1f} bps"
    return f"{stated}, brought {found.brought_bps:.1f} bps, {found.orders:,} orders"


def worth_by_period(result: BacktestResult, ends: NDArray[np.int64]) -> Worth:
    """Return it between the stamps `ends`, one more than periods; of instruments of another settle asset nothing."""
    table = np.zeros((5, len(ends) - 1))
    for lane, instrument in enumerate(result.instruments):
        if instrument.settle == result.settle and len(result.marks[instrument.symbol][1]):
            table += _of_lane(result, lane, instrument, ends)
    return Worth(*table)


def _of_lane(result: BacktestResult, lane: int, instrument: Instrument, ends: NDArray[np.int64]) -> NDArray[np.float64]:
    periods = len(ends) - 1
    fills = result.fills[result.fills["instrument"] == lane]
    fills = fills[(fills["recv_ns"] >= ends[0]) & (fills["recv_ns"] < ends[-1])]
    if len(fills) == 0:
        return np.zeros((5, periods))
    stamps, ticks = result.marks[instrument.symbol]
    marks = _worth(instrument, ticks[np.clip(np.searchsorted(stamps, ends, side="right") - 1, 0, None)])
    rows, at = result.order_rows(fills), np.searchsorted(ends, fills["recv_ns"], side="right") - 1
    lots = np.where(fills["side"] == 0, fills["qty_lots"], -fills["qty_lots"])
    held = np.concatenate([[0], np.cumsum(lots)])
    kept = held[np.searchsorted(fills["recv_ns"], ends[:-1], side="left")]
    since = lots * (marks[1:][at] - _worth(instrument, result.order_mids[rows]))
    larger = np.abs(lots) - np.clip(-np.sign(lots) * held[:-1], 0, np.abs(lots))
    added = larger * np.abs(_worth(instrument, fills["price_ticks"]))

    def summed(rows_at: NDArray[np.int64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.bincount(rows_at, weights, minlength=periods).astype(np.float64)

    adds = larger > 0
    is_unstated, stated = _stated(result, rows[adds])
    first = np.unique(rows[adds], return_index=True)[1]
    return np.stack([
        kept * np.diff(marks) + summed(at, since),
        summed(at, added),
        summed(at[adds], added[adds] * stated),
        summed(at[adds][first], np.ones(len(first))),
        summed(at[adds][first], is_unstated[first].astype(np.float64)),
    ])  # fmt: skip


def _worth(instrument: Instrument, ticks: NDArray[np.int64] | NDArray[np.float64]) -> NDArray[np.float64]:
    """Value of a lot at prices, in the settle asset; that of a coin-settled one falls as what it costs does."""
    price = np.asarray(ticks, np.float64) * float(instrument.tick_size)
    unit = float(instrument.lot_size * instrument.contract_size)
    return -unit / price if instrument.kind is ContractKind.INVERSE else unit * price


def _stated(result: BacktestResult, rows: NDArray[np.int64]) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Say of each of these orders whether nothing was stated with it, and what it was held to be worth."""
    orders = result.orders[rows]
    is_own = (orders["reason"] == DecisionReason.REASON_STRATEGY) & (orders["score"] != 0.0)
    otherwise = np.nan if result.expected_bps is None else result.expected_bps
    return ~is_own & (result.expected_bps is not None), np.where(is_own, orders["score"], otherwise)
