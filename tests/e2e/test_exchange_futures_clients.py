"""Clients that others wrote, unchanged, on the served futures: only addresses and keys are set (extra clients)."""

from __future__ import annotations

import asyncio
import gc
import importlib
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

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


def test_the_official_sdk_trades_listens_and_reconciles(exchange):
    name = "binance_sdk_derivatives_trading_usds_futures"
    pytest.importorskip(name, reason=f"{name} is not installed: pip install 'bot4[clients]'")
    configuration = importlib.import_module("binance_common.configuration")
    sdk = importlib.import_module(f"{name}.derivatives_trading_usds_futures")
    keys = {"api_key": "bobkey", "api_secret": "bobsecret"}
    client = sdk.DerivativesTradingUsdsFutures(
        config_rest_api=configuration.ConfigurationRestAPI(base_path=exchange["futures_rest"], **keys),
        config_ws_api=configuration.ConfigurationWebSocketAPI(stream_url=exchange["futures_ws_api"], **keys),
        config_ws_streams=configuration.ConfigurationWebSocketStreams(stream_url=exchange["futures_ws"]),
    )
    rest = client.rest_api
    assert {row.symbol for row in rest.exchange_information().data().symbols} == {"BTCUSDT", "ETHUSDT"}
    assert rest.change_initial_leverage("BTCUSDT", 7).data().leverage == 7
    bid = float(rest.order_book("BTCUSDT", limit=5).data().bids[0][0])
    # Far below the market: a buy is bounded from above alone.
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "time_in_force": "GTC"}
    order |= {"quantity": 0.01, "price": round(bid * 0.8) + 0.5}  # floats: signed as they are written
    placed = rest.new_order(**order).data()
    changed = rest.modify_order("BTCUSDT", "BUY", 0.02, order["price"], order_id=placed.order_id).data()
    assert (changed.order_id, changed.orig_qty) == (placed.order_id, "0.020")
    assert [row.order_id for row in rest.current_all_open_orders(symbol="BTCUSDT").data()] == [placed.order_id]
    assert rest.cancel_order("BTCUSDT", order_id=placed.order_id).data().status == "CANCELED"
    stop = {"quantity": 0.01, "trigger_price": order["price"]}
    guard = rest.new_algo_order("CONDITIONAL", "BTCUSDT", "SELL", "STOP_MARKET", **stop).data()
    assert rest.cancel_algo_order(algo_id=guard.algo_id).data().code == "200"

    async def listen():
        api, streams = await asyncio.gather(
            client.websocket_api.create_connection(), client.websocket_streams.create_connection()
        )
        try:
            key = (await api.start_user_data_stream()).data().result.listen_key
            reports, diffs = asyncio.Queue(), asyncio.Queue()
            (await streams.user_data(key)).on("message", reports.put_nowait)
            (await streams.diff_book_depth_streams("btcusdt", update_speed="100ms")).on("message", diffs.put_nowait)
            by_ws = (await api.new_order(**order)).data().result
            report = (await asyncio.wait_for(reports.get(), 20)).actual_instance
            assert (report.o.i, report.o.x) == (by_ws.order_id, "NEW")
            await api.modify_order("BTCUSDT", "BUY", 0.02, order["price"], order_id=by_ws.order_id)
            gone = await api.cancel_order("BTCUSDT", order_id=by_ws.order_id)
            assert (gone.data().result.status, gone.data().result.orig_qty) == ("CANCELED", "0.020")
            first, second = await asyncio.wait_for(diffs.get(), 20), await asyncio.wait_for(diffs.get(), 20)
            assert second.pu == first.u
        finally:
            await api.close_connection(close_session=True)
            await streams.close_connection(close_session=True)

    asyncio.run(listen())
    rest.new_order("BTCUSDT", "BUY", "MARKET", quantity=0.01)
    (position,) = rest.position_information_v3("BTCUSDT").data()
    assert position.position_amt == "0.010"
    rest.new_order("BTCUSDT", "SELL", "MARKET", quantity=0.01, reduce_only="true")
    assert rest.position_information_v3("BTCUSDT").data() == []
    assert sum(float(row.commission) for row in rest.account_trade_list("BTCUSDT").data()) > 0


def test_cryptofeed_keeps_a_book_trades_and_funding_over_tls():
    if importlib.util.find_spec("cryptofeed") is None:
        pytest.skip("cryptofeed is not installed: pip install 'bot4[clients]'")
    script = Path(__file__).parent / "clients" / "cryptofeed_futures.py"
    with exchange_process("--tls", "--futures", "--speed", "5") as (_, at):
        trust = {"SSL_CERT_FILE": at["ca_file"], "REQUESTS_CA_BUNDLE": at["ca_file"]}
        command = [sys.executable, str(script), at["futures_rest"], at["futures_ws"]]
        done = subprocess.run(command, env=os.environ | trust, timeout=60, check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr[-2_000:]
