"""A process beside a live run that cancels its orders when the run stops making progress, and writes down what it did.

It believes nothing but figures that the watched threads count themselves. A run that moves no more for `after_s` -
stopped, hung, dead - has its open orders canceled over a connection of the watchdog's own, by their names: those of
its epoch and of earlier ones. What another bot or a person has there is left alone. Orders may still be on their way
when it looks first, so it looks again until the last of them has lost its validity.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bot4.domain.order_id import parse_client_order_id
from bot4.ports.canceller import CancelOutcome

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bot4.ports.canceller import Canceller, OpenOrder

LOOK_S = 0.1
_PAUSES_S = (0.2, 0.5, 1.0, 2.0, 5.0)
_GIVE_UP = 200  # attempts in a row without an answer: a quarter of an hour and more


@dataclass(frozen=True, slots=True)
class Pulse:
    """What the run showed at one look.

    `progress` are the figures of its threads; `is_armed`: it may have orders out; `is_over`: it has none any more;
    `is_alive`: its process is there.
    """

    progress: tuple[int, ...]
    is_armed: bool
    is_over: bool
    is_alive: bool


@dataclass(slots=True, kw_only=True)
class Watchdog:
    """Watches one run.

    Parameters
    ----------
    pulse : callable
        Looks at the run.
    canceller : Canceller
        Started.
    symbols : sequence of str
    epoch : int
        Orders of this epoch and of earlier ones are the run's.
    after_s : float
        How long it may stand still.
    validity_s : float
        How long after its last sign an order of it may still come into force.
    keeps_stops : bool
        Orders that wait for a trigger stay: what protects a position is not taken away from it.
    log : callable
        Takes what was done, as a word and what belongs to it.
    now_s : callable
        A monotonic clock.

    """

    pulse: Callable[[], Pulse]
    canceller: Canceller
    symbols: Sequence[str]
    epoch: int
    after_s: float
    validity_s: float
    keeps_stops: bool
    log: Callable[..., None]
    now_s: Callable[[], float]
    canceled: int = 0
    fired: int = 0
    _seen: tuple[int, ...] = field(default=(), init=False)
    _stood: tuple[int, ...] = field(default=(), init=False)  # at the last firing, while it was not seen to move since
    _moved_s: list[float] = field(default_factory=list, init=False)  # when each figure was another one last

    async def watch(self) -> bool:
        """Watch until the run is over or dead and cleared away; False where the venue did not answer to the end."""
        refreshed_s = self.now_s()
        refreshing = asyncio.ensure_future(self.canceller.refresh())
        self.log("watching", epoch=self.epoch, symbols=list(self.symbols), after_s=self.after_s)
        while True:
            seen, now_s = self.pulse(), self.now_s()
            if seen.is_over:
                self.log("over")
                return True
            stands_s = self._note(seen.progress, now_s)
            self._tell_if_it_moves(seen)
            if not seen.is_alive or (seen.is_armed and stands_s >= self.after_s):
                why = f"no progress for {stands_s:.1f} s" if seen.is_alive else "the process is gone"
                if not await self._fire(why):
                    return False
                if not self.pulse().is_alive:
                    self.log("ended", canceled=self.canceled)
                    return True
                self._moved_s = [self.now_s()] * len(self._moved_s)  # where it stands still: again after as long
            elif now_s - refreshed_s >= 10.0 and refreshing.done():  # noqa: PLR2004 - an idle connection is kept longer
                refreshed_s = now_s
                refreshing = asyncio.ensure_future(self.canceller.refresh())
            await asyncio.sleep(LOOK_S)

    def _tell_if_it_moves(self, seen: Pulse) -> bool:
        """Say so, once, when every figure that stood at the last firing is another one."""
        if not (
            self._stood and seen.is_alive and all(a != b for a, b in zip(self._stood, seen.progress, strict=False))
        ):
            return False
        self._stood = ()
        self.log("moves again", canceled=self.canceled)
        return True

    def _note(self, progress: tuple[int, ...], now_s: float) -> float:
        """Take the figures of one look; returns how long the one that moved least has stood still."""
        if len(progress) != len(self._moved_s):
            self._seen, self._moved_s = progress, [now_s] * len(progress)
        for index, (before, figure) in enumerate(zip(self._seen, progress, strict=True)):
            if figure != before:
                self._moved_s[index] = now_s
        self._seen = progress
        return now_s - min(self._moved_s, default=now_s)

    async def _fire(self, why: str) -> bool:
        """Cancel everything, and look again until nothing can come any more or the run moves."""
        self.fired += 1
        self._stood = self._seen
        self.log("fired", why=why, progress=list(self._stood))
        until_s = self.now_s() + self.validity_s
        while True:
            if not await self._clear():
                self.log("failed", canceled=self.canceled)
                return False
            if self._tell_if_it_moves(self.pulse()):
                return True
            if self.now_s() >= until_s:
                self.log("clear", canceled=self.canceled)
                return True
            await asyncio.sleep(0.5)

    async def _clear(self) -> bool:
        """Cancel until the venue shows no order of the run; False where it gave no answer so often in a row."""
        misses = 0
        for symbol in self.symbols:
            while True:
                shown = await self.canceller.open_orders(symbol)
                if shown is None:
                    misses += 1
                    if misses >= _GIVE_UP:
                        return False
                    await asyncio.sleep(_PAUSES_S[min(misses, len(_PAUSES_S)) - 1])
                    continue
                ours = [order for order in shown if self._is_ours(order)]
                if not ours:
                    break
                done = await asyncio.gather(*(self.canceller.cancel(order) for order in ours))
                pairs = zip(ours, done, strict=True)
                names = [order.client_order_id for order, outcome in pairs if outcome is CancelOutcome.CANCELED]
                self.canceled += len(names)
                if names:
                    self.log("canceled", symbol=symbol, orders=names)
                if any(outcome is not CancelOutcome.UNANSWERED for outcome in done):
                    misses = 0
                else:
                    misses += 1
                    if misses >= _GIVE_UP:
                        return False
                    await asyncio.sleep(_PAUSES_S[min(misses, len(_PAUSES_S)) - 1])
        return True

    def _is_ours(self, order: OpenOrder) -> bool:
        key = parse_client_order_id(order.client_order_id)
        return key is not None and key.epoch <= self.epoch and not (order.waits and self.keeps_stops)
