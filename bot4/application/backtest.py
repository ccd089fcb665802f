"""A backtest: arrays, the engine that every run has, a strategy, and what came of it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from bot4._core.engine.array_feed import BAR_ROWS, L2_ROWS, QUOTE_ROWS, ArrayFeed
from bot4._core.engine.tape import TapeKeeper
from bot4._core.event_dtype import EVENT_DTYPE
from bot4._core.sim.latency import Latency
from bot4.application.assembly import InputShape, assemble
from bot4.application.backtest_result import BacktestResult, make_result
from bot4.domain.errors import DataError
from bot4.domain.instrument import Instrument
from bot4.strategy.base import CompiledStrategy, host_strategy, strategy_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from bot4._core.engine.strategy import StrategyHost
    from bot4._core.journal.stream import Journal
    from bot4.config import Settings

    Rows = NDArray[np.void]
    Data = Rows | Sequence[Rows] | Mapping[str, Rows | Sequence[Rows]]

# Stage times are taken of one message in this many: they are paper's and live's business.
_SAMPLE_EVERY = 1 << 16


def run_backtest(
    data: Data,
    instruments: Instrument | Sequence[Instrument],
    strategy: object | None,
    settings: Settings,
    *,
    venue_clock: bool = True,
    strategy_latency_ns: int = 0,
    journal: Journal | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> BacktestResult:
    """Run a strategy over arrays; see `bot4.backtest`, which this is behind."""
    lanes = (instruments,) if isinstance(instruments, Instrument) else tuple(instruments)
    sources = _sources(data, lanes)
    shape = _shape([rows for _, rows in sources])
    assembly = assemble(settings, lanes, journal=journal, shape=shape, sample_every=_SAMPLE_EVERY)
    tape = TapeKeeper()
    assembly.engine.set_tape(tape)
    host: StrategyHost | None = None
    if strategy is not None:
        latency = Latency.fixed(strategy_latency_ns) if strategy_latency_ns else None
        host = host_strategy(strategy, assembly.engine, latency=latency, seed=settings.run.seed)
    feed = ArrayFeed(assembly.engine, venue_clock=venue_clock and shape.bar_interval_ns is None)
    for lane, rows in sources:
        feed.add(rows, lane)
    is_python = host is not None and not isinstance(strategy, CompiledStrategy)
    started_s, started_cpu_s = time.perf_counter(), time.process_time()
    feed.run(progress, hold_gil=is_python)
    elapsed_s, cpu_s = time.perf_counter() - started_s, time.process_time() - started_cpu_s
    open_orders_left = assembly.engine.drain()
    if host is not None and host.error is not None:
        raise host.error
    if tape.lost:
        raise MemoryError(f"there was no memory for {tape.lost} rows of the result")
    return make_result(
        assembly,
        tape,
        settings,
        strategy="linear policy" if strategy is None else strategy_name(strategy),
        sources=tuple((lanes[lane].symbol, _KIND_NAMES.get(rows.dtype, "events"), len(rows)) for lane, rows in sources),
        feed=feed.counters(),
        calls={} if host is None else host.counters(),
        open_orders_left=open_orders_left,
        venue_clock=venue_clock,
        strategy_latency_ns=strategy_latency_ns,
        elapsed_s=elapsed_s,
        cpu_s=cpu_s,
    )


_KIND_NAMES: dict[Any, str] = {QUOTE_ROWS: "quotes", L2_ROWS: "L2 rows", BAR_ROWS: "bars"}


def _sources(data: Data, lanes: tuple[Instrument, ...]) -> list[tuple[int, Rows]]:
    """Arrays with their lanes, in the order given."""
    index = {instrument.symbol: lane for lane, instrument in enumerate(lanes)}
    if not lanes or len(index) != len(lanes):
        raise DataError(f"a backtest needs instruments that differ, was given {[item.symbol for item in lanes]}")
    if not isinstance(data, Mapping):
        if len(lanes) != 1:
            raise DataError(f"data of {len(lanes)} instruments is a mapping from symbol to arrays")
        data = {lanes[0].symbol: data}
    unknown = sorted(set(data) - set(index))
    if unknown:
        raise DataError(f"data names {unknown[0]!r}, which is none of the instruments {sorted(index)}")
    sources = [
        (index[symbol], rows)
        for symbol, given in data.items()
        for rows in ([given] if isinstance(given, np.ndarray) else given)
    ]
    if sum(len(rows) for _, rows in sources) == 0:
        raise DataError("there is not one row to run over")
    return sources


def _shape(arrays: Sequence[Rows]) -> InputShape:
    """Say whether there is a book, and how long the bars are where there is nothing but bars."""
    kinds = {rows.dtype for rows in arrays}
    if kinds == {BAR_ROWS}:
        spans = np.concatenate([rows["close_ns"][:1] - rows["open_ns"][:1] for rows in arrays])
        if int(spans.min()) <= 0:
            raise DataError("a bar closes after it opens")
        return InputShape(has_book=False, bar_interval_ns=int(spans.max()))
    return InputShape(has_book=bool(kinds & {QUOTE_ROWS, L2_ROWS, EVENT_DTYPE}))
