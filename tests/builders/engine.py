"""An engine of one or more lanes made of plain parts, and the events to feed it: the smallest thing that trades."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import numpy as np

from bot4._core.account.contract import Contract
from bot4._core.account.ledger import Account
from bot4._core.account.positions import Positions
from bot4._core.book.depth_sync import DepthSync
from bot4._core.engine.decide import LinearPolicy
from bot4._core.engine.engine import Engine
from bot4._core.engine.link import VenueLink
from bot4._core.event_dtype import EVENT_DTYPE
from bot4._core.journal.stream import Journal
from bot4._core.mem.records import ORDER_DTYPE
from bot4._core.risk.breaker import Breaker
from bot4._core.risk.limits import RiskGate
from bot4._core.sim.latency import Latency
from bot4._core.sim.paper import Paper
from bot4._core.ta.features import Features
from bot4._core.types import EventKind, Flag
from bot4._core.wire.scan import Scanner
from bot4.adapters.recordings.catalog import InstrumentCatalog
from bot4.adapters.synthetic.market import SyntheticMarket
from bot4.application.assembly.assembly import Assembly, assemble
from bot4.application.assembly.shape import InputShape
from bot4.config import load_settings
from bot4.domain.instrument import Market

MS = 1_000_000
START_NS = 1_700_000_000_000_000_000
CASH = Decimal(1_000_000)


class Rig:
    """Spot lanes on a grid of tick 0.01 and lot 0.001; the score is the imbalance of the touch."""

    def __init__(
        self,
        *,
        lanes: int = 1,
        journal: Path | None = None,
        cash: Decimal = CASH,
        latency_ns: int = 0,
        policy: dict | None = None,
        gate: dict | None = None,
        breaker: dict | None = None,
        engine: dict | None = None,
        lane: dict | None = None,
        kind: int = 0,
        journal_args: dict | None = None,
        link: VenueLink | None = None,
        asset_count: int = 2,
    ) -> None:
        self.link = link
        fees = {"maker_fee": "0.0002", "taker_fee": "0.0005"}
        self.contracts = [Contract(kind, tick_size="0.01", lot_size="0.001", **fees) for _ in range(lanes)]
        self.positions = Positions(self.contracts)
        self.account = Account([8] * asset_count)
        self.account.credit(1, cash)
        self.breaker = Breaker(**({"stale_ns": 10**18} | (breaker or {})))
        self.journal = None if journal is None else Journal(journal, **(journal_args or {}))
        self.engine = Engine(self.positions, self.account, self.breaker, self.journal, link=link, **(engine or {}))
        self.scanner = Scanner()
        self.syncs, self.gates, self.parts = [], [], []
        self.latency_ns, self.policy_args, self.gate_args, self.lane_args = latency_ns, policy, gate, lane
        for index in range(lanes):
            self.add(f"S{index}USDT", index)
            self.gates[index].apply_equity(int(cash * 10**8))  # so that no order waits for the first mark

    def make_parts(self, index: int) -> tuple:
        latency = Latency.fixed(self.latency_ns) if self.latency_ns else Latency.zero()
        gate = {
            "max_order_lots": 10**9, "max_order_notional": 10**15, "max_long_lots": 10**9, "max_short_lots": 0,
            "band_ppm": 500_000, "max_reference_age_ns": 10**18, "unusual_multiple": 0, "duplicate_window_ns": 0,
            "orders_per_period": 1_000, "burst": 1_000, "reserve_tokens": 4, "max_open_orders": 20,
        }  # fmt: skip
        policy = {
            "enter_score": 0.4, "take_score": 0.5, "exit_score": 0.2, "order_lots": 10, "position_lots": 40,
            "qty_max_lots": 10**9, "passive_ttl_ns": 3_000 * MS,
        }  # fmt: skip
        features = Features(0.01, 0.001, 1_000 * MS)
        term = features.names.index("queue_imbalance")
        return (
            DepthSync(),
            features,
            None
            if self.link
            else Paper(self.contracts[index], seed=3, instrument=index, submit_latency=latency, report_latency=latency),
            RiskGate(**({"instrument": index} | gate | (self.gate_args or {}))),
            LinearPolicy([(term, 1.0, 1.0)], **(policy | (self.policy_args or {}))),
        )

    def add(self, symbol: str, index: int, parts: tuple | None = None) -> int:
        parts = parts or self.make_parts(index)
        self.scanner.add_instrument(symbol, "0.01", "0.001")
        added = self.engine.add_lane(symbol, *parts, **(self.lane_args or {}))
        self.parts.append(parts)
        self.syncs.append(parts[0])
        self.gates.append(parts[3])
        return added

    def apply(self, *messages: np.ndarray) -> None:
        self.engine.apply(np.concatenate(messages))

    @property
    def lane(self) -> dict:
        return self.engine.lane_counters(0)


def depth(
    at_ms: float, first: int, last: int, bids: list, asks: list, *, snapshot: bool = False, instrument: int = 0
) -> np.ndarray:
    """One depth message; levels are (ticks, lots)."""
    levels = [(0, *level) for level in bids] + [(1, *level) for level in asks]
    events = np.zeros(1 + len(levels), EVENT_DTYPE)
    events["kind"] = EventKind.EVENT_DEPTH_LEVEL
    events["kind"][0] = EventKind.EVENT_DEPTH_BEGIN
    events["instrument"] = instrument
    events["recv_ns"] = START_NS + int(at_ms * MS)
    events["flags"] = Flag.FLAG_SNAPSHOT if snapshot else 0
    events["flags"][0] |= Flag.FLAG_FIRST
    events["flags"][-1] |= Flag.FLAG_LAST
    for row, level in zip(events[1:], levels, strict=True):
        row["side"], row["a"], row["b"] = level
    events[0]["a"], events[0]["b"], events[0]["c"], events[0]["d"], events[0]["e"] = first, last, -1, len(levels), -1
    return events


def one(at_ms: float, kind: int, *, instrument: int = 0, side: int = 0, flags: int = 3, **words: int) -> np.ndarray:
    event = np.zeros(1, EVENT_DTYPE)
    event["kind"], event["instrument"], event["side"], event["flags"] = kind, instrument, side, flags
    event["recv_ns"] = START_NS + int(at_ms * MS)
    for name, value in words.items():
        event[name] = value
    return event


def quote(at_ms: float, update_id: int, bid: tuple[int, int], ask: tuple[int, int]) -> np.ndarray:
    return one(at_ms, EventKind.EVENT_QUOTE, a=bid[0], b=bid[1], c=ask[0], d=ask[1], e=update_id)


def report(
    kind: int, order_id: int, *, instrument: int = 0, side: int = 0, reason: int = 0, **fields: int
) -> np.ndarray:
    """One report of an external venue; fields: price_ticks, qty_lots, trade_id (-1 where not given), fee_atoms."""
    event = np.zeros(1, ORDER_DTYPE)
    event["kind"], event["instrument"], event["side"], event["reason"] = kind, instrument, side, reason
    event["order_id"], event["trade_id"] = order_id, -1
    for name, value in fields.items():
        event[name] = value
    return event.view(EVENT_DTYPE)


def timer(at_ms: float) -> np.ndarray:
    return one(at_ms, EventKind.EVENT_TIMER, flags=0)


def book_with(bid_lots: int, ask_lots: int, *, at_ms: float = 0, last: int = 100, instrument: int = 0) -> np.ndarray:
    """A snapshot of five levels a side around 1,000.00; the quantities of the touch make the score."""
    bids = [(99_999 - i, bid_lots if i == 0 else 50) for i in range(5)]
    asks = [(100_001 + i, ask_lots if i == 0 else 50) for i in range(5)]
    return depth(at_ms, 0, last, bids, asks, snapshot=True, instrument=instrument)


# -- whole sessions without a store --------------------------------------------------------------------------------


def spot_instrument(symbol: str = "BTCUSDT", market: Market = Market.SPOT):
    return InstrumentCatalog(()).require("binance", market, symbol)


def assembled(
    journal: Path | None = None, *, market: Market = Market.SPOT, symbol: str = "BTCUSDT", **overrides: object
) -> tuple[Assembly, Journal | None]:
    """The engine `bot4 run` makes, from default settings and `overrides` (dots written as two underscores)."""
    settings = load_settings(
        environment={}, overrides={key.replace("__", "."): value for key, value in overrides.items()}
    )
    stream = None if journal is None else Journal(journal)
    return assemble(settings, [spot_instrument(symbol, market)], journal=stream, shape=InputShape()), stream


def synthetic_capture(messages: int, seed: int = 5) -> bytes:
    """Lines of receive stamp, blank, frame, of the project's own synthetic market."""
    market = SyntheticMarket(
        spot_instrument(), seed=seed, start_ns=START_NS, start_price=Decimal(60_000), volatility_annual=1.5,
        messages_per_s=200,
    )  # fmt: skip
    frames = iter(market)
    lines = []
    for _ in range(messages):
        stamped = next(frames)
        lines.append(b"%d %b\n" % (stamped.recv_ns, stamped.frame))
    return b"".join(lines)
