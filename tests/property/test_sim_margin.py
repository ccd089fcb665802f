"""Perpetuals of the compiled exchange against their plain twin over random flows; money is never made or lost."""

from __future__ import annotations

import numpy as np
import pytest
from builders.exchange_damage import damaged
from builders.margin_flow import ACCOUNTS, MarginFlow, MarginPair, run_margin_flow
from hypothesis import given
from hypothesis import strategies as st
from oracles.sim_margin import PerpetualTwin
from oracles.sim_margin_money import ceil_div

from bot4._core.sim.exchange_dtype import RESULT_DTYPE
from bot4._core.sim.exchange_types import ExchangeVerdict, ExecutionType


@given(st.integers(0, 2**40), st.integers(1, 15))
def test_any_flow_of_perpetuals_leaves_the_exchange_equal_to_its_twin(seed, requests):
    run_margin_flow(seed, requests, chunk=15)


@pytest.mark.parametrize("seed", range(4))
def test_a_long_flow_of_perpetuals_leaves_the_exchange_equal_to_its_twin(seed):
    run_margin_flow(seed, 1_500, chunk=100)


def test_the_flows_reach_every_rule_of_perpetuals_and_every_kind_of_report():
    """So the equalities above mean something."""
    verdicts, kinds = run_margin_flow(11, 6_000, chunk=200)
    of_perpetuals = {
        verdict.name for verdict in ExchangeVerdict if verdict >= ExchangeVerdict.VERDICT_INSUFFICIENT_MARGIN
    }
    assert of_perpetuals - set(verdicts) == {"VERDICT_NO_MARK", "VERDICT_NOT_PERPETUAL"}
    of_spot = {"EXECUTION_LIST_STATUS", "EXECUTION_REJECTED"}
    assert {kind.name for kind in ExecutionType} - set(kinds) == of_spot
    assert kinds["EXECUTION_INSURANCE"] > 20
    assert kinds["EXECUTION_REPLACED"] > 20


class FundsOneSide(PerpetualTwin):
    """The house is not paid what positions pay as funding."""

    def take_funding(self, account, holding, held, atoms):
        house = self.free[0]
        super().take_funding(account, holding, held, atoms)
        self.free[0] = house - (atoms if account == 0 and not holding.isolated else 0)


class LosesOrderMargin(PerpetualTwin):
    """Open sells need no margin."""

    def open_notional(self, account, symbol, side, but=None):
        return 0 if side else super().open_notional(account, symbol, side, but)


class OpensByReduceOnly(PerpetualTwin):
    """A resting reduce-only order is not cut when its position gets smaller."""

    def trim(self, account, symbol):
        """Leave them be."""


class LeavesADebt(PerpetualTwin):
    """A wallet that ends below zero stays there."""

    def look_after(self, account):
        kept, house = min(self.free[account], 0), self.free[0]
        super().look_after(account)
        if kept and not self.cross(account):
            self.free[account], self.free[0] = kept, house


class RoundsTheProfit(PerpetualTwin):
    """The closed part of a cost is rounded up."""

    def close_lots(self, account, holding, held, lots, quote):
        more = (1 if held.lots > 0 else -1) if held.entry * lots % held.lots else 0
        realised = super().close_lots(account, holding, held, lots, quote)
        held.entry -= more
        held.realised -= more
        self.free[account] -= more
        return realised - more


class TakesOverAtTheMark(PerpetualTwin):
    """The house takes a position at the mark price, not where its margin is used up."""

    def behind(self, *_position):
        return 0


class ForgetsAMarginCall(PerpetualTwin):
    """No isolated position is called."""

    def call(self, account, symbol, balance, need, like, *, told):
        return symbol != 65535 or super().call(account, symbol, balance, need, like, told=told)


class MaintainsTooLittle(PerpetualTwin):
    """Maintenance is rounded down."""

    def need_of(self, account, symbol, side):
        return max(super().need_of(account, symbol, side) - 1, 0)


class TriggersAtAnyPrice(PerpetualTwin):
    """Guarded algo orders trigger however far apart last and mark price are."""

    def may_trigger(self, symbol, last):  # noqa: ARG002
        return True


