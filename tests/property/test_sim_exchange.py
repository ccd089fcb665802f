"""The compiled exchange against its plain twin over random flows: every report, balance, book and verdict is equal."""

from __future__ import annotations

import numpy as np
import pytest
from builders.exchange_damage import damaged
from builders.exchange_flow import ACCOUNTS, SYMBOLS, Flow, Pair, check_reports, run_flow, verdict_counts
from hypothesis import given
from hypothesis import strategies as st
from oracles.sim_exchange import ExchangeTwin
from oracles.sim_exchange_parts import DECREMENT

from bot4._core.sim.exchange_dtype import RESULT_DTYPE
from bot4._core.sim.exchange_types import ExchangeVerdict


@given(st.integers(0, 2**40), st.integers(1, 40))
def test_any_flow_leaves_the_exchange_equal_to_its_twin(seed, requests):
    run_flow(seed, requests, chunk=40)


@pytest.mark.parametrize("seed", [1, 2])
def test_a_long_flow_leaves_the_exchange_equal_to_its_twin(seed):
    run_flow(seed, 6_000)


@pytest.mark.parametrize("max_reports", [128, 256, 512, 1024])
def test_a_log_of_any_size_is_never_overflown_and_never_stuck(max_reports, monkeypatch):
    """A record beyond the log would end the process; a request that an empty log refuses would end the flow."""
    monkeypatch.setattr("builders.exchange_flow.MAX_REPORTS", max_reports)
    flow, exchange = Flow(9), Pair(with_tiers=True).exchange
    full = 0
    for _ in range(60):
        rows, done = flow.chunk(200), 0
        results = np.zeros(len(rows), RESULT_DTYPE)
        while done < len(rows):
            applied = exchange.run_requests(rows[done:], results[done:])
            assert applied or exchange.report_count
            assert exchange.report_count <= max_reports
            full += done + applied < len(rows)
            done += applied
            exchange.clear_reports()
        flow.learn(rows, results)
        assert not (results["verdict"] == ExchangeVerdict.VERDICT_LOG_FULL).any()
    assert full > 50


def run_damaged(seed: int, requests: int) -> np.ndarray:
    """Run damaged rows, check that money is conserved, and return the results."""
    flow, pair, done = Flow(seed), Pair(with_tiers=bool(seed % 2)), 0
    rows = damaged(flow.chunk(requests), flow.rng)
    results = np.zeros(len(rows), RESULT_DTYPE)
    while done < len(rows):
        applied = pair.exchange.run_requests(rows[done:], results[done:])
        assert applied or pair.exchange.report_count
        done += applied
        check_reports(pair.exchange.take_reports())
    for row, result in zip(rows, results, strict=True):
        if result["verdict"] == 0 and row["kind"] in (10, 11):
            amount = int(row["quote_atoms_low"]) + (int(row["quote_atoms_high"]) << 64)
            pair.deposited[row["symbol"]] += amount if row["kind"] == 10 else -amount
    pair.check_conserved()
    return results


@given(st.integers(0, 2**40))
def test_damaged_rows_neither_stop_the_exchange_nor_make_money(seed):
    """A broken invariant would end the process: quantities, prices and amounts at every bound, and noise."""
    run_damaged(seed, 40)


def test_of_damaged_rows_some_are_taken_and_many_refused():
    verdicts = np.concatenate([run_damaged(seed, 400)["verdict"] for seed in range(5)])
    assert (verdicts == 0).sum() > 200
    assert len(np.unique(verdicts)) > 25


