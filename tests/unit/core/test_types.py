from __future__ import annotations

import pytest

from bot4._core import types

EDGES = [0, 1, -1, 2**63 - 1, -(2**63), 2**64, -(2**64) - 1, 2**127 - 1, -(2**127)]


@pytest.mark.parametrize("amount", EDGES)
def test_money_of_128_bits_survives_the_trip_into_the_core(amount: int) -> None:
    assert types.money_round_trip(amount) == amount


@pytest.mark.parametrize("amount", [2**127, -(2**127) - 1])
def test_amount_beyond_128_bits_is_refused_by_value(amount: int) -> None:
    with pytest.raises(OverflowError, match=f"an amount must fit 128 bits, was {amount}"):
        types.money_round_trip(amount)


def test_event_is_one_cache_line() -> None:
    assert types.event_size() == 64


def test_enumerations_compare_equal_to_what_an_event_holds() -> None:
    assert types.EventKind.EVENT_ORDER_FILL == 17
    assert types.Side.SIDE_SELL == 1
    assert types.Flag(3) == types.Flag.FLAG_FIRST | types.Flag.FLAG_LAST
