"""Checks plain tables of bars: every row that is off the grid, impossible, twice there, out of order or missing."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from bot4.adapters.recordings.ohlcv import FORMAT, PRICES, off_steps, read_table
from bot4.domain.instrument import Market

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from bot4.adapters.recordings.catalog import InstrumentCatalog
    from bot4.adapters.recordings.findings import Findings
    from bot4.dto.data_check import InstrumentReport

_MS = 1_000_000


class TableCheck:
    """Checks tables of bars, each by itself. One thread.

    Parameters
    ----------
    catalog : InstrumentCatalog
        Where rules come from, by the file's name up to its first dot.
    findings : Findings
        Takes what is found.
    market : Market, optional
        Whose rules; spot where not given.

    """

    def __init__(self, catalog: InstrumentCatalog, findings: Findings, market: Market | None) -> None:
        self._catalog = catalog
        self._findings = findings
        self._market = market or Market.SPOT

    def check(self, path: Path) -> None:
        """Check one table; raises what `read_table` and `InstrumentCatalog.require` do."""
        rules = self._catalog.require("binance", self._market, path.name.partition(".")[0])
        columns = read_table(path)
        report = self._findings.instrument("binance", self._market.value, rules.symbol, rules)
        file = self._findings.file
        file.format, file.venue, file.market, file.symbols = FORMAT, "binance", self._market.value, [rules.symbol]
        file.lines = len(columns["ts"]) + 1
        opens = columns["ts"].astype(np.int64)
        self._findings.messages("kline", opens * _MS, report)
        for name in PRICES:
            self._off_grid(report, name, columns[name], float(rules.tick_size))
        self._off_grid(report, "volume", columns["volume"], float(rules.lot_size))
        self._each(_impossible(columns), "refused", lambda _: "open, high, low, close and volume make no bar", report)
        self._order(opens, report)

    def _off_grid(self, report: InstrumentReport, name: str, values: NDArray[np.float64], step: float) -> None:
        detail = partial(_off_grid_text, name, values, step)
        self._each(off_steps(values, step), "off_grid", detail, report)

    def _order(self, opens: NDArray[np.int64], report: InstrumentReport) -> None:
        """Judge each bar's distance to the one before it; the commonest is the bars' length."""
        steps = np.diff(opens)
        rising = steps[steps > 0]
        if len(rising) == 0:
            return
        lengths, counts = np.unique(rising, return_counts=True)
        interval_ms = int(lengths[counts.argmax()])
        missing = np.where(steps > 0, steps // interval_ms - 1, 0)
        self._each(steps == 0, "duplicate", lambda _: "the same open time as the bar before", report, after=1)
        self._each(steps < 0, "out_of_order", lambda _: "opens before the bar before it", report, after=1)
        self._each(
            (steps > 0) & (steps % interval_ms != 0),
            "inconsistent_rows",
            lambda i: f"{steps[i] / 1e3:g} s after the bar before, among bars of {interval_ms / 1e3:g} s",
            report,
            after=1,
        )
        self._each(
            missing > 0,
            "missing_bar",
            lambda i: f"{int(missing[i]):,} bars are not there before this one",
            report,
            after=1,
            times=missing,
        )

    def _each(
        self,
        found: NDArray[np.bool_],
        kind: str,
        detail: Callable[[int], str],
        report: InstrumentReport,
        *,
        after: int = 0,
        times: NDArray[np.int64] | None = None,
    ) -> None:
        """Report a defect for every row that is marked; the first row stands in line 2."""
        for i in np.flatnonzero(found):
            count = 1 if times is None else int(times[i])
            self._findings.defect(kind, int(i) + 2 + after, detail(int(i)), report, count)


def _impossible(columns: dict[str, NDArray[np.float64]]) -> NDArray[np.bool_]:
    opened, high, low, close = (columns[name] for name in PRICES)
    bad: NDArray[np.bool_] = (low > np.minimum(opened, close)) | (high < np.maximum(opened, close)) | (low <= 0)
    return bad | ~(columns["volume"] >= 0)


def _off_grid_text(name: str, values: NDArray[np.float64], step: float, i: int) -> str:
    return f"{name} {values[i]:.12g} is not a multiple of {step:.12g}"
