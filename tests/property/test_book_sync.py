"""The compiled synchronisation under lost, doubled and reordered messages: equal to the venue's book, or INVALID."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles.book_order_book import BUY, SELL
from oracles.book_sync import (
    APPLIED,
    DEPTH_BEGIN,
    FLAG_LAST,
    FUTURES,
    GAP,
    IN_BAND,
    LIVE,
    LIVE_PARTIAL,
    PENDING,
    SPOT,
    WAITING,
    DepthSyncTwin,
    Message,
    message_events,
    stream_events,
)

from bot4._core.book.depth_sync import DepthSync

SIZES = {"window_ticks": 64, "far_capacity": 512}
BUFFERS = {"buffer_messages": 8, "buffer_levels": 32}
Levels = dict[tuple[int, int], int]


@dataclass
class Venue:
    """A true book of few levels; `history[i]` is its content at update id i."""

    rng: random.Random
    rule: int
    crosses: bool = False

    def __post_init__(self) -> None:
        self.levels: Levels = {}
        self.mid = 10_000
        self.history: list[Levels] = [{}]
        self.sent_id = 0

    def change(self) -> None:
        """One update: a level set or removed, sometimes after a move of the mid that sweeps what it passes."""
        rng = self.rng
        if rng.random() < 0.2:
            self.mid += rng.choice((-1, 1)) * rng.choice((1, 3, 50, 400))
            self.mid = max(self.mid, 2_000)
        side = rng.randrange(2)
        offset = rng.choice((0, 1, 2, 5, 30, 70, 900))
        if self.crosses and rng.random() < 0.1:
            offset = -2
        self.levels[side, self.mid - offset if side == BUY else self.mid + 1 + offset] = rng.randrange(1, 50)

    def step(self, updates: int) -> Message:
        """`updates` further ids as one diff; what the mid's move would leave crossed is removed in the same diff."""
        changed: set[tuple[int, int]] = set()
        for _ in range(updates):
            before = dict(self.levels)
            self.change()
            if not self.crosses:
                for side, price in list(self.levels):
                    if price > self.mid if side == BUY else price <= self.mid:
                        del self.levels[side, price]
            self.history.append(dict(self.levels))
            # Whatever was touched: a snapshot may have been taken between two updates of this diff.
            changed |= {key for key in before.keys() | self.levels.keys() if before.get(key) != self.levels.get(key)}
        first_id = self.sent_id + 1
        last_id = len(self.history) - 1
        prev_id, self.sent_id = self.sent_id, last_id
        # Venues also repeat levels that did not change.
        changed |= set(self.rng.sample(sorted(self.levels), min(2, len(self.levels))))
        return Message(
            first_id=first_id,
            last_id=last_id,
            prev_id=prev_id if self.rule == FUTURES else -1,
            levels=tuple((*key, self.levels.get(key, 0)) for key in sorted(changed)),
            futures=self.rule == FUTURES,
        )

    def snapshot(self, last_id: int, *, partial: bool = False) -> Message:
        held = sorted((*key, qty) for key, qty in self.history[last_id].items())
        return Message(last_id, last_id, levels=tuple(held), snapshot=not partial, partial=partial)


def deliveries(seed: int, rule: int, length: int, *, crosses: bool = False) -> tuple[Venue, list[Message]]:
    """A venue's stream as an unreliable connection gives it: dropped, doubled, swapped; snapshots late and stale."""
    rng = random.Random(seed)
    venue = Venue(rng, rule, crosses=crosses)
    trouble = rng.choice((0.0, 0.02, 0.15))
    given_out: list[Message] = []
    for _ in range(length):
        message = venue.step(rng.choice((1, 1, 2, 6)))
        if rng.random() >= trouble:
            given_out.append(message)
        if rng.random() < trouble:
            given_out.append(message)
        if rng.random() < trouble and len(given_out) > 1:
            given_out[-1], given_out[-2] = given_out[-2], given_out[-1]
        if rng.random() < 0.25:
            age = rng.choice((0, 0, 1, 3, 20))
            given_out.append(venue.snapshot(max(len(venue.history) - 1 - age, 0)))
        if rng.random() < 0.05:
            given_out.append(venue.snapshot(len(venue.history) - 1, partial=True))
    return venue, given_out


def book_of(sync) -> list[list[tuple[int, int]]]:
    return [
        list(zip(*(np.asarray(column).tolist() for column in sync.book.depth(side)), strict=True))
        for side in (BUY, SELL)
    ]


