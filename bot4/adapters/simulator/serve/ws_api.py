"""The WebSocket API: a frame in, a frame out.

Source: binance-spot-api-docs web-socket-api.md (2026-07-21).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import orjson

from bot4.adapters.simulator.api.endpoint import Call, Endpoint, Security
from bot4.adapters.simulator.faults.orders import Fate
from bot4.adapters.simulator.serve.api_request import ApiRequest, parse_request
from bot4.adapters.simulator.serve.session_methods import SessionMethods
from bot4.adapters.simulator.wire.errors import ApiError, refusal
from bot4.adapters.simulator.wire.signatures import ws_signed_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bot4.adapters.simulator.api.dispatch import Dispatcher
    from bot4.adapters.simulator.api.gate import Gate
    from bot4.adapters.simulator.house import House
    from bot4.adapters.simulator.serve.api_peer import ApiPeer
    from bot4.adapters.simulator.serve.session_methods import Method
    from bot4.adapters.simulator.trade.account import Account

_NO_LIMITS = b""
_ABOUT_THE_REQUEST = frozenset({"apiKey", "returnRateLimits"})


class ApiDoor:
    """Takes frames of the WebSocket API. Belongs to the event loop's thread.

    Parameters
    ----------
    house : House
    gate : Gate
    dispatcher : Dispatcher
    endpoints : iterable of Endpoint
    methods : mapping of str to callable
        Those that are about the socket itself.

    """

    def __init__(
        self,
        house: House,
        gate: Gate,
        dispatcher: Dispatcher,
        endpoints: Iterable[Endpoint],
        methods: Mapping[str, Method],
    ) -> None:
        self._house = house
        self._gate = gate
        self._dispatcher = dispatcher
        self._endpoints = {item.ws_method: item for item in endpoints if item.ws_method}
        self._methods = methods
        self._session = SessionMethods(house, gate)

    async def take(self, peer: ApiPeer, frame: str | bytes) -> None:
        """Answer one frame; the answer waits in the peer's outbox."""
        request_id: int | str | None = None
        shows_limits = peer.shows_limits
        account: Account | None = None
        try:
            request = parse_request(frame)
            request_id = request.request_id
            if request.shows_limits is not None:
                shows_limits = request.shows_limits
            refused = self._house.faults.refuse_request()
            if refused is not None:
                raise refused
            method = self._methods.get(request.method)
            if method is not None:
                result = self._session.answer(method, peer, request.params)
            else:
                endpoint, call = self._admit(peer, request)
                account = call.account if endpoint.places else None
                if endpoint.security is Security.TRADE and self._house.faults.orders.is_on:
                    result = await self._carry_out(peer, endpoint, call)
                else:
                    result = self._dispatcher.answer(endpoint, call, peer.address)
        except ApiError as error:
            self._refuse(peer, error, request_id, account, shows_limits=shows_limits)
            return
        limits = self._limits(peer.address, account) if shows_limits else _NO_LIMITS
        peer.post(b'{"id":%b,"status":200,"result":%b%b}' % (orjson.dumps(request_id), orjson.dumps(result), limits))

    def _admit(self, peer: ApiPeer, request: ApiRequest) -> tuple[Endpoint, Call]:
        endpoint = self._endpoints.get(request.method)
        if endpoint is None:
            raise refusal(-1020)
        params = request.params
        key_name = params.get("apiKey")
        sent = params
        if key_name is not None or request.shows_limits is not None:  # signed with the others, and no endpoint's
            sent = {name: text for name, text in params.items() if name not in _ABOUT_THE_REQUEST}
        call = self._gate.admit(
            endpoint,
            sent,
            address=peer.address,
            unit=peer.unit,
            key_name=key_name,
            payload=lambda: ws_signed_text(params).encode(),
            session=peer.session,
        )
        return endpoint, call

    async def _carry_out(self, peer: ApiPeer, endpoint: Endpoint, call: Call) -> Any:
        """Answer under faults: late, with an unknown outcome, or never."""
        faults = self._house.faults.orders
        fate = faults.fate()
        await asyncio.sleep(faults.delay_s())
        result = self._dispatcher.answer(endpoint, call, peer.address)
        if fate is Fate.LOSE:
            peer.cut()
        elif fate is Fate.TIME_OUT:
            await asyncio.sleep(faults.timeout_s)
            raise refusal(-1007)
        return result

    def _refuse(
        self,
        peer: ApiPeer,
        error: ApiError,
        request_id: int | str | None,
        account: Account | None,
        *,
        shows_limits: bool,
    ) -> None:
        limits = self._limits(peer.address, account) if shows_limits else _NO_LIMITS
        shown = request_id if request_id is not None else error.request_id
        peer.post(
            b'{"id":%b,"status":%d,"error":%b%b}'
            % (orjson.dumps(shown), error.status, orjson.dumps(error.body()), limits)
        )

    def _limits(self, address: str, account: Account | None) -> bytes:
        house = self._house
        if house.request_budget is None or house.limits is None:
            return _NO_LIMITS
        now_ns = house.now_ns()
        limits = account.budget.to_rate_limits(now_ns) if account is not None and account.budget is not None else []
        limits.append(
            {
                "rateLimitType": "REQUEST_WEIGHT",
                "interval": "MINUTE",
                "intervalNum": 1,
                "limit": house.limits.weight_per_minute,
                "count": house.request_budget.use_of(address, now_ns).weight,
            }
        )
        return b',"rateLimits":%b' % orjson.dumps(limits)
