"""A background market that plays a recording: its book is the recorded one, its takers are the recorded trades.

Clients trade against it. What they take comes back when the recording next tells of that level; what rests of theirs is
filled by recorded trades and by recorded orders that cross it. A level that grows gets a new order behind those that
stand there; one that shrinks loses its newest orders first, so nobody moves up in the queue by it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from bot4._core.sim.exchange_types import ExchangeOrderType, ExchangeTimeInForce
from bot4.adapters.simulator.accounts import AccountSpec
from bot4.adapters.simulator.trade.order_row import OrderRow
from bot4.adapters.simulator.trade.words import STP_NUMBERS
from bot4.adapters.simulator.wire.decimals import UNIT, parse_e8
from bot4.domain.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bot4.adapters.simulator.market.market import Market
    from bot4.adapters.simulator.trade.engine import Engine

ACCOUNTS_A_SIDE = 8  # each has as many orders on a market as the venue allows
HEAD_FRAMES_MAX = 20_000  # looked through for a snapshot before the recording begins without one
REACH_SHARE = 0.03  # levels farther from the touch than that are left out
_WEALTH = 10_000_000 * UNIT
_TRADE_GROUP = 1_000_000
_BUY, _SELL = 0, 1
_LIMIT = int(ExchangeOrderType.TYPE_LIMIT)
_GTC, _IOC = int(ExchangeTimeInForce.TIME_GTC), int(ExchangeTimeInForce.TIME_IOC)
_EXPIRE_MAKER = STP_NUMBERS["EXPIRE_MAKER"]
_MS = 1_000_000


class RecordedFlow:
    """The background market of a recording. Belongs to the event loop's thread.

    Parameters
    ----------
    engine : Engine
    markets : mapping of str to Market
        Those that the recording may tell of.
    frames : iterator of (int, bytes)
        Receive time (nanoseconds, 0 where it was not recorded) and frame, in order.
    number : int
        Tells this flow's accounts from another's.

    """

    def __init__(
        self, engine: Engine, markets: Mapping[str, Market], frames: Iterator[tuple[int, bytes]], number: int = 0
    ) -> None:
        self._engine = engine
        self._markets = markets
        self._frames = frames
        wealth = dict.fromkeys(engine.assets, _WEALTH)
        self._makers = [
            [
                engine.open_account(AccountSpec(f"recorded-{number}-{side}-{index}", (), wealth, _TRADE_GROUP))
                for index in range(ACCOUNTS_A_SIDE)
            ]
            for side in ("bids", "asks")
        ]
        self._taker = engine.open_account(AccountSpec(f"recorded-{number}-takers", (), wealth))
        self._orders: dict[tuple[str, int, int], list[int]] = {}
        self._update_ids: dict[str, int] = {}
        self._market_ns = 0
        self._next: tuple[int, dict[str, Any]] | None = None
        self.is_over = False

    def begin(self, now_ns: int) -> None:
        """Read up to the first snapshot and put its orders into the book.

        Raises
        ------
        DataError
            There is nothing of these markets in the recording.

        """
        head: list[tuple[int, dict[str, Any]]] = []
        for _ in range(HEAD_FRAMES_MAX):
            item = self._read()
            if item is None:
                break
            head.append(item)
            if "lastUpdateId" in item[1]:
                break
        if not head:
            raise DataError(f"the recording tells nothing of {', '.join(self._markets)}")
        if "lastUpdateId" in head[-1][1]:
            head = head[-1:]
        self._market_ns = head[-1][0]
        for _, content in head:
            self._apply(content, now_ns)
        self._next = self._read()

    def advance(self, seconds: float, now_ns: int) -> None:
        """Play what was recorded in this time."""
        self._market_ns += int(seconds * 1e9)
        while self._next is not None and self._next[0] <= self._market_ns:
            self._apply(self._next[1], now_ns)
            self._next = self._read()
        self.is_over = self._next is None

    def _read(self) -> tuple[int, dict[str, Any]] | None:
        """Return time and content of the next frame that is of use."""
        for recv_ns, frame in self._frames:
            try:
                message = orjson.loads(frame)
            except orjson.JSONDecodeError:
                continue  # `bot4 data check` tells of damaged frames; a market plays on
            content = message.get("data", message) if isinstance(message, dict) else None
            if not isinstance(content, dict):
                continue
            if "lastUpdateId" in content:
                content = {"s": self._only_symbol(message), **content}
            elif content.get("e") not in {"depthUpdate", "trade"}:
                continue
            if content.get("s") in self._markets:
                return recv_ns or int(content.get("E", 0)) * _MS, content
        return None

    def _only_symbol(self, message: Mapping[str, Any]) -> str | None:
        """Whose a snapshot is: a stream's name tells, else there must be one market only."""
        stream = message.get("stream")
        if isinstance(stream, str):
            return stream.partition("@")[0].upper()
        return next(iter(self._markets)) if len(self._markets) == 1 else None

    def _apply(self, content: Mapping[str, Any], now_ns: int) -> None:
        market = self._markets[content["s"]]
        if content.get("e") == "trade":
            self._take(market, content, now_ns)
            return
        name = market.symbol.name
        last = content.get("lastUpdateId", content.get("u", 0))
        if last <= self._update_ids.get(name, -1):
            return
        self._update_ids[name] = last
        levels = [
            (side, *self._level(market, price, quantity))
            for side, keys in ((_BUY, ("b", "bids")), (_SELL, ("a", "asks")))
            for key in keys
            for price, quantity in content.get(key, ())
        ]
        best_bid, best_ask = self._engine.best_ticks(market.number)
        middle = (best_bid + best_ask) / 2 if best_bid and best_ask else self._middle(levels)
        # What goes comes before what comes: a book that moves does not cross itself.
        for side, ticks, lots in sorted(levels, key=lambda level: level[2] > 0):
            if lots == 0 or abs(ticks - middle) <= middle * REACH_SHARE:
                self._set(market, side, ticks, lots, now_ns)

    @staticmethod
    def _middle(levels: list[tuple[int, int, int]]) -> float:
        bids = [ticks for side, ticks, lots in levels if side == _BUY and lots]
        asks = [ticks for side, ticks, lots in levels if side == _SELL and lots]
        return (max(bids) + min(asks)) / 2 if bids and asks else float(max(bids, default=min(asks, default=0)))

    @staticmethod
    def _level(market: Market, price: str, quantity: str) -> tuple[int, int]:
        symbol = market.symbol
        return parse_e8("price", price) // symbol.tick, parse_e8("quantity", quantity) // symbol.step

    def _set(self, market: Market, side: int, ticks: int, lots: int, now_ns: int) -> None:
        key = market.symbol.name, side, ticks
        account = self._makers[side][ticks % ACCOUNTS_A_SIDE]
        held = self._orders.get(key, [])
        left = {order_id: self._engine.left_lots(order_id) for order_id in held}
        orders = [order_id for order_id in held if left[order_id]]
        excess = sum(left.values()) - lots
        while excess > 0 and orders:
            newest = orders.pop()
            self._engine.cancel(account, market.number, newest, 0, now_ns)
            excess -= left[newest]
        if excess < 0:
            row = OrderRow(side, _LIMIT, _GTC, _EXPIRE_MAKER, -excess, ticks, 0, 0, 0, 0, 0)
            verdict, order_id = self._engine.place(account, market.number, row, now_ns)
            if verdict == 0:  # below the least notional, or one too many: the level stays a little short
                orders.append(order_id)
        if orders:
            self._orders[key] = orders
        else:
            self._orders.pop(key, None)

    def _take(self, market: Market, content: Mapping[str, Any], now_ns: int) -> None:
        ticks, lots = self._level(market, content["p"], content["q"])
        side = _SELL if content["m"] else _BUY
        if lots:
            row = OrderRow(side, _LIMIT, _IOC, 0, lots, ticks, 0, 0, 0, 0, 0)
            self._engine.place(self._taker, market.number, row, now_ns)
