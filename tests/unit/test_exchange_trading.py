"""Single orders as a client asks for them: placing, testing, cancelling, replacing and amending."""

from __future__ import annotations

import pytest
from builders.quiet_venue import QuietVenue

from bot4.adapters.simulator.wire.limits import Limits

BTC = {"symbol": "BTCUSDT"}
STOP = BTC | {"side": "SELL", "type": "STOP_LOSS", "quantity": "0.01"}
LIMIT = BTC | {"type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01"}
OCO = BTC | {
    "side": "SELL",
    "quantity": "0.01",
    "aboveType": "LIMIT_MAKER",
    "abovePrice": "61000",
    "aboveClientOrderId": "take",
    "belowType": "STOP_LOSS",
    "belowStopPrice": "59000",
}


@pytest.fixture
def venue() -> QuietVenue:
    """The last price is 60,000."""
    venue = QuietVenue()
    venue.trade("60000")
    return venue


def reports(venue, who="alice"):
    return [event for event in venue.events[who] if event["e"] == "executionReport"]


class TestPlacing:
    def test_a_tested_order_is_looked_at_and_not_placed(self, venue):
        assert venue.ask("POST order/test", **LIMIT, side="BUY", price="59000") == {}
        assert venue.refusal("POST order/test", **LIMIT, side="BUY", price="59000.001").code == -1013
        assert venue.refusal("POST order/test", **LIMIT, side="BUY").code == -1102
        assert venue.ask("GET openOrders", **BTC) == []

    def test_a_tested_order_tells_its_fees_where_asked(self, venue):
        told = venue.ask("POST order/test", **LIMIT, side="BUY", price="59000", computeCommissionRates="true")
        assert told["standardCommissionForOrder"] == {"maker": "0.00100000", "taker": "0.00100000"}
        assert told["discount"]["enabledForAccount"] is False

    def test_a_limit_order_answers_in_full_and_a_stop_with_its_id_alone(self, venue):
        assert "fills" in venue.limit("BUY", "59000", "0.01")
        assert "status" not in venue.ask("POST order", **STOP, stopPrice="59000")

    def test_a_market_order_spends_an_amount_of_quote_or_gives_one_of_base(self, venue):
        venue.limit("SELL", "60000", "1", "bob")
        bought = venue.ask("POST order", **BTC, side="BUY", type="MARKET", quoteOrderQty="600")
        assert (bought["status"], bought["executedQty"]) == ("FILLED", "0.01000000")
        both = {"quantity": "0.01", "quoteOrderQty": "600"}
        assert venue.refusal("POST order", **BTC, side="BUY", type="MARKET", **both).code == -1106
        assert venue.refusal("POST order", **BTC, side="BUY", type="MARKET").code == -1102

    @pytest.mark.parametrize(
        ("wrong", "code"),
        [
            ({"type": "LIMIT", "quantity": "0.01", "price": "59000"}, -1102),
            ({"type": "LIMIT_MAKER", "quantity": "0.01", "price": "59000", "timeInForce": "GTC"}, -1114),
            ({"type": "MARKET", "quantity": "0.01", "price": "59000"}, -1106),
            ({"type": "STOP_LOSS", "quantity": "0.01"}, -1102),
            ({**LIMIT, "price": "59000", "pegOffsetValue": "1"}, -1128),
            ({**LIMIT, "pegPriceType": "PRIMARY_PEG"}, -2010),
            ({**LIMIT, "price": "59000", "timeInForce": "IOC", "icebergQty": "0.001"}, -2010),
            ({**LIMIT, "price": "59000", "strategyType": "5"}, -1134),
            ({**LIMIT, "price": "59000", "newClientOrderId": "not so"}, -1100),
        ],
    )
    def test_a_wrong_combination_is_refused_before_the_book(self, venue, wrong, code):
        assert venue.refusal("POST order", **(BTC | {"side": "BUY"} | wrong)).code == code

    @pytest.mark.parametrize(
        ("wrong", "code"),
        [
            ({"type": "LIMIT_MAKER", "quantity": "0.01", "price": "60000"}, -2010),
            ({"type": "STOP_LOSS", "quantity": "0.01", "stopPrice": "59000"}, -2010),
            ({"type": "TAKE_PROFIT", "quantity": "0.01", "trailingDelta": "5"}, -1013),
            ({**LIMIT, "price": "59000", "selfTradePreventionMode": "SOMETIMES"}, -1130),
        ],
    )
    def test_what_the_book_refuses_is_said_in_the_venues_words(self, venue, wrong, code):
        venue.limit("SELL", "60000", "0.01", "bob")
        assert venue.refusal("POST order", **(BTC | {"side": "BUY"} | wrong)).code == code
        assert venue.accounts["alice"].open_orders == {}


