"""A live run that is stopped, killed or hung: its watchdog cancels what it has at the exchange, and nothing else."""

from __future__ import annotations

import os
import signal
import sqlite3
import time
import urllib.request
from contextlib import closing
from pathlib import Path

import pytest
from builders.hanging_disk import build_disk
from builders.live_process import EAGER, KEY, MAIN, SECRET, Exchange, judge, run
from builders.watched_run import AFTER_S, GRACE_S, Live, canceled, canceled_by_watchdog

from bot4.adapters.storage.heartbeat import read_beat
from bot4.adapters.venues.binance.sign import HmacSigner, signed_query
from bot4.domain.secret import Secret


@pytest.fixture(scope="module")
def exchange():
    served = Exchange()
    yield served
    served.close()


def order_of_another(exchange):
    """A resting order of somebody else on the same account."""
    now_ms = round(time.time() * 1_000)
    params = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.001",
              "price": "20000", "newClientOrderId": "by-hand", "timestamp": str(now_ms)}  # fmt: skip
    query = signed_query(params, HmacSigner(Secret(SECRET)))
    request = urllib.request.Request(  # noqa: S310 - an address of this machine
        f"{exchange.at['rest']}/api/v3/order?{query}", headers={"X-MBX-APIKEY": KEY}, method="POST"
    )
    urllib.request.urlopen(request, timeout=10).close()  # noqa: S310 - as above


# The gateway's event loop hangs once, for longer than the watchdog waits.
HUNG = f"""
import asyncio, time
from bot4.application.live.supervisor import Supervisor
async def count_turns(self, pause_s):
    started, hung = time.monotonic(), False
    while True:
        self.turns += 1
        await asyncio.sleep(pause_s)
        if not hung and time.monotonic() - started > 3.0:
            hung = True
            time.sleep(6.0)
Supervisor.count_turns = count_turns
{MAIN}
"""


def test_a_stopped_run_has_no_open_orders_soon_and_goes_on_at_the_exchanges_own_ledger(tmp_path, exchange):
    live = Live(tmp_path, exchange)
    live.wait_for("watching")
    order_of_another(exchange)
    (watchdog,) = Path(f"/proc/{live.process.pid}/task/{live.process.pid}/children").read_text().split()
    os.kill(int(watchdog), signal.SIGKILL)
    live.until(lambda: [line["what"] for line in live.said()].count("watching") == 2)  # another one has taken its place
    for _ in range(15):  # the market may fill what rests before anybody can cancel it
        live.process.send_signal(signal.SIGSTOP)
        assert live.gone_within(AFTER_S + GRACE_S, but=["by-hand"]), live.said()
        live.wait_for("clear")
        live.process.send_signal(signal.SIGCONT)
        live.until(lambda: set(live.open_orders()) - {"by-hand"})  # it learned of it, and trades again
        if canceled_by_watchdog(live):
            break
    assert "by-hand" in live.open_orders(), "what is not the run's is left alone"
    summary = live.end()
    assert all(line["why"].startswith("no progress for") for line in live.said() if line["what"] == "fired")
    with closing(sqlite3.connect(tmp_path / "data" / "bot4.sqlite")) as store:
        ours = dict(store.execute("SELECT client_order_id, status FROM orders"))
    names = canceled_by_watchdog(live)
    assert names
    assert {ours[name] for name in names} == {"canceled"}
    assert names <= canceled(exchange)
    assert summary["open_orders_left"] == 0
    assert any("the watchdog ended with -9 and was started again" in note for note in summary["notes"])
    assert live.said()[-1]["what"] == "over"


def test_a_run_that_hangs_for_a_while_is_cleared_and_goes_on(tmp_path):
    exchange = Exchange()
    live = Live(tmp_path, exchange, code=HUNG)
    live.wait_for("watching", "fired", "moves again")
    summary = live.end()
    judge(tmp_path, exchange, summary)
    assert canceled_by_watchdog(live) <= canceled(exchange)
    exchange.close()


def test_a_shard_that_hangs_though_all_else_moves_is_cleared_and_goes_on_when_its_disk_answers(tmp_path):
    exchange = Exchange()
    hangs = tmp_path / "the disk hangs"
    live = Live(tmp_path, exchange, LD_PRELOAD=str(build_disk(tmp_path)), HANGING_DISK=str(hangs))
    live.wait_for("watching")
    for _ in range(15):  # the market may fill what rests before anybody can cancel it
        hangs.touch()
        live.wait_for("fired")
        assert live.gone_within(AFTER_S + GRACE_S), live.said()
        live.wait_for("clear")
        before = read_beat(live.folder / "data")
        live.until(lambda before=before: read_beat(live.folder / "data").gateway > before.gateway)
        assert read_beat(live.folder / "data").shard == before.shard, "the shard stands still, the gateway does not"
        hangs.unlink()
        live.wait_for("moves again")
        live.until(live.open_orders)  # it learned of it, and trades again
        if canceled_by_watchdog(live):
            break
        (live.folder / "data" / "watchdog.log").unlink()
    summary = live.end()
    judge(tmp_path, exchange, summary)
    assert canceled_by_watchdog(live)
    assert canceled_by_watchdog(live) <= canceled(exchange)
    exchange.close()


def test_a_killed_run_has_no_open_orders_soon_and_the_next_one_ends_in_order(tmp_path):
    exchange = Exchange()
    for _ in range(15):
        live = Live(tmp_path, exchange)
        live.wait_for("watching")
        live.process.send_signal(signal.SIGKILL)
        live.process.communicate()
        assert live.gone_within(AFTER_S + GRACE_S), live.said()
        live.wait_for("ended")
        if names := canceled_by_watchdog(live):
            break
        (tmp_path / "data" / "watchdog.log").unlink()
    assert names
    again = Live(tmp_path, exchange, policy=EAGER)
    judge(tmp_path, exchange, again.end())
    exchange.close()


def test_the_control_without_a_watchdog_nobody_cancels_the_orders_of_a_killed_run(tmp_path):
    exchange = Exchange()
    live = Live(tmp_path, exchange, watchdog_after_s=0)
    live.process.send_signal(signal.SIGKILL)
    live.process.communicate()
    before = canceled(exchange)
    live.gone_within(AFTER_S + 1.0)
    assert canceled(exchange) == before
    assert live.said() == []
    exchange.close()


def test_a_second_run_on_the_account_is_refused_and_the_kill_switch_of_the_first_cancels_at_the_exchange(tmp_path):
    exchange = Exchange()
    live = Live(tmp_path, exchange, watchdog_after_s=0)
    (tmp_path / "other").mkdir()
    other = run(tmp_path / "other", exchange, "--duration", "1")  # another data directory, the same account
    assert other.returncode == 75, other.stderr
    assert f"process {live.process.pid} trades on this account" in other.stderr
    (tmp_path / "data" / "kill").touch()
    time.sleep(1.0)  # it looks twenty times a second; what was on its way has come
    assert live.gone_within(15.0)
    sent = len(exchange.ledger()["orders"])
    time.sleep(1.0)
    assert len(exchange.ledger()["orders"]) == sent, "no order after it"
    summary = live.end()
    assert summary["breaker"] == "killed"
    judge(tmp_path, exchange, summary)
    exchange.close()
