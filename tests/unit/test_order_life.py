"""One order's life, transition by transition."""

from __future__ import annotations

import itertools

import pytest

from bot4.domain.client_id import ClientIdRule, is_ours
from bot4.domain.order_id import client_order_id
from bot4.domain.order_life import (
    ENDED,
    Accepted,
    CancelRefused,
    Dropped,
    LifeState,
    Missing,
    NoAnswer,
    OrderLife,
    Refused,
    ReportKind,
    Seen,
    Sent,
    Trade,
    advance,
)

VALID = 100
ALPHABET = {
    "sent": Sent(VALID),
    "dropped": Dropped(),
    "accepted": Accepted(),
    "refused": Refused(),
    "no-answer": NoAnswer(),
    "trade-1": Trade(1, 2),
    "trade-2": Trade(2, 1),
    "working": Seen(None, 0),
    "working-2": Seen(None, 2, by_query=True),
    "canceled-2": Seen(LifeState.CANCELED, 2),
    "expired-0": Seen(LifeState.EXPIRED, 0),
    "filled": Seen(LifeState.FILLED, 3),
    "missing-early": Missing(VALID),
    "missing-late": Missing(VALID + 1),
    "cancel-refused": CancelRefused(),
}


def live(*evidence, qty_lots=3):
    life, reports, alarms = OrderLife(qty_lots=qty_lots), [], []
    for item in evidence:
        step = advance(life, item)
        life = step.life
        reports += [report.kind.value for report in step.reports]
        alarms += [step.alarm] if step.alarm else []
    return life, reports, alarms


def check_grammar(reports):
    """SENT, UNKNOWN?, ACK, FILL*, end? and the short lives; each at most once but FILL and CANCEL_REJECTED."""
    for once in ("sent", "unknown", "ack", "canceled", "expired", "rejected", "absent", "dropped"):
        assert reports.count(once) <= 1, reports
    if "fill" in reports:
        assert "ack" in reports[: reports.index("fill")], reports
    if "unknown" in reports and "ack" in reports:
        assert reports.index("unknown") < reports.index("ack"), reports


@pytest.mark.untraced
def test_every_sequence_of_four_pieces_of_evidence_keeps_the_order_of_reports_and_repeats_nothing():
    for names in itertools.product(ALPHABET, repeat=4):
        evidence = [ALPHABET[name] for name in names]
        life, reports, alarms = live(*evidence)
        check_grammar(reports)
        assert reports.count("fill") == len(life.trade_ids) <= len({"trade-1", "trade-2"} & set(names))
        ends = [report for report in reports if report in {"canceled", "expired"}]
        if ends and not alarms:
            assert reports[-1] in ends, names
        if not alarms:
            assert life.filled_lots <= life.qty_lots
        for again in evidence:  # whatever was told once tells nothing new the second time
            step = advance(life, again)
            assert not [r for r in step.reports if r.kind is ReportKind.FILL], names
            if life.state in ENDED and not step.alarm:
                assert step.life.state is life.state, names


def test_the_long_way():
    life, reports, alarms = live(Sent(VALID), Accepted(), Seen(None, 0), Trade(1, 2), Seen(None, 2), Trade(2, 1))
    assert reports == ["sent", "ack", "fill", "fill"]
    assert life.state is LifeState.FILLED
    assert not alarms


def test_a_fill_that_overtakes_the_acknowledgement_acknowledges():
    assert live(Sent(VALID), Trade(1, 3), Accepted())[1] == ["sent", "ack", "fill"]


def test_an_end_waits_for_the_fills_below_it():
    life, reports, _ = live(Sent(VALID), Accepted(), Seen(LifeState.CANCELED, 2))
    assert reports == ["sent", "ack"]
    assert life.needs_trades
    step = advance(life, Trade(1, 2))
    assert [report.kind.value for report in step.reports] == ["fill", "canceled"]
    assert not step.life.needs_trades


def test_a_canceled_order_whose_last_fill_completes_it_is_filled():
    assert live(Sent(VALID), Accepted(), Seen(LifeState.CANCELED, 3), Trade(1, 3))[0].state is LifeState.FILLED


def test_no_answer_is_left_by_evidence_only():
    for name in ("no-answer", "missing-early", "cancel-refused", "dropped"):
        assert live(Sent(VALID), NoAnswer(), ALPHABET[name])[0].state is LifeState.UNKNOWN, name
    assert live(Sent(VALID), NoAnswer(), Seen(None, 0, by_query=True))[0].state is LifeState.ACKED
    assert live(Sent(VALID), NoAnswer(), Trade(1, 1))[0].state is LifeState.ACKED
    assert live(Sent(VALID), NoAnswer(), Refused())[0].state is LifeState.REJECTED


