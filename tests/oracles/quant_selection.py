"""Choosing the slow way: lists of periods, one trial at a time."""

from __future__ import annotations

from itertools import combinations
from math import inf, sqrt

from oracles.quant_splits import paths, purged, windows


def ratio(values: list[float]) -> float:
    """Mean over deviation, 0 where nothing varies."""
    mean = sum(values) / len(values)
    deviation = sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1))
    return mean / deviation if deviation > 0 else 0.0


def best_of(scores: list[float]) -> int:
    """First of the greatest."""
    return max(range(len(scores)), key=lambda trial: (scores[trial], -trial))


def walk_forward(returns, costs, count: int, *, anchored: bool, embargo: int) -> tuple[list[int], list[float]]:
    """Trial of each window, and the returns of all windows, changing over paid for."""
    trials = len(returns[0])
    chosen: list[int] = []
    out: list[float] = []
    every = windows(len(returns), count, anchored=anchored, embargo=embargo)
    for train, test in every:
        best = best_of([ratio([returns[period][trial] for period in train]) for trial in range(trials)])
        part = [returns[period][best] for period in test]
        if not chosen:
            part[0] -= costs[test[0]][best]
        elif chosen[-1] != best:
            part[0] -= costs[test[0]][best] + costs[test[0]][chosen[-1]]
        if test is every[-1][1]:
            part[-1] -= costs[test[-1] + 1][best]
        chosen.append(best)
        out += part
    return chosen, out


def cross_validate(returns, starts, ends, costs, *, groups: int, held_out: int, embargo: int):
    """Trial of each combination, and the returns of each path."""
    periods, trials = len(returns), len(returns[0])
    bounds = [round(group * periods / groups) for group in range(groups + 1)]
    chosen = {}
    for held in combinations(range(groups), held_out):
        is_test = [any(bounds[group] <= period < bounds[group + 1] for group in held) for period in range(periods)]
        scores = []
        for trial in range(trials):
            kept = purged(is_test, [row[trial] for row in starts], [row[trial] for row in ends], embargo)
            values = [returns[period][trial] for period in range(periods) if kept[period]]
            scores.append(ratio(values) if len(values) > 1 else -inf)
        chosen[held] = best_of(scores) if max(scores) > -inf else None
    found = []
    for path in paths(groups, held_out):
        values: list[float] = []
        before = None
        for group, held in enumerate(path):
            trial = chosen[held]
            if trial is None:
                return chosen, None
            part = [returns[period][trial] for period in range(bounds[group], bounds[group + 1])]
            if trial != before:
                part[0] -= costs[bounds[group]][trial] + (0.0 if before is None else costs[bounds[group]][before])
            before = trial
            values += part
        values[-1] -= costs[periods][before]
        found.append(values)
    return chosen, found
