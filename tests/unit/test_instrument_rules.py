"""Instrument rules: as venues write them, in our own table, from a file, recorded or bundled."""

from __future__ import annotations

import gzip
import json
from decimal import Decimal

import pytest
from builders.recordings import kraken_capture

from bot4.adapters.recordings.catalog import InstrumentCatalog, bundled_instruments
from bot4.adapters.recordings.recognise import open_recording, read_rules
from bot4.adapters.recordings.recording import RecordingFormat
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
