"""One execution of an order, and the mark of an account at one moment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from decimal import Decimal

    from bot4.domain.order import OrderSide


@dataclass(frozen=True, slots=True)
class Fill:
    """One execution. `trade_id` is unique for its instrument and venue: the same one never counts twice.

    `fee` is in units of `fee_asset`; a negative one is a rebate. `ts_ns` is in nanoseconds UTC.
    """

    order_id: int
    trade_id: int
    symbol: str
    side: OrderSide
    price: Decimal
    qty: Decimal
    fee: Decimal
    fee_asset: str
    is_maker: bool
    ts_ns: int


@dataclass(frozen=True, slots=True)
class Mark:
    """What an instrument's position was worth at `ts_ns`: one point of the equity curve."""

    seq: int
    symbol: str
    price: Decimal
    position: Decimal
    equity: Decimal
    equity_asset: str
    ts_ns: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """A decision that did not become an order, and the rule that stopped it."""

    seq: int
    symbol: str
    side: OrderSide
    price: Decimal
    qty: Decimal
    stage: str
    verdict: str
    ts_ns: int
