"""Binance's adapters in a world made of one seed: feed, gateway and user stream on one loop of virtual time.

Everything is the code that trades but the network, which is in memory (`virtual_loop`), and the venue, which is small
and keeps its own record (`adapter_venue`). Some faults come by chance for as long as it is rough, then there is calm.
Judged on the way: a live book is the venue's as of its update id. Judged at the end: book, orders, trades, balances and
position are the venue's, nothing was sent twice, nothing halted, no task and no connection is left.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from functools import cache
from random import Random

from bot4._core.engine.feed import Feed
from bot4._core.engine.relay import Relay
from bot4._core.types import IntentFlag
from bot4.adapters.venues.binance.access import Endpoints
from bot4.adapters.venues.binance.sign import HmacSigner
from bot4.adapters.venues.binance.spot import BinanceSpot
from bot4.adapters.venues.binance.usdm import BinanceUsdm
from bot4.adapters.venues.live_feed import LiveFeed
from bot4.application.assembly.assembly import assemble
from bot4.application.assembly.shape import InputShape
from bot4.application.live.account import LivePace
from bot4.application.live.gateway import LiveGateway
from bot4.config import Settings, load_settings
from bot4.domain.instrument import ContractKind, Instrument, Market
from bot4.domain.order_id import client_order_id
from bot4.domain.secret import Secret
from builders.adapter_venue import ENGINE_TIMEOUT_S, FAULTS, RoughFutures, RoughSpot, RoughStreams
from builders.hand_shard import HandShard
from builders.live_desk import ASSETS
from builders.tiny_venue import API_KEY, SECRET
from builders.virtual_loop import VirtualLoop

__all__ = ["FAULTS", "OUTCOMES", "World"]
#: What orders must have come to, over many seeds.
OUTCOMES = frozenset(
    {"sent", "ack", "fill", "canceled", "rejected", "expired", "unknown", "resolved_absent", "dropped", "funding"}
)
EPOCH = 3
TURN_S, LOOK_S = 0.1, 0.5
PASSIVE, TAKING = 10_000, 10_100  # ticks: the bid, the ask


@cache
def settings() -> Settings:
    """What every world is set to."""
    return load_settings(environment={}, overrides={"streams.stale_floor_s": 2.0, "streams.reconnect_attempts_max": 99})


def instrument(market: Market) -> Instrument:
    kind = ContractKind.SPOT if market is Market.SPOT else ContractKind.LINEAR
    return Instrument(
        symbol="BTCUSDT", venue="binance", kind=kind, base="BTC", quote="USDT", settle="USDT",
        tick_size=Decimal("0.01"), lot_size=Decimal("0.00001"),
    )  # fmt: skip


class Ahead:
    """`Background` without threads: what may block takes a while of the loop's time."""

    def __init__(self, loop: VirtualLoop, rng: Random) -> None:
        self._loop, self._rng = loop, rng
        self._finished: list[Callable[[], None]] = []

    def start(self, work: Callable[[], Callable[[], None]]) -> None:
        self._loop.call_later(self._rng.uniform(0.01, 0.4), lambda: self._finished.append(work()))

    def end(self) -> None:
        self.take()

    def take(self) -> None:
        finished, self._finished = self._finished, []
        for consequence in finished:
            consequence()


