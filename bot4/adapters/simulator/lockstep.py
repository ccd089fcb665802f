"""A recording served in lockstep: virtual time, which moves only by the client's acknowledgement.

One WebSocket, one client. Each request says what the client decided at the moment it was last shown, in the venue's own
order entry, and how far its own clock may go before it does something of its own. Each answer is the next thing that
happens: a recorded frame, byte for byte, or a moment in which the venue reports, or neither. So one event goes out,
every order that comes of it comes in, then the next: what is decided and filled hangs on no thread and on no network.

Orders are matched by the simulated exchange of paper trading (docs/paper.md), not by the matching engine that this
room serves in real time: the recorded market does not react to them.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import WSMsgType, web

from bot4._core.event_dtype import EVENT_DTYPE
from bot4._core.types import EventKind, Flag, IntentAction, IntentFlag, OrderType, TimeInForce

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from bot4._core.book.depth_sync import DepthSync
    from bot4._core.sim.paper import Paper
    from bot4._core.wire.scan import Scanner
    from bot4.domain.instrument import Instrument

PATH = "/lockstep"
_NEVER = 2**63 - 1
_MS = 1_000_000
_REQUEST_MAX = 1 << 20
_SIDES = {"BUY": 0, "SELL": 1}
_TIFS = {"GTC": TimeInForce.TIF_GTC, "IOC": TimeInForce.TIF_IOC, "FOK": TimeInForce.TIF_FOK}
_WORDS = {
    EventKind.EVENT_ORDER_ACK: ("NEW", "NEW"),
    EventKind.EVENT_ORDER_CANCELED: ("CANCELED", "CANCELED"),
    EventKind.EVENT_ORDER_EXPIRED: ("EXPIRED", "EXPIRED"),
    EventKind.EVENT_ORDER_REJECTED: ("REJECTED", "REJECTED"),
}


@dataclass(frozen=True, slots=True)
class LockstepLane:
    """One instrument of the venue: its book, and its orders' exchange, which takes fees of so many decimals."""

    instrument: Instrument
    sync: DepthSync
    paper: Paper
    fee_decimals: int


@dataclass(slots=True)
class _Order:
    name: str
    lane: LockstepLane
    side: int
    price: str
    qty_lots: int
    filled_lots: int = 0


@dataclass(frozen=True, slots=True)
class _Frame:
    stamp_ns: int
    lane: int
    frame: bytes
    rows: NDArray[np.void]


