"""Positions against their twin in fractions, over random sequences of fills."""

from __future__ import annotations

import numpy as np
import pytest
from builders.examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles.account_positions import INVERSE, LINEAR, SPOT, PositionTwin, Rules

from bot4._core.account.contract import Contract
from bot4._core.account.positions import Positions
from bot4._core.event_dtype import EVENT_DTYPE

EVENT_ORDER_FILL = 17
GRIDS = {
    "spot": (SPOT, {"tick_size": "0.01", "lot_size": "0.00001"}),
    "coarse spot": (SPOT, {"tick_size": "0.25", "lot_size": "5", "quote_decimals": 12}),
    "linear": (LINEAR, {"tick_size": "0.1", "lot_size": "0.001"}),
    "inverse BTC": (INVERSE, {"tick_size": "0.1", "lot_size": "1", "contract_size": 100}),
    "inverse ETH": (INVERSE, {"tick_size": "0.01", "lot_size": "1", "contract_size": 10}),
    "inverse cheap": (INVERSE, {"tick_size": "0.0001", "lot_size": "1", "contract_size": 10, "base_decimals": 10}),
}

small = st.integers(1, 40)
large = st.integers(1, 10**12)
fills = st.lists(st.tuples(st.integers(0, 1), small | large, small | st.integers(1, 10**9)), min_size=1, max_size=16)


def compiled_rows(kind, rules, sequence):
    """(realised by the last fill, row, unrealised at the last price) of the compiled positions after each prefix."""
    book = Positions([Contract(kind, **rules)])
    events = np.zeros(len(sequence), dtype=EVENT_DTYPE)
    events["kind"] = EVENT_ORDER_FILL
    events["side"], events["b"], events["c"] = zip(*sequence, strict=True)
    rows = []
    for index in range(len(sequence)):
        assert book.apply_many(events[index : index + 1]) == 1
        rows.append((book[0].lots, book[0].cost_atoms, book[0].realised_atoms, book.unrealised(0, sequence[index][1])))
    return rows


def check_positions(twin_class, kind, rules, sequence):
    """Fail where the compiled positions and the twin differ, or where an atom is made or lost."""
    options = {name: value for name, value in rules.items() if name not in ("tick_size", "lot_size")}
    twin = twin_class(Rules(kind, rules["tick_size"], rules["lot_size"], **options))
    flow = 0
    for (side, price, qty), row in zip(sequence, compiled_rows(kind, rules, sequence), strict=True):
        twin.apply_fill(side, price, qty)
        assert row == (twin.lots, twin.cost, twin.realised, twin.unrealised(price))
        flow += twin.rules.value(price, qty) * (1 if side == 0 else -1)
        # What was paid in is in the cost or in the result, to the atom, whatever was rounded on the way.
        kept = twin.realised + twin.cost if kind == INVERSE else twin.cost - twin.realised
        assert kept == flow


@given(st.sampled_from(sorted(GRIDS)), fills)
def test_positions_equal_their_twin_and_lose_no_atom(grid, sequence):
    check_positions(PositionTwin, *GRIDS[grid], sequence)


@given(st.sampled_from(sorted(GRIDS)), fills)
@settings(max_examples=examples(300))
def test_one_batch_equals_fill_by_fill(grid, sequence):
    kind, rules = GRIDS[grid]
    events = np.zeros(len(sequence), dtype=EVENT_DTYPE)
    events["kind"] = EVENT_ORDER_FILL
    events["side"], events["b"], events["c"] = zip(*sequence, strict=True)
    batch, single = Positions([Contract(kind, **rules)]), Positions([Contract(kind, **rules)])
    batch.apply_many(events)
    for side, price, qty in sequence:
        single.apply_fill(0, side, price, qty)
    assert batch[0] == single[0]
    assert batch.state_hash == single.state_hash


class RoundsCostUp(PositionTwin):
    """Planted fault: a partial close takes the cost rounded up."""

    def _share(self, closed):
        return -(-abs(self.cost) * closed // abs(self.lots))


class ForgetsTheCrossing(PositionTwin):
    """Planted fault: a fill through zero opens the rest at its own rounded value."""

    def apply_fill(self, side, price_ticks, qty_lots):
        held = abs(self.lots)
        crosses = self.lots * (1 if side == 0 else -1) < 0 and qty_lots > held
        result = super().apply_fill(side, price_ticks, qty_lots)
        if crosses:
            value = self.rules.value(price_ticks, qty_lots - held)
            self.cost = value if self.lots > 0 else -value
        return result


class LinearInCoin(PositionTwin):
    """Planted fault: an inverse contract earns like a linear one."""

    def _close(self, closed, value):
        result = super()._close(closed, value)
        self.realised -= 2 * result
        return -result


@pytest.mark.parametrize(
    ("broken", "grid", "sequence"),
    [
        (RoundsCostUp, "inverse BTC", [(0, 500_003, 2), (0, 500_007, 5), (1, 500_100, 2), (1, 500_000, 1)]),
        (ForgetsTheCrossing, "inverse BTC", [(0, 7, 1), (1, 7, 2)]),
        (LinearInCoin, "inverse ETH", [(0, 100_000, 5), (1, 110_000, 5)]),
    ],
)
def test_control_a_broken_twin_is_caught(broken, grid, sequence):
    check_positions(PositionTwin, *GRIDS[grid], sequence)
    with pytest.raises(AssertionError):
        check_positions(broken, *GRIDS[grid], sequence)
