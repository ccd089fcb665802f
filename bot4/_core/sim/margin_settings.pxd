"""What an account chooses on perpetuals: leverage, margin type, position mode, isolated margin, countdown."""

from bot4._core.sim.exchange_state cimport ExchangeRequest, ExchangeState


# A row from REQUEST_LEVERAGE on, of an account and a perpetual that exist: a verdict.
cdef int margin_setting(ExchangeState* state, const ExchangeRequest* row) noexcept nogil
