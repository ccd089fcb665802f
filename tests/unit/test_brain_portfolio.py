"""The portfolio: exposures, heat, correlations and the drawdown latch that a restart must not forget."""

from __future__ import annotations

import math
import random
from fractions import Fraction

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from bot4._core.account.contract import Contract
from bot4._core.brain.portfolio import PortfolioBook

CONTRACT = Contract(1, tick_size="0.01", lot_size="0.001")
ATOMS = 10**8


def book(count: int = 3, **rules: int) -> PortfolioBook:
    made = PortfolioBook(count, **({"sample_ns": 1} | rules))
    for lane in range(count):
        made.apply_equity(lane, 10_000 * ATOMS)
    return made


def hold(made: PortfolioBook, lane: int, lots: int, mark_ticks: int = 100_000, stop_ppm: int = 20_000) -> None:
    made.apply_mark(lane, CONTRACT, lots=lots, mark_ticks=mark_ticks, stop_ppm=stop_ppm)


def test_surroundings_add_sizes_and_stops_of_the_other_instruments() -> None:
    made = book()
    hold(made, 0, 2_000)  # 2 x 1,000: 20 % of equity
    hold(made, 1, -1_000)
    hold(made, 2, 5_000)
    found = made.surroundings(2, 1)
    assert found["gross_ppm"] == 300_000
    assert 6_000 <= found["heat_ppm"] <= 6_002  # 2 % of 30 %, rounded up for each
    assert found["correlated_ppm"] == 100_000  # nothing known of correlations: all count as one market


def test_what_hedges_an_order_counts_negative() -> None:
    made = book()
    hold(made, 0, 2_000)
    assert made.surroundings(1, -1)["correlated_ppm"] == -200_000


def test_correlations_are_those_of_the_returns() -> None:
    made, dice = book(memory_samples=10_000), random.Random(5)
    logs, pairs = [math.log(1e6)] * 3, []
    for step in range(4_000):
        common, own, other = (dice.gauss(0, 0.001) for _ in range(3))
        moves = (common, 0.6 * common + 0.8 * own, other)
        logs = [log + move for log, move in zip(logs, moves, strict=True)]
        for lane in range(3):
            hold(made, lane, 0, round(math.exp(logs[lane])))
        made.apply_time(step + 1)
        pairs.append(moves)
    # 4,000 samples: three standard errors of a correlation are 0.05
    assert made.correlation(0, 1) == pytest.approx(0.6, abs=0.05)
    assert made.correlation(0, 2) == pytest.approx(0.0, abs=0.05)
    assert made.correlation(1, 0) == made.correlation(0, 1)


def test_the_drawdown_latches_at_fifteen_percent_and_recovery_does_not_clear_it() -> None:
    made = book()
    made.apply_equity(0, 8_501 * ATOMS)
    assert not made.is_latched
    made.apply_equity(0, 8_500 * ATOMS)
    assert made.is_latched
    assert made.drawdown_ppm == 150_000
    made.apply_equity(0, 20_000 * ATOMS)
    assert made.is_latched
    made.reset()
    assert not made.is_latched


def test_a_restart_takes_over_latch_and_peaks_and_never_lowers_them() -> None:
    before = book()
    before.apply_equity(1, 12_000 * ATOMS)
    before.apply_equity(1, 10_000 * ATOMS)
    assert before.is_latched
    after = book()
    after.restore(before.snapshot())
    assert after.is_latched
    fresh = book()
    fresh.restore(before.snapshot() | {"is_latched": False})
    assert not fresh.is_latched
    fresh.apply_equity(1, 10_000 * ATOMS)
    assert fresh.is_latched, "the peak of 12,000 was taken over"
    after.restore({"is_latched": False, "peaks": [0, 0, 0]})
    assert after.is_latched


def test_a_snapshot_of_other_instruments_is_refused() -> None:
    with pytest.raises(ValueError, match="snapshot of 2 instruments does not fit 3"):
        book().restore(book(2).snapshot())


