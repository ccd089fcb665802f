"""Faults on demand: each happens when it is asked for, and the exchange's own ledger tells what was true."""

from __future__ import annotations

import asyncio
import time
from decimal import Decimal

import aiohttp
import orjson
import pytest
from builders.served_exchange import Served, served

from bot4.adapters.simulator.wire.limits import Limits


def run(test):
    asyncio.run(test())


async def faults(exchange: Served, **settings) -> None:
    answer = await exchange.admin_call("PUT", "/faults", settings)
    assert answer.status == 200, answer.body


async def ledger(exchange: Served):
    return (await exchange.admin_call("GET", "/ledger")).body


class TestAdministration:
    @pytest.mark.parametrize(("method", "path"), [("GET", "/ledger"), ("GET", "/faults"), ("PUT", "/faults")])
    def test_it_needs_the_token(self, method, path):
        async def ask():
            async with served() as exchange:
                assert (await exchange.admin_call(method, path, {}, token="not it")).status == 401  # noqa: S106
                assert (await exchange.admin_call(method, path, {}, token="")).status == 401
                assert (await exchange.admin_call(method, path, {})).status == 200

        run(ask)

    def test_wrong_faults_change_nothing(self):
        async def ask():
            async with served() as exchange:
                await faults(exchange, halt=True)
                refused = await exchange.admin_call("PUT", "/faults", {"no_such": 1})
                assert (refused.status, "no_such" in refused.body["error"]) == (400, True)
                assert (await exchange.admin_call("GET", "/faults")).body["asked"]["halt"] is True

        run(ask)

    def test_money_comes_and_goes_and_what_cannot_changes_nothing(self):
        async def ask():
            async with served() as exchange:
                before = await ledger(exchange)
                free = before["accounts"]["alice"]["balances"]["USDT"]["free"]
                for asked in (
                    {"account": "nobody", "asset": "USDT", "amount": "1"},
                    {"account": "alice", "asset": "NONE", "amount": "1"},
                    {"account": "alice", "asset": "USDT", "amount": "1.000000001"},
                    {"account": "alice", "asset": "USDT", "amount": "-1000000000"},
                    {"account": "alice", "asset": "USDT"},
                ):
                    assert (await exchange.admin_call("PUT", "/transfer", asked)).status == 400, asked
                assert (await ledger(exchange))["accounts"] == before["accounts"]
                for amount in ("2.5", "-0.00000001"):
                    moved = {"account": "alice", "asset": "USDT", "amount": amount}
                    assert (await exchange.admin_call("PUT", "/transfer", moved)).status == 200
                after = await ledger(exchange)
                now = after["accounts"]["alice"]["balances"]["USDT"]["free"]
                assert Decimal(now) - Decimal(free) == Decimal("2.49999999")
                assert Decimal(after["totals"]["USDT"]) - Decimal(before["totals"]["USDT"]) == Decimal("2.49999999")

        run(ask)

    def test_the_ledger_is_what_clients_see(self):
        async def ask():
            async with served() as exchange:
                await exchange.alice.limit("SELL", "50000.00", "0.02", newClientOrderId="mine")
                await exchange.bob.limit("BUY", "50000.00", "0.01")
                truth = (await ledger(exchange))["accounts"]
                seen = (await exchange.alice.signed("GET", "/api/v3/account", omitZeroBalances="true")).body
                assert truth["alice"]["balances"] == {
                    item["asset"]: {"free": item["free"], "locked": item["locked"]} for item in seen["balances"]
                }
                orders = (await exchange.alice.signed("GET", "/api/v3/allOrders", symbol="BTCUSDT")).body
                assert truth["alice"]["orders"] == orders
                assert truth["bob"]["trades"][0]["id"] == truth["alice"]["trades"][0]["id"]

        run(ask)

    def test_no_asset_is_made_or_lost(self):
        async def ask():
            async with served(with_background=True, speed=50.0) as exchange:
                before = (await ledger(exchange))["totals"]
                for _ in range(10):
                    for side in ("BUY", "SELL"):
                        order = {"symbol": "BTCUSDT", "side": side, "type": "MARKET", "quantity": "0.05"}
                        assert (await exchange.alice.signed("POST", "/api/v3/order", **order)).status == 200
                await asyncio.sleep(0.3)
                assert (await ledger(exchange))["totals"] == before

        run(ask)


