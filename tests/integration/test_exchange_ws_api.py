"""The served exchange over the WebSocket API: requests, sessions, user events."""

from __future__ import annotations

import asyncio
import base64
import time

import orjson
import pytest
from builders.served_exchange import ALICE, hmac_hex, served
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from bot4.adapters.simulator.accounts import AccountSpec, KeySpec
from bot4.adapters.simulator.api.table import ENDPOINTS
from bot4.adapters.simulator.serve.session_methods import METHODS
from bot4.adapters.simulator.wire.limits import Limits

LIMIT = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01"}

# web-socket-api.md, 2026-07-21: every method with a WebSocket form but routed orders, which these markets have none of.
DOCUMENTED = {
    *("ping", "time", "exchangeInfo", "executionRules", "depth", "trades.recent", "trades.historical"),
    *("blockTrades.historical", "trades.aggregate", "klines", "uiKlines", "avgPrice", "ticker.24hr"),
    *("ticker.tradingDay", "ticker", "ticker.price", "ticker.book", "referencePrice"),
    *("referencePrice.calculation", "session.logon", "session.status", "session.logout", "order.place"),
    *("order.test", "order.cancel", "order.cancelReplace", "order.amend.keepPriority", "openOrders.cancelAll"),
    *("orderList.place", "orderList.place.oco", "orderList.place.oto", "orderList.place.otoco"),
    *("orderList.place.opo", "orderList.place.opoco", "orderList.cancel", "account.status", "order.status"),
    *("openOrders.status", "allOrders", "orderList.status", "openOrderLists.status", "allOrderLists", "myTrades"),
    *("account.rateLimits.orders", "myPreventedMatches", "myAllocations", "account.commission"),
    *("order.amendments", "myFilters", "userDataStream.subscribe", "userDataStream.unsubscribe"),
    *("session.subscriptions", "userDataStream.subscribe.signature"),
}


def run(test):
    asyncio.run(test())


def ed25519_account(name: str) -> tuple[ed25519.Ed25519PrivateKey, AccountSpec]:
    key = ed25519.Ed25519PrivateKey.generate()
    pem = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return key, AccountSpec(name, (KeySpec(f"{name}key", public_key=pem.decode()),), {"USDT": 10**13, "BTC": 10**9})


