"""``--set KEY=VALUE`` of commands that take settings, and the options that stand for one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


def read_pairs(pairs: tuple[str, ...], *, data_dir: Path | None = None, seed: int | None = None) -> dict[str, Any]:
    """Return settings to override, by key; an option of its own wins. Raises `ConfigError` for what is no pair."""
    from bot4.domain.errors import ConfigError

    overrides: dict[str, Any] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            raise ConfigError(f"--set takes KEY=VALUE, was {pair!r}")
        overrides[key.strip()] = value.strip()
    if data_dir is not None:
        overrides["run.data_dir"] = str(data_dir)
    if seed is not None:
        overrides["run.seed"] = seed
    return overrides
