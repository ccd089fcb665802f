"""The paper venue, rule by rule (docs/paper.md)."""

from __future__ import annotations

import numpy as np
import pytest

from bot4._core.account.contract import Contract
from bot4._core.book.order_book import Book
from bot4._core.event_dtype import EVENT_DTYPE
from bot4._core.sim.latency import Latency
from bot4._core.sim.paper import Paper
from bot4._core.sim.paper_matching import PaperReason

BUY, SELL = 0, 1
LIMIT, MARKET = 0, 1
GTC, IOC, FOK = 0, 1, 2
POST_ONLY, REDUCE_ONLY = 1, 2
CANCEL, CANCEL_ALL = 1, 2
KINDS = {16: "ack", 17: "fill", 18: "canceled", 19: "rejected", 20: "expired", 21: "cancel rejected"}


class Market:
    """A venue without latency and a book of bids 99, 98 and asks 101, 102 of 10 lots each."""

    def __init__(self, **options):
        contract = Contract(0, tick_size="1", lot_size="1", maker_fee="0.0001", taker_fee="0.0005")
        options = {"submit_latency": Latency.zero(), "report_latency": Latency.zero(), "seed": 1} | options
        self.venue = Paper(contract, **options)
        self.book = Book(64, 64)
        for side, price in ((BUY, 99), (BUY, 98), (SELL, 101), (SELL, 102)):
            self.book.apply(side, price, 10)
        self.now = 100
        self.id = 0

    def place(self, side, qty, price=0, *, tif=GTC, flags=0, order_type=None):
        """Send an order, let it arrive; what came back as (kind, qty, price) or (kind, reason name)."""
        self.id += 1
        order_type = (LIMIT if price else MARKET) if order_type is None else order_type
        verdict = self.venue.submit(
            now_ns=self.now,
            order_id=self.id,
            side=side,
            type=order_type,
            tif=tif,
            flags=flags,
            price_ticks=price,
            qty_lots=qty,
        )
        assert verdict == PaperReason.PAPER_OK, verdict
        return self.read(self.venue.step(self.now, self.book))

    def cancel(self, order_id, action=CANCEL):
        self.venue.submit(now_ns=self.now, order_id=order_id, action=action)
        return self.read(self.venue.step(self.now, self.book))

    def event(self, kind, side=0, flags=3, **fields):
        event = np.zeros(1, dtype=EVENT_DTYPE)
        event["kind"], event["side"], event["flags"], event["recv_ns"] = kind, side, flags, self.now
        for name, value in fields.items():
            event[name] = value
        return event

    def print(self, price, qty, kind=3):
        return self.read(self.venue.on_event(self.event(kind, a=price, b=qty), self.book))

    def level(self, side, price, qty):
        """The feed shows a level."""
        self.book.apply(side, price, qty)
        return self.read(self.venue.on_event(self.event(2, side=side, a=price, b=qty), self.book))

    @staticmethod
    def read(reports):
        rows = []
        for row in reports:
            kind = KINDS[int(row["kind"])]
            if row["reason"]:
                rows.append((kind, PaperReason(int(row["reason"])).name))
            else:
                rows.append((kind, int(row["c"]), int(row["b"])))
        return rows


@pytest.fixture
def market():
    return Market()


def test_a_taker_walks_the_displayed_book_level_by_level(market):
    assert market.place(BUY, 15) == [("ack", 15, 0), ("fill", 10, 101), ("fill", 5, 102)]
    assert market.venue.position_lots == 15


def test_a_limit_stops_the_walk_and_the_rest_rests(market):
    assert market.place(BUY, 15, 101) == [("ack", 15, 101), ("fill", 10, 101)]
    assert market.venue.open_orders() == [(1, BUY, 101, 5)]


def test_the_remainder_of_an_ioc_order_expires(market):
    assert market.place(SELL, 12, 99, tif=IOC) == [
        ("ack", 12, 99),
        ("fill", 10, 99),
        ("expired", "PAPER_IOC_REMAINDER"),
    ]
    assert market.place(SELL, 1, 100, tif=IOC) == [("ack", 1, 100), ("expired", "PAPER_IOC_REMAINDER")]


def test_a_fok_order_is_filled_whole_or_not_at_all(market):
    assert market.place(BUY, 21, 102, tif=FOK) == [("ack", 21, 102), ("expired", "PAPER_FOK_UNFILLED")]
    assert market.place(BUY, 20, 102, tif=FOK) == [("ack", 20, 102), ("fill", 10, 101), ("fill", 10, 102)]


def test_the_remainder_of_a_market_order_expires_and_one_without_liquidity_is_rejected(market):
    assert market.place(BUY, 25)[-1] == ("expired", "PAPER_MARKET_REMAINDER")
    assert market.place(BUY, 1) == [("rejected", "PAPER_NO_LIQUIDITY")]


