"""The websocket client and the one GET, against servers of a few lines each."""

from __future__ import annotations

import os
import socket
import threading
from contextlib import suppress

import pytest
from builders.venue_server import VenueServer
from oracles.wire_websocket import PING, TEXT, encode

from bot4._core.wire.websocket import WsVerdict
from bot4.adapters.venues.http_get import HttpPeer, http_get
from bot4.adapters.venues.tls import tls_context
from bot4.adapters.venues.websocket import UpgradeRefusedError, WebSocket, accept_of, client_frame
from bot4.domain.errors import ConfigError, UnreachableError

TLS = tls_context()


def fixed_entropy(count: int) -> bytes:
    return b"\x11\x22\x33\x44" * (count // 4)


KEY = "ESIzRBEiM0QRIjNEESIzRA=="  # of fixed_entropy(16)


class OneShot:
    """A server for one connection that says what it is told to, and keeps what it heard."""

    def __init__(self, answer: bytes, *, linger: bool = False) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.netloc = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._answer, self._linger = answer, linger
        self.heard = b""
        self.done = threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        peer, _ = self._listener.accept()
        # Who gave up before it was heard is gone.
        with self._listener, peer, suppress(ConnectionError):
            while b"\r\n\r\n" not in self.heard and (piece := peer.recv(4_096)):
                self.heard += piece
            peer.sendall(self._answer)
            while self._linger and not self.done.is_set() and (piece := peer.recv(4_096)):
                self.heard += piece
        self.done.set()


def upgrade(*more: bytes, accept: str | None = None, status: bytes = b"101 Switching Protocols") -> bytes:
    lines = [b"HTTP/1.1 " + status, b"Upgrade: WebSocket", b"connection: upgrade"]
    lines.append(b"sec-websocket-accept: " + (accept or accept_of(KEY)).encode())
    return b"\r\n".join([*lines, *more, b"", b""])


def connect(server: OneShot, **kwargs: object) -> WebSocket:
    settings = {"tls": TLS, "timeout_s": 2.0, "entropy": fixed_entropy} | kwargs
    return WebSocket.connect(f"ws://{server.netloc}/stream?streams=a", **settings)


# -- connecting --------------------------------------------------------------------------------------------------------


def test_the_request_asks_for_a_websocket_and_what_came_behind_the_answer_is_kept():
    server = OneShot(upgrade() + encode(TEXT, b"hello") + encode(PING, b"1"), linger=True)
    peer = connect(server, headers={"X-MBX-APIKEY": "abc"})
    assert peer.receive(1.0) == (WsVerdict.WS_TEXT, b"hello")
    assert peer.receive(1.0) == (WsVerdict.WS_PING, b"1")
    assert peer.receive(0.01) is None
    peer.send_text("hi")
    peer.close()
    server.done.wait(5)
    head, _, frames = server.heard.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert lines[0] == b"GET /stream?streams=a HTTP/1.1"
    assert b"Sec-WebSocket-Key: " + KEY.encode() in lines
    assert b"X-MBX-APIKEY: abc" in lines
    assert not any(line.lower().startswith(b"sec-websocket-extensions") for line in lines)
    mask = fixed_entropy(4)
    assert frames == client_frame(1, b"hi", mask) + client_frame(8, b"\x03\xe8", mask)


@pytest.mark.parametrize(
    ("answer", "status", "says"),
    [
        (b"HTTP/1.1 451 Unavailable For Legal Reasons\r\n\r\n", 451, "451"),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", 0, "SSH-2.0"),
        (upgrade(accept="wrong"), 101, "no websocket's"),
        (upgrade(b"Sec-WebSocket-Extensions: permessage-deflate"), 101, "extension nobody asked for"),
    ],
)
def test_an_answer_that_is_no_websocket_is_refused_by_its_words(answer, status, says):
    with pytest.raises(UpgradeRefusedError, match=says) as caught:
        connect(OneShot(answer))
    assert caught.value.status == status
    assert str(caught.value).startswith("ws://127.0.0.1:")


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 101 Switch", b"HTTP/1.1 101 X\r\n" + b"a: b\r\n" * 4_000])
def test_an_answer_cut_short_or_too_long_is_refused(answer):
    with pytest.raises(UnreachableError, match="cut short or too long"):
        connect(OneShot(answer))


def test_a_server_that_does_not_answer_is_given_up_in_time():
    with pytest.raises(UnreachableError, match="timed out"):
        connect(OneShot(b"HTTP/1.1", linger=True), timeout_s=0.2)


def test_nobody_there_is_said_with_the_address():
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    with pytest.raises(UnreachableError, match=rf"ws://127.0.0.1:{port} cannot be reached: Connection refused"):
        WebSocket.connect(f"ws://127.0.0.1:{port}/", tls=TLS, timeout_s=1.0)


def test_an_address_of_another_kind_is_a_broken_call():
    with pytest.raises(ValueError, match="must begin with ws:// or wss://"):
        WebSocket.connect("http://127.0.0.1/", tls=TLS, timeout_s=1.0)


def test_a_connection_that_ends_or_breaks_is_told():
    ended = connect(OneShot(upgrade()))
    with pytest.raises(UnreachableError, match="the connection ended"):
        ended.receive(2.0)
    broken = connect(OneShot(upgrade() + b"\xf1\x00", linger=True))
    with pytest.raises(UnreachableError, match="WS_BAD_FRAME"):
        broken.receive(2.0)
    ended.close()
    broken.close()


def test_a_server_that_takes_nothing_is_not_waited_for():
    server = OneShot(upgrade())
    peer = connect(server)
    with pytest.raises(UnreachableError):
        peer.send_text(os.urandom(50 << 20))
    peer.close()


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536])
def test_frames_of_every_length_are_masked_as_the_protocol_says(size):
    payload, mask = os.urandom(size), os.urandom(4)
    frame = client_frame(2, payload, mask)
    head = {0: 2, 1: 4, 2: 10}[(size > 125) + (size > 65_535)]
    assert frame[0] == 0x82
    assert frame[1] & 0x80
    assert frame[head : head + 4] == mask
    assert bytes(byte ^ mask[at % 4] for at, byte in enumerate(frame[head + 4 :])) == payload


