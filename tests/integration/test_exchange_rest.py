"""The served exchange over REST: two accounts trade with each other on a real socket."""

from __future__ import annotations

import asyncio
import time
from urllib.parse import urlencode

import pytest
from builders.served_exchange import hmac_hex, served

from bot4.adapters.simulator.accounts import AccountSpec, KeySpec
from bot4.adapters.simulator.wire.signatures import ApiKey

pytestmark = pytest.mark.filterwarnings("default::ResourceWarning")


def run(test):
    asyncio.run(test())


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


def balances(answer) -> dict[str, tuple[str, str]]:
    return {item["asset"]: (item["free"], item["locked"]) for item in answer.body["balances"]}


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
