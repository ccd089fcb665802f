"""What each command does: checks what can be known here, then hands the rest to the engine's thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot4._core.brain.blend import SOURCE_NAMES
from bot4.application.commands.audit import AuditTrail
from bot4.application.commands.bus import CommandBus
from bot4.application.commands.commands import Batch, CancelAll, CancelOrder, Kill, PlaceOrder, TellFunding, TellSignal
from bot4.domain.errors import RejectedError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bot4.domain.instrument import Instrument
    from bot4.ports.order_gateway import OrderGateway
    from bot4.ports.unit_of_work import Store


_SOURCES = SOURCE_NAMES[1:]
_AGE_MAX_S = 31_536_000.0


class CommandHandlers:
    """Handlers of one session.

    Parameters
    ----------
    gateway : OrderGateway
        Where accepted commands go.
    store : Store
        Where orders are looked up before a cancellation.
    run_id : str
    instruments : mapping of symbol to Instrument
        What may be traded in this session.
    now_ns : callable
        Wall time for the audit trail, nanoseconds UTC.

    """

    def __init__(
        self,
        gateway: OrderGateway,
        store: Store,
        run_id: str,
        instruments: Mapping[str, Instrument],
        *,
        now_ns: Callable[[], int],
    ) -> None:
        self._gateway = gateway
        self._store = store
        self._run_id = run_id
        self._instruments = instruments
        self.audit = AuditTrail(store, run_id, now_ns)

    def bus(self) -> CommandBus:
        """Return a bus with every handler registered."""
        bus = CommandBus(self.audit)
        bus.register(PlaceOrder, self.place)
        bus.register(CancelOrder, self.cancel)
        bus.register(CancelAll, self.cancel_all)
        bus.register(Kill, self.kill)
        bus.register(TellSignal, self.tell_signal)
        bus.register(TellFunding, self.tell_funding)
        bus.register(Batch, self.batch)
        return bus

    def place(self, command: PlaceOrder) -> None:
        """Hand one order to the engine; raises RejectedError for an unknown symbol or a price off the grid."""
        self._check_order(command)
        self._gateway.place(
            command.symbol,
            command.side,
            price=command.price,
            qty=command.qty,
            tif=command.tif,
            post_only=command.post_only,
            reduce_only=command.reduce_only,
        )

    def cancel(self, command: CancelOrder) -> None:
        """Hand one cancellation to the engine; raises RejectedError where no such order works."""
        self._instrument(command.symbol)
        with self._store.unit_of_work() as unit:
            order = unit.orders.get(self._run_id, command.order_id)
        if order is None or not order.is_working:
            state = "unknown" if order is None else order.status.value
            raise RejectedError(f"order {command.order_id} cannot be cancelled: it is {state}")
        self._gateway.cancel(command.symbol, command.order_id)

    def cancel_all(self, command: CancelAll) -> None:
        """Hand the cancellation of every working order to the engine."""
        if command.symbol is not None:
            self._instrument(command.symbol)
        self._gateway.cancel_all(command.symbol)

    def kill(self, command: Kill) -> None:
        """Stop every further order."""
        del command
        self._gateway.kill()

    def tell_signal(self, command: TellSignal) -> None:
        """Hand a source's score to the engine; raises RejectedError where it is none."""
        if command.source not in _SOURCES:
            raise RejectedError(f"a signal's source is one of {', '.join(_SOURCES)}, was {command.source!r}")
        if not (
            -1.0 <= command.score <= 1.0 and 0.0 <= command.confidence <= 1.0 and 0.0 <= command.age_s <= _AGE_MAX_S
        ):
            raise RejectedError(
                "a signal has a score of -1 to 1, a confidence of 0 to 1 and an age of 0 s or more, was "
                f"{command.score}, {command.confidence} and {command.age_s}"
            )
        if command.symbol is not None:
            self._instrument(command.symbol)
        self._gateway.signal(
            command.symbol,
            SOURCE_NAMES.index(command.source),
            score_ppm=round(command.score * 1e6),
            confidence_ppm=round(command.confidence * 1e6),
            age_ns=round(command.age_s * 1e9),
        )

    def tell_funding(self, command: TellFunding) -> None:
        """Hand a funding rate to the engine; raises RejectedError where it is none."""
        self._instrument(command.symbol)
        if not command.rate.is_finite() or abs(command.rate) > 1 or command.settled_ns <= 0:
            raise RejectedError(
                f"a funding rate lies in -1 to 1 and has a time, was {command.rate}, {command.settled_ns}"
            )
        self._gateway.funding(command.symbol, rate_ppb=round(command.rate * 10**9), settled_ns=command.settled_ns)

    def batch(self, command: Batch) -> None:
        """Check every part that can be known beforehand; the bus then hands the parts over in order."""
        for part in command.commands:
            if isinstance(part, Batch):
                raise RejectedError("a batch cannot hold a batch")
            if isinstance(part, PlaceOrder):
                self._check_order(part)
            elif not isinstance(part, Kill) and part.symbol is not None:
                self._instrument(part.symbol)

    def _instrument(self, symbol: str) -> Instrument:
        instrument = self._instruments.get(symbol)
        if instrument is None:
            known = ", ".join(sorted(self._instruments))
            raise RejectedError(f"symbol {symbol!r} is not traded in this session, which trades {known}")
        return instrument

    def _check_order(self, command: PlaceOrder) -> None:
        instrument = self._instrument(command.symbol)
        try:
            instrument.price_to_ticks(command.price)
            qty_lots = instrument.qty_to_lots(command.qty)
        except (TypeError, ValueError) as error:
            raise RejectedError(str(error)) from None
        if qty_lots == 0:
            raise RejectedError(f"an order's quantity must be above 0, was {command.qty}")
