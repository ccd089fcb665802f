"""The end of an `adapter_world`: what the engine was told against the venue's own record."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from bot4.domain.instrument import Market

if TYPE_CHECKING:
    from builders.adapter_world import World

ENDED = {"canceled", "expired", "rejected", "resolved_absent", "dropped"}


def judge(world: World) -> None:
    """Raise AssertionError at the first difference."""
    shard, exchange = world.shard, world.venue.exchange
    assert not world.halts, f"trading ended: {world.halts}"
    assert world.looks > world.rough_s, "the books were hardly looked at"
    names = [order.client_id for order in exchange.orders]
    assert len(names) == len(set(names)), f"an order was sent twice: {names}"
    numbers = {world.name(number): number for number in range(1, shard._next_id)}
    told = {int(row["d"]): row for row in shard.fills()}
    assert len(told) == len(shard.fills()), "a trade was told twice"
    assert sorted(told) == [trade["id"] for trade in exchange.trades], "not every trade was told, or one too many"
    for trade in exchange.trades:
        row = told[trade["id"]]
        assert world.instrument.ticks_to_price(int(row["b"])) == Decimal(trade["price"])
        assert world.instrument.lots_to_qty(int(row["c"])) == Decimal(trade["qty"])
    for order in exchange.orders:
        kinds = shard.told(numbers[order.client_id])
        world.reached.update(set(kinds))
        assert kinds[0] == "sent", kinds
        assert kinds.count("ack") == 1, kinds
        assert not order.is_open, f"{order.client_id} is open at the venue"
        assert kinds.count("fill") == sum(1 for t in exchange.trades if t["orderId"] == order.order_id)
        if order.status in {"CANCELED", "EXPIRED"}:
            assert kinds[-1] == order.status.lower(), kinds
        else:
            assert not ENDED & set(kinds), kinds
    for name, number in numbers.items():
        if name not in names:
            kinds = shard.told(number)
            world.reached.update(set(kinds))
            assert len([kind for kind in kinds if kind in ENDED]) == 1, f"an order that is not there: {kinds}"
    world.orders, world.trades = len(numbers), len(exchange.trades)
    if world.market is Market.USDM:
        booked = [(number, at_ns // 1_000_000, Decimal(-atoms).scaleb(-8)) for number, at_ns, atoms in shard.payments]
        settled = [(row["tranId"], row["time"], Decimal(row["income"])) for row in world.venue.incomes]
        assert sorted(booked) == settled, "funding that was settled was booked twice or not, or was another"
        world.reached["funding"] += len(booked)
    if world.market is Market.SPOT:
        for asset in ("BTC", "USDT"):
            assert world.gateway.books.total(asset) == exchange.ledger()[asset], asset
    held = Decimal(shard.position_lots) * world.instrument.lot_size
    assert held == sum((Decimal(t["qty"]) * (1 if t["isBuyer"] else -1) for t in exchange.trades), Decimal(0))
