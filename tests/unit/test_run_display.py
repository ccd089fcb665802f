"""The live view, rendered to text."""

from __future__ import annotations

import dataclasses
import io
from decimal import Decimal

from rich.console import Console

from bot4.entrypoints.cli.run_display import LineDisplay, LiveDisplay, make_display, render
from bot4.entrypoints.embedding import QuietDisplay
from bot4.ports.run_view import LaneView, RunView

LANE = LaneView(
    symbol="BTCUSDT",
    bid=Decimal("60000.01"),
    ask=Decimal("60000.03"),
    position=Decimal("0.02500000"),
    equity=Decimal("9993.8094"),
    equity_asset="USDT",
    working_orders=1,
    orders=10,
    fills=9,
    refusals=2,
    score=-0.31,
    source="depth",
    is_waiting_for_snapshot=False,
    latches=0,
)
VIEW = RunView(
    source="synthetic market, seed 7",
    is_synthetic=True,
    elapsed_s=12.0,
    progress=None,
    engine_ns=1_767_225_600_000_000_000,
    messages=1_234,
    events=56_789,
    breaker="closed",
    journal_failed=False,
    lanes=(LANE,),
    latency_ns={"message": {"count": 100, "p50": 900, "p99": 12_000, "p99_9": 20_000, "max": 15_000_000}},
)
REPLAY = dataclasses.replace(VIEW, source="btcusdt.gz", is_synthetic=False, progress=0.25)


def text_of(view: RunView, width: int = 120) -> str:
    console = Console(record=True, width=width, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123 - a sink
    console.print(render(view))
    console.file.close()
    return console.export_text()


def test_a_made_up_market_is_called_so():
    text = text_of(VIEW)
    assert "SYNTHETIC MARKET - prices are made up" in text
    for word in (
        "BTCUSDT",
        "60000.01",
        "9993.8094 USDT",
        "-0.31",
        "2026-01-01 00:00:00",
        "1,234 messages",
        "12 us",
        "15 ms",
    ):
        assert word in text
    assert "%" not in text


def test_on_eighty_columns_every_figure_is_whole():
    coin = dataclasses.replace(LANE, symbol="BTCUSD_PERP", equity=Decimal("0.9995968"), equity_asset="BTC")
    name = " + ".join(f"btcusdt_2024080{day}.gz" for day in range(1, 9))
    text = text_of(dataclasses.replace(REPLAY, source=name, lanes=(LANE, coin)), width=80)
    for word in (
        "60000.01",
        "60000.03",
        "0.02500000",
        "9993.8094 USDT",
        "0.99959680 BTC",
        "-0.31",
        "2026-01-01 00:00:00",
    ):
        assert word in text
    body = [line for line in text.splitlines() if line.startswith("│")]
    assert not any("…" in line for line in body)


def test_words_of_trouble_give_way_to_figures():
    lane = dataclasses.replace(LANE, latches=7, is_waiting_for_snapshot=True, orders=123_456, fills=99_999)
    text = text_of(dataclasses.replace(REPLAY, lanes=(lane,)), width=80)
    assert "123456" in text
    assert "99999" in text
    assert "…" not in text
    assert {"drawdown,", "rejects,", "snapshot"} <= set(text.split())


def test_the_last_columns_are_left_for_what_the_terminal_echoes():
    assert max(len(line.rstrip()) for line in text_of(REPLAY, width=80).splitlines()) == 78


def test_a_score_that_is_not_there_yet_is_a_dash():
    assert "nan" not in text_of(dataclasses.replace(REPLAY, lanes=(dataclasses.replace(LANE, score=float("nan")),)))


def test_real_orders_are_not_called_paper():
    assert "bot4 paper" in text_of(REPLAY)
    real = text_of(dataclasses.replace(REPLAY, is_paper=False))
    assert "bot4 REAL ORDERS" in real
    assert "paper" not in real


def test_a_replay_shows_how_far_it_is_and_how_long_it_takes():
    text = text_of(REPLAY)
    assert "SYNTHETIC" not in text
    assert "25%" in text
    assert "36 s left" in text


def test_trouble_is_in_words():
    stopped = dataclasses.replace(
        REPLAY,
        breaker="open (stale)",
        journal_failed=True,
        lanes=(dataclasses.replace(LANE, latches=3), dataclasses.replace(LANE, is_waiting_for_snapshot=True)),
    )
    text = text_of(stopped)
    assert "breaker open (stale)" in text
    assert "latched: drawdown, rejects" in text
    assert "waits for a snapshot" in text
    assert "JOURNAL FAILED" in text


def test_a_book_that_is_not_there_is_a_dash():
    empty = dataclasses.replace(REPLAY, engine_ns=0, lanes=(dataclasses.replace(LANE, bid=Decimal(0), ask=Decimal(0)),))
    assert "60000" not in text_of(empty)


def test_lines_come_at_most_every_ten_seconds(monkeypatch):
    now = [100.0]
    monkeypatch.setattr("bot4.entrypoints.cli.run_display.time.monotonic", lambda: now[0])
    console = Console(record=True, width=120, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123 - a sink
    display = LineDisplay(console)
    for second in (0.0, 5.0, 9.9, 10.0):
        now[0] = 100.0 + second
        display.show(VIEW)
    display.say("the end")
    display.close()
    console.file.close()
    lines = console.export_text().splitlines()
    assert len(lines) == 3
    assert "SYNTHETIC BTCUSDT 60000.01/60000.03" in lines[0]


def test_a_live_venue_shows_how_it_is_reached():
    live = dataclasses.replace(REPLAY, source="binance spot", connection="0 of 1 connections up, attempt 3")
    assert "binance spot: 0 of 1 connections up, attempt 3" in text_of(live)
    assert "connections up" not in text_of(REPLAY)
    console = Console(record=True, width=120, file=io.StringIO())
    LineDisplay(console).show(live)
    assert console.export_text().startswith("binance spot: 0 of 1 connections up, attempt 3")


def test_the_display_fits_where_it_is_shown():
    assert isinstance(make_display(quiet=True, to_stderr=False), QuietDisplay)
    assert isinstance(make_display(quiet=False, to_stderr=True), LineDisplay)


def test_the_live_view_redraws_in_place_and_leaves_the_screen_as_it_was():
    console = Console(record=True, width=120, force_terminal=True, file=io.StringIO())
    display = LiveDisplay(console)
    display.show(VIEW)
    display.say("one line that stays")
    display.show(dataclasses.replace(VIEW, messages=9_999))
    drawn = console.file.getvalue()
    assert "1,234" in drawn
    assert "9,999" in drawn
    assert "one line that stays" in drawn
    display.close()
    last = console.file.getvalue()[len(drawn) :]
    wiped = last.rpartition("\x1b[?25h")[2]
    assert wiped.count("\x1b[1A\x1b[2K") >= 5, "the cursor is back, then every line of the view is wiped"
    assert "9,999" not in wiped
