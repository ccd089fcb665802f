"""A live gateway on a small exchange, and the judge that compares what the engine was told with its record."""

from __future__ import annotations

import asyncio
import random
import time
from decimal import Decimal

from bot4.adapters.venues.binance.access import Endpoints
from bot4.adapters.venues.binance.sign import HmacSigner
from bot4.adapters.venues.binance.spot import BinanceSpot
from bot4.application.live.account import LivePace
from bot4.application.live.gateway import LiveGateway
from bot4.domain.instrument import ContractKind, Instrument
from bot4.domain.order_id import client_order_id
from bot4.domain.secret import Secret
from builders.hand_shard import HandShard
from builders.tiny_venue import API_KEY, SECRET, TinyVenue

BTC = Instrument(
    symbol="BTCUSDT", venue="binance", kind=ContractKind.SPOT, base="BTC", quote="USDT", settle="USDT",
    tick_size=Decimal("0.01"), lot_size=Decimal("0.00001"),
)  # fmt: skip


ASSETS = {"BTC": (0, 8), "USDT": (1, 8)}
LOT = 100_000  # lots of one BTC
PASSIVE, TAKING = 10_000, 10_100  # ticks: at the bid; at the ask


class Desk:
    """A venue, a gateway and the shard behind it."""

    def __init__(self, venue, *, lead=None, admission=None, **pace):
        self.venue = venue
        self.shard = HandShard()
        self.halts: list[str] = []
        spot = BinanceSpot(
            Endpoints(rest=venue.rest_url, ws_api=venue.ws_url), Secret(API_KEY), HmacSigner(Secret(SECRET)),
            symbols=["BTCUSDT"], mono_ns=time.monotonic_ns, wall_ns=time.time_ns, rng=random.Random(1), timeout_s=0.3,
        )  # fmt: skip
        self.spot = spot
        self.gateway = LiveGateway(
            spot, self.shard, admission(self.shard) if admission else self.shard, [BTC], ASSETS, epoch=3, lead=lead,
            now_ns=time.time_ns, progress=lambda: 0,
            on_halt=self.halts.append,
            pace=LivePace(**{"reconcile_s": 0.2, "ready_s": 0.01, "drain_s": 8.0} | pace),
        )  # fmt: skip
        self.gateway.reconciler._pause_s = 0.05
        self.task = asyncio.create_task(self.gateway._main())

    async def ready(self):
        await until(lambda: self.shard.gate_is_open or self.halts)

    async def finish(self):
        self.gateway.stop()
        await self.task

    def name(self, order_id):
        return client_order_id(3, order_id)


async def until(condition, timeout_s=8.0):
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.005)


def on_desk(body, **pace):
    async def main():
        async with TinyVenue() as venue:
            desk = Desk(venue, **pace)
            try:
                await desk.ready()
                await body(desk)
                await desk.finish()
            finally:
                if not desk.task.done():
                    desk.task.cancel()
                    await asyncio.gather(desk.task, return_exceptions=True)
            judge(desk)

    asyncio.run(asyncio.wait_for(main(), 40))


def judge(desk):
    """Orders, fills and balances as the engine was told them, against the exchange's own record."""
    shard, exchange = desk.shard, desk.venue.exchange
    names = [order.client_id for order in exchange.orders]
    assert len(names) == len(set(names)), f"an order was sent twice: {names}"
    told = {int(row["d"]): row for row in shard.fills()}
    assert len(told) == len(shard.fills()), "a trade was told twice"
    assert sorted(told) == [trade["id"] for trade in exchange.trades], "every trade, and no other"
    for trade in exchange.trades:
        row = told[trade["id"]]
        assert BTC.ticks_to_price(int(row["b"])) == Decimal(trade["price"])
        assert BTC.lots_to_qty(int(row["c"])) == Decimal(trade["qty"])
        index, decimals = int(row["reason"]) - 1, 8
        assert (index, Decimal(int(row["e"])).scaleb(-decimals)) == (
            ASSETS[trade["commissionAsset"]][0],
            Decimal(trade["commission"]),
        )
    for order in exchange.orders:
        number = int(next(n for n in range(1, 1_000) if desk.name(n) == order.client_id))
        kinds = shard.told(number)
        assert kinds[0] == "sent"
        assert kinds.count("ack") == 1
        assert kinds.count("fill") == sum(1 for t in exchange.trades if t["orderId"] == order.order_id)
        if order.status in {"CANCELED", "EXPIRED"}:
            assert kinds[-1] == order.status.lower(), kinds
        else:
            assert not {"canceled", "expired", "rejected", "resolved_absent"} & set(kinds), kinds
    ended = {"canceled", "expired", "rejected", "resolved_absent", "dropped"}
    for number in range(1, shard._next_id):
        if desk.name(number) not in names:
            assert ended & set(shard.told(number)), "an order that is not at the venue has ended here"
    for asset in ("BTC", "USDT"):
        assert desk.gateway.books.total(asset) == exchange.ledger()[asset], asset
