"""Orders of USD-M futures that wait for a trigger: they have endpoints, names and numbers of their own.

One that is triggered becomes an order like any other; how that ends is told by that order alone. Nothing here has to
outlive the process: a name that is not known is asked for at both places.

Source: developers.binance.com, USDS-margined futures, "New Algo Order" and its siblings (2026).
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bot4.adapters.venues.binance.access import Operation, Success
from bot4.adapters.venues.binance.account import UNREADABLE, no_information
from bot4.adapters.venues.binance.budget import Purpose
from bot4.adapters.venues.binance.usdm_messages import algo_params, read_algo_order
from bot4.domain.errors import RejectReason
from bot4.ports.venue_outcome import Ack, NoInformation, Reject, Unknown

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from bot4.adapters.venues.binance.rest import RestClient
    from bot4.ports.venue_order import OrderRequest, VenueOrder
    from bot4.ports.venue_outcome import Outcome

_PLACE = Operation("", "POST", "/fapi/v1/algoOrder", weight=0, orders=1)
_CANCEL = Operation("", "DELETE", "/fapi/v1/algoOrder", weight=1, purpose=Purpose.CANCEL)
_CANCEL_ALL = Operation("", "DELETE", "/fapi/v1/algoOpenOrders", weight=1, purpose=Purpose.CANCEL)
_QUERY = Operation("", "GET", "/fapi/v1/algoOrder", weight=1)
_OPEN = Operation("", "GET", "/fapi/v1/openAlgoOrders", weight=1)
_ORDERS = Operation("", "GET", "/fapi/v1/allAlgoOrders", weight=5)
_PAGE = 1_000
_NAMES_MAX = 1_024  # far more than wait at a time; one that was forgotten is asked for at both places


class AlgoOrders:
    """The waiting orders of one account.

    Parameters
    ----------
    rest : RestClient
    rows : callable
        Asks for a list: operation, parameters, and what reads a row.

    One event loop.

    """

    def __init__(self, rest: RestClient, rows: Callable[..., Awaitable[Any]]) -> None:
        self._rest = rest
        self._rows = rows
        self._became: OrderedDict[str, str] = OrderedDict()  # name -> the order it became, "" while it waits
        self._names: dict[str, str] = {}  # the other way round

    def __contains__(self, client_order_id: str) -> bool:
        """Whether an order is known to have been placed as one that waits."""
        return client_order_id in self._became

    def note(self, order: VenueOrder) -> VenueOrder:
        """Remember a waiting order as the venue shows it."""
        name, became = order.client_order_id, order.venue_order_id or self._became.get(order.client_order_id, "")
        self._became[name] = became
        if became:
            self._names[became] = name
        if len(self._became) > _NAMES_MAX:
            self._names.pop(self._became.popitem(last=False)[1], None)
        return order

    def named(self, order: VenueOrder) -> VenueOrder:
        """Return an order under the name of the waiting one it was, where it was one."""
        name = self._names.get(order.venue_order_id, order.client_order_id)
        return order if name == order.client_order_id else replace(order, client_order_id=name)

    async def place(self, request: OrderRequest, venue_id: str, admit: Callable[[], bool]) -> Outcome:
        """Place one, once."""
        name = request.client_order_id
        self._became.setdefault(name, "")
        outcome = await self._rest.call(_PLACE, algo_params(request, venue_id), admit=admit)
        if not isinstance(outcome, Success):
            return outcome
        try:
            return Ack(self.note(read_algo_order(outcome.payload, name)))
        except UNREADABLE as error:
            return Unknown(f"an answer that cannot be read: {type(error).__name__}")

    async def cancel(self, client_order_id: str) -> Success | Reject | Unknown:
        """Cancel one."""
        return await self._rest.call(_CANCEL, {"clientAlgoId": client_order_id})

    async def cancel_all(self, symbol: str) -> Success | Reject | Unknown:
        """Cancel all of a symbol."""
        return await self._rest.call(_CANCEL_ALL, {"symbol": symbol})

    async def query(self, client_order_id: str) -> VenueOrder | NoInformation | None:
        """Ask for one; None where the venue knows none of that name."""
        outcome = await self._rest.call(_QUERY, {"clientAlgoId": client_order_id})
        if isinstance(outcome, Reject) and outcome.reason is RejectReason.UNKNOWN_ORDER:
            return None
        if not isinstance(outcome, Success):
            return no_information(outcome)
        try:
            return self.note(read_algo_order(outcome.payload, client_order_id))
        except UNREADABLE as error:
            return NoInformation(f"an order that cannot be read: {type(error).__name__}")

    async def open_orders(self, symbol: str) -> Sequence[VenueOrder] | NoInformation:
        """List those of a symbol that wait."""
        rows: Sequence[VenueOrder] | NoInformation = await self._rows(_OPEN, {"symbol": symbol}, self._read)
        return rows

    async def orders_since(
        self, symbol: str, since_ns: int, now_ns: int, window_ms: int
    ) -> Sequence[VenueOrder] | NoInformation:
        """List those placed from a venue time on, whatever became of them, oldest first."""
        start_ms, now_ms = since_ns // 1_000_000, now_ns // 1_000_000
        found: list[VenueOrder] = []
        while start_ms <= now_ms:
            window = {"startTime": str(start_ms), "endTime": str(start_ms + window_ms - 1)}
            page = await self._page(symbol, window)
            while not isinstance(page, NoInformation) and page:
                found += [order for _, order in page]
                page = await self._page(symbol, {"algoId": str(page[-1][0] + 1)}) if len(page) == _PAGE else []
            if isinstance(page, NoInformation):
                return page
            start_ms += window_ms
        return list({order.client_order_id: order for order in found}.values())

    async def _page(self, symbol: str, where: Mapping[str, str]) -> list[tuple[int, VenueOrder]] | NoInformation:
        page: list[tuple[int, VenueOrder]] | NoInformation = await self._rows(
            _ORDERS, {"symbol": symbol, **where, "limit": str(_PAGE)}, lambda row: (int(row["algoId"]), self._read(row))
        )
        return page

    def _read(self, row: Mapping[str, Any]) -> VenueOrder:
        return self.note(read_algo_order(row))
