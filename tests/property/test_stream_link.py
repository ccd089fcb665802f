"""The life of a link over random happenings: what it believes is what its owner holds."""

from __future__ import annotations

from random import Random

import pytest

from bot4.adapters.venues.backoff import Backoff
from bot4.adapters.venues.stream_link import LinkState, StreamLink

S = 1_000_000_000
WALKS, STEPS = 1_500, 60


class Owner:
    """What `LiveRun` keeps beside a link: its sockets and the attempt under way."""

    def __init__(self, make_link, rng: Random) -> None:
        backoff = Backoff(rng, first_s=0.5, longest_s=4.0, attempts_max=10**6)
        self.link: StreamLink = make_link("x", "ws://x", (0,), backoff, 50.0, 2.0)
        self.rng = rng
        self.old = self.new = self.is_attempting = False
        self.now_ns = 1_000 * S
        self.idle_s = 0.0

    def step(self) -> None:
        self.now_ns += self.rng.randrange(1, 3 * S)
        link, draw = self.link, self.rng.random()
        if link.wants_attempt(self.now_ns):
            assert not self.is_attempting, "one attempt at a time"
            assert not self.new, "at most two sockets"
            link.attempting()
            self.is_attempting = True
        elif self.is_attempting and draw < 0.4:
            self.is_attempting = False
            if self.rng.random() < 0.6:
                is_only = link.connected(self.now_ns)
                assert is_only == (not self.old)
                self.old, self.new = True, self.old
            else:
                link.failed(self.now_ns, "refused")
        elif self.new and draw < 0.5:
            link.lost_newer(self.now_ns, "cut")
            self.new = False
        elif self.old and draw < 0.6:
            is_down = link.lost(self.now_ns, "cut")
            assert is_down == (not self.new), "nothing carries the streams only where no second socket does"
            self.old, self.new = self.new, False
        elif draw < 0.7:
            link.rotate()
        elif link.may_let_go(self.now_ns, newer_has_spoken=True):
            assert self.old
            assert self.new
            link.let_go()
            self.new = False

    def check(self) -> None:
        link = self.link
        assert link.is_attempting == self.is_attempting
        assert (link.state in (LinkState.UP, LinkState.ROTATING)) == self.old
        assert (link.newer_since_ns is not None) == self.new
        assert (link.state is LinkState.CONNECTING) == (self.is_attempting and not self.old)
        if link.state is LinkState.DOWN:
            assert link.wants_attempt(link.next_attempt_ns), "a link that is down comes back"
            assert link.next_attempt_ns <= self.now_ns + 4 * S
        if self.old and not self.new:
            assert link.up_since_ns <= self.now_ns


def check_walks(make_link=StreamLink) -> set[LinkState]:
    met = set()
    for seed in range(WALKS):
        owner = Owner(make_link, Random(seed))
        for _ in range(STEPS):
            owner.step()
            owner.check()
            met.add(owner.link.state)
    return met


def test_a_link_believes_what_its_owner_holds_whatever_happens():
    assert check_walks() == set(LinkState)


class ForgetsTheAttempt(StreamLink):
    """Planted: a loss forgets that another socket is being connected."""

    def lost(self, now_ns: int, why: str) -> bool:
        self.is_attempting = False
        return super().lost(now_ns, why)


class NeverComesBack(StreamLink):
    """Planted: after a loss it waits for ever."""

    def lost(self, now_ns: int, why: str) -> bool:
        found = super().lost(now_ns, why)
        self.next_attempt_ns += 10**6 * S
        return found


class LosesTheNewer(StreamLink):
    """Planted: the second socket does not take over."""

    def lost(self, now_ns: int, why: str) -> bool:
        self.newer_since_ns = None
        return super().lost(now_ns, why)


@pytest.mark.parametrize("planted", [ForgetsTheAttempt, NeverComesBack, LosesTheNewer])
def test_control_a_planted_fault_is_found(planted):
    with pytest.raises(AssertionError):
        check_walks(planted)
