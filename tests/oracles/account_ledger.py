"""Balances in a dictionary: the slow twin of bot4._core.account.ledger for spot and derivatives."""

from __future__ import annotations

from fractions import Fraction
from math import ceil

from oracles.account_positions import BUY, SPOT, PositionTwin

OK, INSUFFICIENT = 0, 1
SLACK = 1024


class LedgerTwin:
    """Two assets (0 base, 1 quote), one instrument."""

    def __init__(self, rules, *, maker_rate, taker_rate, fee_in_received=False):
        self.rules = rules
        self.rates = (Fraction(maker_rate), Fraction(taker_rate))
        self.fee_in_received = fee_in_received
        self.free = [0, 0]
        self.locked = [0, 0]
        self.fees = [0, 0]
        self.position = PositionTwin(rules)
        self.settle = 0 if rules.kind == 2 else 1

    def base_atoms(self, qty_lots):
        return int(qty_lots * self.rules.lot / self.rules.base_atom)

    def fee(self, side, price_ticks, qty_lots, *, is_maker):
        """Fee and its asset."""
        rate = self.rates[0 if is_maker else 1]
        if self.fee_in_received and side == BUY:
            return ceil(self.base_atoms(qty_lots) * rate), 0
        return ceil(self.rules.value(price_ticks, qty_lots) * rate), self.settle

    def credit(self, asset, atoms):
        if self.free[asset] + atoms < 0:
            return INSUFFICIENT
        self.free[asset] += atoms
        return OK

    def lock_order(self, side, price_ticks, qty_lots):
        """Verdict and the lock as [asset, atoms]."""
        if self.rules.kind == SPOT and side != BUY:
            asset, need = 0, self.base_atoms(qty_lots)
        else:
            asset, need = self.settle, 0
            value = self.rules.value(price_ticks, qty_lots)
            if self.rules.kind == SPOT:
                need += value
            worst = max(self.rates)
            if worst > 0 and not (self.fee_in_received and side == BUY):
                need += ceil(value * worst) + min(qty_lots, SLACK)
        if self.free[asset] < need:
            return INSUFFICIENT, [asset, 0]
        self.free[asset] -= need
        self.locked[asset] += need
        return OK, [asset, need]

    def release(self, lock):
        self.locked[lock[0]] -= lock[1]
        self.free[lock[0]] += lock[1]
        lock[1] = 0

    def apply_fill(self, lock, side, price_ticks, qty_lots, fee, *, fee_asset=None):
        """Verdict; nothing changes where it is INSUFFICIENT."""
        twin = PositionTwin(self.rules)
        twin.lots, twin.cost, twin.realised = self.position.lots, self.position.cost, self.position.realised
        result = twin.apply_fill(side, price_ticks, qty_lots)
        spent = [0, 0]
        if fee_asset is None:
            fee_asset = 0 if self.fee_in_received and side == BUY else self.settle
        if self.rules.kind == SPOT:
            sign = 1 if side == BUY else -1
            spent[1] += sign * self.rules.value(price_ticks, qty_lots)
            spent[0] -= sign * self.base_atoms(qty_lots)
        else:
            spent[self.settle] -= result
        spent[fee_asset] += fee
        for asset in (0, 1):
            if spent[asset] > self.free[asset] + (lock[1] if lock[0] == asset else 0):
                return INSUFFICIENT
        for asset in (0, 1):
            from_lock = max(0, min(spent[asset], lock[1])) if lock[0] == asset else 0
            lock[1] -= from_lock
            self.locked[asset] -= from_lock
            self.free[asset] -= spent[asset] - from_lock
        self.fees[fee_asset] += fee
        self.position = twin
        return OK
