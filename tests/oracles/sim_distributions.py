"""Exponential, gamma, beta and Poisson numbers in plain Python: the slow twin of bot4._core.sim.distributions."""

from __future__ import annotations

import math

from oracles.sim_rng import RandomTwin

PIECES_MAX = 32


class DrawsTwin(RandomTwin):
    """One stream of one seed."""

    def exponential(self, mean):
        return -mean * math.log1p(-self.uniform())

    def gamma(self, shape):
        boost = 1.0
        if shape < 1.0:
            boost = (1.0 - self.uniform()) ** (1.0 / shape)
            shape += 1.0
        d = shape - 1.0 / 3.0
        c = 1.0 / math.sqrt(9.0 * d)
        while True:
            x = self.normal()
            v = 1.0 + c * x
            if v <= 0.0:
                continue
            v = v * v * v
            u = 1.0 - self.uniform()
            if u < 1.0 - 0.0331 * (x * x) * (x * x):
                return d * v * boost
            if math.log(u) < 0.5 * x * x + d * (1.0 - v + math.log(v)):
                return d * v * boost

    def beta(self, alpha, beta):
        x, y = self.gamma(alpha), self.gamma(beta)
        return x / (x + y)

    def poisson(self, mean):
        """Sum of pieces of mean 16 at most, each by inversion."""
        total = 0
        while mean > 16.0:
            total += self._piece(16.0)
            mean -= 16.0
        return total + (self._piece(mean) if mean > 0.0 else 0)

    def _piece(self, mean):
        left, share, count = self.uniform(), math.exp(-mean), 0
        while left >= share and count < 200:
            left -= share
            count += 1
            share *= mean / count
        return count

    def pieces(self, remaining, count_mean, alpha, beta):
        """Lots of each partial fill of one opportunity."""
        taken = []
        for _ in range(min(PIECES_MAX, self.poisson(count_mean))):
            if remaining == 0:
                break
            lots = max(1, min(remaining, math.floor(self.beta(alpha, beta) * remaining + 0.5)))
            taken.append(lots)
            remaining -= lots
        return taken
