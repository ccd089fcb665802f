"""``bot4 exchange`` as a person or a test starts it."""

from __future__ import annotations

import json
import os
import ssl
import stat
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from builders.exchange_process import ROOT, exchange_process

COMMAND = [sys.executable, "-c", "from bot4.entrypoints.cli.main import main; main()", "exchange"]

PATIENCE_S = 60


def get(url: str, **headers: str):
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=10) as answer:  # noqa: S310
        return json.load(answer)


def test_it_says_where_it_is_reached_trades_by_itself_and_ends_by_a_signal():
    token = {"BOT4_EXCHANGE_TOKEN": "mine"}
    with exchange_process("--seed", "3", "--speed", "20", "--futures", environment=token, measured=True) as (_, at):
        assert set(at) == {
            *("rest", "ws", "ws_api", "futures_rest", "futures_ws", "futures_ws_api"),
            *("admin", "admin_token", "ca_file"),
        }
        futures = get(at["futures_rest"] + "/fapi/v1/exchangeInfo")
        assert [entry["symbol"] for entry in futures["symbols"]] == ["BTCUSDT", "ETHUSDT"]
        assert len(get(at["futures_rest"] + "/fapi/v1/klines?symbol=BTCUSDT&interval=1m")) >= 6
        assert (at["admin_token"], at["ca_file"]) == ("mine", None)
        info = get(at["rest"] + "/api/v3/exchangeInfo")
        assert [entry["symbol"] for entry in info["symbols"]] == ["BTCUSDT", "ETHUSDT", "ETHBTC"]
        assert len(get(at["rest"] + "/api/v3/klines?symbol=BTCUSDT&interval=1m")) >= 6
        first = get(at["rest"] + "/api/v3/trades?symbol=ETHBTC&limit=1")[0]["id"]
        until = time.monotonic() + PATIENCE_S
        while get(at["rest"] + "/api/v3/trades?symbol=ETHBTC&limit=1")[0]["id"] <= first:
            assert time.monotonic() < until, f"nothing was traded within {PATIENCE_S} s"
            time.sleep(0.05)
        ledger = get(at["admin"] + "/ledger", Authorization="Bearer mine")
        assert ledger["accounts"]["alice"]["balances"]["USDT"]["free"] == "1000000.00000000"
        assert ledger["futures"]["accounts"]["alice"]["wallet"] == "1000000.00000000"


@pytest.mark.untraced
def test_the_same_seed_gives_the_same_history():
    def trades(seed: str):
        with exchange_process("--seed", seed, "--speed", "0") as (_, at):
            rows = get(at["rest"] + "/api/v3/trades?symbol=BTCUSDT&limit=1000")
            return [(row["id"], row["price"], row["qty"], row["isBuyerMaker"]) for row in rows]

    once, again, other = trades("5"), trades("5"), trades("6")
    assert len(once) == 1_000
    assert once == again
    assert once != other


def test_tls_is_trusted_by_its_own_authority_only():
    with exchange_process("--tls", measured=True) as (_, at):
        assert at["rest"].startswith("https://")
        assert at["ws"].startswith("wss://")
        assert at["futures_rest"] is at["futures_ws"] is at["futures_ws_api"] is None
        trusting = ssl.create_default_context(cafile=at["ca_file"])
        with urllib.request.urlopen(at["rest"] + "/api/v3/time", context=trusting, timeout=10) as answer:  # noqa: S310
            assert json.load(answer)["serverTime"] > 0
        with pytest.raises(urllib.error.URLError, match="CERTIFICATE_VERIFY_FAILED"):
            urllib.request.urlopen(at["rest"] + "/api/v3/time", timeout=10)  # noqa: S310
        folder = Path(at["ca_file"]).parent
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert [path.name for path in folder.iterdir()] == ["ca.pem"]
    assert not folder.exists()


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["--account", "alice:KEY:SECRET"], 78, "NAME:APIKEY:SECRET"),
        (["--account", "alice"], 78, "'alice' in 1 of four parts"),
        (["--speed", "nan"], 2, "nan is no number"),
        (["--account", "a:K:S:USDT=x"], 78, "balance of 'USDT'"),
        (["--account", "a:K:S:USDT=1", "--account", "b:K:S:USDT=1"], 78, "'K' is another's"),
        (["--account", "a:K:S:USDT=1", "--account", "a:L:S:USDT=1"], 78, "two accounts 'a'"),
        (["--limits", "none.toml"], 66, "cannot be read"),
        (["--accounts", "none.toml"], 66, "cannot be read"),
        (["--faults", "none.json"], 66, "cannot be read"),
        (["--host", "203.0.113.1", "--background", "none"], 73, "cannot listen"),
        (["--port", "70000"], 2, "70000"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(options, code, words):
    done = subprocess.run(
        [*COMMAND, *options], capture_output=True, text=True, cwd=ROOT, timeout=60, check=False, env=os.environ
    )
    assert (done.returncode, done.stdout) == (code, "")
    assert words in done.stderr
    assert "SECRET" not in done.stderr.replace("APIKEY:SECRET", "")
    assert code == 2 or done.stderr.count("\n") == 1


def test_help_and_import_stay_light():
    code = (
        "import sys, bot4, bot4.bootstrap, bot4.entrypoints.cli.exchange\n"
        "heavy = {'aiohttp', 'cryptography', 'uvloop'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
