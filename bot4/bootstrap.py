"""The one place that joins adapters to what uses them. Each function builds what it returns; imports are lazy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from contextlib import ExitStack
    from decimal import Decimal
    from pathlib import Path

    from bot4.adapters.recordings.recorder import FrameRecorder
    from bot4.adapters.recordings.recording import Recording
    from bot4.adapters.secrets.key_source import ApiKey
    from bot4.adapters.storage.data_dir import DataDir
    from bot4.adapters.venues.venue_streams import VenueStreams
    from bot4.application.live_gateway import LiveAccount
    from bot4.application.session import PaperSession
    from bot4.config import Settings
    from bot4.domain.instrument import Instrument
    from bot4.dto.data_check import CheckReport
    from bot4.dto.host_check import HostReport
    from bot4.ports.book_reader import BookReader
    from bot4.ports.display import Display
    from bot4.ports.exchange import ExchangePort
    from bot4.ports.market_feed import MarketFeed
    from bot4.ports.unit_of_work import Store
    from bot4.quant.calibration import Calibration

# A snapshot of 5,000 levels a side, three times; as the feed asks for (bot4/_core/engine/feed.pxd).
_LIVE_RING_MIN = 32_768


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


def open_recording(path: str | Path, *, market: str | None = None) -> Recording:
    """Recognise one recording by its content; nothing but its beginning is read.

    Parameters
    ----------
    path : str or Path
        A capture or a public CSV dump, plain, gzip or zip.
    market : str, optional
        ``spot``, ``usdm`` or ``coinm``: overrules what the file says.

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
        ``spot``, ``usdm`` or ``coinm``: overrules what the files say.
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


def _kraken_reader(instruments: Sequence[Instrument]) -> BookReader:
    from bot4.adapters.venues.kraken.book import KrakenBookReader
    from bot4.dto.rules.kraken import v2_symbol

    return KrakenBookReader({v2_symbol(item.symbol): (item.price_decimals, item.qty_decimals) for item in instruments})


def _okx_reader(_instruments: Sequence[Instrument]) -> BookReader:
    from bot4.adapters.venues.okx.book import OkxBookReader

    return OkxBookReader()


def open_session(
    settings: Settings,
    display: Display,
    *,
    replay: Sequence[Path] = (),
    instrument_files: Sequence[Path] = (),
    market: str | None = None,
    venue: str | None = None,
    symbols: Sequence[str] = (),
    record: Path | None = None,
    live: bool = False,
    speed: float,
    duration_s: float | None = None,
) -> OpenSession:
    """Put a session together: its data directory, its store, its source of market data.

    Parameters
    ----------
    settings : Settings
        See docs/configuration.md.
    display : Display
        Where the run shows itself.
    replay : sequence of Path
        Recordings to trade over; none plays the synthetic market.
    instrument_files : sequence of Path
        Instrument rules that win over recorded and bundled ones.
    market : str, optional
        ``spot``, ``usdm`` or ``coinm``: overrules what the recordings say.
    venue : str, optional
        ``binance``, ``bybit``, ``coinbase``, ``kraken`` or ``okx``: live market data of `symbols`, traded on paper;
        nothing can send it an order.
    symbols : sequence of str
        Of the venue, in its own spelling; none is bitcoin in dollars.
    record : Path, optional
        A new file for what the venue sends.
    live : bool
        Real orders on the venue instead of paper; asks for everything docs/live.md lists.
    speed : float
        0 for as fast as it goes, 1 for the pace of the stamps; 0 for a venue, whose pace is its own.
    duration_s : float, optional
        Market time to run for.

    Raises
    ------
    ConfigError, DataError, NoInputError
        The input or a setting cannot be used.
    PreflightError
        Real orders were asked for, and something forbids them.
    DataDirError, DataDirBusyError, StoreError, OutputError
        The data directory, the store, the journal or the recording cannot be used.
    UnreachableError
        The venue does not answer.

    """
    from contextlib import ExitStack
    from pathlib import Path

    from bot4.adapters.storage.data_dir import DataDir
    from bot4.application.assembly import InputShape
    from bot4.application.session import PaperSession
    from bot4.domain.errors import OutputError

    source: MarketFeed
    if live:
        _require_live(settings, venue)
    streams = _open_venue(settings, venue, market, symbols) if venue is not None else None
    if replay:
        from bot4.adapters.recordings.replay_feed import ReplayFeed
        from bot4.domain.instrument import Market

        source = ReplayFeed(
            replay, instrument_files=instrument_files, market=Market(market) if market is not None else None
        )
        shape = InputShape(has_book=source.has_book, bar_interval_ns=source.bar_interval_ns)
    elif streams is None:
        source = _synthetic_feed(settings, instrument_files)
        shape = InputShape()
    with ExitStack() as opened:
        data_dir = DataDir(Path(settings.run.data_dir))
        opened.callback(data_dir.close)
        store = _open_store(settings, data_dir)
        opened.callback(store.close)
        if streams is not None:
            recorder = _recorder(settings, record)
            if recorder is not None:
                opened.callback(recorder.close)
            source, shape = _live_feed(settings, streams, recorder), InputShape()
        account = _live_account(settings, streams, data_dir) if live and streams is not None else None
        run_dir = data_dir.new_run()
        try:
            session = PaperSession(
                settings,
                source,
                shape,
                store=store,
                run_dir=run_dir,
                display=display,
                speed=speed,
                duration_s=duration_s,
                account=account,
            )
        except OSError as error:
            data_dir.discard(run_dir)
            raise OutputError(f"run folder {run_dir} cannot be written: {error.strerror}") from None
        except BaseException:
            data_dir.discard(run_dir)
            raise
        return OpenSession(session, opened.pop_all())


