"""The bot's own USD-M adapter, unchanged, on the served futures: alone, under faults, and under the live gateway."""

from __future__ import annotations

import asyncio
import random
import time
from contextlib import asynccontextmanager
from decimal import Decimal

import pytest
from builders.hand_shard import HandShard
from builders.served_exchange import served

from bot4._core.types import IntentFlag
from bot4.adapters.simulator.faults.settings import FaultSettings
from bot4.adapters.simulator.futures.trade.desk import FuturesDesk
from bot4.adapters.venues.binance.access import Credentials, Endpoints
from bot4.adapters.venues.binance.sign import HmacSigner
from bot4.adapters.venues.binance.usdm import BinanceUsdm
from bot4.application.live.account import LivePace
from bot4.application.live.gateway import LiveGateway
from bot4.domain.errors import RejectReason
from bot4.domain.instrument import ContractKind, Instrument
from bot4.domain.order import OrderSide
from bot4.domain.secret import Secret
from bot4.ports.venue_event import BalanceReport, ExecutionReport
from bot4.ports.venue_order import OrderKind, OrderRequest, VenueOrderStatus
from bot4.ports.venue_outcome import Ack, Unknown

BTC = Instrument(
    symbol="BTCUSDT", venue="binance", kind=ContractKind.LINEAR, base="BTC", quote="USDT", settle="USDT",
    tick_size=Decimal("0.1"), lot_size=Decimal("0.001"),
)  # fmt: skip


def adapter(exchange, *, has_session=True, timeout_s=1.0):
    return BinanceUsdm(
        Endpoints(
            rest=exchange.rest,
            ws_api=exchange.futures_ws_api if has_session else "",
            user_stream=exchange.ws + "/private/ws",
        ),
        Secret(exchange.alice.key), HmacSigner(Secret(exchange.alice.secret)), symbols=["BTCUSDT"],
        mono_ns=time.monotonic_ns, wall_ns=time.time_ns, rng=random.Random(1), timeout_s=timeout_s,
    )  # fmt: skip


@asynccontextmanager
async def started(exchange, **options):
    usdm = adapter(exchange, **options)
    await usdm.start()
    try:
        yield usdm
    finally:
        await usdm.close()


def on_venue(body, **options):
    async def main():
        async with served(futures=True) as exchange, started(exchange, **options) as usdm:
            await body(exchange, usdm)

    asyncio.run(asyncio.wait_for(main(), 60))


def order(name="b4-1-1-a", price="60000", side=OrderSide.BUY, qty="0.01", **more):
    return OrderRequest(
        client_order_id=name, symbol="BTCUSDT", side=side, qty=Decimal(qty), price=Decimal(price), **more
    )


async def bob(exchange, side, price, quantity):
    answer = await exchange.bob.signed(
        "POST", "/fapi/v1/order", symbol="BTCUSDT", side=side, type="LIMIT", timeInForce="GTC", price=price,
        quantity=quantity,
    )  # fmt: skip
    assert answer.status == 200, answer.body


async def until(condition, wait_s=60.0):
    deadline = time.monotonic() + wait_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.01)


def truth(exchange):
    account = next(held for held in exchange.usdm.holders.values() if held.spec.name == "alice")
    lots = sum(row.lots for row in exchange.usdm.engine.positions(account.number))
    return account, Decimal(lots) / 1_000


@pytest.mark.parametrize("has_session", [True, False])
def test_orders_are_placed_asked_for_amended_listed_and_canceled(has_session):
    async def body(exchange, usdm):
        assert usdm.why_not_ready() is None
        assert await usdm.account_problems() == []
        assert isinstance(await usdm.place(order(price="59000")), Ack)
        amended = await usdm.amend("BTCUSDT", "b4-1-1-a", Decimal("0.02"))
        assert (amended.order.qty, amended.order.status) == (Decimal("0.02"), VenueOrderStatus.WORKING)
        assert [item.client_order_id for item in await usdm.open_orders("BTCUSDT")] == ["b4-1-1-a"]
        assert (await usdm.cancel("BTCUSDT", "b4-1-1-a")).order.status is VenueOrderStatus.CANCELED
        assert (await usdm.cancel("BTCUSDT", "b4-1-1-a")).reason is RejectReason.UNKNOWN_ORDER
        assert isinstance(await usdm.place(order("b4-1-2-a", "59000")), Ack)
        assert [item.client_order_id for item in await usdm.cancel_all("BTCUSDT")] == ["b4-1-2-a"]
        assert await usdm.open_orders("BTCUSDT") == []
        assert await usdm.keep_alive("BTCUSDT", 30.0) is None

    on_venue(body, has_session=has_session)


