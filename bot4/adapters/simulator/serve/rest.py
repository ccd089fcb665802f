"""REST: an HTTP request in, JSON out.

Source: binance-spot-api-docs rest-api.md (2026-07-21).
"""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web

from bot4.adapters.simulator.api.endpoint import MICROSECOND_NS, MILLISECOND_NS, Call, Endpoint, Security
from bot4.adapters.simulator.faults.orders import Fate
from bot4.adapters.simulator.wire.errors import ApiError, refusal
from bot4.adapters.simulator.wire.parameters import sent_parameters, signed_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bot4.adapters.simulator.api.dispatch import Dispatcher
    from bot4.adapters.simulator.api.gate import Gate
    from bot4.adapters.simulator.house import House

BODY_MAX = 64 * 1024
QUERY_MAX = 16 * 1024
BODY_TIMEOUT_S = 10.0
_is_schema = re.compile(r"[0-9]{1,5}:[0-9]{1,5}", re.ASCII).fullmatch
_JSON = "application/json;charset=UTF-8"
_UNITS = {
    "MICROSECOND": MICROSECOND_NS,
    "microsecond": MICROSECOND_NS,
    "MILLISECOND": MILLISECOND_NS,
    "millisecond": MILLISECOND_NS,
}


class RestDoor:
    """Takes HTTP requests to endpoints. Belongs to the event loop's thread.

    Parameters
    ----------
    house : House
    gate : Gate
    dispatcher : Dispatcher
    endpoints : iterable of Endpoint

    """

    def __init__(self, house: House, gate: Gate, dispatcher: Dispatcher, endpoints: Iterable[Endpoint]) -> None:
        self._house = house
        self._gate = gate
        self._dispatcher = dispatcher
        self._endpoints = {(item.method, item.path): item for item in endpoints if item.path}
        self._paths = {path for _, path in self._endpoints}

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer a request; whatever is wrong with it gets the venue's error."""
        path, _, query = request.raw_path.partition("?")
        address = request.remote or ""
        try:
            endpoint = self._find(request.method, path)
            if endpoint is None:
                return web.Response(status=404, text="<html><body><h2>404 Not found</h2></body></html>")
            body = await self._body(request, query)
            unit = unit_of(request.headers.get("X-MBX-TIME-UNIT"))
            check_encoding(request.headers.get("X-MBX-SBE"))
            call = self._admit(request, endpoint, query=query, body=body, address=address, unit=unit)
            return await self._carry_out(request, endpoint, call, address)
        except ApiError as error:
            return self._refused(error, address)

    def _find(self, method: str, path: str) -> Endpoint | None:
        refused = self._house.faults.refuse_request()
        if refused is not None:
            raise refused
        endpoint = self._endpoints.get((method, path))
        if endpoint is None and path in self._paths:
            raise ApiError(-1020, f"Request method '{method}' is not supported.", 405)
        return endpoint

    async def _body(self, request: web.Request, query: str) -> str:
        if len(query) > QUERY_MAX:
            raise ApiError(-1101, "Too many parameters sent for this endpoint.", 414)
        if not request.can_read_body:
            return ""
        try:
            raw = await asyncio.wait_for(request.read(), BODY_TIMEOUT_S)
            return raw.decode()
        except web.HTTPRequestEntityTooLarge:
            raise ApiError(-1101, "Too many parameters sent for this endpoint.", 413) from None
        except TimeoutError:
            raise ApiError(-1000, "The request body did not arrive in time.", 408) from None
        except UnicodeDecodeError:
            raise refusal(-1100, "body", "UTF-8") from None

    def _admit(
        self, request: web.Request, endpoint: Endpoint, *, query: str, body: str, address: str, unit: int
    ) -> Call:
        if endpoint.method == "GET":
            body = ""  # its parameters stand in the query, whatever a body says
        return self._gate.admit(
            endpoint,
            sent_parameters(query, body),
            address=address,
            unit=unit,
            key_name=request.headers.get("X-MBX-APIKEY"),
            payload=lambda: signed_text(query, body).encode(),
        )

    async def _carry_out(
        self, request: web.Request, endpoint: Endpoint, call: Call, address: str
    ) -> web.StreamResponse:
        faults = self._house.faults
        fate = Fate.ANSWER
        if endpoint.security is Security.TRADE and faults.orders.is_on:
            fate = faults.orders.fate()
            await asyncio.sleep(faults.orders.delay_s())
        result = self._dispatcher.answer(endpoint, call, address)
        if fate is Fate.TIME_OUT:
            await asyncio.sleep(faults.orders.timeout_s)
            raise refusal(-1007)
        if fate is Fate.LOSE:
            if request.transport is not None:
                request.transport.abort()
            return web.Response()  # written to nobody
        return web.Response(
            body=orjson.dumps(result), headers=self._headers(address, endpoint, call) | {"Content-Type": _JSON}
        )

    def _headers(self, address: str, endpoint: Endpoint, call: Call) -> dict[str, str]:
        headers = self._weight_headers(address)
        if endpoint.places and call.account is not None and call.account.budget is not None:
            headers |= call.account.budget.to_headers()
        return headers

    def _weight_headers(self, address: str) -> dict[str, str]:
        budget = self._house.request_budget
        if budget is None:
            return {}
        used = str(budget.use_of(address, self._house.now_ns()).weight)
        return {"X-MBX-USED-WEIGHT": used, "X-MBX-USED-WEIGHT-1M": used}

    def _refused(self, error: ApiError, address: str) -> web.Response:
        headers = self._weight_headers(address)
        if error.retry_after_s is not None:
            headers["Retry-After"] = str(error.retry_after_s)
        body: Any = {"code": error.code, "msg": error.text}
        if error.data is not None and error.retry_after_s is None:  # REST tells the wait by its header
            body["data"] = error.data
        return web.Response(status=error.status, body=orjson.dumps(body), headers=headers | {"Content-Type": _JSON})


def unit_of(name: str | None) -> int:
    """Return the nanoseconds of a time unit as a socket's address names it.

    Raises
    ------
    ApiError
        -1194: there is no such unit.

    """
    if name is None:
        return MILLISECOND_NS
    unit = _UNITS.get(name)
    if unit is None:
        raise refusal(-1194)
    return unit


def check_encoding(schema: str | None) -> None:
    """Refuse answers in SBE, which is not served: no client must take JSON for it.

    Raises
    ------
    ApiError
        -1152: the schema is named wrongly; -1155.

    """
    if schema is not None:
        raise refusal(-1155 if _is_schema(schema) else -1152)
