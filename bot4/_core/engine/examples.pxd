"""States of the compiled example strategies; the NumPy layouts of the module are the same fields."""

from libc.stdint cimport int64_t


ctypedef struct EmaCrossState:
    double fast_share        # 2 / (n + 1)
    double slow_share
    double fast              # of the mid, in ticks
    double slow
    int64_t seen             # touches
    int64_t warm_up          # touches before the first order
    int64_t lots             # bought, and sold again
    int64_t slippage_ticks   # beyond the touch, at most


ctypedef struct GridState:
    int64_t levels           # a side
    int64_t interval_ticks   # between levels
    int64_t align_ticks      # the first level's price is a multiple of it
    int64_t half_spread_ticks
    int64_t lots
    int64_t position_max_lots
