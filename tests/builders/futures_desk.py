"""Two clients of the served futures: asking, placing, meeting, and what an account is told."""

from __future__ import annotations

import asyncio
import time

import orjson

from builders.served_exchange import served

LIMIT = {"symbol": "BTCUSDT", "type": "LIMIT", "timeInForce": "GTC"}


def run(body, **options):
    async def main():
        async with served(futures=True, **options) as exchange:
            await body(exchange)

    asyncio.run(asyncio.wait_for(main(), 60))


async def ask(client, method, path, status=200, **params):
    answer = await client.signed(method, f"/fapi/{path}", **params)
    assert answer.status == status, answer.body
    return answer.body


async def limit(client, side, price, quantity, status=200, **more):
    wanted = LIMIT | {"side": side, "price": price, "quantity": quantity, "newOrderRespType": "RESULT"}
    return await ask(client, "POST", "v1/order", status, **(wanted | more))


async def meet(exchange, quantity="0.100", price="60000"):
    """Alice buys of Bob."""
    await limit(exchange.bob, "SELL", price, quantity)
    return await limit(exchange.alice, "BUY", price, quantity)


async def until(condition, wait_s=30.0):
    deadline = time.monotonic() + wait_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.01)


def held(exchange, name="alice"):
    return next(account for account in exchange.usdm.holders.values() if account.spec.name == name)


class Listener:
    """What an account is told, by kind."""

    def __init__(self):
        self.events = []

    def user_event(self, _account, render):
        self.events.append(orjson.loads(orjson.dumps(render(1_000_000))))

    def of(self, kind):
        return [event for event in self.events if event["e"] == kind]


def listening(exchange, name="alice"):
    listener = Listener()
    held(exchange, name).listeners[listener] = None
    return listener
