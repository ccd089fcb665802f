"""An exchange that is asked directly: no sockets, no signatures, and a clock that the test moves."""

from __future__ import annotations

from typing import Any

import pytest

from bot4.adapters.simulator.accounts import parse_account
from bot4.adapters.simulator.api.endpoint import MILLISECOND_NS, Call
from bot4.adapters.simulator.api.table import ENDPOINTS
from bot4.adapters.simulator.symbols import DEFAULT_SYMBOLS
from bot4.adapters.simulator.venue import Venue
from bot4.adapters.simulator.wire.errors import ApiError

ALICE = "alice:alicekey:alicesecret:USDT=1000000,BTC=100,ETH=1000"
BOB = "bob:bobkey:bobsecret:USDT=1000000,BTC=100,ETH=1000"
START_NS = 1_800_000_000 * 10**9
_BY_PATH = {(endpoint.method, endpoint.path): endpoint for endpoint in ENDPOINTS}


class QuietVenue:
    """What two clients, alice and bob, ask of an exchange on which nobody else trades."""

    def __init__(self, *, limits=None, accounts=(ALICE, BOB)) -> None:
        self.now_ns = START_NS
        self.venue = Venue(DEFAULT_SYMBOLS, list(map(parse_account, accounts)), limits, seed=1, clock=self.clock)
        self.accounts = {account.spec.name: account for account in self.venue.accounts.values()}
        self.events: dict[str, list[dict[str, Any]]] = {name: [] for name in self.accounts}
        for account in self.accounts.values():
            account.listeners[self] = None

    def clock(self) -> int:
        return self.now_ns

    def user_event(self, account, render) -> None:
        """Take an account's event, as a user data stream does."""
        self.events[account.spec.name].append(render(MILLISECOND_NS))

    def ask(self, what: str, who: str = "alice", **sent: Any) -> Any:
        """Return the answer to ``"POST order"``: a method and the path behind /api/v3/."""
        method, path = what.split()
        endpoint = _BY_PATH[method, f"/api/v3/{path}"]
        values = endpoint.parameters.parse({name: str(value) for name, value in sent.items()})
        self.now_ns += MILLISECOND_NS
        return endpoint.answer(self.venue, Call(values, self.now_ns, MILLISECOND_NS, self.accounts[who]))

    def refusal(self, what: str, who: str = "alice", **sent: Any) -> ApiError:
        """Return what the exchange says where it must refuse."""
        with pytest.raises(ApiError) as refused:
            self.ask(what, who, **sent)
        return refused.value

    def limit(self, side: str, price: Any, quantity: Any, who: str = "alice", **more: Any) -> dict[str, Any]:
        """Place a limit order on BTCUSDT."""
        order = {"symbol": "BTCUSDT", "side": side, "type": "LIMIT", "timeInForce": "GTC"}
        return self.ask("POST order", who, **(order | {"price": price, "quantity": quantity} | more))

    def trade(self, price: Any, quantity: Any = "0.01") -> None:
        """Let bob trade with himself: the market has a last price then."""
        self.limit("SELL", price, quantity, "bob")
        self.limit("BUY", price, quantity, "bob")
