"""The venue's clock as estimated: when it is trusted, and when not."""

from __future__ import annotations

import pytest

from bot4.adapters.venues.binance.clock_offset import MS, ClockOffset

S = 1_000 * MS


class Clocks:
    """A machine's two clocks and a server's, moved by hand."""

    def __init__(self, server_ahead_ns=0):
        self.mono, self.wall, self.server = 50 * S, 1_700_000_000 * S, 1_700_000_000 * S + server_ahead_ns
        self.offset = ClockOffset(lambda: self.mono, lambda: self.wall)

    def pass_ns(self, ns):
        self.mono += ns
        self.wall += ns
        self.server += ns

    def ask(self, there_ns=10 * MS, back_ns=10 * MS):
        asked = self.mono
        self.pass_ns(there_ns)
        told = self.server
        self.pass_ns(back_ns)
        self.offset.add(asked_mono_ns=asked, answered_mono_ns=self.mono, server_ns=told)


def test_five_exchanges_are_needed():
    clocks = Clocks()
    for asked in range(5):
        assert "5 times" in clocks.offset.why_untrusted()
        assert clocks.offset.samples == asked
        clocks.ask()
    assert clocks.offset.why_untrusted() is None


def test_the_median_shrugs_off_a_slow_way_back():
    clocks = Clocks(server_ahead_ns=120 * MS)
    for back in (10 * MS, 10 * MS, 400 * MS, 10 * MS, 10 * MS):
        clocks.ask(back_ns=back)
    assert clocks.offset.server_now_ns() == clocks.server
    assert clocks.offset.local_offset_ns == 120 * MS
    assert clocks.offset.error_ns == 205 * MS
    assert clocks.offset.why_untrusted() is None


@pytest.mark.parametrize(("ahead_ms", "is_trusted"), [(500, True), (501, False), (-500, True), (-501, False)])
def test_a_clock_more_than_half_a_second_off_is_refused(ahead_ms, is_trusted):
    clocks = Clocks(server_ahead_ns=ahead_ms * MS)
    for _ in range(5):
        clocks.ask()
    why = clocks.offset.why_untrusted()
    assert (why is None) is is_trusted
    assert is_trusted or f"differ by {ahead_ms} ms" in why


def test_round_trips_that_spread_too_far_are_refused():
    clocks = Clocks()
    for there in (1 * MS, 1 * MS, 1 * MS, 1 * MS, 502 * MS):
        clocks.ask(there_ns=there, back_ns=0)
    assert "spread over 501 ms" in clocks.offset.why_untrusted()


def test_one_slow_round_trip_among_enough_others_closes_nothing():
    clocks = Clocks(server_ahead_ns=120 * MS)
    for there in (10, 10, 10, 10, 10, 1_200, 10):
        clocks.ask(there_ns=there * MS)
        if clocks.offset.samples >= 5:
            assert clocks.offset.why_untrusted() is None
    assert (clocks.offset.samples, clocks.offset.local_offset_ns, clocks.offset.error_ns) == (6, 120 * MS, 10 * MS)


def test_a_slow_round_trip_of_the_first_five_counts_until_a_sixth_came():
    clocks = Clocks()
    for there in (10, 900, 10, 10, 10):
        clocks.ask(there_ns=there * MS)
    assert "spread" in clocks.offset.why_untrusted()
    clocks.ask()
    assert (clocks.offset.samples, clocks.offset.why_untrusted()) == (5, None)


def test_where_every_round_trip_has_become_slow_they_are_measured_anew():
    clocks = Clocks()
    for way in [10] * 9 + [600] * 5:
        clocks.ask(there_ns=way * MS, back_ns=way * MS)
    assert clocks.offset.samples == 0
    for _ in range(5):
        clocks.ask(there_ns=600 * MS, back_ns=600 * MS)
    assert (clocks.offset.why_untrusted(), clocks.offset.error_ns) == (None, 600 * MS)


def test_a_step_of_the_wall_clock_moves_no_time_stamp_and_asks_for_a_new_measurement():
    for step in (2 * S, -3_600 * S, 51 * MS):
        clocks = Clocks()
        for _ in range(5):
            clocks.ask()
        clocks.wall += step
        assert clocks.offset.server_now_ns() == clocks.server
        assert clocks.offset.why_untrusted() == "this machine's clock was set while running"
        clocks.ask()
        assert clocks.offset.samples == 1


def test_slow_drift_is_no_step_and_an_old_measurement_counts_no_more():
    clocks = Clocks()
    for _ in range(5):
        clocks.ask()
    clocks.pass_ns(599 * S)
    clocks.wall += 40 * MS
    assert clocks.offset.why_untrusted() is None
    clocks.pass_ns(2 * S)
    assert "last asked 601 s ago" in clocks.offset.why_untrusted()


def test_before_the_first_exchange_it_tells_this_machines_time_and_is_not_trusted():
    clocks = Clocks(server_ahead_ns=9 * S)
    assert clocks.offset.server_now_ns() == clocks.wall
    assert clocks.offset.why_untrusted()


def test_broken_calls_are_refused():
    clocks = Clocks()
    with pytest.raises(ValueError, match="before it was asked"):
        clocks.offset.add(asked_mono_ns=2, answered_mono_ns=1, server_ns=0)
    with pytest.raises(ValueError, match="samples must be"):
        ClockOffset(lambda: 0, lambda: 0, samples_min=9, samples_max=5)