class TestCancelling:
    def test_an_order_is_cancelled_by_either_id_under_a_name_of_its_own(self, venue):
        first = venue.limit("BUY", "59000", "0.01")
        assert venue.ask("DELETE order", **BTC, orderId=first["orderId"])["status"] == "CANCELED"
        venue.limit("BUY", "59000", "0.01", newClientOrderId="mine")
        done = venue.ask("DELETE order", **BTC, origClientOrderId="mine", newClientOrderId="enough")
        assert (done["clientOrderId"], done["origClientOrderId"]) == ("enough", "mine")
        assert reports(venue)[-1]["C"] == "mine"

    def test_a_cancel_must_name_an_open_order_and_one_only(self, venue):
        first, second = (venue.limit("BUY", "59000", "0.01", newClientOrderId=name) for name in ("a", "b"))
        assert venue.refusal("DELETE order", **BTC).code == -1102
        assert venue.refusal("DELETE order", **BTC, orderId=99).code == -2011
        assert venue.refusal("DELETE order", symbol="ETHUSDT", orderId=first["orderId"]).code == -2011
        assert venue.refusal("DELETE order", **BTC, orderId=first["orderId"], origClientOrderId="b").code == -2011
        venue.ask("DELETE order", **BTC, orderId=second["orderId"], origClientOrderId="b")
        assert venue.refusal("DELETE order", **BTC, orderId=second["orderId"]).code == -2011

    @pytest.mark.parametrize(("sold", "kept_by"), [(False, "ONLY_PARTIALLY_FILLED"), (True, "ONLY_NEW")])
    def test_a_cancel_may_be_for_an_order_in_one_state_only(self, venue, sold, kept_by):
        order = venue.limit("BUY", "60000", "0.02")["orderId"]
        if sold:
            venue.limit("SELL", "60000", "0.01", "bob")
        assert venue.refusal("DELETE order", **BTC, orderId=order, cancelRestrictions=kept_by).code == -2011
        other = {"ONLY_NEW": "ONLY_PARTIALLY_FILLED", "ONLY_PARTIALLY_FILLED": "ONLY_NEW"}[kept_by]
        assert venue.ask("DELETE order", **BTC, orderId=order, cancelRestrictions=other)["status"] == "CANCELED"

    def test_the_cancel_of_a_leg_is_the_cancel_of_its_list(self, venue):
        venue.ask("POST orderList/oco", **OCO)
        done = venue.ask("DELETE order", **BTC, origClientOrderId="take")
        assert done["contingencyType"] == "OCO"
        assert [order["status"] for order in done["orderReports"]] == ["CANCELED", "CANCELED"]

    def test_everything_on_a_market_is_cancelled_lists_as_lists(self, venue):
        venue.limit("BUY", "59000", "0.01")
        venue.ask("POST orderList/oco", **OCO)
        venue.ask("POST order", **(LIMIT | {"symbol": "ETHUSDT"}), side="BUY", price="2500")
        single, listed = venue.ask("DELETE openOrders", **BTC)
        assert single["status"] == "CANCELED"
        assert len(listed["orderReports"]) == 2
        assert [order["symbol"] for order in venue.ask("GET openOrders")] == ["ETHUSDT"]
        assert venue.refusal("DELETE openOrders", **BTC).code == -2011


