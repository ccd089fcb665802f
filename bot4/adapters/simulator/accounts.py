"""Who may trade, with what and by which keys: as given on the command line or in a file."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson

from bot4.adapters.simulator.wire.decimals import parse_e8
from bot4.adapters.simulator.wire.errors import ApiError
from bot4.domain.errors import ConfigError, NoInputError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FUTURES_ASSET = "USDT"  # what every contract settles in
_PARTS = 4
_SHAPE = "NAME:APIKEY:SECRET:ASSET=AMOUNT[,ASSET=AMOUNT...][,FUTURES:USDT=AMOUNT]"
_FUTURES = "FUTURES:"
_RIGHTS = {"may_trade": True, "may_withdraw": False}


@dataclass(frozen=True, slots=True)
class KeySpec:
    """A key of an account: with a secret (HMAC) or a PEM public key (Ed25519, RSA).

    That a key may withdraw is only told (`apiRestrictions`): nothing leaves this exchange.
    """

    name: str
    secret: str | None = field(default=None, repr=False)
    public_key: str | None = None
    may_trade: bool = True
    may_withdraw: bool = False


@dataclass(frozen=True, slots=True)
class AccountSpec:
    """An account as it is opened; balances in hundred-millionths by asset.

    Parameters
    ----------
    name : str
        For people; unique.
    keys : tuple of KeySpec
    balances : mapping of str to int
    trade_group : int
        Accounts of one group count as one trader to self-trade prevention; -1 for none.
    futures : mapping of str to int, optional
        Wallet of the futures; None is as much USDT as the account has on the spot market.

    """

    name: str
    keys: tuple[KeySpec, ...]
    balances: Mapping[str, int]
    trade_group: int = -1
    futures: Mapping[str, int] | None = None

    @property
    def futures_balances(self) -> Mapping[str, int]:
        """What the futures wallet begins with."""
        if self.futures is not None:
            return self.futures
        return {asset: self.balances[asset] for asset in (FUTURES_ASSET,) if asset in self.balances}


def parse_account(text: str) -> AccountSpec:
    """Return an account of the command line.

    Raises
    ------
    ConfigError
        The text has another shape.

    >>> parse_account("alice:KEY:SECRET:USDT=100,BTC=0.5").balances
    {'USDT': 10000000000, 'BTC': 50000000}

    """
    parts = text.split(":", _PARTS - 1)
    if len(parts) != _PARTS or not all(parts[: _PARTS - 1]):
        # a secret may stand in the third part: it is not repeated
        raise ConfigError(f"--account takes {_SHAPE}, was {':'.join(parts[:2])!r} in {len(parts)} of four parts")
    name, key, secret, amounts = parts
    balances: dict[str, int] = {}
    futures: dict[str, int] = {}
    for item in amounts.split(",") if amounts else ():
        asset, _, amount = (part.strip() for part in item.partition("="))
        wallet = futures if asset.startswith(_FUTURES) else balances
        wallet[asset.removeprefix(_FUTURES)] = _amount(amount, f"account {name}: balance of {asset!r}")
    held = _futures(futures, name) if futures else None
    return AccountSpec(name, (KeySpec(key, secret),), _checked(balances, name), futures=held)


def read_accounts(path: Path) -> list[AccountSpec]:
    """Return the accounts of a TOML or JSON file: a table ``account`` of names.

    Raises
    ------
    NoInputError, ConfigError
        The file, or a key file it names, cannot be read; a key or value is wrong.

    """
    table = _read_table(path)
    unknown = set(table) - {"account"}
    accounts = table.get("account")
    if unknown or not isinstance(accounts, dict) or not accounts:
        raise ConfigError(f"accounts {path}: holds one table, account.NAME for each account")
    return [_account(name, entry, path) for name, entry in accounts.items()]


def _account(name: str, entry: Any, path: Path) -> AccountSpec:
    where = f"accounts {path}: {name}"
    _check_keys(entry, {"keys", "balances", "futures_balances", "trade_group"}, where)
    keys = entry.get("keys")
    if not isinstance(keys, list) or not keys:
        raise ConfigError(f"{where}: keys must be a list of at least one table")
    amounts = _amounts(entry.get("balances", {}), "balances", where)
    futures = None
    if "futures_balances" in entry:
        futures = _futures(_amounts(entry["futures_balances"], "futures_balances", where), name)
    group = entry.get("trade_group", -1)
    if not isinstance(group, int) or group < -1:
        raise ConfigError(f"{where}: trade_group must be a whole number, 0 or above, was {group!r}")
    return AccountSpec(name, tuple(_key(item, where, path) for item in keys), _checked(amounts, name), group, futures)


def _key(entry: Any, where: str, path: Path) -> KeySpec:
    _check_keys(entry, {"name", "secret", "public_key", "public_key_file", *_RIGHTS}, where)
    for field_name in ("name", "secret", "public_key", "public_key_file"):
        if field_name in entry and (not isinstance(entry[field_name], str) or not entry[field_name]):
            raise ConfigError(f"{where}: {field_name} of a key must be a text")
    if "name" not in entry:
        raise ConfigError(f"{where}: a key has no name")
    if sum(part in entry for part in ("secret", "public_key", "public_key_file")) != 1:
        raise ConfigError(f"{where}: key {entry['name']!r} must have one of secret, public_key, public_key_file")
    rights = {name: entry.get(name, usual) for name, usual in _RIGHTS.items()}
    for right, value in rights.items():
        if not isinstance(value, bool):
            raise ConfigError(f"{where}: {right} must be true or false, was {value!r}")
    public_key = entry.get("public_key")
    if "public_key_file" in entry:
        public_key = _read(path.parent / entry["public_key_file"]).decode()
    return KeySpec(entry["name"], entry.get("secret"), public_key, **rights)


def _amounts(table: Any, key: str, where: str) -> dict[str, int]:
    if not isinstance(table, dict):
        raise ConfigError(f"{where}: {key} must be a table of amounts")
    return {asset: _amount(amount, f"{where}: balance of {asset!r}") for asset, amount in table.items()}


def _futures(balances: dict[str, int], name: str) -> dict[str, int]:
    other = next((asset for asset in balances if asset != FUTURES_ASSET), None)
    if other is not None:
        raise ConfigError(f"account {name}: the futures wallet holds {FUTURES_ASSET}, was {other!r}")
    return balances


def _check_keys(entry: Any, known: set[str], where: str) -> None:
    if not isinstance(entry, dict):
        raise ConfigError(f"{where}: must be a table")
    unknown = sorted(set(entry) - known)
    if unknown:
        raise ConfigError(f"{where}: unknown key {unknown[0]!r}")


def _checked(balances: dict[str, int], name: str) -> dict[str, int]:
    for asset in balances:
        if not asset or not asset.isalnum() or asset != asset.upper():
            raise ConfigError(f"account {name}: an asset is written in capitals, was {asset!r}")
    return balances


def _amount(text: Any, where: str) -> int:
    if not isinstance(text, (str, int)) or isinstance(text, bool):
        raise ConfigError(f"{where} must be a decimal text, was {text!r}")
    try:
        return parse_e8("balance", str(text))
    except ApiError:
        raise ConfigError(f"{where} must be a decimal of at most eight places, was {text!r}") from None


def _read_table(path: Path) -> dict[str, Any]:
    content = _read(path)
    try:
        table = orjson.loads(content) if path.suffix == ".json" else tomllib.loads(content.decode())
    except ValueError as error:
        raise ConfigError(f"accounts {path}: {error}") from None
    if not isinstance(table, dict):
        raise ConfigError(f"accounts {path}: must be a table")
    return table


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise NoInputError(f"{path} cannot be read: {(error.strerror or str(error)).lower()}") from None
