"""Binance's adapters in 200 worlds of virtual time, every fault on; and adapters that are wrong, which are noticed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import simulate

from bot4.ports.venue_outcome import NoInformation, Unknown

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
@pytest.mark.untraced
@pytest.mark.parametrize("first", [0, 50, 100, 150])
def test_fifty_seeds_break_no_rule_and_reach_every_fault_and_outcome(first):
    outcome = simulate.simulate_adapters(range(first, first + 50))
    assert outcome.failures == []
    assert outcome.missing == []
    assert outcome.holds
    assert outcome.seconds > 50 * 40
    assert outcome.orders > 1_000
    assert outcome.trades > 500


def sends_again(world):
    """What got no answer is sent once more."""
    place = world.account.place

    async def twice(request, *, admit):
        outcome = await place(request, admit=admit)
        return await place(request) if isinstance(outcome, Unknown) else outcome

    world.account.place = twice


def takes_silence_for_an_answer(world):
    """Nobody asks what became of an order that got no answer."""

    async def nothing(*_):
        return NoInformation("not asked")

    world.account.query = nothing


def never_asks_for_trades(world):
    """What the stream lost stays lost."""

    async def none(*_):
        return []

    world.account.trades_since = world.account.trades_of = none


def forgets_what_was_paid(world):
    """Each look at the payments of funding is the first one."""
    funding = world.gateway._funding
    look = funding._look

    async def afresh(*, at_once):
        funding._booked.clear()
        await look(at_once=at_once)

    funding._look = afresh


def never_asks_for_funding(world):
    """Who believes that the stream tells of money."""

    async def none(*_):
        return []

    world.account.funding_since = none


def forgets_a_task(world):
    """The keeper of the connection is not ended."""
    session = world.account._ws
    close = session.close

    async def leave():
        session._keeper = None
        await close()

    session.close = leave


def hides_a_lost_diff(world):
    """The venue's ids say that nothing is missing: only the levels tell."""
    world.streams.is_honest = False


def never_fetches_a_snapshot(world):
    """A lost book stays lost."""
    world.run._ask_for_snapshots = lambda _: None


@pytest.mark.parametrize(
    ("plant", "words"),
    [
        (sends_again, ("sent twice", "trading ended", "ack")),
        *(  # they pass the lines that the first one passes
            pytest.param(*wrong, marks=pytest.mark.untraced)
            for wrong in [
                (takes_silence_for_an_answer, ("waited",)),
                (never_asks_for_trades, ("waited", "trading ended", "not every trade")),
                (forgets_what_was_paid, ("booked twice or not",)),
                (never_asks_for_funding, ("booked twice or not",)),
                (forgets_a_task, ("tasks are left", "left open", "Session is closed")),
                (hides_a_lost_diff, ("is not the venue's",)),
                (never_fetches_a_snapshot, ("the book to come back",)),
            ]
        ),
    ],
)
def test_an_adapter_that_is_wrong_is_noticed_and_its_seed_is_named(plant, words):
    outcome = simulate.simulate_adapters(range(6), plant=plant)
    assert outcome.failures
    assert not outcome.holds
    assert all(line.startswith("seed ") for line in outcome.failures)
    assert any(word in line for line in outcome.failures for word in words), outcome.failures


def test_worlds_in_which_something_never_happened_prove_nothing():
    outcome = simulate.simulate_adapters(range(1))
    assert outcome.failures == []
    assert outcome.missing
    assert not outcome.holds


@pytest.mark.untraced
def test_a_seed_is_the_same_life_in_another_process_with_another_hash_seed():
    here = simulate.simulate_adapters([5]).digest.hexdigest()[:16]
    for hash_seed in ("0", "12345"):
        done = subprocess.run(
            [sys.executable, str(ROOT / "ci" / "simulate.py"), "--adapters", "--seed", "5"], capture_output=True,
            text=True, check=False, env=os.environ | {"PYTHONHASHSEED": hash_seed},
        )  # fmt: skip
        assert f"digest={here}" in done.stdout, done.stdout + done.stderr
