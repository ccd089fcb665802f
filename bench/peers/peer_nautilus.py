"""nautilus_trader over the quotes of market.py: the same EMA cross, the same order every hundred quotes, the same fees.

    python peer_nautilus.py FOLDER [REPEATS]

Of its 2.x line, or of 1.x where the interpreter is too old for that. Prints one JSON line a run; loading the events
into the engine is not timed.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import nautilus_trader
import numpy as np

IS_FIRST = nautilus_trader.__version__.startswith("1.")
if IS_FIRST:
    from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
    from nautilus_trader.backtest.models import MakerTakerFeeModel
    from nautilus_trader.config import LoggingConfig as LoggerConfig
    from nautilus_trader.config import RiskEngineConfig, StrategyConfig
    from nautilus_trader.indicators import ExponentialMovingAverage
    from nautilus_trader.model.data import QuoteTick
    from nautilus_trader.model.enums import AccountType, OmsType, OrderSide
    from nautilus_trader.model.identifiers import InstrumentId, Symbol, Venue
    from nautilus_trader.model.instruments import CurrencyPair
    from nautilus_trader.model.objects import Currency, Money, Price, Quantity
    from nautilus_trader.trading.strategy import Strategy
else:
    from nautilus_trader.backtest import BacktestEngine, BacktestEngineConfig
    from nautilus_trader.common import LoggerConfig
    from nautilus_trader.execution import MakerTakerFeeModel
    from nautilus_trader.indicators import ExponentialMovingAverage
    from nautilus_trader.model import (
        AccountType,
        Currency,
        CurrencyPair,
        InstrumentId,
        Money,
        OmsType,
        OrderSide,
        Price,
        Quantity,
        QuoteTick,
        Symbol,
        Venue,
    )
    from nautilus_trader.risk import RiskEngineConfig
    from nautilus_trader.trading import Strategy, StrategyConfig

USDT, BTC = Currency.from_str("USDT"), Currency.from_str("BTC")
VENUE = Venue("BINANCE")
ID = InstrumentId(Symbol("BTCUSDT"), VENUE)
QTY = Quantity.from_str("0.100")
MAKER, TAKER = Decimal("0.0002"), Decimal("0.0004")


def instrument() -> CurrencyPair:
    fees = {"maker_fee": MAKER, "taker_fee": TAKER} if IS_FIRST else {}
    return CurrencyPair(
        instrument_id=ID, raw_symbol=Symbol("BTCUSDT"), base_currency=BTC, quote_currency=USDT, price_precision=1,
        size_precision=3, price_increment=Price.from_str("0.5"), size_increment=Quantity.from_str("0.001"),
        ts_event=0, ts_init=0, **fees,
    )  # fmt: skip


class Taker(Strategy):
    """Buys the touch where nothing is held, sells it all where something is."""

    def __init__(self) -> None:
        super().__init__(StrategyConfig())
        self.held = False
        self.sent = 0

    def on_start(self) -> None:
        if IS_FIRST:
            self.subscribe_quote_ticks(ID)
        else:
            self.subscribe_quotes(ID)

    def on_quote(self, quote: QuoteTick) -> None:
        raise NotImplementedError

    def on_quote_tick(self, quote: QuoteTick) -> None:
        self.on_quote(quote)

    def take(self, side: OrderSide) -> None:
        self.sent += 1
        self.submit_order(self.order_factory.market(ID, side, QTY))
        self.held = side == OrderSide.BUY


class Cross(Taker):
    """EMA 10 and 20 of the mid, long or flat; the averages are the library's own."""

    def __init__(self) -> None:
        super().__init__()
        self.fast, self.slow = ExponentialMovingAverage(10), ExponentialMovingAverage(20)
        self.seen = 0

    def on_quote(self, quote: QuoteTick) -> None:
        mid = (quote.bid_price.as_double() + quote.ask_price.as_double()) * 0.5
        self.fast.update_raw(mid)
        self.slow.update_raw(mid)
        self.seen += 1
        if self.seen < 20:
            return
        if self.fast.value >= self.slow.value:
            if not self.held:
                self.take(OrderSide.BUY)
        elif self.held:
            self.take(OrderSide.SELL)


class EveryHundred(Taker):
    """Buys and sells in turn, an order every hundred quotes."""

    def __init__(self) -> None:
        super().__init__()
        self.seen = 0

    def on_quote(self, _quote: QuoteTick) -> None:
        self.seen += 1
        if self.seen % 100 == 0:
            self.take(OrderSide.SELL if self.held else OrderSide.BUY)


def ticks(folder: Path) -> list[QuoteTick]:
    columns = np.load(folder / "quotes.npz")
    rows = zip(*(columns[name].tolist() for name in ("bid", "ask", "bid_lots", "ask_lots", "recv_ns")), strict=True)
    prices: dict[int, Price] = {}
    sizes: dict[int, Quantity] = {}

    def price(value: int) -> Price:
        if value not in prices:
            prices[value] = Price(value / 2, 1)
        return prices[value]

    def size(value: int) -> Quantity:
        if value not in sizes:
            sizes[value] = Quantity.from_str(f"{Decimal(value) / 1000:.3f}")
        return sizes[value]

    return [QuoteTick(ID, price(bid), price(ask), size(bids), size(asks), at, at) for bid, ask, bids, asks, at in rows]


def run(data: list[QuoteTick], strategy: type[Taker] | None) -> tuple[float, Any, int]:
    engine = BacktestEngine(BacktestEngineConfig(
        run_analysis=False, risk_engine=RiskEngineConfig(bypass=True), logging=LoggerConfig(bypass_logging=True),
        **({} if IS_FIRST else {"bypass_logging": True}),
    ))  # fmt: skip
    engine.add_venue(
        venue=VENUE, oms_type=OmsType.NETTING, account_type=AccountType.CASH,
        starting_balances=[Money(1_000_000, USDT), Money(0, BTC)],
        fee_model=MakerTakerFeeModel() if IS_FIRST else MakerTakerFeeModel(MAKER, TAKER),
    )  # fmt: skip
    engine.add_instrument(instrument())
    engine.add_data(data, validate=False)
    made = strategy() if strategy is not None else None
    if made is not None:
        engine.add_strategy(made)
    gc.collect()
    start = time.process_time()
    engine.run()
    taken = time.process_time() - start
    account = engine.cache.account_for_venue(VENUE)
    cash = account.balance_total(USDT).as_decimal()
    sent = made.sent if made is not None else 0
    engine.dispose()
    return taken, cash, sent


def main(words: list[str]) -> int:
    folder, repeats = Path(words[0]), int(words[1]) if len(words) > 1 else 3
    data = ticks(folder)
    names: dict[str, type[Taker] | None] = {
        "quotes, no strategy": None, "EMA cross, Python": Cross, "an order every 100 quotes, Python": EveryHundred,
    }  # fmt: skip
    for name, strategy in names.items():
        found = [run(data, strategy) for _ in range(repeats)]
        seconds = sorted(taken for taken, _, _ in found)[repeats // 2]
        print(json.dumps({
            "engine": f"nautilus_trader {nautilus_trader.__version__}", "run": name, "events": len(data),
            "events_per_s": round(len(data) / seconds), "orders": found[0][2], "cash": f"{found[0][1]:f}",
        }), flush=True)  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
