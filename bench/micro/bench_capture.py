"""Capture splitter and CSV rows: nanoseconds a line, beside zlib's CRC-32 over the same bytes.

    python bench/harness.py capture

The reference is compiled, branch-free and goes over every byte once, so the ratio tells how many such passes a line
costs. Lines are generated here, every one different, in the sizes of the recorded streams.
"""

from __future__ import annotations

import random
import sys
import time
import zlib
from collections.abc import Callable
from pathlib import Path

from bot4._core.wire.capture import CaptureFormat, count_capture
from bot4._core.wire.csv_rows import CsvKind, CsvRows

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the folder of harness.py

from harness import Kernel, ns_per_operation

LINES = 20_000
START_NS = 1_723_161_256_172_216_566


def stamped() -> bytes:
    """Futures bookTicker lines as recorded: about 210 bytes."""
    rng = random.Random(1)
    return b"".join(
        b'%d {"stream":"btcusdt@bookTicker","data":{"e":"bookTicker","u":%d,"s":"BTCUSDT","b":"%d.20","B":"2.507",'
        b'"a":"%d.30","A":"2.510","T":1723161256313,"E":1723161256313}}\n'
        % (
            START_NS + i * 1_000_003,
            5_123_107_839_020 + i,
            rng.randrange(60_000, 63_000),
            rng.randrange(60_000, 63_000),
        )
        for i in range(LINES)
    )


def trades() -> bytes:
    """Spot trades rows: about 75 bytes."""
    rng = random.Random(2)
    lines = []
    for i in range(LINES):
        price, qty, quote = rng.randrange(60_000, 63_000), rng.randrange(1, 99_999), rng.randrange(1, 9_999)
        maker, stamp = rng.choice([b"True", b"False"]), 1_723_161_256_313 + i
        row = b"%d,%d.%02d000000,0.%05d000,%d.25000000,%d,%s,True\n"
        lines.append(row % (i, price, i % 100, qty, quote, stamp, maker))
    return b"".join(lines)


FRAMES, ROWS = stamped(), trades()


def timed(work: Callable[[], object]) -> float:
    return ns_per_operation(work, LINES)


def split() -> float:
    started = time.perf_counter_ns()
    counts = count_capture(FRAMES, CaptureFormat.CAPTURE_FORMAT_STAMPED)
    spent = (time.perf_counter_ns() - started) / LINES
    assert counts[0] == LINES
    return spent


def rows() -> float:
    reader = CsvRows(CsvKind.CSV_TRADES, "0.01", "0.00001")
    started = time.perf_counter_ns()
    events, _, rejects = reader.parse(ROWS)
    spent = (time.perf_counter_ns() - started) / LINES
    assert (len(events), rejects) == (LINES, [])
    return spent


KERNELS = [
    Kernel("wire.capture_line", split, lambda: timed(lambda: zlib.crc32(FRAMES))),
    Kernel("wire.csv_trade_row", rows, lambda: timed(lambda: zlib.crc32(ROWS))),
]


def bench_capture_line(benchmark) -> None:
    benchmark(split)


def bench_csv_trade_row(benchmark) -> None:
    benchmark(rows)
