"""Commands: each at most once, checked before they are handed over, and what the engine's thread is told."""

from __future__ import annotations

import json
import threading
from decimal import Decimal

import pytest
from builders.orders import order
from builders.synthetic import instrument

from bot4._core.engine.shard import ControlCode
from bot4._core.types import IntentFlag
from bot4.adapters.storage.migrations import StoreError
from bot4.adapters.storage.sqlite import SqliteStore
from bot4.application.commands.audit import AuditTrail
from bot4.application.commands.bus import CommandBus
from bot4.application.commands.commands import Batch, CancelAll, CancelOrder, Kill, PlaceOrder, TellFunding, TellSignal
from bot4.application.commands.gateway import ALL_LANES, ControlGateway
from bot4.application.commands.handlers import CommandHandlers
from bot4.domain.errors import RejectedError
from bot4.domain.order import OrderSide, OrderStatus, TimeInForce

RUN = "run"


class Sink:
    """Takes `room` control events, then none."""

    def __init__(self, room: int = 100) -> None:
        self.room = room
        self.taken: list[tuple[ControlCode, dict[str, int]]] = []

    def control(self, code: int, **fields: int) -> bool:
        if len(self.taken) == self.room:
            return False
        self.taken.append((ControlCode(code), fields))
        return True


@pytest.fixture
def sink():
    return Sink()


@pytest.fixture
def store():
    store = SqliteStore(":memory:")
    with store.unit_of_work() as unit:
        unit.runs.start(RUN, started_utc="2026-01-01", source="test", settings={})
        unit.orders.save(RUN, order())
        unit.orders.save(RUN, order(order_id=8, status=OrderStatus.FILLED))
        unit.commit()
    yield store
    store.close()


def open_bus(sink, store):
    instruments = {"BTCUSDT": instrument()}
    return CommandHandlers(ControlGateway(sink, instruments), store, RUN, instruments, now_ns=lambda: 1_000).bus()


@pytest.fixture
def bus(sink, store):
    return open_bus(sink, store)


def place(**changes) -> PlaceOrder:
    fields = {"symbol": "BTCUSDT", "side": OrderSide.SELL, "price": Decimal("60000.01"), "qty": Decimal("0.25")}
    return PlaceOrder(**(fields | changes))


def test_an_order_arrives_in_ticks_and_lots(bus, sink):
    bus.dispatch(place(tif=TimeInForce.IOC, post_only=True, reduce_only=True))
    ((code, fields),) = sink.taken
    assert code is ControlCode.CONTROL_PLACE
    assert fields == {
        "instrument": 0,
        "value": 6_000_001,
        "side": 1,
        "qty_lots": 25_000_000,
        "tif": 1,
        "flags": int(IntentFlag.INTENT_POST_ONLY | IntentFlag.INTENT_REDUCE_ONLY),
    }


def test_the_same_id_is_done_once(bus, sink):
    command = place()
    assert [bus.dispatch(command).duplicate for _ in range(3)] == [False, True, True]
    assert len(sink.taken) == 1


def test_the_same_id_from_many_threads_is_done_once(bus, sink):
    command = place()
    threads = [threading.Thread(target=bus.dispatch, args=(command,)) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(sink.taken) == 1


def test_a_refused_command_may_be_tried_again(sink, bus):
    sink.room = 0
    command = place()
    with pytest.raises(RejectedError, match="control ring is full"):
        bus.dispatch(command)
    sink.room = 1
    assert not bus.dispatch(command).duplicate


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"symbol": "ETHUSDT"}, "'ETHUSDT' is not traded in this session, which trades BTCUSDT"),
        ({"price": Decimal("60000.015")}, "not a multiple of 0.01"),
        ({"price": Decimal(0)}, "price must be above 0"),
        ({"price": Decimal("NaN")}, "price"),
        ({"qty": Decimal(0)}, "quantity must be above 0"),
        ({"qty": Decimal(-1)}, "quantity must not be negative"),
        ({"price": 1.5}, "price"),
    ],
)
def test_an_order_that_cannot_be_is_refused_here(bus, sink, changes, words):
    with pytest.raises(RejectedError, match=words):
        bus.dispatch(place(**changes))
    assert sink.taken == []


def test_only_a_working_order_can_be_cancelled(bus, sink):
    bus.dispatch(CancelOrder(symbol="BTCUSDT", order_id=7))
    with pytest.raises(RejectedError, match="order 8 cannot be cancelled: it is filled"):
        bus.dispatch(CancelOrder(symbol="BTCUSDT", order_id=8))
    with pytest.raises(RejectedError, match="order 9 cannot be cancelled: it is unknown"):
        bus.dispatch(CancelOrder(symbol="BTCUSDT", order_id=9))
    assert sink.taken == [(ControlCode.CONTROL_CANCEL, {"instrument": 0, "value": 7})]


def test_cancel_all_and_kill_reach_every_lane_or_one(bus, sink):
    bus.dispatch(CancelAll())
    bus.dispatch(CancelAll(symbol="BTCUSDT"))
    bus.dispatch(Kill())
    assert sink.taken == [
        (ControlCode.CONTROL_CANCEL_ALL, {"instrument": ALL_LANES}),
        (ControlCode.CONTROL_CANCEL_ALL, {"instrument": 0}),
        (ControlCode.CONTROL_KILL, {}),
    ]


@pytest.mark.parametrize("wrong", [place(symbol="ETHUSDT"), CancelAll(symbol="ETHUSDT"), Batch(commands=())])
def test_a_batch_with_a_part_that_cannot_be_hands_over_nothing(bus, sink, wrong):
    with pytest.raises(RejectedError):
        bus.dispatch(Batch(commands=(place(), wrong)))
    assert sink.taken == []


