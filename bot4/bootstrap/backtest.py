"""Backtests over a grid of settings, and strategies named on the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bot4.application.backtest.result import BacktestResult
    from bot4.bootstrap.backtest_input import BacktestInput
    from bot4.config import Settings
    from bot4.domain.instrument import Instrument


class TrialRunner:
    """Runs one setting of a grid after the other, each counted as a trial in the store.

    Keys with a point are settings, others arguments of the strategy.

    Attributes
    ----------
    counted : int
        Choices of this strategy tried on this data so far, those of earlier commands included; 0 before the first run.
    instruments : tuple of Instrument
        Of the data; empty before the first run.

    Raises
    ------
    NoInputError, DataError, ConfigError, StoreError
        As `BacktestInput`, `load_strategy` and `TrialBook`, once it runs.

    """

    def __init__(
        self,
        source: BacktestInput,
        strategy: str | None,
        arguments: Sequence[str],
        settings: Settings,
        *,
        strategy_latency_ns: int = 0,
    ) -> None:
        self.counted = 0
        self.instruments: tuple[Instrument, ...] = ()
        self._source, self._strategy, self._arguments, self._settings = source, strategy, tuple(arguments), settings
        self._latency_ns = strategy_latency_ns

    def __call__(self, parameters: Mapping[str, str], progress: Callable[[int, int], None]) -> BacktestResult:
        """Run one setting and count it."""
        from bot4.bootstrap.trials import TrialBook, parameters_digest
        from bot4.config import override_settings
        from bot4.domain.errors import ConfigError

        own = [f"{key}={value}" for key, value in parameters.items() if "." not in key]
        if own and self._strategy is None:
            raise ConfigError(f"{own[0].partition('=')[0]} is an argument of a strategy, and --strategy names none")
        settings = override_settings(self._settings, {key: value for key, value in parameters.items() if "." in key})
        words = (*self._arguments, *own)
        digest = parameters_digest(settings, self._strategy, words, strategy_latency_ns=self._latency_ns)
        with TrialBook(settings, digest) as book:
            made = None if self._strategy is None else load_strategy(self._strategy, words)
            result = self._source.run(made, settings, strategy_latency_ns=self._latency_ns, progress=progress)
            self.instruments = result.instruments
            self.counted = max(self.counted, book.record(result).trials)
        return result


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
    import sys
    from pathlib import Path

    if not where.endswith(".py"):
        return importlib.import_module(where)
    path = Path(where).resolve()
    # What lies beside it may be imported by it; nothing that is installed is hidden by that.
    if str(path.parent) not in sys.path:
        sys.path.append(str(path.parent))
    name = f"bot4_strategy_{path.stem}"
    specification = importlib.util.spec_from_file_location(name, path)
    if specification is None or specification.loader is None or not path.exists():
        raise ImportError(f"{where} is no Python file")
    module = importlib.util.module_from_spec(specification)
    sys.modules[name] = module  # data classes look their own module up
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
