"""One capture as a backtest, on paper, and through the exchange served in lockstep: the same orders, the same fills.

Exact: side, kind, price, quantity and time of every order; price, quantity, fee, trade id and time of every fill. What
is planted - a lot, a nanosecond of latency, a frame less - shows.
"""

from __future__ import annotations

import asyncio
import gzip
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest

pytest.importorskip("aiohttp")

from builders.bot4_process import bot4
from builders.engine import synthetic_capture

from bot4.adapters.simulator.lockstep import serve_lockstep
from bot4.application.evidence.parity import first_difference, outcome_of_backtest
from bot4.bootstrap import BacktestInput, through_lockstep
from bot4.bootstrap.parity import _on_paper, lockstep_door
from bot4.config import load_settings
from bot4.domain.errors import DataError, UnreachableError
from bot4.strategy.base import Strategy
from bot4.strategy.ema_cross import EmaCross
from bot4.strategy.grid import Grid, compiled_grid

GRID = {"levels": 3, "interval_ticks": 40, "half_spread_ticks": 60, "lots": 100_000, "position_max_lots": 400_000}
TOKEN = "a token"  # noqa: S105 - of an exchange of this test


class Echo(Strategy):
    """Answers each of its fills at once: what a venue tells between two events leads to orders there and then."""

    def on_book(self, market) -> None:
        if market.now_ns % 3 == 0 and not market.order_count and market.position_lots == 0:
            market.buy(20_000, market.ask_ticks + 300, tif="ioc")

    def on_fill(self, market, fill) -> None:
        if fill.is_buy:
            market.sell(fill.qty_lots, market.bid_ticks - 300, tif="ioc")


def chosen(**overrides: object):
    plain = {key.replace("__", "."): value for key, value in overrides.items()}
    return load_settings(environment={}, overrides={"strategy.cooldown_ms": 100, "strategy.enter_score": 0.3} | plain)


