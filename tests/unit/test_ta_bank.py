"""The feature bank: TA-Lib's values, warm-ups, edge cases, refusals, snapshots."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

import numpy as np
import pytest
import talib
from oracles import ta_walks

from bot4._core.ta.bank import Features
from bot4._core.ta.registry import FEATURES, FeatureSpec, check_registry, feature_index

TICK, LOT = 0.01, 0.00001
MINUTE_NS = 60_000_000_000


@pytest.fixture(autouse=True)
def talib_defaults():
    """TA-Lib's unstable period and compatibility mode are global to the process."""
    talib.set_unstable_period("ALL", 0)
    talib.set_compatibility(0)


def talib_values(bars: np.ndarray, tick: float = TICK, lot: float = LOT) -> dict[str, np.ndarray]:
    high, low, close = (bars[:, i] * tick for i in (1, 2, 3))
    upper, middle, lower = talib.BBANDS(close, 20, 2.0, 2.0, 0)
    line, signal, hist = talib.MACD(close, 12, 26, 9)
    # TA-Lib leaves numbers after the decimals of a flat window to chance: compare only where the band has a width.
    width = np.where(upper - lower > 1e-6 * middle, upper - lower, np.nan)
    return {
        "sma_10": talib.SMA(close, 10),
        "sma_20": talib.SMA(close, 20),
        "sma_50": talib.SMA(close, 50),
        "ema_12": talib.EMA(close, 12),
        "ema_26": talib.EMA(close, 26),
        "rsi_14": talib.RSI(close, 14),
        "macd_line": line,
        "macd_signal": signal,
        "macd_hist": hist,
        "roc_10": talib.ROC(close, 10),
        "mom_10": talib.MOM(close, 10),
        "bb_percent_20": (close - lower) / width,
        "bb_bandwidth_20": width / middle,
        "atr_14": talib.ATR(high, low, close, 14),
        "stddev_20": talib.STDDEV(close, 20, 1.0),
        "obv": talib.OBV(close, bars[:, 4] * lot),
    }


PER_PRICE = {
    "sma_10", "sma_20", "sma_50", "ema_12", "ema_26", "macd_line", "macd_signal", "macd_hist", "mom_10", "atr_14",
    "stddev_20",
}  # fmt: skip
PER_HUNDRED = {"rsi_14", "roc_10"}


def check_against_talib(matrix: np.ndarray, bars: np.ndarray, tick: float = TICK, lot: float = LOT) -> None:
    """Within 1e-9 of the scale: the price, a hundred, the volume so far, or one."""
    price = bars[:, 3].max() * tick
    volume = float(bars[:, 4].sum()) * lot
    for name, expected in talib_values(bars, tick, lot).items():
        got = matrix[:, feature_index(name)]
        if not name.startswith("bb_"):
            assert (np.isnan(got) == np.isnan(expected)).all(), name
        size = price if name in PER_PRICE else 100.0 if name in PER_HUNDRED else volume if name == "obv" else 1.0
        worst = np.nanmax(np.abs(got - expected)) / size
        assert worst < 1e-9, f"{name} is {worst} of the scale away from TA-Lib"


def calm_bars(length: int, seed: int) -> np.ndarray:
    return np.array(ta_walks.bars("calm", length, seed), dtype=np.int64)


@pytest.mark.parametrize("seed", range(5))
def test_bar_features_equal_talib_on_a_random_walk(seed):
    bars = calm_bars(3_000, seed)
    check_against_talib(Features(TICK, LOT, MINUTE_NS).on_bars(bars), bars)


def test_comparison_with_talib_fails_for_a_bank_seeded_one_bar_late():
    bars = calm_bars(300, 1)
    matrix = Features(TICK, LOT, MINUTE_NS).on_bars(bars)
    late = Features(TICK, LOT, MINUTE_NS).on_bars(bars[1:])
    matrix[100:, feature_index("ema_26")] = late[99:, feature_index("ema_26")]
    with pytest.raises(AssertionError, match="ema_26"):
        check_against_talib(matrix, bars)


