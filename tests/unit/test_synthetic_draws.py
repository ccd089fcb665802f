"""Texts and sizes of the made-up market: what Decimal would print, and the distribution they stand for."""

from __future__ import annotations

import math
import statistics
from decimal import Decimal
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot4.adapters.synthetic.dice import Sizes
from bot4.adapters.synthetic.grid_text import GridText

STEPS = ["0.01", "0.00001", "0.010", "0.05", "25", "1", "1E+1", "2.5", "0.00000001", "1E-8"]


@given(step=st.sampled_from(STEPS), count=st.integers(0, 10**13))
def test_the_text_of_a_count_of_steps_is_what_decimal_prints(step, count):
    assert GridText(Decimal(step))(count) == f"{Decimal(step) * count:f}"


def test_a_step_that_is_no_number_is_refused():
    with pytest.raises(TypeError, match="finite Decimal"):
        GridText(Decimal("NaN"))


def test_the_logarithms_of_sizes_are_normal_about_the_median():
    sizes = Sizes(Random(3), 0.9)
    logs = [math.log(sizes.draw(200.0)) for _ in range(20_000)]
    assert statistics.fmean(logs) == pytest.approx(math.log(200.0), abs=0.03)
    assert statistics.stdev(logs) == pytest.approx(0.9, abs=0.02)
    assert statistics.quantiles(logs, n=20)[-1] == pytest.approx(math.log(200.0) + 1.645 * 0.9, abs=0.04)