class TestReplacing:
    ORDER = LIMIT | {"side": "BUY", "price": "58000"}

    def replace(self, venue, mode="STOP_ON_FAILURE", **sent):
        return venue.ask("POST order/cancelReplace", **(self.ORDER | {"cancelReplaceMode": mode} | sent))

    def refused(self, venue, mode="STOP_ON_FAILURE", **sent):
        return venue.refusal("POST order/cancelReplace", **(self.ORDER | {"cancelReplaceMode": mode} | sent))

    def test_one_order_takes_the_place_of_another(self, venue):
        former = venue.limit("BUY", "59000", "0.01")
        done = self.replace(venue, cancelOrderId=former["orderId"], cancelNewClientOrderId="enough")
        assert (done["cancelResult"], done["newOrderResult"]) == ("SUCCESS", "SUCCESS")
        assert done["cancelResponse"]["clientOrderId"] == "enough"
        assert [order["price"] for order in venue.ask("GET openOrders", **BTC)] == ["58000.00000000"]

    def test_it_may_keep_the_name_of_the_one_it_replaces_but_of_no_other(self, venue):
        venue.limit("BUY", "59000", "0.01", newClientOrderId="mine")
        venue.limit("BUY", "59000", "0.01", newClientOrderId="other")
        done = self.replace(venue, cancelOrigClientOrderId="mine", newClientOrderId="mine")
        assert done["newOrderResponse"]["clientOrderId"] == "mine"
        taken = self.refused(venue, cancelOrigClientOrderId="mine", newClientOrderId="other")
        assert (taken.code, taken.text) == (-2010, "Duplicate order sent.")

    def test_without_a_former_order_nothing_or_only_the_new_one_is_done(self, venue):
        nothing = self.refused(venue, cancelOrderId=99)
        assert nothing.code == -2022
        assert (nothing.data["cancelResult"], nothing.data["newOrderResult"]) == ("FAILURE", "NOT_ATTEMPTED")
        half = self.refused(venue, "ALLOW_FAILURE", cancelOrderId=99)
        assert (half.code, half.status) == (-2021, 409)
        assert (half.data["cancelResult"], half.data["newOrderResult"]) == ("FAILURE", "SUCCESS")
        assert len(venue.ask("GET openOrders", **BTC)) == 1

    def test_a_new_order_that_fails_after_the_cancel_leaves_half_of_it(self, venue):
        former = venue.limit("BUY", "59000", "0.01")
        half = self.refused(venue, cancelOrderId=former["orderId"], quantity="99")
        assert (half.code, half.status) == (-2021, 409)
        assert (half.data["cancelResult"], half.data["newOrderResult"]) == ("SUCCESS", "FAILURE")
        assert half.data["newOrderResponse"]["code"] == -2010
        assert venue.ask("GET openOrders", **BTC) == []

    def test_a_new_order_off_the_grid_cancels_nothing(self, venue):
        former = venue.limit("BUY", "59000", "0.01")
        assert self.refused(venue, cancelOrderId=former["orderId"], price="58000.001").code == -1013
        assert self.refused(venue, cancelOrderId=former["orderId"], quantity="0.00001").code == -1013
        assert self.refused(venue).code == -1102
        assert len(venue.ask("GET openOrders", **BTC)) == 1


class TestWhenTooManyOrdersAreOpen:
    @pytest.fixture
    def full(self) -> QuietVenue:
        """Alice has placed what she may in ten seconds."""
        full = QuietVenue(limits=Limits(orders_per_10_seconds=2))
        for name in ("a", "b"):
            full.limit("BUY", "59000", "0.01", newClientOrderId=name)
        return full

    ORDER = LIMIT | {"side": "BUY", "price": "58000", "cancelReplaceMode": "STOP_ON_FAILURE"}

    def test_a_replacement_is_refused_whole_by_itself(self, full):
        refused = full.refusal("POST order/cancelReplace", **self.ORDER, cancelOrigClientOrderId="a")
        assert (refused.code, refused.status) == (-1015, 429)
        assert len(full.ask("GET openOrders", **BTC)) == 2

    def test_or_cancels_only_where_the_client_says_so(self, full):
        mode = {"orderRateLimitExceededMode": "CANCEL_ONLY"}
        half = full.refusal("POST order/cancelReplace", **self.ORDER, **mode, cancelOrigClientOrderId="a")
        assert (half.code, half.status) == (-2021, 429)
        assert half.data["cancelResponse"]["status"] == "CANCELED"
        assert half.data["newOrderResponse"]["code"] == -1015
        neither = full.refusal("POST order/cancelReplace", **self.ORDER, **mode, cancelOrigClientOrderId="a")
        assert (neither.code, neither.data["newOrderResult"]) == (-2022, "NOT_ATTEMPTED")
        assert [order["clientOrderId"] for order in full.ask("GET openOrders", **BTC)] == ["b"]


