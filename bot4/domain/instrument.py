"""What is traded, under which rules: the grid that turns a venue's decimals into whole ticks and lots, exactly."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, localcontext
from enum import Enum

from bot4.domain.money import MAX_DECIMALS, Rounding, divide, exact_decimal

_INT64_MAX = (1 << 63) - 1
_EXACT_DIGITS = 200  # no product of three rule figures comes near


class ContractKind(Enum):
    """How a quantity turns into money."""

    SPOT = "spot"  # base bought with quote
    LINEAR = "linear"  # contracts of the base, settled in the quote
    INVERSE = "inverse"  # contracts worth a fixed amount of the quote, settled in the coin


class Market(Enum):
    """A venue's room; the same symbol may trade in several under different rules."""

    SPOT = "spot"
    USDM = "usdm"  # linear futures
    COINM = "coinm"  # inverse futures

    @property
    def kind(self) -> ContractKind:
        """The contract this room trades."""
        return _KIND_OF_MARKET[self]


_KIND_OF_MARKET = {
    Market.SPOT: ContractKind.SPOT,
    Market.USDM: ContractKind.LINEAR,
    Market.COINM: ContractKind.INVERSE,
}
_MARKET_OF_KIND = {kind: market for market, kind in _KIND_OF_MARKET.items()}


