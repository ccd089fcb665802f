"""A house behind its doors: REST, market streams, WebSocket API; and who trades there when no client does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot4.adapters.simulator.api.dispatch import Dispatcher
from bot4.adapters.simulator.api.gate import Gate
from bot4.adapters.simulator.serve.rest import RestDoor
from bot4.adapters.simulator.serve.routes import Door
from bot4.adapters.simulator.serve.sockets import Sockets
from bot4.adapters.simulator.serve.ws_api import ApiDoor

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from aiohttp import web

    from bot4.adapters.simulator.api.endpoint import Endpoint
    from bot4.adapters.simulator.background.flow import Flow
    from bot4.adapters.simulator.faults.settings import FaultSettings
    from bot4.adapters.simulator.house import House
    from bot4.adapters.simulator.serve.routes import Route
    from bot4.adapters.simulator.serve.session_methods import Method


class Floor:
    """Serves one house. Belongs to the event loop's thread.

    Parameters
    ----------
    house : House
    endpoints : iterable of Endpoint
        What can be asked.
    methods : mapping of str to callable
        What can be asked of a WebSocket API socket itself.
    flow : Flow or None
        The background market; None is none.

    """

    def __init__(
        self, house: House, endpoints: Iterable[Endpoint], methods: Mapping[str, Method], flow: Flow | None
    ) -> None:
        self.house = house
        self._flow = flow
        gate = Gate(house)
        dispatcher = Dispatcher(house, gate)
        endpoints = tuple(endpoints)
        self._rest = RestDoor(house, gate, dispatcher, endpoints)
        self.sockets = Sockets(house, ApiDoor(house, gate, dispatcher, endpoints, methods))

    async def answer(self, request: web.Request, route: Route) -> web.StreamResponse:
        """Answer a request, or serve a socket until it ends."""
        if self.house.faults.is_out and request.transport is not None:
            request.transport.abort()
        if route.door is Door.REST:
            return await self._rest.answer(request)
        if route.door is Door.API:
            return await self.sockets.api(request)
        return await self.sockets.streams(request, route)

    def set_faults(self, settings: FaultSettings, *, draws_chaos: bool) -> None:
        """Let faults happen, and no others."""
        self.house.faults.set(settings, draws_chaos=draws_chaos)
        self._obey_faults()

    def follow_faults(self, settings: FaultSettings) -> None:
        """Let the same happen as on another floor."""
        if self.house.faults.follow(settings):
            self._obey_faults()

    def tick(self, count: int, seconds: float) -> None:
        """Send what is due and look after the sockets; called every `seconds`, `count` times so far."""
        house = self.house
        if house.faults.step():
            self._obey_faults()
        if house.faults.cuts_now(seconds):
            self.sockets.cut_all()
        house.publish(count, house.now_ns())

    def keep_alive(self) -> None:
        """Ping and cut sockets, end listen keys that are over. Called once a second."""
        house = self.house
        if house.listen_keys is not None:
            house.listen_keys.expire(house.now_ns(), list(house.accounts.values()))
        self.sockets.keep_alive(house.now_ns())

    def trade(self, seconds: float) -> None:
        """Let the background market trade for so much of its time."""
        house = self.house
        now_ns = house.now_ns()
        if self._flow is not None and seconds > 0:
            self._flow.advance(seconds, now_ns)
        house.advance(now_ns)
        house.settle(now_ns)

    async def stop(self) -> None:
        """Close the sockets in order."""
        await self.sockets.close_all()

    def announce_shutdown(self) -> None:
        """Tell every socket that the server is about to go."""
        self.sockets.announce_shutdown(self.house.now_ns())

    def _obey_faults(self) -> None:
        settings = self.house.faults.settings
        self.sockets.mute(streams=settings.mute_streams, users=settings.mute_users)
        if settings.shutdown_notice:
            self.announce_shutdown()
        if settings.outage_s:
            self.sockets.cut_all()
