"""`bot4 golive check`: evidence from data, a capture and paper runs; exit code 0 only where everything passes."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest
from builders.backtest import instrument
from builders.engine import synthetic_capture
from click.testing import CliRunner

from bot4.bootstrap import backtest
from bot4.bootstrap.golive import MARKER, Admission
from bot4.bootstrap.golive_evidence import compare_runs, paper_days
from bot4.bootstrap.store import open_store
from bot4.config import load_settings
from bot4.entrypoints.cli.main import main

VENUE = SimpleNamespace(instruments=(instrument(),))
STRATEGY = "bot4.strategy.ema_cross:EmaCross"
ARGUMENTS = ("lots=100000", "slippage_ticks=500", "fast=5", "slow=20")
EASY = {
    "golive.out_of_sample_days_min": "1", "golive.drawdown_max_bps": "10000", "golive.deflated_sharpe_min": "0",
    "golive.parity_orders_min": "1", "golive.paper_days_min": "0", "risk.order_notional_max": "10000",
    "risk.position_notional_max": "10000",
}  # fmt: skip


@pytest.fixture(scope="module")
def rising(tmp_path_factory):
    """Hourly bars in long waves upwards: an EMA cross earns on them."""
    hours = np.arange(4_000)
    closes = (50_000 + 3 * hours + 4_000 * np.sin(hours / 60)).round().astype(int)
    lines = ["ts,open,high,low,close,volume"]
    for number, close in enumerate(closes):
        opened = closes[max(0, number - 1)]
        stamp = 1_699_999_200_000 + number * 3_600_000
        lines.append(f"{stamp},{opened},{max(opened, close) + 5},{min(opened, close) - 5},{close},100")
    path = tmp_path_factory.mktemp("bars") / "BTCUSDT.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="module")
def capture(tmp_path_factory):
    path = tmp_path_factory.mktemp("capture") / "btcusdt"
    path.write_bytes(synthetic_capture(4_000))
    return path


def check(tmp_path, *words: object, arguments=ARGUMENTS, **settings: str) -> tuple[int, str, str]:
    chosen = EASY | {key.replace("__", "."): value for key, value in settings.items()}
    line = ["golive", "check", *words, "--data-dir", tmp_path / "data", "--strategy", STRATEGY]
    line += [word for argument in arguments for word in ("--strategy-arg", argument)]
    line += [word for pair in chosen.items() for word in ("--set", "=".join(pair))]
    done = CliRunner().invoke(main, [str(word) for word in line])
    return done.exit_code, done.stdout, done.stderr


def test_a_strategy_that_earns_and_trades_alike_passes_and_is_let_to_a_venue(rising, capture, tmp_path):
    code, out, err = check(tmp_path, rising, "--capture", capture)
    assert (code, err) == (0, ""), out
    assert "FAIL" not in out
    assert out.count("pass  ") == 9
    overrides = EASY | {"run.data_dir": str(tmp_path / "data"), "live.endpoint": "mainnet"}
    settings = load_settings(environment={}, overrides=overrides)
    said: list[str] = []
    Admission(settings, VENUE, object(), (STRATEGY, ARGUMENTS)).require(None, said.append)
    assert "has passed" in said[0]


def test_the_defaults_ask_for_more_and_say_what_and_why(rising, capture, tmp_path):
    code, out, _ = check(tmp_path, rising, "--capture", capture, golive__paper_days_min="14")
    assert code == 1
    assert "FAIL  days on paper    0.00; needed: at least 14 (golive.paper_days_min)" in out
    assert "met on its live market data first" in out
    code, out, _ = check(tmp_path, rising)
    assert code == 1
    assert "FAIL  parity           not compared" in out


def test_a_strategy_that_is_refused_everything_is_told_by_which_rule(rising, tmp_path):
    code, out, _ = check(tmp_path, rising, risk__order_notional_max="1")
    assert code == 1
    assert "FAIL  expectation      no order added risk out of sample" in out
    assert "note: 1 of 1 settings placed no order; " in out
    assert "of the setting with the most: order_notional " in out
    assert "note: BTCUSDT: there is no book in the data" in out, "what is said of every setting's data is said here"


@pytest.mark.untraced
def test_a_strategy_that_states_more_than_it_brings_does_not_pass(rising, capture, tmp_path):
    code, out, _ = check(tmp_path, rising, "--capture", capture, strategy__expected_bps="5000")
    assert code == 1
    (line,) = [line for line in out.splitlines() if line.startswith("FAIL")]
    assert line.startswith("FAIL  expectation      stated 5000.0 bps, brought ")
    brought = float(line.split("brought ")[1].split()[0])
    assert 100 < brought < 5_000
    code, out, err = check(tmp_path, rising, "--capture", capture, strategy__expected_bps=str(brought))
    assert (code, err) == (0, ""), out


def test_a_strategy_that_loses_does_not_pass(tmp_path, rising, capture):
    lines = rising.read_text().splitlines()
    falling = tmp_path / "BTCUSDT.csv"
    rng = np.random.default_rng(2)
    closes = 60_000 + np.cumsum(rng.integers(-50, 51, 3_000))
    rows = [f"{line.split(',')[0]},{c},{c + 5},{c - 5},{c},100" for line, c in zip(lines[1:3_001], closes, strict=True)]
    falling.write_text("\n".join([lines[0], *rows]) + "\n")
    code, out, _ = check(tmp_path, falling, "--capture", capture)
    assert code == 1
    assert "FAIL  profit" in out


def test_with_a_grid_only_what_was_chosen_last_passes_and_every_choice_counts(rising, capture, tmp_path):
    plain = tmp_path / "e.json"
    grid = ("--grid", "fast=5,15", "--json", plain)
    check(tmp_path, rising, "--capture", capture, *grid)
    first = json.loads(plain.read_bytes())["evidence"]
    assert first["trials"] == 2
    better = first["preferred"].partition("=")[2] or "5"
    chosen = ("lots=100000", "slippage_ticks=500", f"fast={better}", "slow=20")
    code, out, _ = check(tmp_path, rising, "--capture", capture, *grid, arguments=chosen)
    assert code == 0, out
    other = "15" if better == "5" else "5"
    worse = ("lots=100000", "slippage_ticks=500", f"fast={other}", "slow=20")
    code, out, _ = check(tmp_path, rising, "--capture", capture, *grid, arguments=worse)
    assert code == 1
    assert f"the walk-forward would trade fast={better} now" in out


@pytest.mark.untraced
def test_runs_that_trade_differently_are_noticed(capture, tmp_path, monkeypatch):
    settings = load_settings(environment={}, overrides={"run.data_dir": str(tmp_path)})
    orders, fills, is_equal = compare_runs(capture, settings, STRATEGY, ARGUMENTS)
    assert orders > 5
    assert fills > 0
    assert is_equal
    made = iter([("lots=100000", "slippage_ticks=500"), ("lots=100000", "slippage_ticks=400")])
    real = backtest.load_strategy
    monkeypatch.setattr(backtest, "load_strategy", lambda name, _words: real(name, next(made)))
    assert not compare_runs(capture, settings, STRATEGY, ARGUMENTS)[2]


def test_days_on_paper_are_those_of_ended_paper_runs_of_the_same_strategy(tmp_path):
    settings = load_settings(environment={}, overrides={"run.data_dir": str(tmp_path)})
    mine = Admission(settings, VENUE, None, None)
    runs = {"a": (mine.digest, False, 86_400.0), "b": (mine.digest, True, 86_400.0), "c": ("other", False, 86_400.0),
            "d": (mine.digest, False, 43_200.0), "e": (mine.digest, False, None)}  # fmt: skip
    store = open_store(settings)
    with store.unit_of_work() as unit:
        for run_id, (digest, is_live, span_s) in runs.items():
            folder = tmp_path / "runs" / run_id
            folder.mkdir(parents=True)
            (folder / MARKER).write_text(json.dumps({"digest": digest, "is_live": is_live}))
            unit.runs.start(run_id, started_utc="2026-01-01T00:00:00", source="binance", settings={})
            if span_s is not None:
                unit.runs.finish(run_id, status="finished", summary={"market_span_s": span_s})
        unit.commit()
    store.close()
    assert paper_days(settings, mine.digest) == 1.5
    assert paper_days(settings, "nobody") == 0.0


def test_wrong_words_are_refused(rising, tmp_path):
    code, _, err = check(tmp_path, rising, "--grid", "fast")
    assert (code, "takes KEY=A,B,C" in err) == (78, True)
    code, _, err = check(tmp_path, tmp_path / "none.csv")
    assert code == 66
