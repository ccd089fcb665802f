"""Parts of a shard that stand in the way of orders: the venue's filters and the circuit breaker."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot4._core.risk.breaker import Breaker
from bot4._core.risk.filters import Filters
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
