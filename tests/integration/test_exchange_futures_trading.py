"""Orders and algo orders on the served futures by REST, and what is refused."""

from __future__ import annotations

import asyncio
import time

import orjson
from builders.futures_desk import LIMIT, ask, held, limit, listening, meet, run, until

from bot4.adapters.simulator.faults.settings import FaultSettings
from bot4.adapters.simulator.wire.decimals import UNIT
from bot4.adapters.simulator.wire.limits import Limits

REFUSED_ORDERS = (
    ({"symbol": "ETHBTC"}, -1121),
    ({"side": "LONG"}, -1117),
    ({"type": "ICEBERG"}, -1116),
    ({"type": "STOP_MARKET", "stopPrice": "1"}, -4120),
    ({"timeInForce": "DAY"}, -1115),
    ({"timeInForce": "GTD"}, -1102),
    ({"timeInForce": "GTD", "goodTillDate": 1_600_000_000_000}, -5040),
    ({"quantity": "0.0005"}, -1111),
    ({"quantity": "0"}, -4003),
    ({"quantity": "1001"}, -4005),
    ({"price": "60000.05"}, -4014),
    ({"price": "60000.001"}, -1111),
    ({"price": "1"}, -4013),
    ({"price": "9999999"}, -4002),
    ({"price": "64000"}, -4016),
    ({"price": "56000", "side": "SELL"}, -4024),
    ({"quantity": "0.001"}, -4164),
    ({"quantity": "200"}, -2019),
    ({"reduceOnly": "true"}, -2022),
    ({"positionSide": "LONG"}, -4061),
    ({"timeInForce": "FOK"}, -5021),
    ({"newClientOrderId": "white space"}, -4015),
    ({"type": "MARKET"}, -1106),
    ({"priceMatch": "QUEUE"}, -1106),
    ({"closePosition": "true"}, -4136),
    ({"selfTradePreventionMode": "TRANSFER"}, -1130),
)
REFUSED_ALGOS = (
    ({"type": "LIMIT"}, -1116),
    ({"triggerPrice": ""}, -1105),
    ({"quantity": "1", "closePosition": "true"}, -4137),
    ({"type": "STOP", "quantity": "1"}, -1102),
    ({"type": "TRAILING_STOP_MARKET", "quantity": "1", "callbackRate": "20"}, -1130),
    ({"quantity": "0.1", "triggerPrice": "61000"}, -2021),
    ({"algoType": "VP"}, -1130),
)


