"""CPU a websocket message costs its receiver, from the socket to the events, on loopback.

    python bench/latency/receive.py [--messages N] [--rounds N] [NAME ...]

A process of its own sends Binance frames of one kind; each contender connects, takes them all, and is charged the CPU
time of its thread (kernel included, blocked time not). By turns with them runs the reference: ``recv`` of the same
bytes into one buffer and nothing else, what no reader can go below. ``flood`` sends as fast as the socket takes, so
one read brings many messages; ``paced`` sends one message at a time, so that each costs its own poll and read.

Contenders: ``bot4`` (Receiver, plain), ``bot4-tls``, and, where they are installed, ``picows``, ``aiohttp`` and
``websockets``, each with msgspec decoding into a struct, as a program without a scanner would.
"""

# ruff: noqa: PLC0415 - the sender must not load what the contenders need

from __future__ import annotations

import argparse
import asyncio
import base64
import hashlib
import os
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]
ROOT = HERE.parent
for folder in (ROOT, HERE, ROOT / "tests"):
    sys.path.insert(0, str(folder))

QUOTE = (
    b'{"stream":"btcusdt@bookTicker","data":{"u":%d,"s":"BTCUSDT","b":"61837.63000000","B":"3.50000000",'
    b'"a":"61837.64000000","A":"1.25000000"}}'
)
PACE_S = 100e-6


def frame(payload: bytes) -> bytes:
    head = bytes([0x81, len(payload)]) if len(payload) < 126 else b"\x81\x7e" + len(payload).to_bytes(2, "big")
    return head + payload


# -- the sender: a process of its own ----------------------------------------------------------------------------------


def serve(messages: int, certificate: str) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    frames = [frame(QUOTE % (1_000_000_000 + number)) for number in range(messages)]
    blob = b"".join(frames)
    while True:
        connection, _ = listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            send_all(connection, certificate, frames, blob)
        except OSError:
            connection.close()


def send_all(connection: socket.socket, certificate: str, frames: list[bytes], blob: bytes) -> None:
    if connection.recv(1, socket.MSG_PEEK) == b"\x16":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        connection = context.wrap_socket(connection, server_side=True)
    request = b""
    while b"\r\n\r\n" not in request:
        request += connection.recv(4096)
    key = next(
        line.split(b":", 1)[1].strip()
        for line in request.split(b"\r\n")
        if line.lower().startswith(b"sec-websocket-key")
    )
    accept = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())  # noqa: S324 - RFC 6455
    connection.sendall(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
    )
    if b"paced" in request.split(b"\r\n", 1)[0]:
        for one in frames:
            connection.sendall(one)
            due = time.perf_counter() + PACE_S
            while time.perf_counter() < due:
                pass
    else:
        for start in range(0, len(blob), 1 << 18):
            connection.sendall(blob[start : start + (1 << 18)])
    connection.recv(1)
    connection.close()


# -- contenders: each takes `messages` messages and returns the CPU nanoseconds it was charged -------------------------


def connected(port: int, path: str, context: ssl.SSLContext | None = None) -> tuple[socket.socket, bytes]:
    """A socket past the upgrade, and what came behind its answer."""
    plain = socket.create_connection(("127.0.0.1", port))
    sock = context.wrap_socket(plain, server_hostname="localhost") if context else plain
    key = base64.b64encode(os.urandom(16)).decode()
    sock.sendall(
        f"GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode()
    )
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += sock.recv(1)
    return sock, answer.partition(b"\r\n\r\n")[2]


def run_reference(port: int, path: str, messages: int) -> int:
    sock, _ = connected(port, path)
    expected = sum(len(frame(QUOTE % (1_000_000_000 + number))) for number in (0, messages - 1)) // 2 * messages
    buffer = bytearray(16 << 20)
    got = 0
    start = time.thread_time_ns()
    while got < expected:
        got += sock.recv_into(buffer)
    spent = time.thread_time_ns() - start
    sock.close()
    return spent


def bot4_receiver():
    from builders.engine import assembled

    from bot4._core.engine.feed import Feed
    from bot4._core.engine.receiver import Receiver
    from bot4._core.engine.runner import ShardRunner

    # Through the ring that the shard's thread would empty, so that only reading is charged here.
    assembly, _ = assembled()
    runner = ShardRunner(assembly.engine, capacity=1 << 20)
    feed = Feed(
        assembly.scanner, assembly.engine, ring=runner.ring, room=runner.room, records=runner.records, live=True
    )
    return Receiver(feed, utc_offset_ns=time.time_ns() - time.monotonic_ns()), runner


def run_bot4(port: int, path: str, messages: int) -> int:
    from bot4._core.wire.websocket import WebSocketReader

    receiver, runner = bot4_receiver()
    sock, _ = connected(port, path)
    place = receiver.add(WebSocketReader(), sock.fileno(), is_tls=False)
    start = time.thread_time_ns()
    while receiver.feed.counters()["messages"] < messages:
        receiver.receive(20_000_000)
    spent = time.thread_time_ns() - start
    receiver.remove(place)
    sock.close()
    assert len(runner.ring) >= messages, receiver.feed.live_counters  # and timer events
    return spent


