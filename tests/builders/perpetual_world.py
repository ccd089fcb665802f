"""A perpetual of the exchange core, with a rich maker and small traders."""

from __future__ import annotations

from bot4._core.sim.exchange import Exchange
from bot4._core.sim.exchange_types import ExchangeOrderType as Type

BUY, SELL = 0, 1
LIMIT, MARKET = Type.TYPE_LIMIT, Type.TYPE_MARKET
UNIT = 10**8  # atoms of a USDT
MARK = 600_000  # 60,000.0 USDT; a lot is 0.001 BTC, so 60 USDT at that price


class Futures:
    """One perpetual, a rich maker and traders of 1,000 USDT each."""

    def __init__(self, traders: int = 1, **options: object) -> None:
        self.exchange = Exchange(max_orders=256, max_accounts=8, max_symbols=2, max_assets=4)
        btc, self.usdt = self.exchange.add_asset("BTC", 8), self.exchange.add_asset("USDT", 8)
        self.perp = self.exchange.add_perpetual("BTCUSDT", btc, self.usdt, tick_size="0.1", lot_size="0.001", **options)
        self.now_ns = 0
        self.maker = self.exchange.open_account("maker")
        self.exchange.deposit(self.maker, self.usdt, 10**7 * UNIT)
        self.traders = [self.exchange.open_account(str(number)) for number in range(traders)]
        for trader in self.traders:
            self.exchange.deposit(trader, self.usdt, 1_000 * UNIT)
        self.deposited = (10**7 + 1_000 * traders) * UNIT
        self.mark(MARK)

    def later(self) -> int:
        self.now_ns += 1
        return self.now_ns

    def mark(self, price: int) -> int:
        return self.exchange.set_mark(self.perp, price, now_ns=self.later())

    def place(self, account: int, side: int, lots: int, price: int = 0, **more: int) -> tuple[int, int]:
        kind = more.pop("order_type", LIMIT if price else MARKET)
        return self.exchange.place(
            account, self.perp, side, kind, qty_lots=lots, price_ticks=price, now_ns=self.later(), **more
        )

    def algo(self, account: int, side: int, order_type: int, **more: int) -> tuple[int, int]:
        return self.exchange.place_algo(account, self.perp, side, order_type, now_ns=self.later(), **more)

    def trade(self, account: int, side: int, lots: int, price: int = MARK, **more: int) -> None:
        """The account takes what the maker offers."""
        assert self.place(self.maker, 1 - side, lots, price)[0] == 0
        assert self.place(account, side, lots, **more)[0] == 0

    def position(self, account: int) -> tuple[int, int]:
        row = self.exchange.positions(account, self.perp, all_sides=True)[0]
        return row.lots, row.entry_atoms

    def free(self, account: int) -> int:
        return self.exchange.balance(account, self.usdt)[0]

    def reports(self, *kinds: int) -> list:
        return [report for report in self.exchange.take_reports() if report["execution_type"] in kinds]

    def is_conserved(self) -> bool:
        held = [self.position(account)[0] for account in range(len(self.exchange.accounts))]
        return self.exchange.total(self.usdt) == self.deposited and sum(held) == 0
