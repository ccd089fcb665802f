"""Which house a path leads to, and to what of it.

Spot and futures stand on one port, where the venue has a host for each: what differs by path leads by it. Of the
futures' streams only `/public`, `/market` and `/private` do; all of them, and the older `/ws` and `/stream`, are below
`/futures` too.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple
from urllib.parse import unquote

from bot4.adapters.simulator.futures.market.stream_names import ROUTES
from bot4.adapters.simulator.wire.parameters import split_pairs

FUTURES = "/futures"


class Door(Enum):
    """What a path leads to."""

    REST = "rest"
    API = "api"
    RAW = "raw"
    COMBINED = "combined"


class Route(NamedTuple):
    """Where a request goes.

    `wing` is one of the futures' groups of streams, empty where all are served; `streams` those that the address names.
    """

    is_futures: bool
    door: Door
    wing: str = ""
    streams: tuple[str, ...] = ()


def find_route(path: str, query: str) -> Route:
    """Return where a path and its query lead.

    Raises
    ------
    ApiError
        -1101: the query names a parameter twice.

    >>> find_route("/market/ws/btcusdt@aggTrade", "").streams
    ('btcusdt@aggTrade',)

    """
    is_futures, rest = False, path
    if path.startswith(FUTURES + "/"):
        is_futures, rest = True, path.removeprefix(FUTURES)
    wing = next((name for name in ROUTES if rest.startswith(f"/{name}/")), "")
    if wing:
        is_futures, rest = True, rest.removeprefix(f"/{wing}")
    if rest == "/ws" or rest.startswith("/ws/"):
        named = tuple(unquote(name) for name in rest.removeprefix("/ws").split("/") if name)
        return Route(is_futures, Door.RAW, wing, named + _listen_key(query, is_futures=is_futures))
    if rest == "/stream":
        named = tuple(name for name in split_pairs(query).get("streams", "").split("/") if name)
        return Route(is_futures, Door.COMBINED, wing, named + _listen_key(query, is_futures=is_futures))
    if path == "/ws-api/v3":
        return Route(False, Door.API)
    if rest == "/ws-fapi/v1":
        return Route(True, Door.API)
    return Route(rest.startswith("/fapi/"), Door.REST)


def _listen_key(query: str, *, is_futures: bool) -> tuple[str, ...]:
    """Return the listen key that an address of the private wing carries as a parameter."""
    if not is_futures:
        return ()
    key = split_pairs(query).get("listenKey", "")
    return (key,) if key else ()