def _require_live(settings: Settings, venue: str | None) -> None:
    """Refuse real orders that were not asked for in every place they have to be."""
    import os

    from bot4.application.preflight import PreflightError, require_consent
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


def _live_account(settings: Settings, streams: VenueStreams, data_dir: DataDir) -> LiveAccount:
    """Read the key, pass the preflight, and take the balances to begin with."""
    import asyncio
    import os
    import time
    from pathlib import Path

    from bot4.adapters.host.no_dumps import forbid_dumps
    from bot4.adapters.secrets.key_source import load_api_key
    from bot4.application.live_gateway import LiveAccount, LivePace
    from bot4.application.preflight import PreflightError, preflight
    from bot4.domain.errors import Bot4Error
    from bot4.ports.exchange import NoInformation

    if not forbid_dumps():
        raise PreflightError(["core dumps cannot be switched off: a dump would hold the key"])
    key = load_api_key(Path(settings.live.key_file) if settings.live.key_file else None, os.environ)

    async def ask() -> dict[str, Decimal]:
        exchange = _exchange(settings, streams.instruments, key)
        try:
            await exchange.start()
            lines = await preflight(exchange, settings, streams.instruments)
            balances = await exchange.balances()
        except Bot4Error as error:
            raise PreflightError([f"the venue: {error}"]) from None
        finally:
            await exchange.close()
        if lines or isinstance(balances, NoInformation):
            raise PreflightError(lines or ["balances: they are not known"])
        return {balance.asset: balance.total for balance in balances}

    return LiveAccount(
        exchange=_exchange(settings, streams.instruments, key),
        balances=asyncio.run(ask()),
        epoch=data_dir.next_epoch(int(time.time())),
        pace=LivePace(reconcile_s=settings.live.reconcile_interval_ms / 1_000),
    )


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


def _open_venue(settings: Settings, venue: str, market: str | None, symbols: Sequence[str]) -> VenueStreams:
    """Fetch the rules of a venue's symbols and compare clocks."""
    from bot4._core.clock import SystemClock
    from bot4.domain.errors import ConfigError

    if settings.shard.ring_capacity < _LIVE_RING_MIN:
        raise ConfigError(
            f"setting shard.ring_capacity must be at least {_LIVE_RING_MIN} with a live venue (a snapshot has to fit), "
            f"was {settings.shard.ring_capacity}"
        )
    streams = _venue_streams(settings, venue, market, tuple(dict.fromkeys(symbols)))
    streams.check_clock(SystemClock(), offset_max_ms=settings.streams.clock_offset_max_ms)
    return streams


