"""The kill switch of a running bot: by command, REST, signal and file; no order passes until it is reset."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import time
import urllib.error
import urllib.request
from contextlib import closing

import numpy as np
import pytest
from builders.bot4_process import ROOT, bot4, command, environment

from bot4._core.engine.control import ControlCode
from bot4._core.event_dtype import EVENT_DTYPE
from bot4._core.journal.reader import JournalReader
from bot4._core.journal.record import JournalKind

EAGER = [
    *("--set", "strategy.cooldown_ms=50", "--set", "strategy.enter_score=0.05", "--set", "strategy.take_score=0.5"),
    *("--set", "risk.orders_per_s=50", "--set", "risk.orders_burst=50", "--set", "synthetic.messages_per_s=500"),
    *("--set", "control.enabled=true", "--set", "control.port=0", "--set", "strategy.passive_ttl_ms=500"),
]
# A guard that does not look: what the test must notice.
BLIND = """
from bot4.application.session.guard import RunGuard
RunGuard.look = lambda self: None
from bot4.entrypoints.cli.main import main; main()
"""


class Bot:
    """`bot4 run` on the synthetic market, with its control endpoint."""

    def __init__(self, folder, **options):
        self.folder = folder / "data"
        self.process = subprocess.Popen(
            command("run", "--data-dir", self.folder, "--quiet", "--json", "-", *EAGER, **options),
            cwd=ROOT, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.until((self.folder / "control.address").exists)
        self.until(lambda: self.status()["instruments"][0]["orders"] >= 3)

    def until(self, condition, seconds=60.0):
        deadline = time.monotonic() + seconds
        while True:
            assert self.process.poll() is None, self.process.communicate()
            try:
                if condition():
                    return
            except (KeyError, ValueError, OSError):
                pass  # it has not shown itself yet
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def ask(self, path, body=None, *, token=None, **headers):
        token = (self.folder / "control.token").read_text().strip() if token is None else token
        request = urllib.request.Request(  # noqa: S310 - an address of this machine
            (self.folder / "control.address").read_text().strip() + path,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"} | headers,
        )
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - as above
            return answer.read()

    def status(self):
        return json.loads(self.ask("/status"))

    def kill_switch(self, *arguments):
        return bot4("kill", "--data-dir", self.folder, *arguments)

    def end(self):
        self.process.send_signal(signal.SIGINT)
        out, err = self.process.communicate(timeout=60)
        assert self.process.returncode == 0, err
        return json.loads(out)


def must_be_killed(bot):
    """Killed, nothing working, and no order for a second though the market goes on."""
    bot.until(lambda: bot.status()["breaker"] == "killed", 5.0)
    bot.until(lambda: bot.status()["instruments"][0]["working_orders"] == 0, 5.0)
    before = bot.status()
    time.sleep(1.0)
    after = bot.status()
    assert after["instruments"][0]["orders"] == before["instruments"][0]["orders"]
    assert after["messages"] > before["messages"]


def must_trade(bot):
    before = bot.status()["instruments"][0]["orders"]
    bot.until(lambda: bot.status()["instruments"][0]["orders"] > before)


def controls(journal):
    with JournalReader(journal) as reader:
        rows = [np.frombuffer(row.payload, EVENT_DTYPE)[0] for row in reader if row.kind == JournalKind.JOURNAL_CONTROL]
    codes = (ControlCode.CONTROL_KILL, ControlCode.CONTROL_RESET)
    return [(ControlCode(int(row["a"])), int(row["b"])) for row in rows if int(row["a"]) in codes]


def test_each_way_kills_until_a_reset_and_the_next_start_is_refused(tmp_path):
    bot = Bot(tmp_path)
    assert bot.kill_switch("--reason", "a test").returncode == 0
    must_be_killed(bot)
    assert bot.kill_switch("--status").returncode == 77
    assert bot.kill_switch("--reset").returncode == 2, "a reset has a reason"
    assert bot.kill_switch("--reset", "--reason", "on with it").returncode == 0
    must_trade(bot)

    killed = json.loads(bot.ask("/kill", {"reason": "by REST"}))["killed"]
    must_be_killed(bot)
    with pytest.raises(urllib.error.HTTPError, match="409"):
        bot.ask("/reset", {"reason": "which?", "confirm": killed - 1})
    bot.ask("/reset", {"reason": "this one", "confirm": killed})
    must_trade(bot)

    bot.process.send_signal(signal.SIGUSR1)
    must_be_killed(bot)
    bot.kill_switch("--reset", "--reason", "after the signal")
    must_trade(bot)

    (bot.folder / "kill").touch()
    must_be_killed(bot)
    (bot.folder / "kill").unlink()
    must_be_killed(bot)

    summary = bot.end()
    assert summary["breaker"] == "killed"
    assert sum("orders were refused from then on" in note for note in summary["notes"]) == 4
    refused = bot4("run", "--data-dir", bot.folder, "--quiet", "--duration", "1", "--speed", "max")
    assert refused.returncode == 77
    assert "kill 10 by file" in refused.stderr
    kinds = [ControlCode.CONTROL_KILL, ControlCode.CONTROL_RESET] * 4
    assert controls(summary["journal"]) == list(zip(kinds, (1, 2, 4, 5, 7, 8, 10), strict=False))

    with closing(sqlite3.connect(summary["store"])) as store:
        rows = store.execute("SELECT content FROM commands WHERE kind = 'SwitchMoved' ORDER BY asked_ns").fetchall()
    told = [json.loads(content) for (content,) in rows]
    ways = [(row["what"], row["by"]) for row in told]
    assert ways == [("kill", "command"), ("reset", "command"), ("kill", "rest"), ("reset", "rest"),
                    ("kill", "signal"), ("reset", "command"), ("kill", "file")]  # fmt: skip
    assert told[3]["reason"] == "this one"

    bot.kill_switch("--reset", "--reason", "the test is over")
    done = bot4("run", "--data-dir", bot.folder, "--quiet", "--duration", "1", "--speed", "max", "--json", "-")
    assert done.returncode == 0, done.stderr
    assert controls(json.loads(done.stdout)["journal"]) == [(ControlCode.CONTROL_RESET, 11)]


def test_the_control_a_guard_that_does_not_look_is_noticed(tmp_path):
    bot = Bot(tmp_path, code=BLIND)
    bot.kill_switch("--reason", "nobody looks")
    with pytest.raises(AssertionError):
        must_be_killed(bot)
    bot.end()


def test_the_endpoint_answers_its_own_machine_and_its_token_alone(tmp_path):
    bot = Bot(tmp_path)
    assert (bot.folder / "control.token").stat().st_mode & 0o077 == 0
    assert bot.ask("/livez", token="") == b"alive\n"
    for path, body, given, code in (
        ("/status", None, {"token": "wrong"}, 401),
        ("/kill", {}, {"token": ""}, 401),
        ("/metrics", None, {"Host": "evil.example"}, 403),
        ("/kill", {}, {"Origin": "http://evil.example"}, 403),
        ("/kill", {}, {"Content-Type": "text/plain"}, 415),
        ("/kill", {"reason": "x" * 70_000}, {}, 413),
        ("/kill", {"reason": 7}, {}, 400),
        ("/nothing", None, {}, 404),
    ):
        with pytest.raises(urllib.error.HTTPError, match=str(code)):
            bot.ask(path, body, **given)
    assert bot.status()["killed"] is None, "none of these did anything"
    metrics = bot.ask("/metrics").decode()
    assert "bot4_killed 0" in metrics
    assert 'bot4_orders_total{symbol="BTCUSDT"}' in metrics
    bot.end()
