"""One GET over HTTP/1.1 with a bound on everything: time, bytes, no redirects."""

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


def http_get(url: str, *, tls: ssl.SSLContext, timeout_s: float, bytes_max: int = 64 << 20) -> Answer:
    """Fetch `url` on a connection of its own.

    Parameters
    ----------
    url : str
        ``http://`` or ``https://``.
    tls : SSLContext
        Used for ``https``.
    timeout_s : float
        For the whole of it, from the connection to the last byte.
    bytes_max : int
        Longest body.

    Raises
    ------
    UnreachableError
        No answer, an answer that is cut short, late or too long; whatever status came is an answer.

    """
    parts = urlsplit(url)
    deadline_s = time.monotonic() + timeout_s
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        connection = http.client.HTTPSConnection(parts.netloc, timeout=timeout_s, context=tls)
    elif parts.scheme == "http":
        connection = http.client.HTTPConnection(parts.netloc, timeout=timeout_s)
    else:
        raise ValueError(f"a URL must begin with http:// or https://, was {url!r}")
    target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    where = f"{parts.scheme}://{parts.netloc}{parts.path}"
    try:
        connection.request("GET", target, headers={"Accept": "application/json", "User-Agent": "bot4"})
        response = connection.getresponse()
        pieces: list[bytes] = []
        size = 0
        while piece := response.read1(_PIECE):
            pieces.append(piece)
            size += len(piece)
            if size > bytes_max:
                raise UnreachableError(f"{where} answers with more than {bytes_max:,} bytes")
            if time.monotonic() > deadline_s:
                raise UnreachableError(f"{where} does not finish its answer within {timeout_s:g} s")
        if response.length:
            raise UnreachableError(f"{where} ended its answer {response.length:,} bytes early")
    except (OSError, http.client.HTTPException) as error:
        raise UnreachableError(f"{where} cannot be reached: {reason_of(error)}") from None
    finally:
        connection.close()
    headers = {name.lower(): value for name, value in response.getheaders()}
    return Answer(response.status, headers, b"".join(pieces))


def reason_of(error: Exception) -> str:
    """Return an error's own words on one line, or its type where it has none."""
    text = getattr(error, "strerror", None) or getattr(error, "verify_message", None) or str(error)
    return " ".join(str(text).split()) or type(error).__name__
