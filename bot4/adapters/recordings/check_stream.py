"""Checks Binance frames one by one through the compiled scanner and book synchronisation.

The venue's sequence rule is checked here on the ids alone, message by message, so that a gap is found and counted even
where no snapshot ever let a book be built; the book is built beside it and tells crossing.

Source: Binance spot web-socket-streams.md ("How to manage a local order book correctly", 2025-11-12) and the USD-M
counterpart: spot U == last u + 1, futures pu == last u.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from bot4._core.book.book_sync import SyncVerdict
from bot4._core.book.depth_sync import DepthSync
from bot4._core.types import EventKind, Flag, Side
from bot4._core.wire.scan import Scanner
from bot4.adapters.recordings.check_batch import BatchCheck
from bot4.adapters.recordings.findings import and_more

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from bot4._core.book.order_book import BookView
    from bot4.adapters.recordings.catalog import InstrumentCatalog
    from bot4.adapters.recordings.findings import Findings
    from bot4.domain.instrument import Instrument, Market
    from bot4.dto.data_check import InstrumentReport

TOP_LEVELS = 10
CLOCK_APART_NS = 60 * 1_000_000_000
# Two snapshots of 5,000 levels a side fit; a real book beyond that is refused as full and said so.
_WINDOW_TICKS = 1 << 13
_FAR_CAPACITY = 1 << 15
_MAX_EVENTS = 1 << 15
_DECIMALS_MAX = 8
_BATCH_LEAST = 32  # fewer frames are faster one by one

_NAMES = {
    EventKind.EVENT_DEPTH_BEGIN: "depth",
    EventKind.EVENT_TRADE: "trade",
    EventKind.EVENT_AGG_TRADE: "aggTrade",
    EventKind.EVENT_QUOTE: "bookTicker",
    EventKind.EVENT_BAR_PRICES: "kline",
}
_BROKEN = {
    SyncVerdict.SYNC_CROSSED: ("crossed", "best bid at or above best ask after this message; the book is lost"),
    SyncVerdict.SYNC_FULL: ("refused", "a level found no room in the book, which is lost"),
    SyncVerdict.SYNC_MALFORMED: ("refused", "impossible ids or level; the book is lost"),
}


@dataclass(slots=True)
class Track:
    """What is remembered of one instrument from message to message, across files.

    `fresh` holds the streams that have not spoken yet in the current file: their first message may start anew.
    """

    instrument: Instrument
    report: InstrumentReport
    sync: DepthSync
    last_update_id: int = -1
    has_diffs: bool = False
    is_joined: bool = True
    last_stamps: dict[str, int] = field(default_factory=dict)
    last_ids: dict[str, int] = field(default_factory=dict)
    covered: int = -1
    fresh: set[str] = field(default_factory=set)


class StreamCheck:
    """Checks the frames of one market, over any number of files in order. One thread.

    Parameters
    ----------
    market : Market
        All frames are of this one.
    catalog : InstrumentCatalog
        Where rules come from; a symbol without any raises ConfigError.
    findings : Findings
        Takes what is found.

    Attributes
    ----------
    finer : dict of str to Instrument
        Rules, by symbol, whose grid takes the figures that were refused for being off it: with them the check can be
        made again and every book be built.

    """

    def __init__(self, market: Market, catalog: InstrumentCatalog, findings: Findings) -> None:
        self._market = market
        self._catalog = catalog
        self._findings = findings
        self._scanner = Scanner(max_events=_MAX_EVENTS)
        self._tracks: list[Track] = []
        self._only = -1
        self._batches = BatchCheck(self._scanner, self._tracks, findings, CLOCK_APART_NS)
        self.finer: dict[str, Instrument] = {}

    def open_file(self, symbols: tuple[str, ...]) -> None:
        """Make the symbols known that recognition saw; the next message of each may start a new stretch."""
        known = {self.add(symbol) for symbol in symbols}
        self._only = known.pop() if len(known) == 1 else -1
        for track in self._tracks:
            track.fresh = {"depth", "trade", "aggTrade", "bookTicker"}
            track.last_stamps.clear()

    def add(self, symbol: str) -> int:
        """Index of `symbol`, with its rules looked up on first sight; ConfigError where there are none."""
        if (index := self._scanner.instrument(symbol)) >= 0:
            return index
        rules = self._catalog.require("binance", self._market, symbol)
        index = self._scanner.add_instrument(symbol, f"{rules.tick_size:f}", f"{rules.lot_size:f}")
        report = self._findings.instrument("binance", self._market.value, symbol, rules)
        sync = DepthSync(window_ticks=_WINDOW_TICKS, far_capacity=_FAR_CAPACITY)
        self._tracks.append(Track(rules, report, sync))
        return index

    def only_symbol(self) -> int:
        """Index for snapshots that name no symbol: the file's only instrument, or the only one there is, else -1."""
        return 0 if len(self._tracks) == 1 else self._only

    def frames(self, lines: Sequence[int], recv_ns: Sequence[int], payloads: Sequence[bytes]) -> None:
        """Check frames that follow each other: at once, and by ever smaller parts where there is anything to tell."""
        if len(lines) < _BATCH_LEAST:
            for line, stamp, payload in zip(lines, recv_ns, payloads, strict=True):
                self.frame(line, stamp, payload, self.only_symbol())
            return
        places, stamps = np.array(lines, np.int64), np.array(recv_ns, np.int64)
        if not self._batches.take(places, stamps, payloads, self.only_symbol(), self._synced_in_sequence):
            half = len(lines) // 2
            self.frames(lines[:half], recv_ns[:half], payloads[:half])
            self.frames(lines[half:], recv_ns[half:], payloads[half:])

    def frame(self, line: int, recv_ns: int, payload: bytes, default_instrument: int) -> None:
        """Check one frame; `default_instrument` is what a snapshot without a symbol is of, -1 for unknown."""
        events = self._scanner.scan(payload, recv_ns, default_instrument)
        if self._scanner.last_verdict == "unknown_symbol" and (symbol := _symbol(payload)):
            default_instrument = max(default_instrument, self.add(symbol) if default_instrument < 0 else -1)
            events = self._scanner.scan(payload, recv_ns, default_instrument)
        if len(events) == 0:
            self._no_event(line, recv_ns, payload, default_instrument)
            return
        first = events[0].item()
        track = self._tracks[first[3]]
        kind = _NAMES[first[0]] if not first[2] & Flag.FLAG_SNAPSHOT else "snapshot"
        self._findings.message(kind, recv_ns or first[5], track.report)
        self._stamps(line, track, kind, recv_ns, first[5])
        if first[0] == EventKind.EVENT_DEPTH_BEGIN:
            self._steps(line, track, events["a"][1:], events["b"][1:])
            self._depth(line, track, events, first)
        elif kind in ("trade", "aggTrade"):
            self._steps(line, track, events["a"], events["b"])
            self._trade(line, track, kind, first[9:12])
        elif kind == "bookTicker":
            self._steps(line, track, np.array(first[7:11:2]), np.array(first[8:11:2]))
            self._quote(line, track, first[7:12])
        elif kind == "kline":
            self._steps(line, track, np.array(first[7:11]), events["a"][1:])

    def close(self) -> None:
        """Write the state of every book into its report."""
        for track in self._tracks:
            report, sync = track.report, track.sync
            note_off_step(report, track.instrument)
            if not track.has_diffs and not report.snapshots:
                continue
            report.book = "live" if sync.is_live else "not live"
            if not report.snapshots:
                report.notes.append("no snapshot: a book cannot be built, only the sequence of the diffs is checked")
            elif not sync.is_live:
                report.notes.append("the book is not live at the end: no snapshot joined the diffs after it was lost")
            else:
                report.bids = _levels(track.instrument, sync.book, Side.SIDE_BUY)
                report.asks = _levels(track.instrument, sync.book, Side.SIDE_SELL)

    def _no_event(self, line: int, recv_ns: int, payload: bytes, default_instrument: int) -> None:
        """Take a frame without events, sound or refused: its ids still count, lest a gap be made up."""
        verdict = self._scanner.last_verdict
        data = _unwrapped(payload)
        symbol = data.get("s") or data.get("symbol")
        index = self._scanner.instrument(symbol) if isinstance(symbol, str) and symbol else default_instrument
        track = self._tracks[index] if 0 <= index < len(self._tracks) else None
        if verdict == "ignored":
            self._findings.message("other", recv_ns, track.report if track else None)
        else:
            detail = ""
            if track and verdict in ("off_tick", "off_lot"):
                detail = self._off_grid(track.instrument, data)
            self._findings.refused(verdict, line, detail, track.report if track else None)
        if track is None:
            return
        kind = data.get("e")
        if kind == "depthUpdate" and all(isinstance(data.get(name), int) for name in ("U", "u")):
            track.has_diffs = True
            prev_id = data["pu"] if isinstance(data.get("pu"), int) else -1
            self._sequence(line, track, data["U"], data["u"], prev_id, is_futures="pu" in data)
            track.sync.reset()  # a hole in the book that the next diff cannot show
        elif kind == "trade" and isinstance(data.get("t"), int):
            self._trade(line, track, "trade", (data["t"],) * 3)

    def _off_grid(self, rules: Instrument, data: dict[str, Any]) -> str:
        """Note the finer grids a refused frame's figures lie on; the first figure off the grid, and how many more."""
        said: list[str] = []
        for price, qty in _figures(data):
            for text, grid, convert in (
                (price, "tick_size", rules.price_to_ticks),
                (qty, "lot_size", rules.qty_to_lots),
            ):
                try:
                    if isinstance(text, str):
                        convert(text)
                except ValueError as error:
                    said.append(str(error))
                    self._refine(rules, grid, text)
        return f"{said[0]}{and_more(len(said))}" if said else ""

    def _refine(self, rules: Instrument, grid: str, text: str) -> None:
        decimals = len(text.rstrip("0").partition(".")[2])
        finer = Decimal(1).scaleb(-decimals)
        held = self.finer.get(rules.symbol, rules)
        before = held.tick_size if grid == "tick_size" else held.lot_size
        if decimals > _DECIMALS_MAX or finer >= before or before % finer != 0:
            return
        finest = replace(held, tick_size=finer) if grid == "tick_size" else replace(held, lot_size=finer)
        self.finer[rules.symbol] = finest

    def _stamps(self, line: int, track: Track, kind: str, recv_ns: int, venue_ns: int) -> None:
        if venue_ns <= 0:
            return
        if venue_ns < track.last_stamps.get(kind, 0):
            back = (track.last_stamps[kind] - venue_ns) / 1e6
            self._findings.defect("venue_backwards", line, f"{kind} stamp {back:.3f} ms before the last", track.report)
        track.last_stamps[kind] = venue_ns
        if recv_ns > 0 and abs(recv_ns - venue_ns) > CLOCK_APART_NS:
            apart = (recv_ns - venue_ns) / 1e9
            self._findings.defect("clock", line, f"receive stamp {apart:+.3f} s from the venue's", track.report)

    def _steps(self, line: int, track: Track, ticks: NDArray[np.int64], lots: NDArray[np.int64]) -> None:
        """Prices off the order step are defects; quantities off it are older orders that rest, and are counted."""
        rules = track.instrument
        if rules.ticks_per_step > 1 and len(off := ticks[ticks % rules.ticks_per_step != 0]):
            price = rules.ticks_to_price(int(off[0]))
            detail = f"price {price} is not a multiple of {rules.price_step}{and_more(len(off))}"
            self._findings.defect("off_grid", line, detail, track.report, len(off))
        if rules.lots_per_step > 1:
            track.report.off_step_quantities += int(np.count_nonzero(lots % rules.lots_per_step))

    def _depth(self, line: int, track: Track, events: Any, first: tuple[int, ...]) -> None:
        flags, (first_id, last_id, prev_id) = first[2], first[7:10]
        is_diff = not flags & (Flag.FLAG_SNAPSHOT | Flag.FLAG_PARTIAL_BOOK)
        in_sequence = True
        if is_diff:
            track.has_diffs = True
            in_sequence = self._sequence(
                line, track, first_id, last_id, prev_id, is_futures=bool(flags & Flag.FLAG_FUTURES)
            )
        else:
            track.report.snapshots += 1
        self._synced(line, track, SyncVerdict(track.sync.apply(events)), first, in_sequence=in_sequence)

    def _synced_in_sequence(self, line: int, track: Track, verdict: SyncVerdict, first: tuple[int, ...]) -> None:
        self._synced(line, track, verdict, first, in_sequence=True)

    def _synced(
        self, line: int, track: Track, verdict: SyncVerdict, first: tuple[int, ...], *, in_sequence: bool
    ) -> None:
        """Tell what the book made of a depth message."""
        is_diff = not first[2] & (Flag.FLAG_SNAPSHOT | Flag.FLAG_PARTIAL_BOOK)
        first_id, last_id = first[7:9]
        if verdict in _BROKEN:
            kind, detail = _BROKEN[verdict]
            self._findings.defect(kind, line, detail, track.report)
        elif verdict is SyncVerdict.SYNC_SNAPSHOT:
            track.is_joined = not is_diff and track.last_update_id >= last_id
        elif verdict is SyncVerdict.SYNC_SNAPSHOT_OLD and not track.sync.counters["dropped"]:
            self._findings.defect(
                "unjoined_snapshot", line, f"lastUpdateId {last_id} is before the first diff kept", track.report
            )
        elif verdict is SyncVerdict.SYNC_GAP and in_sequence and not track.is_joined:
            self._findings.defect(
                "unjoined_snapshot", line, f"U {first_id} does not continue the snapshot before it", track.report
            )
        elif verdict is SyncVerdict.SYNC_APPLIED:
            track.is_joined = True

    def _sequence(
        self, line: int, track: Track, first_id: int, last_id: int, prev_id: int, *, is_futures: bool
    ) -> bool:
        """Check one diff's ids against the last ones; whether it continues them."""
        before = track.last_update_id
        is_fresh = "depth" in track.fresh
        track.fresh.discard("depth")
        if before < 0 or (prev_id == before if is_futures else first_id == before + 1):
            track.last_update_id = last_id
            return True
        if is_fresh:
            self._new_stretch(track, "depth")
            track.last_update_id = last_id
            track.sync.reset()
            return True
        track.last_update_id = max(before, last_id)
        if last_id <= before:
            self._findings.defect("out_of_order", line, f"u {last_id} after u {before}", track.report)
        elif is_futures:
            self._findings.defect("sequence_gap", line, f"pu {prev_id} after u {before}", track.report)
        elif first_id > before + 1:
            missing = first_id - before - 1
            self._findings.defect(
                "sequence_gap", line, f"U {first_id} after u {before}: {missing:,} updates missing", track.report
            )
        else:
            self._findings.defect("out_of_order", line, f"U {first_id} overlaps u {before}", track.report)
        return False

    def _trade(self, line: int, track: Track, kind: str, ids: tuple[int, ...]) -> None:
        trade_id, first_id, last_id = ids
        before, covered = track.last_ids.get(kind, -1), track.covered
        is_fresh = kind in track.fresh
        track.fresh.discard(kind)
        if is_fresh and before >= 0 and trade_id != before + 1:
            self._new_stretch(track, kind)
            before = covered = -1
        track.last_ids[kind] = max(before, trade_id)
        if kind == "aggTrade":
            track.covered = max(covered, last_id)
        if before >= 0 and trade_id <= before:
            self._findings.defect("duplicate", line, f"{kind} {trade_id} after {before}", track.report)
        elif before >= 0 and trade_id > before + 1:
            missing = trade_id - before - 1
            detail = f"{kind} {trade_id} after {before}: {missing:,} missing"
            self._findings.defect("trade_id_gap", line, detail, track.report)
        elif kind == "aggTrade" and first_id <= covered:
            self._findings.defect("duplicate", line, f"trade {first_id} is in two aggTrades", track.report)

    def _quote(self, line: int, track: Track, words: tuple[int, ...]) -> None:
        bid, bid_lots, ask, ask_lots, update_id = words
        before = -1 if "bookTicker" in track.fresh else track.last_ids.get("bookTicker", -1)
        track.fresh.discard("bookTicker")
        if bid_lots and ask_lots and bid >= ask:
            prices = f"{track.instrument.ticks_to_price(bid)} at or above {track.instrument.ticks_to_price(ask)}"
            self._findings.defect("crossed", line, f"quote: bid {prices}", track.report)
        if update_id < before:
            self._findings.defect("out_of_order", line, f"quote u {update_id} after u {before}", track.report)
        track.last_ids["bookTicker"] = max(before, update_id)

    def _new_stretch(self, track: Track, kind: str) -> None:
        track.report.notes.append(f"{kind}: {self._findings.file.path} does not continue the file before it")


