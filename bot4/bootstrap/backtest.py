"""A backtest over recordings, and strategies named on the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from bot4.adapters.recordings.replay_feed import ReplayFeed
    from bot4.adapters.storage.archive import Selection
    from bot4.application.backtest_result import BacktestResult
    from bot4.config import Settings
    from bot4.domain.instrument import Instrument


def backtest_recordings(
    paths: Sequence[Path],
    strategy: object | None,
    settings: Settings,
    *,
    instrument_files: Sequence[Path] = (),
    market: str | None = None,
    strategy_latency_ns: int = 0,
    funding_files: Sequence[Path] = (),
    progress: Callable[[int, int], None] | None = None,
    archive: Path | None = None,
    from_ns: int | None = None,
    to_ns: int | None = None,
) -> BacktestResult:
    """Run a strategy over recordings of one market, chained in the order given, or over what an archive holds.

    Plain tables of bars (``ts,open,high,low,close,volume``) are one instrument each, named by the file's name up to the
    first dot, and run side by side; funding rates of perpetuals go with those, each file named by its symbol. Paths
    that are no files are names of the archive, where there is one; `from_ns` and `to_ns` are for those.

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
    from bot4.bootstrap.archive import are_names, select_rows
    from bot4.domain.errors import ConfigError
    from bot4.domain.instrument import Market

    if are_names(paths, archive):
        selected = select_rows([str(path) for path in paths], archive, from_ns=from_ns, to_ns=to_ns)
        return _backtest_selected(
            selected, strategy, settings, strategy_latency_ns=strategy_latency_ns, progress=progress
        )
    if from_ns is not None or to_ns is not None:
        raise ConfigError("a period is chosen of what an archive holds; files are taken whole")
    if all(is_ohlcv(path) for path in paths):
        return _backtest_bars(
            paths, strategy, settings, instrument_files=instrument_files, market=market,
            strategy_latency_ns=strategy_latency_ns, funding_files=funding_files, progress=progress,
        )  # fmt: skip
    _refuse_funding(funding_files)
    source = ReplayFeed(paths, instrument_files=instrument_files, market=None if market is None else Market(market))
    return _replay(source, strategy, settings, strategy_latency_ns=strategy_latency_ns, progress=progress)


def _replay(
    source: ReplayFeed,
    strategy: object | None,
    settings: Settings,
    *,
    strategy_latency_ns: int,
    progress: Callable[[int, int], None] | None,
) -> BacktestResult:
    from bot4.application.assembly import InputShape
    from bot4.application.backtest import replay_backtest

    has_book = source.has_book
    shape = InputShape(has_book=has_book, bar_interval_ns=source.bar_interval_ns, plays_bars=not has_book)
    return replay_backtest(
        source, shape, strategy, settings, strategy_latency_ns=strategy_latency_ns, progress=progress
    )


def _backtest_selected(
    selected: Sequence[Selection],
    strategy: object | None,
    settings: Settings,
    *,
    strategy_latency_ns: int,
    progress: Callable[[int, int], None] | None,
) -> BacktestResult:
    """Run over what an archive gave: captures as the files they are, rows where they lie."""
    from dataclasses import replace

    from bot4.adapters.recordings.replay_feed import ReplayFeed
    from bot4.application.backtest import run_backtest
    from bot4.domain.errors import ConfigError

    notes = tuple(note for one in selected for note in one.notes)
    captures = list(dict.fromkeys(path for one in selected for path in one.captures))
    if captures:
        if any(one.rows is not None for one in selected):
            raise ConfigError("captures run apart from rows: name either")
        source = ReplayFeed(captures, instruments=[one.instrument for one in selected])
        result = _replay(source, strategy, settings, strategy_latency_ns=strategy_latency_ns, progress=progress)
        return replace(result, notes=(*result.notes, *notes))
    rows = {one.instrument.symbol: one.rows for one in selected if one.rows is not None}
    if len(rows) != len(selected):
        raise ConfigError("a backtest takes each symbol once")
    return run_backtest(
        rows,
        [one.instrument for one in selected],
        strategy,
        settings,
        strategy_latency_ns=strategy_latency_ns,
        progress=progress,
        notes=notes,
    )


def _backtest_bars(
    paths: Sequence[Path],
    strategy: object | None,
    settings: Settings,
    *,
    instrument_files: Sequence[Path],
    market: str | None,
    strategy_latency_ns: int,
    funding_files: Sequence[Path],
    progress: Callable[[int, int], None] | None,
) -> BacktestResult:
    from bot4.application.backtest import run_backtest

    instruments, data, notes = _read_bars(paths, instrument_files, market)
    return run_backtest(
        data, instruments, strategy, settings, strategy_latency_ns=strategy_latency_ns, progress=progress, notes=notes,
        funding=_read_funding(funding_files),
    )  # fmt: skip


