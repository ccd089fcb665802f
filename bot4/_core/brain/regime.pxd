"""Market regime: trend and volatility of bar returns, and a hidden Markov filter fitted elsewhere."""

from libc.stdint cimport int32_t, int64_t


cdef enum:
    HIDDEN_MAX = 4


# Regime
cdef enum:
    REGIME_BULL = 0
    REGIME_BEAR = 1
    REGIME_SIDEWAYS = 2
    REGIME_CRISIS = 3


# Immutable while a shard runs.
ctypedef struct RegimeRules:
    double trend_alpha           # of the running mean of returns and of its variance
    double fast_alpha            # of the two running variances
    double slow_alpha
    double trend_enter           # |t| of the mean return from which there is a trend, and below which it ended
    double trend_exit
    double crisis_enter          # fast over slow deviation
    double crisis_exit
    int64_t warm_up_bars
    int32_t hidden_count         # 0: no hidden Markov model
    int32_t labels[4]            # Regime of each hidden state
    double hidden_min            # probability from which the hidden state has the word
    double initial[4]
    double transition[4][4]      # [from][to]
    double mean[4]               # of a bar's log return
    double deviation[4]


ctypedef struct RegimeState:
    int64_t bars
    double trend_mean
    double trend_square
    double fast_square
    double slow_square
    double trend_t               # of the last bar
    double stress                # fast over slow deviation of the last bar
    int32_t rule                 # Regime by trend and volatility alone
    int32_t regime               # the word
    double hidden[4]             # filtered probabilities


# One bar's log return; non-finite ones change nothing. Returns the Regime, -1 while warming.
cdef int regime_apply(const RegimeRules* rules, RegimeState* state, double log_return) noexcept nogil
# One step of the hidden Markov filter.
cdef void hidden_apply(const RegimeRules* rules, double* probabilities, double log_return, bint is_first) noexcept nogil
