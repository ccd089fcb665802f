"""A venue that is a list in memory: what happened on an account, asked for through the port, with answers that fail."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from bot4.domain.errors import RejectReason
from bot4.domain.order import OrderSide
from bot4.ports.venue_order import Balance, VenueFill, VenueOrder, VenueOrderStatus
from bot4.ports.venue_outcome import Ack, NoInformation, NotFound, Reject

S = 1_000_000_000
LOT = Decimal("0.00001")


@dataclass
class MemoryVenue:
    now_ns: int = 1_000 * S
    orders: dict[str, VenueOrder] = field(default_factory=dict)
    fills: list[VenueFill] = field(default_factory=list)
    opening: dict[str, Decimal] = field(default_factory=lambda: {"USDT": Decimal(10_000), "BTC": Decimal(0)})
    failing: list[bool] = field(default_factory=list)  # whether each of the next answers fails
    canceled: list[str] = field(default_factory=list)

    def add(self, name: str, *, lots: int, trades: list[int], status: VenueOrderStatus, side=OrderSide.BUY) -> None:
        """An order that reached the venue, with its trades in lots."""
        number = f"v{len(self.orders)}"
        for qty in trades:
            trade = VenueFill(
                venue_order_id=number, trade_id=len(self.fills), symbol="BTCUSDT", side=side, price=Decimal(100),
                qty=qty * LOT, fee=qty * LOT / 1000, fee_asset="BTC", is_maker=True, ts_ns=self.now_ns,
            )  # fmt: skip
            self.fills.append(trade)
        self.orders[name] = VenueOrder(
            client_order_id=name, venue_order_id=number, symbol="BTCUSDT", side=side, status=status, qty=lots * LOT,
            filled_qty=sum(trades) * LOT, price=Decimal(100), updated_ns=self.now_ns,
        )  # fmt: skip

    def _fails(self) -> bool:
        return bool(self.failing) and self.failing.pop(0)

    def server_now_ns(self) -> int:
        return self.now_ns

    async def query(self, _symbol, name):
        if self._fails():
            return NoInformation("503")
        return self.orders.get(name, NotFound(self.now_ns))

    async def open_orders(self, _symbol):
        if self._fails():
            return NoInformation("503")
        return [order for order in self.orders.values() if order.status is VenueOrderStatus.WORKING]

    async def trades_of(self, _symbol, number):
        if self._fails():
            return NoInformation("503")
        return [fill for fill in self.fills if fill.venue_order_id == number]

    async def trades_since(self, _symbol, since_ns):
        if self._fails():
            return NoInformation("503")
        return [fill for fill in self.fills if fill.ts_ns >= since_ns]

    async def balances(self):
        if self._fails():
            return NoInformation("503")
        totals = dict(self.opening)
        for fill in self.fills:
            sign = 1 if fill.side is OrderSide.BUY else -1
            totals["BTC"] += sign * fill.qty - fill.fee
            totals["USDT"] -= sign * fill.qty * fill.price
        return [Balance(asset, total, Decimal(0)) for asset, total in totals.items()]

    async def positions(self):
        return []

    async def cancel(self, _symbol, name):
        self.canceled.append(name)
        shown = self.orders.get(name)
        if shown is None or shown.status is not VenueOrderStatus.WORKING:
            return Reject(reason=RejectReason.UNKNOWN_ORDER)
        return Ack(shown)
