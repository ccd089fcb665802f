"""Market data into an archive, and out of it by name and period."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from bot4.adapters.storage.archive import MarketArchive, Selection
    from bot4.dto.holdings import Holding, ImportReport


def open_archive(folder: str | Path) -> MarketArchive:
    """Open an archive that ``bot4 data import`` made; a context manager.

    Parameters
    ----------
    folder : str or Path
        ``bot4-data/market`` where nothing else was chosen.

    Raises
    ------
    NoInputError
        There is none.

    """
    from pathlib import Path

    from bot4.adapters.storage.archive import MarketArchive

    return MarketArchive(Path(folder))


def import_market_data(
    paths: Sequence[Path],
    folder: Path,
    *,
    instrument_files: Sequence[Path] = (),
    market: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> ImportReport:
    """Check files and take them into the archive in a folder, made where it is not there.

    Parameters
    ----------
    paths : sequence of Path
        Captures, Binance dumps, plain tables of bars, instrument rules; those that continue each other in that order.
    folder : Path
        The archive.
    instrument_files : sequence of Path
        Instrument rules that win over recorded and bundled ones.
    market : str, optional
        ``spot``, ``usdm`` or ``coinm``: overrules what the files say.
    progress : callable, optional
        Told the bytes done and the bytes there are.

    Raises
    ------
    ConfigError, OutputError, StoreError
        Rules cannot be read, or the archive cannot be written; what is wrong with a file is in the report.

    """
    from datetime import UTC, datetime

    from bot4.adapters.recordings.taking import Taking
    from bot4.adapters.storage.archive import MarketArchive
    from bot4.bootstrap.recordings import book_readers
    from bot4.domain.instrument import Market

    with MarketArchive(folder, is_new=True) as archive:
        taking = Taking(
            archive,
            book_readers(),
            instrument_files=instrument_files,
            market=Market(market) if market is not None else None,
            now_utc=datetime.now(UTC).isoformat(timespec="seconds"),
        )
        return taking.run(paths, progress) if progress is not None else taking.run(paths)


def list_market_data(folder: Path) -> list[Holding]:
    """Return what the archive in a folder holds; raises NoInputError where there is none."""
    with open_archive(folder) as archive:
        return archive.holdings()


def are_names(paths: Sequence[Path], archive: Path | None) -> bool:
    """Whether paths are names of an archive: none of them is a file, and there is an archive."""
    from bot4.adapters.storage.archive import INDEX_NAME

    return archive is not None and (archive / INDEX_NAME).exists() and not any(path.exists() for path in paths)


def select_rows(
    names: Sequence[str], archive: Path | None, *, from_ns: int | None, to_ns: int | None
) -> list[Selection]:
    """Look names up in an archive.

    Raises
    ------
    NoInputError, ConfigError, DataError
        It does not hold one of them, a name stands for several, or a file of it cannot be read.

    """
    if archive is None:
        return []
    with open_archive(archive) as opened:
        return [opened.select(name, from_ns=from_ns, to_ns=to_ns) for name in names]
