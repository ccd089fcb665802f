"""Every endpoint of an account refuses what is unsigned or signed by another key, on each way in.

The checking function takes the exchange; it must fail where signatures are not looked at, and where one endpoint forgot
to be of an account.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

import orjson
import pytest
from builders.served_exchange import hmac_hex, served

from bot4.adapters.simulator.api.endpoint import Security
from bot4.adapters.simulator.api.table import ENDPOINTS as SPOT
from bot4.adapters.simulator.futures.table import ENDPOINTS as FUTURES

_SIGNED = (Security.TRADE, Security.USER_DATA)


def signed_endpoints(*tables):
    return [endpoint for table in tables for endpoint in table if endpoint.security in _SIGNED]


def now_ms() -> int:
    return time.time_ns() // 1_000_000


async def codes_of_rest(exchange, endpoint) -> list[int]:
    """Return what an unsigned, a forged and an altered request are answered."""
    codes = []
    query = f"symbol=BTCUSDT&timestamp={now_ms()}"
    for signature in (
        "",
        f"&signature={hmac_hex('another', query)}",
        f"&signature={hmac_hex('alicesecret', 'x' + query)}",
    ):
        headers = {"X-MBX-APIKEY": "alicekey"}
        answer = await exchange.alice.raw(endpoint.method, endpoint.path, query + signature, **headers)
        codes.append(answer.body.get("code", 0) if isinstance(answer.body, dict) else 0)
    return codes


async def codes_of_socket(socket, endpoint) -> list[int]:
    codes = []
    params = {"apiKey": "alicekey", "symbol": "BTCUSDT", "timestamp": now_ms()}
    text = "&".join(f"{name}={params[name]}" for name in sorted(params))
    for signature in ({}, {"signature": hmac_hex("another", text)}, {"signature": hmac_hex("alicesecret", "x" + text)}):
        answer = await socket.ask(endpoint.ws_method, params | signature)
        codes.append(answer.get("error", {}).get("code", 0))
    return codes


async def check_signatures(exchange) -> int:
    """Assert that all of it is refused and changes nothing; return how many endpoints were asked."""
    before = orjson.dumps(ledger_of(await exchange.admin_call("GET", "/ledger")))
    asked = 0
    async with exchange.api_socket() as spot_socket:
        for endpoint in signed_endpoints(SPOT, FUTURES):
            if endpoint.path:
                asked += 1
                assert await codes_of_rest(exchange, endpoint) == [-1102, -1022, -1022], endpoint.path
            if endpoint.ws_method and endpoint in SPOT:
                asked += 1
                assert await codes_of_socket(spot_socket, endpoint) == [-1102, -1022, -1022], endpoint.ws_method
    assert orjson.dumps(ledger_of(await exchange.admin_call("GET", "/ledger"))) == before
    return asked


def ledger_of(answer) -> list:
    return [answer.body["accounts"], answer.body["futures"]["accounts"]]


def test_no_endpoint_of_an_account_answers_unsigned_or_forged_requests():
    async def ask():
        async with served(futures=True) as exchange:
            assert await check_signatures(exchange) > 100

    asyncio.run(ask())


@pytest.mark.parametrize("house", ["venue", "usdm"])
def test_control_keys_that_verify_anything_are_found_out(house):
    async def ask():
        async with served(futures=True) as exchange:
            key = getattr(exchange, house).keys["alicekey"]
            object.__setattr__(key, "verify", lambda *_: True)
            with pytest.raises(AssertionError):
                await check_signatures(exchange)

    asyncio.run(ask())


@pytest.mark.parametrize(
    ("floor", "table", "path"), [("spot", SPOT, "/api/v3/order"), ("futures", FUTURES, "/fapi/v1/order")]
)
def test_control_an_endpoint_that_forgot_whose_it_is_is_found_out(floor, table, path):
    (endpoint,) = (item for item in table if (item.method, item.path) == ("DELETE", path))

    async def ask():
        async with served(futures=True) as exchange:
            endpoints = getattr(exchange.server, floor)._rest._endpoints
            endpoints["DELETE", path] = replace(endpoint, security=Security.NONE)
            with pytest.raises(AssertionError):
                await check_signatures(exchange)

    asyncio.run(ask())
