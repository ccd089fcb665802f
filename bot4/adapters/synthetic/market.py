"""A synthetic exchange feed: raw frames in Binance's spot shape from a seed, for the scanner that reads real ones.

It is made up. Nobody trades on it, its prices mean nothing, and a result on it says nothing about a real market. It
exists so that bot4 can be tried, shown and tested without a network: one instrument, a book of levels around a random
walk, takers and cancels, prints, and depth diffs with gapless update ids.
"""

from __future__ import annotations

from math import exp
from random import Random
from typing import TYPE_CHECKING, NamedTuple

from bot4.adapters.synthetic.dice import Sizes
from bot4.adapters.synthetic.grid_text import GridText
from bot4.adapters.synthetic.price_path import PricePath
from bot4.domain.errors import ConfigError
from bot4.domain.money import Rounding

if TYPE_CHECKING:
    from collections.abc import Iterator
    from decimal import Decimal

    from bot4.domain.instrument import Instrument

_LEVELS = 40
_MID_TICKS_MIN = 1_000  # below that the grid would show in every price
_TOUCH_LEVELS = 9  # always there after a move
_TOUCH = range(1, _TOUCH_LEVELS)
_DEPTH_SHARE = 0.25
_QUOTE_SHARE = 0.55
# Order steps of a level and of a print, and how much a side grows where the regime leans its way.
_MEDIAN_STEPS = exp(9.5)
_MEDIAN_TRADE_STEPS = exp(6.5)
_TILT = 0.8
_CHANGE_SHARE = 0.15  # of the levels near the touch, at each message


class StampedFrame(NamedTuple):
    """One raw frame and when it would arrive, nanoseconds UTC."""

    recv_ns: int
    frame: bytes


