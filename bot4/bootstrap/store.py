"""The store of the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bot4.adapters.storage.data_dir import DataDir
    from bot4.config import Settings
    from bot4.ports.unit_of_work import Store


def open_store(settings: Settings, data_dir: DataDir) -> Store:
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
