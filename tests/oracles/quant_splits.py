"""Splits the slow way: one pair of periods at a time, from the definitions."""

from __future__ import annotations

from itertools import combinations


def purged(is_test, starts, ends, embargo: int) -> list[bool]:
    """Keep a period unless it is held out, or its label meets that of a run held out, the embargo after it included."""
    count = len(is_test)
    runs: list[list[int]] = []
    for period in range(count):
        if is_test[period]:
            if period and is_test[period - 1]:
                runs[-1].append(period)
            else:
                runs.append([period])
    kept = []
    for period in range(count):
        mine = set(range(int(starts[period]), int(ends[period])))
        allowed = not is_test[period]
        for run in runs:
            first = min(int(starts[other]) for other in run)
            last = max(int(ends[other]) for other in run)
            allowed = allowed and not mine & set(range(first, last + embargo))
        kept.append(allowed)
    return kept


def paths(groups: int, held_out: int) -> list[list[tuple[int, ...]]]:
    """Give every group of every path the next combination that holds it out."""
    every = list(combinations(range(groups), held_out))
    of_group = [[chosen for chosen in every if group in chosen] for group in range(groups)]
    return [[of_group[group][path] for group in range(groups)] for path in range(len(of_group[0]))]


def windows(periods: int, count: int, *, anchored: bool, embargo: int) -> list[tuple[list[int], list[int]]]:
    """Periods to choose on and to score on, as lists."""
    first = periods // (count + 1)
    length = (periods - first) // count
    found = []
    for number in range(count):
        test = [first + number * length + step for step in range(length)]
        before = [period for period in range(test[0]) if period < test[0] - embargo]
        found.append((before if anchored else [period for period in before if period >= test[0] - first], test))
    return found
