"""One exchange from its settings to its end."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import resource
import signal
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uvloop

from bot4.adapters.simulator.background.calibrated_flow import CalibratedFlow
from bot4.adapters.simulator.background.faulty_flow import FaultyFlow
from bot4.adapters.simulator.background.flow import Flows
from bot4.adapters.simulator.background.plain_flow import PlainFlow
from bot4.adapters.simulator.background.recorded_flow import RecordedFlow
from bot4.adapters.simulator.futures.contracts import DEFAULT_CONTRACTS
from bot4.adapters.simulator.futures.venue import FUNDING_INTERVAL_S, FuturesVenue
from bot4.adapters.simulator.serve.app import ExchangeServer
from bot4.adapters.simulator.symbols import DEFAULT_SYMBOLS
from bot4.adapters.simulator.venue import Venue
from bot4.adapters.simulator.wire.decimals import UNIT
from bot4.domain.errors import DataError, OutputError
from bot4.quant.market_model import load_market_model

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from bot4.adapters.simulator.accounts import AccountSpec
    from bot4.adapters.simulator.background.flow import Flow
    from bot4.adapters.simulator.faults.settings import FaultSettings
    from bot4.adapters.simulator.house import House
    from bot4.adapters.simulator.symbols import Symbol
    from bot4.adapters.simulator.wire.limits import Limits

    Ready = Callable[[dict[str, Any]], None]

HISTORY_S = 360  # of the background market before the first client comes
_STEP_S = 0.5
_YOUNG = 20_000
_FILES = 16_384  # connections, and room for what else a process opens
_SECOND_NS = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeSettings:
    """What an exchange is started with.

    Parameters
    ----------
    host, port : str, int
        Port 0 takes a free one.
    seed : int
        Of the background market and the faults.
    accounts : sequence of AccountSpec
    limits : Limits or None
        None is no limits.
    speed : float
        Seconds of the background market in one of the clock; 0 stands still.
    background : str
        ``calibrated``, ``plain`` or ``none``.
    market_model : Path or None
        Parameters of the calibrated one; None is the bundled file.
    has_tls : bool
    has_listen_keys : bool
        Whether user data may be had as before 2026-02-20.
    token : str
        Of the administration.
    faults : FaultSettings or None
        From the beginning on.
    has_futures : bool
        Whether there are USD-M futures too.
    funding_interval_s : int
        Between two settlements of their funding.
    recorded : mapping of str to iterator, optional
        Recordings by the symbol whose background market they are: receive time and frame, in order.

    """

    host: str
    port: int
    seed: int
    accounts: Sequence[AccountSpec]
    limits: Limits | None
    speed: float
    background: str
    market_model: Path | None
    has_tls: bool
    has_listen_keys: bool
    token: str
    faults: FaultSettings | None
    has_futures: bool = False
    funding_interval_s: int = FUNDING_INTERVAL_S
    recorded: Mapping[str, Iterator[tuple[int, bytes]]] = field(default_factory=dict)


def run_exchange(settings: ExchangeSettings, ready: Ready) -> None:
    """Serve until SIGTERM or SIGINT.

    Parameters
    ----------
    settings : ExchangeSettings
        What it is started with.
    ready : callable
        Told where the exchange is reached, once it is.

    Raises
    ------
    ConfigError
        An account or a key cannot be.
    OutputError
        The port cannot be had.

    """
    _allow_files()
    uvloop.run(_serve(settings, ready))


def build_venue(settings: ExchangeSettings) -> tuple[Venue, Flow | None]:
    """Put the spot exchange together, and let its background market make a history.

    Raises
    ------
    ConfigError, DataError
        An account or a parameter file cannot be; a recording is of no market here, or tells nothing.

    """
    unknown = set(settings.recorded) - {symbol.name for symbol in DEFAULT_SYMBOLS}
    if unknown:
        raise DataError(f"the recording is of {min(unknown)}, which is not traded here")
    now_ns = time.time_ns()
    past = _Past(now_ns - HISTORY_S * _SECOND_NS)
    venue = Venue(DEFAULT_SYMBOLS, settings.accounts, settings.limits, seed=settings.seed, clock=past.time_ns)
    flow: Flow | None = None
    if settings.background != "none":
        chosen = [symbol for symbol in DEFAULT_SYMBOLS if symbol.name not in settings.recorded]
        flow = _made_up(venue, DEFAULT_SYMBOLS, chosen, settings)
        _make_history(venue, flow, past, now_ns)
    past.is_over = True
    if settings.recorded:
        flow = _with_recordings(venue, flow, settings.recorded)
    flow = _with_faults(venue, flow)
    if settings.has_listen_keys:
        venue.allow_listen_keys(settings.seed)
    if settings.faults is not None:
        venue.faults.set(settings.faults)
    return venue, flow


def build_futures(settings: ExchangeSettings) -> tuple[FuturesVenue, Flow | None]:
    """Put the futures exchange together, and let its background market make a history.

    Raises
    ------
    ConfigError
        An account or a parameter file cannot be.

    """
    now_ns = time.time_ns()
    past = _Past(now_ns - HISTORY_S * _SECOND_NS)
    venue = FuturesVenue(
        DEFAULT_CONTRACTS,
        settings.accounts,
        settings.limits,
        seed=settings.seed,
        clock=past.time_ns,
        funding_interval_s=settings.funding_interval_s,
    )
    flow: Flow | None = None
    if settings.background != "none":
        flow = _made_up(venue, DEFAULT_CONTRACTS, DEFAULT_CONTRACTS, settings)
        venue.free_background()
        _make_history(venue, flow, past, now_ns)
    past.is_over = True
    flow = _with_faults(venue, flow)
    venue.free_background()
    if settings.faults is not None:
        venue.faults.set(settings.faults, draws_chaos=False)
    return venue, flow


def _made_up(house: House, symbols: Sequence[Symbol], chosen: Sequence[Symbol], settings: ExchangeSettings) -> Flow:
    """Return the background market of the chosen ones among the symbols of a house."""
    markets = [house.markets[symbol.name] for symbol in chosen]
    if settings.background == "plain":
        return PlainFlow(house.engine, markets, symbols, settings.seed)
    return CalibratedFlow(
        house.engine.exchange,
        markets,
        load_market_model(settings.market_model),
        seed=settings.seed,
        start_ns=house.now_ns(),
        settle=lambda: house.settle(house.now_ns()),
        quote_worth={symbol.base: symbol.first_price / UNIT for symbol in symbols if symbol.quote == "USDT"},
    )


def _make_history(house: House, flow: Flow, past: _Past, now_ns: int) -> None:
    """Let a background market trade up to now."""
    flow.begin(past.now_ns)
    house.settle(past.now_ns)
    while past.now_ns < now_ns:
        past.now_ns += int(_STEP_S * _SECOND_NS)
        flow.advance(_STEP_S, past.now_ns)
        house.advance(past.now_ns)
        house.settle(past.now_ns)


def _with_faults(house: House, flow: Flow | None) -> Flow | None:
    if flow is None:
        return None
    faulty = FaultyFlow(flow, house.engine, list(house.markets.values()), house.faults)
    house.settle(house.now_ns())
    return faulty


def _with_recordings(venue: Venue, flow: Flow | None, recorded: Mapping[str, Iterator[tuple[int, bytes]]]) -> Flow:
    flows = [] if flow is None else [flow]
    for number, (name, frames) in enumerate(recorded.items()):
        played = RecordedFlow(venue.engine, {name: venue.market(name)}, frames, number)
        played.begin(venue.now_ns())
        flows.append(played)
    venue.keeper.settle(None, venue.now_ns())
    return Flows(*flows)


class _Past:
    """The clock of a history, and of the present once that is over."""

    def __init__(self, now_ns: int) -> None:
        self.now_ns = now_ns
        self.is_over = False

    def time_ns(self) -> int:
        return time.time_ns() if self.is_over else self.now_ns


def _allow_files() -> None:
    """Let the process open as many files as its connections need, as far as the system lets it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


