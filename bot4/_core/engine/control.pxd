"""Control events: what an operator, a supervisor or reconciliation tells a shard."""

from libc.stdint cimport int64_t

from bot4._core.types cimport Event


cdef enum:
    ALL_LANES = 0xFFFF       # instrument of a control event that means every lane


cpdef enum ControlCode:
    CONTROL_STOP = 1         # no new decisions; reports are still taken
    CONTROL_CANCEL_ALL = 2
    CONTROL_KILL = 3         # refuse every further order and cancel what works; stays until RESET
    CONTROL_RESET = 4
    CONTROL_PLACE = 5        # value: price_ticks; reserved: qty_lots, tif, intent flags; side in the event's head
    CONTROL_CANCEL = 6       # value: order id
    CONTROL_FLATTEN = 7      # close every position with orders that can only reduce
    CONTROL_GATE_OPEN = 8    # value: GateReason bits to clear, 0 for START and MISMATCH
    CONTROL_GATE_CLOSE = 9   # value: GateReason bits to set, 0 for OPERATOR; working orders are cancelled
    CONTROL_REPORTS = 10     # only in the journal: the next `value` updates were taken from the reports' ring here
    CONTROL_SIGNAL = 11      # value: source; reserved: score and confidence in millionths, age in nanoseconds
    CONTROL_FUNDING = 12     # value: rate in parts per billion; reserved[0]: when it is settled, nanoseconds
    CONTROL_SETTLE = 13      # value: rate in parts of 10^8; reserved: when, mark_ticks (0: the lane's own), atoms paid
    CONTROL_FUNDING_PAID = 14   # a live venue settled; value: atoms paid; reserved: when, its number, atoms booked
    # Of a strategy that runs on a thread of its own; placed, refused and told like any request of a strategy.
    CONTROL_ASK_PLACE = 20   # fields as PLACE
    CONTROL_ASK_CANCEL = 21  # value: order id
    CONTROL_ASK_CANCEL_ALL = 22
    CONTROL_STRATEGY_END = 23   # it is told nothing more, and nothing of it is taken; orders go; value: 1 flattens, too


# Write a control event as `Engine.control` and the runner send it.
cdef void control_event(
    Event* event, int code, int instrument, int64_t value, int side, int64_t qty_lots, int64_t tif, int64_t flags
) noexcept nogil
