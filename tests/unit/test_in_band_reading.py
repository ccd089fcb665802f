"""What single frames of Kraken, OKX, Bybit and Coinbase mean, and how they become events."""

from __future__ import annotations

import gzip
import re
import socket
from decimal import Decimal

import numpy as np
import orjson
import pytest
from builders.engine import assembled
from oracles.wire_websocket import TEXT, encode

from bot4._core.engine.feed import Feed
from bot4._core.engine.relay import Relay
from bot4._core.event_dtype import EVENT_DTYPE
from bot4._core.types import EventKind, Flag
from bot4._core.wire.capture import CaptureFormat, CaptureVerdict, split_capture
from bot4._core.wire.websocket import WebSocketReader
from bot4.adapters.venues.bybit.market_data import BybitInBand
from bot4.adapters.venues.coinbase.market_data import CoinbaseInBand
from bot4.adapters.venues.in_band import MALFORMED, BookMessage, EventWriter, Lost, Print, Refused
from bot4.adapters.venues.kraken.market_data import KrakenInBand
from bot4.adapters.venues.okx.market_data import OkxInBand
from bot4.domain.instrument import ContractKind, Instrument

RECV_NS = 1_700_000_000_000_000_000


def instrument(symbol: str, venue: str, tick: str = "0.01", lot: str = "0.00000001") -> Instrument:
    return Instrument(
        symbol=symbol, venue=venue, kind=ContractKind.SPOT, base="BTC", quote="USD", settle="USD",
        tick_size=Decimal(tick), lot_size=Decimal(lot),
    )  # fmt: skip


# -- Bybit -------------------------------------------------------------------------------------------------------------


def bybit(kind: str, number: int, bids=(), asks=(), symbol="BTCUSDT") -> bytes:
    data = {"s": symbol, "b": list(bids), "a": list(asks), "u": number, "seq": 1}
    return orjson.dumps({"topic": f"orderbook.200.{symbol}", "type": kind, "ts": 1_700_000_000_000, "data": data})


def test_bybit_counts_one_by_one_and_a_one_is_a_snapshot():
    reader = BybitInBand([instrument("BTCUSDT", "bybit")])
    assert reader.read(bybit("delta", 8)) == ()
    assert reader.read(bybit("snapshot", 10, [["1.00", "2"]])) == [
        BookMessage(0, True, (("1.00", "2"),), (), 1_700_000_000_000_000_000)
    ]
    assert not reader.read(bybit("delta", 11))[0].is_snapshot
    assert reader.read(bybit("delta", 13)) == [Lost(0, "BTCUSDT: u 13 after 11")]
    assert reader.read(bybit("delta", 14)) == (), "nothing counts until a snapshot"
    assert reader.read(bybit("delta", 1))[0].is_snapshot
    assert reader.read(bybit("delta", 2))[0].lane == 0
    assert reader.read(bybit("delta", 3, symbol="OTHER")) == ()
    reader.opening()
    assert reader.read(bybit("delta", 3)) == ()


def test_bybit_asks_for_ten_topics_at_a_time():
    reader = BybitInBand([instrument(f"S{number}USDT", "bybit") for number in range(8)])
    sizes = [len(orjson.loads(text)["args"]) for text in reader.opening()]
    assert sizes == [10, 6]


# -- Coinbase ----------------------------------------------------------------------------------------------------------


def coinbase(number: int, channel: str = "heartbeats", events=()) -> bytes:
    stamp = "2026-04-07T14:30:00.123456Z"
    return orjson.dumps({"channel": channel, "timestamp": stamp, "sequence_num": number, "events": list(events)})


def test_coinbase_counts_every_message_of_the_connection():
    reader = CoinbaseInBand([instrument("BTC-USD", "coinbase")])
    rows = [
        {"side": "bid", "price_level": "9.00", "new_quantity": "1"},
        {"side": "offer", "price_level": "9.01", "new_quantity": "0"},
    ]
    event = {"type": "update", "product_id": "BTC-USD", "updates": rows}
    assert reader.read(coinbase(0)) == ()
    assert reader.read(coinbase(1, "l2_data", [event])) == [
        BookMessage(0, False, (("9.00", "1"),), (("9.01", "0"),), 1_775_572_200_123_456_000)
    ]
    assert reader.read(coinbase(3)) == [Lost(None, "sequence_num 3 after 1")]
    reader.opening()
    assert reader.read(coinbase(0)) == ()


