"""Recognition of files by content."""

from __future__ import annotations

import gzip
import zipfile

import pytest
from builders.recordings import (
    agg_trades_csv,
    binance_capture,
    klines_csv,
    kraken_capture,
    okx_capture,
    trades_csv,
)

from bot4.adapters.recordings.recognise import open_recording
from bot4.adapters.recordings.recording import RecordingFormat, RecordingSet
from bot4.domain.errors import DataError
from bot4.domain.instrument import Market


def put(path, content: bytes):
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


@pytest.mark.parametrize(("market", "symbol"), [("spot", "BTCUSDT"), ("usdm", "BTCUSDT"), ("coinm", "BTCUSD_PERP")])
def test_a_binance_capture_tells_its_market_by_the_shape_of_its_frames(tmp_path, market, symbol):
    recording = open_recording(put(tmp_path / "x.gz", binance_capture(market)))
    assert (recording.format, recording.venue) == (RecordingFormat.STAMPED, "binance")
    assert recording.market is Market(market)
    assert recording.symbols == (symbol,)
    assert (recording.has_depth, recording.has_snapshot, recording.has_trades, recording.has_quotes) == (True,) * 4
    assert not recording.has_bars


def test_bare_frames_are_a_capture_too(tmp_path):
    bare = b"\n".join(line.split(b" ", 1)[1] for line in binance_capture().splitlines())
    recording = open_recording(put(tmp_path / "x", bare + b"\n"))
    assert recording.format is RecordingFormat.BARE
    assert recording.market is Market.SPOT


@pytest.mark.parametrize("version", [1, 2])
def test_kraken_is_recognised_in_both_versions(tmp_path, version):
    recording = open_recording(put(tmp_path / "x.gz", kraken_capture(version)))
    assert (recording.venue, recording.format, recording.market) == ("kraken", RecordingFormat.CRYPTOFEED, None)
    assert recording.symbols == ("XBT/USD" if version == 1 else "BTC/USD",)


def test_okx_is_recognised(tmp_path):
    recording = open_recording(put(tmp_path / "x.gz", okx_capture()))
    assert (recording.venue, recording.symbols) == ("okx", ("BTC-USDT",))


@pytest.mark.parametrize(
    ("line", "venue"),
    [
        (b'1618677786.1: {"topic":"trade.BCHUSDT","data":[]}', "bybit"),
        (b'1618677786.1: {"type":"l2update","product_id":"SKL-USD","changes":[]}', "coinbase"),
        (b'1618677786.1: {"table":"trade","action":"insert","data":[]}', "bitmex"),
        (b'1618677786.1: {"jsonrpc":"2.0","method":"subscription","params":{}}', "deribit"),
        (b"1618677786.1: [17082,[[8.1,3,0.2]]]", "bitfinex"),
        (b'1618677786.1: {"event":"info","version":2,"serverId":"a"}', "bitfinex"),
        (b'1618677786.1: {"channel":"l2_data","sequence_num":0,"events":[]}', "coinbase"),
        (b'1618677786.1: {"feed":"book","product_id":"PI_XBTUSD"}', "kraken futures"),
        (b"wss://ws.gate.io/v4 <- 1618677786.1: {}", "ws.gate.io"),
    ],
)
def test_other_venues_are_named_in_the_refusal(tmp_path, line, venue):
    with pytest.raises(DataError, match=f"capture of {venue}: only captures of Binance, Kraken and OKX"):
        open_recording(put(tmp_path / "x", line + b"\n"))


def test_frames_of_two_markets_in_one_file_are_refused(tmp_path):
    mixed = binance_capture("spot") + binance_capture("usdm")
    with pytest.raises(DataError, match="mixes frames of spot and usdm"):
        open_recording(put(tmp_path / "x", mixed))


def test_klines_alone_do_not_tell_spot_from_usdm_and_that_is_said(tmp_path):
    frame = b'1723161255000 {"e":"kline","E":1723161255000,"s":"BTCUSDT","k":{"t":1,"T":2,"s":"BTCUSDT","i":"1m"}}\n'
    recording = open_recording(put(tmp_path / "x", frame))
    assert recording.market is Market.SPOT
    assert "taken as spot" in recording.notes[0]
    assert open_recording(tmp_path / "x", market=Market.USDM).market is Market.USDM


