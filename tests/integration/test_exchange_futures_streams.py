"""The futures' market data, as a stranger reads them: routes, payloads, and a book that can be kept by `pu`."""

from __future__ import annotations

import asyncio
import itertools
import time
from contextlib import asynccontextmanager
from decimal import Decimal

import orjson
import pytest
from builders.served_exchange import served

from bot4.adapters.simulator.faults.settings import FaultSettings
from bot4.adapters.simulator.futures.market.marks import Marks
from bot4.adapters.simulator.wire.limits import Limits

HOUR = 3_600 * 10**9


def run(body, **options):
    async def main():
        options.setdefault("with_background", True)
        async with served(futures=True, **options) as exchange:
            await body(exchange)

    asyncio.run(asyncio.wait_for(main(), 60))


@asynccontextmanager
async def stream(exchange, path, base=None):
    async with exchange.session.ws_connect((base or exchange.futures_ws) + path) as socket:
        yield socket


async def messages(socket, count, wait_s=20.0):
    return [orjson.loads((await socket.receive(wait_s)).data) for _ in range(count)]


class BrokenChainError(Exception):
    """A diff did not follow the one before."""


def kept_book(snapshot, diffs, alter=lambda diff: diff):
    """As documented: drop what is older, the first kept one holds the snapshot's id, then `pu` is the last `u`."""
    sides = {"b": dict(snapshot["bids"]), "a": dict(snapshot["asks"])}
    last = None
    for diff in map(alter, diffs):
        if diff["u"] < snapshot["lastUpdateId"]:
            continue
        if last is None and not diff["U"] <= snapshot["lastUpdateId"] <= diff["u"]:
            raise BrokenChainError(f"first {diff['U']}..{diff['u']}, snapshot {snapshot['lastUpdateId']}")
        if last is not None and diff["pu"] != last:
            raise BrokenChainError(f"pu {diff['pu']} after {last}")
        last = diff["u"]
        for side, levels in sides.items():
            for price, quantity in diff[side]:
                levels[price] = quantity
                if Decimal(quantity) == 0:
                    del levels[price]
    return last, sides


async def record(exchange, enough, faults=None):
    """Diffs around a snapshot, and the exchange's own book at the last of them."""
    async with stream(exchange, "/public/ws/btcusdt@depth@100ms") as socket:
        diffs = await messages(socket, 2)
        market = exchange.usdm.market("BTCUSDT")
        update_id, bids, asks = market.book(1_000)
        snapshot = {"lastUpdateId": update_id, "bids": bids, "asks": asks}
        if faults:
            exchange.server.set_faults(faults)
        diffs += await messages(socket, enough)
        exchange.server.futures._flow = None  # the book stands still
        while diffs[-1]["u"] != market.shown_id(market.update_id):
            diffs += await messages(socket, 1)
        return snapshot, diffs, market.book(1_000)


def test_a_book_kept_by_pu_is_the_exchanges_and_a_broken_pu_is_noticed():
    async def body(exchange):
        snapshot, diffs, (last_id, bids, asks) = await record(exchange, 8)
        last, sides = kept_book(snapshot, diffs)
        assert last == last_id
        assert sides == {"b": dict(bids), "a": dict(asks)}
        assert any(diff["U"] != diff["pu"] + 1 for diff in diffs), "ids of one contract are not one after another"
        for planted in (lambda d: d | {"pu": d["U"] - 1}, lambda d: d | {"pu": d["pu"] + 1}):
            with pytest.raises(BrokenChainError):
                kept_book(snapshot, diffs, planted)

    run(body, speed=20.0)


def test_a_lost_diff_is_noticed_by_pu():
    async def body(exchange):
        exchange.server.set_faults(FaultSettings(drop_diffs=0.5))
        async with stream(exchange, "/public/ws/btcusdt@depth@100ms") as socket:
            diffs = await messages(socket, 12)
        chained = [after["pu"] == before["u"] for before, after in itertools.pairwise(diffs)]
        assert not all(chained)

    run(body, speed=20.0)


def test_each_stream_is_served_on_its_route_and_all_on_the_older_address():
    async def body(exchange):
        names = "btcusdt@bookTicker/btcusdt@depth5@100ms/btcusdt@aggTrade/btcusdt@markPrice@1s"
        told = {}
        for route in ("/public", "/market", ""):
            async with stream(exchange, f"{route}/stream?streams={names}") as socket:
                deadline = time.monotonic() + 30
                told[route] = set()
                wanted = {"/public": 2, "/market": 2, "": 4}[route]
                while len(told[route]) < wanted and time.monotonic() < deadline:
                    told[route].add((await messages(socket, 1))[0]["stream"])
        assert told["/public"] == {"btcusdt@bookTicker", "btcusdt@depth5@100ms"}
        assert told["/market"] == {"btcusdt@aggTrade", "btcusdt@markPrice@1s"}
        assert told[""] == told["/public"] | told["/market"]

    run(body, speed=20.0)


def test_the_routes_stand_at_the_root_too_and_spot_keeps_its_own():
    async def body(exchange):
        async with stream(exchange, "/public/ws/btcusdt@bookTicker", exchange.ws) as usdm:
            assert set((await messages(usdm, 1))[0]) == set("euETsbBaA")
        async with stream(exchange, "/ws/btcusdt@bookTicker", exchange.ws) as spot:
            assert set((await messages(spot, 1))[0]) == set("usbBaA")

    run(body, speed=20.0)


