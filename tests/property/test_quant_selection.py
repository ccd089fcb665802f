"""Choosing on the past and on purged combinations, against slow twins; no choice sees what it is scored by."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from builders.examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import quant_selection as twin

from bot4.quant import selection
from bot4.quant.selection import TrialTable, cross_validate, sharpe_variance, walk_forward
from bot4.quant.track_record import sharpe_columns

CASES = 1_000
SEEDS = st.integers(0, 2**32)


def made(seed: int, least: int = 24) -> TrialTable:
    rng = np.random.default_rng(seed)
    periods, trials = int(rng.integers(least, 48)), int(rng.integers(1, 6))
    at = np.arange(periods)[:, None]
    starts = np.maximum(at - rng.integers(0, 4, (periods, trials)), 0)
    ends = np.minimum(at + rng.integers(1, 5, (periods, trials)), periods)
    returns = rng.standard_normal((periods, trials)) / 100
    return TrialTable(returns, starts, ends, rng.random((periods + 1, trials)) / 1_000)


def check_walk(choose, seed: int) -> None:
    table, anchored, embargo = made(seed), bool(seed % 2), seed % 3
    found = choose(table, 4, anchored=anchored, embargo=embargo)
    chosen, out = twin.walk_forward(
        table.returns.tolist(), table.leave_costs.tolist(), 4, anchored=anchored, embargo=embargo
    )
    assert found.chosen == tuple(chosen)
    assert found.returns == pytest.approx(out, abs=1e-12)


def check_cross(choose, seed: int) -> None:
    table, embargo = made(seed), seed % 3
    columns = (table.returns, table.starts, table.ends, table.leave_costs)
    chosen, paths = twin.cross_validate(*(part.tolist() for part in columns), groups=4, held_out=2, embargo=embargo)
    if paths is None:
        with pytest.raises(ValueError, match="purging leaves no period"):
            choose(table, groups=4, held_out=2, embargo=embargo)
        return
    found = choose(table, groups=4, held_out=2, embargo=embargo)
    assert found.chosen == tuple(chosen.values())
    assert found.path_returns == pytest.approx(np.array(paths), abs=1e-12)


@settings(max_examples=examples(CASES), deadline=None)
@given(SEEDS)
def test_a_walk_forward_is_its_slow_twin(seed):
    check_walk(walk_forward, seed)


@settings(max_examples=examples(CASES), deadline=None)
@given(SEEDS)
def test_a_cross_validation_is_its_slow_twin(seed):
    check_cross(cross_validate, seed)


def check_many(check, choose) -> None:
    for seed in range(60):
        check(choose, seed)


def looks_ahead(table, windows, **options):
    """Chooses on everything."""
    best = int(np.argmax(sharpe_columns(table.returns)))
    only = TrialTable(*(part[:, [best]] for part in (table.returns, table.starts, table.ends, table.leave_costs)))
    found = walk_forward(only, windows, **options)
    return replace(found, chosen=tuple(best for _ in found.chosen))


def changes_for_nothing(choose):
    def planted(table, *words, **options):
        return choose(replace(table, leave_costs=np.zeros_like(table.leave_costs)), *words, **options)

    return planted


def forgets_labels(table, **options):
    at = np.arange(len(table.returns))[:, None] + np.zeros(table.returns.shape, np.int64)
    return cross_validate(replace(table, starts=at, ends=at + 1), **options)


def forgets_embargo(choose):
    def planted(table, *words, embargo, **options):
        return choose(table, *words, embargo=0, **options)

    return planted


@pytest.mark.parametrize(
    ("check", "planted"),
    [
        (check_walk, looks_ahead),
        (check_walk, changes_for_nothing(walk_forward)),
        (check_walk, forgets_embargo(walk_forward)),
        (check_cross, changes_for_nothing(cross_validate)),
        (check_cross, forgets_labels),
        (check_cross, forgets_embargo(cross_validate)),
    ],
)
def test_a_planted_leak_or_a_change_for_nothing_is_noticed(check, planted):
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        check_many(check, planted)


# -- the future does not reach the past --------------------------------------------------------------------------------


def check_future(choose) -> None:
    table = made(5, least=40)
    whole = choose(table, 4, anchored=True)
    for window, number in zip(whole.windows, range(4), strict=True):
        later = table.returns.copy()
        later[window.test_first :] = np.random.default_rng(number).standard_normal(later[window.test_first :].shape)
        changed = choose(replace(table, returns=later), 4, anchored=True)
        assert changed.chosen[: number + 1] == whole.chosen[: number + 1]


def test_no_window_is_chosen_for_on_what_comes_after_it_begins():
    check_future(walk_forward)


def test_a_choice_that_sees_one_period_of_its_window_is_noticed(monkeypatch):
    real = selection.walk_forward_windows

    def one_more(*words, **options):
        return tuple(replace(window, train_end=window.test_end) for window in real(*words, **options))

    monkeypatch.setattr(selection, "walk_forward_windows", one_more)
    with pytest.raises(AssertionError):
        check_future(walk_forward)


def test_what_is_held_out_does_not_change_the_choice():
    table = made(8)
    found = cross_validate(table, groups=4, held_out=2, embargo=1)
    for number, split in enumerate(selection.combinatorial_splits(len(table.returns), 4, 2)):
        other = table.returns.copy()
        other[split.is_test] = np.random.default_rng(number).standard_normal(other[split.is_test].shape)
        changed = cross_validate(replace(table, returns=other), groups=4, held_out=2, embargo=1)
        assert changed.chosen[number] == found.chosen[number]


# -- what the figures say ----------------------------------------------------------------------------------------------


def noise(trials: int, periods: int = 960, edge: float = 0.0) -> TrialTable:
    returns = np.random.default_rng(21).standard_normal((periods, trials))
    returns[:, 3] += edge
    at = np.arange(periods)[:, None] + np.zeros((periods, trials), np.int64)
    return TrialTable(returns, at, at + 1, np.zeros((periods + 1, trials)))


def test_the_best_of_many_worthless_trials_is_worth_nothing_out_of_sample():
    table = noise(40)
    assert sharpe_columns(table.returns).max() > 0.06
    assert abs(walk_forward(table, 5).sharpe) < 0.06
    assert abs(cross_validate(table).path_sharpes.mean()) < 0.06


def test_a_trial_that_is_really_better_is_found_and_stays_better():
    table = noise(40, edge=0.3)
    found = walk_forward(table, 5)
    assert (found.chosen, found.switches) == ((3,) * 5, 0)
    assert found.sharpe == pytest.approx(0.3, abs=0.1)
    assert 0.6 < found.efficiency < 1.4
    crossed = cross_validate(table)
    assert (len(crossed.chosen), len(crossed.path_sharpes), crossed.losing_share) == (15, 5, 0.0)


def test_trials_vary_by_as_much_as_their_ratios_do():
    table = noise(40)
    assert sharpe_variance(table) == pytest.approx(np.var(sharpe_columns(table.returns), ddof=1))
    assert sharpe_variance(TrialTable(*(part[:, :1] for part in vars(table).values()))) == pytest.approx(1 / 960)


def test_a_position_held_for_longer_than_a_group_leaves_nothing_to_choose_on():
    table = noise(4)
    forever = replace(table, starts=np.zeros_like(table.starts), ends=np.full_like(table.ends, 960))
    with pytest.raises(ValueError, match="held for longer than a group"):
        cross_validate(forever)


def test_parts_out_of_step_are_refused():
    table = noise(4)
    with pytest.raises(ValueError, match="in step"):
        replace(table, starts=table.starts[1:])
    with pytest.raises(ValueError, match="costs are of"):
        replace(table, leave_costs=table.leave_costs[1:])
