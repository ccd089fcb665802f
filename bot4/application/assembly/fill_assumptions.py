"""From settings to the fill model of a paper venue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot4._core.sim.fill_model import FillModel
from bot4._core.sim.impact import Impact
from bot4._core.sim.latency import Latency
from bot4._core.sim.partial_fills import PartialFills
from bot4._core.sim.queue_position import Queue

if TYPE_CHECKING:
    from bot4.config import ImpactSettings, PaperSettings, Settings
    from bot4.domain.instrument import Instrument


def fill_model(settings: Settings, instrument: Instrument, impact: ImpactSettings | None = None) -> FillModel:
    """Return the fill assumptions of one instrument's paper venue.

    Parameters
    ----------
    settings : Settings
        ``paper`` and ``impact``.
    instrument : Instrument
        Its tick and lot turn prices and quantities of the impact into the venue's units.
    impact : ImpactSettings, optional
        Instead of that of the settings: what was measured of this market.

    """
    paper, chosen = settings.paper, settings.impact if impact is None else impact
    return FillModel(
        queue=_queue(paper),
        partial_fills=PartialFills(paper.partial_fill_count, paper.partial_fill_alpha, paper.partial_fill_beta)
        if paper.partial_fills
        else None,
        impact=_impact(chosen, instrument),
        impact_half_life_s=chosen.half_life_s,
        cancel_latency=_latency(paper.cancel_latency_mu, paper.cancel_latency_sigma),
        data_latency=_latency(paper.data_latency_mu, paper.data_latency_sigma),
    )


def _queue(paper: PaperSettings) -> Queue:
    if paper.queue_model == "conservative":
        return Queue.conservative()
    if paper.queue_model == "probabilistic":
        return Queue.probabilistic(paper.queue_weight, paper.queue_shape)
    return Queue.trade_through()


def _latency(mu_ms: float | None, sigma: float) -> Latency | None:
    return None if mu_ms is None else Latency.lognormal(mu_ms, sigma)


def _impact(impact: ImpactSettings, instrument: Instrument) -> Impact:
    tick, lot = float(instrument.tick_size), float(instrument.lot_size)
    if impact.model == "linear":
        return Impact.linear(impact.slope * lot / tick, permanent_share=impact.permanent_share)
    if impact.model == "square_root":
        return Impact.power(
            volatility=impact.volatility / tick,
            daily_volume=impact.daily_volume / lot,
            coefficient=impact.coefficient,
            exponent=impact.exponent,
            permanent_share=impact.permanent_share,
        )
    if impact.model == "almgren_chriss":
        return Impact.almgren_chriss(gamma=impact.gamma * lot / tick, eta=impact.eta * lot / tick)
    return Impact.none()  # "measured", too, where nothing was