def check_against_twin(make_sync, twin: DepthSyncTwin, messages: list[Message]) -> None:
    """After every message: the same verdicts, state, counters and book."""
    sync = make_sync()
    for message in messages:
        events = message_events(message)
        verdicts = np.zeros(len(events), np.uint8)
        sync.apply(events, verdicts)
        assert [verdict for verdict in verdicts.tolist() if verdict != PENDING] == twin.take(message)
        assert (sync.is_live, sync.needs_snapshot) == (twin.is_live(), twin.needs_snapshot())
        assert (sync.state, sync.last_id, sync.generation) == (twin.state, twin.last_id, twin.generation)
        assert sync.counters == twin.counters
        assert sync.buffered_messages == len(twin.buffer)
        assert book_of(sync) == [twin.book.depth(BUY), twin.book.depth(SELL)]


def check_equal_or_invalid(make_sync, venue: Venue, messages: list[Message]) -> int:
    """Failure mode 35: while live, the book is the venue's at its update id. Returns the messages it was live after."""
    sync, live = make_sync(), 0
    for message in messages:
        sync.apply(message_events(message))
        if not sync.is_live:
            assert book_of(sync) == [[], []]
            assert sync.needs_snapshot
            continue
        live += 1
        truth = venue.history[sync.last_id]
        bids = sorted(((price, qty) for (side, price), qty in truth.items() if side == BUY), reverse=True)
        asks = sorted((price, qty) for (side, price), qty in truth.items() if side == SELL)
        assert book_of(sync) == [bids, asks]
    return live


seeds = st.integers(0, (1 << 32) - 1)
rules = st.sampled_from((SPOT, FUTURES, IN_BAND))


@given(seeds, rules, st.booleans())
def test_any_delivery_gives_the_verdicts_and_the_book_of_the_twin(seed, rule, crosses):
    _, messages = deliveries(seed, rule, 24, crosses=crosses)
    check_against_twin(lambda: DepthSync(rule, **SIZES, **BUFFERS), DepthSyncTwin(rule, **BUFFERS), messages)


@given(seeds, st.sampled_from((SPOT, FUTURES)))
def test_any_delivery_leaves_the_book_equal_to_the_venues_or_invalid(seed, rule):
    venue, messages = deliveries(seed, rule, 24)
    check_equal_or_invalid(lambda: DepthSync(**SIZES), venue, messages)


def torn(seed: int, rule: int, cuts: list[int]) -> tuple[Venue, np.ndarray]:
    """A delivery from which single events are lost, not whole messages."""
    venue, messages = deliveries(seed, rule, 12)
    events = stream_events(messages)
    return venue, np.delete(events, [cut % len(events) for cut in cuts])


def check_torn(sync, venue: Venue, events: np.ndarray) -> None:
    """After every single event: while live, the book is the venue's at its update id."""
    for event in range(len(events)):
        sync.apply(events[event : event + 1])
        if sync.is_live:
            truth = venue.history[sync.last_id]
            bids = sorted(((price, qty) for (side, price), qty in truth.items() if side == BUY), reverse=True)
            asks = sorted((price, qty) for (side, price), qty in truth.items() if side == SELL)
            assert book_of(sync) == [bids, asks]


@given(seeds, st.sampled_from((SPOT, FUTURES)), st.lists(st.integers(0, 10_000), min_size=1, max_size=6))
def test_no_torn_stream_leaves_a_book_that_is_live_and_wrong(seed, rule, cuts):
    check_torn(DepthSync(**SIZES), *torn(seed, rule, cuts))


def test_control_a_torn_stream_whose_framing_is_mended_is_caught():
    """Without the count of levels and the LAST flag the loss of a level would go unseen."""
    with pytest.raises(AssertionError):
        check_mended_streams()


def check_mended_streams() -> None:
    for seed in range(60):
        venue, events = torn(seed, SPOT, [seed * 3 + 5, seed * 7 + 11])
        starts = np.flatnonzero(events["kind"] == DEPTH_BEGIN)
        ends = np.append(starts[1:], len(events)) - 1
        events["d"][starts] = ends - starts
        events["flags"] &= ~np.uint16(FLAG_LAST)
        events["flags"][ends] |= FLAG_LAST
        check_torn(DepthSync(**SIZES), venue, events)


