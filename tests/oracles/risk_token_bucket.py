"""Slow twin of the token bucket: fractions of a token, from the definition."""

from __future__ import annotations

from fractions import Fraction


class TwinBucket:
    """Refills continuously at tokens / period_ns a nanosecond, never above the burst; debt at most one burst."""

    def __init__(self, *, tokens: int, period_ns: int, burst: int) -> None:
        self.rate = Fraction(tokens, period_ns)
        self.burst = burst
        self.level = Fraction(burst)
        self.last_ns: int | None = None

    def at(self, now_ns: int) -> Fraction:
        if self.last_ns is None or now_ns <= self.last_ns:
            return self.level
        return min(Fraction(self.burst), self.level + (now_ns - self.last_ns) * self.rate)

    def charge(self, tokens: int, now_ns: int) -> None:
        self.level = max(Fraction(-self.burst), self.at(now_ns) - min(tokens, self.burst))
        self.last_ns = now_ns if self.last_ns is None else max(self.last_ns, now_ns)

    def try_take(self, tokens: int, now_ns: int) -> bool:
        if not 0 <= tokens <= self.burst or self.at(now_ns) < tokens:
            return False
        self.charge(tokens, now_ns)
        return True