def test_a_control_frame_that_is_too_long_is_a_broken_call():
    peer = connect(OneShot(upgrade(), linger=True))
    with pytest.raises(ValueError, match="at most 125 bytes"):
        peer.send_pong(b"x" * 126)
    peer.close(None)


# -- encryption --------------------------------------------------------------------------------------------------------


def test_certificates_and_host_names_are_always_checked():
    assert TLS.check_hostname
    assert TLS.verify_mode.name == "CERT_REQUIRED"


def test_a_file_that_holds_no_certificates_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"nowhere\.pem cannot be used"):
        tls_context(str(tmp_path / "nowhere.pem"))
    (tmp_path / "empty.pem").write_text("no certificate")
    with pytest.raises(ConfigError, match=r"empty\.pem cannot be used"):
        tls_context(str(tmp_path / "empty.pem"))


# -- one GET -----------------------------------------------------------------------------------------------------------


def test_an_answer_is_taken_whatever_its_status():
    with VenueServer() as server:
        fine = http_get(f"{server.url}/api/v3/time", tls=TLS, timeout_s=2.0)
        server.snapshot_status = (418, {"Retry-After": "120"})
        banned = http_get(f"{server.url}/api/v3/depth?symbol=BTCUSDT", tls=TLS, timeout_s=2.0)
    assert (fine.status, fine.retry_after_s) == (200, None)
    assert (banned.status, banned.retry_after_s) == (418, 120.0)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
    ],
)
def test_several_requests_share_a_connection(answer):
    listener = socket.create_server(("127.0.0.1", 0))
    heard = []

    def serve() -> None:
        peer, _ = listener.accept()
        with peer, listener:
            while request := peer.recv(4_096):
                heard.append(request.split(b" ")[1])
                peer.sendall(answer)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    base = f"http://127.0.0.1:{listener.getsockname()[1]}/base/"
    with HttpPeer(base, tls=TLS, timeout_s=2.0) as peer:
        assert [peer.get(f"/{number}").body for number in range(3)] == [b"hello"] * 3
    thread.join(5)
    assert heard == [b"/base/0", b"/base/1", b"/base/2"]


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort", "95 bytes early"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n" + b"x" * 2_000, "more than 1,000 bytes"),
        (b"nonsense\r\n\r\n", "cannot be reached"),
        (b"", "cannot be reached"),
    ],
)
def test_an_answer_that_is_short_long_or_none_is_refused(answer, says):
    with pytest.raises(UnreachableError, match=says):
        http_get(f"http://{OneShot(answer).netloc}/x", tls=TLS, timeout_s=2.0, bytes_max=1_000)


def test_an_answer_that_drips_is_given_up_when_its_time_is_over():
    listener = socket.create_server(("127.0.0.1", 0))

    def drip() -> None:
        peer, _ = listener.accept()
        with peer, listener:
            peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
            try:
                for _ in range(1_000):
                    peer.sendall(b"x")
                    threading.Event().wait(0.02)
            except OSError:
                return

    threading.Thread(target=drip, daemon=True).start()
    with pytest.raises(UnreachableError, match="within 3 s"):
        http_get(f"http://127.0.0.1:{listener.getsockname()[1]}/", tls=TLS, timeout_s=3)
