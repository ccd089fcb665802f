"""Two orders of one account that meet: the one that rests goes, no trade with oneself, on both of Binance's markets."""

from __future__ import annotations

import asyncio
import random
import time
from contextlib import asynccontextmanager
from decimal import Decimal

import pytest
from builders.served_exchange import served

from bot4.adapters.venues.binance import spot_messages, usdm_messages
from bot4.adapters.venues.binance.access import Endpoints
from bot4.adapters.venues.binance.sign import HmacSigner
from bot4.adapters.venues.binance.spot import BinanceSpot
from bot4.adapters.venues.binance.usdm import BinanceUsdm
from bot4.domain.order import OrderSide, TimeInForce
from bot4.domain.secret import Secret
from bot4.ports.venue_order import OrderRequest, VenueOrderStatus
from bot4.ports.venue_outcome import Ack


@asynccontextmanager
async def account(exchange, market):
    common = {
        "symbols": ["BTCUSDT"], "mono_ns": time.monotonic_ns, "wall_ns": time.time_ns, "rng": random.Random(1),
    }  # fmt: skip
    key, signer = Secret(exchange.alice.key), HmacSigner(Secret(exchange.alice.secret))
    if market == "spot":
        one = BinanceSpot(Endpoints(rest=exchange.rest, ws_api=exchange.ws_api), key, signer, **common)
    else:
        stream = exchange.ws + "/private/ws"
        places = Endpoints(rest=exchange.rest, ws_api=exchange.futures_ws_api, user_stream=stream)
        one = BinanceUsdm(places, key, signer, **common)
    await one.start()
    try:
        yield one
    finally:
        await one.close()


def order(name, side, price, tif=TimeInForce.GTC):
    return OrderRequest(
        client_order_id=name, symbol="BTCUSDT", side=side, qty=Decimal("0.010"), price=Decimal(price), tif=tif
    )  # fmt: skip


async def meet(market):
    """Rest an ask below the market's, and send a bid that reaches it; the two orders and the trades there were."""
    lately_ns = time.time_ns() - 3_600_000_000_000  # the adapter asks day by day, from then on
    async with served(futures=True) as exchange, account(exchange, market) as one:
        resting = await one.place(order("b4-1-1-z", OrderSide.SELL, "60500"))
        assert isinstance(resting, Ack), resting
        taking = await one.place(order("b4-1-2-z", OrderSide.BUY, "60500", TimeInForce.IOC))
        assert isinstance(taking, Ack), taking
        found = await one.query("BTCUSDT", "b4-1-1-z")
        trades = await one.trades_since("BTCUSDT", lately_ns)
        own = [trade for trade in trades if trade.venue_order_id == found.venue_order_id]
        return found, own, trades


@pytest.mark.parametrize("market", ["spot", "usdm"])
def test_the_resting_one_of_two_own_orders_goes_and_nobody_trades_with_himself(market):
    found, own, _ = asyncio.run(meet(market))
    assert found.status is VenueOrderStatus.EXPIRED
    assert found.filled_qty == 0
    assert own == []


def test_the_control_without_the_mode_spot_lets_an_account_trade_with_itself(monkeypatch):
    assert usdm_messages.SELF_TRADE == spot_messages.SELF_TRADE
    monkeypatch.setattr(spot_messages, "SELF_TRADE", "NONE")
    found, own, trades = asyncio.run(meet("spot"))
    assert found.status is VenueOrderStatus.FILLED
    assert len(own) == 1
    assert len(trades) == 2, "both sides are the account's"
