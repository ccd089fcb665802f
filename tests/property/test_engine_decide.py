"""The compiled decision pass against its plain twin."""

from __future__ import annotations

import dataclasses
import math

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from oracles.engine_decide import ORDER, Decider, Decision, Policy, Situation

from bot4._core.engine.decide import LinearPolicy

SIZES = st.integers(1, 10**6)
LEVELS = st.sampled_from([-5.0, -1.0, -0.6, -0.45, -0.2, -0.1, 0.0, 0.1, 0.2, 0.45, 0.6, 1.0, 5.0, math.nan])


@st.composite
def policies(draw) -> Policy:
    budgets = draw(st.booleans())
    enter = draw(st.sampled_from([0.1, 0.3, 0.45]))
    least = draw(st.integers(1, 50))
    sizes = (
        {"order_ticklots": draw(st.integers(1, 10**13)), "position_ticklots": draw(st.integers(1, 10**20))}
        if budgets
        else {"order_lots": draw(SIZES), "position_lots": draw(SIZES)}
    )
    return Policy(
        terms=tuple(
            (index, draw(st.sampled_from([-0.5, 0.25, 0.5, 1.0])), draw(st.sampled_from([0.5, 1.0, 3.0])))
            for index in range(draw(st.integers(1, 3)))
        ),
        enter_score=enter,
        take_score=enter + draw(st.sampled_from([0.0, 0.2])),
        exit_score=draw(st.sampled_from([0.0, 0.1, 0.2])),
        price_step_ticks=draw(st.sampled_from([1, 1, 5, 10, 100])),
        qty_step_lots=draw(st.sampled_from([1, 1, 7, 100])),
        qty_min_lots=least,
        qty_max_lots=draw(st.integers(least, 10**7)),
        notional_min_ticklots=draw(st.sampled_from([0, 10**6, 10**9])),
        cooldown_ns=draw(st.sampled_from([0, 100])),
        passive_ttl_ns=draw(st.integers(1, 200)),
        take_slippage_ppm=draw(st.sampled_from([0, 200, 5_000, 999_999])),
        short_allowed=draw(st.booleans()),
        **sizes,
    )


@st.composite
def situations(draw, terms: int) -> Situation:
    bid = draw(st.sampled_from([0, 1, 7, 50, 99_999, 6_000_000, 10**8]))
    ask = draw(st.one_of(st.just(0), st.integers(bid + 1, bid + 10**4)))
    return Situation(
        features=tuple(draw(LEVELS) for _ in range(terms)),
        bid_ticks=bid,
        ask_ticks=ask,
        position_lots=draw(st.one_of(st.just(0), st.integers(-(10**6), 10**6))),
        working=draw(st.one_of(
            st.none(), st.none(), st.tuples(st.integers(1, 9), st.sampled_from(["buy", "sell"]), st.integers(0, 1_000))
        )),
        now_ns=draw(st.integers(0, 1_200)),
        last_intent_ns=draw(st.one_of(st.none(), st.integers(0, 1_000))),
    )  # fmt: skip


@st.composite
def cases(draw) -> tuple[Policy, list[Situation]]:
    policy = draw(policies())
    return policy, draw(st.lists(situations(len(policy.terms)), min_size=4, max_size=8))


def compiled(policy: Policy, now: Situation) -> Decision:
    fields = {field.name: getattr(policy, field.name) for field in dataclasses.fields(policy)}
    found = LinearPolicy(list(fields.pop("terms")), **fields).decide(
        list(now.features), bid_ticks=now.bid_ticks, ask_ticks=now.ask_ticks, position_lots=now.position_lots,
        working=now.working, now_ns=now.now_ns, last_intent_ns=now.last_intent_ns,
    )  # fmt: skip
    return Decision(int(found.pop("verdict")), found.pop("score"), {key: int(value) for key, value in found.items()})


def check(twin: type[Decider], examples: int) -> dict[int, int]:
    """Compare on `examples` cases; returns how often each verdict was given."""
    seen: dict[int, int] = {}

    # Shrinking is for readers of a failure, not for the controls, which want one.
    phases = (Phase.generate,) if twin is not Decider else tuple(Phase)

    @settings(max_examples=examples, phases=phases, report_multiple_bugs=False)
    @given(cases())
    def same(case: tuple[Policy, list[Situation]]) -> None:
        policy, moments = case
        for now in moments:
            expected, found = twin(policy).decide(now), compiled(policy, now)
            assert found.verdict == expected.verdict
            assert found.intent == expected.intent
            assert found.score == expected.score or (math.isnan(found.score) and math.isnan(expected.score))
            seen[found.verdict] = seen.get(found.verdict, 0) + 1

    same()
    return seen


@pytest.mark.untraced
def test_compiled_decisions_are_those_of_the_twin():
    seen = check(Decider, 1_000)
    assert set(seen) == set(range(8)), "every verdict is met"
    assert seen[ORDER] > 50


class RoundsTheOtherWay(Decider):
    def on_step(self, price, *, up):
        return super().on_step(price, up=not up)


class ForgetsTheTouch(Decider):
    def decide(self, now):
        return super().decide(
            dataclasses.replace(now, bid_ticks=max(1, now.bid_ticks), ask_ticks=max(2, now.ask_ticks))
        )


class ExitsByOrderSize(Decider):
    def order(self, now, score, target):
        made = super().order(now, score, target)
        if made.verdict == ORDER and self.policy.order_lots:
            made.intent["qty_lots"] = min(made.intent["qty_lots"], self.policy.order_lots)
        return made


class LooksAtTheCooldownFirst(Decider):
    def decide(self, now):
        if now.last_intent_ns is not None and now.now_ns - now.last_intent_ns < self.policy.cooldown_ns:
            return Decision(6, super().decide(now).score)
        return super().decide(now)


@pytest.mark.parametrize("broken", [RoundsTheOtherWay, ForgetsTheTouch, ExitsByOrderSize, LooksAtTheCooldownFirst])
def test_a_broken_twin_is_noticed(broken):
    with pytest.raises(AssertionError):
        check(broken, 600)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"take_slippage_ppm": 1_000_000}, "take_slippage_ppm must be in 0"),
        ({"take_slippage_ppm": -1}, "take_slippage_ppm must be in 0"),
        ({"enter_score": 0.9}, "0 < enter <= take"),
        ({"order_ticklots": 5}, "not both"),
        ({"qty_min_lots": 0}, "1 <= min <= max"),
        ({"price_step_ticks": 0}, "at least 1"),
        ({"cooldown_ns": -1}, "must not be negative"),
    ],
)
def test_a_policy_out_of_range_is_refused(wrong, words):
    sound = {"enter_score": 0.4, "take_score": 0.5, "exit_score": 0.2, "order_lots": 1, "position_lots": 1}
    with pytest.raises(ValueError, match=words):
        LinearPolicy([(0, 1.0, 1.0)], qty_max_lots=9, **(sound | wrong))
