"""Bad input: refused by the venue's error, at no cost to others, and never the end of the exchange."""

from __future__ import annotations

import asyncio
import random
import time

import aiohttp
import orjson
import pytest
from builders.served_exchange import served

from bot4.adapters.simulator.api.table import ENDPOINTS
from bot4.adapters.simulator.serve import doorstep
from bot4.adapters.simulator.tls import make_tls
from bot4.adapters.simulator.wire.limits import Limits

_WORDS = (
    *("symbol", "side", "type", "price", "quantity", "timeInForce", "BTCUSDT", "BUY", "LIMIT", "GTC", "-1", "1e9", "0"),
    *(
        "NaN",
        "null",
        "%00",
        "%ff",
        "A" * 300,
        "9" * 40,
        "[",
        '["',
        "{}",
        "limit",
        "interval",
        "1m",
        "\u2603",
        "'",
        "--",
    ),
    *("startTime", "endTime", "fromId", "windowSize", "timeZone", "99:99", "orderId", "recvWindow", "true", "symbols"),
)


def run(test):
    asyncio.run(test())


async def clear_of_the_turn(period_s: float, spare_s: float) -> None:
    """Wait until the venue's counters of a period stand for so long yet."""
    left_s = period_s - time.time() % period_s
    if left_s < spare_s:
        await asyncio.sleep(left_s + 0.01)


async def raw(exchange, content: bytes, wait_s: float = 5.0) -> bytes:
    """Send bytes, return what comes before the connection ends."""
    host, port = exchange.rest.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(content)
        await writer.drain()
        return await asyncio.wait_for(reader.read(4_096), wait_s)
    finally:
        writer.close()
        try:
            await writer.wait_closed()
        except ConnectionError:
            return b""


async def is_alive(exchange) -> None:
    assert (await exchange.bob.plain("GET", "/api/v3/ping")).status == 200
    assert (await exchange.bob.signed("GET", "/api/v3/account")).status == 200


