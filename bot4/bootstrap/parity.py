"""One recording three ways: backtest, replay on paper, and through the exchange served in lockstep."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from bot4.adapters.simulator.lockstep import LockstepDoor
    from bot4.application.evidence.parity import Outcome
    from bot4.config import Settings
    from bot4.dto.summary import RunSummary
    from bot4.ports.run_view import RunView


class _NoScreen:
    """A display that shows nothing."""

    def show(self, view: RunView) -> None:
        """Show nothing."""

    def say(self, message: str) -> None:
        """Say nothing."""

    def close(self) -> None:
        """Close nothing."""


def lockstep_door(paths: Sequence[Path], settings: Settings, token: str) -> LockstepDoor:
    """Make the venue of recordings of spot markets, one symbol a file, in lockstep, behind its door.

    Raises
    ------
    NoInputError, DataError
        A file is missing, is no capture of Binance's spot streams, or is of several symbols.

    """
    from heapq import merge
    from operator import itemgetter

    from bot4._core.book.depth_sync import DepthSync
    from bot4._core.wire.scan import Scanner
    from bot4.adapters.recordings.replay_feed import ReplayFeed
    from bot4.adapters.simulator.lockstep import LockstepDoor, LockstepLane, LockstepVenue
    from bot4.application.assembly.assembly import lone_papers
    from bot4.bootstrap.exchange import recorded_markets

    recorded = recorded_markets(paths)
    instruments = ReplayFeed(paths).instruments
    scanner = Scanner()
    for item in instruments:
        scanner.add_instrument(item.symbol, f"{item.tick_size:f}", f"{item.lot_size:f}", skip_off_tick_levels=True)
    lanes = [
        LockstepLane(item, DepthSync(), paper, decimals)
        for item, (paper, decimals) in zip(instruments, lone_papers(settings, instruments), strict=True)
    ]
    chains = [_in_order(lane, recorded[item.symbol]) for lane, item in enumerate(instruments)]
    frames = ((stamp, lane, frame) for _, lane, stamp, frame in merge(*chains, key=itemgetter(0, 1)))
    return LockstepDoor(LockstepVenue(lanes, frames, scanner), token)


def _in_order(lane: int, frames: Iterator[tuple[int, bytes]]) -> Iterator[tuple[int, int, int, bytes]]:
    """Yield frames with the latest stamp so far: one that is older stays behind the one before it, as in a replay."""
    last = 0
    for stamp, frame in frames:
        last = max(last, stamp)
        yield last, lane, stamp, frame


def serve_lockstep_exchange(
    ready: Callable[[dict[str, Any]], None],
    paths: Sequence[Path],
    settings: Settings,
    *,
    host: str,
    port: int,
    token: str | None = None,
) -> None:
    """Serve recordings in lockstep until SIGTERM or SIGINT; see `lockstep_door`.

    Raises
    ------
    OutputError
        The port cannot be had.

    """
    import asyncio
    import secrets

    chosen = token or secrets.token_urlsafe(32)
    asyncio.run(_serve(lockstep_door(paths, settings, chosen), ready, host=host, port=port, token=chosen))


async def _serve(
    door: LockstepDoor, ready: Callable[[dict[str, Any]], None], *, host: str, port: int, token: str
) -> None:
    import asyncio
    import signal

    from bot4.adapters.simulator.lockstep import serve_lockstep
    from bot4.domain.errors import OutputError

    over = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, over.set)
    try:
        runner, address = await serve_lockstep(door, host, port)
    except OSError as error:
        raise OutputError(f"{host}:{port} cannot be had: {error.strerror}") from None
    ready({"lockstep": address, "admin_token": token})
    await over.wait()
    await runner.cleanup()


def through_lockstep(
    paths: Sequence[Path],
    make_strategy: Callable[[], object | None],
    settings: Settings,
    address: str,
    token: str,
    *,
    strategy_latency_ns: int = 0,
) -> Outcome:
    """Run a strategy through an exchange served in lockstep, which plays the recordings; orders and fills.

    Raises
    ------
    DataError, UnreachableError
        The exchange does not answer, or says what does not fit.

    """
    from pathlib import Path
    from tempfile import TemporaryDirectory

    from bot4.adapters.recordings.replay_feed import ReplayFeed
    from bot4.adapters.venues.binance.lockstep import BinanceLockstep
    from bot4.application.assembly.shape import InputShape
    from bot4.application.evidence.lockstep_run import LockstepRun
    from bot4.application.evidence.parity import outcome_of_journal

    with TemporaryDirectory(prefix="bot4-parity-") as folder, BinanceLockstep(address, token) as venue:
        journal = Path(folder) / "journal"
        run = LockstepRun(
            settings,
            ReplayFeed(paths).instruments,
            InputShape(),
            make_strategy(),
            venue=venue,
            journal=journal,
            strategy_latency_ns=strategy_latency_ns,
        )
        run.run()
        return outcome_of_journal("served", journal)


def parity_outcomes(
    paths: Sequence[Path],
    make_strategy: Callable[[], object | None],
    settings: Settings,
    *,
    strategy_latency_ns: int = 0,
    exchange_words: Sequence[str] = (),
) -> list[Outcome]:
    """Run a strategy over recordings in each of the three ways; the exchange is a process of its own.

    `exchange_words` are options that give that process the settings: ``--config`` and ``--set``.

    Raises
    ------
    NoInputError, DataError, ConfigError, UnreachableError
        As of the three.

    """
    from bot4.application.evidence.parity import outcome_of_backtest
    from bot4.bootstrap.backtest_input import BacktestInput

    latency_ns = strategy_latency_ns
    back = BacktestInput(paths, settles_recorded=False).run(make_strategy(), settings, strategy_latency_ns=latency_ns)
    replayed = _on_paper(paths, make_strategy(), settings, latency_ns)
    with _exchange_process(paths, exchange_words) as (address, token):
        served = through_lockstep(paths, make_strategy, settings, address, token, strategy_latency_ns=latency_ns)
    return [outcome_of_backtest(back), replayed, served]


def _on_paper(paths: Sequence[Path], strategy: object | None, settings: Settings, latency_ns: int) -> Outcome:
    from pathlib import Path
    from tempfile import TemporaryDirectory

    import msgspec

    from bot4.application.evidence.parity import outcome_of_journal
    from bot4.bootstrap.session import open_session

    with TemporaryDirectory(prefix="bot4-parity-") as folder:
        kept = msgspec.structs.replace(settings, run=msgspec.structs.replace(settings.run, data_dir=folder))
        with open_session(
            kept, _NoScreen(), replay=paths, speed=0.0, strategy=strategy, strategy_latency_ns=latency_ns
        ) as session:
            summary: RunSummary = session.run()
        return outcome_of_journal("paper", Path(summary.journal))


@contextmanager
def _exchange_process(paths: Sequence[Path], words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Start ``bot4 exchange --lockstep`` on a port of its own; ended on leaving."""
    import subprocess
    import sys

    import orjson

    from bot4.domain.errors import UnreachableError

    program = "from bot4.entrypoints.cli.main import main; main()"
    replays = [word for path in paths for word in ("--replay", str(path))]
    with subprocess.Popen(  # noqa: S603 - this very program
        [sys.executable, "-c", program, "exchange", "--lockstep", *words, *replays], stdout=subprocess.PIPE
    ) as process:
        try:
            line = process.stdout.readline() if process.stdout is not None else b""
            if not line:
                raise UnreachableError("the exchange in lockstep did not start")
            told = orjson.loads(line)
            yield told["lockstep"], told["admin_token"]
        finally:
            process.terminate()
