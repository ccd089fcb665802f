"""HTTP on this machine for one run: kill, reset, status, metrics. Threads of its own, nothing of the engine's.

Every route but ``/livez`` wants ``Authorization: Bearer TOKEN``. A request that names another host, or comes from a web
page (``Origin``), is refused, so that no page a browser shows can reach it.
"""

from __future__ import annotations

import hmac
import json
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import BoundedSemaphore, Thread
from typing import TYPE_CHECKING, Any

from bot4.domain.errors import Bot4Error

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from typing import Protocol

    from bot4.ports.kill_switch import KillSwitch

    class Desk(Protocol):
        """What the endpoint shows."""

        def status(self) -> dict[str, Any]:
            """Return the run as JSON can hold it."""
            ...

        def metrics(self) -> str:
            """Return the run in Prometheus' text format."""
            ...


BODY_MAX = 65_536
_CONNECTIONS_MAX = 16
_TIMEOUT_S = 5.0


class ControlError(Bot4Error):
    """The control endpoint cannot be opened."""

    exit_code = 73


class _Refusal(Exception):  # noqa: N818 - an answer, not an error
    def __init__(self, status: HTTPStatus, why: str) -> None:
        super().__init__(why)
        self.status = status


class ControlServer(ThreadingHTTPServer):
    """The endpoint of one run.

    Parameters
    ----------
    host : str
    port : int
        0 takes a free one.
    token : str
    switch : KillSwitch
    desk : Desk

    Raises
    ------
    ControlError
        The address cannot be had.

    """

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = _CONNECTIONS_MAX

    def __init__(self, host: str, port: int, token: str, switch: KillSwitch, desk: Desk) -> None:
        self._token = token.encode()
        self.switch = switch
        self.desk = desk
        self._room = BoundedSemaphore(_CONNECTIONS_MAX)
        try:
            super().__init__((host, port), _Handler)
        except OSError as error:
            raise ControlError(f"the control endpoint {host}:{port} cannot be opened: {error.strerror}") from None
        self.hosts = {f"{name}:{self.port}" for name in ("127.0.0.1", "localhost", "[::1]")}
        self._thread = Thread(target=self.serve_forever, args=(0.2,), name="bot4-control", daemon=True)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.server_address[1])

    def start(self) -> None:
        """Answer, from a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """Answer no more."""
        if self._thread.ident is not None:
            self.shutdown()
        self.server_close()

    def knows(self, header: str) -> bool:
        """Whether an Authorization header carries the token."""
        kind, _, token = header.partition(" ")
        return hmac.compare_digest(token.encode(), self._token) and kind == "Bearer"

    def process_request(self, request: Any, client_address: Any) -> None:
        """Give a connection a thread; above the bound it is closed."""
        if not self._room.acquire(blocking=False):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except BaseException:
            self._room.release()
            raise

    def process_request_thread(self, request: socket.socket, client_address: Any) -> None:  # type: ignore[override]
        """Serve one connection."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Drop a connection that broke."""


class _Handler(BaseHTTPRequestHandler):
    server: ControlServer
    timeout = _TIMEOUT_S
    server_version, sys_version = "bot4", ""
    protocol_version = "HTTP/1.0"  # one request a connection: a slow client holds a thread for one time-out at most

    def do_GET(self) -> None:
        """Answer a question."""
        self._answer({"/livez": _livez, "/status": _status, "/metrics": _metrics})

    def do_POST(self) -> None:
        """Take an order."""
        self._answer({"/kill": _kill, "/reset": _reset})

    def log_message(self, *_: Any) -> None:
        """Say nothing: the trail has what matters."""

    def body(self) -> dict[str, Any]:
        """Return the request's JSON object."""
        if self.headers.get_content_type() != "application/json":
            raise _Refusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "the body must be application/json")
        length = self.headers.get("Content-Length", "0")
        if not length.isdecimal() or int(length) > BODY_MAX:
            raise _Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body has at most {BODY_MAX} bytes")
        try:
            fields = json.loads(self.rfile.read(int(length)) or b"{}")
        except (ValueError, RecursionError):
            raise _Refusal(HTTPStatus.BAD_REQUEST, "the body is no JSON") from None
        if not isinstance(fields, dict) or not isinstance(fields.get("reason", ""), str):
            raise _Refusal(HTTPStatus.BAD_REQUEST, 'the body must be an object; "reason" is text')
        return fields

    def _answer(self, routes: dict[str, Callable[[_Handler], tuple[str, str]]]) -> None:
        try:
            route = routes.get(self.path.partition("?")[0])
            if route is not _livez:
                self._check()
            if route is None:
                self._send(HTTPStatus.NOT_FOUND, "application/json", '{"error": "no such route"}')
                return
            content_type, text = route(self)
            self._send(HTTPStatus.OK, content_type, text)
        except _Refusal as refusal:
            self._send(refusal.status, "application/json", json.dumps({"error": str(refusal)}))
        except Bot4Error as error:
            self._send(HTTPStatus.INTERNAL_SERVER_ERROR, "application/json", json.dumps({"error": str(error)}))

    def _check(self) -> None:
        if self.headers.get("Host", "") not in self.server.hosts or "Origin" in self.headers:
            raise _Refusal(HTTPStatus.FORBIDDEN, "not from here")
        if not self.server.knows(self.headers.get("Authorization", "")):
            raise _Refusal(HTTPStatus.UNAUTHORIZED, "a bearer token is needed")

    def _send(self, status: HTTPStatus, content_type: str, text: str) -> None:
        content = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


# ---- routes


def _livez(_: _Handler) -> tuple[str, str]:
    return "text/plain", "alive\n"


def _status(handler: _Handler) -> tuple[str, str]:
    return "application/json", json.dumps(handler.server.desk.status())


def _metrics(handler: _Handler) -> tuple[str, str]:
    return "text/plain; version=0.0.4", handler.server.desk.metrics()


def _kill(handler: _Handler) -> tuple[str, str]:
    entry = handler.server.switch.kill(by="rest", reason=handler.body().get("reason", ""))
    return "application/json", json.dumps({"killed": entry.entry, "said": str(entry)})


def _reset(handler: _Handler) -> tuple[str, str]:
    """Reset, where the caller names the kill it has looked at: a second step, and none that a later kill is lost by."""
    fields, switch = handler.body(), handler.server.switch
    if not fields.get("reason", "").strip():
        raise _Refusal(HTTPStatus.BAD_REQUEST, 'a reset needs a "reason"')
    entry = switch.state()
    if entry is None:
        raise _Refusal(HTTPStatus.CONFLICT, "the kill switch is not set")
    if fields.get("confirm") != entry.entry:
        raise _Refusal(HTTPStatus.CONFLICT, f'"confirm" must be the kill that is in force: {entry}')
    done = switch.reset(by="rest", reason=fields["reason"])
    return "application/json", json.dumps({"reset": None if done is None else done.entry})