def _venue_streams(settings: Settings, venue: str, market: str | None, symbols: tuple[str, ...]) -> VenueStreams:
    from bot4.domain.errors import ConfigError
    from bot4.domain.instrument import Market

    if venue == "binance":
        from bot4.adapters.venues.binance.market_data import BinanceStreams

        room = Market(market) if market is not None else Market.SPOT
        return BinanceStreams.open(room, symbols or ("BTCUSDT",), settings.venues.binance, settings.streams)
    if market not in {None, "spot"}:
        raise ConfigError(f"live market data of {venue} is of the spot market, was {market}")
    if venue == "kraken":
        from bot4.adapters.venues.kraken.market_data import open_kraken

        return open_kraken(symbols or ("XBT/USD",), settings.venues.kraken, settings.streams)
    if venue == "okx":
        from bot4.adapters.venues.okx.market_data import open_okx

        return open_okx(symbols or ("BTC-USDT",), settings.venues.okx, settings.streams)
    if venue == "bybit":
        from bot4.adapters.venues.bybit.market_data import open_bybit

        return open_bybit(symbols or ("BTCUSDT",), settings.venues.bybit, settings.streams)
    if venue == "coinbase":
        from bot4.adapters.venues.coinbase.market_data import open_coinbase

        return open_coinbase(symbols or ("BTC-USD",), settings.venues.coinbase, settings.streams)
    raise ConfigError(f"live market data comes from binance, bybit, coinbase, kraken or okx, was {venue!r}")


def _recorder(settings: Settings, record: Path | None) -> FrameRecorder | None:
    if record is None:
        return None
    from bot4.adapters.recordings.recorder import FrameRecorder

    return FrameRecorder(
        record,
        buffer_bytes=settings.streams.record_buffer_mb << 20,
        bytes_max=settings.streams.record_max_mb << 20,
    )


def _live_feed(settings: Settings, streams: VenueStreams, recorder: FrameRecorder | None) -> MarketFeed:
    from random import Random

    from bot4._core.clock import SystemClock
    from bot4.adapters.venues.live_feed import LiveFeed

    jitter = Random()  # noqa: S311 - many clients must not come back together
    return LiveFeed(streams, settings.streams, clock=SystemClock(), rng=jitter, recorder=recorder)


def _open_store(settings: Settings, data_dir: DataDir) -> Store:
    """Open the store of the settings: a file in the data directory, or the server named in the environment."""
    import os

    from bot4.domain.errors import ConfigError

    if settings.store.kind == "sqlite":
        from bot4.adapters.storage.sqlite import SqliteStore

        return SqliteStore(data_dir.store_path)
    url = os.environ.get("BOT4_POSTGRES_URL", "")
    if not url:
        raise ConfigError("setting store.kind is 'postgresql', and the environment names no server: BOT4_POSTGRES_URL")
    try:
        from bot4.adapters.storage.postgres import PostgresStore
    except ImportError as error:
        raise ConfigError(f"setting store.kind 'postgresql' needs {error.name}: pip install 'bot4[postgres]'") from None
    return PostgresStore(
        url,
        connections_max=settings.store.connections_max,
        wait_s=settings.store.wait_ms / 1_000,
        statement_timeout_s=settings.store.statement_timeout_ms / 1_000,
    )


def _synthetic_feed(settings: Settings, instrument_files: Sequence[Path]) -> MarketFeed:
    from bot4.adapters.recordings.catalog import InstrumentCatalog
    from bot4.adapters.synthetic.feed import SyntheticFeed
    from bot4.domain.instrument import Market

    instrument = InstrumentCatalog(instrument_files).require("binance", Market.SPOT, settings.synthetic.symbol)
    return SyntheticFeed(instrument, settings.synthetic, seed=settings.run.seed)


class OpenSession:
    """A session with what it holds open: recording, store, data directory; leaving the block closes them."""

    def __init__(self, session: PaperSession, opened: ExitStack) -> None:
        self.session = session
        self._opened = opened

    def __enter__(self) -> PaperSession:
        return self.session

    def __exit__(self, *_: object) -> None:
        self._opened.close()


