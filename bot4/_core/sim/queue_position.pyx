# cython: language_level=3
"""Queue position of an own order in a recorded market.

The recorded level does not hold our lots. A level that went from L to Q lots while T lots were printed there has
changed by Q - (L - T) through orders alone: what was added stands behind us, what was cancelled stood ahead or behind.

conservative
    Behind, as far as there was anyone: only what the rest cannot explain came from ahead, so that ahead <= Q.
probabilistic
    The cancel is one order. It stood ahead with the probability w(ahead) / (w(ahead) + w(behind)) and takes its lots
    from there, what is too much from the other part. With w(n) = n every displayed lot is equally likely to be
    cancelled; a steeper w says that the larger part cancels even more.

Prints and levels come by different streams. A print whose venue time is not after that of the last level is in that
level's quantity already: it is counted from the place we had before the level, and never twice.
"""

from libc.math cimport isfinite, log1p, pow
from libc.stdint cimport int64_t, uint64_t

from bot4._core.book.book_side cimport LevelWalk, walk_next, walk_start
from bot4._core.book.order_book cimport book_key
from bot4._core.sim.rng cimport Random, rng_uniform
from bot4._core.types cimport hash_mix


cdef inline int64_t _at_least_zero(int64_t lots) noexcept nogil:
    return lots if lots > 0 else 0


cdef inline double _weight(const QueueModel* model, int64_t lots) noexcept nogil:
    if model.weight == QUEUE_LOG:
        return log1p(model.shape * <double>lots)
    return <double>lots if model.shape == 1.0 else pow(<double>lots, model.shape)


cdef void queue_join(QueuePosition* position, int64_t level_lots, int64_t level_ns) noexcept nogil:
    position.ahead_lots = level_lots
    position.level_lots = level_lots
    position.printed_lots = 0
    position.before_lots = QUEUE_UNKNOWN
    position.level_ns = level_ns


cdef bint _cancel_was_ahead(const QueueModel* model, Rng* rng, int64_t ahead_lots, int64_t behind_lots) noexcept nogil:
    cdef double front = _weight(model, ahead_lots)   # determinism: a weight, no quantity
    return rng_uniform(rng) * (front + _weight(model, behind_lots)) < front


cdef void queue_on_level(
    const QueueModel* model, Rng* rng, QueuePosition* position, int64_t level_lots, int64_t level_ns
) noexcept nogil:
    cdef int64_t rest_lots = _at_least_zero(position.level_lots - position.printed_lots)
    cdef int64_t cancelled_lots = _at_least_zero(rest_lots - level_lots)
    cdef int64_t behind_lots = _at_least_zero(rest_lots - position.ahead_lots)
    position.before_lots = position.ahead_lots
    if (
        model.kind == QUEUE_PROBABILISTIC and cancelled_lots > 0 and position.ahead_lots > 0 and behind_lots > 0
        and _cancel_was_ahead(model, rng, position.ahead_lots, behind_lots)
    ):
        position.ahead_lots = _at_least_zero(position.ahead_lots - cancelled_lots)
    if position.ahead_lots > level_lots:
        position.ahead_lots = level_lots
    position.level_lots = level_lots
    position.printed_lots = 0
    position.level_ns = level_ns


cdef int64_t queue_on_print(QueuePosition* position, int64_t print_lots, int64_t print_ns) noexcept nogil:
    cdef int64_t reached_lots
    if print_ns > position.level_ns:
        reached_lots = _at_least_zero(print_lots - position.ahead_lots)
        position.ahead_lots = _at_least_zero(position.ahead_lots - print_lots)
        if print_lots > QUEUE_UNKNOWN - position.printed_lots:
            position.printed_lots = QUEUE_UNKNOWN
        else:
            position.printed_lots += print_lots
        return reached_lots
    reached_lots = _at_least_zero(print_lots - position.before_lots)
    position.before_lots = _at_least_zero(position.before_lots - print_lots)
    if position.ahead_lots > position.before_lots:
        position.ahead_lots = position.before_lots
    return reached_lots


