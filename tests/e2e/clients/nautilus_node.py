"""A live node of nautilus_trader against the addresses given: quotes, book, an order placed and cancelled, one bought.

    python nautilus_node.py spot|usdm REST_URL WEBSOCKET_URL API_KEY API_SECRET

On the futures what was bought is sold again by an order that may only reduce. The last line of its output is what
it saw, as JSON.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from datetime import timedelta
from decimal import Decimal

from nautilus_trader.adapters.binance import (
    BINANCE,
    BinanceAccountType,
    BinanceDataClientConfig,
    BinanceExecClientConfig,
    BinanceLiveDataClientFactory,
    BinanceLiveExecClientFactory,
)
from nautilus_trader.config import InstrumentProviderConfig, LiveExecEngineConfig, LoggingConfig, TradingNodeConfig
from nautilus_trader.live.node import TradingNode
from nautilus_trader.model.enums import OrderSide
from nautilus_trader.model.identifiers import InstrumentId, TraderId
from nautilus_trader.trading.config import StrategyConfig
from nautilus_trader.trading.strategy import Strategy

PATIENCE = timedelta(seconds=40)
MARKETS = {
    "spot": (BinanceAccountType.SPOT, InstrumentId.from_str("BTCUSDT.BINANCE")),
    "usdm": (BinanceAccountType.USDT_FUTURES, InstrumentId.from_str("BTCUSDT-PERP.BINANCE")),
}


class Script(Strategy):
    """Rests a bid far below the market, cancels it, buys at the market (and closes it), and stops the node."""

    def __init__(self, node: TradingNode, market: str) -> None:
        super().__init__(StrategyConfig(strategy_id="S-1"))
        self.node = node
        self.symbol = MARKETS[market][1]
        self.closes = market == "usdm"
        self.seen: Counter[str] = Counter()
        self.filled: list[dict[str, str]] = []
        self.positions: list[str] = []
        self.resting = None

    def on_start(self) -> None:
        self.instrument = self.cache.instrument(self.symbol)
        self.qty = self.instrument.make_qty(Decimal("0.01"))
        self.subscribe_quote_ticks(self.symbol)
        self.subscribe_order_book_deltas(self.symbol)
        self.clock.set_time_alert("end", self.clock.utc_now() + PATIENCE, lambda _: self.node.stop())

    def on_order_book_deltas(self, _deltas) -> None:
        self.seen["deltas"] += 1

    def on_quote_tick(self, tick) -> None:
        self.seen["quotes"] += 1
        if self.resting is None:
            price = self.instrument.make_price(tick.bid_price.as_decimal() * Decimal("0.9"))
            self.resting = self.order_factory.limit(self.symbol, OrderSide.BUY, self.qty, price)
            self.submit_order(self.resting)

    def on_order_event(self, event) -> None:
        self.seen[type(event).__name__] += 1

    def on_order_accepted(self, event) -> None:
        if event.client_order_id == self.resting.client_order_id:
            self.cancel_order(self.resting)

    def on_order_canceled(self, _event) -> None:
        self.submit_order(self.order_factory.market(self.symbol, OrderSide.BUY, self.qty))

    def on_order_filled(self, event) -> None:
        self.filled.append(
            {
                "trade_id": event.trade_id.value,
                "qty": str(event.last_qty),
                "price": str(event.last_px),
                "fee": str(event.commission.as_decimal()),
            }
        )
        if not self.cache.order(event.client_order_id).is_closed:
            return
        if self.closes and event.order_side == OrderSide.BUY:
            closing = self.order_factory.market(self.symbol, OrderSide.SELL, self.qty, reduce_only=True)
            self.submit_order(closing)
        else:
            self.clock.set_time_alert("done", self.clock.utc_now() + timedelta(seconds=1), lambda _: self.node.stop())

    def on_position_event(self, event) -> None:
        self.positions.append(f"{type(event).__name__} {event.signed_qty:g}")


def main(market: str, rest: str, websocket: str, key: str, secret: str) -> None:
    """Run the node until its order is filled, or patience ends."""
    client = {
        "base_url_http": rest,
        "base_url_ws": websocket,
        "api_key": key,
        "api_secret": secret,
        "account_type": MARKETS[market][0],
        "instrument_provider": InstrumentProviderConfig(load_all=True),
    }
    node = TradingNode(
        config=TradingNodeConfig(
            trader_id=TraderId("T-001"),
            logging=LoggingConfig(log_level="WARNING"),
            exec_engine=LiveExecEngineConfig(reconciliation=True),
            data_clients={BINANCE: BinanceDataClientConfig(**client)},
            exec_clients={BINANCE: BinanceExecClientConfig(**client)},
        )
    )
    script = Script(node, market)
    node.trader.add_strategy(script)
    node.add_data_client_factory(BINANCE, BinanceLiveDataClientFactory)
    node.add_exec_client_factory(BINANCE, BinanceLiveExecClientFactory)
    node.build()
    try:
        node.run()
    finally:
        node.dispose()
    sys.stdout.write(
        "\n" + json.dumps({"seen": script.seen, "filled": script.filled, "positions": script.positions}) + "\n"
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
