"""Funding rates that a recording tells itself: mark price frames of Binance's perpetuals."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from bot4.dto.rows import Rows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from bot4.domain.instrument import Instrument

#: In every frame that tells a rate, and in no other.
MARK_PRICE = b'"markPriceUpdate"'
_MS = 1_000_000
_E8 = 10**8


class MarkPrices:
    """Keeps the last word of a recording on each settlement: the last frame that names it and is no later. One thread.

    A frame says when is settled next (``T``), at which rate as things stand (``r``), and the mark price (``p``). Where
    the rate is empty there is no funding (a delivery contract).

    Parameters
    ----------
    instruments : sequence of Instrument
        Whose frames count.

    Attributes
    ----------
    unread : int
        Frames that are damaged, or whose rate is not in whole parts of 10^8 within -1 and 1.

    """

    def __init__(self, instruments: Sequence[Instrument]) -> None:
        self.unread = 0
        self._ticks = {item.symbol: item.tick_size for item in instruments}
        self._said: dict[str, dict[int, tuple[int, int]]] = {}

    def take(self, lines: bytes) -> None:
        """Read what whole lines of a capture say."""
        at = lines.find(MARK_PRICE)
        while at >= 0:
            start, end = lines.rfind(b"\n", 0, at) + 1, lines.find(b"\n", at)
            end = end if end >= 0 else len(lines)
            try:
                for frame in _frames(lines[start:end]):
                    self._note(frame)
            except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, InvalidOperation):
                self.unread += 1
            at = lines.find(MARK_PRICE, end)

    def rates(self) -> dict[str, NDArray[np.void]]:
        """Return the settlements told of, oldest first, by symbol; rows of `Rows.FUNDING`."""
        return {
            symbol: np.array([(time_ms * _MS, *said[time_ms]) for time_ms in sorted(said)], Rows.FUNDING)
            for symbol, said in self._said.items()
        }

    def _note(self, frame: Mapping[str, Any]) -> None:
        symbol, rate, settled_ms = frame["s"], frame["r"], int(frame["T"])
        if symbol not in self._ticks or rate == "" or int(frame["E"]) > settled_ms:
            return
        parts = Decimal(rate) * _E8
        if not parts.is_finite() or parts != parts.to_integral_value() or abs(parts) > _E8:
            raise ValueError(f"a rate of {rate} is not in whole parts of 10^8 within -1 and 1")
        mark = (Decimal(frame["p"]) / self._ticks[symbol]).to_integral_value(ROUND_HALF_EVEN)
        self._said.setdefault(symbol, {})[settled_ms] = int(parts), int(mark)


def _frames(line: bytes) -> list[Mapping[str, Any]]:
    """Return the mark price frames of one line, which may be of one symbol or of all."""
    starts = [at for at in (line.find(b"{"), line.find(b"[")) if at >= 0]
    payload = orjson.loads(line[min(starts) :] if starts else line)
    data = payload["data"] if isinstance(payload, dict) and "stream" in payload else payload
    frames = data if isinstance(data, list) else [data]
    return [frame for frame in frames if frame["e"] == "markPriceUpdate"]
