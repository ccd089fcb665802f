"""Rules of Kraken and OKX, rules as files to check, and what a check does with them."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from builders.recordings import agg_trades_csv, binance_capture, kraken_capture, okx_capture

from bot4.bootstrap import check_recordings
from bot4.domain.errors import ConfigError
from bot4.domain.instrument import ContractKind
from bot4.dto.rules import instruments_from_json
from bot4.dto.rules.kraken import v2_symbol
from bot4.entrypoints.cli import progress as progress_module

PAIRS = {
    "error": [],
    "result": {
        "XXBTZUSD": {
            "wsname": "XBT/USD",
            "pair_decimals": 1,
            "lot_decimals": 8,
            "ordermin": "0.0001",
            "tick_size": "1",
        },
        "ADAXBT": {"wsname": "ADA/XBT", "pair_decimals": 8, "lot_decimals": 8},
        "XXBTZUSD.d": {"pair_decimals": 1, "lot_decimals": 8},
    },
}
OKX = {
    "code": "0",
    "data": [
        {"instId": "BTC-USDT", "instType": "SPOT", "baseCcy": "BTC", "quoteCcy": "USDT", "tickSz": "1", "lotSz": "0.5"},
        {"instId": "BTC-USD-SWAP", "ctType": "inverse", "ctVal": "100", "ctMult": "1", "settleCcy": "BTC",
         "tickSz": "0.1", "lotSz": "1", "minSz": "1"},
        {"instId": "BTC-USD-OPT", "instType": "OPTION", "tickSz": "0.1", "lotSz": "1"},
        {"instId": "NEW-USDT", "tickSz": "", "lotSz": ""},
    ],
}  # fmt: skip


def put(path, content):
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return path


def test_krakens_pairs_are_named_as_its_websocket_names_them():
    xbt, ada = instruments_from_json(json.dumps(PAIRS), "test")
    assert (xbt.symbol, xbt.base, xbt.tick_size, xbt.lot_size) == ("XBT/USD", "XBT", 1, Decimal("1e-8"))
    assert (ada.symbol, ada.tick_size, ada.min_qty) == ("ADA/XBT", Decimal("1e-8"), None)
    assert [v2_symbol(item.symbol) for item in (xbt, ada)] == ["BTC/USD", "ADA/BTC"]


def test_okx_contracts_know_their_size_and_options_are_left_out():
    spot, swap = instruments_from_json(json.dumps(OKX), "test")
    assert (spot.kind, spot.settle, spot.lot_size) == (ContractKind.SPOT, "USDT", Decimal("0.5"))
    assert (swap.kind, swap.contract_size, swap.settle) == (ContractKind.INVERSE, 100, "BTC")


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"result": {"A": {}}}, "has no pair_decimals"),
        ({"result": {"A": {"wsname": "A/B", "pair_decimals": 99, "lot_decimals": 8}}}, "pair_decimals must be 0 to 18"),
        ({"result": {"A": {"wsname": "A/", "pair_decimals": 1, "lot_decimals": 8}}}, "quote must not be empty"),
        ({"data": [{"x": 1}]}, "no instId and tickSz"),
        ({"data": [{"instId": "A-B", "tickSz": "1", "lotSz": "0"}]}, "lot_size must be above 0"),
        ({"symbols": [7]}, "a symbol must be an object"),
        ({"symbols": [{"symbol": "A", "filters": 7}]}, "filters must be a list"),
        ({"symbols": []}, "holds no symbol"),
        ({"instrument": [7]}, "must be a table"),
    ],
)
def test_a_document_of_another_content_is_refused(document, message):
    with pytest.raises(ConfigError, match=message):
        instruments_from_json(json.dumps(document), "test")


def test_a_rules_file_among_the_paths_gives_its_rules_and_is_clean(tmp_path):
    rules, stream = put(tmp_path / "pairs.json", PAIRS), put(tmp_path / "k", kraken_capture())
    report = check_recordings([stream, rules])
    assert [file.instruments_found for file in report.files] == [0, 2]
    assert (report.exit_code, report.instruments[0].rules) == (0, "pairs.json")


def test_kraken_and_okx_prices_are_checked_where_rules_are_known(tmp_path):
    coarse = json.loads(json.dumps(PAIRS))
    coarse["result"]["XXBTZUSD"]["tick_size"] = "7"
    report = check_recordings([put(tmp_path / "p.json", coarse), put(tmp_path / "k", kraken_capture())])
    assert {defect.kind for defect in report.defects} == {"off_grid"}
    report = check_recordings([put(tmp_path / "o.json", OKX), put(tmp_path / "o", okx_capture())])
    assert (report.exit_code, report.instruments[0].market) == (0, "spot")


def test_v2_prices_are_padded_to_the_precision_the_rules_tell(tmp_path):
    report = check_recordings([put(tmp_path / "p.json", PAIRS), put(tmp_path / "k", kraken_capture(2))])
    assert (report.exit_code, report.instruments[0].checksums_failed) == (0, 0)
    assert (report.instruments[0].symbol, report.instruments[0].rules) == ("BTC/USD", "p.json")


def test_book_stamps_of_other_venues_are_checked_too(tmp_path):
    parts = okx_capture().splitlines()
    late = parts[5].replace(b'"ts": "1652459225', b'"ts": "1652459224')
    report = check_recordings([put(tmp_path / "a", b"\n".join([*parts[:5], late, *parts[6:]]) + b"\n")])
    assert [(defect.kind, defect.line) for defect in report.defects] == [("venue_backwards", 6)]
    apart = parts[5].replace(b'"ts": "1652459', b'"ts": "1652999')
    report = check_recordings([put(tmp_path / "b", b"\n".join([*parts[:5], apart]) + b"\n")])
    assert [defect.kind for defect in report.defects] == ["clock"]


def test_a_reply_of_another_kind_is_passed_over_with_a_note(tmp_path):
    reply = b'https://api.kraken.com/0/public/Time -> 1618678132.1: {"error":[],"result":{"unixtime":1}}\n'
    report = check_recordings([put(tmp_path / "k", reply + kraken_capture())])
    assert report.exit_code == 0
    assert "was passed over" in report.files[0].notes[0]


def test_a_trade_in_two_agg_trades_is_told(tmp_path):
    parts = agg_trades_csv().splitlines()
    fields = parts[9].split(b",")
    fields[3] = b"%d" % (int(fields[3]) - 1)
    parts[9] = b",".join(fields)
    report = check_recordings([put(tmp_path / "BTCUSDT-aggTrades-2024-01-01.csv", b"\n".join(parts) + b"\n")])
    assert [(defect.kind, defect.line) for defect in report.defects] == [("duplicate", 10)]
    assert "is in two aggTrades" in report.defects[0].detail


def test_a_price_off_the_order_step_in_a_dump_is_told_and_quantities_are_counted(tmp_path):
    rules = tmp_path / "r.toml"
    rules.write_text(
        '[[instrument]]\nvenue = "binance"\nmarket = "spot"\nsymbol = "BTCUSDT"\nbase = "BTC"\nquote = "USDT"\n'
        'price_step = "0.5"\ntick_size = "0.1"\nqty_step = "1"\n'
    )
    path = put(tmp_path / "BTCUSDT-aggTrades-2024-01-01.csv", agg_trades_csv(5))
    report = check_recordings([path], instrument_files=[rules])
    assert [defect.detail for defect in report.defects] == ["price 61837.1 is not a multiple of 0.5"] * 5
    assert report.instruments[0].off_step_quantities == 5


def test_the_bar_is_shown_only_on_a_terminal_and_for_long_work(monkeypatch):
    class Terminal:
        @staticmethod
        def isatty() -> bool:
            return True

        @staticmethod
        def write(text: str) -> int:
            return len(text)

        @staticmethod
        def flush() -> None:
            pass

    with progress_module.ByteBar("check") as bar:
        bar.update(1, 2)
        assert bar._bar is None
    monkeypatch.setattr(progress_module.sys, "stderr", Terminal())
    monkeypatch.setattr(progress_module, "PROGRESS_AFTER_S", 0.0)
    with progress_module.ByteBar("check") as bar:
        bar.update(1, 2)
        bar.update(2, 2)
        assert bar._bar is not None
        assert bar._bar.tasks[0].completed == 2


def test_progress_ends_at_the_bytes_there_are(tmp_path):
    told = []
    path = put(tmp_path / "a", binance_capture())
    check_recordings([path, path], progress=lambda done, total: told.append((done, total)))
    size = path.stat().st_size
    assert told[-1] == (2 * size, 2 * size)
    assert told == sorted(told)
