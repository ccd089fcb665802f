"""A recording as the background market of the served exchange."""

from __future__ import annotations

import gzip

import orjson
import pytest

from bot4.adapters.simulator.accounts import parse_account
from bot4.adapters.simulator.background.plain_flow import PlainFlow
from bot4.adapters.simulator.background.recorded_flow import RecordedFlow
from bot4.adapters.simulator.symbols import DEFAULT_SYMBOLS
from bot4.adapters.simulator.venue import Venue
from bot4.bootstrap.exchange import recorded_markets
from bot4.domain.errors import DataError

SECOND = 1_000_000_000
START = 1_700_000_000 * SECOND


def snapshot(update_id: int, bids, asks) -> dict:
    return {"lastUpdateId": update_id, "bids": bids, "asks": asks}


def diff(first: int, last: int, bids=(), asks=()) -> dict:
    return {"e": "depthUpdate", "E": 0, "s": "BTCUSDT", "U": first, "u": last, "b": list(bids), "a": list(asks)}


def trade(price: str, quantity: str, *, buyer_is_maker: bool) -> dict:
    return {"e": "trade", "E": 0, "s": "BTCUSDT", "t": 1, "p": price, "q": quantity, "m": buyer_is_maker}


MESSAGES = [
    (0, diff(1, 5, bids=[("59990.00", "9.00000")])),  # before the snapshot: of no use
    (1, snapshot(10, [("60000.00", "1.00000"), ("59999.00", "2.00000")], [("60001.00", "1.00000")])),
    (2, diff(9, 10, bids=[("59000.00", "7.00000")])),  # in the snapshot already
    (3, diff(11, 12, bids=[("60000.00", "1.50000")], asks=[("60002.00", "3.00000"), ("90000.00", "1.00000")])),
    (4, trade("60001.00", "0.40000", buyer_is_maker=False)),
    (5, diff(13, 14, asks=[("60001.00", "0.60000")], bids=[("59999.00", "0.00000")])),
]


class Played:
    """A venue whose BTCUSDT is played from messages, a second between them."""

    def __init__(self, messages) -> None:
        self.now_ns = START
        account = parse_account("alice:k:s:USDT=1000000,BTC=100")
        self.venue = Venue(DEFAULT_SYMBOLS, [account], None, seed=1, clock=lambda: self.now_ns)
        self.market = self.venue.market("BTCUSDT")
        frames = ((START + at * SECOND, orjson.dumps(content)) for at, content in messages)
        self.flow = RecordedFlow(self.venue.engine, {"BTCUSDT": self.market}, frames)
        self.flow.begin(self.now_ns)
        self.venue.keeper.settle(None, self.now_ns)

    def advance(self, seconds: float) -> None:
        self.now_ns += int(seconds * SECOND)
        self.flow.advance(seconds, self.now_ns)
        self.venue.keeper.settle(None, self.now_ns)

    def book(self):
        _, bids, asks = self.market.book(100)
        return [(float(price), float(qty)) for price, qty in bids], [(float(price), float(qty)) for price, qty in asks]

    def order(self, side: str, price: str, quantity: str):
        alice = next(iter(self.venue.accounts.values()))
        values = {"symbol": "BTCUSDT", "side": side, "type": "LIMIT", "timeInForce": "GTC"}
        values |= {"price": int(float(price) * 1e8), "quantity": int(float(quantity) * 1e8)}
        return self.venue.desk.place(alice, self.market, values, self.now_ns).order


def test_the_book_is_the_recorded_one_at_each_moment():
    played = Played(MESSAGES)
    assert played.book() == ([(60000.0, 1.0), (59999.0, 2.0)], [(60001.0, 1.0)])
    played.advance(2)
    assert played.book() == ([(60000.0, 1.5), (59999.0, 2.0)], [(60001.0, 1.0), (60002.0, 3.0)])
    played.advance(1)
    assert played.book()[1][0] == (60001.0, 0.6)
    assert [(item.price, item.qty, item.buyer_is_maker) for item in played.market.tape.trades] == [
        (6_000_100_000_000, 40_000_000, False)
    ]
    played.advance(1)
    assert played.book() == ([(60000.0, 1.5)], [(60001.0, 0.6), (60002.0, 3.0)])
    assert played.flow.is_over


