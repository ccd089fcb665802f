"""The entries from Python: what ``bot4.replay``, ``bot4.backtest`` and ``bot4.judge`` are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bot4.application.backtest.result import BacktestResult
    from bot4.application.backtest.statistics import BacktestStatistics
    from bot4.config import Settings
    from bot4.domain.instrument import Instrument
    from bot4.dto.summary import RunSummary
    from bot4.ports.run_view import RunView


class QuietDisplay:
    """Shows nothing."""

    def show(self, view: RunView) -> None:
        """Do nothing."""

    def say(self, message: str) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


def replay(
    paths: str | Path | Sequence[str | Path],
    *,
    settings: Settings | None = None,
    data_dir: str | Path,
    instrument_files: Sequence[str | Path] = (),
    market: str | None = None,
    speed: float = 0.0,
    duration_s: float | None = None,
) -> RunSummary:
    """Trade on paper over recordings, as ``bot4 run --replay`` does; returns the run's summary.

    Parameters
    ----------
    paths : path or sequence of paths
        Recordings of one Binance market, in the order they continue each other.
    settings : Settings, optional
        None takes the defaults; neither ``bot4.toml`` nor the environment is read. See `load_settings`.
    data_dir : path
        Where the run's journal and the store are kept; it wins over ``settings.run.data_dir``.
    instrument_files : sequence of paths
        Instrument rules that win over recorded and bundled ones.
    market : str, optional
        ``spot``, ``usdm`` or ``coinm``: of Binance files that do not say.
    speed : float
        0 for as fast as it goes, 1 for the pace of the stamps.
    duration_s : float, optional
        Market time to run for; None runs to the end of the recordings.

    Raises
    ------
    ConfigError, DataError, NoInputError
        The input or a setting cannot be used.
    DataDirError, DataDirBusyError, StoreError, OutputError
        The data directory, the store or the journal cannot be used.
    SessionFailedError
        The run began and failed; its ``summary`` tells how far it came.

    """
    import msgspec

    from bot4.bootstrap import open_session
    from bot4.config import Settings as AllSettings

    chosen = settings if settings is not None else AllSettings()
    chosen = msgspec.structs.replace(chosen, run=msgspec.structs.replace(chosen.run, data_dir=str(data_dir)))
    with open_session(
        chosen,
        QuietDisplay(),
        replay=_as_paths(paths),
        instrument_files=_as_paths(instrument_files),
        market=market,
        speed=speed,
        duration_s=duration_s,
    ) as session:
        return session.run()


def backtest(
    data: Any,
    instruments: Instrument | Sequence[Instrument],
    strategy: object | None = None,
    *,
    settings: Settings | None = None,
    venue_clock: bool = True,
    strategy_latency_ns: int = 0,
    progress: Callable[[int, int], None] | None = None,
    funding: Any = None,
    count_trial: bool = True,
) -> BacktestResult:
    """Run a strategy over arrays through the engine, with the simulated exchange of paper trading.

    Each run is counted in the store of ``settings.run.data_dir`` as a trial of its strategy on its data, unless the
    very same came of it before: `judge` holds the best of many against their number.

    Parameters
    ----------
    data : ndarray, sequence of ndarray, or mapping from symbol to either
        Arrays of the dtypes of `Rows`, oldest first, read where they lie. Several are merged by receive stamp; of equal
        stamps the array that was given first goes first. A mapping is needed for several instruments.
    instruments : Instrument or sequence of Instrument
        What the rows' ticks and lots are of.
    strategy : Strategy, CompiledStrategy or None
        None trades the built-in policy of ``settings.strategy``. See docs/strategy.md.
    settings : Settings, optional
        Of account, fees, latency, fills, risk and breaker; None takes the defaults. Every order passes the same guards
        as in a run; a strategy that asks for more than ``risk`` allows is refused.
    venue_clock : bool
        The venue lives by ``venue_ns`` of the rows; False: by ``recv_ns``, as in paper trading.
    strategy_latency_ns : int
        From what a strategy is told until its requests reach the desk, up to 60 s.
    progress : callable(rows_done, rows_total), optional
        Called now and then.
    funding : ndarray[Rows.FUNDING] or mapping from symbol to one, optional
        Settlements of perpetuals, oldest first; those outside the time of the data are left out. What they come to is
        in ``result.funding``. Without them the result of a perpetual lacks funding, and says so.
    count_trial : bool
        False leaves no trace: for a run that chooses nothing.

    Raises
    ------
    ValueError
        Rows are of no known dtype, not contiguous, not in order, or L2 rows begin without a snapshot.
    ConfigError, DataError
        A setting does not fit an instrument, or the data names none.
    OutputError, StoreError
        The trial cannot be counted: told before the run where the store cannot be opened.
    Exception
        Whatever a Python strategy raises.

    """
    from contextlib import nullcontext

    from bot4.application.backtest.run import run_backtest
    from bot4.bootstrap.trials import TrialBook
    from bot4.config import Settings as AllSettings

    chosen = settings if settings is not None else AllSettings()
    with TrialBook(chosen) if count_trial else nullcontext() as book:
        result = run_backtest(
            data,
            instruments,
            strategy,
            chosen,
            venue_clock=venue_clock,
            strategy_latency_ns=strategy_latency_ns,
            progress=progress,
            funding=funding,
        )
        if book is not None:
            book.keep(result)
    return result


def judge(result: BacktestResult, *, settings: Settings | None = None, trials: int | None = None) -> BacktestStatistics:
    """Measure what a result is worth, held against every trial of its strategy on its data that the store counted.

    Parameters
    ----------
    result : BacktestResult
        Of `backtest`.
    settings : Settings, optional
        Those of the run: trials are counted in the store of its data directory.
    trials : int, optional
        Tried in all, where that is more than was counted.

    Raises
    ------
    OutputError, StoreError
        The store cannot be read.

    """
    from bot4.application.backtest.statistics import judge as judge_by
    from bot4.bootstrap.trials import TrialBook
    from bot4.config import Settings as AllSettings

    with TrialBook(settings if settings is not None else AllSettings()) as book:
        counted = book.count(result)
    return judge_by(result, trials=max(counted.trials, trials or 1), trial_variance=counted.sharpe_variance)


def _as_paths(paths: str | Path | Sequence[str | Path]) -> tuple[Path, ...]:
    return (Path(paths),) if isinstance(paths, (str, Path)) else tuple(Path(path) for path in paths)
