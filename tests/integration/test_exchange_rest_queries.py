"""The served exchange over REST: what can be asked, and who is let in."""

from __future__ import annotations

import time
from urllib.parse import urlencode

import aiohttp
import pytest
from builders.exchange_rest import balances, run
from builders.served_exchange import hmac_hex, served

from bot4.adapters.simulator.accounts import AccountSpec, KeySpec
from bot4.adapters.simulator.wire.signatures import ApiKey

pytestmark = pytest.mark.filterwarnings("default::ResourceWarning")


class TestOtherRequests:
    def test_an_amended_order_keeps_its_place_and_its_history(self):
        async def amend():
            async with served() as exchange:
                placed = (await exchange.alice.limit("BUY", "30000.00", "0.02", newClientOrderId="a")).body
                done = await exchange.alice.signed(
                    "PUT",
                    "/api/v3/order/amend/keepPriority",
                    symbol="BTCUSDT",
                    orderId=placed["orderId"],
                    newQty="0.01",
                    newClientOrderId="b",
                )
                amended = done.body["amendedOrder"]
                assert (amended["origClientOrderId"], amended["clientOrderId"], amended["qty"]) == (
                    "a",
                    "b",
                    "0.01000000",
                )
                reused = await exchange.alice.limit("BUY", "30000.00", "0.02", newClientOrderId="a")
                assert reused.status == 200
                more = await exchange.alice.signed(
                    "PUT", "/api/v3/order/amend/keepPriority", symbol="BTCUSDT", origClientOrderId="b", newQty="0.03"
                )
                assert more.body == {"code": -2038, "msg": "Order amend (quantity increase) is not supported."}
                history = await exchange.alice.signed(
                    "GET", "/api/v3/order/amendments", symbol="BTCUSDT", orderId=placed["orderId"]
                )
                assert [(item["origQty"], item["newQty"]) for item in history.body] == [("0.02000000", "0.01000000")]

        run(amend)

    def test_an_oco_is_placed_found_and_cancelled_as_one(self):
        async def place():
            async with served() as exchange:
                await exchange.bob.limit("SELL", "50000.00", "0.01")
                await exchange.alice.limit("BUY", "50000.00", "0.01")
                oco = await exchange.alice.signed(
                    "POST",
                    "/api/v3/orderList/oco",
                    symbol="BTCUSDT",
                    side="SELL",
                    quantity="0.01",
                    aboveType="LIMIT_MAKER",
                    abovePrice="60000",
                    belowType="STOP_LOSS_LIMIT",
                    belowStopPrice="40000",
                    belowPrice="39000",
                    belowTimeInForce="GTC",
                    listClientOrderId="pair",
                    newOrderRespType="RESULT",
                )
                assert oco.status == 200, oco.body
                assert (oco.body["contingencyType"], oco.body["listOrderStatus"]) == ("OCO", "EXECUTING")
                assert [item["type"] for item in oco.body["orderReports"]] == ["LIMIT_MAKER", "STOP_LOSS_LIMIT"]
                btc = balances(await exchange.alice.signed("GET", "/api/v3/account"))["BTC"]
                assert btc[1] == "0.01000000"  # locked once
                query = await exchange.alice.signed("GET", "/api/v3/orderList", origClientOrderId="pair")
                assert query.body["orderListId"] == oco.body["orderListId"]
                leg = oco.body["orders"][0]["orderId"]
                gone = await exchange.alice.signed("DELETE", "/api/v3/order", symbol="BTCUSDT", orderId=leg)
                assert (gone.body["listOrderStatus"], len(gone.body["orderReports"])) == ("ALL_DONE", 2)
                assert (await exchange.alice.signed("GET", "/api/v3/openOrderList")).body == []

        run(place)

    @pytest.mark.parametrize(
        ("legs", "code"),
        [
            ({"aboveType": "LIMIT_MAKER", "abovePrice": "6", "belowType": "LIMIT_MAKER", "belowPrice": "4"}, -1168),
            ({"aboveType": "STOP_LOSS", "aboveStopPrice": "6", "belowType": "LIMIT_MAKER", "belowPrice": "4"}, -1197),
            ({"aboveType": "MARKET", "belowType": "STOP_LOSS", "belowStopPrice": "4"}, -1158),
        ],
    )
    def test_a_pair_that_is_none_is_refused(self, legs, code):
        async def place():
            async with served() as exchange:
                answer = await exchange.alice.signed(
                    "POST", "/api/v3/orderList/oco", symbol="BTCUSDT", side="SELL", quantity="0.01", **legs
                )
                assert answer.body["code"] == code

        run(place)

    def test_rights_and_fees_are_told(self):
        async def ask():
            async with served() as exchange:
                rights = (await exchange.alice.signed("GET", "/sapi/v1/account/apiRestrictions")).body
                assert (rights["enableReading"], rights["enableSpotAndMarginTrading"], rights["enableWithdrawals"]) == (
                    True,
                    True,
                    False,
                )
                fees = (await exchange.alice.signed("GET", "/sapi/v1/asset/tradeFee")).body
                assert {item["symbol"] for item in fees} == {"BTCUSDT", "ETHUSDT", "ETHBTC"}
                filters = (await exchange.alice.signed("GET", "/api/v3/myFilters", symbol="BTCUSDT")).body
                assert {item["filterType"] for item in filters["symbolFilters"]} >= {"PRICE_FILTER", "NOTIONAL"}

        run(ask)

    def test_times_are_in_the_unit_that_was_asked_for(self):
        async def ask():
            async with served() as exchange:
                now_us = time.time_ns() // 1_000
                told = await exchange.alice.raw("GET", "/api/v3/time", **{"X-MBX-TIME-UNIT": "MICROSECOND"})
                assert abs(told.body["serverTime"] - now_us) < 5_000_000
                wrong = await exchange.alice.raw("GET", "/api/v3/time", **{"X-MBX-TIME-UNIT": "HOUR"})
                assert wrong.body["code"] == -1194

        run(ask)

    def test_who_asks_for_sbe_is_told_that_there_is_none(self):
        async def ask():
            async with served() as exchange:
                for schema, code in (("3:5", -1155), ("three", -1152)):
                    answer = await exchange.alice.raw("GET", "/api/v3/time", **{"X-MBX-SBE": schema})
                    assert (answer.status, answer.body["code"]) == (400, code)
                with pytest.raises(aiohttp.WSServerHandshakeError):
                    await exchange.session.ws_connect(exchange.ws_api + "?responseFormat=sbe&sbeSchemaId=3")
                async with exchange.api_socket("?responseFormat=json") as socket:
                    assert (await socket.ask("ping"))["status"] == 200

        run(ask)


