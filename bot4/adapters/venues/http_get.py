"""GET over HTTP/1.1 with a bound on everything: time, bytes, no redirects."""

from __future__ import annotations

import http.client
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from bot4.domain.errors import UnreachableError

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping
    from typing import Self

_PIECE = 1 << 16


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def retry_after_s(self) -> float | None:
        """Seconds the other side asks to wait, where it does."""
        text = self.headers.get("retry-after", "")
        return float(text) if text.isdigit() else None


class HttpPeer:
    """One server, on one connection where the server keeps it. A context manager; one thread.

    Parameters
    ----------
    base_url : str
        ``http://HOST`` or ``https://HOST``, with a path or without.
    tls : SSLContext
        Used for ``https``.
    timeout_s : float
        For the whole of one request, from the connection to the last byte.
    bytes_max : int
        Longest body.

    """

    def __init__(self, base_url: str, *, tls: ssl.SSLContext, timeout_s: float, bytes_max: int = 64 << 20) -> None:
        parts = urlsplit(base_url)
        if parts.scheme not in ("http", "https"):
            raise ValueError(f"a URL must begin with http:// or https://, was {base_url!r}")
        self._base_path = parts.path.rstrip("/")
        self._where = f"{parts.scheme}://{parts.netloc}"
        self._timeout_s = timeout_s
        self._bytes_max = bytes_max
        self._connection: http.client.HTTPConnection = (
            http.client.HTTPSConnection(parts.netloc, timeout=timeout_s, context=tls)
            if parts.scheme == "https"
            else http.client.HTTPConnection(parts.netloc, timeout=timeout_s)
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def get(self, path: str) -> Answer:
        """Fetch `path`, with its query.

        Raises
        ------
        UnreachableError
            No answer, an answer that is cut short, late or too long; whatever status came is an answer.

        """
        where = f"{self._where}{self._base_path}{path.partition('?')[0]}"
        deadline_s = time.monotonic() + self._timeout_s
        headers = {"Accept": "application/json", "User-Agent": "bot4"}
        try:
            self._connection.request("GET", f"{self._base_path}{path}" or "/", headers=headers)
            response = self._connection.getresponse()
            body = self._body(response, where, deadline_s)
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise UnreachableError(f"{where} cannot be reached: {reason_of(error)}") from None
        return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, body)

    def _body(self, response: http.client.HTTPResponse, where: str, deadline_s: float) -> bytes:
        pieces: list[bytes] = []
        size = 0
        while piece := response.read1(_PIECE):
            pieces.append(piece)
            size += len(piece)
            if size > self._bytes_max:
                self._connection.close()
                raise UnreachableError(f"{where} answers with more than {self._bytes_max:,} bytes")
            if time.monotonic() > deadline_s:
                self._connection.close()
                raise UnreachableError(f"{where} does not finish its answer within {self._timeout_s:g} s")
        if response.length:
            self._connection.close()
            raise UnreachableError(f"{where} ended its answer {response.length:,} bytes early")
        # `read1` of Python 3.11 leaves an answer of a known length open, and its connection takes no other request.
        response.close()
        return b"".join(pieces)


def http_get(url: str, *, tls: ssl.SSLContext, timeout_s: float, bytes_max: int = 64 << 20) -> Answer:
    """Fetch `url` on a connection of its own; see `HttpPeer`."""
    base, slashes, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    with HttpPeer(f"{base}{slashes}{host}", tls=tls, timeout_s=timeout_s, bytes_max=bytes_max) as peer:
        return peer.get(f"{slash}{path}" or "/")


def reason_of(error: Exception) -> str:
    """Return an error's own words on one line, or its type where it has none."""
    text = getattr(error, "verify_message", None) or getattr(error, "strerror", None) or str(error)
    return " ".join(str(text).split()) or type(error).__name__
