"""Small exchanges that send the book's snapshot by the stream: Kraken v2, OKX v5, Bybit v5 and Coinbase Advanced.

Each dialect turns the same truth into its venue's messages, with checksums and ids made here, apart from the code that
is tested. `FIELDS` names what a test needs to reach it.
"""

from __future__ import annotations

import asyncio
import json
import zlib
from datetime import UTC, datetime

from oracles.wire_websocket import CLOSE, PING, TEXT, encode

from builders.venue_server import LOT, TICK, Peer, Truth, VenueServer, client_frame, level

ISO = "%Y-%m-%dT%H:%M:%S.%fZ"


def now_iso() -> str:
    return datetime.now(UTC).strftime(ISO)


def now_ms() -> int:
    return int(datetime.now(UTC).timestamp() * 1_000)


class InBandServer(VenueServer):
    """One venue's exchange. `messages` of a moment go through `tamper`, then to every peer that subscribed."""

    symbol = ""
    venue = ""
    market_symbol = ""

    def __init__(self, **kwargs: object) -> None:
        super().__init__("BTCUSD", **kwargs)
        self.truth = self.truths["BTCUSD"]
        self.subscriptions: list[dict] = []
        self.heartbeats = 0

    # -- what a dialect says ---------------------------------------------------------------------------------------

    def snapshot_message(self) -> dict:
        raise NotImplementedError

    def diff_message(self, bids: list, asks: list) -> dict:
        raise NotImplementedError

    def trade_message(self, price: str, qty: str, number: int) -> dict:
        raise NotImplementedError

    def rules(self) -> dict:
        raise NotImplementedError

    def on_message(self, peer: InBandPeer, message: dict | str) -> None:
        raise NotImplementedError

    # -- the market ------------------------------------------------------------------------------------------------

    def _moment(self) -> None:
        messages = []
        for _ in range(self.rng.randrange(1, 4)):
            data = json.loads(self.truth.diff())["data"]
            messages.append(self.diff_message(data["b"], data["a"]))
        if self.rng.random() < 0.5:
            data = json.loads(self.truth.trade())["data"]
            messages.append(self.trade_message(data["p"], data["q"], data["t"]))
        for message in messages:
            for peer in list(self.peers):
                if peer.is_subscribed and not peer.is_muted and not self.is_silent:
                    self.say(peer, message)

    def say(self, peer: InBandPeer, message: dict) -> None:
        """One message to one peer, unless it is dropped; what numbers a connection counts it all the same."""
        message = self.numbered(peer, message)
        if self.tamper is None or self.tamper([message]):
            peer.send(encode(TEXT, self.text(message)))

    def numbered(self, peer: InBandPeer, message: dict) -> dict:
        del peer
        return message

    def text(self, message: dict) -> bytes:
        return json.dumps(message, separators=(",", ":")).encode()

    def subscribe(self, peer: InBandPeer) -> None:
        peer.is_subscribed = True
        self.say(peer, self.snapshot_message())

    def book_changed(self, bids: list, asks: list) -> None:
        """Told of every diff's levels before its message is made."""

    # -- protocol --------------------------------------------------------------------------------------------------

    def _answer(self, path: str, query: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        del path, query
        return 200, {}, json.dumps(self.rules()).encode()

    async def _websocket(
        self, target: str, key: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.upgrade(key, writer)
        peer = InBandPeer(writer, {target})
        self.peers.append(peer)
        self.all_peers.append(peer)
        try:
            while True:
                opcode, payload = await client_frame(reader)
                if opcode == CLOSE:
                    peer.close_code = int.from_bytes(payload[:2], "big")
                    return
                if opcode == TEXT:
                    message = payload.decode()
                    if message.startswith("{"):
                        message = json.loads(message)
                        self.subscriptions.append(message)
                    self.on_message(peer, message)
        finally:
            self.peers.remove(peer)


class InBandPeer(Peer):
    def __init__(self, writer: asyncio.StreamWriter, streams: set[str]) -> None:
        super().__init__(writer, streams)
        self.is_subscribed = False
        self.sequence = 0


class DeepTruth(Truth):
    """More levels than a subscription holds."""

    reach_ticks = 300
    levels_min = 150


class KrakenServer(InBandServer):
    """JSON numbers with the pair's decimals; a book cut to the subscribed depth; CRC32 of ten levels."""

    symbol, venue, market_symbol = "XBT/USD", "kraken", "BTC/USD"
    depth = 100
    truth_type = DeepTruth

    def rules(self) -> dict:
        pair = {"wsname": "XBT/USD", "pair_decimals": 2, "lot_decimals": 8, "tick_size": "0.01", "ordermin": "0.0001"}
        return {"error": [], "result": {"XXBTZUSD": pair}}

    def checksum(self) -> int:
        text = ""
        for side in (1, 0):
            for price, qty in self.truth.levels(side)[:10]:
                text += str(price).lstrip("0") + str(qty * 1_000).lstrip("0")
        return zlib.crc32(text.encode())

    def _entry(self, bids: list, asks: list) -> dict:
        def rows(levels: list) -> list[dict]:
            return [{"price": f"@{float(p):.2f}@", "qty": f"@{q}@"} for p, q in levels]

        return {
            "symbol": self.market_symbol, "bids": rows(bids), "asks": rows(asks), "checksum": self.checksum(),
            "timestamp": now_iso(),
        }  # fmt: skip

    def snapshot_message(self) -> dict:
        sides = [[level(*one) for one in self.truth.levels(side)[: self.depth]] for side in (0, 1)]
        return {"channel": "book", "type": "snapshot", "data": [self._entry(*sides)]}

    def diff_message(self, bids: list, asks: list) -> dict:
        # What is beyond the depth is not sent; what comes into it because a better level went is.
        sent: list[list] = []
        for side, levels in enumerate((bids, asks)):
            inside = {price for price, _ in self.truth.levels(side)[: self.depth]}
            known = self._known[side]
            now = dict(self.truth.levels(side)[: self.depth])
            changes = {price: now[price] for price in inside if known.get(price) != now[price]}
            removed = {round(float(p) * 100) for p, q in levels if float(q) == 0}
            changes |= {price: 0 for price in known if price in removed and price not in now}
            self._known[side] = now
            sent.append([level(*one) for one in changes.items()])
        return {"channel": "book", "type": "update", "data": [self._entry(*sent)]}

    def subscribe(self, peer: InBandPeer) -> None:
        super().subscribe(peer)

    def _moment(self) -> None:
        if not hasattr(self, "_known"):
            self._known = [dict(self.truth.levels(side)[: self.depth]) for side in (0, 1)]
        super()._moment()

    def trade_message(self, price: str, qty: str, number: int) -> dict:
        row = {
            "symbol": self.market_symbol, "side": "buy", "price": f"@{float(price):.2f}@", "qty": f"@{qty}@",
            "ord_type": "limit", "trade_id": number, "timestamp": now_iso(),
        }  # fmt: skip
        return {"channel": "trade", "type": "update", "data": [row]}

    def text(self, message: dict) -> bytes:
        return super().text(message).replace(b'"@', b"").replace(b'@"', b"")

    def on_message(self, peer: InBandPeer, message: dict | str) -> None:
        if message["method"] == "ping":
            self.heartbeats += 1
        elif message["params"]["channel"] == "book":
            depth = {"channel": "book", "symbol": self.market_symbol, "depth": self.depth, "snapshot": True}
            answer = {"method": message["method"], "result": depth, "success": True, "time_in": now_iso()}
            peer.send(encode(TEXT, self.text(answer)))
            if message["method"] == "subscribe":
                self.subscribe(peer)
            else:
                peer.is_subscribed = False


class OkxServer(InBandServer):
    """Sequence ids; the checksum is 0."""

    symbol, venue = "BTC-USDT", "okx"

    def rules(self) -> dict:
        entry = {"instId": "BTC-USDT", "instType": "SPOT", "baseCcy": "BTC", "quoteCcy": "USDT", "tickSz": "0.01"}
        return {"code": "0", "data": [entry | {"lotSz": "0.00000001", "minSz": "0.00001"}]}

    def _message(self, action: str, bids: list, asks: list, before: int) -> dict:
        def rows(levels: list) -> list:
            return [[price, qty, "0", "1"] for price, qty in levels]

        entry = {"bids": rows(bids), "asks": rows(asks), "ts": str(now_ms()), "checksum": 0}
        entry |= {"prevSeqId": before, "seqId": self.truth.update_id}
        return {"arg": {"channel": "books", "instId": self.symbol}, "action": action, "data": [entry]}

    def snapshot_message(self) -> dict:
        return self._message("snapshot", *[[level(*one) for one in self.truth.levels(side)] for side in (0, 1)], -1)

    def diff_message(self, bids: list, asks: list) -> dict:
        return self._message("update", bids, asks, self.truth.previous_id)

    def trade_message(self, price: str, qty: str, number: int) -> dict:
        row = {
            "instId": self.symbol,
            "tradeId": str(number),
            "px": price,
            "sz": qty,
            "side": "sell",
            "ts": str(now_ms()),
        }
        return {"arg": {"channel": "trades", "instId": self.symbol}, "data": [row]}

    def on_message(self, peer: InBandPeer, message: dict | str) -> None:
        if message == "ping":
            self.heartbeats += 1
            peer.send(encode(TEXT, b"pong"))
            return
        for argument in message["args"]:
            peer.send(encode(TEXT, self.text({"event": message["op"], "arg": argument, "connId": "a"})))
            if argument["channel"] == "books":
                peer.is_subscribed = False
                if message["op"] == "subscribe":
                    self.subscribe(peer)


class BybitServer(InBandServer):
    """`u` counts one by one."""

    symbol, venue = "BTCUSDT", "bybit"

    def __init__(self, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.number = 100

    def rules(self) -> dict:
        lot = {"basePrecision": "0.00000001", "minOrderQty": "0.00001", "minOrderAmt": "5"}
        entry = {"symbol": "BTCUSDT", "baseCoin": "BTC", "quoteCoin": "USDT", "lotSizeFilter": lot}
        return {"retCode": 0, "retMsg": "OK", "result": {"list": [entry | {"priceFilter": {"tickSize": "0.01"}}]}}

    def _message(self, kind: str, bids: list, asks: list) -> dict:
        data = {"s": self.symbol, "b": bids, "a": asks, "u": self.number, "seq": self.number * 7}
        return {"topic": f"orderbook.200.{self.symbol}", "type": kind, "ts": now_ms(), "data": data}

    def snapshot_message(self) -> dict:
        return self._message("snapshot", *[[level(*one) for one in self.truth.levels(side)] for side in (0, 1)])

    def diff_message(self, bids: list, asks: list) -> dict:
        self.number += 1
        return self._message("delta", bids, asks)

    def restart(self) -> None:
        """The service was restarted: a snapshot whose number is 1."""

        def body() -> None:
            self.number = 1
            for peer in self.peers:
                self.say(peer, self._message("delta", *[[level(*o) for o in self.truth.levels(s)] for s in (0, 1)]))

        self.call(body)

    def trade_message(self, price: str, qty: str, number: int) -> dict:
        row = {"T": now_ms(), "s": self.symbol, "S": "Sell", "v": qty, "p": price, "i": f"id-{number}", "BT": False}
        return {"topic": f"publicTrade.{self.symbol}", "type": "snapshot", "ts": now_ms(), "data": [row]}

    def on_message(self, peer: InBandPeer, message: dict | str) -> None:
        if message["op"] == "ping":
            self.heartbeats += 1
            return
        peer.send(encode(TEXT, self.text({"success": True, "ret_msg": "", "op": message["op"]})))
        if any(topic.startswith("orderbook") for topic in message["args"]):
            peer.is_subscribed = message["op"] == "subscribe"
            if peer.is_subscribed:
                self.subscribe(peer)


class CoinbaseServer(InBandServer):
    """One count for every message of a connection."""

    symbol, venue = "BTC-USD", "coinbase"

    def rules(self) -> dict:
        entry = {"product_id": "BTC-USD", "product_type": "SPOT", "base_currency_id": "BTC", "quote_currency_id": "USD"}
        return {
            "products": [entry | {"quote_increment": "0.01", "base_increment": "0.00000001", "quote_min_size": "1"}]
        }

    def numbered(self, peer: InBandPeer, message: dict) -> dict:
        numbered = message | {"sequence_num": peer.sequence}
        peer.sequence += 1
        return numbered

    def _message(self, kind: str, bids: list, asks: list) -> dict:
        rows = [
            {"side": side, "event_time": now_iso(), "price_level": price, "new_quantity": qty}
            for side, levels in (("bid", bids), ("offer", asks))
            for price, qty in levels
        ]
        event = {"type": kind, "product_id": self.symbol, "updates": rows}
        return {"channel": "l2_data", "client_id": "", "timestamp": now_iso(), "events": [event]}

    def snapshot_message(self) -> dict:
        return self._message("snapshot", *[[level(*one) for one in self.truth.levels(side)] for side in (0, 1)])

    def diff_message(self, bids: list, asks: list) -> dict:
        return self._message("update", bids, asks)

    def trade_message(self, price: str, qty: str, number: int) -> dict:
        row = {"trade_id": str(number), "product_id": self.symbol, "price": price, "size": qty, "side": "BUY"}
        event = {"type": "update", "trades": [row | {"time": now_iso()}]}
        return {"channel": "market_trades", "client_id": "", "timestamp": now_iso(), "events": [event]}

    def on_message(self, peer: InBandPeer, message: dict | str) -> None:
        if message["channel"] == "level2":
            peer.is_subscribed = message["type"] == "subscribe"
            if peer.is_subscribed:
                self.subscribe(peer)


SERVERS = {"kraken": KrakenServer, "okx": OkxServer, "bybit": BybitServer, "coinbase": CoinbaseServer}
__all__ = ["LOT", "PING", "SERVERS", "TICK", "Truth"]
