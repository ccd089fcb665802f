"""Recognition of files by content, and of instrument rules."""

from __future__ import annotations

import gzip
import json
import zipfile
from decimal import Decimal

import pytest
from builders.recordings import (
    agg_trades_csv,
    binance_capture,
    klines_csv,
    kraken_capture,
    okx_capture,
    trades_csv,
)

from bot4.adapters.recordings.catalog import InstrumentCatalog, bundled_instruments
from bot4.adapters.recordings.recognise import open_recording, read_rules
from bot4.adapters.recordings.recording import RecordingFormat, RecordingSet
from bot4.domain.errors import ConfigError, DataError, NoInputError
from bot4.domain.instrument import ContractKind, Market, PriceBand
from bot4.dto.rules import instruments_from_json, instruments_from_toml

SPOT_INFO = {
    "symbols": [
        {
            "symbol": "NKNUSDT", "baseAsset": "NKN", "quoteAsset": "USDT",
            "baseAssetPrecision": 8, "quoteAssetPrecision": 8,
            "filters": [
                {"filterType": "PRICE_FILTER", "minPrice": "0.00010000", "maxPrice": "1000.0", "tickSize": "0.0001000"},
                {"filterType": "LOT_SIZE", "minQty": "1.00000000", "maxQty": "9000000.0", "stepSize": "1.00000000"},
                {"filterType": "MARKET_LOT_SIZE", "minQty": "0.0", "maxQty": "691026.07991660", "stepSize": "0.0000"},
                {"filterType": "NOTIONAL", "minNotional": "5.00000000", "maxNotional": "9000000.00000000"},
                {
                    "filterType": "PERCENT_PRICE_BY_SIDE", "bidMultiplierUp": "5", "bidMultiplierDown": "0.2",
                    "askMultiplierUp": "5", "askMultiplierDown": "0.2",
                },
                {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": 200},
            ],
        },
        {"symbol": "HALTED", "baseAsset": "H", "quoteAsset": "USDT", "filters": []},
    ]
}  # fmt: skip
COINM_INFO = {
    "symbols": [
        {
            "symbol": "BTCUSD_PERP", "baseAsset": "BTC", "quoteAsset": "USD", "marginAsset": "BTC",
            "contractType": "PERPETUAL", "contractSize": 100, "pricePrecision": 1, "quantityPrecision": 0,
            "filters": [
                {"filterType": "PRICE_FILTER", "minPrice": "1000", "maxPrice": "4520958", "tickSize": "0.1"},
                {"filterType": "LOT_SIZE", "minQty": "1", "maxQty": "1000000", "stepSize": "1"},
                {"filterType": "PERCENT_PRICE", "multiplierUp": "1.05", "multiplierDown": "0.95"},
                {"filterType": "MAX_NUM_ORDERS", "limit": 200},
            ],
        }
    ]
}  # fmt: skip
USDM_INFO = {
    "futuresType": "U_MARGINED",
    "symbols": [
        {
            "symbol": "CTKUSDT", "baseAsset": "CTK", "quoteAsset": "USDT", "marginAsset": "USDT",
            "contractType": "PERPETUAL",
            "pricePrecision": 5, "quantityPrecision": 0,
            "filters": [
                {"filterType": "PRICE_FILTER", "minPrice": "0.02600", "maxPrice": "100", "tickSize": "0.00100"},
                {"filterType": "LOT_SIZE", "minQty": "1", "maxQty": "10000000", "stepSize": "1"},
                {"filterType": "MIN_NOTIONAL", "notional": "5"},
            ],
        }
    ],
}  # fmt: skip
OWN = """
[[instrument]]
venue = "binance"
market = "spot"
symbol = "ABCUSDT"
base = "ABC"
quote = "USDT"
price_step = "0.05"
qty_step = "0.1"
min_notional = "5"
price_band = { buy_down = "0.5", buy_up = "1.5", sell_down = "0.6", sell_up = "1.6" }
"""


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


def test_spot_rules_are_read_with_a_grid_finer_than_the_order_step():
    (nkn,) = instruments_from_json(json.dumps(SPOT_INFO), "test")
    assert (nkn.kind, nkn.price_step, nkn.qty_step) == (ContractKind.SPOT, Decimal("0.0001"), Decimal(1))
    assert (nkn.tick_size, nkn.lot_size, nkn.lots_per_step) == (Decimal("0.0001"), Decimal("0.0001"), 10_000)
    assert nkn.qty_to_lots("11979.3") == 119_793_000
    assert (nkn.min_notional, nkn.max_notional, nkn.max_orders) == (5, 9_000_000, 200)
    assert nkn.price_band is not None
    assert nkn.price_band.sell_up == 5
    assert (nkn.market_lot_size, nkn.market_max_qty) == (None, Decimal("691026.0799166"))


def test_usdm_rules_take_their_grid_from_the_precision_the_venue_writes():
    (ctk,) = instruments_from_json(json.dumps(USDM_INFO), "test")
    assert (ctk.kind, ctk.tick_size, ctk.price_step) == (ContractKind.LINEAR, Decimal("0.00001"), Decimal("0.001"))
    assert (ctk.ticks_per_step, ctk.settle, ctk.min_notional) == (100, "USDT", 5)


def test_coinm_rules_are_contracts_of_dollars():
    (btc,) = instruments_from_json(json.dumps(COINM_INFO), "test")
    assert (btc.kind, btc.contract_size, btc.settle) == (ContractKind.INVERSE, 100, "BTC")
    assert btc.notional(617_766, 3) == 300
    assert btc.max_orders == 200
    assert btc.price_band == PriceBand(None, Decimal("1.05"), Decimal("0.95"), None)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tickSize": "abc"}, "NKNUSDT: tickSize must be a decimal number"),
        ({"tickSize": 0.1}, "tickSize"),
        ({"tickSize": "1e-99"}, "out of range"),
        ({"minPrice": "-5"}, "must not be negative"),
        ({"minPrice": "2000"}, "min_price must not exceed max_price"),
    ],
)
def test_a_malformed_rule_names_symbol_and_field(change, message):
    document = json.loads(json.dumps(SPOT_INFO))
    document["symbols"][0]["filters"][0].update(change)
    if change == {"tickSize": 0.1}:
        # In JSON text a number is exact: only a float already lost its digits.
        assert instruments_from_json(json.dumps(document), "t")[0].tick_size == Decimal("0.1")
        return
    with pytest.raises(ConfigError, match=message):
        instruments_from_json(json.dumps(document), "test")


