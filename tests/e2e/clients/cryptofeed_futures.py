"""cryptofeed, unchanged but for its addresses, on served futures: a book, trades and funding over TLS.

    python cryptofeed_futures.py REST WSS

Prints what it has seen and ends with 0 once it has seen everything.
"""

from __future__ import annotations

import asyncio
import os
import sys

from cryptofeed import FeedHandler
from cryptofeed.connection import RestEndpoint, Routes, WebsocketEndpoint
from cryptofeed.defines import FUNDING, L2_BOOK, TICKER, TRADES
from cryptofeed.exchanges import BinanceFutures

WANTED = {"OrderBook", "Trade", "Ticker", "Funding"}
BOOKS = 10  # diffs that must fit one after another


def main() -> None:
    """Run until everything was seen, 30 s at most."""
    rest, ws = sys.argv[1:]
    routes = Routes("/fapi/v1/exchangeInfo", l2book="/fapi/v1/depth?symbol={}&limit={}")
    BinanceFutures.rest_endpoints = [RestEndpoint(rest, routes=routes)]
    BinanceFutures.websocket_endpoints = [WebsocketEndpoint(ws)]
    seen: dict[str, int] = {}

    async def told(update, _) -> None:
        name = type(update).__name__
        seen[name] = seen.get(name, 0) + 1
        if set(seen) >= WANTED and seen["OrderBook"] >= BOOKS:
            sys.stdout.write(f"{sorted(seen)}\n")
            sys.stdout.flush()
            os._exit(0)

    handler = FeedHandler(config={"log": {"disabled": True}})
    channels = [L2_BOOK, TRADES, TICKER, FUNDING]
    callbacks = dict.fromkeys(channels, told)
    handler.add_feed(BinanceFutures(symbols=["BTC-USDT-PERP"], channels=channels, callbacks=callbacks))
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    handler.run(start_loop=False)
    loop.run_until_complete(asyncio.sleep(30))
    sys.stdout.write(f"after 30 s: {seen}\n")
    sys.stdout.flush()
    os._exit(1)


if __name__ == "__main__":
    main()