class TestRest:
    @pytest.mark.parametrize(
        "content",
        [
            b"\x00\x01\x02\x03\r\n\r\n",
            b"GET /api/v3/ping HTTP/9.9\r\n\r\n",
            b"POST /api/v3/order HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
            b"POST /api/v3/order HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
            b"GET /api/v3/ping HTTP/1.1\r\nHost: x\r\n" + b"X: " + b"y" * 100_000 + b"\r\n\r\n",
        ],
    )
    def test_what_is_no_http_is_refused_and_fills_no_log(self, content, caplog):
        async def send():
            async with served() as exchange:
                answer = await raw(exchange, content)
                assert answer == b"" or answer.split(b" ")[1].startswith(b"4"), answer
                await is_alive(exchange)

        run(send)
        assert not caplog.records

    def test_an_oversized_body_or_query_is_refused(self):
        async def send():
            async with served() as exchange:
                big = await exchange.alice.raw("POST", "/api/v3/order", body="a=" + "x" * 100_000)
                assert (big.status, big.body["code"]) == (413, -1101)
                for length, expected in (
                    (7_000, (b"400", b"-1100")),
                    (16_000, (b"400", b"-1100")),
                    (16_400, (b"414", b"-1101")),
                ):
                    head = f"GET /api/v3/depth?symbol={'A' * length} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
                    answer = await raw(exchange, head.encode())
                    assert (answer.split(b" ")[1], expected[1] in answer) == (expected[0], True), answer
                await is_alive(exchange)

        run(send)

    def test_a_body_that_is_no_text_is_refused(self):
        async def send():
            async with served() as exchange:
                url = exchange.rest + "/api/v3/order"
                async with exchange.session.post(url, data=b"\xff\xfe\xfa") as answer:
                    assert (answer.status, (await answer.json())["code"]) == (400, -1100)
                await is_alive(exchange)

        run(send)

    @pytest.mark.parametrize(("method", "status"), [("PATCH", 405), ("DELETE", 405), ("POST", 405)])
    def test_another_method_is_refused(self, method, status):
        async def send():
            async with served() as exchange:
                assert (await exchange.alice.raw(method, "/api/v3/ping")).status == status

        run(send)

    def test_slow_requests_keep_nobody_waiting(self):
        async def send():
            async with served() as exchange:
                host, port = exchange.rest.removeprefix("http://").split(":")
                slow = [await asyncio.open_connection(host, int(port)) for _ in range(200)]
                for _, writer in slow:
                    writer.write(b"POST /api/v3/order HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nsymbol=")
                began = time.monotonic()
                for _ in range(20):
                    await is_alive(exchange)
                assert time.monotonic() - began < 9.0
                for _, writer in slow:
                    writer.close()

        run(send)

    def test_who_connects_and_asks_nothing_is_cut_in_time_and_nobody_else(self, monkeypatch):
        monkeypatch.setattr(doorstep, "FIRST_REQUEST_S", 0.5)

        async def send():
            async with served() as exchange, exchange.api_socket() as socket:
                await is_alive(exchange)  # keeps its connection
                assert await raw(exchange, b"GET /api/v3/ping HTTP/1.1\r\nHost: x\r\n", 30.0) == b""
                assert await raw(exchange, b"", 30.0) == b""
                assert (await socket.ask("ping"))["status"] == 200
                await is_alive(exchange)

        run(send)

    def test_who_begins_no_tls_is_cut_in_time(self, monkeypatch, tmp_path):
        monkeypatch.setattr(doorstep, "FIRST_REQUEST_S", 0.5)

        async def send():
            async with served(tls=make_tls(tmp_path, "127.0.0.1")[0]) as exchange:
                port = int(exchange.rest.rpartition(":")[2])
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                assert await asyncio.wait_for(reader.read(1), 30.0) == b""
                writer.close()

        run(send)

    def test_beyond_the_bound_of_connections_the_latest_are_cut(self, monkeypatch):
        monkeypatch.setattr(doorstep, "CONNECTIONS_MAX", 4)

        async def send():
            async with served() as exchange:
                await is_alive(exchange)
                host, port = exchange.rest.removeprefix("http://").split(":")
                idle = [await asyncio.open_connection(host, int(port)) for _ in range(6)]
                ended = [asyncio.create_task(reader.read(1)) for reader, _ in idle]
                waiting: set[asyncio.Task[bytes]] = set(ended)
                while len(waiting) > 4:
                    done, waiting = await asyncio.wait(waiting, timeout=60.0, return_when=asyncio.FIRST_COMPLETED)
                    assert done
                assert not ended[0].done()
                await is_alive(exchange)
                for task, (_, writer) in zip(ended, idle, strict=True):
                    writer.close()
                    task.cancel()

        run(send)

    def test_a_flood_is_refused_then_banned_and_costs_nobody_else(self):
        async def send():
            limits, now_ns = Limits(weight_per_minute=100, refusals_before_ban=5, first_ban_s=60), time.time_ns()
            async with served(limits=limits, clock=lambda: now_ns) as exchange:
                statuses = [(await exchange.alice.plain("GET", "/api/v3/ping")).status for _ in range(120)]
                assert statuses[:100] == [200] * 100
                assert statuses[100:105] == [429] * 5
                assert set(statuses[105:]) == {418}
                banned = await exchange.alice.plain("GET", "/api/v3/ping")
                assert banned.headers["Retry-After"] == "60"
                other = aiohttp.TCPConnector(local_addr=("127.0.0.2", 0))
                async with (
                    aiohttp.ClientSession(connector=other) as session,
                    session.get(exchange.rest + "/api/v3/ping") as answer,
                ):
                    assert (answer.status, answer.headers["X-MBX-USED-WEIGHT-1M"]) == (200, "1")

        run(send)

    def test_a_failed_order_costs_its_weight_and_an_accepted_one_nothing(self):
        async def send():
            await clear_of_the_turn(10.0, 5.0)
            async with served(limits=Limits()) as exchange:
                used = []
                for price in ("30000.00", "30000.001", "30000.00"):
                    answer = await exchange.alice.limit("BUY", price, "0.01")
                    used.append(answer.headers["X-MBX-USED-WEIGHT-1M"])
                assert used == ["0", "1", "1"]
                counted = await exchange.alice.limit("BUY", "30000.00", "0.01")
                assert (counted.headers["X-MBX-ORDER-COUNT-10S"], counted.headers["X-MBX-ORDER-COUNT-1D"]) == ("3", "3")

        run(send)

    def test_too_many_orders_are_refused_and_the_first_fill_gives_some_back(self):
        async def send():
            async with served(limits=Limits(orders_per_10_seconds=5)) as exchange:
                left_s = 10 - time.time() % 10
                await asyncio.sleep(left_s if left_s < 4 else 0)  # all of it within one window
                for _ in range(5):
                    assert (await exchange.alice.limit("SELL", "50000.00", "0.01")).status == 200
                refused = await exchange.alice.limit("SELL", "50000.00", "0.01")
                assert (refused.status, refused.body["code"]) == (429, -1015)
                assert 1 <= int(refused.headers["Retry-After"]) <= 10
                await exchange.bob.limit("BUY", "50000.00", "0.01")
                assert (await exchange.alice.limit("SELL", "50000.00", "0.01")).status == 200

        run(send)


