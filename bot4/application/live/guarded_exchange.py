"""A venue's adapter that raises what it never should: the outcome is then what is known, which is nothing.

An adapter answers with outcomes, not exceptions. Where one has a fault all the same, a request that may have been
written is `Unknown` and is asked for like any other; a question was not answered. So a fault in reading one answer
costs a reconciliation and not the run.
"""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, cast

from bot4.domain.errors import RejectReason
from bot4.ports.exchange import always_admit
from bot4.ports.venue_outcome import NoInformation, Reject, Unknown

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bot4.ports.exchange import ExchangePort
    from bot4.ports.venue_order import OrderRequest
    from bot4.ports.venue_outcome import Outcome

_REQUESTS = frozenset({"cancel", "cancel_all", "amend", "keep_alive"})
_QUESTIONS = frozenset(
    {
        *("query", "open_orders", "trades_of", "trades_since", "orders_since", "balances", "positions"),
        *("account_problems", "key_permissions", "funding_since"),
    }
)


def guard_exchange(exchange: ExchangePort, on_fault: Callable[[str, Exception], None]) -> ExchangePort:
    """Return the exchange with its faults turned into outcomes.

    Parameters
    ----------
    exchange : ExchangePort
        Whose calls are guarded; `start` and `close` are not.
    on_fault : callable
        Told the call's name and its error.

    """
    return cast("ExchangePort", _Guarded(exchange, on_fault))


class _Guarded:
    def __init__(self, exchange: ExchangePort, on_fault: Callable[[str, Exception], None]) -> None:
        self._exchange = exchange
        self._on_fault = on_fault

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._exchange, name)
        if name in _REQUESTS:
            return self._wrapped(name, value, Unknown)
        if name in _QUESTIONS:
            return self._wrapped(name, value, NoInformation)
        return value

    async def place(self, request: OrderRequest, *, admit: Callable[[], bool] = always_admit) -> Outcome:
        """Place; what fails before it was admitted was certainly not sent."""
        was_admitted = False

        def admit_once() -> bool:
            nonlocal was_admitted
            was_admitted = admit()
            return was_admitted

        try:
            return await self._exchange.place(request, admit=admit_once)
        except Exception as error:  # noqa: BLE001 - whatever it is, the outcome is what is known
            self._on_fault("place", error)
            cause = f"the adapter failed: {type(error).__name__}"
            if was_admitted:
                return Unknown(cause)
            return Reject(reason=RejectReason.NOT_CONNECTED, message=cause, was_sent=False)

    def _wrapped(
        self, name: str, call: Callable[..., Awaitable[Any]], outcome: Callable[[str], Any]
    ) -> Callable[..., Awaitable[Any]]:
        @wraps(call)
        async def guarded(*args: Any, **named: Any) -> Any:
            try:
                return await call(*args, **named)
            except Exception as error:  # noqa: BLE001 - as above
                self._on_fault(name, error)
                return outcome(f"the adapter failed: {type(error).__name__}")

        return guarded
