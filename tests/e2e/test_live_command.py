"""`bot4 run --live` against `bot4 exchange` in another process: it ends at the exchange's own ledger.

The judge (builders.live_process) compares the tables the run left with what the exchange's administration tells.
"""

from __future__ import annotations

import asyncio
import json
import random
import shutil
import subprocess
import sys
import threading
import time
from decimal import Decimal

import pytest
from builders.live_process import KEY, MAIN, SECRET, Exchange, environment, judge, run

from bot4.adapters.venues.binance.access import Endpoints
from bot4.adapters.venues.binance.sign import HmacSigner
from bot4.adapters.venues.binance.spot import BinanceSpot
from bot4.domain.order import OrderSide
from bot4.domain.order_id import client_order_id
from bot4.domain.secret import Secret
from bot4.ports.venue_order import OrderRequest
from bot4.ports.venue_outcome import Ack


@pytest.fixture
def exchange():
    served = Exchange()
    yield served
    served.close()


def once_it_trades(exchange: Exchange, faults: dict) -> None:
    """Begin with the faults when the preflight is over and orders are under way."""
    until = time.monotonic() + 60
    while time.monotonic() < until and not exchange.ledger()["trades"]:
        time.sleep(0.1)
    exchange.admin("faults", faults)


@pytest.mark.parametrize(
    "faults",
    [
        {},
        {"order_timeouts": 0.4, "order_timeout_s": 0.5},
        {"lost_answers": 0.3, "disconnect_every_s": 4.0},
        {"refuse": 2, "ban_s": 2},
    ],
    ids=["quiet", "timeouts", "cuts", "limits"],
)
def test_a_live_run_ends_at_the_exchanges_own_ledger(tmp_path, exchange, faults):
    later = threading.Thread(target=once_it_trades, args=(exchange, faults))
    later.start()
    done = run(tmp_path, exchange, "--duration", "9")
    later.join()
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert summary["status"] == "finished"
    orders, fills = judge(tmp_path, exchange, summary)
    assert orders > 0
    assert fills > 0
    assert any(note.startswith("real orders on binance") for note in summary["notes"])
    left = [path for path in (tmp_path / "data").rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]
    assert left == [], "the secret is in a file"
    assert SECRET not in done.stdout + done.stderr


def test_two_runs_name_their_orders_differently(tmp_path, exchange):
    for _ in range(2):
        done = run(tmp_path, exchange, "--duration", "4")
        assert done.returncode == 0, done.stderr
        epoch = int((tmp_path / "data" / "epoch").read_text())
        (tmp_path / f"epoch-{epoch}").touch()
    assert len(list(tmp_path.glob("epoch-*"))) == 2


def test_a_key_file_with_an_ed25519_key_logs_on_once_and_trades(tmp_path):
    from cryptography.hazmat.primitives import serialization as form  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415

    private = Ed25519PrivateKey.generate()
    public = private.public_key().public_bytes(form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "public.pem").write_bytes(public)
    accounts = tmp_path / "accounts.toml"
    accounts.write_text(
        f'[account.live]\nbalances = {{ USDT = "100000", BTC = "10" }}\n'
        f'keys = [{{ name = "{KEY}", public_key_file = "public.pem" }}]\n'
    )
    for name, text in (
        ("private.pem", private.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption())),
        ("key.toml", f'api_key = "{KEY}"\nprivate_key_file = "private.pem"\n'.encode()),
    ):
        (tmp_path / name).write_bytes(text)
        (tmp_path / name).chmod(0o600)
    served = Exchange("--accounts", str(accounts))
    try:
        key = ["--set", f"live.key_file={tmp_path / 'key.toml'}"]
        done = run(tmp_path, served, "--duration", "8", *key, BOT4_API_KEY="", BOT4_API_SECRET="")
        assert done.returncode == 0, done.stderr
        judge(tmp_path, served, json.loads(done.stdout))
    finally:
        served.close()


