"""Binance USD-M futures as an `ExchangePort`: one-way mode, events by listen key, triggers by the algo endpoint."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING, Any

from bot4.adapters.venues.binance.access import Endpoints, Operation, Success
from bot4.adapters.venues.binance.account import UNREADABLE, BinanceAccount, require
from bot4.adapters.venues.binance.algo_orders import AlgoOrders
from bot4.adapters.venues.binance.budget import Purpose
from bot4.adapters.venues.binance.errors_usdm import USDM_ERRORS
from bot4.adapters.venues.binance.listen_key import ListenKeyStream
from bot4.adapters.venues.binance.usdm_messages import (
    order_params,
    read_balance,
    read_event,
    read_funding,
    read_order,
    read_position,
    read_trade,
)
from bot4.domain.client_id import ClientIdRule
from bot4.domain.errors import RejectReason
from bot4.domain.instrument import Market
from bot4.domain.order import TimeInForce
from bot4.ports.exchange import Capabilities, always_admit
from bot4.ports.venue_event import ExecutionReport
from bot4.ports.venue_order import OrderKind, VenueOrder
from bot4.ports.venue_outcome import Ack, NoInformation, NotFound, Reject, Unknown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from decimal import Decimal
    from random import Random

    from bot4.adapters.venues.binance.sign import Signer
    from bot4.domain.secret import Secret
    from bot4.ports.venue_event import VenueEvent
    from bot4.ports.venue_order import Balance, FundingPayment, OrderRequest, VenueFill, VenuePosition
    from bot4.ports.venue_outcome import Outcome

USDM_MAINNET = Endpoints(
    rest="https://fapi.binance.com",
    ws_api="wss://ws-fapi.binance.com/ws-fapi/v1",
    user_stream="wss://fstream.binance.com/private/ws",
)
USDM_TESTNET = Endpoints(
    rest="https://testnet.binancefuture.com",
    ws_api="wss://testnet.binancefuture.com/ws-fapi/v1",
    user_stream="wss://fstream.binancefuture.com/private/ws",
)

_PLACE = Operation("order.place", "POST", "/fapi/v1/order", weight=0, orders=1)
_CANCEL = Operation("order.cancel", "DELETE", "/fapi/v1/order", weight=1, purpose=Purpose.CANCEL)
_CANCEL_ALL = Operation("", "DELETE", "/fapi/v1/allOpenOrders", weight=1, purpose=Purpose.CANCEL)
_MODIFY = Operation("order.modify", "PUT", "/fapi/v1/order", weight=1, orders=1)
_QUERY = Operation("order.status", "GET", "/fapi/v1/order", weight=1)
_OPEN = Operation("", "GET", "/fapi/v1/openOrders", weight=1)
_ORDERS = Operation("", "GET", "/fapi/v1/allOrders", weight=5)
_TRADES = Operation("", "GET", "/fapi/v1/userTrades", weight=5)
_BALANCE = Operation("", "GET", "/fapi/v3/balance", weight=5)
_POSITIONS = Operation("", "GET", "/fapi/v3/positionRisk", weight=5)
_INCOME = Operation("", "GET", "/fapi/v1/income", weight=30)
_DUAL = Operation("", "GET", "/fapi/v1/positionSide/dual", weight=30)
_COUNTDOWN = Operation("", "POST", "/fapi/v1/countdownCancelAll", weight=10, purpose=Purpose.CANCEL)
_INFO = Operation("", "GET", "/fapi/v1/exchangeInfo", weight=1, is_signed=False)
_LISTEN_KEY = "/fapi/v1/listenKey"
_PAGE = 1_000
_WEEK_MS = 7 * 86_400_000
_MS = 1_000_000


class BinanceUsdm(BinanceAccount):
    """The USD-M account of one key. See `BinanceAccount` for the parameters.

    Where `endpoints.ws_api` is empty, orders go by REST: the stream of events is another connection in any case.
    """

    name = "binance"
    capabilities = Capabilities(
        market=Market.USDM,
        kinds=frozenset(OrderKind),
        tifs=frozenset(TimeInForce),
        client_ids=ClientIdRule(max_length=36),
        post_only=True,
        reduce_only=True,
        stp_modes=frozenset({"EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH"}),
        order_lists=False,
        amend_keeps_priority=False,
        quote_qty_market=False,
        dead_man_switch=True,
        positions=True,
    )
    time_operation = Operation("", "GET", "/fapi/v1/time", weight=1, is_signed=False)
    has_stream_by_session = False

    def __init__(
        self,
        endpoints: Endpoints,
        api_key: Secret,
        signer: Signer,
        *,
        symbols: Sequence[str],
        rng: Random,
        **options: Any,
    ) -> None:
        super().__init__(endpoints, api_key, signer, USDM_ERRORS, rng=rng, **options)
        self._symbols = frozenset(symbols)
        self._has_session = bool(endpoints.ws_api)
        self._algos = AlgoOrders(self._rest, self._rows)
        self._stream = ListenKeyStream(
            endpoints, self._rest, _LISTEN_KEY, on_event=self._on_event, on_state=self._events.put, rng=rng
        )

    async def place(self, request: OrderRequest, *, admit: Callable[[], bool] = always_admit) -> Outcome:
        """Place one order, once; one that waits for a trigger goes to the algo endpoint."""
        if not self._stream.is_up:
            return Reject(reason=RejectReason.NOT_CONNECTED, message="the user stream is down", was_sent=False)
        venue_id = self.capabilities.client_ids.to_venue(request.client_order_id)
        if request.kind.has_trigger:
            return await self._algos.place(request, venue_id, admit)
        if self._has_session:
            outcome = await self._call(_PLACE, order_params(request, venue_id), admit=admit)
        else:
            outcome = await self._rest.call(_PLACE, order_params(request, venue_id), admit=admit)
        return self._acked(outcome, request.client_order_id)

    async def cancel(self, symbol: str, client_order_id: str) -> Outcome:
        """Cancel one order, a waiting one, too; by REST where the WebSocket API is down."""
        is_placed = client_order_id in self._venue_ids
        if not is_placed and client_order_id in self._algos:
            return await self._cancel_algo(symbol, client_order_id)
        params = {"symbol": symbol, **self._naming(client_order_id)}
        outcome = self._acked(await self._call(_CANCEL, params, fall_back=True), client_order_id)
        is_missing = isinstance(outcome, Reject) and outcome.reason is RejectReason.UNKNOWN_ORDER
        # A name of before a restart does not tell which of the two places knows it.
        return await self._cancel_algo(symbol, client_order_id) if is_missing and not is_placed else outcome

    async def _cancel_algo(self, symbol: str, client_order_id: str) -> Outcome:
        outcome = await self._algos.cancel(client_order_id)
        if not isinstance(outcome, Success):
            return outcome
        shown = await self.query(symbol, client_order_id)  # the answer itself tells no quantity
        return Unknown("canceled, and not seen since") if isinstance(shown, NotFound | NoInformation) else Ack(shown)

    async def cancel_all(self, symbol: str) -> Sequence[VenueOrder] | Reject | Unknown:
        """Cancel every open order of a symbol; the venue does not list them, so they are listed before."""
        before = await self.open_orders(symbol)
        for outcome in (await self._rest.call(_CANCEL_ALL, {"symbol": symbol}), await self._algos.cancel_all(symbol)):
            if not isinstance(outcome, Success):
                return outcome
        return [] if isinstance(before, NoInformation) else before

    async def amend(self, symbol: str, client_order_id: str, qty: Decimal) -> Outcome:
        """Change an order's quantity; here that costs it its place in the queue."""
        shown = await self.query(symbol, client_order_id)
        if isinstance(shown, NotFound):
            return Reject(reason=RejectReason.UNKNOWN_ORDER, was_sent=False)
        if isinstance(shown, NoInformation):
            return Reject(reason=RejectReason.NOT_CONNECTED, message=shown.cause, was_sent=False)
        params = {
            "symbol": symbol,
            **self._naming(client_order_id),
            "side": shown.side.value.upper(),
            "price": format(shown.price, "f"),
            "quantity": format(qty, "f"),
        }
        return self._acked(await self._call(_MODIFY, params, fall_back=not self._has_session), client_order_id)

    async def query(self, symbol: str, client_order_id: str) -> VenueOrder | NotFound | NoInformation:
        """Ask for one order; of one that waited and was triggered, for the order it became."""
        asked_ns = self.server_now_ns()
        params = {"symbol": symbol, **self._naming(client_order_id)}
        if client_order_id not in self._venue_ids:
            is_algo = client_order_id in self._algos
            shown = await self._algos.query(client_order_id) if is_algo else None
            if shown is None:
                payload = await self._ask(_QUERY, params)
                if not isinstance(payload, Reject):
                    return self._read_answer(payload, client_order_id)
                shown = None if is_algo else await self._algos.query(client_order_id)
            if not isinstance(shown, VenueOrder):
                return shown or NotFound(asked_ns)
            if not shown.venue_order_id:
                return shown
            params["orderId"] = shown.venue_order_id
            params.pop("origClientOrderId", None)
        payload = await self._ask(_QUERY, params)
        return NotFound(asked_ns) if isinstance(payload, Reject) else self._read_answer(payload, client_order_id)

    def _read_answer(self, payload: Any, client_order_id: str) -> VenueOrder | NoInformation:
        if isinstance(payload, NoInformation):
            return payload
        try:
            order = read_order(payload, client_order_id)
        except UNREADABLE as error:
            return NoInformation(f"an order that cannot be read: {type(error).__name__}")
        self._remember(client_order_id, order.venue_order_id)
        return order

    async def open_orders(self, symbol: str) -> Sequence[VenueOrder] | NoInformation:
        """List the open orders of a symbol, those that wait for a trigger among them."""
        waiting = await self._algos.open_orders(symbol)
        if isinstance(waiting, NoInformation):
            return waiting
        rows = await self._rows(_OPEN, {"symbol": symbol}, self._read_listed)
        return rows if isinstance(rows, NoInformation) else [*rows, *waiting]

    async def orders_since(self, symbol: str, since_ns: int) -> Sequence[VenueOrder] | NoInformation:
        """List the orders placed from a venue time on: by weeks, which is the widest window, then by order id."""
        waited = await self._algos.orders_since(symbol, since_ns, self.server_now_ns(), _WEEK_MS)
        if isinstance(waited, NoInformation):
            return waited
        rows = await self._orders_since(_ORDERS, symbol, since_ns, _WEEK_MS)
        if isinstance(rows, NoInformation):
            return rows
        became = {row.venue_order_id for row in rows}
        return [*rows, *(row for row in waited if row.venue_order_id not in became)]

    async def trades_of(self, symbol: str, venue_order_id: str) -> Sequence[VenueFill] | NoInformation:
        """List the trades of one order."""
        params = {"symbol": symbol, "orderId": venue_order_id, "limit": str(_PAGE)}
        rows: Sequence[VenueFill] | NoInformation = await self._rows(_TRADES, params, read_trade)
        return rows

    async def trades_since(self, symbol: str, since_ns: int) -> Sequence[VenueFill] | NoInformation:
        """List the account's trades from a venue time on: by weeks, which is the widest window, then by trade id."""
        start_ms, now_ms = since_ns // _MS, self.server_now_ns() // _MS
        found: list[VenueFill] = []
        while start_ms <= now_ms and not found:
            window = {"startTime": str(start_ms), "endTime": str(start_ms + _WEEK_MS - 1)}
            page = await self._rows(_TRADES, {"symbol": symbol, **window, "limit": str(_PAGE)}, read_trade)
            if isinstance(page, NoInformation):
                return page
            found += page
            start_ms += _WEEK_MS
        while found:
            params = {"symbol": symbol, "fromId": str(found[-1].trade_id + 1), "limit": str(_PAGE)}
            page = await self._rows(_TRADES, params, read_trade)
            if isinstance(page, NoInformation):
                return page
            found += page
            if len(page) < _PAGE:
                break
        return found

    async def balances(self) -> Sequence[Balance] | NoInformation:
        """List what the account has."""
        rows: Sequence[Balance] | NoInformation = await self._rows(_BALANCE, {}, read_balance)
        return rows

    async def positions(self) -> Sequence[VenuePosition] | NoInformation:
        """List the positions of the symbols traded; flat ones are left out."""
        rows: Sequence[VenuePosition] | NoInformation = await self._rows(_POSITIONS, {}, read_position)
        if isinstance(rows, NoInformation):
            return rows
        return [row for row in rows if row.symbol in self._symbols and row.qty]

    async def funding_since(self, since_ns: int) -> Sequence[FundingPayment] | NoInformation:
        """List what was paid at settlements from a venue time on, of every symbol; the venue keeps three months."""
        asked = {"incomeType": "FUNDING_FEE", "startTime": str(since_ns // _MS), "limit": str(_PAGE)}
        found: list[FundingPayment] = []
        for page_number in count(1):
            page = await self._rows(_INCOME, asked | {"page": str(page_number)}, read_funding)
            if isinstance(page, NoInformation):
                return page
            found += page
            if len(page) < _PAGE:
                break
        return found

    async def account_problems(self) -> Sequence[str] | NoInformation:
        """Ask for the position mode: our books know one position a symbol."""
        payload = await self._ask(_DUAL, {})
        if not isinstance(payload, dict) or not isinstance(payload.get("dualSidePosition"), bool):
            return payload if isinstance(payload, NoInformation) else NoInformation("a mode that cannot be read")
        return ["it is in hedge mode; change it to one-way mode"] if payload["dualSidePosition"] else []

    async def keep_alive(self, symbol: str, ttl_s: float) -> Reject | Unknown | None:
        """Have the venue cancel all orders of a symbol unless this is called again within `ttl_s`; 0 disarms."""
        params = {"symbol": symbol, "countdownTime": str(int(ttl_s * 1_000))}
        outcome = await self._rest.call(_COUNTDOWN, params)
        return None if isinstance(outcome, Success) else outcome

    def why_not_ready(self) -> str | None:
        """Return why orders cannot be sent now, or None."""
        why = super().why_not_ready()
        if why == self.link_is_down and not self._has_session:
            why = None
        return why if why is not None or self._stream.is_up else "the user stream is down"

    # -- inside

    def _read_listed(self, row: Mapping[str, Any]) -> VenueOrder:
        return self._algos.named(read_order(row))

    def _acked(self, outcome: Success | Reject | Unknown, client_order_id: str) -> Outcome:
        if not isinstance(outcome, Success):
            return outcome
        try:
            order = read_order(outcome.payload, client_order_id)
        except UNREADABLE as error:
            return Unknown(f"an answer that cannot be read: {type(error).__name__}")
        self._remember(client_order_id, order.venue_order_id)
        return Ack(order)

    def _read_event(self, event: Mapping[str, Any]) -> VenueEvent | None:
        read = read_event(event)
        if isinstance(read, ExecutionReport):
            if event["e"] == "ALGO_UPDATE":
                self._algos.note(read.order)
            else:
                read = replace(read, order=self._algos.named(read.order))
            if read.order.venue_order_id:
                self._remember(read.order.client_order_id, read.order.venue_order_id)
        return read

    async def _start_stream(self) -> None:
        if self._has_session:
            await self._ws.start()
        await self._stream.start()

    async def _stop_stream(self) -> None:
        await asyncio.gather(self._ws.close(), self._stream.close())

    async def _read_limits(self) -> None:
        info = require(await self._rest.call(_INFO, {}), "the venue's limits")
        self.budget.set_limits(info["rateLimits"])