def run_bot4_tls(port: int, path: str, messages: int) -> int:
    from bot4._core.wire.websocket import WebSocketReader

    context = ssl.create_default_context(cafile=CERTIFICATE[0])
    receiver, _ = bot4_receiver()
    sock, _ = connected(port, path, context)
    sock.setblocking(False)
    reader = WebSocketReader()
    place = receiver.add(reader, sock.fileno(), is_tls=True)
    start = time.thread_time_ns()
    while receiver.feed.counters()["messages"] < messages:
        receiver.receive(20_000_000)
        try:
            receiver.parse(place, sock.recv_into(reader.room()))
            while sock.pending():
                receiver.parse(place, sock.recv_into(reader.room()))
        except ssl.SSLWantReadError:
            receiver.parse(place, 0)
    spent = time.thread_time_ns() - start
    receiver.remove(place)
    sock.close()
    return spent


def decoder():
    import msgspec

    quote = msgspec.defstruct("Quote", [(name, int if name == "u" else str) for name in "usbBaA"])
    wrapped = msgspec.defstruct("Wrapped", [("stream", str), ("data", quote)])
    return msgspec.json.Decoder(wrapped).decode


def run_picows(port: int, path: str, messages: int) -> int:
    import picows

    decode = decoder()

    async def go() -> int:
        done = asyncio.get_running_loop().create_future()

        class Listener(picows.WSListener):
            count = 0

            def on_ws_frame(self, transport, frame):
                decode(frame.get_payload_as_memoryview())
                self.count += 1
                if self.count == messages:
                    transport.disconnect()
                    done.set_result(None)

        start = time.thread_time_ns()
        await picows.ws_connect(Listener, f"ws://127.0.0.1:{port}{path}")
        await done
        return time.thread_time_ns() - start

    return asyncio.run(go())


def run_aiohttp(port: int, path: str, messages: int) -> int:
    import aiohttp

    decode = decoder()

    async def go() -> int:
        async with aiohttp.ClientSession() as session, session.ws_connect(f"ws://127.0.0.1:{port}{path}") as peer:
            start = time.thread_time_ns()
            for _ in range(messages):
                decode((await peer.receive()).data)
            spent = time.thread_time_ns() - start
            await session.close()
            return spent

    return asyncio.run(go())


def run_websockets(port: int, path: str, messages: int) -> int:
    from websockets.asyncio.client import connect

    decode = decoder()

    async def go() -> int:
        peer = await connect(f"ws://127.0.0.1:{port}{path}", compression=None, max_queue=None)
        start = time.thread_time_ns()
        for _ in range(messages):
            decode(await peer.recv(decode=False))
        spent = time.thread_time_ns() - start
        peer.transport.abort()
        return spent

    return asyncio.run(go())


CERTIFICATE: list[str] = []
CONTENDERS: dict[str, Callable[[int, str, int], int]] = {
    "reference": run_reference,
    "bot4": run_bot4,
    "bot4-tls": run_bot4_tls,
    "picows": run_picows,
    "aiohttp": run_aiohttp,
    "websockets": run_websockets,
}


def certificate(folder: str) -> str:
    path = f"{folder}/pair.pem"
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "2",
    ]
    command += ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    subprocess.run([*command, "-keyout", path, "-out", f"{folder}/cert.pem"], check=True, capture_output=True)
    Path(path).write_bytes(Path(path).read_bytes() + Path(f"{folder}/cert.pem").read_bytes())
    return path


def measure(names: list[str], port: int, mode: str, messages: int, rounds: int) -> None:
    figures: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(rounds):
        for name in list(figures):
            try:
                figures[name].append(CONTENDERS[name](port, f"/stream?{mode}", messages) / messages)
            except ImportError as error:
                print(f"{name}: left out, {error}")
                del figures[name]
    floor = min(figures["reference"])
    print(f"\n{mode}: {messages:,} messages of {len(QUOTE % 10**9)} bytes, {rounds} rounds, CPU ns a message")
    print(f"{'':12}{'best':>9}{'median':>9}{'of the reference':>18}")
    for name, values in figures.items():
        print(f"{name:12}{min(values):9.0f}{statistics.median(values):9.0f}{min(values) / floor:18.2f}")


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--messages", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--serve", nargs=1, help=argparse.SUPPRESS)
    parser.add_argument("names", nargs="*")
    chosen = parser.parse_args()
    if chosen.serve:
        serve(chosen.messages, chosen.serve[0])
    from bot4._core.build_info import require_release

    require_release()
    names = ["reference", *(name for name in (chosen.names or CONTENDERS) if name != "reference")]
    with tempfile.TemporaryDirectory() as folder:
        CERTIFICATE.append(certificate(folder))
        for mode, messages in (("flood", chosen.messages), ("paced", chosen.messages // 10)):
            command = [sys.executable, __file__, "--messages", str(messages), "--serve", CERTIFICATE[0]]
            with subprocess.Popen(command, stdout=subprocess.PIPE) as server:
                try:
                    assert server.stdout is not None
                    measure(names, int(server.stdout.readline()), mode, messages, chosen.rounds)
                finally:
                    server.terminate()
    return 0


if __name__ == "__main__":
    sys.exit(main())
