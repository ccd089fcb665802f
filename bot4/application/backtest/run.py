"""A backtest: arrays or recordings, the engine that every run has, a strategy, and what came of it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from threading import Thread
from typing import TYPE_CHECKING, Any

import numpy as np

from bot4._core.array_dtypes import BAR_ROWS, FUNDING_PAID, L2_ROWS, QUOTE_ROWS, TRADE_ROWS
from bot4._core.engine.array_feed import ArrayFeed
from bot4._core.engine.feed import Feed
from bot4._core.engine.tape import TapeKeeper
from bot4._core.event_dtype import EVENT_DTYPE
from bot4._core.sim.latency import Latency
from bot4.application.assembly.assembly import assemble
from bot4.application.assembly.shape import InputShape
from bot4.application.backtest.assumptions import row_notes, unread_notes
from bot4.application.backtest.measured_impact import measured_impacts
from bot4.application.backtest.recorded_events import recorded_events
from bot4.application.backtest.result import BacktestResult, Ran, make_result
from bot4.application.backtest.settlements import funding_sources, settlements_of
from bot4.application.past.keeper import opening_of
from bot4.domain.errors import DataError
from bot4.domain.instrument import Instrument
from bot4.strategy.base import CompiledStrategy, host_strategy, strategy_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from collections.abc import Set as AbstractSet

    from numpy.typing import NDArray

    from bot4._core.engine.strategy import StrategyHost
    from bot4.application.backtest.result import Mids
    from bot4.application.backtest.settlements import RecordedRates
    from bot4.config import ImpactSettings, Settings
    from bot4.ports.market_feed import MarketFeed

    Rows = NDArray[np.void]
    Data = Rows | Sequence[Rows] | Mapping[str, Rows | Sequence[Rows]]

# Stage times are taken of one message in this many: they are paper's and live's business.
_SAMPLE_EVERY = 1 << 16
_PROGRESS_S = 0.2


def run_backtest(
    data: Data,
    instruments: Instrument | Sequence[Instrument],
    strategy: object | None,
    settings: Settings,
    *,
    venue_clock: bool = True,
    strategy_latency_ns: int = 0,
    progress: Callable[[int, int], None] | None = None,
    notes: tuple[str, ...] = (),
    funding: Rows | Mapping[str, Rows] | None = None,
) -> BacktestResult:
    """Run a strategy over arrays; see `bot4.backtest`, which this is behind."""
    lanes = (instruments,) if isinstance(instruments, Instrument) else tuple(instruments)
    sources = _sources(data, lanes)
    shape = _shape([rows for _, rows in sources])
    impacts = measured_impacts(settings.impact, lanes, sources)
    run = _Run(lanes, shape, strategy, settings, strategy_latency_ns=strategy_latency_ns, impacts=impacts)
    feed = ArrayFeed(run.assembly.engine, venue_clock=venue_clock and shape.bar_interval_ns is None)
    # Before the market's rows: of equal stamps a settlement comes first, on what was held before.
    paying, more_notes = funding_sources(funding, lanes, sources)
    for lane, rows in (*paying, *sources):
        feed.add(rows, lane)
    with run.timed():
        feed.run(progress, hold_gil=_is_python(strategy))
    names = tuple((lanes[lane].symbol, _KIND_NAMES.get(rows.dtype, "events"), len(rows)) for lane, rows in sources)
    more_notes += row_notes(sources, [item.symbol for item in lanes])
    counters = feed.counters()
    counters["rows"] -= sum(len(rows) for _, rows in paying)
    return run.result(
        names, counters, venue_clock=venue_clock, notes=notes + more_notes, funding=feed.funding() if paying else None,
        rated={lane for lane, _ in paying},
        market_lots={instrument.symbol: _lots_of(sources, lane) for lane, instrument in enumerate(lanes)},
        mids={item.symbol: mids for lane, item in enumerate(lanes) if (mids := _mids_of(sources, lane)) is not None},
    )  # fmt: skip


def replay_backtest(
    source: MarketFeed,
    shape: InputShape,
    strategy: object | None,
    settings: Settings,
    *,
    strategy_latency_ns: int = 0,
    progress: Callable[[int, int], None] | None = None,
    funding: Rows | Mapping[str, Rows] | None = None,
    recorded: RecordedRates | None = None,
) -> BacktestResult:
    """Run a strategy over recordings, as they are read; the venue lives by our receive stamps.

    With funding, given or `recorded` in the source, a recording is read whole first, 64 bytes an event, and the
    settlements are merged in by time. Rates given for a symbol win over recorded ones.
    """
    run = _Run(source.instruments, shape, strategy, settings, strategy_latency_ns=strategy_latency_ns)
    if funding is not None or recorded is not None:
        return _replay_settled(run, source, (funding, recorded), progress, hold_gil=_is_python(strategy))
    feed = Feed(run.assembly.scanner, run.assembly.engine)
    with run.timed():
        if progress is None:
            source.run(feed)
        else:
            _run_watched(source, feed, progress)
    if source.damage is not None:
        raise DataError(f"the input is damaged: {source.damage}")
    fed = feed.counters()
    counters = {"rows": run.assembly.engine.counters()["events"], **{key: fed[key] for key in ("first_ns", "last_ns")}}
    notes = (*source.notes, *unread_notes(fed["rejected"]))
    return run.result(((source.name, "recording", fed["messages"]),), counters, venue_clock=False, notes=notes)


def _replay_settled(
    run: _Run,
    source: MarketFeed,
    rates: tuple[Rows | Mapping[str, Rows] | None, RecordedRates | None],
    progress: Callable[[int, int], None] | None,
    *,
    hold_gil: bool,
) -> BacktestResult:
    tell = progress or (lambda _done, _total: None)
    events, fed = recorded_events(
        source, run.assembly.scanner, run.assembly.engine, lambda share: tell(round(500 * share), 1_000)
    )
    if source.damage is not None:
        raise DataError(f"the input is damaged: {source.damage}")
    lanes = source.instruments
    paying, notes = settlements_of(*rates, lanes, [(lane, events) for lane in range(len(lanes))])
    feed = ArrayFeed(run.assembly.engine)
    for lane, rows in (*paying, (0, events)):
        feed.add(rows, lane)
    with run.timed():
        feed.run(lambda done, total: tell(500 + 500 * done // max(1, total), 1_000), hold_gil=hold_gil)
    counters = feed.counters()
    counters["rows"] = len(events)
    return run.result(
        ((source.name, "recording", fed["messages"]),), counters, venue_clock=False,
        notes=(*source.notes, *unread_notes(fed["rejected"]), *notes), funding=feed.funding(),
        rated={lane for lane, _ in paying},
    )  # fmt: skip


def _is_python(strategy: object | None) -> bool:
    return strategy is not None and not isinstance(strategy, CompiledStrategy)


def _run_watched(source: MarketFeed, feed: Feed, progress: Callable[[int, int], None]) -> None:
    """Feed in a thread of its own and tell how far it is, in thousandths, from this one."""
    failure: list[BaseException] = []

    def run() -> None:
        try:
            source.run(feed)
        except BaseException as error:  # noqa: BLE001 - raised again by the thread that waits
            failure.append(error)

    feeding = Thread(target=run, name="bot4-feed", daemon=True)
    feeding.start()
    try:
        while feeding.is_alive():
            feeding.join(_PROGRESS_S)
            progress(round(1_000 * (source.progress or 0.0)), 1_000)
    except BaseException:
        feed.stop()
        feeding.join()
        raise
    if failure:
        raise failure[0]


class _Run:
    """An engine with a tape and a strategy, and the result read off them once it was fed."""

    def __init__(
        self,
        lanes: tuple[Instrument, ...],
        shape: InputShape,
        strategy: object | None,
        settings: Settings,
        *,
        strategy_latency_ns: int,
        impacts: Mapping[str, ImpactSettings] | None = None,
    ) -> None:
        self._impacts = impacts or {}
        self._settings, self._latency_ns, self._strategy = settings, strategy_latency_ns, strategy
        self.assembly = assemble(
            settings, lanes, journal=None, shape=shape, sample_every=_SAMPLE_EVERY, impacts=impacts
        )
        self._tape = TapeKeeper()
        # Orders are numbered as by a run on paper, whose journal begins with these records.
        opening = opening_of(self.assembly, "paper", {})
        self.assembly.engine.set_tape(self._tape, records_before=sum(1 for _ in opening.pieces()))
        self._host: StrategyHost | None = None
        if strategy is not None:
            latency = Latency.fixed(strategy_latency_ns) if strategy_latency_ns else None
            self._host = host_strategy(
                strategy, self.assembly.engine, instruments=lanes, latency=latency, seed=settings.run.seed
            )
        self._elapsed_s = self._cpu_s = 0.0

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Measure what is inside."""
        started_s, started_cpu_s = time.perf_counter(), time.process_time()
        yield
        self._elapsed_s, self._cpu_s = time.perf_counter() - started_s, time.process_time() - started_cpu_s

    def result(
        self,
        sources: tuple[tuple[str, str, int], ...],
        feed: dict[str, int],
        *,
        venue_clock: bool,
        notes: tuple[str, ...] = (),
        funding: Rows | None = None,
        market_lots: Mapping[str, int] | None = None,
        mids: Mapping[str, Mids] | None = None,
        rated: AbstractSet[int] = frozenset(),
    ) -> BacktestResult:
        """End the run in order, and say what came of it; raises what a Python strategy raised."""
        open_orders_left = self.assembly.engine.drain()
        if self._host is not None and self._host.error is not None:
            raise self._host.error
        if self._tape.lost:
            raise MemoryError(f"there was no memory for {self._tape.lost} rows of the result")
        ran = Ran(
            strategy=None if self._strategy is None else strategy_name(self._strategy),
            sources=sources,
            feed=feed,
            calls={} if self._host is None else self._host.counters(),
            open_orders_left=open_orders_left,
            venue_clock=venue_clock,
            strategy_latency_ns=self._latency_ns,
            elapsed_s=self._elapsed_s,
            cpu_s=self._cpu_s,
            funding=np.zeros(0, FUNDING_PAID) if funding is None else funding,
            rated=rated,
            notes=notes,
            market_lots=market_lots or {},
            mids=mids or {},
            impacts=self._impacts,
            parts=_parts_of(self._strategy),
        )
        return make_result(self.assembly, self._tape, self._settings, ran)


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


