"""A quote on top of a book: the lane's five levels against a plain merge."""

from __future__ import annotations

import numpy as np
import pytest
from builders.engine import Rig, depth, quote
from builders.examples import examples
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

LOTS = st.integers(1, 99)


def merged(levels: list[tuple[int, int]], best: tuple[int, int], *, is_bid: bool) -> list[tuple[int, int]]:
    """What is behind the quote stays behind it; what it passed or replaced goes."""
    behind = [level for level in levels if (level[0] < best[0] if is_bid else level[0] > best[0])]
    return [best, *behind][:5]


def keeps_what_was_passed(levels, best, *, is_bid):
    return sorted({dict([level])[level[0]] and level for level in [best, *levels]}, reverse=is_bid)[:5]


def drops_one_too_many(levels, best, *, is_bid):
    return merged(levels, best, is_bid=is_bid)[:4]


@st.composite
def cases(draw):
    def side(start: int, step: int) -> list[tuple[int, int]]:
        gaps = draw(st.lists(st.integers(1, 3), min_size=1, max_size=8))
        prices = start + step * np.cumsum(gaps)
        return [(int(price), draw(LOTS)) for price in prices]

    bid = draw(st.integers(970, 1_020))
    ask = bid + draw(st.integers(1, 20))
    return side(1_000, -1), side(1_000, 1), (bid, draw(LOTS)), (ask, draw(LOTS))


def check(twin, count: int) -> None:
    @settings(max_examples=count, phases=tuple(Phase) if twin is merged else (Phase.generate,))
    @given(cases())
    def same(case) -> None:
        bids, asks, bid, ask = case
        rig = Rig(policy={"enter_score": 1.5, "take_score": 2.0})
        rig.apply(depth(0, 0, 100, bids, asks, snapshot=True), quote(1, 101, bid, ask))
        assert rig.engine.top(0)[0] == twin(bids[:5], bid, is_bid=True)
        assert rig.engine.top(0)[1] == twin(asks[:5], ask, is_bid=False)
        # A diff older than the quote moves what is behind it and leaves it on top.
        rig.apply(depth(2, 101, 101, [(900, 5)], []), depth(3, 102, 102, [(901, 5)], []))
        assert rig.engine.top(0)[0][0] == bids[0], "a diff newer than the quote takes the touch back"

    same()


def test_the_touch_is_the_quote_on_top_of_the_book():
    check(merged, examples(1_000))


@pytest.mark.parametrize("broken", [keeps_what_was_passed, drops_one_too_many])
def test_a_broken_merge_is_noticed(broken):
    with pytest.raises(AssertionError):
        check(broken, 200)
