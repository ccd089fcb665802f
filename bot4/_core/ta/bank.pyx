# cython: language_level=3
"""The feature bank of one instrument.

1. An input is taken in whole or refused whole; a refused one changes nothing but its counter.
2. A feature is NaN and not ready until its warm-up is complete, and finite and ready from then on.
3. Bars of the shortest interval come from the bank's own trades or ready-made; one that begins before the last one ended
   is refused, so an interval is never counted twice. Bars of longer intervals are made of those.
4. A bar of a longer interval is finished by the first input whose time has reached its end, and holds nothing of it.
5. The state holds no pointer: its bytes are the snapshot, and the same inputs give the same bytes.
"""

from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memcpy

from bot4._core.ta.bars cimport BAR_CLOSED, bars_on_bar, bars_on_time, bars_on_trade
from bot4._core.ta.elementary cimport UNDEFINED
from bot4._core.ta.frame cimport BarExtra, BarFrame, FeaturePlan, extra_start, frame_advance, frame_on_bar, frame_start
from bot4._core.ta.inputs cimport (
    INPUT_BAD_PRICE,
    INPUT_OK,
    INPUT_STALE_BAR,
    check_bar,
    check_top,
    check_trade,
    is_quantity,
)
from bot4._core.ta.microstructure cimport (
    depth_on_top,
    microstructure_on_top,
    microstructure_on_trade,
    microstructure_start,
    vpin_on_trade,
)
from bot4._core.ta.registry cimport (
    CLOCK_BAR,
    CLOCK_BUCKET,
    CLOCK_DEPTH,
    CLOCK_QUOTE,
    CLOCK_QUOTED_TRADE,
    CLOCK_TOP,
    CLOCK_TRADE,
    GROUP_DEPTH,
    GROUP_OF_BARS,
    GROUP_VPIN,
)
from bot4._core.types cimport BOT4_ASSERT, Bar, TopOfBook, aligned_zalloc, hash_mix

cdef int64_t NEVER_NS = 0x7FFFFFFFFFFFFFFF


cdef inline int _refuse(FeatureBank* bank, int verdict) noexcept nogil:
    bank.refused[verdict] += 1
    return verdict


cdef inline void _tick_clock(FeatureBank* bank, int clock) noexcept nogil:
    bank.counts[clock] += 1
    frame_advance(&bank.base, &bank.plan, clock, bank.counts[clock])


cdef void _finish_longer(FeatureBank* bank, int64_t frame, int64_t now_ns) noexcept nogil:
    cdef BarFrame* longer = bank_frame(bank, frame)
    cdef Bar closed
    if bars_on_time(&longer.bars, now_ns, &closed):
        frame_on_bar(longer, bank_extra(bank, frame), &bank.plan, &closed, bank.reference_ticks)


cdef void _find_next_end(FeatureBank* bank) noexcept nogil:
    cdef const BarFrame* longer
    cdef int64_t frame
    bank.next_end_ns = NEVER_NS
    for frame in range(1, bank.frames):
        longer = bank_frame(bank, frame)
        if longer.bars.is_open and longer.bars.open_bar.close_time_ns < bank.next_end_ns:
            bank.next_end_ns = longer.bars.open_bar.close_time_ns


cdef void _on_longer_time(FeatureBank* bank, int64_t now_ns) noexcept nogil:
    cdef int64_t frame
    for frame in range(1, bank.frames):
        _finish_longer(bank, frame, now_ns)
    _find_next_end(bank)


cdef void _on_longer_bar(FeatureBank* bank, const Bar* bar) noexcept nogil:
    cdef int64_t frame
    for frame in range(1, bank.frames):
        _finish_longer(bank, frame, bar.open_time_ns)
        bars_on_bar(&bank_frame(bank, frame).bars, bar)
        _finish_longer(bank, frame, bar.close_time_ns)
    _find_next_end(bank)


cdef void _take_bar(FeatureBank* bank, const Bar* bar) noexcept nogil:
    bank.counts[<int>CLOCK_BAR] += 1
    frame_on_bar(&bank.base, bank_extra(bank, 0), &bank.plan, bar, bank.reference_ticks)
    if bank.frames > 1:
        _on_longer_bar(bank, bar)


cdef int bank_on_bar(FeatureBank* bank, const Bar* bar) noexcept nogil:
    cdef int verdict = check_bar(bar)
    if verdict != INPUT_OK:
        return _refuse(bank, verdict)
    if bar.open_time_ns < bank.base.bar_boundary_ns:
        return _refuse(bank, INPUT_STALE_BAR)
    _take_bar(bank, bar)
    return INPUT_OK


cdef inline void _take_own_bar(FeatureBank* bank, const Bar* bar) noexcept nogil:
    if bar.open_time_ns < bank.base.bar_boundary_ns:
        _refuse(bank, INPUT_STALE_BAR)
        return
    _take_bar(bank, bar)


cdef inline void _hide(FeatureBank* bank, int64_t first, int64_t end) noexcept nogil:
    cdef int64_t i
    for i in range(first, end):
        bank.base.values[bank.plan.hidden[i]] = UNDEFINED


cdef inline void _count_buckets(FeatureBank* bank, int64_t filled) noexcept nogil:
    # A trade may fill several buckets, and so pass the warm-up by more than one.
    cdef int64_t longest = bank.plan.longest[<int>CLOCK_BUCKET]
    cdef bint was_warming = bank.counts[<int>CLOCK_BUCKET] < longest
    bank.counts[<int>CLOCK_BUCKET] += filled
    if was_warming:
        frame_advance(&bank.base, &bank.plan, CLOCK_BUCKET, min(bank.counts[<int>CLOCK_BUCKET], longest))


