"""The exchange on a port: what leads where, and what happens by the clock."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import web

from bot4.adapters.simulator.api import user_stream
from bot4.adapters.simulator.api.dispatch import Dispatcher
from bot4.adapters.simulator.api.gate import Gate
from bot4.adapters.simulator.api.table import ENDPOINTS
from bot4.adapters.simulator.market.publisher import TICK_MS
from bot4.adapters.simulator.serve import admin, sockets
from bot4.adapters.simulator.serve.admin import AdminDoor
from bot4.adapters.simulator.serve.rest import BODY_MAX, RestDoor
from bot4.adapters.simulator.serve.sockets import Sockets
from bot4.adapters.simulator.serve.ws_api import ApiDoor

if TYPE_CHECKING:
    import ssl

    from bot4.adapters.simulator.background.flow import Flow
    from bot4.adapters.simulator.faults.settings import FaultSettings
    from bot4.adapters.simulator.venue import Venue

FLOW_PERIOD_S = 0.05
_CATCH_UP_S = 1.0  # of the background market after a stall: it does not make up for more
_TICKS_A_SECOND = 1_000 // TICK_MS


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where an exchange is reached."""

    rest: str
    ws: str
    ws_api: str
    admin: str


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

    """

    def __init__(self, venue: Venue, flow: Flow | None, *, speed: float, token: str) -> None:
        self._venue = venue
        self._flow = flow
        self._speed = speed
        gate = Gate(venue)
        dispatcher = Dispatcher(venue, gate)
        endpoints = ENDPOINTS if venue.listen_keys is None else (*ENDPOINTS, *user_stream.ENDPOINTS)
        self._rest = RestDoor(venue, gate, dispatcher, endpoints)
        self._sockets = Sockets(venue, ApiDoor(venue, gate, dispatcher, endpoints))
        self._admin = AdminDoor(venue, token, self.set_faults)
        self._runner: web.AppRunner | None = None
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
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False, keepalive_timeout=75.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port, ssl_context=tls, backlog=1_024)
        await site.start()
        bound = self._runner.addresses[0][1]
        shown = f"[{host}]" if ":" in host else host
        secure = "" if tls is None else "s"
        base, ws = f"http{secure}://{shown}:{bound}", f"ws{secure}://{shown}:{bound}"
        self._tasks = [asyncio.create_task(self._publish()), asyncio.create_task(self._trade())]
        return Addresses(base, ws, f"{ws}/ws-api/v3", base + admin.PREFIX)

    async def stop(self) -> None:
        """Tell the clients, close their sockets, stop."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._sockets.announce_shutdown(self._venue.now_ns())
        await asyncio.sleep(0)
        await self._sockets.close_all()
        if self._runner is not None:
            await self._runner.cleanup()

    async def wait_failed(self) -> None:
        """Wait until one of the exchange's own tasks fails, and raise what it did."""
        done, _ = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()

    def set_faults(self, settings: FaultSettings) -> None:
        """Let faults happen, and no others."""
        self._venue.faults.set(settings)
        self._obey_faults()

    def _obey_faults(self) -> None:
        settings = self._venue.faults.settings
        self._sockets.mute(streams=settings.mute_streams, users=settings.mute_users)
        if settings.shutdown_notice:
            self._sockets.announce_shutdown(self._venue.now_ns())
        if settings.outage_s:
            self._sockets.cut_all()

    async def _route(self, request: web.Request) -> web.StreamResponse:
        path, _, query = request.raw_path.partition("?")
        if path.startswith(admin.PREFIX + "/"):
            return await self._admin.answer(request, path.removeprefix(admin.PREFIX))
        if self._venue.faults.is_out and request.transport is not None:
            request.transport.abort()
        if path == "/ws-api/v3":
            return await self._sockets.api(request)
        if path == "/ws" or path.startswith("/ws/"):
            return await self._sockets.streams(request, sockets.stream_names(path), is_combined=False)
        if path == "/stream":
            return await self._sockets.streams(request, sockets.combined_names(query), is_combined=True)
        return await self._rest.answer(request)

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
            faults = self._venue.faults
            if faults.step():
                self._obey_faults()
            if faults.cuts_now(TICK_MS / 1e3):
                self._sockets.cut_all()
            self._venue.publisher.tick(count, self._venue.now_ns())
            if count % _TICKS_A_SECOND == 0:
                if self._venue.listen_keys is not None:
                    self._venue.listen_keys.expire(self._venue.now_ns(), list(self._venue.accounts.values()))
                self._sockets.keep_alive(self._venue.now_ns())

    async def _trade(self) -> None:
        """Let the background market trade."""
        loop = asyncio.get_running_loop()
        last = loop.time()
        while True:
            await asyncio.sleep(FLOW_PERIOD_S)
            now = loop.time()
            elapsed, last = min(now - last, _CATCH_UP_S), now
            now_ns = self._venue.now_ns()
            if self._flow is not None and self._speed > 0:
                self._flow.advance(elapsed * self._speed, now_ns)
            else:
                self._venue.engine.advance(now_ns)
            self._venue.keeper.settle(None, now_ns)
