"""Gate, size and stops against their plain twins."""

from __future__ import annotations

import random
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from oracles.brain_money import BUY, PPM, Entry, GateTwin, GuardTwin, SizeTwin

from bot4._core.account.contract import Contract
from bot4._core.brain.study import GUARD_STEP_DTYPE, entry_value, lots_for, position_size, run_guard, share_of

SEEDS = st.integers(0, 2**63)
NO_SHRINK = (Phase.explicit, Phase.generate)
CONTRACTS = [
    Contract(
        kind, tick_size="0.01", lot_size="0.001", contract_size=(1, 1, 100)[kind], maker_fee=maker, taker_fee=taker
    )
    for kind in range(3)
    for maker, taker in (("0.0002", "0.0005"), ("-0.0001", "0.001"))
]  # fmt: skip


# -- gate ----------------------------------------------------------------------------------------------------------


def entry_case(seed: int) -> tuple[dict, Contract, Entry]:
    dice = random.Random(seed)
    rules = {
        "regimes": 7, "confirm_bars": 0, "coverage_min": 0.0, "confidence_min": 0.0, "timeframes_min": 0.0,
        "samples_min": 0.0, "errors": dice.choice([0.0, 0.5, 2.0]), "margin_ppb": dice.choice([0, 100_000]),
        "impact_ppm": dice.choice([0, 1_000_000]), "funding_ppb": dice.choice([0, 100_000]),
        "funding_interval_ns": dice.choice([0, 100]),
    }  # fmt: skip
    contract = dice.choice(CONTRACTS)
    bid = dice.choice([7, 5_000, 6_000_000, 2**40])
    bids = [(bid - i, dice.randint(1, 1_000)) for i in range(dice.randint(1, 5))]
    asks = [(bid + dice.randint(1, 5) + 6 * i, dice.randint(1, 1_000)) for i in range(dice.randint(1, 5))]
    fields = contract.fields
    entry = Entry(
        bids=bids, asks=asks, side=dice.randrange(2), is_maker=dice.random() < 0.5,
        qty_lots=dice.choice([1, 300, 10**6]),
        maker_fee=Fraction(fields["maker_rate_e8"], 10**8), taker_fee=Fraction(fields["taker_rate_e8"], 10**8),
        is_spot=fields["kind"] == 0, edge=dice.uniform(-0.01, 0.02),
        error=dice.choice([0.0, dice.uniform(-1e-3, 1e-3)]),
        bar_deviation=dice.choice([0.0, 0.001, 0.02]), bar_volume_lots=dice.choice([0, 10, 10**7]),
        horizon_ns=dice.randint(1, 400), now_ns=1_000, funding_rate_ppb=dice.randint(-10**6, 10**6),
        funding_next_ns=dice.choice([0, 1_000, 1_001, 1_050, 1_200, 5_000]),
    )  # fmt: skip
    return rules, contract, entry


def check_gate(twin: type[GateTwin], examples: int) -> set[bool]:
    passed: set[bool] = set()

    @settings(max_examples=examples, deadline=None, phases=NO_SHRINK, database=None)
    @given(SEEDS)
    def compare(seed: int) -> None:
        rules, contract, entry = entry_case(seed)
        plain = {key: value for key, value in vars(entry).items() if key not in {"maker_fee", "taker_fee", "is_spot"}}
        found = entry_value(rules, contract, **plain)
        assert found == twin(rules).value(entry)
        assert found["value"] == found["edge"] - sum(found[cost] for cost in ("fee", "spread", "impact", "funding"))
        passed.add(found["passed"])

    compare()
    return passed


def test_every_term_of_the_expected_value_is_the_twins_to_the_last_digit() -> None:
    assert check_gate(GateTwin, 1_000) == {True, False}


class OneWayFee(GateTwin):
    def fee(self, entry: Entry) -> int:
        return int(10**9 * (entry.maker_fee if entry.is_maker else entry.taker_fee))


class HalfSpread(GateTwin):
    def spread(self, entry: Entry) -> int:
        return super().spread(entry) // 2


class ForgottenFunding(GateTwin):
    def funding(self, entry: Entry) -> int:
        return 0 * super().funding(entry)


class TouchOnly(GateTwin):
    def walk(self, entry: Entry) -> int:
        return 0 * super().walk(entry)


@pytest.mark.parametrize("planted", [OneWayFee, HalfSpread, ForgottenFunding, TouchOnly])
def test_a_cost_that_is_left_out_is_found(planted: type[GateTwin]) -> None:
    with pytest.raises(AssertionError):
        check_gate(planted, 300)


