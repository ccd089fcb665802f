"""Faults of a background market, whichever it is: takers that do not come, and takers that come in pieces."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot4._core.sim.exchange_types import ExchangeOrderType, ExchangeTimeInForce
from bot4.adapters.simulator.accounts import AccountSpec
from bot4.adapters.simulator.trade.order_row import OrderRow
from bot4.adapters.simulator.wire.decimals import UNIT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot4.adapters.simulator.background.flow import Flow
    from bot4.adapters.simulator.faults.faults import Faults
    from bot4.adapters.simulator.market.market import Market
    from bot4.adapters.simulator.trade.engine import Engine

_WEALTH = 1_000_000 * UNIT
_LIMIT, _IOC = int(ExchangeOrderType.TYPE_LIMIT), int(ExchangeTimeInForce.TIME_IOC)


class FaultyFlow:
    """A background market under faults. Belongs to the event loop's thread.

    Parameters
    ----------
    flow : Flow
        The market; time that a fault takes away is lost to it.
    engine : Engine
    markets : sequence of Market
        Where storms come.
    faults : Faults

    A storm takes from the best level of both sides of every market, in orders of the least size that may be sent, at
    each step: who rests there is filled in many small parts.

    """

    def __init__(self, flow: Flow, engine: Engine, markets: Sequence[Market], faults: Faults) -> None:
        self._flow = flow
        self._engine = engine
        self._markets = markets
        self._faults = faults
        wealth = dict.fromkeys(engine.assets, _WEALTH)
        self._taker = engine.open_account(AccountSpec("background-storm", (), wealth))

    def begin(self, now_ns: int) -> None:
        """Put the first orders into the books."""
        self._flow.begin(now_ns)

    def advance(self, seconds: float, now_ns: int) -> None:
        """Let the market's own time go on, if no fault takes it."""
        if not self._faults.takes_no_order():
            self._flow.advance(seconds, now_ns)
        pieces = self._faults.settings.partial_fill_storm
        if pieces > 1:
            for market in self._markets:
                self._storm(market, pieces, now_ns)

    def _storm(self, market: Market, pieces: int, now_ns: int) -> None:
        symbol = market.symbol
        for side, ticks in enumerate(reversed(self._engine.best_ticks(market.number))):
            if not ticks:
                continue
            price = ticks * symbol.tick
            least = max(symbol.min_qty // symbol.step, -(-symbol.min_notional * UNIT // (price * symbol.step)))
            for _ in range(pieces):
                row = OrderRow(side, _LIMIT, _IOC, 0, least, ticks, 0, 0, 0, 0, 0)
                self._engine.place(self._taker, market.number, row, now_ns)