class TestAmending:
    def test_less_quantity_keeps_the_order_and_is_written_down(self, venue):
        order = venue.limit("BUY", "59000", "0.02", newClientOrderId="mine")["orderId"]
        done = venue.ask("PUT order/amend/keepPriority", **BTC, orderId=order, newQty="0.01", newClientOrderId="less")
        assert done["amendedOrder"]["qty"] == "0.01000000"
        assert (done["amendedOrder"]["origClientOrderId"], done["amendedOrder"]["clientOrderId"]) == ("mine", "less")
        assert venue.refusal("GET order", **BTC, origClientOrderId="mine").code == -2013
        (told,) = venue.ask("GET order/amendments", **BTC, orderId=order)
        assert (told["origQty"], told["newQty"]) == ("0.02000000", "0.01000000")
        assert reports(venue)[-1]["x"] == "REPLACED"

    def test_an_order_of_a_list_cannot_be_amended(self, venue):
        venue.ask("POST orderList/oco", **OCO | {"quantity": "0.02"})
        refused = venue.refusal("PUT order/amend/keepPriority", **BTC, origClientOrderId="take", newQty="0.01")
        assert refused.code == -2038

    @pytest.mark.parametrize(
        ("sent", "code"),
        [
            ({"newQty": "0.01"}, -1102),
            ({"newQty": "0.01", "orderId": "99"}, -2038),
            ({"newQty": "0.0000001", "origClientOrderId": "mine"}, -1013),
            ({"newQty": "0.03", "origClientOrderId": "mine"}, -2038),
            ({"newQty": "0.02", "origClientOrderId": "mine"}, -2038),
            ({"newQty": "0.01", "origClientOrderId": "mine", "newClientOrderId": "other"}, -2038),
        ],
    )
    def test_what_cannot_be_amended_stays(self, venue, sent, code):
        venue.limit("BUY", "59000", "0.02", newClientOrderId="mine")
        venue.limit("BUY", "59000", "0.02", newClientOrderId="other")
        assert venue.refusal("PUT order/amend/keepPriority", **BTC, **sent).code == code
        assert {order["origQty"] for order in venue.ask("GET openOrders", **BTC)} == {"0.02000000"}


class TestUserEvents:
    def test_a_trailing_stop_of_a_strategy_is_told_with_its_terms(self, venue):
        venue.ask("POST order", **STOP, trailingDelta="100", strategyId="7", strategyType="1000000")
        told = reports(venue)[-1]
        assert (told["d"], told["j"], told["J"], told["x"]) == (100, 7, 1_000_000, "NEW")
        shown = venue.ask("GET order", **BTC, orderId=told["i"])
        assert (shown["trailingDelta"], shown["strategyId"], shown["strategyType"]) == (100, 7, 1_000_000)

    def test_a_prevented_trade_is_told_with_both_its_orders(self, venue):
        venue.limit("SELL", "60000", "0.01", newClientOrderId="resting")
        taker = venue.limit("BUY", "60000", "0.02", selfTradePreventionMode="EXPIRE_MAKER")
        prevented = [event for event in reports(venue) if event["x"] == "TRADE_PREVENTION"]
        assert {event["pL"] for event in prevented} == {"60000.00000000"}
        assert {event["B"] for event in prevented} == {"0.01000000"}
        assert any(event["U"] == taker["orderId"] for event in prevented)
        (match,) = venue.ask("GET myPreventedMatches", **BTC, orderId=taker["orderId"])
        assert match["selfTradePreventionMode"] == "EXPIRE_MAKER"

    def test_an_expiry_tells_its_reason(self, venue):
        venue.limit("BUY", "60000", "0.01", timeInForce="FOK")
        told = reports(venue)[-1]
        assert (told["x"], told["X"], told["w"]) == ("EXPIRED", "EXPIRED", False)
