"""What goes out on the futures' market streams, and when.

Trades, best prices and liquidations go out as they happen; books, bars, tickers and mark prices when they are due:
`tick` is called ten times a second.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from bot4.adapters.simulator.futures.market import payloads
from bot4.adapters.simulator.futures.market.stream_names import FuturesStream, Stream, parse_stream
from bot4.adapters.simulator.market import tickers
from bot4.adapters.simulator.market.depth_diffs import DiffCollector
from bot4.adapters.simulator.market.publisher import TICK_MS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bot4.adapters.simulator.futures.market.perpetual import PerpetualMarket
    from bot4.adapters.simulator.market.bars import Bar
    from bot4.adapters.simulator.market.hub import Hub
    from bot4.adapters.simulator.market.market import BestPrices, Market
    from bot4.adapters.simulator.market.publisher import Shaper
    from bot4.adapters.simulator.market.trades import AggTrade, Trade

    Render = Callable[[int], bytes]

_PERIODS_MS = (100, 250, 500)
_USUAL_MS = 250
_MS = 1_000_000


class FuturesPublisher:
    """Streams of all contracts. Belongs to the event loop's thread.

    Parameters
    ----------
    hub : Hub
    markets : mapping of str to PerpetualMarket
    shape : callable
        What sends diffs of books: the hub's `publish`, or what makes faults of it.
    now_ns : callable
        Server time.

    """

    def __init__(
        self, hub: Hub, markets: Mapping[str, PerpetualMarket], shape: Shaper, now_ns: Callable[[], int]
    ) -> None:
        self._hub = hub
        self._markets = markets
        self._shape = shape
        self._diffs = {
            (name, period): DiffCollector(market.update_id, market.contract.price_text, market.contract.qty_text)
            for name, market in markets.items()
            for period in _PERIODS_MS
        }
        self._now_ns = now_ns
        self._best: dict[str, BestPrices] = {}
        self._told_ids: dict[str, int] = {}
        self._open_bars: dict[str, int] = {}

    def trade(self, market: Market, trade: Trade) -> None:
        """Publish a trade."""
        contract = self._markets[market.symbol.name].contract
        self._hub.publish(
            f"{contract.name.lower()}@trade", lambda unit: orjson.dumps(payloads.trade(contract, trade, unit))
        )

    def aggregate(self, market: Market, item: AggTrade | None) -> None:
        """Publish an aggregate trade that ended."""
        if item is not None:
            contract = self._markets[market.symbol.name].contract
            self._hub.publish(
                f"{contract.name.lower()}@aggTrade", lambda unit: orjson.dumps(payloads.aggregate(contract, item, unit))
            )

    def book_changed(self, market: Market) -> None:
        """Publish the best prices if they are others than before."""
        name = market.symbol.name
        streams = [stream for stream in (f"{name.lower()}@bookTicker", "!bookTicker") if self._hub.has(stream)]
        best = market.best() if streams else None
        if best is None or self._best.get(name) == best:
            return
        self._best[name] = best
        held, now_ns = self._markets[name], self._now_ns()
        for stream in streams:
            self._hub.publish(stream, lambda unit: orjson.dumps(payloads.book_ticker(held, now_ns, unit)))

    def liquidation(self, name: str, render: Callable[[int], dict[str, object]]) -> None:
        """Publish an order that closed a liquidated position."""
        for stream in (f"{name.lower()}@forceOrder", "!forceOrder@arr"):
            self._hub.publish(stream, lambda unit: orjson.dumps(render(unit)))

    def tick(self, count: int, now_ns: int) -> None:
        """Publish what is due; `count` is of ticks so far, `now_ns` the server's time."""
        due_ms = count * TICK_MS
        for name, market in self._markets.items():
            update_id, changes = market.take_changes()
            for period in _PERIODS_MS:
                diffs = self._diffs[name, period]
                diffs.add(changes, update_id)
                if _is_due(due_ms, period):
                    self._send_diff(market, period, diffs, now_ns)
            market.at(now_ns // _MS)
        for stream_name in self._hub.names():
            stream = parse_stream(stream_name)
            if stream is None or stream.period_ms == 0 or not _is_due(due_ms, stream.period_ms):
                continue
            if stream.symbol in self._markets:
                self._of_one(stream, self._markets[stream.symbol], now_ns)
            elif not stream.symbol:
                self._of_all(stream, now_ns)

    def _send_diff(self, market: PerpetualMarket, period: int, diffs: DiffCollector, now_ns: int) -> None:
        name = market.contract.name
        names = [f"{name.lower()}@depth@{period}ms"]
        if period == _USUAL_MS:
            names.append(f"{name.lower()}@depth")
        heard = [stream for stream in names if self._hub.has(stream)]
        diff = diffs.take_for(heard)
        if diff is None:
            return
        ids = market.shown_id(diff.first_id), market.shown_id(diff.last_id), market.shown_id(diff.first_id - 1)

        def render(unit: int) -> bytes:
            return orjson.dumps(payloads.depth_update(name, ids, (diff.bids, diff.asks), now_ns, unit))

        for stream in heard:
            self._shape(stream, render)

    def _of_one(self, stream: Stream, market: PerpetualMarket, now_ns: int) -> None:
        match stream.kind:
            case FuturesStream.DEPTH:
                return  # sent with the changes of its market
            case FuturesStream.PARTIAL_DEPTH:
                self._partial(stream, market, now_ns)
            case FuturesStream.KLINE | FuturesStream.CONTINUOUS_KLINE:
                self._kline(stream, market, now_ns)
            case _:
                render = _row_of(stream.kind, market, now_ns)
                self._hub.publish(stream.name, lambda unit: orjson.dumps(render(unit)))

    def _of_all(self, stream: Stream, now_ns: int) -> None:
        rows = [_row_of(stream.kind, market, now_ns) for market in self._markets.values()]
        self._hub.publish(stream.name, lambda unit: orjson.dumps([render(unit) for render in rows]))

    def _partial(self, stream: Stream, market: PerpetualMarket, now_ns: int) -> None:
        update_id, bids, asks = market.book(stream.levels)
        before = self._told_ids.get(stream.name, update_id)
        if before == update_id and stream.name in self._told_ids:
            return
        self._told_ids[stream.name] = update_id
        ids = update_id, update_id, before
        name = market.contract.name
        self._hub.publish(
            stream.name, lambda unit: orjson.dumps(payloads.depth_update(name, ids, (bids, asks), now_ns, unit))
        )

    def _kline(self, stream: Stream, market: PerpetualMarket, now_ns: int) -> None:
        bars, interval = market.bars, stream.interval
        latest = bars.latest(interval)
        if latest is None:
            return
        before = self._open_bars.get(stream.name)
        self._open_bars[stream.name] = latest.open_ms
        if before is not None and before != latest.open_ms:
            closed = bars.finished(interval, before)
            if closed is not None:
                self._send_bar(stream, market, closed, now_ns, is_closed=True)
        self._send_bar(stream, market, latest, now_ns, is_closed=False)

    def _send_bar(self, stream: Stream, market: PerpetualMarket, bar: Bar, now_ns: int, *, is_closed: bool) -> None:
        contract = market.contract

        def render(unit: int) -> bytes:
            fields = payloads.bar_fields(contract, stream.interval, bar, unit, is_closed=is_closed)
            if stream.kind is FuturesStream.KLINE:
                return orjson.dumps({"e": "kline", "E": now_ns // unit, "s": contract.name, "k": fields})
            del fields["s"]
            head = {"e": "continuous_kline", "E": now_ns // unit, "ps": contract.name, "ct": "PERPETUAL"}
            return orjson.dumps(head | {"k": fields})

        self._hub.publish(stream.name, render)


def _is_due(due_ms: int, period_ms: int) -> bool:
    """Whether a period ended since the tick before."""
    return due_ms // period_ms != (due_ms - TICK_MS) // period_ms


def _row_of(kind: FuturesStream, market: PerpetualMarket, now_ns: int) -> Callable[[int], dict[str, object]]:
    contract = market.contract
    if kind is FuturesStream.MARK_PRICE:
        return lambda unit: payloads.mark_price(market, now_ns, unit)
    stats, last_qty = tickers.day(market.bars, now_ns // _MS), market.last_qty
    if kind is FuturesStream.MINI_TICKER:
        return lambda unit: payloads.mini_ticker(contract, stats, now_ns, unit)
    return lambda unit: payloads.ticker(contract, stats, last_qty, now_ns, unit)