def _parts_of(strategy: object | None) -> dict[str, float]:
    parts = getattr(strategy, "parts", None)
    return dict(parts()) if callable(parts) else {}


def _lots_of(sources: Sequence[tuple[int, Rows]], lane: int) -> int:
    """Return what was traded on the market; bars tell it where there are any, else prints."""
    for dtype, name in ((BAR_ROWS, "volume_lots"), (TRADE_ROWS, "qty_lots")):
        lots = [int(rows[name].sum()) for at, rows in sources if at == lane and rows.dtype == dtype]
        if lots:
            return max(lots)
    return 0


def _mids_of(sources: Sequence[tuple[int, Rows]], lane: int) -> Mids | None:
    """Return stamps and prices of one array of quotes, bars or prints; None where the market is told otherwise."""
    mine = [rows for at, rows in sources if at == lane]
    best = next((rows for kind in (QUOTE_ROWS, BAR_ROWS, TRADE_ROWS) for rows in mine if rows.dtype == kind), None)
    if best is None or any(rows.dtype in {L2_ROWS, EVENT_DTYPE} for rows in mine):
        return None
    if sum(rows.dtype == best.dtype for rows in mine) > 1:
        return None
    if best.dtype == QUOTE_ROWS:
        return best["recv_ns"], (best["bid_ticks"], best["ask_ticks"])
    if best.dtype == BAR_ROWS:
        return best["close_ns"], (best["close_ticks"],)
    return best["recv_ns"], (best["price_ticks"],)


def _shape(arrays: Sequence[Rows]) -> InputShape:
    """Say whether there is a book, and how long the bars are where there is nothing but bars."""
    kinds = {rows.dtype for rows in arrays}
    if kinds == {BAR_ROWS}:
        spans = np.concatenate([rows["close_ns"][:1] - rows["open_ns"][:1] for rows in arrays])
        if int(spans.min()) <= 0:
            raise DataError("a bar closes after it opens")
        return InputShape(has_book=False, bar_interval_ns=int(spans.max()))
    return InputShape(
        has_book=bool(kinds & {QUOTE_ROWS, L2_ROWS, EVENT_DTYPE}), has_bars=bool(kinds & {BAR_ROWS, EVENT_DTYPE})
    )
