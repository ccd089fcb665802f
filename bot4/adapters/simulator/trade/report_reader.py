"""Reading the matching engine's reports: what spot and futures have in common, trades and the books they change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bot4._core.sim.exchange_types import ExecutionType
from bot4.adapters.simulator.market.trades import Trade
from bot4.adapters.simulator.trade.report import money

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from bot4.adapters.simulator.market.market import Market
    from bot4.adapters.simulator.market.publisher import News
    from bot4.adapters.simulator.trade.account import Account
    from bot4.adapters.simulator.trade.engine import Engine
    from bot4.adapters.simulator.trade.report import Report

_TRADE = int(ExecutionType.EXECUTION_TRADE)
# Kinds of reports that say nothing of a book.
_NOT_OF_A_BOOK = np.zeros(256, dtype=np.bool_)
_NOT_OF_A_BOOK[
    [
        ExecutionType.EXECUTION_LIST_STATUS,
        ExecutionType.EXECUTION_BALANCE,
        ExecutionType.EXECUTION_POSITION,
        ExecutionType.EXECUTION_FUNDING,
        ExecutionType.EXECUTION_ALGO,
        ExecutionType.EXECUTION_MARGIN_CALL,
        ExecutionType.EXECUTION_INSURANCE,
    ]
] = True


class ReportReader:
    """Keeps markets in step with the engine. Belongs to the event loop's thread.

    Parameters
    ----------
    engine : Engine
    markets : sequence of Market
        By the engine's number.
    accounts : mapping of int to Account
        By the engine's number; reports of others are of the background market.
    publisher : News

    """

    many = 32

    def __init__(
        self, engine: Engine, markets: Sequence[Market], accounts: Mapping[int, Account], publisher: News
    ) -> None:
        self._engine = engine
        self._markets = markets
        self._accounts = accounts
        self._publisher = publisher
        self._by_name = {market.symbol.name: market for market in markets}
        self._labels: dict[int, Any] = {}
        self._touched: dict[int, None] = {}

    def market_of(self, name: str) -> Market:
        """Return the market of a symbol."""
        return self._by_name[name]

    def expect_order(self, client_key: int, labels: Any) -> None:
        """Remember what an order that is about to be placed is called."""
        self._labels[client_key] = labels

    def forget(self, client_key: int) -> None:
        """Forget what an order is called that was refused."""
        self._labels.pop(client_key, None)

    def _read(self) -> None:
        """Take all reports there are."""
        for report in self._engine.take_reports(self._told):
            self._take(report)

    def _told(self, rows: NDArray[np.void]) -> NDArray[np.void]:
        """Leave out what the background market tells of its own orders: their books changed, and no more.

        A market's minute is thousands of such reports. Where there are few, looking is dearer than taking them.
        """
        if len(rows) < self.many:
            return rows
        kinds = rows["execution_type"]
        numbers = rows["symbol"][~_NOT_OF_A_BOOK[kinds]]
        _, firsts = np.unique(numbers, return_index=True)
        self._touched |= dict.fromkeys(numbers[np.sort(firsts)].tolist())
        accounts = np.fromiter(self._accounts, np.int64, len(self._accounts))
        is_told: NDArray[np.bool_] = np.isin(rows["account"], accounts)
        is_told |= (kinds == _TRADE) & (rows["is_maker"] == 0)
        return rows.compress(is_told)

    def _take(self, report: Report) -> None:
        raise NotImplementedError

    def _tell_markets(self) -> None:
        """Publish what the reports read did to the books."""
        for number in self._touched:
            market = self._markets[number]
            self._publisher.aggregate(market, market.tape.end_aggregate())
            self._publisher.book_changed(market)
        self._touched.clear()

    def _take_trade(self, report: Report) -> None:
        market = self._markets[report.symbol]
        symbol = market.symbol
        trade = Trade(
            report.trade_id,
            report.last_price_ticks * symbol.tick,
            report.last_lots * symbol.step,
            money(report.last_quote_low, report.last_quote_high),
            report.time_ns,
            report.side == 1,
        )
        ended = market.add_trade(trade, report.order_id)
        self._publisher.trade(market, trade)
        self._publisher.aggregate(market, ended)


def tell(account: Account, render: Callable[[int], dict[str, object]]) -> None:
    """Give an event to all who listen to an account."""
    for listener in list(account.listeners):
        listener.user_event(account, render)
