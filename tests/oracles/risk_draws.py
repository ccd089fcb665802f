"""What the risk suites share: seeded draws, and the check that a planted fault does not go unseen."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from random import Random

import pytest


def draws(seed: int) -> Random:
    """A generator of one example."""
    return Random(seed)


def assert_caught(check: Callable[[int], object], seeds: Iterable[int] = range(400)) -> None:
    """Require that `check` fails for at least one seed."""
    for seed in seeds:
        try:
            check(seed)
        except AssertionError:
            return
    pytest.fail("the planted fault was not caught")
