"""What came of a backtest: exact where it is money, floats where it is statistics, with the assumptions beside it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import orjson

from bot4.application.backtest.assumptions import assumptions_of, funding_notes, run_notes
from bot4.application.backtest.round_trips import round_trips
from bot4.domain.instrument import ContractKind

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet

    from numpy.typing import NDArray

    from bot4._core.engine.tape import TapeKeeper
    from bot4.application.assembly.assembly import Assembly
    from bot4.config import ImpactSettings, Settings
    from bot4.domain.instrument import Instrument

    # Stamps, and the columns of prices in ticks whose mean is the mid.
    Mids = tuple[NDArray[np.int64], tuple[NDArray[np.int64], ...]]

_WORD = 1 << 64


@dataclass(frozen=True)
class BacktestResult:
    """Result of one run.

    Attributes
    ----------
    state_hash, result_hash : str
        Of the engine at the end, and of that with every order, fill and balance: equal for equal input and seed.
    balances, fees : mapping of str to Decimal
        By asset at the end, exact. Locked amounts are included.
    positions : mapping of str to Decimal
        By symbol, quantity held at the end.
    equity_start, equity_end : Decimal
        Of the first instrument's settle asset, what is held valued at the mid, exact.
    equity_ns, equity : ndarray
        The curve of it: stamps, and values as floats.
    marks : mapping of str to ndarray
        By symbol: the mid in ticks at the stamps of its equity points.
    orders, fills, ends, refusals : ndarray
        INTENT_DTYPE, ORDER_DTYPE, ORDER_DTYPE and REFUSAL_DTYPE: orders placed, fills of them, orders that were
        canceled, expired or rejected, and requests refused before they became an order.
    order_mids : ndarray[float64]
        Of each order placed: the mid in ticks when it was sent, as the rows given tell it (bars: their close, prints:
        the last one); for depth and recordings the last one marked.
    trades : ndarray[TRADE_DTYPE]
        Round trips; funding is not in their results.
    funding : ndarray
        FUNDING_PAID: what was paid or received at each settlement, exact; empty where no rates were given.
    funding_paid : mapping of str to Decimal
        Of it, by asset; below 0 where more was received.
    counters : mapping of str to mapping
        Of each lane.
    parts : mapping of str to float
        What parts of the strategy earned before costs, in the settle asset, where it tells them.
    market_lots : mapping of str to int
        By symbol: what was traded on the market, as bars or prints tell it; 0 where they do not.
    expected_bps : float or None
        What an order whose strategy does not say was held to be worth before costs; None where the reasoned policy
        decided, which measures it.
    assumptions : mapping
        What the simulated exchange assumed.
    notes : tuple of str
        What a reader has to know.

    """

    strategy: str
    symbols: tuple[str, ...]
    sources: tuple[tuple[str, str, int], ...]
    seed: int
    state_hash: str
    result_hash: str
    rows: int
    first_ns: int
    last_ns: int
    elapsed_s: float
    cpu_s: float
    settle: str
    balances: Mapping[str, Decimal]
    fees: Mapping[str, Decimal]
    positions: Mapping[str, Decimal]
    equity_start: Decimal
    equity_end: Decimal
    equity_ns: NDArray[np.int64]
    equity: NDArray[np.float64]
    marks: Mapping[str, tuple[NDArray[np.int64], NDArray[np.int64]]]
    orders: NDArray[np.void]
    order_mids: NDArray[np.float64]
    fills: NDArray[np.void]
    ends: NDArray[np.void]
    refusals: NDArray[np.void]
    trades: NDArray[np.void]
    funding: NDArray[np.void]
    funding_paid: Mapping[str, Decimal]
    counters: Mapping[str, Mapping[str, Any]]
    calls: Mapping[str, int]
    open_orders_left: int
    instruments: tuple[Instrument, ...]
    settle_decimals: int
    parts: Mapping[str, float]
    market_lots: Mapping[str, int]
    taker_fee: float
    expected_bps: float | None
    assumptions: Mapping[str, Any]
    notes: tuple[str, ...]

    @property
    def profit(self) -> Decimal:
        """Equity at the end less that at the start."""
        return self.equity_end - self.equity_start

    @property
    def drawdown(self) -> NDArray[np.float64]:
        """Share lost from the highest equity so far, at each point of the curve; above 1 where equity is negative."""
        peak = np.maximum.accumulate(self.equity)
        return np.divide(peak - self.equity, peak, out=np.zeros_like(peak), where=peak > 0)

    @property
    def drawdown_max(self) -> float:
        """The greatest of it."""
        return float(self.drawdown.max(initial=0.0))

    def order_rows(self, fills: NDArray[np.void]) -> NDArray[np.int64]:
        """Return the row of each fill's order in `orders`."""
        if len(fills) == 0:
            return np.zeros(0, np.int64)
        order = np.argsort(self.orders["order_id"])
        return order[np.searchsorted(self.orders["order_id"][order], fills["order_id"])]


