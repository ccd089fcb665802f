"""Who has connected and not yet asked anything: cut in time, so that no one stands in the way of others."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aiohttp.web import RequestHandler

FIRST_REQUEST_S = 10.0
CONNECTIONS_MAX = 10_000  # of every kind; sockets have a bound of their own


class Doorstep:
    """Watches connections until their first request is read as a whole. Belongs to the event loop's thread.

    What comes later is bounded elsewhere: an idle connection by the server's keep-alive, a request's body by the time
    it is given, a socket by its pings.
    """

    def __init__(self) -> None:
        self._since: dict[RequestHandler, float] = {}
        self._asked: set[RequestHandler] = set()

    def has_asked(self, connection: RequestHandler) -> None:
        """Take note that a connection's request was read."""
        self._asked.add(connection)

    def sweep(self, connections: Iterable[RequestHandler], now_s: float) -> int:
        """Cut who is late, and the latest comers beyond the bound; return how many. Called once a second."""
        waiting: dict[RequestHandler, float] = {}
        asked: set[RequestHandler] = set()
        cut = 0
        for connection in connections:
            if connection in self._asked:
                asked.add(connection)
                continue
            since = self._since.get(connection, now_s)
            if now_s - since < FIRST_REQUEST_S and len(asked) + len(waiting) < CONNECTIONS_MAX:
                waiting[connection] = since
                continue
            cut += 1
            if connection.transport is not None:
                connection.transport.abort()
        self._since, self._asked = waiting, asked
        return cut
