"""A live run that keeps something for each look of its screen is caught by the soak of memory."""

from __future__ import annotations

import os

import pytest
import soak_memory


@pytest.mark.skipif(os.getuid() != 0, reason="a process that holds keys shows its memory to root alone")
def test_a_planted_leak_is_caught():
    verdict, summary = soak_memory.soak(0.4, leak_bytes=100_000, seed=1, warm_up_s=12.0, log=None)
    # 100,000 bytes four times a second are 1,373 MiB an hour; what a run touches first in its first minute is less.
    assert 700 < verdict.slope_mib_h < 2_500, verdict
    assert not verdict.holds
    assert summary["orders"] > 0
