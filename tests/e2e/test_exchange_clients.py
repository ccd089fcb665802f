"""Clients that others wrote, unchanged, against the served exchange: only addresses and keys are set.

They are in the extra ``clients``; without them these tests skip and say so.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import importlib.util
import os
import subprocess
import sys

import pytest
from builders.exchange_process import exchange_process

pytestmark = pytest.mark.filterwarnings("ignore")  # the libraries' own
KEY, SECRET = "alicekey", "alicesecret"


@pytest.fixture(autouse=True)
def _left_over():
    """What a library leaves open is warned of here, where it is passed over, and not in a later test."""
    yield
    gc.collect()


@pytest.fixture(scope="module")
def exchange():
    with exchange_process("--seed", "7", "--limits", "binance") as (_, addresses):
        yield addresses


def ccxt_settings() -> dict[str, object]:
    return {
        "apiKey": KEY,
        "secret": SECRET,
        "options": {"defaultType": "spot", "fetchMarkets": {"types": ["spot"]}},
    }


def point_ccxt(client, addresses: dict[str, str]) -> None:
    """Set the addresses, as a sandbox mode would."""
    api = client.urls["api"]
    api["public"] = api["private"] = addresses["rest"] + "/api/v3"
    api["v1"] = addresses["rest"] + "/api/v1"
    for name in ("sapi", "sapiV2", "sapiV3", "sapiV4"):
        api[name] = addresses["rest"] + "/sapi/v1"
    if "ws" in api:
        api["ws"]["spot"] = addresses["ws"] + "/ws"
        api["ws"]["ws-api"]["spot"] = addresses["ws_api"]


class TestCcxt:
    def test_markets_book_orders_and_reconciliation(self, exchange):
        ccxt = pytest.importorskip("ccxt", reason="ccxt is not installed: pip install 'bot4[clients]'")
        client = ccxt.binance(ccxt_settings())
        point_ccxt(client, exchange)
        markets = client.load_markets()
        assert {"BTC/USDT", "ETH/USDT", "ETH/BTC"} <= set(markets)
        assert markets["BTC/USDT"]["precision"] == {**markets["BTC/USDT"]["precision"], "price": 0.01, "amount": 1e-5}
        book = client.fetch_order_book("BTC/USDT")
        assert book["bids"][0][0] < book["asks"][0][0]
        ticker = client.fetch_ticker("BTC/USDT")
        assert ticker["low"] <= ticker["last"] <= ticker["high"]
        assert len(client.fetch_ohlcv("BTC/USDT", "1m", limit=5)) == 5
        assert client.fetch_trades("BTC/USDT", limit=10)
        assert client.fetch_balance()["USDT"]["free"] > 0
        price = round(book["bids"][0][0] * 0.9, 2)
        placed = client.create_order("BTC/USDT", "limit", "buy", 0.01, price, {"clientOrderId": "ccxt-1"})
        assert placed["status"] == "open"
        assert [order["id"] for order in client.fetch_open_orders("BTC/USDT")] == [placed["id"]]
        edited = client.edit_order(placed["id"], "BTC/USDT", "limit", "buy", 0.02, price)
        assert client.fetch_order(placed["id"], "BTC/USDT")["status"] == "canceled"
        assert client.cancel_order(edited["id"], "BTC/USDT")["status"] == "canceled"
        with pytest.raises(ccxt.OrderNotFound):
            client.cancel_order(edited["id"], "BTC/USDT")
        bought = client.create_order("BTC/USDT", "market", "buy", 0.01)
        assert (bought["status"], bought["filled"]) == ("closed", 0.01)
        assert sum(trade["amount"] for trade in client.fetch_my_trades("BTC/USDT")) == pytest.approx(0.01)
        with pytest.raises(ccxt.InsufficientFunds):
            client.create_order("BTC/USDT", "limit", "buy", 30, price)
        with pytest.raises(ccxt.OrderImmediatelyFillable):
            client.create_order("BTC/USDT", "limit", "buy", 0.01, round(price * 1.5, 2), {"postOnly": True})
        with pytest.raises(ccxt.BadSymbol):
            client.fetch_order_book("NO/PE")

    def test_streams_and_orders_of_the_professional_interface(self, exchange):
        pro = pytest.importorskip("ccxt.pro", reason="ccxt is not installed: pip install 'bot4[clients]'")

        async def trade():
            client = pro.binance(ccxt_settings())
            point_ccxt(client, exchange)
            try:
                await client.load_markets()
                book = await asyncio.wait_for(client.watch_order_book("BTC/USDT"), 15)
                assert book["bids"][0][0] < book["asks"][0][0]
                assert await asyncio.wait_for(client.watch_trades("BTC/USDT"), 15)
                assert (await asyncio.wait_for(client.watch_ticker("BTC/USDT"), 15))["last"] > 0
                watched = asyncio.ensure_future(client.watch_orders("BTC/USDT"))
                await asyncio.sleep(1.0)
                price = round(book["bids"][0][0] * 0.9, 2)
                placed = await client.create_order_ws("BTC/USDT", "limit", "buy", 0.01, price)
                orders = await asyncio.wait_for(watched, 15)
                assert orders[-1]["id"] == placed["id"]
                gone = await client.cancel_order_ws(placed["id"], "BTC/USDT")
                assert gone["status"] == "canceled"
            finally:
                await client.close()

        asyncio.run(trade())


class TestPythonBinance:
    def test_markets_book_orders_and_account(self, exchange, monkeypatch):
        binance = pytest.importorskip(
            "binance.client", reason="python-binance is not installed: pip install 'bot4[clients]'"
        )
        monkeypatch.setattr(binance.Client, "API_URL", exchange["rest"] + "/api")
        monkeypatch.setattr(binance.Client, "MARGIN_API_URL", exchange["rest"] + "/sapi")
        client = binance.Client(KEY, SECRET)
        try:
            assert client.get_symbol_info("BTCUSDT")["baseAsset"] == "BTC"
            book = client.get_order_book(symbol="BTCUSDT", limit=5)
            assert float(book["bids"][0][0]) < float(book["asks"][0][0])
            assert len(client.get_klines(symbol="BTCUSDT", interval="1m", limit=3)) == 3
            price = f"{float(book['bids'][0][0]) * 0.9:.2f}"
            placed = client.order_limit_buy(symbol="BTCUSDT", quantity="0.01", price=price)
            assert client.get_order(symbol="BTCUSDT", orderId=placed["orderId"])["status"] == "NEW"
            assert [order["orderId"] for order in client.get_open_orders(symbol="BTCUSDT")] == [placed["orderId"]]
            assert client.cancel_order(symbol="BTCUSDT", orderId=placed["orderId"])["status"] == "CANCELED"
            sold = client.order_market_sell(symbol="BTCUSDT", quantity="0.01")
            assert sold["status"] == "FILLED"
            assert float(client.get_asset_balance("BTC")["free"]) < 101
            with pytest.raises(Exception, match="-2010"):
                client.order_limit_buy(symbol="BTCUSDT", quantity="30", price=price)
        finally:
            client.close_connection()

    def test_streams_and_user_events(self, exchange, monkeypatch):
        binance = pytest.importorskip("binance", reason="python-binance is not installed: pip install 'bot4[clients]'")
        streams = pytest.importorskip("binance.ws.streams", reason="python-binance is not installed")
        monkeypatch.setattr(binance.AsyncClient, "API_URL", exchange["rest"] + "/api")
        monkeypatch.setattr(binance.AsyncClient, "WS_API_URL", exchange["ws_api"])
        monkeypatch.setattr(streams.BinanceSocketManager, "STREAM_URL", exchange["ws"] + "/")

        async def trade():
            client = await binance.AsyncClient.create(KEY, SECRET)
            try:
                manager = streams.BinanceSocketManager(client)
                async with manager.depth_socket("BTCUSDT") as depth:
                    assert (await asyncio.wait_for(depth.recv(), 10))["e"] == "depthUpdate"
                async with manager.multiplex_socket(["btcusdt@trade", "btcusdt@bookTicker"]) as both:
                    assert (await asyncio.wait_for(both.recv(), 10))["stream"].startswith("btcusdt@")
                async with manager.user_socket() as user:
                    price = f"{float((await client.get_symbol_ticker(symbol='BTCUSDT'))['price']) * 0.9:.2f}"
                    placed = await client.ws_create_order(
                        symbol="BTCUSDT", side="BUY", type="LIMIT", timeInForce="GTC", quantity="0.01", price=price
                    )
                    event = await asyncio.wait_for(user.recv(), 10)
                    report = event.get("event", event)
                    assert (report["e"], report["i"], report["X"]) == ("executionReport", placed["orderId"], "NEW")
                    await client.ws_cancel_order(symbol="BTCUSDT", orderId=placed["orderId"])
            finally:
                await client.close_connection()

        asyncio.run(trade())


class TestOfficialSdk:
    def test_rest_websocket_interface_user_events_and_streams(self, exchange):
        pytest.importorskip("binance_sdk_spot", reason="binance-sdk-spot is not installed: pip install 'bot4[clients]'")
        configuration = importlib.import_module("binance_common.configuration")
        keys = {"api_key": KEY, "api_secret": SECRET}
        client = importlib.import_module("binance_sdk_spot.spot").Spot(
            config_rest_api=configuration.ConfigurationRestAPI(base_path=exchange["rest"], **keys),
            config_ws_api=configuration.ConfigurationWebSocketAPI(stream_url=exchange["ws_api"], **keys),
            config_ws_streams=configuration.ConfigurationWebSocketStreams(stream_url=exchange["ws"]),
        )
        order = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "time_in_force": "GTC"}
        order |= {"quantity": 0.0105, "price": 30000.5}  # floats: signed as they are written
        rest = client.rest_api
        assert rest.exchange_info(symbol="BTCUSDT").data().symbols[0].symbol == "BTCUSDT"
        placed = rest.new_order(**order).data()
        assert rest.get_order(symbol="BTCUSDT", order_id=placed.order_id).data().status == "NEW"
        assert rest.delete_order(symbol="BTCUSDT", order_id=placed.order_id).data().status == "CANCELED"

        async def trade():
            api = await client.websocket_api.create_connection()
            try:
                subscribed = await api.user_data_stream_subscribe_signature()
                told = asyncio.get_running_loop().create_future()
                subscribed.stream.on("message", lambda event: told.done() or told.set_result(event))
                over_ws = (await api.order_place(**order)).data().result
                event = await asyncio.wait_for(told, 10)
                assert str(over_ws.order_id) in str(event)
                cancelled = await api.order_cancel(symbol="BTCUSDT", order_id=over_ws.order_id)
                assert cancelled.data().result.status == "CANCELED"
            finally:
                await api.close_connection(close_session=True)
            streams = await client.websocket_streams.create_connection()
            try:
                diffs = await streams.diff_book_depth(symbol="btcusdt", update_speed="100ms")
                first = asyncio.get_running_loop().create_future()
                diffs.on("message", lambda event: first.done() or first.set_result(event))
                assert (await asyncio.wait_for(first, 10)).e == "depthUpdate"
            finally:
                await streams.close_connection(close_session=True)

        asyncio.run(trade())


CRYPTOFEED = """
import asyncio, os, sys
rest, ws = sys.argv[1:]
from cryptofeed import FeedHandler
from cryptofeed.connection import RestEndpoint, Routes, WebsocketEndpoint
from cryptofeed.defines import L2_BOOK, TICKER, TRADES
from cryptofeed.exchanges import Binance

