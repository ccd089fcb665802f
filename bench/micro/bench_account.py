"""Positions, journal, paper venue. References: a copy of the same events, write(2) of the same bytes, zlib's CRC-32."""

from __future__ import annotations

import atexit
import ctypes
import os
import shutil
import sys
import tempfile
import zlib
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # loaded by path, and by pytest

import native
import numpy as np
from harness import ns_per_operation

from bot4._core.account.contract import Contract
from bot4._core.account.positions import Positions
from bot4._core.event_dtype import EVENT_DTYPE
from bot4._core.intent_dtype import INTENT_DTYPE
from bot4._core.journal.crc32c import crc32c_repeat
from bot4._core.journal.stream import Journal
from bot4._core.sim.latency import Latency
from bot4._core.sim.paper import Paper

LIBRARY = native.load("write_records")
FOLDER = Path(tempfile.mkdtemp(prefix="bot4-bench-"))
atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)

FILL, TRADE, QUOTE = 17, 3, 5
COUNT = 200_000
RECORDS = 20_000
RECORD_BYTES = 104  # of a record with an intent or an event in it

RANDOM = np.random.default_rng(7)
FILLS = np.zeros(COUNT, EVENT_DTYPE)
FILLS["kind"], FILLS["side"] = FILL, RANDOM.integers(0, 2, COUNT)
FILLS["b"], FILLS["c"] = RANDOM.integers(590_000, 610_000, COUNT), RANDOM.integers(1, 5_000, COUNT)

# Prints and quotes between 600,000 and 600,010: no resting order is reached.
MARKET = np.zeros(COUNT, EVENT_DTYPE)
MARKET["kind"], MARKET["flags"] = np.where(RANDOM.random(COUNT) < 0.5, TRADE, QUOTE), 3
MARKET["recv_ns"] = np.arange(COUNT) * 1_000 + 1
MARKET["a"], MARKET["b"], MARKET["c"], MARKET["d"] = 600_000, RANDOM.integers(1, 99, COUNT), 600_010, 5
NO_INTENTS = np.zeros(0, INTENT_DTYPE)

LINEAR = Contract(1, tick_size="0.1", lot_size="0.001")
INVERSE = Contract(2, tick_size="0.1", lot_size="1", contract_size=100)


def apply_fills(contract: Contract) -> float:
    positions = Positions([contract])
    return ns_per_operation(lambda: positions.apply_many(FILLS), COUNT)


def copy_fills() -> float:
    return ns_per_operation(FILLS.copy, COUNT)


def append_records() -> float:
    (FOLDER / "journal").unlink(missing_ok=True)
    with Journal(FOLDER / "journal", block_bytes=1 << 26) as journal:
        payloads = FILLS[:RECORDS]
        return ns_per_operation(lambda: journal.append_many(3, payloads, 64, mono_ns=1, wall_ns=2), RECORDS)


def write_records() -> float:
    LIBRARY.write_records_ns.restype = ctypes.c_double
    fd = os.open(FOLDER / "plain", os.O_RDWR | os.O_CREAT | os.O_TRUNC)
    try:
        # Promised ahead like the journal's: the difference is the journal, not the file system's allocation.
        os.posix_fallocate(fd, 0, 1 << 26)
        return LIBRARY.write_records_ns(fd, bytes(RECORD_BYTES), ctypes.c_int64(RECORD_BYTES), ctypes.c_int64(RECORDS))
    finally:
        os.close(fd)


def checksum_record() -> float:
    return ns_per_operation(lambda: crc32c_repeat(bytes(RECORD_BYTES - 4), COUNT), COUNT)


def checksum_zlib() -> float:
    block = bytes((RECORD_BYTES - 4) * 1_000)
    return ns_per_operation(lambda: zlib.crc32(block), 1_000)


def venue_with(orders: int) -> Paper:
    venue = Paper(LINEAR, seed=1, submit_latency=Latency.zero(), report_latency=Latency.zero())
    venue.on_event(MARKET[1:2])
    for order_id in range(orders):
        side = order_id % 2
        price = 599_990 - order_id if side == 0 else 600_020 + order_id
        venue.submit(now_ns=0, order_id=order_id + 1, side=side, price_ticks=price, qty_lots=10)
    venue.on_event(QUOTES[:1])
    assert len(venue.open_orders()) == orders
    return venue


QUOTES = MARKET[MARKET["kind"] == QUOTE]


def copy_market() -> float:
    return ns_per_operation(MARKET.copy, COUNT)


def market_events(orders: int) -> float:
    venue = venue_with(orders)
    taken = ns_per_operation(lambda: venue.replay(MARKET, NO_INTENTS), COUNT)
    assert len(venue.open_orders()) == orders
    return taken


KERNELS = [
    ("account.position linear fill / copy of it", lambda: apply_fills(LINEAR), copy_fills),
    ("account.position inverse fill / copy of it", lambda: apply_fills(INVERSE), copy_fills),
    ("journal.crc32c of a record / zlib.crc32", checksum_record, checksum_zlib),
    ("paper.on_event no orders / copy of the event", lambda: market_events(0), copy_market),
    ("paper.on_event 16 orders / copy of the event", lambda: market_events(16), copy_market),
]
ABSENT = {}
if LIBRARY is None:
    ABSENT["journal.append / write(2)"] = "its reference needs a C compiler"
else:
    KERNELS.append(("journal.append / write(2)", append_records, write_records))


def bench_position_apply(benchmark) -> None:
    benchmark(lambda: Positions([LINEAR]).apply_many(FILLS))


def bench_journal_append(benchmark) -> None:
    benchmark.pedantic(append_records, rounds=10)


def bench_paper_on_event(benchmark) -> None:
    benchmark.pedantic(lambda venue: venue.replay(MARKET, NO_INTENTS), setup=lambda: ((venue_with(16),), {}), rounds=10)
