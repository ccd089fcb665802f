"""Whatever is done to a recording, the check ends with a report: no crash, no silence about what cannot be read."""

from __future__ import annotations

import gzip
from random import Random

import pytest
from builders.recordings import (
    agg_trades_csv,
    binance_capture,
    klines_csv,
    kraken_capture,
    okx_capture,
    trades_csv,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot4.bootstrap import check_recordings

DEPTH = (
    "TimestampOfReceive,Stream,EventType,EventTime,Symbol,FirstUpdateId,FinalUpdateId,IsAsk,Price,Quantity\n"
    + "".join(
        f"{1741046400062959 + i * 10**5},trxusdt@depth@100ms,depthUpdate,{1741046400062507 + i * 10**5},"
        f"TRXUSDT,{i},{i},{i % 2},0.{2310 + 40 * (i % 2)},10.5\n"
        for i in range(12)
    )
).encode()
SOUND = (
    ("spot", binance_capture("spot", rounds=6)),
    ("usdm", binance_capture("usdm", rounds=6)),
    ("coinm", binance_capture("coinm", rounds=6)),
    ("kraken1", kraken_capture(1, rounds=8)),
    ("kraken2", kraken_capture(2, rounds=8)),
    ("okx", okx_capture(rounds=6)),
    ("BTCUSDT-trades-2024-01-01.csv", trades_csv(12)),
    ("BTCUSDT-aggTrades-2024-01-01.csv", agg_trades_csv(12)),
    ("BTCUSDT-1m-2024-01.csv", klines_csv(12)),
    ("x_difference_depth_stream_spot_trxusdt_04-03-2025.csv", DEPTH),
)
INSERTED = (
    b'"', b"{", b"}", b"[", b"]", b",", b"\n", b"\r", b"-", b"0", b"9" * 20, b"null", b"true", b"1e5", b"NaN", b"\x00",
    b"\xff", b'"s":"ETHUSDT"', "²".encode(),
)  # fmt: skip


def damaged(source: Random, content: bytes) -> bytes:
    raw = bytearray(content)
    for _ in range(source.choice([1, 1, 2, 5, 20])):
        chance, at = source.random(), source.randrange(len(raw) or 1)
        if chance < 0.3 and raw:
            raw[at] = source.randrange(256)
        elif chance < 0.5:
            del raw[at : at + source.randrange(1, 30)]
        elif chance < 0.7:
            raw[at:at] = source.choice(INSERTED)
        elif chance < 0.9:
            start = source.randrange(len(raw) or 1)
            raw[at:at] = raw[start : start + source.randrange(1, 200)]
        else:
            del raw[at:]
    if source.random() < 0.3:
        raw = bytearray(gzip.compress(bytes(raw), mtime=0))
        if source.random() < 0.6:
            raw[source.randrange(len(raw))] ^= 1 << source.randrange(8)
    return bytes(raw)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.integers(0, 2**64))
def test_any_damage_gives_a_report(tmp_path, seed):
    source = Random(seed)
    name, content = source.choice(SOUND)
    path = tmp_path / name
    path.write_bytes(damaged(source, content))
    report = check_recordings([path])
    assert report.exit_code in (0, 1, 65, 78)
    assert (report.exit_code == 1) == (report.defects_total > 0 and not report.files[0].error)
    assert bool(report.files[0].error) == (report.exit_code in (65, 78))
    assert report.to_dict()["exit_code"] == report.exit_code


@pytest.mark.parametrize(("name", "content"), SOUND)
def test_control_the_undamaged_files_are_clean(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    assert check_recordings([path]).exit_code == 0
