"""A session put together: data directory, store, source of market data, and where its orders go."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from bot4.bootstrap.control import Beside, kill_switch
from bot4.bootstrap.golive import Admission
from bot4.bootstrap.live_account import require_live, take_account
from bot4.bootstrap.store import open_store
from bot4.bootstrap.venue import open_live_feed, open_recorder, open_venue

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import ExitStack
    from pathlib import Path

    from bot4.adapters.failover.leadership import PostgresLeadership
    from bot4.adapters.storage.data_dir import DataDir
    from bot4.adapters.venues.venue_streams import VenueStreams
    from bot4.application.assembly.shape import InputShape
    from bot4.application.live.account import LiveAccount
    from bot4.application.session.guard import RunGuard
    from bot4.application.session.session import PaperSession
    from bot4.bootstrap.live_account import Unfinished
    from bot4.config import Settings
    from bot4.ports.display import Display
    from bot4.ports.market_feed import MarketFeed


def open_session(
    settings: Settings,
    display: Display,
    *,
    replay: Sequence[Path] = (),
    instrument_files: Sequence[Path] = (),
    market: str | None = None,
    venue: str | None = None,
    symbols: Sequence[str] = (),
    record: Path | None = None,
    live: bool = False,
    accept_balances: bool = False,
    took_over: tuple[PostgresLeadership, DataDir] | None = None,
    speed: float,
    duration_s: float | None = None,
    strategy: object | None = None,
    strategy_latency_ns: int = 0,
    named: tuple[str, Sequence[str]] | None = None,
) -> OpenSession:
    """Put a session together: its data directory, its store, its source of market data.

    Parameters
    ----------
    settings : Settings
        See docs/configuration.md.
    display : Display
        Where the run shows itself.
    replay : sequence of Path
        Recordings to trade over; none plays the synthetic market.
    instrument_files : sequence of Path
        Instrument rules that win over recorded and bundled ones.
    market : str, optional
        ``spot``, ``usdm`` or ``coinm``: of Binance files that do not say.
    venue : str, optional
        ``binance``, ``bybit``, ``coinbase``, ``kraken`` or ``okx``: live market data of `symbols`, traded on paper;
        nothing can send it an order.
    symbols : sequence of str
        Of the venue, in its own spelling; none is bitcoin in dollars.
    record : Path, optional
        A new file for what the venue sends.
    live : bool
        Real orders on the venue instead of paper; asks for everything docs/live.md lists.
    accept_balances : bool
        With `live`: go on with a run that did not end in order where only balances are not as its books have them.
    took_over : PostgresLeadership and DataDir, optional
        Of a standby that has taken over.
    speed : float
        0 for as fast as it goes, 1 for the pace of the stamps; 0 for a venue, whose pace is its own.
    duration_s : float, optional
        Market time to run for.
    strategy : Strategy or CompiledStrategy, optional
        Instead of the built-in policy. One in Python has a thread of its own, but at full speed.
    strategy_latency_ns : int
        From what it is told until its requests reach the desk, where it has no such thread.
    named : tuple of str and sequence of str, optional
        How `strategy` was named, and its arguments: real orders on a venue take evidence, which goes by that.

    Raises
    ------
    ConfigError, DataError, NoInputError
        The input or a setting cannot be used.
    PreflightError
        Real orders were asked for, and something forbids them.
    DataDirError, DataDirBusyError, StoreError, OutputError
        The data directory, the store, the journal or the recording cannot be used.
    UnreachableError
        The venue does not answer.
    KilledError
        The kill switch of the data directory is set.

    """
    from contextlib import ExitStack
    from pathlib import Path

    from bot4._core.sim.latency import Latency
    from bot4.adapters.storage.data_dir import DataDir
    from bot4.application.past.abandoned_runs import end_abandoned
    from bot4.application.session.session import PaperSession
    from bot4.application.session.status_desk import StatusDesk

    switch = kill_switch(Path(settings.run.data_dir))
    switch.require_clear()
    if live:
        require_live(settings, venue)
    streams = open_venue(settings, venue, market, symbols) if venue is not None else None
    if streams is None:
        source, shape = _offline_feed(settings, replay, instrument_files, market)
    with ExitStack() as opened:
        lead, data_dir = took_over or (None, DataDir(Path(settings.run.data_dir)))
        opened.callback(data_dir.close)
        store = open_store(settings, data_dir)
        opened.callback(store.close)
        if streams is not None:
            source, shape = _venue_feed(settings, streams, record, opened)
        account, unfinished, admission = None, None, Admission(settings, streams, strategy, named)
        if live and streams is not None:
            account, unfinished = take_account(
                settings,
                streams,
                data_dir,
                lead,
                opened,
                admit=lambda found: admission.require(found, display.say),
                accept_balances=accept_balances,
            )
        end_abandoned(store, data_dir.runs())
        desk = StatusDesk(display)
        with _run_folder(data_dir, unfinished) as run_dir:
            admission.mark(run_dir, is_live=live)
            session = PaperSession(
                settings,
                source,
                shape,
                store=store,
                run_dir=run_dir,
                display=desk,
                speed=speed,
                duration_s=duration_s,
                account=account,
                strategy=strategy,
                strategy_latency=Latency.fixed(strategy_latency_ns) if strategy_latency_ns else None,
            )
            beside = Beside(settings, switch, session, desk, account=account, store=store)
            opened.callback(beside.stop)
            beside.start(data_dir.path)
        return OpenSession(session, opened.pop_all(), guard=beside.guard, account=account, folder=run_dir)


@contextmanager
def _run_folder(data_dir: DataDir, unfinished: Unfinished | None) -> Iterator[Path]:
    """Yield a run's folder; a new one is taken away where the run does not begin, one that is gone on with stays."""
    from bot4.domain.errors import OutputError

    run_dir = data_dir.new_run() if unfinished is None else unfinished.folder
    try:
        yield run_dir
    except BaseException as error:
        if unfinished is None:
            data_dir.discard(run_dir)
        if isinstance(error, OSError):
            raise OutputError(f"run folder {run_dir} cannot be written: {error.strerror}") from None
        raise