@dataclass(frozen=True, slots=True)
class PriceBand:
    """Limits of a limit price as multiples of the venue's reference price, a pair for each side; None is no limit.

    Source: Binance filters PERCENT_PRICE_BY_SIDE and PERCENT_PRICE, which on spot bounds both sides alike and on
    futures buys from above and sells from below.
    """

    buy_down: Decimal | None
    buy_up: Decimal | None
    sell_down: Decimal | None
    sell_up: Decimal | None

    def __post_init__(self) -> None:
        for name in ("buy", "sell"):
            down, up = getattr(self, f"{name}_down"), getattr(self, f"{name}_up")
            if any(bound is not None and bound < 0 for bound in (down, up)) or (
                down is not None and up is not None and down > up
            ):
                raise ValueError(f"a {name} band must be 0 <= down <= up, was {down} and {up}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """One instrument and its rules. Immutable: share it freely between threads.

    Parameters
    ----------
    symbol : str
        The venue's own name.
    venue : str
        Lower case: ``binance``, ``kraken``, ``okx``.
    kind : ContractKind
        SPOT, LINEAR or INVERSE.
    base, quote, settle : str
        Assets: what is priced, what the price counts, what profit is paid in.
    tick_size, lot_size : Decimal
        Grid of the core's whole ticks and lots, above 0: every figure of the market data lies on it.
    price_step, qty_step : Decimal
        Grid of *orders*, whole multiples of the above; 0 (the default) is the same grid. A venue that refines or
        coarsens its steps lets older orders rest, so its book holds figures finer than what it takes in new orders.
    contract_size : Decimal
        What one unit of quantity stands for: 1 for spot; base units a contract (linear); quote units a contract
        (inverse).
    min_qty, max_qty, market_lot_size, market_min_qty, market_max_qty : Decimal or None
        None where the venue sets no such limit; the market figures hold for market orders.
    min_price, max_price : Decimal or None
        Bounds of a limit price.
    min_notional, max_notional : Decimal or None
        Bounds of price times quantity, in quote.
    price_band : PriceBand or None
        Multiples of the reference price.
    max_orders : int or None
        Open orders at a time.
    base_decimals, quote_decimals, settle_decimals : int
        Decimals of the ledger's atoms for each asset.
    source : str
        Where the rules come from, for messages and reports.

    >>> btc = Instrument(symbol="BTCUSDT", venue="binance", kind=ContractKind.SPOT, base="BTC", quote="USDT",
    ...                  settle="USDT", tick_size=Decimal("0.01"), lot_size=Decimal("0.000001"),
    ...                  qty_step=Decimal("0.00001"))
    >>> btc.price_to_ticks("61837.63"), btc.qty_to_lots("25.426189"), btc.lots_per_step
    (6183763, 25426189, 10)
    >>> btc.ticks_to_price(6183763)
    Decimal('61837.63')
    >>> btc.price_to_ticks("61837.635")
    Traceback (most recent call last):
    ValueError: BTCUSDT price 61837.635 is not a multiple of 0.01
    >>> btc.round_qty("25.426189", Rounding.DOWN)
    25426180

    """

    symbol: str
    venue: str
    kind: ContractKind
    base: str
    quote: str
    settle: str
    tick_size: Decimal
    lot_size: Decimal
    price_step: Decimal = Decimal(0)
    qty_step: Decimal = Decimal(0)
    contract_size: Decimal = Decimal(1)
    min_qty: Decimal | None = None
    max_qty: Decimal | None = None
    market_lot_size: Decimal | None = None
    market_min_qty: Decimal | None = None
    market_max_qty: Decimal | None = None
    min_price: Decimal | None = None
    max_price: Decimal | None = None
    min_notional: Decimal | None = None
    max_notional: Decimal | None = None
    price_band: PriceBand | None = None
    max_orders: int | None = None
    base_decimals: int = 8
    quote_decimals: int = 8
    settle_decimals: int = 8
    source: str = ""

    def __post_init__(self) -> None:
        for name in ("symbol", "venue", "base", "quote", "settle"):
            if not getattr(self, name):
                raise ValueError(f"{name} must not be empty")
        for step, grid in _STEPS:
            self._require_decimal(step)
            if getattr(self, step) == 0:
                object.__setattr__(self, step, getattr(self, grid))
        for name in _POSITIVE:
            self._require_decimal(name)
            if getattr(self, name) <= 0:
                raise ValueError(f"{self.symbol} {name} must be above 0, was {getattr(self, name)}")
        for step, grid in _STEPS:
            if _ratio(value := getattr(self, step), of := getattr(self, grid)) is None:
                raise ValueError(f"{self.symbol} {step} must be a multiple of {grid} {of}, was {value}")
        self._check_limits()

    def _check_limits(self) -> None:
        for name in _OPTIONAL_DECIMALS:
            if getattr(self, name) is not None:
                self._require_decimal(name)
                if getattr(self, name) < 0:
                    raise ValueError(f"{self.symbol} {name} must not be negative, was {getattr(self, name)}")
        for low, high in _ORDERED:
            if None not in (bounds := (getattr(self, low), getattr(self, high))) and bounds[0] > bounds[1]:
                raise ValueError(f"{self.symbol} {low} must not exceed {high}, was {bounds[0]} > {bounds[1]}")
        if self.max_orders is not None and self.max_orders < 0:
            raise ValueError(f"{self.symbol} max_orders must not be negative, was {self.max_orders}")
        for name in ("base_decimals", "quote_decimals", "settle_decimals"):
            if not 0 <= getattr(self, name) <= MAX_DECIMALS:
                raise ValueError(f"{self.symbol} {name} must be 0 to {MAX_DECIMALS}, was {getattr(self, name)}")

    def _require_decimal(self, name: str) -> None:
        value = getattr(self, name)
        if not isinstance(value, Decimal) or not value.is_finite():
            raise TypeError(f"{self.symbol} {name} must be a finite Decimal, was {value!r}")

    @property
    def market(self) -> Market:
        """The room this kind of contract trades in."""
        return _MARKET_OF_KIND[self.kind]

    @property
    def price_decimals(self) -> int:
        """Decimals a price of this grid is written with."""
        return _decimals(self.tick_size)

    @property
    def qty_decimals(self) -> int:
        """Decimals a quantity of this grid is written with."""
        return _decimals(self.lot_size)

    def price_to_ticks(self, price: Decimal | str | int) -> int:
        """Whole ticks of `price`.

        Raises
        ------
        TypeError
            `price` is a float.
        ValueError
            `price` is off the grid, not above 0, or too large for 63 bits of ticks.

        """
        ticks = self._steps("price", exact_decimal(price, f"{self.symbol} price"), self.tick_size)
        if ticks <= 0:
            raise ValueError(f"{self.symbol} price must be above 0, was {price}")
        return ticks

    def qty_to_lots(self, qty: Decimal | str | int) -> int:
        """Whole lots of `qty`, which may be 0 (a removed level); raises like `price_to_ticks`."""
        lots = self._steps("quantity", exact_decimal(qty, f"{self.symbol} quantity"), self.lot_size)
        if lots < 0:
            raise ValueError(f"{self.symbol} quantity must not be negative, was {qty}")
        return lots

    @property
    def ticks_per_step(self) -> int:
        """Ticks an order's price moves by: its ticks must be a multiple of this."""
        return _ratio(self.price_step, self.tick_size) or 1

    @property
    def lots_per_step(self) -> int:
        """Lots an order's quantity moves by: its lots must be a multiple of this."""
        return _ratio(self.qty_step, self.lot_size) or 1

    def round_price(self, price: Decimal | str | int, rounding: Rounding) -> int:
        """Ticks of the nearest price an order may have, at or below (DOWN) or above (UP) `price`."""
        value = exact_decimal(price, f"{self.symbol} price")
        return self._steps("price", value, self.price_step, rounding) * self.ticks_per_step

    def round_qty(self, qty: Decimal | str | int, rounding: Rounding) -> int:
        """Lots of the nearest quantity an order may have, at or below (DOWN) or above (UP) `qty`."""
        value = exact_decimal(qty, f"{self.symbol} quantity")
        return self._steps("quantity", value, self.qty_step, rounding) * self.lots_per_step

    def ticks_to_price(self, ticks: int) -> Decimal:
        """Exact price of `ticks`, written with the decimals of the tick size."""
        return _times(self.tick_size, ticks)

    def lots_to_qty(self, lots: int) -> Decimal:
        """Exact quantity of `lots`, written with the decimals of the lot size."""
        return _times(self.lot_size, lots)

    def lots_worth(self, notional: Decimal | str | int, price_ticks: int) -> int:
        """Lots of the largest quantity an order may have that is worth at most `notional` of quote at a price.

        A whole number of quantity steps, 0 where not even one is worth so little; the venue's least and greatest
        quantities are not looked at.

        Raises
        ------
        TypeError
            `notional` is a float.
        ValueError
            `notional` is negative, or `price_ticks` not above 0.

        >>> btc = Instrument(symbol="BTCUSDT", venue="binance", kind=ContractKind.SPOT, base="BTC", quote="USDT",
        ...                  settle="USDT", tick_size=Decimal("0.01"), lot_size=Decimal("0.00001"))
        >>> btc.lots_worth("250", btc.price_to_ticks("60000"))
        416

        """
        value = exact_decimal(notional, f"{self.symbol} notional")
        if value < 0 or price_ticks <= 0:
            raise ValueError(f"{self.symbol} needs a notional >= 0 and a price > 0, was {notional} and {price_ticks}")
        step = self.lots_per_step
        numerator, denominator = value.as_integer_ratio()
        worth, parts = self.notional(price_ticks, step).as_integer_ratio()
        return numerator * parts // (denominator * worth) * step

    def notional(self, price_ticks: int, qty_lots: int) -> Decimal:
        """Exact value in quote of `qty_lots` at `price_ticks`; an inverse contract is worth its size at any price."""
        with localcontext(prec=_EXACT_DIGITS):
            lot_value = self.lot_size * self.contract_size
            if self.kind is not ContractKind.INVERSE:
                lot_value *= self.tick_size
        return _times(lot_value, qty_lots if self.kind is ContractKind.INVERSE else qty_lots * price_ticks)

    def _steps(self, what: str, value: Decimal, step: Decimal, rounding: Rounding = Rounding.EXACT) -> int:
        numerator, denominator = value.as_integer_ratio()
        step_numerator, step_denominator = step.as_integer_ratio()
        try:
            steps = divide(numerator * step_denominator, denominator * step_numerator, rounding)
        except ValueError:
            raise ValueError(f"{self.symbol} {what} {value} is not a multiple of {step}") from None
        if abs(steps) > _INT64_MAX:
            raise ValueError(f"{self.symbol} {what} {value} is more than 63 bits of {step}")
        return steps


_STEPS = (("price_step", "tick_size"), ("qty_step", "lot_size"))
_POSITIVE = ("tick_size", "lot_size", "price_step", "qty_step", "contract_size")
_OPTIONAL_DECIMALS = (
    "min_qty", "max_qty", "market_lot_size", "market_min_qty", "market_max_qty", "min_price", "max_price",
    "min_notional", "max_notional",
)  # fmt: skip
_ORDERED = (
    ("min_qty", "max_qty"),
    ("market_min_qty", "market_max_qty"),
    ("min_price", "max_price"),
    ("min_notional", "max_notional"),
)


def _ratio(step: Decimal, grid: Decimal) -> int | None:
    """How many times `grid` goes into `step`; None where that is not a whole number above 0."""
    numerator, denominator = step.as_integer_ratio()
    grid_numerator, grid_denominator = grid.as_integer_ratio()
    whole, rest = divmod(numerator * grid_denominator, denominator * grid_numerator)
    return whole if rest == 0 and whole > 0 else None


def _decimals(step: Decimal) -> int:
    _, denominator = step.as_integer_ratio()
    decimals = 0
    while 10**decimals % denominator:
        decimals += 1
    return decimals


def _times(step: Decimal, count: int) -> Decimal:
    """`step` times `count` with the decimals of `step`, exact whatever the decimal context's precision."""
    if isinstance(count, bool) or not isinstance(count, int):
        raise TypeError(f"a count of steps must be an int, was {count!r}")
    with localcontext(prec=_EXACT_DIGITS):
        return step * count
