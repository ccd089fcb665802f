"""Twin of bot4/_core/book/order_book: a dict a side, sorted whenever somebody asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

BUY, SELL = 0, 1
PRICE_MAX = 1 << 61
OK, FULL, BAD_LEVEL = 0, 1, 2
_WORD = (1 << 64) - 1


def hash_mix(hashed: int, word: int) -> int:
    """The splitmix64 finaliser."""
    z = ((hashed ^ word) + 0x9E3779B97F4A7C15) & _WORD
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _WORD
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _WORD
    return z ^ (z >> 31)


class OrderBookTwin:
    """An L2 book with no bound on its size."""

    def __init__(self) -> None:
        self.sides: tuple[dict[int, int], dict[int, int]] = ({}, {})

    def apply(self, side: int, price_ticks: int, qty_lots: int) -> int:
        if side not in (BUY, SELL) or not 1 <= price_ticks <= PRICE_MAX or qty_lots < 0:
            return BAD_LEVEL
        if qty_lots == 0:
            self.sides[side].pop(price_ticks, None)
        else:
            self.sides[side][price_ticks] = qty_lots
        return OK

    def apply_many(self, sides: Iterable[int], price_ticks: Iterable[int], qty_lots: Iterable[int]) -> int:
        applied = 0
        for side, price, qty in zip(sides, price_ticks, qty_lots, strict=True):
            if self.apply(int(side), int(price), int(qty)) != OK:
                break
            applied += 1
        return applied

    def depth(self, side: int, n: int | None = None) -> list[tuple[int, int]]:
        levels = sorted(self.sides[side].items(), reverse=side == BUY)
        return levels if n is None else levels[:n]

    def best(self, side: int) -> tuple[int, int]:
        levels = self.depth(side, 1)
        return levels[0] if levels else (0, 0)

    def is_crossed(self) -> bool:
        return bool(self.sides[BUY] and self.sides[SELL]) and self.best(BUY)[0] >= self.best(SELL)[0]

    def truncate(self, side: int, depth: int) -> None:
        for price, _ in self.depth(side)[depth:]:
            del self.sides[side][price]

    def clear(self) -> None:
        self.sides[BUY].clear()
        self.sides[SELL].clear()

    def cost_to_trade(self, taker_side: int, qty_lots: int, limit_ticks: int = 0) -> tuple[int, int, int]:
        filled = cost = worst = 0
        for price, qty in self.depth(1 - taker_side):
            beyond = price > limit_ticks if taker_side == BUY else price < limit_ticks
            if filled >= qty_lots or (limit_ticks > 0 and beyond):
                break
            lots = min(qty, qty_lots - filled)
            filled, cost, worst = filled + lots, cost + lots * price, price
        return filled, cost, worst

    def mid(self) -> float:
        bid, ask = self.best(BUY)[0], self.best(SELL)[0]
        return (bid + ask) / 2 if bid and ask else 0.0

    def spread_ticks(self) -> int:
        bid, ask = self.best(BUY)[0], self.best(SELL)[0]
        return ask - bid if bid and ask else 0

    def microprice(self) -> float:
        (bid, bid_lots), (ask, ask_lots) = self.best(BUY), self.best(SELL)
        return (bid * ask_lots + ask * bid_lots) / (bid_lots + ask_lots) if bid and ask else 0.0

    def imbalance(self, levels: int) -> float:
        bid_lots, ask_lots = (sum(qty for _, qty in self.depth(side, levels)) for side in (BUY, SELL))
        return (bid_lots - ask_lots) / (bid_lots + ask_lots) if bid_lots + ask_lots else 0.0

    def hash(self) -> int:
        return (
            sum(
                hash_mix(hash_mix(side + 1, price), qty)
                for side in (BUY, SELL)
                for price, qty in self.sides[side].items()
            )
            & _WORD
        )
