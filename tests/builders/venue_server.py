"""A small exchange that speaks Binance's market data protocol, with its own book as the truth and faults on demand.

It runs in a thread of its own on loopback. What it sends is drawn from a seed; `Truth` is what a client's book must
equal.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import json
import random
import ssl
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from decimal import Decimal
from typing import Self
from urllib.parse import parse_qs, unquote, urlsplit

from oracles.wire_websocket import CLOSE, PING, TEXT, encode

TICK, LOT = Decimal("0.01"), Decimal("0.00001")
FILTERS = [
    {"filterType": "PRICE_FILTER", "minPrice": "0.01000000", "maxPrice": "1000000.00000000", "tickSize": "0.01000000"},
    {"filterType": "LOT_SIZE", "minQty": "0.00001000", "maxQty": "9000.00000000", "stepSize": "0.00001000"},
    {"filterType": "NOTIONAL", "minNotional": "5.00000000", "applyMinToMarket": True, "maxNotional": "9000000.0"},
]


def symbol_rules(symbol: str, *, futures: bool = False) -> dict:
    rules = {
        "symbol": symbol, "status": "TRADING", "baseAsset": symbol[:3], "quoteAsset": symbol[3:],
        "baseAssetPrecision": 8, "quoteAssetPrecision": 8, "filters": FILTERS,
    }  # fmt: skip
    if futures:
        rules |= {"contractType": "PERPETUAL", "marginAsset": symbol[3:], "pricePrecision": 2, "quantityPrecision": 5}
    return rules


class Truth:
    """The exchange's own book of one symbol, in ticks and lots."""

    reach_ticks = 60  # mean distance of a level from the middle
    levels_min = 50

    def __init__(self, symbol: str, rng: random.Random, *, futures: bool = False) -> None:
        self.symbol = symbol
        self.rng = rng
        self.futures = futures
        self.now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000
        self.update_id = self.previous_id = 1_000
        self.trade_id = 500
        self.mid = 6_000_000
        self.sides: tuple[dict[int, int], dict[int, int]] = ({}, {})
        for side in (0, 1):
            for _ in range(4 * self.levels_min):
                self.sides[side][self.price(side)] = rng.randrange(1, 500_000)

    def price(self, side: int) -> int:
        away = int(self.rng.expovariate(1 / self.reach_ticks)) + 1
        return self.mid - away if side == 0 else self.mid + away

    def levels(self, side: int) -> list[tuple[int, int]]:
        return sorted(self.sides[side].items(), reverse=side == 0)

    def diff(self) -> bytes:
        """Change some levels; the diff that says so."""
        self.previous_id = self.update_id
        first = self.update_id + 1
        self.update_id += self.rng.randrange(1, 5)
        changed: tuple[dict[int, int], dict[int, int]] = ({}, {})
        for _ in range(self.rng.randrange(1, 8)):
            side = self.rng.randrange(2)
            gone = self.rng.random() < 0.4 and len(self.sides[side]) > self.levels_min
            price = self.rng.choice(sorted(self.sides[side])) if gone else self.price(side)
            qty = 0 if gone else self.rng.randrange(1, 500_000)
            changed[side][price] = qty
            if gone:
                del self.sides[side][price]
            else:
                self.sides[side][price] = qty
        now_ms = self.now_ms()
        data = {"e": "depthUpdate", "E": now_ms, "s": self.symbol, "U": first, "u": self.update_id}
        if self.futures:
            data |= {"T": now_ms, "pu": self.previous_id}
        data |= {"b": [level(*item) for item in changed[0].items()], "a": [level(*item) for item in changed[1].items()]}
        return wrapped(f"{self.symbol.lower()}@depth@100ms", data)

    def quote(self) -> bytes:
        bid, ask = max(self.sides[0].items()), min(self.sides[1].items())
        data = {"u": self.update_id, "s": self.symbol, **dict(zip("bB", level(*bid), strict=True))}
        data |= dict(zip("aA", level(*ask), strict=True))
        if self.futures:
            now_ms = self.now_ms()
            data |= {"e": "bookTicker", "E": now_ms, "T": now_ms}
        return wrapped(f"{self.symbol.lower()}@bookTicker", data)

    def trade(self) -> bytes:
        self.trade_id += 1
        now_ms = self.now_ms()
        price, qty = level(self.mid, self.rng.randrange(1, 9_999))
        data = {"E": now_ms, "s": self.symbol, "p": price, "q": qty, "T": now_ms, "m": self.rng.random() < 0.5}
        if self.futures:
            data |= {"e": "aggTrade", "a": self.trade_id, "f": self.trade_id, "l": self.trade_id}
            return wrapped(f"{self.symbol.lower()}@aggTrade", data)
        return wrapped(f"{self.symbol.lower()}@trade", data | {"e": "trade", "t": self.trade_id, "M": True})

    def snapshot(self) -> bytes:
        document: dict = {"lastUpdateId": self.update_id}
        if self.futures:
            document |= {"E": self.now_ms(), "T": self.now_ms()}
        document |= {"bids": [level(*one) for one in self.levels(0)], "asks": [level(*one) for one in self.levels(1)]}
        return json.dumps(document, separators=(",", ":")).encode()


