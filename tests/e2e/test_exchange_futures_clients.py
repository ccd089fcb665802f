"""ccxt and python-binance, unchanged, on the served futures: only addresses and keys are set. In the extra clients."""

from __future__ import annotations

import asyncio
import gc

import pytest
from builders.exchange_process import exchange_process

pytestmark = pytest.mark.filterwarnings("ignore")  # the libraries' own
KEY, SECRET = "alicekey", "alicesecret"
BTC = "BTC/USDT:USDT"


@pytest.fixture(autouse=True)
def _left_over():
    """What a library leaves open is warned of here, where it is passed over, and not in a later test."""
    yield
    gc.collect()


@pytest.fixture(scope="module")
def exchange():
    with exchange_process("--seed", "7", "--limits", "binance", "--futures") as (_, addresses):
        yield addresses


def pointed(client, addresses: dict[str, str]):
    """Set the addresses, as a sandbox mode would: every host is the exchange's, the paths stay."""
    api = client.urls["api"]
    for name, url in list(api.items()):
        if isinstance(url, str) and "/fapi/" in url:
            api[name] = addresses["futures_rest"] + url[url.index("/fapi/") :]
        elif isinstance(url, str) and "/sapi/" in url:
            api[name] = addresses["rest"] + url[url.index("/sapi/") :]
    if "ws" in api:
        api["ws"]["linear"] = addresses["futures_ws"] + "/ws"
        api["ws"]["ws-api"]["linear"] = addresses["futures_ws_api"]
    client.options["fetchCurrencies"] = False
    return client


def test_markets_leverage_orders_positions_and_reconciliation(exchange):
    ccxt = pytest.importorskip("ccxt", reason="ccxt is not installed: pip install 'bot4[clients]'")
    client = pointed(ccxt.binanceusdm({"apiKey": KEY, "secret": SECRET}), exchange)
    markets = client.load_markets()
    assert {BTC, "ETH/USDT:USDT"} == set(markets)
    assert (markets[BTC]["swap"], markets[BTC]["precision"]["price"], markets[BTC]["precision"]["amount"]) == (
        True, 0.1, 0.001,
    )  # fmt: skip
    assert markets[BTC]["limits"]["cost"]["min"] == 100
    book = client.fetch_order_book(BTC)
    assert book["bids"][0][0] < book["asks"][0][0]
    assert len(client.fetch_ohlcv(BTC, "1m", limit=5)) == 5
    assert client.fetch_trades(BTC, limit=10)
    assert abs(client.fetch_funding_rate(BTC)["markPrice"] / book["bids"][0][0] - 1) < 0.01
    opening = client.fetch_balance()["USDT"]["total"]

    assert client.set_leverage(10, BTC)["leverage"] == 10
    client.set_margin_mode("isolated", BTC)
    client.set_margin_mode("cross", BTC)
    assert client.fetch_leverage(BTC)["longLeverage"] == 10
    assert client.fetch_position_mode(BTC)["hedged"] is False

    price = round(book["bids"][0][0] * 0.97, 1)
    placed = client.create_order(BTC, "limit", "buy", 0.01, price, {"clientOrderId": "ccxt-1"})
    assert (placed["status"], placed["clientOrderId"]) == ("open", "ccxt-1")
    edited = client.edit_order(placed["id"], BTC, "limit", "buy", 0.02, price)
    assert (edited["id"], edited["amount"]) == (placed["id"], 0.02)
    assert [order["id"] for order in client.fetch_open_orders(BTC)] == [placed["id"]]
    assert client.cancel_order(placed["id"], BTC)["status"] == "canceled"
    with pytest.raises(ccxt.OrderNotFound):
        client.cancel_order(placed["id"], BTC)

    bought = client.create_order(BTC, "market", "buy", 0.01)
    assert (bought["status"], bought["filled"]) == ("closed", 0.01)
    (position,) = client.fetch_positions([BTC])
    assert (position["side"], position["contracts"], position["entryPrice"]) == ("long", 0.01, bought["average"])
    guard = {"stopLossPrice": round(price, 1), "reduceOnly": True}
    stop = client.create_order(BTC, "market", "sell", 0.01, None, guard)
    assert [order["id"] for order in client.fetch_open_orders(BTC, params={"trigger": True})] == [stop["id"]]
    client.cancel_order(stop["id"], BTC, {"trigger": True})
    sold = client.create_order(BTC, "market", "sell", 0.01, None, {"reduceOnly": True})
    assert client.fetch_positions([BTC]) == []
    fees = sum(trade["fee"]["cost"] for trade in client.fetch_my_trades(BTC))
    gained = (sold["average"] - bought["average"]) * 0.01
    assert client.fetch_balance()["USDT"]["total"] == pytest.approx(opening + gained - fees, abs=1e-7)

    with pytest.raises(ccxt.ExchangeError, match="-2019"):
        client.create_order(BTC, "limit", "buy", 900, price)
    with pytest.raises(ccxt.InvalidOrder, match="-5022"):
        client.create_order(BTC, "limit", "buy", 0.01, round(price * 1.06, 1), {"postOnly": True})
    with pytest.raises(ccxt.ExchangeError, match="-2022"):
        client.create_order(BTC, "market", "sell", 0.01, None, {"reduceOnly": True})


