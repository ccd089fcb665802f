"""What a backtest runs over: recordings, plain tables of bars, or what an archive holds by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from bot4.adapters.recordings.replay_feed import ReplayFeed
    from bot4.adapters.storage.archive import Selection
    from bot4.application.backtest.result import BacktestResult
    from bot4.config import Settings
    from bot4.domain.instrument import Instrument


class BacktestInput:
    """Input of any number of runs: rows are read once, recordings for each run.

    Parameters
    ----------
    paths : sequence of Path
        Recordings of one market, chained in the order given; plain tables of bars, one instrument each, named by the
        file's name up to the first dot; or, where none of them is a file, names of the archive.
    instrument_files : sequence of Path
        Rules that win over recorded and bundled ones.
    market : str, optional
        Of recordings that do not say.
    funding_files : sequence of Path
        Funding rates of perpetuals, each file named by its symbol.
    archive : Path, optional
        Where names are looked for.
    store : Settings, optional
        Of the store whose trades are named ``SYMBOL@store``.
    from_ns, to_ns : int, optional
        Period of what is named.
    settles_recorded : bool
        Settle funding by the mark prices of a recording where no file gives rates; False: as replays on paper.

    Raises
    ------
    NoInputError, DataError, ConfigError
        A file is missing or cannot be read, an instrument has no rules, or a name is not in the archive.

    """

    def __init__(
        self,
        paths: Sequence[Path],
        *,
        instrument_files: Sequence[Path] = (),
        market: str | None = None,
        funding_files: Sequence[Path] = (),
        archive: Path | None = None,
        store: Settings | None = None,
        from_ns: int | None = None,
        to_ns: int | None = None,
        settles_recorded: bool = True,
    ) -> None:
        from bot4.adapters.recordings.ohlcv import is_ohlcv
        from bot4.bootstrap.archive import are_names, select_rows
        from bot4.domain.errors import ConfigError

        self._paths, self._files, self._market = list(paths), instrument_files, market
        self._settles_recorded = settles_recorded
        self._known: list[Instrument] = []
        self._notes: tuple[str, ...] = ()
        self._rows: tuple[list[Instrument], dict[str, Any]] | None = None
        if are_names(paths, archive):
            names = [str(path) for path in paths]
            self._take(
                select_rows(
                    names, archive, settings=store, instrument_files=instrument_files, from_ns=from_ns, to_ns=to_ns
                )
            )
        elif from_ns is not None or to_ns is not None:
            raise ConfigError("a period is chosen of what an archive holds; files are taken whole")
        elif all(is_ohlcv(path) for path in paths):
            self._read_bars()
        self._funding = _read_funding(funding_files)

    def run(
        self,
        strategy: object | None,
        settings: Settings,
        *,
        strategy_latency_ns: int = 0,
        progress: Callable[[int, int], None] | None = None,
    ) -> BacktestResult:
        """Run one strategy over it; raises whatever a Python strategy raises."""
        from dataclasses import replace

        from bot4.application.backtest.run import replay_backtest, run_backtest

        if self._rows is not None:
            instruments, data = self._rows
            return run_backtest(
                data, instruments, strategy, settings, strategy_latency_ns=strategy_latency_ns, progress=progress,
                notes=self._notes, funding=self._funding,
            )  # fmt: skip
        source, shape = self._open()
        recorded = source.keep_rates() if self._settles_recorded and source.tells_rates else None
        result = replay_backtest(
            source, shape, strategy, settings, strategy_latency_ns=strategy_latency_ns, progress=progress,
            funding=self._funding, recorded=recorded,
        )  # fmt: skip
        return replace(result, notes=(*result.notes, *self._notes))

    def _open(self) -> tuple[ReplayFeed, Any]:
        from bot4.adapters.recordings.replay_feed import ReplayFeed
        from bot4.application.assembly.shape import InputShape
        from bot4.domain.instrument import Market

        source = ReplayFeed(
            self._paths,
            instrument_files=self._files,
            instruments=self._known,
            market=None if self._market is None else Market(self._market),
        )
        has_book = source.has_book
        return source, InputShape(has_book=has_book, bar_interval_ns=source.bar_interval_ns, plays_bars=not has_book)

    def _take(self, selected: Sequence[Selection]) -> None:
        """Take what an archive gave: captures as the files they are, rows where they lie."""
        from bot4.domain.errors import ConfigError

        self._notes = tuple(note for one in selected for note in one.notes)
        self._known = [one.instrument for one in selected]
        rows = {one.instrument.symbol: one.rows for one in selected if one.rows is not None}
        if not rows:
            self._paths = list(dict.fromkeys(path for one in selected for path in one.captures))
        elif len(rows) == len(selected):
            self._rows = self._known, rows
        elif any(one.rows is None for one in selected):
            raise ConfigError("captures run apart from rows: name either")
        else:
            raise ConfigError("a backtest takes each symbol once")

    def _read_bars(self) -> None:
        from bot4.adapters.recordings.catalog import InstrumentCatalog
        from bot4.adapters.recordings.ohlcv import read_ohlcv
        from bot4.domain.instrument import Market

        catalog = InstrumentCatalog(self._files)
        room = Market(self._market) if self._market is not None else Market.SPOT
        instruments = [catalog.require("binance", room, path.name.partition(".")[0]) for path in self._paths]
        read = [read_ohlcv(path, instrument) for path, instrument in zip(self._paths, instruments, strict=True)]
        self._rows = (
            instruments,
            {instrument.symbol: bars.rows for instrument, bars in zip(instruments, read, strict=True)},
        )
        self._notes = tuple(note for bars in read for note in bars.notes)


def _read_funding(paths: Sequence[Path]) -> dict[str, Any] | None:
    """Rates by symbol: what a file's name begins with."""
    import re

    from bot4.adapters.recordings.funding import read_funding

    return {re.split(r"[^A-Za-z0-9]", path.name)[0]: read_funding(path) for path in paths} or None
