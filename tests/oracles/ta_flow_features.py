"""Slow twins of the features of quotes and trades: each from its definition, whole windows every time."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence

from oracles.ta_bar_features import exponential
from oracles.ta_walks import Row, Scale

NAN = math.nan
Quote = tuple[int, int, int, int]
TopTwin = Callable[[Sequence[Row], Scale], list[float]]
TradeTwin = Callable[[Sequence[Row], Sequence[Row | None], Scale], list[float]]


def _best(top: Row) -> Quote:
    """Bid, bid quantity, ask, ask quantity."""
    return top[0], top[5], top[10], top[15]


def _each(value: Callable[[Row, Scale], float]) -> TopTwin:
    return lambda tops, scale: [value(top, scale) for top in tops]


def _imbalance(levels: int) -> Callable[[Row, Scale], float]:
    def value(top: Row, _: Scale) -> float:
        bid, ask = sum(top[5 : 5 + min(levels, top[20])]), sum(top[15 : 15 + min(levels, top[21])])
        return (bid - ask) / (bid + ask)

    return value


def _microprice_offset(top: Row, scale: Scale) -> float:
    bid, bid_qty, ask, ask_qty = _best(top)
    # Twice the numerator in whole ticks, so that nothing cancels.
    return (
        (2 * (ask * bid_qty + bid * ask_qty) - (ask + bid) * (bid_qty + ask_qty))
        * scale.tick_size
        / (2 * (bid_qty + ask_qty))
    )


def _on_changes(tops: Sequence[Row], value: Callable[[list[Quote]], float]) -> list[float]:
    """Value of the list of distinct consecutive quotes after each top; repeats keep the last value."""
    quotes: list[Quote] = []
    series = []
    now = NAN
    for top in tops:
        if not quotes or _best(top) != quotes[-1]:
            quotes.append(_best(top))
            now = value(quotes)
        series.append(now)
    return series


def order_flow(before: Quote, now: Quote) -> int:
    """e_n of Cont, Kukanov and Stoikov (2014), in lots."""
    return (
        (now[1] if now[0] >= before[0] else 0)
        - (before[1] if now[0] <= before[0] else 0)
        - (now[3] if now[2] <= before[2] else 0)
        + (before[3] if now[2] >= before[2] else 0)
    )


def _ofi(events: int) -> TopTwin:
    def value(quotes: list[Quote]) -> float:
        last = quotes[-events - 1 :]
        if len(last) <= events:
            return NAN
        return float(sum(order_flow(a, b) for a, b in itertools.pairwise(last)))

    return lambda tops, scale: [x * scale.lot_size for x in _on_changes(tops, value)]


Level = tuple[int, int]


def _levels(top: Row) -> tuple[list[Level], list[Level]]:
    """Price and quantity of five bids and five asks; an absent one lies beyond all others and holds nothing."""
    bids = [(top[i], top[5 + i]) if i < top[20] else (0, 0) for i in range(5)]
    asks = [(top[10 + i], top[15 + i]) if i < top[21] else (2**62, 0) for i in range(5)]
    return bids, asks


def _ofi_levels(tops: Sequence[Row], scale: Scale) -> list[float]:
    books: list[tuple[list[Level], list[Level]]] = []
    flows: list[int] = []
    series = []
    for top in tops:
        if not books or _levels(top) != books[-1]:
            books.append(_levels(top))
            if len(books) > 1:
                sides = zip(*books[-2], *books[-1], strict=True)
                flows.append(sum(order_flow((*b, *a), (*bid, *ask)) for b, a, bid, ask in sides))
        series.append(sum(flows[-50:]) * scale.lot_size if len(flows) >= 50 else NAN)
    return series


def _mid_trend(tops: Sequence[Row], _: Scale) -> list[float]:
    quotes: list[Quote] = []
    _on_changes(tops, lambda seen: quotes.append(seen[-1]) or NAN)
    both = [float(q[0] + q[2]) for q in quotes]
    squares = [NAN] + [(b - a) ** 2 for a, b in itertools.pairwise(both)]
    fast, slow, variance = exponential(both, 20), exponential(both, 100), exponential(squares, 100)
    trend = [
        NAN if math.isnan(v) else (f - s) / math.sqrt(v) if v > 0 else 0.0
        for f, s, v in zip(fast, slow, variance, strict=True)
    ]
    count = iter(range(len(tops)))
    return _on_changes(tops, lambda _seen: trend[next(count)])


def _trade_windows(trades: Sequence[Row], need: int, value: Callable[[Sequence[Row]], float]) -> list[float]:
    """Apply `value` to the last `need` trades."""
    return [value(trades[i + 1 - need : i + 1]) if i + 1 >= need else NAN for i in range(len(trades))]


def _signed(trade: Row) -> int:
    return -trade[1] if trade[2] else trade[1]


def _covariance(x: Sequence[int], y: Sequence[int]) -> int:
    """n^2 times the population covariance, exact."""
    return len(x) * sum(a * b for a, b in zip(x, y, strict=True)) - sum(x) * sum(y)


def _kyle(trades: Sequence[Row], _: Sequence[Row | None], scale: Scale) -> list[float]:
    def value(window: Sequence[Row]) -> float:
        changes = [b[0] - a[0] for a, b in itertools.pairwise(window)]
        flow = [_signed(trade) for trade in window[1:]]
        spread = _covariance(flow, flow)
        return _covariance(changes, flow) / spread * (scale.tick_size / scale.lot_size) if spread else 0.0

    return _trade_windows(trades, 51, value)


def _roll(trades: Sequence[Row], _: Sequence[Row | None], scale: Scale) -> list[float]:
    def value(window: Sequence[Row]) -> float:
        changes = [b[0] - a[0] for a, b in itertools.pairwise(window)]
        covariance = _covariance(changes[1:], changes[:-1]) / 400
        return 2 * math.sqrt(-covariance) * scale.tick_size if covariance < 0 else 0.0

    return _trade_windows(trades, 22, value)


def _trade_imbalance(trades: Sequence[Row], _: Sequence[Row | None], __: Scale) -> list[float]:
    return _trade_windows(trades, 50, lambda w: sum(_signed(t) for t in w) / sum(t[1] for t in w))


def _trade_rate(trades: Sequence[Row], _: Sequence[Row | None], __: Scale) -> list[float]:
    series, stamps = [], []
    for trade in trades:
        # A stamp behind the last one counts as the same instant.
        stamps.append(max([trade[3], *stamps[-1:]]))
        rate = math.fsum(math.exp(-(stamps[-1] - ts) / 10e9) for ts in stamps) / 10
        series.append(rate if len(stamps) >= 50 else NAN)
    return series


def _effective_spread(trades: Sequence[Row], tops: Sequence[Row | None], _: Scale) -> list[float]:
    spreads, places = [], []
    for i, (trade, top) in enumerate(zip(trades, tops, strict=True)):
        if top is not None:
            mid = (top[0] + top[10]) / 2
            spreads.append((-2 if trade[2] else 2) * (2 * trade[0] - top[0] - top[10]) / 2 / mid)
            places.append(i)
    series = [NAN] * len(trades)
    for i, value in zip(places, exponential(spreads, 50), strict=True):
        series[i] = value
    return series


# Of the tests: smaller than most trades of the seeded markets, and far smaller than the largest.
BUCKET_LOTS = 700


def _vpin(trades: Sequence[Row], _: Sequence[Row | None], __: Scale) -> list[float]:
    """Each lot goes into its bucket: whole buckets of one side at once where there are many."""
    full: list[int] = []
    room, signed, series = BUCKET_LOTS, 0, []
    for trade in trades:
        side, left = -1 if trade[2] else 1, trade[1]
        while left >= room:
            full.append(abs(signed + side * room))
            left, room, signed = left - room, BUCKET_LOTS, 0
            if left > 200 * BUCKET_LOTS:
                left = 200 * BUCKET_LOTS + left % BUCKET_LOTS
        room, signed = room - left, signed + side * left
        series.append(sum(full[-50:]) / (50 * BUCKET_LOTS) if len(full) >= 50 else NAN)
    return series


TOP_TWINS: dict[str, TopTwin] = {
    "relative_spread": _each(lambda top, _: (top[10] - top[0]) / ((top[10] + top[0]) / 2)),
    "queue_imbalance": _each(_imbalance(1)),
    "depth_imbalance_5": _each(_imbalance(5)),
    "microprice_offset": _each(_microprice_offset),
    "ofi_50": _ofi(50),
    "ofi_100": _ofi(100),
    "ofi_levels_50": _ofi_levels,
    "mid_trend": _mid_trend,
}

TRADE_TWINS: dict[str, TradeTwin] = {
    "trade_imbalance_50": _trade_imbalance,
    "vpin_50": _vpin,
    "kyle_lambda_50": _kyle,
    "roll_spread_20": _roll,
    "trade_rate": _trade_rate,
    "effective_spread_50": _effective_spread,
}
