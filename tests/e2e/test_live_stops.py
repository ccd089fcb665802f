"""Stops of the reasoned policy at the venue: filled there and cleared, and still there after a SIGKILL.

The judge is the served exchange's own ledger.
"""

from __future__ import annotations

import asyncio
import random
import signal
import subprocess
import time
from decimal import Decimal

import pytest
from builders import live_process
from builders.live_process import KEY, OPENING, SECRET, Exchange, judge
from builders.live_stops import STOPS, begun, ended, resting_beyond, standing, until

from bot4.adapters.venues.binance.access import Endpoints
from bot4.adapters.venues.binance.sign import HmacSigner
from bot4.adapters.venues.binance.spot import BinanceSpot
from bot4.domain.order import OrderSide, TimeInForce
from bot4.domain.secret import Secret
from bot4.ports.venue_order import OrderRequest
from bot4.ports.venue_outcome import Ack

EXTRA = ["--set", "live.venue_timeout_ms=500"]


WHALE = ("whale", "whalekey", "whalesecret")


@pytest.fixture
def exchange():
    amounts = ",".join(f"{asset}={amount}" for asset, amount in OPENING.items())
    served = Exchange("--account", f"live:{KEY}:{SECRET}:{amounts}", "--account", f"{':'.join(WHALE)}:BTC=100000")
    yield served
    served.close()


@pytest.fixture
def start(tmp_path, exchange):
    """Start runs; those that a failed test leaves are killed."""
    with begun() as runs:

        def begin(least: float) -> subprocess.Popen:
            # It enters once: who has been stopped out is not in again before the end.
            policy = STOPS.format(least=least, cooldown_ms=30_000)
            runs.append(live_process.start(tmp_path, exchange, *EXTRA, policy=policy))
            return runs[-1]

        yield begin


async def sell(exchange, price: Decimal) -> None:
    """Sell down to a price, as somebody else."""
    account = BinanceSpot(
        Endpoints(rest=exchange.at["rest"], ws_api=exchange.at["ws_api"]), Secret(WHALE[1]),
        HmacSigner(Secret(WHALE[2])), symbols=["BTCUSDT"], mono_ns=time.monotonic_ns, wall_ns=time.time_ns,
        rng=random.Random(1),
    )  # fmt: skip
    await account.start()
    try:
        for number in range(12):  # each as large as the venue lets an order be
            request = OrderRequest(
                client_order_id=f"sold-{number}", symbol="BTCUSDT", side=OrderSide.SELL, qty=Decimal(140), price=price,
                tif=TimeInForce.IOC,
            )  # fmt: skip
            outcome = await account.place(request)
            assert isinstance(outcome, Ack)
            if outcome.order.filled_qty < request.qty:
                return
    finally:
        await account.close()


def stops(ledger: dict, status: str) -> list[dict]:
    return [order for order in ledger["orders"] if order["type"] == "STOP_LOSS" and order["status"] == status]


def test_a_stop_that_fills_at_the_venue_is_cleared(exchange, start, tmp_path):
    process = start(20.0)
    (waiting,) = until(process, lambda: stops(exchange.ledger(), "NEW"), "a stop at the venue")
    book = f"{exchange.at['rest']}/api/v3/depth?symbol=BTCUSDT&limit=5000"
    asyncio.run(sell(exchange, resting_beyond(book, Decimal(waiting["stopPrice"]), 5, is_sell=True)))
    (filled,) = until(process, lambda: stops(exchange.ledger(), "FILLED"), "the stop to fill")
    assert (filled["clientOrderId"], filled["side"]) == (waiting["clientOrderId"], "SELL")
    summary = ended(process)
    judge(tmp_path, exchange, summary)
    # Nothing is held, but for what the fees in base make too little to sell.
    assert float(summary["instruments"][0]["position"]) < 0.0001


def test_a_stop_outlives_the_run_that_placed_it_and_the_next_one_has_its_own(exchange, start, tmp_path):
    process = start(300.0)
    left = standing(process, lambda: stops(exchange.ledger(), "NEW"))
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=10)
    ledger = exchange.ledger()
    assert len(ledger["openOrders"]) == 1
    assert [order["clientOrderId"] for order in stops(ledger, "NEW")] == [left["clientOrderId"]], "it protects on"
    process = start(300.0)
    until(process, lambda: stops(exchange.ledger(), "CANCELED"), "the stop of before to be cancelled")
    (own,) = until(process, lambda: stops(exchange.ledger(), "NEW"), "the stop of the next run")
    assert own["clientOrderId"].split("-")[1] != left["clientOrderId"].split("-")[1], "another epoch"
    assert own["origQty"] == left["origQty"]
    judge(tmp_path, exchange, ended(process))
