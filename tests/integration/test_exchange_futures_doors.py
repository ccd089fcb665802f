"""The futures' doors: WebSocket API, listen keys, keys and limits; under faults, and with bad input."""

from __future__ import annotations

import asyncio
import random
import time
from functools import partial

import aiohttp
import orjson
import pytest
from builders.futures_desk import LIMIT, ask, held, limit, meet, run, until
from builders.served_exchange import ApiSocket, hmac_hex

from bot4.adapters.simulator.accounts import AccountSpec, KeySpec, parse_account, read_accounts
from bot4.adapters.simulator.faults.settings import FaultSettings
from bot4.adapters.simulator.futures.table import ENDPOINTS
from bot4.adapters.simulator.wire.limits import Limits
from bot4.domain.errors import ConfigError

UNIT = 10**8
BADLY_SIGNED = (
    ("symbol=BTCUSDT", -1102),
    ("timestamp={now}", -1102),
    ("timestamp={now}&signature=00", -1022),
    ("timestamp=1&signature=00", -1021),
    ("timestamp={late}&signature=00", -1021),
    ("timestamp={now}&timestamp={now}&signature=00", -1101),
    ("timestamp=x&signature=00", -1100),
)
MALFORMED = (
    ("GET", "/fapi/v1/nothing", 404),
    ("GET", "/fapi/", 404),
    ("PATCH", "/fapi/v1/order", 405),
    ("GET", "/fapi/v1/depth?symbol=" + "X" * 20_000, 400),
    ("GET", "/fapi/v1/depth?symbol=%00", 400),
    ("GET", "/public/nothing", 404),
    ("GET", "/stream?streams=a&streams=b", 400),
)


class TestWebSocketApi:
    def test_orders_are_placed_modified_asked_for_and_canceled(self):
        async def body(exchange):
            async with exchange.session.ws_connect(exchange.futures_ws_api) as raw:
                socket, sign = ApiSocket(raw), exchange.alice.ws_params
                order = LIMIT | {"side": "BUY", "price": "59000", "quantity": 0.01}
                placed = await socket.ask("order.place", sign(**order))
                assert (placed["status"], placed["result"]["status"]) == (200, "NEW")
                order_id = placed["result"]["orderId"]
                which = {"symbol": "BTCUSDT", "orderId": order_id}
                changed = await socket.ask("order.modify", sign(**which, side="BUY", price="59100", quantity="0.02"))
                assert changed["result"]["price"] == "59100.00"
                assert (await socket.ask("order.status", sign(**which)))["result"]["origQty"] == "0.020"
                assert (await socket.ask("order.cancel", sign(**which)))["result"]["status"] == "CANCELED"
                gone = await socket.ask("order.cancel", sign(**which))
                assert (gone["status"], gone["error"]["code"]) == (400, -2011)
                algo = {"algoType": "CONDITIONAL", "symbol": "BTCUSDT", "side": "BUY", "type": "STOP_MARKET"}
                waits = await socket.ask("algoOrder.place", sign(**algo, quantity="0.01", triggerPrice="61000"))
                ended = await socket.ask("algoOrder.cancel", sign(algoId=waits["result"]["algoId"]))
                assert ended["result"]["msg"] == "success"
                for method in ("account.balance", "v2/account.balance", "account.status", "v2/account.position"):
                    assert (await socket.ask(method, sign()))["status"] == 200, method
                assert (await socket.ask("depth", {"symbol": "BTCUSDT", "limit": 5}))["result"]["E"] > 0

        run(body)

    def test_a_session_needs_no_signatures_and_spots_methods_are_not_here(self):
        from cryptography.hazmat.primitives import serialization as form  # noqa: PLC0415
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415

        private = Ed25519PrivateKey.generate()
        pem = private.public_key().public_bytes(form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo).decode()
        carol = AccountSpec("carol", (KeySpec("edkey", public_key=pem),), {"USDT": 1_000 * UNIT})

        async def body(exchange):
            import base64  # noqa: PLC0415

            async with exchange.session.ws_connect(exchange.futures_ws_api) as raw:
                socket, now = ApiSocket(raw), time.time_ns() // 1_000_000
                signature = base64.b64encode(private.sign(f"apiKey=edkey&timestamp={now}".encode())).decode()
                logon = {"apiKey": "edkey", "timestamp": now, "signature": signature}
                assert (await socket.ask("session.logon", logon))["result"]["apiKey"] == "edkey"
                now = time.time_ns() // 1_000_000
                told = await socket.ask("account.balance", {"timestamp": now})
                assert told["result"][0]["balance"] == "1000.00000000"
                spot = await socket.ask("userDataStream.subscribe")
                assert (spot["status"], spot["error"]["code"]) == (400, -1020)

        run(body, specs=(carol,))


