"""The served exchange over the WebSocket API: requests and sessions."""

from __future__ import annotations

import time

import pytest
from builders.exchange_sockets import LIMIT, ed25519_account, ed25519_params, run
from builders.served_exchange import hmac_hex, served
from cryptography.hazmat.primitives.asymmetric import ed25519

from bot4.adapters.simulator.api.table import ENDPOINTS
from bot4.adapters.simulator.serve.session_methods import METHODS
from bot4.adapters.simulator.wire.limits import Limits

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


def test_every_documented_method_is_there():
    there = {item.ws_method for item in ENDPOINTS if item.ws_method} | set(METHODS)
    assert there == DOCUMENTED


class TestRequests:
    def test_an_answer_carries_the_id_the_status_and_the_limits(self):
        now_ns = time.time_ns()

        async def ask():
            async with served(limits=Limits(), clock=lambda: now_ns) as exchange, exchange.api_socket() as socket:
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
