"""One capture, three ways: replayed on paper, a backtest over recordings, a backtest over arrays of its events.

The same orders, the same fills, the same state hash; with the built-in policy and with a strategy of one's own.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from builders.engine import spot_instrument, synthetic_capture

import bot4
from bot4._core.event_dtype import EVENT_DTYPE
from bot4._core.intent_dtype import INTENT_DTYPE
from bot4._core.journal.record import JournalKind
from bot4._core.types import EventKind, IntentAction
from bot4._core.wire.capture import CaptureVerdict, split_capture
from bot4.adapters.recordings.recognise import open_recording
from bot4.bootstrap import BacktestInput, open_session
from bot4.entrypoints.embedding import QuietDisplay
from bot4.strategy.grid import Grid, compiled_grid

ROOT = Path(__file__).resolve().parents[2]
GRID = {"levels": 3, "interval_ticks": 40, "half_spread_ticks": 60, "lots": 100_000, "position_max_lots": 400_000}
STRATEGIES = {
    "the built-in policy": lambda: None,
    "a grid in Python": lambda: Grid(**GRID),
    "a compiled grid": lambda: compiled_grid(**GRID),
}


def chosen(folder: Path, **overrides: object) -> bot4.Settings:
    plain = {"run.data_dir": str(folder), "paper.queue_model": "conservative", "strategy.cooldown_ms": 500}
    return bot4.load_settings(environment={}, overrides=plain | overrides)


def events_of(path: Path) -> np.ndarray:
    """Every event of a capture, as the scanner makes them of its frames."""
    instrument = spot_instrument()
    scanner = bot4.Scanner(32_768)
    scanner.add_instrument(
        instrument.symbol, f"{instrument.tick_size:f}", f"{instrument.lot_size:f}", skip_off_tick_levels=True
    )
    recording = open_recording(path)
    found, left = [], b""
    for chunk in recording.chunks():
        for verdict, _, recv_ns, start, end in split_capture(left + chunk, recording.format.code):
            if verdict == CaptureVerdict.CAPTURE_FRAME:
                found.append(scanner.scan((left + chunk)[start:end], recv_ns, 0).copy())
        left = b""
    return np.concatenate([rows.view(EVENT_DTYPE) for rows in found if len(rows)])


def on_paper(path: Path, settings: bot4.Settings, strategy: object | None) -> tuple[str, bytes, bytes]:
    """State hash, orders and fills of a replay on paper; the rows come from its journal."""
    with open_session(settings, QuietDisplay(), replay=(path,), speed=0.0, strategy=strategy) as session:
        summary = session.run()
    with bot4.JournalReader(summary.journal) as journal:
        intents = np.frombuffer(journal.payloads(JournalKind.JOURNAL_INTENT), INTENT_DTYPE)
    with bot4.JournalReader(summary.journal) as journal:
        updates = np.frombuffer(journal.payloads(JournalKind.JOURNAL_UPDATE), EVENT_DTYPE)
    orders = intents[intents["action"] == IntentAction.ACTION_PLACE]
    return summary.state_hash, orders.tobytes(), updates[updates["kind"] == EventKind.EVENT_ORDER_FILL].tobytes()


def outcome(result: bot4.BacktestResult) -> tuple[str, bytes, bytes]:
    return result.state_hash, result.orders.tobytes(), result.fills.tobytes()


@pytest.fixture(scope="module")
def capture(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("capture") / "btcusdt"
    path.write_bytes(synthetic_capture(6_000))
    return path


@pytest.mark.parametrize("name", STRATEGIES)
def test_paper_recordings_and_arrays_are_one_run(capture, name, tmp_path):
    make, settings = STRATEGIES[name], chosen(tmp_path)
    paper = on_paper(capture, settings, make())
    read = outcome(BacktestInput([capture]).run(make(), settings))
    arrays = outcome(bot4.backtest(events_of(capture), spot_instrument(), make(), settings=settings, venue_clock=False))
    assert len(paper[1]) > 20 * INTENT_DTYPE.itemsize
    assert len(paper[2]) > 5 * EVENT_DTYPE.itemsize
    assert paper == read == arrays


def test_another_seed_is_another_run(capture, tmp_path):
    events = events_of(capture)
    runs = [
        outcome(bot4.backtest(events, spot_instrument(), settings=chosen(tmp_path, **{"run.seed": seed}),
                              venue_clock=False))
        for seed in (7, 7, 8)
    ]  # fmt: skip
    assert runs[0] == runs[1] != runs[2]


def test_an_event_less_is_another_run(capture, tmp_path):
    events, settings = events_of(capture), chosen(tmp_path)
    whole = bot4.backtest(events, spot_instrument(), settings=settings, venue_clock=False)
    less = bot4.backtest(events[:-1], spot_instrument(), settings=settings, venue_clock=False)
    assert whole.state_hash != less.state_hash


@pytest.mark.real_data
@pytest.mark.parametrize("name", ["the built-in policy", "a compiled grid"])
def test_a_recorded_capture_on_paper_and_as_arrays_is_one_run(shared_data, name, tmp_path):
    path = shared_data / "ws_captures/hftbacktest/spot/btcusdt_20240808.gz"
    make, settings = STRATEGIES[name], chosen(tmp_path)
    paper = on_paper(path, settings, make())
    arrays = outcome(bot4.backtest(events_of(path), spot_instrument(), make(), settings=settings, venue_clock=False))
    assert len(paper[2]) > 0
    assert paper == arrays


@pytest.mark.untraced
def test_the_result_hash_is_the_same_in_every_process(capture):
    program = (
        "import sys; sys.path[:0] = ['tests', 'tests/integration', '.']\n"
        "from pathlib import Path\n"
        "import test_backtest_parity as parity, bot4\n"
        "events = parity.events_of(Path(sys.argv[1]))\n"
        "print(bot4.backtest(events, parity.spot_instrument(), parity.Grid(**parity.GRID),"
        " count_trial=False, settings=parity.chosen(Path('unused'))).result_hash)"
    )
    hashes = {
        subprocess.run(
            [sys.executable, "-c", program, str(capture)], cwd=ROOT, check=True, capture_output=True, text=True,
            env=os.environ | {"PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("0", "1", "4711")
    }  # fmt: skip
    assert len(hashes) == 1
    assert len(hashes.pop().strip()) == 16