def _read_funding(paths: Sequence[Path]) -> dict[str, Any] | None:
    """Rates by symbol: what a file's name begins with."""
    import re

    from bot4.adapters.recordings.funding import read_funding

    return {re.split(r"[^A-Za-z0-9]", path.name)[0]: read_funding(path) for path in paths} or None


def _refuse_funding(paths: Sequence[Path]) -> None:
    from bot4.domain.errors import ConfigError

    if paths:
        raise ConfigError("--funding goes with plain tables of bars (from Python: with arrays), not with recordings")


def _read_bars(
    paths: Sequence[Path], instrument_files: Sequence[Path], market: str | None
) -> tuple[list[Instrument], dict[str, Any], tuple[str, ...]]:
    from bot4.adapters.recordings.catalog import InstrumentCatalog
    from bot4.adapters.recordings.ohlcv import read_ohlcv
    from bot4.domain.instrument import Market

    catalog = InstrumentCatalog(instrument_files)
    room = Market(market) if market is not None else Market.SPOT
    instruments = [catalog.require("binance", room, path.name.partition(".")[0]) for path in paths]
    read = [read_ohlcv(path, instrument) for path, instrument in zip(paths, instruments, strict=True)]
    data = {instrument.symbol: bars.rows for instrument, bars in zip(instruments, read, strict=True)}
    return instruments, data, tuple(note for bars in read for note in bars.notes)


class TrialRunner:
    """Runs one setting of a grid over recordings after the other, each counted as a trial in the store.

    Keys with a point are settings, others arguments of the strategy. Plain tables of bars are read once, recordings for
    each run.

    Attributes
    ----------
    counted : int
        Choices of this strategy tried on this data so far, those of earlier commands included; 0 before the first run.

    Raises
    ------
    NoInputError, DataError, ConfigError, StoreError
        As `backtest_recordings`, `load_strategy` and `TrialBook`, some of them only once it runs.

    """

    def __init__(
        self,
        paths: Sequence[Path],
        strategy: str | None,
        arguments: Sequence[str],
        settings: Settings,
        *,
        instrument_files: Sequence[Path] = (),
        market: str | None = None,
        strategy_latency_ns: int = 0,
        funding_files: Sequence[Path] = (),
    ) -> None:
        from bot4.adapters.recordings.ohlcv import is_ohlcv

        self.counted = 0
        self._paths, self._strategy, self._arguments, self._settings = paths, strategy, tuple(arguments), settings
        self._files, self._market, self._latency_ns = instrument_files, market, strategy_latency_ns
        has_bars = all(is_ohlcv(path) for path in paths)
        self._bars = _read_bars(paths, instrument_files, market) if has_bars else None
        if not has_bars:
            _refuse_funding(funding_files)
        self._funding = _read_funding(funding_files)

    def __call__(self, parameters: Mapping[str, str], progress: Callable[[int, int], None]) -> BacktestResult:
        """Run one setting and count it."""
        from bot4.application.backtest_statistics import judge
        from bot4.bootstrap.trials import TrialBook
        from bot4.config import override_settings
        from bot4.domain.errors import ConfigError

        own = [f"{key}={value}" for key, value in parameters.items() if "." not in key]
        if own and self._strategy is None:
            raise ConfigError(f"{own[0].partition('=')[0]} is an argument of a strategy, and --strategy names none")
        settings = override_settings(self._settings, {key: value for key, value in parameters.items() if "." in key})
        words = (*self._arguments, *own)
        with TrialBook(settings, self._strategy, words, strategy_latency_ns=self._latency_ns) as book:
            result = self._run(
                None if self._strategy is None else load_strategy(self._strategy, words), settings, progress
            )
            self.counted = max(self.counted, book.record(result, judge(result)).trials)
        return result

    def _run(self, strategy: object | None, settings: Settings, progress: Callable[[int, int], None]) -> BacktestResult:
        from bot4.application.backtest import run_backtest

        if self._bars is None:
            return backtest_recordings(
                self._paths, strategy, settings, instrument_files=self._files, market=self._market,
                strategy_latency_ns=self._latency_ns, progress=progress,
            )  # fmt: skip
        instruments, data, notes = self._bars
        return run_backtest(
            data, instruments, strategy, settings, strategy_latency_ns=self._latency_ns, progress=progress,
            notes=notes, funding=self._funding,
        )  # fmt: skip


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
