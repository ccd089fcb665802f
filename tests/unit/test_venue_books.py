"""Kraken's and OKX's book messages: published checksums, truncation, literal digits, refusals."""

from __future__ import annotations

import json
from zlib import crc32

import pytest
from builders.recordings import kraken_capture, okx_capture

from bot4.adapters.venues.kraken.book import KrakenBookReader, iso_ns
from bot4.adapters.venues.kraken.book import checksum as kraken_checksum
from bot4.adapters.venues.okx.book import OkxBookReader
from bot4.adapters.venues.okx.book import checksum as okx_checksum
from bot4.adapters.venues.text_book import TextBook

# The worked example of Kraken's guide to the v2 checksum.
GUIDE_ASKS = (
    "45285.2/0.00100000 45286.4/1.54571953 45286.6/1.54571109 45289.6/1.54560911 45290.2/0.15890660 "
    "45291.8/1.54553491 45294.7/0.04454749 45296.1/0.35380000 45297.5/0.09945542 45299.5/0.18772827"
)
GUIDE_BIDS = (
    "45283.5/0.10000000 45283.4/1.54582015 45282.1/0.10000000 45281.0/0.10000000 45280.3/1.54592586 "
    "45279.0/0.07990000 45277.6/0.03310103 45277.5/0.30000000 45277.3/1.54602737 45276.6/0.15445238"
)


def levels(text: str) -> list[tuple[str, str]]:
    return [tuple(pair.split("/")) for pair in text.split()]  # type: ignore[misc]


def rows(text: str, *, strip: bool = False) -> str:
    cells = [(price, qty.rstrip("0") if strip else qty) for price, qty in levels(text)]
    return "[" + ",".join(f'{{"price":{price},"qty":{qty}}}' for price, qty in cells) + "]"


def guide_snapshot(*, strip: bool = False) -> bytes:
    return (
        f'{{"channel":"book","type":"snapshot","data":[{{"symbol":"BTC/USD","bids":{rows(GUIDE_BIDS, strip=strip)},'
        f'"asks":{rows(GUIDE_ASKS, strip=strip)},"checksum":3310070434}}]}}'
    ).encode()


def test_the_guides_checksum_is_reproduced():
    assert kraken_checksum(levels(GUIDE_ASKS), levels(GUIDE_BIDS)) == 3310070434


def test_v2_numbers_are_read_as_the_digits_that_were_sent():
    (update,) = KrakenBookReader().read(guide_snapshot()).updates
    assert update.checksum_made == update.checksum_sent == 3310070434
    assert ("45285.2", "0.00100000") in update.levels


def test_v2_digits_that_were_cut_are_padded_where_the_precision_is_known():
    assert KrakenBookReader().read(guide_snapshot(strip=True)).updates[0].checksum_made != 3310070434
    padded = KrakenBookReader({"BTC/USD": (1, 8)}).read(guide_snapshot(strip=True)).updates[0]
    assert padded.checksum_made == 3310070434


def test_okx_example_of_its_guide_is_reproduced():
    bids, asks = [("3366.1", "7"), ("3366", "6")], [("3366.8", "9"), ("3368", "8")]
    assert okx_checksum(bids, asks) == -1881014294
    assert okx_checksum(bids, asks[:1]) == signed(crc32(b"3366.1:7:3366.8:9:3366:6"))


def signed(value: int) -> int:
    return value - 2**32 if value >= 2**31 else value


@pytest.mark.parametrize("version", [1, 2])
def test_a_book_is_cut_to_the_subscribed_depth(version):
    reader = KrakenBookReader()
    for line in kraken_capture(version, rounds=200).splitlines()[1:]:
        reader.read(line.split(b": ", 1)[1])
    (symbol,) = reader.symbols()
    bids, asks = reader.levels(symbol, 1_000)
    assert len(bids) <= 10 >= len(asks)
    assert [float(price) for price, _ in bids] == sorted((float(price) for price, _ in bids), reverse=True)


def test_control_a_book_that_is_not_cut_fails_its_checksum():
    reader = KrakenBookReader()
    failed = 0
    for line in kraken_capture(1, rounds=200).splitlines()[1:]:
        updates = reader.read(line.split(b": ", 1)[1].replace(b"book-10", b"book-1000")).updates
        failed += sum(u.checksum_sent is not None and u.checksum_sent != u.checksum_made for u in updates)
    assert failed


