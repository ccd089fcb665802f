"""Binance spot as an `ExchangePort`: by the WebSocket API; cancellations and questions by REST where that is down."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot4.adapters.venues.binance.access import Endpoints, Operation, Success
from bot4.adapters.venues.binance.account import UNREADABLE, BinanceAccount, require
from bot4.adapters.venues.binance.budget import Purpose
from bot4.adapters.venues.binance.errors_spot import SPOT_ERRORS
from bot4.adapters.venues.binance.spot_messages import (
    order_params,
    read_answer_fills,
    read_balance,
    read_event,
    read_order,
    read_trade,
)
from bot4.domain.client_id import ClientIdRule
from bot4.domain.errors import RejectReason
from bot4.domain.instrument import Market
from bot4.domain.order import TimeInForce
from bot4.ports.exchange import Capabilities, always_admit
from bot4.ports.venue_event import ExecutionReport
from bot4.ports.venue_order import OrderKind
from bot4.ports.venue_outcome import Ack, NoInformation, NotFound, Reject, Unknown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from decimal import Decimal

    from bot4.adapters.venues.binance.sign import Signer
    from bot4.domain.secret import Secret
    from bot4.ports.venue_event import VenueEvent
    from bot4.ports.venue_order import Balance, FundingPayment, OrderRequest, VenueFill, VenueOrder, VenuePosition
    from bot4.ports.venue_outcome import Outcome

SPOT_MAINNET = Endpoints(rest="https://api.binance.com", ws_api="wss://ws-api.binance.com:443/ws-api/v3")
SPOT_TESTNET = Endpoints(rest="https://testnet.binance.vision", ws_api="wss://ws-api.testnet.binance.vision/ws-api/v3")

_PLACE = Operation("order.place", "POST", "/api/v3/order", weight=1, orders=1)
_CANCEL = Operation("order.cancel", "DELETE", "/api/v3/order", weight=1, purpose=Purpose.CANCEL)
_CANCEL_ALL = Operation("openOrders.cancelAll", "DELETE", "/api/v3/openOrders", weight=1, purpose=Purpose.CANCEL)
_AMEND = Operation("order.amend.keepPriority", "PUT", "/api/v3/order/amend/keepPriority", weight=4)
_QUERY = Operation("order.status", "GET", "/api/v3/order", weight=4)
_OPEN = Operation("openOrders.status", "GET", "/api/v3/openOrders", weight=6)
_ORDERS = Operation("allOrders", "GET", "/api/v3/allOrders", weight=20)
_ACCOUNT = Operation("account.status", "GET", "/api/v3/account", weight=20)
_TRADES = Operation("myTrades", "GET", "/api/v3/myTrades", weight=20)
_TRADES_OF_ORDER = Operation("myTrades", "GET", "/api/v3/myTrades", weight=5)
_INFO = Operation("", "GET", "/api/v3/exchangeInfo", weight=20, is_signed=False)
_PAGE = 1_000
_DAY_MS = 86_400_000
_MS = 1_000_000


class BinanceSpot(BinanceAccount):
    """The spot account of one key. See `BinanceAccount` for the parameters."""

    name = "binance"
    capabilities = Capabilities(
        market=Market.SPOT,
        kinds=frozenset(OrderKind),
        tifs=frozenset(TimeInForce),
        client_ids=ClientIdRule(max_length=36),
        post_only=True,
        reduce_only=False,
        stp_modes=frozenset({"NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH", "DECREMENT"}),
        order_lists=True,
        amend_keeps_priority=True,
        quote_qty_market=True,
        dead_man_switch=False,
        positions=False,
    )
    time_operation = Operation("", "GET", "/api/v3/time", weight=1, is_signed=False)

    def __init__(
        self,
        endpoints: Endpoints,
        api_key: Secret,
        signer: Signer,
        *,
        symbols: Sequence[str],
        **options: Any,
    ) -> None:
        super().__init__(endpoints, api_key, signer, SPOT_ERRORS, **options)
        self._symbols = tuple(symbols)

    async def place(self, request: OrderRequest, *, admit: Callable[[], bool] = always_admit) -> Outcome:
        """Place one order, once, by the WebSocket API alone: without it there is no stream to hear of it either."""
        params = order_params(request, self.capabilities.client_ids.to_venue(request.client_order_id))
        return self._acked(await self._call(_PLACE, params, admit=admit), request.client_order_id)

    async def cancel(self, symbol: str, client_order_id: str) -> Outcome:
        """Cancel one order; by REST where the WebSocket API is down."""
        params = {"symbol": symbol, **self._naming(client_order_id)}
        return self._acked(await self._call(_CANCEL, params, fall_back=True), client_order_id)

    async def cancel_all(self, symbol: str) -> Sequence[VenueOrder] | Reject | Unknown:
        """Cancel every open order of a symbol."""
        outcome = await self._call(_CANCEL_ALL, {"symbol": symbol}, fall_back=True)
        if isinstance(outcome, Reject) and outcome.reason is RejectReason.UNKNOWN_ORDER:
            return []  # nothing was open
        if not isinstance(outcome, Success):
            return outcome
        try:
            return [read_order(row) for row in outcome.payload if "orderId" in row]
        except UNREADABLE as error:
            return Unknown(f"an answer that cannot be read: {type(error).__name__}")

    async def amend(self, symbol: str, client_order_id: str, qty: Decimal) -> Outcome:
        """Reduce an order to `qty`; it keeps its id and its place."""
        params = {
            "symbol": symbol,
            **self._naming(client_order_id),
            "newClientOrderId": client_order_id,
            "newQty": format(qty, "f"),
        }
        outcome = await self._call(_AMEND, params)
        if isinstance(outcome, Success):
            try:
                row = outcome.payload["amendedOrder"]
                shown = {**row, "origQty": row["qty"], "transactTime": outcome.payload["transactTime"]}
                return Ack(read_order(shown, client_order_id))
            except UNREADABLE as error:
                return Unknown(f"an answer that cannot be read: {type(error).__name__}")
        return outcome

    async def query(self, symbol: str, client_order_id: str) -> VenueOrder | NotFound | NoInformation:
        """Ask for one order."""
        asked_ns = self.server_now_ns()
        payload = await self._ask(_QUERY, {"symbol": symbol, **self._naming(client_order_id)})
        if isinstance(payload, NoInformation):
            return payload
        if isinstance(payload, Reject):
            return NotFound(asked_ns)
        try:
            order = read_order(payload, client_order_id)
        except UNREADABLE as error:
            return NoInformation(f"an order that cannot be read: {type(error).__name__}")
        self._remember(client_order_id, order.venue_order_id)
        return order

    async def open_orders(self, symbol: str) -> Sequence[VenueOrder] | NoInformation:
        """List the open orders of a symbol."""
        rows: Sequence[VenueOrder] | NoInformation = await self._rows(_OPEN, {"symbol": symbol}, read_order)
        return rows

    async def orders_since(self, symbol: str, since_ns: int) -> Sequence[VenueOrder] | NoInformation:
        """List the orders placed from a venue time on: by days, which is the widest window, then by order id."""
        return await self._orders_since(_ORDERS, symbol, since_ns, _DAY_MS)

    async def trades_of(self, symbol: str, venue_order_id: str) -> Sequence[VenueFill] | NoInformation:
        """List the trades of one order, which may be more than a page."""
        found: list[VenueFill] = []
        first_id = 0
        while True:
            params = {"symbol": symbol, "orderId": venue_order_id, "fromId": str(first_id), "limit": str(_PAGE)}
            if not first_id:
                del params["fromId"]
            page = await self._rows(_TRADES_OF_ORDER, params, read_trade)
            if isinstance(page, NoInformation):
                return page
            found += page
            if len(page) < _PAGE:
                return found
            first_id = page[-1].trade_id + 1

    async def trades_since(self, symbol: str, since_ns: int) -> Sequence[VenueFill] | NoInformation:
        """List the account's trades from a venue time on: by days, which is the widest window, then by trade id."""
        now_ms = self.server_now_ns() // _MS
        start_ms = since_ns // _MS
        while start_ms <= now_ms:
            window = {"startTime": str(start_ms), "endTime": str(start_ms + _DAY_MS - 1)}
            page = await self._rows(_TRADES, {"symbol": symbol, **window, "limit": str(_PAGE)}, read_trade)
            if isinstance(page, NoInformation):
                return page
            if page:
                return await self._trades_after(symbol, list(page))
            start_ms += _DAY_MS
        return []

    async def _trades_after(self, symbol: str, found: list[VenueFill]) -> Sequence[VenueFill] | NoInformation:
        """From the first trade on, ids are gapless for a caller who asks by id: no window can hide one."""
        while True:
            params = {"symbol": symbol, "fromId": str(found[-1].trade_id + 1), "limit": str(_PAGE)}
            page = await self._rows(_TRADES, params, read_trade)
            if isinstance(page, NoInformation):
                return page
            found += page
            if len(page) < _PAGE:
                return found

    async def balances(self) -> Sequence[Balance] | NoInformation:
        """List what the account has; assets it has nothing of are left out."""
        payload = await self._ask(_ACCOUNT, {"omitZeroBalances": "true"})
        if not isinstance(payload, dict):
            return payload if isinstance(payload, NoInformation) else NoInformation("an account that cannot be read")
        try:
            return [read_balance(row) for row in payload["balances"]]
        except UNREADABLE as error:
            return NoInformation(f"an account that cannot be read: {type(error).__name__}")

    async def account_problems(self) -> Sequence[str] | NoInformation:
        """Ask whether the account may trade."""
        payload = await self._ask(_ACCOUNT, {"omitZeroBalances": "true"})
        if not isinstance(payload, dict):
            return payload if isinstance(payload, NoInformation) else NoInformation("an account that cannot be read")
        return [] if payload.get("canTrade") is True else ["the venue does not let it trade"]

    async def positions(self) -> Sequence[VenuePosition] | NoInformation:
        """Return nothing: spot has balances, no positions."""
        return []

    async def funding_since(self, since_ns: int) -> Sequence[FundingPayment] | NoInformation:  # noqa: ARG002
        """Return nothing: nobody pays funding on spot."""
        return []

    async def keep_alive(self, symbol: str, ttl_s: float) -> Reject | Unknown | None:
        """Refuse: Binance spot has no dead-man switch (VENUES 1; `Capabilities.dead_man_switch`)."""
        del symbol, ttl_s
        return Reject(
            reason=RejectReason.INVALID_REQUEST, message="binance spot has no dead-man switch", was_sent=False
        )

    # -- inside

    def _read_listed(self, row: Mapping[str, Any]) -> VenueOrder:
        return read_order(row)

    def _acked(self, outcome: Success | Reject | Unknown, client_order_id: str) -> Outcome:
        if not isinstance(outcome, Success):
            return outcome
        try:
            order = read_order(outcome.payload, client_order_id)
            fills = read_answer_fills(outcome.payload)
        except UNREADABLE as error:
            return Unknown(f"an answer that cannot be read: {type(error).__name__}")
        self._remember(client_order_id, order.venue_order_id)
        return Ack(order, fills)

    def _read_event(self, event: Mapping[str, Any]) -> VenueEvent | None:
        read = read_event(event)
        if isinstance(read, ExecutionReport):
            self._remember(read.order.client_order_id, read.order.venue_order_id)
        return read

    async def _read_limits(self) -> None:
        symbols = "[" + ",".join(f'"{symbol}"' for symbol in self._symbols) + "]"
        info = require(await self._rest.call(_INFO, {"symbols": symbols}), "the venue's limits")
        self.budget.set_limits(info["rateLimits"])
