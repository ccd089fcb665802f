"""The engine's suites have power: each fault planted in lane, desk, reports, shard or feed is noticed."""

from __future__ import annotations

import fcntl
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from builders.plants import ROOT, Fault, build

from bot4._core.build_info import build_info

pytestmark = [pytest.mark.slow, pytest.mark.untraced]

LANE, DESK = "bot4._core.engine.lane", "bot4._core.engine.desk"
REPORTS, SHARD, FEED = "bot4._core.engine.reports", "bot4._core.engine.shard", "bot4._core.engine.feed"
STATE, TOUCH = "bot4._core.engine.lane_state", "bot4._core.engine.touch"
LANES, GUARDS, TIMES = (f"test_engine_lane{part}.py::test_" for part in ("", "_guards", "_time"))
VENUE, GATE = (f"test_engine_venue{part}.py::test_" for part in ("", "_gate"))
FEEDS = "test_engine_feed.py::test_"
STOPS = "../integration/test_venue_stops.py::test_"

FAULTS = {
    # The market side of a lane.
    "a gap leaves the touch": Fault(
        TOUCH, "memset(&lane.top, 0, sizeof(TopOfBook))\n    lane.is_top_stale[0] = lane.is_top_stale[1] = True",
        "pass",
        LANES + "a_gap_cancels_what_works_and_stops_decisions_until_a_snapshot",
    ),
    "a gap cancels nothing": Fault(
        LANE, "desk_cancel_resting(lane, REASON_BREAKER, now_ns)", "pass",
        LANES + "a_gap_cancels_what_works_and_stops_decisions_until_a_snapshot",
    ),
    "an older quote wins": Fault(
        TOUCH, "lane.touch_id = quote.update_id", "lane.touch_id = 0",
        LANES + "a_newer_quote_moves_the_touch_and_an_older_one_does_not",
    ),
    "older depth takes the touch back": Fault(
        TOUCH, "if lane.touch_id <= lane.sync.last_id:", "if True:",
        LANES + "depth_older_than_the_quote_does_not_take_the_touch_back",
    ),
    "an empty side is taken": Fault(
        LANE, "if min(quote.bid_price_ticks, quote.bid_qty_lots, quote.ask_qty_lots) <= 0:", "if False:",
        LANES + "a_quote_with_an_empty_side_or_none_between_its_sides_is_not_taken",
    ),
    "decisions go on while a flatten waits": Fault(
        LANE, "elif touched and not lane.shared.is_stopping and lane.flatten_reason == 0:",
        "elif touched and not lane.shared.is_stopping:",
        GUARDS + "flatten_that_is_refused_is_tried_again_after_a_second",
    ),
    # The stop at the venue.
    "a stop without a trigger": Fault(
        DESK, "intent.trigger_ticks = wanted", "intent.trigger_ticks = 0",
        STOPS + "what_is_held_gets_a_stop_that_waits_at_the_venue",
    ),
    "another exit beside the stop": Fault(
        LANE, "if stop != NULL:", "if False:", STOPS + "another_exit_waits_for_its_end",
    ),
    "a lost book takes the stop": Fault(
        DESK, "if not lane.orders.orders[i].flags & ORDER_IS_STOP:", "if True:",
        STOPS + "a_lost_book_leaves_it_where_it_is",
    ),
    # The desk.
    "a probe is spent first": Fault(
        DESK, "verdict = risk_check(lane.limits, lane.risk, intent, now_ns)",
        "breaker_admit(lane.shared.breaker, now_ns)\nverdict = risk_check(lane.limits, lane.risk, intent, now_ns)",
        GUARDS + "a_half_open_breakers_probe_is_not_spent_by_an_order_that_something_else_refuses",
    ),
    "a refused order keeps its funds": Fault(
        DESK, "ledger_release(lane.shared.ledger, &lock)\n        _refuse(lane, intent, REFUSED_BY_BREAKER, 0, now_ns)",
        "_refuse(lane, intent, REFUSED_BY_BREAKER, 0, now_ns)",
        GUARDS + "a_kill_refuses_every_further_order_and_cancels_what_works",
    ),
    "a refusal is no pause": Fault(
        DESK,
        "lane.has_refused = True\n    lane.last_refusal_ns = now_ns\n"
        "    desk_journal(lane, JOURNAL_REFUSAL, &refusal, sizeof(Refusal), now_ns, False)",
        "desk_journal(lane, JOURNAL_REFUSAL, &refusal, sizeof(Refusal), now_ns, False)",
        GUARDS + "a_refused_decision_is_repeated_only_after_a_pause",
    ),
    "a dropped order stays": Fault(
        DESK, "desk_journal(lane, JOURNAL_DROPPED, intent, sizeof(OrderIntent), now_ns, False)\n"
        "        desk_close(lane, order, False, 0)\n        return", "pass",
        TIMES + "an_order_the_journal_refuses_never_reaches_the_venue_and_holds_nothing_back",
    ),
    "flatten forgets what it could not do": Fault(
        DESK, "lane.flatten_reason = reason", "lane.flatten_reason = reason if lane.top.bid_levels > 0 else 0",
        GUARDS + "flatten_of_a_lost_book_waits_for_a_live_one_and_holds_decisions_till_it_is_done",
    ),
    "flatten leaves the grid": Fault(
        DESK, "intent.qty_lots -= intent.qty_lots % lane.policy.qty_step_lots", "pass",
        GUARDS + "flatten_keeps_to_the_order_grid",
    ),
    "two exits at once": Fault(
        DESK, "if lane.risk.open_lots[<int>SIDE_SELL if lots > 0 else <int>SIDE_BUY] != 0:\n        return",
        "pass", GUARDS + "flatten_waits_for_an_exit_that_works_and_then_closes_what_it_left",
    ),
    "cancels have no slots": Fault(
        DESK, "if lane.paper == NULL and not _has_room(lane.shared, lane.shared.owed + 2):",
        "if lane.paper == NULL and not _has_room(lane.shared, 1):",
        VENUE + "every_working_order_keeps_a_slot_for_its_cancel_when_the_ring_is_full",
    ),
    "a held cancel is lost": Fault(
        DESK, "lane.has_held_cancels = True", "pass",
        VENUE + "a_cancel_that_finds_the_ring_full_goes_when_there_is_room",
    ),
    "the gate stops exits": Fault(
        DESK, "if lane.gate != 0 and not intent.flags & INTENT_REDUCE_ONLY:", "if lane.gate != 0:",
        GATE + "the_gate_is_closed_until_reconciliation_opens_it_and_lets_exits_and_cancels_through",
    ),
    "an exit sells the fee too": Fault(
        DESK, "if held_lots < intent.qty_lots:", "if False:",
        VENUE + "an_exit_sells_no_more_than_a_fee_in_base_has_left",
    ),
    # The reports.
    "a fill counts twice": Fault(
        REPORTS, "if not trade_ids_add(lane.trade_ids, event.body.order.trade_id):",
        "if False:", VENUE + "a_fill_that_comes_twice_counts_once",
    ),
    "totals are not compared": Fault(
        REPORTS, "verdict = cumulative_check(known_lots, event.body.order.qty_lots, total_lots, order_lots)", "pass",
        VENUE + "a_contradiction_holds_the_lane_cancels_what_works_and_is_journalled",
    ),
    "evidence does not end the unknown": Fault(
        REPORTS, "order.is_unknown = False", "return",
        VENUE + "an_unknown_outcome_counts_as_filled_and_bars_its_side_until_it_is_known",
    ),
    "the unknown is not counted": Fault(
        REPORTS, "risk_apply_unknown(lane.risk, order.side)", "pass",
        VENUE + "an_unknown_outcome_counts_as_filled_and_bars_its_side_until_it_is_known",
    ),
    "the absent keeps its funds": Fault(
        REPORTS, "_know(lane, order)\n        desk_close(lane, order, False, 0)", "_know(lane, order)",
        VENUE + "an_unknown_order_that_never_was_gives_back_what_it_held",
    ),
    "a stray fill moves no position": Fault(
        REPORTS, "_apply_stray_fill(lane, event, now_ns)\n        return", "return",
        VENUE + "a_contradiction_holds_the_lane_cancels_what_works_and_is_journalled",
    ),
    "the fee's asset is ignored": Fault(
        REPORTS, "fee_asset = event.reason - 1", "pass",
        VENUE + "a_fee_is_taken_from_the_asset_the_venue_took_it_from",
    ),
    "a contradiction cancels nothing": Fault(
        REPORTS, "desk_cancel_resting(lane, REASON_GATE, now_ns)", "pass",
        VENUE + "a_contradiction_holds_the_lane_cancels_what_works_and_is_journalled",
    ),
    # The shard.
    "a failed append is swallowed": Fault(
        STATE, "if seq < 0:", "if seq < 0 and is_new_order:",
        TIMES + "a_mark_or_a_control_the_journal_refuses_stops_new_orders_and_shows",
    ),
    "the hash leaves the breaker out": Fault(
        SHARD, "digest = hash_mix(digest, breaker_read_word(&shard.shared.breaker.word))\n"
        "    digest = hash_mix(digest, <uint64_t>breaker_get(&shard.shared.breaker.reopen_ns))", "pass",
        GUARDS + "the_state_hash_covers_the_breakers_word",
    ),
    "the hash leaves a flatten out": Fault(
        STATE, "digest = hash_mix(digest, <uint64_t>lane.flatten_reason)\n"
        "    digest = hash_mix(digest, <uint64_t>lane.flatten_next_ns)", "pass",
        GUARDS + "the_state_hash_covers_a_flatten_that_is_not_done",
    ),
    "an unknown outcome opens the gate": Fault(
        STATE, "if lane.risk.unknown_orders[0] != 0 or lane.risk.unknown_orders[1] != 0:\n        return", "pass",
        GATE + "the_gate_stays_closed_while_an_outcome_is_unknown",
    ),
    "time turns back": Fault(
        SHARD, "shard.clock_backs += not event.flags & FLAG_SNAPSHOT", "shard.now_ns = stamp",
        TIMES + "an_older_stamp_does_not_turn_time_back",
    ),
    "a clock jump is lived through": Fault(
        SHARD, "until = shard.market_ns + shard.jump_ns", "until = now_ns",
        TIMES + "timers_inside_a_clock_jump_change_nothing",
    ),
    "where reports were taken is not journalled": Fault(
        SHARD, "shared_journal(&shard.shared, JOURNAL_CONTROL, &taken, sizeof(Event), shard.now_ns, False)", "pass",
        GATE + "where_in_the_market_stream_reports_were_taken_is_journalled_before_them",
    ),
    "the view is written once": Fault(
        SHARD, "view_set(shard.view, 0, <uint64_t>shard.now_ns)", "pass",
        FEEDS + "time_without_a_message_shows_in_the_view",
    ),
    # The feed.
    "the last stamp goes back": Fault(
        FEED, "feed.last_ns = max(feed.last_ns, stamp_ns)", "feed.last_ns = stamp_ns",
        FEEDS + "the_last_stamp_never_goes_back",
    ),
    "time is not shown": Fault(
        FEED, "feed_time(&self.feed, now_ns)\n                if self.feed.shard != NULL:\n"
        "                    shard_publish(self.feed.shard)", "feed_time(&self.feed, now_ns)",
        FEEDS + "time_without_a_message_shows_in_the_view",
    ),
    "a full ring loses events": Fault(
        FEED, "done += spsc_push_wait(feed.ring, events + done, count - done, feed.room, feed.records, SLICE_NS)",
        "done = count if spsc_push_wait(feed.ring, events, count, feed.room, feed.records, 0) else done",
        FEEDS + "a_full_ring_holds_the_feed_back_and_loses_nothing",
    ),
    "what a stopped feed held is not counted": Fault(
        FEED, "feed.undelivered += count - done", "pass",
        FEEDS + "a_stopped_feed_counts_what_the_ring_had_no_room_for",
    ),
    "a message too many": Fault(
        FEED, "if feed.duration_ns != 0 and stamp_ns - feed.first_ns > feed.duration_ns:",
        "if feed.duration_ns != 0 and feed.last_ns - feed.first_ns > feed.duration_ns:",
        FEEDS + "duration_ends_the_feed_at_the_same_message_whatever_the_chunks",
    ),
    "a stopped feed goes on": Fault(
        FEED, "while not self.feed.stop:", "while True:", FEEDS + "a_stopped_feed_takes_nothing_more",
    ),
    "bad lines have no place": Fault(
        FEED, "self.feed.bad_line_at = self.feed.bytes + start", "self.feed.bad_line_at = start",
        FEEDS + "a_bad_line_is_counted_with_the_place_of_the_first",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory) -> dict[str, int]:
    """Exit code of pytest with each fault; ``"none"`` is all tests without any."""
    if importlib.util.find_spec("Cython") is None or shutil.which("gcc") is None:
        pytest.skip("Cython and gcc are needed to build modules with planted faults")
    if build_info().mode != "release":
        pytest.skip(f"planted modules fit a release build, this is {build_info().mode}")
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    told = shared / "plants.json"
    with (shared / "plants.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # workers that share these tests share the one build
        if not told.exists():
            told.write_text(json.dumps(tried(tmp_path_factory.mktemp("plants"))))
    return json.loads(told.read_text())


def tried(folder: Path) -> dict[str, int]:
    build(folder, FAULTS)
    tests = [f"tests/unit/{fault.test}" for fault in FAULTS.values()]
    done = subprocess.run(
        [sys.executable, "-m", "builders.plants", str(folder), *tests],
        cwd=ROOT, env=os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"}, capture_output=True, text=True,
        check=False, timeout=300,
    )  # fmt: skip
    found = re.findall(r"^(\d+) (\d+)$", done.stdout, re.MULTILINE)
    assert done.returncode == 0, done.stdout[-2_000:] + done.stderr[-2_000:]
    return dict(zip(["none", *FAULTS], (int(code) for _, code in found), strict=True))


def test_without_a_fault_the_planted_modules_pass(outcomes):
    assert outcomes["none"] == pytest.ExitCode.OK


@pytest.mark.parametrize("fault", FAULTS)
def test_the_fault_is_noticed(outcomes, fault):
    assert outcomes[fault] == pytest.ExitCode.TESTS_FAILED
