"""The gate of orders that nobody measured a worth for: what is stated, held against the costs, and journalled."""

from __future__ import annotations

import numpy as np
import pytest
from builders.engine import MS, Rig, one, quote

from bot4._core.brain.gate import ENTRY_NAMES
from bot4._core.engine.control import ControlCode
from bot4._core.engine.examples import ema_cross
from bot4._core.engine.python_strategy import PythonHost
from bot4._core.engine.reasoned_policy import StatedGate
from bot4._core.engine.strategy import StrategyHost
from bot4._core.journal.reader import JournalReader
from bot4._core.journal.record import JournalKind
from bot4._core.reasons_dtype import REASONS_DTYPE
from bot4._core.types import ContractKind, EventKind, Side
from bot4.application.records.explain import explain
from bot4.strategy.base import Strategy

ALL = ("bull", "bear", "sideways", "crisis")
REGIME = {
    "trend_alpha": 0.1, "fast_alpha": 0.5, "slow_alpha": 0.01, "trend_enter": 2.0, "trend_exit": 1.0,
    "crisis_enter": 5.0, "crisis_exit": 4.5, "warm_up_bars": 2, "hidden_min": 0.5,
}  # fmt: skip
PPB = 1_000_000_000
# The rig's fees, maker and taker: 2 and 5 basis points.
MAKER_PPB, TAKER_PPB = 200_000, 500_000
BID, ASK = 100_000, 100_010


def gate(*, expected_bps: float = 100.0, confidence: float = 1.0, regimes=ALL, **rules) -> StatedGate:
    return StatedGate(
        0, symbol="S0USDT", expected_bps=expected_bps, confidence=confidence, horizon_ns=3_600_000 * MS, regime=REGIME,
        gate={"regimes": regimes, "confirm_bars": 0, "coverage_min": 0.0, "confidence_min": 0.5, "timeframes_min": 0.0,
              "samples_min": 0.0, "errors": 0.0, "margin_ppb": 100_000, "impact_ppm": 0, "funding_ppb": 0,
              "funding_interval_ns": 0} | rules,
        record_interval_ns=1_000 * MS,
    )  # fmt: skip


class Asks(Strategy):
    """Asks for one thing after another, one at each change of the book."""

    def __init__(self, *wishes) -> None:
        self.wishes = list(wishes)

    def on_book(self, market) -> None:
        if self.wishes:
            side, lots, price, more = self.wishes.pop(0)
            getattr(market, side)(lots, price, **more)


class Desk:
    """A rig with a strategy behind the gate, and what of it the journal holds."""

    def __init__(self, tmp_path, stated: StatedGate, strategy, *, features=False, kind=0) -> None:
        self.path, self.stated = tmp_path / "j", stated
        self.rig = Rig(journal=self.path, lane={"stated": stated}, kind=kind)
        if strategy is not None:
            host = strategy if isinstance(strategy, StrategyHost) else PythonHost(
                strategy, self.rig.engine, wants=("book",))  # fmt: skip
            self.rig.engine.set_strategy(host, features=features)
        self.at_ms = 0

    def quotes(self, count: int, *, bid: int = BID, ask: int = ASK) -> None:
        for _ in range(count):
            self.at_ms += 10
            self.rig.apply(quote(self.at_ms, self.at_ms, (bid, 50), (ask, 50)))

    def records(self) -> list[np.void]:
        self.rig.journal.sync()
        with JournalReader(self.path) as reader:
            return [
                np.frombuffer(record.payload, REASONS_DTYPE)[0]
                for record in reader
                if record.kind == JournalKind.JOURNAL_REASONS
            ]


def verdicts(desk: Desk) -> list[str]:
    return [ENTRY_NAMES[int(row["verdict"])] for row in desk.records()]


def taken(lots=10, **more):
    return ("buy", lots, None, more)


