"""The perpetual contracts an exchange opens with: grids, filters, fees, notional brackets, first prices.

Source: the venue's USD-M exchangeInfo and leverageBracket as they were published in 2026.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from bot4.adapters.simulator.symbols import Symbol
from bot4.adapters.simulator.wire.decimals import UNIT, fixed_e8

MARGIN_ASSET = "USDT"
ORDER_TYPES = ("LIMIT", "MARKET", "STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET", "TRAILING_STOP_MARKET")
TIMES_IN_FORCE = ("GTC", "IOC", "FOK", "GTX", "GTD")
ONBOARD_MS = 1_569_398_400_000


class BracketRule(NamedTuple):
    """Up to `cap` of notional at most this leverage, and this maintenance rate; amounts in hundred-millionths."""

    cap: int
    leverage: int
    maintenance: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract(Symbol):
    """Rules of one perpetual contract; amounts in hundred-millionths. See `Symbol` for what it shares with spot.

    Parameters
    ----------
    price_decimals, qty_decimals : int
        As prices and quantities are written.
    brackets : tuple of BracketRule
        The smallest first; the last has no bound that anybody meets.
    liquidation_fee : int
        Of what a liquidation trades.
    price_protection : int
        Percent between contract and mark price: beyond it `priceProtect` orders do not trigger, and market orders take
        nothing.

    """

    price_decimals: int
    qty_decimals: int
    brackets: tuple[BracketRule, ...]
    liquidation_fee: int = 1_250_000
    price_protection: int = 5
    maker_fee: int = 20_000
    taker_fee: int = 50_000
    band_down: int = 95
    band_up: int = 105
    max_algo_orders: int = 100

    def price_text(self, price: int) -> str:
        """Return a price as the venue writes it."""
        return fixed_e8(price, self.price_decimals)

    def qty_text(self, qty: int) -> str:
        """Return a quantity as the venue writes it."""
        return fixed_e8(qty, self.qty_decimals)

    def filters(self) -> list[dict[str, Any]]:
        """Return the filters as exchangeInfo shows them."""
        return [
            {
                "filterType": "PRICE_FILTER",
                "minPrice": self.price_text(self.min_price),
                "maxPrice": self.price_text(self.max_price),
                "tickSize": self.price_text(self.tick),
            },
            {
                "filterType": "LOT_SIZE",
                "minQty": self.qty_text(self.min_qty),
                "maxQty": self.qty_text(self.max_qty),
                "stepSize": self.qty_text(self.step),
            },
            {
                "filterType": "MARKET_LOT_SIZE",
                "minQty": self.qty_text(self.min_qty),
                "maxQty": self.qty_text(self.market_max_qty),
                "stepSize": self.qty_text(self.step),
            },
            {"filterType": "MAX_NUM_ORDERS", "limit": self.max_orders},
            {"filterType": "MAX_NUM_ALGO_ORDERS", "limit": self.max_algo_orders},
            {"filterType": "MIN_NOTIONAL", "notional": f"{self.min_notional // UNIT}"},
            {
                "filterType": "PERCENT_PRICE",
                "multiplierUp": f"{self.band_up / 100:.4f}",
                "multiplierDown": f"{self.band_down / 100:.4f}",
                "multiplierDecimal": "4",
            },
            {"filterType": "POSITION_RISK_CONTROL", "positionControlSide": "NONE"},
        ]

    def to_exchange_info(self, status: str) -> dict[str, Any]:
        """Return the entry of exchangeInfo."""
        protection = f"{self.price_protection / 100:.4f}"
        return {
            "symbol": self.name,
            "pair": self.name,
            "contractType": "PERPETUAL",
            "deliveryDate": 4_133_404_800_000,
            "onboardDate": ONBOARD_MS,
            "status": status,
            "maintMarginPercent": "2.5000",
            "requiredMarginPercent": "5.0000",
            "baseAsset": self.base,
            "quoteAsset": self.quote,
            "marginAsset": MARGIN_ASSET,
            "pricePrecision": self.price_decimals,
            "quantityPrecision": self.qty_decimals,
            "baseAssetPrecision": 8,
            "quotePrecision": 8,
            "underlyingType": "COIN",
            "underlyingSubType": ["PoW"],
            "settlePlan": 0,
            "triggerProtect": protection,
            "liquidationFee": fixed_e8(self.liquidation_fee, 6),
            "marketTakeBound": protection,
            "maxMoveOrderLimit": 10_000,
            "filters": self.filters(),
            "orderTypes": list(ORDER_TYPES),
            "timeInForce": list(TIMES_IN_FORCE),
            "permissionSets": ["GRID", "COPY"],
        }

    def cumulative(self) -> list[int]:
        """Return what each bracket takes off the maintenance margin, so that it is continuous in the notional."""
        amounts: list[int] = []
        before = BracketRule(0, 0, 0)
        for rule in self.brackets:
            former = amounts[-1] if amounts else 0
            amounts.append(former + before.cap * (rule.maintenance - before.maintenance) // UNIT)
            before = rule
        return amounts


def _brackets(*rows: tuple[int, int, int]) -> tuple[BracketRule, ...]:
    """Brackets of dollars, leverage, and maintenance in hundredths of a percent."""
    return tuple(BracketRule(cap * UNIT, leverage, maintenance * UNIT // 10_000) for cap, leverage, maintenance in rows)


_E3 = UNIT // 1_000
_BRACKETS = _brackets(
    *((300_000, 125, 40), (800_000, 100, 50), (3_000_000, 75, 65), (12_000_000, 50, 100), (70_000_000, 25, 200)),
    *((100_000_000, 20, 250), (230_000_000, 10, 500), (480_000_000, 5, 1_000), (600_000_000, 4, 1_250)),
    *((800_000_000, 3, 1_500), (1_200_000_000, 2, 2_500), (90_000_000_000, 1, 5_000)),
)

DEFAULT_CONTRACTS = (
    Contract(
        name="BTCUSDT",
        base="BTC",
        quote="USDT",
        tick=UNIT // 10,
        step=_E3,
        price_decimals=2,
        qty_decimals=3,
        min_price=55_680 * UNIT // 100,
        max_price=4_529_764 * UNIT,
        min_qty=_E3,
        max_qty=1_000 * UNIT,
        market_max_qty=120 * UNIT,
        min_notional=100 * UNIT,
        max_notional=90_000_000_000 * UNIT,
        first_price=60_000 * UNIT,
        brackets=_BRACKETS,
    ),
    Contract(
        name="ETHUSDT",
        base="ETH",
        quote="USDT",
        tick=UNIT // 100,
        step=_E3,
        price_decimals=2,
        qty_decimals=3,
        min_price=3_986 * UNIT // 100,
        max_price=306_177 * UNIT,
        min_qty=_E3,
        max_qty=10_000 * UNIT,
        market_max_qty=2_000 * UNIT,
        min_notional=20 * UNIT,
        max_notional=90_000_000_000 * UNIT,
        first_price=3_000 * UNIT,
        brackets=_BRACKETS,
    ),
)
