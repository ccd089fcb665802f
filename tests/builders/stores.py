"""Empty places for a store, one of each kind: the same tests run over both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

from bot4.adapters.storage.sqlite import SqliteStore

if TYPE_CHECKING:
    import pytest

KINDS = ("sqlite", "postgresql")


def empty_place(request: pytest.FixtureRequest, kind: str) -> tuple[str, Any]:
    """A kind of store, and where an empty one may be made: a file, or a database of its own."""
    if kind == "sqlite":
        return kind, request.getfixturevalue("tmp_path") / "bot4.sqlite"
    url = request.getfixturevalue("postgres_url")
    import psycopg  # noqa: PLC0415 - an extra

    name = f"test_{uuid4().hex}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return kind, url.rpartition("/")[0] + f"/{name}"


def open_store(kind: str, address: Any) -> Any:
    """Open what `empty_place` gave; again where it was open before."""
    if kind == "sqlite":
        return SqliteStore(address)
    from bot4.adapters.storage.postgres import PostgresStore  # noqa: PLC0415 - an extra

    return PostgresStore(address)
