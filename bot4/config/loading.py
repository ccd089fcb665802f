"""Settings read from the file, the environment and the command line, merged and validated."""

from __future__ import annotations

import os
import tomllib
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import msgspec

from bot4.config.settings import Settings
from bot4.domain.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ENV_PREFIX = "BOT4_"
DEFAULT_FILE = "bot4.toml"
# A name people expect, beside the systematic one.
_ENV_ALIASES = {"BOT4_DATA_DIR": "run.data_dir"}
# Environment names that belong to the build, the tests and the shell, not to the settings.
_ENV_RESERVED = frozenset(
    {
        "BOT4_API_KEY",
        "BOT4_API_SECRET",
        "BOT4_BUILD",
        "BOT4_CI_FULL",
        "BOT4_CONFIG",
        "BOT4_EXCHANGE_TOKEN",
        "BOT4_FUZZ_DIR",
        "BOT4_HYPOTHESIS_PROFILE",
        "BOT4_JOBS",
        "BOT4_LIVE_CONSENT",
        "BOT4_MARCH",
        "BOT4_ONLY",
        "BOT4_POSTGRES_URL",
        "BOT4_REDIS_URL",
        "BOT4_SANITIZE",
        "BOT4_WORKERS",
    }
)


def load_settings(
    path: str | Path | None = None,
    *,
    environment: Mapping[str, str] | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> Settings:
    """Read, merge and validate the settings.

    Parameters
    ----------
    path : str, Path or None
        Settings file. None reads ``bot4.toml`` in the working folder where there is one.
    environment : mapping, optional
        Defaults to ``os.environ``; only names that begin with ``BOT4_`` count.
    overrides : mapping of dotted key to value, optional
        Strongest; the command line's options. A None value is passed over.

    Raises
    ------
    ConfigError
        One line that names the file, the key and the rule.

    >>> load_settings(overrides={"risk.open_orders_max": 3}, environment={}).risk.open_orders_max
    3

    """
    source = os.environ if environment is None else environment
    tree = _read_file(path, source)
    for name, key, value in _environment_keys(source):
        _set(tree, key, value, origin=f"environment {name}")
    return _merge(tree, overrides or {}, origin="command line")


def override_settings(settings: Settings, overrides: Mapping[str, Any]) -> Settings:
    """Return the settings with some keys changed, validated as if they had been read so.

    >>> override_settings(Settings(), {"risk.open_orders_max": 3}).risk.open_orders_max
    3
    """
    return _merge(settings_to_dict(settings), overrides, origin="override") if overrides else settings


def _merge(tree: dict[str, Any], overrides: Mapping[str, Any], *, origin: str) -> Settings:
    for key, value in overrides.items():
        if value is not None:
            _set(tree, key, value, origin=origin)
    try:
        return msgspec.convert(tree, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise ConfigError(_explain(str(error), tree)) from None


def settings_keys(struct: type[msgspec.Struct] = Settings, prefix: str = "") -> Iterator[str]:
    """Yield every dotted key of the settings.

    >>> "risk.open_orders_max" in set(settings_keys())
    True
    """
    for field in msgspec.structs.fields(struct):
        if isinstance(field.type, type) and issubclass(field.type, msgspec.Struct):
            yield from settings_keys(field.type, f"{prefix}{field.name}.")
        else:
            yield f"{prefix}{field.name}"


def settings_to_dict(settings: Settings) -> dict[str, Any]:
    """Return nested plain values with amounts as strings, for reports and the journal's header."""
    plain: dict[str, Any] = msgspec.to_builtins(settings)
    return plain


def _read_file(path: str | Path | None, environment: Mapping[str, str]) -> dict[str, Any]:
    if path is None and environment.get("BOT4_CONFIG") == "":
        raise ConfigError("BOT4_CONFIG is empty: name a settings file with it, or unset it")
    chosen = Path(path) if path is not None else Path(environment.get("BOT4_CONFIG", DEFAULT_FILE))
    if path is None and "BOT4_CONFIG" not in environment and not chosen.exists():
        return {}
    try:
        # Decimal keeps an amount such as 0.1 exact on its way from the file.
        return tomllib.loads(chosen.read_text(encoding="utf-8"), parse_float=Decimal)
    except OSError as error:
        raise ConfigError(f"settings file {chosen} cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"settings file {chosen} is not valid TOML: {error}") from None


def _environment_keys(source: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """Yield name, key and value of each variable that is a setting."""
    for name, value in sorted(source.items()):
        if name in _ENV_ALIASES:
            yield name, _ENV_ALIASES[name], value
        elif name.startswith(ENV_PREFIX) and name not in _ENV_RESERVED:
            yield name, name.removeprefix(ENV_PREFIX).lower().replace("__", "."), value


def _set(tree: dict[str, Any], key: str, value: object, *, origin: str) -> None:
    *tables, last = key.split(".")
    if not tables:
        raise ConfigError(f"unknown setting {key!r} ({origin}): a key is section.name")
    node = tree
    for table in tables:
        node = node.setdefault(table, {})
        if not isinstance(node, dict):
            raise ConfigError(f"unknown setting {key!r} ({origin}): {table!r} is not a section")
    node[last] = value


def _explain(message: str, tree: dict[str, Any]) -> str:
    """Turn msgspec's "... - at `$.risk.x`" into one line that begins with the key and shows the value."""
    rule, _, where = message.partition(" - at ")
    path = where.strip("`").removeprefix("$").strip(".").replace("[...]", "")
    if rule.startswith("Object contains unknown field"):
        name = rule.split("`")[1]
        key = f"{path}.{name}" if path else name
        return f"unknown setting {key!r}: see docs/configuration.md for the keys there are"
    if rule.startswith("Invalid enum value"):
        rule = f"must be one of {', '.join(_choices(path))}"
    node: Any = tree
    for part in path.split(".") if path else []:
        node = node.get(part) if isinstance(node, dict) else None
    shown = "" if isinstance(node, dict) or node is None else f", was {str(node)!r}"
    return f"setting {path}: {rule}{shown}" if path and not rule.startswith(path) else rule


def _choices(path: str) -> list[str]:
    """Return what a setting that is one of several words may be."""
    kind: Any = Settings
    for part in path.split("."):
        kind = next(field.type for field in msgspec.structs.fields(kind) if field.name == part)
    return [str(choice) for choice in get_args(kind)]
