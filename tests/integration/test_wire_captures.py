"""Recorded Binance frames through the scanner: none refused, and equal to the plain-Python twin event for event."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from oracles.wire_scan import Twin

from bot4._core.wire.scan import Scanner

pytestmark = pytest.mark.real_data

#: Quantity steps are those of the balances, not of new orders: among the 99,574 spot messages seven hold a resting
#: order of 25.42618900 BTC, older than today's LOT_SIZE of 0.00001.
CAPTURES = [
    ("spot/btcusdt_20240808.gz", "BTCUSDT", "0.01", "0.00000001", 41_249),
    ("spot/btcusdt_20240809.gz", "BTCUSDT", "0.01", "0.00000001", 58_325),
    ("usdm/btcusdt_20240808.gz", "BTCUSDT", "0.10", "0.001", 93_954),
    ("cm/btcusd_perp_20240808.gz", "BTCUSD_PERP", "0.1", "1", 48_270),
]
TWIN_SHARE = 20  # the twin takes one message of so many, and every snapshot


def lines_of(path: Path) -> Iterator[tuple[int, bytes]]:
    with gzip.open(path) as lines:
        for line in lines:
            stamp, _, frame = line.partition(b" ")
            yield int(stamp), frame


@pytest.mark.parametrize("capture", CAPTURES, ids=[row[0] for row in CAPTURES])
def test_every_message_of_the_hftbacktest_captures_is_taken(shared_data, capture) -> None:
    name, symbol, tick, lot, messages = capture
    scanner, twin = Scanner(), Twin()
    scanner.add_instrument(symbol, tick, lot)
    twin.add_instrument(symbol, tick, lot)
    events = compared = 0
    for i, (recv_ns, frame) in enumerate(lines_of(shared_data / "ws_captures" / "hftbacktest" / name)):
        got = scanner.scan(frame, recv_ns, 0)
        events += len(got)
        if i % TWIN_SHARE == 0 or b"lastUpdateId" in frame[:40]:
            assert (scanner.last_verdict, got.tolist()) == twin.scan(frame, recv_ns, 0), frame[:300]
            compared += 1
    assert scanner.counters["ok"] == messages
    assert scanner.refused == 0
    assert events > 2 * messages
    assert compared >= messages // TWIN_SHARE


def test_the_lot_size_of_new_orders_refuses_older_resting_orders(shared_data) -> None:
    scanner = Scanner()
    scanner.add_instrument("BTCUSDT", "0.01", "0.00001")
    for name in ("spot/btcusdt_20240808.gz", "spot/btcusdt_20240809.gz"):
        for recv_ns, frame in lines_of(shared_data / "ws_captures" / "hftbacktest" / name):
            scanner.scan(frame, recv_ns, 0)
    assert scanner.counters["off_lot"] == scanner.refused == 7


FRAME = re.compile(rb"^(?:https://\S*?symbol=(\w+)\S* -> )?(\d+\.\d+): (\{.*)$")


def instruments_of(path: Path) -> list[tuple[str, str, str]]:
    """Symbol, tick size and lot size of the exchangeInfo recorded in a cryptofeed capture."""
    with gzip.open(path) as lines:
        info = json.loads(next(lines).partition(b": ")[2])
    out = []
    for row in info["symbols"]:
        filters = {item["filterType"]: item for item in row["filters"]}
        out.append((row["symbol"], filters["PRICE_FILTER"]["tickSize"], filters["LOT_SIZE"]["stepSize"]))
    return out


def scan_cryptofeed(folder: Path, venue: str, scanner: Scanner, twin: Twin) -> tuple[int, int]:
    """Scan all that was recorded of a venue, requiring the twin's outcome; how many messages and snapshots that was."""
    seen = snapshots = 0
    for name in (f"{venue}.ws.1.0.gz", f"{venue}.http.0.0.gz"):
        with gzip.open(folder / name) as lines:
            for match in filter(None, map(FRAME.match, lines)):
                symbol, stamp, frame = match.groups()
                recv_ns = int(stamp.replace(b".", b"").ljust(19, b"0"))
                default = scanner.instrument(symbol.decode()) if symbol else -1
                got = scanner.scan(frame, recv_ns, default)
                assert (scanner.last_verdict, got.tolist()) == twin.scan(frame, recv_ns, default), frame[:300]
                seen += 1
                snapshots += symbol is not None
    return seen, snapshots


@pytest.mark.parametrize(("venue", "messages", "left_out"), [("BINANCE", 269, 34), ("BINANCE_FUTURES", 1_539, 131)])
def test_every_message_of_the_cryptofeed_captures_is_taken(shared_data, venue, messages, left_out) -> None:
    folder = shared_data / "ws_captures" / "cryptofeed"
    scanner, twin = Scanner(), Twin()
    for symbol, tick, lot in instruments_of(folder / f"{venue}.0.gz"):
        fine_lot = "0.00000001" if venue == "BINANCE" else lot
        index = scanner.add_instrument(symbol, tick, fine_lot, skip_off_tick_levels=True)
        assert twin.add_instrument(symbol, tick, fine_lot, skip_off_tick_levels=True) == index
    assert scan_cryptofeed(folder, venue, scanner, twin) == (messages, 4)
    assert scanner.refused == 0, scanner.counters
    assert scanner.counters["ok"] == messages
    assert scanner.counters["skipped_off_tick_level"] == twin.off_tick_levels == left_out


@pytest.mark.parametrize(("venue", "reason"), [("BINANCE", "off_lot"), ("BINANCE_FUTURES", "off_tick")])
def test_one_recorded_snapshot_of_each_venue_is_off_the_grid_of_new_orders(shared_data, venue, reason) -> None:
    folder = shared_data / "ws_captures" / "cryptofeed"
    scanner, twin = Scanner(), Twin()
    for row in instruments_of(folder / f"{venue}.0.gz"):
        assert scanner.add_instrument(*row) == twin.add_instrument(*row)
    scan_cryptofeed(folder, venue, scanner, twin)
    assert scanner.counters[reason] == scanner.refused == 1