async def refuses_forged_requests(exchange) -> None:
    """What any exchange must refuse, however the rest of a request looks."""
    alice = exchange.alice
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01"}
    order |= {"price": "30000.00", "timestamp": time.time_ns() // 1_000_000}
    query, key = urlencode(order), {"X-MBX-APIKEY": alice.key}
    forged = [
        (query, {}, -2014),
        (query, key, -1102),
        (f"{query}&signature={'0' * 64}", key, -1022),
        (f"{query}&signature={hmac_hex('wrong', query)}", key, -1022),
        (f"{query.replace('0.01', '0.02')}&signature={hmac_hex(alice.secret, query)}", key, -1022),
        (f"{query}&signature={hmac_hex(alice.secret, query)}", {"X-MBX-APIKEY": "unknown"}, -2015),
        (f"{query}&signature={hmac_hex(alice.secret, query)}", {"X-MBX-APIKEY": "bobkey"}, -1022),
    ]
    for text, headers, code in forged:
        answer = await alice.raw("POST", "/api/v3/order", text, **headers)
        assert answer.status in {400, 401}, (text, answer)
        assert answer.body["code"] == code
    late = urlencode(order | {"timestamp": order["timestamp"] - 6_000})
    answer = await alice.raw("POST", "/api/v3/order", f"{late}&signature={hmac_hex(alice.secret, late)}", **key)
    assert answer.body["code"] == -1021
    assert (await alice.signed("GET", "/api/v3/openOrders")).body == []


class TestSecurity:
    def test_forged_and_late_requests_are_refused_and_do_nothing(self):
        async def forge():
            async with served() as exchange:
                await refuses_forged_requests(exchange)

        run(forge)

    def test_control_an_exchange_that_checks_no_signature_is_found_out(self):
        async def forge():
            async with served() as exchange:
                keys = exchange.venue.keys
                for name, key in list(keys.items()):
                    keys[name] = ApiKey(key.name, key.account, key.kind, lambda _payload, _signature: True)
                with pytest.raises(AssertionError):
                    await refuses_forged_requests(exchange)

        run(forge)

    def test_control_an_exchange_that_takes_an_id_twice_is_found_out(self):
        async def twice(exchange):
            await exchange.alice.limit("BUY", "30000.00", "0.01", newClientOrderId="same")
            again = await exchange.alice.limit("BUY", "30000.00", "0.01", newClientOrderId="same")
            assert again.body == {"code": -2010, "msg": "Duplicate order sent."}

        async def place():
            async with served() as exchange:
                await twice(exchange)
            async with served() as exchange:
                exchange.venue.desk._check_unused = lambda *_: None
                with pytest.raises(AssertionError):
                    await twice(exchange)

        run(place)

    def test_a_key_that_may_not_trade_reads_only(self):
        spec = AccountSpec("carol", (KeySpec("alicekey", "alicesecret", may_trade=False),), {"USDT": 10**12})

        async def place():
            async with served(accounts=(), specs=[spec]) as exchange:
                assert (await exchange.alice.signed("GET", "/api/v3/account")).body["canTrade"] is False
                refused = await exchange.alice.limit("BUY", "30000.00", "0.01")
                assert (refused.status, refused.body["code"]) == (401, -2015)

        run(place)
