"""Writers of small recordings: Binance captures of each market, Kraken v1 and v2, OKX, CSV dumps.

The venues' rules are written out here again, in the plainest way, so that a mistake in the readers is not repeated.
"""

from __future__ import annotations

import json
import random
import zlib
from datetime import UTC, datetime
from decimal import Decimal

START_MS = 1_723_161_255_000


class BinanceWriter:
    """A capture of one symbol with a consistent book: every diff is applied to `bids` and `asks` as it is written."""

    def __init__(self, market: str = "spot", symbol: str = "BTCUSDT", seed: int = 1) -> None:
        self.market, self.symbol = market, symbol
        self.random = random.Random(seed)
        self.now_ms = START_MS
        self.update_id = 1_000
        self.previous_id = 990
        self.trade_id = 500
        self.lines: list[bytes] = []
        # Whole ticks of 0.1 and lots of 0.001: on the grid of every market's BTC instrument.
        self.bids = {600_000 - i: 5 + i for i in range(30)}
        self.asks = {600_001 + i: 5 + i for i in range(30)}

    def write(self, frame: dict, stream: str = "") -> None:
        if stream:
            frame = {"stream": f"{self.symbol.lower()}@{stream}", "data": frame}
        self.lines.append(
            b"%d %s" % (self.now_ms * 1_000_000 + 1_234_567, json.dumps(frame, separators=(",", ":")).encode())
        )

    def level(self, ticks: int, lots: int) -> list[str]:
        if self.market == "coinm":
            return [f"{Decimal(ticks) / 10:.1f}", str(lots)]
        return [f"{Decimal(ticks) / 10:.2f}", f"{Decimal(lots) / 1000:.3f}"]

    def common(self, event: str) -> dict:
        frame = {"e": event, "E": self.now_ms, "s": self.symbol}
        if self.market != "spot":
            frame["T"] = self.now_ms - 1
        if self.market == "coinm" and event == "depthUpdate":
            frame["ps"] = self.symbol.split("_")[0]
        return frame

    def depth(self) -> None:
        """One diff: some levels change, none crosses."""
        self.now_ms += 100
        first = self.update_id + 1
        self.update_id += self.random.randint(1, 5)
        frame = self.common("depthUpdate") | {"U": first, "u": self.update_id}
        if self.market != "spot":
            frame["pu"] = self.previous_id
        self.previous_id = self.update_id
        changes: dict[str, list[list[str]]] = {"b": [], "a": []}
        for name, side in (("b", self.bids), ("a", self.asks)):
            for _ in range(self.random.randint(0, 3)):
                ticks = self.random.choice([*side, min(side) - 1 if name == "b" else max(side) + 1])
                lots = self.random.choice([0, 1, 7, 40])
                if lots == 0 and len(side) < 20:
                    lots = 3
                side[ticks] = lots
                if lots == 0:
                    del side[ticks]
                changes[name].append(self.level(ticks, lots))
        self.write(frame | changes, "depth@100ms")

    def snapshot(self) -> None:
        frame: dict = {"lastUpdateId": self.update_id}
        if self.market != "spot":
            frame |= {"E": self.now_ms, "T": self.now_ms - 1}
        if self.market == "coinm":
            frame |= {"symbol": self.symbol, "pair": self.symbol.split("_")[0]}
        frame["bids"] = [self.level(t, self.bids[t]) for t in sorted(self.bids, reverse=True)]
        frame["asks"] = [self.level(t, self.asks[t]) for t in sorted(self.asks)]
        self.write(frame)

    def trade(self) -> None:
        self.now_ms += 1
        self.trade_id += 1
        price, qty = self.level(max(self.bids), 2)
        frame = self.common("trade") | {"t": self.trade_id, "p": price, "q": qty, "T": self.now_ms - 1, "m": True}
        frame |= {"M": True} if self.market == "spot" else {"X": "MARKET"}
        self.write(frame, "trade")

    def quote(self) -> None:
        self.now_ms += 1
        bid, ask = max(self.bids), min(self.asks)
        frame: dict = {"u": self.update_id, "s": self.symbol}
        for names, ticks, side in ((("b", "B"), bid, self.bids), (("a", "A"), ask, self.asks)):
            frame |= dict(zip(names, self.level(ticks, side[ticks]), strict=True))
        if self.market != "spot":
            frame |= {"e": "bookTicker", "T": self.now_ms - 1, "E": self.now_ms}
        if self.market == "coinm":
            frame["ps"] = self.symbol.split("_")[0]
        self.write(frame, "bookTicker")

    def session(self, rounds: int = 20, *, snapshot: bool = True) -> BinanceWriter:
        """Diffs, then a snapshot, then diffs, trades and quotes."""
        for turn in range(rounds):
            self.depth()
            if turn == 2 and snapshot:
                self.snapshot()
            self.trade()
            self.quote()
        return self

    def content(self) -> bytes:
        return b"\n".join(self.lines) + b"\n"


