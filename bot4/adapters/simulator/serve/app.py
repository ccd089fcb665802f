"""The exchange on a port: what leads where, and what happens by the clock."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from bot4.adapters.simulator.api import user_stream
from bot4.adapters.simulator.api.table import ENDPOINTS
from bot4.adapters.simulator.futures.table import ENDPOINTS as FUTURES_ENDPOINTS
from bot4.adapters.simulator.futures.table import METHODS as FUTURES_METHODS
from bot4.adapters.simulator.market.publisher import TICK_MS
from bot4.adapters.simulator.serve import admin, doorstep, session_methods
from bot4.adapters.simulator.serve.admin import AdminDoor
from bot4.adapters.simulator.serve.floor import Floor
from bot4.adapters.simulator.serve.rest import BODY_MAX, QUERY_MAX
from bot4.adapters.simulator.serve.routes import FUTURES, find_route
from bot4.adapters.simulator.wire.errors import ApiError

if TYPE_CHECKING:
    import ssl

    from bot4.adapters.simulator.background.flow import Flow
    from bot4.adapters.simulator.faults.settings import FaultSettings
    from bot4.adapters.simulator.futures.venue import FuturesVenue
    from bot4.adapters.simulator.venue import Venue

FLOW_PERIOD_S = 0.05
_CATCH_UP_S = 1.0  # of the background market after a stall: it does not make up for more
_TICKS_A_SECOND = 1_000 // TICK_MS
_LINE_MAX = QUERY_MAX + 1_024  # of a request's first line: method and path beside the query


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where an exchange is reached."""

    rest: str
    ws: str
    ws_api: str
    admin: str
    futures_rest: str | None = None
    futures_ws: str | None = None
    futures_ws_api: str | None = None


class ExchangeServer:
    """Serves a venue.

    Parameters
    ----------
    venue : Venue
    flow : Flow or None
        The background market; None is none.
    speed : float
        Seconds of the background's time in a second.
    token : str
        Of the administration.
    futures : FuturesVenue, optional
        The futures exchange beside it.
    futures_flow : Flow, optional
        The background market of that.

    """

    def __init__(
        self,
        venue: Venue,
        flow: Flow | None,
        *,
        speed: float,
        token: str,
        futures: FuturesVenue | None = None,
        futures_flow: Flow | None = None,
    ) -> None:
        self._speed = speed
        endpoints = ENDPOINTS if venue.listen_keys is None else (*ENDPOINTS, *user_stream.ENDPOINTS)
        self.spot = Floor(venue, endpoints, session_methods.METHODS, flow)
        self._floors = [self.spot]
        self.futures: Floor | None = None
        if futures is not None:
            venue.has_futures = True
            self.futures = Floor(futures, FUTURES_ENDPOINTS, FUTURES_METHODS, futures_flow)
            self._floors.append(self.futures)
        self._admin = AdminDoor(venue, futures, token, self.set_faults)
        self._doorstep = doorstep.Doorstep()
        self._runner: web.AppRunner | None = None
        self._listener: asyncio.Server | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self, host: str, port: int, tls: ssl.SSLContext | None) -> Addresses:
        """Listen, and let the market begin; port 0 takes a free one.

        Raises
        ------
        OSError
            The port cannot be had.

        """
        app = web.Application(client_max_size=BODY_MAX)
        app.router.add_route("*", "/{tail:.*}", self._route)
        self._runner = web.AppRunner(
            app,
            access_log=None,
            logger=_quiet_logger(),
            handle_signals=False,
            keepalive_timeout=75.0,
            max_line_size=_LINE_MAX,
        )
        await self._runner.setup()
        if self._runner.server is None:
            raise RuntimeError("a runner that is set up has no server")
        self._listener = await asyncio.get_running_loop().create_server(
            self._runner.server,
            host,
            port,
            ssl=tls,
            backlog=1_024,
            ssl_handshake_timeout=None if tls is None else doorstep.FIRST_REQUEST_S,
        )
        bound = self._listener.sockets[0].getsockname()[1]
        shown = f"[{host}]" if ":" in host else host
        secure = "" if tls is None else "s"
        base, ws = f"http{secure}://{shown}:{bound}", f"ws{secure}://{shown}:{bound}"
        self._tasks = [asyncio.create_task(self._publish()), asyncio.create_task(self._trade())]
        spot = Addresses(base, ws, f"{ws}/ws-api/v3", base + admin.PREFIX)
        if self.futures is None:
            return spot
        return replace(spot, futures_rest=base, futures_ws=ws + FUTURES, futures_ws_api=f"{ws}/ws-fapi/v1")

    async def stop(self) -> None:
        """Tell the clients, close their sockets, stop."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for floor in self._floors:
            floor.announce_shutdown()
        await asyncio.sleep(0)
        await asyncio.gather(*(floor.stop() for floor in self._floors))
        if self._listener is not None:
            self._listener.close()
        if self._runner is not None:
            await self._runner.cleanup()

    async def wait_failed(self) -> None:
        """Wait until one of the exchange's own tasks fails, and raise what it did."""
        done, _ = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()

    def set_faults(self, settings: FaultSettings) -> None:
        """Let faults happen on every floor, and no others."""
        for floor in self._floors:
            floor.set_faults(settings, draws_chaos=floor is self.spot)

    async def _route(self, request: web.Request) -> web.StreamResponse:
        self._doorstep.has_asked(request.protocol)
        path, _, query = request.raw_path.partition("?")
        if path.startswith(admin.PREFIX + "/"):
            return await self._admin.answer(request, path.removeprefix(admin.PREFIX))
        try:
            route = find_route(path, query)
        except ApiError as error:
            return web.json_response(error.body(), status=error.status)
        floor = self.futures if route.is_futures else self.spot
        if floor is None:
            return web.Response(status=404, text="there are no futures here: bot4 exchange --futures")
        return await floor.answer(request, route)

    async def _publish(self) -> None:
        """Send what is due ten times a second; once a second look after sockets and faults."""
        loop, count = asyncio.get_running_loop(), 0
        began = loop.time()
        while True:
            count += 1
            await asyncio.sleep(max(0.0, began + count * TICK_MS / 1e3 - loop.time()))
            behind = int((loop.time() - began) * 1e3 / TICK_MS) - count
            if behind > _TICKS_A_SECOND:
                count += behind // _TICKS_A_SECOND * _TICKS_A_SECOND  # a stall is not made up for
            for floor in self._floors:
                if floor is not self.spot:
                    floor.follow_faults(self.spot.house.faults.settings)
                floor.tick(count, TICK_MS / 1e3)
                if count % _TICKS_A_SECOND == 0:
                    floor.keep_alive()
            if count % _TICKS_A_SECOND == 0 and self._runner is not None and self._runner.server is not None:
                self._doorstep.sweep(self._runner.server.connections, loop.time())

    async def _trade(self) -> None:
        """Let the background markets trade."""
        loop = asyncio.get_running_loop()
        last = loop.time()
        while True:
            await asyncio.sleep(FLOW_PERIOD_S)
            now = loop.time()
            elapsed, last = min(now - last, _CATCH_UP_S), now
            for floor in self._floors:
                floor.trade(elapsed * self._speed)


def _quiet_logger() -> logging.Logger:
    """Return the HTTP server's log, without what clients send that is no HTTP: they are told, with a 400."""
    logger = logging.getLogger("bot4.exchange.http")
    if not logger.filters:
        logger.addFilter(_is_ours)
    return logger


def _is_ours(record: logging.LogRecord) -> bool:
    return record.exc_info is None or not isinstance(record.exc_info[1], HttpProcessingError)
