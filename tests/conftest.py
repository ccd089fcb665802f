"""Fixtures every suite may use."""

from __future__ import annotations

import os
import tempfile
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from builders.measuring import untraced
from builders.servers import PostgresServer, ServerMissingError, postgres_server, redis_server
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[1]

# A failing example prints the seed and the blob that reproduce it; no deadline, machines are shared.
settings.register_profile(
    "bot4", max_examples=1000, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
# Line tracing makes the compiled core a hundred times slower: there, examples show lines, not rare cases.
settings.register_profile("coverage", settings.get_profile("bot4"), max_examples=40)
settings.load_profile(os.environ.get("BOT4_HYPOTHESIS_PROFILE", "bot4"))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Let tests marked `untraced` run at full speed where coverage is measured."""
    with untraced() if item.get_closest_marker("untraced") else nullcontext():
        yield


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real market data beside the checkout; tests that need it skip where it is absent."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("real market data (../shared/data) is not here: the generated fixtures cover this path")
    return folder


@pytest.fixture
def memory_folder(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory where there is one, so that a thousand syncs cost nothing; what it holds is cut by hand."""
    shared = Path("/dev/shm")  # noqa: S108 - a folder of a random name is made in it
    if not os.access(shared, os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=shared, prefix="bot4-") as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A private PostgreSQL server of this test run; skips with the reason where there is none to start."""
    pytest.importorskip("psycopg", reason="psycopg is not installed (extra: postgres)")
    try:
        with postgres_server() as server:
            yield server.url
    except ServerMissingError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def database() -> Iterator[PostgresServer]:
    """A private PostgreSQL server of the tests of one file, which may stop it; skips where there is none to start."""
    pytest.importorskip("psycopg", reason="psycopg is not installed (extra: postgres)")
    try:
        with postgres_server() as server:
            yield server
    except ServerMissingError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """A private Redis server of this test run; skips with the reason where there is none to start."""
    pytest.importorskip("redis", reason="redis is not installed (extra: redis)")
    try:
        with redis_server() as url:
            yield url
    except ServerMissingError as error:
        pytest.skip(str(error))
