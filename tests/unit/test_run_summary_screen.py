"""The summary of a run as a person sees it."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from bot4.dto.summary import InstrumentSummary, RunSummary, Touch
from bot4.entrypoints.cli.run_display import money_like
from bot4.entrypoints.cli.run_summary import show_summary

PART = InstrumentSummary(
    symbol="BTCUSD_PERP", market="coinm", book_source="depth", sequence_gaps=0, resyncs=0, crossed_books=0,
    best_bid=Touch(price="61668.6", qty="1380"), best_ask=None, depth_messages=1, quotes=2, trades=3, bars=0,
    decisions=4, orders=118, cancels=31, fills=113, refusals=0, rejects=21, dropped=0, position="-10",
    realised="0", fees="0.00043546", fee_asset="BTC", equity="0.99959689", equity_asset="BTC",
)  # fmt: skip
SUMMARY = RunSummary(
    run_id="20240808T000000-001", version="0", build_mode="release", status="finished", failure=None,
    source="cap[1].gz", is_synthetic=False, seed=1, started_utc="", elapsed_s=0.2, market_span_s=343.8,
    messages=48_270, events=346_283, ignored=0, rejected={}, sequence_gaps=0, resyncs=0, crossed_books=0,
    clock_backs=0, clock_jumps=0, best_bid=PART.best_bid, best_ask=None, orders=118, cancels=31, fills=113,
    refusals=0, open_orders_left=0, fees="0.00043546", fees_by_asset={"BTC": "0.00043546"}, funding_by_asset={},
    equity="0.99959689",
    equity_start="1", equity_asset="BTC", breaker="closed", state_hash="4905d7607a0dd0b5", events_per_s=1.0,
    messages_per_s=252_279.0, latency_ns={"decide": {"count": 9, "p50": 10, "p99": 130, "p99_9": 210, "max": 1_311}},
    notes=["[sic]"], instruments=[PART], journal="data/" + "x" * 200 + "/shard-0.journal", store="data/bot4.sqlite",
)  # fmt: skip


def shown(capsys: pytest.CaptureFixture[str], summary: RunSummary) -> str:
    show_summary(summary, to_stderr=False)
    return capsys.readouterr().out


def test_prices_positions_and_latencies_are_on_it(capsys):
    text = shown(capsys, SUMMARY)
    rows = {line.split()[0]: line.split()[1:] for line in text.splitlines() if line.strip()}
    assert rows["BTCUSD_PERP"] == ["61668.6", "-", "-10", "118", "113", "21"]
    assert rows["decide"] == ["10", "ns", "130", "ns", "210", "ns", "1,311", "ns", "9"]
    assert rows["orders"][-3:] == ["0", "left", "open"]


def test_a_made_up_market_is_called_so_at_the_end_too(capsys):
    made_up = msgspec.structs.replace(SUMMARY, is_synthetic=True, source="synthetic market, seed 7")
    assert "finished: SYNTHETIC market, seed 7\n" in shown(capsys, made_up)


def test_names_are_shown_as_they_are_and_never_wrapped(capsys):
    text = shown(capsys, SUMMARY)
    assert "finished: cap[1].gz" in text
    assert "note [sic]" in text
    assert SUMMARY.journal in text
    assert all(line == line.rstrip() for line in text.splitlines() if "journal" in line)


@pytest.mark.parametrize(
    ("equity", "start", "change"),
    [("0.99959689", "1", "(-0.00040311)"), ("9928.5964429166", "10000", "(-71.4036)"), ("10000", "10000", "(+0.0000)")],
)
def test_the_change_of_equity_has_the_decimals_of_its_asset(capsys, equity, start, change):
    assert change in shown(capsys, msgspec.structs.replace(SUMMARY, equity=equity, equity_start=start))


def test_a_run_without_samples_has_no_table_of_latencies(capsys):
    assert "p99" not in shown(capsys, msgspec.structs.replace(SUMMARY, latency_ns={}))


def test_an_amount_that_crosses_a_hundred_changes_its_decimals():
    assert [str(money_like(Decimal(size), Decimal("1.23456789"))) for size in (-100, 99)] == ["1.2346", "1.23456789"]
