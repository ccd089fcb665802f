"""What the engine decided, in the words of a venue: an intent becomes an order on the board and a request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot4._core.types import IntentFlag
from bot4._core.types import OrderType as IntentType
from bot4._core.types import TimeInForce as IntentTif
from bot4.application.orders.board import BoardOrder
from bot4.domain.order import OrderSide, TimeInForce
from bot4.domain.order_id import client_order_id
from bot4.domain.order_life import OrderLife
from bot4.ports.venue_order import OrderKind, OrderRequest

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from bot4.domain.instrument import Instrument

_TIFS = {IntentTif.TIF_GTC: TimeInForce.GTC, IntentTif.TIF_IOC: TimeInForce.IOC, IntentTif.TIF_FOK: TimeInForce.FOK}


def board_order(intent: np.void, instruments: Sequence[Instrument], epoch: int) -> BoardOrder:
    """Return an order of which nothing has happened yet; `instruments` are in the order of the lanes."""
    lane = int(intent["instrument"])
    return BoardOrder(
        client_order_id=client_order_id(epoch, int(intent["order_id"])),
        order_id=int(intent["order_id"]),
        lane=lane,
        instrument=instruments[lane],
        side=OrderSide.BUY if int(intent["side"]) == 0 else OrderSide.SELL,
        life=OrderLife(qty_lots=int(intent["qty_lots"])),
    )


def order_request(intent: np.void, order: BoardOrder, *, can_reduce_only: bool) -> OrderRequest:
    """Return what a venue is asked for; what it has no word for, the engine's own gate has seen to before."""
    flags, instrument = int(intent["flags"]), order.instrument
    is_limit = int(intent["type"]) == IntentType.ORDER_LIMIT
    is_stop = int(intent["trigger_ticks"]) != 0
    kind = OrderKind.LIMIT if is_limit else OrderKind.STOP if is_stop else OrderKind.MARKET
    return OrderRequest(
        client_order_id=order.client_order_id,
        symbol=instrument.symbol,
        side=order.side,
        qty=instrument.lots_to_qty(int(intent["qty_lots"])),
        kind=kind,
        trigger_price=instrument.ticks_to_price(int(intent["trigger_ticks"])) if is_stop else None,
        price=instrument.ticks_to_price(int(intent["price_ticks"])) if is_limit else None,
        tif=_TIFS[IntentTif(int(intent["tif"]))],
        post_only=bool(flags & IntentFlag.INTENT_POST_ONLY),
        reduce_only=bool(flags & IntentFlag.INTENT_REDUCE_ONLY) and can_reduce_only,
    )