async def listen_key(client, method="POST", status=200):
    answer = await client.raw(method, "/fapi/v1/listenKey", **{"X-MBX-APIKEY": client.key})
    assert answer.status == status, answer.body
    return answer.body


async def next_event(socket, kind, wait_s=20.0):
    while True:
        message = orjson.loads((await socket.receive(wait_s)).data)
        if message.get("data", message).get("e") == kind:
            return message


class TestUserData:
    @pytest.mark.parametrize(
        "address",
        ["/private/ws?listenKey={}", "/private/ws/{}", "/private/stream?streams={}", "/ws/{}", "/stream?streams={}"],
    )
    def test_events_come_on_every_address_that_clients_use(self, address):
        async def body(exchange):
            key = (await listen_key(exchange.alice))["listenKey"]
            async with exchange.session.ws_connect(exchange.futures_ws + address.format(key)) as socket:
                await asyncio.sleep(0.05)
                await meet(exchange)
                event = await next_event(socket, "ACCOUNT_UPDATE")
                assert event.get("stream", key) == key
                assert event.get("data", event)["a"]["P"][0]["pa"] == "0.100"

        run(body)

    def test_a_key_is_kept_alive_ends_and_is_told_of(self):
        async def body(exchange):
            key = (await listen_key(exchange.alice))["listenKey"]
            assert await listen_key(exchange.alice) == {"listenKey": key}, "an account has one"
            assert await listen_key(exchange.alice, "PUT") == {"listenKey": key}
            async with exchange.session.ws_connect(f"{exchange.futures_ws}/private/ws?listenKey={key}") as socket:
                await asyncio.sleep(0.05)
                account, keys = held(exchange), exchange.usdm.user_keys
                keys._listeners[account.number].until_ns = 0
                assert (await next_event(socket, "listenKeyExpired"))["listenKey"] == key
            assert (await listen_key(exchange.alice, "PUT", 400))["code"] == -1125
            assert (await listen_key(exchange.alice))["listenKey"] != key
            assert await listen_key(exchange.alice, "DELETE") == {}

        run(body)

    def test_an_account_hears_nothing_of_others_and_nothing_without_its_key(self):
        async def body(exchange):
            key = (await listen_key(exchange.alice))["listenKey"]
            await listen_key(exchange.bob)
            async with (
                exchange.session.ws_connect(f"{exchange.futures_ws}/private/ws?listenKey={key}") as mine,
                exchange.session.ws_connect(f"{exchange.futures_ws}/private/ws?listenKey={'x' * 64}") as nobody,
                exchange.session.ws_connect(f"{exchange.futures_ws}/public/ws/{key}") as elsewhere,
            ):
                await asyncio.sleep(0.05)
                await limit(exchange.bob, "SELL", "61000", "0.1")
                placed = await limit(exchange.alice, "BUY", "59000", "0.1")
                assert (await next_event(mine, "ORDER_TRADE_UPDATE"))["o"]["i"] == placed["orderId"]
                for silent in (nobody, elsewhere):
                    with pytest.raises(TimeoutError):
                        await silent.receive(0.2)

        run(body)


class TestAccounts:
    def test_the_futures_wallet_is_as_much_usdt_as_on_spot_or_what_is_said(self):
        assert parse_account("a:k:s:USDT=5,BTC=1").futures_balances == {"USDT": 5 * UNIT}
        assert parse_account("a:k:s:USDT=5,FUTURES:USDT=7").futures_balances == {"USDT": 7 * UNIT}
        assert parse_account("a:k:s:BTC=1").futures_balances == {}
        with pytest.raises(ConfigError, match="futures wallet holds USDT"):
            parse_account("a:k:s:FUTURES:BTC=1")

    def test_a_file_names_it_too(self, tmp_path):
        path = tmp_path / "accounts.toml"
        path.write_text('[account.a]\nfutures_balances = { USDT = "3" }\nkeys = [{ name = "k", secret = "s" }]\n')
        assert read_accounts(path)[0].futures_balances == {"USDT": 3 * UNIT}

    def test_a_key_that_may_not_trade_reads_and_is_told_so_on_both_floors(self):
        reader = AccountSpec("carol", (KeySpec("bobkey2", "secret", may_trade=False),), {"USDT": UNIT})

        async def body(exchange):
            carol = exchange.bob
            carol.key, carol.secret = "bobkey2", "secret"
            assert (await ask(carol, "GET", "v2/account"))["canTrade"] is False
            assert (await limit(carol, "BUY", "59000", "0.1", 401))["code"] == -2015
            rights = await carol.signed("GET", "/sapi/v1/account/apiRestrictions")
            assert rights.body["enableFutures"] is False
            rights = await exchange.alice.signed("GET", "/sapi/v1/account/apiRestrictions")
            assert rights.body["enableFutures"] is True

        run(body, specs=(reader,))


