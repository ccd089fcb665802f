"""What every house of the exchange has, spot or futures: a clock, accounts with their keys, limits, streams, faults."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot4.adapters.simulator.faults.faults import Faults
from bot4.adapters.simulator.market.hub import Hub
from bot4.adapters.simulator.wire.request_budget import RequestBudget
from bot4.adapters.simulator.wire.signatures import ApiKey, hmac_verifier, public_key_verifier
from bot4.domain.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from bot4.adapters.simulator.accounts import AccountSpec, KeySpec
    from bot4.adapters.simulator.market.market import Market
    from bot4.adapters.simulator.trade.account import Account
    from bot4.adapters.simulator.trade.engine import Engine
    from bot4.adapters.simulator.trade.listen_keys import ListenKeys
    from bot4.adapters.simulator.wire.limits import Limits

_SECOND_NS = 1_000_000_000
_AGE_MAX_S, _PING_PERIOD_S, _PONG_TIMEOUT_S = 86_400.0, 20.0, 60.0


@dataclass(frozen=True, slots=True)
class ConnectionTimes:
    """How long a socket may live, be silent, and wait for a ping; nanoseconds."""

    age_max_ns: int
    ping_period_ns: int
    pong_timeout_ns: int


class House:
    """One product's part of the exchange. Belongs to the event loop's thread.

    Parameters
    ----------
    limits : Limits or None
        None is no limits.
    seed : int
        Of faults.
    clock : callable
        Returns the time, nanoseconds UTC.

    A house made of this one sets `engine` and `markets`, and opens the accounts.

    """

    engine: Engine
    markets: Mapping[str, Market]

    def __init__(self, limits: Limits | None, *, seed: int, clock: Callable[[], int]) -> None:
        self._clock = clock
        self.limits = limits
        self.started_ns = clock()
        self.hub = Hub()
        self.faults = Faults(seed, self.hub, clock)
        self.request_budget = None if limits is None else RequestBudget(limits)
        self.accounts: dict[int, Account] = {}
        self.keys: dict[str, ApiKey] = {}
        self.listen_keys: ListenKeys | None = None

    def now_ns(self) -> int:
        """Return the server's time, nanoseconds UTC."""
        return self._clock() + self.faults.clock_skew_ns

    def settle(self, now_ns: int) -> None:
        """Read what the matching engine reports of trading that no request asked for."""
        raise NotImplementedError

    def advance(self, now_ns: int) -> None:
        """Let time go on; called many times a second, before `settle`."""
        self.engine.advance(now_ns)

    def publish(self, count: int, now_ns: int) -> None:
        """Send what is due on the streams; `count` is of tenths of a second."""
        raise NotImplementedError

    def wing(self, _name: str) -> Callable[[str], bool]:
        """Return what tells whether a group of sockets serves a stream; a house without groups serves all."""
        return _everything

    @property
    def connection_times(self) -> ConnectionTimes:
        """How long sockets may live, as faults may shorten it."""
        settings = self.faults.settings
        return ConnectionTimes(
            int((settings.connection_age_s or _AGE_MAX_S) * _SECOND_NS),
            int((settings.ping_period_s or _PING_PERIOD_S) * _SECOND_NS),
            int((settings.pong_timeout_s or _PONG_TIMEOUT_S) * _SECOND_NS),
        )

    def _check_name(self, spec: AccountSpec) -> None:
        if any(account.spec.name == spec.name for account in self.accounts.values()):
            raise ConfigError(f"there are two accounts {spec.name!r}")

    def _add(self, account: Account) -> None:
        self.accounts[account.number] = account
        for key in account.spec.keys:
            if key.name in self.keys:
                raise ConfigError(f"account {account.spec.name}: key {key.name!r} is another's, or given twice")
            self.keys[key.name] = _api_key(key, account.number)


def assets_of(balances: Iterable[Mapping[str, int]]) -> list[str]:
    """Return the assets that some accounts begin with, each once."""
    return list(dict.fromkeys(asset for held in balances for asset in held))


def _everything(_stream: str) -> bool:
    return True


def _api_key(spec: KeySpec, account: int) -> ApiKey:
    if spec.secret is not None:
        return ApiKey(spec.name, account, "hmac", hmac_verifier(spec.secret), spec.may_trade, spec.may_withdraw)
    kind, verify = public_key_verifier(spec.public_key or "")
    return ApiKey(spec.name, account, kind, verify, spec.may_trade, spec.may_withdraw)
