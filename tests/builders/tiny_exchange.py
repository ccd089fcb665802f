"""A small exchange for tests of order entry: one symbol, exact balances, its own ledger, and faults on demand.

It knows nothing of bot4's code: what it keeps is the truth that the gateway's is compared with. An order that crosses
`ask` (buys) or `bid` (sells) fills there at once, in the pieces of `pieces`; others rest until `trade` fills them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal

FEE = Decimal("0.001")
_OPEN = {"NEW", "PARTIALLY_FILLED"}


class VenueError(Exception):
    def __init__(self, code: int, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code, self.message, self.status = code, message, status


@dataclass
class TinyOrder:
    order_id: int
    client_id: str
    symbol: str
    side: str
    type: str
    tif: str
    qty: Decimal
    price: Decimal
    created_ms: int
    status: str = "NEW"
    filled: Decimal = Decimal(0)
    quote: Decimal = Decimal(0)
    updated_ms: int = 0

    @property
    def is_open(self) -> bool:
        return self.status in _OPEN


@dataclass
class TinyExchange:
    now_ms: Callable[[], int]
    symbol: str = "BTCUSDT"
    base: str = "BTC"
    quote: str = "USDT"
    bid: Decimal = Decimal(100)
    ask: Decimal = Decimal(101)
    pieces: int = 1
    free: dict[str, Decimal] = field(default_factory=lambda: {"BTC": Decimal(10), "USDT": Decimal(100_000)})
    locked: dict[str, Decimal] = field(default_factory=lambda: {"BTC": Decimal(0), "USDT": Decimal(0)})
    orders: list[TinyOrder] = field(default_factory=list)
    trades: list[dict] = field(default_factory=list)
    listeners: list[Callable[[dict], None]] = field(default_factory=list)
    execution_id: int = 0

    # -- what a client may ask

    def place(self, params: dict[str, str]) -> tuple[TinyOrder, list[dict]]:
        side, kind = params["side"], params["type"]
        qty, price = Decimal(params["quantity"]), Decimal(params.get("price", "0"))
        client_id = params["newClientOrderId"]
        if any(order.client_id == client_id and order.is_open for order in self.orders):
            raise VenueError(-2010, "Duplicate order sent.")
        touch = self.ask if side == "BUY" else self.bid
        crosses = kind == "MARKET" or (price >= touch if side == "BUY" else price <= touch)
        if kind == "LIMIT_MAKER" and crosses:
            raise VenueError(-2010, "Order would immediately match and take.")
        asset = self.quote if side == "BUY" else self.base
        need = qty * (price if kind != "MARKET" else touch) if side == "BUY" else qty
        if self.free[asset] < need:
            raise VenueError(-2010, "Account has insufficient balance for requested action.")
        order = TinyOrder(
            1000 + len(self.orders), client_id, params["symbol"], side, kind,
            params.get("timeInForce", "GTC"), qty, price, self.now_ms(),
        )  # fmt: skip
        self.orders.append(order)
        self.free[asset] -= need
        self.locked[asset] += need
        self._report(order, "NEW")
        fills = []
        if crosses:
            left = qty
            for piece in range(self.pieces):
                part = left if piece == self.pieces - 1 else (qty / self.pieces).quantize(Decimal("0.00001"))
                fills.append(self._fill(order, part, touch, is_maker=False))
                left -= part
        elif order.tif in {"IOC", "FOK"}:
            self._end(order, "EXPIRED")
        return order, fills

    def cancel(self, params: dict[str, str]) -> TinyOrder:
        order = self._find(params)
        if order is None or not order.is_open:
            raise VenueError(-2011, "Unknown order sent.")
        self._end(order, "CANCELED")
        return order

    def query(self, params: dict[str, str]) -> TinyOrder:
        order = self._find(params)
        if order is None:
            raise VenueError(-2013, "Order does not exist.")
        return order

    def trade(self, client_id: str, qty: Decimal) -> dict:
        """Somebody trades with a resting order."""
        order = next(o for o in self.orders if o.client_id == client_id and o.is_open)
        return self._fill(order, qty, order.price, is_maker=True)

    def ledger(self) -> dict[str, Decimal]:
        return {asset: self.free[asset] + self.locked[asset] for asset in self.free}

    # -- inside

    def _find(self, params: dict[str, str]) -> TinyOrder | None:
        if "orderId" in params:
            return next((o for o in self.orders if str(o.order_id) == str(params["orderId"])), None)
        named = [o for o in self.orders if o.client_id == params["origClientOrderId"]]
        return named[-1] if named else None

    def _fill(self, order: TinyOrder, qty: Decimal, price: Decimal, *, is_maker: bool) -> dict:
        value = qty * price
        if order.side == "BUY":
            fee, fee_asset = qty * FEE, self.base
            spent = order.price if order.type != "MARKET" else price
            self.locked[self.quote] -= qty * spent
            self.free[self.quote] += qty * (spent - price)
            self.free[self.base] += qty - fee
        else:
            fee, fee_asset = value * FEE, self.quote
            self.locked[self.base] -= qty
            self.free[self.quote] += value - fee
        order.filled += qty
        order.quote += value
        order.status = "FILLED" if order.filled == order.qty else "PARTIALLY_FILLED"
        # What takes trades at the moment it arrives, all pieces of it, as on a venue's one clock.
        order.updated_ms = self.now_ms() if is_maker else order.created_ms
        trade = {
            "symbol": order.symbol, "id": 5000 + len(self.trades), "orderId": order.order_id, "price": text(price),
            "qty": text(qty), "quoteQty": text(value), "commission": text(fee), "commissionAsset": fee_asset,
            "time": order.updated_ms, "isBuyer": order.side == "BUY", "isMaker": is_maker,
        }  # fmt: skip
        self.trades.append(trade)
        self._report(order, "TRADE", trade)
        self._tell_balances()
        return trade

    def _end(self, order: TinyOrder, status: str) -> None:
        left = order.qty - order.filled
        asset, amount = (self.quote, left * order.price) if order.side == "BUY" else (self.base, left)
        self.locked[asset] -= amount
        self.free[asset] += amount
        order.status, order.updated_ms = status, self.now_ms()
        self._report(order, status)
        self._tell_balances()

    def _tell_balances(self) -> None:
        rows = [{"a": a, "f": text(self.free[a]), "l": text(self.locked[a])} for a in self.free]
        self._tell({"e": "outboundAccountPosition", "E": self.now_ms(), "u": self.now_ms(), "B": rows})

    def _report(self, order: TinyOrder, kind: str, trade: dict | None = None) -> None:
        self.execution_id += 1
        canceled = kind == "CANCELED"
        self._tell({
            "e": "executionReport", "E": self.now_ms(), "s": order.symbol,
            "c": "cancel-of-it" if canceled else order.client_id, "S": order.side, "o": order.type, "f": order.tif,
            "q": text(order.qty), "p": text(order.price), "P": "0", "F": "0", "g": -1,
            "C": order.client_id if canceled else "", "x": kind, "X": order.status, "r": "NONE",
            "i": order.order_id, "l": trade["qty"] if trade else "0", "z": text(order.filled),
            "L": trade["price"] if trade else "0", "n": trade["commission"] if trade else "0",
            "N": trade["commissionAsset"] if trade else None,
            "T": trade["time"] if trade else self.now_ms(),
            "t": trade["id"] if trade else -1, "I": self.execution_id, "w": order.is_open,
            "m": trade["isMaker"] if trade else False, "M": False, "O": order.created_ms, "Z": text(order.quote),
            "Y": trade["quoteQty"] if trade else "0", "Q": "0", "V": "NONE",
        })  # fmt: skip

    def _tell(self, event: dict) -> None:
        for listener in self.listeners:
            listener(event)


def text(value: Decimal) -> str:
    return format(value, "f")
