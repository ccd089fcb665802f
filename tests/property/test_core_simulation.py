"""A thousand worlds of ten thousand events with every fault on; and bots that are wrong, which are noticed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import simulate

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
@pytest.mark.untraced
def test_a_thousand_seeds_of_ten_thousand_events_break_no_rule_and_reach_everything():
    outcome = simulate.simulate(range(1_000), events=10_000)
    assert outcome.failures == []
    assert outcome.missing == []
    assert outcome.events == 10_000_000
    assert outcome.orders > 20_000
    assert outcome.holds


@pytest.mark.untraced
@pytest.mark.parametrize("plant", ["trade_id_changes", "forgets_an_update", "resends"])
def test_a_bot_that_is_wrong_is_noticed_and_its_seed_is_named(plant):
    outcome = simulate.simulate(range(60), plant=plant)
    assert outcome.failures
    assert all(line.startswith("seed ") for line in outcome.failures)
    assert not outcome.holds


def test_worlds_in_which_something_never_happened_prove_nothing():
    outcome = simulate.simulate(range(2), events=1_000)
    assert outcome.failures == []
    assert outcome.missing
    assert not outcome.holds


@pytest.mark.untraced
def test_a_seed_is_the_same_life_in_another_process_with_another_hash_seed():
    here = simulate.simulate(range(3)).digest.hexdigest()[:16]
    for hash_seed in ("0", "12345"):
        done = subprocess.run(
            [sys.executable, str(ROOT / "ci" / "simulate.py"), "--seeds", "3"], capture_output=True, text=True,
            check=False, env=os.environ | {"PYTHONHASHSEED": hash_seed},
        )  # fmt: skip
        assert f"digest={here}" in done.stdout, done.stdout + done.stderr
