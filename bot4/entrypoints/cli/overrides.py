"""``--set KEY=VALUE`` of commands that take settings."""

from __future__ import annotations

from typing import Any


def read_pairs(pairs: tuple[str, ...]) -> dict[str, Any]:
    """Return settings to override, by key; raises `ConfigError` for what is no pair."""
    from bot4.domain.errors import ConfigError

    overrides: dict[str, Any] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            raise ConfigError(f"--set takes KEY=VALUE, was {pair!r}")
        overrides[key.strip()] = value.strip()
    return overrides
