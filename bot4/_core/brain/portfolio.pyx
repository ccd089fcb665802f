# cython: language_level=3
"""What a shard's instruments hold together.

Exposures are parts per million of the equity of each instrument's settle asset. Heat is what would be lost were every stop
hit. Correlations are those of exponentially weighted returns (mean taken as 0), sampled for all instruments at one time;
until two have 20 samples together they count as 1, the cautious end.

The drawdown latches at its limit and stays: recovery of the market does not clear it, `PortfolioBook.reset` does. Peak and
latch are part of the snapshot that a restart takes over. One owner thread.
"""

from libc.math cimport sqrt
from libc.stdint cimport int64_t
from libc.stdlib cimport free

from bot4._core.account.contract cimport Contract
from bot4._core.brain.sizing cimport size_ppm
from bot4._core.ta.elementary cimport log_ratio
from bot4._core.types cimport aligned_zalloc, money_from_int, money_t, money_to_int

cdef int64_t PPM = 1_000_000
cdef int64_t SAMPLES_MIN = 20


cdef void portfolio_apply_equity(Portfolio* portfolio, int lane, money_t equity_atoms) noexcept nogil:
    cdef Holding* holding = &portfolio.holdings[lane]
    cdef money_t fallen
    cdef int64_t deepest = 0
    cdef int i
    holding.equity_atoms = equity_atoms
    holding.peak_atoms = max(holding.peak_atoms, equity_atoms)
    for i in range(portfolio.count):
        holding = &portfolio.holdings[i]
        if holding.peak_atoms > 0:
            fallen = (holding.peak_atoms - holding.equity_atoms) * PPM // holding.peak_atoms
            deepest = max(deepest, <int64_t>fallen)
    portfolio.drawdown_ppm = deepest
    if portfolio.drawdown_max_ppm > 0 and deepest >= portfolio.drawdown_max_ppm:
        portfolio.is_latched = True


cdef void portfolio_apply_mark(
    Portfolio* portfolio, const ContractSpec* spec, int lane, int64_t lots, int64_t mark_ticks, int64_t stop_ppm
) noexcept nogil:
    cdef Holding* holding = &portfolio.holdings[lane]
    holding.mark_ticks = mark_ticks
    holding.stop_ppm = stop_ppm
    holding.exposure_ppm = size_ppm(spec, holding.equity_atoms, lots, mark_ticks)
    if lots < 0:
        holding.exposure_ppm = -holding.exposure_ppm


cdef void portfolio_apply_time(Portfolio* portfolio, int64_t now_ns) noexcept nogil:
    cdef Holding* holding
    cdef double fresh = 1.0 - portfolio.keep
    cdef int i, j
    if portfolio.next_sample_ns != 0 and now_ns < portfolio.next_sample_ns:
        return
    portfolio.next_sample_ns = now_ns + portfolio.sample_ns
    for i in range(portfolio.count):
        holding = &portfolio.holdings[i]
        holding.last_return = 0.0
        if holding.mark_ticks > 0 and holding.sampled_ticks > 0:
            holding.last_return = log_ratio(holding.mark_ticks, holding.sampled_ticks)
        holding.sampled_ticks = holding.mark_ticks
    portfolio.samples += 1
    for i in range(portfolio.count):
        for j in range(i + 1):
            portfolio.covariance[i][j] = (
                portfolio.keep * portfolio.covariance[i][j]
                + fresh * portfolio.holdings[i].last_return * portfolio.holdings[j].last_return)


cdef double portfolio_correlation(const Portfolio* portfolio, int first, int second) noexcept nogil:
    cdef double spread
    if first < second:
        first, second = second, first
    if first == second or portfolio.samples <= SAMPLES_MIN:
        return 1.0
    spread = portfolio.covariance[first][first] * portfolio.covariance[second][second]
    return portfolio.covariance[first][second] / sqrt(spread) if spread > 1e-200 else 1.0


cdef void portfolio_surroundings(
    const Portfolio* portfolio, int lane, int side_sign, Surroundings* out
) noexcept nogil:
    cdef double correlated = 0.0
    cdef int64_t exposure_ppm, size
    cdef int i
    out.gross_ppm = out.heat_ppm = 0
    for i in range(portfolio.count):
        exposure_ppm = portfolio.holdings[i].exposure_ppm
        if i == lane or exposure_ppm == 0:
            continue
        size = exposure_ppm if exposure_ppm > 0 else -exposure_ppm
        out.gross_ppm += size
        out.heat_ppm += size * portfolio.holdings[i].stop_ppm // PPM + 1
        correlated += portfolio_correlation(portfolio, lane, i) * <double>(exposure_ppm * side_sign)
    out.correlated_ppm = <int64_t>correlated


