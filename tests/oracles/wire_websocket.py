"""Slow, plain reading of RFC 6455: the frames a server may send, one after the other out of one byte string."""

from __future__ import annotations

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
KINDS = {TEXT: "WS_TEXT", BINARY: "WS_BINARY", CLOSE: "WS_CLOSE", PING: "WS_PING", PONG: "WS_PONG"}


def encode(opcode: int, payload: bytes, *, last: bool = True, form: int | None = None) -> bytes:
    """A server's frame; `form` 126 or 127 forces a longer form of the length."""
    size = len(payload)
    form = form or (127 if size > 0xFFFF else 126 if size > 125 else size)
    head = bytes([last << 7 | opcode, form])
    if form == 126:
        head += size.to_bytes(2, "big")
    elif form == 127:
        head += size.to_bytes(8, "big")
    return head + payload


def decode(data: bytes, message_bytes_max: int) -> list[tuple[str, bytes]]:  # noqa: C901, PLR0911, PLR0912 - as the RFC
    """Messages and control frames of `data`; a last entry that is an error ends the list."""
    found: list[tuple[str, bytes]] = []
    joined: bytes | None = None
    joined_opcode = 0
    at = 0
    while True:
        if at + 2 > len(data):
            return found
        first, second = data[at], data[at + 1]
        opcode, last = first & 15, bool(first & 128)
        if first & 112 or second & 128 or opcode not in (0, 1, 2, 8, 9, 10):
            return [*found, ("WS_BAD_FRAME", b"")]
        size, head = second, 2
        if size > 125:
            width = 2 if size == 126 else 8
            if opcode >= 8:
                return [*found, ("WS_BAD_FRAME", b"")]
            if at + 2 + width > len(data):
                return found
            size, head = int.from_bytes(data[at + 2 : at + 2 + width], "big"), 2 + width
            if size <= (125 if width == 2 else 0xFFFF):
                return [*found, ("WS_BAD_FRAME", b"")]
        if (opcode >= 8 and not last) or (opcode < 8 and (opcode == 0) != (joined is not None)):
            return [*found, ("WS_BAD_FRAGMENT", b"")]
        if size + (len(joined) if opcode == 0 and joined is not None else 0) > message_bytes_max:
            return [*found, ("WS_TOO_BIG", b"")]
        if at + head + size > len(data):
            return found
        payload = data[at + head : at + head + size]
        at += head + size
        if opcode >= 8:
            if opcode == CLOSE and size == 1:
                return [*found, ("WS_BAD_FRAME", b"")]
            found.append((KINDS[opcode], payload))
            if opcode == CLOSE:
                return found
        elif opcode == 0:
            assert joined is not None
            joined += payload
            if last:
                found.append((KINDS[joined_opcode], joined))
                joined = None
        elif last:
            found.append((KINDS[opcode], payload))
        else:
            joined, joined_opcode = payload, opcode
