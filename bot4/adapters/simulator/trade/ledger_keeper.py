"""Reading the matching engine's reports: orders and lists brought up to date, events and trades sent on."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from bot4.adapters.simulator.trade import user_events, words
from bot4.adapters.simulator.trade.account import PreventedMatch
from bot4.adapters.simulator.trade.order import Fill, Order
from bot4.adapters.simulator.trade.order_list import OrderList
from bot4.adapters.simulator.trade.report import money
from bot4.adapters.simulator.trade.report_reader import ReportReader, tell

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bot4.adapters.simulator.market.market import Market
    from bot4.adapters.simulator.market.publisher import News
    from bot4.adapters.simulator.trade.account import Account
    from bot4.adapters.simulator.trade.engine import Engine
    from bot4.adapters.simulator.trade.report import Report

_CANCELED = words.EXECUTIONS.index("CANCELED")
_REPLACED = words.EXECUTIONS.index("REPLACED")
_TRADE = words.EXECUTIONS.index("TRADE")
_PREVENTION = words.EXECUTIONS.index("TRADE_PREVENTION")
_LIST_STATUS = words.EXECUTIONS.index("LIST_STATUS")
_BALANCE = words.EXECUTIONS.index("BALANCE")


class LedgerKeeper(ReportReader):
    """Keeps orders, lists and trades in step with the engine. See `ReportReader` for the parameters."""

    def __init__(
        self, engine: Engine, markets: Sequence[Market], accounts: Mapping[int, Account], publisher: News
    ) -> None:
        super().__init__(engine, markets, accounts, publisher)
        self._list_id = ""
        self._cancel_id = ""
        self._former_id = ""
        self._execution_id = 0
        self._fills: list[Fill] = []
        self._balances: dict[int, dict[str, tuple[int, int]]] = {}
        self._list_events: list[tuple[Account, OrderList, Report]] = []

    def expect_list(self, client_id: str) -> None:
        """Remember what an order list that is about to be placed is called."""
        self._list_id = client_id

    def settle(self, _account: Account | None, now_ns: int, cancel_id: str = "") -> list[Fill]:
        """Read all reports there are; return the fills of orders that took.

        Parameters
        ----------
        _account : Account or None
            Whose request it was.
        now_ns : int
            Server time, for the events of balances.
        cancel_id : str
            What the request calls its cancel.

        """
        self._cancel_id = cancel_id
        self._fills = []
        self._read()
        self._cancel_id = ""
        if self._list_events:
            self._tell_lists()
        if self._balances:
            self._tell_balances(now_ns)
        self._tell_markets()
        return self._fills

    def settle_amended(self, account: Account, now_ns: int, former_id: str) -> int:
        """Read the reports of an amendment; return its execution id."""
        self._former_id = former_id
        self.settle(account, now_ns)
        self._former_id = ""
        return self._execution_id

    def _take(self, report: Report) -> None:
        kind = report.execution_type
        account = self._accounts.get(report.account)
        if kind == _BALANCE:
            if account is not None:
                free = money(report.free_low, report.free_high)
                locked = money(report.locked_low, report.locked_high)
                self._balances.setdefault(report.account, {})[self._engine.assets[report.asset]] = free, locked
            return
        if kind == _LIST_STATUS:
            if account is not None:
                self._take_list(account, report)
            return
        self._touched[report.symbol] = None
        if kind == _TRADE and not report.is_maker:
            self._take_trade(report)
        if account is not None and report.order_id:
            self._take_order(account, report)

    def _take_order(self, account: Account, report: Report) -> None:
        kind = report.execution_type
        order = account.orders.get(report.order_id)
        is_first_fill = False
        if order is None:
            labels = self._labels.pop(report.client_key)
            order = Order(self._markets[report.symbol].symbol, labels, report)
            account.add_order(order)
            if report.list_id >= 0:
                self._list_of(account, report).add(order)
        else:
            is_first_fill = kind == _TRADE and order.executed == 0
            order.take(report)
        fee_asset = ""
        if kind == _TRADE:
            fee_asset = self._engine.assets[report.asset] if report.asset >= 0 else ""
            self._take_fill(account, order, report, fee_asset)
            if is_first_fill and account.budget is not None:
                account.budget.filled(is_maker=bool(report.is_maker), now_ns=report.time_ns)
        elif kind == _PREVENTION:
            self._take_prevention(account, order, report)
        account.updated_ns = report.time_ns
        if not order.is_open:
            account.close_order(order)
        former = self._former_id if kind == _REPLACED else ""
        if kind == _REPLACED:
            self._execution_id = report.sequence
        if account.listeners:
            self._tell_order(account, order, report, fee_asset, former)

    def _tell_order(self, account: Account, order: Order, report: Report, fee_asset: str, former: str) -> None:
        shown_id = ""
        if report.execution_type == _CANCELED and self._cancel_id:
            former, shown_id = order.client_id, self._cancel_id

        def render(unit: int) -> dict[str, object]:
            event = user_events.execution_report(order, report, fee_asset=fee_asset, former_id=former, unit=unit)
            if shown_id:
                event["c"] = shown_id
            return event

        tell(account, render)

    def _take_fill(self, account: Account, order: Order, report: Report, fee_asset: str) -> None:
        fill = Fill(
            report.trade_id,
            report.order_id,
            report.list_id,
            report.last_price_ticks * order.symbol.tick,
            report.last_lots * order.symbol.step,
            money(report.last_quote_low, report.last_quote_high),
            money(report.fee_low, report.fee_high),
            fee_asset,
            report.time_ns,
            report.side == 0,
            bool(report.is_maker),
        )
        account.add_fill(order.symbol.name, fill)
        if not report.is_maker:
            self._fills.append(fill)

    def _take_prevention(self, account: Account, order: Order, report: Report) -> None:
        order.prevented_match_id = report.trade_id
        last = account.prevented[-1] if account.prevented else None
        if last is None or last.match_id != report.trade_id or last.symbol != order.symbol.name:
            ids = (report.counterparty_order_id, report.order_id)
            taker, maker = ids if report.is_maker else reversed(ids)
            last = PreventedMatch(order.symbol.name, report.trade_id, taker, maker, report.time_ns)
            last.group = account.spec.trade_group
            last.price = report.last_price_ticks * order.symbol.tick
            account.prevented.append(last)
        if report.is_maker:
            last.maker_qty = report.last_lots * order.symbol.step
            # The mode is the taker's, of which no report comes where its own quantity stays.
            last.stp = self._accounts[report.counterparty_account].orders[report.counterparty_order_id].stp
        else:
            last.taker_qty = report.last_lots * order.symbol.step
            last.stp = order.stp

    def _list_of(self, account: Account, report: Report) -> OrderList:
        held = account.lists.get(report.list_id)
        if held is None:
            symbol = self._markets[report.symbol].symbol
            held = OrderList(symbol, report.list_id, self._list_id, words.LIST_KINDS.get(report.list_kind, "OCO"))
            held.updated_ns = report.time_ns
            account.lists[report.list_id] = held
        return held

    def _take_list(self, account: Account, report: Report) -> None:
        held = self._list_of(account, report)
        held.contingency = words.LIST_KINDS[report.list_kind]
        held.status = words.LIST_STATUSES[report.list_status]
        held.order_status = words.LIST_ORDER_STATUSES[report.list_order_status]
        held.updated_ns = report.time_ns
        if account.listeners:
            self._list_events.append((account, held, report))

    def _tell_lists(self) -> None:
        """Tell of lists when all their orders are known."""
        for account, held, report in self._list_events:
            status = words.LIST_STATUSES[report.list_status]
            order_status = words.LIST_ORDER_STATUSES[report.list_order_status]
            render = partial(user_events.list_status, held, status, order_status, report.time_ns)
            tell(account, render)
        self._list_events.clear()

    def _tell_balances(self, now_ns: int) -> None:
        for number, balances in self._balances.items():
            account = self._accounts[number]
            account.updated_ns = now_ns
            render = partial(user_events.account_position, balances, now_ns)
            tell(account, render)
        self._balances.clear()