@pytest.mark.real_data
@pytest.mark.parametrize("symbol", ["BTCUSDT", "XRPUSDT"])
def test_bar_features_equal_talib_on_recorded_hours(shared_data: Path, symbol: str):
    files = sorted((shared_data / "ohlcv").rglob(f"binance_spot/1h/{symbol}.csv.gz"))
    if not files:
        pytest.skip(f"no hourly bars of {symbol} in the real market data")
    tick, lot = (0.01, 0.00001) if symbol == "BTCUSDT" else (0.0001, 0.1)
    rows = []
    with gzip.open(files[0], "rt", newline="") as lines:
        for row in csv.DictReader(lines):
            prices = [round(float(row[name]) / tick) for name in ("open", "high", "low", "close")]
            opened_ns = int(row["ts"]) * 1_000_000
            volume = round(float(row["volume"]) / lot)
            rows.append((*prices, volume, 0, 1, opened_ns, opened_ns + 3_600_000_000_000))
    bars = np.array(rows[-20_000:], dtype=np.int64)
    bank = Features(tick, lot, 3_600_000_000_000)
    matrix = bank.on_bars(bars)
    assert sum(bank.refused.values()) == 0
    check_against_talib(matrix, bars, tick, lot)


def feed_until(feature: FeatureSpec, inputs: int) -> Features:
    """A bank given exactly so many inputs of the kind that this feature counts."""
    bank = Features(TICK, LOT, 10**15)
    if feature.input == "bar":
        bank.apply_bars(ta_walks.bars("calm", inputs, 3))
        return bank
    tops = [(*top[:22], i) for i, top in enumerate(ta_walks.tops("calm", 400, 3))]
    if feature.input == "top":
        for top in tops:
            if bank.counts[feature.clock.name.removeprefix("CLOCK_").lower()] < inputs:
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


def test_ready_bits_and_finite_values_agree_at_every_step():
    bank = Features(TICK, LOT, 10**9)
    for bar, top, trade in zip(
        ta_walks.bars("steps", 120, 1), ta_walks.tops("jumps", 120, 1), ta_walks.trades("tiny", 120, 1), strict=True
    ):
        for feed, row in ((bank.on_bars, bar), (bank.on_tops, top), (bank.on_trades, trade)):
            feed([row])
            assert (bank.ready() == np.isfinite(bank.values())).all()


def test_a_price_that_never_moves_gives_the_documented_values():
    bank = Features(TICK, LOT, MINUTE_NS)
    bank.apply_bars([(500, 500, 500, 500, 7, 3, 1, i, i + 1) for i in range(60)])
    got = {name: bank.value(name) for name in bank.names if FEATURES[feature_index(name)].input == "bar"}
    assert got == {
        "sma_10": 5.0, "sma_20": 5.0, "sma_50": 5.0, "ema_12": 5.0, "ema_26": 5.0, "rsi_14": 0.0, "macd_line": 0.0,
        "macd_signal": 0.0, "macd_hist": 0.0, "roc_10": 0.0, "mom_10": 0.0, "bb_percent_20": 0.5,
        "bb_bandwidth_20": 0.0, "zscore_20": 0.0, "atr_14": 0.0, "stddev_20": 0.0, "realised_vol_20": 0.0,
        "ewma_vol_94": 0.0, "obv": pytest.approx(7 * LOT, rel=1e-15), "return_1": 0.0, "return_5": 0.0,
    }  # fmt: skip


def test_rsi_keeps_its_value_through_a_silence_as_in_talib():
    closes = [100, 101, *range(102, 120), 110, *[110] * 600]
    bars = np.array([(c, c, c, c, 1, 0, 1, i, i + 1) for i, c in enumerate(closes)])
    got = Features(1.0, 1.0, 1).on_bars(bars)[:, feature_index("rsi_14")]
    expected = talib.RSI(np.array(closes, dtype=float), 14)
    assert got[-1] == pytest.approx(expected[-1], rel=1e-9)
    assert 0.0 < got[-1] < 100.0


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


