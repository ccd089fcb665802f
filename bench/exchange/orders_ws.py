"""Orders a second over the WebSocket API on loopback: a server of its own process, one client, signed requests.

    python bench/exchange/orders_ws.py [--orders N] [--in-flight N] [--futures] [--json]

Each order is a LIMIT order far from the market, placed and then cancelled by a second request, so that the book does
not grow; orders a second counts placed orders, requests a second both. The latency is that of `order.place`, from the
moment the request is written to that at which its answer was read, with `--in-flight` requests on the way at a time.
Client and server share the machine's cores. The
processor time of each for one request is printed beside: on a machine that others use it is what can be compared.
"""

from __future__ import annotations

import argparse
import hmac
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import aiohttp
import orjson
import uvloop

ROOT = Path(__file__).resolve().parents[2]
KEY, SECRET = "benchkey", "benchsecret"
_PLACE = (
    "apiKey={key}&newClientOrderId={id}&newOrderRespType=ACK&price={price}&quantity=0.002&side=BUY"
    "&symbol=BTCUSDT&timeInForce=GTC&timestamp={at}&type=LIMIT"
)
_SPOT_PRICE, _FUTURES_PRICE = "30000.00", "58000.0"
_CANCEL = "apiKey={key}&origClientOrderId={id}&symbol=BTCUSDT&timestamp={at}"


def signed(payload: str) -> dict[str, str]:
    """Return the parameters of a payload with its signature."""
    params = dict(part.split("=", 1) for part in payload.split("&"))
    params["signature"] = hmac.digest(SECRET.encode(), payload.encode(), "sha256").hex()
    return params


def frame(number: int, method: str, payload: str) -> str:
    """Return a request's frame."""
    return orjson.dumps({"id": number, "method": method, "params": signed(payload)}).decode()


def cpu_seconds(process: int) -> float:
    """Return the processor time a process has used."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def measure(address: str, server: int, orders: int, in_flight: int, price: str) -> dict[str, float]:
    """Place and cancel orders; return the figures."""
    latencies: list[float] = []
    sent_at: dict[int, float] = {}
    async with aiohttp.ClientSession() as session, session.ws_connect(address, compress=0) as socket:
        began, client_cpu, server_cpu = time.perf_counter(), time.process_time(), cpu_seconds(server)
        sent = answered = 0
        while answered < 2 * orders:
            while sent < 2 * orders and sent - answered < in_flight:
                at = time.time_ns() // 1_000_000
                number, is_cancel = divmod(sent, 2)
                template, method = (_CANCEL, "order.cancel") if is_cancel else (_PLACE, "order.place")
                text = frame(sent, method, template.format(key=KEY, id=f"bench-{number}", at=at, price=price))
                if not is_cancel:
                    sent_at[sent] = time.perf_counter()
                await socket.send_str(text)
                sent += 1
            answer = orjson.loads((await socket.receive()).data)
            if answer["status"] != 200:
                raise SystemExit(f"refused: {answer}")
            started = sent_at.pop(answer["id"], None)
            if started is not None:
                latencies.append(time.perf_counter() - started)
            answered += 1
        elapsed = time.perf_counter() - began
        client_cpu, server_cpu = time.process_time() - client_cpu, cpu_seconds(server) - server_cpu
    latencies.sort()
    return {
        "orders_per_s": orders / elapsed,
        "requests_per_s": 2 * orders / elapsed,
        "place_p50_us": latencies[len(latencies) // 2] * 1e6,
        "place_p99_us": latencies[len(latencies) * 99 // 100] * 1e6,
        "server_cpu_us": server_cpu / (2 * orders) * 1e6,
        "client_cpu_us": client_cpu / (2 * orders) * 1e6,
    }


def main() -> None:
    """Start an exchange, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--orders", type=int, default=20_000)
    parser.add_argument("--in-flight", type=int, default=32)
    parser.add_argument("--futures", action="store_true", help="on the perpetual instead of spot")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    options = parser.parse_args()
    command = [
        *(sys.executable, "-c", "from bot4.entrypoints.cli.main import main; main()", "exchange", "--limits", "off"),
        *("--account", f"bench:{KEY}:{SECRET}:USDT=1000000,BTC=100"),
    ]
    kind, price = ("futures_ws_api", _FUTURES_PRICE) if options.futures else ("ws_api", _SPOT_PRICE)
    if options.futures:
        command.append("--futures")
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as server:
        try:
            address = json.loads(server.stdout.readline())[kind]
            uvloop.run(measure(address, server.pid, 2_000, options.in_flight, price))
            for in_flight in (1, options.in_flight):
                figures = uvloop.run(measure(address, server.pid, options.orders, in_flight, price))
                if options.json:
                    print(json.dumps({"in_flight": in_flight} | figures))
                    continue
                print(
                    f"in flight {in_flight:3d}: {figures['orders_per_s']:8.0f} orders/s"
                    f" ({figures['requests_per_s']:.0f} requests/s),"
                    f" order.place p50 {figures['place_p50_us']:.0f} us, p99 {figures['place_p99_us']:.0f} us;"
                    f" processor time a request: server {figures['server_cpu_us']:.0f} us,"
                    f" client {figures['client_cpu_us']:.0f} us"
                )
        finally:
            server.terminate()
            server.wait(10)


if __name__ == "__main__":
    main()
