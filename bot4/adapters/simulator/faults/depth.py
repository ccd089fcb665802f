"""Diffs of books that are lost, doubled, late or out of order.

A client that counts update ids notices each of these; one that does not keeps a wrong book.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from bot4.adapters.simulator.market.hub import Hub

    Render = Callable[[int], bytes]

HELD_MAX = 10_000  # diffs that wait for their time; more are lost


class DepthFaults:
    """Sends diffs, or does not.

    Parameters
    ----------
    random : Random
        Seeded.
    hub : Hub

    Belongs to the event loop's thread.

    """

    def __init__(self, random: Random, hub: Hub) -> None:
        self._random = random
        self._hub = hub
        self.drop_share = 0.0
        self.duplicate_share = 0.0
        self.reorder_share = 0.0
        self.delay_share = 0.0
        self.delay_ms = 0
        self._held: dict[str, Render] = {}
        self._waiting = 0

    def send(self, stream: str, render: Render) -> None:
        """Send a diff as the faults have it."""
        draw = self._random.random()
        if draw < self.drop_share:
            return
        draw -= self.drop_share
        if draw < self.reorder_share and stream not in self._held:
            self._held[stream] = render
            return
        draw -= self.reorder_share
        if 0 <= draw < self.delay_share:
            self._later(stream, render)
            return
        draw -= self.delay_share
        self._hub.publish(stream, render)
        if 0 <= draw < self.duplicate_share:
            self._hub.publish(stream, render)
        held = self._held.pop(stream, None)
        if held is not None:
            self._hub.publish(stream, held)

    def _later(self, stream: str, render: Render) -> None:
        if self._waiting >= HELD_MAX:
            return
        self._waiting += 1
        asyncio.get_running_loop().call_later(self.delay_ms / 1e3, self._release, stream, render)

    def _release(self, stream: str, render: Render) -> None:
        self._waiting -= 1
        self._hub.publish(stream, render)
