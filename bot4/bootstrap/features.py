"""Feature vectors of kept data: made by the engine's bank, kept in the store, read back."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from bot4.adapters.storage.feature_vectors import SqlFeatures
    from bot4.config import Settings
    from bot4.domain.instrument import Instrument
    from bot4.dto.feature_table import FeatureTable
    from bot4.ports.feature_store import KeptFeatures

_MINUTE_NS = 60_000_000_000
_END_NS = 2**63 - 1
_TRADES = ("store", "trades", "agg_trades")


def feature_table(
    name: str,
    *,
    settings: Settings | None = None,
    archive: str | Path | None = None,
    interval_ns: int | None = None,
    from_ns: int | None = None,
    to_ns: int | None = None,
    warm_up_bars: int = 500,
    only_kept: bool = False,
    instrument_files: Sequence[Path] = (),
    progress: Callable[[int, int], None] | None = None,
) -> FeatureTable:
    """Make the feature vectors of imported data, one for each bar that ended, and keep them in the store.

    They come from the bank that decides in a run, over the same rows, so a model is fitted to what it will be told.
    What quotes, the book or another instrument would have to tell is not among them.

    Parameters
    ----------
    name : str
        ``[MARKET/]SYMBOL@KIND``: trades of the store (``@store``), or what an archive holds.
    settings : Settings, optional
        Which features with which parameters (``features.*``), and the store; `load_settings` where not given.
    archive : str or Path, optional
        Where names but those of the store are looked for; ``market`` in the data directory where not given.
    interval_ns : int, optional
        Length of the bars that trades are made into, a minute where not given; of bars, their own.
    from_ns, to_ns : int, optional
        Everything there is where not given, else bars that opened at ``from_ns`` or later and ended at ``to_ns`` or
        before, nanoseconds UTC.
    warm_up_bars : int
        So much before ``from_ns`` goes through the bank first, where it is there. Where ``from_ns`` is not given and
        vectors of before the first row are kept, of rows that are gone, so many at the beginning are not kept anew.
    only_kept : bool
        Make nothing: read what was kept with the same settings.
    instrument_files : sequence of Path
        Rules that win over recorded and bundled ones.
    progress : callable, optional
        Told the rows done and the rows there are.

    Returns
    -------
    FeatureTable

    Raises
    ------
    NoInputError
        There is no such data, or nothing of it was kept.
    ConfigError
        A feature is unknown or cannot be made of such rows, or the interval is not that of the bars.
    TradesAddedError
        Trades were imported into the store meanwhile: nothing was kept, try again.
    DataError, StoreError
        Rows are refused by the bank, or the store cannot be used.

    Any thread.

    """
    from bot4.adapters.storage.archive import parts_of
    from bot4.config import load_settings
    from bot4.domain.errors import ConfigError, NoInputError
    from bot4.dto.feature_table import FeatureTable
    from bot4.features.vectors import VectorMaker
    from bot4.ports.feature_store import STORE, FeatureSet

    if warm_up_bars < 0:
        raise ConfigError(f"a warm-up must be 0 bars or more, was {warm_up_bars}")
    settings = settings if settings is not None else load_settings()
    data = _Data(name, settings, archive, instrument_files)
    is_stored = parts_of(name)[2] == STORE
    with open_features(settings) as store:
        # Asked for before the rows are read: what is added meanwhile is then noticed, or not counted on.
        loads = store.loads(data.stored_instrument()) if is_stored else None
        goes_on = data.goes_on(to_ns) and not only_kept
        if only_kept and is_stored:
            instrument, kind, rows = data.stored_instrument(), STORE, None
        else:
            of_trades = parts_of(name)[2] in _TRADES
            begin_ns = _begin(from_ns, interval_ns or _MINUTE_NS, warm_up_bars) if of_trades else None
            instrument, kind, rows = data.select(begin_ns, to_ns)
        of_trades = kind in _TRADES
        length_ns = _length(rows, interval_ns, of_trades=of_trades)
        maker = VectorMaker(settings.features, instrument, length_ns, of_trades=of_trades)
        digest = maker.digest(None if from_ns is None else warm_up_bars)
        features = FeatureSet(kind, length_ns, maker.names, digest)
        whole_name = f"{instrument.market.value}/{instrument.symbol}@{kind}"
        first_ns, end_ns = (from_ns or 0) + length_ns, _END_NS if to_ns is None else to_ns + 1
        if only_kept or rows is None:
            stamps, values = store.vectors(instrument, features, first_ns, end_ns)
            if len(stamps) == 0:
                raise NoInputError(f"the store keeps no features of {whole_name} of that period and these settings")
            return FeatureTable(whole_name, length_ns, maker.names, stamps, values)
        rows = rows[rows["venue_ns" if of_trades else "open_ns"] >= (_begin(from_ns, length_ns, warm_up_bars) or 0)]
        if of_trades:
            ended = len(rows) > 0 and _end_of(int(rows["venue_ns"][-1]), length_ns) <= (to_ns or 0)
            stamps, values = maker.of_trades(rows, goes_on=goes_on and ended, progress=progress)
        else:
            stamps, values = maker.of_bars(rows)
        chosen = (stamps >= first_ns) & (stamps < end_ns)
        stamps, values = stamps[chosen], values[chosen]
        # Where trades of before are gone, what was made with them is warm, and these begin cold.
        is_cut = from_ns is None and len(stamps) > 0 and store.has_before(instrument, features, int(stamps[0]))
        kept = slice(warm_up_bars if is_cut else 0, None)
        store.put(instrument, features, stamps[kept], values[kept], loads=loads)
    return FeatureTable(whole_name, length_ns, maker.names, stamps, values)


class _Data:
    """Imported data by its name."""

    def __init__(
        self, name: str, settings: Settings, archive: str | Path | None, instrument_files: Sequence[Path]
    ) -> None:
        from pathlib import Path

        self._name, self._settings, self._files = name, settings, instrument_files
        self._archive = Path(archive) if archive is not None else Path(settings.run.data_dir) / "market"

    def select(
        self, from_ns: int | None, to_ns: int | None, *, limit: int | None = None
    ) -> tuple[Instrument, str, NDArray[np.void]]:
        """Return instrument, kind and rows of a period; raises ConfigError for a capture, NoInputError for none."""
        from bot4.bootstrap.archive import select_rows
        from bot4.domain.errors import ConfigError

        (found,) = select_rows(
            [self._name],
            self._archive,
            settings=self._settings,
            instrument_files=self._files,
            from_ns=from_ns,
            to_ns=to_ns,
            limit=limit,
        )
        if found.rows is None:
            raise ConfigError(f"{self._name} is a capture: features are made of trades or bars that were imported")
        return found.instrument, found.kind, found.rows

    def stored_instrument(self) -> Instrument:
        """Return the instrument of trades of the store; raises ConfigError where there are no rules for it."""
        from bot4.adapters.recordings.catalog import InstrumentCatalog
        from bot4.adapters.storage.archive import parts_of
        from bot4.domain.instrument import Market

        market, symbol, _ = parts_of(self._name)
        return InstrumentCatalog(self._files).require("binance", Market(market or "spot"), symbol)

    def goes_on(self, to_ns: int | None) -> bool:
        """Whether there are rows of a moment or later: a bar of trades that ended by then is whole."""
        from bot4.adapters.storage.archive import parts_of
        from bot4.bootstrap.archive import open_archive
        from bot4.domain.errors import NoInputError
        from bot4.ports.feature_store import STORE

        if to_ns is None:
            return False
        market, symbol, kind = parts_of(self._name)
        if kind != STORE:
            with open_archive(self._archive) as archive:
                return any(
                    held.last_ns >= to_ns
                    for held in archive.holdings()
                    if held.symbol == symbol and kind in ("", held.kind) and market in ("", held.market)
                )
        try:
            self.select(to_ns, None, limit=1)
        except NoInputError:
            return False
        return True


def _end_of(stamp_ns: int, length_ns: int) -> int:
    """Return when the bar of a moment ends."""
    return stamp_ns // length_ns * length_ns + length_ns


def _begin(from_ns: int | None, length_ns: int, warm_up_bars: int) -> int | None:
    """Return where the warm-up of a period begins."""
    return None if from_ns is None else max(from_ns // length_ns - warm_up_bars, 0) * length_ns


def _length(rows: NDArray[np.void] | None, interval_ns: int | None, *, of_trades: bool) -> int:
    from bot4.domain.errors import ConfigError

    if of_trades or rows is None:
        return interval_ns or _MINUTE_NS
    length_ns = int((rows["close_ns"] - rows["open_ns"]).min())
    if interval_ns not in (None, length_ns):
        raise ConfigError(f"the bars are of {length_ns} ns each: an interval of {interval_ns} ns needs trades")
    return length_ns


def list_features(settings: Settings) -> list[KeptFeatures]:
    """Return the sets of feature vectors that the store of the settings holds; raises StoreError."""
    with open_features(settings) as store:
        return store.kept()


@contextmanager
def open_features(settings: Settings) -> Iterator[SqlFeatures]:
    """Open the feature vectors of the settings' store; raises ConfigError, OutputError or StoreError."""
    from bot4.adapters.storage.feature_vectors import SqlFeatures
    from bot4.adapters.storage.vector_loaders import SqliteVectors
    from bot4.bootstrap.store import open_store

    store = open_store(settings)
    try:
        tables: Any = store  # a unit of work's port does not show its transactions
        yield SqlFeatures(tables, SqliteVectors() if settings.store.kind == "sqlite" else _postgres_vectors(tables))
    finally:
        store.close()


def _postgres_vectors(store: Any) -> Any:
    """Return how vectors get into PostgreSQL: into a hypertable where TimescaleDB is, else into partitions."""
    from bot4.adapters.storage import timescale
    from bot4.adapters.storage.unit_of_work import transaction
    from bot4.adapters.storage.vector_loaders import PostgresVectors

    with transaction(store) as connection:
        has_hypertable = timescale.prepare_features(connection)
    return timescale.TimescaleVectors() if has_hypertable else PostgresVectors()
