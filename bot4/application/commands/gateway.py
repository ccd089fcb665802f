"""Commands as control events: to the shard's ring where it has a thread, into the engine where it has none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from bot4._core.engine.shard import ControlCode
from bot4._core.types import IntentFlag
from bot4.domain.errors import RejectedError
from bot4.domain.order import OrderSide, TimeInForce

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from bot4.domain.instrument import Instrument

ALL_LANES = 0xFFFF
_TIF_CODES = {TimeInForce.GTC: 0, TimeInForce.IOC: 1, TimeInForce.FOK: 2}


class ControlSink(Protocol):
    """What takes a control event: an `Engine`, or the `ShardRunner` in front of it."""

    def control(
        self,
        code: int,
        *,
        instrument: int = ...,
        value: int = ...,
        side: int = ...,
        qty_lots: int = ...,
        tif: int = ...,
        flags: int = ...,
    ) -> bool | None:
        """Take one control event; False where there is no room for it."""
        ...


class ControlGateway:
    """The session's `OrderGateway`.

    Raises `RejectedError` where the control ring is full: the command was not taken and may be repeated.
    """

    def __init__(self, sink: ControlSink, instruments: Mapping[str, Instrument]) -> None:
        self._sink = sink
        self._instruments = instruments
        self._lanes = {symbol: lane for lane, symbol in enumerate(instruments)}

    def place(
        self,
        symbol: str,
        side: OrderSide,
        *,
        price: Decimal,
        qty: Decimal,
        tif: TimeInForce,
        post_only: bool,
        reduce_only: bool,
    ) -> None:
        """Ask for one order."""
        instrument = self._instruments[symbol]
        flags = (IntentFlag.INTENT_POST_ONLY if post_only else 0) | (
            IntentFlag.INTENT_REDUCE_ONLY if reduce_only else 0
        )
        self._send(
            ControlCode.CONTROL_PLACE,
            instrument=self._lanes[symbol],
            value=instrument.price_to_ticks(price),
            side=0 if side is OrderSide.BUY else 1,
            qty_lots=instrument.qty_to_lots(qty),
            tif=_TIF_CODES[tif],
            flags=int(flags),
        )

    def cancel(self, symbol: str, order_id: int) -> None:
        """Ask for the cancellation of one order."""
        self._send(ControlCode.CONTROL_CANCEL, instrument=self._lanes[symbol], value=order_id)

    def cancel_all(self, symbol: str | None = None) -> None:
        """Ask for the cancellation of every working order."""
        lane = ALL_LANES if symbol is None else self._lanes[symbol]
        self._send(ControlCode.CONTROL_CANCEL_ALL, instrument=lane)

    def kill(self) -> None:
        """Refuse every further order until a reset."""
        self._send(ControlCode.CONTROL_KILL)

    def signal(self, symbol: str | None, source: int, *, score_ppm: int, confidence_ppm: int, age_ns: int) -> None:
        """Tell what a source says of one instrument or of all."""
        lane = ALL_LANES if symbol is None else self._lanes[symbol]
        self._send(
            ControlCode.CONTROL_SIGNAL,
            instrument=lane,
            value=source,
            qty_lots=score_ppm,
            tif=confidence_ppm,
            flags=age_ns,
        )

    def funding(self, symbol: str, *, rate_ppb: int, settled_ns: int) -> None:
        """Tell a perpetual's next funding rate."""
        self._send(ControlCode.CONTROL_FUNDING, instrument=self._lanes[symbol], value=rate_ppb, qty_lots=settled_ns)

    def _send(self, code: int, **fields: int) -> None:
        if self._sink.control(int(code), **fields) is False:
            raise RejectedError("the engine's control ring is full: the command was not taken")
