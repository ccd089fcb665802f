"""The kill soak: what it counts, that it notices a bot that is wrong, and a few real kills (200 are in .ci/run)."""

from __future__ import annotations

from decimal import Decimal

import pytest
import soak

from bot4._core.engine.control import ControlCode
from bot4._core.journal.record import JournalKind
from bot4._core.journal.stream import Journal

ORDER = {"clientOrderId": "b4-1-7-2", "status": "FILLED", "origQty": "0.5", "executedQty": "0.5"}
TRADE = {"id": 3, "price": "100", "qty": "0.5", "quoteQty": "50", "commission": "0.001", "commissionAsset": "BTC",
         "isBuyer": True}  # fmt: skip
ORDERS = {"b4-1-7-2": ("filled", "0.5", "0.5")}
FILLS = [(3, "100", "0.5", "0.001", "BTC")]


def ledger(**changed):
    balances = {"USDT": soak.OPENING["USDT"] - 50, "BTC": soak.OPENING["BTC"] + Decimal("0.499")}
    return {
        "orders": [ORDER],
        "trades": [TRADE],
        "openOrders": [],
        "balances": {asset: {"free": str(free), "locked": "0"} for asset, free in balances.items()},
    } | changed


def counted(ledger, orders, fills):
    verdict = soak.Verdict(kills=1, in_flight=1)
    soak.count(verdict, ledger, orders, fills)
    return verdict


def test_what_agrees_counts_as_nothing():
    verdict = counted(ledger(), ORDERS, FILLS)
    assert str(verdict) == "kills=1 in_flight=1 intents=1 lost=0 ghost=0 doubled=0"
    assert verdict.holds


@pytest.mark.parametrize(
    ("word", "ledger", "orders", "fills"),
    [
        ("ghost", ledger(), {}, FILLS),
        ("lost", ledger(orders=[]), ORDERS, FILLS),
        ("lost", ledger(trades=[]), ORDERS, FILLS),
        ("lost", ledger(), ORDERS, []),
        ("lost", ledger(openOrders=[ORDER]), ORDERS, FILLS),
        ("lost", ledger(), {"b4-1-7-2": ("canceled", "0.5", "0.5")}, FILLS),
        ("lost", ledger(), {"b4-1-7-2": ("filled", "0.5", "0.4")}, FILLS),
        ("lost", ledger(), ORDERS, [(3, "101", "0.5", "0.001", "BTC")]),
        ("lost", ledger(balances={}), ORDERS, FILLS),
        ("doubled", ledger(orders=[ORDER, ORDER]), ORDERS, FILLS),
        ("doubled", ledger(), ORDERS, FILLS * 2),
    ],
)
def test_every_difference_is_counted(word, ledger, orders, fills):
    verdict = counted(ledger, orders, fills)
    assert getattr(verdict, word) > 0
    assert not verdict.holds


def test_too_few_kills_with_an_order_in_flight_prove_nothing():
    verdict = counted(ledger(), ORDERS, FILLS)
    verdict.kills = 4
    assert not verdict.holds


@pytest.mark.parametrize(
    ("kills", "lanes", "sizes"), [(201, 3, [67, 67, 67]), (5, 8, [1] * 5), (500, 2, [167, 167, 166])]
)
def test_rounds_share_the_kills_out(kills, lanes, sizes):
    assert soak.rounds(kills, lanes) == sizes


def test_what_rounds_counted_is_added_up():
    one = soak.Verdict(kills=1, in_flight=1, intents=2, orders=2, lost=1, ghost=2, doubled=3, refused=4)
    one.states["submitted here, filled there"] = 2
    total = soak.Verdict()
    total.add(one)
    total.add(one)
    assert str(total) == "kills=2 in_flight=2 intents=4 lost=2 ghost=4 doubled=6"
    assert (total.orders, total.refused, total.states["submitted here, filled there"]) == (4, 8, 4)


@pytest.mark.slow
@pytest.mark.untraced
def test_a_round_that_breaks_off_is_told_and_adds_nothing(monkeypatch):
    monkeypatch.setenv("BOT4_RISK__ORDERS_PER_S", "-1")  # no life can start
    said = []
    total, broken = soak.soak(2, seed=1, lanes=2, say=said.append)
    assert (total.kills, broken) == (0, 2)
    assert len(said) == 2
    assert all("broke off" in line for line in said)


def test_a_journal_is_read_while_it_is_written(tmp_path):
    """Cut at any byte, as who reads beside the writer may find it: what is whole counts, and nothing is raised."""
    path = tmp_path / "shard-0.journal"
    with Journal(path) as journal:
        for kind in (JournalKind.JOURNAL_INTENT, JournalKind.JOURNAL_CONTROL, JournalKind.JOURNAL_INTENT):
            payload = bytes(24) + bytes([int(ControlCode.CONTROL_GATE_OPEN)]) + bytes(39)
            journal.append(int(kind), payload, mono_ns=1, wall_ns=1)
        size = journal.size_bytes
    tail = path.read_bytes()[64:size]
    record = len(tail) // 3
    whole = [(0, False), (1, False), (1, True), (2, True)]
    for end in range(len(tail) + 1):
        assert soak.told(tail[:end]) == whole[end // record], end


@pytest.mark.slow
@pytest.mark.untraced
def test_kills_lose_nothing_make_nothing_up_and_double_nothing():
    verdict = soak.live_round(8, seed=11)
    assert (verdict.kills, verdict.lost, verdict.ghost, verdict.doubled) == (8, 0, 0, 0)
    assert verdict.intents == verdict.orders > 0


def forget_the_run_before():
    """The next life begins anew, as if nothing had been before."""
    from bot4.bootstrap import live_account  # noqa: PLC0415 - in the child alone

    live_account.find_unfinished = lambda *_: None


def take_open_orders_for_settled():
    """The next life knows the orders of the one before and takes them for done."""
    from bot4.application.past.run_past import RunPast  # noqa: PLC0415 - in the child alone

    RunPast.unsettled = property(lambda _: [])


@pytest.mark.slow
@pytest.mark.untraced
@pytest.mark.parametrize("plant", [forget_the_run_before, take_open_orders_for_settled])
def test_a_bot_that_is_wrong_about_its_past_is_noticed(plant, monkeypatch):
    monkeypatch.setattr(soak, "LIFE_S", 8.0)
    try:
        verdict = soak.live_round(8, seed=12, plant=plant)
    except RuntimeError as noticed:  # its own books ended it, or it waits for ever
        assert "a life" in str(noticed)  # noqa: PT017 - either way is right
    else:
        assert verdict.lost or verdict.ghost or verdict.doubled
