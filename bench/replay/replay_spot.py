"""Replay rate: decompressed bytes to decisions, one thread, against a CRC-32 of the same bytes.

    python bench/replay/replay_spot.py [RUNS]

The two recorded spot BTCUSDT captures chained where ../shared/data is here, else a generated capture (said in the
output; its messages are smaller). Journal on, as in a session. Printed are medians over the runs.
"""

from __future__ import annotations

import gzip
import statistics
import sys
import tempfile
import time
import zlib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
for folder in (ROOT, ROOT / "tests", ROOT / "bench"):
    sys.path.insert(0, str(folder))

from builders.engine import assembled, synthetic_capture  # noqa: E402

from bot4._core.build_info import require_release  # noqa: E402
from bot4._core.engine.feed import Feed  # noqa: E402

CAPTURES = [
    ROOT.parent / "shared/data/ws_captures/hftbacktest/spot" / name
    for name in ("btcusdt_20240808.gz", "btcusdt_20240809.gz")
]


def capture() -> tuple[str, bytes]:
    """Name and bytes of what is replayed."""
    if all(path.exists() for path in CAPTURES):
        return "recorded spot BTCUSDT, two files", b"".join(gzip.decompress(path.read_bytes()) for path in CAPTURES)
    return "generated capture (../shared/data is not here)", synthetic_capture(50_000)


def main(words: list[str]) -> int:
    require_release()
    runs = int(words[0]) if words else 9
    name, data = capture()
    replay_s, reference_s, hashes = [], [], set()
    counters: dict[str, int] = {}
    for _ in range(runs):
        with tempfile.TemporaryDirectory() as folder:
            assembly, _ = assembled(Path(folder) / "journal")
            feed = Feed(assembly.scanner, assembly.engine)
            start = time.perf_counter()
            feed.lines(data, 0, default_instrument=0)
            replay_s.append(time.perf_counter() - start)
        start = time.perf_counter()
        zlib.crc32(data)
        reference_s.append(time.perf_counter() - start)
        counters = assembly.engine.counters() | assembly.engine.lane_counters(0)
        hashes.add(assembly.engine.state_hash)
    assert len(hashes) == 1, f"runs differ: {hashes}"
    taken = statistics.median(replay_s)
    ratio = statistics.median(ours / theirs for ours, theirs in zip(replay_s, reference_s, strict=True))
    print(f"{name}: {len(data) / 1e6:.1f} MB, {runs} runs, state {hashes.pop()}")
    print(f"{counters['decisions']:,} decisions, {counters['intents']:,} orders, {counters['fills']:,} fills")
    print(
        f"{feed.counters()['messages'] / taken:,.0f} messages/s, {counters['events'] / taken:,.0f} events/s, "
        f"{len(data) / taken / 1e6:,.0f} MB/s"
    )
    print(f"{ratio:.1f} times a CRC-32 of the same bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
