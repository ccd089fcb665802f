"""The futures exchange as a whole, without its sockets: contracts, mark prices, accounts, keys, limits, faults."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot4.adapters.simulator.futures.errors import refusal
from bot4.adapters.simulator.futures.market import PerpetualMarket
from bot4.adapters.simulator.futures.marks import Marks
from bot4.adapters.simulator.futures.publisher import FuturesPublisher
from bot4.adapters.simulator.futures.stream_names import is_served
from bot4.adapters.simulator.house import House
from bot4.adapters.simulator.trade.account import Account
from bot4.adapters.simulator.trade.engine import Engine
from bot4.adapters.simulator.trade.ledger_keeper import LedgerKeeper
from bot4.adapters.simulator.wire.order_budget import OrderBudget

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from bot4.adapters.simulator.accounts import AccountSpec
    from bot4.adapters.simulator.futures.contracts import Contract
    from bot4.adapters.simulator.wire.limits import Limits

FUNDING_INTERVAL_S = 8 * 3_600
_BACKGROUND_ACCOUNTS = 64
_MARK_DIVISIONS = 100
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
        self.engine = Engine(contracts, (), len(accounts) + _BACKGROUND_ACCOUNTS)
        self.perpetuals: dict[str, PerpetualMarket] = {}
        for number, contract in enumerate(contracts):
            marks = Marks(
                contract.first_price,
                self.started_ns,
                grid=contract.tick // _MARK_DIVISIONS,
                interval_ns=funding_interval_s * _SECOND_NS,
            )
            self.perpetuals[contract.name] = PerpetualMarket(contract, number, self.engine, marks, len(contracts))
        self.markets = self.perpetuals
        self.publisher = FuturesPublisher(self.hub, self.perpetuals, self.faults.depth.send, self.now_ns)
        self.keeper = LedgerKeeper(self.engine, list(self.markets.values()), self.accounts, self.publisher)
        for spec in accounts:
            self._check_name(spec)
            budget = None if limits is None else OrderBudget(limits.futures_windows())
            self._add(Account(spec, self.engine.open_account(spec), budget))
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
        """Let time go on, mark prices and funding with it."""
        super().advance(now_ns)
        for market in self.perpetuals.values():
            market.advance_marks(now_ns)

    def settle(self, now_ns: int) -> None:
        """Read what the matching engine reports of trading that no request asked for."""
        self.keeper.settle(None, now_ns)

    def publish(self, count: int, now_ns: int) -> None:
        """Send what is due on the streams; `count` is of tenths of a second."""
        self.publisher.tick(count, now_ns)