def test_payloads_carry_the_futures_fields_at_the_contracts_precision():
    fields = {
        "btcusdt@aggTrade": set("eEsapqflTm"),
        "btcusdt@depth5@100ms": {*"eETsUuba", "pu"},
        "btcusdt@markPrice@1s": {*"eEspiPrT", "ap"},
        "!markPrice@arr@1s": {*"eEspiPrT", "ap"},
        "btcusdt@kline_1m": set("eEsk"),
        "btcusdt_perpetual@continuousKline_1m": {*"eEk", "ps", "ct"},
        "btcusdt@miniTicker": set("eEscohlvq"),
        "btcusdt@ticker": set("eEspPwcQohlvqOCFLn"),
        "!ticker@arr": set("eEspPwcQohlvqOCFLn"),
    }

    async def body(exchange):
        seen = {}
        async with stream(exchange, "/stream?streams=" + "/".join(fields)) as socket:
            while set(seen) != set(fields):
                (item,) = await messages(socket, 1)
                seen[item["stream"]] = item["data"][0] if isinstance(item["data"], list) else item["data"]
        assert {name: set(payload) for name, payload in seen.items()} == fields
        trade = seen["btcusdt@aggTrade"]
        assert (trade["p"][-3], len(trade["q"].split(".")[1])) == (".", 3)

    run(body, speed=20.0)


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("depth?symbol=BTCUSDT&limit=7", 400, -4021),
        ("depth?symbol=ETHBTC", 400, -1121),
        ("depth", 400, -1102),
        ("klines?symbol=BTCUSDT&interval=7m", 400, -1120),
        ("continuousKlines?pair=BTCUSDT&contractType=CURRENT_QUARTER&interval=1m", 400, -4104),
        ("trades?symbol=BTCUSDT&limit=x", 400, -1100),
    ],
)
def test_what_cannot_be_asked_gets_the_futures_error(path, status, code):
    async def body(exchange):
        answer = await exchange.alice.raw("GET", "/fapi/v1/" + path.partition("?")[0], path.partition("?")[2])
        assert (answer.status, answer.body["code"]) == (status, code)

    run(body, with_background=False)


def test_market_questions_agree_with_each_other():
    async def body(exchange):
        ask = exchange.alice.plain
        info = (await ask("GET", "/fapi/v1/exchangeInfo")).body
        rules = {entry["symbol"]: entry for entry in info["symbols"]}
        assert [entry["contractType"] for entry in rules.values()] == ["PERPETUAL", "PERPETUAL"]
        assert {"filterType": "MIN_NOTIONAL", "notional": "100"} in rules["BTCUSDT"]["filters"]
        book = (await ask("GET", "/fapi/v1/depth", symbol="BTCUSDT", limit=5)).body
        quote = (await ask("GET", "/fapi/v1/ticker/bookTicker", symbol="BTCUSDT")).body
        assert {"E", "T", "lastUpdateId"} < set(book)
        assert [quote["bidPrice"], quote["bidQty"]] == book["bids"][0]
        prices = (await ask("GET", "/fapi/v1/premiumIndex", symbol="BTCUSDT")).body
        assert abs(Decimal(prices["markPrice"]) / Decimal(prices["indexPrice"]) - 1) < Decimal("0.01")
        assert prices["nextFundingTime"] % 28_800_000 == 0
        assert (await ask("GET", "/fapi/v1/ping")).headers["X-MBX-USED-WEIGHT-1M"]

    run(body, limits=Limits(), speed=0)


def test_weight_of_the_futures_is_counted_apart_from_spot():
    now_ns = time.time_ns()

    async def body(exchange):
        ask = exchange.alice.plain
        await ask("GET", "/fapi/v1/depth", symbol="BTCUSDT", limit=1_000)
        assert (await ask("GET", "/fapi/v1/ping")).headers["X-MBX-USED-WEIGHT-1M"] == "21"
        assert (await ask("GET", "/api/v3/ping")).headers["X-MBX-USED-WEIGHT-1M"] == "1"

    run(body, limits=Limits(), with_background=False, clock=lambda: now_ns)


class TestMarks:
    def test_the_mark_price_is_the_median_and_lies_on_its_grid(self):
        marks = Marks(100_000, 0, grid=10, interval_ns=8 * HOUR)
        for second in range(1, 40):
            assert marks.advance(second * 10**9, 99_990, 100_030, 130_007)
        assert not marks.advance(39 * 10**9 + 5, 1, 2, 3), "once a second"
        assert abs(marks.mark - 100_010) <= 20, "a last price far off alone moves nothing"
        assert marks.mark % 10 == 0

    def test_funding_is_the_premium_and_what_brings_it_to_the_interest(self):
        marks = Marks(100_000_000, 0, grid=1, interval_ns=8 * HOUR)
        assert marks.rate == 10_000, "no premium: the interest"
        marks.advance(10**9, 100_500_000, 100_500_000, 100_000_000)
        premium = (100_500_000 - marks.index) * 10**8 // marks.index
        assert premium > 450_000, "the index follows slowly"
        assert marks.rate == premium - 50_000
        assert marks.settle(8 * HOUR - 1) is None
        assert marks.settle(8 * HOUR) == marks.fundings[-1].rate
        assert marks.next_funding_ns == 16 * HOUR
