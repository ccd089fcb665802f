# cython: language_level=3
"""Token bucket over integers: `tokens` each `period_ns`, at most `burst` at once.

The level is kept in units of 1/period_ns token, so a rate of 50 orders per 10 s refills 50 units a nanosecond and one
order costs 10**10 units: no rounding, whatever the order or spacing of the calls. A venue counts in fixed calendar
windows; a bucket with the same rate and a burst no larger than the window's limit minus the rate never exceeds them by
more than its burst, so configure it below the venue's limit.
"""

from libc.stdint cimport INT64_MIN

import numpy as np

# Products of a level and a few capacities must stay inside int64.
_MAX_CAPACITY_UNITS = 1 << 59


cdef void bucket_fill(const TokenBucketRule* rule, TokenBucket* bucket) noexcept nogil:
    """Make the bucket full, as at the start of a session. Time starts at the first charge."""
    bucket.level_units = rule.capacity_units
    bucket.last_ns = INT64_MIN


cdef void bucket_charge(
    const TokenBucketRule* rule, TokenBucket* bucket, int64_t tokens, int64_t now_ns
) noexcept nogil:
    """Take `tokens` whether they are there or not: what was sent was sent. The debt is bounded by one capacity."""
    cdef int64_t units = bucket_units(rule, bucket, now_ns)
    cdef int64_t charged = tokens if tokens < rule.burst else rule.burst
    units -= charged * rule.period_ns
    bucket.level_units = -rule.capacity_units if units < -rule.capacity_units else units
    if now_ns > bucket.last_ns:
        bucket.last_ns = now_ns


cdef bint bucket_take(
    const TokenBucketRule* rule, TokenBucket* bucket, int64_t tokens, int64_t now_ns
) noexcept nogil:
    """Take `tokens` if they are all there; else take none and return False."""
    if not bucket_has(rule, bucket, tokens, now_ns):
        return False
    bucket_charge(rule, bucket, tokens, now_ns)
    return True


cdef int bucket_rule_set(TokenBucketRule* rule, object tokens, object period_ns, object burst) except -1:
    """Fill a rule from Python integers; raises ValueError naming the value and the rule."""
    if tokens < 1:
        raise ValueError(f"tokens of a period must be at least 1, was {tokens}")
    if period_ns < 1:
        raise ValueError(f"period_ns must be at least 1, was {period_ns}")
    if burst < 1:
        raise ValueError(f"burst must be at least 1 token, was {burst}")
    if max(burst, tokens) * period_ns > _MAX_CAPACITY_UNITS:
        raise ValueError(f"max(burst, tokens) * period_ns must be at most 2**59, was {max(burst, tokens) * period_ns}")
    rule.tokens = tokens
    rule.period_ns = period_ns
    rule.burst = burst
    rule.capacity_units = burst * period_ns
    # Twice the capacity: from the deepest debt to full.
    rule.fill_ns = -(-2 * burst * period_ns // tokens)
    return 0


cdef class TokenBucketGate:
    """A token bucket owned by Python; starts full.

    Parameters
    ----------
    tokens : int
        Tokens refilled every period.
    period_ns : int
        Length of a period, ns.
    burst : int
        Tokens of a full bucket.

    Raises
    ------
    ValueError
        A parameter is below 1, or max(burst, tokens) * period_ns exceeds 2**59.

    Notes
    -----
    One owner at a time: no lock, no atomics.

    >>> bucket = TokenBucketGate(tokens=10, period_ns=1_000_000_000, burst=2)
    >>> [bucket.try_take(1, now_ns=0) for _ in range(3)]
    [True, True, False]
    >>> bucket.try_take(1, now_ns=99_999_999), bucket.try_take(1, now_ns=100_000_000)
    (False, True)
    """

    def __init__(self, *, tokens, period_ns, burst):
        bucket_rule_set(&self.rule, tokens, period_ns, burst)
        bucket_fill(&self.rule, &self.bucket)

    def try_take(self, int64_t tokens, int64_t now_ns):
        """Take `tokens` at `now_ns` if all are there; True when taken."""
        return bucket_take(&self.rule, &self.bucket, tokens, now_ns)

    def charge(self, int64_t tokens, int64_t now_ns):
        """Take `tokens` (at least 0) whether they are there or not."""
        if tokens < 0:
            raise ValueError(f"tokens must not be negative, was {tokens}")
        bucket_charge(&self.rule, &self.bucket, tokens, now_ns)

    def units(self, int64_t now_ns):
        """Level at `now_ns` in units of 1/period_ns token; negative when in debt."""
        return bucket_units(&self.rule, &self.bucket, now_ns)

    def take_many(self, const int64_t[::1] tokens, const int64_t[::1] now_ns):
        """One `try_take` for each row; returns ndarray[bool], shape (n,).

        Parameters
        ----------
        tokens : ndarray[int64], shape (n,)
            Tokens asked for.
        now_ns : ndarray[int64], shape (n,)
            Time of each call, ns.
        """
        if tokens.shape[0] != now_ns.shape[0]:
            raise ValueError(f"tokens and now_ns must be equally long, were {tokens.shape[0]} and {now_ns.shape[0]}")
        taken = np.empty(tokens.shape[0], dtype=np.uint8)
        cdef unsigned char[::1] out = taken
        cdef Py_ssize_t i
        with nogil:
            for i in range(tokens.shape[0]):
                out[i] = bucket_take(&self.rule, &self.bucket, tokens[i], now_ns[i])
        return taken.view(np.bool_)
