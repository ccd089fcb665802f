"""Stops of the reasoned policy at the futures' exchange: filled there and booked once, and there after a SIGKILL.

The judge is the served exchange's own ledger.
"""

from __future__ import annotations

import asyncio
import json
import random
import signal
import subprocess
import time
from decimal import Decimal

import pytest
from builders.live_process import administer
from builders.live_stops import STOPS, begun, ended, resting_beyond, standing, until
from builders.live_usdm import futures_exchange, judge_usdm, start_usdm, told

from bot4.adapters.venues.binance.access import Endpoints
from bot4.adapters.venues.binance.sign import HmacSigner
from bot4.adapters.venues.binance.usdm import BinanceUsdm
from bot4.domain.order import OrderSide, TimeInForce
from bot4.domain.secret import Secret
from bot4.ports.venue_order import OrderRequest
from bot4.ports.venue_outcome import Ack

EXTRA = ["--set", "live.venue_timeout_ms=500"]


@pytest.fixture
def exchange():
    with futures_exchange() as at:
        yield at


@pytest.fixture
def start(tmp_path, exchange):
    """Start runs; those that a failed test leaves are killed."""
    with begun() as runs:

        def begin(least: float, watchdog_after_ms: int = 0) -> subprocess.Popen:
            policy = STOPS.format(least=least, cooldown_ms=300)
            runs.append(start_usdm(tmp_path, exchange, *EXTRA, policy=policy, watchdog_after_ms=watchdog_after_ms))
            return runs[-1]

        yield begin


def ledger(at):
    return administer(at, "ledger")["futures"]["accounts"]["alice"]


def stops(at, status: str) -> list[dict]:
    return [algo for algo in ledger(at)["algoOrders"] if algo["algoStatus"] == status]


async def drive(at, side: OrderSide, price: Decimal) -> None:
    """Trade up or down to a price, as somebody else."""
    account = BinanceUsdm(
        Endpoints(rest=at["futures_rest"], ws_api="", user_stream=f"{at['futures_ws']}/private/ws"), Secret("bobkey"),
        HmacSigner(Secret("bobsecret")), symbols=["BTCUSDT"], mono_ns=time.monotonic_ns, wall_ns=time.time_ns,
        rng=random.Random(1),
    )  # fmt: skip
    await account.start()
    try:
        for number in range(400):
            request = OrderRequest(
                client_order_id=f"drive-{price}-{number}", symbol="BTCUSDT", side=side, qty=Decimal(20), price=price,
                tif=TimeInForce.IOC,
            )  # fmt: skip
            outcome = await account.place(request)
            assert isinstance(outcome, Ack), outcome
            shown = await account.query("BTCUSDT", request.client_order_id)
            if shown.filled_qty < request.qty:
                return
        raise AssertionError(f"the market is still on this side of {price}")
    finally:
        await account.close()


def drive_through(at, stop: dict) -> None:
    """Have a stop triggered: by a trade beyond it, so as far as somebody rests there."""
    is_sell, trigger = stop["side"] == "SELL", Decimal(stop["triggerPrice"])
    for beyond in (5, 25, 125, 625):
        url = f"{at['futures_rest']}/fapi/v1/depth?symbol=BTCUSDT&limit=1000"
        price = resting_beyond(url, trigger, beyond, is_sell=is_sell)
        asyncio.run(drive(at, OrderSide.SELL if is_sell else OrderSide.BUY, price))
        if stop["clientAlgoId"] not in {algo["clientAlgoId"] for algo in stops(at, "NEW")}:
            return
    raise AssertionError(f"nobody rests beyond {stop['triggerPrice']}")


def test_a_stop_that_fills_at_the_venue_is_booked_once_and_cleared(exchange, start, tmp_path):
    process = start(20.0)
    (waiting,) = until(process, lambda: stops(exchange, "NEW"), "a stop at the venue")
    assert (waiting["orderType"], waiting["reduceOnly"]) == ("STOP_MARKET", True)
    drive_through(exchange, waiting)
    filled = until(process, lambda: stops(exchange, "FINISHED"), "the stop to fill")
    assert waiting["clientAlgoId"] in {algo["clientAlgoId"] for algo in filled}
    summary = ended(process)
    judge_usdm(told(tmp_path), ledger(exchange), summary)
    assert stops(exchange, "NEW") == [], "the end of the run leaves none"


def test_a_stop_outlives_the_run_and_fills_meanwhile_the_next_one_books_it_once(exchange, start, tmp_path):
    process = start(40.0)
    left = standing(process, lambda: stops(exchange, "NEW"))
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=10)
    assert [algo["clientAlgoId"] for algo in stops(exchange, "NEW")] == [left["clientAlgoId"]], "it protects on"
    drive_through(exchange, left)
    deadline = time.monotonic() + 60
    while not (filled := [row for row in ledger(exchange)["orders"] if row["clientOrderId"] == left["clientAlgoId"]]):
        assert time.monotonic() < deadline, f"the stop was not triggered: {ledger(exchange)}"
        time.sleep(0.05)
    assert filled[0]["status"] == "FILLED"
    process = start(40.0)
    until(process, lambda: stops(exchange, "NEW"), "the stop of the next run")
    summary = ended(process)
    judge_usdm(told(tmp_path), ledger(exchange), summary)
    ids = {trade["id"] for trade in ledger(exchange)["trades"] if str(trade["orderId"]) == str(filled[0]["orderId"])}
    assert ids, "the judge saw its trades among those that were booked"
    assert json.dumps(summary["notes"]).count("went on after a run that had not ended") == 1


def test_the_watchdog_leaves_it_and_the_next_run_takes_it_over(exchange, start, tmp_path):
    process = start(300.0, watchdog_after_ms=1_000)
    log = tmp_path / "data" / "watchdog.log"
    until(process, lambda: log.exists() and '"watching"' in log.read_text(), "its watchdog")
    left = standing(process, lambda: stops(exchange, "NEW"))
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=10)
    deadline = time.monotonic() + 60
    while '"ended"' not in log.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert [algo["clientAlgoId"] for algo in stops(exchange, "NEW")] == [left["clientAlgoId"]]
    process = start(300.0)
    until(process, lambda: stops(exchange, "CANCELED"), "the stop of before to be cancelled")
    (own,) = until(process, lambda: stops(exchange, "NEW"), "the stop of the next run")
    assert own["clientAlgoId"].split("-")[1] != left["clientAlgoId"].split("-")[1], "another epoch"
    assert own["quantity"] == left["quantity"]
    summary = ended(process)
    judge_usdm(told(tmp_path), ledger(exchange), summary)
