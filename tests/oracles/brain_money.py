"""Gate, size and stops in plain Python: fractions instead of scaled integers, one rule after the other."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

PPB, PPM = 10**9, 10**6
BUY, SELL = 0, 1
FLAT, HOLD, STOP, TIME, TARGET = range(5)


def up(value: Fraction) -> int:
    return math.ceil(value)


# -- gate ----------------------------------------------------------------------------------------------------------


@dataclass
class Entry:
    """One entry's inputs; fees as fractions of the notional."""

    bids: list[tuple[int, int]]
    asks: list[tuple[int, int]]
    side: int
    is_maker: bool
    qty_lots: int
    maker_fee: Fraction
    taker_fee: Fraction
    is_spot: bool
    edge: float
    error: float
    bar_deviation: float
    bar_volume_lots: int
    horizon_ns: int
    now_ns: int
    funding_rate_ppb: int
    funding_next_ns: int


class GateTwin:
    """Adds up what an entry costs; subclasses may leave something out."""

    def __init__(self, rules: dict) -> None:
        self.rules = rules

    def fee(self, entry: Entry) -> int:
        return int(PPB * ((entry.maker_fee if entry.is_maker else entry.taker_fee) + entry.taker_fee))

    def spread(self, entry: Entry) -> int:
        bid, ask = entry.bids[0][0], entry.asks[0][0]
        ways = 1 if entry.is_maker else 2
        return up(PPB * ways * Fraction(ask - bid, 2) / Fraction(bid + ask, 2))

    def walk(self, entry: Entry) -> int:
        levels = entry.asks if entry.side == BUY else entry.bids
        left, paid, distance = entry.qty_lots, 0, 0
        for price, lots in levels:
            distance = abs(price - levels[0][0])
            paid += distance * min(left, lots)
            left -= min(left, lots)
        paid += left * (distance + 1) if left else 0
        return up(PPB * Fraction(paid, levels[0][0] * entry.qty_lots))

    def law(self, entry: Entry) -> int:
        if entry.bar_volume_lots <= 0 or entry.bar_deviation <= 0:
            return 0
        share = math.sqrt(entry.qty_lots / entry.bar_volume_lots)
        return math.ceil(self.rules["impact_ppm"] * 1e3 * entry.bar_deviation * share)

    def funding(self, entry: Entry) -> int:
        every = self.rules["funding_interval_ns"]
        if entry.is_spot or every <= 0:
            return 0
        if entry.funding_next_ns <= entry.now_ns:
            return up(Fraction(self.rules["funding_ppb"] * entry.horizon_ns, every))
        end = entry.now_ns + entry.horizon_ns
        count = 0
        at = entry.funding_next_ns
        while at <= end:
            count += 1
            at += every
        return count * entry.funding_rate_ppb * (1 if entry.side == BUY else -1)

    def value(self, entry: Entry) -> dict:
        law = self.law(entry)
        costs = {
            "edge": math.floor(entry.edge * 1e9), "fee": self.fee(entry), "spread": self.spread(entry),
            "impact": law + (0 if entry.is_maker else max(law, self.walk(entry))), "funding": self.funding(entry),
        }  # fmt: skip
        value = costs["edge"] - costs["fee"] - costs["spread"] - costs["impact"] - costs["funding"]
        needed = self.rules["margin_ppb"] + math.ceil(self.rules["errors"] * math.ceil(abs(entry.error) * 1e9))
        return costs | {"value": value, "needed": needed, "passed": value > needed}


# -- size ----------------------------------------------------------------------------------------------------------


