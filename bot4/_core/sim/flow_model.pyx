# cython: language_level=3
"""FlowParameters: the generator's parameters, checked once (the measuring is bot4.quant.market_fit)."""

from libc.math cimport isfinite


def _numbers(str name, values, int count, double least, double most):
    numbers = [float(value) for value in values]
    if len(numbers) != count:
        raise ValueError(f"{name} must be {count} numbers, were {len(numbers)}")
    for number in numbers:
        if not (isfinite(number) and least <= number <= most):
            raise ValueError(f"{name} must be numbers of {least:g} to {most:g}, one was {number}")
    return numbers


def _rising(str name, numbers):
    for before, after in zip(numbers, numbers[1:]):
        if after < before:
            raise ValueError(f"{name} must not fall, went from {before} to {after}")
    return numbers


cdef class FlowParameters:
    """Parameters of a generated market.

    Parameters
    ----------
    regimes : sequence of mapping
        Each with ``share``, ``mean_s``, ``moves_per_s``, ``takers_per_s`` and ``quoting``.
    adds_per_s, add_mu, add_sigma, life_s : sequence of float, FLOW_BUCKETS long
        Of the orders of one side, by their distance from the anchor when they are placed.
    taker_size, move_size : sequence of float, FLOW_QUANTILES long, not falling
        Quantiles: lots of a taker, half ticks of a move of the mid.
    taker_persistence, move_follows : float
        Probabilities.
    spreads : sequence of (int, float)
        Ticks and share of the time, at most FLOW_SPREADS.
    """

    def __init__(
        self, *, regimes, adds_per_s, add_mu, add_sigma, life_s, taker_size, taker_persistence, move_size, move_follows,
        spreads,
    ):
        cdef int i
        cdef double total = 0.0
        if not 1 <= len(regimes) <= FLOW_REGIMES:
            raise ValueError(f"regimes must be 1 to {FLOW_REGIMES}, were {len(regimes)}")
        self.model.regime_count = len(regimes)
        for i, regime in enumerate(regimes):
            self.model.regimes[i].share, self.model.regimes[i].mean_s = _numbers(
                "share and mean_s of a regime", (regime["share"], regime["mean_s"]), 2, 1e-9, 1e9
            )
            (
                self.model.regimes[i].moves_per_s, self.model.regimes[i].takers_per_s, self.model.regimes[i].quoting,
            ) = _numbers(
                "rates of a regime", (regime["moves_per_s"], regime["takers_per_s"], regime["quoting"]), 3, 0.0, 1e5
            )
        buckets = (
            _numbers("adds_per_s", adds_per_s, FLOW_BUCKETS, 0.0, 1e6), _numbers("add_mu", add_mu, FLOW_BUCKETS, -10, 40),
            _numbers("add_sigma", add_sigma, FLOW_BUCKETS, 0.0, 10.0), _numbers("life_s", life_s, FLOW_BUCKETS, 1e-6, 1e9),
        )
        for i in range(FLOW_BUCKETS):
            self.model.adds_per_s[i], self.model.add_mu[i] = buckets[0][i], buckets[1][i]
            self.model.add_sigma[i], self.model.life_s[i] = buckets[2][i], buckets[3][i]
        takers = _rising("taker_size", _numbers("taker_size", taker_size, FLOW_QUANTILES, 0.0, 1e15))
        moves = _rising("move_size", _numbers("move_size", move_size, FLOW_QUANTILES, 0.0, 1e9))
        for i in range(FLOW_QUANTILES):
            self.model.taker_size[i], self.model.move_size[i] = takers[i], moves[i]
        self.model.taker_persistence, self.model.move_follows = _numbers(
            "taker_persistence and move_follows", (taker_persistence, move_follows), 2, 0.0, 1.0
        )
        if not 1 <= len(spreads) <= FLOW_SPREADS:
            raise ValueError(f"spreads must be 1 to {FLOW_SPREADS}, were {len(spreads)}")
        for i, (ticks, share) in enumerate(spreads):
            if not (1 <= ticks <= 1 << 40 and isfinite(share) and share >= 0.0):
                raise ValueError(f"a spread must be at least 1 tick and its share at least 0, were {ticks} and {share}")
            total += share
            self.model.spread_ticks[i], self.model.spread_share[i] = ticks, total
        if not total > 0.0:
            raise ValueError("the shares of the spreads must not all be 0")
        for i in range(len(spreads)):
            self.model.spread_share[i] /= total
        self.model.spread_count = len(spreads)
