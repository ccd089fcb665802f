"""The life of one order at a venue: what is evidence, what it proves, and what the engine is told.

A pure function of (life, evidence), in whole lots. Evidence may come twice, late and in any order: from an answer, the
user stream, a query or a list of trades. What the engine hears is always in one order and each thing once:

    SENT, then UNKNOWN at most once, then ACK, every FILL, and at last CANCELED or EXPIRED;
    or REJECTED, or ABSENT, or (never sent) DROPPED. The fill that completes an order is its end.

An end is held back until every fill below it is known: a terminal report whose cumulative quantity is above the sum of
the trades seen makes the gateway ask for the trades (`needs_trades`) and says nothing yet.

An unknown outcome is left only by evidence, or by `NotFound` of a question asked after the request could no longer take
effect. Source: Binance rest-api.md (ids are unique among *open* orders only, so a repeated request may fill twice).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum


class LifeState(Enum):
    """Where an order is, as far as the evidence goes."""

    INTENT = "intent"
    SENT = "sent"
    UNKNOWN = "unknown"
    ACKED = "acked"
    FILLED = "filled"
    CANCELED = "canceled"
    EXPIRED = "expired"
    REJECTED = "rejected"
    DROPPED = "dropped"
    ABSENT = "absent"


UNANSWERED = frozenset({LifeState.SENT, LifeState.UNKNOWN})
NEVER_THERE = frozenset({LifeState.REJECTED, LifeState.DROPPED, LifeState.ABSENT})
ENDED = frozenset({LifeState.FILLED, LifeState.CANCELED, LifeState.EXPIRED}) | NEVER_THERE


class ReportKind(Enum):
    """What the engine is told."""

    SENT = "sent"
    DROPPED = "dropped"
    UNKNOWN = "unknown"
    ACK = "ack"
    FILL = "fill"
    CANCELED = "canceled"
    EXPIRED = "expired"
    REJECTED = "rejected"
    ABSENT = "absent"
    CANCEL_REJECTED = "cancel_rejected"


# ---- evidence


@dataclass(frozen=True, slots=True)
class Sent:
    """The request is about to be written; it can take effect until `valid_until_ns` of the venue's time."""

    valid_until_ns: int


@dataclass(frozen=True, slots=True)
class Dropped:
    """Nothing was written."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The venue took it."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The venue definitely did not take it."""


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """It was written, and what became of it is not known."""


@dataclass(frozen=True, slots=True)
class Trade:
    """One trade of this order."""

    trade_id: int
    qty_lots: int


@dataclass(frozen=True, slots=True)
class Seen:
    """The venue showed the order: working or at one of its ends, with `filled_lots` in sum.

    `end` is FILLED, CANCELED, EXPIRED or REJECTED, or None while it works. `by_query` tells an answer to a question
    asked about this very order from a report that may have been under way.
    """

    end: LifeState | None
    filled_lots: int
    by_query: bool = False


@dataclass(frozen=True, slots=True)
class Missing:
    """The venue answered a question about this order with "no such order"; `server_ns` is when it was asked."""

    server_ns: int


@dataclass(frozen=True, slots=True)
class CancelRefused:
    """A cancellation did not happen: the venue says it knows no such open order. Proves nothing about the order."""


Evidence = Sent | Dropped | Accepted | Refused | NoAnswer | Trade | Seen | Missing | CancelRefused


@dataclass(frozen=True, slots=True)
class Report:
    """One thing to tell the engine; `trade` is set for a fill."""

    kind: ReportKind
    trade: Trade | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderLife:
    """What is known of one order. Lots are whole; times are the venue's, in nanoseconds UTC."""

    qty_lots: int
    state: LifeState = LifeState.INTENT
    filled_lots: int = 0  # sum of the unique trades
    trade_ids: frozenset[int] = frozenset()
    venue_filled_lots: int = 0  # the highest cumulative quantity the venue has told
    ending: LifeState | None = None  # told by the venue, held back until the fills are complete
    valid_until_ns: int = 0
    is_acked: bool = False  # the engine was told ACK
    cancel_refused: bool = False  # a cancellation was refused and the order has not been looked at since

    def __post_init__(self) -> None:
        if self.qty_lots < 1:
            raise ValueError(f"an order has at least one lot, was {self.qty_lots}")

    @property
    def has_ended(self) -> bool:
        """Whether the engine was told the end."""
        return self.state in ENDED

    @property
    def is_unknown(self) -> bool:
        """Whether it may or may not be at the venue."""
        return self.state is LifeState.UNKNOWN

    @property
    def needs_trades(self) -> bool:
        """Whether the venue has told of more than the trades that were seen."""
        return self.venue_filled_lots > self.filled_lots

    @property
    def needs_query(self) -> bool:
        """Whether only a question about the order can tell how it stands."""
        return self.is_unknown or (self.cancel_refused and not self.has_ended and self.ending is None)


@dataclass(frozen=True, slots=True)
class Step:
    """What one piece of evidence came to. An `alarm` is evidence that contradicts what was held for proven."""

    life: OrderLife
    reports: tuple[Report, ...] = ()
    alarm: str | None = None