def ed25519_params(key: ed25519.Ed25519PrivateKey, **params) -> dict[str, object]:
    params.setdefault("timestamp", time.time_ns() // 1_000_000)
    text = "&".join(f"{name}={params[name]}" for name in sorted(params))
    return params | {"signature": base64.b64encode(key.sign(text.encode())).decode()}


def test_every_documented_method_is_there():
    there = {item.ws_method for item in ENDPOINTS if item.ws_method} | set(METHODS)
    assert there == DOCUMENTED


class TestRequests:
    def test_an_answer_carries_the_id_the_status_and_the_limits(self):
        async def ask():
            async with served(limits=Limits()) as exchange, exchange.api_socket() as socket:
                await socket.socket.send_str('{"id":"abc","method":"v3/ping"}')
                answer = await socket.receive()
                assert (answer["id"], answer["status"], answer["result"]) == ("abc", 200, {})
                assert answer["rateLimits"][0]["rateLimitType"] == "REQUEST_WEIGHT"
                assert answer["rateLimits"][0]["count"] == 3  # two for the connection
                quiet = await socket.ask("time", {"returnRateLimits": False})
                assert "rateLimits" not in quiet

        run(ask)

    def test_a_wish_about_limits_is_signed_with_the_rest(self):
        async def ask():
            async with served(limits=Limits()) as exchange, exchange.api_socket() as socket:
                alice = exchange.alice
                at = time.time_ns() // 1_000_000
                text = f"apiKey={alice.key}&returnRateLimits=false&timestamp={at}"
                params = {"apiKey": alice.key, "returnRateLimits": False, "timestamp": at}
                answer = await socket.ask("account.status", params | {"signature": hmac_hex(alice.secret, text)})
                assert (answer["status"], "rateLimits" in answer) == (200, False)

        run(ask)

    def test_limits_may_be_left_out_for_a_whole_connection(self):
        async def ask():
            async with served(limits=Limits()) as exchange, exchange.api_socket("?returnRateLimits=false") as socket:
                assert "rateLimits" not in await socket.ask("ping")
                assert "rateLimits" in await socket.ask("ping", {"returnRateLimits": True})

        run(ask)

    @pytest.mark.parametrize(
        ("frame", "code"),
        [
            ("{", -1135),
            ("[]", -1135),
            ('{"id":1}', -1135),
            ('{"id":1,"method":"ping","params":[]}', -1135),
            ('{"id":{},"method":"ping"}', -1135),
            ('{"id":1,"method":"no.such"}', -1020),
            ('{"id":1,"method":"depth"}', -1102),
            ('{"id":1,"method":"depth","params":{"symbol":"BTCUSDT","x":1}}', -1104),
            ('{"id":1,"method":"account.status"}', -2014),
            ('{"id":1,"method":"ping","params":{"returnRateLimits":"yes"}}', -1130),
        ],
    )
    def test_a_wrong_frame_gets_an_error_and_the_connection_lives_on(self, frame, code):
        async def ask():
            async with served() as exchange, exchange.api_socket() as socket:
                await socket.socket.send_str(frame)
                answer = await socket.receive()
                assert (answer["status"] >= 400, answer["error"]["code"]) == (True, code), answer
                assert (await socket.ask("ping"))["status"] == 200

        run(ask)

    def test_numbers_are_signed_as_they_were_written(self):
        async def place():
            async with served() as exchange, exchange.api_socket() as socket:
                alice = exchange.alice
                at = time.time_ns() // 1_000_000
                for price, quantity in (("30000.50", "0.010"), ("30000", "0.01"), ("30000.0", "1e-2")):
                    params = (
                        f"apiKey={alice.key}&price={price}&quantity={quantity}&side=BUY&symbol=BTCUSDT"
                        f"&timeInForce=GTC&timestamp={at}&type=LIMIT"
                    )
                    frame = (
                        f'{{"id":7,"method":"order.place","params":{{"symbol":"BTCUSDT","side":"BUY","type":"LIMIT",'
                        f'"timeInForce":"GTC","price":{price},"quantity":{quantity},"timestamp":{at},'
                        f'"apiKey":"{alice.key}","signature":"{hmac_hex(alice.secret, params)}"}}}}'
                    )
                    await socket.socket.send_str(frame)
                    answer = await socket.receive()
                    if quantity == "1e-2":
                        assert answer["error"]["code"] == -1100  # the signature holds, the figure does not
                    else:
                        assert answer["status"] == 200, answer

        run(place)

    def test_an_error_has_the_shape_of_the_documentation(self):
        async def ask():
            async with served() as exchange, exchange.api_socket() as socket:
                answer = await socket.ask(
                    "order.cancelReplace",
                    exchange.alice.ws_params(
                        **LIMIT, price="30000", cancelReplaceMode="ALLOW_FAILURE", cancelOrderId="9"
                    ),
                )
                assert (answer["status"], answer["error"]["code"]) == (409, -2021)
                assert answer["error"]["data"]["cancelResponse"] == {"code": -2011, "msg": "Unknown order sent."}

        run(ask)


class TestSessions:
    def test_a_session_needs_no_signature_after_logon(self):
        key, spec = ed25519_account("dora")

        async def log_on():
            async with served(accounts=(), specs=[spec]) as exchange, exchange.api_socket() as socket:
                refused = await socket.ask("order.place", LIMIT | {"price": "30000"})
                assert refused["error"]["code"] == -2014
                on = await socket.ask("session.logon", ed25519_params(key, apiKey="dorakey"))
                assert (on["status"], on["result"]["apiKey"]) == (200, "dorakey")
                now = time.time_ns() // 1_000_000
                placed = await socket.ask("order.place", LIMIT | {"price": "30000", "timestamp": now})
                assert placed["status"] == 200
                late = await socket.ask("order.place", LIMIT | {"price": "30000", "timestamp": now - 10_000})
                assert late["error"]["code"] == -1021
                off = await socket.ask("session.logout")
                assert off["result"]["apiKey"] is None
                gone = await socket.ask("order.place", LIMIT | {"price": "30000", "timestamp": now})
                assert gone["error"]["code"] == -2014

        run(log_on)

    def test_only_ed25519_keys_log_on(self):
        async def log_on():
            async with served() as exchange, exchange.api_socket() as socket:
                refused = await socket.ask("session.logon", exchange.alice.ws_params())
                assert refused["status"] == 400
                assert (await socket.ask("session.status"))["result"]["apiKey"] is None

        run(log_on)

    def test_a_wrong_signature_does_not_log_on(self):
        _, spec = ed25519_account("dora")
        other = ed25519.Ed25519PrivateKey.generate()

        async def log_on():
            async with served(accounts=(), specs=[spec]) as exchange, exchange.api_socket() as socket:
                refused = await socket.ask("session.logon", ed25519_params(other, apiKey="dorakey"))
                assert refused["error"]["code"] == -1022

        run(log_on)


async def events_of(exchange, act) -> list[dict]:
    """What alice is told while something happens, up to a marker order."""
    async with exchange.api_socket() as socket:
        subscribed = await socket.ask("userDataStream.subscribe.signature", exchange.alice.ws_params())
        assert subscribed["result"] == {"subscriptionId": 0}
        await act()
        await exchange.alice.limit("BUY", "20000.00", "0.01", newClientOrderId="marker")
        events = []
        while True:
            event = (await socket.receive())["event"]
            if event.get("c") == "marker":
                return events
            events.append(event)


def of_kind(events, kind):
    return [event for event in events if event["e"] == kind]


class TestUserEvents:
    def test_every_order_is_new_before_it_trades(self):
        async def trade():
            async with served() as exchange:
                await exchange.bob.limit("SELL", "50000.00", "0.01")

                async def act():
                    await exchange.alice.limit("BUY", "50000.00", "0.02", newClientOrderId="taker")

                events = await events_of(exchange, act)
                reports = of_kind(events, "executionReport")
                assert [(event["x"], event["X"]) for event in reports] == [
                    ("NEW", "NEW"),
                    ("TRADE", "PARTIALLY_FILLED"),
                ]
                new, fill = reports
                assert (new["t"], new["n"], new["N"], new["l"], new["w"], new["C"]) == (
                    -1,
                    "0",
                    None,
                    "0.00000000",
                    True,
                    "",
                )
                assert (fill["t"], fill["l"], fill["L"], fill["n"], fill["N"], fill["m"], fill["z"], fill["Z"]) == (
                    *(1, "0.01000000", "50000.00000000", "0.00001000", "BTC", False),
                    *("0.01000000", "500.00000000"),
                )
                keys = set("eEscSofqpPFgCxXrilzLnNTtIwmMOZYQVW")
                assert keys <= set(fill)
                position = of_kind(events, "outboundAccountPosition")
                assert {item["a"]: (item["f"], item["l"]) for item in position[-1]["B"]} == {
                    "BTC": ("10.00999000", "0.00000000"),
                    "USDT": ("99000.00000000", "500.00000000"),
                }

        run(trade)

    def test_a_cancel_carries_its_own_id_and_the_orders(self):
        async def cancel():
            async with served() as exchange:

                async def act():
                    await exchange.alice.limit("BUY", "30000.00", "0.01", newClientOrderId="mine")
                    await exchange.alice.signed(
                        "DELETE",
                        "/api/v3/order",
                        symbol="BTCUSDT",
                        origClientOrderId="mine",
                        newClientOrderId="cancel-1",
                    )

                reports = of_kind(await events_of(exchange, act), "executionReport")
                assert [(event["x"], event["c"], event["C"]) for event in reports] == [
                    ("NEW", "mine", ""),
                    ("CANCELED", "cancel-1", "mine"),
                ]

        run(cancel)

    def test_a_market_order_without_enough_liquidity_expires_after_its_trades(self):
        async def trade():
            async with served() as exchange:
                await exchange.bob.limit("SELL", "50000.00", "0.01")

                async def act():
                    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.02"}
                    await exchange.alice.signed("POST", "/api/v3/order", **order)

                reports = of_kind(await events_of(exchange, act), "executionReport")
                assert [(event["x"], event["X"]) for event in reports] == [
                    ("NEW", "NEW"),
                    ("TRADE", "PARTIALLY_FILLED"),
                    ("EXPIRED", "EXPIRED"),
                ]
                assert reports[-1]["eR"] == "INSUFFICIENT_LIQUIDITY"

        run(trade)

    def test_a_list_is_told_as_a_list(self):
        async def place():
            async with served() as exchange:

                async def act():
                    placed = await exchange.alice.signed(
                        "POST",
                        "/api/v3/orderList/oco",
                        symbol="BTCUSDT",
                        side="SELL",
                        quantity="0.01",
                        listClientOrderId="pair",
                        aboveType="LIMIT_MAKER",
                        abovePrice="60000",
                        belowType="STOP_LOSS",
                        belowStopPrice="40000",
                    )
                    assert placed.status == 200, placed.body
                    await exchange.bob.limit("BUY", "60000.00", "0.01")

                events = await events_of(exchange, act)
                lists = of_kind(events, "listStatus")
                assert [(event["l"], event["L"], event["C"], len(event["O"])) for event in lists] == [
                    ("EXEC_STARTED", "EXECUTING", "pair", 2),
                    ("ALL_DONE", "ALL_DONE", "pair", 2),
                ]
                reports = of_kind(events, "executionReport")
                expired = [event for event in reports if event["x"] == "EXPIRED"]
                assert [(event["o"], event["eR"]) for event in expired] == [("STOP_LOSS", "OCO_TRIGGER")]

        run(place)

    def test_an_amendment_is_told_as_replaced(self):
        async def amend():
            async with served() as exchange:

                async def act():
                    await exchange.alice.limit("BUY", "30000.00", "0.02", newClientOrderId="a")
                    await exchange.alice.signed(
                        "PUT",
                        "/api/v3/order/amend/keepPriority",
                        symbol="BTCUSDT",
                        origClientOrderId="a",
                        newQty="0.01",
                        newClientOrderId="b",
                    )

                replaced = of_kind(await events_of(exchange, act), "executionReport")[-1]
                assert (replaced["x"], replaced["c"], replaced["C"], replaced["q"]) == (
                    *("REPLACED", "b", "a", "0.01000000"),
                )

        run(amend)

    def test_one_account_has_one_subscription_on_a_connection(self):
        async def subscribe():
            async with served() as exchange, exchange.api_socket() as socket:
                method = "userDataStream.subscribe.signature"
                assert (await socket.ask(method, exchange.alice.ws_params()))["result"] == {"subscriptionId": 0}
                assert (await socket.ask(method, exchange.bob.ws_params()))["result"] == {"subscriptionId": 1}
                again = await socket.ask(method, exchange.alice.ws_params())
                assert again["error"]["code"] == -2035
                assert (await socket.ask("session.subscriptions"))["result"] == [
                    {"subscriptionId": 0},
                    {"subscriptionId": 1},
                ]
                assert (await socket.ask("userDataStream.unsubscribe", {"subscriptionId": 0}))["status"] == 200
                wrong = await socket.ask("userDataStream.unsubscribe", {"subscriptionId": 9})
                assert wrong["error"]["code"] == -2036
                new = await socket.ask(method, exchange.alice.ws_params())
                assert new["result"] == {"subscriptionId": 2}

        run(subscribe)

    def test_a_logon_subscription_ends_with_the_session(self):
        key, spec = ed25519_account("dora")

        async def subscribe():
            async with served(accounts=(ALICE,), specs=[spec]) as exchange, exchange.api_socket() as socket:
                assert (await socket.ask("userDataStream.subscribe"))["error"]["code"] == -2015
                await socket.ask("session.logon", ed25519_params(key, apiKey="dorakey"))
                assert (await socket.ask("userDataStream.subscribe"))["result"] == {"subscriptionId": 0}
                signed = await socket.ask("userDataStream.subscribe.signature", exchange.alice.ws_params())
                assert signed["result"] == {"subscriptionId": 1}
                off = await socket.ask("session.logout")
                assert off["result"]["userDataStream"] is True
                assert [event["e"] for event in socket.events] == ["eventStreamTerminated"]
                assert (await socket.ask("session.subscriptions"))["result"] == [{"subscriptionId": 1}]

        run(subscribe)

    def test_times_of_events_follow_the_connections_unit(self):
        async def subscribe():
            async with served() as exchange, exchange.api_socket("?timeUnit=MICROSECOND") as socket:
                await socket.ask("userDataStream.subscribe.signature", exchange.alice.ws_params())
                await exchange.alice.limit("BUY", "30000.00", "0.01")
                event = await socket.event("executionReport")
                assert event["T"] > 10**15

        run(subscribe)

    def test_what_happens_while_a_request_is_answered_is_not_lost(self):
        async def place():
            async with served() as exchange, exchange.api_socket() as socket:
                await socket.ask("userDataStream.subscribe.signature", exchange.alice.ws_params())
                for number in range(200):
                    params = exchange.alice.ws_params(**LIMIT, price="30000", newClientOrderId=f"n{number}")
                    await socket.socket.send_str(
                        orjson.dumps({"id": number, "method": "order.place", "params": params}).decode()
                    )
                answers, reports = 0, []
                while answers < 200 or len(reports) < 200:
                    message = await socket.receive()
                    if "event" not in message:
                        assert message["status"] == 200
                        answers += 1
                    elif message["event"]["e"] == "executionReport":
                        reports.append(message["event"]["c"])
                assert reports == [f"n{number}" for number in range(200)]

        run(place)
