"""A small exchange: USDT, BTC and ETH of 12 decimals, BTCUSDT, ETHUSDT and ETHBTC, accounts with money."""

from __future__ import annotations

from typing import Any

import numpy as np

from bot4._core.sim.exchange import Exchange
from bot4._core.sim.exchange_dtype import REQUEST_DTYPE, RESULT_DTYPE
from bot4._core.sim.exchange_types import ExecutionType

BUY, SELL = 0, 1
DECIMALS = 12
UNIT = 10**DECIMALS


class Venue:
    """An exchange with a clock that ticks at every request, and its numbers by name."""

    def __init__(self, accounts: int = 3, *, funds: int = 10**6, symbol: dict[str, Any] | None = None, **sizes: int):
        self.exchange = Exchange(
            **{"max_orders": 1024, "max_accounts": 16, "max_assets": 4, "max_symbols": 4, "max_reports": 1 << 15}
            | sizes
        )
        self.usdt, self.btc, self.eth = (self.exchange.add_asset(name, DECIMALS) for name in ("USDT", "BTC", "ETH"))
        options = {"window_ticks": 4096, "far_capacity": 256, "change_capacity": 1024} | (symbol or {})
        add = self.exchange.add_symbol
        self.btcusdt = add("BTCUSDT", self.btc, self.usdt, tick_size="0.01", lot_size="0.00001", **options)
        self.ethusdt = add("ETHUSDT", self.eth, self.usdt, tick_size="0.01", lot_size="0.0001", **options)
        self.ethbtc = add("ETHBTC", self.eth, self.btc, tick_size="0.00001", lot_size="0.0001", **options)
        self.now_ns = 0
        self.accounts = []
        for number in range(accounts):
            account = self.exchange.open_account(f"trader{number}")
            for asset in (self.usdt, self.btc, self.eth):
                assert self.exchange.deposit(account, asset, funds * UNIT) == 0
            self.accounts.append(account)
        self.exchange.clear_reports()

    def place(self, account: int, side: int, order_type: int, **fields: int) -> tuple[int, int]:
        self.now_ns += 1
        symbol = fields.pop("symbol", self.btcusdt)
        return self.exchange.place(account, symbol, side, order_type, now_ns=self.now_ns, **fields)

    def cancel(self, account: int, order_id: int, **fields: int) -> int:
        self.now_ns += 1
        return self.exchange.cancel(account, self.btcusdt, order_id, now_ns=self.now_ns, **fields)

    def reports(self, *kinds: ExecutionType) -> list[np.void]:
        return [report for report in self.exchange.take_reports() if not kinds or report["execution_type"] in kinds]

    def depth(self) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        _, bids, asks = self.exchange.depth(self.btcusdt)
        return tuple([(int(row["price_ticks"]), int(row["qty_lots"])) for row in side] for side in (bids, asks))


def request_rows(rows: list[dict[str, int]]) -> tuple[np.ndarray, np.ndarray]:
    """Request rows, and the array for their outcomes."""
    requests = np.zeros(len(rows), REQUEST_DTYPE)
    for request, row in zip(requests, rows, strict=True):
        for field, value in row.items():
            if field == "quote_atoms":
                request["quote_atoms_low"], request["quote_atoms_high"] = value & (2**64 - 1), value >> 64
            else:
                request[field] = value
    return requests, np.zeros(len(rows), RESULT_DTYPE)
