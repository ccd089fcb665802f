"""A paper session: feed, shard, journal, store and screen, from the first frame to the summary.

Threads: one feeds; with a pace (``speed > 0``) one more runs the shard behind its ring, at full speed the feeding
thread applies events itself; one syncs the journal; the caller's thread shows, projects and listens for the end.
Whatever ends the run - the input, `--duration`, a signal, a failure - the end is the same: no new decisions, working
orders cancelled and their answers awaited, everything flushed, a summary written.
"""

from __future__ import annotations

import errno
import os
import time
from datetime import UTC, datetime
from functools import partial
from threading import Event as Flag
from threading import Thread
from typing import TYPE_CHECKING, Any

import msgspec

from bot4._core.clock import SystemClock
from bot4._core.engine.link import VenueLink
from bot4._core.engine.shard import ControlCode
from bot4.application.assembly.assembly import Assembly, assemble
from bot4.application.assembly.opening import ExternalVenue
from bot4.application.commands.gateway import ControlGateway
from bot4.application.commands.handlers import CommandHandlers
from bot4.application.live.degraded import Degraded
from bot4.application.live.run import end_trading, make_gateway
from bot4.application.live.shard_kill import ShardKill
from bot4.application.past.keeper import RunKeeper
from bot4.application.past.run_past import JOURNAL_NAME
from bot4.application.session.failure import Failure, SessionFailedError
from bot4.application.session.parts import make_feed, make_projector, make_runner, open_journal, progress_of
from bot4.application.session.run_entry import enter_run
from bot4.application.session.strategy_keeper import StrategyKeeper
from bot4.application.session.summary import summarise
from bot4.application.session.view import run_view
from bot4.config import settings_to_dict
from bot4.domain.errors import Bot4Error, DataError, FatalError

if TYPE_CHECKING:
    from pathlib import Path

    from bot4._core.engine.engine import Engine
    from bot4._core.sim.latency import Latency
    from bot4.application.assembly.shape import InputShape
    from bot4.application.commands.bus import CommandBus
    from bot4.application.live.account import LiveAccount
    from bot4.application.live.gateway import LiveGateway
    from bot4.application.records.projector import Projector
    from bot4.config import Settings
    from bot4.dto.summary import RunSummary
    from bot4.ports.display import Display
    from bot4.ports.market_feed import MarketFeed
    from bot4.ports.run_view import RunView
    from bot4.ports.unit_of_work import Store

_JOIN_S = 30.0
_IO_EXIT_CODE = 74


