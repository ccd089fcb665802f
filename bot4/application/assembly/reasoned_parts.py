"""The reasoned policy of one instrument, from settings: names become places, shares become whole millionths."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot4._core.brain.portfolio import PortfolioBook
from bot4._core.engine.reasoned_policy import ReasonedPolicy, StatedGate
from bot4.domain.errors import ConfigError
from bot4.domain.instrument import ContractKind
from bot4.quant.regime_model import RegimeModel

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from bot4._core.ta.features import Features
    from bot4.config import Settings
    from bot4.config.reasoned import Terms
    from bot4.domain.instrument import Instrument

_S = 1_000_000_000
# What stops and costs read, whatever the terms are.
_OWN_FEATURES = ("atr_14", "ewma_vol_94")
_FUNDING_INTERVAL_NS = 8 * 3_600 * _S


def portfolio_book(settings: Settings, count: int, bar_ns: int) -> PortfolioBook:
    """Return what the instruments of a shard hold together."""
    return PortfolioBook(
        count,
        drawdown_max_ppm=settings.risk.drawdown_max_bps * 100,
        sample_ns=bar_ns,
        memory_samples=settings.sizing.correlation_samples,
    )


def needed_features(settings: Settings, bar_ns: int) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Return the features that the policy reads, and its longer intervals; nothing where it does not decide."""
    if settings.strategy.policy != "reasoned":
        return (), ()
    signals = settings.signals
    names = {*signals.trend, *signals.reversion, *signals.flow, *_OWN_FEATURES}
    return tuple(sorted(names)), tuple(multiple * bar_ns for multiple in signals.timeframes)


def reasoned_policy(
    settings: Settings,
    instrument: Instrument,
    index: int,
    portfolio: PortfolioBook,
    features: Features,
    *,
    without: Collection[str] = (),
) -> ReasonedPolicy:
    """Return the policy of one instrument.

    Parameters
    ----------
    settings : Settings
        Sections signals, regime, gate, sizing and stops.
    instrument : Instrument
        Its grid and its kind.
    index : int
        Its place in the engine and in the portfolio.
    portfolio : PortfolioBook
        Of the shard.
    features : Features
        The lane's bank, made with what `needed_features` says.
    without : collection of str
        Features that this input cannot tell; terms of them are left out.

    Raises
    ------
    ConfigError
        A feature is unknown, no term is left, or the regime model cannot be read.

    """
    signals, gate, bar_ns = settings.signals, settings.gate, features.intervals_ns[0]
    return ReasonedPolicy(
        index,
        portfolio,
        features=features,
        higher_ns=tuple(multiple * bar_ns for multiple in signals.timeframes),
        symbol=instrument.symbol,
        terms=_terms(settings, features, without),
        allocation=dict(signals.allocation),
        weights=dict(signals.weights),
        # The technical score is made anew with every decision.
        ttl_ns={"ta": _S} | {name: round(seconds * 1e9) for name, seconds in signals.ttl_s.items()},
        regime=_regime(settings),
        edge={
            "horizon_ns": gate.horizon_bars * bar_ns,
            "step_ns": bar_ns,
            "keep": 1.0 - 1.0 / gate.memory_samples,
            "prior_slope": gate.prior_bps * 1e-4,
            "prior_weight": gate.prior_samples * gate.horizon_bars,
        },
        gate=_gate(settings, instrument),
        size=_size(settings, instrument),
        guard=_guard(settings, instrument),
        record_interval_ns=round(gate.record_interval_s * 1e9),
    )


def stated_gate(settings: Settings, instrument: Instrument, lane: int) -> StatedGate:
    """Return what judges the orders of one instrument that are not decided with reasons."""
    strategy, gate = settings.strategy, settings.gate
    return StatedGate(
        lane,
        symbol=instrument.symbol,
        expected_bps=strategy.expected_bps,
        confidence=strategy.expected_confidence,
        horizon_ns=round(strategy.expected_horizon_s * 1e9),
        regime=_regime(settings),
        gate=_gate(settings, instrument),
        record_interval_ns=round(gate.record_interval_s * 1e9),
    )


