"""Slow twin of the exchange's money: balances, fees, volumes and the average price, in fractions and dicts."""

from __future__ import annotations

from fractions import Fraction
from math import ceil, floor
from typing import Any

BUY = 0
DAY_NS = 86_400 * 10**9


class MoneyTwin:
    """Balances by (account, asset) as [free, locked]; what a request touched, in order."""

    def __init__(self) -> None:
        self.cells: dict[tuple[int, int], list[int]] = {}
        self.touched: dict[tuple[int, int], None] = {}
        self.tiers: list[tuple[int, int, int]] = []
        self.tier_asset = self.fee_asset = -1
        self.discount_ppm = 0
        self.volumes: dict[tuple[int, int], int] = {}

    def cell(self, account: int, asset: int) -> list[int]:
        return self.cells.setdefault((account, asset), [0, 0])

    def move(self, account: int, asset: int, free: int, locked: int = 0) -> None:
        cell = self.cell(account, asset)
        self.touched[account, asset] = None
        cell[0] += free
        cell[1] += locked
        assert cell[1] >= 0
        assert cell[0] >= 0 or account == 0

    def value(self, symbols: list[Any], amount: int, of: int, asset: int) -> Fraction | None:
        """Value of an amount of one asset in another, at the last price of the first symbol of the two."""
        if of == asset:
            return Fraction(amount)
        for symbol in symbols:
            if symbol.base == of and symbol.quote == asset:
                return Fraction(amount, symbol.base_atoms) * symbol.last * symbol.quote_atoms if symbol.last else None
        return None

    def price_in(self, symbols: list[Any], of: int, asset: int) -> Fraction | None:
        """Atoms of `asset` for one atom of `of`."""
        return self.value(symbols, 1, of, asset)

    def volume_before(self, account: int, day: int) -> int:
        return sum(self.volumes.get((account, day - back), 0) for back in range(1, 31))

    def rates(self, account: int, own: tuple[int, int] | None, symbol: Any, now_ns: int) -> tuple[int, int]:
        if own is not None:
            return own
        if not self.tiers:
            return symbol.rates
        volume = self.volume_before(account, now_ns // DAY_NS)
        return [(maker, taker) for least, maker, taker in self.tiers if volume >= least][-1]

    def fee(self, symbols, symbol, order, held, *, is_maker, lots, quote, now_ns) -> tuple[int, int, bool]:
        """Fee atoms, their asset, and whether they come out of the free balance of the fee asset."""
        account, side = order.account, order.side
        rate = self.rates(account, held.own_rates, symbol, now_ns)[0 if is_maker else 1]
        if rate > 0 and self.fee_asset >= 0 and held.pays_in_fee_asset:
            discounted = ceil(Fraction(rate * (10**6 - self.discount_ppm), 10**6))
            amount = ceil(Fraction(quote * discounted, 10**8))
            price = self.price_in(symbols, self.fee_asset, symbol.quote)
            if price is not None:
                amount = ceil(amount / price)
                if self.cell(account, self.fee_asset)[0] >= amount:
                    return amount, self.fee_asset, True
        received, asset = (lots * symbol.base_atoms, symbol.base) if side == BUY else (quote, symbol.quote)
        return ceil(Fraction(received * rate, 10**8)), asset, False

    def count_volume(self, symbols: list[Any], symbol: Any, account: int, quote: int, now_ns: int) -> None:
        if not self.tiers:
            return
        value = self.value(symbols, quote, symbol.quote, self.tier_asset)
        if value is not None:
            key = (account, now_ns // DAY_NS)
            self.volumes[key] = self.volumes.get(key, 0) + floor(value)


class AverageTwin:
    """Trades of the last whole seconds."""

    def __init__(self, minutes: int) -> None:
        self.seconds = minutes * 60
        self.trades: list[tuple[int, int, int]] = []

    def trade(self, now_ns: int, price: int, lots: int) -> None:
        if self.seconds:
            self.trades.append((now_ns // 10**9, price, lots))

    def ticks(self, now_ns: int) -> int:
        first = now_ns // 10**9 - self.seconds
        self.trades = [trade for trade in self.trades if trade[0] > first]
        lots = sum(trade[2] for trade in self.trades)
        return round(Fraction(sum(price * qty for _, price, qty in self.trades), lots)) if lots else 0