# -- size ----------------------------------------------------------------------------------------------------------


def size_case(seed: int) -> tuple[dict, dict]:
    dice = random.Random(seed)
    rules = {
        "kelly_ppm": dice.choice([100_000, 500_000]), "volatility_ppm": dice.choice([50_000, 400_000]),
        "trade_risk_ppm": dice.choice([1_000, 50_000]), "heat_ppm": dice.choice([10_000, 200_000]),
        "concentration_ppm": dice.choice([100_000, 3_000_000]), "correlation_ppm": dice.choice([200_000, 2_000_000]),
        "gross_ppm": dice.choice([500_000, 5_000_000]), "maintenance_ppm": dice.choice([0, 5_000, 50_000]),
        "liquidation_ppm": dice.choice([0, 100_000, 300_000]), "liquidation_milli": dice.choice([1_000, 3_000]),
        "horizon_ns": dice.choice([10**9, 43_200 * 10**9]),
    }  # fmt: skip
    case = {
        "mean": dice.choice([-0.001, 0.0, 0.0002, 0.003, 0.02]), "error": dice.choice([0.0, 0.0005, 0.01]),
        "deviation": dice.choice([0.0, 0.001, 0.02, 0.08]), "stop_ppm": dice.choice([1, 900, 25_000, 400_000]),
        "gross_ppm": dice.choice([0, 400_000, 6_000_000]), "heat_ppm": dice.choice([0, 9_000, 10**6]),
        "correlated_ppm": dice.choice([-300_000, 0, 150_000, 10**7]),
    }  # fmt: skip
    return rules, case


def check_size(twin: type[SizeTwin], examples: int) -> set[str]:
    bounds: set[str] = set()

    @settings(max_examples=examples, deadline=None, phases=NO_SHRINK, database=None)
    @given(SEEDS)
    def compare(seed: int) -> None:
        rules, case = size_case(seed)
        found = position_size(rules, **case)
        wanted = twin(rules).caps(case)
        for name, cap in wanted.items():
            if cap is None or cap > 1e12:
                assert found["caps"][name] == 10**12, name
            else:
                assert cap - 1 - 1e-9 * cap <= found["caps"][name] <= cap + 1e-9 * cap, name  # rounded down, never up
        assert found["ppm"] == min(found["caps"].values()) == found["caps"][found["bound"]]
        bounds.add(found["bound"])

    compare()
    return bounds


def test_every_bound_of_a_size_is_the_twins_and_the_smallest_counts() -> None:
    assert len(check_size(SizeTwin, 1_000)) >= 6


class FullConfidence(SizeTwin):
    def shrunk_kelly(self, mean: float, error: float, deviation: float) -> float:
        return super().shrunk_kelly(mean, 0.0 * error, deviation)


@pytest.mark.parametrize("planted", [FullConfidence])
def test_a_size_that_ignores_the_error_of_its_estimate_is_found(planted: type[SizeTwin]) -> None:
    with pytest.raises(AssertionError):
        check_size(planted, 300)


@settings(max_examples=1_000, deadline=None, phases=NO_SHRINK, database=None)
@given(st.sampled_from(CONTRACTS), st.integers(0, 10**15), st.integers(0, 5 * PPM), st.integers(1, 2**40))
def test_lots_are_never_worth_more_than_the_share_they_were_given(
    contract: Contract, equity: int, ppm: int, price_ticks: int
) -> None:
    lots = lots_for(contract, equity, ppm, price_ticks)
    if lots >= 2**50:
        return
    # An inverse contract's worth is rounded to the nearest atom of the coin, a lot at a time or a million.
    slack = 1 + lots // 10**6 if contract.fields["kind"] == 2 else 0
    assert contract.value(price_ticks, lots) * PPM <= (equity + slack) * ppm + slack * PPM if lots else True
    assert (
        share_of(contract, equity, lots, price_ticks)
        >= (contract.value(price_ticks, lots) * PPM / equity if lots else 0) - 1
    )


# -- stops ---------------------------------------------------------------------------------------------------------


