# cython: language_level=3
"""Venue filters: what the venue would refuse is refused here first, under the venue's name for the rule.

Order of the rules (the first that fails is the verdict): PRICE_FILTER, LOT_SIZE, MARKET_LOT_SIZE, MAX_NUM_ORDERS,
MAX_POSITION, then those that may need a reference price: PERCENT_PRICE(_BY_SIDE), MIN_NOTIONAL / NOTIONAL.

Source: Binance spot API documentation, filters.md (state of 2026-07-21).
"""

from decimal import Decimal

from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport free

import numpy as np

from bot4._core.types cimport (
    ORDER_MARKET, SIDE_BUY, OrderIntent, aligned_zalloc, money_from_int, money_t, money_to_int, mul_wide,
)

_PPM = 1_000_000
# Sums of three quantities must stay inside int64, and so must a price times a million inside 128 bits.
_MAX_VALUE = 1 << 60


cdef inline bint _in_range(int64_t value, int64_t low, int64_t high, int64_t step) noexcept nogil:
    """The shape of PRICE_FILTER, LOT_SIZE and MARKET_LOT_SIZE; plain modulo, as the venue documents it."""
    if value < low or (high != 0 and value > high):
        return False
    # Nearly always 1: the division is then not worth 18 cycles.
    return step <= 1 or value % step == 0


cdef bint _percent_price_holds(
    const VenueFilters* filters, bint sell, int64_t price_ticks, int64_t reference_ticks
) noexcept nogil:
    cdef money_t price_ppm = mul_wide(price_ticks, 1000000)
    if price_ppm < mul_wide(reference_ticks, filters.down_ppm[sell]):
        return False
    return filters.up_ppm[sell] == 0 or price_ppm <= mul_wide(reference_ticks, filters.up_ppm[sell])


cdef int _check_notional(const VenueFilters* filters, const OrderIntent* intent, int64_t reference_ticks) noexcept nogil:
    cdef bint market = intent.type == ORDER_MARKET
    cdef bint check_min = filters.min_notional_ticklots != 0 and (not market or filters.min_applies_to_market)
    cdef bint check_max = filters.max_notional_ticklots != 0 and (not market or filters.max_applies_to_market)
    cdef money_t notional
    if not (check_min or check_max):
        return FILTER_OK
    if market and reference_ticks <= 0:
        return FILTER_NO_REFERENCE
    notional = mul_wide(reference_ticks if market else intent.price_ticks, intent.qty_lots)
    if (check_min and notional < filters.min_notional_ticklots) or (
        check_max and notional > filters.max_notional_ticklots
    ):
        return FILTER_MIN_NOTIONAL if filters.notional_is_legacy else FILTER_NOTIONAL
    return FILTER_OK


cdef int filter_check(
    const VenueFilters* filters, const OrderIntent* intent, int64_t reference_ticks, int64_t open_orders,
    int64_t long_exposure_lots
) noexcept nogil:
    """First venue filter that `intent` (an ACTION_PLACE) breaks, or FILTER_OK; pure.

    `reference_ticks` is the venue's reference price, 0 when there is none; `open_orders` counts this symbol's without
    the new one; `long_exposure_lots` is the position plus open buys, for MAX_POSITION.
    """
    cdef bint market = intent.type == ORDER_MARKET
    if not market:
        if intent.price_ticks <= 0 or not _in_range(
            intent.price_ticks, filters.min_price_ticks, filters.max_price_ticks, filters.price_step_ticks
        ):
            return FILTER_PRICE_FILTER
    if intent.trigger_ticks != 0 and (intent.trigger_ticks < 0 or not _in_range(
        intent.trigger_ticks, filters.min_price_ticks, filters.max_price_ticks, filters.price_step_ticks
    )):
        return FILTER_PRICE_FILTER
    if intent.qty_lots <= 0 or not _in_range(
        intent.qty_lots, filters.min_qty_lots, filters.max_qty_lots, filters.qty_step_lots
    ):
        return FILTER_LOT_SIZE
    if market and not _in_range(
        intent.qty_lots, filters.market_min_qty_lots, filters.market_max_qty_lots, filters.market_qty_step_lots
    ):
        return FILTER_MARKET_LOT_SIZE
    if filters.max_num_orders != 0 and open_orders >= filters.max_num_orders:
        return FILTER_MAX_NUM_ORDERS
    # Added in 128 bits: the quantity may be anything here.
    if filters.max_position_lots != 0 and intent.side == SIDE_BUY and (
        <money_t>long_exposure_lots + intent.qty_lots > filters.max_position_lots
    ):
        return FILTER_MAX_POSITION
    if filters.has_percent_price and not market:
        if reference_ticks <= 0:
            return FILTER_NO_REFERENCE
        if not _percent_price_holds(filters, intent.side != SIDE_BUY, intent.price_ticks, reference_ticks):
            return FILTER_PERCENT_PRICE_BY_SIDE if filters.percent_price_by_side else FILTER_PERCENT_PRICE
    return _check_notional(filters, intent, reference_ticks)


