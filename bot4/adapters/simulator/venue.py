"""The spot exchange as a whole, without its sockets: markets, accounts, keys, limits, faults."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot4.adapters.simulator.house import House, assets_of
from bot4.adapters.simulator.market.market import Market
from bot4.adapters.simulator.market.publisher import Publisher
from bot4.adapters.simulator.trade.account import Account
from bot4.adapters.simulator.trade.desk import Desk
from bot4.adapters.simulator.trade.engine import Engine
from bot4.adapters.simulator.trade.ledger_keeper import LedgerKeeper
from bot4.adapters.simulator.trade.listen_keys import ListenKeys
from bot4.adapters.simulator.wire.errors import refusal
from bot4.adapters.simulator.wire.order_budget import OrderBudget

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bot4.adapters.simulator.accounts import AccountSpec
    from bot4.adapters.simulator.symbols import Symbol
    from bot4.adapters.simulator.wire.limits import Limits

_BACKGROUND_ACCOUNTS = 64


class Venue(House):
    """The spot exchange. Belongs to the event loop's thread.

    Parameters
    ----------
    symbols : sequence of Symbol
    accounts : sequence of AccountSpec
    limits : Limits or None
        None is no limits.
    seed : int
        Of faults.
    clock : callable
        Returns the time, nanoseconds UTC.

    Raises
    ------
    ConfigError
        Two accounts or keys have one name, a key cannot be read, a balance's asset is traded nowhere.

    """

    def __init__(
        self,
        symbols: Sequence[Symbol],
        accounts: Sequence[AccountSpec],
        limits: Limits | None,
        *,
        seed: int,
        clock: Callable[[], int],
    ) -> None:
        super().__init__(limits, seed=seed, clock=clock)
        self.has_futures = False  # whether keys may trade on futures too: there is such an exchange beside this one
        self.engine = Engine(
            symbols, assets_of(spec.balances for spec in accounts), len(accounts) + _BACKGROUND_ACCOUNTS
        )
        self.markets = {symbol.name: Market(symbol, number, self.engine) for number, symbol in enumerate(symbols)}
        self.publisher = Publisher(self.hub, self.markets, self.faults.depth.send)
        self.keeper = LedgerKeeper(self.engine, list(self.markets.values()), self.accounts, self.publisher)
        self.desk = Desk(self.engine, self.keeper)
        for spec in accounts:
            self._check_name(spec)
            budget = None if limits is None else _order_budget(limits)
            self._add(Account(spec, self.engine.open_account(spec), budget))
        self.settle(self.started_ns)

    def allow_listen_keys(self, seed: int) -> None:
        """Let clients subscribe to user data as they did before 2026-02-20."""
        self.listen_keys = ListenKeys(self.hub, seed)

    def market(self, name: str) -> Market:
        """Return a market.

        Raises
        ------
        ApiError
            -1121.

        """
        market = self.markets.get(name)
        if market is None:
            raise refusal(-1121)
        return market

    def settle(self, now_ns: int) -> None:
        """Read what the matching engine reports of trading that no request asked for."""
        self.keeper.settle(None, now_ns)

    def publish(self, count: int, now_ns: int) -> None:
        """Send what is due on the streams; `count` is of tenths of a second."""
        self.publisher.tick(count, now_ns)


def _order_budget(limits: Limits) -> OrderBudget:
    return OrderBudget(limits.order_windows(), maker_credit=limits.maker_fill_credit, taker_credit=1)
