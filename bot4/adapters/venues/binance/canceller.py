"""Sees and cancels open orders of a Binance account by REST alone: no session, no stream, nothing of the run's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot4.adapters.venues.binance.access import Credentials, Endpoints, Operation, Success
from bot4.adapters.venues.binance.account import UNREADABLE
from bot4.adapters.venues.binance.budget import Purpose, RateBudget
from bot4.adapters.venues.binance.clock_offset import ClockOffset
from bot4.adapters.venues.binance.errors_spot import SPOT_ERRORS
from bot4.adapters.venues.binance.errors_usdm import USDM_ERRORS
from bot4.adapters.venues.binance.rest import RestClient
from bot4.domain.errors import RejectReason, UnreachableError
from bot4.domain.instrument import Market
from bot4.ports.canceller import CancelOutcome, OpenOrder
from bot4.ports.venue_outcome import Reject

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bot4.adapters.venues.binance.sign import Signer
    from bot4.domain.secret import Secret

_PATHS = {Market.SPOT: "/api/v3", Market.USDM: "/fapi/v1"}
_TABLES = {Market.SPOT: SPOT_ERRORS, Market.USDM: USDM_ERRORS}
_TIMEOUT_S = 3.0
_SAMPLES = 3
# Types of orders that wait for a trigger, of both markets.
_WAITING = frozenset(
    {
        *("STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT"),
        *("STOP", "STOP_MARKET", "TAKE_PROFIT_MARKET", "TRAILING_STOP_MARKET"),
    }
)


class BinanceCanceller:
    """See `bot4.ports.canceller.Canceller`.

    Parameters
    ----------
    market : Market
    endpoints : Endpoints
    api_key : Secret
    signer : Signer
    mono_ns, wall_ns : callables
        The clocks.
    recv_window_ms : int

    """

    def __init__(
        self,
        market: Market,
        endpoints: Endpoints,
        api_key: Secret,
        signer: Signer,
        *,
        mono_ns: Callable[[], int],
        wall_ns: Callable[[], int],
        recv_window_ms: int = 5_000,
    ) -> None:
        base = _PATHS[market]
        self._mono_ns = mono_ns
        self._clock = ClockOffset(mono_ns, wall_ns, samples_min=1)
        credentials = Credentials(
            api_key=api_key, signer=signer, clock=self._clock, recv_window_ms=max(recv_window_ms, 1)
        )
        budget = RateBudget(now_ns=self._clock.server_now_ns)
        self._rest = RestClient(endpoints, credentials, budget, _TABLES[market], timeout_s=_TIMEOUT_S)
        self._time = Operation("", "GET", f"{base}/time", weight=1, purpose=Purpose.CANCEL, is_signed=False)
        self._open = Operation("", "GET", f"{base}/openOrders", weight=6, purpose=Purpose.CANCEL)
        self._cancel = Operation("", "DELETE", f"{base}/order", weight=1, purpose=Purpose.CANCEL)
        # On futures orders that wait for a trigger are at a place of their own.
        self._has_algos = market is Market.USDM
        self._open_algos = Operation("", "GET", f"{base}/openAlgoOrders", weight=1, purpose=Purpose.CANCEL)
        self._cancel_algo = Operation("", "DELETE", f"{base}/algoOrder", weight=1, purpose=Purpose.CANCEL)

    async def start(self) -> None:
        """Connect and measure the clock."""
        await self._rest.start()
        for _ in range(_SAMPLES):
            if not await self.refresh():
                raise UnreachableError("the venue does not tell its time")

    async def refresh(self) -> bool:
        """Measure the clock once more, which keeps the connection open as well."""
        asked_ns = self._mono_ns()
        outcome = await self._rest.call(self._time, {})
        answered_ns = self._mono_ns()
        try:
            if isinstance(outcome, Success):
                server_ns = int(outcome.payload["serverTime"]) * 1_000_000
                self._clock.add(asked_mono_ns=asked_ns, answered_mono_ns=answered_ns, server_ns=server_ns)
                return True
        except UNREADABLE:
            return False
        return False

    async def open_orders(self, symbol: str) -> Sequence[OpenOrder] | None:
        """List the open orders of a symbol; None where that was not answered."""
        found: list[OpenOrder] = []
        for operation in (self._open, self._open_algos) if self._has_algos else (self._open,):
            outcome = await self._rest.call(operation, {"symbol": symbol})
            if isinstance(outcome, Reject) and outcome.reason is RejectReason.CLOCK_SKEW:
                await self.refresh()
            if not isinstance(outcome, Success):
                return None
            try:
                found += [_read(row) for row in outcome.payload]
            except UNREADABLE:
                return None
        return found

    async def cancel(self, order: OpenOrder) -> CancelOutcome:
        """Cancel one order."""
        if order.waits and self._has_algos:
            outcome = await self._rest.call(self._cancel_algo, {"clientAlgoId": order.client_order_id})
        else:
            params = {"symbol": order.symbol, "origClientOrderId": order.client_order_id}
            outcome = await self._rest.call(self._cancel, params)
        if isinstance(outcome, Success):
            return CancelOutcome.CANCELED
        is_gone = isinstance(outcome, Reject) and outcome.reason is RejectReason.UNKNOWN_ORDER
        return CancelOutcome.GONE if is_gone else CancelOutcome.UNANSWERED

    async def close(self) -> None:
        """Let go of the connection."""
        await self._rest.close()


def _read(row: dict[str, Any]) -> OpenOrder:
    if "clientAlgoId" in row:
        return OpenOrder(str(row["symbol"]), str(row["clientAlgoId"]), waits=True)
    return OpenOrder(str(row["symbol"]), str(row["clientOrderId"]), str(row["type"]) in _WAITING)
