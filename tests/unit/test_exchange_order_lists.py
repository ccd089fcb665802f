"""Order lists as a client asks for them: their legs' names, what makes no list, how they are found and end."""

from __future__ import annotations

import pytest
from builders.quiet_venue import QuietVenue

PAIR = {"symbol": "BTCUSDT", "side": "SELL", "quantity": "0.01"}
SELL_OCO = PAIR | {
    "aboveType": "LIMIT_MAKER",
    "abovePrice": "61000",
    "belowType": "STOP_LOSS_LIMIT",
    "belowStopPrice": "59000",
    "belowPrice": "58900",
    "belowTimeInForce": "GTC",
}
OLD_OCO = PAIR | {"price": "61000", "stopPrice": "59000"}
WORKING = {
    "symbol": "BTCUSDT",
    "workingType": "LIMIT",
    "workingSide": "BUY",
    "workingPrice": "59000",
    "workingQuantity": "0.01",
    "workingTimeInForce": "GTC",
}
OTO = WORKING | {
    "pendingType": "LIMIT",
    "pendingSide": "SELL",
    "pendingQuantity": "0.01",
    "pendingPrice": "62000",
    "pendingTimeInForce": "GTC",
}
OTOCO = WORKING | {
    "pendingSide": "SELL",
    "pendingQuantity": "0.01",
    "pendingAboveType": "LIMIT_MAKER",
    "pendingAbovePrice": "62000",
    "pendingBelowType": "STOP_LOSS",
    "pendingBelowStopPrice": "58000",
}


@pytest.fixture
def venue() -> QuietVenue:
    """The last price is 60,000."""
    venue = QuietVenue()
    venue.trade("60000")
    return venue


def test_a_pair_answers_with_both_orders_and_is_told_of(venue):
    placed = venue.ask("POST orderList/oco", **SELL_OCO, listClientOrderId="mine", newOrderRespType="RESULT")
    assert (placed["contingencyType"], placed["listOrderStatus"]) == ("OCO", "EXECUTING")
    assert [order["type"] for order in placed["orderReports"]] == ["LIMIT_MAKER", "STOP_LOSS_LIMIT"]
    told = [event for event in venue.events["alice"] if event["e"] == "listStatus"]
    assert [(event["C"], event["l"], event["L"]) for event in told] == [("mine", "EXEC_STARTED", "EXECUTING")]
    assert venue.refusal("POST orderList/oco", **SELL_OCO, listClientOrderId="mine").code == -2010


@pytest.mark.parametrize(("length", "named"), [("ACK", False), ("RESULT", True), ("FULL", True)])
def test_the_reports_are_as_long_as_was_asked_for(venue, length, named):
    reports = venue.ask("POST orderList/oco", **SELL_OCO, newOrderRespType=length)["orderReports"]
    assert all(("status" in order) is named for order in reports)
    assert all(("fills" in order) is (length == "FULL") for order in reports)


def test_the_old_pair_names_its_legs_by_limit_and_stop(venue):
    placed = venue.ask(
        "POST order/oco",
        **OLD_OCO,
        stopLimitPrice="58900",
        stopLimitTimeInForce="GTC",
        limitClientOrderId="take",
        stopClientOrderId="stop",
        limitIcebergQty="0.005",
    )
    assert [order["clientOrderId"] for order in placed["orders"]] == ["take", "stop"]
    take = venue.ask("GET order", symbol="BTCUSDT", origClientOrderId="take")
    stop = venue.ask("GET order", symbol="BTCUSDT", origClientOrderId="stop")
    assert (take["type"], take["price"], take["icebergQty"]) == ("LIMIT_MAKER", "61000.00000000", "0.00500000")
    assert (stop["type"], stop["price"], stop["stopPrice"]) == ("STOP_LOSS_LIMIT", "58900.00000000", "59000.00000000")


def test_the_old_pair_of_a_buyer_has_its_stop_above_and_may_be_a_market_order(venue):
    buy = OLD_OCO | {"side": "BUY", "price": "59000", "stopPrice": "61000"}
    placed = venue.ask("POST order/oco", **buy, stopClientOrderId="stop", trailingDelta="100")
    stop = venue.ask("GET order", symbol="BTCUSDT", origClientOrderId="stop")
    assert placed["orders"][0]["clientOrderId"] == "stop"
    assert (stop["type"], stop["trailingDelta"]) == ("STOP_LOSS", 100)


def test_the_old_pair_with_a_limit_behind_its_stop_must_say_how_long_that_lasts(venue):
    refused = venue.refusal("POST order/oco", **OLD_OCO, stopLimitPrice="58900")
    assert (refused.code, "stopLimitTimeInForce" in refused.text) == (-1102, True)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"aboveType": "LIMIT", "aboveTimeInForce": "GTC"}, -1158),
        ({"aboveType": "STOP_LOSS", "aboveStopPrice": "61000", "abovePrice": None}, -1158),
        (
            {
                "belowType": "LIMIT_MAKER",
                "belowPrice": "59000",
                "belowStopPrice": None,
                "belowTimeInForce": None,
            },
            -1168,
        ),
        ({"side": "BUY"}, -1196),
        (
            {
                "aboveType": "STOP_LOSS",
                "abovePrice": None,
                "aboveStopPrice": "61000",
                "belowType": "LIMIT_MAKER",
                "belowPrice": "59000",
                "belowStopPrice": None,
                "belowTimeInForce": None,
            },
            -1197,
        ),
        ({"aboveType": "TAKE_PROFIT", "abovePrice": None}, -1102),
    ],
)
def test_what_makes_no_pair_is_refused_by_what_is_wrong_with_it(venue, changes, code):
    sent = {name: value for name, value in (SELL_OCO | changes).items() if value is not None}
    assert venue.refusal("POST orderList/oco", **sent).code == code
    assert venue.ask("GET openOrderList") == []


