"""Every backtest counted in the store, so that none of many looks like the only one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from bot4.application.backtest.result import BacktestResult
    from bot4.config import Settings
    from bot4.domain.trial import Trial, TrialCount


class TrialBook:
    """The trials in a store. A context manager.

    Parameters
    ----------
    settings : Settings
        Of the store.
    parameters : str, optional
        Digest of what was chosen, see `parameters_digest`. None, where a strategy is an object made in Python: what
        came of it, so that whatever trades otherwise is another choice.

    Raises
    ------
    ConfigError, OutputError, StoreError
        The store cannot be opened.

    """

    def __init__(self, settings: Settings, parameters: str | None = None) -> None:
        from bot4.bootstrap.store import open_store

        self._parameters = parameters
        self._store = open_store(settings)

    def keep(self, result: BacktestResult) -> None:
        """Keep a result as a trial."""
        from bot4.application.evidence.trials import record_trial

        record_trial(self._store, self._trial(result))

    def count(self, result: BacktestResult) -> TrialCount:
        """Count the trials of its strategy on its data, this one included."""
        from bot4.application.evidence.trials import count_trials

        return count_trials(self._store, self._trial(result))

    def record(self, result: BacktestResult) -> TrialCount:
        """Keep a result as a trial, and count them."""
        self.keep(result)
        return self.count(result)

    def _trial(self, result: BacktestResult) -> Trial:
        from datetime import UTC, datetime

        from bot4.application.evidence.trials import trial_of

        parameters = f"result {result.result_hash}" if self._parameters is None else self._parameters
        return trial_of(result, parameters=parameters, ran_utc=datetime.now(UTC).isoformat(timespec="milliseconds"))

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
