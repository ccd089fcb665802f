"""The policies of a live feed, each without sockets, threads or clocks."""

from __future__ import annotations

from random import Random

import pytest

from bot4.adapters.venues.backoff import Backoff
from bot4.adapters.venues.snapshot_desk import SnapshotDesk
from bot4.adapters.venues.staleness import Patience, is_stale
from bot4.adapters.venues.stream_link import LinkState, StreamLink

S = 1_000_000_000
T0 = 1_000 * S


# -- waits -------------------------------------------------------------------------------------------------------------


def test_waits_double_up_to_the_longest_and_stay_in_their_upper_half():
    for seed in range(50):
        backoff = Backoff(Random(seed), first_s=0.25, longest_s=4.0, attempts_max=9)
        for longest in (0.25, 0.5, 1.0, 2.0, 4.0, 4.0, 4.0):
            assert longest / 2 <= backoff.fail() <= longest


def test_two_clients_do_not_come_back_together():
    assert Backoff(Random(1)).fail() != Backoff(Random(2)).fail()


def test_success_begins_anew_and_failures_in_a_row_end_it():
    backoff = Backoff(Random(1), attempts_max=3)
    backoff.fail()
    backoff.fail()
    backoff.succeed()
    assert backoff.fail() <= 0.25
    backoff.fail()
    assert not backoff.is_exhausted
    backoff.fail()
    assert backoff.is_exhausted


@pytest.mark.parametrize("wrong", [{"first_s": 0.0}, {"first_s": 2.0, "longest_s": 1.0}, {"attempts_max": 0}])
def test_waits_out_of_range_are_refused(wrong):
    with pytest.raises(ValueError, match="must be"):
        Backoff(Random(1), **wrong)


# -- silence -----------------------------------------------------------------------------------------------------------


def stale(*, silent_s: float, gap_s: float = 0.1, messages: int = 100, connected_s: float = 1_000.0, **patience: float):
    return is_stale(
        Patience(**({"floor_s": 5.0, "multiple": 20.0} | patience)),
        now_ns=T0,
        connected_ns=T0 - round(connected_s * S),
        last_ns=T0 - round(silent_s * S) if messages else 0,
        gap_ns=round(gap_s * S),
        messages=messages,
    )


def test_a_lively_stream_is_stale_after_the_floor():
    assert not stale(silent_s=4.9)
    assert stale(silent_s=5.1)


def test_a_slow_stream_is_given_the_multiple_of_its_own_gap_up_to_the_ceiling():
    assert not stale(silent_s=199, gap_s=10)
    assert stale(silent_s=201, gap_s=10)
    assert not stale(silent_s=299, gap_s=100)
    assert stale(silent_s=301, gap_s=100)


def test_a_new_connection_is_given_the_whole_time_again():
    assert not stale(silent_s=500, connected_s=4.9)
    assert stale(silent_s=500, connected_s=5.1)


def test_a_stream_that_never_spoke_is_waited_for_as_long_as_it_says():
    assert not stale(silent_s=0, messages=0, connected_s=1_000)
    assert stale(silent_s=0, messages=0, connected_s=31, first_s=30)
    assert not stale(silent_s=0, messages=0, connected_s=29, first_s=30)
    assert not stale(silent_s=29, messages=1, connected_s=29, first_s=30)


# -- the life of a link ---------------------------------------------------------------------------------------------


def link(**settings: float) -> StreamLink:
    backoff = Backoff(Random(1), first_s=1.0, longest_s=1.0, attempts_max=5)
    return StreamLink("binance spot", "ws://x", (0,), backoff, **({"rotate_after_s": 100.0} | settings))


def up(now_ns: int = T0) -> StreamLink:
    one = link()
    one.attempting()
    assert one.connected(now_ns)
    return one