def test_our_own_table_is_read_from_toml_and_json(tmp_path):
    (abc,) = instruments_from_toml(OWN, "test")
    assert (abc.price_step, abc.qty_step, abc.lot_size) == (Decimal("0.05"), Decimal("0.1"), Decimal("0.00001"))
    assert abc.settle == "USDT"
    (tmp_path / "own.toml").write_text(OWN)
    assert read_rules(tmp_path / "own.toml")[0].symbol == "ABCUSDT"
    entry = {
        "venue": "binance",
        "market": "coinm",
        "symbol": "Z",
        "base": "Z",
        "quote": "USD",
        "price_step": "1",
        "qty_step": "1",
    }
    (tmp_path / "own.json").write_text(json.dumps({"instrument": [entry]}))
    (z,) = read_rules(tmp_path / "own.json")
    assert (z.settle, z.lot_size) == ("Z", 1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("price_step", "pric_step"), "unknown key 'pric_step'"),
        (('"0.05"', "0.05"), "price_step must be a decimal in quotes"),
        (('market = "spot"', 'market = "moon"'), "market must be spot, usdm or coinm, was 'moon'"),
        (('base = "ABC"', ""), "base must be a non-empty text"),
        (("[[instrument]]", "[[instruments]]"), "at least one"),
        (("[[instrument]]", "[["), "is not TOML"),
        (('buy_up = "1.5"', 'buy_up = "0.1"'), "0 <= down <= up"),
        (('buy_down = "0.5", buy_up = "1.5"', 'buy_up = "-1"'), "0 <= down <= up, was None and -1"),
        (('buy_up = "1.5"', 'by_up = "1.5"'), "price_band must have some of"),
        (('qty_step = "0.1"', 'qty_step = "0.1"\nlot_size = "0.03"'), "qty_step must be a multiple of lot_size"),
    ],
)
def test_a_mistake_in_our_own_table_is_named(change, message):
    with pytest.raises(ConfigError, match=message):
        instruments_from_toml(OWN.replace(*change), "test")


