"""Slow twin of the circuit breaker: its word as named fields, its trips as lists, and each atomic access a step.

The word functions are generators that yield before every atomic access, so that an explorer may interleave them; run to
their end at once they are the sequential twin.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field, replace
from typing import Any

CLOSED, OPEN, HALF_OPEN = 1, 2, 3
LATENCY, ERROR_RATE, REJECTS, PROBE, STALE, MANUAL, LOSS, JOURNAL, KILL = range(1, 10)
BLOCK_ENTRIES, BLOCK_EXITS, CANCEL_RESTING, FLATTEN, LATCH = 1, 2, 4, 8, 16
POLICY = {
    LATENCY: BLOCK_ENTRIES | CANCEL_RESTING,
    ERROR_RATE: BLOCK_ENTRIES | CANCEL_RESTING,
    REJECTS: BLOCK_ENTRIES,
    PROBE: BLOCK_ENTRIES | CANCEL_RESTING,
    STALE: BLOCK_ENTRIES | CANCEL_RESTING,
    MANUAL: BLOCK_ENTRIES | CANCEL_RESTING | LATCH,
    LOSS: BLOCK_ENTRIES | CANCEL_RESTING | FLATTEN,
    JOURNAL: BLOCK_ENTRIES | BLOCK_EXITS | CANCEL_RESTING | LATCH,
    KILL: BLOCK_ENTRIES | BLOCK_EXITS | CANCEL_RESTING | LATCH,
}
SLOTS = 8


@dataclass(frozen=True)
class Word:
    """The atomic word, field by field."""

    phase: int = CLOSED
    killed: bool = False
    reduce: bool = False
    reason: int = 0
    probes: int = 0
    successes: int = 0
    latched: bool = False
    generation: int = 1

    def encode(self) -> int:
        bits = self.phase | self.killed << 2 | self.reduce << 3 | self.reason << 4
        return bits | self.probes << 8 | self.successes << 16 | self.latched << 24 | self.generation << 25


@dataclass
class Memory:
    """One atomic object."""

    word: Word = field(default_factory=Word)


# A word function: yields before each atomic access, returns its answer.
Steps = Generator[None, None, Any]


def load(memory: Memory) -> Steps:
    yield
    return memory.word


def compare_and_swap(memory: Memory, seen: Word, after: Word) -> Steps:
    yield
    if memory.word != seen:
        return False
    memory.word = after
    return True


def admit(memory: Memory) -> Steps:
    seen = yield from load(memory)
    return seen if seen.phase == CLOSED and not seen.killed else None


def probe(memory: Memory) -> Steps:
    while True:
        seen = yield from load(memory)
        if seen.killed or seen.phase == OPEN or (seen.phase == HALF_OPEN and seen.probes == 0):
            return None
        if seen.phase == CLOSED:
            return seen
        after = replace(seen, probes=seen.probes - 1)
        if (yield from compare_and_swap(memory, seen, after)):
            return after


def exits_pass(word: Word, policy: dict[int, int]) -> bool:
    return word.phase != OPEN or not policy[word.reason] & BLOCK_EXITS


def admit_reduce(memory: Memory, policy: dict[int, int]) -> Steps:
    seen = yield from load(memory)
    return None if seen.killed or not exits_pass(seen, policy) else replace(seen, reduce=True)


def readmit(memory: Memory, ticket: Word | None, policy: dict[int, int]) -> Steps:
    seen = yield from load(memory)
    if ticket is None or seen.generation != ticket.generation or seen.killed:
        return False
    return seen.phase != OPEN or (ticket.reduce and exits_pass(seen, policy))


def trip(memory: Memory, reason: int, *, latch: bool) -> Steps:
    while True:
        seen = yield from load(memory)
        if seen.killed:
            return 0
        was_open = seen.phase == OPEN
        after = Word(
            phase=OPEN,
            reason=max(reason, seen.reason if was_open else 0),
            latched=latch or (was_open and seen.latched),
            generation=seen.generation + 1,
        )
        if was_open and (after.reason, after.latched) == (seen.reason, seen.latched):
            return 0
        if (yield from compare_and_swap(memory, seen, after)):
            return 2 if was_open else 1


def half_open(memory: Memory, seen: Word, probes: int) -> Steps:
    after = Word(phase=HALF_OPEN, reason=seen.reason, probes=probes, generation=seen.generation)
    return (yield from compare_and_swap(memory, seen, after))


def succeed(memory: Memory, probes: int, needed: int) -> Steps:
    while True:
        seen = yield from load(memory)
        if seen.killed or seen.phase != HALF_OPEN or seen.successes >= probes - seen.probes:
            return False
        closes = seen.successes + 1 >= needed
        after = Word(generation=seen.generation) if closes else replace(seen, successes=seen.successes + 1)
        if (yield from compare_and_swap(memory, seen, after)):
            return closes


def kill(memory: Memory) -> Steps:
    while True:
        seen = yield from load(memory)
        after = replace(seen, killed=True, generation=seen.generation + 1)
        if (yield from compare_and_swap(memory, seen, after)):
            return None


def reset(memory: Memory, seen: Word) -> Steps:
    return (yield from compare_and_swap(memory, seen, Word(generation=seen.generation + 1)))


def finish(steps: Steps) -> Any:
    """Run a word function to its end with nobody in between."""
    while True:
        try:
            next(steps)
        except StopIteration as done:
            return done.value


class TwinBreaker:
    """The whole breaker, one call after the other."""

    def __init__(self, **config: Any) -> None:
        self.config = {
            "error_ppm": 500_000, "min_samples": 10, "window_ns": 10**10, "latency_limit_ns": 10**9, "latency_run": 3,
            "stale_ns": 5 * 10**9, "max_loss_atoms": 0, "loss_window_ns": 3600 * 10**9, "reject_run": 10,
            "cooldown_ns": 5 * 10**9, "cooldown_max_ns": 300 * 10**9, "probes": 3, "successes": 3,
            "probe_timeout_ns": 10**10, "flood_limit": 5, "flood_window_ns": 600 * 10**9,
        } | config  # fmt: skip
        self.policy = POLICY | (config.get("policy") or {})
        self.memory = Memory()
        self.samples: list[tuple[int, bool]] = []
        self.trips: list[int] = []
        self.latency_run = self.reject_run = 0
        self.last_market_ns = self.reopen_ns = self.probe_deadline_ns = 0
        self.pnl = 0
        self.pnl_samples = dict.fromkeys(range(SLOTS), 0)
        self.loss_epoch = 0
        self.loss_reference = 0

    @property
    def word(self) -> Word:
        return self.memory.word

    def epoch(self, now_ns: int, window: str) -> int:
        return now_ns // -(-self.config[window] // SLOTS)

    def is_stale(self, now_ns: int) -> bool:
        limit = self.config["stale_ns"]
        return bool(limit and self.last_market_ns) and now_ns - self.last_market_ns > limit

    def cool_down(self, now_ns: int) -> None:
        seen = self.word
        over = now_ns >= self.reopen_ns and not self.is_stale(now_ns)
        if seen.killed or seen.phase != OPEN or seen.latched or not over:
            return
        finish(half_open(self.memory, seen, self.config["probes"]))
        self.samples.clear()
        self.latency_run = self.reject_run = 0

    def admit(self, now_ns: int) -> Word | None:
        ticket = finish(admit(self.memory))
        if ticket is not None:
            return ticket
        self.cool_down(now_ns)
        if self.word.phase == HALF_OPEN and self.word.probes:
            self.probe_deadline_ns = max(self.probe_deadline_ns, now_ns + self.config["probe_timeout_ns"])
        return finish(probe(self.memory))

    def admit_reduce(self) -> Word | None:
        return finish(admit_reduce(self.memory, self.policy))

    def readmit(self, ticket: Word | None) -> bool:
        return finish(readmit(self.memory, ticket, self.policy))

    def trip(self, reason: int, now_ns: int) -> bool:
        seen = self.word
        opens = seen.phase != OPEN
        latch = bool(self.policy[reason] & LATCH)
        if seen.killed or (not opens and seen.reason >= reason and not latch):
            return False
        epoch = self.epoch(now_ns, "flood_window_ns")
        recent = sum(epoch - at < SLOTS for at in self.trips)
        flood = opens and self.config["flood_limit"] and recent + 1 >= self.config["flood_limit"]
        cooldown = min(self.config["cooldown_ns"] * 2**recent, self.config["cooldown_max_ns"])
        self.reopen_ns = max(self.reopen_ns, now_ns + cooldown)
        changed = finish(trip(self.memory, reason, latch=bool(latch or flood)))
        if changed == 1:
            self.trips.append(epoch)
        return changed != 0

    def success(self, now_ns: int) -> None:
        self.samples.append((self.epoch(now_ns, "window_ns"), False))
        self.reject_run = 0
        finish(succeed(self.memory, self.config["probes"], self.config["successes"]))

    def failure(self, now_ns: int) -> None:
        epoch = self.epoch(now_ns, "window_ns")
        self.samples.append((epoch, True))
        if self.word.phase == HALF_OPEN:
            self.trip(PROBE, now_ns)
            return
        window = [failed for at, failed in self.samples if epoch - at < SLOTS]
        enough = self.config["error_ppm"] and len(window) >= self.config["min_samples"]
        if enough and sum(window) * 10**6 >= len(window) * self.config["error_ppm"]:
            self.trip(ERROR_RATE, now_ns)

    def reject(self, now_ns: int) -> None:
        self.reject_run += 1
        self.samples.append((self.epoch(now_ns, "window_ns"), False))
        if self.word.phase == HALF_OPEN:
            self.trip(PROBE, now_ns)
        elif self.config["reject_run"] and self.reject_run >= self.config["reject_run"]:
            self.trip(REJECTS, now_ns)

    def latency(self, latency_ns: int, now_ns: int) -> None:
        limit = self.config["latency_limit_ns"]
        self.latency_run = self.latency_run + 1 if limit and latency_ns >= limit else 0
        if limit and self.latency_run >= self.config["latency_run"]:
            self.trip(LATENCY, now_ns)

    def loss(self, atoms: int, now_ns: int) -> None:
        self.pnl -= atoms
        if self.config["max_loss_atoms"] and self.loss_reference - self.pnl >= self.config["max_loss_atoms"]:
            self.trip(LOSS, now_ns)

    def market(self, now_ns: int) -> None:
        self.last_market_ns = max(self.last_market_ns, now_ns)

    def kill(self) -> None:
        finish(kill(self.memory))

    def reset(self, seen: Word) -> bool:
        if not finish(reset(self.memory, seen)):
            return False
        self.samples.clear()
        self.trips.clear()
        self.latency_run = self.reject_run = 0
        self.pnl_samples = dict.fromkeys(range(SLOTS), self.pnl)
        self.loss_reference = self.pnl
        return True

    def tick(self, now_ns: int) -> None:
        epoch = self.epoch(now_ns, "loss_window_ns")
        if epoch > self.loss_epoch:
            for passed in range(max(self.loss_epoch + 1, epoch - SLOTS + 1), epoch + 1):
                self.pnl_samples[passed % SLOTS] = self.pnl
            self.loss_epoch = epoch
            self.loss_reference = max(self.pnl_samples.values())
        if self.last_market_ns == 0:
            self.market(now_ns)
        if self.is_stale(now_ns):
            self.trip(STALE, now_ns)
        self.cool_down(now_ns)
        seen = self.word
        waiting = self.config["probes"] - seen.probes > seen.successes
        if seen.phase == HALF_OPEN and not seen.killed and waiting and now_ns >= self.probe_deadline_ns:
            self.trip(PROBE, now_ns)

    @property
    def action(self) -> int:
        if self.word.killed:
            return self.policy[KILL]
        return self.policy[self.word.reason] if self.word.phase == OPEN else 0
