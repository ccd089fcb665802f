"""The list of features: the place of each in the vector, and what it counts before it is ready.

To add one: a line in the first enumeration here and a row in `catalogue_price.py` or `catalogue_flow.py`, at the same place,
both in the order of the feature's number. An import refuses lists that do not agree.
"""


# Anonymous, so that a member indexes an array; Python sees the members as integers of this module.
cpdef enum:
    FEATURE_SMA_5 = 0
    FEATURE_SMA_10
    FEATURE_SMA_20
    FEATURE_SMA_50
    FEATURE_SMA_100
    FEATURE_SMA_200
    FEATURE_EMA_9
    FEATURE_EMA_12
    FEATURE_EMA_21
    FEATURE_EMA_26
    FEATURE_EMA_50
    FEATURE_EMA_200
    FEATURE_WMA_20
    FEATURE_DEMA_20
    FEATURE_TEMA_20
    FEATURE_TRIMA_20
    FEATURE_KAMA_10
    FEATURE_T3_5
    FEATURE_HMA_16
    FEATURE_VWMA_20
    FEATURE_LINREG_14
    FEATURE_LINREG_SLOPE_14
    FEATURE_RSI_7
    FEATURE_RSI_14
    FEATURE_MACD_LINE
    FEATURE_MACD_SIGNAL
    FEATURE_MACD_HIST
    FEATURE_PPO_12_26
    FEATURE_ROC_10
    FEATURE_MOM_10
    FEATURE_TRIX_15
    FEATURE_CMO_14
    FEATURE_TSI_25_13
    FEATURE_ULTOSC_28
    FEATURE_STOCH_K_14
    FEATURE_STOCH_D_14
    FEATURE_WILLR_14
    FEATURE_CCI_20
    FEATURE_STOCH_RSI_14
    FEATURE_AROON_UP_25
    FEATURE_AROON_DOWN_25
    FEATURE_PLUS_DI_14
    FEATURE_MINUS_DI_14
    FEATURE_ADX_14
    FEATURE_EFFICIENCY_10
    FEATURE_BOP
    FEATURE_BB_PERCENT_20
    FEATURE_BB_BANDWIDTH_20
    FEATURE_DONCHIAN_PLACE_20
    FEATURE_DONCHIAN_WIDTH_20
    FEATURE_KELTNER_PLACE_20
    FEATURE_SAR
    FEATURE_SUPERTREND_10
    FEATURE_DRAWDOWN_100
    FEATURE_SMA_200_DISTANCE
    FEATURE_ZSCORE_20
    FEATURE_TRUE_RANGE
    FEATURE_ATR_14
    FEATURE_NATR_14
    FEATURE_STDDEV_20
    FEATURE_REALISED_VOL_10
    FEATURE_REALISED_VOL_20
    FEATURE_REALISED_VOL_60
    FEATURE_PARKINSON_20
    FEATURE_GARMAN_KLASS_20
    FEATURE_ROGERS_SATCHELL_20
    FEATURE_YANG_ZHANG_20
    FEATURE_EWMA_VOL_94
    FEATURE_GARCH_VOL
    FEATURE_BIPOWER_20
    FEATURE_MASS_INDEX_25
    FEATURE_CHAIKIN_VOLATILITY_10
    FEATURE_OBV
    FEATURE_AD
    FEATURE_ADOSC_3_10
    FEATURE_MFI_14
    FEATURE_CMF_20
    FEATURE_EFI_13
    FEATURE_VWAP_20
    FEATURE_VWAP_20_DISTANCE
    FEATURE_RELATIVE_VOLUME_20
    FEATURE_PVT
    FEATURE_NVI
    FEATURE_SESSION_VWAP
    FEATURE_RETURN_1
    FEATURE_RETURN_5
    FEATURE_SKEW_60
    FEATURE_KURTOSIS_60
    FEATURE_AUTOCORRELATION_20
    FEATURE_CORRELATION_VOLUME_30
    FEATURE_BETA_60
    FEATURE_CORRELATION_60
    FEATURE_VARIANCE_RATIO_5
    FEATURE_MEDIAN_20
    FEATURE_PERCENT_RANK_50
    FEATURE_JARQUE_BERA_60
    FEATURE_HURST_100
    FEATURE_HALF_LIFE_60
    FEATURE_RELATIVE_SPREAD
    FEATURE_QUEUE_IMBALANCE
    FEATURE_DEPTH_IMBALANCE_5
    FEATURE_MICROPRICE_OFFSET
    FEATURE_OFI_50
    FEATURE_OFI_100
    FEATURE_OFI_LEVELS_50
    FEATURE_TRADE_IMBALANCE_50
    FEATURE_VPIN_50
    FEATURE_KYLE_LAMBDA_50
    FEATURE_AMIHUD_20
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
    CLOCK_REFERENCE = 5         # bars that have a return of the reference price beside their own
    CLOCK_DEPTH = 6             # tops of which any of the five levels differs from the one before; the first counts
    CLOCK_BUCKET = 7            # full buckets of traded volume
    CLOCK_COUNT = 8


# What is computed together, as bits; the first features (base) always are. A bank computes the groups of its selection.
cdef enum:
    GROUP_TREND = 1
    GROUP_MOMENTUM = 2
    GROUP_CHANNELS = 4
    GROUP_VOLATILITY = 8
    GROUP_VOLUME = 16
    GROUP_STATISTICS = 32
    GROUP_HEAVY = 64            # more than O(1) an update
    GROUP_REFERENCE = 128
    GROUP_GARCH = 256
    GROUP_OF_BARS = 511         # all above
    GROUP_DEPTH = 512
    GROUP_VPIN = 1024
