"""Administration: the exchange's own truth, and faults on demand. Every request needs the token."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Any

import msgspec
import orjson
from aiohttp import web

from bot4.adapters.simulator.faults.settings import decode_faults
from bot4.adapters.simulator.futures.ledger import futures_ledger
from bot4.adapters.simulator.wire.decimals import format_e8, parse_e8
from bot4.adapters.simulator.wire.errors import ApiError
from bot4.domain.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot4.adapters.simulator.faults.settings import FaultSettings
    from bot4.adapters.simulator.futures.venue import FuturesVenue
    from bot4.adapters.simulator.trade.account import Account
    from bot4.adapters.simulator.venue import Venue

PREFIX = "/admin"
_BODY_MAX = 64 * 1024
_MS = 1_000_000


class _Transfer(msgspec.Struct, forbid_unknown_fields=True):
    account: str
    asset: str
    amount: str


class AdminDoor:
    """Takes administration requests. Belongs to the event loop's thread.

    Parameters
    ----------
    venue : Venue
    futures : FuturesVenue or None
    token : str
        What ``Authorization: Bearer`` must carry.
    set_faults : callable
        Lets faults happen.

    """

    def __init__(
        self,
        venue: Venue,
        futures: FuturesVenue | None,
        token: str,
        set_faults: Callable[[FaultSettings], None],
    ) -> None:
        self._venue = venue
        self._futures = futures
        self._token = token.encode()
        self._set_faults = set_faults
        self._answers = {
            ("GET", "/ledger"): self._ledger,
            ("GET", "/faults"): self._faults,
            ("PUT", "/faults"): self._put_faults,
            ("PUT", "/transfer"): self._transfer,
        }

    async def answer(self, request: web.Request, path: str) -> web.Response:
        """Answer a request below the prefix."""
        sent = request.headers.get("Authorization", "").removeprefix("Bearer ").encode()
        if not hmac.compare_digest(sent, self._token):
            return web.json_response({"error": "the token is missing or wrong"}, status=401)
        answer = self._answers.get((request.method, path))
        if answer is None:
            return web.json_response({"error": f"there is no {request.method} {path}"}, status=404)
        return await answer(request)

    async def _faults(self, _request: web.Request) -> web.Response:
        faults = self._venue.faults
        return _json({"asked": msgspec.to_builtins(faults.asked), "now": msgspec.to_builtins(faults.settings)})

    async def _put_faults(self, request: web.Request) -> web.Response:
        try:
            settings = decode_faults(await request.read() or b"{}")
        except (ConfigError, ValueError) as error:
            return web.json_response({"error": str(error)}, status=400)
        self._set_faults(settings)
        return await self._faults(request)

    async def _transfer(self, request: web.Request) -> web.Response:
        """Move an amount to an account from outside, or from it where it is negative; nobody's stream tells of it."""
        try:
            asked = msgspec.json.decode(await request.read(), type=_Transfer)
            account = next(a for a in self._venue.accounts.values() if a.spec.name == asked.account)
            amount, engine = parse_e8("amount", asked.amount.removeprefix("-")), self._venue.engine
        except (StopIteration, ValueError, ApiError) as error:
            return web.json_response({"error": str(error) or "there is no such account"}, status=400)
        if asked.asset not in engine.assets:
            return web.json_response({"error": f"there is no asset {asked.asset}"}, status=400)
        if not asked.amount.startswith("-"):
            engine.deposit(account.number, asked.asset, amount)
        elif not engine.withdraw(account.number, asked.asset, amount):
            return web.json_response({"error": "there is not so much of it"}, status=400)
        return _json(self._account(account)["balances"])

    async def _ledger(self, _request: web.Request) -> web.Response:
        venue = self._venue
        ledger = {
            "serverTime": venue.now_ns() // _MS,
            "stateHash": f"{venue.engine.state_hash():016x}",
            "totals": {asset: format_e8(venue.engine.total(asset)) for asset in venue.engine.assets},
            "books": {name: market.update_id for name, market in venue.markets.items()},
            "accounts": {account.spec.name: self._account(account) for account in venue.accounts.values()},
        }
        if self._futures is not None:
            ledger["futures"] = futures_ledger(self._futures)
        return _json(ledger)

    def _account(self, account: Account) -> dict[str, Any]:
        engine = self._venue.engine
        balances = {}
        for asset in engine.assets:
            free, locked = engine.balance(account.number, asset)
            if free or locked:
                balances[asset] = {"free": format_e8(free), "locked": format_e8(locked)}
        return {
            "balances": balances,
            "orders": [order.to_query(_MS) for order in account.orders.values()],
            "openOrders": [order.order_id for order in account.open_orders.values()],
            "orderLists": [held.to_json(_MS) for held in account.lists.values()],
            "trades": [
                {
                    "symbol": symbol,
                    "id": fill.trade_id,
                    "orderId": fill.order_id,
                    "price": format_e8(fill.price),
                    "qty": format_e8(fill.qty),
                    "quoteQty": format_e8(fill.quote),
                    "commission": format_e8(fill.fee),
                    "commissionAsset": fill.fee_asset,
                    "time": fill.at_ns // _MS,
                    "isBuyer": fill.is_buyer,
                    "isMaker": fill.is_maker,
                }
                for fill, symbol in zip(account.fills, account.fill_symbols, strict=True)
            ],
        }


def _json(value: Any) -> web.Response:
    return web.Response(body=orjson.dumps(value), content_type="application/json")
