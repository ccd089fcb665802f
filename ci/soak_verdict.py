"""What came of a soak: the tables of killed lives against the ledger of the exchange they traded on."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal

OPENING = {"USDT": Decimal(1_000_000), "BTC": Decimal(100)}
STOPPED_HERE = frozenset({"dropped", "rejected", "absent"})


@dataclass
class Verdict:
    """What was counted."""

    kills: int = 0
    in_flight: int = 0
    intents: int = 0
    orders: int = 0
    lost: int = 0
    ghost: int = 0
    doubled: int = 0
    refused: int = 0  # starts that the preflight forbade: round trips of a busy machine
    states: Counter[str] = field(default_factory=Counter)  # of orders that were out when a life was killed

    def __str__(self) -> str:
        return (
            f"kills={self.kills} in_flight={self.in_flight} intents={self.intents} lost={self.lost} "
            f"ghost={self.ghost} doubled={self.doubled}"
        )

    def add(self, other: Verdict) -> None:
        """Take in what another round counted."""
        for name in ("kills", "in_flight", "intents", "orders", "lost", "ghost", "doubled", "refused"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.states += other.states

    @property
    def holds(self) -> bool:
        """Whether nothing was lost, made up or doubled, and enough was at stake."""
        return (
            not (self.lost or self.ghost or self.doubled)
            and self.intents == self.orders > 0
            and 3 * self.in_flight >= self.kills
        )


def count(verdict: Verdict, ledger: dict, orders: dict, fills: list) -> None:
    """Count what the tables and the exchange's ledger do not have in common."""
    theirs = Counter(row["clientOrderId"] for row in ledger["orders"])
    verdict.doubled += sum(times - 1 for times in theirs.values())
    verdict.ghost += sum(name not in orders for name in theirs)
    verdict.orders += len(theirs)
    sent = {name for name, (status, _, _) in orders.items() if status not in STOPPED_HERE}
    verdict.intents += len(sent)
    verdict.lost += len(sent - set(theirs)) + len(ledger["openOrders"])
    for row in ledger["orders"]:
        status, qty, filled = orders.get(row["clientOrderId"], ("", "0", "0"))
        same = (row["status"].lower(), Decimal(row["origQty"]), Decimal(row["executedQty"]))
        verdict.lost += row["clientOrderId"] in orders and (status, Decimal(qty), Decimal(filled)) != same
    booked = Counter(trade for trade, *_ in fills)
    verdict.doubled += sum(times - 1 for times in booked.values())
    ours = {(t, Decimal(p), Decimal(q), Decimal(fee), asset) for t, p, q, fee, asset in fills}
    made = {
        (row["id"], Decimal(row["price"]), Decimal(row["qty"]), Decimal(row["commission"]), row["commissionAsset"])
        for row in ledger["trades"]
    }
    verdict.lost += len(ours ^ made)
    for asset, opening in OPENING.items():
        held = ledger["balances"].get(asset, {"free": "0", "locked": "0"})
        verdict.lost += Decimal(held["free"]) + Decimal(held["locked"]) != opening + moved(fills, ledger, asset)


def moved(fills: list, ledger: dict, asset: str) -> Decimal:
    """Return what our own fills have done to a balance; the side of a trade is the exchange's word."""
    buys = {row["id"]: row["isBuyer"] for row in ledger["trades"]}
    total = Decimal(0)
    for trade, price, qty, fee, fee_asset in fills:
        sign = 1 if buys.get(trade) else -1
        total += sign * Decimal(qty) if asset == "BTC" else -sign * Decimal(price) * Decimal(qty)
        total -= Decimal(fee) if fee_asset == asset else 0
    return total
