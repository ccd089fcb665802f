"""A served exchange inside a test's own event loop, and a small client that signs as the venue's documentation says."""

from __future__ import annotations

import hmac
import time
from contextlib import asynccontextmanager
from typing import Any, NamedTuple
from urllib.parse import urlencode

import aiohttp
import orjson
from yarl import URL

from bot4.adapters.simulator.accounts import parse_account
from bot4.adapters.simulator.background.faulty_flow import FaultyFlow
from bot4.adapters.simulator.background.plain_flow import PlainFlow
from bot4.adapters.simulator.futures.contracts import DEFAULT_CONTRACTS
from bot4.adapters.simulator.futures.venue import FuturesVenue
from bot4.adapters.simulator.serve.app import ExchangeServer
from bot4.adapters.simulator.symbols import DEFAULT_SYMBOLS
from bot4.adapters.simulator.venue import Venue

ALICE = "alice:alicekey:alicesecret:USDT=100000,BTC=10,ETH=100"
BOB = "bob:bobkey:bobsecret:USDT=100000,BTC=10,ETH=100"
TOKEN = "token-of-the-test"  # noqa: S105 - of a test
SECRETS = {"alice": ("alicekey", "alicesecret"), "bob": ("bobkey", "bobsecret")}


class Answer(NamedTuple):
    status: int
    body: Any
    headers: Any


def hmac_hex(secret: str, text: str) -> str:
    return hmac.digest(secret.encode(), text.encode(), "sha256").hex()


class Client:
    """Signs requests of one account."""

    def __init__(self, session: aiohttp.ClientSession, base: str, name: str, clock) -> None:
        self.session = session
        self.base = base
        self.key, self.secret = SECRETS[name]
        self.clock = clock

    async def plain(self, method: str, path: str, **params) -> Answer:
        query = urlencode(params)
        return await self.raw(method, path, query)

    async def raw(self, method: str, path: str, query: str = "", body: str = "", **headers) -> Answer:
        url = URL(f"{self.base}{path}?{query}" if query else f"{self.base}{path}", encoded=True)
        content = {"Content-Type": "application/x-www-form-urlencoded"} if body else {}
        async with self.session.request(method, url, data=body or None, headers=content | headers) as answer:
            text = await answer.read()
            parsed = orjson.loads(text) if "json" in answer.headers.get("Content-Type", "") else text
            return Answer(answer.status, parsed, answer.headers)

    async def signed(self, method: str, path: str, **params) -> Answer:
        params.setdefault("timestamp", self.clock() // 1_000_000)
        query = urlencode(params)
        query += f"&signature={hmac_hex(self.secret, query)}"
        return await self.raw(method, path, query, **{"X-MBX-APIKEY": self.key})

    async def limit(self, side: str, price: str, quantity: str, symbol: str = "BTCUSDT", **more) -> Answer:
        order = {"symbol": symbol, "side": side, "type": "LIMIT", "timeInForce": "GTC"}
        return await self.signed("POST", "/api/v3/order", **order, price=price, quantity=quantity, **more)

    def ws_params(self, **params) -> dict[str, Any]:
        params["apiKey"] = self.key
        params.setdefault("timestamp", self.clock() // 1_000_000)
        text = "&".join(f"{name}={params[name]}" for name in sorted(params))
        return params | {"signature": hmac_hex(self.secret, text)}


class ApiSocket:
    """A WebSocket API connection: answers by id, events in their order."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.events: list[dict[str, Any]] = []
        self._next = 0

    async def ask(self, method: str, params: dict[str, Any] | None = None) -> dict[str, Any]:
        self._next += 1
        message = {"id": self._next, "method": method} | ({"params": params} if params is not None else {})
        await self.socket.send_str(orjson.dumps(message).decode())
        while True:
            answer = await self.receive()
            if "event" in answer:
                self.events.append(answer["event"])
            elif answer.get("id") == self._next:
                return answer

    async def receive(self, wait_s: float = 5.0) -> dict[str, Any]:
        return orjson.loads((await self.socket.receive(wait_s)).data)

    async def event(self, kind: str, wait_s: float = 5.0) -> dict[str, Any]:
        """Return the next event of a kind; those before it are passed over."""
        while True:
            event = self.events.pop(0) if self.events else (await self.receive(wait_s)).get("event", {})
            if event.get("e") == kind:
                return event


class Served(NamedTuple):
    venue: Venue
    server: ExchangeServer
    rest: str
    ws: str
    ws_api: str
    admin: str
    session: aiohttp.ClientSession
    alice: Client
    bob: Client
    usdm: FuturesVenue | None = None
    futures_ws: str | None = None
    futures_ws_api: str | None = None

    @asynccontextmanager
    async def api_socket(self, query: str = ""):
        async with self.session.ws_connect(self.ws_api + query) as socket:
            yield ApiSocket(socket)

    async def admin_call(self, method: str, path: str, content: Any = None, token: str = TOKEN) -> Answer:
        headers = {"Authorization": f"Bearer {token}"}
        async with self.session.request(method, self.admin + path, json=content, headers=headers) as answer:
            return Answer(answer.status, await answer.json(), answer.headers)


def plain_background(house, symbols, seed):
    markets = list(house.markets.values())
    flow = FaultyFlow(PlainFlow(house.engine, markets, symbols, seed), house.engine, markets, house.faults)
    flow.begin(house.now_ns())
    house.settle(house.now_ns())
    return flow


@asynccontextmanager
async def served(
    *,
    limits=None,
    accounts=(ALICE, BOB),
    specs=(),
    with_background=False,
    speed=1.0,
    seed=7,
    clock=time.time_ns,
    listen_keys=False,
    futures=False,
    funding_interval_s=28_800,
    tls=None,
):
    """Serve an exchange on a free port."""
    venue = Venue(DEFAULT_SYMBOLS, [*map(parse_account, accounts), *specs], limits, seed=seed, clock=clock)
    if listen_keys:
        venue.allow_listen_keys(seed)
    flow = plain_background(venue, DEFAULT_SYMBOLS, seed) if with_background else None
    usdm = usdm_flow = None
    if futures:
        specs = [*map(parse_account, accounts), *specs]
        interval = {"funding_interval_s": funding_interval_s}
        usdm = FuturesVenue(DEFAULT_CONTRACTS, specs, limits, seed=seed, clock=clock, **interval)
        usdm_flow = plain_background(usdm, DEFAULT_CONTRACTS, seed) if with_background else None
    server = ExchangeServer(venue, flow, speed=speed, token=TOKEN, futures=usdm, futures_flow=usdm_flow)
    addresses = await server.start("127.0.0.1", 0, tls)
    try:
        async with aiohttp.ClientSession() as session:
            alice = Client(session, addresses.rest, "alice", clock)
            bob = Client(session, addresses.rest, "bob", clock)
            yield Served(
                venue, server, addresses.rest, addresses.ws, addresses.ws_api, addresses.admin, session, alice, bob,
                usdm, addresses.futures_ws, addresses.futures_ws_api,
            )  # fmt: skip
    finally:
        await server.stop()
