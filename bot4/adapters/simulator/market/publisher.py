"""What goes out on the market streams, and when.

Trades and best prices go out as they happen; books, bars and tickers when they are due: `tick` is called ten times a
second.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import orjson

from bot4.adapters.simulator.market import payloads, tickers
from bot4.adapters.simulator.market.calendar import length_ms
from bot4.adapters.simulator.market.depth_diffs import DiffCollector
from bot4.adapters.simulator.wire.decimals import format_e8
from bot4.adapters.simulator.wire.stream_names import Stream, StreamKind, parse_stream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from bot4.adapters.simulator.market.bars import Bar
    from bot4.adapters.simulator.market.hub import Hub
    from bot4.adapters.simulator.market.market import BestPrices, Market
    from bot4.adapters.simulator.market.tickers import Statistics
    from bot4.adapters.simulator.market.trades import AggTrade, Trade

    # Takes a stream's name and a diff's rendering, sends it now, later, twice or never.
    Shaper = Callable[[str, Callable[[int], bytes]], None]

TICK_MS = 100
_SECOND_MS = 1_000
_BAR_MS = 2_000
_MS = 1_000_000
_UTC8_MS = 8 * 3_600_000
_NEVER = -1


class News(Protocol):
    """Who is told what happens on a market."""

    def trade(self, market: Market, trade: Trade) -> None:
        """Take a trade."""

    def aggregate(self, market: Market, item: AggTrade | None) -> None:
        """Take an aggregate trade that ended."""

    def book_changed(self, market: Market) -> None:
        """Take note that a book may be another than before."""


class Publisher:
    """Streams of all markets. Belongs to the event loop's thread.

    Parameters
    ----------
    hub : Hub
    markets : mapping of str to Market
    shape : callable
        What sends diffs of books: the hub's `publish`, or what makes faults of it.

    """

    def __init__(self, hub: Hub, markets: Mapping[str, Market], shape: Shaper) -> None:
        self._hub = hub
        self._markets = markets
        self._shape = shape
        self._fast = {name: DiffCollector(market.update_id) for name, market in markets.items()}
        self._slow = {name: DiffCollector(market.update_id) for name, market in markets.items()}
        self._best: dict[str, BestPrices] = {}
        self._open_bars: dict[str, int] = {}
        self._traded: dict[str, int] = dict.fromkeys(markets, _NEVER)

    def trade(self, market: Market, trade: Trade) -> None:
        """Publish a trade."""
        name = market.symbol.name
        self._hub.publish(f"{name.lower()}@trade", lambda unit: orjson.dumps(payloads.trade(name, trade, unit)))

    def aggregate(self, market: Market, item: AggTrade | None) -> None:
        """Publish an aggregate trade that ended."""
        if item is not None:
            name = market.symbol.name
            self._hub.publish(
                f"{name.lower()}@aggTrade", lambda unit: orjson.dumps(payloads.aggregate(name, item, unit))
            )

    def book_changed(self, market: Market) -> None:
        """Publish the best prices if they are others than before."""
        name = market.symbol.name
        stream = f"{name.lower()}@bookTicker"
        if not self._hub.has(stream):
            return
        best = market.best()
        if self._best.get(name) == best:
            return
        self._best[name] = best
        tick, step = market.symbol.tick, market.symbol.step
        payload = orjson.dumps(
            {
                "u": market.update_id,
                "s": name,
                "b": format_e8(best.bid_ticks * tick),
                "B": format_e8(best.bid_lots * step),
                "a": format_e8(best.ask_ticks * tick),
                "A": format_e8(best.ask_lots * step),
            }
        )
        self._hub.publish(stream, lambda _unit: payload)

    def tick(self, count: int, now_ns: int) -> None:
        """Publish what is due.

        Parameters
        ----------
        count : int
            Of ticks so far: every tenth is a whole second.
        now_ns : int
            Server time.

        """
        due_ms = count * TICK_MS
        is_second = due_ms % _SECOND_MS == 0
        for name, market in self._markets.items():
            update_id, changes = market.take_changes()
            self._fast[name].add(changes, update_id)
            self._slow[name].add(changes, update_id)
            depth = f"{name.lower()}@depth"
            self._diff(market, self._fast[name], (f"{depth}@100ms",), now_ns)
            if is_second:
                self._diff(market, self._slow[name], (depth, f"{depth}@1000ms"), now_ns)
            market.at(now_ns // _MS)
        for stream in self._streams():
            if stream.kind is StreamKind.PARTIAL_DEPTH:
                if due_ms % stream.period_ms == 0:
                    self._partial(stream)
            elif stream.kind is StreamKind.KLINE:
                self._kline(stream, due_ms, now_ns)
            elif is_second:
                self._second(stream, now_ns)

    def _streams(self) -> Iterable[Stream]:
        for name in self._hub.names():
            stream = parse_stream(name)
            if stream is not None and (not stream.symbol or stream.symbol in self._markets):
                yield stream

    def _diff(self, market: Market, diffs: DiffCollector, streams: Iterable[str], now_ns: int) -> None:
        heard = [stream for stream in streams if self._hub.has(stream)]
        diff = diffs.take_for(heard)
        if diff is None:
            return
        message, name = diff, market.symbol.name
        for stream in heard:
            self._shape(stream, lambda unit: orjson.dumps(payloads.depth_update(name, message, now_ns, unit)))

    def _partial(self, stream: Stream) -> None:
        update_id, bids, asks = self._markets[stream.symbol].book(stream.levels)
        payload = orjson.dumps({"lastUpdateId": update_id, "bids": bids, "asks": asks})
        self._hub.publish(stream.name, lambda _unit: payload)

    def _kline(self, stream: Stream, due_ms: int, now_ns: int) -> None:
        interval, _, zone = stream.argument.partition("@")
        shift_ms = _UTC8_MS if zone else 0
        bars = self._markets[stream.symbol].bars
        latest = bars.latest(interval, shift_ms)
        if latest is None:
            return
        before = self._open_bars.get(stream.name)
        if before is not None and before != latest.open_ms:
            closed = bars.finished(interval, before, shift_ms)
            if closed is not None:
                self._send_bar(stream, interval, closed, now_ns, is_closed=True)
        period_ms = _SECOND_MS if interval == "1s" else _BAR_MS
        if due_ms % period_ms == 0:
            self._open_bars[stream.name] = latest.open_ms
            if interval != "1s":  # a running second is told of when it is over
                self._send_bar(stream, interval, latest, now_ns, is_closed=False)
        elif before is not None:
            self._open_bars[stream.name] = latest.open_ms

    def _send_bar(self, stream: Stream, interval: str, bar: Bar, now_ns: int, *, is_closed: bool) -> None:
        self._hub.publish(
            stream.name,
            lambda unit: orjson.dumps(payloads.kline(stream.symbol, interval, bar, now_ns, unit, is_closed=is_closed)),
        )

    def _second(self, stream: Stream, now_ns: int) -> None:
        kind, now_ms = stream.kind, now_ns // _MS
        if kind in {StreamKind.MINI_TICKERS, StreamKind.WINDOW_TICKERS}:
            self._all_markets(stream, now_ns)
            return
        market = self._markets.get(stream.symbol)
        if market is None:
            return
        name = market.symbol.name
        if kind is StreamKind.MINI_TICKER:
            stats = tickers.day(market.bars, now_ms)
            self._hub.publish(stream.name, lambda unit: orjson.dumps(payloads.mini_ticker(name, stats, now_ns, unit)))
        elif kind is StreamKind.TICKER:
            stats, quotes, last_qty = tickers.day(market.bars, now_ms), market.best_prices(), market.last_qty
            self._hub.publish(
                stream.name,
                lambda unit: orjson.dumps(
                    payloads.ticker(name, stats, last_qty=last_qty, quotes=quotes, at_ns=now_ns, unit=unit)
                ),
            )
        elif kind is StreamKind.WINDOW_TICKER:
            stats = tickers.rolling(market.bars, length_ms(stream.argument), now_ms)
            event = f"{stream.argument}Ticker"
            self._hub.publish(
                stream.name, lambda unit: orjson.dumps(payloads.window_ticker(name, event, stats, now_ns, unit))
            )
        elif kind is StreamKind.AVG_PRICE:
            price, last_ns = market.average_price(5, now_ns), market.last_trade_ns
            self._hub.publish(
                stream.name, lambda unit: orjson.dumps(payloads.average_price(name, price, last_ns, now_ns, unit))
            )
        elif kind is StreamKind.REFERENCE_PRICE:
            self._hub.publish(
                stream.name,
                lambda unit: orjson.dumps({"e": "referencePrice", "s": name, "r": None, "t": now_ns // unit}),
            )

    def _all_markets(self, stream: Stream, now_ns: int) -> None:
        changed = []
        for name, market in self._markets.items():
            last = market.tape.trades[-1].trade_id if market.tape.trades else _NEVER
            if self._told(stream.name, name, last):
                changed.append(market)
        if not changed:
            return
        length = 24 * 3_600_000 if stream.kind is StreamKind.MINI_TICKERS else length_ms(stream.argument)
        rows: list[tuple[str, Statistics]] = [
            (market.symbol.name, tickers.rolling(market.bars, length, now_ns // _MS)) for market in changed
        ]
        event = f"{stream.argument}Ticker"

        def render(unit: int) -> bytes:
            if stream.kind is StreamKind.MINI_TICKERS:
                return orjson.dumps([payloads.mini_ticker(name, stats, now_ns, unit) for name, stats in rows])
            return orjson.dumps([payloads.window_ticker(name, event, stats, now_ns, unit) for name, stats in rows])

        self._hub.publish(stream.name, render)

    def _told(self, stream: str, symbol: str, trade_id: int) -> bool:
        """Whether a market has traded since this stream told of it; from now on it has told."""
        key = f"{stream} {symbol}"
        if self._traded.get(key) == trade_id:
            return False
        self._traded[key] = trade_id
        return True
