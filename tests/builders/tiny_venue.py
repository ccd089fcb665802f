"""Binance's REST and WebSocket API in front of a `TinyExchange`, with signatures checked and faults on demand."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import random
import time
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import parse_qsl

import orjson
from aiohttp import WSMsgType, web

from builders.tiny_exchange import TinyExchange, TinyOrder, VenueError, text

API_KEY = "tiny-key"
SECRET = "tiny-secret"  # noqa: S105 - of a venue made for tests
METHODS = {
    "order.place": "place", "order.cancel": "cancel", "order.status": "query", "openOrders.status": "open_orders",
    "account.status": "account", "myTrades": "my_trades", "openOrders.cancelAll": "cancel_all",
}  # fmt: skip
ROUTES = {
    ("POST", "/api/v3/order"): "place", ("DELETE", "/api/v3/order"): "cancel", ("GET", "/api/v3/order"): "query",
    ("GET", "/api/v3/openOrders"): "open_orders", ("DELETE", "/api/v3/openOrders"): "cancel_all",
    ("GET", "/api/v3/account"): "account", ("GET", "/api/v3/myTrades"): "my_trades",
    ("GET", "/sapi/v1/account/apiRestrictions"): "restrictions",
}  # fmt: skip


@dataclass
class Faults:
    """What goes wrong, by operation; each entry of a list is used once, in order. See `TinyVenue._answer`."""

    place: list[str] = field(default_factory=list)
    cancel: list[str] = field(default_factory=list)
    query: list[str] = field(default_factory=list)
    open_orders: list[str] = field(default_factory=list)
    my_trades: list[str] = field(default_factory=list)
    account: list[str] = field(default_factory=list)
    events: str = ""  # duplicate, shuffle, lose, late
    clock_ahead_ms: int = 0
    refuse_connections: bool = False


class TinyVenue:
    def __init__(self, *, seed: int = 1) -> None:
        self.faults = Faults()
        self.exchange = TinyExchange(self.now_ms)
        self.exchange.listeners.append(self._tell)
        self.permissions = {
            "ipRestrict": True, "enableWithdrawals": False, "enableInternalTransfer": False,
            "permitsUniversalTransfer": False, "enableSpotAndMarginTrading": True, "enableReading": True,
        }  # fmt: skip
        self.sockets: list[web.WebSocketResponse] = []
        self.subscribed: list[web.WebSocketResponse] = []
        self.requests: list[tuple[str, dict]] = []
        self.events_sent: list[dict] = []
        self._outgoing: asyncio.Queue[dict] = asyncio.Queue()
        self._rng = random.Random(seed)
        self._runner: web.AppRunner | None = None
        self._tasks: set[asyncio.Task] = set()
        self.port = 0

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000 + self.faults.clock_ahead_ms

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_get("/ws-api/v3", self._socket)
        self.routes(app)
        app.router.add_route("*", "/{path:.*}", self._rest)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = self._runner.addresses[0][1]
        self._spawn(self._pump())
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await self.disconnect()
        await self._runner.cleanup()

    def routes(self, app: web.Application) -> None:
        """More of them, of another market."""

    def _spawn(self, work) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    @property
    def rest_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws-api/v3"

    async def disconnect(self) -> None:
        for socket in list(self.sockets):
            if socket._req is not None and socket._req.transport is not None:  # a cut, not a closing handshake
                socket._req.transport.abort()
        self.sockets.clear()
        self.subscribed.clear()

    def count(self, name: str) -> int:
        return sum(1 for asked, _ in self.requests if asked == name)

    # -- events

    def _tell(self, event: dict) -> None:
        self._outgoing.put_nowait(event)

    async def _pump(self) -> None:
        held: list[dict] = []
        while True:
            try:
                held.append(await asyncio.wait_for(self._outgoing.get(), 0.02))
                if self.faults.events == "shuffle" and len(held) < 8:
                    continue
            except TimeoutError:
                if not held:
                    continue
            if self.faults.events == "late":
                await asyncio.sleep(0.15)
            if self.faults.events == "shuffle":
                self._rng.shuffle(held)
            for event in held:
                if self.faults.events == "lose" and event["e"] == "executionReport":
                    continue
                for _ in range(2 if self.faults.events == "duplicate" else 1):
                    await self._send_event(event)
            held = []

    async def _send_event(self, event: dict) -> None:
        self.events_sent.append(event)
        for socket in list(self.subscribed):
            if not socket.closed:
                try:
                    await socket.send_str(orjson.dumps({"subscriptionId": 0, "event": event}).decode())
                except (ConnectionError, RuntimeError):
                    continue

    # -- the WebSocket API

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        if self.faults.refuse_connections:
            raise web.HTTPServiceUnavailable
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.sockets.append(socket)
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                self._spawn(self._handle(socket, orjson.loads(message.data)))
        return socket

    async def _handle(self, socket: web.WebSocketResponse, asked: dict) -> None:
        params = {name: str(value) for name, value in asked.get("params", {}).items()}
        method = asked["method"]
        try:
            if method == "userDataStream.subscribe.signature":
                self._check_session(params)
                self.subscribed.append(socket)
                status, body = 200, {"result": {"subscriptionId": 0}}
            else:
                self._check_session(params)
                name = METHODS[method]
                self.requests.append((name, params))
                status, payload, headers = await self._answer(name, params)
                if status == 0:
                    await self.disconnect()
                    return
                if status == -1:
                    return
                body = {"result": payload} if status == 200 else {"error": payload}
                if "Retry-After" in headers:
                    until = self.now_ms() + int(headers["Retry-After"]) * 1000
                    body["error"]["data"] = {"serverTime": self.now_ms(), "retryAfter": until}
        except VenueError as error:
            status, body = error.status, {"error": {"code": error.code, "msg": error.message}}
        if not socket.closed:
            await socket.send_str(
                orjson.dumps({"id": asked["id"], "status": status, **body, "rateLimits": []}).decode()
            )

    def _check_session(self, params: dict[str, str]) -> None:
        signature = params.pop("signature", "")
        payload = "&".join(f"{name}={params[name]}" for name in sorted(params))
        self._check(params, payload, signature, params.pop("apiKey", ""))

    def _check(self, params: dict[str, str], payload: str, signature: str, key: str) -> None:
        if key != API_KEY:
            raise VenueError(-2015, "Invalid API-key, IP, or permissions for action.", 401)
        if hmac.new(SECRET.encode(), payload.encode(), hashlib.sha256).hexdigest() != signature:
            raise VenueError(-1022, "Signature for this request is not valid.")
        stamp, window = int(params["timestamp"]), int(params["recvWindow"])
        if stamp >= self.now_ms() + 1000 or self.now_ms() - stamp > window:
            raise VenueError(-1021, "Timestamp for this request is outside of the recvWindow.")

    # -- REST

    async def _rest(self, request: web.Request) -> web.StreamResponse:
        if request.path in {"/api/v3/time", "/fapi/v1/time"}:
            return web.json_response({"serverTime": self.now_ms()})
        if request.path in {"/api/v3/exchangeInfo", "/fapi/v1/exchangeInfo"}:
            limits = [
                {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 6000},
                {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 1000},
            ]
            return web.json_response({"rateLimits": limits, "symbols": []})
        name = ROUTES[request.method, request.path]
        raw, _, signature = request.rel_url.raw_query_string.partition("&signature=")
        params = dict(parse_qsl(raw, keep_blank_values=True))
        headers: dict[str, str] = {}
        try:
            self._check(params, raw, signature, request.headers.get("X-MBX-APIKEY", ""))
            self.requests.append((name, params))
            status, payload, headers = await self._answer(name, params)
            if status <= 0:
                if request.transport is not None:
                    request.transport.abort()
                raise ConnectionResetError
        except VenueError as error:
            status, payload = error.status, {"code": error.code, "msg": error.message}
        return web.json_response(payload, status=status, headers={"X-MBX-USED-WEIGHT-1M": "5", **headers})

    # -- what is asked

    async def _answer(  # noqa: C901, PLR0911 - one case a fault
        self, name: str, params: dict[str, str]
    ) -> tuple[int, object, dict[str, str]]:
        """Do it, unless a fault says otherwise; (status, payload, headers); 0 cuts the connection, -1 says nothing."""
        pending: list[str] = getattr(self.faults, name, [])
        fault = pending.pop(0) if pending else ""
        match fault:
            case "lost":  # never arrives
                return -1, None, {}
            case "lost-slow":  # arrives much later than it was sent, but within its validity
                await asyncio.sleep(0.4)
            case "429" | "418":
                retry = {"429": "1", "418": "2"}[fault]
                return int(fault), {"code": -1003, "msg": "Too much request weight used"}, {"Retry-After": retry}
            case "cut-before":
                return 0, None, {}
            case "503":
                return 503, {"code": -1000, "msg": "Internal error"}, {}
            case "-1007-not-done":
                return 504, {"code": -1007, "msg": "Timeout waiting for response from backend server."}, {}
        payload = getattr(self, "_" + name)(params)
        match fault:
            case "ack-lost":
                return -1, None, {}
            case "cut-after":
                return 0, None, {}
            case "-1007":
                return 504, {"code": -1007, "msg": "Timeout waiting for response from backend server."}, {}
            case "slow":
                await asyncio.sleep(0.3)
            case "garbled":
                return 200, {"surprise": True}, {}
        return 200, payload, {}

    def _place(self, params: dict[str, str]) -> dict:
        order, fills = self.exchange.place(params)
        rows = [
            {"price": t["price"], "qty": t["qty"], "commission": t["commission"],
             "commissionAsset": t["commissionAsset"], "tradeId": t["id"]} for t in fills
        ]  # fmt: skip
        return {**self._shown(order), "transactTime": order.updated_ms, "fills": rows}

    def _cancel(self, params: dict[str, str]) -> dict:
        order = self.exchange.cancel(params)
        return {**self._shown(order), "origClientOrderId": order.client_id, "clientOrderId": "cancel-of-it",
                "transactTime": self.now_ms()}  # fmt: skip

    def _cancel_all(self, _params: dict[str, str]) -> list[dict]:
        orders = [o for o in self.exchange.orders if o.is_open]
        if not orders:
            raise VenueError(-2011, "Unknown order sent.")
        return [self._cancel({"orderId": str(order.order_id)}) for order in orders]

    def _query(self, params: dict[str, str]) -> dict:
        return self._shown(self.exchange.query(params))

    def _open_orders(self, params: dict[str, str]) -> list[dict]:
        return [self._shown(o) for o in self.exchange.orders if o.is_open and o.symbol == params["symbol"]]

    def _account(self, _params: dict[str, str]) -> dict:
        rows = [
            {"asset": a, "free": text(self.exchange.free[a]), "locked": text(self.exchange.locked[a])}
            for a in self.exchange.free
        ]
        return {"canTrade": True, "balances": rows}

    def _my_trades(self, params: dict[str, str]) -> list[dict]:
        found = [t for t in self.exchange.trades if t["symbol"] == params["symbol"]]
        if "orderId" in params:
            found = [t for t in found if str(t["orderId"]) == params["orderId"]]
        if "fromId" in params:
            found = [t for t in found if t["id"] >= int(params["fromId"])]
        if "startTime" in params:
            found = [t for t in found if int(params["startTime"]) <= t["time"] <= int(params["endTime"])]
        return found[: int(params.get("limit", "500"))]

    def _restrictions(self, _params: dict[str, str]) -> dict:
        return self.permissions

    def _shown(self, order: TinyOrder) -> dict:
        return {
            "symbol": order.symbol, "orderId": order.order_id, "orderListId": -1, "clientOrderId": order.client_id,
            "price": text(order.price), "origQty": text(order.qty), "executedQty": text(order.filled),
            "cummulativeQuoteQty": text(order.quote), "status": order.status, "timeInForce": order.tif,
            "type": order.type, "side": order.side, "time": order.created_ms, "updateTime": order.updated_ms,
        }  # fmt: skip
