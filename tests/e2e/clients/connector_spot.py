"""The official client of before the SDKs (binance-connector), unchanged, on served spot.

    python connector_spot.py REST WS WS_API KEY SECRET

Prints what it did as JSON on its last line. Its module is called ``binance``, as python-binance's is: it needs a folder
of its own (``pip install --target``).
"""

from __future__ import annotations

import json
import queue
import sys

from binance.error import ClientError
from binance.spot import Spot
from binance.websocket.spot.websocket_api import SpotWebsocketAPIClient
from binance.websocket.spot.websocket_stream import SpotWebsocketStreamClient


def main() -> None:
    """Load, place, change, cancel, buy, stream."""
    rest, ws, ws_api, key, secret = sys.argv[1:]
    client = Spot(key, secret, base_url=rest)
    did: dict[str, object] = {"symbols": [s["symbol"] for s in client.exchange_info()["symbols"]]}
    bid = float(client.depth("BTCUSDT", limit=5)["bids"][0][0])
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": 0.01}
    placed = client.new_order(**order, price=round(bid * 0.9, 2))
    did["open"] = [o["orderId"] for o in client.get_open_orders("BTCUSDT")] == [placed["orderId"]]
    wanted = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "cancelReplaceMode": "STOP_ON_FAILURE"}
    changed = client.cancel_and_replace(
        **wanted, timeInForce="GTC", quantity=0.02, price=round(bid * 0.9, 2), cancelOrderId=placed["orderId"]
    )
    did["changed"] = [changed["cancelResult"], changed["newOrderResult"]]
    new = changed["newOrderResponse"]["orderId"]
    did["canceled"] = client.cancel_order("BTCUSDT", orderId=new)["status"]
    try:
        client.cancel_order("BTCUSDT", orderId=new)
    except ClientError as error:
        did["refused"] = error.error_code
    bought = client.new_order(symbol="BTCUSDT", side="BUY", type="MARKET", quantity=0.01)
    did["bought"] = bought["status"]
    did["trades"] = sum(float(trade["qty"]) for trade in client.my_trades("BTCUSDT"))
    did["balances"] = len(client.account()["balances"]) > 0

    told: queue.Queue[str] = queue.Queue()
    streams = SpotWebsocketStreamClient(stream_url=ws, on_message=lambda _, text: told.put(text))
    streams.diff_book_depth("btcusdt", speed=100)
    while "depthUpdate" not in told.get(timeout=20):
        pass
    streams.stop()
    did["streamed"] = True
    answers: queue.Queue[str] = queue.Queue()
    api = SpotWebsocketAPIClient(
        stream_url=ws_api, api_key=key, api_secret=secret, on_message=lambda _, text: answers.put(text)
    )
    api.new_order(**order, price=round(bid * 0.9, 2), newOrderRespType="RESULT")
    answer = json.loads(answers.get(timeout=20))
    did["by websocket"] = answer["result"]["status"]
    api.cancel_order(symbol="BTCUSDT", orderId=answer["result"]["orderId"])
    did["canceled by websocket"] = json.loads(answers.get(timeout=20))["result"]["status"]
    api.stop()
    sys.stdout.write(json.dumps(did) + "\n")


if __name__ == "__main__":
    main()
