"""Plain-Python twin of the capture splitter: bytes.split, slices and Decimal."""

from __future__ import annotations

from decimal import Decimal

FRAME, REST, SKIPPED, BAD = range(4)
INT64_MAX = (1 << 63) - 1


def stamp_ns(text: str) -> int:
    whole, point, fraction = text.partition(".")
    digits = "0123456789"
    if not whole or any(c not in digits for c in whole) or int(whole) == 0 or len(whole) > 19:
        return -1
    if point:
        if not fraction or any(c not in digits for c in fraction) or int(whole) >= 10**11:
            return -1
        # What cannot hold a whole further second is out of range.
        if (int(whole) + 1) * 10**9 > INT64_MAX:
            return -1
        return int(Decimal(whole) * 10**9) + int((fraction + "0" * 9)[:9])
    value = int(whole)
    unit = 10**9 if value < 10**11 else 10**6 if value < 10**14 else 10**3 if value < 10**17 else 1
    return value * unit if value * unit <= INT64_MAX else -1


def payload_of(text: bytes) -> bytes | None:
    body = text.strip(b" \t")
    if len(body) >= 2 and (body[:1] + body[-1:]) in (b"{}", b"[]"):
        return body
    return None


def _stamped(text: bytes, separator: bytes) -> tuple[int, int, bytes]:
    head, found, rest = text.partition(separator)
    stamp = stamp_ns(head.decode("latin-1")) if found and len(head) < 40 else -1
    body = payload_of(rest)
    return (FRAME, stamp, body) if stamp >= 0 and body is not None else (BAD, 0, b"")


def split_line(line: bytes, layout: int) -> tuple[int, int, bytes]:
    """Verdict, receive stamp and payload of one line without its line end."""
    line = line.removesuffix(b"\r")
    if not line or line.startswith(b"#"):
        return SKIPPED, 0, b""
    if layout == 0:
        return _stamped(line, b" ")
    if layout == 1:
        return _cryptofeed(line)
    body = payload_of(line)
    return (FRAME, 0, body) if body is not None else (BAD, 0, b"")


def _cryptofeed(line: bytes) -> tuple[int, int, bytes]:
    if line[:1].isdigit():
        return _stamped(line, b":")
    if line.startswith((b"https://", b"http://")):
        _, found, rest = line.partition(b" -> ")
        verdict, stamp, body = _stamped(rest, b":") if found else (BAD, 0, b"")
        return (REST, stamp, body) if verdict == FRAME else (BAD, 0, b"")
    skipped = line.startswith((b"wss://", b"ws://", b"configuration: "))
    return (SKIPPED if skipped else BAD), 0, b""


def split(data: bytes, layout: int) -> list[tuple[int, int, bytes]]:
    """Every whole line of a buffer; what follows the last line end is left."""
    return [split_line(line, layout) for line in data.split(b"\n")[:-1]]
