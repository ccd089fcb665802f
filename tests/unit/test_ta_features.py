"""Each feature: its warm-up, what a price that never moves gives, drift, its line in the documentation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from oracles import ta_walks
from oracles.ta_checks import GARCH

from bot4._core.ta.features import Features
from bot4._core.ta.registry import FEATURES, FeatureSpec, feature_index

TICK, LOT = 0.01, 0.00001
MINUTE_NS = 60_000_000_000


def full_bank(tick: float = TICK, lot: float = LOT, interval_ns: int = MINUTE_NS) -> Features:
    return Features(tick, lot, interval_ns, select="all", garch=GARCH, vpin_bucket_lots=700)


def counted(bank: Features, feature: FeatureSpec) -> int:
    return bank.counts[feature.clock.name.removeprefix("CLOCK_").lower()]


def feed_until(feature: FeatureSpec, inputs: int) -> Features:
    """A bank given exactly so many inputs of the kind that this feature counts."""
    bank = full_bank(interval_ns=10**15)
    if feature.clock.name == "CLOCK_REFERENCE":
        bank.apply_bars(ta_walks.bars("calm", inputs + 1, 3), ta_walks.closes("calm", inputs + 1, 4))
        return bank
    if feature.input == "bar":
        bank.apply_bars(ta_walks.bars("calm", inputs, 3))
        return bank
    if feature.clock.name == "CLOCK_BUCKET":
        bank.apply_trades([(500, 700, i % 2, i) for i in range(inputs)])
        return bank
    tops = [(*top[:22], i) for i, top in enumerate(ta_walks.tops("calm", 400, 3))]
    if feature.input == "top":
        for top in tops:
            if counted(bank, feature) < inputs:
                bank.apply_tops([top])
        return bank
    trades = ta_walks.trades("calm", 5 + inputs, 3)
    if feature.clock.name == "CLOCK_QUOTED_TRADE":
        bank.apply_trades(trades[:5])
        trades = trades[5:]
    bank.apply_tops(tops[:1])
    bank.apply_trades(trades[:inputs])
    return bank


@pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: feature.name)
def test_feature_is_ready_exactly_at_its_warm_up(feature):
    index = feature_index(feature.name)
    before, at = feed_until(feature, feature.warm_up - 1), feed_until(feature, feature.warm_up)
    assert not before.ready()[index]
    assert np.isnan(before.values()[index])
    assert at.ready()[index]
    assert np.isfinite(at.values()[index])
    assert at.value(feature.name) == at.values()[index]


@pytest.mark.parametrize("select", [None, "all", ["rsi_14", "hma_16", "ofi_100"], []])
def test_ready_bits_and_finite_values_agree_at_every_step(select):
    bank = Features(TICK, LOT, 10**9, select=select, garch=GARCH, vpin_bucket_lots=700, longer_intervals_ns=[3 * 10**9])
    steps = zip(
        ta_walks.bars("steps", 230, 1), ta_walks.tops("jumps", 230, 1), ta_walks.trades("tiny", 230, 1), strict=True
    )
    for bar, top, trade in steps:
        for feed, row in ((bank.on_bars, bar), (bank.on_tops, top), (bank.on_trades, trade)):
            feed([row])
            for interval_ns in bank.intervals_ns:
                ready = bank.ready(interval_ns)
                assert (ready == np.isfinite(bank.values(interval_ns))).all()
    assert {bank.names[i] for i in np.flatnonzero(bank.ready())} <= set(bank.selected)


FLAT_PRICE = {
    **{f.name: 5.0 for f in FEATURES if f.family == "trend"},
    "linreg_slope_14": 0.0,
    **{f.name: 0.0 for f in FEATURES if f.family == "momentum"},
    "aroon_up_25": 100.0, "aroon_down_25": 100.0, "efficiency_10": 1.0,
    **{f.name: 0.0 for f in FEATURES if f.family in ("channels", "volatility", "statistics")},
    "bb_percent_20": 0.5, "donchian_place_20": 0.5, "keltner_place_20": 0.5, "sar": 5.0, "supertrend_10": 5.0,
    "mass_index_25": 25.0, "garch_vol": pytest.approx((1e-9 / 0.15) ** 0.5, rel=1e-4),
    "obv": pytest.approx(7 * LOT, rel=1e-15), "ad": 0.0, "adosc_3_10": 0.0, "mfi_14": 0.0, "cmf_20": 0.0, "efi_13": 0.0,
    "vwap_20": 5.0, "vwap_20_distance": 0.0, "relative_volume_20": 1.0, "pvt": 0.0, "nvi": 1000.0, "session_vwap": 5.0,
    "median_20": 5.0, "hurst_100": 0.5, "variance_ratio_5": 1.0, "beta_60": 0.0, "correlation_60": 0.0,
    "amihud_20": 0.0,
}  # fmt: skip


def test_a_price_that_never_moves_gives_the_documented_values():
    bank = full_bank()
    bank.apply_bars([(500, 500, 500, 500, 7, 3, 1, i, i + 1) for i in range(260)], [900] * 260)
    got = {name: bank.value(name) for name in bank.names if FEATURES[feature_index(name)].input == "bar"}
    for name, value in got.items():
        # Weights that are no binary fractions sum to one but for the last bit.
        assert value == (pytest.approx(5.0, rel=1e-15) if FLAT_PRICE[name] == 5.0 else FLAT_PRICE[name]), name


def test_bars_without_volume_give_the_documented_values():
    bank = full_bank()
    bank.apply_bars([(500 + i % 3, 510, 490, 500, 0, 0, 0, i, i + 1) for i in range(60)])
    assert bank.value("vwma_20") == bank.value("sma_20") == 5.0
    assert bank.value("vwap_20") == pytest.approx(5.0, rel=1e-15) == bank.value("session_vwap")
    zeros = ("cmf_20", "relative_volume_20", "mfi_14", "amihud_20", "correlation_volume_30", "obv")
    assert [bank.value(name) for name in zeros] == [0.0] * 6


def test_session_average_begins_anew_with_the_day():
    day_ns = 86_400_000_000_000
    bank = full_bank()
    bank.apply_bars([(500, 500, 500, 500, 7, 3, 1, day_ns - 10, day_ns - 5)])
    bank.apply_bars([(900, 900, 900, 900, 1, 0, 1, day_ns, day_ns + 5)])
    assert bank.value("session_vwap") == pytest.approx(9.0, rel=1e-15)


def test_a_trade_of_many_buckets_counts_them_all():
    bank = full_bank(interval_ns=10**15)
    bank.apply_trades([(500, 700 * 1_000 + 699, 0, 0), (500, 1, 1, 1)])
    assert bank.counts["bucket"] == 1_001
    assert bank.value("vpin_50") == pytest.approx((49 * 700 + 698) / (50 * 700), rel=1e-15)


@pytest.mark.untraced
def test_recursions_end_at_zero_before_they_sink_into_denormal_numbers():
    bank = Features(TICK, LOT, MINUTE_NS)
    bank.apply_bars([(c, c, c, c, 1, 0, 1, i, i + 1) for i, c in enumerate([500, 600] * 30)])
    flat = [(500, 500, 500, 500, 1, 0, 1, i, i + 1) for i in range(100, 20_000)]
    for name in ("atr_14", "ewma_vol_94", "rsi_14"):
        series = Features(TICK, LOT, MINUTE_NS)
        series.restore(bank.snapshot())
        values = series.on_bars(flat)[:, feature_index(name)]
        assert values[0] > 0.0
        assert values[-1] == 0.0
        assert values[values > 0.0].min() > 1e-300


def test_standard_deviation_at_a_large_offset_is_exact():
    """NIST NumAcc4: 10,000,000.2, then .1 and .3 in turns; the deviation of .1 and .3 in equal number is exactly .1."""
    closes = [100_000_002, *[100_000_001, 100_000_003] * 500]
    bank = Features(0.1, 1.0, 1)
    bank.apply_bars([(c, c, c, c, 1, 0, 1, i, i + 1) for i, c in enumerate(closes)])
    assert bank.value("stddev_20") == 0.1


CUMULATIVE = (
    "ema",
    "rsi",
    "macd",
    "atr",
    "natr",
    "ewma",
    "garch",
    "obv",
    "ad",
    "pvt",
    "nvi",
    "dema",
    "tema",
    "kama",
    "t3",
)
RECURSIVE = (
    "ppo", "trix", "cmo", "tsi", "plus", "minus", "stoch_rsi", "keltner", "sar", "supertrend", "mass", "chaikin", "efi",
    "session", "beta_60", "correlation_60",
)  # fmt: skip


def window_names() -> list[str]:
    return [f.name for f in FEATURES if f.input == "bar" and not f.name.startswith((*CUMULATIVE, *RECURSIVE))]


@pytest.mark.untraced
def test_ten_million_bars_leave_no_drift():
    """What only looks at a window has, after 1e7 bars, the value a fresh bank gets from that window alone."""
    length = 200_000
    rng = np.random.default_rng(5)
    closes = 1 + np.abs(np.cumsum(rng.integers(-1_000, 1_001, length))) + rng.choice([0, 0, 10**9], length)
    highs, lows = closes + rng.integers(0, 50, length), np.maximum(closes - rng.integers(0, 50, length), 1)
    volume = rng.integers(0, 10**6, length)
    block = np.column_stack(
        [closes, highs, lows, closes, volume, volume // 2, volume, np.arange(length), np.arange(length) + 1]
    )
    names = [f.name for f in FEATURES if f.group != "heavy"]
    bank = Features(TICK, LOT, MINUTE_NS, select=names, garch=GARCH, vpin_bucket_lots=1)
    for _ in range(50):
        assert bank.apply_bars(block) == length
        block[:, 7:9] += length
    block[:, 7:9] -= length
    assert bank.counts["bar"] == 10_000_000
    fresh = Features(TICK, LOT, MINUTE_NS, select=names, garch=GARCH, vpin_bucket_lots=1)
    fresh.apply_bars(block[-4_000:])
    for name in set(window_names()) & set(names):
        # Sums of ticks and lots are exact; those of logarithms are compensated doubles.
        wanted = fresh.value(name)
        assert bank.value(name) == pytest.approx(wanted, rel=1e-12, abs=1e-15), name
    for name in ("sma_200", "wma_20", "linreg_14", "median_20", "willr_14", "half_life_60", "vwap_20", "zscore_20"):
        assert bank.value(name) == fresh.value(name) or name not in names, name
    for name in ("ema_12", "ema_26", "adx_14", "natr_14", "tsi_25_13", "mass_index_25"):
        assert bank.value(name) == pytest.approx(fresh.value(name), rel=1e-9)


def documented_features() -> list[tuple[str, ...]]:
    page = (Path(__file__).resolve().parents[2] / "docs" / "features.md").read_text(encoding="utf-8")
    lines = [line for line in page.splitlines() if line.startswith("| ") and line.split("|")[1].strip().isdigit()]
    cells = (line.strip().removeprefix("|").removesuffix("|").split(" | ") for line in lines)
    return [tuple(cell.strip().replace("\\|", "|") for cell in row) for row in cells]


def test_the_documented_list_is_the_registry():
    listed = documented_features()
    assert [(int(row[0]), row[1].strip("`"), row[2], row[3], row[4]) for row in listed] == [
        (feature.number, feature.name, feature.family, feature.definition, feature.unit) for feature in FEATURES
    ]
    assert [int(row[5].split()[0]) for row in listed] == [feature.warm_up for feature in FEATURES]
    assert [row[6] for row in listed] == [feature.oracle for feature in FEATURES]
    assert [row[7] for row in listed] == [feature.group for feature in FEATURES]
    assert [row[8] for row in listed] == [feature.edge for feature in FEATURES]
