"""What the idempotency store promises, told one by one."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from bot4._core.risk.idempotency import IdempotencyStore, IdState, IdVerdict

DAY = 24 * 3600 * 10**9


def make(capacity: int = 4, ttl_ns: int = 100) -> IdempotencyStore:
    return IdempotencyStore(capacity=capacity, ttl_ns=ttl_ns, seed=1)


def test_the_default_holds_two_to_the_eighteenth_ids_for_a_day() -> None:
    store = IdempotencyStore(seed=1)
    assert store.capacity == 1 << 18
    store.insert("a", 0)
    store.close("a", 0)
    assert store.lookup("a", DAY - 1) is IdState.ID_CLOSED
    assert store.lookup("a", DAY) is IdState.ID_ABSENT


def test_an_open_id_is_never_forgotten() -> None:
    store = make(capacity=2)
    assert store.insert("a", 0) is store.insert("b", 0) is IdVerdict.ID_NEW
    assert store.insert("c", 10**18) is IdVerdict.ID_FULL
    assert store.insert("a", 10**18) is IdVerdict.ID_DUPLICATE
    assert store.counters() == {"open": 2, "closed": 0, "inserted": 2, "duplicates": 1, "full": 1, "evicted": 0}


def test_a_closed_id_is_remembered_until_it_expires_even_when_full() -> None:
    store = make(capacity=2)
    store.insert("a", 0)
    store.insert("b", 0)
    store.close("a", 0)
    assert store.insert("c", 99) is IdVerdict.ID_FULL
    assert store.insert("c", 100) is IdVerdict.ID_NEW
    assert store.lookup("a", 100) is IdState.ID_ABSENT


def test_a_duplicate_renews_a_closed_id_so_the_least_recently_used_goes_first() -> None:
    store = make(capacity=2)
    for name in ("a", "b"):
        store.insert(name, 0)
        store.close(name, 0)
    assert store.insert("a", 50) is IdVerdict.ID_DUPLICATE
    assert store.insert("c", 100) is IdVerdict.ID_NEW
    assert (store.lookup("a", 100), store.lookup("b", 100)) == (IdState.ID_CLOSED, IdState.ID_ABSENT)


def test_closing_tells_the_state_before() -> None:
    store = make()
    assert store.close("a", 0) is IdState.ID_ABSENT
    store.insert("a", 0)
    assert store.close("a", 0) is IdState.ID_OPEN
    assert store.close("a", 0) is IdState.ID_CLOSED
    assert store.close("a", 100) is IdState.ID_ABSENT


def test_an_expired_id_may_be_used_again() -> None:
    store = make()
    store.insert("a", 0)
    store.close("a", 0)
    assert store.insert("a", 99) is IdVerdict.ID_DUPLICATE
    assert store.insert("a", 99 + 100) is IdVerdict.ID_NEW


@pytest.mark.parametrize("client_id", ["", "x" * 37, b""])
def test_an_id_of_the_wrong_length_is_invalid(client_id: str | bytes) -> None:
    assert make().insert(client_id, 0) is IdVerdict.ID_INVALID
    assert make().lookup(client_id, 0) is IdState.ID_ABSENT


def test_ids_that_differ_in_one_byte_or_in_length_are_different() -> None:
    store = make(capacity=64)
    names = ["x" * 36, "x" * 35, "x" * 35 + "y", "y" + "x" * 35, "x", b"x\0", b"\0x", b"\0", b"\0\0", "X"]
    assert [store.insert(name, 0) for name in names] == [IdVerdict.ID_NEW] * len(names)
    assert [store.insert(name, 0) for name in names] == [IdVerdict.ID_DUPLICATE] * len(names)


def test_time_never_moves_back() -> None:
    store = make()
    store.insert("a", 0)
    store.close("a", 0)
    store.insert("b", 1000)
    assert store.lookup("a", 5) is IdState.ID_ABSENT
    assert store.close("b", 0) is IdState.ID_OPEN
    assert store.lookup("b", 1099) is IdState.ID_CLOSED


def test_a_timer_may_expire_a_bounded_number() -> None:
    store = make(capacity=16)
    for i in range(10):
        store.insert(str(i), 0)
        store.close(str(i), 0)
    assert store.expire(4, 99) == 0
    assert [store.expire(4, 100) for _ in range(4)] == [4, 4, 2, 0]
    assert len(store) == 0


@pytest.mark.parametrize("ttl_ns", [1, 1000, DAY, 1 << 60])
def test_a_full_store_turns_over_for_ever(ttl_ns: int) -> None:
    capacity = 1 << 10
    store = make(capacity=capacity, ttl_ns=ttl_ns)
    ids = np.zeros((capacity, 36), np.uint8)
    lengths = np.full(capacity, 36, np.uint8)
    now_ns = 0
    for turn in range(5):
        ids[:, :8] = np.arange(turn * capacity, (turn + 1) * capacity, dtype="<u8").view(np.uint8).reshape(-1, 8)
        for kind, verdict in ((0, IdVerdict.ID_NEW), (1, IdState.ID_OPEN), (0, IdVerdict.ID_DUPLICATE)):
            kinds = np.full(capacity, kind, np.uint8)
            assert set(store.run(kinds, ids, lengths, np.full(capacity, now_ns, np.int64))) == {verdict}
        assert store.insert("one more", now_ns) is IdVerdict.ID_FULL
        now_ns += ttl_ns
    assert store.counters()["evicted"] == 4 * capacity


@pytest.mark.untraced
def test_a_real_load_of_ids_with_equal_prefixes_finds_every_one_again() -> None:
    n = 200_000
    store = IdempotencyStore(seed=9)
    ids = np.array([f"b4-0001-{i:012d}-{i % 32:x}" for i in range(n)], "S36").view(np.uint8).reshape(n, 36)
    lengths = np.count_nonzero(ids, axis=1).astype(np.uint8)
    now_ns = np.zeros(n, np.int64)
    for kind, answer in ((0, 0), (2, 1), (0, 1), (1, 1), (2, 2)):
        assert set(store.run(np.full(n, kind, np.uint8), ids, lengths, now_ns)) == {answer}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"capacity": 1000}, "capacity must be a power of two from 2 to 2**24, was 1000"),
        ({"capacity": 1}, "capacity must be a power of two"),
        ({"ttl_ns": 0}, "ttl_ns must be between 1 and 2**60, was 0"),
        ({"seed": -1}, "seed must be between 0 and 2**64 - 1, was -1"),
    ],
)
def test_a_parameter_out_of_range_names_value_and_rule(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        IdempotencyStore(**({"capacity": 2, "ttl_ns": 1, "seed": 0} | change))


def test_columns_of_unequal_length_are_a_broken_call() -> None:
    with pytest.raises(ValueError, match="to match kinds"):
        make().run(np.zeros(2, np.uint8), np.zeros((1, 36), np.uint8), np.zeros(2, np.uint8), np.zeros(2, np.int64))


def test_a_store_is_built_once() -> None:
    store = make()
    with pytest.raises(RuntimeError, match="built once"):
        store.__init__(capacity=2, ttl_ns=1, seed=0)