def test_a_post_only_order_that_would_cross_is_rejected(market):
    assert market.place(BUY, 1, 101, flags=POST_ONLY) == [("rejected", "PAPER_WOULD_CROSS")]
    assert market.place(BUY, 1, 100, flags=POST_ONLY) == [("ack", 1, 100)]


def test_a_passive_order_fills_only_when_a_print_goes_through_it(market):
    market.place(BUY, 5, 99)
    assert market.print(99, 100) == []
    assert market.print(100, 100) == []
    assert market.print(98, 2) == [("fill", 2, 99)]
    assert market.print(97, 100) == [("fill", 3, 99)]
    assert market.venue.open_orders() == []


def test_a_passive_fill_is_a_maker_fill_with_the_maker_fee(market):
    market.place(SELL, 5, 101)
    market.venue.submit(now_ns=market.now, order_id=0, action=CANCEL)
    reports = market.venue.on_event(market.event(3, a=102, b=5), market.book)
    fill = reports[reports["kind"] == 17][0]
    assert fill["flags"] & 128
    assert fill["e"] == 5 * 101 * 10**8 * 1 // 10_000
    assert market.venue.fees_atoms == (fill["e"], 0)


def test_a_print_is_shared_by_price_and_then_by_time(market):
    for price in (98, 99, 99, 97):
        market.place(BUY, 4, price)
    market.print(96, 9)
    assert market.venue.open_orders() == [(1, BUY, 98, 3), (4, BUY, 97, 4)]


def test_aggregated_prints_of_the_same_trades_are_not_matched_again(market):
    market.place(BUY, 9, 99)
    assert market.print(98, 2, kind=3) == [("fill", 2, 99)]
    assert market.print(98, 2, kind=4) == []


def test_the_same_displayed_lots_are_not_taken_twice(market):
    market.place(BUY, 6, 101, tif=IOC)
    assert market.place(BUY, 6, 101, tif=IOC) == [("ack", 6, 101), ("fill", 4, 101), ("expired", "PAPER_IOC_REMAINDER")]
    market.level(SELL, 101, 10)
    assert market.place(BUY, 1, 101, tif=IOC)[1:] == [("expired", "PAPER_IOC_REMAINDER")], "the level did not change"
    market.level(SELL, 101, 3)
    assert market.place(BUY, 9, 101, tif=IOC)[1:] == [("fill", 3, 101), ("expired", "PAPER_IOC_REMAINDER")]


def test_a_level_that_left_and_came_back_is_a_new_one(market):
    market.place(BUY, 10, 101, tif=IOC)
    market.level(SELL, 101, 0)
    market.level(SELL, 101, 10)
    assert market.place(BUY, 10, 101, tif=IOC)[1:] == [("fill", 10, 101)]


def test_when_the_memory_of_takes_is_full_a_walk_ends_early():
    market = Market(max_taken_levels=1)
    assert market.place(BUY, 15, 102, tif=IOC)[1:] == [("fill", 10, 101), ("expired", "PAPER_IOC_REMAINDER")]
    assert market.venue.counts["taken_memory_full"] == 1


def test_an_order_that_would_meet_an_own_order_is_rejected_before_anything_else(market):
    market.place(SELL, 3, 100)
    assert market.place(BUY, 1, 100) == [("rejected", "PAPER_SELF_TRADE")]
    assert market.place(BUY, 1, flags=REDUCE_ONLY) == [("rejected", "PAPER_SELF_TRADE")]
    assert market.place(BUY, 1, 99) == [("ack", 1, 99)]


def test_an_order_that_is_filled_before_it_reaches_an_own_order_is_accepted(market):
    market.place(SELL, 3, 102)
    assert market.place(BUY, 10, 102)[1:] == [("fill", 10, 101)]
    assert market.place(BUY, 1, 102) == [("rejected", "PAPER_SELF_TRADE")]


def test_reduce_only_never_goes_beyond_the_position(market):
    assert market.place(SELL, 1, 99, flags=REDUCE_ONLY) == [("rejected", "PAPER_REDUCE_ONLY")]
    market.place(BUY, 4)
    assert market.place(BUY, 1, flags=REDUCE_ONLY) == [("rejected", "PAPER_REDUCE_ONLY")]
    assert market.place(SELL, 9, 99, flags=REDUCE_ONLY)[1:] == [("fill", 4, 99), ("expired", "PAPER_REDUCE_ONLY")]
    assert market.venue.position_lots == 0