def test_not_found_counts_only_after_the_request_could_take_no_effect():
    assert live(Sent(VALID), NoAnswer(), Missing(VALID))[1] == ["sent", "unknown"]
    assert live(Sent(VALID), NoAnswer(), Missing(VALID + 1))[1] == ["sent", "unknown", "absent"]
    assert live(Sent(VALID), Missing(VALID + 1))[0].state is LifeState.SENT, "its answer is still awaited"


def test_nothing_is_sent_twice():
    for before in ([], [NoAnswer()], [NoAnswer(), Missing(VALID + 1)], [Accepted()], [Refused()], [Trade(1, 3)]):
        life = live(Sent(VALID), *before)[0]
        step = advance(life, Sent(VALID))
        assert step.alarm
        assert step.life == life
        assert not step.reports


@pytest.mark.parametrize("name", [n for n in ALPHABET if n != "sent"])
def test_a_refused_cancellation_is_harmless_at_any_state(name):
    life = live(Sent(VALID), ALPHABET[name])[0]
    step = advance(life, CancelRefused())
    assert not step.reports
    assert not step.alarm
    assert step.life.state is life.state


def test_a_refused_cancellation_of_a_working_order_is_told_after_a_look():
    life = live(Sent(VALID), Accepted(), CancelRefused())[0]
    assert life.needs_query
    assert advance(life, Seen(None, 0)).reports == (), "an old report of the stream is no look"
    step = advance(life, Seen(None, 0, by_query=True))
    assert [report.kind for report in step.reports] == [ReportKind.CANCEL_REJECTED]
    assert not step.life.needs_query


@pytest.mark.parametrize(
    ("evidence", "word"),
    [
        ([Sent(VALID), Accepted(), Trade(1, 2), Trade(2, 2)], "fills 4 lots of an order of 3"),
        ([Sent(VALID), Accepted(), Seen(None, 4)], "tells 4 lots"),
        ([Sent(VALID), Accepted(), Seen(LifeState.FILLED, 2)], "calls an order of 3 lots filled with 2"),
        ([Sent(VALID), Trade(1, 2), Seen(LifeState.CANCELED, 1)], "ends an order with 1 lots after telling 2"),
        ([Sent(VALID), Seen(LifeState.CANCELED, 0), Trade(1, 1)], "came after the end"),
        ([Sent(VALID), NoAnswer(), Missing(VALID + 1), Trade(1, 1)], "held for absent"),
        ([Sent(VALID), Accepted(), Refused()], "refused while acked"),
        ([Sent(VALID), Accepted(), Missing(VALID + 1)], "now knows no such order"),
        ([Dropped(), Seen(None, 0)], "held for dropped"),
        ([Sent(VALID), Trade(1, 0)], "has 0 lots"),
        ([Seen(None, 0)], "not sent"),
        ([Sent(VALID), Dropped()], "dropped while sent"),
        ([Sent(VALID), Seen(LifeState.REJECTED, 1)], "rejected order with fills"),
    ],
)
def test_evidence_that_contradicts_raises_an_alarm(evidence, word):
    alarms = live(*evidence)[2]
    assert len(alarms) == 1
    assert word in alarms[0]


def test_money_that_moved_after_the_end_is_told_all_the_same():
    life, reports, _ = live(Sent(VALID), Seen(LifeState.CANCELED, 0), Trade(1, 1))
    assert reports == ["sent", "ack", "canceled", "fill"]
    assert life.filled_lots == 1


def test_an_order_has_at_least_one_lot():
    with pytest.raises(ValueError, match="at least one lot, was 0"):
        OrderLife(qty_lots=0)


def test_ids_map_to_venues_of_letters_and_digits_and_back():
    rule = ClientIdRule(max_length=32, dashes=False)
    for order_id in (0, 31, 32, 2**63):
        ours = client_order_id(7, order_id)
        assert is_ours(ours)
        assert rule.to_venue(ours).isalnum()
        assert rule.from_venue(rule.to_venue(ours)) == ours
    assert rule.from_venue("manual77") == "manual77"
    with pytest.raises(ValueError, match="at most 4"):
        ClientIdRule(max_length=4).to_venue("b4-1-7-m")
    with pytest.raises(ValueError, match="cannot be read back"):
        rule.to_venue("a-b")
