"""Leader and hot standby of a live run."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from bot4.adapters.failover.leadership import LeaseTerms, PostgresLeadership
    from bot4.adapters.failover.mirror_reader import JournalCopy
    from bot4.adapters.failover.standby import Standby
    from bot4.adapters.storage.data_dir import DataDir
    from bot4.adapters.storage.kill_switch import FileKillSwitch
    from bot4.adapters.venues.venue_streams import VenueStreams
    from bot4.application.past.past_image import PastKeeper
    from bot4.application.past.run_past import RunPast
    from bot4.bootstrap.live_account import Unfinished
    from bot4.config import Settings
    from bot4.domain.instrument import Instrument
    from bot4.ports.exchange import ExchangePort
    from bot4.ports.venue_order import VenueFill, VenueOrder

_MINUTE_NS = 60_000_000_000
# What nothing that waits has imported, each with all below it.
TAKE_OVER_MODULES = (
    "bot4.adapters.control.server",
    "bot4.adapters.host.account_lock",
    "bot4.adapters.secrets.key_source",
    "bot4.adapters.storage.heartbeat",
    "bot4.adapters.storage.sqlite",
    "bot4.adapters.venues.binance.accounts",
    "bot4.adapters.venues.live_feed",
    "bot4.application.orders.adoption",
    "bot4.application.session.session",
    "bot4.bootstrap.account_questions",
    "bot4.bootstrap.session",
    "bot4.bootstrap.watchdog",
)
_IMAGE_S = 5.0  # between two images of what is copied


def require_database(settings: Settings) -> str:
    """Return the database's address.

    Raises
    ------
    ConfigError
        No account is named, no database, or psycopg is not there.

    """
    import os
    from importlib.util import find_spec

    from bot4.domain.errors import ConfigError

    url = os.environ.get("BOT4_POSTGRES_URL", "")
    if not settings.failover.account:
        raise ConfigError("--standby needs a name for the account, the same as its leader has: failover.account")
    if not url:
        raise ConfigError("failover needs PostgreSQL, and the environment names no server: BOT4_POSTGRES_URL")
    if find_spec("psycopg") is None:
        raise ConfigError("failover needs psycopg: pip install 'bot4[postgres]'")
    return url


def lease_terms(settings: Settings, streams: VenueStreams, data_dir: DataDir) -> LeaseTerms:
    """Return what a lease of these settings is of; raises as `require_database`."""
    import os

    url = require_database(settings)
    from bot4.adapters.failover.leadership import LeaseTerms

    first = streams.instruments[0]
    symbols = " ".join(sorted(instrument.symbol for instrument in streams.instruments))
    name = f"{settings.failover.account} {first.venue} {first.market.value} {settings.live.endpoint} {symbols}"
    return LeaseTerms(url, name, f"{os.uname().nodename}:{os.getpid()}:{data_dir.path.resolve()}", settings.failover)


def take_lead(
    settings: Settings, streams: VenueStreams, data_dir: DataDir, unfinished: Unfinished | None
) -> PostgresLeadership | None:
    """Take the lease of a leader started by hand; None where the settings know no failover."""
    if not settings.failover.account:
        return None
    terms = lease_terms(settings, streams, data_dir)
    from bot4.adapters.failover.leadership import take_lease

    return take_lease(terms, data_dir.last_epoch, has_unfinished=unfinished is not None)


class OpenStandby:
    """A standby with the data directory it copies into; `wait` gives what a session is opened with."""

    def __init__(self, settings: Settings, standby: Standby, data_dir: DataDir) -> None:
        self.settings = settings
        self._standby = standby
        self.data_dir = data_dir

    def stop(self) -> None:
        """End the waiting."""
        self._standby.stop()

    def wait(self) -> PostgresLeadership | None:
        """Return the leadership once it was taken, None where it was stopped before; then nothing is held open."""
        try:
            taken = self._standby.wait()
        except BaseException:
            self.data_dir.close()
            raise
        if taken is None:
            self.data_dir.close()
        return taken


def heed_kill(journal: Path, switch: FileKillSwitch) -> None:
    """Set a standby's own kill switch where its leader's was set last, once for each kill.

    Raises
    ------
    KilledError
        The switch is set, by that or by hand.

    """
    import numpy as np

    from bot4._core.engine.control import ControlCode
    from bot4._core.event_dtype import EVENT_DTYPE
    from bot4._core.journal.reader import JournalReader
    from bot4._core.journal.record import JournalKind

    killed = None
    if journal.exists():
        with JournalReader(journal) as reader:
            for record in reader:
                if record.kind == JournalKind.JOURNAL_CONTROL:
                    code = int(np.frombuffer(record.payload, EVENT_DTYPE)[0]["a"])
                    if code in {ControlCode.CONTROL_KILL, ControlCode.CONTROL_RESET}:
                        killed = record if code == ControlCode.CONTROL_KILL else None
    if killed is not None:
        reason = f"the leader was killed: record {killed.seq} of epoch {killed.epoch}"
        if all(entry.reason != reason for entry in switch.trail()):
            switch.kill(by="leader", reason=reason)
    switch.require_clear()


def load_all() -> None:
    """Import what a take-over needs, while there is time: a quarter of a second of computing, more of a busy machine.

    Raises
    ------
    ConfigError
        A package for real orders is not installed.

    """
    from importlib import import_module

    from bot4.domain.errors import ConfigError

    for name in TAKE_OVER_MODULES:
        try:
            import_module(name)
        except ImportError as error:
            raise ConfigError(f"a take-over needs {error.name}: pip install 'bot4[live,postgres]'") from None


class _CopiedPast:
    """Keeps the image of what a standby has copied, so that it need not read a long run when it takes over."""

    def __init__(self) -> None:
        self._keeper: PastKeeper | None = None
        self._next_s = 0.0

    def forget(self) -> None:
        """Begin anew: the copy was cut back, and what was read of it is another past."""
        self._keeper = None

    def keep(self, copy: JournalCopy | None) -> None:
        """Bring the image up to the copy where that is due; what goes wrong with it costs time at the take-over."""
        import time
        from contextlib import suppress

        from bot4._core.journal.files import JournalError
        from bot4.application.past.past_image import PastKeeper
        from bot4.application.past.run_past import PastUnreadableError

        if copy is None or not copy.path.exists() or time.monotonic() < self._next_s:
            return
        if self._keeper is None or self._keeper.path != copy.path:
            self._keeper = PastKeeper(copy.path, copy.sync)
        with suppress(OSError, JournalError, PastUnreadableError):
            self._keeper.keep()
        self._next_s = time.monotonic() + _IMAGE_S


def open_standby(
    settings: Settings,
    *,
    venue: str,
    market: str | None,
    symbols: Sequence[str],
    say: Callable[[str], None],
) -> OpenStandby:
    """Put a standby together: its data directory, its database, and a look at the venue.

    Raises
    ------
    ConfigError
        PostgreSQL or the account is not named.
    PreflightError
        What forbids real orders would forbid taking over.
    DataDirError, DataDirBusyError, UnreachableError
        The data directory or the venue cannot be used.

    """
    from pathlib import Path

    from bot4.adapters.storage.data_dir import DataDir
    from bot4.application.past.run_past import JOURNAL_NAME
    from bot4.bootstrap.control import kill_switch
    from bot4.bootstrap.live_account import require_live
    from bot4.bootstrap.venue import open_venue

    require_database(settings)
    load_all()
    switch = kill_switch(Path(settings.run.data_dir))
    switch.require_clear()
    require_live(settings, venue)
    streams = open_venue(settings, venue, market, symbols)
    data_dir = DataDir(Path(settings.run.data_dir))
    try:
        terms = lease_terms(settings, streams, data_dir)
        from bot4.adapters.failover.mirror_reader import MirrorReader
        from bot4.adapters.failover.standby import Standby

        def forget(run_id: str) -> None:
            kept.forget()
            _forget_tables(settings, data_dir, run_id)

        kept = _CopiedPast()
        reader = MirrorReader(terms.name, data_dir.path / "runs", JOURNAL_NAME, forget)

        def can_trade() -> None:
            if reader.copy is not None:
                heed_kill(reader.copy.path, switch)
            open_venue(settings, venue, market, symbols)

        standby = Standby(
            terms,
            reader,
            last_epoch=data_dir.last_epoch,
            recv_window_ms=settings.live.recv_window_ms,
            keep=lambda: kept.keep(reader.copy),
            can_trade=can_trade,
            say=say,
        )
    except BaseException:
        data_dir.close()
        raise
    return OpenStandby(settings, standby, data_dir)


def _forget_tables(settings: Settings, data_dir: DataDir, run_id: str) -> None:
    """Take what the store has of a run out of it: it was told by a copy that is cut back."""
    from bot4.bootstrap.store import open_store

    store = open_store(settings, data_dir)
    try:
        with store.unit_of_work() as unit:
            unit.runs.forget_records(run_id)
            unit.runs.set_projected_seq(run_id, 0)
            unit.commit()
    finally:
        store.close()


async def adopt_lost(
    exchange: ExchangePort,
    lead: PostgresLeadership,
    past: Unfinished,
    instruments: Sequence[Instrument],
) -> RunPast:
    """Find at the venue what an earlier leader's journal lost on its way here; returns the past with it.

    Requests of that leader may be taken until its last stamp has become too old: so long the question waits.
    """
    import asyncio
    import time

    from bot4.application.live.preflight import PreflightError
    from bot4.application.orders.adoption import VenueTale, adopt
    from bot4.application.past.past_image import read_past_on
    from bot4.application.past.run_past import JOURNAL_NAME
    from bot4.ports.venue_outcome import NoInformation

    journal = past.folder / JOURNAL_NAME
    last_seq, last_epoch = lead.go_on(journal)
    await asyncio.sleep(max(0.0, lead.fence_until_s - time.monotonic()))
    since_ns = past.past.last_ns - _MINUTE_NS
    orders: list[VenueOrder] = []
    fills: list[VenueFill] = []
    for instrument in instruments:
        shown = await exchange.orders_since(instrument.symbol, since_ns)
        traded = await exchange.trades_since(instrument.symbol, since_ns)
        if isinstance(shown, NoInformation) or isinstance(traded, NoInformation):
            raise PreflightError([f"{instrument.symbol}: the venue did not tell what was traded last"])
        orders += shown
        fills += traded
    epochs = range(last_epoch, lead.epoch)
    records = adopt(past.past, VenueTale(orders, fills), instruments, next_seq=last_seq + 1, epochs=epochs)
    if not records:
        return past.past
    lead.write_adopted(journal, records)
    return read_past_on(journal) or past.past