class PaperSession:
    """One run of the engine on paper.

    Parameters
    ----------
    settings : Settings
    source : MarketFeed
        What to trade on.
    shape : InputShape
        What that input can tell.
    store : Store
    run_dir : Path
        An existing folder of this run's own; the journal goes there.
    display : Display
    speed : float
        0: as fast as it goes; 1: the pace of the stamps.
    duration_s : float or None
        Market time to run for; None runs to the end of the input.
    account : LiveAccount or None
        Where real orders go; None trades on paper.
    strategy : Strategy or CompiledStrategy or None
        What decides instead of the policy; `strategy_latency` is its own, where it has no thread of its own.

    `run` is called once, by one thread; `stop` by any thread or signal handler.

    Raises
    ------
    ConfigError
        A setting does not fit an instrument.

    """

    def __init__(
        self,
        settings: Settings,
        source: MarketFeed,
        shape: InputShape,
        *,
        store: Store,
        run_dir: Path,
        display: Display,
        speed: float = 0.0,
        duration_s: float | None = None,
        account: LiveAccount | None = None,
        strategy: object | None = None,
        strategy_latency: Latency | None = None,
    ) -> None:
        self._settings = settings
        self._source = source
        self._store = store
        self._display = display
        self._duration_ns = round(duration_s * 1e9) if duration_s else 0
        self._stopping = Flag()
        self._interrupted = False
        self._failure: Failure | None = None
        self.run_id = run_dir.name
        self.notes: list[str] = []  # what those who look after the run have to say of it
        self._plain_settings = settings_to_dict(settings)
        self._journal_path = run_dir / JOURNAL_NAME
        self._put_together(shape, account)
        self._runner = make_runner(settings, source, self.assembly, speed)
        self._feed = make_feed(source, self.assembly, self._runner, speed=speed, duration_ns=self._duration_ns)
        own = (strategy, self.assembly, self._runner, settings)
        self.strategy = StrategyKeeper(*own, on_error=self.stop, say=display.say, latency=strategy_latency)
        self._gateway: LiveGateway | None = None
        if account is not None:
            self._gateway = make_gateway(
                account, self.assembly, self._runner, epoch=self._journal.epoch, on_halt=self._halt
            )
        self.killable = ShardKill(self.assembly, self._runner, self._gateway, self.stop)
        by_symbol = {instrument.symbol: instrument for instrument in source.instruments}
        gateway = ControlGateway(self._runner or self.assembly.engine, by_symbol)
        handlers = CommandHandlers(gateway, store, self.run_id, by_symbol, now_ns=SystemClock().wall_ns)
        self.bus: CommandBus = handlers.bus()
        self._started_utc = datetime.now(UTC).isoformat(timespec="seconds")
        self._started_s = time.monotonic()
        self._fed_s = 0.0

    def _put_together(self, shape: InputShape, account: LiveAccount | None) -> None:
        """Open the journal and build the engine over it: a new one, or one that a run's past is read back into."""
        settings, instruments = self._settings, self._source.instruments
        now_ns = SystemClock().wall_ns()
        epoch = 1 if account is None else account.epoch
        self._journal = open_journal(settings, self._plain_settings, self._journal_path, now_ns, epoch)
        past = None if account is None else account.past
        # The reopening wrote a record of its own behind the last one there was.
        self._kept_seq = None if past is None else self._journal.next_seq - 2
        balances = {} if account is None else account.balances if past is None else past.opening.balances
        self._keeper = RunKeeper(self._journal, self._journal_path, settings.journal.snapshot_interval_ms / 1_000)

        def build() -> Engine:
            external = None if account is None else ExternalVenue(VenueLink(), balances)
            self.assembly: Assembly = assemble(
                settings, instruments, journal=self._journal, shape=shape, external=external
            )
            return self.assembly.engine

        if past is None:
            build()
            self._keeper.write_opening(self.assembly, "paper" if account is None else account.place, balances, now_ns)
        else:
            self._keeper.read_back(build, () if account is None else account.accepted, now_ns)

    @property
    def has_failed(self) -> bool:
        """Whether a failure ended it."""
        return self._failure is not None

    def stop(self) -> None:
        """Ask for the orderly end of the run; takes no lock, so a signal handler may call it."""
        self._interrupted = True
        self._feed.stop()

    def run(self) -> RunSummary:
        """Run to the end of the input, of the duration, or to `stop`; returns the summary.

        Raises
        ------
        SessionFailedError
            The journal, the store or the input failed. Orders were cancelled and the summary written all the same.

        """
        enter_run(self._store, self.run_id, self._started_utc, self._source.name, self._settings)
        projector = make_projector(
            self._journal_path,
            self._store,
            self.run_id,
            self.assembly,
            of_venue=self._gateway is not None,
            kept_seq=self._kept_seq,
        )
        feeding = Thread(target=self._feed_all, name="bot4-feed", daemon=True)
        syncing = Thread(target=self._sync_journal, name="bot4-journal-sync", daemon=True)
        shard = Thread(target=self._run_shard, name="bot4-shard", daemon=True) if self._runner else None
        trading = Thread(target=self._trade, name="bot4-gateway", daemon=True) if self._gateway else None
        self.strategy.start()
        for thread in (shard, trading, feeding, syncing):
            if thread:
                thread.start()
        try:
            self._watch(feeding, projector)
        except BaseException as error:
            self._fail_by(error)
            if not isinstance(error, Exception):
                raise
        finally:
            left = self._wind_down(feeding, shard, trading)
            self._stopping.set()
            syncing.join(_JOIN_S)
            self._close_records(projector, left)
            self._leave_screen()
            self._judge_end()
            summary = self._keep_summary(self._summarise(left))
        if self._failure is not None:
            raise SessionFailedError(self._failure.message, summary, self._failure.exit_code)
        return summary

    # -- threads -----------------------------------------------------------------------------------------------------

    def _feed_all(self) -> None:
        started_s = time.monotonic()
        try:
            self._source.run(self._feed)
        except Exception as error:  # noqa: BLE001 - whatever a source raises ends the run in order
            self._fail_by(error)
        finally:
            self._fed_s = time.monotonic() - started_s

    def _run_shard(self) -> None:
        assert self._runner is not None  # noqa: S101 - the thread exists only with a runner
        try:
            self._runner.run()
        except Exception as error:  # noqa: BLE001 - a shard that cannot run ends the session in order
            self._fail_by(error)
            self._feed.stop()

    def _trade(self) -> None:
        assert self._gateway is not None  # noqa: S101 - the thread exists only with a gateway
        try:
            self._gateway.run()
        except Exception as error:  # noqa: BLE001 - a gateway that cannot run ends the session in order
            self._fail_by(error)

    def _sync_journal(self) -> None:
        """Group commit: what was written is on the disk within one interval."""
        interval_s = self._settings.journal.sync_interval_ms / 1_000
        while not self._stopping.wait(interval_s):
            try:
                self._journal.sync()
            except OSError as error:
                self._note_journal(error.errno or errno.EIO)
                return

    def _watch(self, feeding: Thread, projector: Projector) -> None:
        interval_s = self._settings.run.view_interval_ms / 1_000
        soft = Degraded(self.notes, is_tolerant=self._source.is_live)
        while feeding.is_alive() and self._failure is None and not self._interrupted:
            feeding.join(interval_s)
            soft.attempt("the store", projector.catch_up)
            self.strategy.look()
            try:
                view = self.assembly.engine.view()
            except TimeoutError:  # the shard lost its core in the middle of a view: the next one shows it
                continue
            self._note_journal(int(view["journal_errno"]))
            if self._gateway is not None and self._runner is not None:
                self._keeper.keep_now_and_then(self._runner)
            soft.attempt("the screen", partial(self._show, view))

    def _show(self, view: dict[str, Any]) -> None:
        self._display.show(self._view(view))

    def _note_journal(self, error_number: int) -> None:
        if error_number:
            reason = os.strerror(error_number)
            self._fail(f"the journal {self._journal_path} cannot be written: {reason}", _IO_EXIT_CODE)

    # -- the end -----------------------------------------------------------------------------------------------------

    def _wind_down(self, feeding: Thread, shard: Thread | None, trading: Thread | None) -> int:
        """Stop feeding, stop deciding, cancel what works and take the answers; returns the orders still open."""
        if self._interrupted or self._failure is not None:
            self._feed.stop()
        feeding.join(_JOIN_S)
        if self._gateway is not None and trading is not None:
            unsettled = end_trading(self._gateway, self._runner, trading, join_s=2 * _JOIN_S)
        else:
            unsettled = None
        if unsettled is not None:
            self._fail(unsettled, FatalError.exit_code)
        if self._runner is not None and shard is not None:
            # Commands overtake the market: at the end of the input what still waits in the ring is traded first.
            if self._interrupted or self._failure is not None:
                self._runner.control(int(ControlCode.CONTROL_STOP))
            self._runner.stop()
            shard.join(_JOIN_S)
            if shard.is_alive():
                self._fail("the shard's thread did not end within 30 s", FatalError.exit_code)
                return -1
        self.killable.finish()
        left = self.assembly.engine.drain()
        self.strategy.end()
        return left

    def _close_records(self, projector: Projector, left: int) -> None:
        """Take what the journal still holds into the store, and close the journal; `left` orders are open."""
        self._note_journal(int(self.assembly.engine.counters()["journal_errno"]))
        try:
            projector.catch_up()
        except FatalError as error:
            self._fail(str(error), error.exit_code)
        try:
            self._journal.sync()
        except OSError as error:
            self._note_journal(error.errno or errno.EIO)
        projector.close()
        if self._gateway is not None and left >= 0 and self._failure is None:
            self._keeper.keep_last(self.assembly.engine)
        try:
            self._journal.close()
        except OSError as error:
            self._note_journal(error.errno or errno.EIO)

    def _judge_end(self) -> None:
        """Name what ended the run early: a damaged input, or a strategy without a thread of its own that raised."""
        if (damage := self._source.damage) is not None:
            self._fail(f"the input is damaged: {damage}", DataError.exit_code)
        if self._runner is None and (trouble := self.strategy.error) is not None:
            self._fail(f"the strategy failed: {trouble}", FatalError.exit_code)

    def _summarise(self, left: int) -> RunSummary:
        desks = (self._keeper, self._gateway, self.strategy)
        status = "interrupted" if self._interrupted else "finished"
        return summarise(
            run_id=self.run_id,
            settings=self._settings,
            source=self._source,
            assembly=self.assembly,
            feed=self._feed,
            status="failed" if self._failure else status,
            failure=self._failure.message if self._failure else None,
            started_utc=self._started_utc,
            elapsed_s=time.monotonic() - self._started_s,
            fed_s=self._fed_s,
            journal=str(self._journal_path),
            store=self._store.path,
            open_orders_left=left,
            gateway_notes=(*(note for desk in desks if desk for note in desk.notes), *self.notes),
        )

    def _keep_summary(self, summary: RunSummary) -> RunSummary:
        """Put the summary into the store; returns it, failed where it could not be kept."""
        try:
            with self._store.unit_of_work() as unit:
                unit.runs.finish(self.run_id, status=summary.status, summary=summary.to_dict())
                unit.commit()
        except FatalError as error:
            self._fail(str(error), error.exit_code)
            return msgspec.structs.replace(summary, status="failed", failure=summary.failure or str(error))
        return summary

    def _fail_by(self, error: BaseException) -> None:
        """Note an error: one of ours speaks for itself, any other is named with its type."""
        if isinstance(error, Bot4Error):
            self._fail(str(error), error.exit_code)
        else:
            self._fail(f"{type(error).__name__}: {error}", FatalError.exit_code)

    def _leave_screen(self) -> None:
        """Show the last state; a screen that breaks costs no summary."""
        try:
            self._show(self.assembly.engine.view())
            self._display.close()
        except Exception as error:  # noqa: BLE001 - whatever a display raises
            if not self._interrupted:  # else its terminal may be what ended the run
                self._fail_by(error)

    def _fail(self, message: str, exit_code: int) -> None:
        if self._failure is None:
            self._failure = Failure(message, exit_code)

    # -- parts -------------------------------------------------------------------------------------------------------

    def _halt(self, why: str) -> None:
        """End the run: the gateway will not trade any more. Called on its thread."""
        self._fail(f"trading ended: {why}", FatalError.exit_code)
        self._feed.stop()

    def _view(self, view: dict[str, Any]) -> RunView:
        return run_view(
            view,
            source=self._source,
            assembly=self.assembly,
            gateway=self._gateway,
            progress=progress_of(self._source, self._feed, self._duration_ns),
            elapsed_s=time.monotonic() - self._started_s,
        )