def guard_case(seed: int) -> tuple[dict, list[tuple[int, int]], np.ndarray]:
    dice = random.Random(seed)
    rungs = [(1_000, 500_000), (2_500, 250_000), (4_000, 250_000)][: dice.randint(0, 3)]
    rules = {
        "stop_atr_milli": dice.choice([0, 1_500, 3_000]), "stop_min_ppm": dice.choice([1, 10_000]),
        "chandelier_milli": dice.choice([0, 2_000]), "trail_ppm": dice.choice([0, 20_000]),
        "breakeven_milli": dice.choice([0, 1_000]), "hold_max_ns": dice.choice([0, 15]),
        "qty_step_lots": dice.choice([1, 1, 7]), "is_dynamic": dice.random() < 0.3,
    }  # fmt: skip
    steps = np.zeros(dice.randint(1, 25), GUARD_STEP_DTYPE)
    lots, price = 0, 10_000
    entry = price
    for now, row in enumerate(steps):
        if dice.random() < 0.25:
            lots = dice.choice([0, lots // 2, -lots, lots + (7 if lots >= 0 else -7), dice.randint(-100, 100)])
            entry = price
        price = max(100, price + 10 * dice.randint(-15, 15 + (10 if lots > 0 else -10)))
        row["lots"], row["entry_ticks"], row["exit_ticks"] = lots, entry, price
        row["atr_ticks"], row["now_ns"] = dice.choice([0, 80, 81, 300]), now
    return rules, rungs, steps


def check_guard(twin: type[GuardTwin], examples: int) -> set[int]:
    verdicts: set[int] = set()

    @settings(max_examples=examples, deadline=None, phases=NO_SHRINK, database=None)
    @given(SEEDS)
    def compare(seed: int) -> None:
        rules, rungs, steps = guard_case(seed)
        found = run_guard(steps, rules, rungs)
        slow = twin(rules, rungs)
        tightest: dict[int, int] = {}
        for row, step in zip(found, steps, strict=True):
            lots = int(step["lots"])
            slow.hold(lots, int(step["entry_ticks"]), int(step["atr_ticks"]), int(step["now_ns"]))
            wanted = slow.look(int(step["exit_ticks"]), int(step["atr_ticks"]), int(step["now_ns"]))
            assert (row["verdict"], row["close_lots"]) == wanted
            assert row["stop_ticks"] == slow.sign * slow.stop
            assert row["close_lots"] <= abs(lots)
            sign = (lots > 0) - (lots < 0)
            if sign != tightest.get("sign"):
                tightest = {"sign": sign}
            elif sign:
                assert sign * row["stop_ticks"] >= tightest["stop"], "a stop moved away from the price"
            tightest["stop"] = sign * row["stop_ticks"]
            verdicts.add(int(row["verdict"]))

    compare()
    return verdicts


def test_a_guard_asks_for_what_its_twin_does_and_its_stop_never_loosens() -> None:
    assert check_guard(GuardTwin, 1_000) == {0, 1, 2, 3, 4}


class ForgivingStop(GuardTwin):
    """A stop that was reached is forgotten when the price comes back."""

    def look(self, exit_ticks: int, atr: int, now_ns: int) -> tuple[int, int]:
        self.exiting = 0
        return super().look(exit_ticks, atr, now_ns)


class LooseStop(GuardTwin):
    def tighten(self, stop: int) -> None:
        self.stop = stop


class OffByOne(GuardTwin):
    def reached(self, price: int, now_ns: int) -> int:
        return super().reached(price + 1, now_ns)


class GreedyLadder(GuardTwin):
    """Shares of what is held, not of the largest position."""

    def look(self, exit_ticks: int, atr: int, now_ns: int) -> tuple[int, int]:
        self.largest = abs(self.lots)
        return super().look(exit_ticks, atr, now_ns)


@pytest.mark.parametrize("planted", [ForgivingStop, LooseStop, OffByOne, GreedyLadder])
def test_a_planted_fault_of_the_guard_is_found(planted: type[GuardTwin]) -> None:
    with pytest.raises(AssertionError):
        check_guard(planted, 300)


def test_a_buy_pays_a_funding_that_a_sell_receives() -> None:
    rules, contract, entry = next(
        case for case in map(entry_case, range(500))
        if not case[2].is_spot and case[0]["funding_interval_ns"] and case[2].funding_next_ns == 1_001
        and case[2].horizon_ns > 1 and case[2].funding_rate_ppb > 0
    )  # fmt: skip
    plain = {key: value for key, value in vars(entry).items() if key not in {"maker_fee", "taker_fee", "is_spot"}}
    bought = entry_value(rules, contract, **(plain | {"side": BUY}))["funding"]
    sold = entry_value(rules, contract, **(plain | {"side": 1}))["funding"]
    assert bought == -sold > 0
