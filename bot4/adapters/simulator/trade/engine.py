"""The compiled matching engine as the exchange uses it: the only file that calls `bot4._core.sim.exchange`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bot4._core.risk.filters import Filters
from bot4._core.sim.exchange import Exchange
from bot4._core.sim.exchange_types import ListKind, SymbolStatus
from bot4.adapters.simulator.market.market import BestPrices
from bot4.adapters.simulator.trade.report import REPORT_BYTES, Report, read_reports
from bot4.adapters.simulator.wire.decimals import DECIMALS, format_e8

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from bot4.adapters.simulator.accounts import AccountSpec
    from bot4.adapters.simulator.symbols import Symbol
    from bot4.adapters.simulator.trade.order_row import OrderRow

MAX_ORDERS = 1 << 16
MAX_REPORTS = 1 << 18
LIST_KINDS = {"OCO": int(ListKind.LIST_OCO), "OTO": int(ListKind.LIST_OTO), "OTOCO": int(ListKind.LIST_OTOCO)}
_STATUSES = {
    "TRADING": int(SymbolStatus.SYMBOL_TRADING),
    "HALT": int(SymbolStatus.SYMBOL_HALT),
    "CANCEL_ONLY": int(SymbolStatus.SYMBOL_CANCEL_ONLY),
}
_NO_RESULT = (0, 0)


class Engine:
    """A matching engine with its symbols, assets and accounts.

    Parameters
    ----------
    symbols : sequence of Symbol
    assets : iterable of str
        Beside those of the symbols.
    max_accounts : int

    For one thread.

    """

    def __init__(self, symbols: Sequence[Symbol], assets: Iterable[str], max_accounts: int) -> None:
        traded = [asset for symbol in symbols for asset in (symbol.base, symbol.quote)]
        self.assets = tuple(dict.fromkeys([*traded, *assets]))
        self._exchange = Exchange(
            max_orders=MAX_ORDERS,
            max_accounts=max_accounts + 1,
            max_assets=max(2, len(self.assets)),
            max_symbols=len(symbols),
            max_reports=MAX_REPORTS,
        )
        self._numbers = {asset: self._exchange.add_asset(asset, DECIMALS) for asset in self.assets}
        for symbol in symbols:
            self._add(symbol)

    @property
    def exchange(self) -> Exchange:
        """The compiled exchange, for a background market that is compiled too."""
        return self._exchange

    def _add(self, symbol: Symbol) -> None:
        tick, step = format_e8(symbol.tick), format_e8(symbol.step)
        self._exchange.add_symbol(
            symbol.name,
            self._numbers[symbol.base],
            self._numbers[symbol.quote],
            tick_size=tick,
            lot_size=step,
            filters=Filters.from_binance(symbol.filters(), tick_size=tick, lot_size=step),
            maker_fee_e8=symbol.maker_fee,
            taker_fee_e8=symbol.taker_fee,
            max_iceberg_parts=symbol.iceberg_parts,
            max_algo_orders=symbol.max_algo_orders,
            max_iceberg_orders=symbol.max_iceberg_orders,
            max_order_lists=symbol.max_order_lists,
            max_amends=symbol.max_amends,
            min_trailing_above_bips=symbol.trailing_min,
            max_trailing_above_bips=symbol.trailing_max,
            min_trailing_below_bips=symbol.trailing_min,
            max_trailing_below_bips=symbol.trailing_max,
        )

    def open_account(self, spec: AccountSpec) -> int:
        """Open an account with its balances; return its number."""
        number = self._exchange.open_account(spec.name, trade_group=spec.trade_group)
        for asset, amount in self._wallet(spec).items():
            if amount:
                self.deposit(number, asset, amount)
        return number

    @staticmethod
    def _wallet(spec: AccountSpec) -> Mapping[str, int]:
        """Return what an account begins with here."""
        return spec.balances

    def deposit(self, account: int, asset: str, amount: int) -> None:
        """Add to a free balance, hundred-millionths."""
        self._exchange.deposit(account, self._numbers[asset], amount)

    def withdraw(self, account: int, asset: str, amount: int) -> bool:
        """Take from a free balance, hundred-millionths; whether there was so much."""
        return self._exchange.withdraw(account, self._numbers[asset], amount) == 0

    def place(self, account: int, symbol: int, row: OrderRow, now_ns: int) -> tuple[int, int]:
        """Place an order; return the verdict and its id."""
        return self._exchange.place(
            account,
            symbol,
            row.side,
            row.type,
            tif=row.tif,
            qty_lots=row.qty_lots,
            quote_atoms=row.quote_atoms,
            price_ticks=row.price_ticks,
            stop_ticks=row.stop_ticks,
            trailing_bips=row.trailing_bips,
            iceberg_lots=row.iceberg_lots,
            stp=row.stp,
            client_key=row.client_key,
            now_ns=now_ns,
        )

    def cancel(self, account: int, symbol: int, order_id: int, flags: int, now_ns: int) -> int:
        """Cancel an order; return the verdict."""
        return self._exchange.cancel(account, symbol, order_id, flags=flags, now_ns=now_ns)

    def cancel_all(self, account: int, symbol: int, now_ns: int) -> int:
        """Cancel all orders of an account on a symbol; return the verdict."""
        return self._exchange.cancel_all(account, symbol, now_ns=now_ns)

    def amend(self, account: int, symbol: int, order_id: int, qty_lots: int, now_ns: int) -> int:
        """Lower an order's quantity; return the verdict."""
        return self._exchange.amend(account, symbol, order_id, qty_lots, now_ns=now_ns)

    def cancel_replace(
        self, account: int, symbol: int, row: OrderRow, *, order_id: int, flags: int, now_ns: int
    ) -> tuple[int, int, int]:
        """Cancel an order and place another; return the cancel's verdict, the new one's, and its id."""
        return self._exchange.cancel_replace(
            *(account, symbol, order_id, row.side, row.type),
            quote_atoms=row.quote_atoms,
            flags=flags,
            now_ns=now_ns,
            **_leg(row),
        )

    def place_list(
        self, kind: str, account: int, symbol: int, rows: Sequence[OrderRow], now_ns: int
    ) -> tuple[int, int, tuple[int, ...]]:
        """Place an order list; return the verdict, its id, and those of its orders."""
        legs = [{"side": row.side, "order_type": row.type, **_leg(row)} for row in rows]
        return self._exchange.place_list(LIST_KINDS[kind], account, symbol, legs, now_ns=now_ns)

    def left_lots(self, order_id: int) -> int:
        """Return the lots of an open order that are neither traded nor prevented; 0 where it is closed."""
        order = self._exchange.order(order_id)
        if order is None:
            return 0
        return int(order["orig_lots"]) - int(order["executed_lots"]) - int(order["prevented_lots"])

    def advance(self, now_ns: int) -> None:
        """Move the engine's time on."""
        self._exchange.advance(now_ns)

    def take_reports(self, chosen: Callable[[NDArray[np.void]], NDArray[np.void]]) -> Iterable[Report]:
        """Return the reports since the last call, those that `chosen` leaves of them."""
        if self._exchange.report_count == 0:
            return ()
        rows = chosen(self._exchange.take_reports())
        return read_reports(rows.view(np.uint8).data if rows.itemsize == REPORT_BYTES else rows.tobytes())

    def balance(self, account: int, asset: str) -> tuple[int, int]:
        """Return free and locked amounts, hundred-millionths."""
        number = self._numbers.get(asset)
        return _NO_RESULT if number is None else self._exchange.balance(account, number)

    def total(self, asset: str) -> int:
        """Return the amount of an asset over all accounts and the house."""
        return self._exchange.total(self._numbers[asset])

    def set_status(self, symbol: int, status: str) -> None:
        """Let a symbol trade, halt it, or let orders only be cancelled."""
        self._exchange.set_symbol_status(symbol, _STATUSES[status])

    def state_hash(self) -> int:
        """Return a number that two engines share only if they are in one state."""
        return self._exchange.state_hash()

    def depth(self, number: int, limit: int) -> tuple[int, list[tuple[int, int]], list[tuple[int, int]]]:
        """Return the update id and the best levels of both sides, ticks and lots."""
        update_id, bids, asks = self._exchange.depth(number, limit)
        return update_id, _levels(bids), _levels(asks)

    def best(self, number: int) -> BestPrices:
        """Return the best prices."""
        _, bids, asks = self._exchange.depth(number, 1)
        bid = _levels(bids)[0] if len(bids) else _NO_RESULT
        ask = _levels(asks)[0] if len(asks) else _NO_RESULT
        return BestPrices(*bid, *ask)

    def best_ticks(self, number: int) -> tuple[int, int]:
        """Return the best prices in ticks, without what is shown there."""
        return self._exchange.best(number)

    def update_id(self, number: int) -> int:
        """Return the id of the last change of a book."""
        return self._exchange.depth(number, 0)[0]

    def take_changes(self, number: int) -> tuple[int, list[tuple[int, int, int]]]:
        """Return the update id, and (side, ticks, lots) of the levels that changed since the last call."""
        _, last, rows = self._exchange.take_depth(number)
        return last, rows.tolist()


def _leg(row: OrderRow) -> dict[str, int]:
    return {
        "tif": row.tif,
        "stp": row.stp,
        "qty_lots": row.qty_lots,
        "price_ticks": row.price_ticks,
        "stop_ticks": row.stop_ticks,
        "trailing_bips": row.trailing_bips,
        "iceberg_lots": row.iceberg_lots,
        "client_key": row.client_key,
    }


def _levels(rows: np.ndarray) -> list[tuple[int, int]]:
    return list(zip(rows["price_ticks"].tolist(), rows["qty_lots"].tolist(), strict=True))
