"""A socket of market streams: what it listens to, and what it says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from bot4.adapters.simulator.serve.control_messages import Control, ControlError, parse_control
from bot4.adapters.simulator.serve.peer import Peer

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from aiohttp import web

    from bot4.adapters.simulator.market.hub import Hub

_SECOND_NS = 1_000_000_000
_PROPERTY = "combined"


class StreamPeer(Peer):
    """A market stream socket.

    Parameters
    ----------
    socket, transport, address, now_ns
        See `Peer`.
    hub : Hub
    is_combined : bool
        Whether payloads are wrapped with their stream's name.
    serves : callable
        Whether a stream is served on this socket; one that is not is taken and stays silent.
    streams_max, messages_max : int or None
        Streams it may listen to; messages it may send in a second. None is no limit.

    """

    def __init__(
        self,
        socket: web.WebSocketResponse,
        transport: asyncio.Transport | None,
        address: str,
        now_ns: int,
        *,
        hub: Hub,
        is_combined: bool,
        serves: Callable[[str], bool],
        streams_max: int | None,
        messages_max: int | None,
    ) -> None:
        super().__init__(socket, transport, address, now_ns)
        self.is_combined = is_combined
        self._hub = hub
        self._serves = serves
        self._streams_max = streams_max
        self._messages_max = messages_max
        self._names: dict[str, None] = {}
        self._second = -1
        self._messages = 0

    def subscribe(self, names: list[str]) -> bool:
        """Listen to streams; false where there would be too many."""
        wanted = dict.fromkeys([*self._names, *names])
        if self._streams_max is not None and len(wanted) > self._streams_max:
            return False
        for name in wanted:
            if name not in self._names:
                # A name that stands for nothing is taken and stays silent, as at the venue.
                self._names[name] = None
                if self._serves(name):
                    self._hub.subscribe(self, name)
        return True

    def unsubscribe(self, names: list[str]) -> None:
        """Listen to streams no more."""
        for name in names:
            if name in self._names:
                del self._names[name]
                self._hub.unsubscribe(self, name)

    def leave(self) -> None:
        """Listen to nothing any more: the socket is gone."""
        self.unsubscribe(list(self._names))

    def count_message(self, now_ns: int) -> bool:
        """Count a message from the client; false where it sends too many."""
        second = now_ns // _SECOND_NS
        if second != self._second:
            self._second, self._messages = second, 0
        self._messages += 1
        return self._messages_max is None or self._messages <= self._messages_max

    def answer(self, text: str | bytes) -> None:
        """Do what a control message asks and answer it."""
        try:
            control = parse_control(text)
            result = self._do(control)
        except ControlError as error:
            self.push(error.to_json())
            return
        self.push(orjson.dumps({"result": result, "id": control.request_id}))

    def _do(self, control: Control) -> Any:
        if control.method in {"SUBSCRIBE", "UNSUBSCRIBE"}:
            if not all(isinstance(name, str) for name in control.params):
                raise ControlError(2, "Invalid request: stream name must be a string", control.request_id)
            if control.method == "UNSUBSCRIBE":
                self.unsubscribe(control.params)
            elif not self.subscribe(control.params):
                raise ControlError(2, "Invalid request: too many streams", control.request_id)
            return None
        if control.method == "LIST_SUBSCRIPTIONS":
            if control.params:
                raise ControlError(2, "Invalid request: too many parameters", control.request_id)
            return list(self._names)
        return self._property(control)

    def _property(self, control: Control) -> bool | None:
        name, *rest = control.params or [None]
        if not isinstance(name, str):
            raise ControlError(2, "Invalid request: property name must be a string", control.request_id)
        if name != _PROPERTY:
            raise ControlError(0, "Unknown property", control.request_id)
        if control.method == "GET_PROPERTY":
            if rest:
                raise ControlError(2, "Invalid request: too many parameters", control.request_id)
            return self.is_combined
        if len(rest) > 1:
            raise ControlError(2, "Invalid request: too many parameters", control.request_id)
        if not rest or not isinstance(rest[0], bool):
            raise ControlError(1, "Invalid value type: expected Boolean", control.request_id)
        self.is_combined = rest[0]
        return None
