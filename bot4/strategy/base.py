"""What a strategy is, in Python and compiled; the same object runs in a backtest, on paper and live."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from bot4._core.engine.python_strategy import PythonHost
from bot4._core.engine.strategy import CALLS, StrategyHost
from bot4._core.engine.strategy_thread import ThreadedHost

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from bot4._core.engine.engine import Engine
    from bot4._core.engine.python_strategy import BarTold, FillTold, Market, TradeTold
    from bot4._core.engine.runner import ShardRunner
    from bot4._core.sim.latency import Latency
    from bot4.domain.instrument import Instrument


class Strategy:
    """A strategy in Python: override what it shall be called for.

    Attributes
    ----------
    timer_interval_ns : int
        Time between two calls of `on_timer`; needed by a strategy that has one.
    reads_features : bool
        Whether `Market.features` is read; without it no features are kept, which makes a run faster.

    One thread calls the methods, one at a time: the engine's in a backtest or a replay at full speed, else one of the
    strategy's own. `market` is the instrument: what is known of it, and where orders are asked for, in whole ticks and
    lots. What a method raises ends a backtest; on a thread of its own it ends the strategy, and the engine goes on.

    """

    timer_interval_ns: int = 0
    reads_features: bool = False

    def on_start(self, market: Market) -> None:
        """Take note of an instrument, before its first event."""

    def on_book(self, market: Market) -> None:
        """Answer a change of the book or of the best quote; both sides are there."""

    def on_trade(self, market: Market, trade: TradeTold) -> None:
        """Answer a print."""

    def on_bar(self, market: Market, bar: BarTold) -> None:
        """Answer a closed bar of the data."""

    def on_timer(self, market: Market) -> None:
        """Answer the timer, once for each instrument."""

    def on_fill(self, market: Market, fill: FillTold) -> None:
        """Answer a fill of an own order; the position holds it already."""

    def on_stop(self, market: Market) -> None:
        """Take note of the end: no more events, working orders were cancelled, no request is taken."""


def take(market: Market, change_lots: int, slippage_ticks: int) -> None:
    """Ask for a change of the position now, at most `slippage_ticks` beyond the touch; onto the venue's steps.

    What is no whole step of quantity is left for later, and so is a change of less than one; a price is rounded
    towards the touch.
    """
    step, lots_step = market.instrument.ticks_per_step, market.instrument.lots_per_step
    lots = abs(change_lots) // lots_step * lots_step
    if change_lots > 0 and lots:
        market.buy(lots, (market.ask_ticks + slippage_ticks) // step * step, tif="ioc")
    elif lots:
        market.sell(lots, -(-(market.bid_ticks - slippage_ticks) // step * step), tif="ioc")


@dataclass(frozen=True, slots=True)
class CompiledStrategy:
    """A strategy that is a C function, called without the interpreter.

    Attributes
    ----------
    function : capsule or int
        A capsule named ``bot4.strategy`` or an address, of the type ``strategy_fn`` in
        ``bot4/_core/engine/strategy_call.pxd``. A function of numba's ``cfunc`` has it as ``address``.
    state : ndarray, optional
        Its last argument. A run works on a copy, so that the same strategy can run again.
    wants : tuple of str
        What it is called for: ``start``, ``book``, ``trade``, ``bar``, ``timer``, ``fill``, ``stop``.
    timer_interval_ns : int
        For ``timer``.
    reads_features : bool
        Whether it reads the feature vector.
    name : str
        For reports.

    """

    function: Any
    state: NDArray[np.void] | None = None
    wants: tuple[str, ...] = ("book",)
    timer_interval_ns: int = 0
    reads_features: bool = False
    name: str = "compiled"


_METHODS: Final = tuple(f"on_{name}" for name in CALLS)


def wanted_calls(strategy: object) -> tuple[str, ...]:
    """Return what a Python strategy has methods for, those of `Strategy` itself left out.

    Raises
    ------
    TypeError
        It has none of them.

    """
    kind = type(strategy)
    wants = tuple(
        name
        for name, method in zip(CALLS, _METHODS, strict=True)
        if callable(getattr(strategy, method, None)) and getattr(kind, method, None) is not getattr(Strategy, method)
    )
    if not wants:
        raise TypeError(f"a strategy has at least one of {', '.join(_METHODS)}, {kind.__name__} has none")
    return wants


def strategy_name(strategy: object) -> str:
    """Return what a report calls a strategy."""
    return strategy.name if isinstance(strategy, CompiledStrategy) else type(strategy).__name__


def host_strategy(
    strategy: object,
    engine: Engine,
    *,
    instruments: Sequence[Instrument] = (),
    latency: Latency | None = None,
    seed: int = 0,
    on_error: Callable[[], None] | None = None,
) -> StrategyHost:
    """Put a strategy into an engine that has seen no event yet; returns what holds it there.

    `instruments`, in the order of the engine's lanes, are what `Market.instrument` shows. `on_error` is called once
    where a strategy in Python raises, by the thread that called it.

    Raises
    ------
    TypeError
        It is no strategy.
    ValueError
        Timer and interval do not fit each other, or the engine has run.

    """
    host: StrategyHost
    if isinstance(strategy, CompiledStrategy):
        host = StrategyHost(
            strategy.function,
            None if strategy.state is None else strategy.state.copy(),
            wants=strategy.wants,
            timer_interval_ns=strategy.timer_interval_ns,
            latency=latency,
            seed=seed,
        )
        engine.set_strategy(host, features=strategy.reads_features)
        return host
    wants = wanted_calls(strategy)
    interval_ns = int(getattr(strategy, "timer_interval_ns", 0)) if "timer" in wants else 0
    host = PythonHost(strategy, engine, wants=wants, timer_interval_ns=interval_ns, latency=latency, seed=seed)
    host.on_error = on_error
    _name_instruments(host, instruments)
    engine.set_strategy(host, features=bool(getattr(strategy, "reads_features", False)))
    return host


def thread_strategy(
    strategy: object, engine: Engine, runner: ShardRunner, instruments: Sequence[Instrument] = ()
) -> ThreadedHost | None:
    """Put a strategy in Python into the engine of a runner that does not run yet; its methods want a thread (`run`).

    None for a compiled one: the shard's own thread calls it (`host_strategy`).

    Raises
    ------
    TypeError, ValueError
        As of `host_strategy`.

    """
    if isinstance(strategy, CompiledStrategy):
        return None
    wants = wanted_calls(strategy)
    features = bool(getattr(strategy, "reads_features", False))
    host = ThreadedHost(
        strategy,
        engine,
        wants=wants,
        records=runner.records,
        timer_interval_ns=int(getattr(strategy, "timer_interval_ns", 0)) if "timer" in wants else 0,
        features=features,
    )
    _name_instruments(host, instruments)
    engine.set_strategy(host, features=features)
    runner.take_asks(host.asks)
    return host


def _name_instruments(host: PythonHost, instruments: Sequence[Instrument]) -> None:
    if instruments:
        for market, instrument in zip(host.markets, instruments, strict=True):
            market.instrument = instrument