cdef uint64_t queue_hash(uint64_t digest, const QueuePosition* position) noexcept nogil:
    digest = hash_mix(hash_mix(digest, <uint64_t>position.ahead_lots), <uint64_t>position.level_lots)
    digest = hash_mix(hash_mix(digest, <uint64_t>position.printed_lots), <uint64_t>position.before_lots)
    return hash_mix(digest, <uint64_t>position.level_ns)


cdef int64_t queue_level_lots(const OrderBook* book, int side, int64_t price_ticks) noexcept nogil:
    cdef LevelWalk walk
    cdef int64_t sought = book_key(side, price_ticks)
    cdef int64_t key = 0
    cdef int64_t qty_lots = 0
    walk_start(&walk, &book.sides[side])
    while walk_next(&walk, &key, &qty_lots):
        if key <= sought:
            return qty_lots if key == sought else 0
    return QUEUE_UNKNOWN


cdef class Queue:
    """A queue model; make one with `trade_through`, `conservative` or `probabilistic`.

    >>> Queue.conservative().play([("join", 10, 0), ("level", 4, 1), ("print", 5, 2)])
    [(10, 0), (4, 0), (0, 1)]
    """

    @staticmethod
    def trade_through() -> Queue:
        """No queue is kept: only prints beyond the price fill."""
        return Queue()

    @staticmethod
    def conservative() -> Queue:
        """Prints at the price move us up, cancels do not."""
        cdef Queue queue = Queue()
        queue.model.kind = QUEUE_CONSERVATIVE
        return queue

    @staticmethod
    def probabilistic(weight: str = "power", shape: float = 1.0) -> Queue:
        """A cancel stood ahead with a probability.

        Parameters
        ----------
        weight : str
            ``power``: ``lots ** shape``; ``log``: ``log(1 + shape * lots)``.
        shape : float
            Above 0, at most 100.
        """
        cdef Queue queue = Queue()
        if weight not in ("power", "log"):
            raise ValueError(f"weight must be power or log, was {weight!r}")
        if not (isfinite(shape) and 0.0 < shape <= 100.0):
            raise ValueError(f"shape must be above 0 and at most 100, was {shape}")
        queue.model.kind = QUEUE_PROBABILISTIC
        queue.model.weight = QUEUE_LOG if weight == "log" else QUEUE_POWER
        queue.model.shape = shape
        return queue

    def play(self, steps, *, seed: int = 0) -> list[tuple[int, int]]:
        """Lots ahead, and lots that reached us, after each of some steps: for study and tests.

        Parameters
        ----------
        steps : list of (str, int, int)
            ``join``, ``level`` or ``print``, lots, venue time in nanoseconds; the first is a join.
        seed : int
            Of the draws of a probabilistic queue.
        """
        cdef Random random = Random(seed)
        cdef QueuePosition position
        cdef int64_t reached_lots
        told = []
        if not steps or steps[0][0] != "join":
            raise ValueError("the first step must be a join")
        for what, lots, stamp_ns in steps:
            reached_lots = 0
            if not 0 <= lots < 1 << 62:
                raise ValueError(f"lots must be 0 to 2^62 - 1, was {lots}")
            if what == "join":
                queue_join(&position, lots, stamp_ns)
            elif what == "level":
                queue_on_level(&self.model, &random.rng, &position, lots, stamp_ns)
            elif what == "print":
                reached_lots = queue_on_print(&position, lots, stamp_ns)
            else:
                raise ValueError(f"a step must be join, level or print, was {what!r}")
            told.append((position.ahead_lots, reached_lots))
        return told

    def __repr__(self):
        if self.model.kind == QUEUE_PROBABILISTIC:
            return f"Queue.probabilistic({'log' if self.model.weight == QUEUE_LOG else 'power'!r}, {self.model.shape})"
        return "Queue.conservative()" if self.model.kind == QUEUE_CONSERVATIVE else "Queue.trade_through()"
