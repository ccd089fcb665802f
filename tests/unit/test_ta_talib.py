"""Features against TA-Lib: seeds, lookbacks, degrees of freedom, flat prices, values."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

import numpy as np
import pytest
from oracles import ta_walks
from oracles.ta_checks import GARCH

from bot4._core.ta.features import Features
from bot4._core.ta.registry import FEATURES, feature_index

talib = pytest.importorskip("talib", reason="TA-Lib is not installed (extra: test)")

# A quarter is a binary fraction: TA-Lib's comparisons of prices then see what ours of ticks see.
TICK, LOT = 0.25, 0.00001
MINUTE_NS = 60_000_000_000


@pytest.fixture(autouse=True)
def talib_defaults():
    """TA-Lib's unstable period and compatibility mode are global to the process."""
    talib.set_unstable_period("ALL", 0)
    talib.set_compatibility(0)


def averages(close: np.ndarray, volume: np.ndarray) -> dict[str, np.ndarray]:
    return {
        **{f"sma_{n}": talib.SMA(close, n) for n in (5, 10, 20, 50, 100, 200)},
        **{f"ema_{n}": talib.EMA(close, n) for n in (9, 12, 21, 26, 50, 200)},
        "wma_20": talib.WMA(close, 20),
        "dema_20": talib.DEMA(close, 20),
        "tema_20": talib.TEMA(close, 20),
        "trima_20": talib.TRIMA(close, 20),
        "kama_10": talib.KAMA(close, 10),
        "t3_5": talib.T3(close, 5, 0.7),
        "hma_16": talib.HMA(close, 16),
        "vwma_20": talib.VWMA(close, volume, 20),
        "linreg_14": talib.LINEARREG(close, 14),
        "linreg_slope_14": talib.LINEARREG_SLOPE(close, 14),
    }


def momentum(bars: tuple[np.ndarray, ...]) -> dict[str, np.ndarray]:
    opened, high, low, close, _ = bars
    line, signal, hist = talib.MACD(close, 12, 26, 9)
    slow_k, slow_d = talib.STOCH(high, low, close, 14, 3, 0, 3, 0)
    aroon_down, aroon_up = talib.AROON(high, low, 25)
    return {
        "rsi_7": talib.RSI(close, 7),
        "rsi_14": talib.RSI(close, 14),
        "macd_line": line,
        "macd_signal": signal,
        "macd_hist": hist,
        "ppo_12_26": talib.PPO(close, 12, 26, 1),
        "roc_10": talib.ROC(close, 10),
        "mom_10": talib.MOM(close, 10),
        "trix_15": talib.TRIX(close, 15),
        "cmo_14": talib.CMO(close, 14),
        "tsi_25_13": talib.TSI(close, 25, 13),
        "ultosc_28": talib.ULTOSC(high, low, close, 7, 14, 28),
        "stoch_k_14": slow_k,
        "stoch_d_14": slow_d,
        "willr_14": talib.WILLR(high, low, close, 14),
        "cci_20": talib.CCI(high, low, close, 20),
        "stoch_rsi_14": talib.STOCHRSI(close, 14, 14, 1, 0)[0],
        "aroon_up_25": aroon_up,
        "aroon_down_25": aroon_down,
        "plus_di_14": talib.PLUS_DI(high, low, close, 14),
        "minus_di_14": talib.MINUS_DI(high, low, close, 14),
        "adx_14": talib.ADX(high, low, close, 14),
        "efficiency_10": talib.ER(close, 10),
        "bop": talib.BOP(opened, high, low, close),
    }


def bands(bars: tuple[np.ndarray, ...]) -> dict[str, np.ndarray]:
    _, high, low, close, _ = bars
    upper, middle, lower = talib.BBANDS(close, 20, 2.0, 2.0, 0)
    # TA-Lib leaves numbers after the decimals of a flat window to chance: compare only where a band has a width.
    width = np.where(upper - lower > 1e-6 * middle, upper - lower, np.nan)
    top, center, bottom = talib.DONCHIAN(high, low, 20)
    keltner_top, _, keltner_bottom = talib.KC(high, low, close, 20, 10, 2.0)
    keltner_width = keltner_top - keltner_bottom
    return {
        "bb_percent_20": (close - lower) / width,
        "bb_bandwidth_20": width / middle,
        "donchian_place_20": (close - bottom) / np.where(top > bottom, top - bottom, np.nan),
        "donchian_width_20": (top - bottom) / center,
        "keltner_place_20": (close - keltner_bottom) / np.where(keltner_width > 0.0, keltner_width, np.nan),
        "sar": talib.SAR(high, low, 0.02, 0.2),
        "supertrend_10": talib.SUPERTREND(high, low, close, 10, 3.0)[0],
        "true_range": talib.TRANGE(high, low, close),
        "atr_14": talib.ATR(high, low, close, 14),
        "natr_14": talib.NATR(high, low, close, 14),
        "stddev_20": talib.STDDEV(close, 20, 1.0),
        "mass_index_25": talib.MASSI(high, low, 9, 25),
        "chaikin_volatility_10": talib.CVI(high, low, 10, 10),
    }  # fmt: skip


