"""Orders in, reports out: the one way from a client's request to the matching engine and back.

Every request ends with its reports read: orders and lists are brought up to date, user events and market data go out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from bot4.adapters.simulator.trade import verdicts
from bot4.adapters.simulator.trade.order import OrderLabels
from bot4.adapters.simulator.trade.order_row import order_row
from bot4.adapters.simulator.wire.errors import ApiError, refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot4.adapters.simulator.market.market import Market
    from bot4.adapters.simulator.trade.account import Account
    from bot4.adapters.simulator.trade.engine import Engine
    from bot4.adapters.simulator.trade.ledger_keeper import LedgerKeeper
    from bot4.adapters.simulator.trade.order import Fill, Order
    from bot4.adapters.simulator.trade.order_list import OrderList

ONLY_NEW = 4
ONLY_PARTIALLY_FILLED = 8
ALLOW_FAILURE = 2
_RESTRICTIONS = {None: 0, "ONLY_NEW": ONLY_NEW, "ONLY_PARTIALLY_FILLED": ONLY_PARTIALLY_FILLED}
_OK = 0
_NOT_ATTEMPTED = 77


class Placed(NamedTuple):
    """An order that was accepted, and its fills so far."""

    order: Order
    fills: list[Fill]


class Replaced(NamedTuple):
    """What became of both halves of a cancel-replace."""

    canceled: Order | None
    cancel_error: ApiError | None
    placed: Placed | None
    order_error: ApiError | None  # None with `placed` None: it was not attempted


class Desk:
    """Takes the orders of all accounts. Belongs to the event loop's thread.

    Parameters
    ----------
    engine : Engine
    keeper : LedgerKeeper
        Who reads the reports.

    """

    def __init__(self, engine: Engine, keeper: LedgerKeeper) -> None:
        self._engine = engine
        self._keeper = keeper
        self._last_key = 0
        self._last_id = 0

    def new_id(self) -> str:
        """Return an id for what a client left unnamed."""
        self._last_id += 1
        return f"auto-{self._last_id:016x}"

    def place(self, account: Account, market: Market, values: Mapping[str, Any], now_ns: int) -> Placed:
        """Place an order.

        Raises
        ------
        ApiError
            It is refused.

        """
        labels = self._labels(account, market, values)
        row = order_row(market.symbol, values, self._key())
        self._keeper.expect_order(row.client_key, labels)
        verdict, order_id = self._engine.place(account.number, market.number, row, now_ns)
        fills = self._keeper.settle(account, now_ns)
        if verdict != _OK:
            self._keeper.forget(row.client_key)
            raise verdicts.new_order_error(verdict)
        self._count(account, 1, now_ns)
        return Placed(account.orders[order_id], [fill for fill in fills if fill.order_id == order_id])

    def test(self, account: Account, market: Market, values: Mapping[str, Any]) -> None:
        """Refuse an order that could not be placed as it is written; the book and balances are not looked at.

        Raises
        ------
        ApiError
            It would be refused.

        """
        self._labels(account, market, values)
        order_row(market.symbol, values, 0)

    def cancel(self, account: Account, market: Market, values: Mapping[str, Any], now_ns: int) -> tuple[Order, str]:
        """Cancel an order; return it and the cancel's own id.

        Raises
        ------
        ApiError
            -2011.

        """
        order = self.find_open(account, market, values.get("orderId"), values.get("origClientOrderId"))
        cancel_id = values.get("newClientOrderId") or self.new_id()
        restrictions = _RESTRICTIONS[values.get("cancelRestrictions")]
        verdict = self._engine.cancel(account.number, market.number, order.order_id, restrictions, now_ns)
        self._keeper.settle(account, now_ns, cancel_id)
        if verdict != _OK:
            raise verdicts.cancel_error(verdict)
        return order, cancel_id

    def cancel_all(self, account: Account, market: Market, now_ns: int) -> tuple[list[Order], str]:
        """Cancel every order of a market; return them and the cancel's own id.

        Raises
        ------
        ApiError
            -2011: there is none.

        """
        orders = list(account.orders_of(market.symbol.name, is_open=True))
        cancel_id = self.new_id()
        verdict = self._engine.cancel_all(account.number, market.number, now_ns)
        self._keeper.settle(account, now_ns, cancel_id)
        if verdict != _OK:
            raise verdicts.cancel_error(verdict)
        return orders, cancel_id

    def cancel_list(self, account: Account, order_list: OrderList, cancel_id: str, now_ns: int) -> None:
        """Cancel an order list: the end of one leg is the end of all.

        Raises
        ------
        ApiError
            -2011.

        """
        leg = next((leg for leg in order_list.legs if leg.is_open), None)
        if leg is None:
            raise refusal(-2011, "Unknown order sent.")
        symbol = self._keeper.market_of(order_list.symbol.name).number
        verdict = self._engine.cancel(account.number, symbol, leg.order_id, 0, now_ns)
        self._keeper.settle(account, now_ns, cancel_id)
        if verdict != _OK:
            raise verdicts.cancel_error(verdict)

    def replace(
        self, account: Account, market: Market, values: Mapping[str, Any], cancel_id: str, now_ns: int
    ) -> Replaced:
        """Cancel an order and place another.

        Raises
        ------
        ApiError
            The new order cannot be written down; nothing was done.

        """
        row = order_row(market.symbol, values, self._key())
        allows = values["cancelReplaceMode"] == "ALLOW_FAILURE"
        self._count(account, 1, now_ns)
        former: Order | None = None
        cancel_error: ApiError | None = None
        try:
            former = self.find_open(account, market, values.get("cancelOrderId"), values.get("cancelOrigClientOrderId"))
        except ApiError as error:
            cancel_error = error
            if not allows:
                return Replaced(None, error, None, None)
        labels = self._labels(account, market, values, former)
        flags = _RESTRICTIONS[values.get("cancelRestrictions")] | (ALLOW_FAILURE if allows else 0)
        self._keeper.expect_order(row.client_key, labels)
        cancel_verdict, verdict, order_id = self._engine.cancel_replace(
            account.number,
            market.number,
            row,
            order_id=0 if former is None else former.order_id,
            flags=flags,
            now_ns=now_ns,
        )
        fills = self._keeper.settle(account, now_ns, cancel_id)
        placed = order_error = None
        if verdict == _OK:
            placed = Placed(account.orders[order_id], [fill for fill in fills if fill.order_id == order_id])
        else:
            self._keeper.forget(row.client_key)
            if verdict != _NOT_ATTEMPTED:
                order_error = verdicts.new_order_error(verdict)
        if cancel_verdict == _NOT_ATTEMPTED and order_error is not None:
            raise order_error  # shape, filters and counts come before the cancel
        if cancel_verdict != _OK and cancel_error is None:
            cancel_error = verdicts.cancel_error(cancel_verdict)
        return Replaced(former if cancel_verdict == _OK else None, cancel_error, placed, order_error)

    def amend(self, account: Account, market: Market, values: Mapping[str, Any], now_ns: int) -> tuple[Order, str, int]:
        """Lower an order's quantity; return it, its former client's id, and the execution's id.

        Raises
        ------
        ApiError
            -2038, or a filter.

        """
        order = self._find(account, market, values.get("orderId"), values.get("origClientOrderId"))
        if order is None or not order.is_open:
            raise refusal(-2038, "Unknown order sent.")
        lots, rest = divmod(values["newQty"], market.symbol.step)
        if rest or not lots:
            raise refusal(-1013, "Filter failure: LOT_SIZE")
        former_id = order.client_id
        new_id = values.get("newClientOrderId") or self.new_id()
        if new_id != former_id:
            self._check_unused(account, market, new_id, -2038)
        former_qty = order.qty
        verdict = self._engine.amend(account.number, market.number, order.order_id, lots, now_ns)
        if verdict != _OK:
            self._keeper.settle(account, now_ns)
            raise verdicts.amend_error(verdict)
        account.rename(order, new_id)
        execution_id = self._keeper.settle_amended(account, now_ns, former_id)
        order.amends.append(
            {
                "executionId": execution_id,
                "origClientOrderId": former_id,
                "newClientOrderId": new_id,
                "origQty": former_qty,
                "newQty": order.qty,
                "at_ns": now_ns,
            }
        )
        return order, former_id, execution_id

    def place_list(
        self,
        account: Account,
        market: Market,
        *,
        kind: str,
        legs: list[dict[str, Any]],
        client_id: str,
        now_ns: int,
    ) -> tuple[OrderList, list[Fill]]:
        """Place an order list.

        Parameters
        ----------
        account : Account
            Whose it is.
        market : Market
            Of all its orders.
        kind : str
            ``OCO``: two legs; ``OTO``: the working order and one; ``OTOCO``: the working order and two.
        legs : list
            Parameters of each by their plain names.
        client_id : str
            Of the list; empty for one of our own.
        now_ns : int
            Server time.

        Raises
        ------
        ApiError
            It is refused as a whole.

        """
        if client_id:
            held = account.find_list(None, client_id)
            if held is not None and held.is_open:
                raise refusal(-2010, "Duplicate order sent.")
        rows = []
        for leg in legs:
            labels = self._labels(account, market, leg)
            row = order_row(market.symbol, leg, self._key())
            self._keeper.expect_order(row.client_key, labels)
            rows.append(row)
        self._keeper.expect_list(client_id or self.new_id())
        verdict, list_id, _ = self._engine.place_list(kind, account.number, market.number, rows, now_ns)
        fills = self._keeper.settle(account, now_ns)
        if verdict != _OK:
            for row in rows:
                self._keeper.forget(row.client_key)
            raise verdicts.new_order_error(verdict)
        self._count(account, len(legs), now_ns)
        return account.lists[list_id], fills

    def find_open(self, account: Account, market: Market, order_id: int | None, client_id: str | None) -> Order:
        """Return the open order that a cancel is about.

        Raises
        ------
        ApiError
            -1102 neither id; -2011 no such open order, or the ids are of two.

        """
        order = self._find(account, market, order_id, client_id)
        if order is None or not order.is_open:
            raise refusal(-2011, "Unknown order sent.")
        return order

    def _find(self, account: Account, market: Market, order_id: int | None, client_id: str | None) -> Order | None:
        order = account.find(market.symbol.name, order_id, client_id)
        if order is not None and order_id is not None and client_id is not None and order.client_id != client_id:
            return None
        return order

    def _labels(
        self,
        account: Account,
        market: Market,
        values: Mapping[str, Any],
        replaced: Order | None = None,
    ) -> OrderLabels:
        client_id = values.get("newClientOrderId")
        if client_id is None:
            client_id = self.new_id()
        elif replaced is None or replaced.client_id != client_id:
            self._check_unused(account, market, client_id, -2010)
        return OrderLabels(
            client_id,
            values.get("quoteOrderQty", 0),
            values.get("strategyId"),
            values.get("strategyType"),
            "icebergQty" in values,
        )

    def _check_unused(self, account: Account, market: Market, client_id: str, code: int) -> None:
        held = account.find(market.symbol.name, None, client_id)
        if held is not None and held.is_open:
            raise refusal(code, "Duplicate order sent.")

    def _key(self) -> int:
        self._last_key += 1
        return self._last_key

    @staticmethod
    def _count(account: Account, orders: int, now_ns: int) -> None:
        if account.budget is not None:
            account.budget.add(orders, now_ns)
