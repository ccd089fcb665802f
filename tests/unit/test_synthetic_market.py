"""The made-up market: the same from the same seed, gapless, never crossed, and readable by the scanner."""

from __future__ import annotations

import dataclasses
import itertools
import json
from decimal import Decimal

import pytest
from builders.synthetic import START_NS, capture_lines, instrument, market

from bot4._core.wire.scan import Scanner
from bot4.adapters.synthetic.market import SyntheticMarket
from bot4.domain.errors import ConfigError

COUNT = 3_000


@pytest.fixture(scope="module")
def frames():
    return list(itertools.islice(market(7), COUNT))


def data_of(frame: bytes) -> dict:
    parsed = json.loads(frame)
    return parsed.get("data", parsed)


def test_the_same_seed_gives_the_same_bytes_and_another_one_others():
    assert capture_lines(500, seed=3) == capture_lines(500, seed=3)
    assert capture_lines(500, seed=3) != capture_lines(500, seed=4)


def test_stamps_rise_from_the_start_at_about_the_rate_asked_for(frames):
    stamps = [stamped.recv_ns for stamped in frames]
    assert stamps[0] == START_NS
    assert all(later > earlier for earlier, later in itertools.pairwise(stamps))
    assert 55 < COUNT / ((stamps[-1] - stamps[0]) / 1e9) < 65


def test_update_ids_and_trade_ids_have_no_gap(frames):
    first = data_of(frames[0].frame)
    last = first["lastUpdateId"]
    trades = []
    for stamped in frames[1:]:
        data = data_of(stamped.frame)
        if data.get("e") == "depthUpdate":
            assert data["U"] == last + 1
            assert data["u"] >= data["U"]
            last = data["u"]
        elif data.get("e") == "trade":
            trades.append(data["t"])
    assert trades == list(range(1, len(trades) + 1))
    assert len(trades) > 100


def test_neither_book_nor_quote_is_ever_crossed(frames):
    first = data_of(frames[0].frame)
    bids = {Decimal(price): Decimal(qty) for price, qty in first["bids"]}
    asks = {Decimal(price): Decimal(qty) for price, qty in first["asks"]}
    for stamped in frames[1:]:
        data = data_of(stamped.frame)
        if "B" in data:
            assert Decimal(data["b"]) < Decimal(data["a"])
        if data.get("e") != "depthUpdate":
            continue
        for side, changes in ((bids, data["b"]), (asks, data["a"])):
            for price, qty in changes:
                side[Decimal(price)] = Decimal(qty)
                if not Decimal(qty):
                    del side[Decimal(price)]
        assert max(bids) < min(asks)


def test_a_snapshot_in_mid_stream_is_the_book_that_the_diffs_lead_on_from():
    made = market(5)
    frames = iter(made)
    list(itertools.islice(frames, 700))
    snapshot = json.loads(made.snapshot())
    following = next(data for stamped in frames if (data := data_of(stamped.frame)).get("e") == "depthUpdate")
    assert following["U"] == snapshot["lastUpdateId"] + 1


def test_the_scanner_refuses_none_of_it(frames):
    btcusdt = instrument()
    scanner = Scanner()
    scanner.add_instrument("BTCUSDT", f"{btcusdt.tick_size:f}", f"{btcusdt.lot_size:f}")
    for stamped in frames:
        assert len(scanner.scan(stamped.frame, recv_ns=stamped.recv_ns, default_instrument=0)) > 0
    assert {name: count for name, count in scanner.counters.items() if count} == {"ok": COUNT}


def make(price: str, **changes) -> SyntheticMarket:
    return SyntheticMarket(
        dataclasses.replace(instrument(), **changes),
        seed=1,
        start_ns=START_NS,
        start_price=Decimal(price),
        volatility_annual=20.0,
        messages_per_s=60,
    )


def test_a_price_of_too_few_ticks_is_refused_by_name():
    with pytest.raises(ConfigError, match=r"synthetic\.start_price must be at least 1000 ticks of 0\.01, was 9\.99"):
        make("9.99")


def test_a_market_at_its_lowest_price_goes_on():
    frames = list(itertools.islice(make("10"), 2_000))
    assert all(Decimal(data["b"]) > 0 for data in (data_of(item.frame) for item in frames) if "B" in data)


def test_a_start_off_the_grid_is_put_on_it():
    first = data_of(next(iter(make("60000.03", tick_size=Decimal("0.05"), price_step=Decimal("0.05")))).frame)
    assert all(Decimal(price) % Decimal("0.05") == 0 for price, _ in first["bids"])