cdef class PortfolioBook:
    """The portfolio of a shard's instruments, shared by their policies.

    Parameters
    ----------
    count : int
        Instruments, at most 64.
    drawdown_max_ppm : int
        Fall from the peak of equity that latches; 0 for none.
    sample_ns : int
        Time between two samples of returns.
    memory_samples : int
        Samples after which one counts a third.

    Raises
    ------
    ValueError
        A value is out of range.
    """

    def __cinit__(self, int count, *, int64_t drawdown_max_ppm=150_000, int64_t sample_ns, int64_t memory_samples=250):
        if not 0 < count <= PORTFOLIO_MAX:
            raise ValueError(f"a portfolio has 1 to {PORTFOLIO_MAX} instruments, was given {count}")
        if not 0 <= drawdown_max_ppm <= PPM or sample_ns <= 0 or memory_samples < 2:
            raise ValueError(
                f"a portfolio needs a drawdown of 0 to {PPM} ppm, a positive sample time and a memory of 2 samples or more, "
                f"was given {drawdown_max_ppm}, {sample_ns} and {memory_samples}")
        self.portfolio = <Portfolio*>aligned_zalloc(sizeof(Portfolio))
        if self.portfolio == NULL:
            raise MemoryError("no memory for a portfolio")
        self.portfolio.count = count
        self.portfolio.drawdown_max_ppm = drawdown_max_ppm
        self.portfolio.sample_ns = sample_ns
        self.portfolio.keep = 1.0 - 1.0 / <double>memory_samples

    def __dealloc__(self):
        free(self.portfolio)

    def apply_equity(self, int lane, equity_atoms) -> None:
        """Value of an instrument's settle asset, atoms."""
        portfolio_apply_equity(self.portfolio, self._lane(lane), money_from_int(equity_atoms))

    def apply_mark(self, int lane, Contract contract not None, *, int64_t lots, int64_t mark_ticks, int64_t stop_ppm) -> None:
        """What is held of an instrument, at which price, and how far its stop is."""
        portfolio_apply_mark(self.portfolio, &contract.spec, self._lane(lane), lots, mark_ticks, stop_ppm)

    def apply_time(self, int64_t now_ns) -> None:
        """Take a sample of returns where its time has come."""
        portfolio_apply_time(self.portfolio, now_ns)

    def correlation(self, int first, int second) -> float:
        """Of two instruments' returns; 1 where too little is known."""
        return portfolio_correlation(self.portfolio, self._lane(first), self._lane(second))

    def surroundings(self, int lane, int side_sign) -> dict:
        """What an order finds around it, millionths of equity."""
        cdef Surroundings out
        portfolio_surroundings(self.portfolio, self._lane(lane), side_sign, &out)
        return {"gross_ppm": out.gross_ppm, "heat_ppm": out.heat_ppm, "correlated_ppm": out.correlated_ppm}

    cdef int _lane(self, int lane) except -1:
        if not 0 <= lane < self.portfolio.count:
            raise ValueError(f"the portfolio has {self.portfolio.count} instruments, was asked for {lane}")
        return lane

    def reset(self) -> None:
        """Clear the latch; peaks begin at the next equity. An operator's act."""
        cdef int i
        self.portfolio.is_latched = False
        for i in range(self.portfolio.count):
            self.portfolio.holdings[i].peak_atoms = 0

    def snapshot(self) -> dict:
        """What a restart must not forget: the latch and the peaks of equity, in atoms."""
        cdef int i
        return {
            "is_latched": bool(self.portfolio.is_latched),
            "peaks": [money_to_int(self.portfolio.holdings[i].peak_atoms) for i in range(self.portfolio.count)],
        }

    def restore(self, snapshot) -> None:
        """Take over what `snapshot` gave before a restart; never lowers a peak and never clears a latch."""
        cdef int i
        cdef money_t peak
        peaks = list(snapshot["peaks"])
        if len(peaks) != self.portfolio.count:
            raise ValueError(f"a snapshot of {len(peaks)} instruments does not fit {self.portfolio.count}")
        for i in range(self.portfolio.count):
            peak = money_from_int(peaks[i])
            self.portfolio.holdings[i].peak_atoms = max(self.portfolio.holdings[i].peak_atoms, peak)
        self.portfolio.is_latched = self.portfolio.is_latched or bool(snapshot["is_latched"])

    @property
    def drawdown_ppm(self) -> int:
        """Deepest present fall from a peak, parts per million."""
        return self.portfolio.drawdown_ppm

    @property
    def is_latched(self) -> bool:
        """Whether entries are refused for a drawdown."""
        return self.portfolio.is_latched