def test_one_attempt_at_a_time_and_the_next_after_the_wait():
    one = link()
    assert one.wants_attempt(T0)
    one.attempting()
    assert one.state is LinkState.CONNECTING
    assert not one.wants_attempt(T0)
    one.failed(T0, "refused")
    assert one.state is LinkState.DOWN
    assert not one.wants_attempt(T0 + S // 2 - 1)
    assert one.wants_attempt(T0 + S)


def test_an_old_link_asks_for_a_second_socket_and_lets_go_once_it_speaks_long_enough():
    one = up()
    assert not one.wants_attempt(T0 + 99 * S)
    assert one.wants_attempt(T0 + 100 * S)
    one.attempting()
    assert one.state is LinkState.ROTATING
    assert not one.connected(T0 + 101 * S)
    assert not one.wants_attempt(T0 + 101 * S)
    assert not one.may_let_go(T0 + 104 * S, newer_has_spoken=False)
    assert not one.may_let_go(T0 + 102 * S, newer_has_spoken=True)
    assert one.may_let_go(T0 + 103 * S, newer_has_spoken=True)
    one.let_go()
    assert (one.state, one.up_since_ns) == (LinkState.UP, T0 + 101 * S)


def test_a_second_socket_that_fails_is_tried_again_while_the_first_goes_on():
    one = up()
    one.rotate()
    one.attempting()
    one.failed(T0 + S, "refused")
    assert one.state is LinkState.ROTATING
    assert one.wants_attempt(T0 + 3 * S)
    one.attempting()
    one.connected(T0 + 3 * S)
    one.lost_newer(T0 + 4 * S, "cut")
    assert one.state is LinkState.ROTATING
    assert one.wants_attempt(T0 + 6 * S)
    assert one.losses == 0


def test_a_link_that_loses_its_old_socket_goes_on_with_the_new_one():
    one = up()
    one.rotate()
    one.attempting()
    one.connected(T0 + S)
    assert not one.lost(T0 + 2 * S, "cut")
    assert (one.state, one.up_since_ns) == (LinkState.UP, T0 + S)


def test_a_link_that_loses_its_only_socket_is_down_and_comes_back_after_the_wait():
    one = up()
    assert one.lost(T0 + S, "cut")
    assert one.state is LinkState.DOWN
    assert not one.wants_attempt(T0 + S)
    assert one.wants_attempt(T0 + 2 * S)


def test_a_link_that_is_lost_while_its_second_socket_is_still_connecting_takes_that_one():
    one = up()
    one.rotate()
    one.attempting()
    assert one.lost(T0 + S, "cut")
    assert one.state is LinkState.CONNECTING
    assert not one.wants_attempt(T0 + 9 * S)
    assert one.connected(T0 + 2 * S)
    assert one.state is LinkState.UP


def test_asking_to_rotate_twice_rotates_once():
    one = up()
    one.rotate()
    one.rotate()
    assert one.rotations == 1
    link().rotate()


# -- snapshots ---------------------------------------------------------------------------------------------------------


def test_books_that_need_one_are_asked_for_two_at_a_time():
    desk = SnapshotDesk(4, Random(1))
    assert desk.due(T0, lambda lane: lane != 1) == [0, 2]
    assert desk.due(T0, lambda lane: lane != 1) == []
    desk.delivered(0, T0)
    assert desk.due(T0, lambda lane: lane != 1) == [3]


def test_a_snapshot_that_did_not_fit_is_asked_for_again_after_waits_that_grow():
    desk = SnapshotDesk(1, Random(1))
    now, waits = T0, []
    for _ in range(5):
        assert desk.due(now, lambda _: True) == [0]
        desk.delivered(0, now)
        began = now
        while not (found := desk.due(now, lambda _: True)):
            now += S // 100
        waits.append((now - began) / S)
        desk.refused(found[0], began)  # takes the question back; its wait is the shorter one
        now = max(now, began + 20 * S)
    assert waits[0] < 0.4
    assert waits == sorted(waits)
    assert waits[-1] > 1.0


def test_a_book_that_was_whole_is_asked_for_at_once_when_it_is_lost():
    desk = SnapshotDesk(1, Random(1))
    for _ in range(4):
        desk.due(T0, lambda _: True)
        desk.refused(0, T0 - 20 * S)
    assert desk.due(T0, lambda _: False) == []
    assert desk.due(T0, lambda _: True) == [0]
    desk.delivered(0, T0)
    assert desk.due(T0 + S // 2, lambda _: True) == [0]


def test_a_pause_of_the_venue_holds_for_every_book():
    desk = SnapshotDesk(2, Random(1))
    desk.due(T0, lambda lane: lane == 0)
    desk.refused(0, T0, retry_after_s=7.0)
    assert desk.due(T0 + 6 * S, lambda _: True) == []
    assert desk.due(T0 + 7 * S, lambda _: True) == [0, 1]
    assert (desk.fetched, desk.failed) == (0, 1)