def test_a_resting_reduce_only_order_expires_when_the_position_is_gone(market):
    market.place(BUY, 4)
    market.place(SELL, 4, 105, flags=REDUCE_ONLY)
    market.place(SELL, 3, 106, flags=REDUCE_ONLY)
    assert market.print(200, 100) == [("fill", 4, 105), ("expired", "PAPER_REDUCE_ONLY")]
    assert market.venue.position_lots == 0
    assert market.venue.open_orders() == []


def test_reduce_only_looks_at_a_position_held_before():
    market = Market()
    market.venue.position_lots = -2
    assert market.place(BUY, 5, flags=REDUCE_ONLY)[1:] == [("fill", 2, 101), ("expired", "PAPER_REDUCE_ONLY")]


def test_cancels_close_what_rests_and_are_rejected_for_what_does_not(market):
    market.place(BUY, 5, 99)
    market.place(SELL, 5, 103)
    market.print(98, 2)
    assert market.cancel(1) == [("canceled", 3, 99)]
    assert market.cancel(1) == [("cancel rejected", "PAPER_UNKNOWN_ORDER")]
    market.place(BUY, 1, 97)
    assert market.cancel(0, CANCEL_ALL) == [("canceled", 1, 97), ("canceled", 5, 103)]
    assert market.cancel(0, CANCEL_ALL) == []


def test_a_known_id_is_rejected(market):
    market.place(BUY, 5, 99)
    market.id = 0
    assert market.place(BUY, 5, 98) == [("rejected", "PAPER_DUPLICATE_ID")]


def test_too_many_open_orders_are_rejected_before_anything_is_filled():
    market = Market(max_open_orders=1)
    market.place(BUY, 1, 98)
    assert market.place(BUY, 11, 101) == [("rejected", "PAPER_TOO_MANY_ORDERS")]
    assert market.place(BUY, 10, 101)[1:] == [("fill", 10, 101)]


def test_too_many_intents_in_flight_are_refused_while_cancels_still_fit():
    market = Market(submit_latency=Latency.fixed(10), max_in_flight=2)
    submit = market.venue.submit
    orders = [submit(now_ns=0, order_id=n, price_ticks=99, qty_lots=1) for n in range(3)]
    assert [verdict.name for verdict in orders] == ["PAPER_OK", "PAPER_OK", "PAPER_IN_FLIGHT_FULL"]
    cancels = [submit(now_ns=0, order_id=n, action=CANCEL) for n in range(3)]
    assert [verdict.name for verdict in cancels] == ["PAPER_OK", "PAPER_OK", "PAPER_IN_FLIGHT_FULL"]


@pytest.mark.parametrize(
    "order",
    [
        {"qty_lots": 0, "price_ticks": 99},
        {"qty_lots": -5, "price_ticks": 99},
        {"qty_lots": 1, "price_ticks": 0},
        {"qty_lots": 1, "price_ticks": 99, "side": 2},
        {"qty_lots": 1, "price_ticks": 99, "type": 2},
        {"qty_lots": 1, "price_ticks": 99, "tif": 3},
        {"qty_lots": 1, "price_ticks": 99, "action": 3},
        {"qty_lots": 1, "price_ticks": 99, "flags": POST_ONLY, "tif": IOC},
        {"qty_lots": 1, "type": MARKET, "flags": POST_ONLY},
    ],
)
def test_what_is_no_order_is_refused_at_once(market, order):
    assert market.venue.submit(now_ns=0, order_id=1, **order).name == "PAPER_BAD_ORDER"
    assert market.venue.next_due_ns is None


def test_an_order_beyond_the_cores_integers_is_refused(market):
    verdict = market.venue.submit(now_ns=0, order_id=1, price_ticks=2**61, qty_lots=2**61)
    assert verdict.name == "PAPER_OUT_OF_RANGE"


def test_without_a_market_orders_are_rejected_and_cancels_work():
    market = Market()
    market.place(BUY, 1, 99)
    market.venue.halt(is_halted=True)
    assert market.place(BUY, 1, 99) == [("rejected", "PAPER_NO_MARKET")]
    assert market.cancel(1) == [("canceled", 1, 99)]
    market.venue.halt(is_halted=False)
    market.book.apply(BUY, 101, 5)  # crossed
    assert market.place(BUY, 1, 99) == [("rejected", "PAPER_NO_MARKET")]
    market.book.clear()
    assert market.place(BUY, 1, 99) == [("rejected", "PAPER_NO_MARKET")]


def test_an_order_takes_effect_after_the_submit_latency_and_is_reported_after_the_report_latency():
    market = Market(submit_latency=Latency.fixed(30), report_latency=Latency.fixed(5))
    assert market.place(BUY, 1) == []
    assert market.venue.next_due_ns == 130
    assert len(market.venue.step(129, market.book)) == 0
    market.book.apply(SELL, 101, 0)
    assert len(market.venue.step(130, market.book)) == 0
    assert market.venue.next_due_ns == 135
    reports = market.venue.step(135, market.book)
    assert reports["b"].tolist() == [0, 102], "it met the book of the moment it arrived"
    assert reports["venue_ns"].tolist() == [130, 130]
    assert reports["recv_ns"].tolist() == [135, 135]


