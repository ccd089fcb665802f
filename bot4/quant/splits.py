"""How a record is cut into what a choice may see and what it is judged by: walk-forward, and purged combinations.

A period is one observation. Its label spans the periods that its result depends on: a position opened in period 3 and
closed in period 6 makes one label of periods 3 to 7, end excluded, for each of them.

Source: Lopez de Prado, "Advances in Financial Machine Learning" (2018), ch. 7 (purging, embargo) and 12 (combinatorial
purged cross-validation).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from math import comb
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

_GROUPS_MAX = 20


@dataclass(frozen=True, slots=True)
class Window:
    """One step of a walk-forward: periods to choose on, and later ones to score on; ends excluded."""

    train_first: int
    train_end: int
    test_first: int
    test_end: int


@dataclass(frozen=True, slots=True)
class Split:
    """One combination: groups held out, and their periods."""

    held_out: tuple[int, ...]
    is_test: NDArray[np.bool_]


def walk_forward_windows(
    periods: int,
    windows: int,
    *,
    anchored: bool = True,
    train_periods: int | None = None,
    embargo: int = 0,
) -> tuple[Window, ...]:
    """Cut periods into windows that are scored one after the other, each chosen for on what lies before it.

    Parameters
    ----------
    periods : int
        How many there are; the last ones that fill no window go unused.
    windows : int
        Windows to score, each as long as the others.
    anchored : bool
        Choose on everything before; else on the last `train_periods` only.
    train_periods : int, optional
        Periods before the first window; where not given, as many as a window has.
    embargo : int
        Periods left out between what is chosen on and what is scored.

    Raises
    ------
    ValueError
        There are too few periods: two to choose on and one to score are needed.

    Examples
    --------
    >>> [(w.train_first, w.train_end, w.test_first, w.test_end) for w in walk_forward_windows(9, 2)]
    [(0, 3, 3, 6), (0, 6, 6, 9)]
    >>> [(w.train_first, w.train_end) for w in walk_forward_windows(9, 2, anchored=False, embargo=1)]
    [(0, 2), (3, 5)]

    """
    if windows < 1 or embargo < 0:
        raise ValueError(f"needs one window at least and an embargo of 0 or more, was {windows} and {embargo}")
    first = periods // (windows + 1) if train_periods is None else train_periods
    length = (periods - first) // windows
    if length < 1 or first - embargo < 2:  # noqa: PLR2004 - a ratio takes two
        raise ValueError(
            f"{periods} periods are too few for {windows} windows after {first} to choose on, {embargo} left out"
        )
    return tuple(
        Window(0 if anchored else start - first, start - embargo, start, start + length)
        for start in range(first, first + windows * length, length)
    )


def path_count(groups: int, held_out: int) -> int:
    """Return how many paths through all groups the combinations make: ``held_out / groups * C(groups, held_out)``.

    >>> path_count(6, 2)
    5
    """
    _check_groups(groups, held_out)
    return comb(groups, held_out) * held_out // groups


def path_splits(groups: int, held_out: int) -> NDArray[np.int64]:
    """Return which split gives which group of which path; shape (paths, groups).

    >>> path_splits(3, 2).tolist()
    [[0, 0, 1], [1, 2, 2]]
    """
    _check_groups(groups, held_out)
    found = np.zeros((path_count(groups, held_out), groups), np.int64)
    taken = [0] * groups
    for number, chosen in enumerate(combinations(range(groups), held_out)):
        for group in chosen:
            found[taken[group], group] = number
            taken[group] += 1
    return found


def group_bounds(periods: int, groups: int) -> NDArray[np.int64]:
    """Return where groups of nearly the same length begin and the last one ends; shape (groups + 1,)."""
    if periods < groups:
        raise ValueError(f"{periods} periods cannot be cut into {groups} groups")
    return np.linspace(0, periods, groups + 1).round().astype(np.int64)


def combinatorial_splits(periods: int, groups: int, held_out: int) -> Iterator[Split]:
    """Yield every way to hold out so many of the groups, in lexical order."""
    _check_groups(groups, held_out)
    bounds = group_bounds(periods, groups)
    for chosen in combinations(range(groups), held_out):
        is_test = np.zeros(periods, np.bool_)
        for group in chosen:
            is_test[bounds[group] : bounds[group + 1]] = True
        yield Split(chosen, is_test)


def purged_train(
    is_test: NDArray[np.bool_],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    *,
    embargo: int = 0,
) -> NDArray[np.bool_]:
    """Return the periods that may be chosen on: not held out, no label shared with what is, none just after it.

    Parameters
    ----------
    is_test : ndarray[bool], shape (periods,)
        The periods held out.
    starts, ends : ndarray[int64], shape (periods,)
        First period of each period's label, and the one after its last.
    embargo : int
        Periods left out after the last label of each run of periods held out: what follows still echoes them.

    """
    if not ((starts <= np.arange(len(is_test))) & (ends > np.arange(len(is_test)))).all():
        raise ValueError("a label spans its own period")
    if embargo < 0:
        raise ValueError(f"an embargo is 0 or more periods, was {embargo}")
    may = ~is_test
    edges = np.flatnonzero(np.diff(np.concatenate([[False], is_test, [False]]).astype(np.int8)))
    for first, end in edges.reshape(-1, 2):
        label_first, label_end = starts[first:end].min(), ends[first:end].max()
        may &= (ends <= label_first) | (starts >= label_end + embargo)
    return may


def _check_groups(groups: int, held_out: int) -> None:
    if not 1 <= held_out < groups <= _GROUPS_MAX:
        raise ValueError(f"needs 1 <= held out < groups <= {_GROUPS_MAX}, was {held_out} of {groups}")
