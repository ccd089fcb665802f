"""Stamps as venues write them."""

from __future__ import annotations

from datetime import UTC, datetime


def iso_ns(text: str) -> int:
    """Nanoseconds of an RFC 3339 UTC stamp, exactly; raises ValueError.

    >>> iso_ns("2023-10-06T17:35:55.440295Z")
    1696613755440295000
    """
    whole, _, fraction = text.removesuffix("Z").partition(".")
    seconds = int(datetime.fromisoformat(whole).replace(tzinfo=UTC).timestamp())
    return seconds * 1_000_000_000 + int((fraction + "0" * 9)[:9])
