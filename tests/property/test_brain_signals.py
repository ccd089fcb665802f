"""Blend, regime and worth of a score against their plain twins."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from oracles.brain_signals import BlendTwin, Case, EdgeTwin, RegimeTwin

from bot4._core.brain.study import EDGE_STEP_DTYPE, blended, run_edge, run_regime

SEEDS = st.integers(0, 2**63)
NO_SHRINK = (Phase.explicit, Phase.generate)


def is_near(found: float, wanted: float, scale: float = 1.0) -> bool:
    return (math.isnan(found) and math.isnan(wanted)) or abs(found - wanted) <= 1e-9 * max(scale, abs(wanted))


def bits(mask: int) -> set[int]:
    return {place for place in range(6) if mask >> place & 1}


# -- regime --------------------------------------------------------------------------------------------------------


def regime_case(seed: int) -> tuple[dict, dict | None, np.ndarray]:
    dice = random.Random(seed)
    rules = {
        "trend_alpha": dice.choice([0.04, 0.2]), "fast_alpha": dice.choice([0.1, 0.4]), "slow_alpha": 0.02,
        "trend_enter": dice.choice([0.8, 1.5]), "trend_exit": dice.choice([0.2, 0.7]), "crisis_enter": 1.6,
        "crisis_exit": dice.choice([1.0, 1.3]), "warm_up_bars": dice.randint(2, 9),
        "hidden_min": dice.choice([0.4, 0.8]),
    }  # fmt: skip
    hidden = None
    if dice.random() < 0.5:
        count = dice.randint(2, 4)
        rows = [[dice.random() + 0.01 for _ in range(count)] for _ in range(count + 1)]
        rows = [[value / sum(row) for value in row] for row in rows]
        hidden = {
            "labels": [dice.randrange(4) for _ in range(count)], "initial": rows[0], "transition": rows[1:],
            "mean": [dice.gauss(0, 0.01) for _ in range(count)],
            "deviation": [dice.choice([0.001, 0.01, 0.05]) for _ in range(count)],
        }  # fmt: skip
    drift = dice.choice([-0.01, 0.0, 0.01])
    returns = [dice.gauss(drift, dice.choice([0.0, 0.005, 0.02, 0.2])) for _ in range(dice.randint(1, 40))]
    return rules, hidden, np.array(returns)


def check_regime(twin: type[RegimeTwin], examples: int) -> set[int]:
    words: set[int] = set()

    @settings(max_examples=examples, deadline=None, phases=NO_SHRINK, database=None)
    @given(SEEDS)
    def compare(seed: int) -> None:
        rules, hidden, returns = regime_case(seed)
        found = run_regime(returns, rules, hidden)
        slow = twin(rules, hidden)
        for row, value in zip(found, returns, strict=True):
            word, t, stress = slow.apply(float(value))
            assert is_near(float(row["trend_t"]), t)
            assert is_near(float(row["stress"]), stress)
            assert row["regime"] == word
            words.add(word)
        if hidden is not None:
            filtered = found[-1]["hidden"][: len(hidden["mean"])]
            assert np.abs(filtered - slow.filtered()).max() < 1e-9

    compare()
    return words


def test_the_regime_is_the_twins_after_every_bar() -> None:
    assert check_regime(RegimeTwin, 1_000) == {-1, 0, 1, 2, 3}


class NoHysteresis(RegimeTwin):
    def by_rule(self, t: float, stress: float) -> int:
        self.rule = 2
        return super().by_rule(t, stress)


class LateTrend(RegimeTwin):
    def trend_t(self) -> float:
        whole, self.returns = self.returns, self.returns[:-1] or self.returns
        t = super().trend_t()
        self.returns = whole
        return t


class ForgetfulFilter(RegimeTwin):
    def filtered(self) -> list[float]:
        whole, self.returns = self.returns, self.returns[-1:]
        p = super().filtered()
        self.returns = whole
        return p


@pytest.mark.parametrize("planted", [NoHysteresis, LateTrend, ForgetfulFilter])
def test_a_planted_fault_of_the_regime_is_found(planted: type[RegimeTwin]) -> None:
    with pytest.raises(AssertionError):
        check_regime(planted, 300)


# -- worth of a score ----------------------------------------------------------------------------------------------


def edge_case(seed: int) -> tuple[dict, np.ndarray]:
    dice = random.Random(seed)
    step = dice.choice([10, 100])
    rules = {
        "horizon_ns": step * dice.randint(1, 60), "step_ns": step, "keep": dice.choice([0.9, 0.999]),
        "prior_slope": dice.choice([0.0, 0.01]), "prior_weight": dice.choice([0.0, 0.5, 20.0]),
    }  # fmt: skip
    steps = np.zeros(dice.randint(1, 60), EDGE_STEP_DTYPE)
    now, mid2 = 1_000, dice.choice([200, 12_000_000])
    for row in steps:
        now += dice.choice(
            [0, 1, step, step, step, step, step, 2 * step, 7 * step, 200 * step if dice.random() < 0.2 else 1]
        )
        mid2 = max(2, mid2 + dice.randint(-mid2 // 50, mid2 // 50))
        row["now_ns"], row["mid2_ticks"] = now, mid2
        row["score"] = dice.choice([math.nan, dice.uniform(-1, 1), dice.uniform(-1, 1), 0.0])
    return rules, steps


def check_edge(twin: type[EdgeTwin], examples: int) -> int:
    answered = 0

    @settings(max_examples=examples, deadline=None, phases=NO_SHRINK, database=None)
    @given(SEEDS)
    def compare(seed: int) -> None:
        nonlocal answered
        rules, steps = edge_case(seed)
        found, (resolved, lapsed) = run_edge(steps, rules)
        slow = twin(rules)
        for step in steps:
            slow.apply(int(step["now_ns"]), int(step["mid2_ticks"]), float(step["score"]))
        slope, error, deviation, samples = slow.read()
        last = found[-1]
        assert is_near(float(last["slope"]), slope)
        assert is_near(float(last["samples"]), samples)
        # What is left after a nearly perfect fit is a difference of equal sums: its root keeps half the digits.
        assert abs(last["deviation"] - deviation) < 1e-6
        assert abs(last["error"] - error) < 1e-6 * max(1.0, abs(error))
        assert (resolved, lapsed) == (len(slow.pairs), slow.lapsed)
        answered += resolved

    compare()
    return answered


def test_the_worth_of_a_score_is_the_twins() -> None:
    assert check_edge(EdgeTwin, 1_000) > 5_000


class EarlyAnswer(EdgeTwin):
    def __init__(self, rules: dict) -> None:
        super().__init__(rules | {"horizon_ns": rules["horizon_ns"] - 1})


class NoOverlap(EdgeTwin):
    def read(self) -> tuple[float, float, float, float]:
        slope, error, deviation, samples = super().read()
        return slope, error, deviation, samples * self.rules["horizon_ns"] / self.rules["step_ns"]


class SimpleReturn(EdgeTwin):
    def answer(self, now2: int, then2: int) -> float:
        return (now2 - then2) / then2


@pytest.mark.parametrize("planted", [EarlyAnswer, NoOverlap, SimpleReturn])
def test_a_planted_fault_of_the_worth_is_found(planted: type[EdgeTwin]) -> None:
    with pytest.raises(AssertionError):
        check_edge(planted, 200)


# -- blend ---------------------------------------------------------------------------------------------------------


def blend_case(seed: int) -> Case:
    dice = random.Random(seed)
    count = dice.randint(1, 6)
    return Case(
        terms=[
            (i, dice.randrange(4), dice.choice([-0.5, 0.2, 1.0]), dice.choice([0.0, 50.0]), dice.choice([0.5, 20.0]))
            for i in range(count)
        ],
        allocation_ppm=[[dice.choice([0, 0, 200_000, 700_000]) for _ in range(4)] for _ in range(4)],
        weight_ppm=[[dice.choice([0, 50_000, 350_000]) for _ in range(6)] for _ in range(4)],
        ttl_ns=[dice.choice([0, 10, 1_000]) for _ in range(6)],
        features=[dice.choice([math.nan, dice.gauss(0, 2), dice.uniform(0, 100), 50.0]) for _ in range(count)],
        regime=dice.randrange(4),
        sources={
            i: (
                dice.choice([math.nan, 0.0, dice.uniform(-1, 1)]),
                dice.choice([0.0, dice.random()]),
                dice.randint(0, 2_100),
            )
            for i in range(1, 6)
            if dice.random() < 0.6
        },
        now_ns=2_000,
        higher=[dice.choice([math.nan, 0.0, dice.uniform(-1, 1)]) for _ in range(dice.randint(0, 3))],
        technical_bars=[dice.choice([math.nan, 0.0, 0.3, 0.3, -0.3]) for _ in range(dice.randint(0, 6))],
    )


def check_blend(twin: BlendTwin, examples: int) -> dict[str, int]:
    seen = {"stale": 0, "missing": 0, "silent": 0}

    @settings(max_examples=examples, deadline=None, phases=NO_SHRINK, database=None)
    @given(SEEDS)
    def compare(seed: int) -> None:
        case = blend_case(seed)
        found, wanted = blended(**vars(case)), twin.blend(case)
        for name in ("score", "coverage", "agreement", "confidence", "timeframes"):
            assert is_near(found[name], wanted[name]), name
        for name in ("used", "stale", "missing"):
            assert bits(found[name]) == wanted[name], name
        assert np.abs(np.array(found["shares"]) - 1e6 * np.array(wanted["shares"])).max() <= 0.5 + 1e-6
        assert found["confirmed_bars"] == wanted["confirmed_bars"]
        seen["stale"] += bool(wanted["stale"])
        seen["missing"] += bool(wanted["missing"])
        seen["silent"] += math.isnan(wanted["score"])

    compare()
    return seen


def test_the_blend_is_the_twins() -> None:
    assert min(check_blend(BlendTwin(), 1_000).values()) > 20


class StaleCounts(BlendTwin):
    def is_fresh(self, case: Case, source: int, stamp_ns: int) -> bool:
        return super().is_fresh(case, source, stamp_ns) or stamp_ns <= case.now_ns


class FutureCounts(BlendTwin):
    def is_fresh(self, case: Case, source: int, stamp_ns: int) -> bool:
        return case.now_ns - stamp_ns <= case.ttl_ns[source]


class WrongRegime(BlendTwin):
    def technical(self, case: Case) -> tuple[float, float]:
        return super().technical(Case(**(vars(case) | {"regime": 0})))


@pytest.mark.parametrize("planted", [StaleCounts, FutureCounts, WrongRegime])
def test_a_planted_fault_of_the_blend_is_found(planted: type[BlendTwin]) -> None:
    with pytest.raises(AssertionError):
        check_blend(planted(), 300)
