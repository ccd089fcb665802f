"""The comparison with peers: what it calls the same cash, and the events it gives them."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

PEERS = Path(__file__).resolve().parents[2] / "bench" / "peers"


@pytest.fixture
def peers(monkeypatch):
    monkeypatch.syspath_prepend(str(PEERS))
    import market  # noqa: PLC0415 - by path
    import run  # noqa: PLC0415

    yield market, run
    for name in ("market", "run"):
        sys.modules.pop(name, None)


def rows(cash: str, compiled: str) -> list[dict]:
    return [
        {"engine": "bot4 0.1.0", "run": "EMA cross, Python", "cash": "10.5"},
        {"engine": "bot4 0.1.0", "run": "EMA cross, compiled", "cash": compiled},
        {"engine": "bot4 0.1.0", "run": "an order every 100 quotes, Python", "cash": "7"},
        {"engine": "nautilus_trader 2", "run": "EMA cross, Python", "cash": cash},
        {"engine": "nautilus_trader 2", "run": "an order every 100 quotes, Python", "cash": "7"},
    ]


def test_the_same_cash_is_the_same_to_the_last_digit(peers):
    _, run = peers
    assert run.same_cash(rows("10.5", "10.5")) == []
    assert run.same_cash(rows("10.5", "10.50000001")) == [
        "EMA cross, compiled: bot4 ends with 10.50000001, nautilus_trader with 10.5"
    ]
    assert len(run.same_cash(rows("10.4", "10.5"))) == 2


def test_without_nautilus_trader_there_is_nothing_to_compare(peers):
    _, run = peers
    assert run.same_cash(rows("10.5", "1")[:3]) == []


def test_the_generated_book_is_never_crossed_and_every_print_is_at_the_touch(peers):
    market, _ = peers
    columns = market.l2(6_000)
    assert (np.diff(columns["recv_ns"]) >= 0).all()
    books: tuple[dict[int, int], dict[int, int]] = ({}, {})
    for kind, price, lots in zip(*(columns[name].tolist() for name in ("kind", "price", "lots")), strict=True):
        if kind in {market.TRADE_BUY, market.TRADE_SELL}:
            best = min(books[1]) if kind == market.TRADE_BUY else max(books[0])
            assert price == best
            continue
        side = 1 if kind in {market.ASK, market.SNAPSHOT_ASK} else 0
        books[side][price] = lots
        if lots == 0:
            del books[side][price]
        assert not books[0] or not books[1] or max(books[0]) < min(books[1])


def test_the_events_are_the_same_every_time(peers):
    market, _ = peers
    for make in (market.quotes, market.l2):
        one, other = make(2_000), make(2_000)
        assert all((one[name] == other[name]).all() for name in one)
