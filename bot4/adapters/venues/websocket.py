"""A websocket client: connecting and what is said seldom. What arrives is split by the compiled reader.

With a `Receiver` (market data) the receiver reads plain sockets itself, and `read_into` serves it for encrypted ones.
Without one, `receive` waits for the next message.

Source: RFC 6455. No extension is offered, so a server may not compress.
"""

from __future__ import annotations

import base64
import hashlib
import os
import select
import socket
import ssl
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from bot4._core.wire.websocket import WebSocketReader, WsVerdict
from bot4.adapters.venues.http_get import reason_of
from bot4.domain.errors import UnreachableError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Self

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_ANSWER_MAX = 16 << 10
_TEXT, _CLOSE, _PING, _PONG = 1, 8, 9, 10
_CONTROL_MAX = 125
_SWITCHING = 101
_SEND_S = 1.0


class UpgradeRefusedError(UnreachableError):
    """The server answered, with something else than a websocket; `status` is its HTTP status, 0 where it had none."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class WebSocket:
    """A connected websocket. One thread uses it.

    Made by `connect`; `reader` holds what was received and not yet taken out.
    """

    def __init__(self, sock: socket.socket, reader: WebSocketReader, url: str, entropy: Callable[[int], bytes]) -> None:
        self._socket = sock
        self._entropy = entropy
        self.reader = reader
        self.url = url
        self.is_tls = isinstance(sock, ssl.SSLSocket)

    @classmethod
    def connect(
        cls,
        url: str,
        *,
        tls: ssl.SSLContext,
        timeout_s: float,
        message_bytes_max: int = 16 << 20,
        headers: Mapping[str, str] | None = None,
        entropy: Callable[[int], bytes] = os.urandom,
    ) -> Self:
        """Connect, encrypt where the URL says ``wss``, and upgrade.

        Parameters
        ----------
        url : str
            ``ws://`` or ``wss://``.
        tls : SSLContext
            Used for ``wss``; see `tls_context`.
        timeout_s : float
            For each of: every address the name has, the encryption, the upgrade.
        message_bytes_max : int
            Largest message; a larger one breaks the connection.
        headers : mapping, optional
            More lines of the request.
        entropy : callable
            Random bytes, for the key and the masks that the protocol asks for.

        Raises
        ------
        UnreachableError
            No connection, no trust, no answer in time.
        UpgradeRefusedError
            An answer that is no websocket.

        """
        parts = urlsplit(url)
        if parts.scheme not in ("ws", "wss") or parts.hostname is None:
            raise ValueError(f"a URL must begin with ws:// or wss:// and name a host, was {url!r}")
        port = parts.port or (443 if parts.scheme == "wss" else 80)
        where = f"{parts.scheme}://{parts.netloc}"
        sock: socket.socket | None = None
        try:
            sock = socket.create_connection((parts.hostname, port), timeout=timeout_s)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if parts.scheme == "wss":
                sock = tls.wrap_socket(sock, server_hostname=parts.hostname)
            reader = WebSocketReader(message_bytes_max)
            target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
            _upgrade(sock, reader, parts.netloc, target, headers or {}, entropy, timeout_s)
            sock.setblocking(False)
        except UnreachableError as error:
            if sock is not None:
                sock.close()
            error.args = (f"{where}: {error}",)
            raise
        except (OSError, ssl.CertificateError) as error:
            if sock is not None:
                sock.close()
            raise UnreachableError(f"{where} cannot be reached: {reason_of(error)}") from None
        return cls(sock, reader, url, entropy)

    def fileno(self) -> int:
        """Return the socket's descriptor."""
        return self._socket.fileno()

    def read_into(self, took: Callable[[int], None]) -> bool:
        """Decrypt what is there into the reader's room, telling `took` how much; False where the connection ended.

        Raises OSError where reading fails.
        """
        try:
            count = self._socket.recv_into(self.reader.room())
            took(count)
            # Bytes of a record that was decrypted already would not make the socket readable again.
            while count and isinstance(self._socket, ssl.SSLSocket) and self._socket.pending():
                count = self._socket.recv_into(self.reader.room())
                took(count)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError, BlockingIOError):
            took(0)
            return True
        return count > 0

    def receive(self, timeout_s: float) -> tuple[WsVerdict, bytes] | None:
        """Wait for the next message or control frame; None where none came in time.

        Pings are handed over, not answered. Raises `UnreachableError` where the connection ended or broke.
        """
        deadline_s = time.monotonic() + timeout_s
        while (found := self.reader.next()) is None:
            left_s = deadline_s - time.monotonic()
            pending = isinstance(self._socket, ssl.SSLSocket) and self._socket.pending()
            if left_s <= 0 or not (pending or select.select([self._socket], [], [], left_s)[0]):
                return None
            try:
                alive = self.read_into(self.reader.took)
            except OSError as error:
                raise UnreachableError(f"{self.url}: {reason_of(error)}") from None
            if not alive:
                raise UnreachableError(f"{self.url}: the connection ended")
        if found[0] > WsVerdict.WS_CLOSE:
            raise UnreachableError(f"{self.url}: {found[0].name} is no websocket")
        return found

    def send_text(self, text: str | bytes) -> None:
        """Send one message. Raises `UnreachableError` where it cannot be sent within a second."""
        self._send(_TEXT, text.encode() if isinstance(text, str) else text)

    def send_ping(self, payload: bytes = b"") -> None:
        """Send a ping."""
        self._send(_PING, payload)

    def send_pong(self, payload: bytes) -> None:
        """Answer a ping with its own payload."""
        self._send(_PONG, payload)

    def close(self, code: int | None = 1000, *, linger_s: float = 0.0) -> None:
        """Say goodbye where the connection still takes it (`code` None: do not), and close.

        `linger_s` is the longest wait for the other side to close first: closing with bytes on their way resets the
        connection, and the goodbye may be lost with it.
        """
        deadline_s = time.monotonic() + linger_s
        try:
            if code is not None:
                self._send(_CLOSE, code.to_bytes(2, "big"))
                while (left_s := deadline_s - time.monotonic()) > 0:
                    if not select.select([self._socket], [], [], left_s)[0] or not self._drain():
                        break
        except (UnreachableError, OSError):
            pass
        finally:
            self._socket.close()

    def _drain(self) -> bool:
        """Throw away what is there; false where the connection ended."""
        try:
            return bool(self._socket.recv(1 << 16))
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError, BlockingIOError):
            return True

    def _send(self, opcode: int, payload: bytes) -> None:
        if opcode >= _CLOSE and len(payload) > _CONTROL_MAX:
            raise ValueError(f"a control frame holds at most {_CONTROL_MAX} bytes, was {len(payload)}")
        left = memoryview(client_frame(opcode, payload, self._entropy(4)))
        deadline_s = time.monotonic() + _SEND_S
        while left:
            try:
                left = left[self._socket.send(left) :]
                continue
            except (ssl.SSLWantWriteError, ssl.SSLWantReadError, BlockingIOError):
                pass
            except OSError as error:
                raise UnreachableError(f"{self.url}: {reason_of(error)}") from None
            left_s = deadline_s - time.monotonic()
            if left_s <= 0 or not select.select([], [self._socket], [], left_s)[1]:
                raise UnreachableError(f"{self.url} takes nothing for {_SEND_S:g} s")


