"""An order request that contradicts itself is a broken call."""

from __future__ import annotations

from decimal import Decimal

import pytest

from bot4.domain.order import OrderSide, TimeInForce
from bot4.ports.venue_order import OrderKind, OrderRequest


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"client_order_id": ""}, "client_order_id must not be empty"),
        ({"qty": Decimal(0)}, "qty must be above 0, was 0"),
        ({"price": None}, "kind limit with price None"),
        ({"kind": OrderKind.MARKET}, "kind market with price 5"),
        ({"kind": OrderKind.STOP_LIMIT}, "kind stop_limit with trigger price None"),
        ({"trigger_price": Decimal(4)}, "kind limit with trigger price 4"),
        ({"post_only": True, "tif": TimeInForce.IOC}, "post-only is for resting limit orders, was limit ioc"),
        (
            {"post_only": True, "kind": OrderKind.STOP_LIMIT, "trigger_price": Decimal(4)},
            "post-only is for resting limit orders, was stop_limit gtc",
        ),
    ],
)
def test_a_request_that_contradicts_itself_names_value_and_rule(changes, rule):
    fields = {"client_order_id": "b", "symbol": "BTCUSDT", "side": OrderSide.BUY, "qty": Decimal(1)}
    fields |= {"price": Decimal(5)}
    OrderRequest(**fields)
    with pytest.raises(ValueError, match=rule):
        OrderRequest(**fields | changes)
