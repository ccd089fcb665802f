"""Every backtest counted in the store, so that none of many looks like the only one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from bot4.application.backtest.result import BacktestResult
    from bot4.application.backtest.statistics import BacktestStatistics
    from bot4.config import Settings
    from bot4.domain.trial import TrialCount


class TrialBook:
    """The trials in a store, open for one choice of parameters. A context manager.

    Parameters
    ----------
    settings : Settings
        Of the store, and a part of what was chosen.
    strategy : str or None
        As the command line names it; None is the policy of the settings.
    arguments : sequence of str
        Of the strategy.
    strategy_latency_ns : int

    Raises
    ------
    ConfigError, OutputError, StoreError
        The store cannot be opened.

    """

    def __init__(
        self, settings: Settings, strategy: str | None, arguments: Sequence[str], *, strategy_latency_ns: int = 0
    ) -> None:
        from bot4.bootstrap.store import open_store

        self._parameters = parameters_digest(settings, strategy, arguments, strategy_latency_ns=strategy_latency_ns)
        self._store = open_store(settings)

    def record(self, result: BacktestResult, statistics: BacktestStatistics) -> TrialCount:
        """Keep a result as a trial, and count those of its strategy on its data, this one included."""
        from datetime import UTC, datetime

        from bot4.application.evidence.trials import count_trials, record_trial, trial_of

        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        trial = trial_of(result, statistics, parameters=self._parameters, ran_utc=now)
        record_trial(self._store, trial)
        return count_trials(self._store, trial)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._store.close()


def parameters_digest(
    settings: Settings, strategy: str | None, arguments: Sequence[str], *, strategy_latency_ns: int = 0
) -> str:
    """Return a digest of everything that was chosen: arguments, a strategy's code (see `code_of`), settings and seed.

    Settings that cannot change a result (where files and tables are kept) are left out.
    """
    import hashlib

    import msgspec

    from bot4.bootstrap.strategy_code import code_of

    chosen = msgspec.to_builtins(settings)
    del chosen["store"], chosen["run"]["data_dir"]
    text = msgspec.json.encode([chosen, sorted(arguments), strategy_latency_ns, code_of(strategy)], order="sorted")
    return hashlib.sha256(text).hexdigest()[:32]
