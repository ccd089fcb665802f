"""What a mark price frame of USD-M futures says of the next funding of an instrument that is traded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from bot4.adapters.venues.venue_streams import FundingRate
from bot4.dto.mark_price import read_mark_price

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal


def funding_rate(notice: bytes, lanes: Mapping[str, tuple[int, Decimal]]) -> FundingRate | None:
    """Return the rate one frame tells; None where it tells none of these symbols, or one of a time that has passed.

    Parameters
    ----------
    notice : bytes
        One frame, with or without the wrapper of combined streams.
    lanes : mapping of str to (int, Decimal)
        The engine's lane and the size of a tick, by symbol.

    Raises
    ------
    ValueError, KeyError, TypeError, AttributeError, ArithmeticError
        The frame is damaged, see `bot4.dto.mark_price.read_mark_price`.

    """
    frame = orjson.loads(notice)
    data = frame.get("data", frame)
    if data["s"] not in lanes:
        return None
    lane, tick_size = lanes[data["s"]]
    word = read_mark_price(data, tick_size)
    return None if word is None else FundingRate(lane, word.rate_e8, word.mark_ticks, word.settled_ns, word.said_ns)