@pytest.fixture(scope="module")
def capture(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("capture") / "btcusdt"
    path.write_bytes(synthetic_capture(2_500))
    return path


@contextmanager
def served(path: Path | list[Path], settings):
    """Serve captures in lockstep on a thread of this process; its address."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    serving = serve_lockstep(lockstep_door(path if isinstance(path, list) else [path], settings, TOKEN), "127.0.0.1", 0)
    runner, address = asyncio.run_coroutine_threadsafe(serving, loop).result(20)
    try:
        yield address
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(20)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(20)
        loop.close()


def through_the_exchange(path: Path, make, settings, *, exchange=None, plays: Path | None = None, latency_ns=0):
    with served(plays or path, exchange or settings) as address:
        return through_lockstep([path], make, settings, address, TOKEN, strategy_latency_ns=latency_ns)


def as_backtest(path: Path, make, settings, *, latency_ns=0):
    result = BacktestInput([path]).run(make(), settings, strategy_latency_ns=latency_ns)
    return outcome_of_backtest(result)


@pytest.mark.parametrize(
    ("make", "overrides", "latency_ns"),
    [
        (lambda: None, {}, 0),
        (lambda: None, {"paper__queue_model": "probabilistic", "paper__partial_fills": True}, 0),
        (lambda: Grid(**GRID), {"paper__queue_model": "conservative"}, 0),
        (lambda: compiled_grid(**GRID), {"paper__latency": "zero"}, 0),
        (lambda: EmaCross(lots=100_000, slippage_ticks=500), {}, 3_500_001),
        (Echo, {"paper__latency": "zero", "paper__queue_model": "conservative"}, 0),
        (Echo, {"paper__latency": "fixed", "paper__latency_fixed_ms": 2.5}, 0),
    ],
    ids=["policy", "drawn fills", "python grid", "compiled grid", "latency of its own", "echo at once", "echo"],
)
def test_backtest_and_served_exchange_are_one_run(capture, make, overrides, latency_ns):
    settings = chosen(**overrides)
    expected = as_backtest(capture, make, settings, latency_ns=latency_ns)
    found = through_the_exchange(capture, make, settings, latency_ns=latency_ns)
    assert first_difference(expected, found) is None
    assert len(found.orders) > 8
    assert len(found.fills) > 5


@pytest.mark.untraced
def test_a_lot_a_nanosecond_and_a_frame_show(capture, tmp_path):
    settings = chosen(paper__latency="fixed", paper__latency_fixed_ms=2.0)
    make = lambda: EmaCross(lots=100_000, slippage_ticks=500)  # noqa: E731 - one line, named for what it is
    expected = as_backtest(capture, make, settings)
    assert first_difference(expected, through_the_exchange(capture, make, settings)) is None
    more = through_the_exchange(capture, lambda: EmaCross(lots=101_000, slippage_ticks=500), settings)
    assert "qty_lots 100000 and 101000" in first_difference(expected, more)
    later = chosen(paper__latency="fixed", paper__latency_fixed_ms=2.000001)
    found = first_difference(expected, through_the_exchange(capture, make, settings, exchange=later))
    assert "fill 1 of backtest and of served differ: recv_ns" in found
    lines = capture.read_bytes().splitlines(keepends=True)
    less = tmp_path / "btcusdt"
    lost = next(at for at, line in enumerate(lines) if at > 1_000 and b"depthUpdate" in line)
    less.write_bytes(b"".join(lines[:lost] + lines[lost + 1 :]))
    assert first_difference(expected, through_the_exchange(capture, make, settings, plays=less)) is not None


@pytest.mark.real_data
def test_a_piece_of_a_recorded_day_is_one_run(shared_data, tmp_path):
    with gzip.open(shared_data / "ws_captures/hftbacktest/spot/btcusdt_20240808.gz") as recorded:
        lines = [recorded.readline() for _ in range(4_000)]
    piece = tmp_path / "btcusdt_20240808.gz"
    piece.write_bytes(gzip.compress(b"".join(lines)))
    settings = chosen(paper__queue_model="conservative")
    make = lambda: compiled_grid(**GRID)  # noqa: E731 - one line, named for what it is
    expected = as_backtest(piece, make, settings)
    assert first_difference(expected, through_the_exchange(piece, make, settings)) is None
    assert len(expected.fills) > 3


def test_the_door_wants_its_token_and_takes_one_client(capture):
    settings = chosen()
    with served(capture, settings) as address:
        with pytest.raises(UnreachableError, match="401"):
            through_lockstep([capture], lambda: None, settings, address, "another")
        through_lockstep([capture], lambda: None, settings, address, TOKEN)
        with pytest.raises(UnreachableError, match="409"):
            through_lockstep([capture], lambda: None, settings, address, TOKEN)


@pytest.fixture(scope="module")
def pair(capture, tmp_path_factory) -> list[Path]:
    """The same and, for the same time, another instrument."""
    other = tmp_path_factory.mktemp("pair") / "ethusdt"
    text = synthetic_capture(1_500, seed=6)
    other.write_bytes(text.replace(b"BTCUSDT", b"ETHUSDT").replace(b"btcusdt", b"ethusdt"))
    return [capture, other]


@pytest.mark.parametrize(
    ("make", "overrides"),
    [
        (lambda: None, {"paper__queue_model": "probabilistic", "paper__partial_fills": True}),
        (lambda: Grid(**GRID), {"paper__latency": "fixed", "paper__latency_fixed_ms": 2.5}),
        (Echo, {"paper__latency": "zero", "paper__queue_model": "conservative"}),
        (Echo, {"paper__latency": "fixed", "paper__latency_fixed_ms": 0.5}),
    ],
    ids=["policy, drawn fills", "grids that send at one time", "echo at once", "echo"],
)
def test_two_instruments_are_one_run_in_all_three_ways(pair, make, overrides):
    settings = chosen(**overrides)
    expected = outcome_of_backtest(BacktestInput(pair).run(make(), settings))
    with served(pair, settings) as address:
        found = through_lockstep(pair, make, settings, address, TOKEN)
    assert first_difference(expected, found) is None
    assert first_difference(expected, _on_paper(pair, make(), settings, 0)) is None
    assert len(found.orders) > 16
    assert len(found.fills) > 5


def test_a_file_of_two_symbols_is_refused(pair, tmp_path):
    both = tmp_path / "both"
    both.write_bytes(b"".join(path.read_bytes() for path in pair))
    with pytest.raises(DataError, match="one symbol"):
        lockstep_door([both], chosen(), TOKEN)


def test_the_command_compares_all_three_and_says_where_they_part(capture, tmp_path):
    done = bot4("parity", capture, "--set", "strategy.cooldown_ms=300")
    assert done.returncode == 0, done.stderr
    told = done.stdout.splitlines()
    assert [line.split()[0] for line in told] == ["backtest", "paper", "served", "the"]
    assert len({line.split(maxsplit=1)[1] for line in told[:3]}) == 1
    done = bot4("parity", tmp_path / "none")
    assert (done.returncode, "none" in done.stderr) == (66, True)
