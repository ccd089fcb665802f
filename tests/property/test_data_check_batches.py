"""A check by batches finds what a check frame by frame finds: the same report, whatever is wrong with a capture."""

from __future__ import annotations

import random

import numpy as np
import pytest
from builders.data_check import check, put
from builders.examples import examples
from builders.recordings import binance_capture

from bot4.adapters.recordings import check_batch, check_stream

CASES = 300
LINES = 160


def captures() -> list[list[bytes]]:
    return [
        binance_capture(market, rounds=60, seed=seed).splitlines()[:LINES]
        for market in ("spot", "usdm", "coinm")
        for seed in (1, 2)
    ]


def damaged(lines: list[bytes], rng: random.Random) -> list[bytes]:
    """Up to four things done to a capture that a check has words for, and some it has none for."""
    lines = list(lines)
    for _ in range(rng.randrange(5)):
        at = rng.randrange(len(lines) - 1)
        match rng.randrange(8):
            case 0:
                del lines[at]
            case 1:
                lines.insert(at, lines[at])
            case 2:
                lines[at], lines[at + 1] = lines[at + 1], lines[at]
            case 3:
                lines[at] = lines[at][: rng.randrange(len(lines[at]))]
            case 4:
                lines[at] = lines[at].replace(b'"p":"', b'"p":"-', 1).replace(b'"b":"', b'"b":"9', 1)
            case 5:
                lines[at] = lines[at].replace(b"BTCUSD", b"ETHUSD")
            case 6:
                digit = rng.randrange(10)
                lines[at] = lines[at].replace(b'":1', b'":%d' % digit, 1)
            case 7:
                lines[at] = lines[at][:19] + b' {"e":"markPriceUpdate","E":1723161255000,"s":"BTCUSDT"}'
    return lines


def check_reports(tmp_path, monkeypatch, cases: int) -> None:
    rng = random.Random(5)
    whole, least = captures(), check_stream._BATCH_LEAST
    path = tmp_path / "btcusdt.dat"
    found = 0
    for case in range(cases):
        put(path, damaged(whole[case % len(whole)], rng))
        monkeypatch.setattr(check_stream, "_BATCH_LEAST", 1 << 30)
        one_by_one = check(path).to_dict()
        monkeypatch.setattr(check_stream, "_BATCH_LEAST", rng.choice((2, 4, least)))
        batches = check(path).to_dict()
        assert batches == one_by_one
        found += one_by_one["defects_total"] > 0
    assert cases // 3 < found < cases


def test_batches_find_what_single_frames_find(tmp_path, monkeypatch):
    check_reports(tmp_path, monkeypatch, max(50, examples(CASES)))


@pytest.mark.parametrize("judge", ["_depth_follows", "_trades_follow", "_quotes_follow"])
def test_a_batch_that_looks_away_would_be_noticed(tmp_path, monkeypatch, judge):
    """Control."""
    monkeypatch.setattr(check_batch, judge, lambda _: True)
    with pytest.raises(AssertionError):
        check_reports(tmp_path, monkeypatch, 150)


def test_a_clean_capture_takes_no_frame_by_itself(tmp_path, monkeypatch):
    path = put(tmp_path / "btcusdt.dat", binance_capture("usdm", rounds=400, snapshot=False).splitlines())
    alone: list[int] = []
    original = check_stream.StreamCheck.frame
    monkeypatch.setattr(
        check_stream.StreamCheck, "frame", lambda self, line, *rest: (alone.append(line), original(self, line, *rest))
    )
    report = check(path)
    assert report.files[0].messages > 1_000
    assert report.is_clean
    assert len(alone) < np.sqrt(report.files[0].messages)
