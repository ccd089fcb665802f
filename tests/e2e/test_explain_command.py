"""`bot4 run` with reasons and `bot4 explain` as a person uses them: processes, exit codes, what they print."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from builders.bot4_process import bot4

from bot4._core.journal.reader import JournalReader
from bot4._core.journal.record import JournalKind
from bot4._core.reasons_dtype import REASONS_DTYPE

# A belief that nobody measured, so that the made-up market sees orders at all; the default admits none of them.
BELIEF = {
    "gate.prior_bps": 100, "gate.prior_samples": 1_000, "gate.samples_min": 0, "gate.standard_errors": 0,
    "gate.confirm_bars": 0, "gate.timeframes_min": 0, "gate.confidence_min": 0, "regime.warm_up_bars": 2,
}  # fmt: skip
POLICY = {"strategy.policy": "reasoned", "strategy.enter_score": 0.3, "strategy.take_score": 0.3}


def run(tmp_path, settings: dict) -> dict:
    pairs = [part for key, value in settings.items() for part in ("--set", f"{key}={value}")]
    done = bot4("run", "--data-dir", tmp_path, "--duration", "120", "--speed", "max", "--json", "-", *pairs)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def first_entry(folder) -> int:
    with JournalReader(next(folder.glob("runs/*/shard-0.journal"))) as reader:
        kept = (record.payload for record in reader if record.kind == JournalKind.JOURNAL_REASONS)
        rows = (np.frombuffer(payload, REASONS_DTYPE)[0] for payload in kept)
        return next(int(row["order_id"]) for row in rows if row["order_id"] and row["fee_ppb"])


@pytest.fixture(scope="module")
def believing(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    return folder, run(folder, POLICY | BELIEF)


def test_an_order_of_a_run_is_explained_to_the_last_term(believing):
    folder, summary = believing
    assert summary["orders"] > 0
    assert any("entries passed the gate" in note for note in summary["notes"])
    done = bot4("explain", "last", "--data-dir", folder, "--json")
    assert done.returncode == 0, done.stderr
    last = json.loads(done.stdout)
    assert last["kind"] in {"order", "exit"}
    order = json.loads(bot4("explain", str(first_entry(folder)), "--data-dir", folder, "--json").stdout)
    terms = {cost["name"]: cost["bps"] for cost in order["costs"]}
    assert list(terms) == ["edge", "fee", "spread", "impact", "funding"]
    assert float(terms["fee"]) == -20.0
    assert sum(map(float, terms.values())) == pytest.approx(float(order["value_bps"]), abs=1e-9)
    assert float(order["value_bps"]) > float(order["needed_bps"])
    text = bot4("explain", str(order["number"]), "--data-dir", folder).stdout
    assert re.search(r"order \d+ \(b4-1-\w+-\w\) of run", text)
    assert "missing" in text
    assert "bound by" in text


def test_without_a_belief_the_gate_lets_nothing_pass_on_a_market_that_shows_nothing(tmp_path):
    summary = run(tmp_path, POLICY)
    assert summary["orders"] == 0
    assert summary["refusals"] > 0


def test_what_is_not_there_is_said(tmp_path, believing):
    folder, _ = believing
    none = bot4("explain", "last", "--data-dir", tmp_path)
    assert (none.returncode, "holds no run" in none.stderr) == (66, True)
    unknown = bot4("explain", "999999999", "--data-dir", folder)
    assert (unknown.returncode, "nothing numbered 999999999" in unknown.stderr) == (78, True)
    other = bot4("explain", "last", "--run", "20000101T000000-001", "--data-dir", folder)
    assert other.returncode == 66
