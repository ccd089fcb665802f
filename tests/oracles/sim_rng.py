"""xoshiro256** in plain integers: the slow twin of bot4._core.sim.rng and of the latencies drawn from it."""

from __future__ import annotations

import math

MASK = (1 << 64) - 1
GOLDEN = 0x9E3779B97F4A7C15


def mix(state, word=0):
    """splitmix64's output for the state (state XOR word)."""
    z = ((state ^ word) + GOLDEN) & MASK
    z = ((z ^ z >> 30) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ z >> 27) * 0x94D049BB133111EB) & MASK
    return z ^ z >> 31


def rotate(word, bits):
    return (word << bits | word >> (64 - bits)) & MASK


class RandomTwin:
    """One stream of one seed."""

    def __init__(self, seed, stream=0):
        state = mix(seed, stream * 0xD1342543DE82EF95 & MASK)
        self.words = [mix((state + GOLDEN * index) & MASK) for index in range(4)]
        self.spare = None

    def next(self):
        a, b, c, d = self.words
        result = rotate(b * 5 & MASK, 7) * 9 & MASK
        shifted = b << 17 & MASK
        c ^= a
        d ^= b
        b ^= c
        a ^= d
        c ^= shifted
        self.words = [a, b, c, rotate(d, 45)]
        return result

    def uniform(self):
        return (self.next() >> 11) * 2.0**-53

    def normal(self):
        """Marsaglia's polar method; the second of a pair is kept."""
        if self.spare is not None:
            value, self.spare = self.spare, None
            return value
        while True:
            x, y = 2.0 * self.uniform() - 1.0, 2.0 * self.uniform() - 1.0
            square = x * x + y * y
            if 0.0 < square < 1.0:
                break
        factor = math.sqrt(-2.0 * math.log(square) / square)
        self.spare = y * factor
        return x * factor

    def lognormal(self, mu, sigma):
        return math.exp(mu + sigma * self.normal())

    def below(self, bound):
        """Multiply and reject: the high half of bits * bound, unless the low half is in the short first interval."""
        while True:
            product = self.next() * bound
            if product & MASK >= (1 << 64) % bound:
                return product >> 64

    def latency_ns(self, latency):
        """('zero',), ('fixed', ns) or ('lognormal', mu, sigma)."""
        if latency[0] == "zero":
            return 0
        if latency[0] == "fixed":
            return latency[1]
        return min(int(self.lognormal(*latency[1:]) * 1e6 + 0.5), 60 * 10**9)
