"""How long an answer took is told to the breaker; how long an outcome was unknown is not: nobody heard it."""

from __future__ import annotations

import pytest
from builders.engine import START_NS, report, timer
from builders.venue import fill, quiet
from builders.venue_reports import ACK, SENT, UNKNOWN

# Any answer is too late, and three of them trip.
LATE = {"latency_limit_ns": 1, "latency_run": 3}


def still_passes(tmp_path, *, was_unknown, by_fill):
    """Whether orders still pass after three that were answered late."""
    rig = quiet(tmp_path, breaker=LATE)
    for number in range(3):
        order = rig.place(price_ticks=99_990 - number, qty_lots=1)
        rig.apply(report(SENT, order))
        if was_unknown:
            rig.apply(report(UNKNOWN, order))
        at_ms = 100 * (number + 1)
        rig.apply(timer(at_ms), fill(order, 1, number + 1) if by_fill else report(ACK, order))
    return bool(rig.breaker.admit(START_NS + 400_000_000))


@pytest.mark.parametrize("by_fill", [False, True])
def test_answers_that_are_late_trip_and_outcomes_that_were_asked_for_do_not(tmp_path, by_fill):
    (tmp_path / "late").mkdir()
    (tmp_path / "asked").mkdir()
    assert not still_passes(tmp_path / "late", was_unknown=False, by_fill=by_fill)
    assert still_passes(tmp_path / "asked", was_unknown=True, by_fill=by_fill)