cdef void _more_of_trade(FeatureBank* bank, int64_t qty_lots, bint seller_is_taker) noexcept nogil:
    if bank.plan.groups & GROUP_VPIN:
        _count_buckets(bank, vpin_on_trade(&bank.vpin, qty_lots, seller_is_taker, &bank.base.values[0]))
    _hide(bank, bank.plan.hidden_tops, bank.plan.hidden_trades)


cdef void _more_of_top(FeatureBank* bank, const TopOfBook* top, bint is_quote) noexcept nogil:
    if bank.plan.groups & GROUP_DEPTH and depth_on_top(
        &bank.depth, &bank.microstructure, top, is_quote, &bank.base.values[0]
    ):
        _tick_clock(bank, CLOCK_DEPTH)
    _hide(bank, bank.plan.hidden_bars, bank.plan.hidden_tops)


cdef int bank_on_trade(
    FeatureBank* bank, int64_t price_ticks, int64_t qty_lots, bint seller_is_taker, int64_t ts_ns
) noexcept nogil:
    cdef Bar closed
    cdef int verdict = check_trade(price_ticks, qty_lots, ts_ns)
    if verdict != INPUT_OK:
        return _refuse(bank, verdict)
    microstructure_on_trade(
        &bank.microstructure, price_ticks, qty_lots, seller_is_taker, ts_ns, &bank.base.values[0]
    )
    _tick_clock(bank, CLOCK_TRADE)
    if bank.counts[<int>CLOCK_TOP]:
        _tick_clock(bank, CLOCK_QUOTED_TRADE)
    if bank.has_more_of_trades:
        _more_of_trade(bank, qty_lots, seller_is_taker)
    if bars_on_trade(&bank.base.bars, price_ticks, qty_lots, seller_is_taker, ts_ns, &closed) == BAR_CLOSED:
        _take_own_bar(bank, &closed)
    if ts_ns >= bank.next_end_ns:
        _on_longer_time(bank, ts_ns)
    return INPUT_OK


cdef bint bank_on_time(FeatureBank* bank, int64_t now_ns) noexcept nogil:
    cdef Bar closed
    cdef bint finished = bars_on_time(&bank.base.bars, now_ns, &closed)
    if finished:
        _take_own_bar(bank, &closed)
    if now_ns >= bank.next_end_ns:
        _on_longer_time(bank, now_ns)
    return finished


cdef int bank_on_top(FeatureBank* bank, const TopOfBook* top, int64_t ts_ns) noexcept nogil:
    cdef int verdict = check_top(top, ts_ns)
    cdef bint is_quote
    if verdict != INPUT_OK:
        return _refuse(bank, verdict)
    is_quote = microstructure_on_top(&bank.microstructure, top, &bank.base.values[0])
    if is_quote:
        _tick_clock(bank, CLOCK_QUOTE)
    _tick_clock(bank, CLOCK_TOP)
    if bank.has_more_of_tops:
        _more_of_top(bank, top, is_quote)
    return INPUT_OK


cdef int bank_on_reference(FeatureBank* bank, int64_t price_ticks) noexcept nogil:
    if not is_quantity(price_ticks, 1):
        return _refuse(bank, INPUT_BAD_PRICE)
    bank.reference_ticks = price_ticks
    return INPUT_OK


cdef uint64_t bank_hash(const FeatureBank* bank) noexcept nogil:
    cdef const char* bytes = <const char*>bank
    cdef uint64_t hash = <int>STATE_VERSION
    cdef uint64_t word
    cdef int64_t i
    for i in range(0, bank.size, 8):
        memcpy(&word, bytes + i, 8)
        hash = hash_mix(hash, word)
    return hash


cdef FeatureBank* bank_new(
    const FeaturePlan* plan, double tick_size, double lot_size, const int64_t* intervals_ns, int64_t frames
) noexcept nogil:
    cdef int64_t extras = frames if plan.groups & GROUP_OF_BARS else 0
    cdef int64_t size = sizeof(FeatureBank) + (frames - 1) * sizeof(BarFrame) + extras * sizeof(BarExtra)
    cdef FeatureBank* bank = <FeatureBank*>aligned_zalloc(size)
    cdef int64_t frame
    if bank is NULL:
        return NULL
    bank.plan = plan[0]
    bank.size = size
    bank.frames = frames
    bank.extras = extras
    bank.next_end_ns = NEVER_NS
    bank.has_more_of_tops = plan.groups & GROUP_DEPTH != 0 or plan.hidden_tops > plan.hidden_bars
    bank.has_more_of_trades = plan.groups & GROUP_VPIN != 0 or plan.hidden_trades > plan.hidden_tops
    for frame in range(frames):
        frame_start(bank_frame(bank, frame), tick_size, lot_size, intervals_ns[frame])
    for frame in range(extras):
        extra_start(bank_extra(bank, frame))
    microstructure_start(&bank.microstructure, tick_size, lot_size)
    return bank


BOT4_ASSERT(
    sizeof(FeatureBank) % 8 == 0 and sizeof(BarFrame) % 8 == 0 and sizeof(BarExtra) % 8 == 0 and sizeof(Bar) == 72
    and sizeof(TopOfBook) == 168
)