class TestOrderFaults:
    def test_a_timed_out_order_was_carried_out(self):
        async def place():
            async with served() as exchange:
                await faults(exchange, order_timeouts=1.0, order_timeout_s=0.05)
                answer = await exchange.alice.limit("BUY", "30000.00", "0.01", newClientOrderId="ghost")
                assert (answer.status, answer.body["code"]) == (504, -1007)
                assert "execution status unknown" in answer.body["msg"]
                found = await exchange.alice.signed("GET", "/api/v3/order", symbol="BTCUSDT", origClientOrderId="ghost")
                assert found.body["status"] == "NEW"
                async with exchange.api_socket() as socket:
                    params = exchange.alice.ws_params(symbol="BTCUSDT", origClientOrderId="ghost")
                    over_ws = await socket.ask("order.cancel", params)
                    assert (over_ws["status"], over_ws["error"]["code"]) == (504, -1007)
                assert (await ledger(exchange))["accounts"]["alice"]["openOrders"] == []

        run(place)

    def test_a_lost_answer_breaks_the_connection_and_the_order_stands(self):
        async def place():
            async with served() as exchange:
                await faults(exchange, lost_answers=1.0)
                with pytest.raises(aiohttp.ClientError):
                    await exchange.alice.limit("BUY", "30000.00", "0.01", newClientOrderId="ghost")
                async with exchange.api_socket() as socket:
                    params = exchange.alice.ws_params(symbol="BTCUSDT", origClientOrderId="ghost")
                    await socket.socket.send_str(
                        orjson.dumps({"id": 1, "method": "order.cancel", "params": params}).decode()
                    )
                    closed = await socket.socket.receive(5)
                    assert closed.type in {aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.ERROR}
                (order,) = (await ledger(exchange))["accounts"]["alice"]["orders"]
                assert (order["clientOrderId"], order["status"]) == ("ghost", "CANCELED")

        run(place)

    def test_an_order_that_waits_longer_than_its_window_is_refused_late(self):
        async def place():
            async with served() as exchange:
                await faults(exchange, order_delay_ms=300)
                refused = 0
                for _ in range(6):
                    answer = await exchange.alice.limit("BUY", "30000.00", "0.01", recvWindow=40)
                    refused += answer.body.get("code") == -1021
                assert refused >= 3
                assert len((await ledger(exchange))["accounts"]["alice"]["orders"]) == 6 - refused

        run(place)

    def test_a_halted_exchange_takes_no_orders_and_answers_questions(self):
        async def place():
            async with served() as exchange:
                await faults(exchange, halt=True)
                assert (await exchange.alice.limit("BUY", "30000.00", "0.01")).body["code"] == -1016
                assert (await exchange.alice.signed("GET", "/api/v3/openOrders")).status == 200
                await faults(exchange)
                assert (await exchange.alice.limit("BUY", "30000.00", "0.01")).status == 200

        run(place)


