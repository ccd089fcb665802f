"""The venue's name of an order: reversible, short, and nothing that was mangled is taken for ours."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from builders.examples import examples
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot4.domain.order_id import OrderKey, client_order_id, parse_client_order_id

DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"
EPOCHS, SEQUENCES = st.integers(0, 2**32 - 1), st.integers(0, 2**64 - 1)


@settings(max_examples=examples(2_000))
@given(EPOCHS, SEQUENCES)
@example(2**32 - 1, 2**64 - 1)
@example(0, 0)
def test_a_name_is_short_plain_and_leads_back(epoch, sequence):
    name = client_order_id(epoch, sequence)
    assert re.fullmatch(r"b4-[0-9a-z-]{5,24}", name)
    assert parse_client_order_id(name) == OrderKey(epoch, sequence)


def digit_sum(epoch_digits: str, sequence_digits: str) -> str:
    """A weaker check: no weights, so that neighbours may change places unnoticed."""
    return DIGITS[sum(map(DIGITS.index, epoch_digits + sequence_digits)) % 31]


def mangled(name: str, place: int, digit: str) -> list[str]:
    """One digit changed, and one changed places with its neighbour."""
    place = 3 + place % (len(name) - 3)
    changed = name[:place] + digit + name[place + 1 :]
    swapped = name[: place - 1] + name[place] + name[place - 1] + name[place + 1 :]
    return [text for text in (changed, swapped) if text != name]


def check_mangling(parse: Callable[[str], object], make: Callable[[int, int], str], count: int) -> None:
    @settings(max_examples=count, database=None)
    @given(EPOCHS, SEQUENCES, st.integers(0, 40), st.sampled_from(DIGITS))
    def refused(epoch, sequence, place, digit) -> None:
        for text in mangled(make(epoch, sequence), place, digit):
            assert parse(text) is None, text

    refused()


def test_a_mangled_name_is_no_name_of_ours():
    check_mangling(parse_client_order_id, client_order_id, examples(2_000))


def test_a_check_without_weights_is_noticed():
    def make(epoch: int, sequence: int) -> str:
        first, second = client_order_id(epoch, sequence).split("-")[1:3]
        return f"b4-{first}-{second}-{digit_sum(first, second)}"

    def parse(text: str) -> object:
        shape = re.fullmatch(r"b4-([0-9a-z]+)-([0-9a-z]+)-([0-9a-z])", text)
        return shape if shape and digit_sum(shape[1], shape[2]) == shape[3] else None

    with pytest.raises(AssertionError):
        check_mangling(parse, make, 1_000)


@pytest.mark.parametrize(
    "text", ["", "b4-1-7", "b4-01-7-2", "b4-1-7-2 ", "B4-1-7-2", "b4-1-i-2", "x4-1-7-2", "b4-1-7-u"]
)
def test_what_we_never_gave_is_none_of_ours(text):
    assert parse_client_order_id(text) is None


@pytest.mark.parametrize("epoch", [-1, 2**32])
@pytest.mark.parametrize("sequence", [-1, 2**64])
def test_numbers_out_of_range_are_refused(epoch, sequence):
    with pytest.raises(ValueError, match=f"were {epoch} and {sequence}"):
        client_order_id(epoch, sequence)
    with pytest.raises(ValueError, match="32 bits"):
        client_order_id(epoch, 1)
