"""The decision pass in plain Python: exact integers, one rule after the other."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

PPM = 1_000_000
BUY, SELL = 0, 1
PLACE, CANCEL = 0, 1
GTC, IOC = 0, 1
POST_ONLY, REDUCE_ONLY = 1, 2
ORDER, CANCEL_WORKING, WARMING, NO_TOUCH, HOLD, BUSY, COOLDOWN, TOO_SMALL = range(8)
ENTER, EXIT, STALE_ORDER, SCORE_TURNED = 1, 2, 3, 4


@dataclass(frozen=True)
class Policy:
    terms: tuple[tuple[int, float, float], ...]
    enter_score: float
    take_score: float
    exit_score: float
    order_ticklots: int = 0
    position_ticklots: int = 0
    order_lots: int = 0
    position_lots: int = 0
    price_step_ticks: int = 1
    qty_step_lots: int = 1
    qty_min_lots: int = 1
    qty_max_lots: int = 1 << 40
    notional_min_ticklots: int = 0
    cooldown_ns: int = 0
    passive_ttl_ns: int = 1
    take_slippage_ppm: int = 0
    short_allowed: bool = False


@dataclass(frozen=True)
class Situation:
    features: tuple[float, ...]
    bid_ticks: int
    ask_ticks: int
    position_lots: int = 0
    working: tuple[int, str, int] | None = None
    now_ns: int = 0
    last_intent_ns: int | None = None


@dataclass
class Decision:
    verdict: int
    score: float
    intent: dict[str, int] = field(default_factory=dict)


def score_of(policy: Policy, features: tuple[float, ...]) -> float:
    total = 0.0
    for index, weight, scale in policy.terms:
        value = features[index] * (1.0 / scale)
        if math.isnan(value):
            return math.nan
        total += weight * max(-1.0, min(1.0, value))
    return total


def target_of(policy: Policy, score: float, held: int, bid_ticks: int) -> int:
    limit = policy.position_lots or policy.position_ticklots // bid_ticks
    if score >= policy.enter_score:
        return max(limit, held)
    if score <= -policy.enter_score:
        return min(-limit if policy.short_allowed else 0, held)
    turned = (held > 0 and score <= -policy.exit_score) or (held < 0 and score >= policy.exit_score)
    return 0 if turned else held


class Decider:
    """Decides; subclasses may break one rule at a time."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy

    def decide(self, now: Situation) -> Decision:
        policy = self.policy
        score = score_of(policy, now.features)
        if math.isnan(score):
            return Decision(WARMING, score)
        if now.bid_ticks <= 0 or now.ask_ticks <= 0:
            return Decision(NO_TOUCH, score)
        if now.working is not None:
            return self.manage(now, score)
        held = now.position_lots
        target = target_of(policy, score, held, now.bid_ticks)
        if target == held:
            return Decision(HOLD, score)
        if now.last_intent_ns is not None and now.now_ns - now.last_intent_ns < policy.cooldown_ns:
            return Decision(COOLDOWN, score)
        return self.order(now, score, target)

    def manage(self, now: Situation, score: float) -> Decision:
        order_id, side, since_ns = now.working or (0, "", 0)
        exit_score = self.policy.exit_score
        reason = 0
        if now.now_ns - since_ns >= self.policy.passive_ttl_ns:
            reason = STALE_ORDER
        elif (side == "buy" and score <= -exit_score) or (side == "sell" and score >= exit_score):
            reason = SCORE_TURNED
        if not reason:
            return Decision(BUSY, score)
        return Decision(CANCEL_WORKING, score, {
            "action": CANCEL, "side": BUY if side == "buy" else SELL, "tif": 0, "flags": 0, "reason": reason,
            "price_ticks": 0, "qty_lots": 0, "order_id": order_id,
        })  # fmt: skip

    def order(self, now: Situation, score: float, target: int) -> Decision:
        policy, held = self.policy, now.position_lots
        buys = target > held
        exits = held < 0 if buys else held > 0
        takes = exits or abs(score) >= policy.take_score
        touch = (now.ask_ticks if buys else now.bid_ticks) if takes else (now.bid_ticks if buys else now.ask_ticks)
        slip = touch * policy.take_slippage_ppm // PPM if takes else 0
        price = touch + slip if buys else touch - slip
        wanted = min(abs(target - held), policy.order_lots or policy.order_ticklots // price)
        qty = abs(held) if exits else wanted
        price = self.on_step(price, up=buys == takes)
        qty = min(qty, policy.qty_max_lots)
        qty -= qty % policy.qty_step_lots
        if price <= 0 or qty < max(1, policy.qty_min_lots) or price * qty < policy.notional_min_ticklots:
            return Decision(TOO_SMALL, score)
        return Decision(ORDER, score, {
            "action": PLACE, "side": BUY if buys else SELL, "tif": IOC if takes else GTC,
            "flags": (0 if takes else POST_ONLY) | (REDUCE_ONLY if exits else 0), "reason": EXIT if exits else ENTER,
            "price_ticks": price, "qty_lots": qty, "order_id": 0,
        })  # fmt: skip

    def on_step(self, price: int, *, up: bool) -> int:
        step = self.policy.price_step_ticks
        return -(-price // step) * step if up else price // step * step
