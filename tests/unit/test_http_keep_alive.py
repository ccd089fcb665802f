"""A connection that the server keeps open serves more than one request."""

from __future__ import annotations

import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

from bot4.adapters.venues.http_get import HttpPeer


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    connections: ClassVar[set[int]] = set()

    def do_GET(self) -> None:
        self.connections.add(self.client_address[1])
        body = self.path.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_answers_of_a_known_length_leave_the_connection_usable():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        url = f"http://127.0.0.1:{server.server_address[1]}"
        with HttpPeer(url, tls=ssl.create_default_context(), timeout_s=5.0) as peer:
            assert [peer.get(f"/{number}").body for number in range(5)] == [f"/{n}".encode() for n in range(5)]
        assert len(Handler.connections) == 1
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
