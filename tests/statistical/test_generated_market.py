"""A generated market against the figures its parameters were made from, at the stated tolerances.

The tolerances are those `bot4 calibrate` judges by (bot4.quant.calibration.TOLERANCES). Ten minutes hold
some fifteen wild periods, so volatility and rates of a right generator stray by tens of percent: that is what the width
of a factor of 1.8 is for. Each control plants one wrong parameter and must miss.
"""

from __future__ import annotations

from math import log, sqrt

import msgspec
import numpy as np
import pytest

from bot4.quant.calibration import TOLERANCES, Score
from bot4.quant.ks import total_variation
from bot4.quant.market_generate import GeneratedMarket, generate_statistics
from bot4.quant.market_model import load_market_model
from bot4.quant.market_statistics import Comparison

pytestmark = [pytest.mark.slow, pytest.mark.untraced]

MODEL = load_market_model()
SECONDS = 600.0


def ratio(name, one, other):
    return Comparison(name, one, other, abs(log(one / other)), "log ratio")


def quantile_distance(sample, table):
    """Greatest distance of a sample's distribution from a table of evenly spaced quantiles."""
    values = np.sort(sample)
    law = np.interp(values, table, np.linspace(0, 1, len(table)))
    return float(np.abs(law - np.arange(1, len(values) + 1) / len(values)).max())


def score_of(model, seed=11):
    """Figures of a market generated from `model` beside those of the bundled file."""
    found = generate_statistics(model, seed=seed, seconds=SECONDS)
    depth, wanted = np.cumsum(found.depth), np.cumsum([bucket.depth_lots for bucket in MODEL.buckets])
    total = sum(share for _, share in MODEL.spreads)
    spreads = {ticks: share / total for ticks, share in MODEL.spreads}
    lots, moves = found.taker_lots, np.abs(found.moves)
    rows = [
        Comparison("spread", 0, 0, total_variation(spreads, found.spreads), "tv"),
        Comparison("taker lots", 0, 0, quantile_distance(lots, MODEL.takers.size_quantiles), "ks"),
        Comparison("moves", 0, 0, quantile_distance(moves, MODEL.moves.size_quantiles), "ks"),
        Comparison("persistence", 0, 0, abs(found.taker_persistence - MODEL.takers.persistence), "difference"),
        ratio("takers", MODEL.takers.per_s, found.takers_per_s),
        ratio("volatility", MODEL.moves.volatility_per_sqrt_s, found.volatility),
        ratio("adds", 2 * sum(bucket.adds_per_s for bucket in MODEL.buckets), found.per_s("adds")),
        ratio("depth at the touch", wanted[0], depth[0]),
        ratio("depth nearer than 16,384 ticks", wanted[14], depth[14]),
    ]
    return Score("file", "generated", rows)


def change(model, **changes):
    return msgspec.structs.replace(model, **changes)


def with_buckets(model, **factors):
    buckets = [
        change(bucket, **{name: getattr(bucket, name) * factor for name, factor in factors.items()})
        for bucket in model.buckets
    ]
    return change(model, buckets=buckets)


def with_regimes(model, **factors):
    regimes = [
        change(regime, **{name: getattr(regime, name) * factor for name, factor in factors.items()})
        for regime in model.regimes
    ]
    return change(model, regimes=regimes)


@pytest.mark.parametrize("seed", [11, 12])
def test_a_generated_market_has_the_figures_of_its_parameters(seed):
    score = score_of(MODEL, seed)
    assert score.misses == []
    assert {row.kind for row in score.rows} == set(TOLERANCES)


@pytest.mark.parametrize(
    ("wrong", "missed"),
    [
        (change(MODEL, spreads=[(ticks + 1, share) for ticks, share in MODEL.spreads]), "spread"),
        (
            change(
                MODEL,
                takers=change(MODEL.takers, size_quantiles=[4 * size for size in MODEL.takers.size_quantiles]),
            ),
            "taker lots",
        ),
        (
            change(MODEL, moves=change(MODEL.moves, size_quantiles=[3 * size for size in MODEL.moves.size_quantiles])),
            "moves",
        ),
        (change(MODEL, takers=change(MODEL.takers, persistence=0.9)), "persistence"),
        (with_regimes(MODEL, takers_per_s=2.5), "takers"),
        (with_regimes(MODEL, moves_per_s=9.0), "volatility"),
        (with_regimes(MODEL, quoting=0.4), "adds"),
        (with_buckets(MODEL, life_s=0.3), "depth at the touch"),
        (with_buckets(MODEL, life_s=3.0), "depth nearer than 16,384 ticks"),
    ],
)
def test_control_a_wrong_parameter_misses_its_figure(wrong, missed):
    assert missed in score_of(wrong).misses


def test_anchors_move_as_a_random_walk_of_the_stated_variance():
    """The variance over ten seconds is ten times that over one: moves know nothing of each other but the taker."""
    market = GeneratedMarket(MODEL, seed=5)
    bids = []
    for _ in range(3_000):
        market.run(1.0, 1_000.0)
        bids.append(market.flow.anchors[0])
    path = np.array(bids, dtype=float)
    one, ten = np.diff(path), path[10:] - path[:-10]
    assert sqrt((one**2).mean()) == pytest.approx(MODEL.moves.volatility_per_sqrt_s / 2, rel=0.35)
    assert (ten**2).mean() / (10 * (one**2).mean()) == pytest.approx(1.0, abs=0.45)
