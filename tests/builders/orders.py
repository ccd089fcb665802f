"""Orders, fills and the like for tests of what keeps them."""

from __future__ import annotations

from decimal import Decimal

from bot4.domain.fill import Fill
from bot4.domain.order import Order, OrderSide, OrderStatus, TimeInForce
from bot4.domain.order_id import client_order_id


def order(order_id: int = 7, status: OrderStatus = OrderStatus.SENT, *, qty: str = "2", filled: str = "0") -> Order:
    return Order(
        order_id=order_id,
        client_order_id=client_order_id(1, order_id),
        symbol="BTCUSDT",
        side=OrderSide.BUY,
        tif=TimeInForce.GTC,
        post_only=True,
        reduce_only=False,
        price=Decimal("60000.01"),
        qty=Decimal(qty),
        filled_qty=Decimal(filled),
        status=status,
        reason="enter",
        score=0.5,
        ts_ns=1,
        updated_ns=1,
    )


def fill(trade_id: int = 1, *, symbol: str = "BTCUSDT", order_id: int = 7) -> Fill:
    return Fill(
        order_id=order_id,
        trade_id=trade_id,
        symbol=symbol,
        side=OrderSide.BUY,
        price=Decimal("60000.01"),
        qty=Decimal("0.50000000"),
        fee=Decimal("-0.0000000001"),
        fee_asset="USDT",
        is_maker=True,
        ts_ns=5,
    )
