"""The frame scanner, shape by shape, on frames written here in the shapes Binance documents."""

from __future__ import annotations

import json

import numpy as np
import pytest
from builders.scan_frames import BAR, DIFF, KLINE, MS, SNAPSHOT, TICKER, TRADE, scan, verdict

from bot4._core.types import EventKind, Flag, Side
from bot4._core.wire.scan import Scanner

NS = MS * 1_000_000
FIRST_LAST = Flag.FLAG_FIRST | Flag.FLAG_LAST


@pytest.fixture
def scanner() -> Scanner:
    scanner = Scanner(64)
    scanner.add_instrument("BTCUSDT", "0.01", "0.001")
    scanner.add_instrument("BTCUSD_PERP", "0.1", "1")
    return scanner


def words(event: np.void) -> list[int]:
    return [int(event[name]) for name in "abcde"]


def test_trade_becomes_one_event_stamped_with_the_transaction_time(scanner) -> None:
    (event,) = scan(scanner, TRADE)
    assert (event["kind"], event["side"], event["instrument"]) == (EventKind.EVENT_TRADE, Side.SIDE_SELL, 0)
    assert (event["venue_ns"], event["recv_ns"]) == (NS, 77)
    assert event["flags"] == FIRST_LAST | Flag.FLAG_BUYER_IS_MAKER
    assert words(event) == [10_050, 250, 12, 12, 12]


def test_trade_whose_buyer_took_has_side_buy(scanner) -> None:
    (event,) = scan(scanner, TRADE | {"m": False})
    assert (event["side"], event["flags"]) == (Side.SIDE_BUY, FIRST_LAST)


def test_aggregate_trade_carries_first_and_last_trade_id(scanner) -> None:
    message = {
        "e": "aggTrade",
        "E": MS,
        "a": 50,
        "s": "BTCUSDT",
        "p": "2.5",
        "q": "1",
        "f": 7,
        "l": 9,
        "T": MS,
        "m": False,
    }
    (event,) = scan(scanner, message)
    assert event["kind"] == EventKind.EVENT_AGG_TRADE
    assert words(event) == [250, 1000, 50, 7, 9]


def test_spot_ticker_has_no_stamp(scanner) -> None:
    (event,) = scan(scanner, TICKER)
    assert (event["kind"], event["flags"], event["venue_ns"]) == (EventKind.EVENT_QUOTE, FIRST_LAST, 0)
    assert words(event) == [100, 2000, 101, 3000, 7]


def test_futures_ticker_in_any_key_order_is_marked_futures(scanner) -> None:
    fields = TICKER | {"e": "bookTicker", "T": MS, "E": MS + 9, "ps": "BTC"}
    for keys in (list(fields), list(reversed(fields)), sorted(fields)):
        (event,) = scan(scanner, {key: fields[key] for key in keys})
        assert (event["flags"], event["venue_ns"]) == (FIRST_LAST | Flag.FLAG_FUTURES, NS)
        assert words(event) == [100, 2000, 101, 3000, 7]


def test_empty_side_of_a_ticker_is_price_and_quantity_zero(scanner) -> None:
    (event,) = scan(scanner, TICKER | {"b": "0.00000000", "B": "0.00000000"})
    assert words(event)[:2] == [0, 0]


def test_spot_diff_becomes_begin_and_levels_bids_first(scanner) -> None:
    events = scan(scanner, DIFF)
    assert [event["kind"] for event in events] == [EventKind.EVENT_DEPTH_BEGIN] + [EventKind.EVENT_DEPTH_LEVEL] * 3
    assert words(events[0]) == [5, 9, -1, 3, -1]
    assert [words(event) for event in events[1:]] == [[100, 2000, 9, 0, 0], [99, 0, 9, 1, 0], [101, 3500, 9, 2, 0]]
    assert [event["side"] for event in events] == [0, Side.SIDE_BUY, Side.SIDE_BUY, Side.SIDE_SELL]
    assert [event["flags"] for event in events] == [Flag.FLAG_FIRST, 0, 0, Flag.FLAG_LAST]
    assert set(events["venue_ns"]) == {NS}


def test_key_order_does_not_change_the_events_of_a_diff(scanner) -> None:
    expected = scan(scanner, DIFF)
    for keys in (sorted(DIFF), sorted(DIFF, reverse=True), ["a", "b", "s", "u", "U", "E", "e"]):
        assert np.array_equal(scan(scanner, {key: DIFF[key] for key in keys}), expected), keys
        assert np.array_equal(
            scan(scanner, {"data": {key: DIFF[key] for key in keys}, "stream": "btcusdt@depth"}), expected
        )


