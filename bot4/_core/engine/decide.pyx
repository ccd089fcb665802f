# cython: language_level=3
"""The decision pass: a linear score over the feature vector and the order it asks for.

The score is the sum of ``weight * clip(feature / scale, -1, 1)``: with weights that sum to 1 it lies in -1 .. 1. One
order works at a time for each instrument. Nothing here knows of profit: it is the demonstration strategy's kernel and
the place where later policies plug in.
"""

from libc.math cimport NAN, isnan
from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport free
from libc.string cimport memset

from bot4._core.types cimport (
    IntentAction,
    IntentFlag,
    OrderType,
    Side,
    TimeInForce,
    aligned_zalloc,
    money_from_int,
    mul_wide,
)

cdef int64_t PPM = 1_000_000


cdef double policy_score(const Policy* policy, const double* features) noexcept nogil:
    cdef double score = 0.0, value
    cdef int32_t i
    for i in range(policy.term_count):
        value = features[policy.terms[i].feature] * policy.terms[i].inverse_scale
        if isnan(value):
            return NAN
        value = 1.0 if value > 1.0 else (-1.0 if value < -1.0 else value)
        score += policy.terms[i].weight * value
    return score


cdef inline int64_t _capped_lots(money_t budget_ticklots, int64_t price_ticks, int64_t cap) noexcept nogil:
    """Whole lots that a budget buys at a price, never above `cap`."""
    cdef money_t lots = budget_ticklots / price_ticks
    return cap if lots > cap else <int64_t>lots


cdef int64_t _target_lots(const Policy* policy, double score, int64_t position_lots,
                          int64_t price_ticks) noexcept nogil:
    """Position the score asks for; the present one where it asks for no change."""
    cdef int64_t limit = policy.position_lots
    if limit == 0:
        limit = _capped_lots(policy.position_ticklots, price_ticks, (<int64_t>1) << 62)
    if score >= policy.enter_score:
        return limit if limit > position_lots else position_lots
    if score <= -policy.enter_score:
        if policy.short_allowed:
            return -limit if -limit < position_lots else position_lots
        return 0 if position_lots > 0 else position_lots
    if position_lots > 0 and score <= -policy.exit_score:
        return 0
    if position_lots < 0 and score >= policy.exit_score:
        return 0
    return position_lots


cdef bint is_large_enough(const Policy* policy, int64_t qty_lots, int64_t price_ticks) noexcept nogil:
    return (qty_lots >= policy.qty_min_lots and qty_lots > 0
            and mul_wide(price_ticks, qty_lots) >= policy.notional_min_ticklots)


cdef int64_t price_on_step(int64_t price_ticks, int64_t step_ticks, bint up) noexcept nogil:
    """The nearest price an order may have, below or above."""
    cdef int64_t rest = price_ticks % step_ticks
    return price_ticks if rest == 0 else price_ticks - rest + (step_ticks if up else 0)


cdef inline int _count(DecisionState* state, int verdict) noexcept nogil:
    state.verdicts[verdict] += 1
    return verdict


cdef int _cancel(const DecisionState* state, const Exposure* exposure, int reason, int64_t now_ns,
                 OrderIntent* out) noexcept nogil:
    memset(out, 0, sizeof(OrderIntent))
    out.action = IntentAction.ACTION_CANCEL
    out.order_id = exposure.working_id
    out.side = exposure.working_side
    out.reason = reason
    out.ts_ns = now_ns
    out.score = state.score
    return DECIDE_CANCEL


cdef int decide_working(const Policy* policy, const DecisionState* state, const Exposure* exposure, int64_t now_ns,
                        OrderIntent* out) noexcept nogil:
    cdef bint is_buy = exposure.working_side == Side.SIDE_BUY
    if exposure.cancel_pending:
        return DECIDE_BUSY
    if now_ns - exposure.working_since_ns >= policy.passive_ttl_ns:
        return _cancel(state, exposure, REASON_STALE_ORDER, now_ns, out)
    if (state.score <= -policy.exit_score) if is_buy else (state.score >= policy.exit_score):
        return _cancel(state, exposure, REASON_SCORE_TURNED, now_ns, out)
    return DECIDE_BUSY