def client_frame(opcode: int, payload: bytes, mask: bytes) -> bytes:
    """Return one masked frame.

    >>> client_frame(1, b"Hello", bytes.fromhex("37fa213d")).hex()
    '818537fa213d7f9f4d5158'
    """
    size = len(payload)
    if size <= _CONTROL_MAX:
        head = bytes([0x80 | opcode, 0x80 | size])
    elif size < 1 << 16:
        head = bytes([0x80 | opcode, 0xFE]) + size.to_bytes(2, "big")
    else:
        head = bytes([0x80 | opcode, 0xFF]) + size.to_bytes(8, "big")
    key = mask * (size // 4 + 1)
    masked = (int.from_bytes(payload, "big") ^ int.from_bytes(key[:size], "big")).to_bytes(size, "big")
    return head + mask + masked


def accept_of(key: str) -> str:
    """Return what a server answers to a ``Sec-WebSocket-Key``.

    >>> accept_of("dGhlIHNhbXBsZSBub25jZQ==")
    's3pPLMBiTxaQ9kYGzzhZRbK+xOo='
    """
    return base64.b64encode(hashlib.sha1(key.encode() + _GUID).digest()).decode()  # noqa: S324 - RFC 6455 asks for it


def _upgrade(  # noqa: PLR0917 - called once
    sock: socket.socket,
    reader: WebSocketReader,
    host: str,
    target: str,
    headers: Mapping[str, str],
    entropy: Callable[[int], bytes],
    timeout_s: float,
) -> None:
    key = base64.b64encode(entropy(16)).decode()
    lines = [f"GET {target} HTTP/1.1", f"Host: {host}", "Upgrade: websocket", "Connection: Upgrade"]
    lines += [f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13", "User-Agent: bot4"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    sock.sendall("\r\n".join([*lines, "", ""]).encode())
    deadline_s = time.monotonic() + timeout_s
    answer = b""
    while b"\r\n\r\n" not in answer:
        if time.monotonic() > deadline_s:
            raise UnreachableError(f"no answer to the upgrade within {timeout_s:g} s")
        piece = sock.recv(4_096)
        answer += piece
        if not piece or len(answer) > _ANSWER_MAX:
            raise UnreachableError("the answer to the upgrade is cut short or too long")
    head, _, rest = answer.partition(b"\r\n\r\n")
    _check_upgrade(head.decode("latin-1").split("\r\n"), key)
    reader.take(rest)


def _check_upgrade(lines: list[str], key: str) -> None:
    words = lines[0].split(" ", 2)
    status = int(words[1]) if len(words) > 1 and words[1].isdigit() else 0
    if status != _SWITCHING:
        raise UpgradeRefusedError(f"the upgrade is refused: {lines[0][:80]!r}", status)
    fields = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    if fields.get("upgrade", "").lower() != "websocket" or fields.get("sec-websocket-accept") != accept_of(key):
        raise UpgradeRefusedError("the answer to the upgrade is no websocket's", status)
    if "sec-websocket-extensions" in fields:
        raise UpgradeRefusedError("the server speaks an extension nobody asked for", status)
