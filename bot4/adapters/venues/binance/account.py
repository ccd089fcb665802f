"""What spot and futures accounts of Binance have in common: connections, the clock, and the way an operation takes."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from bot4.adapters.venues.binance.access import ENGINE_TIMEOUT_NS, Credentials, Endpoints, Operation, Success
from bot4.adapters.venues.binance.budget import Quota, RateBudget
from bot4.adapters.venues.binance.clock_offset import ClockOffset
from bot4.adapters.venues.binance.rest import RestClient
from bot4.adapters.venues.binance.ws_session import WsSession
from bot4.domain.errors import AuthenticationError, DataError, RejectReason, RetryableError
from bot4.ports.exchange import KeyPermissions, OrderLimit, always_admit
from bot4.ports.venue_event import StreamState
from bot4.ports.venue_outcome import NoInformation, Reject, Unknown

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence
    from random import Random

    from bot4.adapters.venues.binance.errors import ErrorTable
    from bot4.adapters.venues.binance.sign import Signer
    from bot4.domain.secret import Secret
    from bot4.ports.venue_event import VenueEvent
    from bot4.ports.venue_order import VenueOrder

_SAMPLES = 5
_SYNC_NS = 30_000_000_000
_LOOK_S = 0.1
_EVENTS_MAX = 65_536
_IDS_MAX = 128  # many more than orders work at a time; one that was forgotten is called by its own name
UNREADABLE = (KeyError, ValueError, TypeError, DataError)


class BinanceAccount:
    """Connections of one account; `BinanceSpot` and `BinanceUsdm` add what their market says.

    Parameters
    ----------
    endpoints : Endpoints
    api_key : Secret
    signer : Signer
    table : ErrorTable
    mono_ns, wall_ns : callables
        The clocks.
    rng : Random
        Spreads reconnections.
    recv_window_ms : int
        How long a request is valid after its stamp.
    timeout_s : float
        How long an answer is awaited.

    One event loop, between `start` and `close`.

    """

    time_operation: Operation
    has_stream_by_session = True
    link_is_down = "the connection for orders is down"
    permissions_operation = Operation("", "GET", "/sapi/v1/account/apiRestrictions", weight=1)

    def __init__(
        self,
        endpoints: Endpoints,
        api_key: Secret,
        signer: Signer,
        table: ErrorTable,
        *,
        mono_ns: Callable[[], int],
        wall_ns: Callable[[], int],
        rng: Random,
        recv_window_ms: int = 1_000,
        timeout_s: float = 4.0,
        engine_timeout_ns: int = ENGINE_TIMEOUT_NS,
        permissions_rest: str = "",
    ) -> None:
        self._mono_ns = mono_ns
        self.clock = ClockOffset(mono_ns, wall_ns, jitter_max_ns=recv_window_ms * 1_000_000 // 2)
        self.budget = RateBudget(now_ns=self.clock.server_now_ns)
        self._credentials = Credentials(
            api_key=api_key,
            signer=signer,
            clock=self.clock,
            recv_window_ms=recv_window_ms,
            engine_timeout_ns=engine_timeout_ns,
        )
        self._rest = RestClient(endpoints, self._credentials, self.budget, table, timeout_s=timeout_s + 2.0)
        elsewhere = Endpoints(rest=permissions_rest or endpoints.rest, ws_api="", ca_file=endpoints.ca_file)
        self._permissions = (
            RestClient(elsewhere, self._credentials, self.budget, table, timeout_s=timeout_s + 2.0)
            if permissions_rest
            else self._rest
        )
        self._events: asyncio.Queue[VenueEvent | None] = asyncio.Queue(_EVENTS_MAX)
        self._ws = WsSession(
            endpoints,
            self._credentials,
            self.budget,
            table,
            on_event=self._on_event,
            on_state=self._events.put,
            rng=rng,
            timeout_s=timeout_s,
            subscribes=self.has_stream_by_session,
        )
        self._sync: asyncio.Task[None] | None = None
        self._venue_ids: OrderedDict[str, str] = OrderedDict()  # ours -> the venue's, the oldest forgotten first

    # -- life

    async def start(self) -> None:
        """Connect: measure the clock, read the limits, log on and subscribe.

        Raises
        ------
        RetryableError
            A step got no answer.
        AuthenticationError
            The venue does not take the key.

        """
        await self._rest.start()
        if self._permissions is not self._rest:
            await self._permissions.start()
        await self.measure_clock()
        await self._read_limits()
        await self._start_stream()
        self._sync = asyncio.create_task(self._keep_clock(), name="binance-clock")

    async def close(self) -> None:
        """Let go of every connection; orders stay as they are."""
        if self._sync is not None:
            self._sync.cancel()
            await asyncio.gather(self._sync, return_exceptions=True)
        await self._stop_stream()
        await self._rest.close()
        if self._permissions is not self._rest:
            await self._permissions.close()
        while not self._events.empty():
            self._events.get_nowait()
        self._events.put_nowait(None)

    async def events(self) -> AsyncIterator[VenueEvent]:
        """Yield what happens to the account until `close`."""
        while (event := await self._events.get()) is not None:
            yield event

    async def measure_clock(self) -> None:
        """Ask the venue's time as often as an estimate needs; raises `RetryableError` where it does not answer.

        The first answer is no measure, as it waits for the connection. An answer that was long under way is made up for
        by a few more.
        """
        await self._venue_ms()
        for _ in self.clock.exchanges():
            await self._ask_time()

    async def answers(self) -> bool:
        """Ask the venue's time; whether it told."""
        return isinstance(await self._rest.call(self.time_operation, {}), Success)

    def server_now_ns(self) -> int:
        """Return the venue's time now, as estimated."""
        return self.clock.server_now_ns()

    @property
    def validity_ns(self) -> int:
        """How long after its stamp a request may still take effect."""
        return self._credentials.validity_ns

    def why_not_ready(self) -> str | None:
        """Return why orders cannot be sent now, or None."""
        if (why := self.clock.why_untrusted()) is not None:
            return why
        if self.budget.closed_until_ns > self.clock.server_now_ns():
            return "banned by the venue" if self.budget.is_banned else "the venue asked to wait"
        return None if self._ws.is_up else self.link_is_down

    def order_limits(self) -> Sequence[OrderLimit]:
        """Return the venue's windows for orders."""
        return [OrderLimit(w.limit, w.interval_s) for w in self.budget.windows if w.quota is Quota.ORDERS]

    async def key_permissions(self) -> KeyPermissions | NoInformation:
        """Ask what the key may do."""
        outcome = await self._permissions.call(self.permissions_operation, {})
        if not isinstance(outcome, Success):
            return no_information(outcome)
        row = outcome.payload
        try:
            # A field that is missing is read as the dangerous answer.
            return KeyPermissions(
                trade=bool(row["enableSpotAndMarginTrading"]) or bool(row.get("enableFutures", False)),
                withdraw=bool(row["enableWithdrawals"]),
                internal_transfer=bool(row["enableInternalTransfer"]),
                universal_transfer=bool(row["permitsUniversalTransfer"]),
                ip_restricted=bool(row["ipRestrict"]),
            )
        except UNREADABLE as error:
            return NoInformation(f"the key's permissions cannot be read: {type(error).__name__} {error}")

    # -- for the markets

    async def _call(
        self,
        operation: Operation,
        params: Mapping[str, str],
        *,
        admit: Callable[[], bool] = always_admit,
        fall_back: bool = False,
    ) -> Success | Reject | Unknown:
        """Send by the WebSocket API; where nothing could be written there and `fall_back` allows, by REST."""
        if operation.ws_method:
            outcome = await self._ws.call(operation, params, admit=admit)
            is_down = isinstance(outcome, Reject) and outcome.reason is RejectReason.NOT_CONNECTED
            if not (is_down and fall_back):
                return outcome
        return await self._rest.call(operation, params, admit=admit)

    async def _ask(self, operation: Operation, params: Mapping[str, str]) -> Any:
        """Return the payload of a question, or the `NoInformation`, `Reject` that came instead."""
        outcome = await self._call(operation, params, fall_back=True)
        if isinstance(outcome, Success):
            return outcome.payload
        if isinstance(outcome, Reject) and outcome.reason is RejectReason.UNKNOWN_ORDER:
            return outcome
        return no_information(outcome)

    def _remember(self, client_order_id: str, venue_order_id: str) -> None:
        self._venue_ids[client_order_id] = venue_order_id
        if len(self._venue_ids) > _IDS_MAX:
            self._venue_ids.popitem(last=False)

    def _naming(self, client_order_id: str) -> dict[str, str]:
        """Return how to name an order: by the venue's id where it is known, which a cancellation does not change."""
        known = self._venue_ids.get(client_order_id)
        return {"orderId": known} if known is not None else {"origClientOrderId": client_order_id}

    async def _rows(
        self, operation: Operation, params: Mapping[str, str], read: Callable[[Mapping[str, Any]], Any]
    ) -> Any:
        """Return a list as read, or the `NoInformation` that came instead."""
        payload = await self._ask(operation, params)
        if not isinstance(payload, list):
            return payload if isinstance(payload, NoInformation) else NoInformation("an answer that is no list")
        try:
            return [read(row) for row in payload]
        except UNREADABLE as error:
            return NoInformation(f"an answer that cannot be read: {type(error).__name__} {error}")

    def _read_listed(self, row: Mapping[str, Any]) -> VenueOrder:
        raise NotImplementedError

    async def _orders_since(
        self, operation: Operation, symbol: str, since_ns: int, window_ms: int
    ) -> Sequence[VenueOrder] | NoInformation:
        start_ms, now_ms = since_ns // 1_000_000, self.server_now_ns() // 1_000_000
        found: list[VenueOrder] = []
        while True:
            if found:  # from the first one on by id, which no window can hide one of
                params = {"orderId": str(int(found[-1].venue_order_id) + 1)}
            elif start_ms <= now_ms:
                params = {"startTime": str(start_ms), "endTime": str(start_ms + window_ms - 1)}
                start_ms += window_ms
            else:
                return found
            page = await self._rows(operation, {"symbol": symbol, **params, "limit": "1000"}, self._read_listed)
            if isinstance(page, NoInformation):
                return page
            if found and not page:
                return found
            found += page

    async def _emit(self, event: VenueEvent) -> None:
        await self._events.put(event)

    def _read_event(self, event: Mapping[str, Any]) -> VenueEvent | None:
        raise NotImplementedError

    async def _on_event(self, event: dict[str, Any]) -> None:
        try:
            read = self._read_event(event)
        except UNREADABLE as error:
            # What it said is not known; asking for everything is what makes up for it.
            cause = f"an event could not be read: {type(error).__name__} {str(error)[:100]}"
            await self._emit(StreamState(is_up=True, reason=cause))
            return
        if read is not None:
            await self._emit(read)

    async def _start_stream(self) -> None:
        await self._ws.start()

    async def _stop_stream(self) -> None:
        await self._ws.close()

    async def _read_limits(self) -> None:
        raise NotImplementedError

    # -- the clock

    async def _ask_time(self) -> None:
        asked = self._mono_ns()
        told = await self._venue_ms()
        # A server tells whole milliseconds it has completed: half a one is the fairest guess.
        self.clock.add(asked_mono_ns=asked, answered_mono_ns=self._mono_ns(), server_ns=told * 1_000_000 + 500_000)

    async def _venue_ms(self) -> int:
        outcome = await self._rest.call(self.time_operation, {})
        if not isinstance(outcome, Success) or not isinstance(outcome.payload, dict):
            raise RetryableError(f"the venue's time got no answer: {outcome}")
        told = outcome.payload.get("serverTime")
        if not isinstance(told, int):
            raise RetryableError("the venue's time could not be read")
        return told

    async def _keep_clock(self) -> None:
        """Measure now and then, and at once where a step of the clock or the venue's refusal made the samples void."""
        asked_ns = self._mono_ns()
        while True:
            await asyncio.sleep(_LOOK_S)
            if self.clock.samples >= _SAMPLES and self._mono_ns() - asked_ns < _SYNC_NS:
                continue
            asked_ns = self._mono_ns()
            try:
                await self._ask_time()
            except RetryableError:
                await asyncio.sleep(1.0)


def no_information(outcome: Reject | Unknown) -> NoInformation:
    """Return a question's failure, whatever it was: nothing is learnt from it."""
    if isinstance(outcome, Unknown):
        return NoInformation(outcome.cause)
    return NoInformation(f"{outcome.reason.value}: {outcome.message}", outcome.retry_after_s)


def require(outcome: Success | Reject | Unknown, what: str) -> Any:
    """Return the payload; raises `AuthenticationError` or `RetryableError`."""
    if isinstance(outcome, Success):
        return outcome.payload
    if isinstance(outcome, Reject) and outcome.reason is RejectReason.AUTH_FAILED:
        raise AuthenticationError(f"{what}: {outcome.message}")
    raise RetryableError(f"{what} got no answer: {outcome}")