@dataclass(frozen=True)
class Ran:
    """What a run tells of itself, beside its engine and its tape; no strategy is the policy of the settings."""

    strategy: str | None
    sources: tuple[tuple[str, str, int], ...]
    feed: Mapping[str, int]
    calls: dict[str, int]
    open_orders_left: int
    venue_clock: bool
    strategy_latency_ns: int
    elapsed_s: float
    cpu_s: float
    funding: NDArray[np.void]
    rated: AbstractSet[int]
    notes: tuple[str, ...]
    market_lots: Mapping[str, int]
    mids: Mapping[str, Mids]
    impacts: Mapping[str, ImpactSettings]
    parts: Mapping[str, float]


def make_result(assembly: Assembly, tape: TapeKeeper, settings: Settings, ran: Ran) -> BacktestResult:
    """Read the result off an engine that was drained, and its tape."""
    rows = {name: tape.rows(name) for name in ("orders", "fills", "ends", "refusals", "marks")}
    orders, fills, marks = rows["orders"], rows["fills"], rows["marks"]
    engine, first, lanes = assembly.engine, assembly.instruments[0], tuple(enumerate(assembly.instruments))
    balances, fees = _account(assembly)
    curve, state_hash = _curve(assembly, ran.feed, marks), engine.state_hash
    counters = {item.symbol: engine.lane_counters(lane) for lane, item in lanes}
    view = engine.view()["lanes"]
    return BacktestResult(
        strategy=f"{settings.strategy.policy} policy" if ran.strategy is None else ran.strategy,
        symbols=tuple(item.symbol for item in assembly.instruments),
        sources=ran.sources,
        seed=settings.run.seed,
        state_hash=state_hash,
        result_hash=_result_hash(state_hash, (*rows.values(), ran.funding), balances),
        rows=ran.feed["rows"],
        first_ns=ran.feed["first_ns"],
        last_ns=ran.feed["last_ns"],
        elapsed_s=ran.elapsed_s,
        cpu_s=ran.cpu_s,
        settle=first.settle,
        balances=balances,
        fees=fees,
        positions={item.symbol: item.lots_to_qty(view[lane]["position_lots"]) for lane, item in lanes},
        equity_start=curve.start,
        equity_end=curve.end,
        equity_ns=curve.stamps_ns,
        equity=curve.values,
        marks={item.symbol: _marks_of(marks[marks["instrument"] == lane]) for lane, item in lanes},
        orders=orders,
        order_mids=_order_mids(orders, marks, [item.symbol for item in assembly.instruments], ran.mids),
        fills=fills,
        ends=rows["ends"],
        refusals=rows["refusals"],
        trades=round_trips(fills, assembly),
        funding=ran.funding,
        funding_paid=_funding_paid(ran.funding, assembly),
        counters=counters,
        calls=ran.calls,
        open_orders_left=ran.open_orders_left,
        instruments=assembly.instruments,
        settle_decimals=assembly.account.decimals[assembly.asset(first.settle)],
        parts=_parts_in_money(ran.parts, first),
        market_lots=ran.market_lots,
        taker_fee=assembly.contracts[0].fields["taker_rate_e8"] / 1e8,
        expected_bps=settings.strategy.expected_bps if ran.strategy is not None or not assembly.policies else None,
        assumptions=assumptions_of(
            assembly, settings, ran.strategy_latency_ns, venue_clock=ran.venue_clock, funding=ran.funding,
            impacts=ran.impacts,
        ),
        notes=(
            *ran.notes, *funding_notes(ran.funding, assembly, ran.rated),
            *run_notes(counters, rows["refusals"], engine.counters(), ran.calls),
        ),
    )  # fmt: skip