class SizeTwin:
    """Every bound by itself; None: no bound."""

    def __init__(self, rules: dict) -> None:
        self.rules = rules

    def shrunk_kelly(self, mean: float, error: float, deviation: float) -> float:
        if mean <= 0 or deviation <= 0:
            return 0.0
        return mean / deviation**2 / (1 + (error / mean) ** 2)

    def caps(self, case: dict) -> dict:
        rules = self.rules
        mean, error, deviation, stop_ppm, gross, heat, near = case.values()
        yearly = deviation * math.sqrt(365 * 86_400e9 / rules["horizon_ns"])
        far = max(rules["liquidation_ppm"], rules["liquidation_milli"] * stop_ppm // 1000) + rules["maintenance_ppm"]
        return {
            "kelly": self.shrunk_kelly(mean, error, deviation) * rules["kelly_ppm"],
            "volatility": rules["volatility_ppm"] / yearly if yearly > 0 else None,
            "trade_risk": rules["trade_risk_ppm"] * PPM // stop_ppm,
            "heat": max(0, rules["heat_ppm"] - heat) * PPM // stop_ppm,
            "concentration": rules["concentration_ppm"],
            "correlation": max(0, rules["correlation_ppm"] - near),
            "gross": max(0, rules["gross_ppm"] - gross),
            "liquidation": max(0, PPM * PPM // far - gross) if rules["maintenance_ppm"] else None,
        }


# -- stops ---------------------------------------------------------------------------------------------------------


class GuardTwin:
    """A long position as it is; a short one with every price negated. Subclasses may break one rule at a time."""

    def __init__(self, rules: dict, rungs: list[tuple[int, int]]) -> None:
        self.rules, self.rungs = rules, rungs
        self.forget()

    def forget(self) -> None:
        self.lots = self.largest = self.opened_ns = self.done = self.exiting = 0
        self.sign, self.entry, self.best, self.stop, self.risk = 1, 0, 0, 0, 0

    def distance(self, price: int, atr: int) -> int:
        by_atr = up(Fraction(atr * self.rules["stop_atr_milli"], 1000))
        return max(1, by_atr, up(Fraction(price * self.rules["stop_min_ppm"], PPM)))

    def hold(self, lots: int, entry: int, atr: int, now_ns: int) -> None:
        if lots == self.lots:
            return
        if lots == 0:
            self.forget()
            return
        if self.lots == 0 or (lots > 0) != (self.lots > 0):
            self.forget()
            self.sign, self.opened_ns = (1 if lots > 0 else -1), now_ns
            self.entry = self.best = self.sign * entry
            self.risk = self.distance(entry, atr)
            self.stop = self.entry - self.risk
        elif abs(lots) > abs(self.lots):
            self.entry = self.sign * entry
        self.lots = lots
        self.largest = max(self.largest, abs(lots))

    def tighten(self, stop: int) -> None:
        self.stop = max(self.stop, stop)

    def reached(self, price: int, now_ns: int) -> int:
        if price <= self.stop:
            return STOP
        longest = self.rules["hold_max_ns"]
        return TIME if longest and now_ns - self.opened_ns >= longest else 0

    def look(self, exit_ticks: int, atr: int, now_ns: int) -> tuple[int, int]:
        if self.lots == 0:
            return FLAT, 0
        price = self.sign * exit_ticks
        self.best = max(self.best, price)
        if self.rules["chandelier_milli"] and atr:
            self.tighten(self.best - up(Fraction(atr * self.rules["chandelier_milli"], 1000)))
        if self.rules["trail_ppm"]:
            self.tighten(self.best - up(Fraction(abs(self.best) * self.rules["trail_ppm"], PPM)))
        wanted = self.rules["breakeven_milli"]
        if wanted and self.best - self.entry >= up(Fraction(self.risk * wanted, 1000)):
            self.tighten(self.entry)
        self.exiting = self.exiting or self.reached(price, now_ns)
        if self.exiting:
            return self.exiting, abs(self.lots)
        base = atr if self.rules["is_dynamic"] and atr else self.risk
        while self.done < len(self.rungs) and price - self.entry >= up(Fraction(base * self.rungs[self.done][0], 1000)):
            self.done += 1
        share = min(PPM, sum(share for _, share in self.rungs[: self.done]))
        left = self.largest - self.largest * share // PPM
        lots = max(0, abs(self.lots) - left)
        lots -= lots % self.rules["qty_step_lots"]
        return (TARGET, lots) if lots else (HOLD, 0)
