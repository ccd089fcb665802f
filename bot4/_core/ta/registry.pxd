"""The list of features: the place of each in the vector, and what it counts before it is ready.

To add one: a line in the first enumeration here and a row in `FEATURES` of the .pyx, at the same place, both in the order of the
feature's number. An import refuses lists that do not agree.
"""


# Anonymous, so that a member indexes an array; Python sees the members as integers of this module.
cpdef enum:
    FEATURE_SMA_10 = 0
    FEATURE_SMA_20
    FEATURE_SMA_50
    FEATURE_EMA_12
    FEATURE_EMA_26
    FEATURE_RSI_14
    FEATURE_MACD_LINE
    FEATURE_MACD_SIGNAL
    FEATURE_MACD_HIST
    FEATURE_ROC_10
    FEATURE_MOM_10
    FEATURE_BB_PERCENT_20
    FEATURE_BB_BANDWIDTH_20
    FEATURE_ZSCORE_20
    FEATURE_ATR_14
    FEATURE_STDDEV_20
    FEATURE_REALISED_VOL_20
    FEATURE_EWMA_VOL_94
    FEATURE_OBV
    FEATURE_RETURN_1
    FEATURE_RETURN_5
    FEATURE_RELATIVE_SPREAD
    FEATURE_QUEUE_IMBALANCE
    FEATURE_DEPTH_IMBALANCE_5
    FEATURE_MICROPRICE_OFFSET
    FEATURE_OFI_50
    FEATURE_TRADE_IMBALANCE_50
    FEATURE_KYLE_LAMBDA_50
    FEATURE_ROLL_SPREAD_20
    FEATURE_TRADE_RATE
    FEATURE_EFFECTIVE_SPREAD_50
    FEATURE_MID_TREND
    FEATURE_COUNT


cdef enum:
    FEATURE_CAPACITY = 128      # width of the vector in memory: whole cache lines, two words of ready bits


# What a feature's warm-up counts: accepted inputs of one kind.
cpdef enum FeatureClock:
    CLOCK_BAR = 0
    CLOCK_TOP = 1
    CLOCK_QUOTE = 2             # tops whose best prices or quantities differ from the one before; the first counts
    CLOCK_TRADE = 3
    CLOCK_QUOTED_TRADE = 4      # trades after the first top
    CLOCK_COUNT = 5