def test_a_rules_file_is_read_whole_or_not_at_all(tmp_path, monkeypatch):
    latin = put(tmp_path / "latin.toml", "# Währung\n".encode("latin-1"))
    with pytest.raises(DataError, match=r"is not text: .* at byte 3"):
        read_rules(latin)
    packed = gzip.compress(json.dumps(SPOT_INFO).encode())
    cut = put(tmp_path / "cut.json", packed[: len(packed) // 2])
    with pytest.raises(DataError, match=r"cut\.json: the gzip data ends in the middle"):
        read_rules(cut)
    monkeypatch.setattr("bot4.adapters.recordings.recognise.RULES_BYTES_MAX", 100)
    with pytest.raises(DataError, match="is more than 100 bytes: too large for instrument rules"):
        read_rules(put(tmp_path / "large.json", json.dumps(SPOT_INFO).encode()))


def test_rules_without_an_instrument_we_trade_are_refused_as_a_recording(tmp_path):
    halted = put(tmp_path / "x.json", json.dumps({"symbols": SPOT_INFO["symbols"][1:]}).encode())
    with pytest.raises((ConfigError, DataError)):
        open_recording(halted)
    broken = put(tmp_path / "broken.toml", b"[[instrument]]\nvenue = ")
    with pytest.raises(ConfigError, match=r"broken\.toml"):
        open_recording(broken)


def test_rules_files_that_are_none_are_refused(tmp_path):
    with pytest.raises(NoInputError):
        read_rules(tmp_path / "nowhere.toml")
    (tmp_path / "a.json").write_text('{"a": 1}')
    with pytest.raises(ConfigError, match="no instrument rules known here"):
        read_rules(tmp_path / "a.json")
    (tmp_path / "b.json").write_text("{")
    with pytest.raises(ConfigError, match="is not JSON"):
        read_rules(tmp_path / "b.json")
    with pytest.raises(ConfigError, match="holds no instrument rules"):
        read_rules(put(tmp_path / "k.gz", kraken_capture()))


def test_a_recorded_exchange_info_gives_rules(tmp_path):
    line = b"https://api.binance.com/api/v3/exchangeInfo -> 1633998511.1: " + json.dumps(SPOT_INFO).encode()
    path = put(tmp_path / "BINANCE.0.gz", line + b"\nconfiguration: {}\n")
    recording = open_recording(path)
    assert [item.symbol for item in recording.instruments] == ["NKNUSDT"]
    assert (recording.market, read_rules(path)[0].symbol) == (Market.SPOT, "NKNUSDT")
    (tmp_path / "info.json").write_text(json.dumps(SPOT_INFO, indent=2))
    assert open_recording(tmp_path / "info.json").format is RecordingFormat.RULES


def test_every_bundled_instrument_is_sound_and_of_its_market():
    bundled = bundled_instruments()
    keys = [(item.market, item.symbol) for item in bundled]
    assert len(set(keys)) == len(keys) > 30
    rules = dict(zip(keys, bundled, strict=True))
    spot = rules[Market.SPOT, "BTCUSDT"]
    assert (spot.price_step, spot.qty_step) == (Decimal("0.01"), Decimal("0.00001"))
    assert (rules[Market.USDM, "BTCUSDT"].tick_size, rules[Market.USDM, "BTCUSDT"].lot_size) == (
        Decimal("0.1"),
        Decimal("0.001"),
    )
    assert rules[Market.COINM, "BTCUSD_PERP"].contract_size == 100


def test_rules_given_win_over_recorded_and_bundled_ones(tmp_path):
    (tmp_path / "own.toml").write_text(OWN.replace("ABCUSDT", "BTCUSDT"))
    (recorded,) = instruments_from_toml(OWN.replace("ABCUSDT", "BTCUSDT").replace("0.05", "0.5"), "recorded")
    assert InstrumentCatalog().require("binance", Market.SPOT, "BTCUSDT").price_step == Decimal("0.01")
    assert InstrumentCatalog(recorded=[recorded]).require("binance", Market.SPOT, "BTCUSDT").price_step == Decimal(
        "0.5"
    )
    both = InstrumentCatalog([tmp_path / "own.toml"], [recorded])
    assert both.require("binance", Market.SPOT, "BTCUSDT").price_step == Decimal("0.05")
    assert both.only_given() is both.require("binance", Market.SPOT, "BTCUSDT")


def test_an_unknown_symbol_names_the_three_ways_to_give_rules():
    with pytest.raises(ConfigError, match="no rules for NOPE of binance spot: name a rules file with --instrument"):
        InstrumentCatalog().require("binance", Market.SPOT, "NOPE")
