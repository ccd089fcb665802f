"""Recorded Binance streams through the whole engine: books whole, orders placed, and money that adds up exactly."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from builders.engine import assembled, spot_instrument
from oracles.account_positions import PositionTwin, Rules
from oracles.book_capture import Rebuild, read_depth_messages, rebuild

from bot4._core.engine.feed import Feed
from bot4._core.event_dtype import EVENT_DTYPE
from bot4._core.journal.reader import JournalReader
from bot4._core.journal.record import JournalKind
from bot4._core.types import EventKind
from bot4.application.assembly.assembly import Assembly
from bot4.domain.instrument import Market

pytestmark = pytest.mark.real_data

HFT = "ws_captures/hftbacktest"
CAPTURES = {
    "spot": (("spot/btcusdt_20240808.gz", "spot/btcusdt_20240809.gz"), Market.SPOT, "BTCUSDT", 2, 8),
    "usdm": (("usdm/btcusdt_20240808.gz",), Market.USDM, "BTCUSDT", 1, 3),
    "cm": (("cm/btcusd_perp_20240808.gz",), Market.COINM, "BTCUSD_PERP", 1, 0),
}
KINDS = {Market.SPOT: 0, Market.USDM: 1, Market.COINM: 2}


@dataclass
class Run:
    assembly: Assembly
    feed: Feed
    fills: np.ndarray
    rebuilt: Rebuild
    price_decimals: int
    market: Market
    symbol: str


@pytest.fixture(scope="module", params=CAPTURES)
def run(request, shared_data: Path, tmp_path_factory) -> Run:
    names, market, symbol, price_decimals, qty_decimals = CAPTURES[request.param]
    paths = [shared_data / HFT / name for name in names]
    journal_path = tmp_path_factory.mktemp("engine") / "j"
    assembly, journal = assembled(journal_path, market=market, symbol=symbol)
    feed = Feed(assembly.scanner, assembly.engine)
    for path in paths:
        data = gzip.decompress(path.read_bytes())
        assert feed.lines(data, 0, default_instrument=0) == len(data)
    assembly.engine.drain()
    journal.close()
    with JournalReader(journal_path) as reader:
        updates = np.frombuffer(reader.payloads(JournalKind.JOURNAL_UPDATE), EVENT_DTYPE)
    fills = updates[updates["kind"] == EventKind.EVENT_ORDER_FILL]
    book = rebuild(list(read_depth_messages(*paths)), price_decimals, qty_decimals)
    return Run(assembly, feed, fills, book, price_decimals, market, symbol)


def test_no_message_is_refused_and_no_update_is_missed(run):
    lane = run.assembly.engine.lane_counters(0)
    assert (lane["gaps"], lane["crossed"], lane["strays"], lane["needs_snapshot"]) == (0, 0, 0, False)
    assert run.feed.counters()["bad_lines"] == 0
    assert run.feed.counters()["rejected"] == {}
    assert run.assembly.engine.counters()["journal_errno"] == 0


def test_orders_were_placed_and_filled_and_none_is_left(run):
    lane = run.assembly.engine.lane_counters(0)
    assert lane["intents"] > 0
    assert lane["fills"] == len(run.fills) > 0
    assert run.assembly.engine.working_orders == 0


def test_the_last_best_prices_are_those_of_an_independent_rebuild(run):
    tick = run.assembly.instruments[0].tick_size
    unit = Decimal(1).scaleb(-run.price_decimals)
    book = run.assembly.syncs[0].book
    assert book.best_bid[0] * tick == max(run.rebuilt.bids) * unit
    assert book.best_ask[0] * tick == min(run.rebuilt.asks) * unit


def test_equity_is_start_plus_result_less_fees_exactly(run):
    instrument = spot_instrument(run.symbol, run.market)
    contract = run.assembly.contracts[0]
    settle = run.assembly.asset(instrument.settle)
    decimals = run.assembly.account.decimals
    start = int((Decimal(1) if run.market is Market.COINM else Decimal(10_000)).scaleb(decimals[settle]))
    fees = sum(int(fill["e"]) for fill in run.fills)
    twin = PositionTwin(
        Rules(
            KINDS[run.market],
            str(instrument.tick_size),
            str(instrument.lot_size),
            base_decimals=decimals[contract.fields["base_asset"]],
            quote_decimals=decimals[contract.fields["quote_asset"]],
            contract_size=int(instrument.contract_size),
        )
    )
    realised = sum(twin.apply_fill(int(f["side"]), int(f["b"]), int(f["c"])) for f in run.fills)
    lane = run.assembly.engine.view()["lanes"][0]
    mark = (lane["bid_ticks"] + lane["ask_ticks"]) // 2
    assert run.assembly.positions[0].lots == lane["position_lots"] == twin.lots
    assert run.assembly.positions[0].realised_atoms == realised
    assert run.assembly.positions[0].fees_atoms == fees
    assert lane["equity_atoms"] == start + realised - fees + twin.unrealised(mark)
    assert lane["equity_atoms"] != start, "something was won or lost"
