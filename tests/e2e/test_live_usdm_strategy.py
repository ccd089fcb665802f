"""A strategy of one's own with real orders on perpetuals: what it was told, tables and the exchange's ledger agree."""

from __future__ import annotations

import json

import pytest
from builders.bot4_process import bot4
from builders.live_process import administer
from builders.live_usdm import futures_exchange, judge_usdm, run_usdm, told
from builders.turns import TURNS, fills
from builders.turns import told as said

# Thousandths of a coin.
LOTS = 20


@pytest.fixture
def exchange():
    with futures_exchange() as at:
        yield at


def test_a_class_in_python_trades_perpetuals_and_ends_at_the_exchanges_ledger(tmp_path, exchange):
    (tmp_path / "turns.py").write_text(TURNS)
    words = ["--strategy", f"{tmp_path / 'turns.py'}:Turns"]
    for pair in (f"said={tmp_path / 'said'}", f"lots={LOTS}", "least=0"):
        words += ["--strategy-arg", pair]
    done = run_usdm(tmp_path, exchange, "--duration", "6", *words)
    assert done.returncode == 0, done.stderr
    summary, ours = json.loads(done.stdout), told(tmp_path)
    theirs = administer(exchange, "ledger")["futures"]["accounts"]["alice"]
    judge_usdm(ours, theirs, summary)
    assert len(theirs["orders"]) >= 2
    assert len(fills(tmp_path / "said")) == len(theirs["trades"]) >= 2, "each fill was told, once"
    lots = sum(int(words[2]) * (1 if words[1] == "buy" else -1) for words in fills(tmp_path / "said"))
    assert said(tmp_path / "said")[-1] == ["stop", str(lots)]
    explained = bot4("explain", "last", "--data-dir", tmp_path / "data")
    assert explained.returncode == 0, explained.stderr
    assert "BTCUSDT" in explained.stdout
    with pytest.raises(AssertionError):  # the judge's control: a trade less
        judge_usdm(ours, theirs | {"trades": theirs["trades"][:-1]}, summary)