class TestFaults:
    def test_an_outage_and_a_halt_hold_on_the_futures_as_on_spot(self):
        async def body(exchange):
            exchange.server.set_faults(FaultSettings(halt=True))
            assert (await limit(exchange.alice, "BUY", "59000", "0.1", 400))["code"] == -1016
            exchange.server.set_faults(FaultSettings(outage_s=30))
            with pytest.raises(aiohttp.ClientError):
                await ask(exchange.alice, "GET", "v3/balance")
            exchange.server.set_faults(FaultSettings())
            await limit(exchange.alice, "BUY", "59000", "0.1")

        run(body)

    def test_muted_user_streams_say_nothing_while_market_streams_go_on(self):
        async def body(exchange):
            key = (await listen_key(exchange.alice))["listenKey"]
            private = f"{exchange.futures_ws}/private/ws?listenKey={key}"
            async with (
                exchange.session.ws_connect(private) as users,
                exchange.session.ws_connect(exchange.futures_ws + "/market/ws/btcusdt@aggTrade") as market,
            ):
                await asyncio.sleep(0.05)
                exchange.server.set_faults(FaultSettings(mute_users=True))
                await meet(exchange)
                assert (await next_event(market, "aggTrade"))["q"] == "0.100"
                with pytest.raises(TimeoutError):
                    await users.receive(0.2)

        run(body)

    def test_refusals_and_bans_count_for_the_futures(self):
        async def body(exchange):
            exchange.server.set_faults(FaultSettings(refuse=1, ban_s=30))
            statuses = [(await exchange.alice.plain("GET", "/fapi/v1/ping")).status for _ in range(2)]
            assert statuses == [429, 418]

        run(body)

    def test_a_skewed_clock_shifts_what_clients_see_and_brings_no_funding(self):
        async def body(exchange):
            marks = exchange.usdm.market("BTCUSDT").marks
            before = marks.next_funding_ns
            exchange.server.set_faults(FaultSettings(clock_skew_ms=12 * 3_600_000))
            told = (await exchange.alice.plain("GET", "/fapi/v1/time")).body["serverTime"]
            assert told - time.time_ns() // 1_000_000 > 11 * 3_600_000
            second = marks._second
            await until(lambda: marks._second > second)
            exchange.server.set_faults(FaultSettings())
            second = marks._second
            await until(lambda: marks._second > second)
            assert (marks.next_funding_ns - before) % marks.interval_ns == 0
            assert marks.next_funding_ns - time.time_ns() <= marks.interval_ns

        run(body)

    def test_chaos_mixes_the_same_on_both_floors_and_the_books_are_whole_after_it(self):
        async def body(exchange):
            exchange.server.set_faults(FaultSettings(chaos_seed=3, chaos_period_s=0.2))
            seen = []
            deadline = time.monotonic() + 3.0
            while time.monotonic() < deadline:
                await asyncio.sleep(0.05)
                assert exchange.usdm.faults.settings is exchange.venue.faults.settings, "one tells the other"
                seen.append(exchange.usdm.faults.settings)
            assert len({id(mixture) for mixture in seen}) > 2
            exchange.server.set_faults(FaultSettings())
            await until(lambda: not exchange.usdm.faults.is_out)
            ledger = (await exchange.admin_call("GET", "/ledger")).body["futures"]
            assert ledger["totals"]["USDT"]
            await limit(exchange.alice, "BUY", "59000", "0.1")

        run(body, with_background=True, speed=5.0)


