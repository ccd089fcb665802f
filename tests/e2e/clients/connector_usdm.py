"""The official client of before the SDKs (binance-futures-connector), unchanged, on served USD-M futures.

    python connector_usdm.py REST WS KEY SECRET

Prints what it did as JSON on its last line. Its module is called ``binance``, as python-binance's is: it needs a folder
of its own (``pip install --target``).
"""

from __future__ import annotations

import json
import queue
import sys

from binance.error import ClientError
from binance.um_futures import UMFutures
from binance.websocket.um_futures.websocket_client import UMFuturesWebsocketClient


def main() -> None:
    """Load, place, change, cancel, take a position and leave it, stream."""
    rest, ws, key, secret = sys.argv[1:]
    client = UMFutures(key, secret, base_url=rest)
    did: dict[str, object] = {"symbols": [s["symbol"] for s in client.exchange_info()["symbols"]]}
    bid = float(client.depth("BTCUSDT", limit=5)["bids"][0][0])
    told: queue.Queue[str] = queue.Queue()
    streams = UMFuturesWebsocketClient(stream_url=ws, on_message=lambda _, text: told.put(text))
    streams.user_data(listen_key=client.new_listen_key()["listenKey"])
    streams.diff_book_depth("btcusdt", speed=100)
    did["leverage"] = client.change_leverage("BTCUSDT", 9)["leverage"]
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": 0.01}
    placed = client.new_order(**order, price=round(bid * 0.9, 1))
    did["open"] = [o["orderId"] for o in client.get_orders(symbol="BTCUSDT")] == [placed["orderId"]]
    changed = client.modify_order("BTCUSDT", "BUY", 0.02, round(bid * 0.9, 1), orderId=placed["orderId"])
    did["changed"] = changed["origQty"]
    did["canceled"] = client.cancel_order("BTCUSDT", orderId=placed["orderId"])["status"]
    try:
        client.cancel_order("BTCUSDT", orderId=placed["orderId"])
    except ClientError as error:
        did["refused"] = error.error_code
    client.new_order(symbol="BTCUSDT", side="SELL", type="MARKET", quantity=0.01)
    did["position"] = [row["positionAmt"] for row in client.get_position_risk(symbol="BTCUSDT")]
    client.new_order(symbol="BTCUSDT", side="BUY", type="MARKET", quantity=0.01, reduceOnly="true")
    did["trades"] = sum(float(trade["qty"]) for trade in client.get_account_trades("BTCUSDT"))
    did["income"] = sorted({row["incomeType"] for row in client.get_income_history()})
    wanted = {"depthUpdate", "ORDER_TRADE_UPDATE", "ACCOUNT_UPDATE"}
    seen: set[str] = set()
    while not wanted <= seen:
        event = json.loads(told.get(timeout=20))
        seen.add(event.get("e", ""))
    did["streamed"] = True
    streams.stop()
    sys.stdout.write(json.dumps(did) + "\n")


if __name__ == "__main__":
    main()
