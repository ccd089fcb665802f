"""Trades and bars in both stores: nothing twice, nothing lost, bars equal to ones counted by hand."""

from __future__ import annotations

import threading
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from builders.stores import KINDS, empty_place, open_store
from builders.synthetic import instrument

from bot4.adapters.storage.market_data import DAY_NS, HOUR_NS, MINUTE_NS, SqlMarketData
from bot4.adapters.storage.migrations import StoreError
from bot4.adapters.storage.tick_loaders import PostgresTickLoader, SqliteTickLoader
from bot4.ports.market_data import BAR_DTYPE, TICK_DTYPE

BTC = instrument()
START_NS = 1_722_470_400_000_000_000 - 3 * HOUR_NS  # three hours before August 2024


@pytest.fixture(params=KINDS)
def market(request):
    store = open_store(*empty_place(request, request.param))
    yield SqlMarketData(store, SqliteTickLoader() if request.param == "sqlite" else PostgresTickLoader())
    store.close()


def made_up(count: int, *, seed: int = 3, start_ns: int = START_NS, mean_ns: int = 20_000_000_000) -> np.ndarray:
    random = np.random.default_rng(seed)
    ticks = np.empty(count, TICK_DTYPE)
    ticks["ts_ns"] = start_ns + np.cumsum(random.integers(0, 2 * mean_ns, count))
    ticks["trade_id"] = np.arange(count)
    ticks["price_ticks"] = 6_000_000 + np.cumsum(random.integers(-9, 10, count))
    ticks["qty_lots"] = random.integers(1, 10**9, count)
    ticks["buyer_is_maker"] = random.integers(0, 2, count)
    return ticks


def bars_by_hand(ticks: np.ndarray, interval_ns: int) -> np.ndarray:
    """A plain twin: one trade after the other."""
    bars: dict[int, list[int]] = {}
    for ts, _, price, qty, is_maker in sorted(ticks.tolist()):
        open_ns = ts - ts % interval_ns
        bar = bars.setdefault(open_ns, [open_ns, price, price, price, price, 0, 0, 0])
        bar[2], bar[3], bar[4] = max(bar[2], price), min(bar[3], price), price
        bar[5] += qty
        bar[6] += 0 if is_maker else qty
        bar[7] += 1
    return np.array([tuple(bars[key]) for key in sorted(bars)], BAR_DTYPE)


def check_bars(market, ticks: np.ndarray) -> None:
    for interval in (MINUTE_NS, HOUR_NS, DAY_NS):
        expected = bars_by_hand(ticks, interval)
        assert market.bars(BTC, interval, last=100_000).tolist() == expected.tolist()


def test_trades_come_back_in_order_and_bars_are_those_counted_by_hand(market):
    ticks = made_up(3_000)
    shuffled = ticks.copy()
    np.random.default_rng(1).shuffle(shuffled)
    assert market.add_ticks(BTC, shuffled) == 3_000
    assert market.ticks(BTC, 0, 2**62).tolist() == ticks.tolist()
    middle = int(ticks["ts_ns"][1_000])
    assert market.ticks(BTC, middle, 2**62, limit=5).tolist() == ticks[1_000:1_005].tolist()
    check_bars(market, ticks)


def test_the_same_trades_again_change_nothing(market):
    ticks = made_up(500)
    assert market.add_ticks(BTC, np.concatenate([ticks, ticks[:50]])) == 500
    assert market.add_ticks(BTC, ticks[100:300]) == 0
    assert market.ticks(BTC, 0, 2**62).tolist() == ticks.tolist()
    check_bars(market, ticks)


def test_late_trades_between_old_ones_make_the_bars_again(market):
    ticks = made_up(2_000)
    market.add_ticks(BTC, ticks[::2])
    check_bars(market, ticks[::2])
    assert market.add_ticks(BTC, ticks[500:1_500]) == 500
    check_bars(market, np.concatenate([ticks[:500:2], ticks[500:1_500], ticks[1_500::2]]))


def test_bars_that_were_not_made_again_would_be_noticed(market, monkeypatch):
    """Control: a reader that trusts the bars there are."""
    ticks = made_up(200)
    market.add_ticks(BTC, ticks[::2])
    check_bars(market, ticks[::2])
    monkeypatch.setattr(SqlMarketData, "_refresh", lambda *_: None)
    market.add_ticks(BTC, ticks)
    with pytest.raises(AssertionError):
        check_bars(market, ticks)