class TestBadInput:
    def test_what_is_not_signed_well_is_refused(self):
        async def body(exchange):
            for query, code in BADLY_SIGNED:
                now = time.time_ns() // 1_000_000
                text = query.format(now=now, late=now + 60_000)
                answer = await exchange.alice.raw("GET", "/fapi/v3/balance", text, **{"X-MBX-APIKEY": "alicekey"})
                assert (answer.status, answer.body["code"]) == (400, code), query

        run(body)

    def test_malformed_and_oversized_requests_get_an_answer(self):
        async def body(exchange):
            for method, path, status in MALFORMED:
                answer = await exchange.alice.raw(method, *path.split("?", 1))
                assert answer.status == status, path[:80]

        run(body)

    def test_a_batch_that_cannot_be_is_refused_whole(self):
        async def body(exchange):
            for batch in ("", "x", "{}", "[1]", "[]", '[{"symbol":{}}]', "[" * 3_000):
                answer = await exchange.alice.signed("POST", "/fapi/v1/batchOrders", batchOrders=batch)
                assert answer.status == 400 or answer.body[0]["code"] < 0, batch
            assert held(exchange).orders == {}

        run(body)

    def test_who_floods_is_refused_and_banned_and_spot_and_others_are_not(self):
        now_ns = time.time_ns()

        async def body(exchange):
            ask_depth = partial(exchange.alice.plain, "GET", "/fapi/v1/depth", symbol="BTCUSDT")
            statuses = [(await ask_depth()).status for _ in range(9)]
            assert statuses[0] == 200
            assert 429 in statuses
            assert statuses[-1] == 418
            assert (await exchange.alice.plain("GET", "/api/v3/ping")).status == 200

        run(body, limits=Limits(futures_weight_per_minute=20, refusals_before_ban=3), clock=lambda: now_ns)

    def test_without_the_option_there_are_no_futures(self):
        async def main():
            from builders.served_exchange import served  # noqa: PLC0415

            async with served() as exchange:
                assert (await exchange.alice.raw("GET", "/fapi/v1/ping")).status == 404
                ledger = (await exchange.admin_call("GET", "/ledger")).body
                assert "futures" not in ledger

        asyncio.run(main())

    def test_a_signature_that_is_not_checked_is_noticed(self):
        """A planted fault: keys verify anything."""

        async def forged(exchange):
            query = f"timestamp={time.time_ns() // 1_000_000}"
            query += f"&signature={hmac_hex('another', query)}"
            return await exchange.alice.raw("GET", "/fapi/v3/balance", query, **{"X-MBX-APIKEY": "alicekey"})

        async def body(exchange):
            assert (await forged(exchange)).body["code"] == -1022
            key = exchange.usdm.keys["alicekey"]
            object.__setattr__(key, "verify", lambda *_: True)
            with pytest.raises((AssertionError, TypeError)):
                assert (await forged(exchange)).body["code"] == -1022

        run(body)

    def test_requests_at_random_never_meet_a_defect(self):
        words = ("BTCUSDT", "BUY", "SELL", "LIMIT", "MARKET", "STOP", "STOP_MARKET", "GTC", "GTD", "FOK", "GTX", "-1")
        words += ("0", "1e9", "NaN", "%00", "A" * 300, "9" * 40, "[", "[1]", "true", "60000", "59000.05", "0.01", "1")
        words += ("PERPETUAL", "1m", "LONG", "BOTH", "ISOLATED", "CROSSED", "CONDITIONAL", "QUEUE_5", "MARK_PRICE", "x")
        dice = random.Random(5)

        async def body(exchange):
            for _ in range(1_200):
                endpoint = dice.choice(ENDPOINTS)
                names = endpoint.parameters.names
                wanted = dice.sample(names, dice.randrange(len(names) + 1)) + ["symbol"] * ("symbol" in names)
                params = {name: dice.choice(words) for name in wanted if name not in {"signature", "timestamp"}}
                if dice.random() < 0.7:
                    params |= {"symbol": "BTCUSDT"} if "symbol" in names else {}
                params.pop("recvWindow", None)
                ask_for = exchange.alice.plain if endpoint.security.value == "none" else exchange.alice.signed
                answer = await ask_for(endpoint.method, endpoint.path, **params)
                assert answer.status < 500, (endpoint.path, params, answer.body)
            assert (await ask(exchange.bob, "GET", "v3/balance"))[0]["balance"]

        run(body, with_background=True)