class _Curve(NamedTuple):
    """Equity: exact at both ends, as floats in between."""

    start: Decimal
    end: Decimal
    stamps_ns: NDArray[np.int64]
    values: NDArray[np.float64]


def _curve(assembly: Assembly, feed: Mapping[str, int], marks: NDArray[np.void]) -> _Curve:
    settle, engine = assembly.instruments[0].settle, assembly.engine
    decimals = assembly.account.decimals[assembly.asset(settle)]
    stamps, values = _equity_curve(marks[marks["instrument"] == 0], decimals)
    start = assembly.opening.get(settle, Decimal(0))
    end = Decimal(int(engine.view()["lanes"][0]["equity_atoms"])).scaleb(-decimals)
    return _Curve(
        start,
        end,
        np.concatenate([[feed["first_ns"]], stamps, [max(feed["last_ns"], engine.now_ns)]]),
        np.concatenate([[float(start)], values, [float(end)]]),
    )


def _account(assembly: Assembly) -> tuple[dict[str, Decimal], dict[str, Decimal]]:
    """Return balances and fees by asset."""
    account = assembly.account
    scale = {asset: -account.decimals[index] for index, asset in enumerate(assembly.assets)}
    rows = {asset: account[index] for index, asset in enumerate(assembly.assets)}
    balances = {asset: Decimal(row.available + row.locked).scaleb(scale[asset]) for asset, row in rows.items()}
    return balances, {asset: Decimal(row.fees).scaleb(scale[asset]) for asset, row in rows.items()}


def _order_mids(
    orders: NDArray[np.void], marks: NDArray[np.void], symbols: list[str], mids: Mapping[str, Mids]
) -> NDArray[np.float64]:
    found = np.zeros(len(orders))
    for lane, symbol in enumerate(symbols):
        mine = orders["instrument"] == lane
        if symbol in mids:
            stamps, columns = mids[symbol]
        else:
            stamps, ticks = _marks_of(marks[marks["instrument"] == lane])
            columns = (ticks,)
        if mine.any() and len(stamps):
            at = np.clip(np.searchsorted(stamps, orders["ts_ns"][mine], side="right") - 1, 0, None)
            # Only where an order was: a mid of every row would take as much memory as the rows.
            found[mine] = sum(column[at] for column in columns) / len(columns)
    return found


def _marks_of(marks: NDArray[np.void]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    return marks["ts_ns"].copy(), marks["mark_ticks"].copy()


def _equity_curve(marks: NDArray[np.void], decimals: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    # 128-bit atoms as floats: curves are drawn and measured, money is read off the account.
    atoms = marks["equity_high"].astype(np.float64) * float(_WORD) + marks["equity_low"].astype(np.float64)
    return marks["ts_ns"].astype(np.int64), atoms / 10.0**decimals


def _result_hash(state_hash: str, rows: tuple[NDArray[np.void], ...], balances: Mapping[str, Decimal]) -> str:
    digest = hashlib.sha256(state_hash.encode())
    for array in rows:
        digest.update(array.tobytes())
    digest.update(orjson.dumps({asset: f"{amount:f}" for asset, amount in sorted(balances.items())}))
    return digest.hexdigest()[:16]


def _funding_paid(funding: NDArray[np.void], assembly: Assembly) -> dict[str, Decimal]:
    paid: dict[str, Decimal] = {}
    for lane in sorted(set(funding["instrument"].tolist())):
        asset = assembly.instruments[lane].settle
        atoms = sum(funding["atoms"][funding["instrument"] == lane].tolist())
        scaled = Decimal(atoms).scaleb(-assembly.account.decimals[assembly.asset(asset)])
        paid[asset] = paid.get(asset, Decimal(0)) + scaled
    return paid


def _parts_in_money(parts: Mapping[str, float], instrument: Instrument) -> dict[str, float]:
    """Value ticks times lots of the first instrument; of a coin-settled one they are no amount of anything."""
    if instrument.kind is ContractKind.INVERSE:
        return {}
    unit = float(instrument.tick_size) * float(instrument.lot_size)
    return {name: float(ticklots) * unit for name, ticklots in parts.items()}
