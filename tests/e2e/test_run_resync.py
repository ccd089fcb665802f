"""`bot4 run --replay` over a capture with a gap: orders are pulled, nothing is decided, a snapshot brings it back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from builders.synthetic import market, write_capture

from bot4._core.engine.decide import DecisionReason
from bot4._core.intent_dtype import INTENT_DTYPE
from bot4._core.journal.reader import JournalReader
from bot4._core.journal.record import JournalKind
from bot4._core.types import EventKind, IntentAction, IntentFlag

ROOT = Path(__file__).resolve().parents[2]
MAIN = "from bot4.entrypoints.cli.main import main; main()"
# Orders rest: every score is too low to take, and none grows too old.
PASSIVE = """
[strategy]
enter_score = 0.05
take_score = 1.0
exit_score = 1.0
passive_ttl_ms = 3600000
"""
MESSAGES = 4_000
SILENT_NS = 5 * 10**9
ON_ITS_WAY_NS = 150_000_000  # longer than an order takes to the paper venue
NEVER_NS = 2**62
ANSWERS = (EventKind.EVENT_ORDER_CANCELED, EventKind.EVENT_CANCEL_REJECTED)


def capture(path: Path, *, gap_from_ns: int = NEVER_NS, with_snapshot: bool = False) -> tuple[Path, int, int]:
    """A generated capture that lacks one diff; returns it and the stamps of the gap and of the snapshot after it."""
    source = market()
    lines, gap_ns, snapshot_ns = [], 0, 0
    for stamped in islice(source, MESSAGES):
        if stamped.recv_ns >= gap_from_ns and gap_ns == 0 and b"depthUpdate" in stamped.frame:
            gap_ns = stamped.recv_ns
            continue
        lines.append(b"%d %b\n" % (stamped.recv_ns, stamped.frame))
        if with_snapshot and snapshot_ns == 0 and gap_ns and stamped.recv_ns > gap_ns + SILENT_NS:
            snapshot_ns = stamped.recv_ns
            lines.append(b"%d %b\n" % (snapshot_ns, source.snapshot()))
    return write_capture(path, lines), gap_ns, snapshot_ns


def run(tmp_path: Path, replayed: Path) -> dict:
    (tmp_path / "bot4.toml").write_text(PASSIVE)
    done = subprocess.run(
        [
            *(sys.executable, "-c", MAIN, "run", "--config", tmp_path / "bot4.toml", "--data-dir", tmp_path / "data"),
            *("--quiet", "--json", "-", "--seed", "7", "--replay", replayed),
        ],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if name != "BOT4_DATA_DIR"},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def journal(summary: dict) -> tuple[np.ndarray, np.ndarray, int]:
    """PLACE intents, CANCEL intents and the number of answers to the latter: canceled, or filled before."""
    with JournalReader(summary["journal"]) as reader:
        records = [(record.kind, bytes(record.payload)) for record in reader]
    intents = np.frombuffer(b"".join(p for kind, p in records if kind == JournalKind.JOURNAL_INTENT), INTENT_DTYPE)
    answered = sum(kind == JournalKind.JOURNAL_UPDATE and p[0] in ANSWERS for kind, p in records)
    cancels = intents["action"] == IntentAction.ACTION_CANCEL
    return intents[~cancels], intents[cancels], answered


@pytest.fixture(scope="module")
def resting_from_ns(tmp_path_factory) -> int:
    """When, in the same market without a gap, an order that rests was placed: about the middle of the run."""
    folder = tmp_path_factory.mktemp("whole")
    places, _, _ = journal(run(folder, capture(folder / "btcusdt")[0]))
    passive = places["ts_ns"][places["flags"] == IntentFlag.INTENT_POST_ONLY]
    return int(passive[len(passive) // 2])


@pytest.mark.parametrize("with_snapshot", [True, False], ids=["a snapshot comes", "a snapshot that never comes"])
def test_a_gap_pulls_orders_and_trading_goes_on_only_after_a_snapshot(tmp_path, resting_from_ns, with_snapshot):
    replayed, gap_ns, snapshot_ns = capture(
        tmp_path / "btcusdt", gap_from_ns=resting_from_ns + ON_ITS_WAY_NS, with_snapshot=with_snapshot
    )
    summary = run(tmp_path, replayed)
    places, cancels, answered = journal(summary)
    assert (summary["sequence_gaps"], summary["resyncs"]) == (1, int(with_snapshot))
    assert summary["open_orders_left"] == 0

    pulled = cancels[cancels["reason"] == DecisionReason.REASON_BREAKER]
    # The gap shows with the first diff behind it.
    assert len(pulled) >= 1, "an order rested when the book was lost"
    assert gap_ns < pulled["ts_ns"].min() <= pulled["ts_ns"].max() < gap_ns + 10**9
    assert answered == len(cancels), "each cancel was answered: of the gap, and of the end"

    after = places["ts_ns"][places["ts_ns"] > pulled[0]["ts_ns"]]
    assert len(places) > len(after) > 0 if with_snapshot else len(after) == 0
    if with_snapshot:
        assert after.min() >= snapshot_ns, "nothing is placed on a book that is not live"
        assert summary["best_bid"] is not None
    else:
        assert summary["best_bid"] is None
        assert any("not synchronised" in note for note in summary["notes"])