cdef int decide(const Policy* policy, DecisionState* state, const double* features, const TopOfBook* top,
                const Exposure* exposure, int64_t now_ns, OrderIntent* out) noexcept nogil:
    cdef int64_t position = exposure.position_lots, target, qty_lots, price_ticks, bid, ask
    cdef bint is_buy, is_exit, is_taker
    state.score = policy_score(policy, features)
    if isnan(state.score):
        return _count(state, DECIDE_WARMING)
    if top.bid_levels == 0 or top.ask_levels == 0:
        return _count(state, DECIDE_NO_TOUCH)
    if exposure.working_id != 0:
        return _count(state, decide_working(policy, state, exposure, now_ns, out))
    bid = top.bid_price_ticks[0]
    ask = top.ask_price_ticks[0]
    target = _target_lots(policy, state.score, position, bid)
    if target == position:
        return _count(state, DECIDE_HOLD)
    if state.has_traded and now_ns - state.last_intent_ns < policy.cooldown_ns:
        return _count(state, DECIDE_COOLDOWN)

    is_buy = target > position
    is_exit = (position < 0) if is_buy else (position > 0)
    is_taker = state.score >= policy.take_score or state.score <= -policy.take_score or is_exit
    if is_taker:
        # A limit beyond the touch bounds what a moving book can cost; the remainder expires.
        price_ticks = ask + ask * policy.take_slippage_ppm // PPM if is_buy else bid - bid * policy.take_slippage_ppm // PPM
    else:
        price_ticks = bid if is_buy else ask
    if is_exit:
        # What is held is closed whole, and never more than that: the other direction is a decision of its own.
        qty_lots = position if position > 0 else -position
    else:
        qty_lots = target - position if is_buy else position - target
        if policy.order_lots > 0:
            qty_lots = min(qty_lots, policy.order_lots)
        else:
            qty_lots = min(qty_lots, _capped_lots(policy.order_ticklots, price_ticks, qty_lots))
    # Outwards for a taker, so that it still reaches the touch; away from the touch for a maker.
    price_ticks = price_on_step(price_ticks, policy.price_step_ticks, is_buy == is_taker)
    qty_lots = min(qty_lots, policy.qty_max_lots)
    qty_lots -= qty_lots % policy.qty_step_lots
    if price_ticks <= 0 or not is_large_enough(policy, qty_lots, price_ticks):
        return _count(state, DECIDE_TOO_SMALL)

    memset(out, 0, sizeof(OrderIntent))
    out.action = IntentAction.ACTION_PLACE
    out.side = Side.SIDE_BUY if is_buy else Side.SIDE_SELL
    out.type = OrderType.ORDER_LIMIT
    out.tif = TimeInForce.TIF_IOC if is_taker else TimeInForce.TIF_GTC
    out.flags = (0 if is_taker else IntentFlag.INTENT_POST_ONLY) | (IntentFlag.INTENT_REDUCE_ONLY if is_exit else 0)
    out.reason = REASON_EXIT if is_exit else REASON_ENTER
    out.price_ticks = price_ticks
    out.qty_lots = qty_lots
    out.ts_ns = now_ns
    out.score = state.score
    return _count(state, DECIDE_ORDER)


