from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from bot4._core.engine.engine import Engine
from bot4._core.engine.strategy import StrategyHost
from bot4._core.sim.latency import Latency

class TradeTold:
    price_ticks: int
    qty_lots: int
    venue_ns: int
    taker_sold: bool

class BarTold:
    open_ticks: int
    high_ticks: int
    low_ticks: int
    close_ticks: int
    volume_lots: int
    taker_buy_lots: int
    trade_count: int
    open_ns: int
    close_ns: int
    is_history: bool

class FillTold:
    order_id: int
    price_ticks: int
    qty_lots: int
    fee_atoms: int
    venue_ns: int
    is_buy: bool
    is_maker: bool

class OrderSeen:
    order_id: int
    price_ticks: int
    qty_lots: int
    filled_lots: int
    sent_ns: int
    is_buy: bool
    is_acked: bool
    cancel_pending: bool

class Market:
    symbol: str
    index: int
    instrument: Any
    @property
    def bid_ticks(self) -> int: ...
    @property
    def ask_ticks(self) -> int: ...
    @property
    def bid_lots(self) -> int: ...
    @property
    def ask_lots(self) -> int: ...
    @property
    def bids(self) -> list[tuple[int, int]]: ...
    @property
    def asks(self) -> list[tuple[int, int]]: ...
    @property
    def last_price_ticks(self) -> int: ...
    @property
    def position_lots(self) -> int: ...
    @property
    def equity(self) -> Decimal: ...
    @property
    def order_count(self) -> int: ...
    @property
    def pending(self) -> int: ...
    @property
    def missed(self) -> int: ...
    @property
    def now_ns(self) -> int: ...
    @property
    def features(self) -> list[float]: ...
    @property
    def orders(self) -> list[OrderSeen]: ...
    def buy(
        self,
        qty_lots: int,
        price_ticks: int | None = None,
        *,
        post_only: bool = False,
        reduce_only: bool = False,
        tif: str = "gtc",
        expected_bps: float | None = None,
        confidence: float | None = None,
    ) -> None: ...
    def sell(
        self,
        qty_lots: int,
        price_ticks: int | None = None,
        *,
        post_only: bool = False,
        reduce_only: bool = False,
        tif: str = "gtc",
        expected_bps: float | None = None,
        confidence: float | None = None,
    ) -> None: ...
    def cancel(self, order_id: int) -> None: ...
    def cancel_all(self) -> None: ...

class PythonHost(StrategyHost):
    on_error: Callable[[], None] | None
    def __init__(
        self,
        strategy: object,
        engine: Engine,
        *,
        wants: Sequence[str],
        timer_interval_ns: int = 0,
        latency: Latency | None = None,
        seed: int = 0,
    ) -> None: ...
    @property
    def error(self) -> BaseException | None: ...
    @property
    def markets(self) -> tuple[Market, ...]: ...
