"""Who listens to which stream, and how a message reaches them.

A message is rendered once for each time unit that somebody asked for, however many listen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class Listener(Protocol):
    """What the hub needs of a socket."""

    unit: int  # nanoseconds of its time unit
    is_combined: bool
    is_muted: bool

    def push(self, message: bytes) -> None:
        """Queue a text frame."""


class Hub:
    """Subscriptions of all sockets. Belongs to the event loop's thread."""

    def __init__(self) -> None:
        self._listeners: dict[str, dict[Listener, None]] = {}

    def subscribe(self, listener: Listener, name: str) -> None:
        """Add a listener to a stream; once is enough."""
        self._listeners.setdefault(name, {})[listener] = None

    def unsubscribe(self, listener: Listener, name: str) -> None:
        """Take a listener off a stream; one that is not there is none the less off."""
        listeners = self._listeners.get(name)
        if listeners is not None:
            listeners.pop(listener, None)
            if not listeners:
                del self._listeners[name]

    def has(self, name: str) -> bool:
        """Whether anybody listens to a stream."""
        return name in self._listeners

    def names(self) -> Iterable[str]:
        """Return the streams somebody listens to."""
        return list(self._listeners)

    def publish(self, name: str, render: Callable[[int], bytes]) -> None:
        """Send a message to all who listen to a stream.

        Parameters
        ----------
        name : str
            Of the stream.
        render : callable
            Takes the nanoseconds of a time unit, returns the payload.

        """
        listeners = self._listeners.get(name)
        if not listeners:
            return
        made: dict[int, bytes] = {}
        for listener in listeners:
            if listener.is_muted:
                continue
            payload = made.get(listener.unit)
            if payload is None:
                payload = made[listener.unit] = render(listener.unit)
            listener.push(b'{"stream":"%b","data":%b}' % (name.encode(), payload) if listener.is_combined else payload)