cdef class LinearPolicy:
    """The demonstration policy: weights over features, thresholds, sizes. Immutable once made.

    Parameters
    ----------
    terms : sequence of (int, float, float)
        Feature index, weight, scale (> 0); at most 128.
    enter_score, take_score, exit_score : float
        Open at or beyond `enter_score`; take liquidity at or beyond `take_score`; close when the score is at least
        `exit_score` against the position.
    order_ticklots, position_ticklots : int
        Budgets as price_ticks x qty_lots; used where `order_lots` and `position_lots` are 0.
    order_lots, position_lots : int
        Fixed sizes (inverse contracts), or 0.
    price_step_ticks, qty_step_lots : int
        Grid of orders, in ticks and lots of the data's grid.
    qty_min_lots, qty_max_lots, notional_min_ticklots : int
        The venue's smallest and largest order.
    cooldown_ns, passive_ttl_ns : int
        Pause between intents; how long a passive order may wait.
    take_slippage_ppm : int
        How far beyond the touch a taker's limit lies, parts per million.
    short_allowed : bool

    Raises
    ------
    ValueError
        A term or a bound is out of range; the message names it.

    >>> policy = LinearPolicy([(0, 0.5, 1.0), (1, 0.5, 2.0)], enter_score=0.4, take_score=0.6, exit_score=0.2,
    ...                       order_ticklots=10**9, position_ticklots=10**9, qty_max_lots=10**9)
    >>> policy.score([1.0, 1.0])
    0.75
    """

    def __cinit__(
        self, terms, *, double enter_score, double take_score, double exit_score, order_ticklots=0,
        position_ticklots=0, int64_t order_lots=0, int64_t position_lots=0, int64_t price_step_ticks=1,
        int64_t qty_step_lots=1, int64_t qty_min_lots=1,
        int64_t qty_max_lots=1, notional_min_ticklots=0, int64_t cooldown_ns=0, int64_t passive_ttl_ns=1,
        int64_t take_slippage_ppm=0, bint short_allowed=False,
    ):
        if not 0 < len(terms) <= POLICY_TERMS_MAX:
            raise ValueError(f"a policy has 1 to {POLICY_TERMS_MAX} terms, was given {len(terms)}")
        if not 0.0 <= exit_score <= 1.0 or not 0.0 < enter_score <= take_score:
            raise ValueError(
                f"scores must be 0 <= exit <= 1 and 0 < enter <= take, were {exit_score}, {enter_score}, {take_score}")
        if (order_lots == 0) == (order_ticklots == 0) or (position_lots == 0) == (position_ticklots == 0):
            raise ValueError("an order and a position need either a budget in ticklots or a size in lots, and not both")
        if min(order_lots, position_lots, order_ticklots, position_ticklots, notional_min_ticklots, cooldown_ns) < 0:
            raise ValueError("sizes and times must not be negative")
        if not 0 <= take_slippage_ppm < PPM:
            raise ValueError(f"take_slippage_ppm must be in 0..{PPM - 1}, was {take_slippage_ppm}")
        if price_step_ticks < 1 or qty_step_lots < 1:
            raise ValueError(f"an order's steps must be at least 1, were {price_step_ticks} and {qty_step_lots}")
        if qty_min_lots < 1 or qty_max_lots < qty_min_lots:
            raise ValueError(f"order sizes must be 1 <= min <= max lots, were {qty_min_lots} and {qty_max_lots}")
        self.policy = <Policy*>aligned_zalloc(sizeof(Policy))
        if self.policy == NULL:
            raise MemoryError("no memory for a policy")
        for feature, weight, scale in terms:
            if feature < 0 or not scale > 0.0:
                raise ValueError(f"a term needs a feature index >= 0 and a scale > 0, were {feature} and {scale}")
            self.policy.terms[self.policy.term_count].feature = feature
            self.policy.terms[self.policy.term_count].weight = weight
            self.policy.terms[self.policy.term_count].inverse_scale = 1.0 / scale
            self.policy.term_count += 1
        self.policy.short_allowed = short_allowed
        self.policy.enter_score = enter_score
        self.policy.take_score = take_score
        self.policy.exit_score = exit_score
        self.policy.order_ticklots = money_from_int(order_ticklots)
        self.policy.position_ticklots = money_from_int(position_ticklots)
        self.policy.order_lots = order_lots
        self.policy.position_lots = position_lots
        self.policy.price_step_ticks = price_step_ticks
        self.policy.qty_step_lots = qty_step_lots
        self.policy.qty_min_lots = qty_min_lots
        self.policy.qty_max_lots = qty_max_lots
        self.policy.notional_min_ticklots = money_from_int(notional_min_ticklots)
        self.policy.cooldown_ns = cooldown_ns
        self.policy.passive_ttl_ns = passive_ttl_ns
        self.policy.take_slippage_ppm = take_slippage_ppm

    def __dealloc__(self):
        free(self.policy)

    def score(self, features) -> float:
        """Score of a feature vector (indexable, float); NaN where a feature of it is NaN."""
        cdef double values[POLICY_TERMS_MAX]
        cdef int32_t i
        if len(features) > POLICY_TERMS_MAX:
            raise ValueError(f"a feature vector has at most {POLICY_TERMS_MAX} entries, had {len(features)}")
        for i in range(len(features)):
            values[i] = features[i]
        for i in range(self.policy.term_count):
            if self.policy.terms[i].feature >= len(features):
                raise ValueError(f"the policy reads feature {self.policy.terms[i].feature}, the vector has {len(features)}")
        return policy_score(self.policy, values)

    def decide(
        self, features, *, int64_t bid_ticks, int64_t ask_ticks, int64_t position_lots=0, working=None,
        int64_t now_ns=0, last_intent_ns=None,
    ) -> dict:
        """One decision, for tests, notebooks and explanations.

        Parameters
        ----------
        features : sequence of float
        bid_ticks, ask_ticks : int
            The touch; 0 for an empty side.
        position_lots : int
        working : (int, str, int) or None
            Order id, ``"buy"`` or ``"sell"``, and since when in nanoseconds.
        now_ns, last_intent_ns : int

        Returns
        -------
        dict
            ``verdict`` and ``score``; with an intent also action, side, tif, flags, reason, price_ticks, qty_lots,
            order_id.
        """
        cdef double values[POLICY_TERMS_MAX]
        cdef TopOfBook top
        cdef Exposure exposure
        cdef DecisionState state
        cdef OrderIntent intent
        cdef int32_t i
        cdef int verdict
        self.score(features)
        for i in range(len(features)):
            values[i] = features[i]
        memset(&top, 0, sizeof(TopOfBook))
        memset(&exposure, 0, sizeof(Exposure))
        memset(&state, 0, sizeof(DecisionState))
        top.bid_price_ticks[0] = bid_ticks
        top.ask_price_ticks[0] = ask_ticks
        top.bid_levels = bid_ticks > 0
        top.ask_levels = ask_ticks > 0
        exposure.position_lots = position_lots
        if working is not None:
            exposure.working_id = working[0]
            exposure.working_side = Side.SIDE_BUY if working[1] == "buy" else Side.SIDE_SELL
            exposure.working_since_ns = working[2]
        if last_intent_ns is not None:
            state.last_intent_ns = last_intent_ns
            state.has_traded = True
        verdict = decide(self.policy, &state, values, &top, &exposure, now_ns, &intent)
        result = {"verdict": DecisionVerdict(verdict), "score": state.score}
        if verdict in (DECIDE_ORDER, DECIDE_CANCEL):
            result.update(
                action=intent.action, side=intent.side, tif=intent.tif, flags=intent.flags,
                reason=DecisionReason(intent.reason), price_ticks=intent.price_ticks, qty_lots=intent.qty_lots,
                order_id=intent.order_id)
        return result
