"""Splits against their slow twins, the published counts, and leaks planted into the purge."""

from __future__ import annotations

from itertools import combinations, pairwise
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles.quant_splits import paths, purged, windows

from bot4.quant.splits import (
    combinatorial_splits,
    group_bounds,
    path_count,
    path_splits,
    purged_train,
    walk_forward_windows,
)

CASES = 1_000


def labelled(seed: int):
    rng = np.random.default_rng(seed)
    count = int(rng.integers(2, 41))
    at = np.arange(count)
    starts = np.maximum(at - rng.integers(0, 7, count), 0)
    ends = np.minimum(at + rng.integers(1, 8, count), count)
    return rng.random(count) < rng.random(), starts, ends, int(rng.integers(0, 6))


SEEDS = st.integers(0, 2**32)


def check_purge(purge, case) -> None:
    is_test, starts, ends, embargo = case
    assert purge(is_test, starts, ends, embargo=embargo).tolist() == purged(*case)


def check_many(purge) -> None:
    for seed in range(100):
        check_purge(purge, labelled(seed))


@settings(max_examples=CASES, deadline=None)
@given(SEEDS)
def test_what_may_be_chosen_on_is_what_the_definition_leaves(seed):
    check_purge(purged_train, labelled(seed))


def without_purge(is_test, starts, ends, *, embargo):
    return ~is_test


def without_embargo(is_test, starts, ends, *, embargo):
    return purged_train(is_test, starts, ends, embargo=0)


def purged_ahead_only(is_test, starts, ends, *, embargo):
    return purged_train(is_test, np.arange(len(starts)), ends, embargo=embargo)


def embargo_before(is_test, starts, ends, *, embargo):
    last = len(starts)
    turned = purged_train(is_test[::-1], (last - ends)[::-1], (last - starts)[::-1], embargo=embargo)
    return turned[::-1]


@pytest.mark.parametrize("planted", [without_purge, without_embargo, purged_ahead_only, embargo_before])
def test_a_leak_planted_in_the_purge_is_noticed(planted):
    with pytest.raises(AssertionError):
        check_many(planted)


def nearest_label_gain(purge, *, embargo: int) -> float:
    """Correlation, held out, of noise over the next 15 periods with the nearest label that could be learned from."""
    span, count = 15, 600
    rng = np.random.default_rng(17)
    at = np.arange(count)
    guessed, true = [], []
    for _ in range(20):
        labels = np.convolve(rng.standard_normal(count + span), np.ones(span), "valid")[:count]
        for split in combinatorial_splits(count, 20, 1):
            train = np.flatnonzero(purge(split.is_test, at, np.minimum(at + span, count), embargo=embargo))
            test = np.flatnonzero(split.is_test)
            nearest = train[np.abs(train[None, :] - test[:, None]).argmin(axis=1)]
            guessed.append(labels[nearest])
            true.append(labels[test])
    return float(np.corrcoef(np.concatenate(guessed), np.concatenate(true))[0, 1])


def test_noise_cannot_be_learned_across_a_purge_and_can_without_one():
    assert abs(nearest_label_gain(purged_train, embargo=5)) < 0.1
    assert nearest_label_gain(without_purge, embargo=5) > 0.3


# -- counts and paths --------------------------------------------------------------------------------------------------


def test_six_groups_of_which_two_are_held_out_make_fifteen_splits_and_five_paths():
    # Lopez de Prado (2018), figures 12.1 and 12.2.
    assert sum(1 for _ in combinatorial_splits(60, 6, 2)) == 15
    assert path_count(6, 2) == 5
    assert path_splits(6, 2)[0].tolist() == [0, 0, 1, 2, 3, 4]


@pytest.mark.parametrize("groups", range(2, 11))
def test_the_number_of_paths_is_the_books_formula_and_each_path_passes_every_group_once(groups):
    for held_out in range(1, groups):
        every = list(combinations(range(groups), held_out))
        assert path_count(groups, held_out) * groups == held_out * comb(groups, held_out)
        taken = path_splits(groups, held_out)
        assert [[every[split] for split in path] for path in taken] == paths(groups, held_out)
        pairs = {(int(split), group) for path in taken for group, split in enumerate(path)}
        assert len(pairs) == held_out * len(every)


def test_splits_hold_out_whole_groups_that_cover_every_period():
    bounds = group_bounds(103, 7)
    assert (bounds[0], bounds[-1]) == (0, 103)
    assert set(np.diff(bounds)) <= {14, 15}
    count = sum(split.is_test.astype(int) for split in combinatorial_splits(103, 7, 3))
    assert set(count) == {comb(6, 2)}


@settings(max_examples=CASES, deadline=None)
@given(st.integers(4, 200), st.integers(1, 8), st.booleans(), st.integers(0, 3))
def test_windows_are_those_of_the_definition_and_never_chosen_for_on_what_comes_later(
    periods, count, anchored, embargo
):
    try:
        found = walk_forward_windows(periods, count, anchored=anchored, embargo=embargo)
    except ValueError:
        assert periods // (count + 1) - embargo < 2
        return
    assert [(list(range(w.train_first, w.train_end)), list(range(w.test_first, w.test_end))) for w in found] == windows(
        periods, count, anchored=anchored, embargo=embargo
    )
    assert all(w.train_end + embargo <= w.test_first for w in found)
    assert all(a.test_end == b.test_first for a, b in pairwise(found))


@pytest.mark.parametrize(("groups", "held_out"), [(2, 2), (1, 1), (6, 0), (21, 2)])
def test_groups_that_leave_nothing_to_choose_on_are_refused(groups, held_out):
    with pytest.raises(ValueError, match="held out < groups"):
        path_count(groups, held_out)


def test_a_label_that_does_not_span_its_own_period_is_refused():
    at = np.arange(4)
    with pytest.raises(ValueError, match="spans its own period"):
        purged_train(np.zeros(4, bool), at + 1, at + 2)
    with pytest.raises(ValueError, match="embargo is 0 or more"):
        purged_train(np.zeros(4, bool), at, at + 1, embargo=-1)
    with pytest.raises(ValueError, match="cannot be cut"):
        group_bounds(3, 4)
    with pytest.raises(ValueError, match="one window at least"):
        walk_forward_windows(10, 0)