def volumes(bars: tuple[np.ndarray, ...]) -> dict[str, np.ndarray]:
    _, high, low, close, volume = bars
    return {
        "obv": talib.OBV(close, volume),
        "ad": talib.AD(high, low, close, volume),
        "adosc_3_10": talib.ADOSC(high, low, close, volume, 3, 10),
        "mfi_14": talib.MFI(high, low, close, volume, 14),
        "cmf_20": talib.CMF(high, low, close, volume, 20),
        "efi_13": talib.EFI(close, volume, 13),
        "relative_volume_20": talib.RVOL(volume, 20),
        "pvt": talib.PVT(close, volume),
        "nvi": talib.NVI(close, volume),
        "correlation_volume_30": talib.CORREL(close, volume, 30),
        "percent_rank_50": talib.PERCENTRANK(close, 50),
    }


def talib_values(bars: np.ndarray, tick: float = TICK, lot: float = LOT) -> dict[str, np.ndarray]:
    columns = (*(bars[:, i] * tick for i in range(4)), bars[:, 4] * lot)
    return averages(columns[3], columns[4]) | momentum(columns) | bands(columns) | volumes(columns)


def size_of(name: str, bars: np.ndarray, tick: float, lot: float) -> float:
    """The scale of a feature: the price, a hundred, the volume so far, one."""
    unit = FEATURES[feature_index(name)].unit
    price, volume = bars[:, 3].max() * tick, float(bars[:, 4].sum()) * lot
    if name == "nvi":
        return 1000.0
    return {
        "price": price, "price per bar": price, "base quantity": volume, "price times base quantity": price * volume,
        "percent": 100.0, "0..100": 100.0, "-100..100": 100.0, "-100..0": 100.0,
    }.get(unit, 1.0)  # fmt: skip


MAY_BE_UNDEFINED_THERE = {"bb_percent_20", "bb_bandwidth_20", "donchian_place_20", "keltner_place_20"}
# TA-Lib's sums keep the rounding of what has left them: values of the order of 100 by deviations of few ticks.
LOOSE = {"cci_20": 1e-7, "chaikin_volatility_10": 1e-8, "keltner_place_20": 1e-6}


def check_against_talib(matrix: np.ndarray, bars: np.ndarray, tick: float = TICK, lot: float = LOT) -> None:
    """Ready at the same bars, and within 1e-9 of the scale."""
    for name, expected in talib_values(bars, tick, lot).items():
        got = matrix[:, feature_index(name)]
        if name not in MAY_BE_UNDEFINED_THERE:
            assert (np.isnan(got) == np.isnan(expected)).all(), name
        apart = np.abs(got - expected)
        worst = np.max(apart[~np.isnan(apart)], initial=0.0) / size_of(name, bars, tick, lot)
        assert worst < LOOSE.get(name, 1e-9), f"{name} is {worst} of the scale away from TA-Lib"


def full_bank(tick: float = TICK, lot: float = LOT, interval_ns: int = MINUTE_NS) -> Features:
    return Features(tick, lot, interval_ns, select="all", garch=GARCH)


def calm_bars(length: int, seed: int) -> np.ndarray:
    bars = np.array(ta_walks.bars("calm", length, seed), dtype=np.int64)
    # Volumes that never vanish: of nothing, TA-Lib makes NaN.
    bars[:, 4] = bars[:, 4] % 9_973 + 1
    bars[:, 5] = 0
    return bars


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.untraced) for seed in range(1, 5))])
def test_bar_features_equal_talib_on_a_random_walk(seed):
    bars = calm_bars(3_000, seed)
    check_against_talib(full_bank().on_bars(bars), bars)


def test_comparison_with_talib_fails_for_a_bank_seeded_one_bar_late():
    bars = calm_bars(300, 1)
    matrix = full_bank().on_bars(bars)
    late = full_bank().on_bars(bars[1:])
    matrix[100:, feature_index("ema_26")] = late[99:, feature_index("ema_26")]
    with pytest.raises(AssertionError, match="ema_26"):
        check_against_talib(matrix, bars)


def test_every_feature_with_talib_as_oracle_is_compared():
    claimed = {feature.name for feature in FEATURES if feature.oracle.startswith("TA-Lib")}
    assert claimed - {"session_vwap"} == set(talib_values(calm_bars(10, 1)))


def test_session_vwap_equals_talib_within_one_session():
    bars = calm_bars(500, 3)
    high, low, close = (bars[:, i] * TICK for i in (1, 2, 3))
    expected = talib.VWAP(high, low, close, bars[:, 4] * LOT)
    np.testing.assert_allclose(full_bank().on_bars(bars)[:, feature_index("session_vwap")], expected, rtol=1e-12)


def test_a_price_that_never_moves_gives_what_talib_gives():
    bars = np.array([(500, 500, 500, 500, 7, 3, 1, i, i + 1) for i in range(260)])
    check_against_talib(full_bank().on_bars(bars), bars)


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
    # Prices in ticks: of decimal fractions, TA-Lib's comparisons of two equal moves depend on their last bits.
    bank = full_bank(1.0, lot, 3_600_000_000_000)
    matrix = bank.on_bars(bars)
    assert sum(bank.refused.values()) == 0
    check_against_talib(matrix, bars, 1.0, lot)
