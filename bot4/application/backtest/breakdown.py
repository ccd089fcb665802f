"""Where a result came from: what each cost took, how much was at stake, by market regime, by part of the strategy."""

from __future__ import annotations

from dataclasses import dataclass
from math import log, sqrt
from typing import TYPE_CHECKING

import numpy as np

from bot4._core.brain.blend import REGIME_NAMES
from bot4._core.brain.study import RegimeMeter
from bot4._core.engine.decide import DecisionReason
from bot4.application.backtest.statistics import returns_of
from bot4.domain.instrument import ContractKind
from bot4.quant.track_record import sharpe_columns
from bot4.strategy.targets import REGIME_RULES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bot4.application.backtest.result import BacktestResult

_MAKER = 128
_DAY_NS = 86_400_000_000_000
_UNKNOWN = "not known yet"


@dataclass(frozen=True, slots=True)
class Costs:
    """In the settle asset, floats: money is exact in the result.

    Attributes
    ----------
    fees, funding : float
        Paid; below 0 where more was received.
    taken_beyond_mid : float
        What takers paid beyond the mid that was marked when their order was sent: spread, walk through the book, own
        impact, delay.
    made_inside_mid : float
        The same of makers; below 0 where they earned it.
    impact_unpaid : float or None
        What takers would have cost more by the square-root law, where the data tell the market's volume.

    """

    fees: float
    funding: float
    taken_beyond_mid: float
    made_inside_mid: float
    impact_unpaid: float | None

    @property
    def before_costs(self) -> float:
        """Sum of the four that were paid: what the profit would be higher by."""
        return self.fees + self.funding + self.taken_beyond_mid + self.made_inside_mid


@dataclass(frozen=True, slots=True)
class RegimeRow:
    """Of the periods that began in one regime."""

    regime: str
    share: float
    profit: float
    sharpe: float
    round_trips: int


@dataclass(frozen=True, slots=True)
class PartRow:
    """Of one part of the strategy, or of one reason for its orders."""

    part: str
    orders: int
    fills: int
    lots: int
    fees: float


def cost_breakdown(result: BacktestResult) -> Costs:
    """Return what was paid for what."""
    taken = made = 0.0
    for lane in range(len(result.instruments)):
        beyond, is_maker = _beyond_mid(result, lane)
        made += float(beyond[is_maker].sum())
        taken += float(beyond[~is_maker].sum())
    return Costs(
        fees=float(result.fees[result.settle]),
        funding=float(result.funding_paid.get(result.settle, 0)),
        taken_beyond_mid=taken,
        made_inside_mid=made,
        impact_unpaid=_impact_unpaid(result),
    )