async def _serve(settings: ExchangeSettings, ready: Ready) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    venue, flow = build_venue(settings)
    futures, futures_flow = build_futures(settings) if settings.has_futures else (None, None)
    gc.collect()
    gc.freeze()  # the history outlives every collection: none need look at it again
    gc.set_threshold(_YOUNG, 20, 50)  # what a request makes holds no circles: look for them rarely
    server = ExchangeServer(
        venue, flow, speed=settings.speed, token=settings.token, futures=futures, futures_flow=futures_flow
    )
    with contextlib.ExitStack() as files:
        tls, ca_file = None, None
        if settings.has_tls:
            from bot4.adapters.simulator.tls import make_tls  # noqa: PLC0415 - only TLS needs cryptography

            folder = Path(files.enter_context(tempfile.TemporaryDirectory(prefix="bot4-exchange-")))
            tls, ca_file = make_tls(folder, settings.host)
        try:
            addresses = await server.start(settings.host, settings.port, tls)
        except OSError as error:
            raise OutputError(
                f"cannot listen on {settings.host}:{settings.port}: {(error.strerror or str(error)).lower()}"
            ) from None
        known = {"admin_token": settings.token, "ca_file": None if ca_file is None else str(ca_file)}
        ready(asdict(addresses) | known)
        await _stop_after(server, stopped)


async def _stop_after(server: ExchangeServer, stopped: asyncio.Event) -> None:
    """Stop a server once it shall, or once it has failed: then that is raised."""
    ended = asyncio.create_task(stopped.wait())
    failed = asyncio.create_task(server.wait_failed())
    done, _ = await asyncio.wait((ended, failed), return_when=asyncio.FIRST_COMPLETED)
    await server.stop()
    ended.cancel()
    if failed in done:
        failed.result()
    failed.cancel()
