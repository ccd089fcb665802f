"""The reasoned policy in an engine: orders with their arithmetic in the journal, refusals with their reason."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from builders.engine import MS
from builders.reasoned import Market, ReasonedRig

from bot4._core.engine.decide import DecisionReason
from bot4._core.engine.lane_state import RefusalStage
from bot4._core.engine.recovery import Recovery
from bot4._core.engine.shard import ControlCode
from bot4._core.intent_dtype import INTENT_DTYPE
from bot4._core.journal.reader import JournalReader
from bot4._core.journal.record import JournalKind
from bot4._core.reasons_dtype import REASONS_DTYPE
from bot4._core.types import ContractKind
from bot4.application.records.explain import NoReasonsError, explain
from bot4.application.records.projector import REFUSAL_DTYPE, verdict_name


def rig_of(tmp_path: Path, rules: dict, **parts: object) -> tuple[ReasonedRig, Market]:
    built = ReasonedRig(
        rules, journal=tmp_path / "j", policy={"order_lots": 10_000, "position_lots": 40_000},
        engine={"mark_interval_ns": 500 * MS}, **parts,
    )  # fmt: skip
    return built, Market(built)


def journal(tmp_path: Path) -> list[tuple[int, np.void]]:
    shapes = {
        JournalKind.JOURNAL_REASONS: REASONS_DTYPE, JournalKind.JOURNAL_INTENT: INTENT_DTYPE,
        JournalKind.JOURNAL_REFUSAL: REFUSAL_DTYPE,
    }  # fmt: skip
    with JournalReader(tmp_path / "j") as reader:
        return [
            (record.kind, np.frombuffer(record.payload, shapes[record.kind])[0])
            for record in reader
            if record.kind in shapes
        ]


def test_an_order_carries_the_whole_arithmetic_right_before_its_intent(tmp_path: Path) -> None:
    rig, market = rig_of(tmp_path, {})
    market.warm()
    market.tick(market.price, 0.9)
    rig.journal.sync()
    records = journal(tmp_path)
    place = next(i for i, (kind, row) in enumerate(records) if kind == JournalKind.JOURNAL_INTENT)
    kind, reasons = records[place - 1]
    intent = records[place][1]
    assert kind == JournalKind.JOURNAL_REASONS
    assert reasons["order_id"] == intent["order_id"]
    assert (reasons["price_ticks"], reasons["qty_lots"]) == (intent["price_ticks"], intent["qty_lots"])
    assert reasons["value_ppb"] > reasons["needed_ppb"]
    assert reasons["value_ppb"] == reasons["edge_ppb"] - sum(
        reasons[f"{cost}_ppb"] for cost in ("fee", "spread", "impact", "funding")
    )
    assert reasons["fee_ppb"] == 1_000_000  # taker in and out at 5 basis points
    assert reasons["size_ppm"] == reasons["caps_ppm"].min() == reasons["caps_ppm"][reasons["bound"]]
    assert reasons["missing"] == 0b111110
    assert reasons["coverage"] == pytest.approx(0.35)
    assert reasons["symbol"] == b"S0USDT"


def test_the_rate_that_was_told_is_paid_at_a_settlement_within_the_horizon(tmp_path: Path) -> None:
    assumed = {"funding_ppb": 90_000, "funding_interval_ns": 8 * 3_600_000 * MS}
    paid = {}
    for name, after_ms in (("told", 2_000), ("beyond", 60_000), ("past", -1)):
        (tmp_path / name).mkdir()
        rig, market = rig_of(tmp_path / name, {"gate": assumed}, kind=ContractKind.CONTRACT_LINEAR)
        market.warm()
        settled_ns = rig.engine.now_ns + after_ms * MS
        rig.engine.control(int(ControlCode.CONTROL_FUNDING), instrument=0, value=-250_000, qty_lots=settled_ns)
        market.tick(market.price, 0.9)
        rig.journal.sync()
        reasons = [
            row for kind, row in journal(tmp_path / name) if kind == JournalKind.JOURNAL_REASONS and row["order_id"]
        ]
        paid[name] = int(reasons[-1]["funding_ppb"])
    # Below 0 who is long gets it; where the last rate's time has passed, the assumed one goes by time, rounded up.
    assert paid == {"told": -250_000, "beyond": 0, "past": 13}


def test_every_order_that_adds_risk_has_reasons_and_every_refusal_a_word(tmp_path: Path) -> None:
    rig, market = rig_of(tmp_path, {"gate": {"margin_ppb": 12_000_000}})
    market.warm(400, 0.45)
    rig.journal.sync()
    records = journal(tmp_path)
    for before, (kind, row) in pairwise(records):
        if kind == JournalKind.JOURNAL_INTENT and row["action"] == 0:
            assert before[0] == JournalKind.JOURNAL_REASONS
    words = Counter(
        verdict_name(RefusalStage(int(row["stage"])), int(row["verdict"]))
        for kind, row in records
        if kind == JournalKind.JOURNAL_REFUSAL
    )
    assert words["unproven"] >= 1
    assert words["value"] >= 1
    assert rig.made.verdicts["value"] > words["value"], "one of a reason is kept a second, all are counted"


def test_costs_above_the_edge_leave_no_order(tmp_path: Path) -> None:
    rig, market = rig_of(tmp_path, {"gate": {"margin_ppb": 50_000_000}})
    market.warm(400, 0.45)
    assert rig.lane["intents"] == 0
    assert rig.made.verdicts["pass"] == 0
    assert rig.made.verdicts["value"] > 0


@pytest.mark.parametrize(
    ("rules", "word"),
    [
        ({"coverage_min": 0.4}, "coverage"),
        ({"confidence_min": 1.1}, "confidence"),
        ({"confirm_bars": 1_000}, "unconfirmed"),
        ({"samples_min": 1e9}, "unproven"),
        ({"regimes": ("crisis",)}, "regime"),
    ],
)
def test_each_check_of_the_signal_refuses_under_its_own_name(tmp_path: Path, rules: dict, word: str) -> None:
    rig, market = rig_of(tmp_path, {"gate": rules})
    market.warm(200, 0.45)
    assert rig.lane["intents"] == 0
    assert rig.made.verdicts[word] > 0


def test_an_operator_cannot_add_risk_past_the_gate_but_may_flatten(tmp_path: Path) -> None:
    rig, market = rig_of(tmp_path, {})
    market.warm()
    before = rig.lane["intents"]
    rig.engine.control(ControlCode.CONTROL_PLACE, instrument=0, value=market.price, side=0, qty_lots=5)
    rig.journal.sync()
    assert rig.lane["intents"] == before
    kind, refusal = journal(tmp_path)[-1]
    assert kind == JournalKind.JOURNAL_REFUSAL
    assert verdict_name(RefusalStage(int(refusal["stage"])), int(refusal["verdict"])) == "no_reasons"
    market.tick(market.price, 0.9)
    market.tick(market.price, 0.9)
    assert rig.positions[0].lots > 0
    rig.engine.control(ControlCode.CONTROL_FLATTEN)
    market.tick(market.price, 0.0)
    market.tick(market.price, 0.0)
    assert rig.positions[0].lots == 0


def bought(tmp_path: Path, rules: dict) -> tuple[ReasonedRig, Market]:
    rig, market = rig_of(tmp_path, rules)
    market.warm()
    while rig.positions[0].lots == 0:
        market.tick(market.price, 0.9)
    return rig, market


def last_reason(tmp_path: Path) -> DecisionReason:
    return DecisionReason(
        int(
            [row for kind, row in journal(tmp_path) if kind == JournalKind.JOURNAL_INTENT and row["action"] == 0][-1][
                "reason"
            ]
        )
    )


def test_a_stop_closes_the_whole_position_though_the_score_still_says_buy(tmp_path: Path) -> None:
    rig, market = bought(tmp_path, {})
    price = market.price
    while rig.positions[0].lots != 0 and price > 90_000:
        price -= 60
        market.tick(price, 0.35)
    rig.journal.sync()
    assert rig.positions[0].lots == 0
    assert last_reason(tmp_path) is DecisionReason.REASON_STOP


def test_a_rung_closes_its_share_and_the_rest_runs(tmp_path: Path) -> None:
    rig, market = bought(tmp_path, {"guard": {"rungs": [{"reward_milli": 1_000, "share_ppm": 500_000}]}})
    held, price = rig.positions[0].lots, market.price
    for _ in range(40):
        price += 25
        market.tick(price, 0.35)
    rig.journal.sync()
    assert rig.positions[0].lots == held - held // 2
    assert last_reason(tmp_path) is DecisionReason.REASON_TARGET


def test_a_position_ends_with_its_time(tmp_path: Path) -> None:
    rig, market = bought(tmp_path, {"guard": {"hold_max_ns": 3_000 * MS}})
    for _ in range(14):
        market.tick(market.price, 0.35)
    rig.journal.sync()
    assert last_reason(tmp_path) is DecisionReason.REASON_TIME


def test_a_drawdown_that_latches_closes_everything_and_admits_nothing_more(tmp_path: Path) -> None:
    rig, market = bought(tmp_path, {})
    rig.made.portfolio.apply_equity(0, 2 * 10**14)  # as if twice the account had been there
    for _ in range(6):
        market.tick(market.price, 0.9)
    assert rig.positions[0].lots == 0
    orders = rig.lane["intents"]
    market.tick(market.price, 0.95)
    assert rig.lane["intents"] == orders
    assert rig.made.verdicts["drawdown"] > 0


def test_an_outside_score_counts_until_it_is_stale_and_is_named_then(tmp_path: Path) -> None:
    rig, market = rig_of(tmp_path, {})
    market.warm(8)
    say = {"instrument": 0, "value": 1, "qty_lots": -1_000_000, "tif": 500_000}
    rig.engine.control(ControlCode.CONTROL_SIGNAL, **say)
    market.tick(market.price, 0.3)
    assert rig.made.outlook["coverage"] == pytest.approx(0.60)
    assert rig.made.outlook["score"] == pytest.approx((0.35 * 0.3 - 0.125 * 1.0) / 0.475, abs=0.01)
    market.tick(market.price, 0.3, step_ms=6_000)
    assert rig.made.outlook["coverage"] == pytest.approx(0.35)
    rig.engine.control(
        ControlCode.CONTROL_SIGNAL, **(say | {"value": 0})
    )  # the technical score is nobody else's to say
    rig.engine.control(ControlCode.CONTROL_SIGNAL, **(say | {"qty_lots": 1_000_001}))
    assert rig.made.stray_signals == 2


def test_the_state_is_the_same_however_often_it_is_run(tmp_path: Path) -> None:
    hashes = set()
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        rig, market = rig_of(tmp_path / name, {})
        market.warm(300)
        hashes.add(rig.engine.state_hash)
    assert len(hashes) == 1


def test_explain_reads_an_order_a_refusal_and_says_when_there_is_neither(tmp_path: Path) -> None:
    rig, market = rig_of(tmp_path, {})
    market.warm(20, 0.45)
    market.warm()
    market.tick(market.price, 0.9)
    market.tick(market.price, 0.0)
    rig.journal.sync()
    order = explain(tmp_path / "j", "r", "last")
    assert order.kind == "order"
    assert explain(tmp_path / "j", "r", order.client_order_id).number == order.number
    assert sum(float(cost.bps) for cost in order.costs) == pytest.approx(float(order.value_bps))
    assert order.outcomes[0].kind == "ack"
    assert {source.name: source.state for source in order.sources}["ml"] == "missing"
    with JournalReader(tmp_path / "j") as reader:
        refused = next(record.seq for record in reader if record.kind == JournalKind.JOURNAL_REFUSAL)
    assert explain(tmp_path / "j", "r", str(refused)).refused_by == "entry"
    with pytest.raises(NoReasonsError, match="nothing numbered 999999"):
        explain(tmp_path / "j", "r", "999999")
    with pytest.raises(NoReasonsError, match="its name at the venue"):
        explain(tmp_path / "j", "r", "b4-x")


def test_latch_peak_and_stop_outlive_a_restart_by_journal_and_by_snapshot(tmp_path: Path) -> None:
    rig, market = bought(tmp_path, {})
    market.tick(market.price + 40, 0.35)
    rig.journal.sync()
    held, stop = rig.made.outlook["held_lots"], rig.made.outlook["stop_ticks"]
    by_snapshot = ReasonedRig({})
    Recovery(by_snapshot.engine).load(Recovery(rig.engine).save(rig.journal.next_seq - 1, rig.journal.epoch))
    assert (by_snapshot.made.outlook["held_lots"], by_snapshot.made.outlook["stop_ticks"]) == (held, stop)
    by_journal = ReasonedRig({})
    with JournalReader(tmp_path / "j") as reader:
        Recovery(by_journal.engine).replay(reader)
    before = rig.made.portfolio.snapshot()
    for again in (by_snapshot, by_journal):
        assert again.made.portfolio.snapshot() == before
        assert not again.made.portfolio.is_latched
        again.made.portfolio.apply_equity(0, before["peaks"][0] * 85 // 100)
        assert again.made.portfolio.is_latched, "15 % below the peak of the life before"


def test_no_decision_hangs_on_what_comes_later(tmp_path: Path) -> None:
    told = []
    for name, later in (("a", 25), ("b", -400)):
        (tmp_path / name).mkdir()
        rig, market = rig_of(tmp_path / name, {})
        market.warm(200, 0.45)
        rig.journal.sync()
        told.append([(kind, row.tobytes()) for kind, row in journal(tmp_path / name)])
        for step in range(40):
            market.tick(market.price + later * step, 0.45)
        rig.journal.sync()
        whole = [(kind, row.tobytes()) for kind, row in journal(tmp_path / name)]
        assert whole[: len(told[-1])] == told[-1]
        told[-1] = whole
    before = min(len(told[0]), len(told[1]))
    same = next((i for i in range(before) if told[0][i] != told[1][i]), before)
    assert same > 10
    assert told[0] != told[1], "the control: what comes does change what is decided then"
