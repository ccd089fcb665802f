"""The background market from a parameter file of `bot4 calibrate`, run by the compiled generator.

Each market is the measured one scaled to its own price: moves, spreads and distances keep their share of the price,
sizes their value in money (of a market quoted in a coin by what that coin is worth, `quote_worth`).
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from bot4._core.sim.flow import Flow as CompiledFlow
from bot4.adapters.simulator.wire.decimals import UNIT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bot4._core.sim.exchange import Exchange
    from bot4.adapters.simulator.market.market import Market
    from bot4.quant.market_model import MarketModel

#: A venue lets an account have 200 orders open on a symbol; a measured book holds some thousands.
MAKERS = 24


class CalibratedFlow:
    """Background trading on every market of an exchange. Belongs to the event loop's thread.

    Parameters
    ----------
    exchange : Exchange
        The compiled one, with a symbol for each market under the market's number.
    markets : sequence of Market
        Each begins at its symbol's first price.
    model : MarketModel
        The parameter file.
    seed : int
        Of the generators; a market's number separates them.
    start_ns : int
        Server time at which they begin.
    settle : callable
        Takes the exchange's reports; called where its log is full.
    max_orders : int
        Of the generator, open on each market at one time.
    quote_worth : mapping of str to float
        What one unit of a quote asset is worth in that of the parameters' market; 1 where it is not named.

    """

    def __init__(
        self,
        exchange: Exchange,
        markets: Sequence[Market],
        model: MarketModel,
        *,
        seed: int,
        start_ns: int,
        settle: Callable[[], None],
        max_orders: int = 4_096,
        quote_worth: Mapping[str, float] | None = None,
    ) -> None:
        self._settle = settle
        self._market_ns = start_ns
        self._makers = [exchange.open_account(f"background-maker-{index}") for index in range(MAKERS)]
        self._taker = exchange.open_account("background-takers")
        parameters = model.parameters()
        worth = quote_worth or {}
        self._flows = []
        for market in markets:
            symbol = market.symbol
            bid_ticks = symbol.first_price // symbol.tick
            lot_worth = symbol.first_price / UNIT * symbol.step / UNIT * worth.get(symbol.quote, 1.0)
            self._flows.append(
                CompiledFlow(
                    exchange,
                    symbol=market.number,
                    parameters=parameters,
                    seed=seed,
                    bid_ticks=bid_ticks,
                    makers=self._makers,
                    taker=self._taker,
                    start_ns=start_ns,
                    price_scale=bid_ticks / model.origin.mid_ticks,
                    size_scale=_model_lot_worth(model) / lot_worth,
                    min_lots=_least_lots(symbol.min_notional, symbol.first_price, symbol.step),
                    max_lots=min(symbol.max_qty, symbol.market_max_qty) // symbol.step,
                    max_orders=max_orders,
                )
            )

    def begin(self, now_ns: int) -> None:
        """Put the first orders into the books."""
        self._run(now_ns)

    def advance(self, seconds: float, now_ns: int) -> None:
        """Let the market's own time go on by `seconds`; the exchange is told the server's."""
        self._market_ns += int(seconds * 1e9)
        self._run(now_ns)

    def _run(self, now_ns: int) -> None:
        for flow in self._flows:
            while flow.advance(self._market_ns, stamp_ns=now_ns):
                self._settle()

    @property
    def counts(self) -> list[dict[str, int]]:
        """What each market's generator did so far."""
        return [flow.counts for flow in self._flows]


def _model_lot_worth(model: MarketModel) -> float:
    """Value of one lot of the measured market at its middle price."""
    origin = model.origin
    return float(Decimal(origin.lot_size) * Decimal(origin.tick_size)) * origin.mid_ticks


def _least_lots(min_notional: int, price: int, step: int) -> int:
    """Lots worth the least notional with a quarter to spare, as prices move."""
    least: int = -(-5 * min_notional * UNIT // (4 * price * step))
    return max(1, least)
