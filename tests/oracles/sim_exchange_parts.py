"""What the twin of the exchange is made of: orders, symbols, accounts, lists."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from bot4._core.sim.exchange_types import ExchangeOrderStatus as S
from oracles.sim_exchange_money import AverageTwin
from oracles.sim_exchange_rules import BUY, LOSSES

WORD = (1 << 64) - 1
NONE, EXPIRE_TAKER, EXPIRE_MAKER, EXPIRE_BOTH, DECREMENT, TRANSFER = range(6)
OPEN = (S.STATUS_NEW, S.STATUS_PARTIALLY_FILLED)
LEG = 9


@dataclass(eq=False)
class Order:
    order_id: int
    client_key: int
    account: int
    symbol: int
    side: int
    type: int
    tif: int
    stp: int
    price: int
    stop: int
    orig: int
    iceberg_lots: int
    trailing: int
    expire_ns: int
    quote_atoms: int
    created_ns: int
    lock_price: int
    executed: int = 0
    prevented: int = 0
    locked: int = 0
    quote: int = 0
    status: int = S.STATUS_NEW
    place: int = 0  # 0 nowhere, 1 book, 2 conditional, 3 pending
    working_ns: int = -1
    amends: int = 0
    shown: int = 0
    queue: int = 0  # place in the queue of its price
    extreme: int = 0
    waits_since: int = 0
    exhausted: bool = False
    list: Any = None
    shares_lock: bool = False

    @property
    def left(self) -> int:
        return self.orig - self.executed - self.prevented

    @property
    def upwards(self) -> bool:
        return (self.type in LOSSES) == (self.side == BUY)

    def __lt__(self, other: Order) -> bool:
        return self.rank < other.rank

    @property
    def rank(self) -> tuple[int, int]:
        return (-self.price if self.side == BUY else self.price, self.queue)


@dataclass
class Symbol:
    base: int
    quote: int
    base_atoms: int
    quote_atoms: int
    rates: tuple[int, int]
    filters: dict[str, Any]
    limits: dict[str, int]
    average: AverageTwin
    stp_modes: tuple[int, ...] = (0, 1, 2, 3, 4)
    status: int = 0
    last: int = 0
    reference: int = 0
    trades: int = 0
    preventions: int = 0
    update_id: int = 0
    book: tuple[list[Order], list[Order]] = field(default_factory=lambda: ([], []))
    waiting: list[Order] = field(default_factory=list)


@dataclass
class Account:
    trade_group: int = -1
    own_rates: tuple[int, int] | None = None
    pays_in_fee_asset: bool = False


@dataclass
class ListTwin:
    list_id: int
    key: int
    kind: int  # 1 OCO, 2 OTO, 3 OTOCO
    account: int
    symbol: int
    legs: list[Order | None]
    resolved: bool = False
