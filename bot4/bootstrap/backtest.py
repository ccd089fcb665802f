"""A backtest over recordings, and strategies named on the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from bot4.application.backtest_result import BacktestResult
    from bot4.config import Settings


def backtest_recordings(
    paths: Sequence[Path],
    strategy: object | None,
    settings: Settings,
    *,
    instrument_files: Sequence[Path] = (),
    market: str | None = None,
    strategy_latency_ns: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> BacktestResult:
    """Run a strategy over recordings of one market, chained in the order given.

    Plain tables of bars (``ts,open,high,low,close,volume``) are one instrument each, named by the file's name up to the
    first dot, and run side by side.

    Raises
    ------
    NoInputError, DataError
        A file is missing, cannot be read, or is damaged.
    ConfigError
        An instrument has no rules, or a setting does not fit it.
    Exception
        Whatever a Python strategy raises.

    """
    from bot4.adapters.recordings.ohlcv import is_ohlcv
    from bot4.adapters.recordings.replay_feed import ReplayFeed
    from bot4.application.assembly import InputShape
    from bot4.application.backtest import replay_backtest
    from bot4.domain.instrument import Market

    if all(is_ohlcv(path) for path in paths):
        return _backtest_bars(
            paths, strategy, settings, instrument_files=instrument_files, market=market,
            strategy_latency_ns=strategy_latency_ns, progress=progress,
        )  # fmt: skip
    source = ReplayFeed(paths, instrument_files=instrument_files, market=None if market is None else Market(market))
    has_book = source.has_book
    shape = InputShape(has_book=has_book, bar_interval_ns=source.bar_interval_ns, plays_bars=not has_book)
    return replay_backtest(
        source, shape, strategy, settings, strategy_latency_ns=strategy_latency_ns, progress=progress
    )


def _backtest_bars(
    paths: Sequence[Path],
    strategy: object | None,
    settings: Settings,
    *,
    instrument_files: Sequence[Path],
    market: str | None,
    strategy_latency_ns: int,
    progress: Callable[[int, int], None] | None,
) -> BacktestResult:
    from bot4.adapters.recordings.catalog import InstrumentCatalog
    from bot4.adapters.recordings.ohlcv import read_ohlcv
    from bot4.application.backtest import run_backtest
    from bot4.domain.instrument import Market

    catalog = InstrumentCatalog(instrument_files)
    room = Market(market) if market is not None else Market.SPOT
    instruments = [catalog.require("binance", room, path.name.partition(".")[0]) for path in paths]
    read = [read_ohlcv(path, instrument) for path, instrument in zip(paths, instruments, strict=True)]
    return run_backtest(
        {instrument.symbol: bars.rows for instrument, bars in zip(instruments, read, strict=True)},
        instruments,
        strategy,
        settings,
        strategy_latency_ns=strategy_latency_ns,
        progress=progress,
        notes=tuple(note for bars in read for note in bars.notes),
    )


def load_strategy(name: str, arguments: Sequence[str]) -> object:
    """Make a strategy from ``module:name`` or ``file.py:name`` and ``key=value`` arguments, numbers as numbers.

    Raises
    ------
    ConfigError
        There is no such module, file or name, it cannot be called with the arguments, or it makes no strategy.

    """
    from bot4.domain.errors import ConfigError
    from bot4.strategy.base import CompiledStrategy, wanted_calls

    where, colon, attribute = name.rpartition(":")
    if not colon or not where or not attribute.isidentifier():
        raise ConfigError(f"a strategy is named module:name or file.py:name, was {name!r}")
    try:
        make = getattr(_import(where), attribute)
    except (ImportError, OSError, SyntaxError, AttributeError) as error:
        raise ConfigError(f"strategy {name!r} cannot be loaded: {error}") from None
    try:
        strategy: object = make(**dict(_argument(word) for word in arguments))
        if not isinstance(strategy, CompiledStrategy):
            wanted_calls(strategy)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"strategy {name!r}: {error}") from None
    return strategy


def _import(where: str) -> object:
    import importlib
    import importlib.util
    from pathlib import Path

    if not where.endswith(".py"):
        return importlib.import_module(where)
    path = Path(where)
    specification = importlib.util.spec_from_file_location(path.stem, path)
    if specification is None or specification.loader is None or not path.exists():
        raise ImportError(f"{where} is no Python file")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def _argument(word: str) -> tuple[str, object]:
    from bot4.domain.errors import ConfigError

    key, equals, text = word.partition("=")
    if not equals or not key.isidentifier():
        raise ConfigError(f"a strategy's argument is KEY=VALUE, was {word!r}")
    for kind in (int, float):
        try:
            return key, kind(text)
        except ValueError:
            continue
    return key, {"true": True, "false": False}.get(text, text)
