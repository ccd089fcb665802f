"""`bot4 run` over public dumps, chained files and rules of the user."""

from __future__ import annotations

import bisect
import gzip
import itertools
import math
import sqlite3
import zipfile
from contextlib import closing
from decimal import Decimal

import pytest
from builders.bot4_process import summary_of
from builders.synthetic import capture_lines, write_capture


@pytest.fixture(scope="module")
def lines() -> list[bytes]:
    return capture_lines(4_000)


@pytest.fixture
def capture(tmp_path, lines):
    return write_capture(tmp_path / "btcusdt", lines)


def trade_rows(count: int) -> list[str]:
    start_ms = 1_723_161_255_000
    return [
        f"{500 + i},{60_000 + (i * 37 % 101) / 100 - 0.5:.2f},0.00100000,60.00000000,{start_ms + 250 * i},"
        f"{'True' if i % 3 else 'False'},True"
        for i in range(count)
    ]


def agg_trade_rows(count: int) -> list[str]:
    start_ms = 1_723_161_255_000
    return [
        f"{500 + i},{60_000 + (i * 37 % 101) / 100 - 0.5:.2f},0.00100000,{900 + i},{900 + i},{start_ms + 250 * i},"
        f"{'True' if i % 3 else 'False'},True"
        for i in range(count)
    ]


def kline_rows(count: int) -> list[str]:
    start_ms = 1_723_161_240_000
    rows = []
    for i in range(count):
        open_ms = start_ms + 60_000 * i
        price = 60_000 + i % 50
        rows.append(
            f"{open_ms},{price}.00,{price + 5}.00,{price - 5}.00,{price + 1}.00,1.50000000,{open_ms + 59_999},"
            "90000.00000000,120,0.75000000,45000.00000000,0"
        )
    return rows


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "zip"])
@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("BTCUSDT-trades-2024-08-09.csv", trade_rows(400)),
        ("BTCUSDT-aggTrades-2024-08-09.csv", agg_trade_rows(400)),
        ("BTCUSDT-1m-2024-08-09.csv", kline_rows(400)),
    ],
    ids=["trades", "aggTrades", "klines"],
)
def test_public_dumps_are_replayed(tmp_path, name, rows, packed):
    text = "\n".join(rows) + "\n"
    path = tmp_path / name
    if packed:
        path = path.with_suffix(".zip")
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(name, text)
    else:
        path.write_text(text)
    summary = summary_of(tmp_path, "--replay", path)
    assert summary["messages"] == 400
    assert summary["rejected"] == {}
    assert summary["instruments"][0]["book_source"] == "assumed"
    assert any("has no book" in note for note in summary["notes"])


def swinging_bars(count: int) -> list[tuple[int, int, int, int, int]]:
    """Minutes of a price that swings: stamp in ms, then open, high, low and close in cents."""
    closes = [round(6_000_000 + 60_000 * math.sin(i / 15)) for i in range(count + 1)]
    return [
        (1_723_161_240_000 + 60_000 * i, a, max(a, b) + 500, min(a, b) - 500, b)
        for i, (a, b) in enumerate(itertools.pairwise(closes))
    ]


def test_orders_over_klines_fill_at_prices_the_bars_reached(tmp_path):
    bars = swinging_bars(400)
    path = tmp_path / "BTCUSDT-1m-2024-08.csv"
    path.write_text(
        "".join(
            f"{at},{o / 100:.2f},{h / 100:.2f},{low / 100:.2f},{c / 100:.2f},8.00000000,{at + 59_999},"
            "480000.00000000,120,4.00000000,240000.00000000,0\n"
            for at, o, h, low, c in bars
        )
    )
    summary = summary_of(tmp_path, "--replay", path, "--set", "strategy.take_score=0.95")
    assert summary["instruments"][0]["rejects"] == 0
    assert summary["orders"] >= summary["fills"] > 10
    with closing(sqlite3.connect(summary["store"])) as store:
        fills = store.execute("SELECT ts_ns, price, is_maker FROM fills").fetchall()
    assert {is_maker for *_, is_maker in fills} == {0, 1}
    starts = [at for at, *_ in bars]
    for stamp_ns, price, _ in fills:
        # A taker meets the last close, a tick away; what rests is met inside the bar that closes at the fill.
        _, _, high, low, _ = bars[bisect.bisect_right(starts, stamp_ns // 1_000_000) - 2]
        assert low - 1 <= Decimal(price) * 100 <= high + 1


def test_files_are_chained_in_the_order_given(tmp_path, lines):
    one = write_capture(tmp_path / "one", lines[:2_000])
    two = tmp_path / "two.gz"
    two.write_bytes(gzip.compress(b"".join(lines[2_000:])))
    whole = summary_of(tmp_path, "--replay", write_capture(tmp_path / "whole", lines))
    chained = summary_of(tmp_path, "--replay", one, two)
    assert chained["messages"] == 4_000
    assert chained["state_hash"] == whole["state_hash"]


def test_rules_given_by_the_user_make_an_unknown_symbol_tradeable(tmp_path, lines):
    rules = tmp_path / "rules.toml"
    rules.write_text(
        '[[instrument]]\nsymbol = "MADEUPUSDT"\nvenue = "binance"\nmarket = "spot"\nbase = "MADEUP"\nquote = "USDT"\n'
        'price_step = "0.01"\nqty_step = "0.00001"\nmin_notional = "5"\n'
    )
    path = write_capture(tmp_path / "capture", [line.replace(b"BTCUSDT", b"MADEUPUSDT") for line in lines])
    summary = summary_of(tmp_path, "--replay", path, "--instrument", rules)
    assert summary["instruments"][0]["symbol"] == "MADEUPUSDT"
    assert summary["orders"] > 0
