"""Recordings of several instruments are lived through by time, whatever files they lie in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from builders.engine import START_NS, synthetic_capture

from bot4.adapters.recordings import replay_feed
from bot4.adapters.recordings.merged import by_instrument, merged_chunks
from bot4.adapters.recordings.recognise import open_recording
from bot4.application.evidence.parity import first_difference, outcome_of_backtest
from bot4.bootstrap import BacktestInput
from bot4.bootstrap.parity import _on_paper
from bot4.config import load_settings
from bot4.domain.errors import DataError

WORDS = ("ts_ns", "side", "price_ticks", "qty_lots")


@pytest.fixture(scope="module")
def captures(tmp_path_factory) -> list[Path]:
    """Two captures of one time, of an instrument each."""
    folder = tmp_path_factory.mktemp("captures")
    (folder / "btcusdt").write_bytes(synthetic_capture(2_500))
    other = synthetic_capture(2_500, seed=6)
    (folder / "ethusdt").write_bytes(other.replace(b"BTCUSDT", b"ETHUSDT").replace(b"btcusdt", b"ethusdt"))
    return [folder / "btcusdt", folder / "ethusdt"]


def settings():
    overrides = {"strategy.cooldown_ms": 100, "strategy.enter_score": 0.3, "paper.latency": "fixed",
                 "paper.latency_fixed_ms": 2.0, "paper.balance_quote": 1_000_000}  # fmt: skip
    return load_settings(environment={}, overrides=overrides)


def run(*paths: Path):
    return BacktestInput(paths).run(None, settings())


def check_lived_by_time(paths: list[Path]) -> None:
    both = run(*paths)
    assert (np.diff(both.orders["ts_ns"]) >= 0).all()
    for lane, path in enumerate(paths):
        alone, mine = run(path).orders, both.orders[both.orders["instrument"] == lane]
        assert len(mine) > 8
        assert mine[list(WORDS)].tolist() == alone[list(WORDS)].tolist()


def test_each_instrument_trades_in_company_as_it_does_alone(captures):
    check_lived_by_time(captures)
    first, second = run(*captures), run(*captures[::-1])
    assert first.profit == second.profit


def test_files_one_after_the_other_would_be_noticed(captures, monkeypatch):
    """Control."""
    monkeypatch.setattr(replay_feed, "by_instrument", lambda recordings: [list(recordings)])
    with pytest.raises(AssertionError):
        check_lived_by_time(captures)


def test_a_backtest_and_a_replay_on_paper_of_both_are_one_run(captures):
    found = outcome_of_backtest(run(*captures))
    assert first_difference(found, _on_paper(captures, None, settings(), 0)) is None
    assert len(found.fills) > 5


def test_one_capture_of_both_lacks_what_its_lines_do_not_say(captures, tmp_path):
    together = tmp_path / "both"
    chains = by_instrument([open_recording(path) for path in captures])
    together.write_bytes(b"".join(chunk for _, chunk in merged_chunks(chains)))
    assert len(together.read_bytes()) == sum(len(path.read_bytes()) for path in captures)
    stamps = [int(line.split(b" ", 1)[0]) for line in together.read_bytes().splitlines()]
    assert stamps == sorted(stamps)
    # Its snapshots name no symbol: they cannot be told apart, there is no book, and that is said.
    notes = " ".join(run(together).notes)
    for text in ("BTCUSDT: its book waited", "ETHUSDT: its book waited", "could not be taken: unknown_symbol 2"):
        assert text in notes


def dump(folder: Path, symbol: str, first_ms: int, *, digits: int) -> Path:
    path = folder / f"{symbol}-trades-2024-08-09.csv"
    rows = [f"{i + 1},60000.{i % 7}0,0.001,60.0,{(first_ms + 20 * i) * 10 ** (digits - 13)},True" for i in range(1_500)]
    path.write_text("\n".join(rows) + "\n")
    return path


@pytest.mark.parametrize("digits", [13, 16])
def test_dumps_of_prints_are_merged_too(tmp_path, digits):
    first_ms = START_NS // 1_000_000
    paths = [dump(tmp_path, "BTCUSDT", first_ms, digits=digits), dump(tmp_path, "ETHUSDT", first_ms + 7, digits=digits)]
    recordings = [open_recording(path) for path in paths]
    lines = b"".join(chunk for _, chunk in merged_chunks(by_instrument(recordings))).splitlines()
    times = [int(line.split(b",")[4]) for line in lines]
    assert times == sorted(times)
    assert len(times) == 3_000
    result = run(*paths)
    assert result.rows == 3_000
    assert [len(result.marks[symbol][0]) > 1 for symbol in result.symbols] == [True, True]


def test_days_of_one_instrument_stay_a_chain_and_frames_without_stamps_are_refused(captures, tmp_path):
    again = tmp_path / "btcusdt_next"
    again.write_bytes(captures[0].read_bytes())
    recordings = [open_recording(path) for path in (captures[0], again)]
    assert by_instrument(recordings) == [recordings]
    bare = tmp_path / "bare"
    bare.write_bytes(b"\n".join(line.split(b" ", 1)[1] for line in captures[1].read_bytes().splitlines()) + b"\n")
    with pytest.raises(DataError, match="without stamps"):
        run(captures[0], bare)
