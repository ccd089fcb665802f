"""Market streams of the served exchange: names, control messages, payloads, and a book that can be kept from them."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager

import orjson
import pytest
from builders.served_exchange import Served, served

from bot4.adapters.simulator.faults.settings import FaultSettings
from bot4.adapters.simulator.wire.limits import Limits


def run(test):
    asyncio.run(test())


class GapError(Exception):
    """A book was found to have missed a change."""


@asynccontextmanager
async def stream(exchange: Served, path: str):
    async with exchange.session.ws_connect(exchange.ws + path) as socket:
        yield socket


async def message(socket, wait_s: float = 5.0):
    return orjson.loads((await socket.receive(wait_s)).data)


async def ask(socket, method: str, params=None, request_id=1):
    content = {"method": method, "id": request_id} | ({} if params is None else {"params": params})
    await socket.send_str(orjson.dumps(content).decode())
    while True:
        answer = await message(socket)
        if isinstance(answer, dict) and "id" in answer:
            return answer


async def trade(exchange: Served, price: str = "50000.00", quantity: str = "0.01") -> None:
    await exchange.alice.limit("SELL", price, quantity)
    await exchange.bob.limit("BUY", price, quantity)


class TestConnecting:
    @pytest.mark.parametrize("path", ["/ws", "/ws/", "/ws/0", "/stream", "/stream?streams=", "/ws/btcusdt@trade"])
    def test_every_address_that_clients_use_can_be_subscribed_on(self, path):
        async def listen():
            async with served() as exchange, stream(exchange, path) as socket:
                assert await ask(socket, "SUBSCRIBE", ["ethusdt@trade"], 7) == {"result": None, "id": 7}
                assert "ethusdt@trade" in (await ask(socket, "LIST_SUBSCRIPTIONS"))["result"]

        run(listen)

    def test_raw_and_combined_payloads(self):
        async def listen():
            async with (
                served() as exchange,
                stream(exchange, "/ws/btcusdt@trade") as raw,
                stream(exchange, "/stream?streams=btcusdt@trade/btcusdt@aggTrade") as combined,
            ):
                await trade(exchange)
                payload = await message(raw)
                assert set(payload) == set("eEstpqTmM")
                assert (payload["p"], payload["q"], payload["m"]) == ("50000.00000000", "0.01000000", False)
                wrapped = await message(combined)
                assert wrapped == {"stream": "btcusdt@trade", "data": payload}
                aggregate = await message(combined)
                assert set(aggregate["data"]) == set("eEsapqflTmM")

        run(listen)

    def test_trades_of_one_order_at_one_price_are_one_aggregate(self):
        async def listen():
            async with served() as exchange, stream(exchange, "/ws/btcusdt@aggTrade") as socket:
                for price in ("50000.00", "50000.00", "50001.00"):
                    await exchange.alice.limit("SELL", price, "0.01")
                await exchange.bob.limit("BUY", "50001.00", "0.03")
                first, second = await message(socket), await message(socket)
                assert [(item["q"], item["f"], item["l"]) for item in (first, second)] == [
                    ("0.02000000", 1, 2),
                    ("0.01000000", 3, 3),
                ]

        run(listen)

    @pytest.mark.parametrize(
        ("text", "code", "words"),
        [
            ("{", 3, "Invalid JSON"),
            ('{"id":1}', 2, "missing field `method`"),
            ('{"method":"LISTEN","id":1}', 2, "unknown variant LISTEN"),
            ('{"method":"SUBSCRIBE","params":[1],"id":1}', 2, "must be a string"),
            ('{"method":"GET_PROPERTY","params":["speed"],"id":1}', 0, "Unknown property"),
            ('{"method":"SET_PROPERTY","params":["combined",1],"id":1}', 1, "expected Boolean"),
            ('{"method":"LIST_SUBSCRIPTIONS","params":["x"],"id":1}', 2, "too many parameters"),
            ('{"method":"SUBSCRIBE","params":[],"id":1.5}', 2, "request ID"),
        ],
    )
    def test_a_wrong_control_message_is_told_so(self, text, code, words):
        async def listen():
            async with served() as exchange, stream(exchange, "/ws") as socket:
                await socket.send_str(text)
                answer = await message(socket)
                assert (answer["code"], words in answer["msg"]) == (code, True), answer

        run(listen)

    def test_combined_can_be_switched_on(self):
        async def listen():
            async with served() as exchange, stream(exchange, "/ws/btcusdt@trade") as socket:
                assert (await ask(socket, "GET_PROPERTY", ["combined"]))["result"] is False
                assert (await ask(socket, "SET_PROPERTY", ["combined", True]))["result"] is None
                await trade(exchange)
                assert (await message(socket))["stream"] == "btcusdt@trade"

        run(listen)

    def test_after_unsubscribing_nothing_comes(self):
        async def listen():
            async with served() as exchange, stream(exchange, "/ws/btcusdt@trade") as socket:
                await ask(socket, "UNSUBSCRIBE", ["btcusdt@trade"])
                await trade(exchange)
                with pytest.raises(TimeoutError):
                    await message(socket, 0.3)

        run(listen)

    def test_who_says_too_much_is_disconnected(self):
        async def listen():
            async with served(limits=Limits(messages_per_second=5)) as exchange, stream(exchange, "/ws") as socket:
                for number in range(20):
                    await socket.send_str(orjson.dumps({"method": "LIST_SUBSCRIPTIONS", "id": number}).decode())
                while not socket.closed:
                    await socket.receive(5)
                assert socket.close_code == 1008

        run(listen)

    def test_there_is_a_most_of_streams(self):
        async def listen():
            async with (
                served(limits=Limits(streams_per_connection=2)) as exchange,
                stream(exchange, "/ws/a@trade/b@trade") as socket,
            ):
                assert (await ask(socket, "SUBSCRIBE", ["c@trade"]))["code"] == 2
                assert (await ask(socket, "SUBSCRIBE", ["a@trade"]))["result"] is None

        run(listen)


class TestListenKeys:
    def test_without_the_switch_there_are_none(self):
        async def ask_for_one():
            async with served() as exchange:
                key = {"X-MBX-APIKEY": exchange.alice.key}
                assert (await exchange.alice.raw("POST", "/api/v3/userDataStream", **key)).status == 404

        run(ask_for_one)

    def test_an_older_client_gets_plain_events_until_its_key_ends(self):
        now = [time.time_ns()]

        async def listen():
            async with served(listen_keys=True, clock=lambda: now[0]) as exchange:
                alice, path = exchange.alice, "/api/v3/userDataStream"
                key = {"X-MBX-APIKEY": alice.key}
                made = (await alice.raw("POST", path, **key)).body["listenKey"]
                assert (await alice.raw("POST", path, **key)).body["listenKey"] == made
                assert (await alice.raw("POST", path)).body["code"] == -2014
                async with stream(exchange, f"/ws/{made}") as socket:
                    await alice.limit("BUY", "30000.00", "0.01", newClientOrderId="old")
                    event = await message(socket)
                    assert (event["e"], event["c"]) == ("executionReport", "old")
                    assert (await message(socket))["e"] == "outboundAccountPosition"
                    assert (await alice.raw("PUT", path, f"listenKey={made}", **key)).body == {}
                    now[0] += 3_601 * 10**9
                    gone = await alice.raw("PUT", path, f"listenKey={made}", **key)
                    assert gone.body == {"code": -1125, "msg": "This listenKey does not exist."}
                    other = (await alice.raw("POST", path, **key)).body["listenKey"]
                    assert other != made
                    assert (await alice.raw("DELETE", path, f"listenKey={other}", **key)).status == 200

        run(listen)


class TestPayloads:
    @pytest.mark.parametrize(
        ("name", "keys"),
        [
            ("btcusdt@bookTicker", set("usbBaA")),
            ("btcusdt@depth@100ms", set("eEsUuba")),
            ("btcusdt@depth", set("eEsUuba")),
            ("btcusdt@depth5@100ms", {"lastUpdateId", "bids", "asks"}),
            ("btcusdt@depth20", {"lastUpdateId", "bids", "asks"}),
            ("btcusdt@kline_1m", set("eEsk")),
            ("btcusdt@kline_1s", set("eEsk")),
            ("btcusdt@kline_1d@+08:00", set("eEsk")),
            ("btcusdt@miniTicker", set("eEscohlvq")),
            ("btcusdt@ticker", set("eEspPwxcQbBaAohlvqOCFLn")),
            ("btcusdt@ticker_1h", set("eEspPohlcwvqOCFLn")),
            ("btcusdt@avgPrice", set("eEsiwT")),
            ("btcusdt@referencePrice", set("esrt")),
        ],
    )
    def test_each_stream_carries_its_keys_within_its_time(self, name, keys):
        async def listen():
            async with (
                served(with_background=True, speed=20.0) as exchange,
                stream(exchange, f"/ws/{name}") as socket,
            ):
                assert set(await message(socket)) == keys

        run(listen)

    def test_all_markets_are_told_in_one_message(self):
        async def listen():
            async with (
                served(with_background=True, speed=20.0) as exchange,
                stream(exchange, "/ws/!miniTicker@arr") as socket,
            ):
                assert {item["s"] for item in await message(socket)} <= {"BTCUSDT", "ETHUSDT", "ETHBTC"}

        run(listen)

    def test_a_bar_is_told_closed_once_and_counts_every_trade(self):
        async def listen():
            async with served() as exchange, stream(exchange, "/ws/btcusdt@kline_1s/btcusdt@trade") as socket:
                volume, closed = 0.0, {}
                traded = 0.0
                until = time.monotonic() + 3.4
                while time.monotonic() < until:
                    await trade(exchange, quantity="0.001")
                    traded += 0.001
                    await asyncio.sleep(0.15)
                await asyncio.sleep(1.2)
                while True:
                    try:
                        payload = await message(socket, 0.2)
                    except TimeoutError:
                        break
                    if payload["e"] == "kline" and payload["k"]["x"]:
                        assert payload["k"]["t"] not in closed
                        closed[payload["k"]["t"]] = payload["k"]
                        volume += float(payload["k"]["v"])
                rows = (await exchange.alice.plain("GET", "/api/v3/klines", symbol="BTCUSDT", interval="1s")).body
                by_rest = {row[0]: row[5] for row in rows}
                assert all(by_rest[opened] == bar["v"] for opened, bar in closed.items())
                assert sum(float(row[5]) for row in rows) == pytest.approx(traded)
                assert len(closed) >= 3

        run(listen)


class LocalBook:
    """A book kept as the documentation says: web-socket-streams.md, corrected 2025-11-12."""

    def __init__(self, snapshot) -> None:
        self.update_id = snapshot["lastUpdateId"]
        self.levels = levels_of(snapshot)

    def apply(self, event) -> None:
        if event["u"] < self.update_id:
            return
        if event["U"] > self.update_id + 1:
            raise GapError(f"{event['U']} after {self.update_id}")
        for side, key in (("bids", "b"), ("asks", "a")):
            for price, quantity in event[key]:
                self.levels[side].pop(price, None)
                if float(quantity):
                    self.levels[side][price] = quantity
        self.update_id = event["u"]


def levels_of(snapshot) -> dict[str, dict[str, str]]:
    return {side: dict(map(tuple, snapshot[side])) for side in ("bids", "asks")}


async def depth(exchange: Served):
    return (await exchange.alice.plain("GET", "/api/v3/depth", symbol="BTCUSDT", limit=5000)).body


async def keep_book(exchange: Served, seconds: float) -> None:
    """Keep a book for a while, then until its id is that of a snapshot, and compare the two.

    Raises
    ------
    GapError
        A change was missed.

    """
    async with stream(exchange, "/ws/btcusdt@depth@100ms") as socket:
        first = await message(socket)
        snapshot = await depth(exchange)
        assert snapshot["lastUpdateId"] >= first["U"]
        book = LocalBook(snapshot)
        book.apply(first)
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            book.apply(await message(socket))
        for _ in range(50):  # a diff may end beyond a snapshot: then a later one is compared
            truth = await depth(exchange)
            while book.update_id < truth["lastUpdateId"]:
                book.apply(await message(socket))
            if book.update_id == truth["lastUpdateId"]:
                break
        assert (book.update_id, book.levels) == (truth["lastUpdateId"], levels_of(truth))


class TestBooks:
    def test_a_book_kept_from_diffs_is_the_exchanges_own(self):
        async def keep():
            async with served(with_background=True, speed=30.0) as exchange:
                await keep_book(exchange, 2.0)

        run(keep)

    def test_diffs_follow_each_other_without_a_gap(self):
        async def listen():
            async with (
                served(with_background=True, speed=30.0) as exchange,
                stream(exchange, "/stream?streams=btcusdt@depth@100ms/btcusdt@depth") as socket,
            ):
                last: dict[str, int] = {}
                until = time.monotonic() + 2.5
                while time.monotonic() < until:
                    wrapped = await message(socket)
                    event = wrapped["data"]
                    assert event["U"] <= event["u"]
                    assert event["U"] == last.get(wrapped["stream"], event["U"] - 1) + 1
                    last[wrapped["stream"]] = event["u"]
                assert len(last) == 2

        run(listen)

    @pytest.mark.parametrize("fault", ["drop_diffs", "reorder_diffs"])
    def test_control_a_lost_or_late_diff_is_found_out(self, fault):
        async def keep():
            async with served(with_background=True, speed=30.0) as exchange:
                exchange.venue.faults.set(FaultSettings(**{fault: 0.5}))
                with pytest.raises(GapError):
                    await keep_book(exchange, 5.0)

        run(keep)

    def test_a_diff_that_comes_twice_changes_nothing(self):
        async def keep():
            async with served(with_background=True, speed=30.0) as exchange:
                exchange.venue.faults.set(FaultSettings(duplicate_diffs=1.0))
                await keep_book(exchange, 1.5)

        run(keep)
