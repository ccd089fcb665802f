"""Contracts: what a fill is worth, to the atom, and what a contract refuses to be."""

from __future__ import annotations

from decimal import Decimal

import pytest

from bot4._core.account.contract import Contract, from_atoms, to_atoms

SPOT, LINEAR, INVERSE = 0, 1, 2
BUY, SELL = 0, 1


@pytest.mark.parametrize(
    ("kind", "rules", "price_ticks", "qty_lots", "atoms"),
    [
        # 0.00123 BTC at 61,234.56
        (SPOT, {"tick_size": "0.01", "lot_size": "0.00001"}, 6_123_456, 123, 7_531_850_880),
        (LINEAR, {"tick_size": "0.10", "lot_size": "0.001"}, 612_345, 7, 42_864_150_000),
        # 1,000,000 PEPE at 0.00000837
        (SPOT, {"tick_size": "0.00000001", "lot_size": "1"}, 837, 1_000_000, 837_000_000),
        # a tick of 0.25 and a lot of 5
        (LINEAR, {"tick_size": "0.25", "lot_size": "5"}, 7, 3, 2_625_000_000),
        (LINEAR, {"tick_size": "10", "lot_size": "1000"}, 3, 2, 6_000_000_000_000),
        # 100 USD a contract: 3 at 30,000 are 0.01 BTC; 1 at 61,234.5 is 0.00163306...
        (INVERSE, {"tick_size": "0.1", "lot_size": "1", "contract_size": 100}, 300_000, 3, 1_000_000),
        (INVERSE, {"tick_size": "0.1", "lot_size": "1", "contract_size": 100}, 612_345, 1, 163_307),
        # ties go to the even atom: 0.5, 1.5 and 2.5 atoms
        (INVERSE, {"tick_size": "1", "lot_size": "1", "contract_size": 1}, 200_000_000, 1, 0),
        (INVERSE, {"tick_size": "1", "lot_size": "1", "contract_size": 1}, 200_000_000, 3, 2),
        (INVERSE, {"tick_size": "1", "lot_size": "1", "contract_size": 1}, 200_000_000, 5, 2),
    ],
)
def test_the_value_of_a_fill(kind, rules, price_ticks, qty_lots, atoms):
    assert Contract(kind, **rules).value(price_ticks, qty_lots) == atoms


def test_values_far_beyond_64_bits_are_exact():
    contract = Contract(SPOT, tick_size="0.01", lot_size="0.00001")
    assert contract.value(2**52, 2**52) == 2**104 * 10
    inverse = Contract(INVERSE, tick_size="0.1", lot_size="1", contract_size=100, base_decimals=12)
    assert inverse.value(3, 2**62) == 2**62 * 10**15 // 3


@pytest.mark.parametrize(
    ("side", "is_maker", "fee"),
    [(BUY, False, 7_531_851), (SELL, False, 7_531_851), (BUY, True, -1_506_370), (SELL, True, -1_506_370)],
)
def test_fees_round_up_and_rebates_round_down_both_against_the_trader(side, is_maker, fee):
    contract = Contract(SPOT, tick_size="0.01", lot_size="0.00001", maker_fee="-0.0002", taker_fee="0.001")
    assert contract.fee(side, 6_123_456, 123, is_maker) == fee  # 7,531,850.88 and -1,506,370.176 atoms
    assert contract.fee_asset(side) == 1


def test_a_fee_in_the_received_asset_is_base_on_a_buy_and_quote_on_a_sell():
    contract = Contract(SPOT, tick_size="0.01", lot_size="0.00001", taker_fee="0.00075", fee_in_received=True)
    assert (contract.fee_asset(BUY), contract.fee(BUY, 6_123_456, 123, False)) == (0, 93)  # 92.25 atoms of BTC
    assert (contract.fee_asset(SELL), contract.fee(SELL, 6_123_456, 123, False)) == (1, 5_648_889)


def test_an_inverse_contract_pays_in_the_coin():
    contract = Contract(
        INVERSE, tick_size="0.1", lot_size="1", contract_size=100, base_asset=4, quote_asset=2, taker_fee="0.0005"
    )
    assert contract.fields["settle_asset"] == 4
    assert (contract.fee_asset(SELL), contract.fee(SELL, 300_000, 3, False)) == (4, 500)


@pytest.mark.parametrize(
    ("base_atoms", "mark_ticks", "quote_atoms"),
    [(10**8, 6_123_456, 6_123_456_000_000), (1, 6_123_456, 61_234), (-1, 6_123_456, -61_235), (5, 0, 0), (5, -3, 0)],
)
def test_base_atoms_at_a_mark_round_down(base_atoms, mark_ticks, quote_atoms):
    assert Contract(SPOT, tick_size="0.01", lot_size="0.00001").base_to_quote(base_atoms, mark_ticks) == quote_atoms


