"""`bot4 run --venue binance` on `bot4 exchange`: two processes, and nothing but the wire between."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from decimal import ROUND_CEILING, Decimal
from pathlib import Path

import numpy as np
import pytest
from builders.measuring import unmeasured

from bot4._core.engine.control import ControlCode
from bot4._core.event_dtype import EVENT_DTYPE
from bot4._core.journal.reader import JournalReader
from bot4._core.journal.record import JournalKind

for needed in ("aiohttp", "cryptography", "uvloop"):
    pytest.importorskip(needed)

ROOT = Path(__file__).resolve().parents[2]
MAIN = "from bot4.entrypoints.cli.main import main; main()"
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("BOT4_")}


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-c", MAIN, *map(str, arguments)]


HOLDS = """
import bot4


class Holds(bot4.Strategy):
    def on_book(self, market):
        if not market.position_lots and not market.pending:
            market.buy(20, market.ask_ticks + 1_000, tif="ioc", expected_bps=500)
"""


@pytest.fixture(params=[(), ("--tls",), ("--tls", "--futures")], ids=["plain", "tls", "futures"])
def exchange(request):
    process = subprocess.Popen(
        command("exchange", "--port", 0, "--seed", 7, "--account", "me:key:secret:USDT=1000", *request.param),
        cwd=ROOT, env=unmeasured(ENVIRONMENT), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    line = process.stdout.readline()
    assert line, process.communicate()
    yield json.loads(line)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=20)


def test_the_bot_reads_the_served_exchange_and_its_recording_replays(tmp_path, exchange):
    recording = tmp_path / "served.gz"
    settings = {"BOT4_VENUES__BINANCE__REST_URL": exchange["rest"], "BOT4_VENUES__BINANCE__WS_URL": exchange["ws"]}
    market, names = "spot", ("BTCUSDT", "ETHUSDT", "ETHBTC")
    if exchange["futures_ws"]:
        market, names = "usdm", ("BTCUSDT", "ETHUSDT")
        settings["BOT4_VENUES__BINANCE__USDM_REST_URL"] = exchange["futures_rest"]
        settings["BOT4_VENUES__BINANCE__USDM_WS_URL"] = exchange["futures_ws"]
    if exchange["ca_file"]:
        settings["BOT4_VENUES__BINANCE__CA_FILE"] = exchange["ca_file"]
    symbols = [word for symbol in names for word in ("--symbol", symbol)]
    done = subprocess.run(
        command(
            "run", "--venue", "binance", "--market", market, *symbols,
            "--record", recording, "--duration", 3, "--quiet", "--json", "-",
            "--data-dir", tmp_path / "data",
        ),
        cwd=ROOT, env=ENVIRONMENT | settings, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    live = json.loads(done.stdout)
    assert (live["status"], live["rejected"], live["notes"]) == ("finished", {}, [])
    assert [entry["sequence_gaps"] for entry in live["instruments"]] == [0] * len(names)
    assert all(entry["best_bid"] and entry["depth_messages"] > 5 for entry in live["instruments"])
    done = subprocess.run(
        command("run", "--replay", recording, "--quiet", "--json", "-", "--data-dir", tmp_path / "again"),
        cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    replayed = json.loads(done.stdout)
    again = {entry["symbol"]: entry for entry in replayed["instruments"]}  # lanes of a replay: as they come first
    assert len(again) == len(live["instruments"])
    for before in live["instruments"]:
        after = again[before["symbol"]]
        for key in ("symbol", "best_bid", "best_ask", "depth_messages", "quotes", "trades"):
            assert after[key] == before[key], key


@pytest.mark.parametrize("exchange", [("--futures", "--funding-interval", "4")], ids=["futures"], indirect=True)
def test_a_perpetual_on_paper_pays_the_funding_that_the_exchange_settles(tmp_path, exchange):
    settings = {
        "BOT4_VENUES__BINANCE__USDM_REST_URL": exchange["futures_rest"],
        "BOT4_VENUES__BINANCE__USDM_WS_URL": exchange["futures_ws"],
    }
    (tmp_path / "holds.py").write_text(HOLDS)
    done = subprocess.run(
        command(
            "run", "--venue", "binance", "--market", "usdm", "--symbol", "BTCUSDT", "--duration", 11, "--quiet",
            "--strategy", f"{tmp_path / 'holds.py'}:Holds", "--json", "-", "--data-dir", tmp_path / "data",
        ),
        cwd=ROOT, env=ENVIRONMENT | settings, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    run = json.loads(done.stdout)
    with JournalReader(run["journal"]) as reader:
        rows = list(reader)
    controls = [np.frombuffer(row.payload, EVENT_DTYPE)[0] for row in rows if row.kind == JournalKind.JOURNAL_CONTROL]
    settled = [row for row in controls if row["a"] == int(ControlCode.CONTROL_SETTLE)]
    times = [int(row["c"]) for row in settled]
    assert len(times) >= 2
    assert times == list(range(times[0], times[-1] + 1, 4_000_000_000)), "each once, in order"
    assert times[0] % 4_000_000_000 == 0
    paid = sum(int(row["e"]) for row in settled)
    atom = Decimal(run["funding_by_asset"]["USDT"]) / paid
    assert atom == Decimal(10) ** atom.adjusted()
    held = Decimal(run["instruments"][0]["position"])
    assert held > 0
    for row in settled[1:]:  # the first may have been before the position
        value = held * int(row["d"]) / 100  # the mark in hundredths, as the venue writes it
        due = value * int(row["b"]) / 10**8 / atom
        assert int(row["e"]) == due.to_integral_value(ROUND_CEILING) > 0
