"""Reading the reports of perpetuals: orders, positions, wallets and incomes brought up to date, events sent on."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from bot4._core.sim.margin_types import ORIGIN_LIQUIDATION
from bot4.adapters.simulator.futures.trade import events, words
from bot4.adapters.simulator.futures.trade.algo import AlgoOrder
from bot4.adapters.simulator.futures.trade.order import (
    FuturesFill,
    FuturesLabels,
    FuturesOrder,
    order_update,
    trade_lite,
)
from bot4.adapters.simulator.trade import words as spot_words
from bot4.adapters.simulator.trade.report import money
from bot4.adapters.simulator.trade.report_reader import ReportReader, tell

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bot4.adapters.simulator.futures.market.perpetual import PerpetualMarket
    from bot4.adapters.simulator.futures.market.publisher import FuturesPublisher
    from bot4.adapters.simulator.futures.trade.account import FuturesAccount
    from bot4.adapters.simulator.futures.trade.engine import FuturesEngine
    from bot4.adapters.simulator.trade.report import Report

_KINDS = {name: number for number, name in enumerate(spot_words.EXECUTIONS)}
_TRADE, _PREVENTION = _KINDS["TRADE"], _KINDS["TRADE_PREVENTION"]
_EVENTS = {
    _KINDS["NEW"]: "NEW",
    _KINDS["CANCELED"]: "CANCELED",
    _KINDS["REPLACED"]: "AMENDMENT",
    _TRADE: "TRADE",
    _KINDS["EXPIRED"]: "EXPIRED",
}
_MS = 1_000_000


class _Wallet(NamedTuple):
    """What a BALANCE report says: the cross wallet, the isolated ones together, and why."""

    cross: int
    isolated: int
    cause: int


class FuturesKeeper(ReportReader):
    """Keeps futures accounts in step with the engine. Belongs to the event loop's thread.

    Parameters
    ----------
    engine : FuturesEngine
    markets : sequence of PerpetualMarket
        By the engine's number.
    accounts : mapping of int to FuturesAccount
        By the engine's number; reports of others are of the background market.
    publisher : FuturesPublisher

    """

    def __init__(
        self,
        engine: FuturesEngine,
        markets: Sequence[PerpetualMarket],
        accounts: Mapping[int, FuturesAccount],
        publisher: FuturesPublisher,
    ) -> None:
        super().__init__(engine, markets, accounts, publisher)
        self._futures = engine
        self._contracts = [market.contract for market in markets]
        self._marks = {market.contract.name: market.marks for market in markets}
        self._held = accounts
        self._news = publisher
        self._wallets: dict[int, _Wallet] = {}
        self._positions: dict[int, list[Report]] = {}
        self._taken_over: dict[int, str] = {}
        self._takes = {
            _KINDS["BALANCE"]: self._take_wallet,
            _KINDS["POSITION"]: self._take_position,
            _KINDS["FUNDING"]: self._take_funding,
            _KINDS["ALGO"]: self._take_algo,
            _KINDS["MARGIN_CALL"]: self._take_margin_call,
            _KINDS["INSURANCE"]: self._take_insurance,
        }

    def settle(self, now_ns: int) -> None:
        """Read all reports there are; `now_ns` is the time of the events of wallets."""
        self._read()
        for number in {**self._wallets, **self._positions}:
            self._tell_account(self._held[number], now_ns)
        self._wallets.clear()
        self._positions.clear()
        self._tell_markets()

    def _take(self, report: Report) -> None:
        kind = report.execution_type
        special = self._takes.get(kind)
        account = self._held.get(report.account)
        if special is not None:
            if account is not None:
                special(account, report)
            return
        self._touched[report.symbol] = None
        if kind == _TRADE and not report.is_maker:
            self._take_trade(report)
        if account is not None and report.order_id:
            self._take_order(account, report)

    def _take_order(self, account: FuturesAccount, report: Report) -> None:
        order = account.orders.get(report.order_id)
        if order is None:
            order = FuturesOrder(self._contracts[report.symbol], self._labels_of(account, report), report)
            account.add_order(order)
        else:
            order.take(report)
        is_trade = report.execution_type == _TRADE
        if is_trade:
            self._take_fill(account, order, report)
        account.updated_ns = report.time_ns
        if not order.is_open:
            account.close_order(order)
        execution = _EVENTS.get(report.execution_type)
        if report.execution_type == _PREVENTION and not order.is_open:
            execution = "EXPIRED"
        if execution is None:
            return
        if account.listeners:
            tell(account, partial(order_update, order, report, execution))
            if is_trade:
                tell(account, partial(trade_lite, order, report))
        if report.origin == ORIGIN_LIQUIDATION and not order.is_open:
            shown = order_update(order, report, execution, _MS)["o"]
            self._news.liquidation(order.contract.name, partial(events.liquidation, shown, report.time_ns))

    def _labels_of(self, account: FuturesAccount, report: Report) -> FuturesLabels:
        """Return what an order is called: by its client, by the algo order it came from, or by us."""
        labels = self._labels.pop(report.client_key, None) if report.client_key else None
        if isinstance(labels, FuturesLabels):
            return labels
        algo = account.algos.get(report.list_id) if report.list_id >= 0 else None
        if algo is not None:
            return FuturesLabels(
                algo.client_id,
                original_type=algo.type,
                stop_price=algo.trigger,
                working_type=algo.values.get("workingType", "CONTRACT_PRICE"),
                tif=algo.values.get("timeInForce", "GTC"),
                closes_position=algo.values.get("closePosition", False),
            )
        name = "autoclose" if report.origin == ORIGIN_LIQUIDATION else "exchange"
        tif = spot_words.TIMES_IN_FORCE[report.tif]
        return FuturesLabels(f"{name}-{report.time_ns // _MS}-{report.order_id}", tif=tif)

    def _take_fill(self, account: FuturesAccount, order: FuturesOrder, report: Report) -> None:
        fill = FuturesFill(
            report.trade_id,
            report.order_id,
            order.side,
            order.position_side,
            report.last_price_ticks * order.contract.tick,
            report.last_lots * order.contract.step,
            money(report.last_quote_low, report.last_quote_high),
            money(report.fee_low, report.fee_high),
            money(report.free_low, report.free_high),
            report.time_ns,
            bool(report.is_maker),
        )
        name = order.contract.name
        account.trades.append((name, fill))
        account.earn(name, "REALIZED_PNL", fill.realised, fill.at_ns, fill.trade_id)
        account.earn(name, "COMMISSION", -fill.fee, fill.at_ns, fill.trade_id)

    def _take_wallet(self, account: FuturesAccount, report: Report) -> None:
        wallet = _Wallet(
            money(report.free_low, report.free_high), money(report.locked_low, report.locked_high), report.reason
        )
        self._wallets[account.number] = wallet
        name = self._taken_over.pop(account.number, None)
        if name is not None:  # no trade tells what a position lost that the house took over: the wallet does
            account.earn(name, "REALIZED_PNL", wallet.cross + wallet.isolated - account.earned, report.time_ns)

    def _take_position(self, account: FuturesAccount, report: Report) -> None:
        self._positions.setdefault(account.number, []).append(report)

    def _take_funding(self, account: FuturesAccount, report: Report) -> None:
        paid = money(report.fee_low, report.fee_high)
        account.earn(self._contracts[report.symbol].name, "FUNDING_FEE", -paid, report.time_ns)

    def _take_insurance(self, account: FuturesAccount, report: Report) -> None:
        if report.orig_lots:
            self._taken_over[account.number] = self._contracts[report.symbol].name
        account.earn("", "INSURANCE_CLEAR", money(report.fee_low, report.fee_high), report.time_ns)

    def _take_algo(self, account: FuturesAccount, report: Report) -> None:
        algo = account.algos.get(report.order_id)
        if algo is None:
            values, client_id = self._labels.pop(report.client_key)
            algo = AlgoOrder(self._contracts[report.symbol], values, client_id, report)
            account.add_algo(algo)
        else:
            algo.take(report)
        tell(account, partial(algo.to_update, report.time_ns))

    def _take_margin_call(self, account: FuturesAccount, report: Report) -> None:
        rows = [
            (self._contracts[row.symbol], row)
            for row in self._futures.positions(account.number)
            if row.is_isolated == (report.symbol < len(self._contracts))
        ]
        marks = {name: held.mark for name, held in self._marks.items()}
        cross = self._futures.margin(account.number).cross_wallet_atoms
        tell(account, partial(events.margin_call, cross, rows, marks, report.time_ns))

    def _tell_account(self, account: FuturesAccount, now_ns: int) -> None:
        wallet = self._wallets.get(account.number)
        reports = self._positions.get(account.number, [])
        cause = words.CAUSES.get(wallet.cause if wallet is not None else reports[0].reason, "ORDER")
        balances = []
        if wallet is not None:
            account.updated_ns = now_ns
            total = wallet.cross + wallet.isolated
            change = total - account.wallet if cause == "FUNDING_FEE" else 0
            account.wallet = total
            balances = [events.wallet_fields(total, wallet.cross, change)]
        if cause == "FUNDING_FEE":
            reports = [report for report in reports if report.is_maker]  # of cross ones the wallet alone is told
        positions = [events.position_fields(self._contracts[report.symbol], report) for report in reports]
        tell(account, partial(events.account_update, cause, balances, positions, now_ns))
