"""Watchdog, kill switch and account lock of a leader and its standby: each is for the pair, not for one process."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import time

import pytest

pytest.importorskip("psycopg", reason="psycopg is not installed (extra: postgres)")

import soak
from builders.bot4_process import bot4
from builders.failover_judge import judge
from builders.failover_pair import Bot, Outcome
from builders.live_process import MAIN, environment

from bot4.domain.order_id import parse_client_order_id

WATCHDOG_MS = 1_500
GRACE_S = 15.0  # of a busy machine: to notice, ask and cancel


@contextlib.contextmanager
def pair(folder, database, *, watchdog_ms=0):
    """Exchange, leader and standby, the one with an order out, the other one with a leader."""
    with contextlib.ExitStack() as opened:
        exchange = soak.Exchange(folder, 5)
        opened.callback(exchange.close)
        leader = Bot(folder, "leader", exchange, database.port, standby=False, watchdog_ms=watchdog_ms)
        opened.callback(leader.close)
        leader.wait_until(lambda: leader.records.look().intents > 0, "a first order")
        standby = Bot(folder, "standby", exchange, database.port, standby=True, watchdog_ms=watchdog_ms)
        opened.callback(standby.close)
        standby.wait_until(lambda: "leads as epoch" in standby.said(), "a leader")
        time.sleep(1.0)  # the copy catches up
        yield exchange, leader, standby


def told(bot):
    """What the watchdog of a process has written down."""
    path = bot.folder / "data" / "watchdog.log"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def wait_for(bot, what):
    deadline = time.monotonic() + 60.0
    while what not in {line["what"] for line in told(bot)}:
        assert time.monotonic() < deadline, (what, told(bot))
        time.sleep(0.05)


def nothing_is_open_within(exchange, seconds):
    deadline = time.monotonic() + seconds
    while exchange.ledger()["openOrders"]:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def places_of(bot):
    return bot.records.look().places


def take_over(standby):
    standby.wait_until(lambda: "took over as epoch" in standby.said(), "the take-over")
    epoch = int(standby.said().rpartition("took over as epoch ")[2].split()[0])
    standby.wait_until(lambda: standby.records.look(epoch).places > 0, "an order of the new leader")
    return epoch


def end_in_order(bot, exchange):
    bot.signal(signal.SIGINT)
    assert bot.process.wait(60) == 0, bot.said()
    outcome = Outcome()
    judge(outcome, exchange.ledger(), bot.folder / "data")
    assert (outcome.stray, outcome.lost, outcome.doubled) == (0, 0, 0), outcome
    assert outcome.orders > 0


def lone_run(leader, folder):
    """A run of the leader's settings on its account, without its lease."""
    command = [sys.executable, "-c", MAIN, "run", "--venue", "binance", "--live", "--symbol", "BTCUSDT", "--config",
               str(leader.folder / "bot4.toml"), "--data-dir", str(folder), "--set", "failover.account=", "--quiet",
               "--duration", "1"]  # fmt: skip
    keys = {"BOT4_API_KEY": soak.KEY, "BOT4_API_SECRET": soak.SECRET}
    return subprocess.run(
        command, env=environment(**keys), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, timeout=60,
        check=False,
    )  # fmt: skip


def test_each_leader_has_a_watchdog_that_touches_no_order_of_the_next_one(tmp_path, database):
    with pair(tmp_path, database, watchdog_ms=WATCHDOG_MS) as (exchange, leader, standby):
        wait_for(leader, "watching")
        first = told(leader)[0]["epoch"]
        assert told(standby) == [], "who only waits has nothing to watch over"
        refused = lone_run(leader, tmp_path / "lone")
        assert refused.returncode == 75, refused.stderr
        assert "lease test trades on this account" in refused.stderr
        leader.signal(signal.SIGKILL)
        second = take_over(standby)
        assert second > first
        wait_for(leader, "ended")  # the watchdog of the dead leader has cleared up after it
        wait_for(standby, "watching")
        assert told(standby)[0]["epoch"] == second

        standby.signal(signal.SIGSTOP)
        wait_for(standby, "fired")
        nothing_is_open_within(exchange, GRACE_S)
        wait_for(standby, "clear")
        sent = len(exchange.ledger()["orders"])
        standby.signal(signal.SIGCONT)
        wait_for(standby, "moves again")  # nobody has taken its lease: it goes on with it
        standby.wait_until(lambda: len(exchange.ledger()["orders"]) > sent, "an order after it")
        end_in_order(standby, exchange)
        for bot, epoch in ((leader, first), (standby, second)):
            names = [name for line in told(bot) if line["what"] == "canceled" for name in line["orders"]]
            assert all(parse_client_order_id(name).epoch <= epoch for name in names)


def test_a_kill_of_the_leader_keeps_its_standby_from_trading_until_it_is_reset_there(tmp_path, database):
    with pair(tmp_path, database) as (exchange, leader, standby):
        assert bot4("kill", "--data-dir", leader.folder / "data", "--reason", "a test").returncode == 0
        leader.wait_until(lambda: leader.records.look().kills == 1, "the kill")
        time.sleep(1.0)  # what was on its way has come
        nothing_is_open_within(exchange, GRACE_S)
        sent = len(exchange.ledger()["orders"])
        time.sleep(1.0)
        assert leader.process.poll() is None, "a killed leader leads on"
        assert "took over" not in standby.said()
        leader.signal(signal.SIGKILL)
        said = "nothing is taken over: the kill switch is set (kill 1 by leader"
        standby.wait_until(lambda: said in standby.said(), "word of the kill")
        time.sleep(3.0)
        assert "took over" not in standby.said()
        assert len(exchange.ledger()["orders"]) == sent, "no order after it, by nobody"
        reset = bot4("kill", "--data-dir", standby.folder / "data", "--reset", "--reason", "looked at")
        assert reset.returncode == 0, reset.stderr
        take_over(standby)
        (standby.folder / "data" / "kill").touch()
        standby.wait_until(lambda: standby.records.look().kills == 1, "its own kill")
        nothing_is_open_within(exchange, GRACE_S)
        places = places_of(standby)
        time.sleep(1.0)
        assert places_of(standby) == places
        end_in_order(standby, exchange)