def test_a_portfolio_without_equity_counts_whatever_it_holds_as_too_much() -> None:
    made = PortfolioBook(2, sample_ns=1)
    hold(made, 0, 1)
    assert made.surroundings(1, 1)["gross_ppm"] == 10**12


class Twin:
    """The portfolio from everything that ever happened, in fractions."""

    def __init__(self, count: int, limit_ppm: int) -> None:
        self.equity: list[list[int]] = [[] for _ in range(count)]
        self.held, self.limit_ppm, self.is_latched = [(0, 1, 0)] * count, limit_ppm, False

    def peak(self, lane: int) -> int:
        return max(self.equity[lane])

    def apply_equity(self, lane: int, atoms: int) -> None:
        self.equity[lane].append(atoms)
        falls = [1 - Fraction(e[-1], self.peak(i)) for i, e in enumerate(self.equity) if e and self.peak(i) > 0]
        self.is_latched = self.is_latched or any(int(fall * 10**6) >= self.limit_ppm for fall in falls)

    def exposure(self, lane: int) -> int:
        lots, mark, _ = self.held[lane]
        share = Fraction(abs(lots) * mark * 1_000 * 10**6, self.equity[lane][-1])  # an atom is 10^-8, a ticklot 10^-5
        return math.ceil(share) * (1 if lots > 0 else -1)

    def surroundings(self, lane: int, side: int) -> tuple[int, int, int]:
        others = [(self.exposure(i), self.held[i][2]) for i in range(len(self.held)) if i != lane and self.held[i][0]]
        heat = sum(abs(share) * stop // 10**6 + 1 for share, stop in others)
        return sum(abs(share) for share, _ in others), heat, side * sum(share for share, _ in others)


def check(twin: type[Twin], examples: int) -> set[bool]:
    latched: set[bool] = set()

    @settings(max_examples=examples, deadline=None, phases=(Phase.explicit, Phase.generate), database=None)
    @given(st.integers(0, 2**63))
    def compare(seed: int) -> None:
        dice = random.Random(seed)
        count, limit = dice.randint(1, 4), dice.choice([50_000, 150_000])
        made, slow = PortfolioBook(count, sample_ns=1, drawdown_max_ppm=limit), twin(count, limit)
        for lane in range(count):
            made.apply_equity(lane, 10**12)
            slow.apply_equity(lane, 10**12)
        for _ in range(dice.randint(1, 12)):
            lane = dice.randrange(count)
            equity = slow.equity[lane][-1] * dice.randint(960, 1_040) // 1_000
            made.apply_equity(lane, equity)
            slow.apply_equity(lane, equity)
            held = (dice.randint(-2_000, 2_000), dice.choice([7, 100_000, 6_000_000]), dice.choice([0, 900, 30_000]))
            hold(made, lane, held[0], held[1], held[2])
            slow.held[lane] = held
            for at in range(count):
                hold(made, at, *slow.held[at])  # a mark of every instrument, as the shard takes them
            for at in range(count):
                assert tuple(made.surroundings(at, -1).values()) == slow.surroundings(at, -1)
            assert made.is_latched == slow.is_latched
            latched.add(slow.is_latched)

    compare()
    return latched


def test_exposures_heat_and_latch_are_the_twins() -> None:
    assert check(Twin, 1_000) == {True, False}


class NewestIsThePeak(Twin):
    def peak(self, lane: int) -> int:
        return max(self.equity[lane][-2:])


class ForgetsShorts(Twin):
    def exposure(self, lane: int) -> int:
        return max(0, super().exposure(lane))


@pytest.mark.parametrize("planted", [NewestIsThePeak, ForgetsShorts])
def test_a_planted_fault_of_the_portfolio_is_found(planted: type[Twin]) -> None:
    with pytest.raises(AssertionError):
        check(planted, 300)
