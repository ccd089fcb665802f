"""API keys from the environment or from a file that nobody else can read; never from a command line.

A variable that was read is taken out of this process's environment, so that no program it starts inherits it. Messages
name the source and the rule, and nothing of what was read.
"""

from __future__ import annotations

import os
import stat
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot4.domain.errors import ConfigError
from bot4.domain.secret import Secret

if TYPE_CHECKING:
    from collections.abc import MutableMapping
    from pathlib import Path

KEY_VARIABLE = "BOT4_API_KEY"
SECRET_VARIABLE = "BOT4_API_SECRET"  # noqa: S105 - a name, not a secret
_BYTES_MAX = 65_536
_FIELDS = frozenset({"api_key", "secret", "private_key_file"})


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key's public half and what signs for it: an HMAC secret, or a PEM private key."""

    api_key: Secret
    secret: Secret


def load_api_key(key_file: Path | None, environment: MutableMapping[str, str]) -> ApiKey:
    """Return the key: of the file where one is named, else of the environment.

    Parameters
    ----------
    key_file : Path or None
        TOML with ``api_key`` and either ``secret`` or ``private_key_file`` (PEM, relative to it); mode 0600.
    environment : mutable mapping
        ``BOT4_API_KEY`` and ``BOT4_API_SECRET`` are read and removed.

    Raises
    ------
    ConfigError
        There is no key, it is not private, or it is in two places.

    """
    named = {name: environment.pop(name, "") for name in (KEY_VARIABLE, SECRET_VARIABLE)}
    if key_file is not None:
        if any(named.values()):
            raise ConfigError(f"the key is in live.key_file and in {KEY_VARIABLE}: leave it in one place")
        return _from_file(key_file)
    missing = [name for name, value in named.items() if not value]
    if missing:
        raise ConfigError(f"no API key: set live.key_file, or {' and '.join(missing)} in the environment")
    return ApiKey(_ascii(named[KEY_VARIABLE], KEY_VARIABLE), Secret(named[SECRET_VARIABLE]))


def _from_file(path: Path) -> ApiKey:
    try:
        fields = tomllib.loads(read_private(path).decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        raise ConfigError(f"key file {path} is not valid TOML") from None
    if unknown := sorted(set(fields) - _FIELDS):
        raise ConfigError(f"key file {path} has an unknown field {unknown[0][:40]!r}")
    if not all(isinstance(value, str) and value for value in fields.values()):
        raise ConfigError(f"key file {path}: every field must be a text that is not empty")
    if "api_key" not in fields or len(fields) != 2:  # noqa: PLR2004 - the rule is in the message
        raise ConfigError(f"key file {path} must have api_key and one of secret, private_key_file")
    if "secret" in fields:
        secret = Secret(fields["secret"])
    else:
        secret = Secret(read_private(path.parent / fields["private_key_file"]))
    return ApiKey(_ascii(fields["api_key"], str(path)), secret)


def read_private(path: Path) -> bytes:
    """Return a file's bytes; raises `ConfigError` unless it is a regular file that its owner alone may read."""
    try:
        # Not through a link: what is checked is what is read.
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError as error:
        raise ConfigError(f"key file {path} cannot be read: {error.strerror}") from None
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise ConfigError(f"key file {path} must be a regular file")
        if status.st_mode & 0o077:
            mode = stat.S_IMODE(status.st_mode)
            raise ConfigError(f"key file {path} must be readable by its owner only (mode 0600), was {mode:04o}")
        if status.st_uid != os.getuid():
            raise ConfigError(f"key file {path} must belong to the user who runs bot4")
        if status.st_size > _BYTES_MAX:
            raise ConfigError(f"key file {path} must have at most {_BYTES_MAX} bytes, was {status.st_size}")
        with os.fdopen(os.dup(handle), "rb") as file:
            content = file.read(_BYTES_MAX)
    finally:
        os.close(handle)
    if not content:
        raise ConfigError(f"key file {path} is empty")
    return content


def _ascii(text: str, where: str) -> Secret:
    if not text.isascii() or not text.isprintable() or " " in text:
        raise ConfigError(f"the API key in {where} must be plain ASCII without spaces")
    return Secret(text)
