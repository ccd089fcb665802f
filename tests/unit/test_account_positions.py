"""Positions and balances: worked examples, what is refused, and the table of an account from order to equity."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from bot4._core.account.contract import Contract
from bot4._core.account.ledger import Account, Hold, LedgerVerdict
from bot4._core.account.positions import Positions, check_cumulative
from bot4._core.event_dtype import EVENT_DTYPE

SPOT, LINEAR, INVERSE = 0, 1, 2
BUY, SELL = 0, 1
BTC = 10**8


def linear(**options):
    return Contract(LINEAR, tick_size="0.1", lot_size="0.001", **options)


def inverse(**options):
    return Contract(INVERSE, tick_size="0.1", lot_size="1", contract_size=100, **options)


def test_a_long_coin_position_earns_the_difference_of_its_coin_values():
    book = Positions([inverse()])
    book.apply_fill(0, BUY, 500_000, 1_000)  # 100,000 USD at 50,000: 2 BTC
    assert book[0].cost_atoms == 2 * BTC
    assert book.unrealised(0, 625_000) == 2 * BTC - 160_000_000  # worth 1.6 BTC at 62,500
    assert book.apply_fill(0, SELL, 625_000, 1_000) == 40_000_000
    assert book[0] == (0, 0, 40_000_000, 0, 2, 2_000)


def test_a_short_coin_position_loses_when_the_price_rises():
    book = Positions([inverse()])
    book.apply_fill(0, SELL, 500_000, 1_000)
    assert book.unrealised(0, 625_000) == -40_000_000
    assert book.apply_fill(0, BUY, 400_000, 500) == 125_000_000 - 100_000_000
    assert book[0].lots == -500


def test_a_fill_through_zero_closes_and_opens():
    book = Positions([linear()])
    book.apply_fill(0, BUY, 1_000, 5)
    assert book.apply_fill(0, SELL, 1_100, 8) == 5 * 100 * 10**4
    assert book[0].lots == -3
    assert book[0].cost_atoms == -3 * 1_100 * 10**4
    assert book.entry_ticks(0) == 1_100


def test_a_round_trip_at_one_price_earns_nothing_however_it_is_cut():
    for contract in (linear(), inverse()):
        book = Positions([contract])
        for side in (BUY, SELL):
            for qty in (1, 2, 3) if side == BUY else (3, 2, 1):
                book.apply_fill(0, side, 300_007, qty)
        assert book[0].lots == book[0].cost_atoms == book[0].realised_atoms == 0


@pytest.mark.parametrize("contract", [linear(), inverse()], ids=["linear", "inverse"])
def test_the_entry_price_is_the_mean_that_gives_the_cost(contract):
    book = Positions([contract])
    assert book.entry_price(0) is None
    assert book.entry_ticks(0) == 0
    book.apply_fill(0, SELL, 1_000, 300)
    book.apply_fill(0, SELL, 2_000, 100)
    exact = book.entry_price(0)
    mean = Fraction(125) if contract.fields["kind"] == LINEAR else Fraction(800, 7)
    assert exact == pytest.approx(mean, rel=1e-9)
    assert book.entry_ticks(0) == round(mean * 10)


def test_no_mark_is_no_unrealised_result():
    book = Positions([linear()])
    book.apply_fill(0, BUY, 1_000, 5)
    assert book.unrealised(0, 0) == book.unrealised(0, -5) == 0


def test_fees_are_kept_beside_the_result():
    book = Positions([linear()])
    book.apply_fee(0, 700)
    book.apply_fee(0, -200)
    assert book[0].fees_atoms == 500
    book.reset(0)
    assert book[0] == (0, 0, 0, 0, 0, 0)


def test_instruments_are_apart():
    book = Positions([linear(), inverse()])
    book.apply_fill(1, BUY, 1_000, 5)
    assert len(book) == book.count == 2
    assert book[0].lots == 0
    assert book[1].lots == 5


@pytest.mark.parametrize(
    ("broken", "error", "words"),
    [
        (lambda book: book.apply_fill(1, BUY, 1, 1), IndexError, "instrument must be 0 to 0, was 1"),
        (lambda book: book.apply_fill(0, 2, 1, 1), ValueError, "side must be"),
        (lambda book: book.apply_fill(0, BUY, 0, 1), ValueError, "must be positive, were 0 and 1"),
        (lambda book: book.apply_fill(0, BUY, 1, -1), ValueError, "must be positive, were 1 and -1"),
        (lambda book: book[-1], IndexError, "was -1"),
        (lambda _: Positions([]), ValueError, "at least one contract"),
        (lambda _: Positions([None]), TypeError, "Contract"),
    ],
)
def test_a_broken_call_names_the_value_and_the_rule(broken, error, words):
    with pytest.raises(error, match=words):
        broken(Positions([linear()]))


def test_a_batch_with_a_broken_fill_changes_nothing():
    events = np.zeros(3, dtype=EVENT_DTYPE)
    events["kind"], events["b"], events["c"] = 17, 1_000, 1
    for field, value in (("instrument", 7), ("side", 2), ("b", 0), ("c", -1)):
        broken = events.copy()
        broken[field][2] = value
        book = Positions([linear()])
        with pytest.raises(ValueError, match="fill 2 must name"):
            book.apply_many(broken)
        assert book[0].fill_count == 0
    events["kind"][1] = 16
    book = Positions([linear()])
    assert book.apply_many(events) == 2
    assert book.apply_many(events[:0]) == 0


@pytest.mark.parametrize(
    ("known", "fill", "reported", "order", "verdict"),
    [
        (0, 5, 5, 10, "OK"),
        (5, 5, 10, 10, "OK"),
        (5, 5, 5, 10, "REPEAT"),
        (5, 0, 5, 10, "REPEAT"),
        (5, 5, 3, 10, "BACKWARDS"),
        (5, 5, 8, 10, "BACKWARDS"),
        (0, 2, 7, 10, "MISSING"),
        (5, 0, 7, 10, "MISSING"),
        (5, 6, 11, 10, "OVERFILL"),
    ],
)
def test_a_venues_cumulative_quantity_is_checked_against_the_sum_of_our_fills(known, fill, reported, order, verdict):
    assert check_cumulative(known, fill, reported, order).name == f"CUMULATIVE_{verdict}"


# (kind, fills as (side, price, lots), mark) -> lots, cost, realised, unrealised, balance of the settle asset, equity.
# Linear: tick 0.1, lot 0.001, taker 0.05 %, 1,000 quote. Inverse: 100 USD a contract, taker 0.05 %, 1 coin.
# Each order is for more than it gets, then cancelled: partial fills are all that reach the position.
TABLE = {
    "linear buy": (LINEAR, [(BUY, 1_000, 4)], 1_100, (4, "0.4", "0", "0.04", "999.9998", "1000.0398")),
    "linear sell": (LINEAR, [(SELL, 1_000, 4)], 1_100, (-4, "-0.4", "0", "-0.04", "999.9998", "999.9598")),
    "linear buy twice": (
        LINEAR,
        [(BUY, 1_000, 1), (BUY, 2_000, 3)],
        2_000,
        (4, "0.7", "0", "0.1", "999.99965", "1000.09965"),
    ),
    "linear part closed": (
        LINEAR,
        [(BUY, 1_000, 4), (SELL, 1_200, 1)],
        1_000,
        (3, "0.3", "0.02", "0", "1000.01974", "1000.01974"),
    ),
    "linear closed at a loss": (
        LINEAR,
        [(BUY, 1_000, 4), (SELL, 900, 4)],
        500,
        (0, "0", "-0.04", "0", "999.95962", "999.95962"),
    ),
    "linear turned": (
        LINEAR,
        [(BUY, 1_000, 4), (SELL, 1_100, 10)],
        1_000,
        (-6, "-0.66", "0.04", "0.06", "1000.03925", "1000.09925"),
    ),
    "inverse buy": (
        INVERSE,
        [(BUY, 500_000, 100)],
        400_000,
        (100, "0.2", "0", "-0.05", "0.9999", "37996"),
    ),
    "inverse sell": (
        INVERSE,
        [(SELL, 500_000, 100)],
        400_000,
        (-100, "-0.2", "0", "0.05", "0.9999", "41996"),
    ),
    "inverse buy twice": (
        INVERSE,
        [(BUY, 500_000, 100), (BUY, 400_000, 100)],
        400_000,
        (200, "0.45", "0", "-0.05", "0.999775", "37991"),
    ),
    "inverse part closed": (
        INVERSE,
        [(BUY, 400_000, 100), (SELL, 500_000, 50)],
        500_000,
        (50, "0.125", "0.025", "0.025", "1.024825", "52491.25"),
    ),
    "inverse closed at a loss": (
        INVERSE,
        [(BUY, 500_000, 100), (SELL, 400_000, 100)],
        400_000,
        (0, "0", "-0.05", "0", "0.949775", "37991"),
    ),
    "inverse turned": (
        INVERSE,
        [(SELL, 500_000, 100), (BUY, 400_000, 180)],
        400_000,
        (80, "0.2", "0.05", "0", "1.049675", "41987"),
    ),
}


@pytest.mark.parametrize("case", sorted(TABLE))
def test_partial_fills_reach_position_balance_and_equity(case):
    kind, fills, mark, (lots, cost, realised, unrealised, balance, equity) = TABLE[case]
    contract = linear(taker_fee="0.0005") if kind == LINEAR else inverse(taker_fee="0.0005")
    settle = contract.fields["settle_asset"]
    account, book = Account([8, 8]), Positions([contract])
    account.credit(settle, "1000" if kind == LINEAR else "1")
    for side, price, filled in fills:
        hold = Hold()
        assert account.lock_order(hold, contract, side, price, filled + 7) == LedgerVerdict.LEDGER_OK
        fee = contract.fee(side, price, filled, False)
        assert account.apply_fill(book, 0, hold, side, price, filled, fee) == LedgerVerdict.LEDGER_OK
        account.release(hold)
    atoms = [int(Decimal(amount) * BTC) for amount in (cost, realised, unrealised)]
    assert [book[0].lots, book[0].cost_atoms, book[0].realised_atoms, book.unrealised(0, mark)] == [lots, *atoms]
    assert account.amount(settle) == Decimal(balance)
    assert account[settle].locked == 0
    value = account.equity(book, [mark], 1)
    assert (Decimal(value.atoms) / BTC, value.unvalued) == (Decimal(equity), 0)


class TestAccount:
    """Balances of a spot account: base 0, quote 1."""

    @pytest.fixture
    def spot(self):
        return Contract(SPOT, tick_size="0.01", lot_size="0.001", taker_fee="0.001")

    def test_what_is_locked_is_given_back_to_the_last_atom(self, spot):
        account, hold = Account([8, 8]), Hold()
        account.credit(1, "100.00000007")
        assert account.lock_order(hold, spot, BUY, 9_999, 1_000).name == "LEDGER_INSUFFICIENT"
        assert account.lock_order(hold, spot, BUY, 9_999, 900).name == "LEDGER_OK"
        assert account[1].locked == hold.remaining == 8_999_100_000 + 8_999_100 + 900
        assert hold.asset == 1
        account.release(hold)
        account.release(hold)
        assert account[1] == (10_000_000_007, 0, 0)
        assert account.refused == 1

    def test_nothing_is_spent_that_is_not_there(self, spot):
        account, book = Account([8, 8]), Positions([spot])
        account.credit(1, 10**9 - 1)  # one atom short of 0.1 at 100.00, without a fee
        before = account.state_hash
        assert account.apply_fill(book, 0, None, BUY, 10_000, 100, 0).name == "LEDGER_INSUFFICIENT"
        assert account.apply_fill(book, 0, None, SELL, 10_000, 1, 0).name == "LEDGER_INSUFFICIENT"
        assert account.credit(1, -(10**9)).name == "LEDGER_INSUFFICIENT"
        assert account.lock(Hold(), 0, 1).name == "LEDGER_INSUFFICIENT"
        assert (account.state_hash, book[0].lots) == (before, 0)
        account.credit(1, 1)
        assert account.apply_fill(book, 0, None, BUY, 10_000, 100, 0).name == "LEDGER_OK"
        assert account[1].available == 0
        assert account.amount(0) == Decimal("0.1")

    def test_a_loss_beyond_the_balance_is_refused_and_the_position_stays(self):
        contract = linear()
        account, book = Account([8, 8]), Positions([contract])
        account.credit(1, 5)
        assert account.apply_fill(book, 0, None, BUY, 1_000, 4, 5).name == "LEDGER_OK"
        assert account.apply_fill(book, 0, None, SELL, 900, 4, 0).name == "LEDGER_INSUFFICIENT"
        assert book[0].lots == 4

    def test_fees_beyond_the_lock_come_from_free_atoms(self, spot):
        account, book, hold = Account([8, 8]), Positions([spot]), Hold()
        account.credit(1, "200")
        account.lock_order(hold, spot, BUY, 10_000, 1_000)
        locked = hold.remaining
        assert account.apply_fill(book, 0, hold, BUY, 10_000, 1_000, 10 * 10**8).name == "LEDGER_OK"
        assert hold.remaining == 0
        assert account[1] == (20_000_000_000 - 11_000_000_000, 0, 10 * 10**8)
        assert locked < 11_000_000_000
        assert book[0].fees_atoms == 10 * 10**8

    def test_equity_values_each_asset_once_and_counts_what_has_no_mark(self, spot):
        second = Contract(SPOT, tick_size="1", lot_size="1", base_asset=0, quote_asset=1)
        perp = inverse(base_asset=2, quote_asset=1)
        account, book = Account([8, 8, 8, 8]), Positions([spot, second, perp])
        for asset, amount in ((0, "2"), (1, "10"), (2, "1")):
            account.credit(asset, amount)
        book.apply_fill(2, BUY, 500_000, 100)  # 0.2 coins long at 50,000
        assert account.equity(book, [10_000, 120, 400_000], 1) == ((200 + 10 + 38_000) * BTC, 0)
        assert account.equity(book, [0, 120, 400_000], 1) == ((240 + 10 + 38_000) * BTC, 0)
        assert account.equity(book, [10_000, 0, 0], 1) == (210 * BTC, 2)  # the coin, and the position in it
        account.credit(3, 1)
        assert account.equity(book, [10_000, 120, 400_000], 1).unvalued == 1

    def test_equity_of_linear_positions_adds_their_result(self):
        account, book = Account([8, 8]), Positions([linear()])
        account.credit(1, "10")
        book.apply_fill(0, BUY, 1_000, 5)
        assert account.equity(book, [1_200], 1) == (10 * BTC + 10_000_000, 0)
        assert account.equity(book, [0], 1) == (10 * BTC, 1)

    @pytest.mark.parametrize(
        ("broken", "error", "words"),
        [
            (lambda a: a.credit(2, 1), IndexError, "asset must be 0 to 1, was 2"),
            (lambda a: a[2], IndexError, "asset must be"),
            (lambda a: a.credit(0, 2**121), OverflowError, r"below 2\^120"),
            (lambda a: a.credit(0, "0.000000001"), ValueError, "whole number of atoms"),
            (lambda a: a.lock(Hold(), 0, -1), ValueError, "at least 0, was -1"),
            (lambda a: a.lock_order(Hold(), linear(), 2, 1, 1), ValueError, "side that is"),
            (lambda a: a.lock_order(Hold(), linear(quote_decimals=9), BUY, 1, 1), ValueError, "quote_decimals of the"),
            (lambda a: a.lock_order(Hold(), linear(base_asset=5), BUY, 1, 1), IndexError, "asset must be"),
            (lambda a: a.apply_fill(Positions([linear()]), 0, None, 2, 1, 1, 0), ValueError, "a fill must have"),
            (lambda a: a.apply_fill(Positions([linear()]), 0, None, BUY, 0, 1, 0), ValueError, "a fill must have"),
            (lambda a: a.equity(Positions([linear()]), [1, 2], 1), ValueError, "must have 1 entries, had 2"),
            (lambda _: Account([]), ValueError, "1 to 65536 assets, named 0"),
            (lambda _: Account([7]), ValueError, "8 to 18 each"),
        ],
    )
    def test_a_broken_call_names_the_value_and_the_rule(self, broken, error, words):
        with pytest.raises(error, match=words):
            broken(Account([8, 8]))

    def test_a_contract_of_unknown_assets_is_refused(self):
        account = Account([8])
        book = Positions([linear()])
        assert account.apply_fill(book, 0, None, BUY, 1_000, 1, 0).name == "LEDGER_NO_ASSET"
        assert len(account) == 1

    def test_a_hold_in_use_is_refused(self, spot):
        account, hold = Account([8, 8]), Hold()
        account.credit(0, "1")
        account.lock(hold, 0, 5)
        with pytest.raises(ValueError, match="empty hold"):
            account.lock(hold, 0, 5)
        with pytest.raises(ValueError, match="empty hold"):
            account.lock_order(hold, spot, SELL, 1, 1)
