"""Checks the CSV files of binance-data-processor: each message's rows become the frame they came from.

Its depth and trade files hold one row a level or trade, its snapshot files one row a level; comment lines start
with ``#``. The frames then go through the same scanner, sequence rule and book as captured ones.

Source: columns as found in the files; the project is github.com/DanielLasota/Binance-Data-Processor.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import orjson

from bot4._core.wire.capture import stamp_ns
from bot4.adapters.recordings.recording import RecordingFormat
from bot4.domain.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from bot4.adapters.recordings.check_stream import StreamCheck
    from bot4.adapters.recordings.findings import Findings
    from bot4.adapters.recordings.recording import Recording

_KEYS = {
    RecordingFormat.LABELLED_DEPTH: ("FirstUpdateId", "FinalUpdateId"),
    RecordingFormat.LABELLED_TRADES: ("TradeId",),
    RecordingFormat.LABELLED_SNAPSHOT: ("LastUpdateId", "TimestampOfRequest"),
}
_REQUIRED = {
    RecordingFormat.LABELLED_DEPTH: ("TimestampOfReceive", "EventTime", "IsAsk", "Price", "Quantity"),
    RecordingFormat.LABELLED_TRADES: ("TimestampOfReceive", "EventTime", "Price", "Quantity", "IsBuyerMarketMaker"),
    RecordingFormat.LABELLED_SNAPSHOT: ("TimestampOfReceive", "IsAsk", "Price", "Quantity"),
}
_LEVEL_COLUMNS = ("IsAsk", "Price", "Quantity")
_TYPES = {RecordingFormat.LABELLED_DEPTH: "depthUpdate", RecordingFormat.LABELLED_TRADES: "trade"}
# Names of the frame's fields; a column left out here is not part of a frame.
_INTEGERS = {
    "EventTime": "E", "MessageOutputTime": "E", "TransactionTime": "T", "FirstUpdateId": "U", "FinalUpdateId": "u",
    "FinalUpdateIdInLastStream": "pu", "LastUpdateId": "lastUpdateId", "TradeId": "t",
}  # fmt: skip
_TEXTS = {"Symbol": "s", "PSUnknownField": "ps", "XUnknownParameter": "X", "Pair": "pair"}
# Rows of one message are one stretch; a message of more rows than any real one is cut and refused.
_ROWS_MAX = 20_000
_EXPONENT = re.compile(r"[+-]?[0-9]{1,2}")
_WHOLE = re.compile(r"[0-9]{1,18}")
_Row = dict[str, str]


def check_labelled(recording: Recording, stream: StreamCheck, findings: Findings, progress: Callable[[], None]) -> None:
    """Check one file; rows that are no row at all are bad lines, values that are none are refused by the scanner."""
    symbol = recording.symbols[0] if recording.symbols else ""
    stream.open_file(recording.symbols)
    state = _Stamps()
    expected: _Row = {}
    for line, rows in _messages(recording, findings, progress):
        first = rows[0][1]
        for column in ("Symbol", "Stream", "EventType"):
            if column in first and expected.setdefault(column, first[column]) != first[column]:
                findings.defect(
                    "inconsistent_rows", line, f"{column} {first[column]!r} in a file of {expected[column]!r}"
                )
        _check_rows(rows, findings)
        recv_ns = state.receive(line, first, findings)
        frame = _frame(recording.format, rows, symbol)
        if frame is None:
            findings.refused("bad_number", line, "IsAsk, a flag or an id is not what it should be")
            continue
        stream.frame(line, recv_ns, orjson.dumps(frame), stream.add(symbol) if symbol else stream.only_symbol())


class _Stamps:
    """The order of receive and request stamps."""

    def __init__(self) -> None:
        self._last_ns = 0

    def receive(self, line: int, row: _Row, findings: Findings) -> int:
        """Check and return the receive stamp of a message; 0 where it is none."""
        recv_ns = stamp_ns(row["TimestampOfReceive"])
        if recv_ns <= 0:
            findings.refused("bad_time", line, f"TimestampOfReceive {row['TimestampOfReceive']!r}")
            return 0
        if recv_ns < self._last_ns:
            findings.defect("recv_backwards", line, f"{(self._last_ns - recv_ns) / 1e6:.3f} ms before the last message")
        self._last_ns = max(self._last_ns, recv_ns)
        if "TimestampOfRequest" in row and (request_ns := stamp_ns(row["TimestampOfRequest"])) > recv_ns:
            findings.defect("clock", line, f"received {(request_ns - recv_ns) / 1e6:.3f} ms before it was requested")
        return recv_ns


def _messages(
    recording: Recording, findings: Findings, progress: Callable[[], None]
) -> Iterator[tuple[int, list[tuple[int, _Row]]]]:
    """Stretches of rows with the same key, each with the line it begins on."""
    keys = _KEYS[recording.format]
    current: list[tuple[int, _Row]] = []
    key: tuple[str, ...] = ()
    for line, row in _rows(recording, findings, progress):
        row_key = tuple(row[name] for name in keys)
        if current and (row_key != key or len(current) >= _ROWS_MAX):
            yield current[0][0], current
            current = []
        key = row_key
        current.append((line, row))
    if current:
        yield current[0][0], current


def _rows(recording: Recording, findings: Findings, progress: Callable[[], None]) -> Iterator[tuple[int, _Row]]:
    columns: Sequence[str] = ()
    line = 0
    for chunk in recording.chunks():
        for raw in chunk.split(b"\n")[:-1]:
            line += 1
            text = raw.rstrip(b"\r")
            if not text or text.startswith(b"#"):
                findings.file.skipped_lines += 1
                continue
            fields = text.decode("utf-8", "replace").split(",")  # these files quote nothing
            if not columns:
                columns = _checked_columns(recording, fields)
                findings.file.skipped_lines += 1
            elif len(fields) != len(columns):
                findings.defect("bad_line", line, f"{len(fields)} columns, expected {len(columns)}")
            else:
                yield line, dict(zip(columns, fields, strict=True))
        findings.file.lines = line
        progress()


def _checked_columns(recording: Recording, columns: Sequence[str]) -> Sequence[str]:
    needed = (*_KEYS[recording.format], *_REQUIRED[recording.format])
    if missing := [name for name in needed if name not in columns]:
        raise DataError(f"{recording.path} has no column {missing[0]}: its header is {','.join(columns)[:120]!r}")
    return columns


def _check_rows(rows: Sequence[tuple[int, _Row]], findings: Findings) -> None:
    """Everything but the level must agree over the rows of a message."""
    _, first = rows[0]
    for line, row in rows[1:]:
        for column, value in row.items():
            if column not in _LEVEL_COLUMNS and value != first[column]:
                findings.defect("inconsistent_rows", line, f"{column} {value!r} in a message of {first[column]!r}")
                break


def _frame(layout: RecordingFormat, rows: Sequence[tuple[int, _Row]], symbol: str) -> dict[str, Any] | None:
    """Make the frame the rows came from; None where an id, a side or a flag is none."""
    first = rows[0][1]
    frame: dict[str, Any] = {}
    if layout is not RecordingFormat.LABELLED_SNAPSHOT:
        frame = {"e": first.get("EventType", _TYPES[layout])}
    for column, name in _INTEGERS.items():
        if column in first:
            if not _WHOLE.fullmatch(first[column]):
                return None
            frame[name] = int(first[column])
    frame.update({name: first[column] for column, name in _TEXTS.items() if column in first})
    if layout is RecordingFormat.LABELLED_TRADES:
        return _trade(frame, first)
    names = ("bids", "asks") if layout is RecordingFormat.LABELLED_SNAPSHOT else ("b", "a")
    if layout is RecordingFormat.LABELLED_SNAPSHOT and symbol and "E" in frame:
        frame["symbol"] = symbol
        frame.pop("s", None)
    sides: tuple[list[list[str]], list[list[str]]] = ([], [])
    for _, row in rows:
        if row["IsAsk"] not in ("0", "1"):
            return None
        sides[int(row["IsAsk"])].append([_plain(row["Price"]), _plain(row["Quantity"])])
    frame[names[0]], frame[names[1]] = sides
    return frame


def _trade(frame: dict[str, Any], row: _Row) -> dict[str, Any] | None:
    flag = {"1": True, "True": True, "0": False, "False": False}.get(row["IsBuyerMarketMaker"])
    if flag is None:
        return None
    frame.update(p=_plain(row["Price"]), q=_plain(row["Quantity"]), m=flag)
    if "MUnknownParameter" in row:
        frame["M"] = row["MUnknownParameter"] == "True"
    return frame


def _plain(text: str) -> str:
    """Write 1e-05 as 0.00001; anything else is left as it is, for the scanner to judge."""
    mantissa, separator, exponent = text.lower().partition("e")
    if not separator or not _EXPONENT.fullmatch(exponent):
        return text
    from decimal import Decimal, InvalidOperation  # noqa: PLC0415 - rare

    try:
        return f"{Decimal(mantissa + 'e' + exponent):f}"
    except InvalidOperation:
        return text
