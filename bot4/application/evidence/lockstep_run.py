"""A session through a venue in lockstep: the engine of a live run, in the venue's virtual time.

Between two moments nothing moves: the engine is shown one, decides, and what it decided is at the venue before the
next. Its orders leave by the ring, names and words of a live run, its reports come by the board of one; what is left
out is time. The result is a journal like any other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bot4._core.engine.control import ControlCode
from bot4._core.engine.link import VenueLink
from bot4._core.engine.runner import LockstepShard
from bot4._core.event_dtype import EVENT_DTYPE
from bot4._core.journal.stream import Journal
from bot4._core.sim.latency import Latency
from bot4._core.types import EventKind, Flag, IntentAction
from bot4.application.assembly.assembly import assemble
from bot4.application.assembly.opening import ExternalVenue, start_balance
from bot4.application.orders.board import OrderBoard
from bot4.application.orders.intent import board_order, order_request
from bot4.application.orders.outbox import ReportOutbox
from bot4.domain.errors import DataError
from bot4.domain.order_life import CancelRefused, Sent
from bot4.ports.lockstep import CancelRequest
from bot4.strategy.base import host_strategy

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from bot4.application.assembly.shape import InputShape
    from bot4.config import Settings
    from bot4.domain.instrument import Instrument
    from bot4.ports.lockstep import LockstepMoment, LockstepPort
    from bot4.ports.venue_order import OrderRequest

_END_STEPS_MAX = 10_000
_TAKE = 256
_EPOCH = 1


class LockstepRun:
    """One run.

    Parameters
    ----------
    settings, instruments, shape
        As of a run on paper.
    strategy : Strategy, CompiledStrategy or None
        None: the policy of the settings.
    venue : LockstepPort
    journal : Path
        Written anew.
    strategy_latency_ns : int

    """

    def __init__(
        self,
        settings: Settings,
        instruments: Sequence[Instrument],
        shape: InputShape,
        strategy: object | None,
        *,
        venue: LockstepPort,
        journal: Path,
        strategy_latency_ns: int = 0,
    ) -> None:
        self._venue, self._instruments = venue, list(instruments)
        self._journal = Journal(journal)
        self._link = VenueLink()
        cash = {instrument.settle: start_balance(settings, instrument) for instrument in instruments}
        external = ExternalVenue(self._link, cash)
        self._assembly = assemble(settings, instruments, journal=self._journal, shape=shape, external=external)
        self._engine = self._assembly.engine
        self._shard = LockstepShard(self._engine)
        # What a run on paper knows before its first mark, too.
        for lane, instrument in enumerate(instruments):
            settle = instrument.settle
            atoms = int(cash[settle].scaleb(self._assembly.account.decimals[self._assembly.asset(settle)]))
            self._assembly.gates[lane].apply_equity(atoms)
            self._assembly.portfolio.apply_equity(lane, atoms)
        if strategy is not None:
            latency = Latency.fixed(strategy_latency_ns) if strategy_latency_ns else None
            self._host = host_strategy(
                strategy, self._engine, instruments=instruments, latency=latency, seed=settings.run.seed
            )
        assets = {name: (i, self._assembly.account.decimals[i]) for i, name in enumerate(self._assembly.assets)}
        self.alarms: list[str] = []
        self._outbox = ReportOutbox(self._to_ring, assets, lambda: self._now_ns, self.alarms.append)
        self._board = OrderBoard(self._instruments, self._outbox.add, self.alarms.append)
        self._now_ns = 0
        self._with_event = False
        self._decided: list[OrderRequest | CancelRequest] = []

    def run(self) -> None:
        """Run to the end of the recording, then cancel what works and hear of it.

        Raises
        ------
        DataError
            The venue says what does not fit, or its orders do not end.

        """
        self._engine.control(int(ControlCode.CONTROL_GATE_OPEN))
        while not self._step():
            pass
        self._engine.control(int(ControlCode.CONTROL_STOP))
        self._engine.control(int(ControlCode.CONTROL_CANCEL_ALL))
        self._take_intents()
        for _ in range(_END_STEPS_MAX):
            if not self._engine.working_orders:
                break
            self._step()
        if self._engine.drain() or self.alarms:
            raise DataError(f"in lockstep: {[*self.alarms, f'{self._engine.working_orders} orders left'][0]}")
        self._journal.close()

    def _step(self) -> bool:
        """Live one moment; whether the recording ended with it."""
        moment = self._venue.step(self._decided, self._shard.next_due_ns)
        self._decided = []
        self._hear(moment)
        if moment.frame is not None:
            rows = self._assembly.scanner.scan(moment.frame, moment.stamp_ns, moment.lane)
            self._engine.apply(rows)
        elif moment.now_ns > self._engine.now_ns:
            timer = np.zeros(1, EVENT_DTYPE)
            timer["kind"], timer["recv_ns"] = EventKind.EVENT_TIMER, moment.now_ns
            self._engine.apply(timer)
        else:
            self._shard.live_now()
        self._take_intents()
        return moment.is_over

    def _hear(self, moment: LockstepMoment) -> None:
        self._now_ns, self._with_event = moment.now_ns, moment.frame is not None
        for report in moment.reports:
            self._board.take_report(report)
        for name in moment.cancels_refused:
            if (order := self._board.find(name)) is not None:
                self._board.learn(order, CancelRefused())
        self._outbox.flush(0.0)
        self._with_event = False

    def _take_intents(self) -> None:
        for intent in self._link.take_intents(_TAKE):
            if int(intent["action"]) == IntentAction.ACTION_PLACE:
                order = board_order(intent, self._instruments, _EPOCH)
                self._board.add(order)
                self._board.learn(order, Sent(self._now_ns))
                self._decided.append(order_request(intent, order, can_reduce_only=False))
            elif (named := self._board.by_order_id(int(intent["order_id"]))) is not None:
                self._decided.append(CancelRequest(named.symbol, named.client_order_id))
        if len(self._outbox):
            # That they are out is known now: at the front of the ring it would hold back another lane's reports.
            self._outbox.flush(0.0)
            self._shard.live_now()

    def _to_ring(self, reports: NDArray[np.void], _timeout_s: float) -> int:
        """Take reports as the outbox hands them over: into the link's ring, each at the stamp of its moment."""
        if self._with_event:
            reports["flags"] |= int(Flag.FLAG_FIRST)
        return self._link.reports.push(reports)