def test_base_atoms_scale_up_where_quote_has_more_decimals():
    contract = Contract(SPOT, tick_size="1", lot_size="1", quote_decimals=12)
    assert contract.base_to_quote(3, 7) == 21 * 10**4


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"kind": 3}, "kind must be"),
        ({"tick_size": "0"}, "tick_size must be above zero, was 0"),
        ({"tick_size": "NaN"}, "tick_size must be above zero"),
        ({"lot_size": "-1"}, "lot_size must be above zero, was -1"),
        ({"quote_decimals": 7}, "quote_decimals must be 8 to 18, was 7"),
        ({"base_decimals": 19}, "base_decimals must be 8 to 18, was 19"),
        ({"tick_size": "0.00001", "lot_size": "0.0001"}, r"tick decimals \+ lot decimals = 9, was 8"),
        ({"lot_size": "0.000000001", "quote_decimals": 12}, "base_decimals must be at least lot decimals = 9, was 8"),
        ({"base_asset": 1}, "must differ, both were 1"),
        ({"base_asset": -1}, "base_asset must be an index"),
        ({"contract_size": 100}, "contract_size must be positive, and 1 unless"),
        ({"kind": INVERSE, "contract_size": 0}, "contract_size must be positive"),
        ({"kind": INVERSE, "lot_size": "0.00000000001"}, "lot_size must have at most 10 decimals, had 11"),
        ({"kind": LINEAR, "fee_in_received": True}, "fee_in_received is for spot only"),
        ({"taker_fee": "1.1"}, "taker_fee must be a fraction"),
        ({"taker_fee": "0.000000001"}, "whole number of atoms"),
        ({"quote_decimals": 18, "tick_size": "1000000", "lot_size": "1000000"}, "must fit 63 bits"),
    ],
)
def test_a_contract_out_of_range_names_the_value_and_the_rule(changes, words):
    rules = {"kind": SPOT, "tick_size": "0.01", "lot_size": "0.001"} | changes
    with pytest.raises(ValueError, match=words):
        Contract(rules.pop("kind"), **rules)


@pytest.mark.parametrize("name", ["tick_size", "lot_size"])
def test_a_float_is_no_step(name):
    with pytest.raises(TypeError, match=rf"{name} must be a Decimal or a string, was the float 0\.1"):
        Contract(SPOT, **({"tick_size": "0.01", "lot_size": "0.001"} | {name: 0.1}))


def test_a_fill_out_of_range_is_refused():
    contract = Contract(SPOT, tick_size="0.01", lot_size="0.001", quote_decimals=18)
    for price, qty in ((0, 1), (1, 0), (-1, 1), (2**63, 1)):
        with pytest.raises(ValueError, match="must be 1 to 2"):
            contract.value(price, qty)
    with pytest.raises(OverflowError, match="beyond 128-bit money"):
        contract.value(2**62, 2**62)
    with pytest.raises(ValueError, match="side must be SIDE_BUY or SIDE_SELL, was 2"):
        contract.fee_asset(2)


@pytest.mark.parametrize(
    ("amount", "decimals", "atoms"),
    [
        ("1.5", 8, 150_000_000),
        (Decimal("-0.00000001"), 8, -1),
        (7, 8, 700_000_000),
        ("1e-8", 8, 1),
        ("0", 18, 0),
        ("0E+999", 8, 0),
    ],
)
def test_amounts_and_atoms_convert_exactly_both_ways(amount, decimals, atoms):
    assert to_atoms(amount, decimals) == atoms
    assert from_atoms(atoms, decimals) == Decimal(amount)


def test_large_amounts_do_not_lose_digits_to_the_decimal_context():
    atoms = 123_456_789_012_345_678_901_234_567_890_123
    assert str(from_atoms(atoms, 8)) == "1234567890123456789012345.67890123"
    assert to_atoms("1234567890123456789012345.67890123", 8) == atoms


@pytest.mark.parametrize("amount", ["0.000000001", "1e-99", "1.000000005", "NaN", "Infinity"])
def test_an_amount_that_is_no_whole_number_of_atoms_is_refused(amount):
    with pytest.raises(ValueError, match="whole number of atoms"):
        to_atoms(amount, 8)


def test_an_amount_beyond_128_bits_is_refused_without_computing_it():
    with pytest.raises(ValueError, match=r"below 10\^38 atoms"):
        to_atoms("1e999999999", 8)


def test_a_float_is_no_amount():
    with pytest.raises(TypeError, match=r"was the float 1\.5"):
        to_atoms(1.5, 8)


def test_a_contract_says_what_it_is():
    contract = Contract(SPOT, tick_size="0.010", lot_size="1E+2")
    assert (contract.tick_size, contract.lot_size) == (Decimal("0.01"), Decimal(100))
    assert repr(contract) == "Contract(kind=0, tick=0.01, lot=100)"