class TestConnections:
    def test_requests_are_refused_then_the_address_is_banned_then_it_may_come_again(self):
        async def ask():
            async with served() as exchange:
                await faults(exchange, refuse=2, ban_s=1.0)
                first, second, third = [await exchange.alice.plain("GET", "/api/v3/ping") for _ in range(3)]
                assert [(item.status, item.body["code"]) for item in (first, second, third)] == [
                    (429, -1003),
                    (429, -1003),
                    (418, -1003),
                ]
                assert (first.headers["Retry-After"], third.headers["Retry-After"]) == ("1", "1")
                await asyncio.sleep(1.1)
                assert (await exchange.alice.plain("GET", "/api/v3/ping")).status == 200

        run(ask)

    def test_an_outage_cuts_everybody_and_ends(self):
        async def ask():
            async with served() as exchange, exchange.session.ws_connect(exchange.ws + "/ws") as socket:
                await faults(exchange, outage_s=3)
                assert (await socket.receive(2)).type in {aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR}
                with pytest.raises(aiohttp.ClientError):
                    await exchange.alice.plain("GET", "/api/v3/ping")
                await asyncio.sleep(3.1)
                assert (await exchange.alice.plain("GET", "/api/v3/ping")).status == 200

        run(ask)

    def test_a_muted_stream_answers_pings_and_says_nothing(self):
        async def listen():
            async with (
                served(with_background=True, speed=20.0) as exchange,
                exchange.session.ws_connect(exchange.ws + "/ws/btcusdt@depth@100ms", autoping=False) as socket,
            ):
                await socket.receive(2)
                await faults(exchange, mute_streams=True)
                await asyncio.sleep(0.3)
                await socket.ping(b"there?")
                kinds = []
                until = time.monotonic() + 0.7
                while time.monotonic() < until:
                    try:
                        kinds.append((await socket.receive(0.2)).type)
                    except TimeoutError:
                        continue
                assert aiohttp.WSMsgType.PONG in kinds
                assert kinds[-1] is aiohttp.WSMsgType.PONG
                await faults(exchange)
                assert (await socket.receive(2)).type is aiohttp.WSMsgType.TEXT

        run(listen)

    def test_a_client_is_pinged_and_cut_when_its_pongs_are_missed(self):
        async def listen():
            async with served() as exchange:
                await faults(exchange, ping_period_s=0.5, pong_timeout_s=2.0)
                async with exchange.session.ws_connect(exchange.ws + "/ws", autoping=False) as socket:
                    ping = await socket.receive(3)
                    assert ping.type is aiohttp.WSMsgType.PING
                    assert abs(int(ping.data) - time.time() * 1_000) < 5_000
                    await faults(exchange, ping_period_s=0.5, pong_timeout_s=2.0, miss_pongs=True)
                    closed = False
                    until = time.monotonic() + 6
                    while time.monotonic() < until and not closed:
                        message = await socket.receive(6)
                        if message.type is aiohttp.WSMsgType.PING:
                            await socket.pong(message.data)
                        else:
                            closed = True
                    assert closed

        run(listen)

    def test_who_answers_pings_stays(self):
        async def listen():
            async with served() as exchange:
                await faults(exchange, ping_period_s=0.5, pong_timeout_s=1.0)
                async with exchange.session.ws_connect(exchange.ws + "/ws") as socket:
                    with pytest.raises(TimeoutError):
                        await asyncio.wait_for(socket.receive(), 3.5)  # its own timeout begins anew at each ping
                    assert not socket.closed

        run(listen)

    def test_a_connection_ends_at_its_age(self):
        async def listen():
            async with served() as exchange:
                await faults(exchange, connection_age_s=0.5)
                async with exchange.session.ws_connect(exchange.ws + "/ws") as socket:
                    assert (await socket.receive(4)).type is aiohttp.WSMsgType.CLOSE
                    assert socket.close_code == 1001

        run(listen)

    def test_a_shutdown_is_announced_on_every_kind_of_socket(self):
        async def listen():
            async with (
                served() as exchange,
                exchange.session.ws_connect(exchange.ws + "/ws") as raw,
                exchange.session.ws_connect(exchange.ws + "/stream") as combined,
                exchange.api_socket() as api,
            ):
                await faults(exchange, shutdown_notice=True)
                assert orjson.loads((await raw.receive(2)).data)["e"] == "serverShutdown"
                assert orjson.loads((await combined.receive(2)).data)["stream"] == "!serverShutdown"
                assert (await api.receive())["event"]["e"] == "serverShutdown"

        run(listen)

    def test_a_skewed_clock_is_what_requests_are_judged_by(self):
        async def ask():
            async with served() as exchange:
                await faults(exchange, clock_skew_ms=-10_000)
                answer = await exchange.alice.signed("GET", "/api/v3/account")
                assert (answer.body["code"], "1000ms ahead" in answer.body["msg"]) == (-1021, True)
                told = (await exchange.alice.plain("GET", "/api/v3/time")).body["serverTime"]
                assert abs(told + 10_000 - time.time() * 1_000) < 2_000

        run(ask)


class TestBackground:
    def test_a_storm_breaks_takers_into_pieces_and_slow_fills_keep_them_away(self):
        async def trade():
            async with served(with_background=True, speed=50.0) as exchange:
                await faults(exchange, slow_fills=1.0)
                await asyncio.sleep(0.1)
                before = len(exchange.venue.market("BTCUSDT").tape.trades)
                await asyncio.sleep(0.5)
                assert len(exchange.venue.market("BTCUSDT").tape.trades) == before
                await faults(exchange, partial_fill_storm=20)
                await asyncio.sleep(0.5)
                assert len(exchange.venue.market("BTCUSDT").tape.trades) - before > 40

        run(trade)

    def test_chaos_breaks_no_ledger(self):
        async def trade():
            async with served(with_background=True, speed=20.0, limits=Limits()) as exchange:
                before = (await ledger(exchange))["totals"]
                await faults(exchange, chaos_seed=3, chaos_period_s=0.25)
                known, number = set(), 0
                until = time.monotonic() + 4.0
                while time.monotonic() < until:
                    number += 1
                    try:
                        await exchange.alice.limit("BUY", "30000.00", "0.01", newClientOrderId=f"chaos-{number}")
                        await exchange.alice.signed(
                            "DELETE", "/api/v3/order", symbol="BTCUSDT", origClientOrderId=f"chaos-{number}"
                        )
                    except aiohttp.ClientError:
                        await asyncio.sleep(0.05)
                    await asyncio.sleep(0.02)
                await faults(exchange)
                truth = await ledger(exchange)
                assert truth["totals"] == before
                orders = truth["accounts"]["alice"]["orders"]
                known = {order["clientOrderId"] for order in orders}
                assert len(known) == len(orders) > 5
                open_orders = (await exchange.alice.signed("GET", "/api/v3/openOrders")).body
                assert {order["orderId"] for order in open_orders} == set(truth["accounts"]["alice"]["openOrders"])

        run(trade)
