"""What each risk rule means, told one by one."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from bot4._core.intent_dtype import INTENT_DTYPE
from bot4._core.risk.filters import Filters, FilterVerdict
from bot4._core.risk.limits import RiskGate, RiskOpKind
from bot4._core.risk.op_dtype import RISK_OP_DTYPE
from bot4._core.risk.rules import RiskVerdict
from bot4._core.risk.state import RiskLatch

BUY, SELL = 0, 1
LIMIT, MARKET = 0, 1
REDUCE_ONLY = 2
S = 10**9


def make(**limits: Any) -> RiskGate:
    """A gate with a reference of 1,000 ticks at time 0 and an equity of a million atoms."""
    base: dict[str, Any] = {
        "instrument": 0,
        "max_order_lots": 1000,
        "max_order_notional": 10**9,
        "max_long_lots": 1000,
        "max_short_lots": 1000,
        "max_reference_age_ns": 100 * S,
        "duplicate_window_ns": 0,
        "unusual_multiple": 0,
    }
    gate = RiskGate(**(base | limits))
    gate.apply_reference(1000, ts_ns=0)
    gate.apply_equity(10**6)
    return gate


def submit(gate: RiskGate, *, now_ns: int = 0, kind: RiskOpKind = RiskOpKind.OP_SUBMIT, **order: int) -> str:
    """Check one order and count it as sent or refused."""
    intents = np.zeros(1, INTENT_DTYPE)
    for name, value in ({"price_ticks": 1000, "qty_lots": 10} | order).items():
        intents[0][name] = value
    ops = np.zeros(1, RISK_OP_DTYPE)
    ops[0]["kind"], ops[0]["now_ns"] = kind, now_ns
    verdict = int(gate.run(ops, intents)[0])
    return (RiskVerdict(verdict) if verdict < 32 else FilterVerdict(verdict)).name


def hold(gate: RiskGate, lots: int) -> None:
    gate.apply_stray_fill(BUY if lots > 0 else SELL, abs(lots))


def test_a_cancel_passes_whatever_is_latched() -> None:
    gate = make()
    gate.restore_latches(latches=7, equity_peak=None)
    assert submit(gate, action=1) == submit(gate, action=2) == "RISK_OK"
    assert submit(gate, action=1, instrument=5) == "RISK_WRONG_INSTRUMENT"
    assert submit(gate, action=3) == "RISK_MALFORMED"
    assert gate.snapshot()["open_orders"] == 0


@pytest.mark.parametrize(
    "order",
    [
        {"side": 2},
        {"type": 2},
        {"tif": 3},
        {"flags": 4},
        {"qty_lots": 0},
        {"qty_lots": -1},
        {"qty_lots": (1 << 50) + 1},
        {"price_ticks": 0},
        {"price_ticks": -1},
        {"price_ticks": (1 << 60) + 1},
        {"flags": 1, "type": MARKET},
        {"flags": 1, "tif": 1},
    ],
)
def test_a_malformed_order_is_refused(order: dict[str, int]) -> None:
    assert submit(make(max_order_lots=1 << 50), **order) == "RISK_MALFORMED"


def test_open_orders_count_as_filled_until_they_are_closed() -> None:
    gate = make(max_long_lots=25)
    assert submit(gate) == submit(gate) == "RISK_OK"
    assert submit(gate) == "RISK_POSITION"
    gate.apply_closed(BUY, 10)
    assert submit(gate) == "RISK_OK"


def test_an_unknown_outcome_stays_counted_and_blocks_its_side() -> None:
    gate = make(max_long_lots=15)
    assert submit(gate) == "RISK_OK"
    unknown, known = np.zeros(1, RISK_OP_DTYPE), np.zeros(1, RISK_OP_DTYPE)
    unknown[0]["kind"], known[0]["kind"] = RiskOpKind.OP_UNKNOWN, RiskOpKind.OP_KNOWN
    none = np.zeros(1, INTENT_DTYPE)
    gate.run(unknown, none)
    assert submit(gate, qty_lots=1) == "RISK_UNKNOWN_OUTCOME"
    assert submit(gate, side=SELL) == "RISK_OK"
    gate.run(known, none)
    assert submit(gate) == "RISK_POSITION"
    assert gate.snapshot()["open_buy_lots"] == 10


def test_a_fill_moves_lots_from_open_to_position() -> None:
    gate = make()
    submit(gate)
    gate.apply_fill(BUY, 4)
    gate.apply_closed(BUY, 6)
    state = gate.snapshot()
    assert (state["position_lots"], state["open_buy_lots"], state["open_orders"]) == (4, 0, 0)


def test_spot_cannot_be_sold_short_but_holdings_can_be_sold() -> None:
    gate = make(max_short_lots=0)
    assert submit(gate, side=SELL) == "RISK_POSITION"
    hold(gate, 10)
    assert submit(gate, side=SELL) == "RISK_OK"
    assert submit(gate, side=SELL, qty_lots=1) == "RISK_POSITION"


def test_a_reduce_only_order_must_reduce_and_two_of_them_may_not_turn_the_position() -> None:
    gate = make()
    assert submit(gate, side=SELL, flags=REDUCE_ONLY) == "RISK_REDUCE_ONLY"
    hold(gate, 10)
    assert submit(gate, side=BUY, flags=REDUCE_ONLY) == "RISK_REDUCE_ONLY"
    assert submit(gate, side=SELL, qty_lots=11, flags=REDUCE_ONLY) == "RISK_REDUCE_ONLY"
    assert submit(gate, side=SELL, qty_lots=6, flags=REDUCE_ONLY) == "RISK_OK"
    assert submit(gate, side=SELL, qty_lots=5, flags=REDUCE_ONLY) == "RISK_REDUCE_ONLY"
    assert submit(gate, side=SELL, qty_lots=4, flags=REDUCE_ONLY) == "RISK_OK"


def test_an_exit_passes_the_guards_that_would_keep_a_losing_position_open() -> None:
    gate = make(max_order_notional=1, max_open_orders=1, max_long_lots=5)
    hold(gate, -30)
    gate.apply_equity(1)
    assert submit(gate, kind=RiskOpKind.OP_SENT, qty_lots=1) == "RISK_OK"
    assert submit(gate, qty_lots=2) == "RISK_DRAWDOWN_LATCH"
    assert submit(gate, flags=REDUCE_ONLY) == "RISK_OK"


def test_a_missing_reference_refuses_and_is_never_replaced_by_a_default() -> None:
    gate = make()
    gate.apply_reference(0, ts_ns=5)
    assert submit(gate, now_ns=5) == "RISK_NO_REFERENCE"
    assert submit(gate, now_ns=5, type=MARKET) == "RISK_NO_REFERENCE"


def test_a_reference_expires_and_one_from_the_future_is_no_reference() -> None:
    gate = make(max_reference_age_ns=10)
    gate.apply_reference(1000, ts_ns=100)
    assert submit(gate, now_ns=110) == "RISK_OK"
    assert submit(gate, now_ns=111) == "RISK_STALE_REFERENCE"
    assert submit(gate, now_ns=99) == "RISK_STALE_REFERENCE"


def test_only_a_market_exit_goes_without_a_reference_and_only_where_allowed() -> None:
    for strict, verdict in ((False, "RISK_OK"), (True, "RISK_STALE_REFERENCE")):
        gate = make(max_reference_age_ns=1, exits_need_reference=strict)
        hold(gate, 10)
        assert submit(gate, side=SELL, now_ns=S, flags=REDUCE_ONLY) == "RISK_STALE_REFERENCE"
        assert submit(gate, side=SELL, now_ns=S, flags=REDUCE_ONLY, type=MARKET) == verdict


def test_the_price_band_holds_to_the_tick_on_both_sides() -> None:
    gate = make(band_ppm=10_000)
    assert [submit(gate, price_ticks=ticks) for ticks in (990, 1010)] == ["RISK_OK"] * 2
    assert [submit(gate, price_ticks=ticks) for ticks in (989, 1011)] == ["RISK_PRICE_BAND"] * 2


def test_notional_is_price_times_quantity_the_reference_for_market_orders_and_contracts_for_inverse() -> None:
    assert submit(make(max_order_notional=10_000)) == "RISK_OK"
    assert submit(make(max_order_notional=9_999)) == "RISK_ORDER_NOTIONAL"
    assert submit(make(max_order_notional=9_999), type=MARKET, price_ticks=1) == "RISK_ORDER_NOTIONAL"
    assert submit(make(max_order_notional=10, notional_is_qty=True)) == "RISK_OK"
    assert submit(make(max_order_notional=9, notional_is_qty=True)) == "RISK_ORDER_NOTIONAL"


def test_a_notional_beyond_64_bits_is_compared_exactly() -> None:
    lots, price = 1 << 50, 1 << 59
    for limit, verdict in ((lots * price, "RISK_OK"), (lots * price - 1, "RISK_ORDER_NOTIONAL")):
        gate = make(max_order_lots=lots, max_long_lots=lots, max_order_notional=limit)
        gate.apply_reference(price, ts_ns=0)
        assert submit(gate, price_ticks=price, qty_lots=lots) == verdict


def test_an_unusual_quantity_is_refused_only_after_the_warm_up_and_does_not_become_usual() -> None:
    gate = make(unusual_multiple=3, unusual_warmup_orders=2, ewma_shift=1, orders_per_period=1000, burst=1000)
    assert submit(gate, qty_lots=100) == "RISK_OK"
    assert submit(gate, qty_lots=1) == "RISK_OK"
    mean = gate.snapshot()["qty_mean_scaled"]
    assert mean == (100 * 1024 + 1024) // 2
    assert submit(gate, qty_lots=152) == "RISK_UNUSUAL_QTY"
    assert gate.snapshot()["qty_mean_scaled"] == mean
    assert submit(gate, qty_lots=151) == "RISK_OK"


def test_the_drawdown_latches_at_the_limit_and_stays_after_recovery() -> None:
    gate = make(max_drawdown_ppm=150_000)
    gate.apply_equity(850_001)
    assert submit(gate) == "RISK_OK"
    gate.apply_equity(850_000)
    gate.apply_equity(2_000_000)
    assert submit(gate) == "RISK_DRAWDOWN_LATCH"
    gate.reset(latches=RiskLatch.LATCH_DRAWDOWN)
    assert submit(gate) == "RISK_NO_EQUITY"
    gate.apply_equity(850_000)
    assert submit(gate) == "RISK_OK"


def test_the_drawdown_is_exact_near_the_ends_of_128_bits() -> None:
    gate = make(max_drawdown_ppm=333_333)
    peak = (1 << 127) - 1
    floor = peak - -(-peak * 333_333 // 10**6)
    gate.apply_equity(peak)
    gate.apply_equity(floor + 1)
    assert gate.snapshot()["latches"] == 0
    gate.apply_equity(floor)
    assert gate.snapshot()["latches"] == RiskLatch.LATCH_DRAWDOWN


def test_an_equity_that_is_not_positive_latches_at_once() -> None:
    gate = RiskGate(
        instrument=0, max_order_lots=1, max_order_notional=1, max_long_lots=1, max_short_lots=1, max_drawdown_ppm=1
    )
    gate.apply_equity(0)
    assert gate.snapshot()["latches"] == RiskLatch.LATCH_DRAWDOWN


def test_latches_and_peak_survive_a_restart() -> None:
    before = make()
    before.apply_equity(5 * 10**6)
    before.apply_equity(10**6)
    kept = before.snapshot()
    after = make()
    after.restore_latches(latches=kept["latches"], equity_peak=kept["equity_peak"])
    assert submit(after) == "RISK_DRAWDOWN_LATCH"
    fresh = make()
    fresh.restore_latches(latches=0, equity_peak=5 * 10**6)
    fresh.apply_equity(4 * 10**6)
    assert submit(fresh) == "RISK_DRAWDOWN_LATCH"


def test_consecutive_rejects_of_one_code_latch_and_spam_ends() -> None:
    gate = make(max_reject_run=5, max_exit_reject_run=7, orders_per_period=1000, burst=1000)
    sent = 0
    for i in range(100_000 // 100):
        if submit(gate, now_ns=i) == "RISK_OK":
            sent += 1
            gate.apply_closed(BUY, 10, by_reject=True, reject_code=-2010)
    assert sent == 5
    assert gate.refused() == {"RISK_REJECT_LATCH": 995}
    gate.reset(latches=RiskLatch.LATCH_REJECTS)
    assert submit(gate) == "RISK_OK"


def test_another_code_or_an_accepted_order_ends_the_run_of_rejects() -> None:
    gate = make(max_reject_run=2)
    for code in (-2010, -1013, -2010, -1013):
        submit(gate)
        gate.apply_closed(BUY, 10, by_reject=True, reject_code=code)
    assert submit(gate) == "RISK_OK"
    gate.apply_closed(BUY, 10)
    assert gate.snapshot()["reject_run"] == 0


def test_exits_go_on_through_the_entries_latch_and_stop_at_their_own() -> None:
    gate = make(max_reject_run=1, max_exit_reject_run=2)
    hold(gate, 100)
    submit(gate)
    gate.apply_closed(BUY, 10, by_reject=True, reject_code=1)
    assert submit(gate) == "RISK_REJECT_LATCH"
    assert submit(gate, side=SELL, flags=REDUCE_ONLY) == "RISK_OK"
    gate.apply_closed(SELL, 10, by_reject=True, reject_code=1)
    assert submit(gate, side=SELL, flags=REDUCE_ONLY) == "RISK_REJECT_LATCH"


def test_a_duplicate_is_refused_inside_the_window_only() -> None:
    gate = make(duplicate_window_ns=250)
    assert submit(gate, now_ns=0) == "RISK_OK"
    assert submit(gate, now_ns=249) == "RISK_DUPLICATE"
    assert submit(gate, now_ns=249, price_ticks=1001) == "RISK_OK"
    assert submit(gate, now_ns=249, side=SELL) == "RISK_OK"
    assert submit(gate, now_ns=249, qty_lots=11) == "RISK_OK"
    assert submit(gate, now_ns=250) == "RISK_OK"


def test_the_order_rate_leaves_a_reserve_for_exits() -> None:
    gate = make(orders_per_period=1, period_ns=S, burst=3, reserve_tokens=1)
    hold(gate, 100)
    assert [submit(gate) for _ in range(3)] == ["RISK_OK", "RISK_OK", "RISK_ORDER_RATE"]
    assert submit(gate, side=SELL, flags=REDUCE_ONLY) == "RISK_OK"
    assert submit(gate, side=SELL, flags=REDUCE_ONLY, qty_lots=9) == "RISK_ORDER_RATE"
    assert submit(gate, now_ns=2 * S) == "RISK_OK"


def test_a_runaway_strategy_is_capped() -> None:
    gate = make(orders_per_period=50, period_ns=10 * S, burst=20, reserve_tokens=0, max_open_orders=10**6)
    passed = sum(submit(gate, now_ns=i * S // 1000, qty_lots=1 + i % 7) == "RISK_OK" for i in range(10_000))
    assert passed == 20 + 49


def test_the_venues_filters_are_part_of_the_check() -> None:
    gate = make(filters=Filters(min_qty_lots=20))
    assert submit(gate) == "FILTER_LOT_SIZE"
    assert gate.refused() == {"FILTER_LOT_SIZE": 1}


def test_checking_changes_nothing() -> None:
    gate = make(unusual_multiple=2)
    before = gate.state_hash()
    intents = np.zeros(100, INTENT_DTYPE)
    intents["price_ticks"], intents["qty_lots"] = 1000, 10
    assert set(gate.check_many(intents, np.zeros(100, np.int64))) == {0}
    assert gate.check(side=BUY, price_ticks=1000, qty_lots=10, now_ns=0) is RiskVerdict.RISK_OK
    assert gate.state_hash() == before


def test_equal_sessions_have_equal_hashes_and_a_single_lot_changes_it() -> None:
    gates = [make(), make(), make()]
    for gate, lots in zip(gates, (10, 10, 11), strict=True):
        submit(gate, qty_lots=lots)
    hashes = [gate.state_hash() for gate in gates]
    assert hashes[0] == hashes[1] != hashes[2]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"max_order_lots": 0}, "max_order_lots must be between 1 and 1125899906842624, was 0"),
        ({"max_long_lots": -1}, "max_long_lots must be between 0"),
        ({"band_ppm": 0}, "band_ppm must be between 1 and 100000000, was 0"),
        ({"max_drawdown_ppm": 1_000_001}, "max_drawdown_ppm must be between 0 and 1000000, was 1000001"),
        ({"max_reject_run": 6, "max_exit_reject_run": 5}, "max_exit_reject_run must be between 6"),
        ({"reserve_tokens": 20}, "reserve_tokens must be between 0 and 19, was 20"),
        ({"burst": 64, "duplicate_window_ns": 1}, "at most 64 orders into the window, were 1 ns and 65 orders"),
        ({"burst": 0}, "burst must be at least 1 token, was 0"),
        ({"orders_per_period": 0}, "tokens of a period must be at least 1, was 0"),
        ({"period_ns": 0}, "period_ns must be at least 1, was 0"),
        ({"period_ns": 1 << 60}, "must be at most 2**59"),
    ],
)
def test_a_limit_out_of_range_names_value_and_rule(change: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        make(**change)


def test_what_cannot_have_happened_is_refused_by_name() -> None:
    gate = make()
    with pytest.raises(ValueError, match="OP_FILL must be possible now, was side 0, value 1"):
        gate.apply_fill(BUY, 1)
    with pytest.raises(ValueError, match="OP_CLOSED must be possible now"):
        gate.apply_closed(SELL, 0)
    with pytest.raises(ValueError, match="OP_STRAY_FILL"):
        gate.apply_stray_fill(BUY, 0)
    ops = np.zeros(2, RISK_OP_DTYPE)
    ops[1]["kind"] = 99
    with pytest.raises(ValueError, match="row 1 must be possible"):
        gate.run(ops, np.zeros(2, INTENT_DTYPE))
    with pytest.raises(ValueError, match="equally long"):
        gate.run(ops, np.zeros(1, INTENT_DTYPE))
    with pytest.raises(ValueError, match="equally long"):
        gate.check_many(np.zeros(1, INTENT_DTYPE), np.zeros(2, np.int64))