class TestOrders:
    def test_an_ack_tells_nothing_of_what_was_executed_and_a_result_all(self):
        async def body(exchange):
            await limit(exchange.bob, "SELL", "60000", "0.1")
            ack = await limit(exchange.alice, "BUY", "60000", "0.05", newOrderRespType="ACK")
            assert (ack["status"], ack["executedQty"]) == ("NEW", "0.000")
            result = await limit(exchange.alice, "BUY", "60000", "0.05")
            assert (result["status"], result["executedQty"], result["avgPrice"]) == ("FILLED", "0.050", "60000.00")
            assert result["cumQuote"] == "3000.00000000"

        run(body)

    def test_each_refusal_has_the_venues_code_and_leaves_nothing(self):
        async def body(exchange):
            for change, code in REFUSED_ORDERS:
                params = {**LIMIT, "side": "BUY", "price": "60000", "quantity": "0.1"} | change
                assert (await ask(exchange.alice, "POST", "v1/order", 400, **params))["code"] == code, change
            assert held(exchange).orders == {}

        run(body)

    def test_a_buy_is_bounded_from_above_alone_and_a_sell_from_below(self):
        async def body(exchange):
            assert (await limit(exchange.alice, "BUY", "30000", "0.1"))["status"] == "NEW"
            assert (await limit(exchange.alice, "SELL", "99000", "0.1"))["status"] == "NEW"

        run(body)

    def test_a_market_order_takes_nothing_beyond_the_bound_around_the_mark(self):
        async def body(exchange):
            await limit(exchange.bob, "SELL", "62990", "0.1")
            await limit(exchange.bob, "SELL", "63300", "0.1")
            wanted = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.15"}
            taken = await ask(exchange.alice, "POST", "v1/order", **wanted, newOrderRespType="RESULT")
            assert (taken["status"], taken["executedQty"], taken["avgPrice"]) == ("EXPIRED", "0.100", "62990.00")

        run(body)

    def test_post_only_rests_or_is_refused(self):
        async def body(exchange):
            await limit(exchange.bob, "SELL", "60000", "0.1")
            refused = await limit(exchange.alice, "BUY", "60000", "0.1", 400, timeInForce="GTX")
            assert refused["code"] == -5022
            rests = await limit(exchange.alice, "BUY", "59990", "0.1", timeInForce="GTX")
            assert (rests["status"], rests["type"], rests["timeInForce"]) == ("NEW", "LIMIT", "GTX")

        run(body)

    def test_an_open_client_id_is_taken_and_a_closed_one_is_free(self):
        async def body(exchange):
            await limit(exchange.alice, "BUY", "59000", "0.1", newClientOrderId="mine")
            assert (await limit(exchange.alice, "BUY", "59000", "0.1", 400, newClientOrderId="mine"))["code"] == -4116
            await ask(exchange.alice, "DELETE", "v1/order", symbol="BTCUSDT", origClientOrderId="mine")
            await limit(exchange.alice, "BUY", "59000", "0.1", newClientOrderId="mine")

        run(body)

    def test_price_match_takes_the_books_price(self):
        async def body(exchange):
            for price in ("60001", "60002", "60003", "60004", "60005"):
                await limit(exchange.bob, "SELL", price, "0.01")
            wanted = LIMIT | {"side": "BUY", "quantity": "0.01", "newOrderRespType": "RESULT"}
            taken = await ask(exchange.alice, "POST", "v1/order", **wanted, priceMatch="OPPONENT")
            assert (taken["avgPrice"], taken["priceMatch"]) == ("60001.00", "OPPONENT")
            none = await ask(exchange.alice, "POST", "v1/order", 400, **wanted, priceMatch="QUEUE")
            assert none["code"] == -5041

        run(body)

    def test_a_batch_answers_each_for_itself(self):
        async def body(exchange):
            good = {**LIMIT, "side": "BUY", "price": "59000", "quantity": "0.01"}
            batch = orjson.dumps([good, good | {"price": "1"}, good | {"quantity": 0.02}]).decode()
            rows = await ask(exchange.alice, "POST", "v1/batchOrders", batchOrders=batch)
            assert [row.get("code", row.get("status")) for row in rows] == ["NEW", -4013, "NEW"]
            ids = orjson.dumps([rows[0]["orderId"], 999]).decode()
            gone = await ask(exchange.alice, "DELETE", "v1/batchOrders", symbol="BTCUSDT", orderIdList=ids)
            assert [row.get("code", row.get("status")) for row in gone] == ["CANCELED", -2011]
            many = orjson.dumps([good] * 6).decode()
            assert (await ask(exchange.alice, "POST", "v1/batchOrders", 400, batchOrders=many))["code"] == -4082

        run(body)

    def test_a_modified_order_loses_its_place_and_one_unchanged_is_refused(self):
        async def body(exchange):
            listener = listening(exchange)
            placed = await limit(exchange.alice, "BUY", "59000", "0.1")
            change = {"symbol": "BTCUSDT", "side": "BUY", "orderId": placed["orderId"]}
            same = await ask(exchange.alice, "PUT", "v1/order", 400, **change, price="59000", quantity="0.1")
            assert same["code"] == -5027
            moved = await ask(exchange.alice, "PUT", "v1/order", **change, price="59100", quantity="0.2")
            assert (moved["price"], moved["origQty"], moved["orderId"]) == ("59100.00", "0.200", placed["orderId"])
            assert listener.of("ORDER_TRADE_UPDATE")[-1]["o"]["x"] == "AMENDMENT"

        run(body)

    def test_the_countdown_cancels_unless_it_is_called_again(self):
        async def body(exchange):
            await limit(exchange.alice, "BUY", "59000", "0.1")
            await ask(exchange.alice, "POST", "v1/countdownCancelAll", symbol="BTCUSDT", countdownTime=100_000)
            await ask(exchange.alice, "POST", "v1/countdownCancelAll", symbol="BTCUSDT", countdownTime=0)
            assert len(held(exchange).open_orders) == 1
            await ask(exchange.alice, "POST", "v1/countdownCancelAll", symbol="BTCUSDT", countdownTime=100)
            await until(lambda: not held(exchange).open_orders)

        run(body)

    def test_orders_are_counted_in_headers_and_too_many_are_refused(self):
        async def body(exchange):
            await asyncio.sleep(10 - time.time() % 10 if time.time() % 10 > 8 else 0)  # one window for all of it
            params = {**LIMIT, "side": "BUY", "price": "59000", "quantity": "0.01"}
            for count in (1, 2):
                answer = await exchange.alice.signed("POST", "/fapi/v1/order", **params)
                assert answer.headers["X-MBX-ORDER-COUNT-10S"] == answer.headers["X-MBX-ORDER-COUNT-1M"] == str(count)
            refused = await exchange.alice.signed("POST", "/fapi/v1/order", **params)
            assert (refused.status, refused.body["code"]) == (429, -1015)

        run(body, limits=Limits(futures_orders_per_10_seconds=2))


