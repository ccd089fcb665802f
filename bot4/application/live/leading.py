"""What leadership is to a gateway: asked right before each write, kept by trading, lost for good."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot4.ports.exchange import ExchangePort
    from bot4.ports.leadership import Leadership
    from bot4.ports.shard_link import Admission

_BEAT_S = 0.3
_ANSWER_S = 0.5


class LedAdmission:
    """The breaker, and the lease behind it: an order leaves with both or is dropped."""

    def __init__(self, breaker: Admission, lead: Leadership) -> None:
        self._breaker = breaker
        self._lead = lead

    def readmit(self, ticket: int) -> bool:
        """Whether neither the breaker has moved nor the lease run out."""
        return self._breaker.readmit(ticket) and self._lead.may_send()


def why_not_ready(exchange: ExchangePort, lead: Leadership | None) -> str | None:
    """Return why nothing may be opened now - the venue is out of reach, or the lease is - or None."""
    why = exchange.why_not_ready()
    return why if why is not None or lead is None else lead.why_closed()


async def keep_leading(
    lead: Leadership | None, exchange: ExchangePort, why_halted: Callable[[], str | None], halt: Callable[[str], None]
) -> None:
    """Say again and again that trading is alive, until it is halted; end it where another process leads.

    A connection that is up proves little: a cable that was pulled closes none. So the venue is asked each time.
    """
    if lead is None:
        return
    try:
        while why_halted() is None:
            if lead.is_lost():
                halt("another process has taken the lease: it trades on")
                return
            lead.beat(is_ready=exchange.why_not_ready() is None and await _answers(exchange))
            await asyncio.sleep(_BEAT_S)
    finally:
        if why_halted() is None:
            lead.rest()


async def _answers(exchange: ExchangePort) -> bool:
    try:
        async with asyncio.timeout(_ANSWER_S):
            return await exchange.answers()
    except TimeoutError:
        return False