class SyntheticMarket:
    """Endless stream of frames of one made-up instrument.

    Parameters
    ----------
    instrument : Instrument
        Its grid; the symbol is what the frames carry.
    seed : int
        The same seed and start give the same bytes.
    start_ns : int
        Time of the first frame, nanoseconds UTC.
    start_price : Decimal
        First mid; at least 1,000 ticks.
    volatility_annual : float
        See `PricePath`.
    messages_per_s : int
        Mean rate of frames; arrivals are a Poisson process.

    Not thread-safe: one thread iterates.

    Raises
    ------
    ConfigError
        The start price is too few ticks of the instrument.

    """

    def __init__(
        self,
        instrument: Instrument,
        *,
        seed: int,
        start_ns: int,
        start_price: Decimal,
        volatility_annual: float,
        messages_per_s: int,
    ) -> None:
        self._instrument = instrument
        self._rng = Random(seed)  # noqa: S311 - a market's dice, not a secret
        self._level_sizes = Sizes(self._rng, 0.9).draw
        self._trade_sizes = Sizes(self._rng, 1.2).draw
        self._prices = GridText(instrument.tick_size)
        self._quantities = GridText(instrument.lot_size)
        self._lots_per_step = instrument.lots_per_step
        self._path = PricePath(self._rng, float(start_price), volatility_annual)
        self._rate = messages_per_s
        self._now_ns = start_ns
        self._update_id = 1_000
        self._trade_id = 1
        self._tick = float(instrument.tick_size)
        self._mid_ticks = instrument.round_price(start_price, Rounding.DOWN)
        if self._mid_ticks < _MID_TICKS_MIN:
            raise ConfigError(
                f"setting synthetic.start_price must be at least {_MID_TICKS_MIN} ticks of {instrument.tick_size}, "
                f"was {start_price}"
            )
        self._bids: dict[int, int] = {}
        self._asks: dict[int, int] = {}
        self._changed_bids: set[int] = set()
        self._changed_asks: set[int] = set()
        self._first_change_id = self._update_id + 1
        self._lean = 0.0
        self._rebuild(self._mid_ticks)
        self._clear_changes()

    def __iter__(self) -> Iterator[StampedFrame]:
        """Yield a snapshot, then diffs, quotes and prints without end."""
        yield StampedFrame(self._now_ns, self.snapshot())
        while True:
            yield self._next()

    def snapshot(self) -> bytes:
        """Return the whole book as a REST depth answer would give it, at the last update id that was sent."""
        self._clear_changes()
        bids = self._levels(self._bids, sorted(self._bids, reverse=True))
        asks = self._levels(self._asks, sorted(self._asks))
        return b'{"lastUpdateId":%d,"bids":[%b],"asks":[%b]}' % (self._update_id, bids.encode(), asks.encode())

    def _next(self) -> StampedFrame:
        gap_s = self._rng.expovariate(self._rate)
        self._now_ns += max(1_000, int(gap_s * 1e9))
        mid = self._path.advance(gap_s)
        self._lean += (self._path.drift - self._lean) * min(1.0, gap_s)
        self._move_to(max(_MID_TICKS_MIN, round(mid / self._tick)))
        draw = self._rng.random()
        if draw < _DEPTH_SHARE:
            return StampedFrame(self._now_ns, self._depth())
        if draw < _DEPTH_SHARE + _QUOTE_SHARE:
            return StampedFrame(self._now_ns, self._quote())
        return StampedFrame(self._now_ns, self._trade())

    # -- the book ----------------------------------------------------------------------------------------------------

    def _quantity(self, median: float) -> int:
        """Lots of a fresh level."""
        return (int(self._level_sizes(median)) or 1) * self._lots_per_step

    def _medians(self) -> tuple[float, float]:
        """Median steps of a bid and of an ask: more on the side the regime leans to, so that imbalance informs."""
        tilt = exp(_TILT * self._lean)
        return _MEDIAN_STEPS * tilt, _MEDIAN_STEPS / tilt

    def _rebuild(self, mid_ticks: int) -> None:
        self._mid_ticks = mid_ticks
        bid_median, ask_median = self._medians()
        for distance in range(1, _LEVELS + 1):
            self._set(self._bids, self._changed_bids, mid_ticks - distance, self._quantity(bid_median))
            self._set(self._asks, self._changed_asks, mid_ticks + distance, self._quantity(ask_median))

    def _set(self, side: dict[int, int], changed: set[int], price_ticks: int, lots: int) -> None:
        if lots:
            side[price_ticks] = lots
        elif side.pop(price_ticks, None) is None:
            return
        changed.add(price_ticks)
        self._update_id += 1

    def _move_to(self, mid_ticks: int) -> None:
        """Shift the touch with the mid: levels it passed vanish, fresh ones appear, some in between change."""
        self._mid_ticks = mid_ticks
        bids, asks, reach = self._bids, self._asks, 2 * _LEVELS
        gone_bids = [price for price in bids if price >= mid_ticks or price < mid_ticks - reach]
        gone_asks = [price for price in asks if price <= mid_ticks or price > mid_ticks + reach]
        for side, changed, gone in ((bids, self._changed_bids, gone_bids), (asks, self._changed_asks, gone_asks)):
            for price in gone:
                del side[price]
            changed.update(gone)
        update_id = self._update_id + len(gone_bids) + len(gone_asks)
        bid_median, ask_median = self._medians()
        random, size, lots = self._rng.random, self._level_sizes, self._lots_per_step
        sides = ((bids, self._changed_bids.add, -1, bid_median), (asks, self._changed_asks.add, 1, ask_median))
        far = _TOUCH_LEVELS + int(random() * (_LEVELS + 1 - _TOUCH_LEVELS))
        for side, change, away, median in sides:
            for distance in (*_TOUCH, far):
                price = mid_ticks + away * distance
                if price not in side or random() < _CHANGE_SHARE:
                    side[price] = (int(size(median)) or 1) * lots
                    change(price)
                    update_id += 1
        self._update_id = update_id

    def _clear_changes(self) -> None:
        self._changed_bids.clear()
        self._changed_asks.clear()
        self._first_change_id = self._update_id + 1

    # -- the frames --------------------------------------------------------------------------------------------------

    def _levels(self, side: dict[int, int], prices: list[int]) -> str:
        price_of, qty_of, held = self._prices, self._quantities, side.get
        return ",".join([f'["{price_of(price)}","{qty_of(held(price, 0))}"]' for price in prices])

    def _wrap(self, stream: str, data: str) -> bytes:
        return f'{{"stream":"{self._instrument.symbol.lower()}@{stream}","data":{data}}}'.encode()

    def _depth(self) -> bytes:
        if self._first_change_id > self._update_id:
            self._update_id += 1  # the venue numbers changes that do not show, too
        bids = self._levels(self._bids, sorted(self._changed_bids, reverse=True))
        asks = self._levels(self._asks, sorted(self._changed_asks))
        data = (
            f'{{"e":"depthUpdate","E":{self._now_ns // 1_000_000},"s":"{self._instrument.symbol}",'
            f'"U":{self._first_change_id},"u":{self._update_id},"b":[{bids}],"a":[{asks}]}}'
        )
        self._clear_changes()
        return self._wrap("depth@100ms", data)

    def _quote(self) -> bytes:
        bid, ask = max(self._bids), min(self._asks)
        return self._wrap(
            "bookTicker",
            f'{{"u":{self._update_id},"s":"{self._instrument.symbol}","b":"{self._prices(bid)}",'
            f'"B":"{self._quantities(self._bids[bid])}","a":"{self._prices(ask)}","A":"{self._quantities(self._asks[ask])}"}}',
        )

    def _trade(self) -> bytes:
        buyer_is_taker = self._rng.random() < 0.5 + 0.25 * max(-1.0, min(1.0, self._lean))
        side = self._asks if buyer_is_taker else self._bids
        changed = self._changed_asks if buyer_is_taker else self._changed_bids
        price = min(side) if buyer_is_taker else max(side)
        lots = min(side[price], (int(self._trade_sizes(_MEDIAN_TRADE_STEPS)) or 1) * self._lots_per_step)
        self._set(side, changed, price, side[price] - lots)
        stamp = self._now_ns // 1_000_000
        trade_id, self._trade_id = self._trade_id, self._trade_id + 1
        frame = self._wrap(
            "trade",
            f'{{"e":"trade","E":{stamp},"s":"{self._instrument.symbol}","t":{trade_id},"p":"{self._prices(price)}",'
            f'"q":"{self._quantities(lots)}","T":{stamp},"m":{"false" if buyer_is_taker else "true"},"M":true}}',
        )
        if not side:
            self._rebuild(self._mid_ticks)
        return frame
