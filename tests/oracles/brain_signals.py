"""Blend, regime and worth of a score in plain Python: lists kept whole, sums made anew each time."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

BULL, BEAR, SIDEWAYS, CRISIS = range(4)


# -- regime --------------------------------------------------------------------------------------------------------


class RegimeTwin:
    """Decides after each return, from all returns so far; subclasses may break one rule at a time."""

    def __init__(self, rules: dict, hidden: dict | None = None) -> None:
        self.rules, self.hidden = rules, hidden
        self.rule, self.returns = SIDEWAYS, []

    def running(self, values: list[float], alpha: float) -> float:
        mean = values[0]
        for value in values[1:]:
            mean = mean + alpha * (value - mean)
        return mean

    def trend_t(self) -> float:
        alpha = self.rules["trend_alpha"]
        mean = self.running(self.returns, alpha)
        variance = self.running([r * r for r in self.returns], alpha) * alpha / (2 - alpha)
        return mean / math.sqrt(variance) if variance > 1e-200 else 0.0

    def stress(self) -> float:
        squares = [r * r for r in self.returns]
        slow = self.running(squares, self.rules["slow_alpha"])
        return math.sqrt(self.running(squares, self.rules["fast_alpha"]) / slow) if slow > 1e-200 else 1.0

    def by_rule(self, t: float, stress: float) -> int:
        limits, before = self.rules, self.rule
        if stress >= limits["crisis_exit" if before == CRISIS else "crisis_enter"]:
            return CRISIS
        if t >= limits["trend_exit" if before == BULL else "trend_enter"]:
            return BULL
        if t <= -limits["trend_exit" if before == BEAR else "trend_enter"]:
            return BEAR
        return SIDEWAYS

    def filtered(self) -> list[float]:
        """Forward algorithm over everything, in logarithms."""
        count = len(self.hidden["mean"])
        log_p: list[float] = []
        for step, value in enumerate(self.returns):
            if step == 0:
                prior = list(self.hidden["initial"])
            else:
                now = [math.exp(p) for p in log_p]
                prior = [sum(now[i] * self.hidden["transition"][i][j] for i in range(count)) for j in range(count)]
            log_p = []
            for j in range(count):
                deviation = self.hidden["deviation"][j]
                density = -0.5 * ((value - self.hidden["mean"][j]) / deviation) ** 2 - math.log(deviation)
                log_p.append(math.log(prior[j]) + density if prior[j] > 0 else -math.inf)
            top = max(log_p)
            total = top + math.log(sum(math.exp(p - top) for p in log_p))
            log_p = [p - total for p in log_p]
        return [math.exp(p) for p in log_p]

    def word(self) -> int:
        if self.hidden is None or self.rule == CRISIS:
            return self.rule
        p = self.filtered()
        best = p.index(max(p))
        return self.hidden["labels"][best] if p[best] >= self.rules["hidden_min"] else self.rule

    def apply(self, value: float) -> tuple[int, float, float]:
        self.returns.append(value)
        t, stress = self.trend_t(), self.stress()
        if len(self.returns) < self.rules["warm_up_bars"]:
            return -1, t, stress
        self.rule = self.by_rule(t, stress)
        return self.word(), t, stress


# -- worth of a score ----------------------------------------------------------------------------------------------


class EdgeTwin:
    """Keeps every pair of score and answer with its age in samples."""

    def __init__(self, rules: dict) -> None:
        self.rules, self.waiting, self.pairs = rules, [], []
        self.last, self.lapsed = None, 0

    def answer(self, now2: int, then2: int) -> float:
        return math.log1p((now2 - then2) / then2)

    def apply(self, now_ns: int, mid2: int, score: float) -> None:
        horizon = self.rules["horizon_ns"]
        while self.waiting and now_ns - self.waiting[0][0] >= horizon:
            then_ns, then2, said = self.waiting.pop(0)
            if now_ns - then_ns <= horizon + horizon // 2:
                self.pairs.append((said, self.answer(mid2, then2)))
            else:
                self.lapsed += 1
        if math.isnan(score) or (self.last is not None and now_ns - self.last < self.rules["step_ns"]):
            return
        self.last = now_ns
        if len(self.waiting) == 64:
            self.lapsed += 1
            return
        self.waiting.append((now_ns, mid2, score))

    def read(self) -> tuple[float, float, float, float]:
        overlap = max(1.0, self.rules["horizon_ns"] / self.rules["step_ns"])
        age = [self.rules["keep"] ** i for i in range(len(self.pairs))][::-1]
        weight = sum(age)
        xx = sum(w * x * x for w, (x, _) in zip(age, self.pairs, strict=True))
        xy = sum(w * x * y for w, (x, y) in zip(age, self.pairs, strict=True))
        ridge = xx + self.rules["prior_weight"]
        slope = (xy + self.rules["prior_weight"] * self.rules["prior_slope"]) / ridge if ridge > 0 else 0.0
        if not self.pairs:
            return slope, 0.0, 0.0, 0.0
        rest = sum(w * (y - slope * x) ** 2 for w, (x, y) in zip(age, self.pairs, strict=True)) / weight
        return slope, math.sqrt(rest * overlap / ridge) if ridge > 0 else 0.0, math.sqrt(rest), weight / overlap


# -- blend ---------------------------------------------------------------------------------------------------------


@dataclass
class Case:
    """One blend's inputs."""

    terms: list[tuple[int, int, float, float, float]]
    allocation_ppm: list[list[int]]
    weight_ppm: list[list[int]]
    ttl_ns: list[int]
    features: list[float]
    regime: int
    sources: dict[int, tuple[float, float, int]]
    now_ns: int
    higher: list[float] = field(default_factory=list)
    technical_bars: list[float] = field(default_factory=list)


