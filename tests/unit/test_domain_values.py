"""Errors, money and instruments: the refusals and the words they use."""

from __future__ import annotations

from decimal import Decimal

import pytest

from bot4.domain import errors
from bot4.domain.instrument import ContractKind, Instrument, Market, PriceBand
from bot4.domain.money import Money, Rounding, divide, exact_decimal


def make(**changes) -> Instrument:
    fields = {
        "symbol": "BTCUSDT", "venue": "binance", "kind": ContractKind.SPOT, "base": "BTC", "quote": "USDT",
        "settle": "USDT", "tick_size": Decimal("0.01"), "lot_size": Decimal("0.00001"),
    }  # fmt: skip
    return Instrument(**(fields | changes))


def test_every_error_has_an_outcome_and_an_exit_code():
    codes = {"ConfigError": 78, "DataError": 65, "NoInputError": 66, "OutputError": 73, "FatalError": 70}
    for name, code in codes.items():
        kind = getattr(errors, name)
        assert issubclass(kind, errors.Bot4Error)
        assert (kind.exit_code, kind.outcome) == (code, errors.Outcome.FATAL)
    assert errors.RetryableError.outcome is errors.Outcome.RETRYABLE
    assert errors.RejectedError.outcome is errors.Outcome.REJECTED
    assert errors.UnknownOutcomeError.outcome is errors.Outcome.UNKNOWN


@pytest.mark.parametrize("value", [1.5, True, None, 1j])
def test_a_float_is_never_an_exact_figure(value):
    with pytest.raises(TypeError, match="a float is not exact"):
        make().price_to_ticks(value)
    with pytest.raises(TypeError, match="a float is not exact"):
        Money.of(value, "BTC", decimals=8)


@pytest.mark.parametrize("value", ["abc", "", "NaN", "Infinity", Decimal("-Infinity")])
def test_a_figure_that_is_no_finite_number_is_refused(value):
    with pytest.raises(ValueError, match="must be"):
        exact_decimal(value)


@pytest.mark.parametrize(
    ("value", "message"),
    [("0.005", "not a multiple of 0.01"), ("0", "above 0"), ("-1", "above 0"), ("1e30", "63 bits")],
)
def test_a_price_off_the_grid_or_out_of_range_is_refused(value, message):
    with pytest.raises(ValueError, match=message):
        make().price_to_ticks(value)


def test_a_quantity_of_zero_removes_a_level_and_a_negative_one_is_refused():
    assert make().qty_to_lots("0.00000000") == 0
    with pytest.raises(ValueError, match="must not be negative"):
        make().qty_to_lots("-0.00001")


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"symbol": ""}, ValueError, "symbol must not be empty"),
        ({"tick_size": Decimal(0)}, ValueError, "tick_size must be above 0, was 0"),
        ({"tick_size": 0.01}, TypeError, "tick_size must be a finite Decimal"),
        ({"lot_size": Decimal("NaN")}, TypeError, "lot_size must be a finite Decimal"),
        ({"qty_step": Decimal("0.000015")}, ValueError, "qty_step must be a multiple of lot_size"),
        ({"price_step": Decimal("0.001")}, ValueError, "price_step must be a multiple of tick_size"),
        ({"min_qty": Decimal(-1)}, ValueError, "min_qty must not be negative"),
        ({"min_qty": Decimal(2), "max_qty": Decimal(1)}, ValueError, "min_qty must not exceed max_qty"),
        ({"max_orders": -1}, ValueError, "max_orders must not be negative"),
        ({"quote_decimals": 19}, ValueError, "quote_decimals must be 0 to 18"),
    ],
)
def test_an_unsound_instrument_is_refused_with_the_rule_it_breaks(changes, error, message):
    with pytest.raises(error, match=message):
        make(**changes)


def test_a_band_must_be_ordered():
    with pytest.raises(ValueError, match="a sell band must be 0 <= down <= up"):
        PriceBand(Decimal("0.5"), Decimal(2), Decimal(2), Decimal(1))


def test_markets_and_kinds_name_each_other():
    for market in Market:
        assert make(kind=market.kind).market is market


def test_steps_default_to_the_grid_and_decimals_follow_it():
    instrument = make(tick_size=Decimal("0.25"))
    assert (instrument.ticks_per_step, instrument.lots_per_step) == (1, 1)
    assert (instrument.price_decimals, instrument.qty_decimals) == (2, 5)


def test_a_count_of_ticks_must_be_whole():
    assert make().ticks_to_price(-5) == Decimal("-0.05")
    with pytest.raises(TypeError, match="must be an int"):
        make().ticks_to_price(1.0)


def test_money_only_goes_with_money_of_its_asset():
    btc = Money("BTC", 5, 8)
    assert str(-btc) == "-0.00000005 BTC"
    assert Money.zero("BTC", decimals=8) < btc <= Money("BTC", 5, 8)
    with pytest.raises(ValueError, match="does not go with"):
        _ = btc + Money("ETH", 5, 8)
    with pytest.raises(ValueError, match="does not go with"):
        _ = btc + Money("BTC", 5, 7)
    with pytest.raises(TypeError, match="only goes with money"):
        _ = btc + 5


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("", 1, 8), ValueError),
        (("BTC", 1.0, 8), TypeError),
        (("BTC", 1, 19), ValueError),
        (("BTC", 1 << 127, 8), OverflowError),
    ],
)
def test_unsound_money_is_refused(arguments, error):
    with pytest.raises(error):
        Money(*arguments)


def test_an_amount_between_two_atoms_needs_a_rounding():
    with pytest.raises(ValueError, match="not whole"):
        Money.of("0.123", "USD", decimals=2)
    assert Money.of("0.123", "USD", decimals=2, rounding=Rounding.UP).atoms == 13
    assert Money.of("-0.123", "USD", decimals=2, rounding=Rounding.DOWN).atoms == -13
    with pytest.raises(ValueError, match="denominator must be positive"):
        divide(1, 0, Rounding.DOWN)
