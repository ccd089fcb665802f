"""The served exchange over REST: two accounts trade with each other on a real socket."""

from __future__ import annotations

import time
from urllib.parse import urlencode

import pytest
from builders.exchange_rest import balances, run
from builders.served_exchange import hmac_hex, served

pytestmark = pytest.mark.filterwarnings("default::ResourceWarning")


def check_trade_between_two_accounts(exchange, sold, bought):
    """Both sides agree, fees included: the seller pays in quote, the buyer in base."""
    assert sold.body["status"] == "NEW"
    assert bought.body["status"] == "FILLED"
    assert bought.body["cummulativeQuoteQty"] == "500.00000000"
    assert bought.body["fills"] == [
        {
            "price": "50000.00000000",
            "qty": "0.01000000",
            "commission": "0.00001000",
            "commissionAsset": "BTC",
            "tradeId": 1,
        }
    ]


class TestTrading:
    def test_two_accounts_trade_with_each_other(self):
        async def trade():
            async with served() as exchange:
                sold = await exchange.alice.limit("SELL", "50000.00", "0.01", newClientOrderId="mine")
                bought = await exchange.bob.limit("BUY", "50000.00", "0.01")
                check_trade_between_two_accounts(exchange, sold, bought)
                alice = balances(await exchange.alice.signed("GET", "/api/v3/account"))
                bob = balances(await exchange.bob.signed("GET", "/api/v3/account"))
                assert (alice["BTC"], alice["USDT"]) == (
                    ("9.99000000", "0.00000000"),
                    ("100499.50000000", "0.00000000"),
                )
                assert (bob["BTC"], bob["USDT"]) == (("10.00999000", "0.00000000"), ("99500.00000000", "0.00000000"))
                mine = await exchange.alice.signed("GET", "/api/v3/order", symbol="BTCUSDT", origClientOrderId="mine")
                assert (mine.body["status"], mine.body["executedQty"]) == ("FILLED", "0.01000000")
                trades = (await exchange.alice.signed("GET", "/api/v3/myTrades", symbol="BTCUSDT")).body
                assert [(item["isMaker"], item["commission"], item["commissionAsset"]) for item in trades] == [
                    (True, "0.50000000", "USDT")
                ]

        run(trade)

    def test_parameters_may_come_in_the_body_in_the_query_or_in_both(self):
        async def place():
            async with served() as exchange:
                alice = exchange.alice
                order = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01"}
                order |= {"price": "30000.00", "timestamp": time.time_ns() // 1_000_000}
                text = urlencode(order)
                key = {"X-MBX-APIKEY": alice.key}
                for cut in (0, 3, len(order)):
                    query, body = urlencode(list(order.items())[:cut]), urlencode(list(order.items())[cut:])
                    signature = f"signature={hmac_hex(alice.secret, query + body)}"
                    if body:
                        body += f"&{signature}"
                    else:
                        query += f"&{signature}"
                    answer = await alice.raw("POST", "/api/v3/order", query, body, **key)
                    assert answer.status == 200, (cut, answer.body)
                json_type = {"Content-Type": "application/json"}
                signed = f"{text}&signature={hmac_hex(alice.secret, text)}"
                assert (await alice.raw("POST", "/api/v3/order", signed, **key, **json_type)).status == 200

        run(place)

    def test_each_response_length_shows_what_it_should(self):
        async def place():
            async with served() as exchange:
                for length, extra in (
                    ("ACK", set()),
                    ("RESULT", {"status", "workingTime"}),
                    ("FULL", {"status", "workingTime", "fills"}),
                ):
                    answer = await exchange.alice.limit("BUY", "30000.00", "0.01", newOrderRespType=length)
                    keys = set(answer.body)
                    assert {"symbol", "orderId", "orderListId", "clientOrderId", "transactTime"} <= keys
                    assert keys & {"status", "workingTime", "fills"} == extra

        run(place)

    @pytest.mark.parametrize(
        ("change", "code", "text"),
        [
            ({"symbol": "NOPE"}, -1121, "Invalid symbol."),
            ({"side": "HOLD"}, -1117, "Invalid side."),
            ({"type": "ODD"}, -1116, "Invalid orderType."),
            ({"timeInForce": "GTX"}, -1115, "Invalid timeInForce."),
            ({"quantity": "0.000001"}, -1013, "Filter failure: LOT_SIZE"),
            ({"quantity": "0"}, -1013, "Filter failure: LOT_SIZE"),
            ({"price": "30000.001"}, -1013, "Filter failure: PRICE_FILTER"),
            ({"price": "1000000.01"}, -1013, "Filter failure: PRICE_FILTER"),
            ({"quantity": "0.0001"}, -1013, "Filter failure: NOTIONAL"),
            ({"quantity": "4"}, -2010, "Account has insufficient balance for requested action."),
            ({"quantity": "0.0000000001"}, -1111, "Parameter 'quantity' has too much precision."),
            ({"newClientOrderId": "first"}, -2010, "Duplicate order sent."),
            ({"type": "LIMIT_MAKER", "timeInForce": None, "price": "60000.00"}, -2010, None),
            ({"selfTradePreventionMode": "ODD"}, -1130, None),
            ({"icebergQty": "0.02"}, -2010, "IcebergQty exceeds QTY."),
        ],
    )
    def test_a_wrong_order_gets_the_venues_error(self, change, code, text):
        async def place():
            async with served() as exchange:
                await exchange.bob.limit("SELL", "60000.00", "0.01")
                order = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC"}
                order |= {"quantity": "0.01" if change.get("quantity") != "0.0001" else "0.0001", "price": "30000.00"}
                await exchange.alice.signed("POST", "/api/v3/order", **order | {"newClientOrderId": "first"})
                if change.get("quantity") == "0.0001":
                    change["price"] = "40000.00"
                wrong = {name: value for name, value in (order | change).items() if value is not None}
                answer = await exchange.alice.signed("POST", "/api/v3/order", **wrong)
                assert (answer.status, answer.body["code"]) == (400, code), answer.body
                assert text is None or answer.body["msg"] == text

        run(place)

    def test_an_order_is_cancelled_by_either_id_and_told_by_both(self):
        async def cancel():
            async with served() as exchange:
                alice = exchange.alice
                one = (await alice.limit("BUY", "30000.00", "0.01", newClientOrderId="one")).body
                await alice.limit("BUY", "30000.00", "0.01", newClientOrderId="two")
                by_id = await alice.signed(
                    "DELETE", "/api/v3/order", symbol="BTCUSDT", orderId=one["orderId"], newClientOrderId="c1"
                )
                assert (by_id.body["origClientOrderId"], by_id.body["clientOrderId"]) == ("one", "c1")
                assert by_id.body["status"] == "CANCELED"
                by_name = await alice.signed("DELETE", "/api/v3/order", symbol="BTCUSDT", origClientOrderId="two")
                assert by_name.body["origClientOrderId"] == "two"
                again = await alice.signed("DELETE", "/api/v3/order", symbol="BTCUSDT", origClientOrderId="two")
                assert again.body == {"code": -2011, "msg": "Unknown order sent."}
                neither = await alice.signed("DELETE", "/api/v3/order", symbol="BTCUSDT")
                assert neither.body["code"] == -1102
                gone = await alice.signed("GET", "/api/v3/order", symbol="BTCUSDT", orderId=10**9)
                assert gone.body == {"code": -2013, "msg": "Order does not exist."}
                mixed = await alice.signed(
                    "GET", "/api/v3/order", symbol="BTCUSDT", orderId=one["orderId"], origClientOrderId="two"
                )
                assert mixed.body["code"] == -2039

        run(cancel)

    def test_an_id_may_be_used_again_when_its_order_is_closed(self):
        async def place():
            async with served() as exchange:
                for _ in range(2):
                    placed = await exchange.alice.limit("BUY", "30000.00", "0.01", newClientOrderId="same")
                    assert placed.status == 200
                    await exchange.alice.signed("DELETE", "/api/v3/order", symbol="BTCUSDT", origClientOrderId="same")

        run(place)

    def test_orders_of_others_cannot_be_seen_or_cancelled(self):
        async def pry():
            async with served() as exchange:
                order = (await exchange.alice.limit("BUY", "30000.00", "0.01")).body["orderId"]
                seen = await exchange.bob.signed("GET", "/api/v3/order", symbol="BTCUSDT", orderId=order)
                cancelled = await exchange.bob.signed("DELETE", "/api/v3/order", symbol="BTCUSDT", orderId=order)
                assert (seen.body["code"], cancelled.body["code"]) == (-2013, -2011)
                assert len((await exchange.alice.signed("GET", "/api/v3/openOrders")).body) == 1

        run(pry)

    def test_a_market_order_by_quote_amount_spends_at_most_that(self):
        async def buy():
            async with served() as exchange:
                await exchange.alice.limit("SELL", "50000.00", "1")
                answer = await exchange.bob.signed(
                    "POST", "/api/v3/order", symbol="BTCUSDT", side="BUY", type="MARKET", quoteOrderQty="1000.3"
                )
                assert answer.body["executedQty"] == "0.02000000"
                assert answer.body["origQuoteOrderQty"] == "1000.30000000"

        run(buy)

    def test_a_market_order_that_empties_the_book_expires_and_says_why(self):
        async def buy():
            async with served() as exchange:
                await exchange.alice.limit("SELL", "50000.00", "0.01")
                answer = await exchange.bob.signed(
                    "POST", "/api/v3/order", symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.02"
                )
                assert (answer.body["status"], answer.body["expiryReason"]) == ("EXPIRED", "INSUFFICIENT_LIQUIDITY")
                assert answer.body["executedQty"] == "0.01000000"

        run(buy)

    def test_self_trade_prevention_is_told_and_can_be_asked_for(self):
        async def trade():
            async with served() as exchange:
                await exchange.alice.limit("SELL", "50000.00", "0.01")
                taker = await exchange.alice.limit("BUY", "50000.00", "0.01", selfTradePreventionMode="EXPIRE_TAKER")
                assert taker.body["status"] == "EXPIRED_IN_MATCH"
                assert taker.body["preventedQuantity"] == "0.01000000"
                found = await exchange.alice.signed(
                    "GET", "/api/v3/myPreventedMatches", symbol="BTCUSDT", orderId=taker.body["orderId"]
                )
                assert found.body[0]["selfTradePreventionMode"] == "EXPIRE_TAKER"
                assert found.body[0]["takerOrderId"] == taker.body["orderId"]

        run(trade)


ORDER = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01"}


class TestCancelReplace:
    async def _replace(self, client, **more):
        return await client.signed("POST", "/api/v3/order/cancelReplace", **ORDER | {"price": "31000.00"} | more)

    def test_both_halves_work(self):
        async def replace():
            async with served() as exchange:
                await exchange.alice.limit("BUY", "30000.00", "0.01", newClientOrderId="old")
                done = await self._replace(
                    exchange.alice, cancelReplaceMode="STOP_ON_FAILURE", cancelOrigClientOrderId="old"
                )
                assert (done.status, done.body["cancelResult"], done.body["newOrderResult"]) == (
                    200,
                    "SUCCESS",
                    "SUCCESS",
                )
                assert done.body["cancelResponse"]["origClientOrderId"] == "old"
                assert [item["price"] for item in (await exchange.alice.signed("GET", "/api/v3/openOrders")).body] == [
                    "31000.00000000"
                ]

        run(replace)

    @pytest.mark.parametrize(
        ("mode", "status", "code", "results"),
        [
            ("STOP_ON_FAILURE", 400, -2022, ("FAILURE", "NOT_ATTEMPTED")),
            ("ALLOW_FAILURE", 409, -2021, ("FAILURE", "SUCCESS")),
        ],
    )
    def test_a_cancel_that_fails(self, mode, status, code, results):
        async def replace():
            async with served() as exchange:
                done = await self._replace(exchange.alice, cancelReplaceMode=mode, cancelOrderId=99)
                assert (done.status, done.body["code"]) == (status, code)
                data = done.body["data"]
                assert (data["cancelResult"], data["newOrderResult"]) == results
                assert data["cancelResponse"] == {"code": -2011, "msg": "Unknown order sent."}

        run(replace)

    def test_a_new_order_that_fails_after_the_cancel(self):
        async def replace():
            async with served() as exchange:
                await exchange.bob.limit("SELL", "60000.00", "0.01")
                await exchange.alice.limit("BUY", "30000.00", "0.01", newClientOrderId="old")
                done = await exchange.alice.signed(
                    "POST",
                    "/api/v3/order/cancelReplace",
                    **{name: value for name, value in ORDER.items() if name != "timeInForce"}
                    | {"type": "LIMIT_MAKER", "price": "60000.00"},
                    cancelReplaceMode="STOP_ON_FAILURE",
                    cancelOrigClientOrderId="old",
                )
                assert (done.status, done.body["code"]) == (409, -2021)
                assert done.body["data"]["newOrderResponse"]["msg"] == "Order would immediately match and take."
                assert (await exchange.alice.signed("GET", "/api/v3/openOrders")).body == []

        run(replace)
