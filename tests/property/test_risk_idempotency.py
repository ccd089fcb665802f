"""The compiled idempotency store against a dictionary."""

from __future__ import annotations

from functools import partial
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles.risk_draws import assert_caught, draws
from oracles.risk_idempotency import TwinStore

from bot4._core.risk.idempotency import IdempotencyStore

INSERT, CLOSE, LOOKUP, EXPIRE = range(4)


def draw_rows(rng: Random, length: int, ttl_ns: int) -> list[tuple[int, bytes, int]]:
    """Few ids, so that they meet again; time steps around the time to live."""
    pool = [f"b4-{i:0{rng.choice([1, 5, 33])}d}".encode() for i in range(rng.choice([3, 12, 40]))] + [b"", b"x" * 37]
    rows, now_ns = [], rng.choice([0, -50, 10**18])
    for _ in range(length):
        now_ns += rng.choice([0, 0, 1, 1, ttl_ns // 7, ttl_ns // 2, ttl_ns - 1, ttl_ns, 3 * ttl_ns, -ttl_ns])
        kind = rng.choices([INSERT, CLOSE, LOOKUP, EXPIRE], [6, 4, 2, 1])[0]
        rows.append((kind, rng.choice(pool), now_ns))
    return rows


def compiled(capacity: int, ttl_ns: int, rows) -> tuple[list[int], int]:
    store = IdempotencyStore(capacity=capacity, ttl_ns=ttl_ns, seed=7)
    ids = np.zeros((len(rows), 36), np.uint8)
    for i, (_, client_id, _) in enumerate(rows):
        ids[i, : min(36, len(client_id))] = np.frombuffer(client_id[:36], np.uint8)
    kinds = np.array([row[0] for row in rows], np.uint8)
    lengths = np.array([3 if row[0] == EXPIRE else len(row[1]) for row in rows], np.uint8)
    verdicts = store.run(kinds, ids, lengths, np.array([row[2] for row in rows], np.int64))
    counts = store.counters()
    assert len(store) == counts["open"] + counts["closed"] == counts["inserted"] - counts["evicted"]
    return [int(v) for v, row in zip(verdicts, rows, strict=True) if row[0] != EXPIRE], counts["open"]


def twin(capacity: int, ttl_ns: int, rows, store_type=TwinStore) -> tuple[list[int], int]:
    store = store_type(capacity=capacity, ttl_ns=ttl_ns)
    calls = {INSERT: store.insert, CLOSE: store.close, LOOKUP: store.lookup}
    answers = []
    for kind, client_id, now_ns in rows:
        if kind == EXPIRE:
            store.advance(now_ns)
        else:
            answers.append(calls[kind](client_id, now_ns))
    return answers, sum(end is None for end in store.ids.values())


def check_store(run, seed: int, length: int) -> set[int]:
    """`run` gives the answers and the open ids for (capacity, ttl_ns, rows); both equal the twin's."""
    rng = draws(seed)
    capacity = rng.choice([2, 4, 16])
    ttl_ns = rng.choice([1, 100, 5000, 24 * 3600 * 10**9])
    rows = draw_rows(rng, length, ttl_ns)
    expected = twin(capacity, ttl_ns, rows)
    assert run(capacity, ttl_ns, rows) == expected
    return {answer for answer, row in zip(expected[0], [r for r in rows if r[0] != EXPIRE], strict=True) if not row[0]}


@given(seed=st.integers(0, 2**32 - 1), length=st.integers(1, 120))
def test_store_answers_as_a_dictionary_would(seed: int, length: int) -> None:
    check_store(compiled, seed, length)


def test_the_drawn_rows_reach_every_verdict() -> None:
    assert set().union(*(check_store(compiled, seed, 120) for seed in range(50))) == {0, 1, 2, 3}


class _EvictsUnexpired(TwinStore):
    def insert(self, client_id, now_ns):
        closed = [key for key, end in self.ids.items() if end is not None]
        if len(self.ids) == self.capacity and closed and client_id not in self.ids:
            del self.ids[closed[0]]
        return super().insert(client_id, now_ns)


class _EvictsOpen(TwinStore):
    def insert(self, client_id, now_ns):
        if len(self.ids) == self.capacity and client_id not in self.ids:
            del self.ids[next(iter(self.ids))]
        return super().insert(client_id, now_ns)


class _NeverRenews(TwinStore):
    def insert(self, client_id, now_ns):
        before = self.ids.get(client_id)
        verdict = super().insert(client_id, now_ns)
        if verdict == 1:
            self.ids[client_id] = before
        return verdict


class _ExpiresLate(TwinStore):
    def drop_expired(self):
        self.ids = {key: end for key, end in self.ids.items() if end is None or end >= self.now_ns}


class _TruncatesIds(TwinStore):
    def insert(self, client_id, now_ns):
        return super().insert(client_id[:3] if 1 <= len(client_id) <= 36 else client_id, now_ns)


class _TimeMovesBack(TwinStore):
    def advance(self, now_ns):
        self.now_ns = now_ns


@pytest.mark.parametrize(
    "broken", [_EvictsUnexpired, _EvictsOpen, _NeverRenews, _ExpiresLate, _TruncatesIds, _TimeMovesBack]
)
def test_a_planted_fault_in_the_store_is_caught(broken: type[TwinStore]) -> None:
    assert_caught(lambda seed: check_store(partial(twin, store_type=broken), seed, 120))
