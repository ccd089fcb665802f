"""Recorded captures measured: opened, recognised, and pushed through the compiled measure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bot4._core.sim.market_measure import MarketMeasure
from bot4._core.wire.scan import Scanner
from bot4.adapters.recordings.catalog import InstrumentCatalog
from bot4.adapters.recordings.recognise import open_recording
from bot4.adapters.recordings.recording import RecordingFormat
from bot4.domain.errors import DataError
from bot4.domain.version import VERSION
from bot4.quant.market_model import Origin
from bot4.quant.market_statistics import MarketStatistics

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from bot4.adapters.recordings.recording import Recording
    from bot4.domain.instrument import Instrument, Market


@dataclass(frozen=True, slots=True)
class Measured:
    """What one group of files holds, and where it came from."""

    statistics: MarketStatistics
    origin: Origin


class CaptureMeasure:
    """Measures groups of captures of one instrument, one after the other with one book.

    A group that continues the one before it needs no snapshot of its own.

    Parameters
    ----------
    groups : sequence of sequences of Path
        In order of time; files of instrument rules may stand among them.
    instrument_files : sequence of Path
        Rules that win over recorded and bundled ones.
    market : Market, optional
        Of files that do not say theirs.
    symbol : str, optional
        Needed where the files hold several.

    Raises
    ------
    NoInputError, DataError
        A file is missing, unrecognised, no Binance capture, or of another market than the first.
    ConfigError
        The instrument has no rules.

    """

    def __init__(
        self,
        groups: Sequence[Sequence[Path]],
        *,
        instrument_files: Sequence[Path] = (),
        market: Market | None = None,
        symbol: str | None = None,
    ) -> None:
        catalog = InstrumentCatalog(instrument_files)
        self._groups: list[list[Recording]] = []
        for group in groups:
            opened = [open_recording(path, market=market) for path in group]
            for recording in opened:
                catalog.add_recorded(recording.instruments)
            playable = [recording for recording in opened if recording.format is not RecordingFormat.RULES]
            if not playable:
                raise DataError(f"{group[0]} holds instrument rules and no market data: there is nothing to measure")
            for recording in playable:
                _require_capture(recording)
            self._groups.append(playable)
        recordings = [recording for group in self._groups for recording in group]
        markets = {recording.market for recording in recordings if recording.market is not None}
        if market is None and len(markets) > 1:
            names = " and ".join(sorted(item.value for item in markets))
            raise DataError(f"the files are of {names}: calibrate one market at a time")
        self.instrument: Instrument = catalog.require(
            "binance", market or next(iter(markets), None), _symbol_of(recordings, symbol)
        )

    def run(self, progress: Callable[[int, int], None] = lambda _done, _total: None) -> list[Measured]:
        """Read every group.

        Raises
        ------
        DataError
            A group has no depth to measure; the message says why.

        """
        instrument = self.instrument
        scanner = Scanner(32_768)
        scanner.add_instrument(
            instrument.symbol, f"{instrument.tick_size:f}", f"{instrument.lot_size:f}", skip_off_tick_levels=True
        )
        measure = MarketMeasure(scanner)
        total = sum(recording.bytes_total for group in self._groups for recording in group)
        done = 0
        found = []
        for group in self._groups:
            measure.restart()
            records = []
            before = measure.messages
            for recording in group:
                for chunk in recording.chunks():
                    position = 0
                    while position < len(chunk):
                        used = measure.lines(chunk, recording.format.code, start=position)
                        records.append(measure.take_records())
                        if used == position:
                            break
                        position = used
                    progress(done + recording.bytes_read, total)
                done += recording.bytes_total
            statistics = MarketStatistics.of(measure, records)
            self._require_book(group, statistics, measure)
            found.append(Measured(statistics, self._origin(group, statistics, measure.messages - before)))
        return found

    def _require_book(self, group: list[Recording], statistics: MarketStatistics, measure: MarketMeasure) -> None:
        if statistics.totals["depth_messages"]:
            return
        names = ", ".join(recording.path.name for recording in group)
        counters = measure.book_counters
        if counters["buffered"] or counters["gaps"]:
            raise DataError(
                f"{names}: depth diffs without the snapshot they continue; name the file before it as well, "
                "or the one with the snapshot"
            )
        raise DataError(f"{names}: no depth of {self.instrument.symbol}; calibration needs diffs, snapshot and trades")

    def _origin(self, group: list[Recording], statistics: MarketStatistics, messages: int) -> Origin:
        instrument, totals = self.instrument, statistics.totals
        mids = statistics.windows["a"]
        return Origin(
            made_by=f"bot4 {VERSION} calibrate",
            files=[recording.path.name for recording in group],
            venue=f"binance {instrument.market.value}" if instrument.market is not None else "binance",
            symbol=instrument.symbol,
            tick_size=f"{instrument.tick_size:f}",
            lot_size=f"{instrument.lot_size:f}",
            span_s=statistics.span_s,
            messages=messages,
            message_interval_ms=1e3 * statistics.span_s / max(1, totals["depth_messages"]),
            mid_ticks=float(np.median(mids)) / 2.0 if len(mids) else 1.0,
        )


def _require_capture(recording: Recording) -> None:
    if recording.venue != "binance" or not recording.format.is_capture:
        raise DataError(
            f"{recording.path} ({recording.venue}, {recording.format.value}) is no Binance capture: calibration needs "
            "raw depth and trade frames"
        )


def _symbol_of(recordings: Sequence[Recording], wanted: str | None) -> str:
    symbols = list(dict.fromkeys(symbol for recording in recordings for symbol in recording.symbols))
    if wanted is not None and (wanted in symbols or not symbols):
        return wanted
    if wanted is None and len(symbols) == 1:
        return symbols[0]
    seen = ", ".join(symbols) or "none"
    raise DataError(f"{recordings[0].path}: symbols seen are {seen}; name one of them with --symbol")
