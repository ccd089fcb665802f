"""The exchange as a whole, without its sockets: markets, accounts, keys, limits, faults."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot4.adapters.simulator.faults.faults import Faults
from bot4.adapters.simulator.market.hub import Hub
from bot4.adapters.simulator.market.market import Market
from bot4.adapters.simulator.market.publisher import Publisher
from bot4.adapters.simulator.trade.account import Account
from bot4.adapters.simulator.trade.desk import Desk
from bot4.adapters.simulator.trade.engine import Engine
from bot4.adapters.simulator.trade.ledger_keeper import LedgerKeeper
from bot4.adapters.simulator.trade.listen_keys import ListenKeys
from bot4.adapters.simulator.wire.errors import refusal
from bot4.adapters.simulator.wire.order_budget import OrderBudget
from bot4.adapters.simulator.wire.request_budget import RequestBudget
from bot4.adapters.simulator.wire.signatures import ApiKey, hmac_verifier, public_key_verifier
from bot4.domain.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bot4.adapters.simulator.accounts import AccountSpec, KeySpec
    from bot4.adapters.simulator.symbols import Symbol
    from bot4.adapters.simulator.wire.limits import Limits

_SECOND_NS = 1_000_000_000
_BACKGROUND_ACCOUNTS = 64
_AGE_MAX_S, _PING_PERIOD_S, _PONG_TIMEOUT_S = 86_400.0, 20.0, 60.0


@dataclass(frozen=True, slots=True)
class ConnectionTimes:
    """How long a socket may live, be silent, and wait for a ping; nanoseconds."""

    age_max_ns: int
    ping_period_ns: int
    pong_timeout_ns: int


class Venue:
    """An exchange. Belongs to the event loop's thread.

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
        self._clock = clock
        self.limits = limits
        self.started_ns = clock()
        self.hub = Hub()
        self.faults = Faults(seed, self.hub, clock)
        self.request_budget = None if limits is None else RequestBudget(limits)
        assets = dict.fromkeys(asset for spec in accounts for asset in spec.balances)
        self.engine = Engine(symbols, assets, len(accounts) + _BACKGROUND_ACCOUNTS)
        self.markets = {symbol.name: Market(symbol, number, self.engine) for number, symbol in enumerate(symbols)}
        self.publisher = Publisher(self.hub, self.markets, self.faults.depth.send)
        self.accounts: dict[int, Account] = {}
        self.keys: dict[str, ApiKey] = {}
        self.keeper = LedgerKeeper(self.engine, list(self.markets.values()), self.accounts, self.publisher)
        self.desk = Desk(self.engine, self.keeper)
        self.listen_keys: ListenKeys | None = None
        for spec in accounts:
            self._open(spec)
        self.keeper.settle(None, self.started_ns)

    def allow_listen_keys(self, seed: int) -> None:
        """Let clients subscribe to user data as they did before 2026-02-20."""
        self.listen_keys = ListenKeys(self.hub, seed)

    def now_ns(self) -> int:
        """Return the server's time, nanoseconds UTC."""
        return self._clock() + self.faults.clock_skew_ns

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

    @property
    def connection_times(self) -> ConnectionTimes:
        """How long sockets may live, as faults may shorten it."""
        settings = self.faults.settings
        return ConnectionTimes(
            int((settings.connection_age_s or _AGE_MAX_S) * _SECOND_NS),
            int((settings.ping_period_s or _PING_PERIOD_S) * _SECOND_NS),
            int((settings.pong_timeout_s or _PONG_TIMEOUT_S) * _SECOND_NS),
        )

    def _open(self, spec: AccountSpec) -> None:
        if any(account.spec.name == spec.name for account in self.accounts.values()):
            raise ConfigError(f"there are two accounts {spec.name!r}")
        number = self.engine.open_account(spec)
        budget = None if self.limits is None else OrderBudget(self.limits)
        self.accounts[number] = Account(spec, number, budget)
        for key in spec.keys:
            if key.name in self.keys:
                raise ConfigError(f"account {spec.name}: key {key.name!r} is another's, or given twice")
            self.keys[key.name] = _api_key(key, number)


def _api_key(spec: KeySpec, account: int) -> ApiKey:
    if spec.secret is not None:
        return ApiKey(spec.name, account, "hmac", hmac_verifier(spec.secret), spec.may_trade)
    kind, verify = public_key_verifier(spec.public_key or "")
    return ApiKey(spec.name, account, kind, verify, spec.may_trade)