async def leave_an_order(exchange, name):
    """Place what a run that was killed leaves behind: an order of our name that rests far from the market."""
    account = BinanceSpot(
        Endpoints(rest=exchange.at["rest"], ws_api=exchange.at["ws_api"]), Secret(KEY), HmacSigner(Secret(SECRET)),
        symbols=["BTCUSDT"], mono_ns=time.monotonic_ns, wall_ns=time.time_ns, rng=random.Random(1),
    )  # fmt: skip
    await account.start()
    request = OrderRequest(
        client_order_id=name, symbol="BTCUSDT", side=OrderSide.BUY, qty=Decimal("0.01"), price=Decimal("50000.00")
    )
    try:
        return await account.place(request)
    finally:
        await account.close()


def test_an_order_that_an_earlier_run_left_is_canceled_and_ends_the_next_and_the_one_after_trades(tmp_path, exchange):
    name = client_order_id(5, 77)
    assert isinstance(asyncio.run(leave_an_order(exchange, name)), Ack)
    assert len(exchange.ledger()["openOrders"]) == 1
    after = run(tmp_path, exchange, "--duration", "20")
    assert after.returncode == 70, after.stderr
    assert name in after.stderr
    assert exchange.ledger()["openOrders"] == []
    assert json.loads(after.stdout)["orders"] == 0, "nothing was sent while something was unaccounted for"
    assert run(tmp_path, exchange, "--duration", "2").returncode == 0


# ---- refusals


def refused(tmp_path, exchange, *arguments, settings="", **extra) -> list[str]:
    done = run(tmp_path, exchange, "--duration", "1", *arguments, settings=settings, **extra)
    assert done.returncode == 78, done.stderr
    assert done.stdout == ""
    assert exchange.ledger()["orders"] == []
    assert SECRET not in done.stderr
    shutil.rmtree(tmp_path / "data", ignore_errors=True)
    return done.stderr.splitlines()


def test_each_missing_thing_is_one_line_and_no_order_is_sent(tmp_path, exchange):
    both = refused(tmp_path, exchange, "--set", "live.consent=", BOT4_LIVE_CONSENT="")
    assert len(both) == 2
    assert "live.consent" in both[0]
    assert "BOT4_LIVE_CONSENT" in both[1]
    assert "no API key" in refused(tmp_path, exchange, BOT4_API_SECRET="")[0]
    assert "Invalid API-key" in refused(tmp_path, exchange, BOT4_API_KEY="unknown")[0]
    key_file = tmp_path / "key.toml"
    key_file.write_text(f'api_key = "{KEY}"\nsecret = "{SECRET}"\n')
    key_file.chmod(0o644)
    lines = refused(tmp_path, exchange, "--set", f"live.key_file={key_file}", BOT4_API_KEY="", BOT4_API_SECRET="")
    assert "mode 0600" in lines[0]
    lines = refused(tmp_path, exchange, "--set", "strategy.order_notional=2000000",
                    "--set", "risk.order_notional_max=3000000", "--set", "strategy.position_notional=4000000",
                    "--set", "risk.position_notional_max=5000000", "--set", "risk.orders_per_s=1000")  # fmt: skip
    assert any("one order takes 2000000 USDT" in line for line in lines)
    assert any("risk.orders_per_s" in line for line in lines)


def test_a_key_that_may_withdraw_is_refused(tmp_path):
    accounts = tmp_path / "accounts.toml"
    accounts.write_text(
        f'[account.live]\nbalances = {{ USDT = "100000", BTC = "10" }}\n'
        f'keys = [{{ name = "{KEY}", secret = "{SECRET}", may_withdraw = true }}]\n'
    )
    served = Exchange("--accounts", str(accounts))
    try:
        assert any("it may withdraw" in line for line in refused(tmp_path, served))
    finally:
        served.close()


def test_live_needs_a_venue_and_prices_of_the_same_place(tmp_path, exchange):
    done = subprocess.run(
        [sys.executable, "-c", MAIN, "run", "--live"], env=environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 78
    assert "--live needs --venue" in done.stderr
    lines = refused(tmp_path, exchange, "--set", "live.endpoint=testnet", "--set", "live.rest_url=", "--set",
                    "live.ws_api_url=", "--set", "venues.binance.rest_url=https://api.binance.com", "--set",
                    "venues.binance.ws_url=wss://stream.binance.com:9443")  # fmt: skip
    assert "from the main venue" in lines[0]