def binance_capture(market: str = "spot", *, rounds: int = 20, seed: int = 1, snapshot: bool = True) -> bytes:
    symbol = "BTCUSD_PERP" if market == "coinm" else "BTCUSDT"
    return BinanceWriter(market, symbol, seed).session(rounds, snapshot=snapshot).content()


def kraken_checksum(bids: dict[Decimal, tuple[str, str]], asks: dict[Decimal, tuple[str, str]]) -> int:
    text = ""
    for key in sorted(asks)[:10]:
        text += "".join(str(int(part.replace(".", ""))) for part in asks[key])
    for key in sorted(bids, reverse=True)[:10]:
        text += "".join(str(int(part.replace(".", ""))) for part in bids[key])
    return zlib.crc32(text.encode())


def kraken_capture(version: int = 1, *, rounds: int = 40, depth: int = 10, seed: int = 3) -> bytes:
    """A book channel with a checksum in every update, truncated to `depth` as the venue demands."""
    source = random.Random(seed)
    bids = {Decimal(1000 - i): (f"{1000 - i}.00000", f"{i + 1}.00000000") for i in range(depth)}
    asks = {Decimal(1001 + i): (f"{1001 + i}.00000", f"{i + 1}.50000000") for i in range(depth)}
    stamp = 1_618_678_132.5
    symbol = "XBT/USD" if version == 1 else "BTC/USD"
    lines = [
        f"wss://ws.kraken.com <-> {stamp}",
        f'{stamp}: {{"connectionID":1,"event":"systemStatus","status":"online","version":"1.8.3"}}'
        if version == 1
        else f'{stamp}: {{"method":"subscribe","result":{{"channel":"book","depth":{depth},"symbol":"BTC/USD"}},'
        '"success":true,"time_in":"2024-01-01T00:00:00.0Z"}',
    ]

    def told(changes: dict[str, list[tuple[str, str]]], *, is_snapshot: bool) -> str:
        crc = kraken_checksum(bids, asks)
        if version == 1:
            names = {"bids": "bs", "asks": "as"} if is_snapshot else {"bids": "b", "asks": "a"}
            body: dict = {
                names[side]: [[p, q, f"{stamp:.6f}"] for p, q in rows] for side, rows in changes.items() if rows
            }
            if not is_snapshot:
                body["c"] = str(crc)
            return json.dumps([336, body, f"book-{depth}", symbol])
        rows = {
            side: "[" + ",".join(f'{{"price":{p},"qty":{q}}}' for p, q in changes.get(side, [])) + "]"
            for side in ("bids", "asks")
        }
        kind = "snapshot" if is_snapshot else "update"
        when = f"{datetime.fromtimestamp(stamp, UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
        return (
            f'{{"channel":"book","type":"{kind}","data":[{{"symbol":"{symbol}","bids":{rows["bids"]},'
            f'"asks":{rows["asks"]},"checksum":{crc},"timestamp":"{when}"}}]}}'
        )

    lines.append(f"{stamp:.6f}: " + told({"bids": list(bids.values()), "asks": list(asks.values())}, is_snapshot=True))
    for _ in range(rounds):
        stamp += 0.01
        changes: dict[str, list[tuple[str, str]]] = {"bids": [], "asks": []}
        name = source.choice(["bids", "asks"])
        side = bids if name == "bids" else asks
        best_first = sorted(side, reverse=name == "bids")
        step = -1 if name == "bids" else 1
        key = source.choice([*best_first, best_first[-1] + step])
        qty = source.choice(["0.00000000", "3.25000000", "17.00000001"])
        if qty == "0.00000000" and (key not in side or len(side) < 6):
            qty = "9.00000000"
        text = (f"{key:.5f}", qty)
        changes[name].append(text)
        if Decimal(qty) == 0:
            del side[key]
        else:
            side[key] = text
        for dropped in sorted(side, reverse=name == "bids")[depth:]:
            del side[dropped]
        lines.append(f"{stamp:.6f}: " + told(changes, is_snapshot=False))
    return "\n".join(lines).encode() + b"\n"