class LockstepVenue:
    """The venue of some instruments in virtual time.

    Parameters
    ----------
    lanes : sequence of LockstepLane
        Of spot instruments, in the order in which an engine has them: what is due at one time is done in that order.
    frames : iterator of (int, int, bytes)
        Receive stamp (nanoseconds), lane and frame, in order.
    scanner : Scanner
        Knows the instruments, in the same order.

    Raises
    ------
    ValueError
        Of `step`: an order that no client of ours writes.

    """

    def __init__(
        self, lanes: Sequence[LockstepLane], frames: Iterator[tuple[int, int, bytes]], scanner: Scanner
    ) -> None:
        self._lanes, self._frames, self._scanner = tuple(lanes), frames, scanner
        self._by_symbol = {lane.instrument.symbol: lane for lane in lanes}
        self._orders: dict[int, _Order] = {}
        self._ids: dict[str, int] = {}
        self._now_ns = 0
        self._executions = 0
        self._next: _Frame | None = self._read()

    def step(self, orders: list[dict[str, Any]], until_ns: int | None) -> tuple[dict[str, Any], bytes | None]:
        """Take what was decided now; return what happens next, at `until_ns` at most, and the frame if one comes."""
        for order in orders:
            self._take(order["method"], order["params"])
        dues = [due for lane in self._lanes if (due := lane.paper.next_due_ns) is not None]
        until = min([_NEVER if until_ns is None else until_ns, *dues])
        if self._next is not None and self._stamp(self._next) < until:
            return self._play(self._next)
        if until == _NEVER:
            return {"now": self._now_ns, "over": True, "reports": []}, None
        self._now_ns = max(self._now_ns, until)
        reports = [
            self._report(event)
            for lane in self._lanes
            for event in lane.paper.step(self._now_ns, lane.sync.book if lane.sync.is_live else None)
        ]
        return {"now": self._now_ns, "over": self._next is None, "reports": reports}, None

    def _play(self, item: _Frame) -> tuple[dict[str, Any], bytes]:
        self._now_ns = self._stamp(item)
        lane = self._lanes[int(item.rows[0]["instrument"])]
        reports = [self._report(event) for event in lane.paper.follow(item.rows, lane.sync, self._now_ns)]
        self._next = self._read()
        told = {"now": self._now_ns, "stamp": item.stamp_ns, "lane": item.lane, "over": self._next is None}
        return told | {"reports": reports}, item.frame

    def _read(self) -> _Frame | None:
        """Return the next frame that says anything."""
        for stamp, lane, frame in self._frames:
            rows = self._scanner.scan(frame, stamp, lane).copy()
            if len(rows):
                return _Frame(stamp, lane, frame, rows.view(EVENT_DTYPE))
        return None

    def _stamp(self, item: _Frame) -> int:
        """When a frame is lived through: a snapshot, fetched beside the stream, does not move the clock."""
        flags = int(item.rows[0]["flags"])
        if self._now_ns and flags & Flag.FLAG_SNAPSHOT and not flags & Flag.FLAG_PARTIAL_BOOK:
            return self._now_ns
        return max(self._now_ns, item.stamp_ns)

    # -- orders

    def _take(self, method: str, params: dict[str, str]) -> None:
        if method == "order.cancel":
            number = self._ids[params["origClientOrderId"]]
            paper = self._orders[number].lane.paper
            paper.submit(now_ns=self._now_ns, order_id=number, action=int(IntentAction.ACTION_CANCEL))
            return
        lane = self._by_symbol.get(params["symbol"])
        if method != "order.place" or lane is None:
            raise ValueError(
                f"lockstep takes order.place and order.cancel of {', '.join(self._by_symbol)}, was {method}"
            )
        name, number = params["newClientOrderId"], len(self._ids) + 1
        if name in self._ids:
            raise ValueError(f"order {name} was placed already")
        is_limit, is_maker = params["type"] in {"LIMIT", "LIMIT_MAKER"}, params["type"] == "LIMIT_MAKER"
        lots = lane.instrument.qty_to_lots(Decimal(params["quantity"]))
        order = _Order(name, lane, _SIDES[params["side"]], params.get("price", "0"), lots)
        self._orders[number], self._ids[name] = order, number
        verdict = lane.paper.submit(
            now_ns=self._now_ns,
            order_id=number,
            side=order.side,
            type=int(OrderType.ORDER_LIMIT if is_limit else OrderType.ORDER_MARKET),
            tif=int(_TIFS[params.get("timeInForce", "GTC" if is_limit else "IOC")]),
            flags=int(IntentFlag.INTENT_POST_ONLY) if is_maker else 0,
            price_ticks=lane.instrument.price_to_ticks(Decimal(order.price)) if is_limit else 0,
            qty_lots=order.qty_lots,
        )
        if verdict:
            raise ValueError(f"order {name} was refused before it was sent: {verdict.name}")

    # -- reports

    def _report(self, event: np.void) -> dict[str, Any]:
        order, kind = self._orders[int(event["a"])], EventKind(int(event["kind"]))
        self._executions += 1
        if kind == EventKind.EVENT_CANCEL_REJECTED:
            return {"e": "cancelRejected", "c": order.name}
        is_fill = kind == EventKind.EVENT_ORDER_FILL
        order.filled_lots += int(event["c"]) if is_fill else 0
        done = "FILLED" if order.filled_lots == order.qty_lots else "PARTIALLY_FILLED"
        execution, status = ("TRADE", done) if is_fill else _WORDS[kind]
        instrument, at = order.lane.instrument, int(event["recv_ns"]) // _MS
        lots, fee = instrument.lots_to_qty, Decimal(int(event["e"])).scaleb(-order.lane.fee_decimals) if is_fill else 0
        return {
            "e": "executionReport", "E": at, "s": instrument.symbol, "c": order.name, "C": "",
            "S": "SELL" if order.side else "BUY", "p": order.price, "q": f"{lots(order.qty_lots):f}",
            "x": execution, "X": status, "r": "NONE" if execution != "REJECTED" else f"PAPER_{int(event['reason'])}",
            "i": int(event["a"]), "l": f"{lots(int(event['c'])) if is_fill else 0:f}",
            "z": f"{lots(order.filled_lots):f}", "n": f"{fee:f}", "N": instrument.quote, "T": at,
            "L": f"{instrument.ticks_to_price(int(event['b'])) if is_fill else 0:f}",
            "t": int(event["d"]) if is_fill else -1, "m": bool(int(event["flags"]) & Flag.FLAG_MAKER),
            "I": self._executions,
        }  # fmt: skip


class LockstepDoor:
    """The WebSocket in front of one venue; the second client is refused."""

    def __init__(self, venue: LockstepVenue, token: str) -> None:
        self._venue, self._token = venue, token
        self._is_taken = False

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Serve the one client until it goes."""
        given = request.headers.get("Authorization", "")
        if not hmac.compare_digest(given.encode(), f"Bearer {self._token}".encode()):
            return web.Response(status=401, text="lockstep needs the token of the administration")
        if self._is_taken:
            return web.Response(status=409, text="this recording is being played to a client already")
        self._is_taken = True
        socket = web.WebSocketResponse(max_msg_size=_REQUEST_MAX, compress=False)
        await socket.prepare(request)
        async for message in socket:
            if message.type is not WSMsgType.TEXT:
                break
            asked = orjson.loads(message.data)
            try:
                told, frame = self._venue.step(asked["orders"], asked["until"])
            except (ValueError, KeyError) as error:
                await socket.send_bytes(orjson.dumps({"error": f"{type(error).__name__}: {error}"}))
                break
            await socket.send_bytes(orjson.dumps(told) + b"\n" + (frame or b""))
        return socket


async def serve_lockstep(door: LockstepDoor, host: str, port: int) -> tuple[web.AppRunner, str]:
    """Listen; port 0 takes a free one. Returns what has to be cleaned up, and the address.

    Raises
    ------
    OSError
        The port cannot be had.

    """
    app = web.Application()
    app.router.add_get(PATH, door.answer)
    runner = web.AppRunner(app, access_log=None, handle_signals=False)
    await runner.setup()
    await web.TCPSite(runner, host, port).start()
    shown = f"[{host}]" if ":" in host else host
    return runner, f"ws://{shown}:{runner.addresses[0][1]}{PATH}"