def test_futures_diff_carries_the_id_before_it(scanner) -> None:
    events = scan(scanner, DIFF | {"pu": 4, "T": MS - 1, "ps": "BTC", "s": "BTCUSD_PERP", "b": [["1.1", "3"]], "a": []})
    assert words(events[0]) == [5, 9, 4, 1, -1]
    assert set(events["flags"] & Flag.FLAG_FUTURES) == {Flag.FLAG_FUTURES}
    assert set(events["venue_ns"]) == {NS - 1_000_000}
    assert set(events["instrument"]) == {1}


def test_levels_between_two_ticks_may_be_left_out_and_counted(scanner) -> None:
    index = scanner.add_instrument("OLDUSDT", "0.01", "0.001", skip_off_tick_levels=True)
    message = DIFF | {"s": "OLDUSDT", "b": [["1.005", "7"], ["1.00", "2"], ["0.001", "0"]], "a": [["1.011", "1"]]}
    begin, level = scan(scanner, message)
    assert words(begin) == [5, 9, -1, 1, -1]
    assert words(level) == [100, 2000, 9, 0, 0]
    assert (level["instrument"], level["flags"]) == (index, Flag.FLAG_LAST)
    assert scanner.counters["skipped_off_tick_level"] == 3
    reordered = {key: message[key] for key in ("a", "b", "e", "E", "U", "u", "s")}
    assert np.array_equal(scan(scanner, reordered), [begin, level])
    assert scanner.counters["skipped_off_tick_level"] == 6
    assert verdict(scanner, message | {"a": [["1.011", "0.0001"]]}) == "off_lot"
    assert verdict(scanner, TRADE | {"s": "OLDUSDT", "p": "1.005"}) == "off_tick"
    assert scanner.counters["skipped_off_tick_level"] == 6


def test_diff_without_levels_is_one_event_first_and_last(scanner) -> None:
    (event,) = scan(scanner, DIFF | {"b": [], "a": []})
    assert event["flags"] == FIRST_LAST


def test_rest_snapshot_is_of_the_default_instrument(scanner) -> None:
    events = scan(scanner, SNAPSHOT, 0)
    assert words(events[0]) == [160, 160, -1, 3, -1]
    assert set(events["flags"] & Flag.FLAG_SNAPSHOT) == {Flag.FLAG_SNAPSHOT}
    assert verdict(scanner, SNAPSHOT) == "unknown_symbol"


def test_snapshot_that_names_its_symbol_needs_no_default(scanner) -> None:
    fields = {
        "lastUpdateId": 1,
        "E": MS,
        "T": MS,
        "symbol": "BTCUSD_PERP",
        "pair": "BTC",
        "bids": [["5.5", "2"]],
        "asks": [],
    }
    for default in (-1, 0):
        for keys in (list(fields), list(reversed(fields))):
            events = scan(scanner, {key: fields[key] for key in keys}, default)
            assert set(events["instrument"]) == {1}
            assert words(events[1])[:2] == [55, 2]
            assert events[0]["flags"] & Flag.FLAG_FUTURES


@pytest.mark.parametrize("stream", ["btcusdt@depth5", "btcusdt@depth10@100ms", "btcusdt@depth20@1000ms"])
def test_partial_depth_takes_its_symbol_from_the_stream(scanner, stream) -> None:
    for message in ({"stream": stream, "data": SNAPSHOT}, {"data": SNAPSHOT, "stream": stream}):
        events = scan(scanner, message)
        assert set(events["instrument"]) == {0}
        assert set(events["flags"] & (Flag.FLAG_SNAPSHOT | Flag.FLAG_PARTIAL_BOOK)) == {
            Flag.FLAG_SNAPSHOT | Flag.FLAG_PARTIAL_BOOK
        }


def test_partial_depth_of_the_futures_is_told_from_a_diff_by_its_stream(scanner) -> None:
    message = {"stream": "btcusdt@depth5@0ms", "data": DIFF | {"pu": 4}}
    assert scan(scanner, message)[0]["flags"] & Flag.FLAG_PARTIAL_BOOK
    message["stream"] = "btcusdt@depth@0ms"
    assert not scan(scanner, message)[0]["flags"] & Flag.FLAG_PARTIAL_BOOK