def serve_exchange(
    ready: Callable[[dict[str, Any]], None],
    *,
    host: str,
    port: int,
    seed: int,
    accounts: Sequence[str] = (),
    accounts_file: Path | None = None,
    limits: str = "binance",
    speed: float = 1.0,
    background: str = "calibrated",
    market_model: Path | None = None,
    faults_file: Path | None = None,
    replay: Sequence[Path] = (),
    has_tls: bool = False,
    has_listen_keys: bool = False,
    token: str | None = None,
) -> None:
    """Serve an exchange until SIGTERM or SIGINT.

    Parameters
    ----------
    ready : callable
        Told where the exchange is reached, once it is.
    host : str
        Where to listen.
    port : int
        0 takes a free one.
    seed : int
        Of the background market and the faults.
    accounts : sequence of str
        ``NAME:APIKEY:SECRET:ASSET=AMOUNT,...``.
    accounts_file : Path, optional
        More accounts.
    limits : str
        ``binance``, ``off``, or a file.
    speed : float
        Seconds of the background market in one of the clock.
    background : str
        Who trades when no client does: ``calibrated``, ``plain`` or ``none``.
    market_model : Path, optional
        Parameters of the calibrated market, as ``bot4 calibrate`` writes them.
    faults_file : Path, optional
        Faults from the beginning on.
    replay : sequence of Path
        Recordings that are the background market of their symbol, chained in their order.
    has_tls : bool
        Serve https and wss.
    has_listen_keys : bool
        Let clients subscribe to user data as before 2026-02-20.
    token : str, optional
        Of the administration; without one it is drawn.

    Raises
    ------
    ConfigError, NoInputError
        The extra ``exchange`` is not installed; an account, a limit or a fault cannot be, or its file not be read.
    OutputError
        The port cannot be had.

    """
    import secrets
    from importlib.util import find_spec
    from pathlib import Path

    from bot4.domain.errors import ConfigError

    for needed in ("aiohttp", "cryptography", "uvloop"):
        if find_spec(needed) is None:
            raise ConfigError(f"the served exchange needs {needed}: pip install 'bot4[exchange]'")
    from bot4.adapters.simulator.accounts import parse_account, read_accounts
    from bot4.adapters.simulator.faults.settings import read_faults
    from bot4.adapters.simulator.run import ExchangeSettings, run_exchange
    from bot4.adapters.simulator.wire.limits import Limits, read_limits

    specs = [parse_account(text) for text in accounts]
    if accounts_file is not None:
        specs += read_accounts(accounts_file)
    known = {"binance": Limits(), "off": None}
    run_exchange(
        ExchangeSettings(
            host=host,
            port=port,
            seed=seed,
            accounts=specs,
            limits=known[limits] if limits in known else read_limits(Path(limits)),
            speed=speed,
            background=background,
            market_model=market_model,
            has_tls=has_tls,
            has_listen_keys=has_listen_keys,
            token=token or secrets.token_urlsafe(32),
            faults=None if faults_file is None else read_faults(faults_file),
            recorded=_recorded_markets(replay),
        ),
        ready,
    )


def _recorded_markets(paths: Sequence[Path]) -> dict[str, Iterator[tuple[int, bytes]]]:
    """Spot recordings by their symbol, those of one symbol chained."""
    from itertools import chain

    from bot4.adapters.recordings.recognise import open_recording as recognise
    from bot4.domain.errors import DataError
    from bot4.domain.instrument import Market

    chained: dict[str, list[Recording]] = {}
    for path in paths:
        recording = recognise(path)
        if not recording.format.is_capture or recording.venue != "binance" or recording.market is not Market.SPOT:
            raise DataError(f"{path}: an exchange plays captures of Binance's spot streams")
        if len(recording.symbols) != 1:
            raise DataError(f"{path}: an exchange plays recordings of one symbol, this has {len(recording.symbols)}")
        chained.setdefault(recording.symbols[0], []).append(recording)
    return {symbol: chain.from_iterable(map(_frames, recordings)) for symbol, recordings in chained.items()}


def _frames(recording: Recording) -> Iterator[tuple[int, bytes]]:
    from bot4._core.wire.capture import CaptureVerdict, split_capture

    for chunk in recording.chunks():
        for verdict, _, recv_ns, start, end in split_capture(chunk, recording.format.code):
            if verdict == CaptureVerdict.CAPTURE_FRAME:
                yield recv_ns, chunk[start:end]


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