def _beyond_mid(result: BacktestResult, lane: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Cost of each fill against the mid when its order was sent, and whether it was a maker's."""
    instrument = result.instruments[lane]
    fills = result.fills[result.fills["instrument"] == lane]
    if len(fills) == 0 or instrument.settle != result.settle:
        return np.zeros(0), np.zeros(0, np.bool_)
    mids = result.order_mids[result.order_rows(fills)]
    prices, tick = fills["price_ticks"].astype(np.float64), float(instrument.tick_size)
    unit = fills["qty_lots"] * float(instrument.lot_size * instrument.contract_size)
    sign = np.where(fills["side"] == 0, 1.0, -1.0)
    if instrument.kind is ContractKind.INVERSE:
        cost = sign * unit * (1.0 / (mids * tick) - 1.0 / (prices * tick))
    else:
        cost = sign * unit * (prices - mids) * tick
    return cost, (fills["flags"] & _MAKER) != 0


def taker_slippage(result: BacktestResult) -> float:
    """Return what takers paid beyond the mid as a share of what they traded; never below 0."""
    paid = value = 0.0
    for lane, instrument in enumerate(result.instruments):
        beyond, is_maker = _beyond_mid(result, lane)
        fills = result.fills[result.fills["instrument"] == lane]
        if len(beyond) == 0:
            continue
        unit = fills["qty_lots"] * float(instrument.lot_size * instrument.contract_size)
        price = fills["price_ticks"] * float(instrument.tick_size)
        worth = unit / price if instrument.kind is ContractKind.INVERSE else unit * price
        paid, value = paid + float(beyond[~is_maker].sum()), value + float(worth[~is_maker].sum())
    return max(0.0, paid / value) if value > 0.0 else 0.0


def _impact_unpaid(result: BacktestResult) -> float | None:
    """By deviation of a day times the root of the share of a day's volume, of each taker; None without volumes."""
    if not str(result.assumptions["own impact"]).startswith("none"):
        return 0.0
    total = 0.0
    for lane, instrument in enumerate(result.instruments):
        fills = result.fills[(result.fills["instrument"] == lane) & ((result.fills["flags"] & _MAKER) == 0)]
        stamps, ticks = result.marks[result.symbols[lane]]
        lots = result.market_lots.get(result.symbols[lane], 0)
        if len(fills) == 0 or instrument.settle != result.settle:
            continue
        if lots <= 0 or len(ticks) < 3:  # noqa: PLR2004 - a deviation takes two returns
            return None
        days = max(float(stamps[-1] - stamps[0]) / _DAY_NS, 1e-9)
        moves = np.diff(np.log(ticks.astype(np.float64)))
        deviation = sqrt(float((moves**2).sum()) / days)
        unit = fills["qty_lots"] * float(instrument.lot_size * instrument.contract_size)
        price = fills["price_ticks"] * float(instrument.tick_size)
        value = unit / price if instrument.kind is ContractKind.INVERSE else unit * price
        total += float((value * deviation * np.sqrt(fills["qty_lots"] / (lots / days))).sum())
    return total


def exposure(result: BacktestResult) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return stamps, and the value of everything held over equity there: 1 is the whole equity."""
    stamps = result.marks[result.symbols[0]][0]
    equity = result.equity[np.clip(np.searchsorted(result.equity_ns, stamps, side="right") - 1, 0, None)]
    held = np.zeros(len(stamps))
    for lane in range(len(result.instruments)):
        held += held_value(result, lane, stamps)
    return stamps, np.divide(held, equity, out=np.zeros(len(stamps)), where=equity > 0.0)


def held_value(result: BacktestResult, lane: int, at_ns: NDArray[np.int64]) -> NDArray[np.float64]:
    """Value of what is held at each stamp, in the settle asset; of other settle assets nothing is counted."""
    instrument = result.instruments[lane]
    stamps, ticks = result.marks[result.symbols[lane]]
    fills = result.fills[result.fills["instrument"] == lane]
    if instrument.settle != result.settle or len(fills) == 0 or len(ticks) == 0:
        return np.zeros(len(at_ns))
    held = np.cumsum(np.where(fills["side"] == 0, fills["qty_lots"], -fills["qty_lots"]))
    at = np.searchsorted(fills["recv_ns"], at_ns, side="right")
    lots = np.abs(np.concatenate([[0], held])[at]).astype(np.float64)
    price = ticks[np.clip(np.searchsorted(stamps, at_ns, side="right") - 1, 0, None)] * float(instrument.tick_size)
    unit = float(instrument.lot_size * instrument.contract_size)
    value: NDArray[np.float64] = lots * unit / price if instrument.kind is ContractKind.INVERSE else lots * unit * price
    return value


def by_regime(result: BacktestResult) -> list[RegimeRow]:
    """Return the result by the regime of the first instrument, as the detector knew it when each period began."""
    period = returns_of(result)
    stamps, ticks = result.marks[result.symbols[0]]
    if period.name is None or len(ticks) == 0:
        return []
    ends = period.ends_ns
    closes = ticks[np.clip(np.searchsorted(stamps, ends, side="right") - 1, 0, None)]
    meter = RegimeMeter(REGIME_RULES)
    known = [-1]
    for before, after in zip(closes[:-2].tolist(), closes[1:-1].tolist(), strict=True):
        known.append(meter.apply(log(after / before)))
    regimes = np.array(known)
    profits = period.returns * period.values[:-1]
    opened = np.clip(np.searchsorted(ends, result.trades["entry_ns"], side="right") - 1, 0, len(known) - 1)
    found = []
    for code in [*range(len(REGIME_NAMES)), -1]:
        mine = regimes == code
        if mine.any():
            ratio = float(sharpe_columns(period.returns[mine, None])[0]) if mine.sum() > 1 else 0.0
            trips = int((regimes[opened] == code).sum()) if len(opened) else 0
            name = _UNKNOWN if code < 0 else REGIME_NAMES[code]
            found.append(RegimeRow(name, float(mine.mean()), float(profits[mine].sum()), ratio, trips))
    return found


def by_part(result: BacktestResult) -> list[PartRow]:
    """Return orders and fills of the strategy by why they were asked for."""
    orders, fills = result.orders, result.fills
    why = orders["reason"][result.order_rows(fills)]
    atoms = 10.0**result.settle_decimals
    found = []
    for reason in sorted(set(orders["reason"].tolist())):
        mine = fills[why == reason]
        name = DecisionReason(reason).name
        word = str(reason) if name is None else name.removeprefix("REASON_").lower().replace("_", " ")
        found.append(
            PartRow(
                f"{result.strategy}: {word}",
                int((orders["reason"] == reason).sum()),
                len(mine),
                int(mine["qty_lots"].sum()),
                float(mine["fee_atoms"].sum()) / atoms,
            )
        )
    return found
