"""An EMA cross over quotes against a backtester in plain Python: the same fills, and cash to the last atom."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
from builders.backtest import MS, instrument, quotes, roomy
from builders.examples import examples
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from oracles.backtest_quotes import CrossTwin, QuoteBacktest

import bot4
from bot4.strategy.ema_cross import EmaCross, compiled_ema_cross

SPOT = instrument()
FULL = 1_000
Outcome = tuple[Fraction, int, list[tuple[int, int, int]]]


def by_bot4(
    rows: np.ndarray, cross: tuple[int, int, int, int], latency_ms: float, *, venue_clock: bool, compiled: bool = True
) -> Outcome:
    fast, slow, lots, slippage = cross
    make = compiled_ema_cross if compiled else EmaCross
    chosen = {"paper__latency": "fixed", "paper__latency_fixed_ms": latency_ms} if latency_ms else {}
    result = bot4.backtest(
        rows, SPOT, make(fast=fast, slow=slow, lots=lots, slippage_ticks=slippage), settings=roomy(**chosen),
        venue_clock=venue_clock, count_trial=False,
    )  # fmt: skip
    assert len(result.refusals) == 0
    fills = [(int(row["side"]), int(row["price_ticks"]), int(row["qty_lots"])) for row in result.fills]
    return Fraction(result.balances["USDT"]), int(result.positions["BTC" + "USDT"] * 1000), fills


def by_twin(rows: np.ndarray, cross: tuple[int, int, int, int], latency_ms: float, *, venue_clock: bool) -> Outcome:
    latency_ns = int(latency_ms * MS)
    twin = QuoteBacktest(submit_ns=latency_ns, report_ns=latency_ns, venue_clock=venue_clock)
    table = [tuple(int(value) for value in row) for row in rows.tolist()]
    twin.run(table, CrossTwin(*cross))
    return twin.cash, twin.lots, twin.fills


def check_equal(run: Callable[..., Outcome], cases: int) -> None:
    """Hold a way to run the cross to the twin, over drawn markets; raises AssertionError where they differ."""

    # What a planted fault breaks need not be made small.
    phases = [Phase.generate, Phase.shrink] if cases >= FULL else [Phase.generate]

    @settings(max_examples=cases, deadline=None, database=None, derandomize=True, phases=phases)
    @given(
        seed=st.integers(0, 2**20),
        count=st.integers(25, 400),
        cross=st.tuples(st.integers(1, 6), st.integers(7, 20), st.integers(1, 1_200), st.integers(0, 3)),
        latency_ms=st.sampled_from([0, 0.3, 1, 2.5, 7]),
        age_ms=st.sampled_from([0, 0.2, 1, 5]),
        wide=st.integers(1, 3),
    )
    def one(seed, count, cross, latency_ms, age_ms, wide):  # noqa: PLR0917 - hypothesis names them
        rows = quotes(count, seed, age_ns=int(age_ms * MS), wide=wide)
        # A report no faster than the market data of its moment: what one book for two clocks asks for.
        venue_clock = age_ms > 0 and latency_ms >= age_ms
        assert run(rows, cross, latency_ms, venue_clock=venue_clock) == by_twin(
            rows, cross, latency_ms, venue_clock=venue_clock
        )

    one()


def test_a_compiled_cross_fills_and_pays_as_the_twin_does():
    check_equal(by_bot4, examples(FULL))


def test_a_python_cross_does_what_the_compiled_one_does():
    rows = quotes(3_000, 8, wide=2)
    for latency_ms in (0, 2.5):
        both = [by_bot4(rows, (3, 9, 100, 2), latency_ms, venue_clock=False, compiled=way) for way in (True, False)]
        assert both[0] == both[1] == by_twin(rows, (3, 9, 100, 2), latency_ms, venue_clock=False)
        assert len(both[0][2]) > 50


def peeks(rows: np.ndarray, cross: tuple[int, int, int, int], latency_ms: float, *, venue_clock: bool) -> Outcome:
    """A run whose strategy is shown the market one event early."""
    early = rows.copy()
    for name in ("bid_ticks", "ask_ticks", "bid_lots", "ask_lots"):
        early[name][:-1] = rows[name][1:]
    return by_bot4(early, cross, latency_ms, venue_clock=venue_clock)


def forgets_the_fee(rows: np.ndarray, cross: tuple, latency_ms: float, *, venue_clock: bool) -> Outcome:
    cash, lots, fills = by_bot4(rows, cross, latency_ms, venue_clock=venue_clock)
    return cash + Fraction(1, 10**8) * bool(fills), lots, fills


def one_clock(rows: np.ndarray, cross: tuple, latency_ms: float, *, venue_clock: bool) -> Outcome:
    """A venue that lives by our clock whatever was asked for."""
    return by_bot4(rows, cross, latency_ms, venue_clock=not venue_clock)


@pytest.mark.parametrize("fault", [peeks, forgets_the_fee, one_clock])
def test_a_planted_fault_is_seen(fault):
    with pytest.raises(AssertionError):
        check_equal(fault, 150)
