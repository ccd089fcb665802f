"""From settings to what is computed: selections, intervals, parameters, and words that do not fit."""

from __future__ import annotations

import ctypes
import math

import numpy as np
import pytest
from builders.engine import assembled, spot_instrument, synthetic_capture

from bot4._core.engine.feed import Feed
from bot4._core.ta.features import Features
from bot4._core.ta.registry import FEATURES
from bot4.application.assembly.feature_bank import feature_place, make_features
from bot4.config import load_settings
from bot4.domain.errors import ConfigError

SECOND_NS = 10**9
BASE = tuple(feature.name for feature in FEATURES if feature.group == "base")
GARCH = {"BTCUSDT": (0.0, 1e-9, 0.1, 0.85, 1e-8)}


def bank(**overrides) -> Features:
    """A bank of BTCUSDT with one setting or more of `features` or `strategy` (with its section)."""
    keys = {key.replace("__", ".") if "__" in key else f"features.{key}": value for key, value in overrides.items()}
    settings = load_settings(environment={}, overrides=keys)
    return make_features(settings, spot_instrument(), SECOND_NS)


def weights(*words: str) -> dict[str, object]:
    return {"strategy__weights": dict.fromkeys(words, 0.5), "strategy__scales": dict.fromkeys(words, 1.0)}


def test_the_first_features_are_computed_where_nothing_is_said():
    assert bank().selected == BASE
    assert bank().intervals_ns == (SECOND_NS,)


@pytest.mark.parametrize("select", ["rsi_14, adx_14", ["adx_14", "rsi_14"]])
def test_names_choose_and_the_weights_add_theirs(select):
    chosen = bank(select=select, **weights("obv", "sma_200@60000"), longer_intervals_ms="60000")
    assert chosen.selected == ("sma_200", "rsi_14", "adx_14", "obv")


def test_all_leaves_out_what_has_no_parameters():
    lacking = {"garch_vol", "vpin_50"}
    assert set(bank(select="all").selected) == {feature.name for feature in FEATURES} - lacking
    whole = bank(select="all", garch=GARCH, vpin_bucket_qty="2.5")
    assert len(whole.selected) == len(FEATURES)


def test_intervals_come_as_a_list_or_in_one_string():
    for given in ("3000, 60000", [3_000, 60_000]):
        assert bank(longer_intervals_ms=given).intervals_ns == (SECOND_NS, 3 * SECOND_NS, 60 * SECOND_NS)


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ({"select": "rsi_14,rsi_15"}, "there is no feature 'rsi_15'"),
        ({"select": "garch_vol"}, "feature 'garch_vol' must have its parameters"),
        ({"select": "vpin_50"}, "feature 'vpin_50' must have its parameters"),
        ({"longer_intervals_ms": "1500"}, "must be a multiple of 1000000000 ns"),
        ({"longer_intervals_ms": "9000,3000"}, "intervals must rise"),
        ({"longer_intervals_ms": "3s"}, "features.longer_intervals_ms must be whole numbers with commas"),
        ({"vpin_bucket_qty": "-1"}, "features.vpin_bucket_qty must be a quantity"),
        ({"garch": {"BTCUSDT": (0.0, 1e-9)}}, "must be mean, omega, alpha, beta and first variance"),
        ({"garch": {"BTCUSDT": (0.0, 1e-9, 0.5, 0.6, 1e-8)}}, "together at most 1"),
        ({"garch": {"BTCUSDT": (0.0, math.inf, 0.5, 0.4, 1e-8)}}, "omega and start above 0"),
        (weights("rsi_15"), "strategy.weights names no feature 'rsi_15'"),
        (weights("rsi_14@1m"), "must be FEATURE or FEATURE@MILLISECONDS"),
    ],
)
def test_a_setting_that_does_not_fit_is_refused_by_name(overrides, words):
    with pytest.raises(ConfigError, match=r"setting|features") as caught:
        bank(**overrides)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("word", "rule"),
    [("rsi_14@2000", "must have an interval of features.longer_intervals_ms"), ("ofi_50@3000", "has no interval")],
)
def test_a_weight_of_an_interval_that_is_not_there_is_refused(word, rule):
    with pytest.raises(ConfigError, match=rule):
        feature_place(bank(longer_intervals_ms="3000"), word)


def test_a_place_leads_from_the_first_vector_to_the_feature_of_its_interval():
    chosen = bank(select="all", longer_intervals_ms="3000,9000")
    chosen.apply_trades([(6_000_000 + i % 11, 5 + i % 7, i % 2, i * SECOND_NS // 2) for i in range(1_000)])
    first = np.frombuffer(chosen)
    for word in ("rsi_14", "wma_20@3000", "sma_50@9000", "atr_14@1000"):
        name, _, interval_ms = word.partition("@")
        address = first.ctypes.data + 8 * feature_place(chosen, word)
        value = chosen.value(name, int(interval_ms) * 1_000_000 if interval_ms else None)
        assert ctypes.c_double.from_address(address).value == value
        assert math.isfinite(value)


def test_the_buffer_is_the_vector_itself_and_cannot_be_written():
    chosen = bank()
    view = np.frombuffer(chosen)
    chosen.take_bar(500, 510, 490, 505, 7, 3, 2, 0, SECOND_NS)
    assert view[chosen.place("obv")] == chosen.value("obv") > 0.0
    assert view.tobytes() == chosen.values().tobytes()
    with pytest.raises(ValueError, match="read-only"):
        view[0] = 1.0


@pytest.mark.untraced
def test_a_strategy_reads_a_feature_of_a_longer_interval():
    names = ("bb_percent_20@3000", "queue_imbalance")
    overrides = weights(*names) | {"features__longer_intervals_ms": "3000"}
    data = synthetic_capture(4_000)
    decisions = []
    for more in (overrides, weights("queue_imbalance")):
        assembly, _ = assembled(**more)
        Feed(assembly.scanner, assembly.engine).lines(data, 0, default_instrument=0)
        decisions.append(assembly.engine.lane_counters(0))
    assert decisions[0]["decisions"] > 0
    assert decisions[0] != decisions[1]
