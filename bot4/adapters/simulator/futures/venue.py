"""The futures exchange as a whole, without its sockets: contracts, mark prices, accounts, keys, limits, faults."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot4.adapters.simulator.futures.errors import refusal
from bot4.adapters.simulator.futures.market.marks import Marks
from bot4.adapters.simulator.futures.market.perpetual import PerpetualMarket
from bot4.adapters.simulator.futures.market.publisher import FuturesPublisher
from bot4.adapters.simulator.futures.market.stream_names import is_served
from bot4.adapters.simulator.futures.trade.account import FuturesAccount
from bot4.adapters.simulator.futures.trade.desk import FuturesDesk
from bot4.adapters.simulator.futures.trade.engine import MARK_DIVISIONS, FuturesEngine
from bot4.adapters.simulator.futures.trade.keeper import FuturesKeeper
from bot4.adapters.simulator.house import House
from bot4.adapters.simulator.trade.listen_keys import ListenKeys
from bot4.adapters.simulator.wire.order_budget import OrderBudget

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from bot4.adapters.simulator.accounts import AccountSpec
    from bot4.adapters.simulator.api.endpoint import Call
    from bot4.adapters.simulator.futures.contracts import Contract
    from bot4.adapters.simulator.wire.limits import Limits

FUNDING_INTERVAL_S = 8 * 3_600
_BACKGROUND_ACCOUNTS = 64
_SECOND_NS = 1_000_000_000


class FuturesVenue(House):
    """The futures exchange. Belongs to the event loop's thread.

    Parameters
    ----------
    contracts : sequence of Contract
    accounts : sequence of AccountSpec
    limits : Limits or None
        None is no limits.
    seed : int
        Of faults and listen keys.
    clock : callable
        Returns the time, nanoseconds UTC.
    funding_interval_s : int
        Between two settlements of funding.

    Raises
    ------
    ConfigError
        Two accounts or keys have one name, or a key cannot be read.

    """

    def __init__(
        self,
        contracts: Sequence[Contract],
        accounts: Sequence[AccountSpec],
        limits: Limits | None,
        *,
        seed: int,
        clock: Callable[[], int],
        funding_interval_s: int = FUNDING_INTERVAL_S,
    ) -> None:
        super().__init__(None if limits is None else limits.of_futures(), seed=seed, clock=clock)
        self.engine: FuturesEngine = FuturesEngine(contracts, (), len(accounts) + _BACKGROUND_ACCOUNTS)
        self.perpetuals: dict[str, PerpetualMarket] = {}
        for number, contract in enumerate(contracts):
            marks = Marks(
                contract.first_price,
                self.started_ns,
                grid=contract.tick // MARK_DIVISIONS,
                interval_ns=funding_interval_s * _SECOND_NS,
            )
            self.perpetuals[contract.name] = PerpetualMarket(contract, number, self.engine, marks, len(contracts))
        self.markets = self.perpetuals
        self.publisher = FuturesPublisher(self.hub, self.perpetuals, self.faults.depth.send, self.now_ns)
        self.holders: dict[int, FuturesAccount] = {}
        self.keeper = FuturesKeeper(self.engine, list(self.perpetuals.values()), self.holders, self.publisher)
        self.desk = FuturesDesk(self.engine, self.keeper)
        self.user_keys = ListenKeys(self.hub, seed, tells_end=True)
        self.listen_keys = self.user_keys
        for spec in accounts:
            self._check_name(spec)
            budget = None if limits is None else OrderBudget(limits.futures_windows())
            account = FuturesAccount(spec, self.engine.open_account(spec), budget)
            self.holders[account.number] = account
            self._add(account)
            for amount in spec.futures_balances.values():
                account.earn("", "TRANSFER", amount, self.started_ns)
        for market in self.perpetuals.values():
            self._set_mark(market, self.started_ns)
        self.settle(self.started_ns)

    def contracts(self) -> Iterable[PerpetualMarket]:
        """Return all markets."""
        return self.perpetuals.values()

    def market(self, name: str) -> PerpetualMarket:
        """Return a market.

        Raises
        ------
        ApiError
            -1121.

        """
        market = self.perpetuals.get(name)
        if market is None:
            raise refusal(-1121)
        return market

    def wing(self, name: str) -> Callable[[str], bool]:
        """Return what tells whether a route serves a stream; without a route all are served."""
        return (lambda stream: is_served(name, stream)) if name else super().wing(name)

    def advance(self, now_ns: int) -> None:
        """Let time go on, mark prices and funding with it: positions are valued, paid for, and liquidated."""
        super().advance(now_ns)
        true_ns = self._clock()  # a clock that is skewed for clients brings no funding, and costs none
        for market in self.perpetuals.values():
            market.marks.shift_bps = self.faults.settings.mark_shift_bps
            if market.advance_marks(true_ns):
                self._set_mark(market, now_ns)
            rate = market.marks.settle(true_ns)
            if rate is not None:
                self.engine.apply_funding(market.number, rate, market.marks.next_funding_ns, now_ns)

    def settle(self, now_ns: int) -> None:
        """Read what the compiled exchange reports."""
        self.keeper.settle(now_ns)

    def owner(self, call: Call) -> FuturesAccount:
        """Return the account of a signed request."""
        return self.holders[call.owner.number]

    def open_interest(self, market: PerpetualMarket) -> int:
        """Return how much of a contract is held long, hundred-millionths; as much is held short."""
        held = (
            row.lots
            for number in range(self.engine.account_count)
            for row in self.engine.positions(number, market.number)
        )
        return sum(lots for lots in held if lots > 0) * market.contract.step

    def free_background(self) -> None:
        """Let the background market hold what it likes: no leverage bracket binds it."""
        for number in self.engine.background_accounts():
            for market in self.perpetuals.values():
                self.engine.set_leverage(number, market.number, 1, self.now_ns())

    def _set_mark(self, market: PerpetualMarket, now_ns: int) -> None:
        grid = market.contract.tick // MARK_DIVISIONS
        self.engine.set_mark(market.number, market.marks.mark // grid, market.marks.index // grid, now_ns)

    def publish(self, count: int, now_ns: int) -> None:
        """Send what is due on the streams; `count` is of tenths of a second."""
        self.publisher.tick(count, now_ns)
