"""A link between two processes that can be cut: a small TCP proxy, a process of its own.

Cut, it is silent: connections stay open and nothing passes, as when a cable is pulled; new ones are taken and hear
nothing. What was sent meanwhile is lost with the connections when it heals.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import socket


class CutLink:
    """Forwards a local port to another one until `cut`, and again after `heal`."""

    def __init__(self, target_port: int) -> None:
        listener = socket.create_server(("127.0.0.1", 0))
        self.port = listener.getsockname()[1]
        self._control = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            try:
                os.close(self._control[1])
                signal.signal(signal.SIGINT, signal.SIG_IGN)
                _Server(listener, target_port, self._control[0]).run()
            finally:
                os._exit(0)
        listener.close()
        os.close(self._control[0])

    def cut(self) -> None:
        os.write(self._control[1], b"c")

    def heal(self) -> None:
        os.write(self._control[1], b"h")

    def close(self) -> None:
        os.close(self._control[1])
        os.kill(self._pid, signal.SIGKILL)  # other links' children hold our pipe open
        os.waitpid(self._pid, 0)


class _Server:
    """What the child process does."""

    def __init__(self, listener: socket.socket, target_port: int, control: int) -> None:
        self.listener, self.target_port, self.control = listener, target_port, control
        self.waiting = selectors.DefaultSelector()
        self.waiting.register(listener, selectors.EVENT_READ)
        self.waiting.register(control, selectors.EVENT_READ)
        self.other: dict[socket.socket, socket.socket | None] = {}
        self.is_cut = False

    def run(self) -> None:
        while True:
            for key, _ in self.waiting.select():
                if key.fd == self.control:
                    if not (word := os.read(self.control, 1)):
                        return
                    self.turn(is_cut=word == b"c")
                elif key.fileobj is self.listener:
                    self.accept()
                elif key.fileobj in self.other and not self.is_cut:
                    self.pass_on(key.fileobj)

    def turn(self, *, is_cut: bool) -> None:
        self.is_cut = is_cut
        for one in list(self.other):
            if is_cut:
                self.forget(one)
            else:
                self.drop(one)

    def accept(self) -> None:
        client, _ = self.listener.accept()
        if self.is_cut:
            self.other[client] = None
            return
        try:
            server = socket.create_connection(("127.0.0.1", self.target_port), timeout=2)
        except OSError:
            client.close()
            return
        server.settimeout(None)
        self.other[client], self.other[server] = server, client
        self.waiting.register(client, selectors.EVENT_READ)
        self.waiting.register(server, selectors.EVENT_READ)

    def pass_on(self, one: socket.socket) -> None:
        with contextlib.suppress(OSError):
            if data := one.recv(1 << 16):
                self.other[one].sendall(data)
                return
        self.drop(one)

    def drop(self, one: socket.socket) -> None:
        for end in (one, self.other.pop(one, None)):
            if end is not None:
                self.other.pop(end, None)
                self.forget(end)
                end.close()

    def forget(self, one: socket.socket) -> None:
        with contextlib.suppress(KeyError, ValueError):
            self.waiting.unregister(one)
