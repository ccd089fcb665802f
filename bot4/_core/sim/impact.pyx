# cython: language_level=3
"""Impact models and the optimal execution they imply.

Almgren and Chriss: a trade of n in one period tau moves the price for good by ``gamma n``, and costs
``epsilon + eta n / tau`` more for itself. A liquidation x_0 = X ... x_N = 0 with n_k = x_(k-1) - x_k then costs

    E = gamma X^2 / 2 + epsilon sum |n_k| + (eta - gamma tau / 2) / tau  sum n_k^2        V = sigma^2 tau sum x_k^2

and ``E + lambda V`` is least on ``x_k = X sinh(kappa (T - t_k)) / sinh(kappa T)``.

Source: Almgren and Chriss, Optimal execution of portfolio transactions (2000), equations 3 to 20; Almgren, Thum,
Hauptmann and Li, Direct estimation of equity market impact (2005), for exponents other than 1/2; Toth et al., Anomalous
price impact and the critical nature of liquidity (2011), for the square-root law.
"""

from libc.math cimport NAN, acos, acosh, fabs, isfinite, isnan, pow, sin, sinh, sqrt

import numpy as np


cdef inline double _signed_power(double ratio, double exponent) noexcept nogil:
    if exponent == 0.5:
        return sqrt(ratio) if ratio >= 0.0 else -sqrt(-ratio)
    return pow(ratio, exponent) if ratio >= 0.0 else -pow(-ratio, exponent)


cdef double impact_total(const ImpactModel* model, double size, double duration) noexcept nogil:
    if model.kind == IMPACT_LINEAR:
        return model.coefficient * size
    if model.kind == IMPACT_POWER:
        return model.coefficient * model.volatility * _signed_power(size / model.daily_volume, model.exponent)
    if model.kind == IMPACT_ALMGREN_CHRISS and size != 0.0:
        return (
            model.gamma * size + (model.epsilon if size > 0.0 else -model.epsilon)
            + model.eta * size / duration
        )
    return 0.0


cdef double impact_permanent(const ImpactModel* model, double size) noexcept nogil:
    if model.kind == IMPACT_ALMGREN_CHRISS:
        return model.gamma * size
    return model.permanent_share * impact_total(model, size, 1.0)


cdef double execution_urgency(const Execution* execution, double risk_aversion) noexcept nogil:
    cdef double tau = execution.horizon / <double>execution.periods
    cdef double eta = execution.eta - 0.5 * execution.gamma * tau
    cdef double turn
    if not eta > 0.0:
        return NAN
    turn = 0.5 * tau * tau * risk_aversion * execution.volatility * execution.volatility / eta + 1.0
    if turn >= 1.0:
        return acosh(turn) / tau
    return -acos(turn) / tau if turn >= -1.0 else NAN


cdef bint execution_trajectory(const Execution* execution, double risk_aversion, double* holdings) noexcept nogil:
    cdef double tau = execution.horizon / <double>execution.periods
    cdef double kappa = execution_urgency(execution, risk_aversion)
    cdef double left
    cdef int k
    # A sine trajectory of half a wave or more is a saddle, not the least cost.
    if isnan(kappa) or (kappa < 0.0 and -kappa * execution.horizon >= 3.141592653589793):
        return False
    for k in range(execution.periods + 1):
        left = execution.horizon - <double>k * tau
        if kappa == 0.0:
            holdings[k] = execution.holding * left / execution.horizon
        elif kappa > 0.0:
            holdings[k] = execution.holding * sinh(kappa * left) / sinh(kappa * execution.horizon)
        else:
            holdings[k] = execution.holding * sin(-kappa * left) / sin(-kappa * execution.horizon)
    holdings[0] = execution.holding
    holdings[execution.periods] = 0.0
    return True


cdef void execution_cost(const Execution* execution, const double* holdings, double* mean, double* variance) noexcept nogil:
    cdef double tau = execution.horizon / <double>execution.periods
    cdef double traded
    cdef int k
    mean[0] = 0.5 * execution.gamma * execution.holding * execution.holding
    variance[0] = 0.0
    for k in range(1, execution.periods + 1):
        traded = holdings[k - 1] - holdings[k]
        mean[0] += execution.epsilon * fabs(traded)
        mean[0] += (execution.eta - 0.5 * execution.gamma * tau) / tau * traded * traded
        variance[0] += execution.volatility * execution.volatility * tau * holdings[k] * holdings[k]


cdef double _at_least(str name, double value, double least) except? -1:
    if not (isfinite(value) and value >= least):
        raise ValueError(f"{name} must be a finite number of at least {least:g}, was {value}")
    return value


cdef double _above_zero(str name, double value) except? -1:
    if not (isfinite(value) and value > 0.0):
        raise ValueError(f"{name} must be a finite number above 0, was {value}")
    return value