def test_half_of_a_depth_message_is_no_book_to_trade_on():
    market = Market(submit_latency=Latency.fixed(1))
    market.place(BUY, 1)
    market.now += 1
    middle = market.event(2, side=SELL, flags=0, a=101, b=10)
    last = market.event(2, side=SELL, flags=2, a=102, b=10)
    assert len(market.venue.on_event(middle, market.book)) == 0
    assert len(market.venue.on_event(last, market.book)) == 2


def test_without_a_book_the_last_quote_is_the_market():
    market = Market()
    market.book = None
    assert market.place(BUY, 1) == [("rejected", "PAPER_NO_MARKET")]
    market.venue.on_event(market.event(5, a=99, b=4, c=101, d=6))
    assert market.place(BUY, 10) == [("ack", 10, 0), ("fill", 6, 101), ("expired", "PAPER_MARKET_REMAINDER")]
    market.venue.on_event(market.event(5, a=98, b=4, c=101, d=6))
    assert market.place(BUY, 1) == [("rejected", "PAPER_NO_LIQUIDITY")], "the ask did not change"
    market.venue.on_event(market.event(5, a=98, b=4, c=101, d=7))
    assert market.place(BUY, 1)[1:] == [("fill", 1, 101)]
    assert market.venue.counts["fills_from_quote"] == 2
    assert market.venue.counts["fills_from_book"] == 0


def test_with_prints_only_a_spread_is_assumed_where_that_was_asked_for():
    market = Market(assumed_half_spread_ticks=2)
    market.book = None
    market.print(100, 3)
    assert market.place(SELL, 5)[1:] == [("fill", 3, 98), ("expired", "PAPER_MARKET_REMAINDER")]
    assert market.venue.counts["fills_assumed"] == 1
    plain = Market()
    plain.book = None
    plain.print(100, 3)
    assert plain.place(SELL, 5) == [("rejected", "PAPER_NO_MARKET")]


def test_an_arrival_waits_while_there_is_no_room_for_its_reports():
    market = Market(report_latency=Latency.fixed(1000), max_open_orders=1, max_levels=1)  # room for 8 reports
    for _ in range(4):
        market.place(BUY, 1)
    assert market.venue.counts["arrivals_deferred"] == 1
    assert market.venue.counts["acknowledged"] == 3
    reports = market.venue.step(1100, market.book)
    assert [int(row["c"]) for row in reports if row["kind"] == 17] == [1, 1, 1]
    assert market.venue.next_due_ns == 100, "it is overdue"
    assert len(market.venue.step(1101, market.book)) == 0
    assert market.venue.step(2101, market.book)["kind"].tolist() == [16, 17], "nothing was lost"


def test_a_print_that_cannot_be_reported_is_not_matched_and_counted():
    market = Market(report_latency=Latency.fixed(1000), max_open_orders=1, max_levels=1)
    market.place(BUY, 50, 99)
    for _ in range(20):
        market.print(98, 1)
    assert market.venue.counts["prints_skipped"] > 0
    fills = market.venue.counts["fills_passive"]
    assert fills + market.venue.counts["prints_skipped"] == 20
    assert market.venue.open_orders() == [(1, BUY, 99, 50 - fills)]


def test_seeds_decide_the_latencies_and_nothing_else_does():
    def hashes(seed):
        market = Market(seed=seed, submit_latency=None, report_latency=None)
        for qty in (1, 2, 3):
            market.venue.submit(now_ns=0, order_id=qty, side=BUY, type=MARKET, qty_lots=qty)
        market.venue.step(10**9, market.book)
        return market.venue.state_hash

    assert hashes(1) == hashes(1)
    assert hashes(1) != hashes(2)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"max_open_orders": 0}, "max_open_orders must be 1 to 65536, was 0"),
        ({"max_levels": 70_000}, "max_levels must be"),
        ({"assumed_half_spread_ticks": -2}, "assumed_half_spread_ticks must be"),
    ],
)
def test_a_venue_out_of_range_names_the_value_and_the_rule(options, words):
    with pytest.raises(ValueError, match=words):
        Market(**options)


def test_one_event_at_a_time_is_asked_for(market):
    with pytest.raises(ValueError, match="one event of 64 bytes, held 128"):
        market.venue.on_event(np.zeros(2, dtype=EVENT_DTYPE), market.book)


def test_a_venue_is_made_once(market):
    with pytest.raises(ValueError, match="made once"):
        market.venue.__init__(Contract(0, tick_size="1", lot_size="1"), seed=2)
