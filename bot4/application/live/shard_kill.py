"""A running shard as the kill switch moves it: the breaker first, then the gateway, then the engine and its journal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot4._core.engine.control import ControlCode
from bot4._core.engine.lane_state import GateReason

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bot4._core.engine.runner import ShardRunner
    from bot4.application.assembly.assembly import Assembly
    from bot4.application.live.gateway import LiveGateway
    from bot4.domain.instrument import Instrument

_OPERATOR = int(GateReason.GATE_OPERATOR)


class ShardKill:
    """Kills, resets and flattens one shard; see `bot4.application.session.guard.Killable`.

    Parameters
    ----------
    assembly : Assembly
    runner : ShardRunner or None
        None: the feeding thread applies events itself, and may not be interrupted; the run is ended instead.
    gateway : LiveGateway or None
    stop : callable
        Ends the run in order.

    """

    def __init__(
        self, assembly: Assembly, runner: ShardRunner | None, gateway: LiveGateway | None, stop: Callable[[], None]
    ) -> None:
        self._assembly = assembly
        self._runner = runner
        self._gateway = gateway
        self._stop = stop
        self._late: int | None = None
        self._has_flattened = False

    def kill(self, entry: int) -> bool:
        """Refuse every further order and cancel what works; `entry` is what the journal will name."""
        self._assembly.breaker.kill()
        if self._gateway is not None:
            self._gateway.cancel_all()
        if self._runner is None:
            self._late = entry
            self._stop()
            return True
        return self._runner.control(int(ControlCode.CONTROL_KILL), value=entry)

    def reset(self, entry: int) -> bool:
        """Let orders pass again; before the shard has a thread, at once."""
        if self._runner is None:
            if self._late is None:
                self._assembly.engine.control(int(ControlCode.CONTROL_RESET), value=entry)
            return True
        if self._has_flattened and not self._runner.control(int(ControlCode.CONTROL_GATE_OPEN), value=_OPERATOR):
            return False
        self._has_flattened = False
        return self._runner.control(int(ControlCode.CONTROL_RESET), value=entry)

    def flatten(self) -> bool:
        """Close the gate, cancel what works and close every position by orders that can only reduce."""
        if self._runner is None:
            return True
        self._has_flattened = True
        return self._runner.control(int(ControlCode.CONTROL_GATE_CLOSE)) and self._runner.control(
            int(ControlCode.CONTROL_FLATTEN)
        )

    @property
    def is_flat(self) -> bool:
        """Whether there is neither working order nor a position that the venue would take an order for."""
        if self._runner is None:
            return True
        lanes = self._assembly.engine.view()["lanes"]
        return not any(
            lane["working_orders"] or _can_be_closed(instrument, lane)
            for lane, instrument in zip(lanes, self._assembly.instruments, strict=False)
        )

    @property
    def progress(self) -> tuple[int, int]:
        """Rounds of the shard's loop and turns of the gateway's: what only grows while they move."""
        return (
            0 if self._runner is None else self._runner.rounds,
            0 if self._gateway is None else self._gateway.parts.turns,
        )

    @property
    def has_settled(self) -> bool:
        """Whether trading at a venue has ended, and so has every order of it."""
        return self._gateway is not None and self._gateway.has_settled

    def finish(self) -> None:
        """Tell an engine that nobody runs any more what it could not be told before."""
        if self._late is not None:
            self._assembly.engine.control(int(ControlCode.CONTROL_KILL), value=self._late)


def _can_be_closed(instrument: Instrument, lane: Mapping[str, int]) -> bool:
    """Whether a position is as large as the venue's least order: what a fee in base left of a lot or two is not."""
    lots = abs(lane["position_lots"])
    if lots == 0 or instrument.lots_to_qty(lots) < (instrument.min_qty or 0):
        return False
    price_ticks = min(lane["bid_ticks"], lane["ask_ticks"])
    return price_ticks <= 0 or instrument.notional(price_ticks, lots) >= (instrument.min_notional or 0)