def _venue_feed(
    settings: Settings, streams: VenueStreams, record: Path | None, opened: ExitStack
) -> tuple[MarketFeed, InputShape]:
    """Return a venue's live market, kept in a recording where one is asked for."""
    from bot4.application.assembly.shape import InputShape

    recorder = open_recorder(settings, record)
    if recorder is not None:
        opened.callback(recorder.close)
    return open_live_feed(settings, streams, recorder), InputShape()


def _offline_feed(
    settings: Settings, replay: Sequence[Path], instrument_files: Sequence[Path], market: str | None
) -> tuple[MarketFeed, InputShape]:
    """Return recordings, or the synthetic market where none are named."""
    from bot4.application.assembly.shape import InputShape
    from bot4.domain.instrument import Market

    if not replay:
        return _synthetic_feed(settings, instrument_files), InputShape()
    from bot4.adapters.recordings.replay_feed import ReplayFeed

    source = ReplayFeed(replay, instrument_files=instrument_files, market=None if market is None else Market(market))
    return source, InputShape(
        has_book=source.has_book, bar_interval_ns=source.bar_interval_ns, plays_bars=not source.has_book
    )


def _synthetic_feed(settings: Settings, instrument_files: Sequence[Path]) -> MarketFeed:
    from bot4.adapters.recordings.catalog import InstrumentCatalog
    from bot4.adapters.synthetic.feed import SyntheticFeed
    from bot4.domain.instrument import Market

    instrument = InstrumentCatalog(instrument_files).require("binance", Market.SPOT, settings.synthetic.symbol)
    return SyntheticFeed(instrument, settings.synthetic, seed=settings.run.seed)


class OpenSession:
    """A session with what it holds open: recording, store, data directory; leaving the block closes them.

    Raises
    ------
    StrategyFailedError
        On leaving the block: the session's strategy raised or stalled, and was ended.

    """

    def __init__(
        self,
        session: PaperSession,
        opened: ExitStack,
        *,
        guard: RunGuard,
        account: LiveAccount | None,
        folder: Path,
    ) -> None:
        self.session = session
        self.guard = guard
        self._opened = opened
        self._lead = None if account is None else account.lead
        self._folder = folder

    def __enter__(self) -> PaperSession:
        from bot4.application.past.run_past import JOURNAL_NAME

        if self._lead is not None:
            self._lead.begin(self.session.run_id, self._folder / JOURNAL_NAME)
        return self.session

    def __exit__(self, kind: object, *_: object) -> None:
        from bot4.domain.errors import StrategyFailedError

        if self._lead is not None:
            self._lead.end(in_order=kind is None and not self.session.has_failed)
        self._opened.close()
        strategy = self.session.strategy
        if kind is None and strategy.error is not None:
            raise StrategyFailedError(f"the strategy failed: {strategy.error}")
