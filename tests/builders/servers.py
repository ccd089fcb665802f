"""Private PostgreSQL and Redis servers for tests: from installed binaries, in a temporary folder, on a free port."""

from __future__ import annotations

import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class ServerMissingError(RuntimeError):
    """There is no such server on this machine; the message says what was looked for."""


def free_port() -> int:
    """A port that nobody has, and that the system gives to nobody who lets it choose."""
    first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        port = random.SystemRandom().randrange(min(10_000, first // 2), first)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def postgres_binaries() -> Path:
    """The folder of the newest initdb there is."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    if found:
        return found[-1].parent
    if on_path := shutil.which("initdb"):
        return Path(on_path).parent
    raise ServerMissingError("no initdb in /usr/lib/postgresql or on the path (Debian: apt-get install postgresql)")


def unprivileged_user() -> str | None:
    """Whom the servers run as: initdb refuses root."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in ("postgres", "nobody") if name in names)


@contextmanager
def postgres_server(**more: str) -> Iterator[PostgresServer]:
    """A running PostgreSQL, with `more` settings, and its empty database ``bot4``."""
    server = PostgresServer(**more)
    try:
        server.start()
        server.create()
        yield server
    finally:
        server.close()


class PostgresServer:
    """A private PostgreSQL that can be stopped and started again."""

    def __init__(self, **more: str) -> None:
        self.more = more
        self.binaries = postgres_binaries()
        user = unprivileged_user()
        self.folder = Path(tempfile.mkdtemp(prefix="bot4-postgres-"))
        if user is not None:
            shutil.chown(self.folder, user)
        own = {"user": user, "extra_groups": []} if user is not None else {}
        self.quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True, "cwd": self.folder, **own}
        self.process: subprocess.Popen[str] | None = None
        data = ["-D", self.folder / "data", "-U", "bot4", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]
        try:
            subprocess.run([self.binaries / "initdb", *data], check=True, **self.quiet)
        except BaseException:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise
        self.port = free_port()
        self.url = f"postgresql://bot4@127.0.0.1:{self.port}/bot4"

    def start(self) -> None:
        settings = {
            "port": self.port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": self.folder,
            "fsync": "off",
            "max_connections": 200,
            "shared_buffers": "64MB",
            "log_min_messages": "fatal",
            **self._preloaded(),
            **self.more,
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        command = [self.binaries / "postgres", "-D", self.folder / "data", *options]
        self.process = subprocess.Popen(command, **self.quiet)
        # It listens before it takes anybody in; by its own socket, no other server is mistaken for it.
        asked = [self.binaries / "pg_isready", "-q", "-h", self.folder, "-p", str(self.port)]
        wait_until(lambda: subprocess.run(asked, check=False, **self.quiet).returncode == 0, self.process, "PostgreSQL")

    def _preloaded(self) -> dict[str, str]:
        """TimescaleDB, where it is installed: a server takes it from its start on or not at all."""
        asked = [self.binaries / "pg_config", "--sharedir"]
        shared = subprocess.run(asked, check=False, capture_output=True, text=True) if asked[0].exists() else None
        if shared is None or not (Path(shared.stdout.strip()) / "extension" / "timescaledb.control").exists():
            return {}
        return {"shared_preload_libraries": "timescaledb", "timescaledb.telemetry_level": "off"}

    def create(self) -> None:
        create = ["-h", "127.0.0.1", "-p", str(self.port), "-U", "bot4", "bot4"]
        subprocess.run([self.binaries / "createdb", *create], check=True, **self.quiet)

    def stop(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGINT)  # fast: clients that are still there are cut off
            self.process.communicate(timeout=30)
            self.process = None

    def close(self) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


@contextmanager
def redis_server() -> Iterator[str]:
    """A running Redis that keeps nothing on the disk; yields its URL."""
    binary = shutil.which("redis-server") or shutil.which("valkey-server")
    if binary is None:
        raise ServerMissingError("no redis-server on the path (Debian: apt-get install redis-server)")
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="bot4-redis-") as folder:
        options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", folder]
        server = subprocess.Popen([binary, *options], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        try:
            wait_until(lambda: is_open(port), server, "Redis")
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            server.terminate()
            server.communicate(timeout=30)


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_until(is_there: Callable[[], bool], server: subprocess.Popen[str], what: str, seconds: float = 60.0) -> None:
    """Wait for a server to begin; raises with what it said where it ends before."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if server.poll() is not None:
            said = server.stderr.read() if server.stderr else ""
            raise RuntimeError(f"{server.args} ended with {server.returncode}: {said[-2000:]}")
        if is_there():
            return
        time.sleep(0.05)
    raise TimeoutError(f"{what} takes nobody in after {seconds:g} s")
