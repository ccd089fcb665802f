"""A socket of the WebSocket API: its session, its user data subscriptions, its answers.

Source: binance-spot-api-docs web-socket-api.md (2026-07-21).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from bot4.adapters.simulator.serve.peer import Peer
from bot4.adapters.simulator.wire.errors import refusal

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from aiohttp import web

    from bot4.adapters.simulator.trade.account import Account
    from bot4.adapters.simulator.wire.signatures import ApiKey

SUBSCRIPTIONS_MAX = 1_000
SUBSCRIPTION_IDS_MAX = 65_535


class ApiPeer(Peer):
    """A WebSocket API socket.

    Parameters
    ----------
    socket, transport, address, now_ns
        See `Peer`.
    shows_limits : bool
        Whether answers tell the limits where a request does not say.

    """

    def __init__(
        self,
        socket: web.WebSocketResponse,
        transport: asyncio.Transport | None,
        address: str,
        now_ns: int,
        *,
        shows_limits: bool,
    ) -> None:
        super().__init__(socket, transport, address, now_ns)
        self.shows_limits = shows_limits
        self.has_users = True
        self.session: ApiKey | None = None
        self.authorised_ns = 0
        self._accounts: dict[int, Account] = {}  # by subscription
        self._subscriptions: dict[int, int] = {}  # by the account's number
        self._by_session: set[int] = set()
        self._next_id = 0

    def user_event(self, account: Account, render: Callable[[int], dict[str, object]]) -> None:
        """Send an event of an account."""
        if self.is_muted:
            return
        subscription = self._subscriptions.get(account.number)
        if subscription is not None:
            self.push(b'{"subscriptionId":%d,"event":%b}' % (subscription, orjson.dumps(render(self.unit))))

    def subscribe(self, account: Account, *, by_session: bool) -> int:
        """Subscribe to an account's events; return the subscription's id.

        Raises
        ------
        ApiError
            -2035 there is such a subscription; -2042 no id is left, or too many are active.

        """
        if account.number in self._subscriptions:
            raise refusal(-2035)
        if self._next_id >= SUBSCRIPTION_IDS_MAX or len(self._accounts) >= SUBSCRIPTIONS_MAX:
            raise refusal(-2042)
        subscription = self._next_id
        self._next_id += 1
        self._accounts[subscription] = account
        self._subscriptions[account.number] = subscription
        if by_session:
            self._by_session.add(subscription)
        account.listeners[self] = None
        return subscription

    def unsubscribe(self, subscription: int | None, now_ns: int) -> None:
        """End one subscription, or all.

        Raises
        ------
        ApiError
            -2036: there is no such one.

        """
        if subscription is None:
            chosen = list(self._accounts)
        elif subscription in self._accounts:
            chosen = [subscription]
        else:
            raise refusal(-2036)
        for item in chosen:
            self._end(item)
            event = orjson.dumps({"e": "eventStreamTerminated", "E": now_ns // self.unit})
            self.push(b'{"subscriptionId":%d,"event":%b}' % (item, event))

    def log_out(self, now_ns: int) -> None:
        """Forget the session's key, and the subscription that came by it."""
        self.session = None
        for subscription in list(self._by_session):
            self.unsubscribe(subscription, now_ns)

    def leave(self) -> None:
        """End all subscriptions without a word: the socket is gone."""
        for subscription in list(self._accounts):
            self._end(subscription)

    def subscriptions(self) -> list[dict[str, int]]:
        """Return the active subscriptions."""
        return [{"subscriptionId": subscription} for subscription in self._accounts]

    def status(self, now_ns: int) -> dict[str, Any]:
        """Return the state of the session."""
        has_session = self.session is not None
        return {
            "apiKey": self.session.name if self.session is not None else None,
            "authorizedSince": self.authorised_ns // self.unit if has_session else None,
            "connectedSince": self.connected_ns // self.unit,
            "returnRateLimits": self.shows_limits,
            "serverTime": now_ns // self.unit,
            "userDataStream": bool(self._accounts),
        }

    def _end(self, subscription: int) -> None:
        account = self._accounts.pop(subscription)
        del self._subscriptions[account.number]
        self._by_session.discard(subscription)
        account.listeners.pop(self, None)
