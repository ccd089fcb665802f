"""A grid of post-only orders over depth and prints, against a backtester in plain Python that keeps two books."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from builders.backtest import LAST, MS, instrument, l2_market, roomy
from builders.examples import examples
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from oracles.backtest_grid import GridBacktest

import bot4
from bot4.domain.instrument import ContractKind
from bot4.strategy.grid import Grid, compiled_grid

PERPETUAL = instrument(kind=ContractKind.LINEAR)
FULL = 1_000
Outcome = tuple[int, int, list[tuple[int, int, int, int]], int, Fraction]
Market = tuple[np.ndarray, np.ndarray]


def by_bot4(
    market: Market, grid: dict[str, int], latency_ms: float, *, venue_clock: bool, compiled: bool = True
) -> Outcome:
    chosen = {"paper__latency": "fixed", "paper__latency_fixed_ms": latency_ms} if latency_ms else {}
    result = bot4.backtest(
        list(market), PERPETUAL, (compiled_grid if compiled else Grid)(**grid), settings=roomy(**chosen),
        venue_clock=venue_clock, count_trial=False,
    )  # fmt: skip
    assert len(result.refusals) == 0
    # What is heard after the last event is heard while the run winds down, without a market.
    last = max(int(rows["recv_ns"][-1]) for rows in market if len(rows))
    fills = result.fills[result.fills["recv_ns"] <= last]
    table = [tuple(int(row[name]) for name in ("side", "price_ticks", "qty_lots", "recv_ns")) for row in fills]
    late = result.fills[result.fills["recv_ns"] > last]
    mark = last_mid(market)
    worth = Fraction(result.equity_end) - sum(value_of(row, mark) for row in late)
    rejected = int((result.ends["kind"] == 19).sum())
    return len(result.orders), rejected, table, mark, worth


def last_mid(market: Market) -> int:
    """Mid of the book at the end, in ticks, rounded down."""
    book: tuple[dict[int, int], dict[int, int]] = ({}, {})
    for _, _, price, lots, side, _ in market[0].tolist():
        book[side][price] = lots
    bids, asks = ([price for price, lots in levels.items() if lots] for levels in book)
    return (max(bids) + min(asks)) // 2


def value_of(row: np.void, mark: int) -> Fraction:
    """What a maker's fill adds to equity at a mark."""
    lots = int(row["qty_lots"]) * (1 if row["side"] == 0 else -1)
    gain = Fraction((mark - int(row["price_ticks"])) * lots, 2_000)
    return gain - Fraction(int(row["price_ticks"]) * abs(lots), 2_000) * Fraction(2, 10_000)


def events_of(market: Market) -> list[tuple[int, int, tuple[Any, ...]]]:
    depth, trades = market
    found: list[tuple[int, int, int, tuple[Any, ...]]] = []
    levels: list[tuple[int, int, int]] = []
    for row in depth.tolist():
        venue_ns, recv_ns, price, lots, side, flags = row
        levels.append((side, price, lots))
        if flags & LAST:
            found.append((recv_ns, 0, venue_ns, ("depth", levels)))
            levels = []
    found += [(recv_ns, 1, venue_ns, ("trade", price, lots)) for venue_ns, recv_ns, price, lots, _ in trades.tolist()]
    found.sort(key=lambda item: item[:2])
    return [(venue_ns, recv_ns, what) for recv_ns, _, venue_ns, what in found]


def by_twin(market: Market, grid: dict[str, int], latency_ms: float, *, venue_clock: bool, mark: int) -> Outcome:
    latency_ns = int(latency_ms * MS)
    twin = GridBacktest(
        levels=grid["levels"], interval=grid["interval_ticks"], half_spread=grid["half_spread_ticks"],
        lots=grid["lots"], bound=grid["position_max_lots"], align=grid["align_ticks"],
        timer_ns=grid["timer_interval_ns"], submit_ns=latency_ns, report_ns=latency_ns,
    )  # fmt: skip
    events = events_of(market)
    twin.run(events if venue_clock else [(recv, recv, what) for _, recv, what in events])
    worth = Fraction(1_000_000)
    for side, price, lots, _ in twin.fills:
        worth += Fraction((mark - price) * (lots if side == 0 else -lots), 2_000)
        worth -= Fraction(price * lots, 2_000) * Fraction(2, 10_000)
    return twin.placed, twin.rejected, twin.fills, mark, worth


def check_equal(run: Callable[..., Outcome], cases: int) -> None:
    phases = [Phase.generate, Phase.shrink] if cases >= FULL else [Phase.generate]

    @settings(max_examples=cases, deadline=None, database=None, derandomize=True, phases=phases)
    @given(
        seed=st.integers(0, 2**20),
        messages=st.integers(20, 80),
        shape=st.tuples(st.integers(1, 5), st.integers(1, 4), st.integers(0, 3), st.integers(1, 40)),
        bound=st.integers(10, 300),
        align=st.integers(1, 3),
        timer_ms=st.sampled_from([20, 50, 100]),
        latencies=st.sampled_from([(0.5, 0), (2, 0), (2, 1), (3.5, 3.25), (26, 4)]),
    )
    def one(seed, messages, shape, bound, align, timer_ms, latencies):  # noqa: PLR0917 - hypothesis names them
        latency_ms, age_ms = latencies
        levels, interval, half, lots = shape
        grid = {
            "levels": levels, "interval_ticks": interval, "half_spread_ticks": half, "lots": lots,
            "position_max_lots": bound, "align_ticks": align, "timer_interval_ns": timer_ms * MS,
        }  # fmt: skip
        market = l2_market(messages, seed, age_ns=int(age_ms * MS))
        found = run(market, grid, latency_ms, venue_clock=age_ms > 0)
        assert found == by_twin(market, grid, latency_ms, venue_clock=age_ms > 0, mark=found[3])

    one()


def test_a_compiled_grid_fills_as_the_twin_with_two_books_does():
    check_equal(by_bot4, examples(FULL))


def test_a_python_grid_does_what_the_compiled_one_does():
    market = l2_market(1_500, 8, age_ns=MS)
    grid = {
        "levels": 4, "interval_ticks": 2, "half_spread_ticks": 1, "lots": 20, "position_max_lots": 200,
        "align_ticks": 2, "timer_interval_ns": 50 * MS,
    }  # fmt: skip
    both = [by_bot4(market, grid, 2, venue_clock=True, compiled=way) for way in (True, False)]
    assert both[0] == both[1]
    assert len(both[0][2]) > 50


def one_clock(market: Market, grid: dict[str, int], latency_ms: float, *, venue_clock: bool) -> Outcome:
    """A venue that lives by our clock where it should live by its own, and the other way round."""
    return by_bot4(market, grid, latency_ms, venue_clock=not venue_clock)


def sooner(market: Market, grid: dict[str, int], latency_ms: float, *, venue_clock: bool) -> Outcome:
    """Orders that arrive a hair sooner than they may, and reports that come so."""
    return by_bot4(market, grid, latency_ms * 0.999, venue_clock=venue_clock)


def generous(market: Market, grid: dict[str, int], latency_ms: float, *, venue_clock: bool) -> Outcome:
    """A venue that fills at the touch, too: prints shown one tick further than they were."""
    depth, trades = market
    far = trades.copy()
    far["price_ticks"] += np.where(trades["taker_side"] == 0, 1, -1)
    return by_bot4((depth, far), grid, latency_ms, venue_clock=venue_clock)


@pytest.mark.parametrize("fault", [one_clock, sooner, generous])
def test_a_planted_fault_is_seen(fault):
    with pytest.raises(AssertionError):
        check_equal(fault, 60)
