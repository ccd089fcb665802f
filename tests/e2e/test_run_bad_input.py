"""`bot4 run` over input that is wrong, cut short, full of holes or out of time."""

from __future__ import annotations

import gzip

import pytest
from builders.bot4_process import run, summary_of
from builders.recordings import kraken_capture
from builders.synthetic import capture_lines, write_capture


@pytest.fixture(scope="module")
def lines() -> list[bytes]:
    return capture_lines(4_000)


@pytest.fixture
def capture(tmp_path, lines):
    return write_capture(tmp_path / "btcusdt", lines)


def test_an_unknown_symbol_is_exit_78(tmp_path, lines):
    path = write_capture(tmp_path / "capture", [line.replace(b"BTCUSDT", b"NOSUCHUSDT") for line in lines[:200]])
    done = run(tmp_path, "--replay", path)
    assert done.returncode == 78
    assert "NOSUCHUSDT" in done.stderr


@pytest.mark.parametrize(
    ("make", "code", "words"),
    [
        (lambda path: path.write_bytes(b""), 65, "empty"),
        (lambda path: path.mkdir(), 66, "directory"),
        (lambda _path: None, 66, "input"),
        (lambda path: path.write_bytes(kraken_capture()), 65, "kraken"),
    ],
    ids=["empty", "directory", "missing", "kraken"],
)
def test_input_that_cannot_be_replayed_is_one_line_that_names_it(tmp_path, make, code, words):
    path = tmp_path / "input"
    make(path)
    done = run(tmp_path, "--replay", path)
    assert done.returncode == code, done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert str(path) in done.stderr
    assert words in done.stderr


def test_a_market_that_the_capture_is_not_of_is_one_line_that_names_its_own(tmp_path, capture):
    done = run(tmp_path, "--replay", capture, "--market", "usdm")
    assert done.returncode == 65
    (line,) = done.stderr.splitlines()
    assert f"{capture} is of the market spot, by what it holds, and not --market usdm" in line


def test_a_truncated_gzip_is_replayed_as_far_as_it_goes_and_fails(tmp_path, lines):
    path = tmp_path / "cut.gz"
    whole = gzip.compress(b"".join(lines))
    path.write_bytes(whole[: len(whole) // 2])
    summary = summary_of(tmp_path, "--replay", path, code=65)
    assert summary["status"] == "failed"
    assert summary["failure"].startswith(f"the input is damaged: {path}: the gzip data ends in the middle")
    assert 0 < summary["messages"] < 4_000
    assert summary["open_orders_left"] == 0


def test_corrupt_lines_are_counted_and_the_run_goes_on(tmp_path, lines):
    head, tail = lines[:1_000], lines[1_000:]
    path = write_capture(tmp_path / "corrupt", [*head, b"no stamp at all\n", b"17 {broken\n", *tail])
    summary = summary_of(tmp_path, "--replay", path)
    assert sum(summary["rejected"].values()) == 2
    assert summary["status"] == "finished"
    assert "2 messages refused: bad_line 2" in summary["notes"]


def depth_at(lines: list[bytes], after: int) -> int:
    return next(index for index in range(after, len(lines)) if b"depthUpdate" in lines[index])


def test_a_sequence_gap_stops_trading_until_a_snapshot(tmp_path, lines):
    lost = depth_at(lines, 1_500)
    with_gap = write_capture(tmp_path / "gap", lines[:lost] + lines[lost + 1 :])
    summary = summary_of(tmp_path, "--replay", with_gap)
    before = summary_of(tmp_path, "--replay", write_capture(tmp_path / "before", lines[:lost]))
    assert (summary["sequence_gaps"], summary["resyncs"]) == (1, 0)
    assert summary["best_bid"] is None
    assert before["orders"] <= summary["orders"] <= before["orders"] + 1
    assert summary["open_orders_left"] == 0
    lost_at = "the book is not synchronised (no fitting snapshot after the last gap)"
    assert summary["notes"] == [f"BTCUSDT: {lost_at}: nothing was traded from there on"]


def test_a_capture_without_a_snapshot_trades_nothing_and_says_why(tmp_path, lines):
    summary = summary_of(tmp_path, "--replay", write_capture(tmp_path / "no_snapshot", lines[1:]))
    assert summary["orders"] == 0
    assert summary["notes"] == [
        "BTCUSDT: the book is not synchronised (no fitting snapshot in the input): nothing was traded"
    ]


def test_stamps_that_jump_are_counted_and_do_no_harm(tmp_path, lines):
    hour_ns = 3_600 * 10**9

    def shifted(line: bytes, by_ns: int) -> bytes:
        stamp, _, frame = line.partition(b" ")
        return b"%d %b" % (int(stamp) + by_ns, frame)

    moved = [
        *lines[:1_000],
        *(shifted(line, -hour_ns) for line in lines[1_000:1_010]),
        *lines[1_010:2_000],
        *(shifted(line, hour_ns) for line in lines[2_000:]),
    ]
    summary = summary_of(tmp_path, "--replay", write_capture(tmp_path / "moved", moved))
    assert summary["clock_backs"] >= 10
    assert summary["clock_jumps"] == 1
    assert summary["open_orders_left"] == 0
    assert summary["status"] == "finished"
