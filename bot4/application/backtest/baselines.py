"""What a result is put beside: holding the first instrument, and entries at times that mean nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bot4.domain.instrument import ContractKind

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bot4.application.backtest.result import BacktestResult

RANDOM_DRAWS = 200
_RANDOM_TRADES_MAX = 5_000


def hold_profit(result: BacktestResult) -> float:
    """Profit of holding the first instrument with the whole opening, net of taker fees."""
    ticks = result.marks[result.symbols[0]][1]
    if len(ticks) == 0:
        return 0.0
    first, last = float(ticks[0]), float(ticks[-1])
    # A coin-settled contract earns in the coin what the price rose by, as seen from its end.
    gained = 1.0 - first / last if result.instruments[0].kind is ContractKind.INVERSE else last / first - 1.0
    return float(result.equity_start) * (gained - result.taker_fee * (2.0 + gained))


def hold_returns(result: BacktestResult, ends: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return what it earns per period between the stamps `ends` of the same; the fees are in the first and the last."""
    stamps, ticks = result.marks[result.symbols[0]]
    if len(ticks) == 0:
        return np.zeros(len(ends) - 1)
    prices = ticks[np.clip(np.searchsorted(stamps, ends, side="right") - 1, 0, None)].astype(np.float64)
    worth = 2.0 - prices[0] / prices if result.instruments[0].kind is ContractKind.INVERSE else prices / prices[0]
    returns: NDArray[np.float64] = np.diff(worth) / worth[:-1]
    returns[0] -= result.taker_fee
    returns[-1] -= result.taker_fee
    return returns


def random_profits(result: BacktestResult, seed: int) -> NDArray[np.float64] | None:
    """Profit of each draw of trades like the strategy's at times that mean nothing; None where there was no trade."""
    if len(result.trades) == 0:
        return None
    totals = np.zeros(RANDOM_DRAWS)
    for _, _, gained in _random_entries(result, seed):
        totals += gained.sum(axis=1)
    return totals * _scale(result)


def random_returns(result: BacktestResult, ends: NDArray[np.int64], seed: int) -> NDArray[np.float64]:
    """Mean profit of the draws in each period between the stamps `ends`, over the equity at the start.

    A trade's profit is spread over the periods that it lasts, as its length lies in them.
    """
    periods = len(ends) - 1
    found = np.zeros(periods)
    if len(result.trades) == 0:
        return found
    width = float(ends[1] - ends[0])
    for starts, spans, gained in _random_entries(result, seed):
        opened = np.clip((starts - ends[0]) / width, 0.0, periods)
        closed = np.clip((starts + spans - ends[0]) / width, opened + 1e-9, None)
        rate = gained / (closed - opened)
        # Integral up to each boundary of what every trade earns at its own constant pace.
        edges = np.arange(periods + 1, dtype=np.float64)
        order = np.argsort(opened, axis=None)
        found += np.diff(_ramp(edges, opened.ravel()[order], rate.ravel()[order]))
        order = np.argsort(closed, axis=None)
        found -= np.diff(_ramp(edges, closed.ravel()[order], rate.ravel()[order]))
    return found * _scale(result) / RANDOM_DRAWS / float(result.equity_start)


def _ramp(edges: NDArray[np.float64], starts: NDArray[np.float64], rates: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sum at each edge of ``rate * max(0, edge - start)``, `starts` in order."""
    upto = np.searchsorted(starts, edges, side="right")
    total = np.concatenate([[0.0], np.cumsum(rates)])[upto]
    moment = np.concatenate([[0.0], np.cumsum(rates * starts)])[upto]
    ramp: NDArray[np.float64] = total * edges - moment
    return ramp


def _scale(result: BacktestResult) -> float:
    return max(1.0, len(result.trades) / _RANDOM_TRADES_MAX)


def _random_entries(
    result: BacktestResult, seed: int
) -> list[tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]]:
    """Draw entries, lengths and profits, each of shape (draws, trades) but the lengths, instrument by instrument."""
    rng = np.random.default_rng(seed)
    trades = result.trades
    if len(trades) > _RANDOM_TRADES_MAX:
        trades = trades[rng.choice(len(trades), _RANDOM_TRADES_MAX, replace=False)]
    found = []
    for lane, instrument in enumerate(result.instruments):
        stamps, ticks = result.marks[result.symbols[lane]]
        mine = trades[trades["instrument"] == lane]
        if len(mine) == 0 or len(ticks) == 0:
            continue
        spans = (mine["exit_ns"] - mine["entry_ns"]).astype(np.float64)
        room = np.maximum(float(stamps[-1] - stamps[0]) - spans, 0.0)
        starts = stamps[0] + rng.random((RANDOM_DRAWS, len(mine))) * room
        prices = ticks.astype(np.float64) * float(instrument.tick_size)
        entry = prices[np.clip(np.searchsorted(stamps, starts, side="right") - 1, 0, None)]
        leave = prices[np.clip(np.searchsorted(stamps, starts + spans, side="right") - 1, 0, None)]
        size = mine["qty_lots"] * float(instrument.lot_size * instrument.contract_size)
        sign = np.where(mine["side"] == 0, 1.0, -1.0)
        if instrument.kind is ContractKind.INVERSE:
            entry, leave = 1.0 / leave, 1.0 / entry
        found.append((starts, spans, size * (sign * (leave - entry) - result.taker_fee * (leave + entry))))
    return found