def test_refusals_mean_what_they_say():
    async def body(exchange, usdm):
        await bob(exchange, "SELL", "60000", "0.05")
        wanted = {
            RejectReason.WOULD_TAKE_LIQUIDITY: order("b4-1-1-a", "60000", post_only=True),
            RejectReason.INSUFFICIENT_FUNDS: order("b4-1-2-a", "60000", qty="500"),
            RejectReason.FILTER_VIOLATION: order("b4-1-3-a", "60000", qty="0.001"),
            RejectReason.REDUCE_ONLY: order("b4-1-4-a", "60000", reduce_only=True),
        }
        for reason, request in wanted.items():
            refused = await usdm.place(request)
            assert getattr(refused, "reason", refused) is reason
        assert truth(exchange)[0].orders == {}

    on_venue(body)


def test_trades_positions_and_the_wallet_come_by_the_stream_and_by_question():
    async def body(exchange, usdm):
        for price in ("60000", "60001", "60002"):
            await bob(exchange, "SELL", price, "0.01")
        placed = await usdm.place(order(price="60001", qty="0.02"))
        fills, wallets = [], []
        async for event in usdm.events():
            if isinstance(event, ExecutionReport) and event.fill:
                fills.append(event.fill)
            if isinstance(event, BalanceReport):
                wallets.append(event)
                break
        assert [fill.price for fill in fills] == [Decimal(60000), Decimal(60001)]
        assert {fill.qty for fill in fills} == {Decimal("0.01")}
        assert fills == list(await usdm.trades_of("BTCUSDT", placed.order.venue_order_id))
        assert fills == list(await usdm.trades_since("BTCUSDT", time.time_ns() - 20 * 86_400 * 10**9))
        (position,) = await usdm.positions()
        assert (position.qty, position.entry_price) == (Decimal("0.02"), Decimal("60000.5"))
        (wallet,) = await usdm.balances()
        assert wallet.total == 100_000 - sum(fill.fee for fill in fills)
        assert wallets[0].balances[0].free == wallet.total

    on_venue(body)


def test_a_stop_waits_triggers_and_closes_the_position():
    async def body(exchange, usdm):
        await bob(exchange, "SELL", "60000", "0.012")
        await usdm.place(order(price="60000", qty="0.012"))
        await bob(exchange, "BUY", "59900", "0.01")
        stop = OrderRequest(
            client_order_id="b4-1-9-a", symbol="BTCUSDT", side=OrderSide.SELL, qty=Decimal("0.01"),
            kind=OrderKind.STOP, trigger_price=Decimal(59950), reduce_only=True,
        )  # fmt: skip
        assert (await usdm.place(stop)).order.status is VenueOrderStatus.WORKING
        assert (await usdm.query("BTCUSDT", "b4-1-9-a")).status is VenueOrderStatus.WORKING
        await bob(exchange, "BUY", "59940", "0.002")
        await usdm.place(order("b4-1-8-a", "59940", OrderSide.SELL, "0.002"))  # the last price is below the trigger
        await until(lambda: truth(exchange)[1] == 0)
        done = await usdm.query("BTCUSDT", "b4-1-9-a")
        assert (done.status, done.filled_qty) == (VenueOrderStatus.FILLED, Decimal("0.01"))
        assert await usdm.positions() == []

    on_venue(body)


@pytest.mark.parametrize("fault", [{"order_timeouts": 1.0, "order_timeout_s": 0.05}, {"lost_answers": 1.0}])
@pytest.mark.parametrize("has_session", [True, False])
def test_an_order_whose_answer_is_lost_is_unknown_and_then_found(fault, has_session):
    async def body(exchange, usdm):
        exchange.server.set_faults(FaultSettings(**fault))
        assert isinstance(await usdm.place(order(price="59000")), Unknown)
        exchange.server.set_faults(FaultSettings())
        found = await usdm.query("BTCUSDT", "b4-1-1-a")
        assert found.status is VenueOrderStatus.WORKING
        assert len(truth(exchange)[0].orders) == 1

    on_venue(body, has_session=has_session)


def test_an_ended_listen_key_and_a_cut_are_followed_by_a_new_stream():
    async def body(exchange, usdm):
        keys = exchange.usdm.user_keys
        account = truth(exchange)[0]
        keys._listeners[account.number].until_ns = 0
        keys.expire(exchange.usdm.now_ns(), [account])
        await until(lambda: account.number in keys._listeners)
        await until(lambda: usdm.why_not_ready() is None)
        exchange.server.futures.sockets.cut_all()
        await until(lambda: usdm.why_not_ready() is not None)
        await until(lambda: usdm.why_not_ready() is None)
        assert isinstance(await usdm.place(order(price="59000")), Ack)

    on_venue(body)


