"""A venue in lockstep (`bot4 exchange --lockstep`): orders and reports in the venue's own words, time by agreement."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Self

import aiohttp
import orjson

from bot4.adapters.venues.binance.spot_messages import order_params, read_execution_report
from bot4.domain.errors import DataError, UnreachableError
from bot4.ports.lockstep import CancelRequest, LockstepMoment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot4.ports.venue_order import OrderRequest

_ANSWER_MAX = 1 << 24
_ANSWER_S = 30.0


class BinanceLockstep:
    """The client's side of one lockstep session; a context manager. One thread.

    Parameters
    ----------
    address, token : str
        As `bot4 exchange --lockstep` prints them.

    Raises
    ------
    UnreachableError
        There is no such exchange, it refused, or it went away.
    DataError
        It says what a venue does not say.

    """

    def __init__(self, address: str, token: str) -> None:
        self._address, self._token = address, token
        self._runner = asyncio.Runner()
        self._session: aiohttp.ClientSession | None = None
        self._socket: aiohttp.ClientWebSocketResponse | None = None

    def __enter__(self) -> Self:
        try:
            self._runner.run(self._open())
        except BaseException:
            self._runner.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._runner.run(self._close())
        self._runner.close()

    def step(self, decided: Sequence[OrderRequest | CancelRequest], until_ns: int | None) -> LockstepMoment:
        """Send what was decided at this moment; return the next."""
        orders = [_method(request) for request in decided]
        return self._runner.run(self._ask(orjson.dumps({"orders": orders, "until": until_ns})))

    async def _open(self) -> None:
        self._session = aiohttp.ClientSession(headers={"Authorization": f"Bearer {self._token}"})
        try:
            self._socket = await self._session.ws_connect(self._address, max_msg_size=_ANSWER_MAX)
        except aiohttp.ClientError as error:
            await self._close()
            raise UnreachableError(f"{self._address}: {error}") from None

    async def _close(self) -> None:
        if self._socket is not None:
            await self._socket.close()
        if self._session is not None:
            await self._session.close()

    async def _ask(self, request: bytes) -> LockstepMoment:
        if self._socket is None:
            raise UnreachableError(f"{self._address}: the session is not open")
        try:
            await self._socket.send_str(request.decode())
            answer = await self._socket.receive_bytes(timeout=_ANSWER_S)
        except (aiohttp.ClientError, TimeoutError, TypeError) as error:
            raise UnreachableError(f"{self._address} does not answer: {error}") from None
        head, _, frame = answer.partition(b"\n")
        told = orjson.loads(head)
        if "error" in told:
            raise DataError(f"{self._address}: {told['error']}")
        return LockstepMoment(
            now_ns=told["now"],
            frame=frame or None,
            stamp_ns=told.get("stamp", 0),
            lane=told.get("lane", 0),
            reports=tuple(read_execution_report(e) for e in told["reports"] if e["e"] == "executionReport"),
            cancels_refused=tuple(e["c"] for e in told["reports"] if e["e"] == "cancelRejected"),
            is_over=told["over"],
        )


def _method(request: OrderRequest | CancelRequest) -> dict[str, Any]:
    if isinstance(request, CancelRequest):
        params = {"symbol": request.symbol, "origClientOrderId": request.client_order_id}
        return {"method": "order.cancel", "params": params}
    return {"method": "order.place", "params": order_params(request, request.client_order_id)}
