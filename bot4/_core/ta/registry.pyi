from collections.abc import Sequence
from enum import IntFlag
from typing import NamedTuple

FEATURE_SMA_10: int
FEATURE_SMA_20: int
FEATURE_SMA_50: int
FEATURE_EMA_12: int
FEATURE_EMA_26: int
FEATURE_RSI_14: int
FEATURE_MACD_LINE: int
FEATURE_MACD_SIGNAL: int
FEATURE_MACD_HIST: int
FEATURE_ROC_10: int
FEATURE_MOM_10: int
FEATURE_BB_PERCENT_20: int
FEATURE_BB_BANDWIDTH_20: int
FEATURE_ZSCORE_20: int
FEATURE_ATR_14: int
FEATURE_STDDEV_20: int
FEATURE_REALISED_VOL_20: int
FEATURE_EWMA_VOL_94: int
FEATURE_OBV: int
FEATURE_RETURN_1: int
FEATURE_RETURN_5: int
FEATURE_RELATIVE_SPREAD: int
FEATURE_QUEUE_IMBALANCE: int
FEATURE_DEPTH_IMBALANCE_5: int
FEATURE_MICROPRICE_OFFSET: int
FEATURE_OFI_50: int
FEATURE_TRADE_IMBALANCE_50: int
FEATURE_KYLE_LAMBDA_50: int
FEATURE_ROLL_SPREAD_20: int
FEATURE_TRADE_RATE: int
FEATURE_EFFECTIVE_SPREAD_50: int
FEATURE_MID_TREND: int
FEATURE_COUNT: int

class FeatureClock(IntFlag):
    CLOCK_BAR = 0
    CLOCK_TOP = 1
    CLOCK_QUOTE = 2
    CLOCK_TRADE = 3
    CLOCK_QUOTED_TRADE = 4
    CLOCK_COUNT = 5

class FeatureSpec(NamedTuple):
    name: str
    number: int
    family: str
    input: str
    clock: FeatureClock
    warm_up: int
    parameters: str
    unit: str
    definition: str
    oracle: str
    edge: str

FEATURES: tuple[FeatureSpec, ...]

def check_registry(features: Sequence[FeatureSpec]) -> None: ...
def feature_index(name: str) -> int: ...
