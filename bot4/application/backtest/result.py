"""What came of a backtest: exact where it is money, floats where it is statistics, with the assumptions beside it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from bot4.application.backtest.assumptions import assumptions_of, funding_notes, run_notes
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
#: A round trip: from flat to flat, or through zero; prices are means in ticks, the result is net, in the settle asset.
TRADE_DTYPE = np.dtype(
    [
        ("instrument", "i8"),
        ("side", "i8"),
        ("qty_lots", "i8"),
        ("entry_ns", "i8"),
        ("exit_ns", "i8"),
        ("entry_ticks", "f8"),
        ("exit_ticks", "f8"),
        ("result", "f8"),
    ]
)


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


def make_result(
    assembly: Assembly,
    tape: TapeKeeper,
    settings: Settings,
    *,
    strategy: str,
    sources: tuple[tuple[str, str, int], ...],
    feed: dict[str, int],
    calls: dict[str, int],
    open_orders_left: int,
    venue_clock: bool,
    strategy_latency_ns: int,
    elapsed_s: float,
    cpu_s: float,
    funding: NDArray[np.void],
    market_lots: Mapping[str, int] | None = None,
    mids: Mapping[str, Mids] | None = None,
    impacts: Mapping[str, ImpactSettings] | None = None,
    parts: Mapping[str, float] | None = None,
    notes: tuple[str, ...] = (),
    rated: AbstractSet[int] = frozenset(),
) -> BacktestResult:
    """Read the result off an engine that was drained, and its tape."""
    orders, fills, ends = tape.rows("orders"), tape.rows("fills"), tape.rows("ends")
    refusals, marks = tape.rows("refusals"), tape.rows("marks")
    account, engine, first = assembly.account, assembly.engine, assembly.instruments[0]
    scale = {asset: -account.decimals[index] for index, asset in enumerate(assembly.assets)}
    rows = {asset: account[index] for index, asset in enumerate(assembly.assets)}
    balances = {asset: Decimal(row.available + row.locked).scaleb(scale[asset]) for asset, row in rows.items()}
    fees = {asset: Decimal(row.fees).scaleb(scale[asset]) for asset, row in rows.items()}
    lanes = {item.symbol: engine.lane_counters(lane) for lane, item in enumerate(assembly.instruments)}
    view = engine.view()["lanes"]
    decimals = account.decimals[assembly.asset(first.settle)]
    equity_ns, equity = _equity_curve(marks[marks["instrument"] == 0], decimals)
    equity_start = assembly.opening.get(first.settle, Decimal(0))
    equity_end = Decimal(int(view[0]["equity_atoms"])).scaleb(-decimals)
    equity_ns = np.concatenate([[feed["first_ns"]], equity_ns, [max(feed["last_ns"], engine.now_ns)]])
    equity = np.concatenate([[float(equity_start)], equity, [float(equity_end)]])
    state_hash = engine.state_hash
    return BacktestResult(
        strategy=strategy,
        symbols=tuple(item.symbol for item in assembly.instruments),
        sources=sources,
        seed=settings.run.seed,
        state_hash=state_hash,
        result_hash=_result_hash(state_hash, (orders, fills, ends, refusals, marks, funding), balances),
        rows=feed["rows"],
        first_ns=feed["first_ns"],
        last_ns=feed["last_ns"],
        elapsed_s=elapsed_s,
        cpu_s=cpu_s,
        settle=first.settle,
        balances=balances,
        fees=fees,
        positions={
            item.symbol: item.lots_to_qty(view[lane]["position_lots"]) for lane, item in enumerate(assembly.instruments)
        },
        equity_start=equity_start,
        equity_end=equity_end,
        equity_ns=equity_ns,
        equity=equity,
        marks={
            item.symbol: _marks_of(marks[marks["instrument"] == lane]) for lane, item in enumerate(assembly.instruments)
        },
        orders=orders,
        order_mids=_order_mids(orders, marks, [item.symbol for item in assembly.instruments], mids or {}),
        fills=fills,
        ends=ends,
        refusals=refusals,
        trades=round_trips(fills, assembly),
        funding=funding,
        funding_paid=_funding_paid(funding, assembly),
        counters=lanes,
        calls=calls,
        open_orders_left=open_orders_left,
        instruments=assembly.instruments,
        settle_decimals=decimals,
        parts=_parts_in_money(parts or {}, first),
        market_lots=market_lots or {},
        taker_fee=assembly.contracts[0].fields["taker_rate_e8"] / 1e8,
        assumptions=assumptions_of(
            assembly, settings, strategy_latency_ns, venue_clock=venue_clock, funding=funding, impacts=impacts or {}
        ),
        notes=notes + funding_notes(funding, assembly, rated) + run_notes(lanes, refusals, engine.counters(), calls),
    )


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


def round_trips(fills: NDArray[np.void], assembly: Assembly) -> NDArray[np.void]:
    """Round trips of the fills, instrument by instrument, in the order of their ends."""
    rows: list[tuple[float, ...]] = []
    for lane, instrument in enumerate(assembly.instruments):
        lot = float(instrument.lot_size * instrument.contract_size)
        tick = float(instrument.tick_size)
        decimals = assembly.account.decimals[assembly.asset(instrument.settle)]
        is_inverse = instrument.kind is ContractKind.INVERSE
        rows += _lane_trips(fills[fills["instrument"] == lane], lane, lot, tick, 10.0**decimals, is_inverse=is_inverse)
    trips = np.array(rows, TRADE_DTYPE) if rows else np.zeros(0, TRADE_DTYPE)
    return trips[np.argsort(trips["exit_ns"], kind="stable")]


def _lane_trips(
    fills: NDArray[np.void], lane: int, lot: float, tick: float, atoms: float, *, is_inverse: bool
) -> list[tuple[float, ...]]:
    found: list[tuple[float, ...]] = []
    held = opened = closed = 0
    entry = leave = fees = 0.0
    entry_ns = 0
    columns = (fills[name].tolist() for name in ("side", "price_ticks", "qty_lots", "fee_atoms", "recv_ns"))
    for side, price, lots, fee, stamp in zip(*columns, strict=True):
        signed = lots if side == 0 else -lots
        left = signed
        while left:
            if held == 0:
                opened = closed = 0
                entry = leave = fees = 0.0
                entry_ns = stamp
            if held == 0 or (held > 0) == (left > 0):
                part, held, opened, entry = left, held + left, opened + abs(left), entry + abs(left) * price
            else:
                part = left if abs(left) <= abs(held) else -held
                direction, held = (1 if held > 0 else -1), held + part
                closed, leave = closed + abs(part), leave + abs(part) * price
            fees += fee / atoms * abs(part) / lots
            left -= part
            if held == 0:
                mean_in, mean_out = entry / opened, leave / closed
                if is_inverse:
                    gain = direction * opened * lot * (1.0 / (mean_in * tick) - 1.0 / (mean_out * tick))
                else:
                    gain = direction * opened * lot * (mean_out - mean_in) * tick
                found.append((lane, 0 if direction > 0 else 1, opened, entry_ns, stamp, mean_in, mean_out, gain - fees))
    return found


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
