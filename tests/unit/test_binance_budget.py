"""Rate limits: calendar windows, the reserve for cancellations, and the venue's word over ours."""

from __future__ import annotations

import pytest
from builders.examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from bot4.adapters.venues.binance.budget import Grant, Purpose, Quota, RateBudget, Refusal

S = 1_000_000_000
MINUTE_START = 1_699_999_980 * S
LIMITS = [
    {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 100},
    {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 20},
    {"rateLimitType": "ORDERS", "interval": "DAY", "intervalNum": 1, "limit": 1000},
    {"rateLimitType": "SOMETHING_NEW", "interval": "MINUTE", "intervalNum": 1, "limit": 1},
]


class Desk:
    def __init__(self, at_ns=MINUTE_START, **options):
        self.now = at_ns
        self.budget = RateBudget(now_ns=lambda: self.now, **options)
        self.budget.set_limits(LIMITS)

    def take(self, weight=0, orders=0, purpose=Purpose.ORDINARY):
        return self.budget.try_take({Quota.WEIGHT: weight, Quota.ORDERS: orders}, purpose)


def test_ordinary_requests_stop_below_the_reserve_and_cancellations_go_on():
    desk = Desk()
    grants = [desk.take(weight=5) for _ in range(14)]
    assert sum(isinstance(grant, Grant) for grant in grants) == 13, "65 of 100"
    assert isinstance(grants[-1], Refusal)
    assert [isinstance(desk.take(weight=5, purpose=Purpose.CANCEL), Grant) for _ in range(4)] == [True] * 3 + [False]


def test_a_window_begins_at_the_calendars_minute():
    desk = Desk(MINUTE_START + 59 * S)
    while isinstance(desk.take(weight=5), Grant):
        pass
    refusal = desk.take(weight=5)
    assert refusal.retry_after_s == pytest.approx(1.0)
    assert "of 100 REQUEST_WEIGHT used in 60 s" in refusal.why
    desk.now += S
    assert isinstance(desk.take(weight=5), Refusal), "what is not answered may count in the new minute"
    for window in desk.budget.windows:
        window.pending = 0
    assert isinstance(desk.take(weight=5), Grant)


def test_all_windows_are_taken_or_none():
    desk = Desk()
    for _ in range(13):
        assert isinstance(desk.take(weight=0, orders=1), Grant)
    before = [(w.used, w.pending) for w in desk.budget.windows]
    assert isinstance(desk.take(weight=3, orders=1), Refusal)
    assert [(w.used, w.pending) for w in desk.budget.windows] == before


def test_the_venues_count_replaces_ours_and_what_is_pending_stays_on_top():
    desk = Desk()
    first, second = desk.take(weight=30), desk.take(weight=30)
    desk.budget.settle(first)
    desk.budget.note_headers({"x-mbx-used-weight-1m": "1", "X-MBX-USED-WEIGHT": "1", "X-MBX-ORDER-COUNT-10S": "7"})
    weight, orders = desk.budget.windows[:2]
    assert (weight.used, weight.pending, orders.used) == (1, 30, 7)
    desk.budget.settle(second, counts=False)
    assert (weight.used, weight.pending) == (1, 0)


def test_limits_and_counts_of_a_session_answer_are_taken():
    desk = Desk()
    desk.budget.note_limits([{**LIMITS[1], "limit": 50, "count": 33}, {**LIMITS[0]}, {**LIMITS[3], "count": 1}])
    assert (desk.budget.windows[1].limit, desk.budget.windows[1].used) == (50, 33)


def test_headers_that_make_no_sense_change_nothing():
    desk = Desk()
    desk.budget.note_headers({"X-MBX-USED-WEIGHT-1X": "5", "X-MBX-USED-WEIGHT-1M": "many", "X-MBX-USED-WEIGHT-9M": "5"})
    assert [w.used for w in desk.budget.windows] == [0, 0, 0]


def test_after_429_and_418_nothing_is_sent_until_the_time_named():
    desk = Desk()
    desk.budget.close_until(desk.now + 5 * S, is_ban=False)
    assert not desk.take(purpose=Purpose.CANCEL).is_ban
    desk.budget.close_until(desk.now + 120 * S, is_ban=True)
    desk.budget.close_until(desk.now + 1 * S, is_ban=False)  # a later answer that names less shortens nothing
    refusal = desk.take(purpose=Purpose.CANCEL)
    assert refusal.is_ban
    assert refusal.retry_after_s == pytest.approx(120.0)
    desk.now += 120 * S
    assert isinstance(desk.take(), Grant)


def test_new_limits_keep_the_counts():
    desk = Desk()
    desk.take(weight=9)
    desk.budget.set_limits(LIMITS[:1])
    assert desk.budget.windows[0].pending == 9


def test_shares_that_leave_nothing_are_refused():
    with pytest.raises(ValueError, match="reserve"):
        RateBudget(now_ns=lambda: 0, usable=0.5, cancel_reserve=0.5)


@settings(max_examples=examples(1_000))
@given(
    st.lists(
        st.tuples(st.integers(0, 20 * S), st.integers(0, 20), st.sampled_from(list(Purpose)), st.booleans()),
        max_size=60,
    )
)
def test_no_calendar_window_ever_sees_more_than_the_usable_share(steps):
    desk = Desk()
    spent: dict[int, int] = {}
    for pause, weight, purpose, is_answered in steps:
        desk.now += pause
        grant = desk.take(weight=weight, purpose=purpose)
        if isinstance(grant, Grant):
            minute = desk.now // (60 * S)
            spent[minute] = spent.get(minute, 0) + weight
            if is_answered:
                desk.budget.settle(grant)
    assert all(used <= 80 for used in spent.values())