class TestAlgoOrders:
    def test_a_take_profit_waits_triggers_and_tells_every_step(self):
        async def body(exchange):
            await meet(exchange)
            listener = listening(exchange)
            algo = {"algoType": "CONDITIONAL", "symbol": "BTCUSDT", "side": "SELL", "type": "TAKE_PROFIT_MARKET"}
            await ask(
                exchange.alice, "POST", "v1/algoOrder", **algo, triggerPrice="60100", closePosition="true",
                clientAlgoId="profit",
            )  # fmt: skip
            await limit(exchange.bob, "BUY", "60150", "0.200")
            await limit(exchange.alice, "SELL", "60150", "0.010")  # the last price is above the trigger
            statuses = [event["o"]["X"] for event in listener.of("ALGO_UPDATE")]
            assert statuses == ["NEW", "TRIGGERING", "TRIGGERED", "FINISHED"]
            done = await ask(exchange.alice, "GET", "v1/algoOrder", clientAlgoId="profit")
            order = await ask(exchange.alice, "GET", "v1/order", symbol="BTCUSDT", orderId=done["actualOrderId"])
            assert (order["clientOrderId"], order["type"], order["origType"], order["status"]) == (
                "profit", "MARKET", "TAKE_PROFIT_MARKET", "FILLED",
            )  # fmt: skip
            assert await ask(exchange.alice, "GET", "v3/positionRisk") == []
            assert await ask(exchange.alice, "GET", "v1/openAlgoOrders") == []
            assert len(await ask(exchange.alice, "GET", "v1/allAlgoOrders", symbol="BTCUSDT")) == 1

        run(body)

    def test_a_protected_order_waits_while_contract_and_mark_price_are_far_apart(self):
        async def body(exchange):
            await meet(exchange)
            algo = {"algoType": "CONDITIONAL", "symbol": "BTCUSDT", "side": "SELL", "type": "TAKE_PROFIT_MARKET"}
            algo |= {"triggerPrice": "60100", "closePosition": "true", "clientAlgoId": "safe", "priceProtect": "true"}
            assert (await ask(exchange.alice, "POST", "v1/algoOrder", **algo))["priceProtect"] is True
            await limit(exchange.bob, "BUY", "60150", "0.200")
            marks = exchange.usdm.market("BTCUSDT").marks

            async def status_after_a_trade(shift_bps, is_there):
                exchange.server.set_faults(FaultSettings(mark_shift_bps=shift_bps))
                await until(is_there)
                await limit(exchange.alice, "SELL", "60150", "0.010")
                return (await ask(exchange.alice, "GET", "v1/algoOrder", clientAlgoId="safe"))["algoStatus"]

            assert await status_after_a_trade(-600, lambda: marks.mark < 57_000 * UNIT) == "NEW"
            assert await status_after_a_trade(0, lambda: marks.mark > 59_000 * UNIT) == "FINISHED"

        run(body)

    def test_each_refusal_has_the_venues_code(self):
        async def body(exchange):
            await meet(exchange)
            for change, code in REFUSED_ALGOS:
                params = {"algoType": "CONDITIONAL", "symbol": "BTCUSDT", "side": "SELL", "type": "STOP_MARKET"}
                params |= {"triggerPrice": "59000"} | change
                assert (await ask(exchange.alice, "POST", "v1/algoOrder", 400, **params))["code"] == code, change

        run(body)