def test_coinbase_prints_come_oldest_first_and_their_side_is_the_makers():
    reader = CoinbaseInBand([instrument("BTC-USD", "coinbase")])
    rows = [
        {
            "trade_id": "8",
            "product_id": "BTC-USD",
            "price": "9.01",
            "size": "2",
            "side": "SELL",
            "time": "2026-04-07T14:30:00Z",
        },
        {
            "trade_id": "7",
            "product_id": "BTC-USD",
            "price": "9.00",
            "size": "1",
            "side": "BUY",
            "time": "2026-04-07T14:30:00Z",
        },
    ]
    found = reader.read(coinbase(0, "market_trades", [{"type": "update", "trades": rows}]))
    assert [(one.trade_id, one.is_buyer_maker) for one in found] == [(7, True), (8, False)]
    assert reader.read(coinbase(1, "market_trades", [{"type": "snapshot", "trades": rows}])) == []


def test_what_a_venue_refuses_is_said_in_its_words():
    spot = [instrument("X", "v")]
    assert CoinbaseInBand(spot).read(b'{"type":"error","message":"no such product"}') == [Refused("no such product")]
    assert BybitInBand(spot).read(b'{"success":false,"ret_msg":"Invalid topic","op":"subscribe"}') == [
        Refused("Invalid topic")
    ]
    assert OkxInBand(spot).read(b'{"event":"error","code":"60012","msg":"Invalid request"}') == [
        Refused("60012 Invalid request")
    ]
    assert KrakenInBand(spot).read(b'{"method":"subscribe","success":false,"error":"Currency pair not supported"}') == [
        Refused("Currency pair not supported")
    ]


@pytest.mark.parametrize("reader", [KrakenInBand, OkxInBand, BybitInBand, CoinbaseInBand])
@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"{",
        b"\xff",
        b"7",
        b'{"topic":"orderbook.200.X","type":"delta","data":{}}',
        b'{"channel":"l2_data","sequence_num":1,"timestamp":"x","events":[{}]}',
        b'{"arg":{"channel":"books","instId":"X"},"action":"update","data":[{"bids":[["x","1"]]}]}',
        b'["event"]',
        b'[1,{"a":[]},"book-10","X"]',
        b'{"arg":{"channel":"trades","instId":"X"},"data":[{"px":"1"}]}',
        b'{"channel":"book","type":"snapshot","data":[{"symbol":"X","bids":[{"price":"nan","qty":1}]}]}',
    ],
)
def test_a_frame_that_means_nothing_is_refused_or_passed_over_and_never_a_book(reader, frame):
    one = reader([instrument("X", "v")])
    try:
        found = one.read(frame)
    except MALFORMED:
        return
    assert not any(isinstance(update, BookMessage | Print) for update in found)


# -- recorded messages -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("venue", "names"),
    [
        ("bybit", ["ws_orderbook_snapshot", "ws_orderbook_delta"]),
        ("coinbase", ["ws_l2_data_snapshot", "ws_l2_data_update"]),
    ],
)
@pytest.mark.real_data
def test_recorded_snapshots_and_updates_become_a_book(shared_data, venue, names):
    symbol, reader = {
        "bybit": ("BTCUSDT", BybitInBand),
        "coinbase": ("BTC-USD", CoinbaseInBand),
    }[venue]
    one = reader([instrument(symbol, venue)])
    kinds = []
    for name in names:
        payload = (shared_data / "protocol_fixtures" / venue / f"{name}.json").read_bytes()
        (found,) = one.read(payload)
        assert isinstance(found, BookMessage), found
        kinds.append(found.is_snapshot)
    assert kinds == [True, False]


@pytest.mark.real_data
def test_a_recorded_okx_stream_keeps_its_checksums(shared_data):
    text = gzip.decompress((shared_data / "ws_captures" / "cryptofeed" / "OKX.ws.1.0.gz").read_bytes())
    rows = split_capture(text, CaptureFormat.CAPTURE_FORMAT_CRYPTOFEED)
    frames = [text[row[3] : row[4]] for row in rows if row[0] == CaptureVerdict.CAPTURE_FRAME]
    symbols = sorted({name.decode() for frame in frames for name in re.findall(rb'"instId":"([^"]+)"', frame)})
    reader = OkxInBand([instrument(symbol, "okx") for symbol in symbols])
    found = [update for frame in frames for update in reader.read(frame)]
    books = [update for update in found if isinstance(update, BookMessage)]
    assert not any(isinstance(update, Lost) for update in found)
    assert len(books) > 50
    assert {update.lane for update in books if update.is_snapshot} >= {update.lane for update in books}


