# cython: language_level=3
"""FillModel: the fill assumptions of a paper venue that can be chosen (docs/simulator-assumptions.md)."""

from libc.math cimport isfinite
from libc.stdint cimport uint64_t
from libc.string cimport memcpy

from bot4._core.sim.impact cimport IMPACT_NONE, Impact
from bot4._core.sim.latency cimport LATENCY_ZERO, Latency, latency_hash
from bot4._core.sim.own_impact cimport own_impact_hash
from bot4._core.sim.partial_fills cimport PartialFills
from bot4._core.sim.queue_position cimport QUEUE_TRADE_THROUGH, Queue
from bot4._core.sim.rng cimport rng_hash
from bot4._core.types cimport hash_mix


cdef uint64_t fill_state_hash(uint64_t digest, const FillState* state) noexcept nogil:
    cdef uint64_t shape
    memcpy(&shape, &state.queue.shape, 8)
    digest = hash_mix(hash_mix(hash_mix(digest, state.queue.kind), state.queue.weight), shape)
    digest = hash_mix(hash_mix(digest, state.partial.is_on), rng_hash(&state.dice))
    digest = hash_mix(hash_mix(digest, state.impact.model.kind), <uint64_t>state.level_ns)
    digest = hash_mix(hash_mix(digest, latency_hash(&state.cancel_latency)), latency_hash(&state.data_latency))
    return own_impact_hash(digest, &state.impact)


cdef class FillModel:
    """Fill assumptions of a paper venue.

    Parameters
    ----------
    queue : Queue, optional
        Which prints fill a resting order; trade-through where not given.
    partial_fills : PartialFills, optional
        Split each passive fill; a print that reaches an order may then fill nothing of it.
    impact : Impact, optional
        In ticks, lots and seconds: what own takers do to the market they meet later.
    impact_half_life_s : float
        Of the temporary part of the impact, above 0.
    cancel_latency : Latency, optional
        Of cancels on their way to the venue; that of placed orders where not given.
    data_latency : Latency, optional
        Age of the market an order was decided on, beyond that of the recording; zero where not given.
    """

    def __init__(
        self, *, queue: Queue | None = None, partial_fills: PartialFills | None = None, impact: Impact | None = None,
        impact_half_life_s: float = 10.0, cancel_latency: Latency | None = None, data_latency: Latency | None = None,
    ):
        if not (isfinite(impact_half_life_s) and impact_half_life_s > 0.0):
            raise ValueError(f"impact_half_life_s must be a finite number above 0, was {impact_half_life_s}")
        if queue is not None:
            self.state.queue = queue.model
        if partial_fills is not None:
            self.state.partial = partial_fills.model
        if impact is not None:
            self.state.impact.model = impact.model
        if cancel_latency is not None:
            self.state.cancel_latency, self.state.has_cancel_latency = cancel_latency.model, True
        if data_latency is not None:
            self.state.data_latency = data_latency.model
        self.state.impact.half_life_ns = impact_half_life_s * 1e9
        self.state.is_default = (
            self.state.queue.kind == QUEUE_TRADE_THROUGH and not self.state.partial.is_on
            and self.state.impact.model.kind == IMPACT_NONE and not self.state.has_cancel_latency
            and self.state.data_latency.kind == LATENCY_ZERO
        )