class TwinAsSync(DepthSyncTwin):
    """The twin in the shape of a DepthSync, to plant faults in."""

    def apply(self, events, verdicts=None):
        if isinstance(events, Message):
            return super().apply(events)
        begin = events[0]
        flags = int(begin["flags"])
        told = self.take(
            Message(
                int(begin["a"]),
                int(begin["b"]),
                int(begin["c"]),
                tuple((int(e["side"]), int(e["a"]), int(e["b"])) for e in events[1:]),
                snapshot=bool(flags & 4),
                partial=bool(flags & 16),
                futures=bool(flags & 32),
            )
        )
        if verdicts is not None:
            verdicts[len(verdicts) - len(told) :] = told
        return told[-1]

    buffered_messages = property(lambda self: len(self.buffer))


class Shaped:
    """Properties where the compiled class has them."""

    def __init__(self, twin: TwinAsSync) -> None:
        self.twin = twin

    def __getattr__(self, name):
        value = getattr(self.twin, name)
        if name in ("is_live", "needs_snapshot"):
            return value()
        return value

    @property
    def book(self):
        class View:
            @staticmethod
            def depth(side):
                levels = self.twin.book.depth(side)
                return [price for price, _ in levels], [qty for _, qty in levels]

        return View


class SkipsGaps(TwinAsSync):
    """Applies a diff although messages before it are missing."""

    def judge(self, message):
        verdict = super().judge(message)
        return APPLIED if verdict == GAP else verdict


class AppliesRepetitions(TwinAsSync):
    """Takes an old diff for a new one."""

    def judge(self, message):
        return APPLIED if message.last_id <= self.last_id else super().judge(message)


class ForgetsTheBuffer(TwinAsSync):
    """Throws away what came before the snapshot."""

    def _replay(self):
        self.buffer.clear()
        return super()._replay()


class KeepsTheBookAfterAGap(TwinAsSync):
    """Notices the gap but leaves the old levels in place."""

    def invalidate(self):
        kept = {side: dict(self.book.sides[side]) for side in (BUY, SELL)}
        super().invalidate()
        for side in (BUY, SELL):
            self.book.sides[side].update(kept[side])


class TakesOldSnapshots(TwinAsSync):
    def _take_snapshot(self, message):
        held, self.buffer = self.buffer, []
        verdict = super()._take_snapshot(replace(message, last_id=max(message.last_id, self.last_id + 1)))
        self.buffer = [kept for kept in held if kept.last_id > self.last_id]
        return verdict


def run_controls(broken) -> None:
    for seed in range(60):
        for rule in (SPOT, FUTURES):
            venue, messages = deliveries(seed, rule, 40)
            check_equal_or_invalid(lambda rule=rule: Shaped(broken(rule)), venue, messages)


@pytest.mark.parametrize("broken", [SkipsGaps, AppliesRepetitions, KeepsTheBookAfterAGap, TakesOldSnapshots])
def test_control_a_broken_synchronisation_is_caught(broken):
    with pytest.raises(AssertionError):
        run_controls(broken)


@pytest.mark.parametrize("broken", [SkipsGaps, AppliesRepetitions, ForgetsTheBuffer, KeepsTheBookAfterAGap])
def test_control_the_comparison_of_twins_catches_it_too(broken):
    with pytest.raises(AssertionError):
        compare_with_sound_twin(broken)


def compare_with_sound_twin(broken) -> None:
    for seed in range(60):
        _, messages = deliveries(seed, SPOT, 40)
        check_against_twin(lambda: Shaped(broken(SPOT, **BUFFERS)), DepthSyncTwin(SPOT, **BUFFERS), messages)


def test_control_the_sound_twin_passes():
    run_controls(TwinAsSync)


def test_the_deliveries_reach_every_state_and_counter():
    """Gaps, old snapshots, full buffers and top-n books all occur, so the properties above mean something."""
    totals: dict[str, int] = {}
    states = set()
    for seed in range(60):
        for rule in (SPOT, FUTURES, IN_BAND):
            _, messages = deliveries(seed, rule, 40, crosses=seed % 4 == 0)
            sync = DepthSync(rule, **SIZES, **BUFFERS)
            for message in messages:
                sync.apply(message_events(message))
                states.add(int(sync.state))
            for name, count in sync.counters.items():
                totals[name] = totals.get(name, 0) + count
    assert states == {WAITING, LIVE, LIVE_PARTIAL}
    assert min(totals[name] for name in totals if name not in ("full", "malformed")) > 20, totals