@pytest.mark.real_data
def test_an_example_with_a_wrong_checksum_is_no_book(shared_data):
    """The venue's own documentation shows a checksum that is none of its levels."""
    payload = (shared_data / "protocol_fixtures" / "okx" / "ws_books_snapshot.json").read_bytes()
    (found,) = OkxInBand([instrument("BTC-USDT", "okx")]).read(payload)
    assert isinstance(found, Lost)


# -- events ------------------------------------------------------------------------------------------------------------


def test_levels_become_exact_ticks_and_lots_with_ids_that_never_break():
    writer = EventWriter([instrument("A", "v"), instrument("B", "v", tick="0.05", lot="1")])
    first = writer.book(BookMessage(0, True, (("61837.63", "0.00000001"),), (("61837.640", "12"),), 5), RECV_NS)
    assert first["kind"].tolist() == [
        EventKind.EVENT_DEPTH_BEGIN,
        EventKind.EVENT_DEPTH_LEVEL,
        EventKind.EVENT_DEPTH_LEVEL,
    ]
    assert first["flags"].tolist() == [
        Flag.FLAG_SNAPSHOT | Flag.FLAG_FIRST,
        Flag.FLAG_SNAPSHOT,
        Flag.FLAG_SNAPSHOT | Flag.FLAG_LAST,
    ]
    assert [tuple(int(row[name]) for name in ("side", "a", "b")) for row in first[1:]] == [
        (0, 6_183_763, 1),
        (1, 6_183_764, 1_200_000_000),
    ]
    empty = writer.book(BookMessage(0, False, (), (), 0), RECV_NS)
    assert [int(empty[0][name]) for name in "abcde"] == [2, 2, -1, 0, -1]
    assert empty["flags"][0] == Flag.FLAG_FIRST | Flag.FLAG_LAST
    other = writer.book(BookMessage(1, False, (("100.15", "3"),), (), 0), RECV_NS)
    assert (int(other[0]["a"]), int(other[1]["a"]), int(other[1]["instrument"])) == (1, 2_003, 1)


@pytest.mark.parametrize("text", ["1.005", "-1", "1e-3", "x", "nan", "", "9" * 30])
def test_a_price_off_the_grid_is_refused(text):
    writer = EventWriter([instrument("A", "v")])
    with pytest.raises((ValueError, ArithmeticError)):
        writer.book(BookMessage(0, False, ((text, "1"),), (), 0), RECV_NS)


def test_a_print_knows_who_took():
    event = EventWriter([instrument("A", "v")]).trade(Print(0, "2.00", "3", True, 9, 7), RECV_NS)[0]
    assert (int(event["kind"]), int(event["side"]), int(event["a"]), int(event["c"])) == (
        EventKind.EVENT_TRADE,
        1,
        200,
        9,
    )
    assert event["flags"] & Flag.FLAG_BUYER_IS_MAKER


# -- the relay ---------------------------------------------------------------------------------------------------------


def relay():
    assembly, _ = assembled()
    feed = Feed(assembly.scanner, assembly.engine, live=True)
    one = Relay(feed, utc_offset_ns=RECV_NS)
    ours, theirs = socket.socketpair()
    place = one.add(WebSocketReader(), ours.fileno(), is_tls=False, is_raw=True)
    return one, place, assembly, (ours, theirs)


def test_raw_messages_go_up_unscanned_and_events_come_down():
    one, place, assembly, (ours, theirs) = relay()
    theirs.sendall(b"".join(encode(TEXT, b'{"n":%d}' % number) for number in range(200)))
    while not (notices := one.take_notices()):
        one.receive(5_000_000)
    assert [payload for _, payload in notices] == [b'{"n":%d}' % number for number in range(200)]
    assert assembly.scanner.counters["ok"] == assembly.scanner.counters["ignored"] == 0
    writer = EventWriter([instrument("A", "v")])
    assert one.deliver(place, writer.book(BookMessage(0, True, (("9.00", "1"),), (("9.01", "1"),), 0), one.utc_ns()))
    assert assembly.engine.top(0)[0] == [(900, 100_000_000)]
    assert one.age(0, 0)[2] == 1
    assert one.socket_counters(place)["useful"] == 1
    ours.close()
    theirs.close()


@pytest.mark.parametrize(
    "events",
    [np.zeros(0, EVENT_DTYPE), np.zeros(40_000, EVENT_DTYPE), np.zeros(3, "i8"), np.zeros((2, 2), EVENT_DTYPE)],
)
def test_events_of_another_kind_are_refused(events):
    one, place, _, sockets = relay()
    with pytest.raises(ValueError, match="must be"):
        one.deliver(place, events)
    for sock in sockets:
        sock.close()
