"""Integer token bucket: exact refill by elapsed nanoseconds; time only by argument; no float, no division once built."""

from libc.stdint cimport int64_t, uint64_t


# One token is `period_ns` units and each nanosecond refills `tokens` units, so every rate of whole tokens a period is exact.
ctypedef struct TokenBucketRule:
    int64_t tokens           # refilled every period
    int64_t period_ns        # also the units of one token
    int64_t burst            # tokens of a full bucket
    int64_t capacity_units   # burst * period_ns
    int64_t fill_ns          # after this long the bucket is full whatever it owed


ctypedef struct TokenBucket:
    int64_t level_units      # negative: debt, by at most one capacity
    int64_t last_ns          # time of the level; never moves back


cdef inline int64_t bucket_units(const TokenBucketRule* rule, const TokenBucket* bucket, int64_t now_ns) noexcept nogil:
    """Units held at `now_ns`; pure. A time before the last one refills nothing."""
    cdef uint64_t elapsed_ns
    cdef int64_t units
    if now_ns <= bucket.last_ns:
        return bucket.level_units
    elapsed_ns = <uint64_t>now_ns - <uint64_t>bucket.last_ns
    if elapsed_ns >= <uint64_t>rule.fill_ns:
        return rule.capacity_units
    units = bucket.level_units + <int64_t>elapsed_ns * rule.tokens
    return rule.capacity_units if units > rule.capacity_units else units


cdef inline bint bucket_has(
    const TokenBucketRule* rule, const TokenBucket* bucket, int64_t tokens, int64_t now_ns
) noexcept nogil:
    """Whether `tokens` whole tokens are there at `now_ns`; pure. More than the burst, or fewer than none, never are."""
    # Not above the burst, so the product cannot overflow.
    return 0 <= tokens <= rule.burst and bucket_units(rule, bucket, now_ns) >= tokens * rule.period_ns


cdef void bucket_charge(const TokenBucketRule* rule, TokenBucket* bucket, int64_t tokens, int64_t now_ns) noexcept nogil
cdef bint bucket_take(const TokenBucketRule* rule, TokenBucket* bucket, int64_t tokens, int64_t now_ns) noexcept nogil
cdef void bucket_fill(const TokenBucketRule* rule, TokenBucket* bucket) noexcept nogil
cdef int bucket_rule_set(TokenBucketRule* rule, object tokens, object period_ns, object burst) except -1


cdef class TokenBucketGate:
    cdef TokenBucketRule rule
    cdef TokenBucket bucket
