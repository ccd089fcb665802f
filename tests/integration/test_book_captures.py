"""The synchronised book over recorded Binance streams: no gap, never crossed, equal to an independent rebuild."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from oracles.book_capture import DepthMessage, Rebuild, depth_events, read_depth_messages, rebuild

from bot4._core.book.book_sync import SyncState, SyncVerdict
from bot4._core.book.depth_sync import DepthSync

pytestmark = pytest.mark.real_data

HFT = "ws_captures/hftbacktest"
# Prices by the tick. Quantities of the spot capture have up to 8 decimals: some are finer than the lot step of 1e-5.
CAPTURES = {
    "spot": ((f"{HFT}/spot/btcusdt_20240808.gz", f"{HFT}/spot/btcusdt_20240809.gz"), 2, 8),
    "usdm": ((f"{HFT}/usdm/btcusdt_20240808.gz",), 1, 3),
    "cm": ((f"{HFT}/cm/btcusd_perp_20240808.gz",), 1, 0),
    "usdm 2022": (("ws_captures/collect-binancefutures/btcusdt_20220811.dat.gz",), 1, 3),
}


@dataclass
class Capture:
    """One recorded stream: its messages, the same as events, and the book rebuilt from the messages."""

    messages: list[DepthMessage]
    events: np.ndarray
    rebuilt: Rebuild


@pytest.fixture(scope="module", params=CAPTURES)
def capture(request, shared_data) -> Capture:
    paths, price_decimals, qty_decimals = CAPTURES[request.param]
    messages = list(read_depth_messages(*(shared_data / path for path in paths)))
    return Capture(
        messages,
        depth_events(messages, price_decimals, qty_decimals),
        rebuild(messages, price_decimals, qty_decimals),
    )


def levels(sync: DepthSync, side: int) -> list[tuple[int, int]]:
    return list(zip(*(column.tolist() for column in sync.book.depth(side)), strict=True))


def check_final_book(sync: DepthSync, rebuilt: Rebuild) -> None:
    assert sync.is_live
    assert sync.last_id == rebuilt.last_id
    assert levels(sync, 0) == sorted(rebuilt.bids.items(), reverse=True)
    assert levels(sync, 1) == sorted(rebuilt.asks.items())


def check_clean(counters: dict[str, int], rebuilt: Rebuild) -> None:
    trouble = ("gaps", "crossed", "dropped", "malformed", "full", "resyncs", "snapshots_old")
    assert {name: counters[name] for name in trouble} == dict.fromkeys(trouble, 0)
    assert rebuilt.gaps == rebuilt.crossed == 0
    assert (counters["applied"], counters["stale"]) == (rebuilt.applied, rebuilt.stale)
    assert counters["snapshots"] == 1


def test_the_final_book_equals_an_independent_rebuild(capture):
    sync = DepthSync()
    verdicts = np.zeros(len(capture.events), np.uint8)
    sync.apply(capture.events, verdicts)
    assert sync.state == SyncState.STATE_LIVE
    assert min(len(capture.rebuilt.bids), len(capture.rebuilt.asks)) > 500
    check_final_book(sync, capture.rebuilt)
    check_clean(sync.counters, capture.rebuilt)
    assert np.count_nonzero(verdicts == SyncVerdict.SYNC_SNAPSHOT) == 1


def test_control_a_capture_with_one_changed_quantity_differs(capture):
    events = capture.events.copy()
    added = np.flatnonzero((events["kind"] == 2) & (events["b"] > 0))
    events["b"][added[-1]] += 1
    sync = DepthSync()
    sync.apply(events)
    with pytest.raises(AssertionError):
        check_final_book(sync, capture.rebuilt)


def test_control_a_capture_without_one_diff_is_not_clean(capture):
    sync = DepthSync()
    starts = np.flatnonzero(capture.events["kind"] == 1)
    sync.apply(np.concatenate((capture.events[: starts[-3]], capture.events[starts[-2] :])))
    with pytest.raises(AssertionError):
        check_clean(sync.counters, capture.rebuilt)


def test_small_windows_and_batches_give_the_same_book(capture):
    whole, pieces = DepthSync(), DepthSync(window_ticks=64, far_capacity=1 << 14)
    whole.apply(capture.events)
    for start in range(0, len(capture.events), 9_973):
        pieces.apply(capture.events[start : start + 9_973])
    assert pieces.book.hash() == whole.book.hash()
    assert pieces.counters == whole.counters


def test_a_message_left_out_is_noticed_and_the_next_snapshot_repairs_the_book(capture):
    """Leave out one diff well after the snapshot; then give the rebuilt book as a snapshot."""
    sync = DepthSync(buffer_messages=1 << 15, buffer_levels=1 << 19)
    starts = np.flatnonzero(capture.events["kind"] == 1)
    left_out = len(starts) // 2
    sync.apply(capture.events[: starts[left_out]])
    assert sync.is_live
    sync.apply(capture.events[starts[left_out + 1] : starts[-1]])
    assert not sync.is_live
    assert sync.counters["gaps"] == 1
    assert sync.book.level_count(0) == 0
    last_id = capture.rebuilt.last_id
    bids, asks = (
        [[str(price), str(qty)] for price, qty in side.items()] for side in (capture.rebuilt.bids, capture.rebuilt.asks)
    )
    snapshot = depth_events(
        [DepthMessage(0, True, last_id, last_id, -1, bids, asks, 0)],
        price_decimals=0,
        qty_decimals=0,
    )
    assert sync.apply(snapshot) == SyncVerdict.SYNC_SNAPSHOT
    assert sync.is_live
    check_final_book(sync, capture.rebuilt)
    assert sync.counters["resyncs"] == 1
