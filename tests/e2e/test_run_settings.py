"""`bot4 run` with settings and options that are wrong."""

from __future__ import annotations

import json

import pytest
from builders.bot4_process import bot4, run


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--set", "risk.open_order_max=4"), ["unknown setting 'risk.open_order_max'"]),
        (("--set", "risk.open_orders_max=0"), ["risk.open_orders_max", "'0'", ">= 1"]),
        (("--set", "risk.open_orders_max"), ["KEY=VALUE"]),
        (("--set", "synthetic.symbol=NOSUCHCOIN"), ["NOSUCHCOIN"]),
        (("--set", "synthetic.start_price=0.01"), ["synthetic.start_price", "0.01", "1000 ticks"]),
        (("--set", "strategy.weights.nonsense=1", "--set", "strategy.scales.nonsense=1"), ["nonsense"]),
        (("--set", "strategy.order_notional=0.0000001"), ["strategy.order_notional", "BTCUSDT", "least order"]),
        (("--set", "shard.cpu=4000", "--speed", "1"), ["shard.cpu", "4000"]),
        (("--speed", "max", "--duration", "0.0000000001"), []),
        (("--market", "usdm"), ["--market"]),
        (("--config", "/nowhere/bot4.toml"), ["/nowhere/bot4.toml"]),
    ],
)
def test_a_wrong_setting_is_one_line_and_exit_78(tmp_path, arguments, words):
    done = run(tmp_path, *(() if "--duration" in arguments else ("--duration", "1")), *arguments)
    if not words:  # wrong usage, click's own
        assert done.returncode == 2
        return
    assert done.returncode == 78, done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert all(word in done.stderr for word in words), done.stderr
    assert done.stdout == ""
    assert list(tmp_path.glob("data/runs/*")) == []


@pytest.mark.parametrize("speed", ["0", "-1", "nan", "fast"])
def test_a_wrong_speed_is_wrong_usage(tmp_path, speed):
    done = run(tmp_path, "--speed", speed)
    assert done.returncode == 2
    assert "above 0" in done.stderr


def test_the_environment_names_the_data_directory(tmp_path):
    done = bot4(
        "run", "--duration", "1", "--speed", "max", "--quiet", "--json", "-", BOT4_DATA_DIR=str(tmp_path / "there")
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["store"] == str(tmp_path / "there" / "bot4.sqlite")


@pytest.mark.parametrize(("name", "words"), [("nowhere/s.json", "its folder is not there"), ("", "it is a folder")])
def test_a_summary_that_cannot_be_written_is_refused_before_the_run(tmp_path, name, words):
    done = bot4("run", "--data-dir", tmp_path / "data", "--quiet", "--duration", "1", "--json", tmp_path / name)
    assert done.returncode == 73
    assert done.stderr.splitlines() == [f"bot4: summary {tmp_path / name} cannot be written: {words}"]
    assert not (tmp_path / "data").exists()
