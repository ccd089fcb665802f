# cython: language_level=3
"""Flow: the order-flow generator seen from Python (its process is described in flow_run)."""

from libc.math cimport log
from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport free

from bot4._core.sim.exchange cimport Exchange
from bot4._core.sim.exchange_state cimport ExchangeRequest
from bot4._core.sim.flow_heap cimport FlowOrder
from bot4._core.sim.flow_model cimport FLOW_BUCKETS, FlowParameters
from bot4._core.sim.flow_run cimport flow_advance, flow_hash, flow_next_due, flow_prefill
from bot4._core.sim.flow_state cimport FlowState
from bot4._core.sim.rng cimport rng_seed
from bot4._core.types cimport aligned_zalloc

_TODO_LEAST = 1 << 13
_FUNDS_ATOMS = 1 << 85      # of each asset, account and symbol: more than any run trades; an account may hold 2^90


cdef class Flow:
    """Background trading on one symbol of an exchange.

    Parameters
    ----------
    exchange : Exchange
        Its accounts `makers` and `taker` belong to the generator, which deposits what it needs.
    symbol : int
    parameters : FlowParameters
    seed : int
        The symbol's number separates the generators of one seed.
    bid_ticks : int
        First best bid.
    makers : sequence of int
        Accounts with numbers in a row; the quotes are spread over them, as a venue bounds the orders of each.
    taker : int
    start_ns : int
        Time of the first requests, nanoseconds UTC.
    price_scale, size_scale : float
        Ticks and lots of this symbol for one of the parameters'.
    price_step, qty_step, min_lots, max_lots : int
        Grid and bounds of the symbol's orders, in ticks and lots.
    max_orders : int
        Open at one time, 64 to 2**20; further quotes are left out and counted. Where the parameters ask for more than
        three quarters of it, quotes become fewer and larger.

    One thread. Deterministic: see the module.
    """

    def __cinit__(
        self, Exchange exchange, *, int symbol, FlowParameters parameters, uint64_t seed, int64_t bid_ticks, makers,
        int taker, int64_t start_ns, double price_scale=1.0, double size_scale=1.0, int64_t price_step=1,
        int64_t qty_step=1, int64_t min_lots=1, int64_t max_lots=1 << 40, int64_t max_orders=8_192,
    ):
        cdef FlowState* flow
        accounts = list(makers)
        if not accounts or accounts != list(range(accounts[0], accounts[0] + len(accounts))) or taker in accounts:
            raise ValueError(f"makers must be accounts in a row without the taker {taker}, were {accounts}")
        for name, value, least in (
            ("bid_ticks", bid_ticks, price_step), ("price_step", price_step, 1), ("qty_step", qty_step, 1),
            ("min_lots", min_lots, 1), ("max_lots", max_lots, min_lots), ("max_orders", max_orders, 64),
        ):
            if not least <= value <= 1 << 40:
                raise ValueError(f"{name} must be {least} to 2^40, was {value}")
        max_lots -= max_lots % qty_step
        if bid_ticks % price_step or min_lots % qty_step or max_lots < min_lots:
            raise ValueError("bid_ticks must be whole price steps, min_lots whole quantity steps and at most max_lots")
        if not (0.0 < price_scale <= 1e6 and 0.0 < size_scale <= 1e6 and max_orders <= 1 << 20):
            raise ValueError(f"scales must be above 0 and at most 1e6, max_orders at most 2^20, were {price_scale}, {size_scale}")
        self.exchange = exchange
        exchange._check_symbol(symbol)
        for account in (*accounts, taker):
            exchange._check_account(account)
        self.flow = flow = <FlowState*>aligned_zalloc(sizeof(FlowState))
        if flow == NULL:
            raise MemoryError
        flow.orders = <FlowOrder*>aligned_zalloc(max_orders * sizeof(FlowOrder))
        flow.max_todo = max(_TODO_LEAST, max_orders)
        flow.todo = <ExchangeRequest*>aligned_zalloc(flow.max_todo * sizeof(ExchangeRequest))
        flow.todo_life_s = <double*>aligned_zalloc(flow.max_todo * sizeof(double))
        if flow.orders == NULL or flow.todo == NULL or flow.todo_life_s == NULL:
            raise MemoryError
        flow.model = parameters.model
        rng_seed(&flow.rng, seed, <uint64_t>symbol)
        flow.symbol, flow.first_maker, flow.makers, flow.taker = symbol, accounts[0], len(accounts), taker
        flow.price_scale, flow.size_scale = price_scale, size_scale
        flow.price_step, flow.qty_step, flow.min_lots, flow.max_lots = price_step, qty_step, min_lots, max_lots
        flow.max_orders, flow.now_ns, flow.bid_ticks = max_orders, start_ns, bid_ticks
        flow.floor_ticks = max(price_step, bid_ticks // 16 // price_step * price_step)
        flow.ceiling_ticks = min(bid_ticks * 16, 1 << 39)
        flow.ask_ticks = bid_ticks + price_step
        self._thin_out()
        self._fund((*accounts, taker))
        flow_prefill(flow)

    def __dealloc__(self):
        if self.flow != NULL:
            free(self.flow.orders)
            free(self.flow.todo)
            free(self.flow.todo_life_s)
            free(self.flow)

    cdef void _thin_out(self) noexcept:
        """Fewer and larger quotes where the parameters ask for more than three quarters of the room."""
        cdef FlowState* flow = self.flow
        cdef double wanted = 0.0
        cdef double factor
        cdef int bucket
        for bucket in range(FLOW_BUCKETS):
            wanted += 2.0 * flow.model.adds_per_s[bucket] * flow.model.life_s[bucket]
        factor = 0.75 * <double>flow.max_orders / wanted if wanted > 0.0 else 1.0
        if factor < 1.0:
            for bucket in range(FLOW_BUCKETS):
                flow.model.adds_per_s[bucket] *= factor
                flow.model.add_mu[bucket] -= log(factor)

    cdef int _fund(self, tuple accounts) except -1:
        cdef Exchange exchange = self.exchange
        for account in accounts:
            for asset in (
                exchange.state.symbols[self.flow.symbol].base_asset, exchange.state.symbols[self.flow.symbol].quote_asset,
            ):
                verdict = exchange.deposit(account, asset, _FUNDS_ATOMS)
                if verdict != 0:
                    raise ValueError(f"account {account} was refused the generator's funds with verdict {verdict}")
        return 0

    def advance(self, int64_t until_ns, *, int64_t stamp_ns=0) -> int:
        """Let the market run until a time; a FlowVerdict. After FLOW_LOG_FULL take the reports and call again.

        With `stamp_ns` the exchange is told that time instead of the generator's own: a market that runs faster or slower
        than its server.
        """
        cdef Exchange exchange = self.exchange
        cdef int verdict
        self.flow.stamp_ns = stamp_ns
        with nogil:
            verdict = flow_advance(self.flow, exchange.state, until_ns)
        return verdict

    @property
    def next_due_ns(self) -> int:
        """When something happens next, nanoseconds UTC."""
        return flow_next_due(self.flow)

    @property
    def anchors(self) -> tuple[int, int]:
        """Prices the makers' best quotes belong at, in ticks."""
        return self.flow.bid_ticks, self.flow.ask_ticks

    @property
    def open_orders(self) -> int:
        """Orders whose life is not over, among them those that were filled."""
        return self.flow.order_count

    @property
    def regime(self) -> int:
        """Index of the present regime."""
        return self.flow.regime

    @property
    def counts(self) -> dict[str, int]:
        """What was done so far, by name."""
        return dict(self.flow.counts)

    @property
    def state_hash(self) -> int:
        """Hash of the generator's state."""
        return flow_hash(self.flow)