def test_a_clients_order_is_filled_behind_what_stood_there():
    played = Played([*MESSAGES[:4], (6, trade("60000.00", "1.20000", buyer_is_maker=True))])
    first = played.order("BUY", "60000.00", "0.5")
    played.advance(2)  # the level grows by half a coin, behind the client
    played.advance(3)
    assert first.executed == 20_000_000  # one coin stood before it


def test_what_a_client_took_comes_back_with_the_next_message_of_that_level():
    played = Played([*MESSAGES[:2], (4, diff(11, 11, asks=[("60001.00", "1.00000")]))])
    assert played.order("BUY", "60001.00", "0.7").status == "FILLED"
    assert played.book()[1] == [(60001.0, 0.3)]
    played.advance(4)
    assert played.book()[1] == [(60001.0, 1.0)]


def test_the_other_markets_are_worth_what_they_are_without_a_recording():
    venue = Venue(DEFAULT_SYMBOLS, [], None, seed=1, clock=lambda: START)
    others = [market for name, market in venue.markets.items() if name != "BTCUSDT"]
    PlainFlow(venue.engine, others, DEFAULT_SYMBOLS, 1).begin(START)
    assert venue.market("BTCUSDT").book(1)[1] == []
    assert 0.049 < float(venue.market("ETHBTC").book(1)[1][0][0]) < 0.051


def test_a_recording_of_something_else_is_refused(tmp_path):
    path = tmp_path / "trades.csv"
    path.write_text("1,60000.0,0.1,6000,1700000000000,True,True\n")
    with pytest.raises(DataError):
        recorded_markets([path])


def test_damaged_lines_are_passed_over():
    played = Played(MESSAGES)
    frames = iter([(START, b"{"), (START, b"[]"), (START, b'{"data":3}'), (START, orjson.dumps(MESSAGES[1][1]))])
    flow = RecordedFlow(played.venue.engine, {"ETHUSDT": played.venue.market("ETHUSDT")}, frames, 1)
    flow.begin(START)
    assert played.venue.market("ETHUSDT").book(1)[1] == [("60000.00000000", "1.00000000")]


@pytest.mark.real_data
def test_a_real_day_keeps_the_recorded_touch(shared_data):
    path = shared_data / "ws_captures/hftbacktest/spot/btcusdt_20240808.gz"
    recorded = recorded_markets([path])
    now = [START]
    venue = Venue(DEFAULT_SYMBOLS, [], None, seed=1, clock=lambda: now[0])
    market = venue.market("BTCUSDT")
    flow = RecordedFlow(venue.engine, {"BTCUSDT": market}, recorded["BTCUSDT"])
    flow.begin(now[0])
    for _ in range(60):
        now[0] += SECOND
        flow.advance(1.0, now[0])
        venue.keeper.settle(None, now[0])
    bid, ask = market.best().bid_ticks / 100, market.best().ask_ticks / 100
    assert 61_000 < bid < ask < 62_500
    assert ask - bid < 5.0
    assert len(market.tape.trades) > 500
    recorded_volume, since = 0.0, None
    with gzip.open(path, "rb") as lines:
        for line in lines:
            stamp, content = int(line.split(b" ", 1)[0]), line
            if b"lastUpdateId" in content:
                since = stamp
            elif since is not None and stamp <= since + 60 * SECOND and b'"e":"trade"' in content:
                recorded_volume += float(orjson.loads(content.split(b" ", 1)[1])["data"]["q"])
    volume = sum(item.qty for item in market.tape.trades) / 1e8
    # Diffs come ten times a second, trades at once: some find their level gone already.
    assert 0.5 * recorded_volume < volume <= recorded_volume
