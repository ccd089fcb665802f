"""The fill model of a paper run is the one its settings name, in ticks and lots of its instrument."""

from __future__ import annotations

from decimal import Decimal

import pytest
from msgspec.structs import replace

from bot4._core.sim.queue_position import Queue
from bot4.application.assembly import fill_assumptions
from bot4.config import Settings
from bot4.domain.instrument import ContractKind, Instrument

BTC = Instrument(
    symbol="BTCUSDT", venue="binance", kind=ContractKind.SPOT, base="BTC", quote="USDT", settle="USDT",
    tick_size=Decimal("0.01"), lot_size=Decimal("0.00001"),
)  # fmt: skip
# Ten lots ahead of us; the level then shows 9 of 15, which nobody traded.
STEPS = [("join", 10, 0), ("level", 15, 1), ("level", 9, 2)]


@pytest.fixture
def assumed(monkeypatch):
    """What the model would be made of, by its settings."""
    monkeypatch.setattr(fill_assumptions, "FillModel", dict)

    def make(paper=(), impact=()):
        plain = Settings()
        paper, impact = replace(plain.paper, **dict(paper)), replace(plain.impact, **dict(impact))
        return fill_assumptions.fill_model(replace(plain, paper=paper, impact=impact), BTC)

    return make


def test_by_default_passive_orders_fill_on_trade_through_alone_and_nothing_moves_the_market(assumed):
    model = assumed()
    assert model["partial_fills"] is model["cancel_latency"] is model["data_latency"] is None
    assert model["impact"].total(1e6) == 0


def test_latencies_are_drawn_only_where_a_median_is_set(assumed):
    model = assumed({"cancel_latency_mu": 1.0, "cancel_latency_sigma": 0.0})
    assert model["data_latency"] is None
    (drawn_ns,) = model["cancel_latency"].samples(seed=1, count=1)
    assert drawn_ns == pytest.approx(2.718e6, rel=0.01), "e ** 1 milliseconds"


def test_the_place_in_the_queue_is_the_settings(assumed):
    careful, drawn = (assumed({"queue_model": kind})["queue"] for kind in ("conservative", "probabilistic"))
    assert careful.play(STEPS) == Queue.conservative().play(STEPS)
    assert drawn.play(STEPS, seed=3) == Queue.probabilistic().play(STEPS, seed=3)
    assert [ahead for ahead, _ in careful.play(STEPS)] == [10, 10, 9]


@pytest.mark.parametrize(
    ("impact", "lots", "ticks"),
    [
        # Ten units of quote a whole coin: 1,000 ticks for 100,000 lots.
        ({"model": "linear", "slope": 10.0}, 100_000, 1_000),
        # The hundredth part of a day's volume moves a tenth of a day's range.
        ({"model": "square_root", "volatility": 100.0, "daily_volume": 1_000.0}, 1_000_000, 1_000),
    ],
)
def test_impact_is_turned_into_ticks_a_lot(assumed, impact, lots, ticks):
    assert assumed({}, impact)["impact"].total(lots) == pytest.approx(ticks)


def test_the_impact_of_almgren_and_chriss_grows_with_its_eta(assumed):
    small, large = (assumed({}, {"model": "almgren_chriss", "eta": eta})["impact"].total(1e5) for eta in (1.0, 2.0))
    assert 0 < small < large


def test_pieces_of_a_fill_are_as_many_as_the_settings_say(assumed):
    model = assumed({"partial_fills": True, "partial_fill_count": 8.0})
    pieces = [model["partial_fills"].pieces(1_000, seed=seed) for seed in range(50)]
    assert sum(map(len, pieces)) / 50 > 4


@pytest.mark.parametrize(
    ("name", "missing"), [("linear", "slope"), ("square_root", "volatility"), ("almgren_chriss", "eta")]
)
def test_an_impact_without_its_size_is_refused_by_the_key_it_lacks(assumed, name, missing):
    with pytest.raises(ValueError, match=rf"impact\.{missing} must be above 0 for impact\.model {name}, was 0\.0"):
        assumed({}, {"model": name})
