"""Orders in, reports out: the one way from a client's request to the compiled exchange and back.

Every request ends with its reports read: orders, positions and wallets are brought up to date, events go out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot4._core.sim.exchange_types import OrderFlag
from bot4.adapters.simulator.futures.errors import refusal
from bot4.adapters.simulator.futures.trade import verdicts, words
from bot4.adapters.simulator.futures.trade.order import FuturesLabels
from bot4.adapters.simulator.futures.trade.rules import check_algo, check_order, lots_of, order_row, ticks_of
from bot4.adapters.simulator.wire.decimals import UNIT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot4.adapters.simulator.futures.market.perpetual import PerpetualMarket
    from bot4.adapters.simulator.futures.trade.account import FuturesAccount
    from bot4.adapters.simulator.futures.trade.algo import AlgoOrder
    from bot4.adapters.simulator.futures.trade.engine import FuturesEngine, FuturesRow
    from bot4.adapters.simulator.futures.trade.keeper import FuturesKeeper
    from bot4.adapters.simulator.futures.trade.order import FuturesOrder
    from bot4.adapters.simulator.wire.errors import ApiError

_OK = 0
_LEVELS = 5_000
_NO_PRICE_MATCH = "NONE"
_AMENDS_MAX = 10_000


class FuturesDesk:
    """Takes the orders of all accounts. Belongs to the event loop's thread.

    Parameters
    ----------
    engine : FuturesEngine
    keeper : FuturesKeeper
        Who reads the reports.

    """

    def __init__(self, engine: FuturesEngine, keeper: FuturesKeeper) -> None:
        self._engine = engine
        self._keeper = keeper
        self._last_key = 0

    # -- orders

    def place(
        self, account: FuturesAccount, market: PerpetualMarket, values: Mapping[str, Any], now_ns: int
    ) -> FuturesOrder:
        """Place an order.

        Raises
        ------
        ApiError
            It is refused.

        """
        row, labels = self._written(account, market, values, now_ns)
        if values.get("timeInForce") == "FOK" and not self._can_fill(market, row):
            raise refusal(-5021)
        self._keeper.expect_order(row.client_key, labels)
        verdict, order_id = self._engine.place_order(account.number, market.number, row, now_ns)
        self._keeper.settle(now_ns)
        if verdict != _OK:
            self._keeper.forget(row.client_key)
            raise self._error(verdict, market, values)
        self._count(account, now_ns)
        return account.orders[order_id]

    def test(self, account: FuturesAccount, market: PerpetualMarket, values: Mapping[str, Any], now_ns: int) -> None:
        """Refuse an order that could not be placed as it is written; book and margin are not looked at.

        Raises
        ------
        ApiError
            It would be refused.

        """
        self._written(account, market, values, now_ns)

    def modify(
        self, account: FuturesAccount, market: PerpetualMarket, values: Mapping[str, Any], now_ns: int
    ) -> FuturesOrder:
        """Give a resting limit order another price or quantity; it loses its place.

        Raises
        ------
        ApiError
            It is refused; the order stays as it was.

        """
        order = account.find_order(market.contract.name, values.get("orderId"), values.get("origClientOrderId"))
        if order is None or not order.is_open:
            raise refusal(-2013)
        if order.type != "LIMIT":
            raise refusal(-5025)
        if values["side"] != order.side:
            raise refusal(-1117)
        price = self._matched(market, values).get("price", order.price)
        quantity = values.get("quantity", order.qty)
        if (price, quantity) == (order.price, order.qty):
            raise refusal(-5027)
        if len(order.amends) >= _AMENDS_MAX:
            raise refusal(-5026)
        ticks = ticks_of(market.contract, price)
        lots = lots_of(market.contract, quantity, is_market=False)
        before = {"at_ns": now_ns, "price": order.price, "qty": order.qty}
        verdict = self._engine.modify(
            account.number, market.number, order.order_id, lots=lots, ticks=ticks, now_ns=now_ns
        )
        self._keeper.settle(now_ns)
        if verdict != _OK:
            raise self._error(verdict, market, {**values, "price": price, "type": "LIMIT"})
        order.amends.append(before)
        self._count(account, now_ns)
        return order

    def cancel(
        self, account: FuturesAccount, market: PerpetualMarket, values: Mapping[str, Any], now_ns: int
    ) -> FuturesOrder:
        """Cancel an order.

        Raises
        ------
        ApiError
            -1102 neither id; -2011 there is no such open one.

        """
        order_id, client_id = values.get("orderId"), values.get("origClientOrderId")
        if order_id is None and client_id is None:
            raise refusal(-1102, "orderid")
        order = account.find_order(market.contract.name, order_id, client_id)
        if order is None or not order.is_open:
            raise refusal(-2011)
        verdict = self._engine.cancel(account.number, market.number, order.order_id, 0, now_ns)
        self._keeper.settle(now_ns)
        if verdict != _OK:
            raise verdicts.error_of(verdict)
        return order

    def cancel_all(self, account: FuturesAccount, market: PerpetualMarket, now_ns: int) -> None:
        """Cancel every order of a contract; that there is none is well."""
        verdict = self._engine.cancel_all(account.number, market.number, now_ns)
        self._keeper.settle(now_ns)
        if verdict != _OK and not verdicts.is_named(verdict, "UNKNOWN_ORDER"):
            raise verdicts.error_of(verdict)

    # -- algo orders

    def place_algo(
        self, account: FuturesAccount, market: PerpetualMarket, values: Mapping[str, Any], now_ns: int
    ) -> AlgoOrder:
        """Place an order that waits for a price.

        Raises
        ------
        ApiError
            It is refused.

        """
        check_algo(values, now_ns)
        client_id = values.get("clientAlgoId") or self.new_id()
        held = account.find_algo(None, client_id)
        if held is not None and held.is_open:
            raise refusal(-4116)
        row = order_row(market.contract, values, self._flags(account, values), self._key())
        self._keeper.expect_order(row.client_key, (dict(values), client_id))
        verdict, algo_id = self._engine.place_algo(account.number, market.number, row, now_ns)
        self._keeper.settle(now_ns)
        if verdict != _OK:
            self._keeper.forget(row.client_key)
            raise self._error(verdict, market, values)
        self._count(account, now_ns)
        return account.algos[algo_id]

    def cancel_algo(self, account: FuturesAccount, values: Mapping[str, Any], now_ns: int) -> AlgoOrder:
        """Cancel an algo order.

        Raises
        ------
        ApiError
            -1102 neither id; -2011 there is no such one that waits.

        """
        algo_id, client_id = values.get("algoId"), values.get("clientAlgoId")
        if algo_id is None and client_id is None:
            raise refusal(-1102, "algoid")
        algo = account.find_algo(algo_id, client_id)
        if algo is None or not algo.is_open:
            raise refusal(-2011)
        number = self._keeper.market_of(algo.contract.name).number
        verdict = self._engine.cancel_algo(account.number, number, algo.algo_id, now_ns)
        self._keeper.settle(now_ns)
        if verdict != _OK:
            raise verdicts.error_of(verdict)
        return algo

    def cancel_all_algos(self, account: FuturesAccount, market: PerpetualMarket, now_ns: int) -> None:
        """Cancel every algo order of a contract; that there is none is well."""
        verdict = self._engine.cancel_all_algos(account.number, market.number, now_ns)
        self._keeper.settle(now_ns)
        if verdict != _OK and not verdicts.is_named(verdict, "UNKNOWN_ORDER"):
            raise verdicts.error_of(verdict)

    # -- inside

    def new_id(self) -> str:
        """Return an id for what a client left unnamed."""
        self._last_key += 1
        return f"auto-{self._last_key:016x}"

    def _key(self) -> int:
        self._last_key += 1
        return self._last_key

    def _written(
        self, account: FuturesAccount, market: PerpetualMarket, values: Mapping[str, Any], now_ns: int
    ) -> tuple[FuturesRow, FuturesLabels]:
        check_order(values, now_ns)
        client_id = values.get("newClientOrderId") or self.new_id()
        held = account.find_order(market.contract.name, None, client_id)
        if held is not None and held.is_open:
            raise refusal(-4116)
        row = order_row(market.contract, self._matched(market, values), self._flags(account, values), self._key())
        labels = FuturesLabels(
            client_id,
            working_type=values.get("workingType", "CONTRACT_PRICE"),
            price_match=values.get("priceMatch", _NO_PRICE_MATCH),
            good_till_ns=values.get("goodTillDate", 0),
            tif=values.get("timeInForce", "GTC"),
            protects_price=values.get("priceProtect", False),
        )
        return row, labels

    def _flags(self, account: FuturesAccount, values: Mapping[str, Any]) -> int:
        side = values.get("positionSide", "BOTH")
        is_hedged = self._engine.is_hedged(account.number)
        if is_hedged == (side == "BOTH"):
            raise refusal(-4061)
        flags = words.SIDE_FLAGS[side]
        if values.get("reduceOnly"):
            if is_hedged:
                raise refusal(-1106, "reduceonly")
            flags |= OrderFlag.ORDER_REDUCE_ONLY
        if values.get("closePosition"):
            flags |= OrderFlag.ORDER_CLOSE_POSITION
        if values["type"] in words.ALGO_TYPES and values.get("workingType") == "MARK_PRICE":
            flags |= OrderFlag.ORDER_MARK_PRICE
        if values["type"] in words.GUARDED_TYPES and values.get("priceProtect"):
            flags |= OrderFlag.ORDER_PRICE_PROTECT
        return int(flags)

    def _matched(self, market: PerpetualMarket, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the parameters with the price that `priceMatch` finds in the book."""
        wanted = values.get("priceMatch", _NO_PRICE_MATCH)
        if wanted == _NO_PRICE_MATCH:
            return values
        whose, _, depth = wanted.partition("_")
        _, bids, asks = self._engine.depth(market.number, int(depth or 1))
        levels = bids if (values["side"] == "BUY") == (whose == "QUEUE") else asks
        if len(levels) < int(depth or 1):
            raise refusal(-5041)
        return {**values, "price": levels[-1][0] * market.contract.tick}

    def _can_fill(self, market: PerpetualMarket, row: FuturesRow) -> bool:
        """Whether the book holds all that an order wants, at its price or better."""
        _, bids, asks = self._engine.depth(market.number, _LEVELS)
        if row.side == 0:
            return sum(lots for ticks, lots in asks if ticks <= row.price_ticks) >= row.qty_lots
        return sum(lots for ticks, lots in bids if ticks >= row.price_ticks) >= row.qty_lots

    @staticmethod
    def _error(verdict: int, market: PerpetualMarket, values: Mapping[str, Any]) -> ApiError:
        contract = market.contract
        if verdicts.is_named(verdict, "MIN_NOTIONAL"):
            return refusal(-4164, contract.min_notional // UNIT)
        if verdicts.is_named(verdict, "PERCENT_PRICE"):
            if values["type"] == "MARKET":
                return refusal(-4131)
            is_high = values["side"] == "BUY"
            bound = market.marks.mark * (contract.band_up if is_high else contract.band_down) // 100
            return refusal(-4016 if is_high else -4024, contract.price_text(bound))
        return verdicts.error_of(verdict)

    @staticmethod
    def _count(account: FuturesAccount, now_ns: int) -> None:
        if account.budget is not None:
            account.budget.add(1, now_ns)
