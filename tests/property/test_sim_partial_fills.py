"""Distributions and partial fills against their plain-Python twins over random parameters."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles.sim_distributions import PIECES_MAX, DrawsTwin

from bot4._core.sim.distributions import Draws
from bot4._core.sim.partial_fills import PartialFills

SEEDS = st.integers(0, 2**64 - 1)
SHAPES = st.floats(0.05, 50.0)


def check_draws(twin_class, seed, shape, other, mean):
    """The compiled draws are the twin's, bit for bit."""
    out, counts = np.zeros(8), np.zeros(8, np.int64)
    draws, twin = Draws(seed), twin_class(seed)
    draws.fill_exponential(out, shape)
    assert out.tolist() == [twin.exponential(shape) for _ in out]
    draws.fill_gamma(out, shape)
    assert out.tolist() == pytest.approx([twin.gamma(shape) for _ in out], rel=1e-13)
    draws.fill_beta(out, shape, other)
    assert out.tolist() == pytest.approx([twin.beta(shape, other) for _ in out], rel=1e-13)
    draws.fill_poisson(counts, mean)
    assert counts.tolist() == [twin.poisson(mean) for _ in counts]
    assert draws.state_hash == Draws_after(seed, shape, other, mean)


def Draws_after(seed, shape, other, mean):  # noqa: N802 - the state a second run ends in
    draws, out = Draws(seed), np.zeros(8)
    draws.fill_exponential(out, shape)
    draws.fill_gamma(out, shape)
    draws.fill_beta(out, shape, other)
    draws.fill_poisson(np.zeros(8, np.int64), mean)
    return draws.state_hash


@given(SEEDS, SHAPES, SHAPES, st.floats(0.0, 100.0))
def test_every_draw_equals_its_twin(seed, shape, other, mean):
    check_draws(DrawsTwin, seed, shape, other, mean)


@given(SEEDS, st.integers(1, 2**62), st.floats(0.0, 40.0), st.floats(0.5, 20.0), st.floats(0.5, 20.0))
def test_partial_fills_equal_their_twin_and_never_exceed_what_remains(seed, remaining, mean, alpha, beta):
    pieces = PartialFills(mean, alpha, beta).pieces(remaining, seed=seed)
    assert len(pieces) <= PIECES_MAX
    assert all(lots >= 1 for lots in pieces)
    assert sum(pieces) <= remaining
    assert pieces == pytest.approx(DrawsTwin(seed).pieces(remaining, mean, alpha, beta), rel=1e-12)
    if remaining < 2**40:
        assert pieces == DrawsTwin(seed).pieces(remaining, mean, alpha, beta)


class SwapsTheBeta(DrawsTwin):
    """Planted fault: the parameters of the Beta are exchanged."""

    def beta(self, alpha, beta):
        return 1.0 - super().beta(alpha, beta)


class CountsFromOne(DrawsTwin):
    """Planted fault: a Poisson number is never zero."""

    def poisson(self, mean):
        return max(1, super().poisson(mean))


@pytest.mark.parametrize("broken", [SwapsTheBeta, CountsFromOne])
def test_control_a_broken_draw_is_caught(broken):
    with pytest.raises(AssertionError):
        check_draws(broken, 5, 2.0, 5.0, 0.5)
