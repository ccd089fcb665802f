"""The feature bank: refusals, bars of its own, snapshots."""

from __future__ import annotations

import numpy as np
import pytest

from bot4._core.ta.features import Features
from bot4._core.ta.registry import FEATURES, check_registry, feature_index

TICK, LOT = 0.01, 0.00001
MINUTE_NS = 60_000_000_000


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ((0, 1, 1, 1, 1, 0, 1, 0, 1), "bad_price"),
        ((5, 4, 3, 3, 1, 0, 1, 0, 1), "bad_price"),
        ((5, 2**53 + 1, 3, 3, 1, 0, 1, 0, 1), "bad_price"),
        ((5, 5, 5, 5, -1, 0, 1, 0, 1), "bad_qty"),
        ((5, 5, 5, 5, 1, 2, 1, 0, 1), "bad_qty"),
        ((5, 5, 5, 5, 1, 1, 1, 1, 1), "bad_time"),
        ((5, 5, 5, 5, 1, 1, 1, -1, 1), "bad_time"),
    ],
)
def test_impossible_bar_is_refused_and_counted(row, reason):
    bank = Features(TICK, LOT, MINUTE_NS)
    assert bank.apply_bars([row]) == 0
    assert bank.refused[reason] == 1
    assert not bank.ready().any()


def test_bar_that_begins_before_the_last_one_ended_is_refused():
    bank = Features(TICK, LOT, MINUTE_NS)
    assert bank.apply_bars([(5, 5, 5, 5, 1, 0, 1, 0, 60), (5, 5, 5, 5, 1, 0, 1, 59, 119)]) == 1
    assert bank.refused["stale_bar"] == 1


TOP = [99, 98, 97, 96, 95, 1, 2, 3, 4, 5, 101, 102, 103, 104, 105, 1, 2, 3, 4, 5, 5, 5, 0]


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        (20, 0, "one_sided"),
        (21, 0, "one_sided"),
        (20, 6, "one_sided"),
        (21, 2**32 + 1, "one_sided"),
        (0, 0, "bad_price"),
        (0, 101, "crossed"),
        (10, 2**53 + 1, "bad_price"),
        (5, 0, "bad_qty"),
        (9, 0, "bad_qty"),
        (19, -3, "bad_qty"),
        (22, -1, "bad_time"),
    ],
)
def test_impossible_top_is_refused_and_counted(column, value, reason):
    bank = Features(TICK, LOT, MINUTE_NS)
    top = list(TOP)
    top[column] = value
    assert bank.apply_tops([top]) == 0
    assert bank.refused[reason] == 1
    assert not bank.ready().any()


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ((0, 1, 0, 0), "bad_price"),
        ((2**53 + 1, 1, 0, 0), "bad_price"),
        ((5, 0, 0, 0), "bad_qty"),
        ((5, -2, 0, 0), "bad_qty"),
        ((5, 1, 0, -1), "bad_time"),
        ((5, 1, 0, 2**62), "bad_time"),
    ],
)
def test_impossible_trade_is_refused_and_counted(row, reason):
    bank = Features(TICK, LOT, MINUTE_NS)
    assert bank.apply_trades([row]) == 0
    assert bank.refused[reason] == 1
    assert bank.counts["trade"] == 0


@pytest.mark.parametrize("feed", ["on_bars", "on_trades", "on_tops"])
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), 1.5])
def test_numbers_that_are_not_integers_are_refused_before_any_is_taken_and_counted(feed, bad):
    bank = Features(TICK, LOT, MINUTE_NS)
    columns = {"on_bars": 9, "on_trades": 4, "on_tops": 23}[feed]
    with pytest.raises(TypeError, match="must be integers"):
        getattr(bank, feed)([[1] * columns, [bad] * columns])
    assert bank.refused == dict.fromkeys(bank.refused, 0) | {"not_integer": 1}
    assert not any(bank.counts.values())
    assert not bank.ready().any()


@pytest.mark.parametrize("feed", ["on_bars", "on_trades", "on_tops"])
def test_rows_of_another_width_are_refused(feed):
    with pytest.raises(ValueError, match="must have shape"):
        getattr(Features(TICK, LOT, MINUTE_NS), feed)([[1, 2, 3]])


@pytest.mark.parametrize("feed", ["on_bars", "on_trades", "on_tops"])
def test_no_rows_give_an_empty_matrix(feed):
    assert getattr(Features(TICK, LOT, MINUTE_NS), feed)([]).shape == (0, len(FEATURES))


