"""Recordings checked, opened and measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from bot4.adapters.recordings.recording import Recording
    from bot4.domain.instrument import Instrument
    from bot4.dto.data_check import CheckReport
    from bot4.ports.book_reader import BookReader
    from bot4.quant.calibration import Calibration


def check_recordings(
    paths: Sequence[Path],
    *,
    instrument_files: Sequence[Path] = (),
    market: str | None = None,
    listed_max: int = 10_000,
    progress: Callable[[int, int], None] | None = None,
) -> CheckReport:
    """Check recordings without trading.

    Parameters
    ----------
    paths : sequence of Path
        Files in the order they continue each other.
    instrument_files : sequence of Path
        Instrument rules that win over recorded and bundled ones.
    market : str, optional
        ``spot``, ``usdm`` or ``coinm``: of Binance files that do not say.
    listed_max : int
        Defects listed with their place; all are counted.
    progress : callable, optional
        Told the bytes done and the bytes there are.

    Raises
    ------
    ConfigError, DataError, NoInputError
        A rules file cannot be read; what is wrong with a recording is in the report.

    """
    from bot4.adapters.recordings.check import RecordingCheck
    from bot4.domain.instrument import Market

    check = RecordingCheck(
        book_readers(),
        instrument_files=instrument_files,
        market=Market(market) if market is not None else None,
        listed_max=listed_max,
    )
    return check.run(paths, progress) if progress is not None else check.run(paths)


def open_recording(path: str | Path, *, market: str | None = None) -> Recording:
    """Recognise one recording by its content; nothing but its beginning is read.

    Parameters
    ----------
    path : str or Path
        A capture or a public CSV dump, plain, gzip or zip.
    market : str, optional
        ``spot``, ``usdm`` or ``coinm``: of Binance files that do not say.

    Raises
    ------
    DataError, NoInputError
        The file is missing, empty or nothing that is known.

    """
    from bot4.adapters.recordings.recognise import open_recording as recognise
    from bot4.domain.instrument import Market

    return recognise(path, market=Market(market) if market is not None else None)


def calibrate_recordings(
    paths: Sequence[Path],
    *,
    score: Sequence[Path] = (),
    instrument_files: Sequence[Path] = (),
    market: str | None = None,
    symbol: str | None = None,
    seed: int = 7,
    seconds: float = 900.0,
    progress: Callable[[int, int], None] | None = None,
) -> Calibration:
    """Measure captures and make the parameters of a market like them.

    Parameters
    ----------
    paths : sequence of Path
        Captures of one instrument, in the order they continue each other.
    score : sequence of Path
        Captures the parameters are scored on and not fitted to; they may continue `paths`.
    instrument_files : sequence of Path
        Instrument rules that win over recorded and bundled ones.
    market : str, optional
        ``spot``, ``usdm`` or ``coinm``: of Binance files that do not say.
    symbol : str, optional
        Which instrument, where the captures hold several.
    seed : int
        Of the generated market they are compared with.
    seconds : float
        Its length.
    progress : callable, optional
        Told the bytes read and the bytes there are.

    Raises
    ------
    ConfigError, DataError, NoInputError
        A file cannot be used, or too little was measured.

    """
    from bot4.adapters.recordings.measure import CaptureMeasure
    from bot4.domain.instrument import Market
    from bot4.quant.calibration import calibrate_market

    groups = [paths, score] if score else [paths]
    captures = CaptureMeasure(
        groups,
        instrument_files=instrument_files,
        market=Market(market) if market is not None else None,
        symbol=symbol,
    )
    measured = captures.run(progress) if progress is not None else captures.run()
    other = measured[1].statistics if score else None
    return calibrate_market(measured[0].statistics, measured[0].origin, other, seed=seed, seconds=seconds)


def book_readers() -> dict[str, Callable[[Sequence[Instrument]], BookReader]]:
    """Return what makes the reader of each venue with in-band snapshots."""
    return {"kraken": _kraken_reader, "okx": _okx_reader}


def _kraken_reader(instruments: Sequence[Instrument]) -> BookReader:
    from bot4.adapters.venues.kraken.book import KrakenBookReader
    from bot4.dto.rules.kraken import v2_symbol

    return KrakenBookReader({v2_symbol(item.symbol): (item.price_decimals, item.qty_decimals) for item in instruments})


def _okx_reader(_instruments: Sequence[Instrument]) -> BookReader:
    from bot4.adapters.venues.okx.book import OkxBookReader

    return OkxBookReader()
