"""Every interleaving of two senders, a timer, an operator and a kill over the breaker's word.

Each atomic access is a step (tests/oracles/risk_breaker.py, which the property suite holds against the compiled word).

ACCEPTABLE  an order admitted and readmitted before the kill or trip took effect
ACCEPTABLE  an order refused although the breaker closed again since its admission
FORBIDDEN   a readmit that succeeds after kill returned, before a reset
FORBIDDEN   a readmit, after kill returned, of an order admitted before it, even after a reset
FORBIDDEN   a readmit of an entry after a trip that followed its admission returned
FORBIDDEN   more probes admitted in one half-open phase than its bound
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from oracles import risk_breaker as rb
from oracles.risk_breaker import Memory, Word


@dataclass
class World:
    """One run: the word, what the explorer watches, and every forbidden outcome seen."""

    memory: Memory = field(default_factory=Memory)
    killed_returned: bool = False
    trips_returned: int = 0
    probes: int = 0
    sent: int = 0
    forbidden: list[str] = field(default_factory=list)

    def state(self) -> tuple[Any, ...]:
        watched = (self.killed_returned, self.trips_returned, self.probes, self.sent)
        return (self.memory.word, *watched, tuple(self.forbidden))


Thread = Callable[[World], Generator[None, None, None]]
Readmit = Callable[[Memory, Word], Generator[None, None, bool]]


def atomic_readmit(memory: Memory, ticket: Word) -> Generator[None, None, bool]:
    return (yield from rb.readmit(memory, ticket, rb.POLICY))


def split_readmit(memory: Memory, ticket: Word) -> Generator[None, None, bool]:
    """Planted: looks, and acts one step later."""
    passes = yield from rb.readmit(memory, ticket, rb.POLICY)
    yield
    return passes


def stateful_readmit(memory: Memory, ticket: Word) -> Generator[None, None, bool]:
    """Planted: looks at the state and not at the generation."""
    seen = yield from rb.load(memory)
    return seen.phase != rb.OPEN and not seen.killed


def sender(readmit: Readmit) -> Thread:
    def steps(world: World) -> Generator[None, None, None]:
        ticket = yield from rb.admit(world.memory)
        if ticket is None:
            ticket = yield from rb.probe(world.memory)
            world.probes += ticket is not None and ticket.phase == rb.HALF_OPEN
        if ticket is None:
            return
        trips_before, killed_before = world.trips_returned, world.killed_returned
        if killed_before:
            world.forbidden.append("admitted after kill returned")
        if (yield from readmit(world.memory, ticket)):
            world.sent += 1
            if world.killed_returned:
                world.forbidden.append("readmitted after kill returned")
            if world.trips_returned > trips_before:
                world.forbidden.append("readmitted after a trip returned")

    return steps


def killer(world: World) -> Generator[None, None, None]:
    yield from rb.kill(world.memory)
    world.killed_returned = True


def tripper(world: World) -> Generator[None, None, None]:
    yield from rb.trip(world.memory, rb.STALE, latch=False)
    world.trips_returned += 1


def recovering_timer(world: World) -> Generator[None, None, None]:
    """Trips, half-opens and closes again: the word looks as before, but for its generation."""
    yield from tripper(world)
    seen = yield from rb.load(world.memory)
    if seen.phase == rb.OPEN and not seen.killed and (yield from rb.half_open(world.memory, seen, 1)):
        yield from rb.probe(world.memory)
        yield from rb.succeed(world.memory, 1, 1)


def hasty_operator(world: World) -> Generator[None, None, None]:
    """Resets the word it looked at."""
    seen = yield from rb.load(world.memory)
    if (yield from rb.reset(world.memory, seen)) and seen.killed:
        world.killed_returned = False


def explore(threads: list[Thread], start: Word | None = None) -> tuple[int, list[World]]:
    """Every reachable state, by depth-first replay; how many there are, and the worlds in which all threads ended.

    A thread's own state is a function of what it saw at each of its steps, so two prefixes in which word, world and all
    that was seen agree have the same futures: the second is not followed.
    """
    worlds: list[World] = []
    known: set[Any] = set()
    stack: list[list[int]] = [[]]
    while stack:
        schedule = stack.pop()
        world = World(memory=Memory(start or Word()))
        running: dict[int, Any] = {i: thread(world) for i, thread in enumerate(threads)}
        saw: list[tuple[Any, ...]] = [()] * len(threads)
        for generator in running.values():
            next(generator)
        taken: list[int] = []
        while running:
            choices = sorted(running)
            if len(taken) < len(schedule):
                choice = schedule[len(taken)]
            else:
                state = (world.state(), tuple(saw))
                if state in known:
                    break
                known.add(state)
                choice = choices[0]
                stack.extend([*taken, other] for other in choices[1:])
            taken.append(choice)
            saw[choice] += (world.state(),)
            try:
                next(running[choice])
            except StopIteration:
                del running[choice]
        else:
            worlds.append(world)
    return len(known), worlds


def outcomes(worlds: list[World]) -> set[str]:
    return {name for world in worlds for name in world.forbidden}


def test_no_order_passes_after_kill_in_any_interleaving() -> None:
    count, worlds = explore([sender(atomic_readmit), sender(atomic_readmit), tripper, killer])
    assert count > 1000
    assert outcomes(worlds) == set()
    assert {world.sent for world in worlds} == {0, 1, 2}
    assert all(world.memory.word.killed for world in worlds)


def test_a_check_apart_from_its_act_is_caught_letting_an_order_through_after_kill() -> None:
    _, worlds = explore([sender(split_readmit), sender(atomic_readmit), killer])
    assert "readmitted after kill returned" in outcomes(worlds)


def test_an_order_is_refused_even_if_the_breaker_closed_again_since() -> None:
    count, worlds = explore([sender(atomic_readmit), recovering_timer, killer])
    assert count > 100
    assert outcomes(worlds) == set()
    recovered = [world for world in explore([sender(atomic_readmit), recovering_timer])[1] if not world.sent]
    assert any(world.memory.word.phase == rb.CLOSED for world in recovered)


def test_a_readmit_without_the_generation_is_caught() -> None:
    _, worlds = explore([sender(stateful_readmit), recovering_timer])
    assert "readmitted after a trip returned" in outcomes(worlds)


def test_a_reset_of_an_older_word_never_undoes_a_kill() -> None:
    _, worlds = explore([hasty_operator, killer, tripper])
    for world in worlds:
        assert world.memory.word.killed or not world.killed_returned
    killed = Word(killed=True, generation=2)
    _, worlds = explore([hasty_operator, killer], start=killed)
    assert {world.memory.word.killed for world in worlds} == {True, False}
    for world in worlds:
        # Undone only where the operator looked after the second kill too.
        assert world.memory.word.killed or world.memory.word.generation == 4


def test_a_reset_that_overwrites_is_caught_undoing_a_kill() -> None:
    def overwriting_operator(world: World) -> Generator[None, None, None]:
        seen = yield from rb.load(world.memory)
        yield
        world.memory.word = Word(generation=seen.generation + 1)

    _, worlds = explore([overwriting_operator, killer])
    assert any(world.killed_returned and not world.memory.word.killed for world in worlds)


@pytest.mark.parametrize("bound", [1, 2])
def test_half_open_admits_no_more_probes_than_its_bound(bound: int) -> None:
    start = Word(phase=rb.HALF_OPEN, reason=rb.STALE, probes=bound, generation=2)
    _, worlds = explore([sender(atomic_readmit)] * 3, start=start)
    assert max(world.probes for world in worlds) == bound


def test_a_probe_counted_apart_from_its_admission_is_caught() -> None:
    def racy(world: World) -> Generator[None, None, None]:
        seen = yield from rb.load(world.memory)
        if seen.probes:
            yield
            world.memory.word = replace(seen, probes=seen.probes - 1)
            world.probes += 1

    _, worlds = explore([racy, racy], start=Word(phase=rb.HALF_OPEN, probes=1))
    assert max(world.probes for world in worlds) == 2
