# cython: language_level=3
"""Positions: cost and result of every fill, to the last atom.

Rules
-----
1. A fill's value is `contract_value`: exact for spot and linear, the nearest atom (ties to even) for inverse.
2. Lots added to a position add their value to its cost.
3. A partial close takes ``floor(cost * closed / open)`` of the cost; the remainder stays with the lots still open, and
   the close of the last lot takes all that is left. Nothing is created or lost over any sequence of fills.
4. A fill that crosses zero is a full close and an opening. Its value is split: the closing part gets the value of its
   own lots, the opening part gets the rest, so that the two add up to the fill.
5. A long earns exit - entry on a linear contract and entry - exit on an inverse one (coin values fall as prices rise).

So for linear ``realised - cost = sold - bought`` and for inverse ``realised + cost = bought - sold`` after any sequence.
"""

from fractions import Fraction
from typing import NamedTuple

from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memset

from bot4._core.account.contract cimport Contract, contract_value
from bot4._core.account.money cimport (
    money_abs, money_add, money_div_half_even, money_fits_64, money_hash, money_mul, money_share, money_sub,
)
from bot4._core.types cimport (
    BOT4_ASSERT, CONTRACT_INVERSE, EVENT_ORDER_FILL, SIDE_BUY, SIDE_SELL, Event, aligned_zalloc, hash_mix, money_t,
    money_to_int, mul_wide,
)


cdef money_t position_apply_fill(
    Position* position, const ContractSpec* spec, int side, int64_t price_ticks, int64_t qty_lots
) noexcept nogil:
    cdef int64_t direction = 1 if side == SIDE_BUY else -1
    cdef int64_t held = position.lots if position.lots >= 0 else -position.lots
    cdef int64_t closed
    cdef money_t value
    cdef money_t closed_value
    cdef money_t released
    cdef money_t realised
    BOT4_ASSERT(price_ticks > 0 and qty_lots > 0)
    value = contract_value(spec, price_ticks, qty_lots)
    position.fill_count += 1
    position.volume_lots += qty_lots
    if held == 0 or (position.lots > 0) == (direction > 0):
        position.lots += direction * qty_lots
        position.cost = money_add(position.cost, value if direction > 0 else -value)
        return 0
    closed = qty_lots if qty_lots < held else held
    released = money_share(money_abs(position.cost), closed, held)
    closed_value = value if closed == qty_lots else contract_value(spec, price_ticks, closed)
    realised = money_sub(closed_value, released)
    # A sell closes a long: it earns value - cost on linear, cost - value on inverse; a buy the other way round.
    if (direction > 0) != (spec.kind == CONTRACT_INVERSE):
        realised = -realised
    position.realised = money_add(position.realised, realised)
    position.lots += direction * qty_lots
    if closed < held:
        position.cost = money_add(position.cost, released if direction > 0 else -released)
    else:
        value = money_sub(value, closed_value)
        position.cost = value if direction > 0 else -value
    return realised


cdef void position_apply_fee(Position* position, money_t fee_atoms) noexcept nogil:
    position.fees = money_add(position.fees, fee_atoms)


cdef money_t position_unrealised(const Position* position, const ContractSpec* spec, int64_t mark_ticks) noexcept nogil:
    cdef money_t gain
    if position.lots == 0 or mark_ticks <= 0:
        return 0
    gain = contract_value(spec, mark_ticks, position.lots if position.lots > 0 else -position.lots)
    gain = money_sub(gain, money_abs(position.cost))
    return -gain if (position.lots < 0) != (spec.kind == CONTRACT_INVERSE) else gain


cdef int64_t position_entry_ticks(const Position* position, const ContractSpec* spec) noexcept nogil:
    cdef int64_t held = position.lots if position.lots >= 0 else -position.lots
    cdef money_t cost = money_abs(position.cost)
    cdef money_t entry
    if held == 0 or cost == 0:
        return 0
    if spec.kind == CONTRACT_INVERSE:
        entry = money_div_half_even(mul_wide(held, spec.inverse_numerator), money_mul(cost, spec.tick_mantissa))
    else:
        entry = money_div_half_even(cost, mul_wide(held, spec.quote_atoms_per_ticklot))
    BOT4_ASSERT(money_fits_64(entry))
    return <int64_t>entry