def advance(life: OrderLife, evidence: Evidence) -> Step:  # noqa: C901, PLR0911 - a branch a kind
    """Take one piece of evidence into account; the same piece a second time changes nothing.

    >>> life = advance(OrderLife(qty_lots=5), Sent(valid_until_ns=100)).life
    >>> step = advance(life, Trade(trade_id=7, qty_lots=2))    # the fill overtook the acknowledgement
    >>> [report.kind.value for report in step.reports]
    ['ack', 'fill']
    >>> advance(step.life, Trade(trade_id=7, qty_lots=2)).reports
    ()
    """
    match evidence:
        case Sent(valid_until_ns=valid_until_ns):
            return _sent(life, valid_until_ns)
        case Dropped():
            return _dropped(life)
        case Accepted():
            return _exists(life)
        case Refused():
            return _refused(life)
        case NoAnswer():
            if life.state is not LifeState.SENT:
                return Step(life)
            return Step(replace(life, state=LifeState.UNKNOWN), (Report(ReportKind.UNKNOWN),))
        case Trade():
            return _traded(life, evidence)
        case Seen():
            return _seen(life, evidence)
        case Missing(server_ns=server_ns):
            return _missing(life, server_ns)
        case CancelRefused():
            if life.has_ended:
                return Step(life)
            return Step(replace(life, cancel_refused=True))


def _sent(life: OrderLife, valid_until_ns: int) -> Step:
    if life.state is not LifeState.INTENT:
        return Step(life, alarm=f"an order was sent while {life.state.value}: nothing is ever sent twice")
    sent = replace(life, state=LifeState.SENT, valid_until_ns=valid_until_ns)
    return Step(sent, (Report(ReportKind.SENT),))


def _dropped(life: OrderLife) -> Step:
    if life.state is LifeState.DROPPED:
        return Step(life)
    if life.state is not LifeState.INTENT:
        return Step(life, alarm=f"an order was dropped while {life.state.value}")
    return Step(replace(life, state=LifeState.DROPPED), (Report(ReportKind.DROPPED),))


def _exists(life: OrderLife) -> Step:
    """Evidence that the venue has, or had, the order."""
    if life.is_acked:
        return Step(life)
    alarm = None
    if life.state in NEVER_THERE:
        alarm = f"an order held for {life.state.value} is at the venue"
    elif life.state is LifeState.INTENT:
        alarm = "an order that was not sent is at the venue"
    acked = replace(life, state=LifeState.ACKED, is_acked=True)
    return Step(acked, (Report(ReportKind.ACK),), alarm)


def _refused(life: OrderLife) -> Step:
    if life.state in UNANSWERED or life.state is LifeState.INTENT:
        return Step(replace(life, state=LifeState.REJECTED), (Report(ReportKind.REJECTED),))
    if life.state is LifeState.REJECTED:
        return Step(life)
    return Step(life, alarm=f"an order was refused while {life.state.value}")


def _traded(life: OrderLife, trade: Trade) -> Step:
    if trade.trade_id in life.trade_ids:
        return Step(life)
    if trade.qty_lots < 1:
        return Step(life, alarm=f"trade {trade.trade_id} has {trade.qty_lots} lots")
    there = _exists(life)
    alarm = there.alarm
    if there.life.has_ended:
        alarm = f"trade {trade.trade_id} came after the end: {there.life.state.value}"
    filled = there.life.filled_lots + trade.qty_lots
    if filled > life.qty_lots:
        alarm = f"trade {trade.trade_id} fills {filled} lots of an order of {life.qty_lots}"
    grown = replace(
        there.life,
        filled_lots=filled,
        trade_ids=there.life.trade_ids | {trade.trade_id},
        venue_filled_lots=max(there.life.venue_filled_lots, filled),
    )
    # Money that moved is told even where it contradicts: the position is the sum of the unique trades.
    return _finish(Step(grown, (*there.reports, Report(ReportKind.FILL, trade)), alarm))


def _seen(life: OrderLife, seen: Seen) -> Step:
    if seen.end is LifeState.REJECTED:
        return _refused(life) if seen.filled_lots == 0 else Step(life, alarm="a rejected order with fills")
    there = _exists(life)
    known = there.life
    alarm = there.alarm
    if seen.filled_lots > life.qty_lots:
        alarm = f"the venue tells {seen.filled_lots} lots filled of an order of {life.qty_lots}"
    if seen.end is not None and seen.filled_lots < known.venue_filled_lots:
        # An older *working* report may tell less; the end may not.
        alarm = f"the venue ends an order with {seen.filled_lots} lots after telling {known.venue_filled_lots}"
    if seen.end is LifeState.FILLED and seen.filled_lots != life.qty_lots:
        alarm = f"the venue calls an order of {life.qty_lots} lots filled with {seen.filled_lots}"
    reports = there.reports
    changed = replace(known, venue_filled_lots=max(known.venue_filled_lots, seen.filled_lots))
    if changed.has_ended:
        return Step(changed, reports, alarm)
    if seen.end is not None:
        changed = replace(changed, ending=changed.ending or seen.end)
    elif seen.by_query and changed.cancel_refused and changed.ending is None:
        changed = replace(changed, cancel_refused=False)
        reports = (*reports, Report(ReportKind.CANCEL_REJECTED))
    return _finish(Step(changed, reports, alarm))


def _missing(life: OrderLife, server_ns: int) -> Step:
    if server_ns <= life.valid_until_ns:  # it may still arrive, or not have reached what answers questions
        return Step(life)
    if life.state is LifeState.UNKNOWN:
        return Step(replace(life, state=LifeState.ABSENT), (Report(ReportKind.ABSENT),))
    if life.state is LifeState.ACKED and life.ending is None:
        return Step(life, alarm="the venue has acknowledged an order and now knows no such order")
    return Step(life)


def _finish(step: Step) -> Step:
    """Tell the end once every fill below it was told."""
    life = step.life
    if life.has_ended or life.needs_trades:
        return step
    if life.filled_lots >= life.qty_lots:
        return Step(replace(life, state=LifeState.FILLED, ending=None), step.reports, step.alarm)
    if life.ending is None or life.ending is LifeState.FILLED:
        return step
    kind = ReportKind.CANCELED if life.ending is LifeState.CANCELED else ReportKind.EXPIRED
    ended = replace(life, state=life.ending, ending=None)
    return Step(ended, (*step.reports, Report(kind)), step.alarm)
