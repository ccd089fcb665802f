"""Any interleaving of what a venue can tell of one order ends in what happened at the venue, each fill once.

The checker takes the state machine as an argument; planted faults (no dedup of trades, a cumulative quantity nobody
checks, an expiry that is not waited for) must make it fail.
"""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from builders.examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from bot4.domain import order_life
from bot4.domain.order_life import (
    Accepted,
    CancelRefused,
    LifeState,
    Missing,
    NoAnswer,
    OrderLife,
    Refused,
    Report,
    ReportKind,
    Seen,
    Sent,
    Step,
    Trade,
    advance,
)

SENT_NS, VALID_UNTIL_NS = 1_000, 2_000


@st.composite
def histories(draw):  # noqa: C901 - one paragraph for each thing that may be told
    """(quantity, truth, messages): what happened to one order, and all that may be told of it, in any order."""
    qty = draw(st.integers(1, 6))
    fate = draw(st.sampled_from(["filled", "canceled", "expired", "rejected", "lost"]))
    trades: list[Trade] = []
    if fate in {"filled", "canceled", "expired"}:
        left = qty if fate == "filled" else draw(st.integers(0, qty - 1))
        while left:
            lots = draw(st.integers(1, left))
            trades.append(Trade(100 + len(trades), lots))
            left -= lots
    messages: list[object] = []
    answered = draw(st.booleans())
    if fate == "rejected":
        messages.append(Refused() if answered else NoAnswer())
    elif fate == "lost":
        messages.append(NoAnswer())
    else:
        messages.append(Accepted() if answered else NoAnswer())
        cumulative = 0
        if draw(st.booleans()):
            messages.append(Seen(None, 0))
        for trade in trades:
            cumulative += trade.qty_lots
            end = LifeState.FILLED if cumulative == qty else None
            if draw(st.integers(0, 3)):  # one in four is lost on the stream
                messages += [trade, Seen(end, cumulative)]
            if draw(st.booleans()):
                messages.append(Seen(end, cumulative, by_query=True))
        if fate in {"canceled", "expired"} and draw(st.booleans()):
            messages.append(Seen(LifeState(fate), cumulative))
        if draw(st.booleans()):  # asked before the request arrived
            messages.append(Missing(draw(st.integers(SENT_NS, VALID_UNTIL_NS))))
    if draw(st.booleans()):
        messages.append(CancelRefused())
    doubled = messages + [m for m in messages if draw(st.integers(0, 3)) == 0]
    return qty, fate, trades, draw(st.permutations(doubled))


def check(history, machine) -> None:
    """Deliver, then settle as the gateway does, then compare with the truth."""
    qty, fate, trades, messages = history
    reports: list[Report] = []
    alarms: list[str] = []

    def tell(evidence) -> None:
        nonlocal life
        step = machine(life, evidence)
        life = step.life
        reports.extend(step.reports)
        if step.alarm:
            alarms.append(step.alarm)

    life = OrderLife(qty_lots=qty)
    tell(Sent(VALID_UNTIL_NS))
    for message in messages:
        tell(message)
    total = sum(trade.qty_lots for trade in trades)
    # What the gateway asks until nothing is open: the order, then its trades where the sum does not meet.
    if not life.has_ended or life.needs_trades:
        if fate in {"rejected", "lost"}:
            tell(Missing(VALID_UNTIL_NS + 1))
        else:
            tell(Seen(LifeState(fate), total, by_query=True))
            if life.needs_trades:
                for trade in reversed(trades):
                    tell(trade)
    assert not alarms
    assert life.has_ended
    kinds = [report.kind for report in reports]
    told = [report.trade for report in reports if report.kind is ReportKind.FILL]
    assert sorted(told, key=lambda t: t.trade_id) == trades, "each fill once"
    assert life.filled_lots == total
    if fate in {"rejected", "lost"}:
        assert kinds[-1] in {ReportKind.REJECTED, ReportKind.ABSENT}
        assert ReportKind.ACK not in kinds
    else:
        assert life.state is LifeState(fate)
        assert kinds.count(ReportKind.ACK) == 1
        assert kinds[-1] is (ReportKind.FILL if fate == "filled" else ReportKind(fate))
    assert kinds.count(ReportKind.SENT) == 1
    assert kinds.count(ReportKind.UNKNOWN) <= 1


@settings(max_examples=examples(2_000))
@given(histories())
def test_any_interleaving_ends_in_the_venues_truth(history):
    check(history, advance)


def without_dedup(life, evidence):
    return advance(replace(life, trade_ids=frozenset()), evidence)


def without_cumulative(life, evidence):
    if isinstance(evidence, Seen):  # believe the end, whatever was seen of the trades
        evidence = replace(evidence, filled_lots=life.filled_lots)
    return advance(life, evidence)


def without_patience(life, evidence):
    if isinstance(evidence, Missing):
        evidence = Missing(life.valid_until_ns + 1)
    return advance(life, evidence)


def taking_silence_for_a_refusal(life, evidence):
    return advance(life, Refused() if isinstance(evidence, NoAnswer) else evidence)


def with_cumulative_as_fill(life, evidence):
    """The cumulative quantity read as one more fill (Lean#4014)."""
    step = advance(life, evidence)
    if isinstance(evidence, Seen) and evidence.filled_lots and not life.has_ended:
        more = advance(step.life, Trade(-evidence.filled_lots, evidence.filled_lots))
        return Step(more.life, (*step.reports, *more.reports), step.alarm)
    return step


@pytest.mark.parametrize(
    "broken",
    [without_dedup, without_cumulative, without_patience, taking_silence_for_a_refusal, with_cumulative_as_fill],
)
def test_the_check_catches_a_machine_that_is(broken):
    @settings(max_examples=2_000, database=None, derandomize=True, report_multiple_bugs=False)
    @given(histories())
    def falsified(history):
        check(history, broken)

    with pytest.raises(AssertionError):
        falsified()


def test_the_cancel_fill_race_in_every_interleaving():
    """Cancel answered, cancel refused as unknown, last fill, its report: all orders of arrival."""
    filled = [Accepted(), Trade(1, 2), Trade(2, 1), Seen(LifeState.FILLED, 3), CancelRefused()]
    for order in itertools.permutations(filled):
        check((3, "filled", [Trade(1, 2), Trade(2, 1)], list(order)), order_life.advance)
    canceled = [NoAnswer(), Trade(1, 2), Seen(None, 2), Seen(LifeState.CANCELED, 2), CancelRefused(), Missing(5)]
    for order in itertools.permutations(canceled):
        check((3, "canceled", [Trade(1, 2)], list(order)), order_life.advance)
