"""Scanner and CRC: nanoseconds a message (a level for depth), beside what else decodes the same bytes.

``python bench/micro/bench_wire.py`` prints a table with msgspec and orjson in the same run. Frames are generated here
and every one is different. The reference of each kernel is our CRC-32 over the same bytes: compiled, branch-free, and
of a cost that follows the number of bytes alone.
"""

from __future__ import annotations

import random
import time
import zlib
from collections.abc import Callable
from functools import partial
from statistics import median

import msgspec
import numpy as np
import orjson

from bot4._core.event_dtype import EVENT_DTYPE
from bot4._core.wire.crc32 import crc32
from bot4._core.wire.scan import Scanner

FRAMES = 2048
LEVELS = 25
START_MS = 1_723_161_256_000


def price(rng: random.Random) -> str:
    return f"{rng.randrange(6_000_000, 6_300_000) / 100:.2f}"


def qty(rng: random.Random) -> str:
    return f"{rng.randrange(1, 9_000) / 1000:.3f}"


def book_ticker(i: int, rng: random.Random) -> str:
    """USD-M bookTicker as the combined stream sends it: 190 bytes, the commonest message of a futures session."""
    return (
        f'{{"stream":"btcusdt@bookTicker","data":{{"e":"bookTicker","u":{5_123_107_839_020 + i},"s":"BTCUSDT",'
        f'"b":"{price(rng)}","B":"{qty(rng)}","a":"{price(rng)}","A":"{qty(rng)}","T":{START_MS + i},'
        f'"E":{START_MS + i}}}}}'
    )


def spot_ticker(i: int, rng: random.Random) -> str:
    """Spot bookTicker without wrapper: 104 bytes, the shape PERFORMANCE figures of other parsers are quoted for."""
    return (
        f'{{"u":{50_093_239_212 + i},"s":"BTCUSDT","b":"{price(rng)}000000","B":"{qty(rng)}00000",'
        f'"a":"{price(rng)}000000","A":"{qty(rng)}00000"}}'
    )


def trade(i: int, rng: random.Random) -> str:
    maker = "true" if rng.random() < 0.5 else "false"
    return (
        f'{{"stream":"btcusdt@trade","data":{{"e":"trade","E":{START_MS + i},"T":{START_MS + i},"s":"BTCUSDT",'
        f'"t":{5_266_583_935 + i},"p":"{price(rng)}","q":"{qty(rng)}","X":"MARKET","m":{maker}}}}}'
    )


def depth(i: int, rng: random.Random) -> str:
    sides = [",".join(f'["{price(rng)}","{qty(rng)}"]' for _ in range(LEVELS)) for _ in range(2)]
    return (
        f'{{"stream":"btcusdt@depth@0ms","data":{{"e":"depthUpdate","E":{START_MS + i},"T":{START_MS + i},'
        f'"s":"BTCUSDT",'
        f'"U":{5_123_107_832_006 + i},"u":{5_123_107_832_009 + i},"pu":{5_123_107_832_005 + i},'
        f'"b":[{sides[0]}],"a":[{sides[1]}]}}}}'
    )


def kline(i: int, rng: random.Random) -> str:
    low, mid, high = sorted(rng.randrange(6_000_000, 6_300_000) / 100 for _ in range(3))
    return (
        f'{{"stream":"btcusdt@kline_1m","data":{{"e":"kline","E":{START_MS + i},"s":"BTCUSDT","k":{{"t":{START_MS},'
        f'"T":{START_MS + 59_999},"s":"BTCUSDT","i":"1m","f":100,"L":200,"o":"{mid:.2f}","c":"{low:.2f}",'
        f'"h":"{high:.2f}",'
        f'"l":"{low:.2f}","v":"9.{rng.randrange(1000):03d}","n":{i + 1},"x":false,"q":"1.5","V":"{qty(rng)}",'
        '"Q":"1","B":"0"}}}'
    )