def level(ticks: int, lots: int) -> list[str]:
    return [f"{ticks * TICK:.8f}", f"{lots * LOT:.8f}"]


def wrapped(stream: str, data: dict) -> bytes:
    return json.dumps({"stream": stream, "data": data}, separators=(",", ":")).encode()


class Peer:
    """One client's websocket, as the server sees it."""

    def __init__(self, writer: asyncio.StreamWriter, streams: set[str]) -> None:
        self.writer = writer
        self.streams = streams
        self.pongs: list[bytes] = []
        self.said: list[bytes] = []  # messages
        self.close_code: int | None = None
        self.is_muted = False

    def send(self, frame: bytes) -> None:
        if not self.writer.is_closing():
            self.writer.write(frame)


class VenueServer:
    """The exchange. Use as a context manager; `url` and `ws_url` are what a client is given.

    Faults: `cut`, `outage`, `mute`, `shut_down`, `old_snapshots`, `refuse_snapshots`, and a `tamper` that is handed the
    depth frames of each moment and returns what is sent instead.
    """

    truth_type = Truth

    def __init__(
        self, *symbols: str, seed: int = 1, futures: bool = False, certificate: str | None = None,
        interval_s: float = 0.01,
    ) -> None:  # fmt: skip
        self.rng = random.Random(seed)
        self.futures = futures
        self.truths = {symbol: self.truth_type(symbol, self.rng, futures=futures) for symbol in symbols or ("BTCUSDT",)}
        self.certificate = certificate
        self.interval_s = interval_s
        self.peers: list[Peer] = []
        self.all_peers: list[Peer] = []
        self.requests: list[str] = []
        self.asked_s: dict[str, list[float]] = defaultdict(list)
        self.targets: list[str] = []
        self.is_out = False
        self.is_silent = False
        self.silent_streams: set[str] = set()
        self.old_snapshots = 0
        self.snapshot_status: tuple[int, dict[str, str]] | None = None
        self.bars: tuple[int, bytes] = (200, b"[]")  # status and text of what it says of the past
        self.tamper = None
        self.clock_offset_ms = 0
        self.frozen: dict[str, bytes] = {}
        self.is_paused = False
        self.greeting = b""  # frames sent in one piece with the answer to the next upgrade
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ready = threading.Event()

    # -- the thread ------------------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=lambda: asyncio.run(self._main()), daemon=True)
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self.call(self._stop.set)
        self._thread.join(10)

    def call(self, function, *args):
        """Run a function in the server's thread and return its result."""
        done: list = []
        ready = threading.Event()

        def body() -> None:
            try:
                done.append(function(*args))
            finally:
                ready.set()

        assert self._loop is not None
        self._loop.call_soon_threadsafe(body)
        assert ready.wait(10)
        return done[0]

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        context = None
        if self.certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self.certificate)
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=context)
        self.port = server.sockets[0].getsockname()[1]
        tls = self.certificate is not None
        self.url = f"{'https' if tls else 'http'}://localhost:{self.port}"
        self.ws_url = f"{'wss' if tls else 'ws'}://localhost:{self.port}"
        self._ready.set()
        market = asyncio.create_task(self._market())
        await self._stop.wait()
        market.cancel()
        server.close()
        for peer in self.peers:
            peer.writer.transport.abort()
        await asyncio.sleep(0)

    async def _market(self) -> None:
        beats = 0
        while True:
            await asyncio.sleep(self.interval_s)
            beats += 1
            if beats % 20 == 0:
                for peer in self.peers:
                    peer.send(encode(PING, str(beats).encode()))
            if not self.is_paused:
                self._moment()

    def _moment(self) -> None:
        for truth in self.truths.values():
            diffs = [truth.diff() for _ in range(self.rng.randrange(1, 4))]
            if self.tamper is not None:
                diffs = self.tamper(diffs)
            frames = [*diffs, truth.quote()]
            if self.rng.random() < 0.5:
                frames.append(truth.trade())
            for frame in frames:
                self.publish(frame)

    def publish(self, frame: bytes) -> None:
        stream = json.loads(frame)["stream"]
        if self.is_silent or stream in self.silent_streams:
            return
        for peer in self.peers:
            if stream in peer.streams and not peer.is_muted:
                peer.send(encode(TEXT, frame))

    # -- faults ----------------------------------------------------------------------------------------------------

    def cut(self) -> None:
        """Every connection ends without a word."""
        self.call(lambda: [peer.writer.transport.abort() for peer in list(self.peers)])

    def close_all(self, code: int, reason: bytes = b"") -> None:
        self.call(lambda: [peer.send(encode(CLOSE, code.to_bytes(2, "big") + reason)) for peer in self.peers])

    def shut_down_notice(self) -> None:
        notice = json.dumps({"e": "serverShutdown", "E": 1_700_000_000_000}).encode()
        self.call(lambda: [peer.send(encode(TEXT, notice)) for peer in self.peers])

    def mute_present_peers(self) -> None:
        """The streams of who is connected now fall silent; pings go on, and who comes anew is served."""
        self.call(lambda: [setattr(peer, "is_muted", True) for peer in self.peers])

    def freeze_snapshots(self, times: int) -> None:
        """The next snapshots are those of now, however late they are asked for."""

        def body() -> None:
            self.frozen = {symbol: truth.snapshot() for symbol, truth in self.truths.items()}
            self.old_snapshots = times

        self.call(body)

    def pause(self) -> None:
        """The market stands still, so that two books can be compared."""
        self.call(lambda: setattr(self, "is_paused", True))

    # -- protocol --------------------------------------------------------------------------------------------------

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            if self.is_out:
                writer.transport.abort()
                return
            target = head[0].split(" ")[1]
            self.targets.append(target)
            fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
            if "sec-websocket-key" in fields:
                await self._websocket(target, fields["sec-websocket-key"], reader, writer)
            else:
                await self._rest(target, writer)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            with contextlib.suppress(Exception):
                writer.close()

    async def _rest(self, target: str, writer: asyncio.StreamWriter) -> None:
        parts = urlsplit(target)
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        path = parts.path.rsplit("/", 1)[-1]
        self.requests.append(path)
        self.asked_s[path].append(time.monotonic())
        status, headers, body = self._answer(path, query)
        head = [f"HTTP/1.1 {status} X", "Content-Type: application/json", f"Content-Length: {len(body)}"]
        head += [f"{name}: {value}" for name, value in headers.items()]
        writer.write("\r\n".join([*head, "Connection: close", "", ""]).encode() + body)
        await writer.drain()

    def _answer(self, path: str, query: dict[str, str]) -> tuple[int, dict[str, str], bytes]:  # noqa: PLR0911
        bad_symbol = (400, {}, b'{"code":-1121,"msg":"Invalid symbol."}')
        if path == "time":
            return 200, {}, b'{"serverTime":%d}' % (time.time_ns() // 1_000_000 + self.clock_offset_ms)
        if path == "exchangeInfo":
            symbols = json.loads(query["symbols"]) if "symbols" in query else list(self.truths)
            if not set(symbols) <= set(self.truths):
                return bad_symbol
            rules = [symbol_rules(symbol, futures=self.futures) for symbol in symbols]
            document = {"symbols": rules} | ({"futuresType": "U_MARGINED"} if self.futures else {})
            return 200, {}, json.dumps(document).encode()
        if path == "klines":
            return self.bars[0], {}, self.bars[1]
        if path != "depth":
            return 404, {}, b"{}"
        if self.snapshot_status is not None:
            status, headers = self.snapshot_status
            return status, headers, b'{"code":-1003,"msg":"Too many requests."}'
        truth = self.truths.get(query.get("symbol", ""))
        if truth is None:
            return bad_symbol
        if self.old_snapshots > 0:
            self.old_snapshots -= 1
            return 200, {}, self.frozen[truth.symbol]
        return 200, {}, truth.snapshot()

    def upgrade(self, key: str, writer: asyncio.StreamWriter) -> None:
        accept = base64.b64encode(hashlib.sha1(key.encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())  # noqa: S324
        writer.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n" + self.greeting
        )
        self.greeting = b""

    async def _websocket(
        self, target: str, key: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.upgrade(key, writer)
        streams = set(unquote(target.partition("streams=")[2]).split("/"))
        peer = Peer(writer, streams)
        self.peers.append(peer)
        self.all_peers.append(peer)
        try:
            while True:
                opcode, payload = await client_frame(reader)
                if opcode == CLOSE:
                    peer.close_code = int.from_bytes(payload[:2], "big")
                    return
                (peer.pongs if opcode == 10 else peer.said).append(payload)
        finally:
            self.peers.remove(peer)


async def client_frame(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    first, second = await reader.readexactly(2)
    assert second & 128, "a client must mask"
    size = second & 127
    if size == 126:
        size = int.from_bytes(await reader.readexactly(2), "big")
    elif size == 127:
        size = int.from_bytes(await reader.readexactly(8), "big")
    mask = await reader.readexactly(4)
    payload = await reader.readexactly(size)
    return first & 15, bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))


def mark_price(rate: str, settled_ms: int, said_ms: int, symbol: str = "ETHUSDT") -> bytes:
    """Return a frame of the futures' mark prices."""
    data = {"e": "markPriceUpdate", "E": said_ms, "s": symbol, "p": "60000.1", "i": "6", "r": rate, "T": settled_ms}
    return json.dumps({"stream": f"{symbol.lower()}@markPrice@1s", "data": data}).encode()
