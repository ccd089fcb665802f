"""Market impact: how far own trading moves the price. Linear, power law (square root), Almgren-Chriss.

Prices and quantities here are doubles, since a model's estimate is no money: whoever applies one rounds it to ticks.
"""


cpdef enum ImpactKind:
    IMPACT_NONE = 0
    IMPACT_LINEAR = 1            # coefficient * size
    IMPACT_POWER = 2             # coefficient * volatility * (size / daily volume) ** exponent
    IMPACT_ALMGREN_CHRISS = 3    # gamma * size permanent; epsilon + eta * rate temporary


# Unused members are 0. Any unit of price, quantity and time, as long as it is the same one throughout.
ctypedef struct ImpactModel:
    int kind
    double coefficient         # linear: price per quantity; power: the law's Y, about 1
    double exponent            # power: 1/2 is the square-root law
    double volatility          # power: price over one day
    double daily_volume        # power: quantity over one day
    double gamma               # Almgren-Chriss: permanent price per quantity
    double eta                 # Almgren-Chriss: temporary price per quantity per unit of time
    double epsilon             # Almgren-Chriss: half the spread and fees, paid by every trade
    double permanent_share     # linear and power: the part of the impact that stays, 0 to 1


# Liquidation of `holding` in `periods` equal steps over `horizon` (Almgren and Chriss 2000).
ctypedef struct Execution:
    double holding
    double horizon
    double volatility          # price per square root of time
    double gamma
    double eta
    double epsilon
    int periods


# Total and permanent move of the price by a trade of `size` (signed: buys move it up) spread over `duration`, which
# only Almgren-Chriss looks at.
cdef double impact_total(const ImpactModel* model, double size, double duration) noexcept nogil
cdef double impact_permanent(const ImpactModel* model, double size) noexcept nogil

# Urgency of the optimal trajectory at a risk aversion: the solution of 2 (cosh(kappa tau) - 1) / tau^2 = kappa~^2, or
# NaN where the temporary impact is too small for the step (eta <= gamma tau / 2). Risk aversions below zero give sine
# trajectories and a negative number: minus their frequency.
cdef double execution_urgency(const Execution* execution, double risk_aversion) noexcept nogil
# Holdings at the `periods` + 1 times; False where there is no optimal trajectory.
cdef bint execution_trajectory(const Execution* execution, double risk_aversion, double* holdings) noexcept nogil
# Expected cost and its variance of any trajectory of `periods` + 1 holdings.
cdef void execution_cost(const Execution* execution, const double* holdings, double* mean, double* variance) noexcept nogil


cdef class Impact:
    cdef ImpactModel model


cdef class ExecutionPlan:
    cdef Execution execution
