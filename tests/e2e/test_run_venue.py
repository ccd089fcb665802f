"""`bot4 run --venue binance` as a person runs it, against a small exchange on loopback."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from builders.in_band_server import SERVERS
from builders.venue_server import VenueServer

ROOT = Path(__file__).resolve().parents[2]
MAIN = "from bot4.entrypoints.cli.main import main; main()"
READ_PATHS = {"exchangeInfo", "time", "depth"}


def started(tmp_path: Path, *arguments, **extra: str) -> subprocess.Popen:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BOT4_")} | extra
    return subprocess.Popen(
        [sys.executable, "-c", MAIN, "run", "--data-dir", str(tmp_path / "data"), *map(str, arguments)],
        cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def at(server: VenueServer) -> dict[str, str]:
    keys = ("REST_URL", "USDM_REST_URL")
    urls = {f"BOT4_VENUES__BINANCE__{key}": server.url for key in keys}
    return urls | {f"BOT4_VENUES__BINANCE__{key.replace('REST', 'WS')}": server.ws_url for key in keys}


def finished(process: subprocess.Popen, timeout_s: float = 40) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=timeout_s)
    return process.returncode, out, err


def until(condition, what: str, process: subprocess.Popen, patience_s: float = 20.0) -> None:
    deadline = time.monotonic() + patience_s
    while not condition():
        if process.poll() is not None:
            pytest.fail(f"ended while waiting for {what}: {process.communicate()}")
        assert time.monotonic() < deadline, f"waited for {what}"
        time.sleep(0.02)


@pytest.fixture
def server():
    with VenueServer("BTCUSDT", "ETHUSDT") as one:
        yield one


def test_a_run_trades_on_live_data_shows_the_connection_and_ends_in_order_on_ctrl_c(tmp_path, server):
    eager = tmp_path / "eager.toml"
    eager.write_text(
        "[strategy]\nweights = { queue_imbalance = 1.0 }\nscales = { queue_imbalance = 1.0 }\n"
        "enter_score = 0.01\ntake_score = 0.02\ncooldown_ms = 50\n"
    )
    slow = ["--set", "run.view_interval_ms=2000"]  # the first look, which is shown, finds it connected
    process = started(tmp_path, "--venue", "binance", "--json", "-", "--config", eager, *slow, **at(server))
    until(lambda: server.requests.count("depth") >= 1, "a snapshot", process)
    time.sleep(2.5)
    process.send_signal(signal.SIGINT)
    code, out, err = finished(process)
    assert code == 0, err
    summary = json.loads(out)
    assert (summary["status"], summary["source"], summary["is_synthetic"]) == ("interrupted", "binance spot", False)
    assert summary["messages"] > 50
    assert summary["rejected"] == {}
    assert summary["notes"] == []
    assert summary["orders"] > 0
    assert summary["open_orders_left"] == 0
    assert summary["instruments"][0]["book_source"] in ("depth", "quote")
    assert "binance spot: 1 of 1 connections up" in err
    assert server.all_peers[0].close_code == 1001
    # Nothing but reading: no other path was asked for, and the socket said nothing but pongs and its goodbye.
    assert set(server.requests) <= READ_PATHS
    assert server.all_peers[0].said == []


def test_a_recording_of_several_instruments_replays_to_the_same_state(tmp_path, server):
    recording = tmp_path / "today.gz"
    process = started(
        tmp_path, "--venue", "binance", "--symbol", "BTCUSDT", "--symbol", "ETHUSDT", "--record", recording, "--quiet",
        "--json", tmp_path / "live.json", "--duration", "2.5", **at(server),
    )  # fmt: skip
    code, _, err = finished(process)
    assert code == 0, err
    live = json.loads((tmp_path / "live.json").read_text())
    assert live["status"] == "finished"
    assert live["market_span_s"] <= 2.5
    code, out, err = finished(started(tmp_path, "--replay", recording, "--quiet", "--json", "-"))
    assert code == 0, err
    replayed = json.loads(out)
    for key in ("messages", "events", "rejected", "sequence_gaps", "orders", "fills"):
        assert replayed[key] == live[key], key
    again = {entry["symbol"]: entry for entry in replayed["instruments"]}  # lanes of a replay: as they come first
    assert len(again) == len(live["instruments"])
    for before in live["instruments"]:
        after = again[before["symbol"]]
        for key in ("symbol", "best_bid", "best_ask", "depth_messages", "quotes", "trades", "position"):
            assert after[key] == before[key], key


def test_futures_run_on_their_own_routes(tmp_path):
    with VenueServer("BTCUSDT", futures=True) as server:
        process = started(
            tmp_path,
            "--venue",
            "binance",
            "--market",
            "usdm",
            "--duration",
            "4",
            "--quiet",
            "--json",
            "-",
            **at(server),
        )
        code, out, err = finished(process)
    assert code == 0, err
    summary = json.loads(out)
    assert summary["source"] == "binance usdm"
    assert summary["instruments"][0]["market"] == "usdm"
    assert summary["best_bid"] is not None


@pytest.mark.parametrize("venue", sorted(SERVERS))
def test_the_other_venues_run_on_their_own_streams(tmp_path, venue):
    with SERVERS[venue]() as server:
        urls = {
            f"BOT4_VENUES__{venue.upper()}__{key}_URL": url
            for key, url in (("REST", server.url), ("WS", server.ws_url))
        }
        arguments = ["--venue", venue, "--symbol", server.symbol, "--duration", "4", "--quiet", "--json", "-"]
        code, out, err = finished(started(tmp_path, *arguments, **urls))
    assert code == 0, err
    summary = json.loads(out)
    assert (summary["source"], summary["notes"], summary["sequence_gaps"]) == (f"{venue} spot", [], 0)
    assert summary["instruments"][0]["symbol"] == server.symbol
    assert summary["instruments"][0]["book_source"] == "depth"
    assert summary["best_bid"] is not None


def test_a_loss_on_the_way_is_survived_and_noted(tmp_path, server):
    fast = ["--set", "streams.reconnect_first_ms=10", "--set", "streams.reconnect_max_s=0.5"]
    process = started(tmp_path, "--venue", "binance", "--json", "-", "--quiet", *fast, **at(server))
    until(lambda: server.requests.count("depth") >= 1, "a snapshot", process)
    time.sleep(0.3)
    server.cut()
    until(lambda: server.requests.count("depth") >= 2, "another snapshot", process)
    time.sleep(3.0)
    process.send_signal(signal.SIGTERM)
    code, out, err = finished(process)
    assert code == 0, err
    summary = json.loads(out)
    assert any("connection was lost" in note for note in summary["notes"])
    assert summary["best_bid"] is not None


# -- what cannot be done -----------------------------------------------------------------------------------------------


def refused(tmp_path: Path, *arguments, **extra: str) -> tuple[int, str]:
    code, out, err = finished(started(tmp_path, *arguments, **extra))
    assert out == ""
    assert err.count("\n") == 1, err
    assert "Traceback" not in err
    return code, err


def test_a_venue_that_cannot_be_reached_is_one_line_and_69(tmp_path):
    with VenueServer() as server:
        gone = at(server)
    code, err = refused(tmp_path, "--venue", "binance", **gone)
    assert code == 69
    assert err.startswith("bot4: http://localhost:")
    assert "cannot be reached: Connection refused" in err
    assert not (tmp_path / "data").exists()


def test_a_name_that_does_not_resolve_is_69_too(tmp_path):
    url = "https://no-such-exchange.invalid"
    code, err = refused(tmp_path, "--venue", "binance", BOT4_VENUES__BINANCE__REST_URL=url)
    assert code == 69
    assert f"{url}/api/v3/exchangeInfo cannot be reached" in err


def test_an_outage_that_lasts_ends_the_run_in_order_with_its_summary(tmp_path, server):
    quick = ["--set", "streams.reconnect_attempts_max=3", "--set", "streams.reconnect_first_ms=10"]
    process = started(tmp_path, "--venue", "binance", "--json", "-", "--quiet", *quick, **at(server))
    until(lambda: server.requests.count("depth") >= 1, "a snapshot", process)
    server.is_out = True
    server.cut()
    code, out, err = finished(process)
    assert code == 69
    assert "gave up after 3 attempts in a row" in err
    summary = json.loads(out)
    assert summary["status"] == "failed"
    assert summary["open_orders_left"] == 0


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["--venue", "binance", "--symbol", "NOPEUSDT"], 78, "NOPEUSDT"),
        (["--venue", "binance", "--market", "coinm"], 78, "spot or usdm"),
        (["--venue", "kraken", "--market", "usdm"], 78, "of the spot market"),
        (["--venue", "kraken", "--record", "x"], 78, "--record keeps Binance's streams"),
        (["--venue", "binance", "--replay", "x.gz"], 78, "exclude each other"),
        (["--venue", "binance", "--speed", "2"], 78, "its own pace"),
        (["--venue", "binance", "--instrument", "x.toml"], 78, "the venue gives its own rules"),
        (["--venue", "binance", "--set", "shard.ring_capacity=1024"], 78, "at least 32768"),
        (["--venue", "binance", "--set", "venues.binance.rest_url=ftp://x"], 78, "must be https://HOST"),
        (["--venue", "binance", "--set", "venues.binance.ca_file=/nowhere.pem"], 78, "/nowhere.pem"),
        (["--symbol", "BTCUSDT"], 78, "--symbol needs --venue"),
        (["--record", "x"], 78, "--record needs --venue"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(tmp_path, server, arguments, code, says):
    found, err = refused(tmp_path, *arguments, **at(server) if "rest_url" not in str(arguments) else {})
    assert found == code
    assert says in err


def test_a_recording_that_is_there_is_not_written_over(tmp_path, server):
    kept = tmp_path / "kept"
    kept.write_text("mine")
    code, err = refused(tmp_path, "--venue", "binance", "--record", kept, **at(server))
    assert code == 73
    assert "is not written over" in err
    assert kept.read_text() == "mine"


def test_a_clock_that_is_wrong_is_noted(tmp_path, server):
    server.clock_offset_ms = 3_000
    process = started(tmp_path, "--venue", "binance", "--duration", "0.5", "--quiet", "--json", "-", **at(server))
    code, out, err = finished(process)
    assert code == 0, err
    assert any("the clocks differ by" in note for note in json.loads(out)["notes"])


def test_bars_of_before_are_told_to_a_strategy_on_its_own_thread(tmp_path, server):
    newest_ms = time.time_ns() // 60_000_000_000 * 60_000
    row = lambda i: [newest_ms - i * 60_000, *["60000.00"] * 4, "1.0", newest_ms - i * 60_000 + 59_999, "0", 1, "0.5"]  # noqa: E731
    server.bars = (200, json.dumps([row(i) for i in range(20, -1, -1)]).encode())
    (tmp_path / "mine.py").write_text(
        "import bot4\nclass Mine(bot4.Strategy):\n    def on_bar(self, market, bar):\n"
        f"        open({str(tmp_path / 'told')!r}, 'a').write(f'{{bar.is_history}}\\n')\n        market.buy(1000)\n"
    )
    warm = ["--set", "strategy.warm_up_bars=10", "--set", "strategy.bar_interval_ms=60000"]
    own = ["--strategy", f"{tmp_path / 'mine.py'}:Mine"]
    ends = ["--quiet", "--json", "-", "--duration", "1.5"]
    code, out, err = finished(started(tmp_path, "--venue", "binance", *warm, *own, *ends, **at(server)))
    assert code == 0, err
    told = (tmp_path / "told").read_text().split()
    assert told[:9] == ["True"] * 9
    assert len(told) in {10, 11}  # the newest may have ended this very moment
    summary = json.loads(out)
    assert summary["orders"] <= told.count("False")
    assert summary["notes"] == ["bars of before the start were read: 10 of BTCUSDT"]


def test_a_venue_without_a_history_is_refused_where_one_is_wanted(tmp_path):
    arguments = ["--venue", "kraken", "--set", "strategy.warm_up_bars=10", "--quiet"]
    code, _, err = finished(started(tmp_path, *arguments))
    assert code == 78
    assert "strategy.warm_up_bars" in err