class BlendTwin:
    """Blends; subclasses may break one rule at a time."""

    def alphas(self, case: Case) -> list[tuple[float, float]]:
        found = []
        for alpha in range(4):
            terms = [term for term in case.terms if term[1] == alpha]
            values = [w * float(np.clip((case.features[f] - c) * (1.0 / s), -1, 1)) for f, _, w, c, s in terms]
            total = sum(abs(term[2]) for term in terms)
            score = sum(values) / total if terms else math.nan
            agree = sum(abs(t[2]) for t, v in zip(terms, values, strict=True) if v > 0) / total if terms else 0.0
            found.append((score, 0.0 if math.isnan(score) else (1 - agree if score < 0 else agree)))
        return found

    def technical(self, case: Case) -> tuple[float, float]:
        shares = case.allocation_ppm[case.regime]
        voices = [(w, s, a) for w, (s, a) in zip(shares, self.alphas(case), strict=True) if w > 0 and not math.isnan(s)]
        total = sum(w for w, _, _ in voices)
        if not voices:
            return math.nan, 0.0
        return sum(w * s for w, s, _ in voices) / total, sum(w * a for w, _, a in voices) / total

    def is_fresh(self, case: Case, source: int, stamp_ns: int) -> bool:
        return 0 <= case.now_ns - stamp_ns <= case.ttl_ns[source]

    def blend(self, case: Case) -> dict:
        heard = {0: (*self.technical(case), case.now_ns)} | case.sources
        weights = case.weight_ppm[case.regime]
        missing = {i for i in range(6) if i not in heard or math.isnan(heard[i][0])}
        stale = {i for i in range(6) if i not in missing and not self.is_fresh(case, i, heard[i][2])}
        used = {i for i in range(6) if i not in missing | stale and weights[i] > 0 and heard[i][1] > 0}
        counted = sum(weights[i] * heard[i][1] for i in used)
        shares = [weights[i] * heard[i][1] / counted if i in used else 0.0 for i in range(6)]
        spoke = sum(weights[i] for i in used)
        score = sum(shares[i] * heard[i][0] for i in used) if used else math.nan
        size = sum(shares[i] * abs(heard[i][0]) for i in used)
        agreement = abs(score) / size if used and size > 0 else 0.0
        voices = [h for h in case.higher if not math.isnan(h)]
        run, sign = 0, 0
        for bar in case.technical_bars:
            now = 0 if math.isnan(bar) else (bar > 0) - (bar < 0)
            run = 0 if now == 0 else (run + 1 if now == sign else 1)
            sign = now
        return {
            "score": score, "shares": shares, "used": used, "stale": stale, "missing": missing,
            "coverage": spoke / sum(weights) if sum(weights) else 0.0, "agreement": agreement,
            "confidence": counted / spoke * agreement if used else 0.0,
            "timeframes": sum(v * score > 0 for v in voices) / len(voices) if voices else 1.0,
            "confirmed_bars": run if sign * score > 0 else 0,
        }  # fmt: skip