cdef class Impact:
    """An impact model; make one with `none`, `linear`, `power` or `almgren_chriss`.

    Any one unit of price, quantity and time: the paper venue uses ticks, lots and seconds.

    >>> Impact.linear(0.5).total(10.0)
    5.0
    """

    @staticmethod
    def none() -> Impact:
        """Own trading moves nothing."""
        return Impact()

    @staticmethod
    def linear(slope: float, *, permanent_share: float = 1.0) -> Impact:
        """Price moves by `slope` for each unit of quantity; `permanent_share` of it stays.

        Source: Kyle, Continuous auctions and insider trading (1985).
        """
        cdef Impact impact = Impact()
        impact.model.kind = IMPACT_LINEAR
        impact.model.coefficient = _at_least("slope", slope, 0.0)
        impact.model.permanent_share = _share(permanent_share)
        return impact

    @staticmethod
    def power(
        *, volatility: float, daily_volume: float, coefficient: float = 1.0, exponent: float = 0.5,
        permanent_share: float = 0.0,
    ) -> Impact:
        """Price moves by ``coefficient * volatility * (size / daily_volume) ** exponent``.

        Parameters
        ----------
        volatility : float
            Standard deviation of the price over one day, in units of price.
        daily_volume : float
            Quantity traded over one day.
        coefficient : float
            About 1 for the square-root law.
        exponent : float
            1/2 is the square-root law; Almgren et al. (2005) found 3/5.
        permanent_share : float
            Part of the move that stays.
        """
        cdef Impact impact = Impact()
        impact.model.kind = IMPACT_POWER
        impact.model.volatility = _at_least("volatility", volatility, 0.0)
        impact.model.daily_volume = _above_zero("daily_volume", daily_volume)
        impact.model.coefficient = _at_least("coefficient", coefficient, 0.0)
        impact.model.exponent = _above_zero("exponent", exponent)
        impact.model.permanent_share = _share(permanent_share)
        return impact

    @staticmethod
    def almgren_chriss(*, gamma: float, eta: float, epsilon: float = 0.0) -> Impact:
        """Permanent ``gamma * quantity``, temporary ``epsilon + eta * quantity / duration``."""
        cdef Impact impact = Impact()
        impact.model.kind = IMPACT_ALMGREN_CHRISS
        impact.model.gamma = _at_least("gamma", gamma, 0.0)
        impact.model.eta = _at_least("eta", eta, 0.0)
        impact.model.epsilon = _at_least("epsilon", epsilon, 0.0)
        return impact

    def total(self, size: float, duration: float = 1.0) -> float:
        """Move of the price met by a trade; signed like the quantity."""
        return impact_total(&self.model, size, _above_zero("duration", duration))

    def permanent(self, size: float) -> float:
        """Part of the move that stays."""
        return impact_permanent(&self.model, size)


cdef double _share(double value) except? -1:
    if not 0.0 <= value <= 1.0:
        raise ValueError(f"permanent_share must be 0 to 1, was {value}")
    return value


cdef class ExecutionPlan:
    """Liquidation of a holding under Almgren-Chriss impact.

    Parameters
    ----------
    holding, horizon : float
        What is to be sold, and the time there is for it.
    periods : int
        Equal steps the horizon is cut into, 1 to 10,000.
    volatility : float
        Of the price, for the square root of one unit of time.
    gamma, eta, epsilon : float
        See `Impact.almgren_chriss`.

    >>> plan = ExecutionPlan(holding=1e6, horizon=5, periods=5, volatility=0.95, gamma=2.5e-7, eta=2.5e-6,
    ...                      epsilon=0.0625)
    >>> [round(float(held)) for held in plan.trajectory(1e-6)]   # the worked example of the paper
    [1000000, 541956, 289854, 147897, 62142, 0]
    """

    def __init__(
        self, *, holding: float, horizon: float, periods: int, volatility: float, gamma: float, eta: float,
        epsilon: float = 0.0,
    ):
        if not 1 <= periods <= 10_000:
            raise ValueError(f"periods must be 1 to 10000, was {periods}")
        self.execution.holding = holding
        self.execution.horizon = _above_zero("horizon", horizon)
        self.execution.periods = periods
        self.execution.volatility = _at_least("volatility", volatility, 0.0)
        self.execution.gamma = _at_least("gamma", gamma, 0.0)
        self.execution.eta = _above_zero("eta", eta)
        self.execution.epsilon = _at_least("epsilon", epsilon, 0.0)

    def urgency(self, risk_aversion: float) -> float:
        """Inverse of the time scale of the optimal trajectory; negative: a frequency (risk is sought)."""
        return execution_urgency(&self.execution, risk_aversion)

    def trajectory(self, risk_aversion: float):
        """Optimal holdings, ndarray[float64], shape (periods + 1,).

        Raises
        ------
        ValueError
            No trajectory is optimal: ``eta <= gamma * horizon / periods / 2``, or the risk sought is too great.
        """
        holdings = np.zeros(self.execution.periods + 1)
        cdef double[::1] view = holdings
        if not execution_trajectory(&self.execution, risk_aversion, &view[0]):
            raise ValueError(f"no trajectory is optimal at a risk aversion of {risk_aversion}")
        return holdings

    def cost(self, holdings) -> tuple[float, float]:
        """Expected cost and standard deviation of a trajectory, ndarray[float64], shape (periods + 1,)."""
        cdef const double[::1] view = np.ascontiguousarray(holdings, dtype=np.float64)
        cdef double mean = 0.0
        cdef double variance = 0.0
        if view.shape[0] != self.execution.periods + 1:
            raise ValueError(f"holdings must be {self.execution.periods + 1} numbers, were {view.shape[0]}")
        execution_cost(&self.execution, &view[0], &mean, &variance)
        return mean, sqrt(variance)