cdef uint64_t position_hash(const Position* position) noexcept nogil:
    cdef uint64_t digest = money_hash(0, position.cost)
    digest = money_hash(digest, position.realised)
    digest = money_hash(digest, position.fees)
    digest = hash_mix(digest, <uint64_t>position.lots)
    return hash_mix(hash_mix(digest, <uint64_t>position.fill_count), <uint64_t>position.volume_lots)


cdef int cumulative_check(int64_t known_lots, int64_t fill_lots, int64_t reported_lots, int64_t order_lots) noexcept nogil:
    if reported_lots > order_lots:
        return CUMULATIVE_OVERFILL
    if reported_lots < known_lots:
        return CUMULATIVE_BACKWARDS
    if reported_lots == known_lots:
        return CUMULATIVE_REPEAT
    if fill_lots > 0 and reported_lots - known_lots == fill_lots:
        return CUMULATIVE_OK
    # A total that grew by less than the fill contradicts what we know as much as one that shrank.
    return CUMULATIVE_MISSING if reported_lots - known_lots > fill_lots else CUMULATIVE_BACKWARDS


def check_cumulative(known_lots: int, fill_lots: int, reported_lots: int, order_lots: int) -> CumulativeVerdict:
    """Compare a venue's cumulative filled quantity with the sum of our unique fills.

    Parameters
    ----------
    known_lots : int
        Sum of the unique fills of the order before this one.
    fill_lots : int
        Quantity of this fill, 0 for a report without one.
    reported_lots, order_lots : int
        The venue's cumulative quantity and the order's quantity.

    >>> check_cumulative(3, 2, 5, 10).name
    'CUMULATIVE_OK'
    >>> check_cumulative(3, 2, 7, 10).name
    'CUMULATIVE_MISSING'
    """
    return CumulativeVerdict(cumulative_check(known_lots, fill_lots, reported_lots, order_lots))


class PositionRow(NamedTuple):
    """One position read out at once; amounts in atoms of the settle asset."""

    lots: int
    cost_atoms: int
    realised_atoms: int
    fees_atoms: int
    fill_count: int
    volume_lots: int


