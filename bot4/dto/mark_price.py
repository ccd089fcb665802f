"""A mark price frame of Binance's perpetuals, as far as it tells of funding.

Source: Binance's USD-M futures documentation, Mark Price Stream: ``E`` when the frame was made, ``p`` the mark price,
``r`` the rate as things stand (empty where a contract has no funding), ``T`` when it is settled, milliseconds.
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

#: In every frame of this kind, and in no other.
MARK_PRICE: Final = b'"markPriceUpdate"'
_MS = 1_000_000
_E8 = 10**8
_TIME_MAX_MS = 2**63 // _MS
_TICKS_MAX = 10**12  # of a mark: beyond any price there is, and far below what money cannot hold


class MarkPrice(NamedTuple):
    """The word of one moment on the next settlement, times in nanoseconds UTC of the venue's clock."""

    settled_ns: int
    said_ns: int
    rate_e8: int
    mark_ticks: int


def read_mark_price(data: Mapping[str, Any], tick_size: Decimal) -> MarkPrice | None:
    """Return what a frame says; None where it has no rate, or names a time that has passed.

    Raises
    ------
    ValueError, KeyError, TypeError, ArithmeticError
        The frame is damaged, its rate is not in whole parts of 10^8 within -1 and 1, or a time or the price cannot be.

    """
    if data["r"] == "":
        return None
    parts, settled_ms, said_ms = Decimal(data["r"]) * _E8, int(data["T"]), int(data["E"])
    mark = (Decimal(data["p"]) / tick_size).to_integral_value(ROUND_HALF_EVEN)
    if not abs(parts) <= _E8 or parts != int(parts):
        raise ValueError(f"a rate is in whole parts of 10^8 within -1 and 1, was {data['r']}")
    if not 0 < settled_ms < _TIME_MAX_MS or not 0 < mark < _TICKS_MAX:
        raise ValueError(f"a settlement has a time and a price, had {data['T']} and {data['p']}")
    if said_ms > settled_ms:
        return None
    return MarkPrice(settled_ms * _MS, said_ms * _MS, int(parts), int(mark))