def window_names() -> list[str]:
    recursive = ("ema", "rsi", "macd", "atr", "ewma", "obv", "trade_rate", "effective", "mid_trend")
    return [f.name for f in FEATURES if f.input == "bar" and not f.name.startswith(recursive)]


@pytest.mark.untraced
def test_ten_million_bars_leave_no_drift():
    """What only looks at a window has, after 1e7 bars, the value a fresh bank gets from that window alone."""
    length = 200_000
    rng = np.random.default_rng(5)
    closes = 1 + np.abs(np.cumsum(rng.integers(-1_000, 1_001, length))) + rng.choice([0, 0, 10**9], length)
    block = np.column_stack([closes] * 4 + [np.ones(length, dtype=np.int64)] * 3 + [np.arange(length)] * 2)
    block[:, 8] += 1
    bank = Features(TICK, LOT, MINUTE_NS)
    for _ in range(50):
        assert bank.apply_bars(block) == length
        block[:, 7:9] += length
    block[:, 7:9] -= length
    fresh = Features(TICK, LOT, MINUTE_NS)
    fresh.apply_bars(block[-300:])
    assert bank.counts["bar"] == 10_000_000
    for name in window_names():
        if name == "realised_vol_20":
            assert bank.value(name) == pytest.approx(fresh.value(name), rel=1e-15)
        else:
            assert bank.value(name) == fresh.value(name), name
    for name in ("ema_12", "ema_26"):
        assert bank.value(name) == pytest.approx(fresh.value(name), rel=1e-9)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ((0, 1, 1, 1, 1, 0, 1, 0, 1), "bad_price"),
        ((5, 4, 3, 3, 1, 0, 1, 0, 1), "bad_price"),
        ((5, 2**53 + 1, 3, 3, 1, 0, 1, 0, 1), "bad_price"),
        ((5, 5, 5, 5, -1, 0, 1, 0, 1), "bad_qty"),
        ((5, 5, 5, 5, 1, 2, 1, 0, 1), "bad_qty"),
        ((5, 5, 5, 5, 1, 1, 1, 1, 1), "bad_time"),
        ((5, 5, 5, 5, 1, 1, 1, -1, 1), "bad_time"),
    ],
)
def test_impossible_bar_is_refused_and_counted(row, reason):
    bank = Features(TICK, LOT, MINUTE_NS)
    assert bank.apply_bars([row]) == 0
    assert bank.refused[reason] == 1
    assert not bank.ready().any()


def test_bar_that_begins_before_the_last_one_ended_is_refused():
    bank = Features(TICK, LOT, MINUTE_NS)
    assert bank.apply_bars([(5, 5, 5, 5, 1, 0, 1, 0, 60), (5, 5, 5, 5, 1, 0, 1, 59, 119)]) == 1
    assert bank.refused["stale_bar"] == 1


