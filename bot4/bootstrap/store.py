"""The store of the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from bot4.adapters.storage.data_dir import DataDir
    from bot4.config import Settings
    from bot4.ports.unit_of_work import Store

# Of a run's own tables: rows are appended, and what is asked for is the newest.
_RUN_CACHE_KIB = 64


def open_store(settings: Settings, data_dir: DataDir | None = None) -> Store:
    """Open the store of the settings: a file in the data directory, or the server named in the environment.

    Without `data_dir` the directory is not held, so that a run may be under way in it: what is written then must touch
    no run's rows.

    Raises
    ------
    ConfigError
        The settings want a server, and the environment names none.
    OutputError
        The directory cannot be made.
    StoreError
        The store cannot be opened.

    """
    import os

    from bot4.domain.errors import ConfigError

    if settings.store.kind == "sqlite":
        from bot4.adapters.storage.sqlite import SqliteStore

        if data_dir is None:
            return SqliteStore(_beside_a_run(settings))
        return SqliteStore(data_dir.store_path, cache_kib=_RUN_CACHE_KIB)
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


def _beside_a_run(settings: Settings) -> Path:
    from pathlib import Path

    from bot4.adapters.storage.data_dir import STORE_NAME
    from bot4.domain.errors import OutputError

    folder = Path(settings.run.data_dir)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"data directory {folder} cannot be made: {error.strerror}") from None
    return folder / STORE_NAME
