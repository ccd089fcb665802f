"""Where requests go, who signs them and what they may cost: what REST and the WebSocket API share."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from bot4.adapters.venues.binance.budget import Purpose, Quota, Refusal
from bot4.adapters.venues.tls import tls_context
from bot4.domain.errors import ConfigError, RejectReason
from bot4.ports.venue_outcome import Reject

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping
    from pathlib import Path

    from bot4.adapters.venues.binance.clock_offset import ClockOffset
    from bot4.adapters.venues.binance.sign import Signer
    from bot4.domain.secret import Secret

#: How long the matching engine may hold a request before it gives up on it (rest-api.md, "timeout of 10 seconds").
ENGINE_TIMEOUT_NS = 10_000_000_000
_MS = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """Addresses of one venue market. Plain text is allowed on this machine only.

    Parameters
    ----------
    rest : str
        ``https://host[:port]``, without a path.
    ws_api : str
        ``wss://host[:port]/path`` of the WebSocket API.
    user_stream : str
        ``wss://host[:port]/path`` of streams by listen key; empty where events come by the WebSocket API.
    ca_file : Path or None
        Certificates to trust instead of the system's; verification itself cannot be switched off.

    Raises
    ------
    ConfigError
        An address is not encrypted and not on this machine.

    """

    rest: str
    ws_api: str
    user_stream: str = ""
    ca_file: Path | None = None

    def __post_init__(self) -> None:
        for address, secure in ((self.rest, "https"), (self.ws_api, "wss"), (self.user_stream, "wss")):
            if address:
                require_safe(address, secure)

    def tls(self) -> ssl.SSLContext:
        """Return a context that verifies certificate and host name, TLS 1.2 at least."""
        return tls_context(str(self.ca_file) if self.ca_file else None)


def require_safe(address: str, secure: str) -> None:
    """Raise `ConfigError` unless an address is encrypted or on this machine."""
    parts = urlsplit(address)
    if parts.username or parts.password:
        raise ConfigError("an endpoint must not carry a user or a password")
    plain = {"https": "http", "wss": "ws"}[secure]
    if parts.hostname and (parts.scheme == secure or (parts.scheme == plain and is_loopback(parts.hostname))):
        return
    raise ConfigError(f"endpoint {address!r} must be {secure}://host ({plain}:// on this machine only)")


def is_loopback(host: str) -> bool:
    """Whether a host is this machine by its address.

    >>> is_loopback("127.0.0.1"), is_loopback("localhost"), is_loopback("127.0.0.1.example.com")
    (True, True, False)
    """
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class Success:
    """An answer of status 200, as parsed JSON."""

    payload: Any


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that can be asked, by either way; an empty name: not by that way.

    `weight` counts by IP; `orders` is what it adds to the account's unfilled orders.
    """

    ws_method: str
    http_method: str
    path: str
    weight: int
    orders: int = 0
    purpose: Purpose = Purpose.ORDINARY
    is_signed: bool = True
    needs_key: bool = False  # the key alone, without a signature

    def costs(self, *, by_rest: bool) -> Mapping[Quota, int]:
        """Return what it takes from the windows; RAW_REQUESTS counts REST requests."""
        return {Quota.WEIGHT: self.weight, Quota.ORDERS: self.orders, Quota.REQUESTS: 1 if by_rest else 0}


@dataclass(slots=True, kw_only=True)
class Credentials:
    """A key, its signer, and the stamp every signed request carries.

    `recv_window_ms` is how long after its stamp the venue may take a request: small, because it is what fences a
    request that was held up on the way.
    """

    api_key: Secret
    signer: Signer
    clock: ClockOffset
    recv_window_ms: int = 1_000
    engine_timeout_ns: int = ENGINE_TIMEOUT_NS
    _last_ms: int = field(default=0, repr=False)

    def __post_init__(self) -> None:
        if not 1 <= self.recv_window_ms <= 60_000:  # noqa: PLR2004 - the rule is in the message
            raise ValueError(f"recv_window_ms must lie in 1 .. 60000, was {self.recv_window_ms}")

    def stamp_ms(self) -> int:
        """Return the venue's time in milliseconds, never less than before."""
        self._last_ms = max(self._last_ms, self.clock.server_now_ns() // _MS)
        return self._last_ms

    def stamped(self, params: Mapping[str, str]) -> dict[str, str]:
        """Return the parameters with time stamp and window, as text."""
        return {**params, "recvWindow": str(self.recv_window_ms), "timestamp": str(self.stamp_ms())}

    @property
    def validity_ns(self) -> int:
        """How long after its stamp a request may still take effect, by this machine's idea of the venue's time."""
        return self.recv_window_ms * _MS + self.engine_timeout_ns + 2 * self.clock.error_ns


def over_budget(refusal: Refusal) -> Reject:
    """Return the outcome of a request that our own budget held back."""
    return Reject(
        reason=RejectReason.BANNED if refusal.is_ban else RejectReason.RATE_LIMITED,
        message=refusal.why,
        retry_after_s=refusal.retry_after_s,
        was_sent=False,
    )