@pytest.mark.parametrize(
    ("name", "content", "layout", "market"),
    [
        ("BTCUSDT-trades-2024-01-01.csv", trades_csv(), "CSV_TRADES", "spot"),
        ("BTCUSDT-trades-2025-01-01.csv", trades_csv(unit=1000), "CSV_TRADES", "spot"),
        ("BTCUSDT-trades-2024-01-01.csv", trades_csv(spot=False), "CSV_TRADES", "usdm"),
        ("BTCUSDT-trades-2024-01-01.csv", trades_csv(spot=False, header=True), "CSV_TRADES", "usdm"),
        ("BTCUSDT-trades-2024-01-01.csv", b"trade_id,p,q,qq,t,m,b\n" + trades_csv(), "CSV_TRADES", "spot"),
        ("BTCUSDT-aggTrades-2024-01.csv", agg_trades_csv(), "CSV_AGG_TRADES", "spot"),
        ("BTCUSDT-aggTrades-2024-01.csv", agg_trades_csv(spot=False, header=True), "CSV_AGG_TRADES", "usdm"),
        ("BTCUSD_PERP-aggTrades-2024-01.csv", agg_trades_csv(spot=False), "CSV_AGG_TRADES", "coinm"),
        ("BTCUSDT-1m-2024-01.csv", klines_csv(), "CSV_KLINES", "spot"),
        ("BTCUSDT-1m-2024-01.csv", klines_csv(header=True), "CSV_KLINES", "usdm"),
        ("BTCUSD_PERP-1m-2024-01.csv", klines_csv(header=True), "CSV_KLINES", "coinm"),
    ],
)  # fmt: skip
def test_dumps_tell_layout_market_and_symbol(tmp_path, name, content, layout, market):
    recording = open_recording(put(tmp_path / name, content))
    assert recording.tells_market == (layout != "CSV_KLINES" or market == "coinm")
    assert recording.format is RecordingFormat[layout]
    assert recording.market is Market(market)
    assert recording.symbols == (name.split("-", maxsplit=1)[0],)


@pytest.mark.parametrize(
    ("name", "content", "own"),
    [("x.gz", binance_capture(), "spot"), ("BTCUSDT-trades-2024-01-01.csv", trades_csv(spot=False), "usdm"),
     ("BTCUSD_PERP-1m-2024-01.csv", klines_csv(), "coinm")],
)  # fmt: skip
def test_a_market_a_file_is_not_of_is_refused_with_its_own(tmp_path, name, content, own):
    path = put(tmp_path / name, content)
    assert open_recording(path, market=Market(own)).market is Market(own)
    for other in {"spot", "usdm", "coinm"} - {own}:
        with pytest.raises(DataError, match=f"is of the market {own}, by what it holds, and not --market {other}"):
            open_recording(path, market=Market(other))


def test_futures_columns_without_a_symbol_are_of_the_market_that_is_named(tmp_path):
    path = put(tmp_path / "renamed.csv", trades_csv(spot=False))
    assert open_recording(path).market is Market.USDM
    assert open_recording(path, market=Market.COINM).market is Market.COINM


def test_a_zipped_dump_is_named_by_its_member(tmp_path):
    with zipfile.ZipFile(tmp_path / "renamed.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("ETHUSDT-trades-2024-01-01.csv", trades_csv())
    assert open_recording(tmp_path / "renamed.zip").symbols == ("ETHUSDT",)


@pytest.mark.parametrize(
    ("header", "what"),
    [
        (b"update_id,best_bid_price,best_bid_qty\n1,2,3\n", "bookTicker dump"),
        (b"timestamp,percentage,depth,notional\n1,2,3,4\n", "bookDepth dump"),
        (b"exchange,symbol,timestamp,local_timestamp,side\na,b,1,2,3\n", "Tardis dump"),
    ],
)
def test_other_dumps_are_named_in_the_refusal(tmp_path, header, what):
    with pytest.raises(DataError, match=what):
        open_recording(put(tmp_path / "x.csv", header))


@pytest.mark.parametrize(
    "content", [b"hello there\n", b"a,b,c\n1,2,3\n", b'{"some":"object"}\n', b"\n\n\n", b"\x00\x01\x02" * 99]
)
def test_an_unknown_format_says_what_was_seen_and_what_is_known(tmp_path, content):
    with pytest.raises(DataError, match=r"known are captures|no line of text"):
        open_recording(put(tmp_path / "x", content))


def test_a_gzip_broken_at_its_start_is_told(tmp_path):
    (tmp_path / "x.gz").write_bytes(b"\x1f\x8b\x08\x00" + b"\xff" * 50)
    with pytest.raises(DataError, match="corrupt"):
        open_recording(tmp_path / "x.gz")


def test_recordings_chain_in_the_order_given(tmp_path):
    first = open_recording(put(tmp_path / "a.gz", binance_capture(seed=1)))
    second = open_recording(put(tmp_path / "b", binance_capture(seed=2)))
    chain = RecordingSet([first, second])
    content = [(recording.path.name, chunk) for recording, chunk in chain.chunks(1_000)]
    assert b"".join(chunk for name, chunk in content if name == "a.gz") == binance_capture(seed=1)
    assert [name for name, _ in content] == sorted(name for name, _ in content)
    assert chain.bytes_read == chain.bytes_total
    with pytest.raises(ValueError, match="at least one"):
        RecordingSet([])


def test_formats_know_the_number_of_their_compiled_reader():
    assert RecordingFormat.CRYPTOFEED.code == 1
    assert RecordingFormat.CSV_KLINES.code == 2
    with pytest.raises(ValueError, match="no compiled reader"):
        _ = RecordingFormat.RULES.code