class World:
    """One life of `rough_s` seconds of faults and a calm after it; `plant` is called when there is a gateway."""

    def __init__(self, seed: int, *, rough_s: float = 40.0, plant: Callable[[World], None] | None = None) -> None:
        self.seed, self.rough_s = seed, rough_s
        self.market = Market.USDM if seed % 2 else Market.SPOT
        self.rng = Random(seed)
        self.reached: Counter[str] = Counter()
        self.loop = VirtualLoop(lambda: self.rng.uniform(0.0005, 0.03))
        self.halts: list[str] = []
        self.shard = HandShard()
        self.looks = self.orders = self.trades = 0
        is_futures = self.market is Market.USDM
        self.venue = (RoughFutures if is_futures else RoughSpot)(self.loop, self._chance(), self.reached)
        self.venue.rate = self.rng.choice((0.02, 0.06, 0.15))
        self.instrument = instrument(self.market)
        self._plant = plant
        self._prepare_feed(is_futures=is_futures)

    def live(self) -> str:
        """Live; returns a digest of the end. Raises AssertionError, naming the seed, where something is wrong."""
        try:
            with asyncio.Runner(loop_factory=lambda: self.loop) as runner:
                runner.run(self._main())
                self._judge()
        except AssertionError as broken:
            where = f"seed {self.seed}, {self.market.value}, at {self.loop.time():.3f} s"
            raise AssertionError(f"{where}: {broken}") from None
        finally:
            self.streams.close()
            os.close(self.shard.intents_fileno())
        return self._digest()

    # -- parts

    def _chance(self) -> Random:
        return Random(self.rng.getrandbits(64))

    def _prepare_feed(self, *, is_futures: bool) -> None:
        at = settings()
        streams = RoughStreams(
            self.market, (self.instrument,), at.venues.binance, at.streams, rules=("memory/rules", b"{}"), notes=()
        )
        streams.prepare(self.loop, self._chance(), self.reached, is_futures=is_futures)
        self.streams = streams
        self.assembly = assemble(at, [self.instrument], journal=None, shape=InputShape())
        self.feed = Feed(self.assembly.scanner, self.assembly.engine, live=True)
        self.source = LiveFeed(streams, at.streams, clock=self, rng=self._chance())
        self.receiver = Relay(self.feed, utc_offset_ns=0)
        self.receiver.tell_time(self.loop.wall_ns())
        self.run = self.source.open(self.feed, receiver=self.receiver, background=Ahead(self.loop, self._chance()))

    def monotonic_ns(self) -> int:
        return self.loop.clock_ns()

    def wall_ns(self) -> int:
        return self.loop.wall_ns()

    def _account(self) -> BinanceSpot | BinanceUsdm:
        user = getattr(self.venue, "user_url", "")
        return (BinanceSpot if self.market is Market.SPOT else BinanceUsdm)(
            Endpoints(rest=self.venue.rest_url, ws_api=self.venue.ws_url, user_stream=user),
            Secret(API_KEY), HmacSigner(Secret(SECRET)), symbols=["BTCUSDT"], mono_ns=self.loop.clock_ns,
            wall_ns=self.loop.wall_ns, rng=self._chance(), timeout_s=1.0,
            engine_timeout_ns=round(ENGINE_TIMEOUT_S * 1e9),
        )  # fmt: skip

    # -- its life

    async def _main(self) -> None:
        async with self.venue:
            self.venue.is_rough = False  # a start that fails ends the run in order: nothing is left to look at
            self.account = self._account()
            self.gateway = LiveGateway(
                self.account, self.shard, self.shard, [self.instrument], ASSETS, epoch=EPOCH,
                now_ns=self.loop.wall_ns, progress=lambda: self.looks, on_halt=self.halts.append,
                pace=LivePace(reconcile_s=5.0, ready_s=0.25, drain_s=60.0, dead_man_s=30.0),
            )  # fmt: skip
            if self._plant is not None:
                self._plant(self)
            trading = asyncio.create_task(self.gateway._main())
            others = [asyncio.create_task(work()) for work in (self._read, self._trade_here, self._look)]
            await self._until(lambda: self.shard.gate_is_open or self.halts, "the gate to open")
            self.venue.is_rough = True
            others.append(asyncio.create_task(self._happen()))
            await asyncio.sleep(self.rough_s)
            await self._calm(others)
            self.gateway.stop()
            await trading
            others[0].cancel()
            await asyncio.gather(*others, return_exceptions=True)
            self.run.end()
            assert not self.network.open, "a connection to the venue is left open"
        await asyncio.sleep(2 * ENGINE_TIMEOUT_S)  # the venue's own: what it still held
        left = asyncio.all_tasks() - {asyncio.current_task()}
        assert not left, f"tasks are left: {sorted(task.get_name() for task in left)}"

    @property
    def network(self):
        return self.loop.network

    async def _calm(self, others: list[asyncio.Task[None]]) -> None:
        """Let nothing more go wrong; everything has to come right again, by itself."""
        self.venue.is_rough = self.streams.is_rough = self.streams.is_mute = self.streams.is_refusing = False
        self.network.is_refusing, self.network.stalled_until_s = False, 0.0
        self.venue.faults.clock_ahead_ms = 0
        for task in (others[1], others[3]):
            task.cancel()
        sync = self.assembly.syncs[0]
        await self._until(lambda: self.shard.gate_is_open or self.halts, "the gate to open again")
        assert not self.halts, f"trading ended: {self.halts}"
        await self._until(lambda: sync.is_live, "the book to come back", 120.0)
        await self._until(lambda: not self.gateway.board.unknown_count, "every outcome to be known")
        others[2].cancel()
        for task in others:
            if task.done() and not task.cancelled() and task.exception() is not None:
                raise task.exception()
        self._compare_books()

    async def _until(self, condition: Callable[[], object], what: str, patience_s: float = 60.0) -> None:
        until_s = self.loop.time() + patience_s
        while not condition():
            assert self.loop.time() < until_s, f"waited {patience_s:g} s for {what}: {self.gateway.status}"
            await asyncio.sleep(0.05)

    async def _read(self) -> None:
        """The reading thread, turn by turn; the market beats in between."""
        number = 0
        while True:
            number += 1
            self.streams.beat(number)
            self.receiver.tell_time(self.loop.wall_ns())
            self.run.turn()
            await asyncio.sleep(TURN_S)

    async def _trade_here(self) -> None:
        """What an engine asks for: orders of every kind while the gate is open, and cancellations at any time."""
        rng, exchange = self._chance(), self.venue.exchange
        while True:
            await asyncio.sleep(rng.expovariate(1 / 0.8))
            if self.shard.gate_is_open and rng.random() < 0.7:
                side, style = rng.randrange(2), rng.randrange(5)
                price = PASSIVE if (style < 3) == (side == 0) else TAKING
                self.shard.place(
                    side=side, qty_lots=rng.randrange(1_000, 50_000), price_ticks=price,
                    tif=1 if style == 2 else 0, flags=int(IntentFlag.INTENT_POST_ONLY) if style in {0, 4} else 0,
                )  # fmt: skip
            elif self.shard._next_id > 1:
                self.shard.cancel(rng.randrange(max(1, self.shard._next_id - 8), self.shard._next_id))
            if self.market is Market.USDM and self.venue.position() and rng.random() < 0.1:
                self.venue.settle(Decimal(rng.randrange(-(10**9), 10**9)).scaleb(-8))
            resting = [order for order in exchange.orders if order.is_open]
            if resting and rng.random() < 0.5:
                order = rng.choice(resting)
                left = order.qty - order.filled
                part = left if rng.random() < 0.5 else (left / 2).quantize(Decimal("0.00001"))
                exchange.trade(order.client_id, part or left)

    async def _happen(self) -> None:
        """What goes wrong outside of single requests and frames."""
        rng, streams, network = self._chance(), self.streams, self.network
        while True:
            await asyncio.sleep(rng.expovariate(1 / 3.0))
            fault = rng.choice(
                ("orders_cut", "orders_refused", "orders_stalled", "clock_skewed", "feed_cut", "feed_refused",
                 "feed_mute", "feed_shutdown", "feed_closed", "events_ended", "orders_shutdown")
            )  # fmt: skip
            if fault == "orders_cut":
                self.reached[fault] += network.cut() > 0
            elif fault == "orders_refused":
                self.reached[fault] += network.cut() > 0
                network.is_refusing = True
                self.loop.call_later(rng.uniform(0.2, 4.0), setattr, network, "is_refusing", False)
            elif fault == "orders_stalled":
                self.reached[fault] += len(network.open) > 0
                network.stall(rng.uniform(0.3, 2.5))
            elif fault == "clock_skewed":
                self.reached[fault] += 1
                self.venue.faults.clock_ahead_ms = rng.randrange(-300, 301)
            elif fault == "events_ended":
                self.reached[fault] += self.venue.say(self.venue.ending) > 0
            elif fault == "orders_shutdown":
                self.reached[fault] += self.venue.say("serverShutdown") > 0
            elif fault == "feed_refused":
                streams.is_refusing = True
                streams.cut()
                self.loop.call_later(rng.uniform(0.2, 3.0), setattr, streams, "is_refusing", False)
            elif fault == "feed_mute":
                self.reached[fault] += len(streams.peers) > 0
                streams.is_mute = True
                self.loop.call_later(rng.uniform(0.5, 6.0), setattr, streams, "is_mute", False)
            else:
                self.reached[fault] += len(streams.peers) > 0
                {"feed_cut": streams.cut, "feed_shutdown": streams.announce_end, "feed_closed": streams.close_all}[
                    fault
                ]()

    # -- rules

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            self._compare_books()

    def _compare_books(self) -> None:
        """A book that calls itself live is the venue's as of its update id, level by level."""
        self.looks += 1
        sync = self.assembly.syncs[0]
        if not sync.is_live:
            return
        truth = self.streams.known.get(sync.last_id)
        assert truth is not None, f"the book is at {sync.last_id}, which the venue never was"
        for side in (0, 1):
            prices, qtys = sync.book.depth(side)
            ours = dict(zip(map(int, prices), map(int, qtys), strict=True))
            assert ours == truth[side], f"side {side} of the book at {sync.last_id} is not the venue's"

    def _judge(self) -> None:
        from builders.adapter_judge import judge  # noqa: PLC0415 - it needs this module's names

        judge(self)

    def name(self, order_id: int) -> str:
        return client_order_id(EPOCH, order_id)

    def _digest(self) -> str:
        exchange = self.venue.exchange
        told = hashlib.sha256()
        for order in exchange.orders:
            told.update(f"{order.client_id} {order.status} {order.filled} {order.created_ms}\n".encode())
        for row in self.shard.reports:
            told.update(row.tobytes())
        told.update(f"{self.loop.time()} {self.streams.truth.update_id} {sorted(self.reached.items())}".encode())
        return told.hexdigest()
