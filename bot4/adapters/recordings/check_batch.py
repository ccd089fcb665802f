"""Checks many Binance frames at once where nothing is wrong with them; where anything may be, they go one by one.

What is found is the same: a batch is judged by whole columns first, and nothing was noted of it yet where one of its
frames needs a closer look. The books take their events either way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bot4._core.book.book_sync import SyncVerdict
from bot4._core.event_dtype import EVENT_DTYPE
from bot4._core.types import EventKind, Flag
from bot4._core.wire.scan import ScanVerdict

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from bot4._core.wire.scan import Scanner
    from bot4.adapters.recordings.check_stream import Track
    from bot4.adapters.recordings.findings import Findings

BATCH_FRAMES = 1_024
_ROOM = 1 << 16
_NAMES = {
    int(EventKind.EVENT_DEPTH_BEGIN): "depth",
    int(EventKind.EVENT_TRADE): "trade",
    int(EventKind.EVENT_AGG_TRADE): "aggTrade",
    int(EventKind.EVENT_QUOTE): "bookTicker",
}
_REPLACES = int(Flag.FLAG_SNAPSHOT | Flag.FLAG_PARTIAL_BOOK)


@dataclass(frozen=True, slots=True)
class _Group:
    """Messages of one kind and instrument: their first events, where they are in the batch, and their levels."""

    kind: str
    track: Track
    heads: NDArray[np.void]
    places: NDArray[np.int64]
    levels: NDArray[np.void]  # events of depth messages, their first ones included


class BatchCheck:
    """Judges batches of frames. One thread.

    Parameters
    ----------
    scanner : Scanner
        The stream check's own.
    tracks : sequence of Track
        Its instruments, by their index; may grow.
    findings : Findings
        Takes what is counted.
    clock_apart_ns : int
        How far a receive stamp may lie from the venue's.

    """

    def __init__(self, scanner: Scanner, tracks: Sequence[Track], findings: Findings, clock_apart_ns: int) -> None:
        self._scanner = scanner
        self._tracks = tracks
        self._findings = findings
        self._clock_apart_ns = clock_apart_ns
        self._out = np.empty(_ROOM, EVENT_DTYPE)

    def take(
        self,
        lines: NDArray[np.int64],
        recv_ns: NDArray[np.int64],
        payloads: Sequence[bytes],
        default_instrument: int,
        synced: Callable[[int, Track, SyncVerdict, tuple[int, ...]], None],
    ) -> bool:
        """Take frames as a whole; False where one of them needs a closer look, and nothing was noted.

        Parameters
        ----------
        lines, recv_ns : ndarray[int64], shape (n,)
            Where each frame stands, and its receive stamp, 0 for none.
        payloads : sequence of bytes
            The frames.
        default_instrument : int
            What a frame without a symbol is of.
        synced : callable(line, track, verdict, first event)
            Told what the book made of a depth message, where that was not simply to apply it.

        """
        offsets = np.zeros(len(payloads) + 1, np.int64)
        np.cumsum([len(payload) for payload in payloads], out=offsets[1:])
        verdicts = np.empty(len(payloads), np.uint8)
        done, count = self._scanner.scan_many(
            b"".join(payloads), offsets, recv_ns, self._out, verdicts, default_instrument
        )
        events = self._out[:count]
        if done < len(payloads) or (verdicts != ScanVerdict.SCAN_OK).any() or (events["flags"] & _REPLACES).any():
            return False
        firsts = np.flatnonzero(events["flags"] & Flag.FLAG_FIRST)
        if len(firsts) != len(payloads):
            return False
        groups = self._groups(events, firsts)
        if groups is None or not all(self._is_clean(group, recv_ns) for group in groups):
            return False
        for group in groups:
            self._note(group, lines, recv_ns, synced)
        return True

    def _groups(self, events: NDArray[np.void], firsts: NDArray[np.int64]) -> list[_Group] | None:
        heads = events[firsts]
        codes = heads["instrument"].astype(np.int64) << 8 | heads["kind"]
        groups = []
        for code, first in zip(*np.unique(codes, return_index=True), strict=True):
            kind = _NAMES.get(int(code) & 0xFF)
            if kind is None:
                return None
            places = np.flatnonzero(codes == code)
            levels = events[:0]
            if kind == "depth":
                whose = np.repeat(np.arange(len(firsts)), np.diff(np.append(firsts, len(events))))
                levels = events[(codes == code)[whose]]
            groups.append((int(first), _Group(kind, self._tracks[int(code) >> 8], heads[places], places, levels)))
        return [group for _, group in sorted(groups, key=lambda pair: pair[0])]

    # -- is there anything to tell -------------------------------------------------------------------------------------

    def _is_clean(self, group: _Group, recv_ns: NDArray[np.int64]) -> bool:
        stamps = group.heads["venue_ns"]
        told = stamps > 0
        kept, received = stamps[told], recv_ns[group.places][told]
        if len(kept) and (kept[0] < group.track.last_stamps.get(group.kind, 0) or (np.diff(kept) < 0).any()):
            return False
        if (np.abs(received - kept)[received > 0] > self._clock_apart_ns).any():
            return False
        ticks, _ = _figures(group)
        per_step = group.track.instrument.ticks_per_step
        if per_step > 1 and any((column % per_step).any() for column in ticks):
            return False
        judge = {"depth": _depth_follows, "bookTicker": _quotes_follow}.get(group.kind, _trades_follow)
        return judge(group)

    # -- what there is to count ----------------------------------------------------------------------------------------

    def _note(
        self,
        group: _Group,
        lines: NDArray[np.int64],
        recv_ns: NDArray[np.int64],
        synced: Callable[[int, Track, SyncVerdict, tuple[int, ...]], None],
    ) -> None:
        track, heads, kind = group.track, group.heads, group.kind
        stamps = heads["venue_ns"]
        received = recv_ns[group.places]
        self._findings.messages(kind, np.where(received != 0, received, stamps), track.report)
        if len(told := stamps[stamps > 0]):
            track.last_stamps[kind] = int(told[-1])
        if (per_step := track.instrument.lots_per_step) > 1:
            _, lots = _figures(group)
            track.report.off_step_quantities += sum(int(np.count_nonzero(column % per_step)) for column in lots)
        track.fresh.discard(kind)
        if kind == "depth":
            self._apply(group, lines, synced)
        elif kind == "bookTicker":
            track.last_ids[kind] = int(heads["e"][-1])
        else:
            track.last_ids[kind] = int(heads["c"][-1])
            if kind == "aggTrade":
                track.covered = max(track.covered, int(heads["e"].max()))

    def _apply(
        self,
        group: _Group,
        lines: NDArray[np.int64],
        synced: Callable[[int, Track, SyncVerdict, tuple[int, ...]], None],
    ) -> None:
        track = group.track
        track.has_diffs = True
        track.last_update_id = int(group.heads["b"][-1])
        verdicts = np.empty(len(group.levels), np.uint8)
        track.sync.apply(group.levels, verdicts)
        made = verdicts[np.flatnonzero(group.levels["flags"] & Flag.FLAG_LAST)]
        if (made == SyncVerdict.SYNC_APPLIED).all():
            track.is_joined = True
            return
        for place, verdict, head in zip(group.places, made, group.heads, strict=True):
            synced(int(lines[place]), track, SyncVerdict(int(verdict)), head.item())


def _figures(group: _Group) -> tuple[list[NDArray[np.int64]], list[NDArray[np.int64]]]:
    """Return the columns of prices in ticks and of quantities in lots."""
    if group.kind == "depth":
        levels = group.levels[group.levels["kind"] != EventKind.EVENT_DEPTH_BEGIN]
        return [levels["a"]], [levels["b"]]
    heads = group.heads
    if group.kind == "bookTicker":
        return [heads["a"], heads["c"]], [heads["b"], heads["d"]]
    return [heads["a"]], [heads["b"]]


def _depth_follows(group: _Group) -> bool:
    """Whether each diff continues the one before it, by the market's rule."""
    heads, before = group.heads, group.track.last_update_id
    last = np.concatenate(([before], heads["b"][:-1]))
    is_futures = heads["flags"] & Flag.FLAG_FUTURES != 0
    follows = np.where(is_futures, heads["c"] == last, heads["a"] == last + 1)
    return bool(follows[1:].all() and (before < 0 or follows[0]))


def _trades_follow(group: _Group) -> bool:
    """Whether each trade id is the next, and no trade is in two aggTrades."""
    heads, track = group.heads, group.track
    ids, before = heads["c"], track.last_ids.get(group.kind, -1)
    if (np.diff(ids) != 1).any() or (before >= 0 and ids[0] != before + 1):
        return False
    if group.kind != "aggTrade":
        return True
    covered = np.maximum.accumulate(np.concatenate(([track.covered], heads["e"][:-1])))
    return bool((heads["d"] > covered).all())


def _quotes_follow(group: _Group) -> bool:
    """Whether no quote is crossed or older than the one before it."""
    heads, track = group.heads, group.track
    before = -1 if group.kind in track.fresh else track.last_ids.get(group.kind, -1)
    crossed = (heads["b"] != 0) & (heads["d"] != 0) & (heads["a"] >= heads["c"])
    return bool(not crossed.any() and heads["e"][0] >= before and (np.diff(heads["e"]) >= 0).all())