def _whole(value, unit, name):
    """Exact quotient of two decimals as an integer; a value off the grid is a broken call."""
    quotient = Decimal(value) / Decimal(unit)
    if quotient != quotient.to_integral_value():
        raise ValueError(f"{name} must be a multiple of {unit}, was {value}")
    return int(quotient)


def _ppm(value, name):
    return _whole(value, "0.000001", name)


def _notional(value, tick_size, lot_size, *, round_up):
    """Ticklots of a quote amount, rounded so that an integer notional passes exactly when the venue passes it."""
    numerator, denominator = (Decimal(value) / (Decimal(tick_size) * Decimal(lot_size))).as_integer_ratio()
    return -(-numerator // denominator) if round_up else numerator // denominator


def binance_filter_fields(filters, tick_size, lot_size):
    """Arguments of `Filters` from the ``filters`` list of one exchangeInfo symbol.

    Parameters
    ----------
    filters : list[dict[str, Any]]
        As the venue sends it; prices and quantities are decimal strings. Filters that concern order kinds an intent
        cannot express (iceberg, trailing, algo, lists, amends) are left to the venue.
    tick_size, lot_size : str
        Price and quantity of one tick and one lot, decimal strings.

    Returns
    -------
    dict[str, int | bool]
        Keyword arguments of `Filters`.

    Raises
    ------
    ValueError
        A bound or step is off the tick or lot grid, or a multiplier has more than six decimals.
    """
    fields = {}
    for rule in filters:
        kind = rule["filterType"]
        if kind == "PRICE_FILTER":
            fields["min_price_ticks"] = _whole(rule["minPrice"], tick_size, "minPrice")
            fields["max_price_ticks"] = _whole(rule["maxPrice"], tick_size, "maxPrice")
            fields["price_step_ticks"] = _whole(rule["tickSize"], tick_size, "tickSize")
        elif kind in ("LOT_SIZE", "MARKET_LOT_SIZE"):
            prefix = "market_" if kind == "MARKET_LOT_SIZE" else ""
            step = Decimal(rule["stepSize"])
            fields[prefix + "min_qty_lots"] = _whole(rule["minQty"], lot_size, "minQty")
            # A market maximum is an average (107.44127), not on the grid: the largest whole lot below it is the rule.
            fields[prefix + "max_qty_lots"] = int(Decimal(rule["maxQty"]) // Decimal(lot_size))
            fields[prefix + "qty_step_lots"] = _whole(step, lot_size, "stepSize")
        elif kind == "PERCENT_PRICE":
            down, up = _ppm(rule["multiplierDown"], kind), _ppm(rule["multiplierUp"], kind)
            fields.update(bid_down_ppm=down, ask_down_ppm=down, bid_up_ppm=up, ask_up_ppm=up, percent_price=True)
            if "multiplierDecimal" in rule:
                # The futures filter, known by that field, bounds a buy from above and a sell from below alone.
                fields.update(bid_down_ppm=0, ask_up_ppm=0)
        elif kind == "PERCENT_PRICE_BY_SIDE":
            for side in ("bid", "ask"):
                fields[side + "_down_ppm"] = _ppm(rule[side + "MultiplierDown"], kind)
                fields[side + "_up_ppm"] = _ppm(rule[side + "MultiplierUp"], kind)
            fields.update(percent_price=True, percent_price_by_side=True)
        elif kind == "MIN_NOTIONAL":
            # The futures filter calls the amount "notional" and always holds for market orders.
            amount = rule["minNotional"] if "minNotional" in rule else rule["notional"]
            fields["min_notional_ticklots"] = _notional(amount, tick_size, lot_size, round_up=True)
            fields.update(notional_is_legacy=True, min_applies_to_market=bool(rule.get("applyToMarket", True)))
        elif kind == "NOTIONAL":
            fields["min_notional_ticklots"] = _notional(rule["minNotional"], tick_size, lot_size, round_up=True)
            fields["max_notional_ticklots"] = _notional(rule["maxNotional"], tick_size, lot_size, round_up=False)
            fields["min_applies_to_market"] = bool(rule["applyMinToMarket"])
            fields["max_applies_to_market"] = bool(rule["applyMaxToMarket"])
        elif kind == "MAX_NUM_ORDERS":
            fields["max_num_orders"] = int(rule["maxNumOrders"] if "maxNumOrders" in rule else rule["limit"])
        elif kind == "MAX_POSITION":
            fields["max_position_lots"] = int(Decimal(rule["maxPosition"]) // Decimal(lot_size))
    return fields


cdef class Filters:
    """Venue filters of one symbol in ticks and lots; every bound or step of 0 is off, as at the venue.

    Parameters
    ----------
    min_price_ticks, max_price_ticks, price_step_ticks : int
        PRICE_FILTER, for limit and trigger prices.
    min_qty_lots, max_qty_lots, qty_step_lots : int
        LOT_SIZE.
    market_min_qty_lots, market_max_qty_lots, market_qty_step_lots : int
        MARKET_LOT_SIZE, for market orders beside LOT_SIZE.
    percent_price : bool
        Whether PERCENT_PRICE or PERCENT_PRICE_BY_SIDE is on: reference * down <= price <= reference * up.
    percent_price_by_side : bool
        Names the verdict.
    bid_down_ppm, bid_up_ppm, ask_down_ppm, ask_up_ppm : int
        Multipliers in parts per million, by side of the order.
    min_notional_ticklots, max_notional_ticklots : int
        NOTIONAL in ticks times lots; for a market order at the reference price, where it applies to it.
    notional_is_legacy : bool
        The filter is called MIN_NOTIONAL.
    min_applies_to_market, max_applies_to_market : bool
        Whether the notional bounds hold for market orders.
    max_num_orders : int
        Open orders of the symbol.
    max_position_lots : int
        MAX_POSITION: position plus open buys plus the new buy.

    Notes
    -----
    Immutable once built: any thread may call `check`.

    >>> filters = Filters(min_qty_lots=10, qty_step_lots=10)
    >>> filters.check(side=0, order_type=0, price_ticks=100, qty_lots=25, reference_ticks=0)
    'LOT_SIZE'
    """

    def __cinit__(self):
        self.rules = <VenueFilters*>aligned_zalloc(sizeof(VenueFilters))
        if self.rules == NULL:
            raise MemoryError("no memory for the venue filters")

    def __init__(
        self, *, min_price_ticks=0, max_price_ticks=0, price_step_ticks=0, min_qty_lots=0, max_qty_lots=0,
        qty_step_lots=0, market_min_qty_lots=0, market_max_qty_lots=0, market_qty_step_lots=0, percent_price=False,
        percent_price_by_side=False, bid_down_ppm=0, bid_up_ppm=0, ask_down_ppm=0, ask_up_ppm=0,
        min_notional_ticklots=0, max_notional_ticklots=0, notional_is_legacy=False, min_applies_to_market=True,
        max_applies_to_market=False, max_num_orders=0, max_position_lots=0,
    ):
        values = {
            "min_price_ticks": min_price_ticks, "max_price_ticks": max_price_ticks,
            "price_step_ticks": price_step_ticks, "min_qty_lots": min_qty_lots, "max_qty_lots": max_qty_lots,
            "qty_step_lots": qty_step_lots, "market_min_qty_lots": market_min_qty_lots,
            "market_max_qty_lots": market_max_qty_lots, "market_qty_step_lots": market_qty_step_lots,
            "bid_down_ppm": bid_down_ppm, "bid_up_ppm": bid_up_ppm, "ask_down_ppm": ask_down_ppm,
            "ask_up_ppm": ask_up_ppm, "max_position_lots": max_position_lots,
        }
        for name, value in values.items():
            if not 0 <= value <= _MAX_VALUE:
                raise ValueError(f"{name} must be between 0 and 2**60, was {value}")
        for name, value in (("min_notional_ticklots", min_notional_ticklots),
                            ("max_notional_ticklots", max_notional_ticklots)):
            if not 0 <= value < 1 << 126:
                raise ValueError(f"{name} must be between 0 and 2**126, was {value}")
        if not 0 <= max_num_orders < 1 << 31:
            raise ValueError(f"max_num_orders must be between 0 and 2**31 - 1, was {max_num_orders}")
        self.rules.min_price_ticks = min_price_ticks
        self.rules.max_price_ticks = max_price_ticks
        self.rules.price_step_ticks = price_step_ticks
        self.rules.min_qty_lots = min_qty_lots
        self.rules.max_qty_lots = max_qty_lots
        self.rules.qty_step_lots = qty_step_lots
        self.rules.market_min_qty_lots = market_min_qty_lots
        self.rules.market_max_qty_lots = market_max_qty_lots
        self.rules.market_qty_step_lots = market_qty_step_lots
        self.rules.down_ppm[0] = bid_down_ppm
        self.rules.down_ppm[1] = ask_down_ppm
        self.rules.up_ppm[0] = bid_up_ppm
        self.rules.up_ppm[1] = ask_up_ppm
        self.rules.max_position_lots = max_position_lots
        self.rules.min_notional_ticklots = money_from_int(min_notional_ticklots)
        self.rules.max_notional_ticklots = money_from_int(max_notional_ticklots)
        self.rules.max_num_orders = max_num_orders
        self.rules.has_percent_price = bool(percent_price)
        self.rules.percent_price_by_side = bool(percent_price_by_side)
        self.rules.notional_is_legacy = bool(notional_is_legacy)
        self.rules.min_applies_to_market = bool(min_applies_to_market)
        self.rules.max_applies_to_market = bool(max_applies_to_market)

    def __dealloc__(self):
        free(self.rules)

    @classmethod
    def from_binance(cls, filters, *, tick_size, lot_size):
        """Filters of one exchangeInfo symbol; see `binance_filter_fields`.

        >>> rules = [{"filterType": "NOTIONAL", "minNotional": "5", "maxNotional": "9000000",
        ...           "applyMinToMarket": True, "applyMaxToMarket": False}]
        >>> filters = Filters.from_binance(rules, tick_size="0.01", lot_size="0.00001")
        >>> filters.check(side=0, order_type=0, price_ticks=5_000_000, qty_lots=9, reference_ticks=0)
        'NOTIONAL'
        >>> filters.check(side=0, order_type=0, price_ticks=5_000_000, qty_lots=10, reference_ticks=0)
        'OK'
        """
        return cls(**binance_filter_fields(filters, tick_size, lot_size))

    def check(self, *, side, order_type, price_ticks, qty_lots, reference_ticks, trigger_ticks=0, open_orders=0,
              long_exposure_lots=0):
        """Name of the first filter the order breaks, as the venue spells it, or ``OK``; pure."""
        cdef OrderIntent intent
        if side not in (0, 1) or order_type not in (0, 1):
            raise ValueError(f"side and order_type must be 0 or 1, were {side} and {order_type}")
        intent.side = side
        intent.type = order_type
        intent.price_ticks = price_ticks
        intent.qty_lots = qty_lots
        intent.trigger_ticks = trigger_ticks
        verdict = filter_check(self.rules, &intent, reference_ticks, open_orders, long_exposure_lots)
        return FilterVerdict(verdict).name.removeprefix("FILTER_")

    def check_many(self, const OrderIntent[::1] intents, const int64_t[::1] reference_ticks,
                   const int64_t[::1] open_orders, const int64_t[::1] long_exposure_lots):
        """Verdict of each intent; see `filter_check`.

        Parameters
        ----------
        intents : ndarray[INTENT_DTYPE], shape (n,)
            Orders to place; a side that is not a buy is a sell.
        reference_ticks, open_orders, long_exposure_lots : ndarray[int64], shape (n,)
            The state each is checked against.

        Returns
        -------
        ndarray[int32], shape (n,)
            `FilterVerdict` values.
        """
        cdef Py_ssize_t n = intents.shape[0]
        cdef Py_ssize_t i
        if not (reference_ticks.shape[0] == open_orders.shape[0] == long_exposure_lots.shape[0] == n):
            raise ValueError(f"every column must have {n} rows, as intents has")
        verdicts = np.empty(n, dtype=np.int32)
        cdef int32_t[::1] out = verdicts
        with nogil:
            for i in range(n):
                out[i] = filter_check(
                    self.rules, &intents[i], reference_ticks[i], open_orders[i], long_exposure_lots[i]
                )
        return verdicts

    @property
    def min_notional_ticklots(self):
        """Smallest notional, ticks times lots; 0 when off."""
        return money_to_int(self.rules.min_notional_ticklots)

    @property
    def max_notional_ticklots(self):
        """Largest notional, ticks times lots; 0 when off."""
        return money_to_int(self.rules.max_notional_ticklots)
