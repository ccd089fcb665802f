"""Tells a file's layout, venue, market and symbols from its first lines, or says why it cannot."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from bot4._core.wire.capture import CaptureVerdict, rest_symbol, split_capture
from bot4.adapters.recordings.csv_shape import recognise_csv
from bot4.adapters.recordings.frames import SUPPORTED_VENUES, FrameShape, shape_of_frame, shape_of_url
from bot4.adapters.recordings.recording import Recording, RecordingFormat
from bot4.adapters.recordings.source import Source
from bot4.domain.errors import ConfigError, DataError
from bot4.domain.instrument import Instrument, Market
from bot4.dto.mark_price import MARK_PRICE
from bot4.dto.rules import instruments_from_json, instruments_from_toml

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

HEAD_BYTES = 4 << 20
HEAD_FRAMES = 5_000
RULES_BYTES_MAX = 64 << 20
KNOWN = (
    "known are captures of Binance, Kraken and OKX (stamped, cryptofeed or bare JSON lines), Binance's trades, "
    "aggTrades and klines CSV dumps, and instrument rules"
)
# What a document of rules on one line has near its start, and a frame has not.
_RULES_MARKS = (b'"symbols"', b'"pair_decimals"', b'"tickSz"', b'"instrument"')
_STAMPED = re.compile(rb"\d{10,19} ")
_SECONDS = re.compile(rb"\d{9,10}(\.\d+)?: ?[{\[]")
_ADDRESS = re.compile(rb"(wss?|https?)://")


def open_recording(path: Path | str, *, market: Market | None = None) -> Recording:
    """Open and recognise one file.

    Parameters
    ----------
    path : Path or str
        Plain, gzip or zip.
    market : Market, optional
        Of a Binance file that does not tell its own.

    Returns
    -------
    Recording

    Raises
    ------
    NoInputError
        Missing, a directory, or not readable.
    DataError
        Empty, of an unknown layout, of a venue not read here, or of another market than `market`; the message names
        what was seen.

    """
    source = Source(Path(path))
    head = source.head(HEAD_BYTES)
    first = _first_line(head)
    if not first:
        raise DataError(f"{path}: {source.head_damage.reason if source.head_damage else 'holds no line of text'}")
    if b"\0" in head[:4096]:
        raise DataError(f"{path} is binary data of an unknown kind: {KNOWN}")
    layout = _layout(first)
    if layout is None:
        recording = _rules(source, head) or recognise_csv(source, head, first)
        if recording is None:
            raise DataError(f"{path} is of an unknown format, its first line is {_quoted(first)}: {KNOWN}")
    elif layout is RecordingFormat.BARE:
        recording = _rules(source, head) or _capture(source, layout, head)
    else:
        recording = _capture(source, layout, head)
    if market is not None and recording.venue == "binance" and recording.format is not RecordingFormat.RULES:
        _require_market(recording, market)
        recording.market = market
    return recording


def read_rules(path: Path | str) -> list[Instrument]:
    """Instruments of a rules file: our TOML or JSON table, a venue's JSON, or a capture that holds one.

    Raises
    ------
    NoInputError, DataError
        The file cannot be read.
    ConfigError
        It holds no rules, or a malformed one.

    """
    source = Source(Path(path))
    if source.name.endswith(".toml"):
        return instruments_from_toml(_whole_text(source), str(path))
    first = _first_line(source.head(HEAD_BYTES))
    if _layout(first) is RecordingFormat.CRYPTOFEED:
        instruments = _recorded_rules(source)
        if not instruments:
            raise ConfigError(f"{path} holds no instrument rules")
        return instruments
    return instruments_from_json(_whole_text(source), str(path))


def _require_market(recording: Recording, market: Market) -> None:
    """Refuse a market that a file, by what it holds, is not of: nothing in it would be read as it was meant."""
    own = recording.market
    if recording.tells_market and own is not None and own is not market:
        raise DataError(
            f"{recording.path} is of the market {own.value}, by what it holds, and not --market {market.value}"
        )


def _whole_text(source: Source) -> str:
    chunks, size = [], 0
    for chunk in source.chunks():
        chunks.append(chunk)
        size += len(chunk)
        if size > RULES_BYTES_MAX:
            raise DataError(f"{source.path} is more than {RULES_BYTES_MAX:,} bytes: too large for instrument rules")
    if source.damage is not None:
        raise DataError(f"{source.path}: {source.damage.reason}")
    try:
        return b"".join(chunks).decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError(f"{source.path} is not text: {error.reason} at byte {error.start}") from None


def _first_line(head: bytes) -> bytes:
    """Return the first line with anything on it that is no comment."""
    for line in head.split(b"\n"):
        if (stripped := line.strip()) and not stripped.startswith(b"#"):
            return stripped
    return b""


def _quoted(line: bytes) -> str:
    text = line[:80].decode("utf-8", "replace")
    return repr(text + ("..." if len(line) > len(text) else ""))


def _layout(first: bytes) -> RecordingFormat | None:
    if _STAMPED.match(first):
        return RecordingFormat.STAMPED
    if _SECONDS.match(first) or _ADDRESS.match(first) or first.startswith(b"configuration: "):
        return RecordingFormat.CRYPTOFEED
    if first[:1] in b"{[":
        return RecordingFormat.BARE
    return None


def _rules(source: Source, head: bytes) -> Recording | None:
    """Recognise a rules file, TOML or one JSON document; None where it is something else."""
    is_toml = source.name.endswith(".toml")
    if not is_toml and (
        _is_json_line(_first_line(head)) and not any(mark in head[: 64 << 10] for mark in _RULES_MARKS)
    ):
        return None  # a frame a line
    if not is_toml and head.lstrip()[:1] not in (b"{", b"["):
        return None
    reader = Source(source.path)
    try:
        text = _whole_text(reader)
        instruments = instruments_from_toml(text, reader.name) if is_toml else instruments_from_json(text, reader.name)
    except (ConfigError, DataError):
        if is_toml:
            raise
        return None
    if not instruments:
        raise DataError(f"{source.path} lists no instrument of a kind traded here")
    return Recording(
        path=source.path,
        source=source,
        format=RecordingFormat.RULES,
        venue=instruments[0].venue,
        market=instruments[0].market if len({i.market for i in instruments}) == 1 else None,
        symbols=tuple(i.symbol for i in instruments),
        instruments=tuple(instruments),
    )


def _is_json_line(line: bytes) -> bool:
    try:
        orjson.loads(line)
    except orjson.JSONDecodeError:
        return False
    return True


def _capture(source: Source, layout: RecordingFormat, head: bytes) -> Recording:
    whole = head[: head.rfind(b"\n") + 1] or head + b"\n"
    addresses = _addresses(whole) if layout is RecordingFormat.CRYPTOFEED else []
    shapes = list(_shapes(whole, layout))
    told = [*addresses, *shapes]
    path = source.path
    if not told:
        raise DataError(f"{path} looks like {layout.value}, but no frame in it is of a venue known here: {KNOWN}")
    venue = _winner(Counter(shape.venue for shape in told))
    if venue not in SUPPORTED_VENUES:
        raise DataError(f"{path} is a capture of {venue}: only captures of Binance, Kraken and OKX are read")
    ours = [shape for shape in told if shape.venue == venue]
    kinds = {shape.kind for shape in ours}
    market, notes = _market(path, venue, ours)
    instruments = _recorded_rules(Source(path)) if whole.startswith(b"http") else []
    return Recording(
        path=path,
        source=source,
        format=layout,
        venue=venue,
        market=market,
        tells_market=any(shape.market is not None for shape in ours),
        symbols=tuple(dict.fromkeys(shape.symbol for shape in ours if shape.symbol)),
        instruments=tuple(instruments),
        has_depth="depth" in kinds,
        has_snapshot="snapshot" in kinds,
        has_trades="trade" in kinds,
        has_quotes="quote" in kinds,
        has_bars="bar" in kinds,
        has_marks=MARK_PRICE in whole,
        notes=tuple(notes),
    )


def _winner(votes: Counter[str]) -> str:
    return votes.most_common(1)[0][0]


def _market(path: Path, venue: str, shapes: Sequence[FrameShape]) -> tuple[Market | None, list[str]]:
    if venue != "binance":
        return None, []
    votes = Counter(shape.market for shape in shapes if shape.market is not None)
    if not votes:
        return Market.SPOT, ["the frames do not tell spot from futures: taken as spot (--market tells otherwise)"]
    (market, most), *others = votes.most_common()
    # A damaged frame may look like another market's; a tenth of them is no accident.
    mixed = [other for other, count in others if count * 10 > most]
    if mixed:
        names = " and ".join(sorted({market.value, *(other.value for other in mixed)}))
        raise DataError(f"{path} mixes frames of {names}: one file must hold one market")
    return market, []


def _addresses(whole: bytes) -> list[FrameShape]:
    lines = (line for line in whole.split(b"\n", 200)[:200] if _ADDRESS.match(line))
    return [shape_of_url(line.split(b" ", 1)[0].decode("utf-8", "replace")) for line in lines]


def _shapes(whole: bytes, layout: RecordingFormat) -> Iterable[FrameShape]:
    for verdict, offset, _, start, end in split_capture(whole, layout.code, HEAD_FRAMES):
        if verdict > CaptureVerdict.CAPTURE_REST:
            continue
        try:
            shape = shape_of_frame(orjson.loads(whole[start:end]))
        except orjson.JSONDecodeError:
            continue
        if shape is None:
            continue
        if verdict == CaptureVerdict.CAPTURE_REST and not shape.symbol:
            symbol = rest_symbol(whole[offset:start])
            shape = FrameShape(shape.venue, shape.kind, shape.market, symbol or "")
        yield shape


def _recorded_rules(source: Source) -> list[Instrument]:
    """Instruments of the REST replies a cryptofeed file starts with; other replies are passed over."""
    instruments: dict[tuple[str, Market, str], Instrument] = {}
    size = 0
    for chunk in source.chunks(1 << 20):
        size += len(chunk)
        rows = split_capture(chunk, RecordingFormat.CRYPTOFEED.code)
        for verdict, _, _, start, end in rows:
            if verdict != CaptureVerdict.CAPTURE_REST:
                continue
            try:
                found = instruments_from_json(chunk[start:end], f"{source.path.name} (recorded)")
            except ConfigError:
                continue  # a depth snapshot, or a venue's list not read here
            instruments.update({(item.venue, item.market, item.symbol): item for item in found})
        if size > RULES_BYTES_MAX or any(verdict == CaptureVerdict.CAPTURE_FRAME for verdict, *_ in rows):
            break
    return list(instruments.values())
