"""Recognises CSV layouts by header, by columns, and by the name that tells symbol and market."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bot4.adapters.recordings.recording import Recording, RecordingFormat
from bot4.domain.errors import DataError
from bot4.domain.instrument import Market

if TYPE_CHECKING:
    from bot4.adapters.recordings.source import Source

_HEADERS = (
    ("id,price,qty,", RecordingFormat.CSV_TRADES),
    ("agg_trade_id,price,", RecordingFormat.CSV_AGG_TRADES),
    ("open_time,open,high,low,close,volume,", RecordingFormat.CSV_KLINES),
)
_FOREIGN_HEADERS = (
    ("update_id,best_bid_price,", "a Binance bookTicker dump"),
    ("timestamp,percentage,depth,", "a Binance bookDepth dump"),
    ("create_time,symbol,sum_open_interest", "a Binance metrics dump"),
    ("calc_time,funding_interval_hours,", "a Binance fundingRate dump"),
    ("symbol,timestamp,first_update_id,", "a Binance T_DEPTH dump"),
    ("symbol,timestamp,trans_id,first_update_id,", "a Binance T_DEPTH dump"),
    ("exchange,symbol,timestamp,local_timestamp,", "a Tardis dump"),
)
_DUMP_NAME = re.compile(r"^([A-Z0-9]+(?:_[A-Z0-9]+)?)-(?:trades|aggTrades|\d+(?:s|m|h|d|w|mo|M))(?=[-.]|$)")
_LABELLED_NAME = re.compile(r"_(spot|usd_m_futures|coin_m_futures)_([a-z0-9]+(?:_[a-z0-9]+)?)_\d\d-\d\d-\d{4}")
_LABELLED_MARKETS = {"spot": Market.SPOT, "usd_m_futures": Market.USDM, "coin_m_futures": Market.COINM}
_COINM_SYMBOL = re.compile(r"USD_(PERP|\d{6})$")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_STAMP = re.compile(r"[0-9]{13,19}")
_TRUTH = ("true", "false")


def recognise_csv(source: Source, head: bytes, first: bytes) -> Recording | None:
    """Recognise a CSV file; None where the line is none, DataError where it is one that is not read here."""
    text = first.decode("utf-8", "replace")
    if "," not in text:
        return None
    if text.startswith("TimestampOfReceive,"):
        return _labelled(source, head, text)
    for start, what in _FOREIGN_HEADERS:
        if text.startswith(start):
            raise DataError(f"{source.path} is {what}: of Binance's dumps only trades, aggTrades and klines are read")
    kind = next((kind for start, kind in _HEADERS if text.startswith(start)), None)
    columns = text.split(",")
    has_header = not any(_NUMBER.fullmatch(column) for column in columns)
    if kind is None:
        kind = _kind_of_columns(_second_row(head, first) if has_header else columns)
    if kind is None:
        return None
    if has_header and head.strip() == first:
        raise DataError(f"{source.path} holds a header and no row")
    symbol = match[1] if (match := _DUMP_NAME.match(source.name)) else ""
    told = _told_market(kind, columns, symbol)
    market, notes = (told, []) if told is not None else _likely_market(source, has_header=has_header)
    return Recording(
        path=source.path,
        source=source,
        format=kind,
        venue="binance",
        market=market,
        # Columns of futures without a symbol are of either kind of them.
        tells_market=told is not None and (bool(symbol) or told is not Market.USDM),
        symbols=(symbol,) if symbol else (),
        has_trades=kind is not RecordingFormat.CSV_KLINES,
        has_bars=kind is RecordingFormat.CSV_KLINES,
        notes=tuple(notes),
    )


def _kind_of_columns(columns: list[str]) -> RecordingFormat | None:
    """Tell the layout of a row without header: what stands where tells 7-column trades from 7-column aggTrades."""
    count = len(columns)
    numbers = [bool(_NUMBER.fullmatch(column)) for column in columns]
    truths = [column.lower() in _TRUTH for column in columns]
    if count == 12 and all(numbers) and _is_stamp(columns[0]) and _is_stamp(columns[6]):  # noqa: PLR2004
        return RecordingFormat.CSV_KLINES
    if count in (6, 7) and all(numbers[:5]) and all(truths[5:]) and _is_stamp(columns[4]):
        return RecordingFormat.CSV_TRADES
    if count in (7, 8) and all(numbers[:6]) and all(truths[6:]) and _is_stamp(columns[5]):
        return RecordingFormat.CSV_AGG_TRADES
    return None


def _second_row(head: bytes, first: bytes) -> list[str]:
    """Return the columns of the row below a header this project does not know by name."""
    below = head[head.index(first) + len(first) :].lstrip(b"\r\n").split(b"\n", 1)[0]
    return below.decode("utf-8", "replace").strip().split(",")


def _is_stamp(text: str) -> bool:
    return _STAMP.fullmatch(text) is not None


def _told_market(kind: RecordingFormat, columns: list[str], symbol: str) -> Market | None:
    """Market of a dump by its symbol and its columns; None for klines, which spot and USD-M write alike."""
    if _COINM_SYMBOL.search(symbol) or "base_qty" in columns:
        return Market.COINM
    if kind is RecordingFormat.CSV_KLINES:
        return None
    spot_columns = 7 if kind is RecordingFormat.CSV_TRADES else 8
    return Market.SPOT if len(columns) == spot_columns else Market.USDM


def _likely_market(source: Source, *, has_header: bool) -> tuple[Market, list[str]]:
    """Market of klines by their folders, at last by whether they have a header."""
    parts = {part.lower() for part in source.path.absolute().parts}
    for name, market in (("um", Market.USDM), ("cm", Market.COINM), ("spot", Market.SPOT)):
        if name in parts:
            return market, []
    market = Market.USDM if has_header else Market.SPOT
    why = "with a header" if has_header else "without a header"
    return market, [f"klines {why} are taken as {market.value} (--market tells otherwise)"]


def _labelled(source: Source, head: bytes, header: str) -> Recording:
    columns = header.split(",")
    if "TradeId" in columns:
        kind = RecordingFormat.LABELLED_TRADES
    elif "LastUpdateId" in columns:
        kind = RecordingFormat.LABELLED_SNAPSHOT
    elif "FinalUpdateId" in columns:
        kind = RecordingFormat.LABELLED_DEPTH
    else:
        raise DataError(f"{source.path} has columns of no known binance-data-processor file: {header[:120]}")
    named = _LABELLED_NAME.search(source.name.lower())
    rows = head.split(b"TimestampOfReceive,", 1)[1].split(b"\n", 2)
    values = rows[1].decode("utf-8", "replace").strip().split(",") if len(rows) > 1 else []
    fields = dict(zip(columns, values, strict=False))
    symbol = fields.get("Symbol", "") or (named[2].upper() if named else "")
    return Recording(
        path=source.path,
        source=source,
        format=kind,
        venue="binance",
        market=_labelled_market(columns, symbol, named[1] if named else ""),
        symbols=(symbol,) if symbol else (),
        has_depth=kind is RecordingFormat.LABELLED_DEPTH,
        has_snapshot=kind is RecordingFormat.LABELLED_SNAPSHOT,
        has_trades=kind is RecordingFormat.LABELLED_TRADES,
    )


def _labelled_market(columns: list[str], symbol: str, named: str) -> Market:
    if "PSUnknownField" in columns or "Pair" in columns or _COINM_SYMBOL.search(symbol):
        return Market.COINM
    if named:
        return _LABELLED_MARKETS[named]
    futures = ("FinalUpdateIdInLastStream", "XUnknownParameter", "MessageOutputTime")
    return Market.USDM if any(name in columns for name in futures) else Market.SPOT
