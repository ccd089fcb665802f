"""The compiled breaker against its twin: every answer and every word over random sequences of calls."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles import risk_breaker
from oracles.risk_breaker import TwinBreaker, Word
from oracles.risk_draws import assert_caught, draws

from bot4._core.risk.breaker import Breaker, BreakerOpKind
from bot4._core.risk.op_dtype import BREAKER_OP_DTYPE

S = 10**9
Row = tuple[BreakerOpKind, int, int]


def draw_config(rng: Random) -> dict[str, Any]:
    """Thresholds that a short sequence meets."""
    cooldown_s = rng.choice([1, 3])
    probes = rng.choice([1, 2, 3])
    return {
        "error_ppm": rng.choice([0, 300_000, 500_000]),
        "min_samples": rng.choice([1, 4]),
        "window_ns": rng.choice([8 * S, 20 * S + 3]),
        "latency_limit_ns": rng.choice([0, S]),
        "latency_run": rng.choice([1, 2]),
        "stale_ns": rng.choice([0, 5 * S]),
        "max_loss_atoms": rng.choice([0, 1000]),
        "loss_window_ns": rng.choice([8 * S, 40 * S]),
        "reject_run": rng.choice([0, 2, 3]),
        "cooldown_ns": cooldown_s * S,
        "cooldown_max_ns": rng.choice([cooldown_s, 7]) * S,
        "probes": probes,
        "successes": rng.randint(1, probes),
        "probe_timeout_ns": 2 * S,
        "flood_limit": rng.choice([0, 2, 3]),
        "flood_window_ns": rng.choice([16 * S, 80 * S]),
        "policy": rng.choice([None, {risk_breaker.STALE: 3}, {risk_breaker.LATENCY: 17, risk_breaker.LOSS: 1}]),
    }


def draw_rows(rng: Random, length: int) -> list[Row]:
    """Calls with time that stands or moves on; a readmit shows the ticket of an earlier row."""
    kinds = list(BreakerOpKind)
    calm = rng.random() < 0.5
    weights = [12, 6, 10, 8, 4, 2, 4, 4, 6, 1 if calm else 3, 0.3, 1, 8]
    now_ns = rng.choice([0, 10**18])
    rows: list[Row] = []
    for i in range(length):
        now_ns += rng.choice([0, 0, S // 10, S // 2, S, 2 * S] + ([] if calm else [9 * S, 100 * S]))
        kind = rng.choices(kinds, weights)[0]
        if kind == BreakerOpKind.BREAKER_OP_READMIT and i == 0:
            kind = BreakerOpKind.BREAKER_OP_TICK
        value = {
            BreakerOpKind.BREAKER_OP_READMIT: max(0, i - 1 - int(rng.expovariate(0.3))),
            BreakerOpKind.BREAKER_OP_LATENCY: rng.choice([0, S - 1, S, 2 * S]),
            BreakerOpKind.BREAKER_OP_LOSS: rng.choice([-300, 100, 400, 999, 1000]),
            BreakerOpKind.BREAKER_OP_TRIP: rng.choice([1, 2, 3, 4, 5, 6, 7, 8]),
            BreakerOpKind.BREAKER_OP_RESET: rng.choice([0, 0, 1 << 25]),
        }.get(kind, 0)
        rows.append((kind, now_ns, value))
    return rows


def compiled(config: dict[str, Any], rows: list[Row]) -> tuple[list[int], list[int], int]:
    ops = np.zeros(len(rows), BREAKER_OP_DTYPE)
    for name, column in zip(("kind", "now_ns", "value"), zip(*rows, strict=True), strict=True):
        ops[name] = column
    breaker = Breaker(**config)
    results, words = breaker.run(ops)
    return results.tolist(), words.tolist(), breaker.action


def calls_of(twin: TwinBreaker, tickets: list[Any]) -> dict[BreakerOpKind, Callable[[int, int], Any]]:
    """What each row calls, with its time and value."""
    kind = BreakerOpKind
    return {
        kind.BREAKER_OP_ADMIT: lambda now_ns, _: twin.admit(now_ns),
        kind.BREAKER_OP_ADMIT_REDUCE: lambda *_: twin.admit_reduce(),
        kind.BREAKER_OP_READMIT: lambda _, row: twin.readmit(tickets[row] if isinstance(tickets[row], Word) else None),
        kind.BREAKER_OP_SUCCESS: lambda now_ns, _: twin.success(now_ns),
        kind.BREAKER_OP_FAILURE: lambda now_ns, _: twin.failure(now_ns),
        kind.BREAKER_OP_REJECT: lambda now_ns, _: twin.reject(now_ns),
        kind.BREAKER_OP_LATENCY: lambda now_ns, latency_ns: twin.latency(latency_ns, now_ns),
        kind.BREAKER_OP_LOSS: lambda now_ns, atoms: twin.loss(atoms, now_ns),
        kind.BREAKER_OP_MARKET: lambda now_ns, _: twin.market(now_ns),
        kind.BREAKER_OP_TRIP: lambda now_ns, reason: twin.trip(reason, now_ns),
        kind.BREAKER_OP_KILL: lambda *_: twin.kill(),
        kind.BREAKER_OP_RESET: lambda _, older: twin.reset(
            Word(generation=twin.word.generation - 1) if older else twin.word
        ),
        kind.BREAKER_OP_TICK: lambda now_ns, _: twin.tick(now_ns),
    }


def replay(twin_type: type[TwinBreaker], config: dict[str, Any], rows: list[Row]) -> tuple[list[int], list[int], int]:
    twin = twin_type(**config)
    tickets: list[Any] = []
    words = []
    calls = calls_of(twin, tickets)
    for kind, now_ns, value in rows:
        tickets.append(calls[kind](now_ns, value))
        words.append(twin.word.encode())
    results = [ticket.encode() if isinstance(ticket, Word) else int(ticket or 0) for ticket in tickets]
    return results, words, twin.action


def check_breaker(run, seed: int, length: int) -> list[int]:
    """`run` gives results, words and the last action for (config, rows); all equal the twin's."""
    rng = draws(seed)
    config = draw_config(rng)
    rows = draw_rows(rng, length)
    expected = replay(TwinBreaker, config, rows)
    assert run(config, rows) == expected
    return expected[1]