def test_kline_becomes_prices_and_flow(scanner) -> None:
    prices, flow = scan(scanner, KLINE)
    assert (prices["kind"], flow["kind"]) == (EventKind.EVENT_BAR_PRICES, EventKind.EVENT_BAR_FLOW)
    assert (prices["flags"], flow["flags"]) == (
        Flag.FLAG_FIRST | Flag.FLAG_BAR_CLOSED,
        Flag.FLAG_LAST | Flag.FLAG_BAR_CLOSED,
    )
    assert words(prices) == [150, 225, 125, 200, NS]
    assert words(flow) == [10_000, 6_000, 4, 60 * 10**9, NS]


def test_microsecond_stamps_are_known_by_their_size(scanner) -> None:
    bar = BAR | {"t": MS * 1000, "T": MS * 1000 + 59_999_999}
    prices, flow = scan(scanner, KLINE | {"E": MS * 1000 + 1, "k": bar})
    assert prices["venue_ns"] == NS + 1000
    assert words(flow)[3:] == [60 * 10**9, NS]


@pytest.mark.parametrize(
    "message",
    [
        {"result": None, "id": 1},
        {"error": {"code": 2, "msg": 'no "such" thing'}, "id": 1},
        {"e": "24hrTicker", "E": MS, "s": "NOBODY", "p": "-1.5", "b": [[["deep"]]]},
        {"stream": "btcusdt@markPrice", "data": {"e": "markPriceUpdate", "s": "BTCUSDT", "p": "1.234567"}},
        {"stream": "x", "data": [1, 2]},
        [{"e": "24hrMiniTicker"}],
        "pong",
        12,
        None,
        {},
    ],
)
def test_sound_message_without_market_event_is_ignored_not_refused(scanner, message) -> None:
    assert verdict(scanner, message) == "ignored"
    assert scanner.refused == 0


def test_trade_of_quantity_zero_is_ignored_and_counted_apart(scanner) -> None:
    assert verdict(scanner, TRADE | {"p": "0", "q": "0"}) == "ignored"
    assert (scanner.counters["ignored_zero_trade"], scanner.counters["ignored_off_book"]) == (1, 0)


@pytest.mark.parametrize("made_by", ["INSURANCE_FUND", "NA", "ADL"])
def test_trade_that_no_order_of_the_book_made_is_ignored_and_counted_apart(scanner, made_by) -> None:
    assert verdict(scanner, TRADE | {"X": made_by, "p": "0", "q": "0"}) == "ignored"
    assert verdict(scanner, TRADE | {"X": made_by}) == "ignored"
    assert (scanner.counters["ignored_zero_trade"], scanner.counters["ignored_off_book"]) == (0, 2)
    assert len(scan(scanner, TRADE | {"X": "MARKET"})) == 1


def test_unknown_members_of_any_value_are_skipped(scanner) -> None:
    odd = {
        "st": 1,
        "nq": "x",
        "deep": [{"a": [{}, [], "}"]}],
        "text": 'quote " slash \\ \u65e5\u672c',
        "none": None,
        "n": -1.5e-7,
    }
    assert np.array_equal(scan(scanner, odd | TRADE), scan(scanner, TRADE))


def test_white_space_between_tokens_is_tolerated(scanner) -> None:
    spaced = json.dumps({"data": DIFF, "stream": "btcusdt@depth"}, indent=2).replace("\n", "\r\n\t").encode() + b"\n"
    assert np.array_equal(scan(scanner, spaced), scan(scanner, DIFF))


def test_escaped_spellings_mean_what_they_spell(scanner) -> None:
    frame = (
        json.dumps(TRADE)
        .replace("BTCUSDT", "\\u0042TC\\u0055SDT")
        .replace('"p"', '"\\u0070"')
        .replace("100.50", "10\\u0030.5")
    )
    assert np.array_equal(scan(scanner, frame.encode()), scan(scanner, TRADE))


def test_symbols_beyond_ascii_are_found(scanner) -> None:
    symbol = "\uff11\uff12\uff13USDT"
    index = scanner.add_instrument(symbol, "1", "1")
    assert scan(scanner, TICKER | {"s": symbol, "b": "1", "a": "2"})[0]["instrument"] == index
    assert scanner.scan(json.dumps(TICKER | {"s": symbol, "b": "1", "a": "2"}).encode(), 1)[0]["instrument"] == index
