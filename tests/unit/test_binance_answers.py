"""What the Binance accounts make of each answer, the unreadable and the missing ones above all."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from random import Random

import pytest
from builders.scripted_link import NO_ANSWER, NOT_CONNECTED, UNKNOWN_ORDER, ScriptedLink

from bot4.adapters.venues.binance import usdm_messages
from bot4.adapters.venues.binance.access import Endpoints
from bot4.adapters.venues.binance.sign import HmacSigner
from bot4.adapters.venues.binance.spot import BinanceSpot
from bot4.adapters.venues.binance.usdm import BinanceUsdm
from bot4.domain.errors import AuthenticationError, DataError, RejectReason, RetryableError
from bot4.domain.order import OrderSide
from bot4.domain.secret import Secret
from bot4.ports.venue_event import BalanceReport, StreamState, Transfer
from bot4.ports.venue_order import OrderKind, OrderRequest, VenueOrderStatus
from bot4.ports.venue_outcome import Ack, NoInformation, NotFound, Reject, Unknown

NOW_NS = 1_800_000_000_000_000_000
DAY_MS = 86_400_000
KEY = Secret("key"), HmacSigner(Secret("secret"))
CLOCKS = {"mono_ns": lambda: NOW_NS, "wall_ns": lambda: NOW_NS, "rng": Random(1)}
ORDER = {
    "symbol": "BTCUSDT", "orderId": 7, "clientOrderId": "mine", "side": "BUY", "status": "NEW", "origQty": "0.02",
    "executedQty": "0", "price": "60000", "updateTime": 5,
}  # fmt: skip
ALGO = {
    "symbol": "BTCUSDT", "clientAlgoId": "mine", "side": "BUY", "algoStatus": "NEW", "quantity": "0.02", "price": "0",
    "createTime": 5,
}  # fmt: skip
SPOT_TRADE = {
    "symbol": "BTCUSDT", "orderId": 7, "isBuyer": True, "price": "60000", "qty": "0.01", "commission": "0.6",
    "commissionAsset": "USDT", "isMaker": False, "time": 5,
}  # fmt: skip
USDM_TRADE = SPOT_TRADE | {"side": "BUY", "maker": False}
REFUSED = Reject(reason=RejectReason.INVALID_REQUEST, code=-1102, message="price is missing")


def spot() -> tuple[BinanceSpot, ScriptedLink]:
    link = ScriptedLink()
    account = BinanceSpot(Endpoints(rest="https://a.b", ws_api="wss://a.b"), *KEY, symbols=["BTCUSDT"], **CLOCKS)
    account._rest = account._permissions = account._ws = link
    account.clock.add(asked_mono_ns=NOW_NS, answered_mono_ns=NOW_NS, server_ns=NOW_NS)
    return account, link


def usdm(*, has_session=True) -> tuple[BinanceUsdm, ScriptedLink]:
    link = ScriptedLink()
    endpoints = Endpoints(rest="https://a.b", ws_api="wss://a.b" if has_session else "", user_stream="wss://a.b")
    account = BinanceUsdm(endpoints, *KEY, symbols=["BTCUSDT"], **CLOCKS)
    account._rest = account._permissions = account._ws = account._stream = account._algos._rest = link
    account.clock.add(asked_mono_ns=NOW_NS, answered_mono_ns=NOW_NS, server_ns=NOW_NS)
    return account, link


def request(**changes) -> OrderRequest:
    fields = {"client_order_id": "mine", "symbol": "BTCUSDT", "side": OrderSide.BUY, "qty": Decimal("0.02")}
    return OrderRequest(**fields | {"price": Decimal(60000)} | changes)


STOP = {"kind": OrderKind.STOP, "price": None, "trigger_price": Decimal(59000)}


def rows(trade: dict, first: int, count: int) -> list[dict]:
    return [trade | {"id": number} for number in range(first, first + count)]


@pytest.mark.parametrize("make", [spot, usdm])
class TestEitherMarket:
    @pytest.mark.parametrize("verb", ["place", "cancel", "amend"])
    def test_an_answer_that_cannot_be_read_leaves_the_order_unknown(self, make, verb):
        account, link = make()
        arguments = {
            "place": [request()], "cancel": ["BTCUSDT", "mine"], "amend": ["BTCUSDT", "mine", Decimal("0.01")],
        }[verb]  # fmt: skip
        if verb == "amend" and make is usdm:
            link.answer(ORDER)
        link.answer({"orderId": 7})
        assert isinstance(asyncio.run(getattr(account, verb)(*arguments)), Unknown)

    def test_a_refusal_is_handed_on_as_it_is(self, make):
        account, link = make()
        link.answer(REFUSED)
        assert asyncio.run(account.place(request())) is REFUSED

    def test_an_order_once_seen_is_named_by_the_venues_id(self, make):
        account, link = make()
        link.answer(ORDER, ORDER | {"status": "CANCELED"})
        assert isinstance(asyncio.run(account.place(request())), Ack)
        asyncio.run(account.cancel("BTCUSDT", "mine"))
        assert link.asked[-1].params == {"symbol": "BTCUSDT", "orderId": "7"}

    def test_a_cancel_goes_by_rest_where_the_connection_is_down_and_a_new_order_does_not(self, make):
        account, link = make()
        link.answer(NOT_CONNECTED, ORDER, NOT_CONNECTED)
        assert isinstance(asyncio.run(account.cancel("BTCUSDT", "mine")), Ack)
        assert asyncio.run(account.place(request())) is NOT_CONNECTED

    def test_a_question_without_an_answer_is_no_information(self, make):
        account, link = make()
        for ask in (
            lambda: account.query("BTCUSDT", "mine"),
            lambda: account.open_orders("BTCUSDT"),
            lambda: account.trades_of("BTCUSDT", "7"),
            lambda: account.trades_since("BTCUSDT", NOW_NS - 10**9),
            account.balances,
            account.account_problems,
            account.key_permissions,
        ):
            link.answer(NO_ANSWER)
            assert asyncio.run(ask()) == NoInformation("no answer")

    def test_so_is_an_answer_of_another_shape(self, make):
        account, link = make()
        for ask, shape in (
            (lambda: account.query("BTCUSDT", "mine"), {"orderId": 7}),
            (lambda: account.open_orders("BTCUSDT"), {"rows": []}),
            (lambda: account.open_orders("BTCUSDT"), [{"orderId": 7}]),
            (account.balances, {"balances": [{"asset": "BTC"}]}),
            (account.balances, []),
            (account.balances, 7),
            (account.account_problems, []),
            (account.key_permissions, {"enableWithdrawals": False}),
        ):
            if ask == account.balances and make is usdm and shape == []:
                continue  # an empty list is an answer there
            link.answer(shape)
            assert isinstance(asyncio.run(ask()), NoInformation), shape

    def test_an_unknown_order_is_not_found_at_the_time_it_was_asked(self, make):
        account, link = make()
        link.answer(*[UNKNOWN_ORDER] * (1 if make is spot else 2))  # futures: among those that wait, too
        assert asyncio.run(account.query("BTCUSDT", "mine")) == NotFound(NOW_NS)

    def test_trades_are_asked_for_window_by_window_and_then_by_id_until_a_page_is_short(self, make):
        account, link = make()
        trade = SPOT_TRADE if make is spot else USDM_TRADE
        link.answer([], rows(trade, 1, 1), rows(trade, 2, 1_000), rows(trade, 1_002, 3))
        window_ms = DAY_MS if make is spot else 7 * DAY_MS
        found = asyncio.run(account.trades_since("BTCUSDT", NOW_NS - (window_ms + 1_000) * 10**6))
        assert [fill.trade_id for fill in found] == list(range(1, 1_005))
        starts = [int(asked.params["startTime"]) for asked in link.asked[:2]]
        assert starts[1] - starts[0] == window_ms
        assert [asked.params["fromId"] for asked in link.asked[2:]] == ["2", "1002"]

    def test_trades_are_no_information_where_a_later_page_fails(self, make):
        account, link = make()
        link.answer(rows(SPOT_TRADE if make is spot else USDM_TRADE, 1, 1), NO_ANSWER)
        assert isinstance(asyncio.run(account.trades_since("BTCUSDT", NOW_NS - 10**9)), NoInformation)

    def test_no_trades_are_an_empty_list(self, make):
        account, link = make()
        link.answer([])
        assert asyncio.run(account.trades_since("BTCUSDT", NOW_NS - 10**9)) == []

    def test_a_start_without_time_or_without_a_key_says_which(self, make):
        account, link = make()
        for wrong in (NO_ANSWER, {"serverTime": "noon"}, []):
            link.answer(wrong)
            with pytest.raises(RetryableError, match="time"):
                asyncio.run(account._ask_time())
        link.answer(Reject(reason=RejectReason.AUTH_FAILED, message="no such key"))
        with pytest.raises(AuthenticationError, match="no such key"):
            asyncio.run(account._read_limits())
        link.answer(NO_ANSWER)
        with pytest.raises(RetryableError):
            asyncio.run(account._read_limits())

    def test_an_event_that_cannot_be_read_asks_for_everything_anew(self, make):
        account, _ = make()
        asyncio.run(account._on_event({"e": "of tomorrow"}))
        state = account._events.get_nowait()
        assert isinstance(state, StreamState)
        assert "could not be read" in state.reason

    def test_an_event_that_moves_nothing_of_ours_is_passed_over(self, make):
        account, _ = make()
        asyncio.run(account._on_event({"e": "listStatus" if make is spot else "ACCOUNT_CONFIG_UPDATE"}))
        assert account._events.empty()

    def test_it_is_ready_only_with_time_room_and_a_connection(self, make):
        account, link = make()
        assert "clock" in account.why_not_ready()
        for _ in range(5):
            account.clock.add(asked_mono_ns=NOW_NS, answered_mono_ns=NOW_NS, server_ns=NOW_NS)
        assert account.why_not_ready() is None
        link.is_up = False
        assert account.why_not_ready() == account.link_is_down
        account.budget.close_until(NOW_NS + 10**9, is_ban=False)
        assert account.why_not_ready() == "the venue asked to wait"
        account.budget.close_until(NOW_NS + 10**10, is_ban=True)
        assert account.why_not_ready() == "banned by the venue"


class TestSpot:
    def test_cancelling_everything_where_nothing_is_open_is_done(self):
        account, link = spot()
        link.answer(UNKNOWN_ORDER, NO_ANSWER, [ORDER, {"orderListId": 3}], [{"orderId": 7}])
        assert asyncio.run(account.cancel_all("BTCUSDT")) == []
        assert asyncio.run(account.cancel_all("BTCUSDT")) is NO_ANSWER
        (canceled,) = asyncio.run(account.cancel_all("BTCUSDT"))
        assert canceled.client_order_id == "mine"
        assert isinstance(asyncio.run(account.cancel_all("BTCUSDT")), Unknown)

    def test_an_amended_order_keeps_its_name_and_tells_its_new_quantity(self):
        account, link = spot()
        shown = {name: value for name, value in ORDER.items() if name != "origQty"}
        link.answer({"transactTime": 9, "amendedOrder": shown | {"qty": "0.01"}}, REFUSED)
        amended = asyncio.run(account.amend("BTCUSDT", "mine", Decimal("0.01")))
        assert (amended.order.qty, amended.order.client_order_id) == (Decimal("0.01"), "mine")
        assert link.asked[0].params["newClientOrderId"] == "mine"
        assert asyncio.run(account.amend("BTCUSDT", "mine", Decimal("0.01"))) is REFUSED

    def test_the_trades_of_an_order_may_fill_pages(self):
        account, link = spot()
        link.answer(rows(SPOT_TRADE, 5, 1_000), rows(SPOT_TRADE, 1_005, 1))
        assert len(asyncio.run(account.trades_of("BTCUSDT", "7"))) == 1_001
        assert "fromId" not in link.asked[0].params
        assert link.asked[1].params["fromId"] == "1005"

    def test_an_account_that_may_not_trade_has_a_problem(self):
        account, link = spot()
        link.answer({"canTrade": True}, {"canTrade": False})
        assert asyncio.run(account.account_problems()) == []
        assert len(asyncio.run(account.account_problems())) == 1

    def test_it_has_no_positions_and_no_dead_mans_switch(self):
        account, _ = spot()
        assert asyncio.run(account.positions()) == []
        assert asyncio.run(account.keep_alive("BTCUSDT", 5.0)).reason is RejectReason.INVALID_REQUEST

    def test_reduce_only_is_a_broken_call(self):
        account, _ = spot()
        with pytest.raises(ValueError, match="reduce-only"):
            asyncio.run(account.place(request(reduce_only=True)))

    def test_a_stop_and_a_post_only_order_are_written_as_the_venue_has_them(self):
        account, link = spot()
        link.answer(ORDER, ORDER)
        asyncio.run(account.place(request(**STOP)))
        asyncio.run(account.place(request(post_only=True)))
        stop, maker = (asked.params for asked in link.asked)
        assert (stop["type"], stop["stopPrice"], "price" in stop) == ("STOP_LOSS", "59000", False)
        assert (maker["type"], "timeInForce" in maker) == ("LIMIT_MAKER", False)

    def test_money_that_moves_is_reported(self):
        account, _ = spot()
        asyncio.run(account._on_event({"e": "balanceUpdate", "a": "USDT", "d": "-5", "T": 9}))
        asyncio.run(
            account._on_event({"e": "outboundAccountPosition", "u": 9, "B": [{"a": "BTC", "f": "1", "l": "0.5"}]})
        )
        transfer, balances = account._events.get_nowait(), account._events.get_nowait()
        assert transfer == Transfer("USDT", Decimal(-5), 9_000_000)
        assert isinstance(balances, BalanceReport)
        assert balances.balances[0].total == Decimal("1.5")

    @pytest.mark.parametrize("amount", ["many", "NaN", 1.5, True, None])
    def test_an_amount_that_is_no_exact_number_is_not_read(self, amount):
        account, link = spot()
        link.answer({"balances": [{"asset": "BTC", "free": amount, "locked": "0"}]})
        assert isinstance(asyncio.run(account.balances()), NoInformation)


class TestUsdm:
    def test_nothing_is_placed_while_nobody_would_hear_of_it(self):
        account, link = usdm()
        link.is_up = False
        refused = asyncio.run(account.place(request()))
        assert (refused.reason, refused.was_sent) == (RejectReason.NOT_CONNECTED, False)
        assert link.asked == []

    def test_without_a_session_orders_go_by_rest(self):
        account, link = usdm(has_session=False)
        link.answer(ORDER)
        assert isinstance(asyncio.run(account.place(request())), Ack)
        for _ in range(5):
            account.clock.add(asked_mono_ns=NOW_NS, answered_mono_ns=NOW_NS, server_ns=NOW_NS)
        account._ws = ScriptedLink()
        account._ws.is_up = False
        assert account.why_not_ready() is None
        link.is_up = False
        assert account.why_not_ready() == "the user stream is down"

    def test_an_order_with_a_trigger_lives_at_the_algo_endpoint(self):
        account, link = usdm()
        link.answer(ALGO, ALGO, {}, ALGO | {"algoStatus": "CANCELED"})
        assert asyncio.run(account.place(request(**STOP))).order.status is VenueOrderStatus.WORKING
        assert asyncio.run(account.query("BTCUSDT", "mine")).qty == Decimal("0.02")
        assert asyncio.run(account.cancel("BTCUSDT", "mine")).order.status is VenueOrderStatus.CANCELED
        assert {asked.path for asked in link.asked} == {"/fapi/v1/algoOrder"}

    def test_a_cancelled_trigger_order_that_is_not_seen_since_is_unknown(self):
        account, link = usdm()
        link.answer(ALGO, REFUSED, {}, NO_ANSWER, {}, UNKNOWN_ORDER, UNKNOWN_ORDER)
        asyncio.run(account.place(request(**STOP)))
        assert asyncio.run(account.cancel("BTCUSDT", "mine")) is REFUSED
        assert isinstance(asyncio.run(account.cancel("BTCUSDT", "mine")), Unknown)
        assert isinstance(asyncio.run(account.cancel("BTCUSDT", "mine")), Unknown)

    def test_an_amendment_needs_the_order_as_it_is(self):
        account, link = usdm()
        link.answer(UNKNOWN_ORDER, UNKNOWN_ORDER, NO_ANSWER, ORDER, ORDER | {"origQty": "0.01"})
        reasons = [asyncio.run(account.amend("BTCUSDT", "mine", Decimal("0.01"))).reason for _ in range(2)]
        assert reasons == [RejectReason.UNKNOWN_ORDER, RejectReason.NOT_CONNECTED]
        amended = asyncio.run(account.amend("BTCUSDT", "mine", Decimal("0.01")))
        assert amended.order.qty == Decimal("0.01")
        assert (link.asked[-1].params["side"], link.asked[-1].params["price"]) == ("BUY", "60000")

    def test_cancelling_everything_tells_what_was_open_before(self):
        account, link = usdm()
        link.answer([ALGO | {"clientAlgoId": "waits"}], [ORDER], {}, {}, NO_ANSWER, {}, {}, [], [], REFUSED, {})
        everything = asyncio.run(account.cancel_all("BTCUSDT"))
        assert [order.client_order_id for order in everything] == ["mine", "waits"]
        assert asyncio.run(account.cancel_all("BTCUSDT")) == []
        assert asyncio.run(account.cancel_all("BTCUSDT")) is REFUSED

    def test_positions_are_those_of_the_symbols_traded(self):
        account, link = usdm()
        btc = {"symbol": "BTCUSDT", "positionAmt": "-0.5", "entryPrice": "60000"}
        link.answer([btc, btc | {"symbol": "ETHUSDT"}, btc | {"positionAmt": "0"}], NO_ANSWER)
        assert [position.qty for position in asyncio.run(account.positions())] == [Decimal("-0.5")]
        assert isinstance(asyncio.run(account.positions()), NoInformation)
        link.answer([btc | {"positionSide": "LONG"}])
        assert "hedge mode" in asyncio.run(account.positions()).cause

    def test_hedge_mode_is_a_problem(self):
        account, link = usdm()
        link.answer({"dualSidePosition": False}, {"dualSidePosition": True}, {})
        assert asyncio.run(account.account_problems()) == []
        assert "hedge mode" in asyncio.run(account.account_problems())[0]
        assert isinstance(asyncio.run(account.account_problems()), NoInformation)

    def test_the_dead_mans_switch_is_armed_in_milliseconds(self):
        account, link = usdm()
        link.answer({}, NO_ANSWER)
        assert asyncio.run(account.keep_alive("BTCUSDT", 5.0)) is None
        assert link.asked[0].params == {"symbol": "BTCUSDT", "countdownTime": "5000"}
        assert asyncio.run(account.keep_alive("BTCUSDT", 0.0)) is NO_ANSWER

    def test_wallets_are_read_from_an_account_update(self):
        read = usdm_messages.read_event({"e": "ACCOUNT_UPDATE", "T": 9, "a": {"B": [{"a": "USDT", "wb": "12.5"}]}})
        assert [(row.asset, row.free) for row in read.balances] == [("USDT", Decimal("12.5"))]
        with pytest.raises(DataError, match="of tomorrow"):
            usdm_messages.read_event({"e": "of tomorrow"})

    def test_a_reduce_only_order_says_so(self):
        account, link = usdm()
        link.answer(ORDER)
        asyncio.run(account.place(request(reduce_only=True, post_only=True)))
        assert link.asked[0].params["reduceOnly"] == "true"
        assert link.asked[0].params["timeInForce"] == "GTX"
