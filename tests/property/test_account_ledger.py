"""Balances against their twin: nothing is made or lost, nothing goes below zero."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles.account_ledger import OK, LedgerTwin
from oracles.account_positions import INVERSE, LINEAR, SPOT, Rules

from bot4._core.account.contract import Contract
from bot4._core.account.ledger import Account, Hold
from bot4._core.account.positions import Positions

SETUPS = {
    "spot": (SPOT, {"tick_size": "0.01", "lot_size": "0.001"}, {"maker_fee": "0.0002", "taker_fee": "0.001"}),
    "spot, fee received": (
        SPOT,
        {"tick_size": "0.01", "lot_size": "0.00001"},
        {"maker_fee": "-0.00015", "taker_fee": "0.00099999", "fee_in_received": True},
    ),
    "linear": (LINEAR, {"tick_size": "0.1", "lot_size": "0.001"}, {"maker_fee": "-0.0001", "taker_fee": "0.0005"}),
    "inverse": (
        INVERSE,
        {"tick_size": "0.1", "lot_size": "1", "contract_size": 100},
        {"maker_fee": "0.0001", "taker_fee": "0.00050001"},
    ),
}

# An order at a limit, the fills it gets (share of what is left in quarters, price improvement in ticks, maker or not),
# then its close.
order = st.tuples(
    st.integers(0, 1),
    st.integers(100, 3_000),
    st.integers(1, 5_000),
    st.lists(st.tuples(st.integers(1, 4), st.integers(0, 99), st.booleans()), max_size=4),
)
sessions = st.tuples(
    st.sampled_from(sorted(SETUPS)),
    st.integers(0, 10**12),
    st.integers(0, 10**12),
    st.lists(order, min_size=1, max_size=6),
)


class Session:
    """The compiled account and the twin, driven alike."""

    def __init__(self, twin_class, setup, base, quote, fee_asset=None):
        self.fee_asset = fee_asset  # None: the contract's own
        kind, grid, fees = SETUPS[setup]
        options = {name: value for name, value in grid.items() if name not in ("tick_size", "lot_size")}
        rules = Rules(kind, grid["tick_size"], grid["lot_size"], **options)
        self.twin = twin_class(
            rules,
            maker_rate=fees["maker_fee"],
            taker_rate=fees["taker_fee"],
            fee_in_received=fees.get("fee_in_received", False),
        )
        self.kind = kind
        self.contract = Contract(kind, **grid, **fees)
        self.account, self.positions = Account([8, 8]), Positions([self.contract])
        self.start = (base, quote)
        for asset, atoms in enumerate(self.start):
            assert self.account.credit(asset, atoms) == self.twin.credit(asset, atoms) == OK
        self.bought = [0, 0]

    def compare(self):
        """Every balance and the position, and conservation: start + flows = balances + fees."""
        for asset in (0, 1):
            row = self.account[asset]
            assert (row.available, row.locked, row.fees) == (
                self.twin.free[asset],
                self.twin.locked[asset],
                self.twin.fees[asset],
            )
            assert row.available >= 0
            assert row.locked >= 0
            assert row.available + row.locked + row.fees == self.start[asset] + self.bought[asset]
        row = self.positions[0]
        assert (row.lots, row.cost_atoms, row.realised_atoms) == (
            self.twin.position.lots,
            self.twin.position.cost,
            self.twin.position.realised,
        )

    def trade(self, side, limit, qty, fills):
        hold = Hold()
        verdict, lock = self.twin.lock_order(side, limit, qty)
        assert self.account.lock_order(hold, self.contract, side, limit, qty) == verdict
        if verdict == OK:
            left = qty
            for quarters, improvement, is_maker in fills:
                take = -(-left * quarters // 4)
                price = limit - improvement if side == 0 else limit + improvement
                if take:
                    left -= take
                    self.fill(hold, lock, side, price, take=take, is_maker=is_maker)
            self.account.release(hold)
            self.twin.release(lock)
            assert hold.remaining == 0
        self.compare()

    def fill(self, hold, lock, side, price, *, take, is_maker):
        fee, fee_asset = self.twin.fee(side, price, take, is_maker=is_maker)
        assert self.contract.fee(side, price, take, is_maker) == fee
        assert self.contract.fee_asset(side) == fee_asset
        realised = self.twin.position.realised
        verdict = self.twin.apply_fill(lock, side, price, take, fee, fee_asset=self.fee_asset)
        assert self.account.apply_fill(self.positions, 0, hold, side, price, take, fee, self.fee_asset) == verdict
        if self.kind == SPOT and self.fee_asset is None:
            assert verdict == OK, "an order that was locked can always be paid"
        assert hold.remaining == lock[1]
        if verdict != OK:
            return
        if self.kind == SPOT:
            sign = 1 if side == 0 else -1
            self.bought[0] += sign * self.twin.base_atoms(take)
            self.bought[1] -= sign * self.twin.rules.value(price, take)
        else:
            self.bought[self.twin.settle] += self.twin.position.realised - realised


def check_ledger(twin_class, session, fee_asset=None):
    setup, base, quote, orders = session
    run = Session(twin_class, setup, base, quote, fee_asset)
    run.compare()
    for side, limit, qty, fills in orders:
        run.trade(side, limit, qty, fills)


@given(sessions)
def test_ledger_equals_its_twin_and_conserves_every_atom(session):
    check_ledger(LedgerTwin, session)


@given(sessions, st.sampled_from([0, 1]))
def test_a_fee_in_an_asset_of_the_venues_choice_is_taken_from_there(session, fee_asset):
    check_ledger(LedgerTwin, session, fee_asset)


class TakesTheContractsAsset(LedgerTwin):
    """Planted fault: whatever the venue chose, the fee comes from the contract's own asset."""

    def apply_fill(self, lock, side, price_ticks, qty_lots, fee, *, fee_asset=None):
        del fee_asset
        return super().apply_fill(lock, side, price_ticks, qty_lots, fee)


def test_control_a_fee_from_the_wrong_asset_is_caught():
    session = ("spot", 10**11, 10**12, [(0, 1_003, 777, [(2, 3, False)])])
    check_ledger(LedgerTwin, session, 0)
    with pytest.raises(AssertionError):
        check_ledger(TakesTheContractsAsset, session, 0)


class KeepsTheImprovement(LedgerTwin):
    """Planted fault: a close forgets to give back what better prices left in the lock."""

    def release(self, lock):
        lock[1] -= min(lock[1], 1)
        super().release(lock)


class FeeFromTheOtherSide(LedgerTwin):
    """Planted fault: fees are rounded to the trader's favour."""

    def fee(self, side, price_ticks, qty_lots, *, is_maker):
        fee, asset = super().fee(side, price_ticks, qty_lots, is_maker=is_maker)
        return fee - 1, asset


@pytest.mark.parametrize("broken", [KeepsTheImprovement, FeeFromTheOtherSide])
def test_control_a_broken_ledger_is_caught(broken):
    session = ("spot", 10**11, 10**12, [(0, 1_003, 777, [(2, 3, False)]), (1, 990, 50, [(4, 1, True)])])
    check_ledger(LedgerTwin, session)
    with pytest.raises(AssertionError):
        check_ledger(broken, session)