def test_streams_orders_and_positions_of_the_professional_interface(exchange):
    pro = pytest.importorskip("ccxt.pro", reason="ccxt is not installed: pip install 'bot4[clients]'")

    async def trade():
        client = pointed(pro.binanceusdm({"apiKey": KEY, "secret": SECRET}), exchange)
        try:
            await client.load_markets()
            book = await asyncio.wait_for(client.watch_order_book(BTC), 20)
            assert book["bids"][0][0] < book["asks"][0][0]
            assert await asyncio.wait_for(client.watch_trades(BTC), 20)
            assert (await asyncio.wait_for(client.watch_mark_price(BTC), 20))["markPrice"] > 0
            watched = asyncio.ensure_future(client.watch_orders(BTC))
            assert await asyncio.wait_for(client.watch_positions([BTC]), 20) == []  # what there is to begin with
            positions = asyncio.ensure_future(client.watch_positions([BTC]))
            await asyncio.sleep(1.0)
            price = round(book["bids"][0][0] * 0.97, 1)
            placed = await client.create_order_ws(BTC, "limit", "buy", 0.01, price)
            orders = await asyncio.wait_for(watched, 20)
            assert orders[-1]["id"] == placed["id"]
            assert (await client.cancel_order_ws(placed["id"], BTC))["status"] == "canceled"
            await client.create_order(BTC, "market", "buy", 0.01)
            assert (await asyncio.wait_for(positions, 20))[-1]["contracts"] == 0.01
            await client.create_order(BTC, "market", "sell", 0.01, None, {"reduceOnly": True})
        finally:
            await client.close()

    asyncio.run(trade())


def test_python_binance_trades_and_listens(exchange, monkeypatch):
    binance = pytest.importorskip("binance", reason="python-binance is not installed: pip install 'bot4[clients]'")
    streams = pytest.importorskip("binance.ws.streams", reason="python-binance is not installed")
    monkeypatch.setattr(binance.AsyncClient, "API_URL", exchange["rest"] + "/api")
    monkeypatch.setattr(binance.AsyncClient, "FUTURES_URL", exchange["futures_rest"] + "/fapi")
    monkeypatch.setattr(streams.BinanceSocketManager, "FSTREAM_URL", exchange["futures_ws"] + "/")

    async def trade():
        client = await binance.AsyncClient.create("bobkey", "bobsecret")
        try:
            assert (await client.futures_change_leverage(symbol="BTCUSDT", leverage=5))["leverage"] == 5
            manager = streams.BinanceSocketManager(client)
            async with manager.futures_depth_socket("BTCUSDT") as depth:
                told = await asyncio.wait_for(depth.recv(), 20)
                assert "pu" in told.get("data", told)
            async with manager.futures_user_socket() as user:
                book = await client.futures_order_book(symbol="BTCUSDT", limit=5)
                price = f"{float(book['bids'][0][0]) * 0.97:.1f}"
                placed = await client.futures_create_order(
                    symbol="BTCUSDT", side="BUY", type="LIMIT", timeInForce="GTC", quantity="0.01", price=price
                )
                event = await asyncio.wait_for(user.recv(), 20)
                assert (event["e"], event["o"]["i"]) == ("ORDER_TRADE_UPDATE", placed["orderId"])
                await client.futures_cancel_order(symbol="BTCUSDT", orderId=placed["orderId"])
            await client.futures_create_order(symbol="BTCUSDT", side="SELL", type="MARKET", quantity="0.01")
            (position,) = await client.futures_position_information(symbol="BTCUSDT")
            assert position["positionAmt"] == "-0.010"
            await client.futures_create_order(
                symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.01", reduceOnly="true"
            )
            assert await client.futures_get_open_orders(symbol="BTCUSDT") == []
        finally:
            await client.close_connection()

    asyncio.run(trade())
