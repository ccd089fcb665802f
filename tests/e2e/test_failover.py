"""A leader fails and its standby trades on: two of the five ways here, all of them by `make failover`."""

from __future__ import annotations

import random
import subprocess
import sys

import pytest

pytest.importorskip("psycopg", reason="psycopg is not installed (extra: postgres)")

from builders.failover_pair import Outcome, Round
from builders.live_process import MAIN, environment
from builders.servers import PostgresServer, ServerMissingError
from failover import LIMIT_S, Verdict


@pytest.fixture(scope="module")
def database():
    try:
        server = PostgresServer()
    except ServerMissingError as error:
        pytest.skip(str(error))
    try:
        server.start()
        server.create()
        yield server
    finally:
        server.close()


@pytest.mark.parametrize("fault", ["kill", "stop"])
def test_a_standby_trades_on_and_all_of_it_is_in_the_exchanges_own_ledger(tmp_path, database, fault):
    outcome = Round(tmp_path, database, random.Random(fault)).run(fault)
    assert outcome.led_by == "standby"
    assert (outcome.stray, outcome.lost, outcome.doubled) == (0, 0, 0), outcome
    assert outcome.orders > 0
    assert outcome.seconds is None or outcome.seconds < 4 * LIMIT_S, "the limit is that of make failover"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--set", "failover.account=main"], "failover needs PostgreSQL"),
        ([], "failover.account"),
    ],
)
def test_a_standby_without_what_it_needs_ends_with_78(tmp_path, arguments, said):
    command = [sys.executable, "-c", MAIN, "run", "--venue", "binance", "--live", "--standby", *arguments]
    done = subprocess.run(
        [*command, "--data-dir", str(tmp_path)], env=environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 78
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_standby_takes_over_real_orders_only(tmp_path):
    command = [sys.executable, "-c", MAIN, "run", "--standby", "--data-dir", str(tmp_path)]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 78
    assert "--standby needs --venue and --live" in done.stderr


def test_the_verdict_holds_only_where_nothing_is_amiss_and_nobody_took_too_long():
    verdict = Verdict()
    assert not verdict.holds, "of nothing it says nothing"
    for seconds in [1.0] * 99 + [9.0]:
        verdict.add(Outcome(seconds))
    assert verdict.holds
    assert str(verdict) == "runs=100 max_s=9.00 p99_s=1.00 stray=0 lost=0 doubled=0"
    verdict.add(Outcome(9.0))
    assert not verdict.holds
    for word in ("stray", "lost", "doubled"):
        other = Verdict()
        other.add(Outcome(1.0, **{word: 1}))
        assert not other.holds