class TestSockets:
    def test_an_oversized_frame_ends_only_its_connection(self):
        async def send():
            async with served() as exchange, exchange.api_socket() as good:
                async with exchange.session.ws_connect(exchange.ws_api) as bad:
                    await bad.send_str("x" * 300_000)
                    await bad.receive(5)
                    assert bad.close_code == 1009
                assert (await good.ask("ping"))["status"] == 200

        run(send)

    def test_binary_and_broken_frames_end_only_their_connection(self):
        async def send():
            async with served() as exchange, exchange.api_socket() as good:
                async with exchange.session.ws_connect(exchange.ws_api) as bad:
                    await bad.send_bytes(b"\x00\x01")
                    await bad.receive(5)
                    assert bad.close_code == 1003
                assert (await good.ask("ping"))["status"] == 200

        run(send)

    @pytest.mark.parametrize(
        "frame",
        [
            '{"id":1,"method":"depth","params":{"symbol":' + "[" * 900 + "]" * 900 + "}}",
            '{"id":1,"method":"depth","params":{"symbol":{"a":1},"limit":1.5}}',
            '{"id":1,"method":"depth","params":{"symbol":"BTCUSDT","limit":1e400}}',
            '{"id":1,"method":"depth","params":{"symbol":"BTCUSDT","limit":' + "9" * 5_000 + "}}",
            '{"id":1,"method":"depth","params":{"symbol":"\\ud800"}}',
            '{"id":1,"method":"' + "x" * 10_000 + '"}',
            '{"id":"' + "x" * 10_000 + '","method":"ping"}',
            '{"id":1,"method":"order.place","params":{"apiKey":"alicekey","signature":"\\u00e9","timestamp":1}}',
            "\ufeff{}",
        ],
    )
    def test_deep_wide_and_odd_json_gets_an_error(self, frame):
        async def send():
            async with served() as exchange, exchange.api_socket() as socket:
                await socket.socket.send_str(frame)
                answer = await socket.receive()
                assert answer["status"] >= 400
                assert (await socket.ask("ping"))["status"] == 200

        run(send)

    def test_a_client_that_does_not_read_is_cut_and_others_are_served(self):
        async def send():
            async with served(with_background=True, speed=50.0) as exchange:
                host, port = exchange.rest.removeprefix("http://").split(":")
                reader, writer = await asyncio.open_connection(host, int(port), limit=1)
                names = "/".join(
                    f"{symbol}@{kind}" for symbol in ("btcusdt", "ethusdt") for kind in ("trade", "bookTicker")
                )
                writer.write(
                    f"GET /stream?streams={names} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
                )
                deadline = time.monotonic() + 10.0
                while not exchange.server.spot.sockets.peers:
                    assert time.monotonic() < deadline
                    await asyncio.sleep(0.02)
                (peer,) = exchange.server.spot.sockets.peers
                for _ in range(60_000):
                    peer.push(b"x" * 400)
                await asyncio.sleep(0.2)
                await is_alive(exchange)
                assert not exchange.server.spot.sockets.peers
                writer.close()
                del reader

        run(send)


def test_random_requests_never_end_the_exchange():
    dice = random.Random(5)

    async def send():
        async with served(with_background=True) as exchange:
            async with exchange.api_socket() as socket:
                for _ in range(1_500):
                    endpoint = dice.choice(ENDPOINTS)
                    names = [*endpoint.parameters.names, *_WORDS]
                    params = {dice.choice(names): dice.choice(_WORDS) for _ in range(dice.randrange(6))}
                    if "symbol" in endpoint.parameters.names:
                        params["symbol"] = "BTCUSDT"
                    if endpoint.security.value == "none":
                        answer = await exchange.alice.plain(endpoint.method, endpoint.path, **params)
                    else:
                        params = {
                            name: value for name, value in params.items() if name not in {"recvWindow", "timestamp"}
                        }
                        answer = await exchange.alice.signed(endpoint.method, endpoint.path, **params)
                    assert answer.status < 500, (endpoint.path, params, answer)
                    if endpoint.ws_method and dice.random() < 0.3:
                        over = await socket.ask(
                            endpoint.ws_method, {name: str(value) for name, value in params.items()}
                        )
                        assert over["status"] < 500, (endpoint.ws_method, params, over)
            await is_alive(exchange)
            orjson.dumps((await exchange.admin_call("GET", "/ledger")).body)

    run(send)