# ---- under the gateway


def run_desk(body, check=None):
    async def main():
        async with served(futures=True) as exchange:
            shard, halts, work = HandShard(), [], [0]
            gateway = LiveGateway(
                adapter(exchange), shard, shard, [BTC], {"USDT": (0, 8), "BTC": (1, 8)}, epoch=3, now_ns=time.time_ns,
                progress=lambda: work[0], on_halt=halts.append,
                pace=LivePace(reconcile_s=0.2, ready_s=0.01, drain_s=8.0, dead_man_s=5.0),
            )  # fmt: skip
            gateway.reconciler._pause_s = 0.05
            task = asyncio.create_task(gateway._main())
            await until(lambda: shard.gate_is_open or halts)
            await body(exchange, shard, gateway)
            gateway.stop()
            await task
            (check or equal_to_the_ledger)(exchange, shard, halts)

    asyncio.run(asyncio.wait_for(main(), 60))


def equal_to_the_ledger(exchange, shard, halts):
    account, position = truth(exchange)
    assert not halts
    assert BTC.lots_to_qty(abs(shard.position_lots)) == abs(position)
    assert sorted(int(row["d"]) for row in shard.fills()) == sorted(fill.trade_id for _, fill in account.trades)
    assert not account.open_orders


NOT_THERE = ("resolved_absent", "dropped", "rejected")  # told definitely: a fault may keep an order from leaving


async def trade_a_little(shard, gateway):
    first = shard.place(qty_lots=30, price_ticks=600_010)
    rests = shard.place(qty_lots=10, price_ticks=590_000, flags=int(IntentFlag.INTENT_POST_ONLY))
    await until(lambda: {"ack", *NOT_THERE} & set(shard.told(rests)))
    if "ack" in shard.told(rests):
        shard.cancel(rests)
    await until(lambda: not gateway.board.unsettled())
    await until(lambda: shard.told(first)[-1] in {"fill", *NOT_THERE})


@pytest.mark.parametrize(
    "faults",
    [
        {},
        {"order_timeouts": 0.5, "order_timeout_s": 0.05},
        {"lost_answers": 0.5},
        {"order_delay_ms": 20},
        {"mute_users": True},
        {"disconnect_every_s": 0.3},
        {"shutdown_notice": True},
    ],
    ids=str,
)
def test_under_faults_the_bot_ends_equal_to_the_ledger(monkeypatch, faults):
    monkeypatch.setattr(Credentials, "validity_ns", property(lambda _: 1_000_000_000))

    async def body(exchange, shard, gateway):
        await bob(exchange, "SELL", "60000", "0.02")
        await bob(exchange, "SELL", "60001", "0.02")
        exchange.server.set_faults(FaultSettings(**faults))
        await trade_a_little(shard, gateway)
        exchange.server.set_faults(FaultSettings())

    run_desk(body)


def test_a_trade_the_bot_did_not_make_ends_its_run():
    """The control of the comparison: the ledger moves without the bot, and that is noticed."""

    async def body(exchange, shard, gateway):
        await bob(exchange, "SELL", "60000", "0.02")
        answer = await exchange.alice.signed(
            "POST", "/fapi/v1/order", symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.01",
        )  # fmt: skip
        assert answer.status == 200

    def check(exchange, shard, halts):
        assert halts
        with pytest.raises(AssertionError):
            equal_to_the_ledger(exchange, shard, [])

    async def waits(exchange, shard, gateway):
        await body(exchange, shard, gateway)
        await until(lambda: not shard.gate_is_open)

    run_desk(waits, check)


def test_an_exchange_that_forgets_reduce_only_is_noticed(monkeypatch):
    """A planted fault: the flag is dropped on the way to the engine, and the position turns over."""
    true_flags = FuturesDesk._flags
    monkeypatch.setattr(FuturesDesk, "_flags", lambda self, account, values: true_flags(self, account, values) & ~1)

    async def body(exchange, usdm):
        await bob(exchange, "BUY", "60000", "0.05")
        sold = await usdm.place(order(price="60000", side=OrderSide.SELL, reduce_only=True))
        with pytest.raises(AssertionError):
            assert getattr(sold, "reason", sold) is RejectReason.REDUCE_ONLY
        assert truth(exchange)[1] == Decimal("-0.01")

    on_venue(body)
