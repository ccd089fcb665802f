"""The watchdog of a live run: as a child of the run, and as a command of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, MutableMapping
    from pathlib import Path
    from typing import IO

    from bot4.adapters.secrets.key_source import ApiKey
    from bot4.adapters.venues.binance.canceller import BinanceCanceller
    from bot4.application.live.shard_kill import ShardKill
    from bot4.application.live.watchdog import Pulse
    from bot4.config import LiveSettings
    from bot4.domain.instrument import Market

WATCH_FILE, LOG_FILE = "watch.json", "watchdog.log"
_RESTARTS_S = (1.0, 2.0, 5.0, 15.0, 60.0)
_ENV_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR", "LD_LIBRARY_PATH", "VIRTUAL_ENV")


class Watch(msgspec.Struct, frozen=True, kw_only=True):
    """What a run tells its watchdog: nothing that is secret."""

    run_id: str
    epoch: int
    market: str
    symbols: tuple[str, ...]
    live: dict[str, Any]


class WatchedRun:
    """The run's side: the heartbeat page, and the child that reads it.

    Parameters
    ----------
    folder : Path
        The data directory.
    watch : Watch
    has_child : bool
        Whether to start a watchdog; the page is there for one of somebody else's in any case.
    let_go : callable
        Called at the end.
    key : ApiKey
        Handed to the child through a pipe.
    shard : ShardKill
        Whose progress is shown.
    notes : list of str
        Takes what a reader of the run's summary has to know.

    `start` and `stop` by one thread, `beat` by another between them.

    """

    def __init__(
        self,
        folder: Path,
        watch: Watch,
        key: ApiKey,
        shard: ShardKill,
        notes: list[str],
        *,
        has_child: bool,
        let_go: Callable[[], None] = lambda: None,
    ) -> None:
        from bot4.adapters.storage.heartbeat import HeartbeatWriter

        self._folder = folder
        self._key = key
        self._shard = shard
        self._notes = notes
        self._wants_child = has_child
        self._let_go = let_go
        self._child: subprocess.Popen[bytes] | None = None
        self._again_s = 0.0
        self.starts = 0
        (folder / WATCH_FILE).write_bytes(msgspec.json.encode(watch))
        self._page = HeartbeatWriter(folder, watch.epoch)

    def start(self) -> None:
        """Show the first beat and start the child."""
        if self._wants_child:
            self._start_child()

    def beat(self) -> None:
        """Copy the progress; start the child anew where it is gone."""
        is_over = self._show()
        if self._child is not None and not is_over and self._child.poll() is not None:
            self._restart(self._child.returncode)

    def stop(self) -> None:
        """Let go; a child with nothing left to watch ends by itself, any other one goes on watching."""
        import subprocess

        is_over = self._show()
        self._page.close()
        if self._child is not None and is_over:
            try:
                self._child.wait(5.0)
            except subprocess.TimeoutExpired:
                self._child.terminate()
                self._child.wait(5.0)
        self._let_go()

    def _show(self) -> bool:
        from bot4.adapters.storage.heartbeat import BeatState

        shard, gateway = self._shard.progress
        is_over = self._shard.has_settled
        state = BeatState.OVER if is_over else BeatState.TRADING if gateway else BeatState.STARTING
        self._page.write(state, shard, gateway)
        return is_over

    def _restart(self, code: int) -> None:
        import time

        now_s = time.monotonic()
        if self._again_s == 0.0:
            self._again_s = now_s + _RESTARTS_S[min(self.starts, len(_RESTARTS_S)) - 1]
            self._notes.append(f"the watchdog ended with {code} and was started again ({self._folder / LOG_FILE})")
        elif now_s >= self._again_s:
            self._again_s = 0.0
            self._start_child()

    def _start_child(self) -> None:
        import os
        import subprocess
        import sys
        from pathlib import Path

        root = str(Path(__file__).resolve().parents[2])
        environment = {name: os.environ[name] for name in _ENV_KEPT if name in os.environ}
        environment["PYTHONPATH"] = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
        self.starts += 1
        self._child = subprocess.Popen(  # noqa: S603 - this interpreter, this package
            [
                sys.executable,
                "-m",
                "bot4",
                "watchdog",
                "--once",
                "--key-stdin",
                "--config",
                os.devnull,
                "--data-dir",
                str(self._folder),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment,
            start_new_session=True,  # what ends the run by its terminal does not end who watches over it
        )
        # In one write that a pipe takes at once: a child that does not read holds nobody up.
        key = [self._key.api_key.reveal().decode("ascii"), self._key.secret.reveal().decode("utf-8")]
        if self._child.stdin is not None:
            with self._child.stdin as pipe:
                pipe.write(msgspec.json.encode(key))


def _read_key(stream: IO[bytes] | None, key_file: Path | None, environment: MutableMapping[str, str]) -> ApiKey:
    """Return the key: of a stream where one is given, else of the file or the environment (docs/live.md)."""
    from bot4.adapters.secrets.key_source import ApiKey, load_api_key
    from bot4.domain.errors import ConfigError
    from bot4.domain.secret import Secret

    if stream is None:
        return load_api_key(key_file, environment)
    try:
        api_key, secret = msgspec.json.decode(stream.read(65_536), type=tuple[str, str])
        return ApiKey(Secret(api_key), Secret(secret))
    except (msgspec.DecodeError, ValueError):
        raise ConfigError("stdin holds no key: the two texts of a JSON list were expected") from None


def watch_runs(
    folder: Path,
    *,
    key_stream: IO[bytes] | None,
    key_file: Path | None,
    once: bool,
    after_ms: int | None,
    say: Callable[[str], None],
) -> int:
    """Watch the live runs of a data directory; returns the exit code.

    Parameters
    ----------
    folder : Path
        The data directory.
    key_stream : binary file, optional
        Where the key is read from; else it comes from `key_file` or the environment.
    key_file : Path, optional
        See docs/live.md.
    once : bool
        End with the first run.
    after_ms : int, optional
        How long a run may stand still; None goes by the run's own settings.
    say : callable
        Takes each line of the log.

    """
    import asyncio
    import os
    import time

    from bot4.adapters.host.no_dumps import forbid_dumps
    from bot4.adapters.storage.heartbeat import BeatState, read_beat

    forbid_dumps()
    key = _read_key(key_stream, key_file, os.environ)
    watched, waited_s = 0, time.monotonic()
    while True:
        beat = read_beat(folder)
        is_none = beat is None or beat.epoch == watched or beat.state is BeatState.OVER
        pulse = None if is_none else _pulse_of(folder, of_the_dead=key_stream is not None)
        if beat is not None and pulse is not None:
            watched = beat.epoch
            watch = msgspec.json.decode((folder / WATCH_FILE).read_bytes(), type=Watch)
            is_done = asyncio.run(_watch(folder, watch, key, pulse=pulse, after_ms=after_ms, say=say))
            if once or not is_done:
                return 0 if is_done else 69
        elif once and time.monotonic() - waited_s > 60.0:  # noqa: PLR2004 - the run that started this is gone
            return 66
        time.sleep(0.2)


def _pulse_of(folder: Path, *, of_the_dead: bool) -> Callable[[], Pulse] | None:
    """Return how to look at the run that is there; None where there is none.

    One whose process is gone is none, but `of_the_dead`: to who was started by it, and was not up before it died.
    """
    import os
    import select

    from bot4.adapters.storage.heartbeat import BeatState, read_beat
    from bot4.application.live.watchdog import Pulse

    first = read_beat(folder)
    if first is None:
        return None
    try:
        process = os.pidfd_open(first.pid)
    except ProcessLookupError:
        gone = Pulse((first.shard, first.gateway), is_armed=False, is_over=False, is_alive=False)
        return (lambda: gone) if of_the_dead else None
    except OSError:
        return None
    poller = select.poll()
    poller.register(process, select.POLLIN)

    def look() -> Pulse:
        beat = read_beat(folder)
        if beat is None or beat.epoch != first.epoch:
            return Pulse((), is_armed=False, is_over=False, is_alive=False)  # another run has begun
        return Pulse(
            (beat.shard, beat.gateway),
            is_armed=beat.state is BeatState.TRADING,
            is_over=beat.state is BeatState.OVER,
            is_alive=not poller.poll(0),
        )

    return look


async def _watch(
    folder: Path,
    watch: Watch,
    key: ApiKey,
    *,
    pulse: Callable[[], Pulse],
    after_ms: int | None,
    say: Callable[[str], None],
) -> bool:
    import time

    from bot4.application.live.watchdog import Watchdog
    from bot4.config import LiveSettings

    live: LiveSettings = msgspec.convert(watch.live, LiveSettings)
    canceller = _make_canceller(live, watch.market, key)
    log = _log_to(folder, watch, say)
    try:
        await _connect(canceller, log)
        dog = Watchdog(
            pulse=pulse,
            canceller=canceller,
            symbols=watch.symbols,
            epoch=watch.epoch,
            after_s=(after_ms or live.watchdog_after_ms or 5_000) / 1_000,
            validity_s=(live.recv_window_ms + live.venue_timeout_ms) / 1_000,
            keeps_stops=live.watchdog_keeps_stops,
            log=log,
            now_s=time.monotonic,
        )
        return await dog.watch()
    finally:
        await canceller.close()


def _make_canceller(live: LiveSettings, market_name: str, key: ApiKey) -> BinanceCanceller:
    from bot4._core.clock import SystemClock
    from bot4.adapters.venues.binance.accounts import endpoints_of
    from bot4.adapters.venues.binance.canceller import BinanceCanceller
    from bot4.adapters.venues.binance.sign import make_signer
    from bot4.domain.instrument import Market

    market: Market = Market(market_name)
    clock = SystemClock()
    return BinanceCanceller(
        market,
        endpoints_of(live, market),
        key.api_key,
        make_signer(key.secret),
        mono_ns=clock.monotonic_ns,
        wall_ns=clock.wall_ns,
    )


async def _connect(canceller: BinanceCanceller, log: Callable[..., None]) -> None:
    """Try until the venue answers: it may be away just now, and the run may die meanwhile."""
    import asyncio

    from bot4.domain.errors import Bot4Error

    while True:
        try:
            return await canceller.start()
        except Bot4Error as error:
            log("waiting", why=str(error))
            await canceller.close()
            await asyncio.sleep(1.0)


def _log_to(folder: Path, watch: Watch, say: Callable[[str], None]) -> Callable[..., None]:
    """Return what writes a line into the watchdog's own file, on the disk at once."""
    import os
    from datetime import UTC, datetime

    def log(what: str, **fields: object) -> None:
        line = {"at_utc": datetime.now(UTC).isoformat(timespec="milliseconds"), "run_id": watch.run_id, "what": what}
        text = msgspec.json.encode(line | fields)
        with (folder / LOG_FILE).open("ab") as file:
            file.write(text + b"\n")
            file.flush()
            os.fsync(file.fileno())
        say(text.decode())

    return log