@pytest.mark.parametrize(
    ("tick", "lot", "interval_ns", "name"),
    [
        (float("nan"), 1.0, 1, "tick_size"),
        (float("inf"), 1.0, 1, "tick_size"),
        (0.0, 1.0, 1, "tick_size"),
        (1.0, -1.0, 1, "lot_size"),
        (1.0, float("nan"), 1, "lot_size"),
        (1.0, 1.0, 0, "bar_interval_ns"),
        (1.0, 1.0, 2**62, "bar_interval_ns"),
    ],
)
def test_parameter_out_of_range_is_named(tick, lot, interval_ns, name):
    with pytest.raises(ValueError, match=name):
        Features(tick, lot, interval_ns)


def test_bar_features_move_only_when_a_trade_passes_the_boundary():
    bank = Features(TICK, LOT, 100)
    matrix = bank.on_trades([(500, 3, 0, 10), (505, 2, 1, 99), (510, 1, 0, 100), (700, 1, 0, 350)])
    obv = matrix[:, feature_index("obv")]
    assert np.isnan(obv[:2]).all()
    assert obv[2] == pytest.approx(5 * LOT)
    # The interval from 200 to 300 had no trade: no bar stands for it.
    assert obv[3] == pytest.approx(6 * LOT)
    assert bank.counts["bar"] == 2
    assert not bank.on_time(399)
    assert bank.on_time(400)
    assert bank.counts["bar"] == 3


def test_bar_that_came_ready_made_is_not_counted_again_from_trades():
    bank = Features(TICK, LOT, 100)
    bank.apply_trades([(500, 3, 0, 10)])
    bank.apply_bars([(500, 500, 500, 500, 3, 3, 1, 0, 100)])
    bank.apply_trades([(505, 3, 0, 110)])
    assert bank.counts["bar"] == 1
    assert bank.refused["stale_bar"] == 1


def test_late_trade_moves_trade_features_but_no_bar():
    bank = Features(TICK, LOT, 100)
    assert bank.apply_trades([(500, 3, 0, 250), (900, 3, 0, 150)]) == 2
    assert bank.refused["late_trade"] == 1
    assert bank.counts["trade"] == 2
    assert bank.on_time(300)
    assert bank.value("obv") == pytest.approx(3 * LOT)


def test_repeated_top_is_no_order_flow_event():
    bank = Features(TICK, LOT, 100)
    bank.apply_tops([TOP] * 5)
    assert (bank.counts["top"], bank.counts["quote"]) == (5, 1)


@pytest.mark.parametrize("place", [0, 9, 17, 25, 40, -1, -2_000])
def test_damaged_snapshot_is_refused_and_the_state_stays(place):
    bank = Features(TICK, LOT, 100)
    bank.apply_trades([(500, 3, 0, 10)])
    damaged = bytearray(bank.snapshot())
    damaged[place] ^= 1
    before = bank.state_hash()
    with pytest.raises(ValueError, match="a snapshot must"):
        bank.restore(bytes(damaged))
    assert bank.state_hash() == before


@pytest.mark.parametrize("length", [0, 7, 32, 1_000])
def test_torn_snapshot_is_refused(length):
    bank = Features(TICK, LOT, 100)
    with pytest.raises(ValueError, match="a snapshot must"):
        bank.restore(bank.snapshot()[:length])


@pytest.mark.parametrize("other", [(0.02, LOT, 100), (TICK, 2.0, 100), (TICK, LOT, 101)])
def test_snapshot_of_another_instrument_is_refused(other):
    with pytest.raises(ValueError, match="a snapshot must be of"):
        Features(*other).restore(Features(TICK, LOT, 100).snapshot())


def test_state_hash_tells_states_apart_and_equal_inputs_agree():
    one, two = Features(TICK, LOT, 100), Features(TICK, LOT, 100)
    assert one.state_hash() == two.state_hash()
    one.apply_trades([(500, 3, 0, 10)])
    assert one.state_hash() != two.state_hash()
    two.apply_trades([(500, 3, 0, 10)])
    assert one.state_hash() == two.state_hash()


def test_registry_out_of_order_is_refused():
    check_registry(FEATURES)
    with pytest.raises(RuntimeError, match="order of their places"):
        check_registry((FEATURES[1], FEATURES[0], *FEATURES[2:]))
    with pytest.raises(RuntimeError, match="order of their places"):
        check_registry(FEATURES[:-1])
    with pytest.raises(RuntimeError, match="numbers must rise"):
        check_registry((FEATURES[0]._replace(number=3), *FEATURES[1:]))


def test_unknown_feature_is_named():
    with pytest.raises(KeyError, match="sma_11"):
        feature_index("sma_11")
    with pytest.raises(KeyError, match="sma_11"):
        Features(TICK, LOT, 100).value("sma_11")


def test_parameters_go_by_name_too():
    assert Features(tick_size=TICK, lot_size=LOT, bar_interval_ns=5).counts["bar"] == 0