def note_off_step(report: InstrumentReport, rules: Instrument) -> None:
    """Say in words that some quantities are finer than what new orders may have."""
    if report.off_step_quantities:
        report.notes.append(
            f"quantities finer than the order step {rules.qty_step:f}: {report.off_step_quantities:,}, of "
            "orders placed under an older step; no defect of the data"
        )


def _unwrapped(payload: bytes) -> dict[str, Any]:
    """Return the frame's own object, out of a combined stream's wrapper; empty where it is none."""
    try:
        frame = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return {}
    if isinstance(frame, dict) and isinstance(frame.get("data"), dict):
        frame = frame["data"]
    return frame if isinstance(frame, dict) else {}


def _symbol(payload: bytes) -> str:
    data = _unwrapped(payload)
    symbol = data.get("s", data.get("symbol"))
    return symbol if isinstance(symbol, str) else ""


def _figures(data: dict[str, Any]) -> list[tuple[Any, Any]]:
    """Collect every (price, quantity) of a frame, whatever its kind."""
    levels = [level for name in ("b", "a", "bids", "asks") if isinstance(data.get(name), list) for level in data[name]]
    pairs = [(level[0], level[1]) for level in levels if isinstance(level, list) and len(level) > 1]
    pairs += [(data.get(price), data.get(qty)) for price, qty in (("p", "q"), ("b", "B"), ("a", "A"))]
    bar = data["k"] if isinstance(data.get("k"), dict) else {}
    return [*pairs, (bar.get("o"), bar.get("v")), *((bar.get(name), None) for name in "hlc")]


def _levels(instrument: Instrument, book: BookView, side: int) -> list[tuple[str, str]]:
    prices, quantities = book.depth(side, TOP_LEVELS)
    return [
        (f"{instrument.ticks_to_price(int(price)):f}", f"{instrument.lots_to_qty(int(qty)):f}")
        for price, qty in zip(prices, quantities, strict=True)
    ]
