"""Order book: deltas near the touch, wide and recorded; the top after each. Reference: a sorted array in C."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # loaded by path, and by pytest

import native
import numpy as np
from book_streams import CAPTURES, Deltas, Stream, drawn, is_recorded, recorded
from harness import ns_per_operation

from bot4._core.book.depth_sync import DepthSync
from bot4._core.book.order_book import Book
from bot4._core.event_dtype import EVENT_DTYPE
from bot4._core.types import EventKind, Flag

LIBRARY = native.load("sorted_book")


class SortedBook:
    """The reference book."""

    def __init__(self) -> None:
        if LIBRARY is None:
            raise RuntimeError("bench/native/sorted_book.c cannot be compiled here")
        LIBRARY.sorted_book_new.restype = ctypes.c_void_p
        LIBRARY.sorted_book_apply.restype = LIBRARY.sorted_book_apply_and_top.restype = ctypes.c_int64
        self.book = ctypes.c_void_p(LIBRARY.sorted_book_new())

    def __del__(self) -> None:
        LIBRARY.sorted_book_free(self.book)

    def apply_many(self, deltas: Deltas, batch_ns: np.ndarray | None = None, batch: int = 64) -> float:
        count = len(deltas.sides)
        pointers = [array.ctypes.data_as(ctypes.c_void_p) for array in deltas]
        batches = None if batch_ns is None else batch_ns.ctypes.data_as(ctypes.c_void_p)
        taken = LIBRARY.sorted_book_apply(self.book, *pointers, ctypes.c_int64(count), ctypes.c_int64(batch), batches)
        return taken / count

    def apply_and_top(self, deltas: Deltas, tops: np.ndarray) -> float:
        count = len(deltas.sides)
        pointers = [array.ctypes.data_as(ctypes.c_void_p) for array in deltas]
        return (
            LIBRARY.sorted_book_apply_and_top(
                self.book, *pointers, ctypes.c_int64(count), tops.ctypes.data_as(ctypes.c_void_p)
            )
            / count
        )


def filled_book(stream: Stream) -> Book:
    book = Book()
    book.apply_many(*stream.snapshot)
    return book


def kernel(stream: Stream) -> Callable[[], float]:
    def run() -> float:
        book = filled_book(stream)
        return ns_per_operation(lambda: book.apply_many(*stream.deltas), len(stream.deltas.sides))

    return run


def reference(stream: Stream) -> Callable[[], float]:
    def run() -> float:
        book = SortedBook()
        book.apply_many(stream.snapshot)
        return book.apply_many(stream.deltas)

    return run


def depth_events(stream: Stream, levels_per_message: int = 32) -> np.ndarray:
    """The stream as a snapshot and spot diffs of `levels_per_message` levels."""
    count = len(stream.deltas.sides) // levels_per_message * levels_per_message
    messages = [stream.snapshot] + [
        Deltas(*(column[start : start + levels_per_message] for column in stream.deltas))
        for start in range(0, count, levels_per_message)
    ]
    parts = []
    for last_id, levels in enumerate(messages, 1):
        events = np.zeros(1 + len(levels.sides), EVENT_DTYPE)
        events["kind"] = EventKind.EVENT_DEPTH_LEVEL
        events["side"][1:], events["a"][1:], events["b"][1:] = levels
        events["kind"][0] = EventKind.EVENT_DEPTH_BEGIN
        events["a"][0], events["b"][0], events["c"][0], events["d"][0] = last_id, last_id, -1, len(levels.sides)
        events["flags"] = Flag.FLAG_SNAPSHOT if last_id == 1 else 0
        events["flags"][0] |= Flag.FLAG_FIRST
        events["flags"][-1] |= Flag.FLAG_LAST
        parts.append(events)
    return np.concatenate(parts)


NEAR = drawn(wide_share=0.0)
WIDE = drawn(wide_share=0.1)
EVENTS = depth_events(WIDE)
TOPS = np.zeros((20_000, 20), np.int64)
TOP_DELTAS = Deltas(*(column[: len(TOPS)] for column in NEAR.deltas))


def synchronise() -> float:
    sync = DepthSync()
    return ns_per_operation(lambda: sync.apply(EVENTS), len(EVENTS))


def apply_and_top() -> float:
    book = filled_book(NEAR)
    return ns_per_operation(lambda: book.apply_and_top(*TOP_DELTAS, TOPS), len(TOPS))


def reference_apply_and_top() -> float:
    book = SortedBook()
    book.apply_many(NEAR.snapshot)
    return book.apply_and_top(TOP_DELTAS, TOPS)


KERNELS = [
    ("book.delta near / sorted array", kernel(NEAR), reference(NEAR)),
    ("book.delta wide / sorted array", kernel(WIDE), reference(WIDE)),
    ("book.delta and top / sorted array", apply_and_top, reference_apply_and_top),
    ("book.sync event / sorted array delta", synchronise, reference(WIDE)),
] + [
    (f"book.delta recorded {name} / sorted array", kernel(stream := recorded(name)), reference(stream))
    for name in CAPTURES
    if is_recorded(name)
]

ABSENT = {
    f"book.delta recorded {name} / sorted array": "../shared/data is not here"
    for name in CAPTURES
    if not is_recorded(name)
}


def bench_book_delta_wide(benchmark) -> None:
    benchmark.pedantic(lambda book: book.apply_many(*WIDE.deltas), setup=lambda: ((filled_book(WIDE),), {}), rounds=20)