cdef class Positions:
    """Positions of a table of instruments, one fill at a time.

    Parameters
    ----------
    contracts : sequence of Contract
        In the order of the session's instrument table.

    One writer. The engine's shard uses the structures directly; from Python this is for tests, projections and replay.

    >>> from bot4._core.account.contract import Contract
    >>> spot = Contract(0, tick_size="0.01", lot_size="0.001")
    >>> book = Positions([spot])
    >>> book.apply_fill(0, 0, 10_000, 3)   # buy 0.003 at 100.00
    0
    >>> book.apply_fill(0, 1, 11_000, 1)   # sell 0.001 at 110.00: 0.01 earned
    1000000
    >>> book[0].lots, book.unrealised(0, 11_000)
    (2, 2000000)
    """

    def __cinit__(self, contracts):
        cdef int index = 0
        self.count = len(contracts)
        if self.count == 0:
            raise ValueError("contracts must hold at least one contract")
        self.positions = <Position*>aligned_zalloc(self.count * sizeof(Position))
        self.specs = <ContractSpec*>aligned_zalloc(self.count * sizeof(ContractSpec))
        if self.positions == NULL or self.specs == NULL:
            raise MemoryError
        for contract in contracts:
            self.specs[index] = (<Contract?>contract).spec
            index += 1

    def __dealloc__(self):
        free(self.positions)
        free(self.specs)

    cdef int _check(self, int instrument) except -1:
        if not 0 <= instrument < self.count:
            raise IndexError(f"instrument must be 0 to {self.count - 1}, was {instrument}")
        return 0

    def apply_fill(self, instrument: int, side: int, price_ticks: int, qty_lots: int) -> int:
        """Apply one fill; return its realised result in settle atoms, before fees.

        Raises ValueError for a side that is none, or a price or quantity that is not positive.
        """
        self._check(instrument)
        if side not in (SIDE_BUY, SIDE_SELL):
            raise ValueError(f"side must be SIDE_BUY or SIDE_SELL, was {side}")
        if price_ticks <= 0 or qty_lots <= 0:
            raise ValueError(f"price_ticks and qty_lots must be positive, were {price_ticks} and {qty_lots}")
        return money_to_int(
            position_apply_fill(&self.positions[instrument], &self.specs[instrument], side, price_ticks, qty_lots)
        )

    def apply_fee(self, instrument: int, fee_atoms: int) -> None:
        """Add a fee paid in the settle asset."""
        self._check(instrument)
        position_apply_fee(&self.positions[instrument], <int64_t>fee_atoms)

    def apply_many(self, events) -> int:
        """Apply every EVENT_ORDER_FILL of an array of events, in order; other kinds are passed over.

        Parameters
        ----------
        events : ndarray[EVENT_DTYPE], shape (n,)
            Fills in body.order. All are checked before the first is applied.

        Returns
        -------
        int
            Fills applied.
        """
        cdef const uint8_t[::1] raw = events.view("u1")
        cdef Py_ssize_t total = raw.shape[0] // <Py_ssize_t>sizeof(Event)
        cdef Py_ssize_t i
        cdef const Event* event
        cdef int64_t applied = 0
        if raw.shape[0] == 0:
            return 0
        event = <const Event*>&raw[0]
        for i in range(total):
            if event[i].kind == EVENT_ORDER_FILL and (
                event[i].instrument >= self.count or event[i].side > SIDE_SELL
                or event[i].body.order.price_ticks <= 0 or event[i].body.order.qty_lots <= 0
            ):
                raise ValueError(f"fill {i} must name a known instrument, a side, and a positive price and quantity")
        with nogil:
            for i in range(total):
                if event[i].kind == EVENT_ORDER_FILL:
                    position_apply_fill(
                        &self.positions[event[i].instrument], &self.specs[event[i].instrument], event[i].side,
                        event[i].body.order.price_ticks, event[i].body.order.qty_lots,
                    )
                    applied += 1
        return applied

    def unrealised(self, instrument: int, mark_ticks: int) -> int:
        """Settle atoms earned by closing at the mark, before fees."""
        self._check(instrument)
        return money_to_int(position_unrealised(&self.positions[instrument], &self.specs[instrument], mark_ticks))

    def entry_ticks(self, instrument: int) -> int:
        """Mean entry price to the nearest tick; 0 when flat."""
        self._check(instrument)
        return position_entry_ticks(&self.positions[instrument], &self.specs[instrument])

    def entry_price(self, instrument: int) -> Fraction | None:
        """Exact mean entry price in quote; None when flat."""
        self._check(instrument)
        cdef Position* position = &self.positions[instrument]
        cdef ContractSpec* spec = &self.specs[instrument]
        if position.lots == 0 or position.cost == 0:
            return None
        if spec.kind == CONTRACT_INVERSE:
            ticks = Fraction(
                abs(<object>position.lots) * spec.inverse_numerator, abs(money_to_int(position.cost)) * spec.tick_mantissa
            )
        else:
            ticks = Fraction(money_to_int(position.cost), <object>position.lots * spec.quote_atoms_per_ticklot)
        return ticks * Fraction(spec.tick_mantissa, 10**(<object>spec.tick_decimals))

    def reset(self, instrument: int) -> None:
        """Make the position flat and empty."""
        self._check(instrument)
        memset(&self.positions[instrument], 0, sizeof(Position))

    def __getitem__(self, instrument: int) -> PositionRow:
        self._check(instrument)
        cdef Position* position = &self.positions[instrument]
        return PositionRow(
            position.lots, money_to_int(position.cost), money_to_int(position.realised), money_to_int(position.fees),
            position.fill_count, position.volume_lots,
        )

    def __len__(self):
        return self.count

    @property
    def state_hash(self) -> int:
        """Hash of every position: equal states, equal hashes."""
        cdef uint64_t digest = 0
        cdef int i
        for i in range(self.count):
            digest = hash_mix(digest, position_hash(&self.positions[i]))
        return digest
