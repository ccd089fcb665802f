"""The one place that joins adapters to what uses them. Each function builds what it returns; imports are lazy."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from bot4.domain.instrument import Instrument
    from bot4.dto.data_check import CheckReport
    from bot4.dto.host_check import HostReport
    from bot4.ports.book_reader import BookReader


def check_recordings(
    paths: Sequence[Path],
    *,
    instrument_files: Sequence[Path] = (),
    market: str | None = None,
    listed_max: int = 100,
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
        ``spot``, ``usdm`` or ``coinm``: overrules what Binance files say.
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
        {"kraken": _kraken_reader, "okx": _okx_reader},
        instrument_files=instrument_files,
        market=Market(market) if market is not None else None,
        listed_max=listed_max,
    )
    return check.run(paths, progress) if progress is not None else check.run(paths)


def _kraken_reader(instruments: Sequence[Instrument]) -> BookReader:
    from bot4.adapters.venues.kraken.book import KrakenBookReader
    from bot4.dto.rules.kraken import v2_symbol

    return KrakenBookReader({v2_symbol(item.symbol): (item.price_decimals, item.qty_decimals) for item in instruments})


def _okx_reader(_instruments: Sequence[Instrument]) -> BookReader:
    from bot4.adapters.venues.okx.book import OkxBookReader

    return OkxBookReader()


def examine_host(data_dir: Path, environment: Mapping[str, str]) -> HostReport:
    """Look at the machine and the installation; never raises for what it finds.

    Parameters
    ----------
    data_dir : Path
        Where bot4 would keep its data.
    environment : mapping of str to str
        Environment variables: services are looked for where these name them.

    """
    from bot4.adapters.host.doctor import Doctor

    return Doctor(data_dir, environment).examine()