def test_an_order_that_another_waits_for_is_of_a_type_that_rests(venue):
    placed = venue.ask("POST orderList/oto", **OTO)
    assert placed["contingencyType"] == "OTO"
    assert [report["status"] for report in placed["orderReports"]] == ["NEW", "PENDING_NEW"]
    market = {name: value for name, value in OTO.items() if name not in {"workingPrice", "workingTimeInForce"}}
    assert venue.refusal("POST orderList/oto", **market | {"workingType": "MARKET"}).code == -1116


def test_a_pair_that_waits_for_an_order_needs_both_its_legs(venue):
    placed = venue.ask("POST orderList/otoco", **OTOCO, selfTradePreventionMode="EXPIRE_MAKER")
    assert len(placed["orders"]) == 3
    working = venue.ask("GET order", symbol="BTCUSDT", orderId=placed["orders"][0]["orderId"])
    assert working["selfTradePreventionMode"] == "EXPIRE_MAKER"
    without = {name: value for name, value in OTOCO.items() if not name.startswith("pendingBelow")}
    refused = venue.refusal("POST orderList/otoco", **without)
    assert (refused.code, "pendingBelowType" in refused.text) == (-1102, True)


def test_orders_that_pay_for_other_orders_are_not_to_be_had(venue):
    opo = {name: value for name, value in OTO.items() if name != "pendingQuantity"}
    assert venue.refusal("POST orderList/opo", **opo).code == -2010
    assert venue.refusal("POST orderList/opo", **opo | {"symbol": "NOPE"}).code == -1121


def test_a_list_is_found_by_either_id_and_by_no_other(venue):
    placed = venue.ask("POST orderList/oco", **SELL_OCO, listClientOrderId="mine")
    by_id = venue.ask("GET orderList", orderListId=placed["orderListId"])
    assert venue.ask("GET orderList", origClientOrderId="mine") == by_id
    assert venue.ask("GET openOrderList") == [by_id]
    assert venue.refusal("GET orderList").code == -1102
    assert venue.refusal("GET orderList", orderListId=99).code == -2013
    assert venue.refusal("GET orderList", "bob", origClientOrderId="mine").code == -2013


def test_the_history_of_lists_is_paged_by_id_or_by_time_but_not_by_both(venue):
    ids = [venue.ask("POST orderList/oco", **SELL_OCO)["orderListId"] for _ in range(3)]
    assert [item["orderListId"] for item in venue.ask("GET allOrderList")] == ids
    assert [item["orderListId"] for item in venue.ask("GET allOrderList", fromId=ids[1], limit=1)] == ids[1:2]
    assert [item["orderListId"] for item in venue.ask("GET allOrderList", limit=2)] == ids[1:]
    start_ms = venue.ask("GET orderList", orderListId=ids[2])["transactionTime"]
    assert [item["orderListId"] for item in venue.ask("GET allOrderList", startTime=start_ms)] == ids[2:]
    assert venue.refusal("GET allOrderList", fromId=1, startTime=start_ms).code == -1128
    two_days_ms = 2 * 86_400_000
    assert venue.refusal("GET allOrderList", startTime=start_ms - two_days_ms, endTime=start_ms).code == -1127


def test_a_cancelled_list_ends_both_orders_under_the_cancels_own_id(venue):
    placed = venue.ask("POST orderList/oco", **SELL_OCO, listClientOrderId="mine")
    done = venue.ask("DELETE orderList", symbol="BTCUSDT", orderListId=placed["orderListId"], newClientOrderId="enough")
    assert [order["status"] for order in done["orderReports"]] == ["CANCELED", "CANCELED"]
    assert {order["clientOrderId"] for order in done["orderReports"]} == {"enough"}
    assert done["listOrderStatus"] == "ALL_DONE"
    assert venue.ask("GET openOrderList") == []
    assert venue.refusal("DELETE orderList", symbol="BTCUSDT", listClientOrderId="mine").code == -2011


def test_a_cancel_of_a_list_must_name_one_of_ours(venue):
    placed = venue.ask("POST orderList/oco", **SELL_OCO, listClientOrderId="mine")
    assert venue.refusal("DELETE orderList", symbol="BTCUSDT").code == -1102
    assert venue.refusal("DELETE orderList", symbol="ETHUSDT", listClientOrderId="mine").code == -2011
    both = {"orderListId": placed["orderListId"], "listClientOrderId": "another"}
    assert venue.refusal("DELETE orderList", symbol="BTCUSDT", **both).code == -2011
    assert venue.ask("GET openOrderList") != []


def test_a_list_refused_by_the_book_leaves_nothing_behind(venue):
    crossing = SELL_OCO | {"abovePrice": "59500"}
    assert venue.refusal("POST orderList/oco", **crossing).code in (-2010, -1013)
    assert venue.ask("GET allOrderList") == []
    assert venue.accounts["alice"].open_orders == {}