def test_a_batch_that_was_refused_half_way_goes_on_where_it_stopped(bus, sink):
    sink.room = 2
    batch = Batch(commands=(place(), place(), place()))
    with pytest.raises(RejectedError, match="ring is full"):
        bus.dispatch(batch)
    sink.room = 10
    assert not bus.dispatch(batch).duplicate
    assert len(sink.taken) == 3
    assert bus.dispatch(batch).duplicate
    assert bus.dispatch(batch.commands[0]).duplicate


def test_an_id_is_forgotten_after_so_many_others():
    done = []
    bus = CommandBus(remembered_max=2)
    bus.register(Kill, done.append)
    for name in ("a", "b", "c", "b", "a"):
        bus.dispatch(Kill(command_id=name))
    assert [command.command_id for command in done] == ["a", "b", "c", "a"]


def test_a_bus_is_strict_about_its_handlers():
    bus = CommandBus()
    bus.register(Kill, print)
    with pytest.raises(ValueError, match="Kill has a handler already"):
        bus.register(Kill, print)
    with pytest.raises(RejectedError, match="no handler takes CancelAll"):
        bus.dispatch(CancelAll())
    with pytest.raises(ValueError, match="remembered_max must be at least 1, was 0"):
        CommandBus(remembered_max=0)


def test_a_signal_and_a_funding_rate_arrive_in_whole_millionths_and_billionths(bus, sink):
    bus.dispatch(TellSignal(source="news", score=-0.5, confidence=0.25, age_s=1.5, symbol="BTCUSDT"))
    bus.dispatch(TellFunding(symbol="BTCUSDT", rate=Decimal("0.0001"), settled_ns=10**18))
    signal, funding = sink.taken[-2:]
    assert signal[0] == ControlCode.CONTROL_SIGNAL
    assert signal[1] == {"instrument": 0, "value": 5, "qty_lots": -500_000, "tif": 250_000, "flags": 1_500_000_000}
    assert funding[0] == ControlCode.CONTROL_FUNDING
    assert funding[1] == {"instrument": 0, "value": 100_000, "qty_lots": 10**18}


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (TellSignal(source="ta", score=0.1, confidence=1.0), "one of ml"),
        (TellSignal(source="ml", score=1.1, confidence=1.0), "score of -1 to 1"),
        (TellSignal(source="ml", score=float("nan"), confidence=1.0), "score of -1 to 1"),
        (TellSignal(source="ml", score=0.1, confidence=1.0, age_s=-1.0), "age of 0 s"),
        (TellSignal(source="ml", score=0.1, confidence=1.0, symbol="NONE"), "not traded"),
        (TellFunding(symbol="BTCUSDT", rate=Decimal(2), settled_ns=1), "funding rate"),
    ],
)
def test_what_is_no_signal_is_refused_here(bus, sink, wrong, words):
    with pytest.raises(RejectedError, match=words):
        bus.dispatch(wrong)
    assert not sink.taken


# -- the trail ---------------------------------------------------------------------------------------------------------


def trail(store) -> list[tuple[str, str, str]]:
    with store.unit_of_work() as unit:
        return [(line.kind, line.outcome.value, line.reason) for line in unit.commands.list(RUN)]


def check_trail(sink, store) -> None:
    bus = open_bus(sink, store)
    command = place()
    bus.dispatch(command)
    bus.dispatch(command)
    with pytest.raises(RejectedError):
        bus.dispatch(place(symbol="ETHUSDT"))
    assert [line[:2] for line in trail(store)] == [
        ("PlaceOrder", "done"), ("PlaceOrder", "duplicate"), ("PlaceOrder", "refused"),
    ]  # fmt: skip


def test_what_was_asked_and_how_it_was_answered_is_written_down(sink, store):
    check_trail(sink, store)
    assert "'ETHUSDT' is not traded" in trail(store)[-1][2]
    with store.unit_of_work() as unit:
        line = unit.commands.list(RUN)[0]
    assert json.loads(line.content)["price"] == "60000.01"
    assert (line.asked_ns, line.answered_ns) == (1_000, 1_000)


def test_a_trail_with_lines_left_out_would_be_noticed(sink, store, monkeypatch):
    """Control."""
    monkeypatch.setattr(AuditTrail, "refused", lambda *_: None)
    with pytest.raises(AssertionError):
        check_trail(sink, store)


def test_a_command_of_an_earlier_process_is_not_done_again(sink, store):
    command, refused = place(), place(symbol="ETHUSDT")
    first = open_bus(sink, store)
    first.dispatch(command)
    with pytest.raises(RejectedError):
        first.dispatch(refused)
    second = open_bus(sink, store)
    assert second.dispatch(command).duplicate
    with pytest.raises(RejectedError):
        second.dispatch(refused)
    assert len(sink.taken) == 1


def test_a_command_that_may_have_been_handed_over_when_the_process_ended_is_not_done_again(store, monkeypatch):
    monkeypatch.setattr(AuditTrail, "done", lambda *_: None)
    command = place()
    open_bus(Sink(), store).dispatch(command)
    assert trail(store) == [("PlaceOrder", "asked", "")]
    after = Sink()
    assert open_bus(after, store).dispatch(command).duplicate
    assert after.taken == []


def test_without_its_trail_nothing_is_done_but_what_makes_things_safer(bus, sink, store):
    store.close()
    with pytest.raises(StoreError):
        bus.dispatch(place())
    assert sink.taken == []
    bus.dispatch(Kill())
    bus.dispatch(CancelAll())
    assert [code for code, _ in sink.taken] == [ControlCode.CONTROL_KILL, ControlCode.CONTROL_CANCEL_ALL]