TOP = [99, 98, 97, 96, 95, 1, 2, 3, 4, 5, 101, 102, 103, 104, 105, 1, 2, 3, 4, 5, 5, 5, 0]


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        (20, 0, "one_sided"),
        (21, 0, "one_sided"),
        (20, 6, "one_sided"),
        (21, 2**32 + 1, "one_sided"),
        (0, 0, "bad_price"),
        (0, 101, "crossed"),
        (10, 2**53 + 1, "bad_price"),
        (5, 0, "bad_qty"),
        (9, 0, "bad_qty"),
        (19, -3, "bad_qty"),
        (22, -1, "bad_time"),
    ],
)
def test_impossible_top_is_refused_and_counted(column, value, reason):
    bank = Features(TICK, LOT, MINUTE_NS)
    top = list(TOP)
    top[column] = value
    assert bank.apply_tops([top]) == 0
    assert bank.refused[reason] == 1
    assert not bank.ready().any()


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ((0, 1, 0, 0), "bad_price"),
        ((2**53 + 1, 1, 0, 0), "bad_price"),
        ((5, 0, 0, 0), "bad_qty"),
        ((5, -2, 0, 0), "bad_qty"),
        ((5, 1, 0, -1), "bad_time"),
        ((5, 1, 0, 2**62), "bad_time"),
    ],
)
def test_impossible_trade_is_refused_and_counted(row, reason):
    bank = Features(TICK, LOT, MINUTE_NS)
    assert bank.apply_trades([row]) == 0
    assert bank.refused[reason] == 1
    assert bank.counts["trade"] == 0


@pytest.mark.parametrize("feed", ["on_bars", "on_trades", "on_tops"])
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), 1.5])
def test_numbers_that_are_not_integers_are_refused_before_any_is_taken(feed, bad):
    bank = Features(TICK, LOT, MINUTE_NS)
    columns = {"on_bars": 9, "on_trades": 4, "on_tops": 23}[feed]
    before = bank.state_hash()
    with pytest.raises(TypeError, match="must be integers"):
        getattr(bank, feed)([[bad] * columns])
    assert bank.state_hash() == before


@pytest.mark.parametrize("feed", ["on_bars", "on_trades", "on_tops"])
def test_rows_of_another_width_are_refused(feed):
    with pytest.raises(ValueError, match="must have shape"):
        getattr(Features(TICK, LOT, MINUTE_NS), feed)([[1, 2, 3]])


@pytest.mark.parametrize("feed", ["on_bars", "on_trades", "on_tops"])
def test_no_rows_give_an_empty_matrix(feed):
    assert getattr(Features(TICK, LOT, MINUTE_NS), feed)([]).shape == (0, len(FEATURES))


@pytest.mark.parametrize(
    ("tick", "lot", "interval_ns", "name"),
    [
        (float("nan"), 1.0, 1, "tick_size"),
        (float("inf"), 1.0, 1, "tick_size"),
        (0.0, 1.0, 1, "tick_size"),
        (1.0, -1.0, 1, "lot_size"),
        (1.0, float("nan"), 1, "lot_size"),
        (1.0, 1.0, 0, "bar_interval_ns"),
        (1.0, 1.0, 2**62, "bar_interval_ns"),
    ],
)
def test_parameter_out_of_range_is_named(tick, lot, interval_ns, name):
    with pytest.raises(ValueError, match=name):
        Features(tick, lot, interval_ns)


def test_bar_features_move_only_when_a_trade_passes_the_boundary():
    bank = Features(TICK, LOT, 100)
    matrix = bank.on_trades([(500, 3, 0, 10), (505, 2, 1, 99), (510, 1, 0, 100), (700, 1, 0, 350)])
    obv = matrix[:, feature_index("obv")]
    assert np.isnan(obv[:2]).all()
    assert obv[2] == pytest.approx(5 * LOT)
    # The interval from 200 to 300 had no trade: no bar stands for it.
    assert obv[3] == pytest.approx(6 * LOT)
    assert bank.counts["bar"] == 2
    assert not bank.on_time(399)
    assert bank.on_time(400)
    assert bank.counts["bar"] == 3


def test_bar_that_came_ready_made_is_not_counted_again_from_trades():
    bank = Features(TICK, LOT, 100)
    bank.apply_trades([(500, 3, 0, 10)])
    bank.apply_bars([(500, 500, 500, 500, 3, 3, 1, 0, 100)])
    bank.apply_trades([(505, 3, 0, 110)])
    assert bank.counts["bar"] == 1
    assert bank.refused["stale_bar"] == 1