def records_at_most(exchange, rows: np.ndarray) -> int:
    """The bound of docs/exchange-core.md without its allowance of 64: 2 a part and 11 an order, with the new ones."""
    symbol = int(rows["symbol"][0]) % SYMBOLS
    orders = np.concatenate([exchange.open_orders(account, symbol) for account in range(1, ACCOUNTS + 1)])
    iceberg = np.maximum(rows["iceberg_lots"], 0)
    parts = np.where(iceberg > 0, -(-rows["qty_lots"] // np.maximum(iceberg, 1)), 1)
    return 2 * int(orders["parts"].sum() + parts.sum()) + 11 * (len(orders) + len(rows))


def test_no_request_writes_more_than_the_bound():
    flow, exchange = Flow(4), Pair(with_tiers=True).exchange
    fullest, most = 0.0, 0
    for _ in range(40):
        rows = flow.chunk(100)
        results = np.zeros(len(rows), RESULT_DTYPE)
        at = 0
        while at < len(rows):
            count = {6: 2, 7: 2, 8: 3}.get(int(rows["kind"][at]), 1)
            exchange.advance(int(rows["now_ns"][at]))  # what expires has a bound of its own
            exchange.clear_reports()
            bound = records_at_most(exchange, rows[at : at + count])
            exchange.run_requests(rows[at : at + count], results[at : at + count])
            written = exchange.clear_reports()
            assert written <= bound + 16
            fullest, most = max(fullest, written / (bound + 16)), max(most, written)
            at += count
        flow.learn(rows, results)
    assert most > 15
    assert fullest > 0.1


class LosesALock(ExchangeTwin):
    """Leaves one atom locked when an order closes."""

    def close(self, order):
        kept = 1 if order.locked > 1 and order.order_id % 7 == 0 else 0
        self.money.move(order.account, 0, kept, 0)
        super().close(order)


class ForgetsAFee(ExchangeTwin):
    """Takes no fee of makers who sell."""

    def __init__(self):
        super().__init__()
        charge = self.money.fee

        def fee(symbols, symbol, order, held, *, is_maker, **amounts):
            atoms, asset, from_free = charge(symbols, symbol, order, held, is_maker=is_maker, **amounts)
            return (0 if is_maker and order.side == 1 else atoms), asset, from_free

        self.money.fee = fee


class AcceptsADuplicate(ExchangeTwin):
    """Takes a second order with the key of an open one."""

    def is_duplicate(self, _row):
        return False


class LosesPriorityOnAmend(ExchangeTwin):
    """Sends an amended order to the end of its queue."""

    def amend(self, row):
        outcome = super().amend(row)
        if outcome[0] == 0:
            order = self.find(row)
            self.symbols[order.symbol].book[order.side].remove(order)
            shown = order.shown
            self.to_queue(self.symbols[order.symbol], order)
            order.shown = shown
        return outcome


class PreventsOneTooFew(ExchangeTwin):
    """Decrements a lot less than the smaller rest."""

    def losses(self, stp, taker_left, maker_left):
        lost = super().losses(stp, taker_left, maker_left)
        return tuple(max(lots - 1, 1) for lots in lost) if stp == DECREMENT else lost


class HandsNothingOver(ExchangeTwin):
    """Takes a TRANSFER for a DECREMENT."""

    def hands_over(self, _taker, _maker):
        return False


class LocksAnOcoTwice(ExchangeTwin):
    """Locks the funds of both legs."""

    def fund(self, orders):
        for order in orders[:-1]:
            if verdict := super().fund([order]):
                return verdict
        return super().fund(orders[-1:])


class ForgetsTheOtherLeg(ExchangeTwin):
    """Lets both legs of an OCO live on after a fill."""

    def leg_started(self, order):
        if order.place == 0:
            super().leg_started(order)


class TriggersOneTickLate(ExchangeTwin):
    """Triggers a stop only beyond its price."""

    def is_due(self, order, price):
        return super().is_due(order, price - 1 if order.upwards else price + 1)


FAULTS = [
    *(
        LosesALock,
        ForgetsAFee,
        AcceptsADuplicate,
        LosesPriorityOnAmend,
        PreventsOneTooFew,
        HandsNothingOver,
        LocksAnOcoTwice,
    ),
    *(ForgetsTheOtherLeg, TriggersOneTickLate),
]


@pytest.mark.parametrize("broken", FAULTS)
def test_control_a_planted_fault_is_caught(broken):
    with pytest.raises(AssertionError):
        run_flow(2, 6_000, make_twin=broken)


def test_the_flows_reach_almost_every_verdict():
    """So the equality above means something."""
    reached = verdict_counts(1, 30_000)
    out_of_reach = {"LOG_FULL", "ORDERS_FULL", "BOOK_FULL", "PERCENT_PRICE", "MIN_NOTIONAL", "NO_REFERENCE"}
    of_spot = [verdict for verdict in ExchangeVerdict if verdict < ExchangeVerdict.VERDICT_INSUFFICIENT_MARGIN]
    names = {verdict.name.removeprefix("VERDICT_") for verdict in of_spot}
    assert names - set(reached) == out_of_reach
