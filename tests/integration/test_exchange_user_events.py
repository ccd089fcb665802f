"""The served exchange over the WebSocket API: what an account is told of its orders and money."""

from __future__ import annotations

import orjson
from builders.exchange_sockets import LIMIT, ed25519_account, ed25519_params, run
from builders.served_exchange import ALICE, served


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