def test_late_trade_moves_trade_features_but_no_bar():
    bank = Features(TICK, LOT, 100)
    assert bank.apply_trades([(500, 3, 0, 250), (900, 3, 0, 150)]) == 2
    assert bank.refused["late_trade"] == 1
    assert bank.counts["trade"] == 2
    assert bank.on_time(300)
    assert bank.value("obv") == pytest.approx(3 * LOT)


def test_repeated_top_is_no_order_flow_event():
    bank = Features(TICK, LOT, 100)
    bank.apply_tops([TOP] * 5)
    assert (bank.counts["top"], bank.counts["quote"]) == (5, 1)


@pytest.mark.parametrize("place", [0, 9, 17, 25, 40, -1, -2_000])
def test_damaged_snapshot_is_refused_and_the_state_stays(place):
    bank = Features(TICK, LOT, 100)
    bank.apply_trades([(500, 3, 0, 10)])
    damaged = bytearray(bank.snapshot())
    damaged[place] ^= 1
    before = bank.state_hash()
    with pytest.raises(ValueError, match="a snapshot must"):
        bank.restore(bytes(damaged))
    assert bank.state_hash() == before


@pytest.mark.parametrize("length", [0, 7, 32, 1_000])
def test_torn_snapshot_is_refused(length):
    bank = Features(TICK, LOT, 100)
    with pytest.raises(ValueError, match="a snapshot must"):
        bank.restore(bank.snapshot()[:length])


@pytest.mark.parametrize("other", [(0.02, LOT, 100), (TICK, 2.0, 100), (TICK, LOT, 101)])
def test_snapshot_of_another_instrument_is_refused(other):
    with pytest.raises(ValueError, match="a snapshot must be of"):
        Features(*other).restore(Features(TICK, LOT, 100).snapshot())


def test_state_hash_tells_states_apart_and_equal_inputs_agree():
    one, two = Features(TICK, LOT, 100), Features(TICK, LOT, 100)
    assert one.state_hash() == two.state_hash()
    one.apply_trades([(500, 3, 0, 10)])
    assert one.state_hash() != two.state_hash()
    two.apply_trades([(500, 3, 0, 10)])
    assert one.state_hash() == two.state_hash()


def test_registry_out_of_order_is_refused():
    check_registry(FEATURES)
    with pytest.raises(RuntimeError, match="order of their places"):
        check_registry((FEATURES[1], FEATURES[0], *FEATURES[2:]))
    with pytest.raises(RuntimeError, match="order of their places"):
        check_registry(FEATURES[:-1])
    with pytest.raises(RuntimeError, match="numbers must rise"):
        check_registry((FEATURES[0]._replace(number=3), *FEATURES[1:]))


def test_unknown_feature_is_named():
    with pytest.raises(KeyError, match="sma_11"):
        feature_index("sma_11")
    with pytest.raises(KeyError, match="sma_11"):
        Features(TICK, LOT, 100).value("sma_11")


def test_parameters_go_by_name_too():
    assert Features(tick_size=TICK, lot_size=LOT, bar_interval_ns=5).counts["bar"] == 0


def documented_features() -> list[tuple[str, ...]]:
    page = (Path(__file__).resolve().parents[2] / "docs" / "features.md").read_text(encoding="utf-8")
    lines = [line for line in page.splitlines() if line.startswith("| ") and line.split("|")[1].strip().isdigit()]
    return [tuple(cell.strip() for cell in line.strip().strip("|").split(" | ")) for line in lines]


def test_the_documented_list_is_the_registry():
    listed = documented_features()
    assert [(int(row[0]), row[1].strip("`"), row[2], row[3], row[4]) for row in listed] == [
        (feature.number, feature.name, feature.family, feature.definition, feature.unit) for feature in FEATURES
    ]
    assert [int(row[5].split()[0]) for row in listed] == [feature.warm_up for feature in FEATURES]
    assert [row[6] for row in listed] == [feature.oracle for feature in FEATURES]