def _terms(
    settings: Settings, features: Features, without: Collection[str]
) -> list[tuple[int, str, float, float, float]]:
    alphas: Mapping[str, Terms] = {
        "trend": settings.signals.trend,
        "reversion": settings.signals.reversion,
        "flow": settings.signals.flow,
    }
    rows = []
    for alpha, terms in alphas.items():
        for feature, (weight, scale, centre) in terms.items():
            if feature not in features.names:
                raise ConfigError(f"setting signals.{alpha} names no feature {feature!r}: see docs/features.md")
            if feature not in without:
                rows.append((features.place(feature), alpha, weight, centre, scale))
    if not rows:
        raise ConfigError(
            "settings signals.trend, reversion and flow name only features of a book, and this input has none"
        )
    return rows


def _regime(settings: Settings) -> dict[str, Any]:
    regime = settings.regime
    rules: dict[str, Any] = {
        "trend_alpha": 2.0 / (regime.trend_bars + 1.0),
        "fast_alpha": 2.0 / (regime.fast_bars + 1.0),
        "slow_alpha": 2.0 / (regime.slow_bars + 1.0),
        "trend_enter": regime.trend_enter,
        "trend_exit": regime.trend_exit,
        "crisis_enter": regime.crisis_enter,
        "crisis_exit": regime.crisis_exit,
        "warm_up_bars": regime.warm_up_bars,
        "hidden_min": regime.model_probability_min,
    }
    if regime.model_file:
        rules["hidden"] = RegimeModel.read(regime.model_file).rules()
    return rules


def _gate(settings: Settings, instrument: Instrument) -> dict[str, Any]:
    gate = settings.gate
    is_spot = instrument.kind is ContractKind.SPOT
    return {
        "regimes": gate.regimes,
        "confirm_bars": gate.confirm_bars,
        "coverage_min": gate.coverage_min,
        "confidence_min": gate.confidence_min,
        "timeframes_min": gate.timeframes_min,
        "samples_min": gate.samples_min,
        "errors": gate.standard_errors,
        "margin_ppb": round(gate.margin_bps * 100_000),
        "impact_ppm": round(gate.impact_coefficient * 1e6),
        "funding_ppb": 0 if is_spot else round(gate.funding_bps * 100_000),
        "funding_interval_ns": 0 if is_spot else _FUNDING_INTERVAL_NS,
    }


def _size(settings: Settings, instrument: Instrument) -> dict[str, Any]:
    sizing = settings.sizing
    is_spot = instrument.kind is ContractKind.SPOT
    return {
        "kelly_ppm": round(sizing.kelly_fraction * 1e6),
        "volatility_ppm": round(sizing.volatility_target * 1e6),
        "trade_risk_ppm": round(sizing.trade_risk_bps * 100),
        "heat_ppm": round(sizing.heat_bps * 100),
        "concentration_ppm": round(sizing.concentration * 1e6),
        "correlation_ppm": round(sizing.correlated * 1e6),
        "gross_ppm": round(sizing.gross * 1e6),
        "maintenance_ppm": 0 if is_spot else round(sizing.maintenance_margin_bps * 100),
        "liquidation_ppm": round(sizing.liquidation_distance_bps * 100),
        "liquidation_milli": round(sizing.liquidation_stops * 1e3),
        "horizon_ns": 0,
    }


def _guard(settings: Settings, instrument: Instrument) -> dict[str, Any]:
    stops = settings.stops
    return {
        "stop_atr_milli": round(stops.atr_multiple * 1e3),
        "stop_min_ppm": round(stops.min_bps * 100),
        "chandelier_milli": round(stops.chandelier_multiple * 1e3),
        "trail_ppm": round(stops.trail_bps * 100),
        "breakeven_milli": round(stops.breakeven_reward * 1e3),
        "hold_max_ns": round(stops.hold_max_s * 1e9),
        "qty_step_lots": instrument.lots_per_step,
        "venue_step_ppm": round(stops.venue_step_bps * 100),
        "is_dynamic": stops.dynamic_targets,
        "rungs": [
            {"reward_milli": round(reward * 1e3), "share_ppm": round(share * 1e6)} for reward, share in stops.targets
        ],
    }
