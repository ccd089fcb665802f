"""One class in a backtest, over a replay, on a venue's market on paper, and with real orders at the served exchange."""

from __future__ import annotations

import json
import signal
import time

import pytest
from builders import turns
from builders.bot4_process import bot4
from builders.live_process import EAGER, SETTINGS, Exchange, judge, run, start
from builders.synthetic import capture_lines, write_capture


@pytest.fixture
def exchange():
    served = Exchange()
    yield served
    served.close()


@pytest.fixture
def named(tmp_path):
    (tmp_path / "turns.py").write_text(turns.TURNS)

    def words(said, **arguments):
        pairs = {"said": tmp_path / said} | arguments
        chosen = [word for name, value in pairs.items() for word in ("--strategy-arg", f"{name}={value}")]
        return ["--strategy", f"{tmp_path / 'turns.py'}:Turns", *chosen]

    return words


def told(tmp_path, name: str) -> list[list[str]]:
    return turns.told(tmp_path / name)


def fills(tmp_path, name: str) -> list[list[str]]:
    return turns.fills(tmp_path / name)


def test_the_same_class_runs_in_a_backtest_and_over_a_replay_at_any_pace(tmp_path, named):
    capture = write_capture(tmp_path / "btcusdt", capture_lines(700))
    done = bot4("backtest", capture, "--json", tmp_path / "backtest.json", *named("backtest"))
    assert done.returncode == 0, done.stderr
    for pace in ("max", "4"):
        done = bot4(
            "run", "--replay", capture, "--speed", pace, "--data-dir", tmp_path / "data", "--quiet", "--json", "-",
            *named(pace),
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert len(fills(tmp_path, pace)) == json.loads(done.stdout)["fills"] > 3
    assert told(tmp_path, "backtest") == told(tmp_path, "max")
    assert [words[0] for words in told(tmp_path, "4")][:: len(told(tmp_path, "4")) - 1] == ["start", "stop"]


def test_it_trades_on_a_venues_market_on_paper_and_nothing_reaches_the_venue(tmp_path, exchange, named):
    config = tmp_path / "paper.toml"
    config.write_text(SETTINGS.format(**exchange.at) + EAGER)
    done = bot4(
        "run", "--venue", "binance", "--config", config, "--duration", "6", "--data-dir", tmp_path / "paper",
        "--quiet", "--json", "-", *named("paper.txt"),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert len(fills(tmp_path, "paper.txt")) == json.loads(done.stdout)["fills"] > 1
    assert exchange.ledger()["orders"] == []


@pytest.mark.parametrize("kind", ["python", "compiled"])
def test_it_trades_for_real_and_ends_at_the_exchanges_own_ledger(tmp_path, exchange, named, kind):
    words = named("live.txt")
    if kind == "compiled":
        words = ["--strategy", "bot4.strategy.ema_cross:compiled_ema_cross"]
        for pair in ("fast=2", "slow=4", "lots=100000", "slippage_ticks=500"):
            words += ["--strategy-arg", pair]
    done = run(tmp_path, exchange, "--duration", "6", *words)
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    orders, trades = judge(tmp_path, exchange, summary)
    assert min(orders, trades) >= (1 if kind == "compiled" else 2)
    if kind == "python":
        assert len(fills(tmp_path, "live.txt")) == trades, "each fill was told, once"
        lots = sum(int(words[2]) * (1 if words[1] == "buy" else -1) for words in fills(tmp_path, "live.txt"))
        assert told(tmp_path, "live.txt")[-1] == ["stop", str(lots)]


def test_where_it_raises_it_is_ended_and_the_run_goes_on_to_its_end(tmp_path, exchange, named):
    done = run(
        tmp_path, exchange, "--duration", "4", "--set", "strategy.on_failure=flatten", *named("raises", fails_after=4)
    )
    assert done.returncode == 70, done.stderr
    assert "the strategy failed: it raised LookupError('no such thing')" in done.stderr
    summary = json.loads(done.stdout)
    assert (summary["status"], summary["failure"]) == ("finished", None)
    assert any("was ended" in note and "what it held was closed" in note for note in summary["notes"]), summary["notes"]
    judge(tmp_path, exchange, summary)
    # Closed but for what the fees in base make too little to sell.
    assert float(summary["instruments"][0]["position"]) < 0.0001


def test_after_a_kill_it_starts_with_what_it_held(tmp_path, exchange, named):
    extra = ["--set", "live.venue_timeout_ms=500"]
    process = start(tmp_path, exchange, *extra, *map(str, named("first")))
    deadline = time.monotonic() + 60
    while not (tmp_path / "first").exists() or len(told(tmp_path, "first")) % 2 or len(told(tmp_path, "first")) < 4:
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline, "it holds nothing"
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=10)
    assert process.returncode == -signal.SIGKILL
    trades = exchange.ledger()["trades"]
    held = sum(round(float(row["qty"]) * 1e8) * (1 if row["isBuyer"] else -1) for row in trades)
    done = run(tmp_path, exchange, "--duration", "2", *extra, *named("second"))
    assert done.returncode == 0, done.stderr
    judge(tmp_path, exchange, json.loads(done.stdout))
    first, *later = told(tmp_path, "second")
    assert (first[0], later[-1][0]) == ("start", "stop")
    moved = [int(row[2]) * (1 if row[1] == "buy" else -1) for row in later if row[0] == "fill"]
    # What the journal did not hold yet comes as fills while the run reconciles, before any of its own.
    assert held in {int(first[2]) + sum(moved[:count]) for count in range(len(moved) + 1)}
    assert int(first[2]) + sum(moved) == int(later[-1][1])
