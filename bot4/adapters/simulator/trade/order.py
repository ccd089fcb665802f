"""One order as the exchange shows it, and its forms on the wire.

Source: binance-spot-api-docs rest-api.md and user-data-stream.md (2026-07-21).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from bot4.adapters.simulator.trade import words
from bot4.adapters.simulator.trade.report import Report, money
from bot4.adapters.simulator.wire.decimals import format_e8

if TYPE_CHECKING:
    from bot4.adapters.simulator.symbols import Symbol

_NO_TIME = -1


class Fill(NamedTuple):
    """One trade of one order; amounts in hundred-millionths, time in nanoseconds UTC."""

    trade_id: int
    order_id: int
    list_id: int
    price: int
    qty: int
    quote: int
    fee: int
    fee_asset: str
    at_ns: int
    is_buyer: bool
    is_maker: bool


class OrderLabels(NamedTuple):
    """What a client says of an order and the matching engine need not know."""

    client_id: str
    quote_qty: int = 0
    strategy_id: int | None = None
    strategy_type: int | None = None
    has_iceberg: bool = False


class Order:
    """An order of an account; amounts in hundred-millionths, times in nanoseconds UTC.

    Parameters
    ----------
    symbol : Symbol
    labels : OrderLabels
    report : Report
        Its first.

    Belongs to the event loop's thread.

    """

    __slots__ = (
        *("symbol", "labels", "client_id", "order_id", "list_id", "side", "type", "tif", "stp", "price", "stop_price"),
        *("qty", "executed", "quote", "prevented", "iceberg", "status", "created_ns", "updated_ns", "working_ns"),
        *("is_working", "trailing_bips", "expiry_reason", "prevented_match_id", "first_fill_is_maker", "amends"),
    )

    def __init__(self, symbol: Symbol, labels: OrderLabels, report: Report) -> None:
        self.symbol = symbol
        self.labels = labels
        self.client_id = labels.client_id
        self.order_id = report.order_id
        self.list_id = report.list_id
        self.side = words.SIDES[report.side]
        self.type = words.TYPES[report.type]
        self.tif = words.TIMES_IN_FORCE[report.tif]
        self.stp = words.STP_MODES[report.stp]
        self.created_ns = report.created_ns
        self.trailing_bips = report.trailing_bips
        self.prevented_match_id = -1
        self.expiry_reason = ""
        self.amends: list[dict[str, Any]] = []
        self.take(report)

    def take(self, report: Report) -> None:
        """Take over what a report says."""
        tick, step = self.symbol.tick, self.symbol.step
        self.price = report.price_ticks * tick
        self.stop_price = report.stop_ticks * tick
        self.qty = report.orig_lots * step
        self.executed = report.executed_lots * step
        self.prevented = report.prevented_lots * step
        self.iceberg = report.iceberg_lots * step
        self.quote = money(report.cumulative_quote_low, report.cumulative_quote_high)
        self.status = words.STATUSES[report.status]
        self.is_working = bool(report.is_working)
        self.working_ns = report.working_ns
        self.updated_ns = report.time_ns
        if report.reason >= words.FIRST_EXPIRY_REASON:
            self.expiry_reason = words.REASONS[report.reason]

    @property
    def is_open(self) -> bool:
        """Whether it may still trade."""
        return self.status in words.OPEN_STATUSES

    @property
    def is_conditional(self) -> bool:
        """Whether it waits, or waited, for a price."""
        return self.stop_price != 0 or self.trailing_bips != 0

    def to_ack(self, at_ns: int, unit: int) -> dict[str, Any]:
        """Return the shortest answer to placing it."""
        return {
            "symbol": self.symbol.name,
            "orderId": self.order_id,
            "orderListId": self.list_id,
            "clientOrderId": self.client_id,
            "transactTime": at_ns // unit,
        }

    def to_result(self, at_ns: int, unit: int) -> dict[str, Any]:
        """Return the answer with its state."""
        return {
            **self.to_ack(at_ns, unit),
            **self._state(),
            "workingTime": self.working_ns // unit if self.working_ns >= 0 else _NO_TIME,
            "selfTradePreventionMode": self.stp,
            **self._conditional(unit),
        }

    def to_full(self, at_ns: int, unit: int, fills: list[Fill]) -> dict[str, Any]:
        """Return the answer with its state and fills."""
        result = self.to_result(at_ns, unit)
        result["fills"] = [
            {
                "price": format_e8(fill.price),
                "qty": format_e8(fill.qty),
                "commission": format_e8(fill.fee),
                "commissionAsset": fill.fee_asset,
                "tradeId": fill.trade_id,
            }
            for fill in fills
        ]
        return result

    def to_canceled(self, cancel_id: str, at_ns: int, unit: int) -> dict[str, Any]:
        """Return the answer to cancelling it."""
        return {
            "symbol": self.symbol.name,
            "origClientOrderId": self.client_id,
            "orderId": self.order_id,
            "orderListId": self.list_id,
            "clientOrderId": cancel_id,
            "transactTime": at_ns // unit,
            **self._state(),
            "selfTradePreventionMode": self.stp,
            **self._conditional(unit),
        }

    def to_query(self, unit: int) -> dict[str, Any]:
        """Return the answer to asking for it."""
        return {
            "symbol": self.symbol.name,
            "orderId": self.order_id,
            "orderListId": self.list_id,
            "clientOrderId": self.client_id,
            **self._state(),
            "stopPrice": format_e8(self.stop_price),
            "icebergQty": format_e8(self.iceberg),
            "time": self.created_ns // unit,
            "updateTime": self.updated_ns // unit,
            "isWorking": self.is_working,
            "workingTime": self.working_ns // unit if self.working_ns >= 0 else _NO_TIME,
            "selfTradePreventionMode": self.stp,
            **{name: value for name, value in self._conditional(unit).items() if name != "icebergQty"},
        }

    def to_amended(self, former_id: str, unit: int) -> dict[str, Any]:
        """Return the order inside the answer to amending it."""
        amended = {
            "symbol": self.symbol.name,
            "orderId": self.order_id,
            "orderListId": self.list_id,
            "origClientOrderId": former_id,
            "clientOrderId": self.client_id,
            "price": format_e8(self.price),
            "qty": format_e8(self.qty),
            "executedQty": format_e8(self.executed),
            "preventedQty": format_e8(self.prevented),
            "quoteOrderQty": format_e8(self.labels.quote_qty),
            "cumulativeQuoteQty": format_e8(self.quote),
            "status": self.status,
            "timeInForce": self.tif,
            "type": self.type,
            "side": self.side,
        }
        if self.working_ns >= 0:
            amended["workingTime"] = self.working_ns // unit
        return amended | {"selfTradePreventionMode": self.stp}

    def _state(self) -> dict[str, Any]:
        return {
            "price": format_e8(self.price),
            "origQty": format_e8(self.qty),
            "executedQty": format_e8(self.executed),
            "origQuoteOrderQty": format_e8(self.labels.quote_qty),
            "cummulativeQuoteQty": format_e8(self.quote),
            "status": self.status,
            "timeInForce": self.tif,
            "type": self.type,
            "side": self.side,
        }

    def _conditional(self, unit: int) -> dict[str, Any]:
        labels = self.labels
        if not (
            self.stop_price
            or self.trailing_bips
            or self.expiry_reason
            or labels.has_iceberg
            or labels.strategy_id is not None
            or labels.strategy_type is not None
            or self.prevented_match_id >= 0
        ):
            return {}
        fields: dict[str, Any] = {}
        if self.is_conditional:
            fields["stopPrice"] = format_e8(self.stop_price)
        if labels.has_iceberg:
            fields["icebergQty"] = format_e8(self.iceberg)
        if self.trailing_bips:
            fields["trailingDelta"] = self.trailing_bips
            fields["trailingTime"] = self.working_ns // unit if self.is_working else _NO_TIME
        if labels.strategy_id is not None:
            fields["strategyId"] = labels.strategy_id
        if labels.strategy_type is not None:
            fields["strategyType"] = labels.strategy_type
        if self.prevented_match_id >= 0:
            fields["preventedMatchId"] = self.prevented_match_id
            fields["preventedQuantity"] = format_e8(self.prevented)
        if self.expiry_reason:
            fields["expiryReason"] = self.expiry_reason
        return fields
