"""One account of the futures: its orders, algo orders, fills, incomes, and who listens to what happens to it."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple

from bot4.adapters.simulator.futures.contracts import MARGIN_ASSET
from bot4.adapters.simulator.trade.account import FILLS_MAX, ORDERS_MAX, Account
from bot4.adapters.simulator.wire.decimals import format_e8

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bot4.adapters.simulator.accounts import AccountSpec
    from bot4.adapters.simulator.futures.trade.algo import AlgoOrder
    from bot4.adapters.simulator.futures.trade.order import FuturesFill, FuturesOrder
    from bot4.adapters.simulator.wire.order_budget import OrderBudget

INCOMES_MAX = 200_000


class Income(NamedTuple):
    """What changed a wallet; the amount in hundred-millionths, time in nanoseconds UTC."""

    income_id: int
    symbol: str
    kind: str
    amount: int
    at_ns: int
    trade_id: int = 0

    def to_json(self, unit: int) -> dict[str, Any]:
        """Return the row of ``income``."""
        return {
            "symbol": self.symbol,
            "incomeType": self.kind,
            "income": format_e8(self.amount),
            "asset": MARGIN_ASSET,
            "info": self.kind,
            "time": self.at_ns // unit,
            "tranId": self.income_id,
            "tradeId": str(self.trade_id) if self.trade_id else "",
        }


class MarginChange(NamedTuple):
    """Money that was moved to or from an isolated position."""

    symbol: str
    position_side: str
    amount: int
    at_ns: int


class FuturesAccount(Account):
    """What the futures remember of an account. Belongs to the event loop's thread.

    Parameters
    ----------
    spec : AccountSpec
    number : int
        Of the matching engine.
    budget : OrderBudget or None
        Of orders; None where there are no limits.

    The last `ORDERS_MAX` orders and algo orders, `FILLS_MAX` fills and `INCOMES_MAX` incomes are remembered.

    """

    orders: dict[int, FuturesOrder]  # type: ignore[assignment]
    open_orders: dict[int, FuturesOrder]  # type: ignore[assignment]

    def __init__(self, spec: AccountSpec, number: int, budget: OrderBudget | None) -> None:
        super().__init__(spec, number, budget)
        self.algos: dict[int, AlgoOrder] = {}
        self.trades: deque[tuple[str, FuturesFill]] = deque(maxlen=FILLS_MAX)
        self.incomes: deque[Income] = deque(maxlen=INCOMES_MAX)
        self.margin_changes: deque[MarginChange] = deque(maxlen=INCOMES_MAX)
        self.wallet = 0  # as events told it last
        self.earned = 0  # all incomes together
        self._algo_names: dict[str, AlgoOrder] = {}
        self._income_id = 0

    def find_order(self, symbol: str, order_id: int | None, client_id: str | None) -> FuturesOrder | None:
        """Return an order of a contract by its id, else by its client's, the latest of that name."""
        found = self.find(symbol, order_id, client_id)
        return found if found is None else self.orders.get(found.order_id)

    def add_algo(self, algo: AlgoOrder) -> None:
        """Remember an algo order that was accepted."""
        if len(self.algos) >= ORDERS_MAX:
            self._forget_algos()
        self.algos[algo.algo_id] = algo
        self._algo_names[algo.client_id] = algo

    def find_algo(self, algo_id: int | None, client_id: str | None) -> AlgoOrder | None:
        """Return an algo order by its id, else by its client's, the latest of that name."""
        if algo_id is not None:
            return self.algos.get(algo_id)
        return self._algo_names.get(client_id or "")

    def open_algos(self, symbol: str | None = None) -> Iterable[AlgoOrder]:
        """Return the algo orders that wait, of one contract or all, oldest first."""
        return (algo for algo in self.algos.values() if algo.is_open and symbol in {None, algo.contract.name})

    def earn(self, symbol: str, kind: str, amount: int, at_ns: int, trade_id: int = 0) -> None:
        """Remember what changed the wallet."""
        if amount:
            self.earned += amount
            self._income_id += 1
            self.incomes.append(Income(self._income_id, symbol, kind, amount, at_ns, trade_id))

    def _forget_algos(self) -> None:
        for algo_id in [key for key, algo in self.algos.items() if not algo.is_open][: ORDERS_MAX // 10]:
            algo = self.algos.pop(algo_id)
            if self._algo_names.get(algo.client_id) is algo:
                del self._algo_names[algo.client_id]