@given(seed=st.integers(0, 2**32 - 1), length=st.integers(1, 120))
def test_breaker_answers_as_its_twin_over_any_sequence(seed: int, length: int) -> None:
    check_breaker(compiled, seed, length)


def test_the_drawn_sequences_reach_every_phase_and_reason() -> None:
    words = {word for seed in range(200) for word in check_breaker(compiled, seed, 120)}
    assert {word & 3 for word in words} == {1, 2, 3}
    assert {word >> 4 & 15 for word in words if word & 3 == 2} == set(range(1, 9))
    assert {word >> 2 & 1 for word in words} == {0, 1}
    assert any(word & 3 == 3 and word >> 16 & 255 for word in words)


class _ReadmitForgetsGeneration(TwinBreaker):
    def readmit(self, ticket):
        return super().readmit(ticket and Word(generation=self.word.generation, reduce=ticket.reduce))


class _KillOnlyMovesGeneration(TwinBreaker):
    def kill(self):
        self.memory.word = Word(**(vars(self.word) | {"generation": self.word.generation + 1}))


class _ExitsAlwaysPass(TwinBreaker):
    def __init__(self, **config):
        super().__init__(**config)
        self.policy = {reason: bits & ~risk_breaker.BLOCK_EXITS for reason, bits in self.policy.items()}


class _ProbesUnbounded(TwinBreaker):
    def admit(self, now_ns):
        return super().admit(now_ns) or (self.word if self.word.phase == 3 and not self.word.killed else None)


class _CooldownNeverGrows(TwinBreaker):
    def trip(self, reason, now_ns):
        self.config["cooldown_max_ns"] = self.config["cooldown_ns"]
        return super().trip(reason, now_ns)


class _WindowKeepsEverything(TwinBreaker):
    def failure(self, now_ns):
        self.samples = [(self.epoch(now_ns, "window_ns"), failed) for _, failed in self.samples]
        super().failure(now_ns)


class _StaleMayHalfOpen(TwinBreaker):
    def cool_down(self, now_ns):
        last, self.last_market_ns = self.last_market_ns, now_ns
        super().cool_down(now_ns)
        self.last_market_ns = last


class _LossNeverRotates(TwinBreaker):
    def tick(self, now_ns):
        self.loss_epoch = self.epoch(now_ns, "loss_window_ns")
        super().tick(now_ns)


class _KillUndoneByAnyReset(TwinBreaker):
    def reset(self, _):
        return super().reset(self.word)


class _WeakerReasonReplaces(TwinBreaker):
    def trip(self, reason, now_ns):
        if self.word.phase == 2 and not self.word.killed and self.word.reason > reason:
            self.memory.word = Word(**(vars(self.word) | {"reason": 0}))
        return super().trip(reason, now_ns)


PLANTED = [
    _ReadmitForgetsGeneration,
    _KillOnlyMovesGeneration,
    _ExitsAlwaysPass,
    _ProbesUnbounded,
    _CooldownNeverGrows,
    _WindowKeepsEverything,
    _StaleMayHalfOpen,
    _LossNeverRotates,
    _KillUndoneByAnyReset,
    _WeakerReasonReplaces,
]


@pytest.mark.parametrize("planted", PLANTED)
def test_a_planted_fault_in_the_breaker_is_caught(planted: type[TwinBreaker]) -> None:
    assert_caught(lambda seed: check_breaker(partial(replay, planted), seed, 120))
