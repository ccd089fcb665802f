"""How much a client may ask: the figures, and where they come from.

Source: binance-spot-api-docs rest-api.md "LIMITS" and web-socket-streams.md "WebSocket Limits" (2026-07-21).
"""

from __future__ import annotations

import tomllib
from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from bot4.domain.errors import ConfigError, NoInputError

if TYPE_CHECKING:
    from pathlib import Path


_SECOND_NS = 1_000_000_000


class OrderWindow(NamedTuple):
    """A stretch of the calendar in which orders are counted: ``SECOND`` and 10 are ten seconds."""

    interval: str
    number: int
    length_ns: int
    limit: int

    @property
    def name(self) -> str:
        """As headers call it: ``10S``."""
        return f"{self.number}{self.interval[0]}"

    def to_rate_limit(self, count: int | None = None) -> dict[str, Any]:
        """Return it as exchangeInfo shows it, or with what is used."""
        shown = rate_limit("ORDERS", self.interval, self.number, self.limit)
        return shown if count is None else shown | {"count": count}


@dataclass(frozen=True, slots=True)
class Limits:
    """Figures of one exchange; the defaults are the venue's.

    Parameters
    ----------
    weight_per_minute : int
        Request weight of an address.
    raw_requests_per_5_minutes : int
        Requests of an address, whatever their weight.
    orders_per_10_seconds, orders_per_day : int
        Unfilled orders of an account.
    connections_per_5_minutes : int
        Sockets an address may open.
    messages_per_second : int
        What a market stream socket may send.
    streams_per_connection : int
        What it may listen to.
    refusals_before_ban : int
        Requests refused with 429 in one window before the address is banned. The venue does not publish its figure.
    first_ban_s, longest_ban_s : int
        A ban is twice as long as the one before.
    maker_fill_credit : int
        What the first fill of a resting order takes off the unfilled orders.
    futures_weight_per_minute, futures_orders_per_10_seconds, futures_orders_per_minute : int
        The same of the futures, which count apart and count every order, filled or not.

    """

    weight_per_minute: int = 6_000
    raw_requests_per_5_minutes: int = 300_000
    orders_per_10_seconds: int = 100
    orders_per_day: int = 200_000
    connections_per_5_minutes: int = 300
    messages_per_second: int = 5
    streams_per_connection: int = 1_024
    refusals_before_ban: int = 10
    first_ban_s: int = 120
    longest_ban_s: int = 3 * 86_400
    maker_fill_credit: int = 5
    futures_weight_per_minute: int = 2_400
    futures_orders_per_10_seconds: int = 300
    futures_orders_per_minute: int = 1_200

    def to_rate_limits(self) -> list[dict[str, Any]]:
        """Return them as the spot market's exchangeInfo shows them."""
        return [
            rate_limit("REQUEST_WEIGHT", "MINUTE", 1, self.weight_per_minute),
            *(window.to_rate_limit() for window in self.order_windows()),
            rate_limit("RAW_REQUESTS", "MINUTE", 5, self.raw_requests_per_5_minutes),
        ]

    def order_windows(self) -> tuple[OrderWindow, ...]:
        """Return the windows in which the spot market counts orders, the shortest first."""
        return (
            OrderWindow("SECOND", 10, 10 * _SECOND_NS, self.orders_per_10_seconds),
            OrderWindow("DAY", 1, 86_400 * _SECOND_NS, self.orders_per_day),
        )

    def of_futures(self) -> Limits:
        """Return the figures with the futures' weight where the spot market's stands."""
        return replace(self, weight_per_minute=self.futures_weight_per_minute)

    def futures_windows(self) -> tuple[OrderWindow, ...]:
        """Return the windows in which the futures count orders, the shortest first."""
        return (
            OrderWindow("SECOND", 10, 10 * _SECOND_NS, self.futures_orders_per_10_seconds),
            OrderWindow("MINUTE", 1, 60 * _SECOND_NS, self.futures_orders_per_minute),
        )


def rate_limit(kind: str, interval: str, number: int, limit: int) -> dict[str, Any]:
    """Return one limit in the venue's form."""
    return {"rateLimitType": kind, "interval": interval, "intervalNum": number, "limit": limit}


def read_limits(path: Path) -> Limits:
    """Return the figures of a TOML or JSON file; what it does not name is as the venue has it.

    Raises
    ------
    NoInputError, ConfigError
        The file cannot be read; a key is unknown; a figure is no whole number above 0.

    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise NoInputError(f"limits {path} cannot be read: {(error.strerror or str(error)).lower()}") from None
    try:
        table = orjson.loads(content) if path.suffix == ".json" else tomllib.loads(content.decode())
    except ValueError as error:
        raise ConfigError(f"limits {path}: {error}") from None
    if not isinstance(table, dict):
        raise ConfigError(f"limits {path}: must be a table")
    known = {field.name for field in fields(Limits)}
    for name, value in table.items():
        if name not in known:
            raise ConfigError(f"limits {path}: unknown key {name!r}")
        if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
            raise ConfigError(f"limits {path}: {name} must be a whole number above 0, was {value!r}")
    return Limits(**(asdict(Limits()) | table))