class Batch:
    """Frames of one shape, ready for the compiled loop; `per_frame` operations each."""

    def __init__(self, make: Callable[[int, random.Random], str], frames: int = FRAMES, per_frame: int = 1) -> None:
        rng = random.Random(7)
        self.frames = [make(i, rng).encode() for i in range(frames)]
        self.data = b"".join(self.frames)
        self.offsets = np.cumsum([0, *map(len, self.frames)], dtype=np.int64)
        self.recv_ns = np.arange(frames, dtype=np.int64)
        self.verdicts = np.zeros(frames, dtype=np.uint8)
        self.out = np.zeros(frames * (2 * per_frame + 2), dtype=EVENT_DTYPE)
        self.operations = frames * per_frame
        self.scanner = Scanner()
        self.scanner.add_instrument("BTCUSDT", "0.01", "0.001")
        done, _ = self.scanner.scan_many(self.data, self.offsets, self.recv_ns, self.out, self.verdicts)
        assert done == frames
        assert not self.verdicts.any(), self.scanner.counters

    def timed(self, work: Callable[[], object]) -> float:
        began = time.perf_counter_ns()
        work()
        return (time.perf_counter_ns() - began) / self.operations

    def scan(self) -> float:
        return self.timed(
            lambda: self.scanner.scan_many(self.data, self.offsets, self.recv_ns, self.out, self.verdicts)
        )

    def checksum(self) -> float:
        return self.timed(lambda: crc32(self.data))

    def checksum_of_zlib(self) -> float:
        return self.timed(lambda: zlib.crc32(self.data))

    def decode(self, decoder: Callable[[bytes], object]) -> float:
        return self.timed(lambda: [decoder(frame) for frame in self.frames])


BATCHES = {
    "wire.book_ticker": Batch(book_ticker),
    "wire.book_ticker_spot": Batch(spot_ticker),
    "wire.trade": Batch(trade),
    "wire.depth_level": Batch(depth, FRAMES // LEVELS, 2 * LEVELS),
    "wire.kline": Batch(kline),
}

#: (name, one run of the kernel, one run of its reference), both in ns an operation.
KERNELS: list[tuple[str, Callable[[], float], Callable[[], float]]] = [
    *((name, batch.scan, batch.checksum) for name, batch in BATCHES.items()),
    ("wire.crc32_frame", BATCHES["wire.book_ticker"].checksum, BATCHES["wire.book_ticker"].checksum_of_zlib),
]


def bench_book_ticker(benchmark) -> None:
    batch = BATCHES["wire.book_ticker"]
    benchmark(batch.scan)


def bench_depth(benchmark) -> None:
    batch = BATCHES["wire.depth_level"]
    benchmark(batch.scan)


def main() -> None:
    head = f"{'kernel':24} {'bytes':>6} {'ns':>8} {'crc ns':>8} {'ratio':>7} {'msgspec':>9} {'orjson':>9}"
    print(f"{head}   (least of 30 interleaved runs; ratio: median)")
    for name, batch in BATCHES.items():
        runs: dict[str, Callable[[], float]] = {
            "scan": batch.scan,
            "crc": batch.checksum,
            "msgspec": partial(batch.decode, msgspec.json.decode),
            "orjson": partial(batch.decode, orjson.loads),
        }
        times: dict[str, list[float]] = {key: [] for key in runs}
        for _ in range(30):
            for key, run in runs.items():
                times[key].append(run())
        ratio = median(s / c for s, c in zip(times["scan"], times["crc"], strict=True))
        least = {key: min(values) for key, values in times.items()}
        size = len(batch.data) / len(batch.frames)
        others = " ".join(f"{least[key]:9.1f}" for key in ("msgspec", "orjson"))
        print(f"{name:24} {size:6.0f} {least['scan']:8.1f} {least['crc']:8.1f} {ratio:7.3f} {others}")


if __name__ == "__main__":
    main()