routes = Routes("/api/v3/exchangeInfo", l2book="/api/v3/depth?symbol={}&limit={}")
Binance.rest_endpoints = [RestEndpoint(rest, routes=routes)]
Binance.websocket_endpoints = [WebsocketEndpoint(ws)]
seen = set()

async def told(update, _):
    seen.add(type(update).__name__)
    if seen == {"OrderBook", "Trade", "Ticker"}:
        os._exit(0)

handler = FeedHandler(config={"log": {"disabled": True}})
channels = [L2_BOOK, TRADES, TICKER]
handler.add_feed(Binance(symbols=["BTC-USDT"], channels=channels, callbacks={name: told for name in channels}))
loop = asyncio.new_event_loop()
asyncio.set_event_loop(loop)
handler.run(start_loop=False)
loop.run_until_complete(asyncio.sleep(30))
os._exit(1)
"""


class TestCryptofeed:
    def test_it_keeps_a_book_over_tls(self):
        if importlib.util.find_spec("cryptofeed") is None:
            pytest.skip("cryptofeed is not installed: pip install 'bot4[clients]'")
        with exchange_process("--tls", "--speed", "5") as (_, at):
            trust = {"SSL_CERT_FILE": at["ca_file"], "REQUESTS_CA_BUNDLE": at["ca_file"]}
            command = [sys.executable, "-c", CRYPTOFEED, at["rest"], at["ws"]]
            done = subprocess.run(command, env=os.environ | trust, timeout=60, check=False, capture_output=True)
            assert done.returncode == 0, done.stderr.decode()[-2_000:]
