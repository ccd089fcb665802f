"""The frame scanner, refusal by refusal."""

from __future__ import annotations

import json

import pytest
from builders.scan_frames import BAR, DIFF, KLINE, MS, SNAPSHOT, TICKER, TRADE, verdict

from bot4._core.wire.scan import Scanner


@pytest.fixture
def scanner() -> Scanner:
    scanner = Scanner(64)
    scanner.add_instrument("BTCUSDT", "0.01", "0.001")
    scanner.add_instrument("BTCUSD_PERP", "0.1", "1")
    return scanner


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"s": "NOBODY"}, "unknown_symbol"),
        ({"s": "btcusdt"}, "unknown_symbol"),
        ({"s": "BTCUSDT" + "X" * 40}, "unknown_symbol"),
        ({"s": "BTCUSDT\0"}, "unknown_symbol"),
        ({"s": ""}, "unknown_symbol"),
        ({"s": 5}, "wrong_type"),
        ({"p": 100.5}, "wrong_type"),
        ({"m": 1}, "wrong_type"),
        ({"e": None}, "wrong_type"),
        ({"p": "100.505"}, "off_tick"),
        ({"q": "0.2501"}, "off_lot"),
        ({"p": "-1.5"}, "negative"),
        ({"t": -5}, "negative"),
        ({"p": "0.00"}, "zero_price"),
        ({"p": "92233720368547758.08"}, "overlong"),
        ({"p": "1" * 41}, "overlong"),
        ({"t": 2**63}, "overlong"),
        *[
            ({"p": text}, "bad_number")
            for text in ("", "1.", ".5", "1e5", "+1", "--", "-", "007", "1 ", "NaN", "1,5", "0x1")
        ],
        ({"t": 1.5}, "bad_number"),
        ({"T": 0}, "bad_time"),
        ({"T": 1_700_000_000}, "bad_time"),
        ({"T": 10**14}, "bad_time"),
        ({"T": 9_999_999_999_999}, "bad_time"),
        ({"T": 10**18}, "bad_time"),
    ],
)
def test_trade_with_a_bad_field_is_refused_for_its_reason(scanner, change, reason) -> None:
    assert verdict(scanner, TRADE | change) == reason
    assert scanner.refused == 1


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (DIFF | {"U": 10}, "bad_range"),
        (DIFF | {"b": [["1.005", "1"]]}, "off_tick"),
        (DIFF | {"a": [["1", "0.0001"]]}, "off_lot"),
        (DIFF | {"a": [["0", "1"]]}, "zero_price"),
        (DIFF | {"b": [["1"]]}, "wrong_type"),
        (DIFF | {"b": [["1", "2", "3"]]}, "wrong_type"),
        (DIFF | {"b": [[1, 2]]}, "wrong_type"),
        (DIFF | {"b": {}}, "wrong_type"),
        (DIFF | {"b": [["1", "1"]] * 64}, "too_many_levels"),
        (TICKER | {"b": "0"}, "zero_price"),
        (KLINE | {"k": BAR | {"h": "1.75"}}, "bad_range"),
        (KLINE | {"k": BAR | {"V": "11"}}, "bad_range"),
        (KLINE | {"k": BAR | {"T": MS - 1}}, "bad_range"),
        (KLINE | {"k": BAR | {"T": MS * 1000 + 1}}, "bad_range"),
        (KLINE | {"k": BAR | {"l": "0"}}, "zero_price"),
        (KLINE | {"k": []}, "wrong_type"),
        (
            {"e": "aggTrade", "a": 1, "s": "BTCUSDT", "p": "1", "q": "1", "f": 2, "l": 1, "T": MS, "m": True},
            "bad_range",
        ),
    ],
)
def test_message_with_a_bad_value_is_refused_for_its_reason(scanner, message, reason) -> None:
    assert verdict(scanner, message) == reason


@pytest.mark.parametrize(
    "message", [TRADE, DIFF, TICKER, KLINE, SNAPSHOT], ids=["trade", "diff", "ticker", "kline", "snapshot"]
)
def test_message_without_an_essential_member_is_refused(scanner, message) -> None:
    optional = {"M", "E"} if message is TRADE else {"e"}
    for key in set(message) - optional:
        assert verdict(scanner, {k: v for k, v in message.items() if k != key}, 0) == "missing_field", key


def test_bar_without_an_essential_member_is_refused(scanner) -> None:
    for key in "tTohlcvnxV":
        assert verdict(scanner, KLINE | {"k": {k: v for k, v in BAR.items() if k != key}}) == "missing_field", key


@pytest.mark.parametrize("key", ["e", "s", "p", "q", "T", "m", "t"])
def test_essential_member_that_stands_twice_is_refused(scanner, key) -> None:
    text = json.dumps(TRADE)
    assert verdict(scanner, f'{text[:-1]}, "{key}": {json.dumps(TRADE[key])}}}'.encode()) == "duplicate_field"
    spelt = f"\\u{ord(key):04x}"
    assert verdict(scanner, f'{text[:-1]}, "{spelt}": 0}}'.encode()) == "duplicate_field"


@pytest.mark.parametrize(
    ("tail", "reason"),
    [
        (b"", "truncated"),
        (b"  ", "truncated"),
        (b'{"a":', "truncated"),
        (b'{"a":tru', "truncated"),
        (b'{"a":"\\u00', "truncated"),
        (b'{"a":-', "truncated"),
        (b'{"a":1.', "truncated"),
        (b'{"a":"\xc3', "truncated"),
        (b"{} {}", "malformed"),
        (b"{}x", "malformed"),
        (b"{}\0", "malformed"),
        (b'{"a":1,}', "malformed"),
        (b'{"a" 1}', "malformed"),
        (b"{a:1}", "malformed"),
        (b'{"a":[1 2]}', "malformed"),
        (b'{"a":[1}]', "malformed"),
        (b'{"a":01}', "malformed"),
        (b'{"a":-01}', "malformed"),
        (b'{"a":1.}', "malformed"),
        (b'{"a":.5}', "malformed"),
        (b'{"a":+1}', "malformed"),
        (b'{"a":1e}', "malformed"),
        (b'{"a":0x1}', "malformed"),
        (b'{"a":NaN}', "malformed"),
        (b'{"a":Infinity}', "malformed"),
        (b'{"a":True}', "malformed"),
        (b'{"a":nul}', "malformed"),
        (b'{"a":"\t"}', "malformed"),
        (b'{"a":"\\x"}', "malformed"),
        (b'{"a":"\\u00g0"}', "malformed"),
        (b"{'a':1}", "malformed"),
        (b'{"a":"\xff"}', "malformed"),
        (b'{"a":"\xc0\x80"}', "malformed"),
        (b'{"a":"\xed\xa0\x80"}', "malformed"),
        (b'{"a":"\xf4\x90\x80\x80"}', "malformed"),
        (b'\xef\xbb\xbf{"a":1}', "malformed"),
        (b"[" * 33 + b"]" * 33, "too_deep"),
        (b'{"a":' * 33, "too_deep"),
        (b"[" * 1_000_000, "too_deep"),
    ],
)
def test_what_a_strict_parser_rejects_is_refused(scanner, tail, reason) -> None:
    assert verdict(scanner, tail) == reason


def test_thirty_two_containers_are_not_too_deep(scanner) -> None:
    assert verdict(scanner, b"[" * 32 + b"]" * 32) == "ignored"


def test_frame_over_sixteen_mebibytes_is_refused_unread(scanner) -> None:
    assert verdict(scanner, b" " * ((16 << 20) + 1)) == "oversized"
