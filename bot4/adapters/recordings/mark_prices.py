"""Funding rates that a recording tells itself: mark price frames of Binance's perpetuals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from bot4.dto.mark_price import MARK_PRICE, MarkPrice, read_mark_price
from bot4.dto.rows import Rows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from bot4.domain.instrument import Instrument


class MarkPrices:
    """Keeps the last word of a recording on each settlement: the last frame that names it and is no later. One thread.

    A settlement that is put off before its time is none, and a frame older than the one before says nothing: a second
    socket may lag behind.

    Parameters
    ----------
    instruments : sequence of Instrument
        Whose frames count.

    Attributes
    ----------
    unread : int
        Frames that are damaged, see `bot4.dto.mark_price.read_mark_price`.

    """

    def __init__(self, instruments: Sequence[Instrument]) -> None:
        self.unread = 0
        self._ticks = {item.symbol: item.tick_size for item in instruments}
        self._said: dict[str, dict[int, MarkPrice]] = {}
        self._last: dict[str, MarkPrice] = {}

    def take(self, lines: bytes) -> None:
        """Read what whole lines of a capture say."""
        at = lines.find(MARK_PRICE)
        while at >= 0:
            start, end = lines.rfind(b"\n", 0, at) + 1, lines.find(b"\n", at)
            end = end if end >= 0 else len(lines)
            try:
                for frame in _frames(lines[start:end]):
                    self._note(frame)
            except (ValueError, KeyError, TypeError, ArithmeticError):
                self.unread += 1
            at = lines.find(MARK_PRICE, end)

    def rates(self) -> dict[str, NDArray[np.void]]:
        """Return the settlements told of, oldest first, by symbol; rows of `Rows.FUNDING`."""
        return {
            symbol: np.array(
                [(word.settled_ns, word.rate_e8, word.mark_ticks) for _, word in sorted(said.items())], Rows.FUNDING
            )
            for symbol, said in self._said.items()
        }

    def _note(self, frame: Mapping[str, Any]) -> None:
        symbol = frame["s"]
        word = read_mark_price(frame, self._ticks[symbol]) if symbol in self._ticks else None
        if word is None:
            return
        said, last = self._said.setdefault(symbol, {}), self._last.get(symbol, word)
        if word.said_ns < last.said_ns:
            return
        if last.settled_ns != word.settled_ns and word.said_ns < last.settled_ns:
            said.pop(last.settled_ns, None)
        self._last[symbol] = said[word.settled_ns] = word


def _frames(line: bytes) -> list[Mapping[str, Any]]:
    """Return the mark price frames of one line, which may be of one symbol or of all."""
    starts = [at for at in (line.find(b"{"), line.find(b"[")) if at >= 0]
    payload = orjson.loads(line[min(starts) :] if starts else line)
    data = payload["data"] if isinstance(payload, dict) and "stream" in payload else payload
    frames = data if isinstance(data, list) else [data]
    return [frame for frame in frames if frame["e"] == "markPriceUpdate"]
