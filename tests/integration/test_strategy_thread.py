"""A Python strategy on a thread of its own: what it is told, what of it is taken, and what happens when it fails."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from decimal import Decimal
from itertools import count
from types import SimpleNamespace

import numpy as np
import pytest
from builders.engine import CASH, START_NS, Rig, one, quote

from bot4._core.engine.control import ControlCode
from bot4._core.engine.runner import ShardRunner
from bot4._core.engine.strategy import StrategyHost
from bot4._core.engine.strategy_thread import ThreadedHost
from bot4._core.engine.tape import MARK_DTYPE
from bot4._core.event_dtype import EVENT_DTYPE
from bot4._core.journal.reader import JournalReader
from bot4._core.journal.record import JournalKind
from bot4._core.types import EventKind
from bot4.application.session.strategy_keeper import StrategyKeeper
from bot4.config import load_settings
from bot4.strategy.base import Strategy, wanted_calls
from bot4.strategy.ema_cross import compiled_ema_cross

DEADLINE_S = 20.0


def until(condition, what: str) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, f"not within {DEADLINE_S:.0f} s: {what}"
        time.sleep(0.001)


def quotes(count: int, *, first: int = 0) -> np.ndarray:
    """A touch that walks up a tick a millisecond."""
    rows = [quote(i, i + 1, (100_000 + i, 50), (100_002 + i, 50)) for i in range(first, first + count)]
    return np.concatenate(rows)


def prints(count: int, *, first: int = 0) -> np.ndarray:
    return np.concatenate(
        [one(first + i, EventKind.EVENT_TRADE, a=100_001 + first + i, b=5, c=first + i) for i in range(count)]
    )


class Bench:
    """An engine behind its runner, and a strategy on its thread."""

    def __init__(self, strategy, *, journal=None, **host) -> None:
        self.rig = Rig(journal=journal)
        self.runner = ShardRunner(self.rig.engine, capacity=65_536)
        interval = strategy.timer_interval_ns if "timer" in wanted_calls(strategy) else 0
        self.host = ThreadedHost(
            strategy, self.rig.engine, wants=wanted_calls(strategy), records=self.runner.records,
            timer_interval_ns=interval, **host,
        )  # fmt: skip
        self.rig.engine.set_strategy(self.host, features=False)
        self.runner.take_asks(self.host.asks)
        self.threads = [threading.Thread(target=work, daemon=True) for work in (self.runner.run, self.host.run)]

    def push(self, events: np.ndarray) -> None:
        assert self.runner.ring.push_wait(events, self.runner.room, self.runner.records, 30.0) == len(events)

    def settle(self) -> None:
        """Wait until the shard has applied everything."""
        until(lambda: not len(self.runner.ring) and not len(self.host.asks), "the shard to be done")

    @property
    def shown(self) -> dict:
        return self.rig.engine.view()["lanes"][0]


@contextmanager
def at_work(bench: Bench):
    for thread in bench.threads:
        thread.start()
    try:
        yield bench
    finally:
        bench.runner.stop()
        bench.threads[0].join(30)
        bench.rig.engine.drain()
        bench.host.finish()
        bench.threads[1].join(30)
        assert not any(thread.is_alive() for thread in bench.threads)


class Watcher(Strategy):
    """Notes what it is told; a closed gate holds it in `on_book`."""

    def __init__(self) -> None:
        self.books, self.trades, self.fills, self.starts, self.stops = [], [], [], [], []
        self.gate = threading.Event()
        self.is_in = threading.Event()
        self.gate.set()

    def on_start(self, market) -> None:
        self.starts.append((market.position_lots, market.order_count))

    def on_book(self, market) -> None:
        self.books.append(market.bid_ticks)
        self.is_in.set()
        assert self.gate.wait(DEADLINE_S)

    def on_trade(self, market, trade) -> None:
        self.trades.append((trade.price_ticks, market.missed))

    def on_fill(self, market, fill) -> None:
        self.fills.append((fill.order_id, fill.qty_lots, market.position_lots))

    def on_stop(self, market) -> None:
        self.stops.append(market.position_lots)


def test_of_the_book_the_newest_is_told_and_the_rest_is_not_queued():
    watcher = Watcher()
    watcher.gate.clear()
    with at_work(Bench(watcher)) as bench:
        bench.push(quotes(1))
        assert watcher.is_in.wait(DEADLINE_S)
        bench.push(quotes(2_000, first=1))
        bench.settle()
        until(lambda: bench.shown["bid_ticks"] == 102_000, "the last quote to be applied")
        watcher.gate.set()
        until(lambda: len(watcher.books) == 2, "the newest book")
    assert watcher.books == [100_000, 102_000]
    assert watcher.starts == [(0, 0)]
    assert watcher.stops == [0]


def test_prints_that_come_too_fast_are_dropped_oldest_first_and_counted_at_their_place():
    watcher = Watcher()
    watcher.gate.clear()
    with at_work(Bench(watcher, capacity=64)) as bench:
        bench.push(quotes(1))
        assert watcher.is_in.wait(DEADLINE_S)
        bench.push(prints(1_000, first=1))
        bench.settle()
        until(lambda: bench.shown["last_price_ticks"] == 101_001, "the last print to be applied")
        watcher.gate.set()
        until(lambda: len(watcher.trades) == 64, "the prints that are left")
    assert [price for price, _ in watcher.trades] == list(range(100_938, 101_002)), "the newest are left"
    assert {missed for _, missed in watcher.trades} == {936}, "the loss is known before the first survivor"
    assert bench.host.counters()["missed"] == 936


class Roundtrips(Strategy):
    """Buys and sells by turns at every print that finds nothing under way."""

    def __init__(self, *, wait_s: float = 0.0) -> None:
        self.told, self.wait_s, self.doubled = [], wait_s, 0

    def on_trade(self, market, _trade) -> None:
        if market.order_count:
            return
        self.doubled += market.pending
        if market.position_lots:
            market.sell(market.position_lots, market.bid_ticks - 5, reduce_only=True, tif="ioc")
        else:
            market.buy(7, market.ask_ticks + 5, tif="ioc")

    def on_fill(self, _market, fill) -> None:
        time.sleep(self.wait_s)
        self.told.append((fill.order_id, fill.is_buy, fill.qty_lots))


def market_of(count: int) -> np.ndarray:
    """A touch that sways by a tick, and a print between two of its changes."""
    rows = [quotes(1)]
    for i in range(1, count):
        bid = 100_000 + i // 16 % 2
        rows += [one(i, EventKind.EVENT_TRADE, a=100_001, b=5, c=i), quote(i, i + 1, (bid, 50), (bid + 2, 50))]
    return np.concatenate(rows)


def fed_slowly(bench: Bench, events: np.ndarray) -> None:
    """Two events at a time, so that what is asked for comes in between."""
    for at in range(0, len(events), 2):
        bench.push(events[at : at + 2])
        if at % 8 == 0:
            time.sleep(0.0005)
    bench.settle()


@pytest.mark.untraced
def test_every_fill_is_told_once_and_in_order_and_nothing_is_asked_for_twice(tmp_path):
    trader = Roundtrips()
    with at_work(Bench(trader, journal=tmp_path / "journal")) as bench:
        fed_slowly(bench, market_of(1_500))
    lane = bench.rig.lane
    assert lane["fills"] == len(trader.told) > 10
    assert [is_buy for _, is_buy, _ in trader.told] == [i % 2 == 0 for i in range(len(trader.told))]
    assert sorted({order for order, _, _ in trader.told}) == [order for order, _, _ in trader.told]
    assert lane["intents"] == lane["fills"], "one order a round: what is asked for and not yet taken counts as working"
    assert (trader.doubled, bench.host.counters()["missed"]) == (0, 0)


def records(path) -> list[tuple[int, bytes]]:
    with JournalReader(path) as reader:
        return [(record.kind, bytes(record.payload)) for record in reader]


def replayed(folder, events: np.ndarray, journal: list[tuple[int, bytes]], *, shift: int = 0) -> Rig:
    """Apply the market and what the journal says was asked for, where it was taken; nobody decides."""
    rig = Rig(journal=folder / f"replay-{shift}")
    function = compiled_ema_cross(lots=1)
    rig.engine.set_strategy(StrategyHost(function.function, function.state, wants=()), features=False)
    at = 0
    for kind, payload in journal:
        if kind != JournalKind.JOURNAL_CONTROL:
            continue
        control = np.frombuffer(payload, EVENT_DTYPE)
        until_event = min(int(control[0]["venue_ns"]) + shift, len(events))
        rig.engine.apply(events[at:until_event])
        at = max(at, until_event)
        rig.engine.apply(control)
    rig.engine.apply(events[at:])
    return rig


def test_market_and_journal_alone_give_the_run_again(tmp_path):
    events = market_of(1_500)
    with at_work(Bench(Roundtrips(), journal=tmp_path / "live")) as bench:
        fed_slowly(bench, events)
        bench.runner.control(int(ControlCode.CONTROL_STOP))
        until(lambda: bench.rig.engine.view()["is_stopping"], "the end of decisions")
        journal, seen = records(bench.rig.journal.path), None
        while journal != seen:  # until nothing that was still asked for comes in any more
            seen, state = journal, bench.rig.engine.state_hash
            time.sleep(0.05)
            journal = records(bench.rig.journal.path)
    again = replayed(tmp_path, events, journal)
    assert records(again.journal.path) == journal
    assert again.engine.state_hash == state
    moved = replayed(tmp_path, events, journal, shift=5)
    assert records(moved.journal.path) != journal, "the check sees a request that is taken elsewhere"


class Rester(Strategy):
    """Leaves a bid far below in the market at the first book, then does what it is told at the next."""

    def __init__(self, then) -> None:
        self.then, self.calls = then, 0

    def on_book(self, market) -> None:
        self.calls += 1
        if self.calls == 1:
            market.buy(3)
            market.buy(3, 90_000)
        elif market.order_count == 1:
            self.then(market)


def keep(strategy, *, instruments=(), **overrides):
    """A rig with the strategy kept as a session keeps it."""
    rig = Rig()
    runner = ShardRunner(rig.engine, capacity=65_536)
    settings = load_settings(environment={}, overrides=overrides)
    said = []
    shown = SimpleNamespace(engine=rig.engine, instruments=instruments)
    keeper = StrategyKeeper(strategy, shown, runner, settings, on_error=pytest.fail, say=said.append)
    keeper.said = said
    shard = threading.Thread(target=runner.run, daemon=True)
    keeper.start()
    shard.start()
    return rig, runner, keeper, shard


def feed_until(rig, runner, condition, what: str, *, first: int) -> int:
    """Feed quotes until something is so; the time of the last."""
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, what
        runner.ring.push_wait(quotes(1, first=first), runner.room, runner.records, 30.0)
        first += 1
        time.sleep(0.001)
    return first


def raise_it(market):
    raise LookupError("no such thing")


@pytest.mark.parametrize("on_failure", ["cancel", "flatten"])
def test_a_strategy_that_raises_is_ended_and_the_engine_goes_on(on_failure):
    rig, runner, keeper, shard = keep(Rester(raise_it), **{"strategy.on_failure": on_failure})
    lane = lambda: rig.engine.view()["lanes"][0]  # noqa: E731 - a word for the view of now
    at = feed_until(rig, runner, lambda: keeper.error, "it to raise", first=0)
    closes = on_failure == "flatten"
    is_settled = lambda: lane()["working_orders"] == 0 and not (closes and lane()["position_lots"])  # noqa: E731
    fed = feed_until(rig, runner, is_settled, "its orders to go", first=at)
    until(lambda: rig.engine.view()["events"] == fed, "the last quote to be applied")
    held = lane()["position_lots"]
    runner.ring.push_wait(quotes(50, first=100_000), runner.room, runner.records, 30.0)
    until(lambda: rig.engine.view()["events"] == fed + 50, "the engine to go on")
    assert lane()["position_lots"] == held, "what is held stays, or is closed at once"
    runner.stop()
    shard.join(30)
    rig.engine.drain()
    keeper.end()
    assert keeper.error == "it raised LookupError('no such thing')"
    assert keeper.look() or keeper.look() or len(keeper.said) == 1, "it is said once, and at once"
    assert any("was ended" in note and "LookupError" in note for note in keeper.notes)


def test_the_instruments_of_a_session_are_shown():
    seen, named = [], object()
    rig, runner, keeper, shard = keep(Rester(lambda market: seen.append(market.instrument)), instruments=(named,))
    feed_until(rig, runner, lambda: seen, "a call", first=0)
    runner.stop()
    shard.join(30)
    rig.engine.drain()
    keeper.end()
    assert keeper.error is None
    assert seen[0] is named


def test_a_strategy_that_stalls_is_ended_and_what_it_asks_for_later_is_not_taken():
    entered, gate = threading.Event(), threading.Event()

    def hang(market):
        entered.set()
        assert gate.wait(DEADLINE_S)
        market.buy(5)

    rester = Rester(hang)
    rig, runner, keeper, shard = keep(rester, **{"strategy.stall_ms": 100})
    at = feed_until(rig, runner, entered.is_set, "the call that hangs", first=0)
    until(lambda: keeper.look() or keeper.error, "the stall to be noticed")
    assert "strategy.stall_ms" in keeper.error
    feed_until(rig, runner, lambda: rig.engine.view()["lanes"][0]["working_orders"] == 0, "its orders to go", first=at)
    orders = rig.engine.view()["lanes"][0]["intents"]
    gate.set()
    until(lambda: keeper._host.counters()["late"] == 1, "its late request to be refused")
    runner.stop()
    shard.join(30)
    rig.engine.drain()
    keeper.end()
    assert rig.engine.view()["lanes"][0]["intents"] == orders


def test_fills_that_find_no_room_are_noticed():
    gate = threading.Event()

    class Deaf(Strategy):
        def on_book(self, market):
            if not market.order_count and not market.position_lots:
                for _ in range(6):
                    market.buy(1)

        def on_fill(self, *_):
            assert gate.wait(DEADLINE_S)

    with at_work(Bench(Deaf(), own_capacity=4)) as bench:
        bench.push(quotes(1))
        until(lambda: bench.host.has_overflowed or bench.push(quotes(1, first=bench.rig.engine.view()["events"])),
              "the fills' ring to be full")  # fmt: skip
        gate.set()
    assert bench.rig.engine.now_ns >= START_NS


class Holds(Strategy):
    """Buys once, and notes what the account is shown to be worth."""

    def __init__(self) -> None:
        self.worth = []

    def on_book(self, market) -> None:
        if not self.worth:
            market.buy(10)
        self.worth.append(market.equity)


def test_the_worth_of_the_account_is_that_of_the_last_mark(tmp_path):
    strategy = Holds()
    with at_work(Bench(strategy, journal=tmp_path / "j")) as bench:
        sent = count()

        def has_filled() -> bool:
            at = next(sent)
            bench.push(quote(at, at + 1, (100_000, 50), (100_002, 50)))
            return bench.shown["position_lots"] == 10

        until(has_filled, "the fill")
        begin = next(sent)
        for first in range(begin, begin + 4_000, 400):
            told = len(strategy.worth)
            bench.push(quotes(400, first=first))
            until(lambda told=told: len(strategy.worth) > told, "the strategy to be told")
        bench.settle()
        until(lambda: not bench.host.busy_ns(), "the strategy to be done")
    with JournalReader(tmp_path / "j") as reader:
        marks = np.frombuffer(reader.payloads(JournalKind.JOURNAL_MARK), MARK_DTYPE)
    drawn = [Decimal(int(atoms)).scaleb(-8) for atoms in marks["equity_low"]]
    assert strategy.worth[0] == CASH
    assert strategy.worth[-1] == drawn[-1]
    assert set(strategy.worth) <= {CASH, *drawn}
    assert len(set(strategy.worth)) > 2
