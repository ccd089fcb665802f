"""Market data into an archive, and out of it by name and period."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from bot4.adapters.storage.archive import MarketArchive, Selection
    from bot4.adapters.storage.tick_archive import TickArchive
    from bot4.config import Settings
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
    into: Path | Settings,
    *,
    instrument_files: Sequence[Path] = (),
    market: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> ImportReport:
    """Check files and take them into an archive, made where it is not there.

    Parameters
    ----------
    paths : sequence of Path
        Captures, Binance dumps, plain tables of bars, instrument rules; those that continue each other in that order.
    into : Path or Settings
        The archive's folder, or the settings of a store, which takes trades.
    instrument_files : sequence of Path
        Instrument rules that win over recorded and bundled ones.
    market : str, optional
        ``spot``, ``usdm`` or ``coinm``: of Binance files that do not say.
    progress : callable, optional
        Told the bytes done and the bytes there are.

    Raises
    ------
    ConfigError, OutputError, StoreError
        Rules cannot be read, or the archive cannot be written; what is wrong with a file is in the report.

    """
    from datetime import UTC, datetime
    from pathlib import Path

    from bot4.adapters.recordings.taking import Taking
    from bot4.adapters.storage.archive import MarketArchive
    from bot4.bootstrap.recordings import book_readers
    from bot4.domain.instrument import Market

    with MarketArchive(into, is_new=True) if isinstance(into, Path) else open_ticks(into) as archive:
        taking = Taking(
            archive,
            book_readers(),
            instrument_files=instrument_files,
            market=Market(market) if market is not None else None,
            now_utc=datetime.now(UTC).isoformat(timespec="seconds"),
        )
        return taking.run(paths, progress) if progress is not None else taking.run(paths)


@contextmanager
def open_ticks(settings: Settings) -> Iterator[TickArchive]:
    """Open the trades of the settings' store; on leaving, those older than ``store.ticks_days`` are dropped.

    Raises
    ------
    ConfigError, OutputError, StoreError
        The store cannot be opened.

    """
    import time

    from bot4.adapters.storage.market_data import DAY_NS, SqlMarketData
    from bot4.adapters.storage.tick_archive import TickArchive
    from bot4.adapters.storage.tick_loaders import SqliteTickLoader
    from bot4.bootstrap.store import open_store

    store = open_store(settings)
    try:
        tables: Any = store  # a unit of work's port does not show its transactions
        loader: Any = SqliteTickLoader() if settings.store.kind == "sqlite" else _postgres_loader(store, settings)
        market = SqlMarketData(tables, loader)
        yield TickArchive(market, store.path)
        if settings.store.ticks_days:
            market.forget_before(time.time_ns() - settings.store.ticks_days * DAY_NS)
    finally:
        store.close()


def _postgres_loader(store: Any, settings: Settings) -> Any:
    """Return how trades get into PostgreSQL: into hypertables where TimescaleDB is, else into partitions."""
    from bot4.adapters.storage import timescale
    from bot4.adapters.storage.tick_loaders import PostgresTickLoader

    connection, depth = store.begin()
    try:
        has_hypertables = timescale.prepare(connection)
        if has_hypertables:
            timescale.keep_for(connection, settings.store.ticks_days)
    except BaseException:
        store.end(depth, keep=False)
        raise
    store.end(depth, keep=True)
    return timescale.TimescaleTickLoader() if has_hypertables else PostgresTickLoader()


def list_market_data(place: Path | Settings) -> list[Holding]:
    """Return what the archive in a folder holds, or the store of the settings; raises NoInputError where none is."""
    from pathlib import Path

    with open_archive(place) if isinstance(place, Path) else open_ticks(place) as archive:
        return archive.holdings()


def are_names(paths: Sequence[Path], archive: Path | None) -> bool:
    """Whether paths are names of imported data: none of them is a file, and there is an archive, or they say store."""
    from bot4.adapters.storage.archive import INDEX_NAME
    from bot4.adapters.storage.tick_archive import KIND

    if any(path.exists() for path in paths):
        return False
    has_archive = archive is not None and (archive / INDEX_NAME).exists()
    return has_archive or all(path.name.endswith(f"@{KIND}") for path in paths)


def select_rows(
    names: Sequence[str],
    archive: Path | None,
    *,
    settings: Settings | None = None,
    instrument_files: Sequence[Path] = (),
    from_ns: int | None,
    to_ns: int | None,
    limit: int | None = None,
) -> list[Selection]:
    """Look names up: those that end with ``@store`` in the store of the settings, others in an archive.

    With `limit` the store reads so many of each at most.

    Raises
    ------
    NoInputError, ConfigError, DataError
        There is no such data, a name stands for several, or a file cannot be read.

    """
    from bot4.adapters.storage.tick_archive import KIND
    from bot4.domain.errors import ConfigError

    in_store = [name.endswith(f"@{KIND}") for name in names]
    if all(in_store) and settings is not None:
        with open_ticks(settings) as ticks:
            return [_stored(ticks, name, instrument_files, from_ns=from_ns, to_ns=to_ns, limit=limit) for name in names]
    if any(in_store) or archive is None:
        raise ConfigError("data of the store and of an archive run apart: name either")
    with open_archive(archive) as opened:
        return [opened.select(name, from_ns=from_ns, to_ns=to_ns) for name in names]


def _stored(
    ticks: TickArchive,
    name: str,
    instrument_files: Sequence[Path],
    *,
    from_ns: int | None,
    to_ns: int | None,
    limit: int | None,
) -> Selection:
    from bot4.adapters.recordings.catalog import InstrumentCatalog
    from bot4.adapters.storage.archive import Selection, parts_of
    from bot4.domain.instrument import Market

    market, symbol, kind = parts_of(name)
    instrument = InstrumentCatalog(instrument_files).require("binance", Market(market or "spot"), symbol)
    rows = ticks.rows(instrument, from_ns=from_ns, to_ns=to_ns, limit=limit)
    return Selection(instrument, kind, rows, (), ())
