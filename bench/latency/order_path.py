"""The live gateway's part of an order: from the intent that woke it to the socket, and to the venue's answer.

    python bench/latency/order_path.py [--orders N] [--rate N] [--key hmac|ed25519] [--json]

The gateway is the one of `bot4 run --live`, on a thread and loop of its own; the venue is `bot4 exchange --limits off`
in another process. Intents come at a fixed rate whatever the gateway does (open loop), each counted from the moment it
was due: its eventfd was written then, as a shard's ring does. "socket" is when the websocket's write returned, "answer"
when the engine was told the venue's ACK. Each order rests far from the market and is canceled after a while; the
processor time of the gateway's thread, for an order with its cancellation and all that is told of both, is what can be
compared on a machine that others use. What comes before the intent is in bench/latency/decision.py: tens of
nanoseconds.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import subprocess
import sys
import tempfile
import threading
import time
from decimal import Decimal
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
for folder in (ROOT, ROOT / "tests"):
    sys.path.insert(0, str(folder))

import aiohttp  # noqa: E402
from builders.hand_shard import HandShard  # noqa: E402
from cryptography.hazmat.primitives import serialization  # noqa: E402
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: E402

from bot4._core.types import EventKind  # noqa: E402
from bot4.adapters.venues.binance.access import Endpoints  # noqa: E402
from bot4.adapters.venues.binance.sign import Ed25519Signer, HmacSigner, Signer  # noqa: E402
from bot4.adapters.venues.binance.spot import BinanceSpot  # noqa: E402
from bot4.application.live.account import LivePace  # noqa: E402
from bot4.application.live.gateway import LiveGateway  # noqa: E402
from bot4.domain.instrument import ContractKind, Instrument  # noqa: E402
from bot4.domain.order_id import client_order_id  # noqa: E402
from bot4.domain.secret import Secret  # noqa: E402

BTC = Instrument(
    symbol="BTCUSDT", venue="binance", kind=ContractKind.SPOT, base="BTC", quote="USDT", settle="USDT",
    tick_size=Decimal("0.01"), lot_size=Decimal("0.00001"),
)  # fmt: skip
KEY, SECRET = "benchkey", "benchsecret"
EPOCH, RESTING = 1, 32  # orders that rest before the oldest is canceled
NAME = re.compile(r'"newClientOrderId":"([^"]+)"')
WARM_UP = 200


class Stamps(HandShard):
    """A shard that notes when each of its intents was due, was written to the socket, and was acknowledged."""

    def __init__(self) -> None:
        super().__init__()
        self.due: dict[int, int] = {}
        self.written: dict[int, int] = {}
        self.answered: dict[int, int] = {}
        self.names: dict[str, int] = {}

    def decide(self, due_ns: int) -> int:
        """Ask for one order that will rest."""
        self.names[client_order_id(EPOCH, self._next_id)] = self._next_id
        self.due[self._next_id] = due_ns
        return self.place(qty_lots=200, price_ticks=3_000_000)

    def push_reports(self, reports, timeout_s=1.0):
        now_ns = time.monotonic_ns()
        for row in reports:
            if int(row["kind"]) == EventKind.EVENT_ORDER_ACK:
                self.answered[int(row["a"])] = now_ns
        return super().push_reports(reports, timeout_s)

    def watch_socket(self) -> None:
        """Note when a write of the websocket returned."""
        send = aiohttp.ClientWebSocketResponse.send_str

        async def sent(socket, text, *arguments, **options) -> None:
            await send(socket, text, *arguments, **options)
            if (found := NAME.search(text)) is not None:
                self.written[self.names[found[1]]] = time.monotonic_ns()

        aiohttp.ClientWebSocketResponse.send_str = sent


def key_of(kind: str, folder: Path) -> tuple[Signer, dict]:
    """Return a signer, and its key as `--accounts` takes it."""
    if kind == "hmac":
        return HmacSigner(Secret(SECRET)), {"name": KEY, "secret": SECRET}
    private = Ed25519PrivateKey.generate()
    text = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    (folder / "bench.pem").write_bytes(text)
    return Ed25519Signer(private), {"name": KEY, "public_key_file": "bench.pem"}


def drive(shard: Stamps, orders: int, rate: float) -> None:
    """Ask for orders at a fixed rate."""
    began_ns = time.monotonic_ns()
    for number in range(orders):
        due_ns = began_ns + round(number * 1e9 / rate)
        while (left_ns := due_ns - time.monotonic_ns()) > 0:
            time.sleep(left_ns / 1e9)
        order = shard.decide(due_ns)
        if order > RESTING:
            shard.cancel(order - RESTING)
    time.sleep(1.0)


def measure(at: dict[str, str], signer: Signer, orders: int, rate: float) -> dict[str, float]:
    """Trade; return percentiles in microseconds."""
    shard, halts = Stamps(), []
    shard.watch_socket()
    spot = BinanceSpot(
        Endpoints(rest=at["rest"], ws_api=at["ws_api"]), Secret(KEY), signer, symbols=["BTCUSDT"],
        mono_ns=time.monotonic_ns, wall_ns=time.time_ns, rng=random.Random(1),
    )  # fmt: skip
    gateway = LiveGateway(
        spot, shard, shard, [BTC], {"BTC": (0, 8), "USDT": (1, 8)}, epoch=EPOCH, now_ns=time.time_ns,
        progress=lambda: 0, on_halt=halts.append, pace=LivePace(drain_s=5.0),
    )  # fmt: skip
    thread = threading.Thread(target=gateway.run)
    thread.start()
    until_s = time.monotonic() + 20
    while not shard.gate_is_open and not halts and time.monotonic() < until_s:
        time.sleep(0.05)
    drive(shard, WARM_UP, rate)
    cpu = time.pthread_getcpuclockid(thread.ident)
    used_s = time.clock_gettime(cpu)
    drive(shard, orders, rate)
    used_s = time.clock_gettime(cpu) - used_s
    gateway.stop()
    thread.join()
    if halts:
        raise SystemExit(f"trading ended: {halts[0]}")
    sent = len(shard.written) - WARM_UP
    figures: dict[str, float] = {"orders": sent, "not_sent": orders - sent, "gateway_cpu_us": used_s / orders * 1e6}
    for word, ends in (("socket", shard.written), ("answer", shard.answered)):
        took = sorted((ends[n] - shard.due[n]) / 1e3 for n in shard.due if n > WARM_UP and n in ends)
        figures |= {f"{word}_p{p:g}_us": took[min(len(took) - 1, int(len(took) * p / 100))] for p in (50, 99, 99.9)}
    return figures


def main() -> None:
    """Start an exchange, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--orders", type=int, default=2_000)
    parser.add_argument("--rate", type=float, default=400.0, help="orders a second")
    parser.add_argument("--key", choices=("hmac", "ed25519"), default="ed25519")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        signer, key = key_of(options.key, Path(folder))
        accounts = {"account": {"bench": {"balances": {"USDT": "1000000", "BTC": "100"}, "keys": [key]}}}
        (Path(folder) / "accounts.json").write_text(json.dumps(accounts), encoding="utf-8")
        command = [
            *(sys.executable, "-c", "from bot4.entrypoints.cli.main import main; main()", "exchange"),
            *("--limits", "off", "--background", "plain", "--accounts", str(Path(folder) / "accounts.json")),
        ]
        with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT, text=True) as server:
            try:
                figures = measure(json.loads(server.stdout.readline()), signer, options.orders, options.rate)
            finally:
                server.terminate()
                server.wait(10)
    if options.json:
        print(json.dumps({"key": options.key, "rate": options.rate} | figures))
        return
    print(
        f"{options.key}, {options.rate:g} orders/s: {figures['orders']:.0f} orders, {figures['not_sent']:.0f} not sent,"
        f" gateway {figures['gateway_cpu_us']:.0f} us of processor time an order with its cancellation"
    )
    for word in ("socket", "answer"):
        values = ", ".join(f"p{p:g} {figures[f'{word}_p{p:g}_us']:.0f} us" for p in (50, 99, 99.9))
        print(f"  intent to {word}: {values}")


if __name__ == "__main__":
    main()
