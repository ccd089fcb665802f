"""Positions in fractions, straight from the decimal strings: the slow twin of bot4._core.account.positions."""

from __future__ import annotations

from fractions import Fraction
from math import floor

SPOT, LINEAR, INVERSE = 0, 1, 2
BUY, SELL = 0, 1


class Rules:
    """Decimal rules of an instrument, kept as fractions."""

    def __init__(self, kind, tick_size, lot_size, *, base_decimals=8, quote_decimals=8, contract_size=1):
        self.kind = kind
        self.tick = Fraction(tick_size)
        self.lot = Fraction(lot_size)
        self.size = contract_size
        self.atom = Fraction(1, 10 ** (base_decimals if kind == INVERSE else quote_decimals))
        self.base_atom = Fraction(1, 10**base_decimals)

    def value(self, price_ticks, qty_lots):
        """Atoms of the settle asset: round() of a Fraction is to the nearest, ties to even."""
        price, quantity = price_ticks * self.tick, qty_lots * self.lot
        amount = quantity * self.size / price if self.kind == INVERSE else price * quantity
        atoms = amount / self.atom
        if self.kind != INVERSE:
            assert atoms.denominator == 1
        return round(atoms)


class PositionTwin:
    """Lots, cost and realised result of one instrument."""

    def __init__(self, rules):
        self.rules = rules
        self.lots = 0
        self.cost = 0
        self.realised = 0

    def apply_fill(self, side, price_ticks, qty_lots):
        """One fill; the realised result of it."""
        signed = qty_lots if side == BUY else -qty_lots
        if self.lots * signed >= 0:
            self._open(signed, self.rules.value(price_ticks, qty_lots))
            return 0
        closed = min(qty_lots, abs(self.lots))
        closing_value = self.rules.value(price_ticks, closed)
        result = self._close(closed, closing_value)
        if qty_lots > closed:
            opened = qty_lots - closed
            self._open(opened if side == BUY else -opened, self.rules.value(price_ticks, qty_lots) - closing_value)
        return result

    def _open(self, signed, value):
        self.lots += signed
        self.cost += value if signed > 0 else -value

    def _share(self, closed):
        return floor(Fraction(abs(self.cost) * closed, abs(self.lots)))

    def _close(self, closed, value):
        was_long = self.lots > 0
        released = self._share(closed)
        gain = value - released
        if was_long == (self.rules.kind == INVERSE):
            gain = -gain
        self.realised += gain
        self.lots += -closed if was_long else closed
        self.cost += -released if was_long else released
        return gain

    def unrealised(self, mark_ticks):
        """What closing everything at the mark would realise."""
        if self.lots == 0:
            return 0
        gain = self.rules.value(mark_ticks, abs(self.lots)) - abs(self.cost)
        return -gain if (self.lots > 0) == (self.rules.kind == INVERSE) else gain
