"""Listen keys: how clients subscribe to user data of the futures, and did on spot until 2026-02-20.

On spot only with ``--legacy-listen-key``, for clients that know nothing newer. A key lives an hour from when it was
last kept alive; an account has one at a time.
"""

from __future__ import annotations

from functools import partial
from random import Random
from typing import TYPE_CHECKING

import orjson

from bot4.adapters.simulator.wire.errors import refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot4.adapters.simulator.market.hub import Hub
    from bot4.adapters.simulator.trade.account import Account

LIFETIME_NS = 3_600_000_000_000
_LENGTH = 64
_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


class _KeyListener:
    """Sends an account's events to who listens to its key, plain as that stream was."""

    def __init__(self, hub: Hub, key: str) -> None:
        self._hub = hub
        self.key = key
        self.until_ns = 0

    def user_event(self, _account: Account, render: Callable[[int], dict[str, object]]) -> None:
        self._hub.publish(self.key, lambda unit: orjson.dumps(render(unit)))


class ListenKeys:
    """Listen keys of all accounts. Belongs to the event loop's thread.

    Parameters
    ----------
    hub : Hub
    seed : int
    tells_end : bool
        Whether those who listen are told that a key has expired.

    """

    def __init__(self, hub: Hub, seed: int, *, tells_end: bool = False) -> None:
        self._tells_end = tells_end
        self._hub = hub
        self._random = Random(f"listen keys {seed}")  # noqa: S311 - names a stream of a simulator
        self._listeners: dict[int, _KeyListener] = {}

    def create(self, account: Account, now_ns: int) -> str:
        """Return the account's key, a new one where it has none, valid from now on."""
        self.expire(now_ns, [account])
        held = self._listeners.get(account.number)
        if held is None:
            key = "".join(self._random.choices(_LETTERS, k=_LENGTH))
            held = self._listeners[account.number] = _KeyListener(self._hub, key)
            account.listeners[held] = None
        held.until_ns = now_ns + LIFETIME_NS
        return held.key

    def keep_alive(self, account: Account, key: str | None, now_ns: int) -> str:
        """Let a key live on, the account's where none is named; return it.

        Raises
        ------
        ApiError
            -1125: it is not the account's.

        """
        held = self._held(account, key, now_ns)
        held.until_ns = now_ns + LIFETIME_NS
        return held.key

    def close(self, account: Account, key: str | None, now_ns: int) -> None:
        """End a key, the account's where none is named.

        Raises
        ------
        ApiError
            -1125: it is not the account's.

        """
        self._drop(account, self._held(account, key, now_ns))

    def expire(self, now_ns: int, accounts: list[Account]) -> None:
        """End the keys of accounts that were not kept alive."""
        for account in accounts:
            held = self._listeners.get(account.number)
            if held is not None and now_ns >= held.until_ns:
                self._drop(account, held)
                if self._tells_end:
                    self._hub.publish(held.key, partial(_expired, held.key, now_ns))

    def _held(self, account: Account, key: str | None, now_ns: int) -> _KeyListener:
        self.expire(now_ns, [account])
        held = self._listeners.get(account.number)
        if held is None or key not in {None, held.key}:
            raise refusal(-1125)
        return held

    def _drop(self, account: Account, held: _KeyListener) -> None:
        del self._listeners[account.number]
        account.listeners.pop(held, None)


def _expired(key: str, at_ns: int, unit: int) -> bytes:
    return orjson.dumps({"e": "listenKeyExpired", "E": at_ns // unit, "listenKey": key})
