"""The entries from Python that choose from a grid: what ``bot4.walk_forward`` and ``bot4.cross_validate`` are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bot4.application.backtest.result import BacktestResult
    from bot4.application.evidence.trial_runs import TrialRuns
    from bot4.application.evidence.validation import Validation
    from bot4.config import Settings
    from bot4.domain.instrument import Instrument


def walk_forward(
    data: Any,
    instruments: Instrument | Sequence[Instrument],
    make_strategy: Callable[..., object] | None,
    grid: Mapping[str, Sequence[Any]],
    *,
    windows: int = 5,
    anchored: bool = True,
    embargo: int = 1,
    trials: int | None = None,
    settings: Settings | None = None,
    progress: Callable[[int, int], None] | None = None,
    **options: Any,
) -> Validation:
    """Choose parameters on the past, score them on the next window, and go on; net of costs.

    Parameters
    ----------
    data, instruments, settings, **options
        As for `backtest`.
    make_strategy : callable or None
        Makes a strategy of the parameters, given by name; None trades the built-in policy of the settings.
    grid : mapping of str to values
        Every combination is tried. A name with a point is a setting (``strategy.enter_score``).
    windows : int
        To score, one after the other; the first is chosen for on as much again before it.
    anchored : bool
        Choose on all of the past, or only on as much of it as a window has.
    embargo : int
        Periods left out before a window.
    trials : int, optional
        Settings tried on this data so far, where that is more than the store counted; each of the grid counts there,
        see `backtest`.
    progress : callable(done, total), optional
        Called now and then.

    Raises
    ------
    ConfigError, DataError
        As `backtest`, or the data are too short for so many windows.

    """
    from bot4.application.evidence.validation import PERIODS_PER_PART, validate

    least = (windows + 1) * PERIODS_PER_PART
    runs, counted = _run(data, instruments, make_strategy, grid, settings, least, progress, options)
    return validate(runs, windows=windows, anchored=anchored, embargo=embargo, trials=max(counted, trials or 1))


def cross_validate(
    data: Any,
    instruments: Instrument | Sequence[Instrument],
    make_strategy: Callable[..., object] | None,
    grid: Mapping[str, Sequence[Any]],
    *,
    groups: int = 6,
    held_out: int = 2,
    embargo: int = 1,
    trials: int | None = None,
    settings: Settings | None = None,
    progress: Callable[[int, int], None] | None = None,
    **options: Any,
) -> Validation:
    """Choose parameters on what each combination of groups leaves, purged and embargoed; score them on the rest.

    The combinations make ``held_out / groups * C(groups, held_out)`` paths through all the data.

    Parameters
    ----------
    data, instruments, make_strategy, grid, trials, settings, progress, **options
        As for `walk_forward`.
    groups, held_out : int
        The data are cut into so many groups; every choice of so many is held out once.
    embargo : int
        Periods left out after what is held out.

    Raises
    ------
    ConfigError, DataError
        As `walk_forward`.

    """
    from bot4.application.evidence.validation import PERIODS_PER_PART, validate

    least = groups * PERIODS_PER_PART
    runs, counted = _run(data, instruments, make_strategy, grid, settings, least, progress, options)
    return validate(runs, groups=groups, held_out=held_out, embargo=embargo, trials=max(counted, trials or 1))


def _run(  # noqa: PLR0917 - handed through
    data: Any,
    instruments: Instrument | Sequence[Instrument],
    make_strategy: Callable[..., object] | None,
    grid: Mapping[str, Sequence[Any]],
    settings: Settings | None,
    least: int,
    progress: Callable[[int, int], None] | None,
    options: Mapping[str, Any],
) -> tuple[TrialRuns, int]:
    """Run the grid; the second is how many choices the store counted, 0 where they are not counted."""
    from bot4.application.evidence.trial_runs import run_trials
    from bot4.bootstrap.trials import TrialBook
    from bot4.config import Settings as AllSettings
    from bot4.config import override_settings
    from bot4.domain.errors import ConfigError
    from bot4.entrypoints.embedding import backtest

    given = settings if settings is not None else AllSettings()
    last: list[BacktestResult] = []

    def run_one(parameters: Mapping[str, Any], tell: Callable[[int, int], None]) -> BacktestResult:
        own = {name: value for name, value in parameters.items() if "." not in name}
        if own and make_strategy is None:
            raise ConfigError(f"{next(iter(own))!r} is a parameter of a strategy, and there is none to make")
        chosen = override_settings(given, {name: value for name, value in parameters.items() if "." in name})
        strategy = None if make_strategy is None else make_strategy(**own)
        result = backtest(data, instruments, strategy, settings=chosen, progress=tell, **options)
        last[:] = [result]
        return result

    runs = run_trials(grid, run_one, periods_least=least, progress=progress)
    if not options.get("count_trial", True):
        return runs, 0
    with TrialBook(given) as book:
        return runs, book.count(last[0]).trials