def okx_capture(*, rounds: int = 30, seed: int = 4, checksums: bool = True, ids: bool = False) -> bytes:
    source = random.Random(seed)
    bids = {30000 - i: f"{i + 1}" for i in range(40)}
    asks = {30001 + i: f"{i + 1}.5" for i in range(40)}
    stamp, now_ms, seq = 1_652_459_225.5, 1_652_459_225_400, 100
    lines = [f"wss://ws.okx.com:8443/ws/v5/public <-> {stamp}"]

    def checksum() -> int:
        best_bids, best_asks = sorted(bids, reverse=True)[:25], sorted(asks)[:25]
        parts: list[str] = []
        for i in range(25):
            parts += [f"{best_bids[i]}:{bids[best_bids[i]]}"] if i < len(best_bids) else []
            parts += [f"{best_asks[i]}:{asks[best_asks[i]]}"] if i < len(best_asks) else []
        value = zlib.crc32(":".join(parts).encode())
        return value - 2**32 if value >= 2**31 else value

    def write(action: str, rows: dict[str, list[list[str]]]) -> None:
        nonlocal seq
        entry: dict = {**rows, "ts": str(now_ms), "checksum": checksum() if checksums else 0}
        if ids:
            entry |= {"prevSeqId": -1 if action == "snapshot" else seq, "seqId": seq + 1}
            seq += 1
        frame = {"arg": {"channel": "books", "instId": "BTC-USDT"}, "action": action, "data": [entry]}
        lines.append(f"{stamp:.6f}: {json.dumps(frame)}")

    def rows_of(side: dict[int, str]) -> list[list[str]]:
        return [[str(price), qty, "0", "1"] for price, qty in side.items()]

    write("snapshot", {"asks": rows_of(asks), "bids": rows_of(bids)})
    for _ in range(rounds):
        stamp, now_ms = stamp + 0.1, now_ms + 100
        name = source.choice(["bids", "asks"])
        side = bids if name == "bids" else asks
        price = source.choice(list(side))
        qty = source.choice(["0", "2.5", "11"]) if len(side) > 30 else "4"
        side[price] = qty
        if qty == "0":
            del side[price]
        write("update", {"asks": [], "bids": [], name: [[str(price), qty, "0", "1"]]})
    return "\n".join(lines).encode() + b"\n"


def trades_csv(count: int = 50, *, spot: bool = True, header: bool = False, unit: int = 1) -> bytes:
    """A trades dump; `unit` 1000 writes microseconds."""
    rows = ["id,price,qty,quote_qty,time,is_buyer_maker"] if header else []
    for i in range(count):
        row = (
            f"{1000 + i},61837.{i % 100:02d},0.0{i % 10}100,12.5,{(START_MS + i) * unit},{'True' if i % 2 else 'False'}"
        )
        rows.append(row + ",True" if spot else row)
    return "\n".join(rows).encode() + b"\n"


def agg_trades_csv(count: int = 50, *, spot: bool = True, header: bool = False) -> bytes:
    rows = ["agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,is_buyer_maker"] if header else []
    for i in range(count):
        row = f"{2000 + i},61837.1,0.500,{5000 + 2 * i},{5001 + 2 * i},{START_MS + i},{'true' if i % 2 else 'false'}"
        rows.append(row + ",True" if spot else row)
    return "\n".join(rows).encode() + b"\n"


def klines_csv(count: int = 30, *, header: bool = False, unit: int = 1) -> bytes:
    rows = [
        "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore"
    ]
    for i in range(count):
        opened = (START_MS - START_MS % 60_000) + i * 60_000
        closed = (opened + 60_000) * unit - 1
        rows.append(f"{opened * unit},100.0,101.5,99.5,100.5,12.00000,{closed},1206,7,5.00000,502.5,0")
    return "\n".join(rows if header else rows[1:]).encode() + b"\n"
