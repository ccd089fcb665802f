"""Decimal literals to grid steps: vector path, byte-by-byte rule and Decimal twin agree on any text and any grid."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles.wire_scan import Refused, decimal_steps

from bot4._core.wire.decimal import DecimalVerdict, Grid

OF_TWIN = {
    "off_grid": DecimalVerdict.DECIMAL_OFF_GRID,
    "negative": DecimalVerdict.DECIMAL_NEGATIVE,
    "overlong": DecimalVerdict.DECIMAL_OVERLONG,
}

steps_of_venues = st.sampled_from(
    ["0.01", "0.00001", "1", "0.5", "0.25", "5", "25", "0.00000001", "0.01000000", "0.000000000000000001"]
)
any_step = st.one_of(
    steps_of_venues,
    st.builds(
        lambda mantissa, decimals: format(Decimal(mantissa).scaleb(-decimals), "f"),
        st.integers(1, 10**6),
        st.integers(0, 18),
    ),
)
plain = st.builds(
    lambda units, decimals, zeros: format(Decimal(units).scaleb(-decimals), "f") + ("0" * zeros if decimals else ""),
    st.one_of(st.integers(0, 10**6), st.integers(0, 2**65)),
    st.integers(0, 20),
    st.integers(0, 8),
)
texts = st.one_of(
    plain,
    plain,
    st.text("0123456789.-+e ", max_size=44),
    st.builds(lambda a, b: a + b, plain, st.sampled_from(["", ".", "-", "0", "e1"])),
)


def twin(step: str, text: str) -> tuple[DecimalVerdict, int]:
    try:
        return DecimalVerdict.DECIMAL_OK, decimal_steps(text, Decimal(step), "off_grid")
    except Refused as refusal:
        if str(refusal) == "bad_number":
            return DecimalVerdict.DECIMAL_EMPTY if text == "" else DecimalVerdict.DECIMAL_MALFORMED, 0
        return OF_TWIN[str(refusal)], 0


def check(theirs: Callable[[str, str], tuple[DecimalVerdict, int]], step: str, text: str) -> None:
    grid = Grid(step)
    expected = theirs(step, text)
    assert grid.verdict_any(text) == expected
    assert grid.verdict(text) == expected[0]
    if expected[0] == DecimalVerdict.DECIMAL_OK:
        assert grid.steps(text) == expected[1]
        assert grid.steps(grid.text(expected[1])) == expected[1]
        assert Decimal(grid.text(expected[1])) == Decimal(text)
    else:
        with pytest.raises(ValueError, match="whole number of steps"):
            grid.steps(text)


@given(step=any_step, text=texts)
def test_any_text_on_any_grid_is_judged_as_the_twin_judges_it(step: str, text: str) -> None:
    check(twin, step, text)


@given(step=steps_of_venues, steps=st.integers(0, 10**9))
def test_literal_of_whole_steps_comes_back_exactly(step: str, steps: int) -> None:
    text = Grid(step).text(steps)
    assert Grid(step).steps(text) == steps
    check(twin, step, text + ("0000" if "." in text else ".00"))


def float_twin(step: str, text: str) -> tuple[DecimalVerdict, int]:
    """The usual mistake: divide floats and round."""
    verdict, _ = twin(step, text)
    return (verdict, round(float(text) / float(step))) if verdict == DecimalVerdict.DECIMAL_OK else (verdict, 0)


def test_the_check_catches_a_twin_over_floats() -> None:
    check(twin, "0.00000001", "90071992547.40993")
    with pytest.raises(AssertionError):
        check(float_twin, "0.00000001", "90071992547.40993")


@pytest.mark.parametrize(
    ("step", "text", "verdict"),
    [
        ("0.01", "", "EMPTY"),
        ("0.01", "1.", "MALFORMED"),
        ("0.01", ".5", "MALFORMED"),
        ("0.01", "1e5", "MALFORMED"),
        ("0.01", "+1", "MALFORMED"),
        ("0.01", "--", "MALFORMED"),
        ("0.01", "-", "MALFORMED"),
        ("0.01", "00.1", "MALFORMED"),
        ("0.01", "-1", "NEGATIVE"),
        ("0.01", "-0", "NEGATIVE"),
        ("0.01", "92233720368547758.07", "OK"),
        ("0.01", "92233720368547758.08", "OVERLONG"),
        ("0.01", "0" * 41, "OVERLONG"),
        ("1", "9223372036854775807", "OK"),
        ("1", "9223372036854775808", "OVERLONG"),
        ("0.000000000000000001", "9.3", "OVERLONG"),
        ("0.01", "1.001", "OFF_GRID"),
        ("0.01", "1.0000000000001", "OFF_GRID"),
        ("0.01", "1.00000000000000000000", "OK"),
        ("0.5", "1.25", "OFF_GRID"),
        ("0.5", "1.50", "OK"),
        ("25", "50.0", "OK"),
        ("25", "51", "OFF_GRID"),
    ],
)
def test_each_kind_of_literal_has_its_verdict(step: str, text: str, verdict: str) -> None:
    assert Grid(step).verdict(text).name == f"DECIMAL_{verdict}"
    check(twin, step, text)


@pytest.mark.parametrize(
    "step", ["", "0", "0.00", "-1", "1e-2", ".5", "1.", "01", "0." + "0" * 18 + "1", "9" * 20, "abc"]
)
def test_step_that_is_no_plain_decimal_above_zero_is_an_error(step: str) -> None:
    with pytest.raises(ValueError, match="a step must be a plain decimal above zero, was "):
        Grid(step)


def test_negative_steps_have_no_text() -> None:
    with pytest.raises(ValueError, match="was -1"):
        Grid("0.01").text(-1)