def test_a_v1_update_of_both_sides_comes_in_two_objects():
    reader = KrakenBookReader()
    reader.read(b'[1,{"as":[["2.0","1.0","1.5"]],"bs":[["1.0","1.0","1.5"]]},"book-10","A/B"]')
    message = b'[1,{"a":[["3.0","1.0","1.6"]]},{"b":[["0.5","2.0","1.7","r"]],"c":"5"},"book-10","A/B"]'
    (update,) = reader.read(message).updates
    assert update.levels == (("0.5", "2.0"), ("3.0", "1.0"))
    assert (update.venue_ns, update.checksum_sent) == (1_700_000_000, 5)


def test_a_crossed_book_is_told():
    reader = OkxBookReader()
    frame = {
        "arg": {"channel": "books5", "instId": "A-B"},
        "data": [{"bids": [["2", "1"]], "asks": [["2", "1"]], "ts": "1"}],
    }
    assert reader.read(json.dumps(frame).encode()).updates[0].is_crossed


def test_a_checksum_of_zero_is_none():
    reader = OkxBookReader()
    for line in okx_capture(checksums=False).splitlines()[1:4]:
        (update,) = reader.read(line.split(b": ", 1)[1]).updates
        assert (update.checksum_sent, update.checksum_made) == (None, None)


@pytest.mark.parametrize(
    ("payload", "kind"),
    [
        (b'{"event":"heartbeat"}', "control"),
        (b'{"channel":"status","type":"update","data":[]}', "control"),
        (b'{"channel":"instrument","type":"snapshot","data":{}}', "other"),
        (b'[993,[["354.1","0.8","1618678142.5","s","l",""]],"trade","XMR/USD"]', "trade"),
        (b'[993,{"a":["1","1","1"]},"ticker","XMR/USD"]', "ticker"),
        (b'[993,["1","2"],"ohlc-5","XMR/USD"]', "bar"),
        (
            b'{"channel":"trade","type":"update","data":[{"symbol":"A/B","price":1.50,"qty":2.0,"timestamp":"2024-01-01T00:00:00Z"}]}',
            "trade",
        ),
    ],
)
def test_other_kraken_messages_are_told_by_kind(payload, kind):
    assert KrakenBookReader().read(payload).kind == kind


@pytest.mark.parametrize(
    ("payload", "kind"),
    [
        (b"pong", "control"),
        (b'{"event":"subscribe","arg":{"channel":"books","instId":"A-B"}}', "control"),
        (b'{"arg":{"channel":"tickers","instId":"A-B"},"data":[{}]}', "ticker"),
        (b'{"arg":{"channel":"candle1m","instId":"A-B"},"data":[[]]}', "bar"),
        (b'{"arg":{"channel":"funding-rate","instId":"A-B"},"data":[{}]}', "other"),
        (b'{"arg":{"channel":"trades","instId":"A-B"},"data":[{"px":"1","sz":"2","ts":"3"}]}', "trade"),
    ],
)
def test_other_okx_messages_are_told_by_kind(payload, kind):
    assert OkxBookReader().read(payload).kind == kind


@pytest.mark.parametrize(
    "payload",
    [
        b"{",
        b"7",
        b'[1,{"a":[["x","1","1"]]},"book-10","A/B"]',
        b'[1,{"as":[["1e5","1","1"]]},"book-10","A/B"]',
        b'[1,{"as":[["NaN","1","1"]]},"book-10","A/B"]',
        b"[1,2]",
        b'{"channel":"book","type":"update","data":[{"bids":[]}]}',
        b'{"channel":"book","type":"update"}',
        b'{"channel":"book","type":"snapshot","data":[{"symbol":"A/B","bids":[{"price":1}],"asks":[]}]}',
        b'{"arg":{}}',
    ],
)
def test_malformed_messages_are_refused_and_change_no_book(payload):
    for reader in (KrakenBookReader(), OkxBookReader()):
        if isinstance(reader, OkxBookReader) and payload.startswith(b"["):
            continue
        if isinstance(reader, KrakenBookReader) and payload == b'{"arg":{}}':
            continue
        with pytest.raises(ValueError, match=r"."):
            reader.read(payload)
        assert reader.symbols() == []


def test_iso_stamps_are_exact_to_the_nanosecond():
    assert iso_ns("2023-10-06T17:35:55.123456789Z") == 1_696_613_755_123_456_789
    assert iso_ns("1970-01-01T00:00:01Z") == 1_000_000_000
    with pytest.raises(ValueError, match=r"."):
        iso_ns("yesterday")


def test_removing_an_unknown_level_changes_nothing():
    book = TextBook()
    book.bids.set("1.0", "0.000")
    assert (len(book.bids), book.bids.best(), book.is_crossed) == (0, None, False)
    book.bids.set("1.0", "2")
    book.bids.set("1.00", "0")
    assert len(book.bids) == 0
