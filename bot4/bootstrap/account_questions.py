"""What an account is asked before a run trades on it: the preflight, its balances, and what an earlier leader lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bot4.adapters.failover.leadership import PostgresLeadership
    from bot4.application.past.run_past import RunPast
    from bot4.bootstrap.live_account import Unfinished
    from bot4.config import Settings
    from bot4.domain.instrument import Instrument
    from bot4.ports.exchange import ExchangePort
    from bot4.ports.venue_order import Balance

# Of the preflight of a standby that takes over: a slow round trip must not leave an account without a leader.
_TRIES, _PAUSE_S = 5, 0.2


async def ask_account(
    make: Callable[[], ExchangePort],
    settings: Settings,
    instruments: Sequence[Instrument],
    unfinished: Unfinished | None,
    lead: PostgresLeadership | None,
) -> tuple[Sequence[Balance], RunPast | None]:
    """Return the account's balances, and what an earlier life of the run left.

    Raises
    ------
    PreflightError
        Something forbids real orders.
    PastUnreadableError
        Names of orders at the venue contradict what is known of that life.

    """
    import asyncio

    from bot4.application.live.preflight import PreflightError

    for _ in range(_TRIES - 1 if lead is not None and lead.fence_until_s else 0):
        try:
            return await _ask(make(), settings, instruments, unfinished, lead)
        except PreflightError:
            await asyncio.sleep(_PAUSE_S)
    return await _ask(make(), settings, instruments, unfinished, lead)


async def _ask(
    exchange: ExchangePort,
    settings: Settings,
    instruments: Sequence[Instrument],
    unfinished: Unfinished | None,
    lead: PostgresLeadership | None,
) -> tuple[Sequence[Balance], RunPast | None]:
    from bot4.application.live.preflight import PreflightError, preflight
    from bot4.application.past.run_past import PastUnreadableError
    from bot4.bootstrap.failover import adopt_lost
    from bot4.domain.errors import Bot4Error
    from bot4.ports.venue_outcome import NoInformation

    past = None if unfinished is None else unfinished.past
    try:
        await exchange.start()
        lines = await preflight(exchange, settings, instruments, goes_on=unfinished is not None)
        balances = await exchange.balances()
        if isinstance(balances, NoInformation) and not lines:
            lines = [f"balances: they are not known ({balances.cause})"]
        if not lines and lead is not None and unfinished is not None:
            past = await adopt_lost(exchange, lead, unfinished, instruments)
    except (PastUnreadableError, PreflightError):
        raise
    except Bot4Error as error:
        raise PreflightError([f"the venue: {error}"]) from None
    finally:
        await exchange.close()
    if lines or isinstance(balances, NoInformation):
        raise PreflightError(lines)
    return balances, past