def test_the_last_bars_before_a_moment_are_given(market):
    ticks = made_up(1_000)
    market.add_ticks(BTC, ticks)
    expected = bars_by_hand(ticks, MINUTE_NS)
    cut = int(expected["open_ns"][100])
    assert market.bars(BTC, MINUTE_NS, last=7, before_ns=cut).tolist() == expected[93:100].tolist()


def test_instruments_are_kept_apart_and_unknown_ones_are_empty(market):
    eth = replace(BTC, symbol="ETHUSDT")
    market.add_ticks(BTC, made_up(50))
    assert len(market.ticks(eth, 0, 2**62)) == 0
    assert len(market.bars(eth, MINUTE_NS, last=5)) == 0
    market.add_ticks(eth, made_up(30, seed=4))
    assert len(market.ticks(eth, 0, 2**62)) == 30
    assert len(market.ticks(BTC, 0, 2**62)) == 50


def test_trades_on_another_grid_are_refused(market):
    market.add_ticks(BTC, made_up(5))
    with pytest.raises(StoreError, match=r"in ticks of 0\.01 and lots of 1E-8, these are of 0\.1 and 1E-8"):
        market.add_ticks(replace(BTC, tick_size=Decimal("0.1"), price_step=Decimal("0.1")), made_up(5))


def test_old_trades_are_forgotten_by_the_month_and_their_bars_stay(market):
    ticks = made_up(2_000)
    august = START_NS + 3 * HOUR_NS
    assert ticks["ts_ns"][0] < august < ticks["ts_ns"][-1]
    market.add_ticks(BTC, ticks)
    assert market.forget_before(august + DAY_NS) == 1
    assert market.ticks(BTC, 0, 2**62).tolist() == ticks[ticks["ts_ns"] >= august].tolist()
    check_bars(market, ticks)
    assert market.forget_before(august + DAY_NS) == 0


def test_a_month_is_made_ahead_of_its_time(request):
    """Loads across and after the end of a month find their partition there; nothing else is made."""
    store = open_store(*empty_place(request, "postgresql"))
    market = SqlMarketData(store, PostgresTickLoader())
    market.add_ticks(BTC, made_up(10))  # July
    connection, depth = store.begin()
    names = connection.execute("SELECT inhrelid::regclass::text FROM pg_inherits ORDER BY 1").fetchall()
    store.end(depth, keep=False)
    assert [name for (name,) in names if not name.endswith("pkey")] == ["ticks_202407", "ticks_202408"]
    store.close()


def test_two_that_load_at_once_make_each_partition_once(request):
    store = open_store(*empty_place(request, "postgresql"))
    market = SqlMarketData(store, PostgresTickLoader())
    market.add_ticks(BTC, made_up(1))
    failures: list[BaseException] = []
    from bot4.adapters.storage.postgres import StoreBusyError  # noqa: PLC0415 - an extra

    def load(number: int) -> None:
        try:
            rows = made_up(200, seed=number, start_ns=START_NS + 400 * DAY_NS)
            rows["trade_id"] += 1_000 * number
            market.add_ticks(BTC, rows)
        except StoreBusyError:
            load(number)  # another one's transaction came first: nothing was kept
        except BaseException as error:  # noqa: BLE001 - told to the test's own thread
            failures.append(error)

    threads = [threading.Thread(target=load, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(market.ticks(BTC, START_NS + 300 * DAY_NS, 2**62)) == 600
    store.close()


@pytest.mark.parametrize("interval", [1, 5 * MINUTE_NS])
def test_an_interval_that_is_not_kept_is_refused(market, interval):
    with pytest.raises(ValueError, match=f"not of {interval}"):
        market.bars(BTC, interval, last=1)


def test_an_array_of_another_shape_is_refused(market):
    with pytest.raises(ValueError, match="ticks must be of shape"):
        market.add_ticks(BTC, np.zeros(3))
    with pytest.raises(ValueError, match="must not be negative, was -1"):
        market.add_ticks(BTC, np.array([(-1, 1, 1, 1, True)], TICK_DTYPE))
    assert market.add_ticks(BTC, np.empty(0, TICK_DTYPE)) == 0


def test_a_failed_load_leaves_nothing(market, monkeypatch):
    def fail(*_):
        raise KeyError

    monkeypatch.setattr("bot4.adapters.storage.market_data.instrument_id_of", fail)
    with pytest.raises(KeyError):
        market.add_ticks(BTC, made_up(5))
    monkeypatch.undo()
    assert len(market.ticks(BTC, 0, 2**62)) == 0
    assert market.add_ticks(BTC, made_up(5)) == 5
