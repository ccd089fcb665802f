"""Parts of a shard that stand in the way of orders: limits, the venue's filters, the circuit breaker."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot4._core.risk.breaker import Breaker
from bot4._core.risk.filters import Filters
from bot4._core.risk.limits import RiskGate
from bot4.application.assembly.sizes import LOTS_MAX, money_contracts, money_ticklots, order_lots_max
from bot4.domain.instrument import ContractKind

if TYPE_CHECKING:
    from decimal import Decimal

    from bot4.application.assembly.shape import InputShape
    from bot4.config import Settings
    from bot4.domain.instrument import Instrument

_MS = 1_000_000


def filters_of(instrument: Instrument) -> Filters:
    """Return the venue's filters of an instrument."""

    def lots(qty: Decimal | None) -> int:
        return 0 if qty is None else instrument.qty_to_lots(qty)

    ticklot = instrument.tick_size * instrument.lot_size

    def ticklots(notional: Decimal | None) -> int:
        return 0 if notional is None or instrument.kind is ContractKind.INVERSE else int(notional / ticklot)

    return Filters(
        price_step_ticks=instrument.ticks_per_step,
        qty_step_lots=instrument.lots_per_step,
        min_qty_lots=lots(instrument.min_qty),
        max_qty_lots=lots(instrument.max_qty),
        max_num_orders=instrument.max_orders or 0,
        min_notional_ticklots=ticklots(instrument.min_notional),
        max_notional_ticklots=ticklots(instrument.max_notional),
    )


def breaker_of(settings: Settings, shape: InputShape) -> Breaker:
    """Return the shard's circuit breaker; bars come slowly, and their silence is no staleness."""
    breaker = settings.breaker
    return Breaker(
        error_ppm=breaker.error_rate_max_pct * 10_000,
        min_samples=breaker.error_samples_min,
        window_ns=breaker.error_window_ms * _MS,
        latency_limit_ns=breaker.latency_max_ms * _MS,
        stale_ns=max(breaker.stale_after_ms * _MS, 3 * (shape.bar_interval_ns or 0)),
        reject_run=breaker.consecutive_rejects_max,
        cooldown_ns=breaker.cooldown_ms * _MS,
        cooldown_max_ns=max(300_000 * _MS, breaker.cooldown_ms * _MS),
        probes=breaker.probes,
        successes=breaker.probes,
        flood_limit=breaker.flood_trips,
        flood_window_ns=breaker.flood_window_ms * _MS,
    )


def risk_gate(settings: Settings, instrument: Instrument, index: int, shape: InputShape) -> RiskGate:
    """Return the limits of one instrument."""
    risk = settings.risk
    is_inverse = instrument.kind is ContractKind.INVERSE
    if is_inverse:
        position_lots = money_contracts(settings, instrument, risk.position_notional_max, "risk.position_notional_max")
        order_notional = money_contracts(settings, instrument, risk.order_notional_max, "risk.order_notional_max")
    else:
        position_lots = LOTS_MAX  # the engine turns the money limit into lots at the first touch
        order_notional = money_ticklots(settings, instrument, risk.order_notional_max, "risk.order_notional_max")
    return RiskGate(
        instrument=index,
        max_order_lots=order_lots_max(instrument),
        max_order_notional=order_notional,
        max_long_lots=position_lots,
        max_short_lots=0 if instrument.kind is ContractKind.SPOT else position_lots,
        filters=filters_of(instrument),
        notional_is_qty=is_inverse,
        max_open_orders=risk.open_orders_max,
        band_ppm=risk.price_band_bps * 100,
        max_reference_age_ns=max(risk.reference_ttl_ms * _MS, 2 * (shape.bar_interval_ns or 0)),
        unusual_multiple=risk.fat_finger_multiple,
        max_drawdown_ppm=risk.drawdown_max_bps * 100,
        duplicate_window_ns=risk.duplicate_window_ms * _MS,
        max_reject_run=risk.consecutive_rejects_max,
        max_exit_reject_run=2 * risk.consecutive_rejects_max,
        orders_per_period=risk.orders_per_s,
        period_ns=1_000 * _MS,
        burst=risk.orders_burst,
        reserve_tokens=min(4, risk.orders_burst - 1),
    )