def test_a_taker_pays_fee_and_spread_both_ways_and_the_sum_is_exact(tmp_path):
    desk = Desk(tmp_path, gate(), Asks(taken(expected_bps=25.5)))
    desk.quotes(2)
    (row,) = desk.records()
    assert desk.rig.lane["intents"] == 1
    spread = -(-(ASK - BID) * 2 * PPB // (BID + ASK))
    assert (row["edge_ppb"], row["fee_ppb"], row["spread_ppb"]) == (2_550_000, 2 * TAKER_PPB, spread)
    assert row["value_ppb"] == 2_550_000 - 2 * TAKER_PPB - spread
    assert row["needed_ppb"] == 100_000


@pytest.mark.parametrize(("side", "price"), [("buy", BID - 30), ("sell", ASK + 30)])
def test_what_rests_pays_as_a_maker_and_earns_what_its_price_is_better_than_the_mid(tmp_path, side, price):
    desk = Desk(tmp_path, gate(), Asks((side, 10, price, {"post_only": True, "expected_bps": 2})))
    desk.quotes(1)
    row = desk.records()[-1]
    better = 2 * PPB * 35 // (BID + ASK)
    assert (row["is_maker"], row["fee_ppb"], row["spread_ppb"]) == (1, 2 * MAKER_PPB, -better)
    assert row["value_ppb"] == 200_000 - 2 * MAKER_PPB + better


@pytest.mark.parametrize(
    ("told", "paid"),
    [((400_000, 1_000), 400_000), ((-400_000, 1_000), -400_000), ((400_000, 7_200_000), 0), (None, 12_500)],
)
def test_a_perpetual_pays_the_funding_that_was_told_else_what_is_assumed(tmp_path, told, paid):
    assumed = {"funding_ppb": 100_000, "funding_interval_ns": 8 * 3_600_000 * MS}
    wishes = Asks(taken(expected_bps=25.5))
    desk = Desk(tmp_path, gate(**assumed), wishes, kind=ContractKind.CONTRACT_LINEAR)
    if told is not None:
        settled_ns = quote(told[1], 1, (1, 1), (2, 1))["recv_ns"][0]
        desk.rig.engine.control(int(ControlCode.CONTROL_FUNDING), instrument=0, value=told[0], qty_lots=settled_ns)
    desk.quotes(2)
    (row,) = desk.records()
    assert row["funding_ppb"] == paid
    assert row["value_ppb"] == 2_550_000 - int(row["fee_ppb"]) - int(row["spread_ppb"]) - paid


def test_less_than_the_costs_and_the_margin_is_refused_with_the_arithmetic_once_in_an_interval(tmp_path):
    # Fees of ten basis points, the spread of not quite one, a margin of one.
    desk = Desk(tmp_path, gate(), Asks(*[taken(expected_bps=11.99)] * 150))
    desk.quotes(150)
    assert desk.rig.lane["intents"] == 0
    assert desk.rig.lane["refusals"] == 2, "those in the journal: a replay of it must come to the same state"
    assert verdicts(desk) == ["value", "value"], "a second of an interval, and what began it"
    assert [int(row["repeats"]) for row in desk.records()] == [0, 99]
    assert desk.stated.verdicts["value"] == 150
    (tmp_path / "more").mkdir()
    more = Desk(tmp_path / "more", gate(), Asks(taken(expected_bps=12.0)))
    more.quotes(1)
    assert more.rig.lane["intents"] == 1, "a little more and it passes"


@pytest.mark.parametrize(("stated", "words"), [({}, ("pass",)), ({"expected_bps": 0}, ("value",)),
                                               ({"confidence": 0.4}, ("confidence",))])  # fmt: skip
def test_what_is_not_stated_comes_from_the_settings_and_nothing_can_be_stated_too(tmp_path, stated, words):
    desk = Desk(tmp_path, gate(), Asks(taken(**stated)))
    desk.quotes(1)
    assert verdicts(desk) == list(words)
    assert int(desk.records()[0]["used"]) == (1 if "expected_bps" in stated else 2)


def test_what_takes_risk_away_always_passes_and_what_turns_a_position_around_is_judged(tmp_path):
    desk = Desk(tmp_path, gate(), Asks(taken(), ("sell", 4, None, {"expected_bps": -500}),
                                       ("sell", 30, None, {"expected_bps": -500})))  # fmt: skip
    desk.quotes(4)
    assert verdicts(desk) == ["pass", "pass", "value"]
    assert desk.rig.positions[0].lots == 6
    assert int(desk.records()[1]["edge_ppb"]) == 0, "nothing is asked of an exit"


def test_the_linear_policy_is_judged_by_what_the_settings_say(tmp_path):
    for expected_bps, passes in ((30.0, True), (10.0, False)):
        folder = tmp_path / str(expected_bps)
        folder.mkdir()
        desk = Desk(folder, gate(expected_bps=expected_bps), None)
        desk.rig.apply(quote(5, 5, (BID, 90), (ASK, 10)))
        (row,) = desk.records()
        assert (int(row["used"]), int(row["edge_ppb"])) == (2, round(expected_bps * 100_000))
        assert float(row["score"]) > 0.5
        assert (desk.rig.lane["intents"] == 1) is passes


def test_an_order_by_hand_passes_the_same_gate(tmp_path):
    for expected_bps, sent in ((100.0, 1), (0.0, 0)):
        folder = tmp_path / str(expected_bps)
        folder.mkdir()
        desk = Desk(folder, gate(expected_bps=expected_bps), Asks())
        desk.quotes(1)
        desk.rig.engine.control(
            int(ControlCode.CONTROL_PLACE), instrument=0, value=ASK, side=Side.SIDE_BUY, qty_lots=10, tif=1
        )
        assert desk.rig.lane["intents"] == sent


def test_a_regime_that_is_not_admitted_holds_entries_up_once_it_is_known(tmp_path):
    desk = Desk(tmp_path, gate(regimes=("bull", "bear", "sideways")), Asks(*[taken(1)] * 40), features=True)
    closes = [100_000 + (i % 2) * 10 for i in range(30)] + [100_000 + (i % 2) * 9_000 for i in range(5)]
    for index, close in enumerate(closes):
        desk.at_ms = index * 1_000
        desk.rig.apply(one(desk.at_ms + 1, EventKind.EVENT_TRADE, a=close, b=5, c=index))
        if index in {1, 20, 34}:
            desk.quotes(1, bid=close, ask=close + 2)
    rows = desk.records()
    assert [int(row["regime"]) < 0 for row in rows] == [True, False, False]
    assert verdicts(desk) == ["pass", "pass", "regime"], [row["stress"] for row in rows]


def test_a_compiled_strategy_states_it_in_its_request(tmp_path):
    function, state = ema_cross(fast=2, slow=4, lots=10)
    desk = Desk(tmp_path, gate(expected_bps=0.0), StrategyHost(function, state, wants=("book",)))
    for step in range(12):
        desk.quotes(1, bid=BID + step * 20, ask=ASK + step * 20)
    assert set(verdicts(desk)) == {"value"}, "it states nothing, and the settings say that this is worth nothing"


def test_explain_prints_whose_word_it_was(tmp_path):
    desk = Desk(tmp_path, gate(), Asks(taken(expected_bps=30), ("sell", 10, None, {})))
    desk.quotes(3)
    desk.rig.journal.sync()
    told = explain(desk.path, "run", "last")
    assert (told.kind, told.stated) == ("exit", "")
    with JournalReader(desk.path) as reader:
        first = next(record.seq for record in reader if record.kind == JournalKind.JOURNAL_INTENT)
    told = explain(desk.path, "run", str(first))
    assert (told.kind, told.stated, told.bound, told.regime) == ("order", "strategy", "", "unknown")
    assert {cost.name: cost.bps for cost in told.costs}["edge"] == "30"
    assert {source.state for source in told.sources} == {"silent"}


@pytest.mark.parametrize("stated", [{"expected_bps": float("nan")}, {"expected_bps": 2e6}, {"confidence": 1.1}])
def test_nonsense_is_refused_where_it_is_asked_for(tmp_path, stated):
    asked = Asks(taken(**stated))
    desk = Desk(tmp_path, gate(), asked)
    desk.quotes(1)
    assert desk.records() == []
    assert desk.rig.lane["intents"] == 0
