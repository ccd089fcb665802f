"""The engine's tables against plain dicts: working orders, and the trade ids that were applied."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from builders.examples import examples
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from oracles.engine_orders import ADD, FILL, FIND, REMOVE, OrderTwin, TradeIdTwin

from bot4._core.engine.orders import WorkingOrders
from bot4._core.engine.trade_ids import TradeIdSet

# -- working orders ----------------------------------------------------------------------------------------------------


@st.composite
def histories(draw):
    """Rows as a lane makes them: ids are new each time, the table fills up and empties again."""
    held = draw(st.sampled_from([0, 1, 8, 62, 64]))
    ids = list(range(1, held + 2))
    ops = [(ADD, order_id, 9) for order_id in ids[:held]]
    next_id = held + 1
    for kind, pick in draw(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 2**16)), min_size=1, max_size=60)):
        if kind == 0:
            next_id += 1 + pick % 3
            ids.append(next_id)
            ops.append((ADD, next_id, 1 + pick % 99))
        else:
            # Old ids too: what was removed must not be found.
            ops.append(((FIND, REMOVE, FILL)[pick % 3], ids[pick % len(ids)], 1 + pick % 7))
    return ops


class LosesTheOrder(OrderTwin):
    """Takes the last into the place of the removed: a table that keeps no order of age."""

    def _step(self, kind, order_id, lots):
        place = super()._step(kind, order_id, lots)
        if kind == REMOVE and place >= 0 and place < len(self.orders):
            last = list(self.orders)[-1]
            amounts = self.orders.pop(last)
            self.orders = dict(
                [*list(self.orders.items())[:place], (last, amounts), *list(self.orders.items())[place:]]
            )
        return place


class HasOneMore(OrderTwin):
    """Takes one order more than there is room for."""

    def _step(self, kind, order_id, lots):
        if kind == ADD and len(self.orders) == 64:
            self.orders[order_id] = [lots, 0]
            return 64
        return super()._step(kind, order_id, lots)


class ForgetsFills(OrderTwin):
    """Finds the order and leaves its fill out."""

    def _step(self, kind, order_id, lots):
        return super()._step(FIND if kind == FILL else kind, order_id, lots)


def check_orders(twin: Callable[[], OrderTwin], count: int) -> None:
    @settings(max_examples=count, phases=tuple(Phase) if twin is OrderTwin else (Phase.generate,))
    @given(histories())
    def same(ops) -> None:
        table, plain = WorkingOrders(), twin()
        assert table.run(np.array(ops, np.int64)).tolist() == plain.run(ops)
        assert table.rows().tolist() == plain.rows()

    same()


def test_the_order_table_is_a_dict_of_64():
    check_orders(OrderTwin, examples(1_000))


@pytest.mark.parametrize("broken", [LosesTheOrder, HasOneMore, ForgetsFills])
def test_a_broken_order_table_is_noticed(broken):
    with pytest.raises(AssertionError):
        check_orders(broken, 300)


def test_the_hash_of_a_table_tells_the_orders_their_fills_and_their_order_apart():
    tables = {}
    for name, ops in {
        "two": [(ADD, 1, 5), (ADD, 2, 5)], "other way round": [(ADD, 2, 5), (ADD, 1, 5)], "one": [(ADD, 1, 5)],
        "filled": [(ADD, 1, 5), (ADD, 2, 5), (FILL, 1, 1)], "none": [(FIND, 1, 0)],
    }.items():  # fmt: skip
        table = WorkingOrders()
        table.run(np.array(ops, np.int64))
        tables[name] = table.state_hash
    assert len(set(tables.values())) == 5


# -- trade ids ---------------------------------------------------------------------------------------------------------

# Small ids repeat; large ones with equal low bits share their homes as often as any.
IDS = st.one_of(st.integers(0, 40), st.integers(0, 2**63 - 1), st.integers(0, 40).map(lambda n: n << 40))


class ForgetsTheNewest(TradeIdTwin):
    """Gives up the newest id for room instead of the oldest."""

    def _add(self, trade_id):
        if trade_id not in self.known and len(self.known) == self.capacity:
            self.known.popitem()
            self.forgotten += 1
        return super()._add(trade_id)


class RefreshesRepeats(TradeIdTwin):
    """Takes a repeat for a sign of youth."""

    def _add(self, trade_id):
        if trade_id in self.known:
            self.known[trade_id] = self.known.pop(trade_id)
        return super()._add(trade_id)


def check_ids(twin: Callable[[int], TradeIdTwin], count: int) -> None:
    @settings(max_examples=count, phases=tuple(Phase) if twin is TradeIdTwin else (Phase.generate,))
    @given(st.sampled_from([1, 2, 4, 16]), st.lists(IDS, max_size=200))
    def same(capacity, trade_ids) -> None:
        ids, plain = TradeIdSet(capacity), twin(capacity)
        assert ids.add_many(np.array(trade_ids, np.int64)).tolist() == plain.add_many(trade_ids)
        assert (len(ids), ids.forgotten) == (len(plain.known), plain.forgotten)
        assert all(trade_id in ids for trade_id in plain.known)
        assert not any(trade_id in ids for trade_id in set(trade_ids) - set(plain.known))

    same()


def test_trade_ids_are_a_bounded_set_that_forgets_the_oldest():
    check_ids(TradeIdTwin, examples(2_000))


@pytest.mark.parametrize("broken", [ForgetsTheNewest, RefreshesRepeats])
def test_a_broken_set_of_trade_ids_is_noticed(broken):
    with pytest.raises(AssertionError):
        check_ids(broken, 500)


def test_a_full_set_of_real_size_still_tells_every_id_apart():
    ids = TradeIdSet(4_096)
    first, second = np.arange(4_096, dtype=np.int64), np.arange(4_096, 8_192, dtype=np.int64)
    assert ids.add_many(first).all()
    assert not ids.add_many(first).any()
    assert ids.add_many(second).all()
    assert ids.add_many(first).all(), "each was forgotten for one of the second lot"
    assert ids.forgotten == 8_192


def test_a_negative_trade_id_and_a_capacity_that_is_no_power_of_two_are_refused():
    with pytest.raises(ValueError, match="must not be negative, was -1"):
        TradeIdSet(4).add_many(np.array([1, -1], np.int64))
    with pytest.raises(ValueError, match="must not be negative, was -7"):
        TradeIdSet(4).add(-7)
    with pytest.raises(ValueError, match="power of two"):
        TradeIdSet(100)
