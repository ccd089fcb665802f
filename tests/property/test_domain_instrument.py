"""Instrument conversions and money against plain Decimal and Fraction arithmetic."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bot4.domain.instrument import ContractKind, Instrument
from bot4.domain.money import Money, Rounding

STEPS = st.builds(lambda m, e: Decimal(m).scaleb(-e), st.sampled_from([1, 2, 5, 25, 10]), st.integers(0, 8))
COUNTS = st.integers(1, 10**9)
MULTIPLES = st.sampled_from([1, 2, 10, 1000])


def make(tick: Decimal, lot: Decimal, per_price: int = 1, per_qty: int = 1, kind=ContractKind.SPOT) -> Instrument:
    return Instrument(
        symbol="XY", venue="binance", kind=kind, base="X", quote="Y", settle="Y", tick_size=tick, lot_size=lot,
        price_step=tick * per_price, qty_step=lot * per_qty, contract_size=Decimal("0.1"),
    )  # fmt: skip


def exact_steps(text: str, step: Decimal) -> int | None:
    """Whole steps of a number, or None where it is off the grid: the oracle."""
    ratio = Fraction(text) / Fraction(step)
    return int(ratio) if ratio.denominator == 1 else None


def check_price(instrument: Instrument, convert, text: str) -> None:
    expected = exact_steps(text, instrument.tick_size)
    if expected is None or expected <= 0:
        with pytest.raises(ValueError, match="XY price"):
            convert(text)
    else:
        assert convert(text) == expected


@given(STEPS, COUNTS, st.integers(0, 12))
def test_prices_convert_exactly_or_are_refused(tick, numerator, decimals):
    instrument = make(tick, Decimal(1))
    check_price(instrument, instrument.price_to_ticks, f"{Decimal(numerator).scaleb(-decimals):f}")


@given(STEPS, STEPS, COUNTS, COUNTS)
def test_ticks_and_lots_survive_the_trip_to_decimals_and_back(tick, lot, ticks, lots):
    instrument = make(tick, lot)
    assert instrument.price_to_ticks(instrument.ticks_to_price(ticks)) == ticks
    assert instrument.qty_to_lots(str(instrument.lots_to_qty(lots))) == lots
    assert Fraction(instrument.ticks_to_price(ticks)) == ticks * Fraction(tick)


@given(STEPS, STEPS, st.tuples(MULTIPLES, MULTIPLES), COUNTS, st.integers(0, 12))
def test_rounding_gives_the_nearest_order_figure_on_its_side(tick, lot, per_step, numerator, decimals):
    per_price, per_qty = per_step
    instrument = make(tick, lot, per_price, per_qty)
    value = Decimal(numerator).scaleb(-decimals)
    for rounded, grid, multiple in (
        (instrument.round_price, tick, per_price),
        (instrument.round_qty, lot, per_qty),
    ):
        below, above = rounded(value, Rounding.DOWN), rounded(value, Rounding.UP)
        assert below % multiple == above % multiple == 0
        assert below * Fraction(grid) <= Fraction(value) <= above * Fraction(grid)
        assert above - below == (0 if exact_steps(str(value), grid * multiple) is not None else multiple)


@given(STEPS, STEPS, COUNTS, COUNTS, st.sampled_from(ContractKind))
def test_notional_is_the_exact_product(tick, lot, ticks, lots, kind):
    instrument = make(tick, lot, kind=kind)
    expected = Fraction(lot) * lots * Fraction("0.1")
    if kind is not ContractKind.INVERSE:
        expected *= Fraction(tick) * ticks
    assert Fraction(instrument.notional(ticks, lots)) == expected


def is_worth_at_most(lots_worth, instrument, notional, ticks, per_step) -> bool:
    """Whether the quantity is on the grid, worth no more than that, and one step more would be worth more."""
    lots = lots_worth(notional, ticks)
    worth = [Fraction(instrument.notional(ticks, count)) for count in (lots, lots + per_step)]
    return lots % per_step == 0 and worth[0] <= Fraction(notional) < worth[1]


MONEY = st.builds(lambda atoms, decimals: Decimal(atoms).scaleb(-decimals), st.integers(0, 10**20), st.integers(0, 12))


@given(st.builds(make, STEPS, STEPS, per_qty=MULTIPLES, kind=st.sampled_from(ContractKind)), COUNTS, MONEY)
def test_a_notional_gives_the_largest_quantity_worth_no_more(instrument, ticks, notional):
    assert is_worth_at_most(instrument.lots_worth, instrument, notional, ticks, instrument.lots_per_step)


@pytest.mark.parametrize("wrong_by", [1, -1])
def test_control_a_quantity_one_step_off_is_caught(wrong_by):
    instrument = make(Decimal("0.01"), Decimal("0.001"))
    assert is_worth_at_most(instrument.lots_worth, instrument, Decimal(250), 6_000_000, 1)
    assert not is_worth_at_most(
        lambda *given: instrument.lots_worth(*given) + wrong_by, instrument, Decimal(250), 6_000_000, 1
    )


@pytest.mark.parametrize(
    ("notional", "ticks", "error"), [("-1", 5, ValueError), ("1", 0, ValueError), (1.5, 5, TypeError)]
)
def test_what_is_no_money_and_no_price_gives_no_quantity(notional, ticks, error):
    with pytest.raises(error):
        make(Decimal("0.01"), Decimal("0.001")).lots_worth(notional, ticks)


@given(st.integers(-(10**20), 10**20), st.integers(-(10**6), 10**6), st.integers(1, 10**6), st.integers(0, 18))
def test_money_times_a_ratio_rounds_as_told(atoms, numerator, denominator, decimals):
    money = Money("USDT", atoms, decimals)
    exact = Fraction(atoms * numerator, denominator)
    down = money.times(numerator, denominator, Rounding.DOWN).atoms
    up = money.times(numerator, denominator, Rounding.UP).atoms
    assert down <= exact <= up
    assert up - down == (0 if exact.denominator == 1 else 1)


@given(st.integers(-(10**30), 10**30), st.integers(0, 18))
def test_money_survives_the_trip_to_decimals_and_back(atoms, decimals):
    money = Money("BTC", atoms, decimals)
    assert Money.of(money.to_decimal(), "BTC", decimals=decimals) == money
    assert Money.of(str(money).split()[0], "BTC", decimals=decimals) == money


@given(st.integers(-(10**20), 10**20), st.integers(-(10**20), 10**20))
def test_money_adds_and_compares_like_its_atoms(first, second):
    one, two = Money("BTC", first, 8), Money("BTC", second, 8)
    assert (one + two).atoms == first + second
    assert (one - two).atoms == first - second
    assert (one < two) is (first < second)
    assert (one >= two) is (first >= second)
    assert bool(one) is (first != 0)


@given(STEPS, COUNTS)
def test_control_a_converter_that_is_one_tick_off_is_caught(tick, ticks):
    instrument = make(tick, Decimal(1))
    text = str(instrument.ticks_to_price(ticks))
    check_price(instrument, instrument.price_to_ticks, text)
    with pytest.raises(AssertionError):
        check_price(instrument, lambda given_text: instrument.price_to_ticks(given_text) + 1, text)


@given(STEPS, COUNTS)
def test_control_a_converter_that_rounds_is_caught(tick, ticks):
    instrument = make(tick, Decimal(1))
    text = str(instrument.ticks_to_price(ticks) + tick / 3)
    assume(exact_steps(text, tick) is None)
    with pytest.raises(BaseException, match="DID NOT RAISE"):
        check_price(instrument, lambda given_text: instrument.round_price(given_text, Rounding.DOWN) or 1, text)