class SweepsTheBook(PerpetualTwin):
    """A market order takes whatever price there is."""

    def market_bound(self, order):  # noqa: ARG002
        return 0


class PaysFeesDown(PerpetualTwin):
    """Fees are rounded down."""

    def fee(self, order, quote, *, maker):
        return super().fee(order, quote, maker=maker) - 1


FAULTS = [
    FundsOneSide, LosesOrderMargin, OpensByReduceOnly, LeavesADebt, RoundsTheProfit, TakesOverAtTheMark,
    ForgetsAMarginCall, PaysFeesDown, MaintainsTooLittle, SweepsTheBook,
    TriggersAtAnyPrice,
]  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_planted_fault_in_the_margin_is_found(fault):
    def run() -> None:
        for seed in range(40):
            run_margin_flow(seed, 300, chunk=100, make_twin=fault)

    with pytest.raises(AssertionError):
        run()


def test_a_rate_is_rounded_against_whoever_pays_it():
    assert [ceil_div(value, 10) for value in (11, -11, 20, -20)] == [2, -1, 2, -2]


def run_damaged(seed: int, requests: int, max_reports: int = 1 << 15) -> np.ndarray:
    """Run damaged rows, check that money and positions are conserved, and return the results."""
    flow, pair = MarginFlow(seed), MarginPair(max_reports=max_reports)
    exchange, deposited = pair.exchange, 0
    rows = np.concatenate([flow.opening(), damaged(flow.chunk(requests), flow.rng)])
    results, done = np.zeros(len(rows), RESULT_DTYPE), 0
    while done < len(rows):
        applied = exchange.run_requests(rows[done:], results[done:])
        assert applied or exchange.report_count
        assert exchange.report_count <= max_reports
        done += applied
        exchange.clear_reports()
    for row, result in zip(rows, results, strict=True):
        if result["verdict"] == 0 and row["kind"] in (10, 11) and row["symbol"] == pair.margin_asset:
            amount = int(row["quote_atoms_low"]) + (int(row["quote_atoms_high"]) << 64)
            deposited += amount if row["kind"] == 10 else -amount
    assert exchange.total(pair.margin_asset) == deposited
    for symbol in range(2):
        held = [exchange.positions(account, symbol, all_sides=True) for account in range(ACCOUNTS + 1)]
        assert sum(row.lots for rows in held for row in rows) == 0
    for account in range(1, ACCOUNTS + 1):
        if not exchange.positions(account):
            assert exchange.balance(account, pair.margin_asset)[0] >= 0
    return results


@given(st.integers(0, 2**40))
def test_damaged_rows_of_perpetuals_neither_stop_the_exchange_nor_make_money(seed):
    """A broken invariant would end the process: quantities, prices and amounts at every bound, and noise."""
    run_damaged(seed, 40)


@pytest.mark.parametrize("max_reports", [512, 1024, 4096])
def test_a_log_of_any_size_holds_what_liquidations_write(max_reports):
    """In the flow of seed 33 orders filled in part stay open beside the positions they opened, in a full log."""
    verdicts = np.concatenate([run_damaged(seed, 1_500, max_reports)["verdict"] for seed in (0, 1, 33)])
    assert not (verdicts == ExchangeVerdict.VERDICT_LOG_FULL).any()
    assert (verdicts == 0).sum() > 1_000


def test_equal_flows_leave_equal_hashes_and_a_mark_price_changes_them():
    pairs = [MarginPair(), MarginPair()]
    for pair in pairs:
        flow = MarginFlow(3)
        pair.exchange.run_requests(np.concatenate([flow.opening(), flow.chunk(300)]))
    first, second = (pair.exchange.state_hash() for pair in pairs)
    assert first == second
    pairs[0].exchange.set_mark(0, 1_001, now_ns=10**16)
    pairs[1].exchange.set_mark(0, 1_002, now_ns=10**16)
    assert pairs[0].exchange.state_hash() != pairs[1].exchange.state_hash()
