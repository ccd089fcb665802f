"""The gateway of a live run: intents of the engine to the venue, what the venue says back to the engine.

It lives on a thread of its own with an event loop. Two rules stand above all others here: nothing is sent twice, and no
report is lost; where either is in doubt it halts trading and says why.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from threading import Lock
from typing import TYPE_CHECKING, Any

from bot4._core.types import IntentAction
from bot4.application.live.account import LivePace
from bot4.application.live.guarded_exchange import guard_exchange
from bot4.application.live.lane_gates import LaneGates
from bot4.application.live.leading import keep_leading, why_not_ready
from bot4.application.live.status import LiveStatus
from bot4.application.live.supervisor import Supervisor
from bot4.application.live.venue_funding import VenueFunding
from bot4.application.orders.accepting import ACCEPT
from bot4.application.orders.board import BoardReport, OrderBoard
from bot4.application.orders.intent import board_order, order_request
from bot4.application.orders.outbox import ReportOutbox
from bot4.application.orders.reconciliation import Findings, Reconciler
from bot4.application.orders.sender import OrderSender
from bot4.application.orders.taken_over import TakenOver
from bot4.application.orders.venue_books import VenueBooks
from bot4.domain.errors import Bot4Error
from bot4.ports.venue_event import ExecutionReport, FundingSettled, StreamState, Transfer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy as np

    from bot4.application.past.run_past import RunPast
    from bot4.domain.instrument import Instrument
    from bot4.ports.exchange import ExchangePort
    from bot4.ports.leadership import Leadership
    from bot4.ports.shard_link import Admission, ShardLink

_PUSH_S = 1.0
_FUNDING_S = 3.0
_TAKE = 64


class LiveGateway:
    """Trades for one shard on one account.

    Parameters
    ----------
    exchange : ExchangePort
        Not started yet.
    shard : ShardLink
    admission : Admission
        The shard's breaker.
    instruments : sequence of Instrument
        In the order of the engine's lanes.
    assets : mapping of str to (int, int)
        Index in the engine's account and decimals, by asset.
    epoch : int
        Of the journal: part of every order's name.
    now_ns : callable
        The clock market data is stamped with.
    progress : callable
        A figure that grows while the engine works: the venue's dead-man switch is refreshed by it and by nothing else.
    on_halt : callable
        Told once why trading has to end; called on the gateway's thread.
    pace : LivePace
    past : RunPast or None
        What an earlier life of this run left: its orders are asked for and canceled before the gate opens.
    lead : Leadership or None
        Where another process may take over: nothing is opened without it.

    `run` is called once, by the thread that is to be the gateway's; `stop` and `status` by any.

    """

    def __init__(
        self,
        exchange: ExchangePort,
        shard: ShardLink,
        admission: Admission,
        instruments: Sequence[Instrument],
        assets: Mapping[str, tuple[int, int]],
        *,
        epoch: int,
        now_ns: Callable[[], int],
        progress: Callable[[], int],
        on_halt: Callable[[str], None],
        pace: LivePace | None = None,
        past: RunPast | None = None,
        lead: Leadership | None = None,
    ) -> None:
        self.parts = Supervisor(lambda: self.reconciler.passes, self._close_gate)
        self._exchange = exchange = guard_exchange(exchange, self.parts.stumbled)
        self._shard = shard
        self._instruments = tuple(instruments)
        self._epoch = epoch
        self._progress = progress
        self._on_halt = on_halt
        self._pace = pace or LivePace()
        self.books = VenueBooks(instruments)
        self.board = OrderBoard(instruments, self._tell, self.halt, fencing_epoch=epoch if lead else None)
        self._outbox = ReportOutbox(shard.push_reports, assets, now_ns, self.halt)
        self.reconciler = Reconciler(exchange, self.board, self.books, [i.symbol for i in instruments])
        self._sender = OrderSender(
            exchange, self.board, self.reconciler, admission, flush=self._flush, on_error=self.halt
        )
        self._funding = VenueFunding(exchange, shard, self._instruments, assets)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._look = asyncio.Event()
        self._lock = Lock()
        self._is_stopping = False
        self._is_flush_due = False
        self._halted: str | None = None
        self._gates = LaneGates(shard, len(self._instruments))
        self._lead = lead
        self._findings: Findings | None = None
        self._alarms: list[str] = []
        self._seen_progress = -1
        self._past: TakenOver | None = None
        if past is not None:
            self._past = TakenOver(past, self.board, self.books, self.reconciler, instruments)
            self._funding.resume(past)
        self.status = LiveStatus()
        self.has_settled = False  # it has ended, and so has every order

    # -- any thread

    def stop(self) -> None:
        """Ask for the end: what works is left to the engine to cancel, and its answers are awaited."""
        with self._lock:
            self._is_stopping = True
            if self._loop is not None and self._stop is not None:
                self._loop.call_soon_threadsafe(self._stop.set)

    def cancel_all(self) -> None:
        """Cancel every order at the venue that has not ended, whatever the engine's thread does meanwhile."""
        with self._lock:
            if self._loop is not None and not self._loop.is_closed():
                self._loop.call_soon_threadsafe(self._cancel_unsettled)

    def _cancel_unsettled(self) -> None:
        for order in self.board.unsettled():
            self._sender.cancel(order)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of the result has to know: these were real orders, and why they ended."""
        status = self.status
        counted = f"{status.orders} orders, {status.told} reports, {status.passes} reconciliations"
        past = () if self._past is None else (self._past.note,)
        led = () if self._lead is None else self._lead.notes
        notes = (*past, *led, *self.parts.notes, *self._funding.notes, *status.alarms)
        return (f"real orders on {self._exchange.name}: {counted}", *notes)

    def run(self) -> None:
        """Trade until `stop`; whatever ends it, connections are closed."""
        asyncio.run(self._main())

    # -- the loop

    async def _main(self) -> None:
        with self._lock:
            self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
            if self._is_stopping:
                self._stop.set()
        stop = self._stop
        # What goes wrong in a callback of the loop would otherwise be a line in a log.
        self._loop.set_exception_handler(self._callback_failed)
        try:
            await self._exchange.start()
        except Bot4Error as error:
            await self._exchange.close()
            self.halt(str(error))
            return
        self._loop.add_reader(self._shard.intents_fileno(), self._on_readable)
        tasks = [
            asyncio.create_task(self.parts.keep("hearing", self._hear), name="live-hear"),
            asyncio.create_task(self.parts.keep("reconciliation", self._look_after), name="live-look-after"),
            asyncio.create_task(self.parts.keep("the gate's watch", self._watch), name="live-watch"),
            asyncio.create_task(self.parts.count_turns(self._pace.ready_s), name="live-turn"),
            asyncio.create_task(keep_leading(self._lead, self._exchange, lambda: self._halted, self.halt)),
        ]
        for task in tasks:
            task.add_done_callback(self._task_ended)
        try:
            if self._past is not None:
                self._past.begin(self._exchange, self._sender)
                self._flush()
            self._take_intents()
            await stop.wait()
            await self._drain()
        finally:
            self._loop.remove_reader(self._shard.intents_fileno())
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._sender.close()
            self._flush()
            self.has_settled = not self.board.unsettled()
            await self._exchange.close()

    def _callback_failed(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        self.halt(f"{type(error).__name__}: {error}" if error is not None else str(context.get("message")))

    def _task_ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self.halt(f"{type(error).__name__}: {error}")

    # -- intents

    def _on_readable(self) -> None:
        self._shard.acknowledge_intents()
        self._take_intents()

    def _take_intents(self) -> None:
        while not self._shard.arm_intents():
            for intent in self._shard.take_intents(_TAKE):
                if int(intent["action"]) == IntentAction.ACTION_PLACE:
                    self._place(intent)
                else:
                    self._cancel(intent)
        self._flush()

    def _place(self, intent: np.void) -> None:
        order = board_order(intent, self._instruments, self._epoch)
        request = order_request(intent, order, can_reduce_only=self._exchange.capabilities.reduce_only)
        self.board.add(order)
        self._sender.place(order, request, int(intent["generation"]))

    def _cancel(self, intent: np.void) -> None:
        if int(intent["action"]) == IntentAction.ACTION_CANCEL_ALL:
            for order in self.board.unsettled():
                if order.lane == int(intent["instrument"]):
                    self._sender.cancel(order)
        elif (named := self.board.by_order_id(int(intent["order_id"]))) is not None:
            self._sender.cancel(named)

    # -- the venue

    async def _hear(self) -> None:
        async for event in self._exchange.events():
            if isinstance(event, ExecutionReport):
                self.board.take_report(event)
                if any(self.board.strays.values()):
                    self._look.set()
                if (order := self.board.find(event.order.client_order_id)) is not None:
                    self._sender.settle(order)
            elif isinstance(event, Transfer):
                self.books.apply_transfer(event)
            elif isinstance(event, FundingSettled) or (isinstance(event, StreamState) and event.is_up):
                self._funding.hear()  # or something was missed, perhaps
                self._look.set()
            self._flush()

    async def _look_after(self) -> None:
        """Open the books, then compare everything again and again, and at once where something was missed."""
        while True:
            found = await (self.reconciler.run() if self.books.is_open else self.reconciler.open())
            self._findings = found
            self._flush()
            if self._past is not None:
                self._past.cancel_known(self._sender)
            for order in self.board.unsettled():
                self._sender.settle(order)
            if found.ghosts:
                self.halt(f"order {found.ghosts[0]} is at the venue and not in the journal: canceled, trading ends")
            elif found.is_complete and found.differences:
                self._halt_over(found.differences)
            self._set_gate(self._why_closed())  # at once: who has taken over has waited for this
            await self._funding.look()
            wait_s = self._pace.reconcile_s if found.is_complete else min(self.reconciler.gap_s, self._pace.reconcile_s)
            try:
                async with asyncio.timeout(wait_s):  # `wait_for` of Python 3.11 may swallow a cancellation
                    await self._look.wait()
            except TimeoutError:
                continue
            finally:
                self._look.clear()

    async def _watch(self) -> None:
        """Open and close the gate as things stand; refresh the dead-man switch while the engine moves."""
        last_s = 0.0
        loop = asyncio.get_running_loop()
        while True:
            self._set_gate(self._why_closed())
            self.status = self._status()
            progress = self._progress()
            if (
                self._exchange.capabilities.dead_man_switch
                and progress != self._seen_progress
                and loop.time() - last_s >= self._pace.dead_man_s / 3
            ):
                self._seen_progress, last_s = progress, loop.time()
                for instrument in self._instruments:
                    await self._exchange.keep_alive(instrument.symbol, self._pace.dead_man_s)
            await asyncio.sleep(self._pace.ready_s)

    async def _drain(self) -> None:
        """Wait until every order has settled; what the engine still asks for is done, what still works is canceled."""
        loop = asyncio.get_running_loop()
        deadline, again = loop.time() + self._pace.drain_s, loop.time() + 1.0
        if self.board.ghosts:  # the alarm about them may have ended the run before they were canceled
            await self.reconciler.cancel_ghosts(Findings())
        while loop.time() < deadline:
            self._take_intents()
            if not self.board.unsettled() and not self._sender.busy:
                break
            if loop.time() >= again:  # the engine's own cancellations had their chance
                again += 1.0
                self._cancel_unsettled()
            await asyncio.sleep(0.02)
        with suppress(TimeoutError):
            async with asyncio.timeout(_FUNDING_S):
                await self._funding.look(at_once=True)
        self._set_gate("the run is over")
        self.status = self._status()

    # -- inside

    def _why_closed(self) -> str | None:
        if (why := self._halted or self.parts.why_closed() or why_not_ready(self._exchange, self._lead)) is not None:
            return why
        if self._findings is None or not self.books.is_open:
            return "not reconciled yet"
        if self._past is not None and len(self._held()) == len(self._instruments):
            return f"{self._past.unsettled} orders of before the restart are not settled"
        if not self._gates.is_open:
            return self._findings.why_closed
        # Once open, a question without an answer closes nothing: it is no information.
        return self._findings.why_closed if self._findings.is_complete and not self._findings.unknown else None

    def _set_gate(self, why_closed: str | None) -> None:
        held = self._held()
        self._gates.set([why_closed is None and lane.symbol not in held for lane in self._instruments])

    def _held(self) -> set[str]:
        """Symbols that cancel and reduce only, for orders of before; those settled, a look sets them free."""
        held = self.reconciler.held()
        if self._findings is not None and self._findings.without - held:
            self._look.set()
        return held if self._findings is None else held | self._findings.without

    def _close_gate(self, why: str) -> None:
        self._set_gate(why)
        self._look.set()

    def halt(self, why: str) -> None:
        """End trading for this run: the gate closes and stays closed, and the session is told."""
        if self._halted is not None:
            return
        self._halted = why
        self._alarms.append(why)
        self._set_gate(why)
        self._on_halt(why)

    def _halt_over(self, differences: Sequence[str]) -> None:
        """End trading over books that are not the venue's; the journal has it, and a user's word is needed to go on."""
        if not self.books.counts_balances:
            self.halt(differences[0])
            return
        self._gates.note_mismatch()
        self.halt(f"{'; '.join(differences)}: where a deposit or a withdrawal explains it, start again with {ACCEPT}")

    def _tell(self, report: BoardReport) -> None:
        if report.fill is not None:
            self.books.apply_fill(report.fill)
        self._outbox.add(report)
        if not self._is_flush_due and self._loop is not None:
            # Whoever made it may be in the middle of many questions: the engine hears of it at the next turn.
            self._is_flush_due = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._is_flush_due = False
        if not self._outbox.flush(_PUSH_S):
            self.halt(f"the engine takes no reports: {len(self._outbox)} wait")

    def _status(self) -> LiveStatus:
        gate = "open" if self._gates.is_open else f"closed: {self._why_closed() or 'opening'}"
        return LiveStatus.of(
            gate, self.board, told=self._outbox.told, passes=self.reconciler.passes, alarms=self._alarms
        )
