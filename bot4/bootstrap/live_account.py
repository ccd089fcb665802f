"""What a live run stands on: the account its orders are sent to, its lease and lock, and what has to hold before."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from bot4.bootstrap.failover import take_lead

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import ExitStack
    from pathlib import Path

    from bot4.adapters.failover.leadership import PostgresLeadership
    from bot4.adapters.host.account_lock import AccountLock
    from bot4.adapters.secrets.key_source import ApiKey
    from bot4.adapters.storage.data_dir import DataDir
    from bot4.adapters.venues.venue_streams import VenueStreams
    from bot4.application.live.account import LiveAccount
    from bot4.application.live.shard_kill import ShardKill
    from bot4.application.past.run_past import RunPast
    from bot4.bootstrap.watchdog import WatchedRun
    from bot4.config import Settings
    from bot4.domain.instrument import Instrument
    from bot4.ports.exchange import ExchangePort


def require_live(settings: Settings, venue: str | None) -> None:
    """Refuse real orders that were not asked for in every place they have to be."""
    import os

    from bot4.application.live.preflight import PreflightError, require_consent
    from bot4.config import BinanceSettings

    require_consent(settings, os.environ)
    if venue is None:
        raise PreflightError(["real orders need live market data: --venue"])
    reads_main = settings.venues.binance == BinanceSettings()
    if reads_main != (settings.live.endpoint == "mainnet"):
        where = "from" if reads_main else "not from"
        raise PreflightError(
            [f"live.endpoint is {settings.live.endpoint!r}, and venues.binance reads {where} the main venue: use one"]
        )


class Unfinished(NamedTuple):
    """The last live run of a data directory where it did not end in order."""

    folder: Path
    past: RunPast


def find_unfinished(settings: Settings, streams: VenueStreams, data_dir: DataDir) -> Unfinished | None:
    """Return the run the next live one has to go on with, None where the last one ended in order.

    Raises
    ------
    ConfigError
        It traded something else, or somewhere else: only a run like it can account for its orders.
    PastUnreadableError
        A journal is damaged: nobody knows what that run has at the venue.

    """
    from bot4.application.past.past_image import read_past_on
    from bot4.application.past.run_past import JOURNAL_NAME
    from bot4.domain.errors import ConfigError

    for folder in data_dir.runs():
        past = read_past_on(folder / JOURNAL_NAME)
        if past is None or not past.opening.is_live:
            continue
        if past.is_over:
            return None
        if not past.opening.fits(streams.instruments, _place(settings, streams.instruments)):
            symbols = " ".join(instrument.symbol for instrument in past.opening.instruments)
            raise ConfigError(
                f"run {folder.name} did not end: it traded {symbols} on {past.opening.place}, and its orders and "
                "positions have to be accounted for by a run on the same"
            )
        return Unfinished(folder, past)
    return None


def _place(settings: Settings, instruments: Sequence[Instrument]) -> str:
    return f"{instruments[0].venue} {instruments[0].market.value} {settings.live.endpoint}"


def take_account(
    settings: Settings,
    streams: VenueStreams,
    data_dir: DataDir,
    lead: PostgresLeadership | None,
    opened: ExitStack,
    *,
    admit: Callable[[Unfinished | None], None],
    accept_balances: bool,
) -> tuple[LiveAccount, Unfinished | None]:
    """Return the account for real orders, and the run it has to go on with: nowhere else is it decided what they need.

    In this order: the run that did not end, what `admit` asks of the strategy, the lease where the settings name one
    and `lead` is none, the key and the lock of its account, the preflight. `opened` ends the lease.
    """
    if lead is not None:
        opened.callback(lead.end, in_order=False)
    unfinished = find_unfinished(settings, streams, data_dir)
    admit(unfinished)
    if lead is None and (lead := take_lead(settings, streams, data_dir, unfinished)) is not None:
        opened.callback(lead.end, in_order=unfinished is None)
    account = open_live_account(settings, streams, data_dir, unfinished, lead, accept_balances=accept_balances)
    return account, unfinished


def open_live_account(
    settings: Settings,
    streams: VenueStreams,
    data_dir: DataDir,
    unfinished: Unfinished | None,
    lead: PostgresLeadership | None,
    *,
    accept_balances: bool,
) -> LiveAccount:
    """Read the key, pass the preflight, and take the balances to begin with; under a lease, what a copy lacks, too."""
    import asyncio
    import os
    import time
    from pathlib import Path

    from bot4.adapters.host.account_lock import AccountLock
    from bot4.adapters.host.no_dumps import forbid_dumps
    from bot4.adapters.secrets.key_source import load_api_key
    from bot4.application.live.account import LiveAccount, LivePace
    from bot4.application.live.preflight import PreflightError
    from bot4.application.orders.accepting import accepted_balances
    from bot4.bootstrap.account_questions import ask_account

    if not forbid_dumps():
        raise PreflightError(["core dumps cannot be switched off: a dump would hold the key"])
    key = load_api_key(Path(settings.live.key_file) if settings.live.key_file else None, os.environ)
    where = f"{_place(settings, streams.instruments)} {settings.live.rest_url}".rstrip()
    lock = AccountLock(key.api_key, where, lease=settings.failover.account)
    if lead is not None:
        data_dir.keep_epoch(lead.epoch)
    epoch = data_dir.next_epoch(int(time.time())) if lead is None else lead.epoch

    def make() -> ExchangePort:
        return _exchange(settings, streams.instruments, key)

    balances, past = asyncio.run(ask_account(make, settings, streams.instruments, unfinished, lead))
    accepted = accepted_balances(past, balances, streams.instruments) if accept_balances else ()
    if past is not None:
        for balance in accepted:
            past.accept(balance)
    return LiveAccount(
        exchange=make(),
        balances={balance.asset: balance.total for balance in balances},
        epoch=epoch,
        attend=_attendance(settings, streams, data_dir.path, key, epoch=epoch, lock=lock),
        lead=lead,
        pace=LivePace(reconcile_s=settings.live.reconcile_interval_ms / 1_000),
        place=_place(settings, streams.instruments),
        past=past,
        accepted=accepted,
    )


def _attendance(
    settings: Settings, streams: VenueStreams, folder: Path, key: ApiKey, *, epoch: int, lock: AccountLock
) -> Callable[[ShardKill, str, list[str]], WatchedRun]:
    """Return what begins to attend a run: its heartbeat and watchdog, and at its end the lock is let go."""
    import msgspec

    from bot4.bootstrap.watchdog import Watch, WatchedRun

    def attend(shard: ShardKill, run_id: str, notes: list[str]) -> WatchedRun:
        watch = Watch(
            run_id=run_id,
            epoch=epoch,
            market=streams.instruments[0].market.value,
            symbols=tuple(instrument.symbol for instrument in streams.instruments),
            live=msgspec.to_builtins(msgspec.structs.replace(settings.live, consent="", key_file="")),
        )
        has_child = settings.live.watchdog_after_ms > 0
        return WatchedRun(folder, watch, key, shard, notes, has_child=has_child, let_go=lock.close)

    return attend


def _exchange(settings: Settings, instruments: Sequence[Instrument], key: ApiKey) -> ExchangePort:
    """Return the adapter of the market that is traded, at the endpoint of the settings; not started."""
    from random import Random

    from bot4._core.clock import SystemClock
    from bot4.domain.errors import ConfigError

    try:
        from bot4.adapters.venues.binance.accounts import make_account
    except ImportError as error:
        raise ConfigError(f"real orders need {error.name}: pip install 'bot4[live]'") from None
    clock = SystemClock()
    return make_account(
        settings.live,
        instruments,
        api_key=key.api_key,
        secret=key.secret,
        mono_ns=clock.monotonic_ns,
        wall_ns=clock.wall_ns,
        rng=Random(),  # noqa: S311 - spreads reconnections
    )
