"""The USD-M protocol in front of a `TinyExchange`: listen keys, order events, positions, algo orders, countdown."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import orjson
from aiohttp import WSMsgType, web

from builders.tiny_exchange import TinyOrder, VenueError, text
from builders.tiny_venue import API_KEY, ROUTES, TinyVenue

_ROUTES = {
    ("POST", "/fapi/v1/order"): "place", ("DELETE", "/fapi/v1/order"): "cancel", ("GET", "/fapi/v1/order"): "query",
    ("GET", "/fapi/v1/openOrders"): "open_orders", ("DELETE", "/fapi/v1/allOpenOrders"): "cancel_all",
    ("GET", "/fapi/v1/userTrades"): "my_trades", ("GET", "/fapi/v3/balance"): "account",
    ("GET", "/fapi/v3/positionRisk"): "positions", ("GET", "/fapi/v1/positionSide/dual"): "dual",
    ("POST", "/fapi/v1/countdownCancelAll"): "countdown", ("POST", "/fapi/v1/algoOrder"): "place_algo",
    ("GET", "/fapi/v1/algoOrder"): "query_algo", ("DELETE", "/fapi/v1/algoOrder"): "cancel_algo",
    ("GET", "/fapi/v1/openAlgoOrders"): "open_algos", ("GET", "/fapi/v1/allAlgoOrders"): "all_algos",
    ("DELETE", "/fapi/v1/algoOpenOrders"): "cancel_algos", ("GET", "/fapi/v1/allOrders"): "orders_from",
    ("GET", "/fapi/v1/income"): "incomes",
}  # fmt: skip


class TinyFutures(TinyVenue):
    """The same faults; positions instead of balances."""

    def __init__(self, **options) -> None:
        super().__init__(**options)
        self.algo: dict[str, dict] = {}
        self.countdowns: list[dict] = []
        self.listen_keys: list[str] = []
        self.refreshes = 0
        self.is_hedged = False
        self.incomes: list[dict] = []
        self.user_sockets: list[web.WebSocketResponse] = []

    def routes(self, app: web.Application) -> None:
        app.router.add_get("/private/ws", self._user_socket)
        app.router.add_route("*", "/fapi/v1/listenKey", self._listen_key)
        app.router.add_get("/ws-fapi/v1", self._socket)
        ROUTES.update(_ROUTES)

    @property
    def ws_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws-fapi/v1"

    @property
    def user_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/private/ws"

    async def _listen_key(self, request: web.Request) -> web.Response:
        if request.headers.get("X-MBX-APIKEY") != API_KEY:
            return web.json_response({"code": -2015, "msg": "Invalid API-key"}, status=401)
        if request.method == "POST":
            self.listen_keys.append(f"key-{len(self.listen_keys)}")
        else:
            self.refreshes += 1
        return web.json_response({"listenKey": self.listen_keys[-1]})

    async def _user_socket(self, request: web.Request) -> web.StreamResponse:
        if self.faults.refuse_connections or request.query["listenKey"] not in self.listen_keys:
            raise web.HTTPServiceUnavailable
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.user_sockets.append(socket)
        self.sockets.append(socket)
        async for message in socket:
            assert message.type is not WSMsgType.TEXT
        return socket

    async def _send_event(self, event: dict) -> None:
        if event["e"] == "executionReport":
            event = futures_event(event)
        elif event["e"] == "outboundAccountPosition":
            return
        for socket in [s for s in self.user_sockets if not s.closed]:
            try:
                await socket.send_str(orjson.dumps(event).decode())
            except (ConnectionError, RuntimeError):
                continue
        await asyncio.sleep(0)

    def position(self) -> Decimal:
        return sum((Decimal(t["qty"]) * (1 if t["isBuyer"] else -1) for t in self.exchange.trades), Decimal(0))

    # -- what is asked

    def _place(self, params: dict[str, str]) -> dict:
        kind = "LIMIT_MAKER" if params.get("timeInForce") == "GTX" else params["type"]
        try:
            order, _ = self.exchange.place({**params, "type": kind})
        except VenueError as error:
            if "immediately match" in error.message:
                raise VenueError(-5022, "Due to the order could not be executed as maker.") from None
            raise
        return self._shown(order)

    def _cancel(self, params: dict[str, str]) -> dict:
        return self._shown(self.exchange.cancel(params))

    def _shown(self, order: TinyOrder) -> dict:
        return super()._shown(order) | {"updateTime": order.updated_ms or order.created_ms, "reduceOnly": False}

    def _my_trades(self, params: dict[str, str]) -> list[dict]:
        return [
            t | {"side": "BUY" if t["isBuyer"] else "SELL", "maker": t["isMaker"], "positionSide": "BOTH"}
            for t in super()._my_trades(params)
        ]

    def _account(self, _params: dict[str, str]) -> list[dict]:
        return [{"asset": "USDT", "balance": "1000.00", "availableBalance": "900.00"}]

    def _positions(self, _params: dict[str, str]) -> list[dict]:
        held = self.position()
        return [{"symbol": "BTCUSDT", "positionSide": "BOTH", "positionAmt": text(held), "entryPrice": "1"}]

    def _dual(self, _params: dict[str, str]) -> dict:
        return {"dualSidePosition": self.is_hedged}

    def _countdown(self, params: dict[str, str]) -> dict:
        self.countdowns.append(params)
        return {"symbol": params["symbol"], "countdownTime": params["countdownTime"]}

    def settle(self, income: Decimal) -> None:
        """Pay or take funding, and tell of it."""
        at_ms = self.now_ms()
        self.incomes.append(
            {"symbol": "BTCUSDT", "incomeType": "FUNDING_FEE", "income": text(income), "asset": "USDT", "info": "",
             "time": at_ms, "tranId": 9_000_000_000 + len(self.incomes), "tradeId": ""}
        )  # fmt: skip
        balances = [{"a": "USDT", "wb": "1000.00", "cw": "1000.00", "bc": text(income)}]
        self._tell({"e": "ACCOUNT_UPDATE", "E": at_ms, "T": at_ms, "a": {"m": "FUNDING_FEE", "B": balances, "P": []}})

    def _incomes(self, params: dict[str, str]) -> list[dict]:
        assert params["incomeType"] == "FUNDING_FEE"
        limit, first = int(params["limit"]), int(params["page"]) - 1
        found = [row for row in self.incomes if row["time"] >= int(params["startTime"])]
        return found[first * limit : (first + 1) * limit]

    def _place_algo(self, params: dict[str, str]) -> dict:
        row = {
            "algoId": len(self.algo) + 1, "clientAlgoId": params["clientAlgoId"], "symbol": params["symbol"],
            "side": params["side"],
            "algoStatus": "NEW", "quantity": params["quantity"], "price": params.get("price", "0"),
            "orderType": params["type"], "triggerPrice": params["triggerPrice"], "updateTime": self.now_ms(),
            "actualOrderId": "", "reduceOnly": params.get("reduceOnly", "false"),
        }  # fmt: skip
        self.algo[params["clientAlgoId"]] = row
        return row

    def _query_algo(self, params: dict[str, str]) -> dict:
        if params["clientAlgoId"] not in self.algo:
            raise VenueError(-2013, "Order does not exist.")
        return self.algo[params["clientAlgoId"]]

    def _cancel_algo(self, params: dict[str, str]) -> dict:
        row = self._query_algo(params)
        if row["algoStatus"] != "NEW":
            raise VenueError(-2011, "Unknown order sent.")
        row["algoStatus"] = "CANCELED"
        return {"algoId": row["algoId"], "clientAlgoId": params["clientAlgoId"], "code": "200", "msg": "success"}

    def _orders_from(self, params: dict[str, str]) -> list[dict]:
        return [self._shown(o) for o in self.exchange.orders if o.order_id >= int(params.get("orderId", "0"))]

    def _open_algos(self, _params: dict[str, str]) -> list[dict]:
        return [row for row in self.algo.values() if row["algoStatus"] == "NEW"]

    def _all_algos(self, params: dict[str, str]) -> list[dict]:
        return [row for row in self.algo.values() if row["algoId"] >= int(params.get("algoId", "0"))]

    def _cancel_algos(self, _params: dict[str, str]) -> dict:
        for row in self._open_algos({}):
            row["algoStatus"] = "CANCELED"
        return {"code": 200, "msg": "The operation of cancel all open order is done."}

    def trigger(self, name: str, child: str) -> None:
        """Let a waiting order become an order of the name `child`, which fills at once."""
        row = self.algo[name]
        order, _ = self.exchange.place(
            {"symbol": row["symbol"], "side": row["side"], "type": "MARKET", "quantity": row["quantity"],
             "newClientOrderId": child}
        )  # fmt: skip
        row |= {"algoStatus": "FINISHED", "actualOrderId": str(order.order_id), "actualQty": row["quantity"]}


def futures_event(event: dict) -> dict:
    """The futures spelling of a spot report; a cancellation keeps the order's own id."""
    names = ("s", "S", "o", "f", "q", "p", "x", "X", "i", "l", "z", "L", "n", "N", "T", "t", "m")
    row = {name: event[name] for name in names} | {"c": event["C"] or event["c"], "R": False, "ps": "BOTH"}
    return {"e": "ORDER_TRADE_UPDATE", "E": event["E"], "T": event["T"], "o": row}
