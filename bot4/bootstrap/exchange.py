"""The served exchange."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from bot4.adapters.recordings.recording import Recording


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
    has_futures: bool = False,
    funding_interval_s: int | None = None,
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
    has_futures : bool
        Serve USD-M futures too.
    funding_interval_s : int, optional
        Between two settlements of their funding; eight hours.
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
    from bot4.adapters.simulator.futures.venue import FUNDING_INTERVAL_S
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
            has_futures=has_futures,
            funding_interval_s=funding_interval_s or FUNDING_INTERVAL_S,
            token=token or secrets.token_urlsafe(32),
            faults=None if faults_file is None else read_faults(faults_file),
            recorded=recorded_markets(replay),
        ),
        ready,
    )


def recorded_markets(paths: Sequence[Path]) -> dict[str, Iterator[tuple[int, bytes]]]:
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
