"""A leader fails and its standby trades on: two of the five ways here, all of them by `make failover`."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time

import pytest

pytest.importorskip("psycopg", reason="psycopg is not installed (extra: postgres)")

from builders.failover_pair import Outcome, Round
from builders.live_process import EAGER, MAIN, administer, environment
from builders.live_usdm import KEYS, futures_exchange, judge_usdm, told
from builders.live_usdm import SETTINGS as USDM
from builders.new_records import NewRecords
from failover import LIMIT_S, Verdict


@pytest.mark.untraced
@pytest.mark.parametrize("fault", ["kill", "stop"])
def test_a_standby_trades_on_and_all_of_it_is_in_the_exchanges_own_ledger(tmp_path, database, fault):
    outcome = Round(tmp_path, database, random.Random(fault)).run(fault)
    assert outcome.led_by == "standby"
    assert (outcome.stray, outcome.lost, outcome.doubled) == (0, 0, 0), outcome
    assert outcome.orders > 0
    assert outcome.seconds is None or outcome.seconds < 4 * LIMIT_S, "the limit is that of make failover"


def futures_bot(folder, at, database, *options):
    folder.mkdir()
    (folder / "bot4.toml").write_text(USDM.format(**at) + EAGER + "[failover]\naccount = 'test'\n")
    command = [sys.executable, "-c", MAIN, "run", "--venue", "binance", "--market", "usdm", "--live", "--config",
               str(folder / "bot4.toml"), "--data-dir", str(folder / "data"), "--quiet", "--json",
               str(folder / "summary.json"), *options]  # fmt: skip
    with (folder / "log").open("w") as log:
        return subprocess.Popen(
            command, env=environment(**KEYS, BOT4_POSTGRES_URL=database.url), stdout=subprocess.DEVNULL, stderr=log
        )


def wait_for(process, condition, folder):
    deadline = time.monotonic() + 60
    while not condition():
        assert process.poll() is None, (folder / "log").read_text()
        assert time.monotonic() < deadline, (folder / "log").read_text()
        time.sleep(0.02)


def test_a_standby_trades_on_with_futures(tmp_path, database):
    leader, standby = tmp_path / "leader", tmp_path / "standby"
    with futures_exchange() as at:
        first = futures_bot(leader, at, database)
        records = NewRecords(leader / "data")
        wait_for(first, lambda: records.look().places > 0, leader)
        second = futures_bot(standby, at, database, "--standby")
        try:
            wait_for(second, lambda: "leads as epoch" in (standby / "log").read_text(), standby)
            time.sleep(2.5)
            first.kill()
            first.wait(20)
            after = NewRecords(standby / "data")
            wait_for(second, lambda: "took over" in (standby / "log").read_text(), standby)
            epoch = int((standby / "log").read_text().rpartition("as epoch ")[2])
            wait_for(second, lambda: after.look(epoch).places > 0, standby)
            second.send_signal(signal.SIGINT)
            assert second.wait(60) == 0, (standby / "log").read_text()
        finally:
            for process in (first, second):
                process.kill()
                process.wait(20)
        theirs = administer(at, "ledger")["futures"]["accounts"]["alice"]
        judge_usdm(told(standby), theirs, json.loads((standby / "summary.json").read_text()))


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
