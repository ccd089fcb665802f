# cython: language_level=3
"""The simulated spot exchange: accounts, orders, trades and books, exact and deterministic (docs/exchange-core.md)."""

from decimal import Decimal

import numpy as np

from cpython.buffer cimport PyBuffer_Release
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from bot4._core.account.balances cimport balance_at, balances_total
from bot4._core.book.book_side cimport side_levels
from bot4._core.book.conditional cimport conditional_init
from bot4._core.book.matching cimport STP_DECREMENT, l3_best, l3_depth, l3_init, l3_shown_at
from bot4._core.book.order_index cimport NO_SLOT, index_find
from bot4._core.book.order_pool cimport pool_used
from bot4._core.mem.record_buffer cimport borrow_records, checked_capacity
from bot4._core.risk.filters cimport Filters
from bot4._core.sim.average_price cimport average_init
from bot4._core.sim.exchange_core cimport exchange_apply, exchange_free, exchange_hash, exchange_new
from bot4._core.sim.exchange_state cimport (
    AccountState, ExchangeOrder, ExchangeReport, ExchangeRequest, FeeRates, SymbolState, open_orders_of,
)
from bot4._core.sim.exchange_types cimport (
    REQUEST_ADVANCE, REQUEST_AMEND, REQUEST_CANCEL, REQUEST_CANCEL_ALL, REQUEST_DEPOSIT, REQUEST_PLACE,
    REQUEST_WITHDRAW,
)
from bot4._core.sim.execution cimport reference_price
from bot4._core.sim.requests cimport RequestResult
from bot4._core.types cimport money_from_int, money_to_int

from bot4._core.sim.exchange_dtype import DEPTH_DTYPE, ORDER_DTYPE, REPORT_DTYPE, RESULT_DTYPE

_WINDOW_TICKS = 1 << 15
_FAR_CAPACITY = 1 << 15
_CHANGES = 1 << 16
_MAX_DECIMALS = 18
_MAX_TIERS = 32
_ALL_STP_MODES = (0, 1, 2, 3, 4)


def _whole_atoms(value, decimals, name):
    """Atoms of a decimal text; exact or refused."""
    atoms = Decimal(value).scaleb(decimals)
    if atoms != atoms.to_integral_value() or atoms <= 0:
        raise ValueError(f"{name} must be a whole number of 10^-{decimals} above zero, was {value}")
    return int(atoms)


cdef int _fill_rates(FeeRates* rates, object maker_e8, object taker_e8) except -1:
    for name, value in (("maker_fee_e8", maker_e8), ("taker_fee_e8", taker_e8)):
        if not -10_000_000 <= value <= 10_000_000:
            raise ValueError(f"{name} must be within 10 % of the notional (10**7), was {value}")
    rates.maker_e8 = maker_e8
    rates.taker_e8 = taker_e8
    return 0


cdef class Exchange:
    """A spot exchange in memory: every request changes it whole or not at all.

    Parameters
    ----------
    max_orders : int
        Orders open at one time over all symbols, a power of two from 8 to 2**20; one more is refused (ORDERS_FULL).
    max_accounts, max_assets, max_symbols : int
        Tables allocated once. Account 0 is the house, which collects the fees and trades nothing.
    max_reports : int
        Records kept until `take_reports`. A request that might write more than is free is refused (LOG_FULL) before it
        begins.

    Notes
    -----
    For one thread. After the last `add_symbol` nothing allocates but the arrays handed out. Amounts are whole atoms of
    an asset, prices ticks, quantities lots, times nanoseconds; time comes in with the requests and never runs back.

    >>> exchange = Exchange(max_orders=64, max_accounts=4, max_assets=4, max_symbols=2, max_reports=1024)
    >>> usdt, btc = exchange.add_asset("USDT", 8), exchange.add_asset("BTC", 8)
    >>> btcusdt = exchange.add_symbol("BTCUSDT", btc, usdt, tick_size="0.01", lot_size="0.00001")
    >>> alice, bob = exchange.open_account("alice"), exchange.open_account("bob")
    >>> exchange.deposit(alice, usdt, 10**13), exchange.deposit(bob, btc, 10**9)
    (0, 0)
    >>> exchange.place(bob, btcusdt, 1, 0, qty_lots=300, price_ticks=6_000_000, now_ns=1)
    (0, 1)
    >>> exchange.place(alice, btcusdt, 0, 0, qty_lots=200, price_ticks=6_000_100, now_ns=2)
    (0, 2)
    >>> exchange.last_price_ticks(btcusdt), exchange.balance(alice, btc), exchange.balance(bob, btc)
    (6000000, (200000, 0), (999700000, 100000))
    """

    def __cinit__(self, *, max_orders=1 << 14, max_accounts=256, max_assets=32, max_symbols=16, max_reports=1 << 17):
        checked_capacity(max_orders, 8)
        for name, value, least, most in (
            ("max_orders", max_orders, 8, 1 << 20), ("max_accounts", max_accounts, 2, 1 << 16),
            ("max_assets", max_assets, 2, 1 << 10), ("max_symbols", max_symbols, 1, 1 << 10),
            ("max_reports", max_reports, 128, 1 << 24),
        ):
            if not least <= value <= most:
                raise ValueError(f"{name} must be from {least} to {most}, was {value}")
        self.state = exchange_new(max_orders, max_accounts, max_assets, max_symbols, max_reports)
        if self.state == NULL:
            raise MemoryError(f"no memory for an exchange of {max_orders} orders and {max_reports} reports")
        self.asset_names, self.asset_decimals, self.symbol_names, self.account_names = [], [], [], ["house"]
        self.state.account_count = 1
        self.state.accounts[0].trade_group = -1

    def __dealloc__(self):
        exchange_free(self.state)

    # ---- what there is to trade, and who trades

    def add_asset(self, name, decimals):
        """Add an asset whose atom is 10^-decimals; returns its number."""
        if self.state.asset_count == self.state.max_assets:
            raise ValueError(f"max_assets of {self.state.max_assets} are there already")
        if name in self.asset_names:
            raise ValueError(f"asset {name} is there already")
        if not 0 <= decimals <= _MAX_DECIMALS:
            raise ValueError(f"decimals must be from 0 to {_MAX_DECIMALS}, was {decimals}")
        self.asset_names.append(name)
        self.asset_decimals.append(decimals)
        self.state.asset_count += 1
        return self.state.asset_count - 1

    def add_symbol(
        self, name, base, quote, *, tick_size, lot_size, filters=None, maker_fee_e8=0, taker_fee_e8=0,
        stp_modes=_ALL_STP_MODES, average_price_mins=5, max_iceberg_parts=0, max_algo_orders=0, max_iceberg_orders=0,
        max_order_lists=0, max_amends=0, min_trailing_above_bips=0, max_trailing_above_bips=0,
        min_trailing_below_bips=0, max_trailing_below_bips=0, range_down_ppm=0, range_up_ppm=0,
        window_ticks=_WINDOW_TICKS, far_capacity=_FAR_CAPACITY, change_capacity=_CHANGES,
    ):
        """Add a symbol; returns its number.

        Parameters
        ----------
        base, quote : int
            Assets. A lot must be a whole number of base atoms, and a tick times a lot one of quote atoms.
        tick_size, lot_size : str
            Decimal text.
        filters : Filters | None
            PRICE_FILTER, LOT_SIZE, MARKET_LOT_SIZE, PERCENT_PRICE, NOTIONAL, MAX_NUM_ORDERS, MAX_POSITION.
        maker_fee_e8, taker_fee_e8 : int
            Parts of 10^8 of the notional, below zero a rebate; where no volume tiers are set.
        stp_modes : Iterable[int]
            Allowed self-trade prevention modes.
        average_price_mins : int
            Minutes of the volume-weighted reference price, 0 to 60; 0: the last price.
        max_iceberg_parts, max_algo_orders, max_iceberg_orders, max_order_lists, max_amends : int
            The filters of these names; 0 is off. So are the four trailing bounds, in basis points.
        range_down_ppm, range_up_ppm : int
            Price range execution rule around the reference price, in parts per million of it; 0 is off.
        window_ticks, far_capacity, change_capacity : int
            Sizes of the book (docs/book.md) and of the ring of level changes, powers of two.
        """
        cdef SymbolState* symbol
        cdef Filters rules
        self._check_asset(base)
        self._check_asset(quote)
        if self.state.symbol_count == self.state.max_symbols:
            raise ValueError(f"max_symbols of {self.state.max_symbols} are there already")
        if name in self.symbol_names or base == quote:
            raise ValueError(f"symbol {name} is there already, or its assets are one")
        if not 0 <= average_price_mins <= 60:
            raise ValueError(f"average_price_mins must be from 0 to 60, was {average_price_mins}")
        for size in (window_ticks, change_capacity):
            checked_capacity(size, 64)
        checked_capacity(far_capacity, 8)
        base_atoms = _whole_atoms(lot_size, self.asset_decimals[base], "lot_size")
        quote_atoms = _whole_atoms(
            Decimal(tick_size) * Decimal(lot_size), self.asset_decimals[quote], "tick_size times lot_size"
        )
        if max(base_atoms, quote_atoms) > 1 << 36:
            raise ValueError(f"a lot and a tick times a lot must be at most 2**36 atoms, was {base_atoms}, {quote_atoms}")
        symbol = &self.state.symbols[self.state.symbol_count]
        memset(symbol, 0, sizeof(SymbolState))
        _fill_rates(&symbol.rates, maker_fee_e8, taker_fee_e8)
        if filters is not None:
            rules = filters
            symbol.filters = rules.rules[0]
        symbol.unreferenced = symbol.filters
        symbol.unreferenced.has_percent_price = 0
        symbol.unreferenced.min_applies_to_market = symbol.unreferenced.max_applies_to_market = 0
        symbol.base_asset, symbol.quote_asset = base, quote
        symbol.base_atoms_per_lot, symbol.quote_atoms_per_ticklot = base_atoms, quote_atoms
        symbol.fee_symbol = symbol.volume_symbol = -2
        for mode in stp_modes:
            if not 0 <= mode <= STP_DECREMENT:
                raise ValueError(f"stp_modes must be StpMode values, was {mode}")
            symbol.stp_allowed |= 1 << <int>mode
        limits = (
            max_iceberg_parts, max_algo_orders, max_iceberg_orders, max_order_lists, max_amends,
            min_trailing_above_bips, max_trailing_above_bips, min_trailing_below_bips, max_trailing_below_bips,
        )
        if not all(0 <= limit < 1 << 31 for limit in (*limits, range_down_ppm, range_up_ppm)):
            raise ValueError(f"limits must be from 0 to 2**31 - 1, were {limits}, {range_down_ppm}, {range_up_ppm}")
        symbol.extra.max_iceberg_parts, symbol.extra.max_algo_orders = max_iceberg_parts, max_algo_orders
        symbol.extra.max_iceberg_orders, symbol.extra.max_order_lists = max_iceberg_orders, max_order_lists
        symbol.extra.max_amends = max_amends
        symbol.extra.min_trailing_above_bips = min_trailing_above_bips
        symbol.extra.max_trailing_above_bips = max_trailing_above_bips
        symbol.extra.min_trailing_below_bips = min_trailing_below_bips
        symbol.extra.max_trailing_below_bips = max_trailing_below_bips
        symbol.extra.range_down_ppm, symbol.extra.range_up_ppm = range_down_ppm, range_up_ppm
        conditional_init(&symbol.waiting, self.state.waiting_nodes, self.state.trails)
        self.state.symbol_count += 1      # released with the exchange from here on
        self.symbol_names.append(name)
        if not l3_init(&symbol.book, &self.state.pool, window_ticks, far_capacity, change_capacity) or (
            not average_init(&symbol.average, average_price_mins)
        ):
            raise MemoryError(f"no memory for the book of {name}")
        return self.state.symbol_count - 1

    def open_account(self, name, *, trade_group=-1, maker_fee_e8=None, taker_fee_e8=None, pays_in_fee_asset=False):
        """Open an account; returns its number, from 1.

        `trade_group` of 0 or more joins accounts for self-trade prevention. With both fees given the account has rates
        of its own, else those of its tier or of the symbol.
        """
        cdef AccountState* account
        if self.state.account_count == self.state.max_accounts:
            raise ValueError(f"max_accounts of {self.state.max_accounts} are open already, the house among them")
        if name in self.account_names:
            raise ValueError(f"account {name} is open already")
        if (maker_fee_e8 is None) != (taker_fee_e8 is None):
            raise ValueError("maker_fee_e8 and taker_fee_e8 must be given together")
        account = &self.state.accounts[self.state.account_count]
        account.trade_group = trade_group
        account.pays_in_fee_asset = bool(pays_in_fee_asset)
        if maker_fee_e8 is not None:
            _fill_rates(&account.own_rates, maker_fee_e8, taker_fee_e8)
            account.has_own_rates = 1
        account.is_open = 1
        self.account_names.append(name)
        self.state.account_count += 1
        return self.state.account_count - 1

    cdef int _check_symbol(self, object symbol) except -1:
        if not 0 <= symbol < self.state.symbol_count:
            raise ValueError(f"symbol must be one of {self.state.symbol_count}, was {symbol}")
        return symbol

    cdef int _check_account(self, object account) except -1:
        if not 0 <= account < self.state.account_count:
            raise ValueError(f"account must be one of {self.state.account_count}, was {account}")
        return account

    cdef int _check_asset(self, object asset) except -1:
        if not 0 <= asset < self.state.asset_count:
            raise ValueError(f"asset must be one of {self.state.asset_count}, was {asset}")
        return asset

    # ---- requests

    def deposit(self, account, asset, atoms):
        """Add to a free balance; a verdict."""
        return self._move(REQUEST_DEPOSIT, account, asset, atoms)

    def withdraw(self, account, asset, atoms):
        """Take from a free balance; a verdict (INSUFFICIENT_BALANCE changes nothing)."""
        return self._move(REQUEST_WITHDRAW, account, asset, atoms)

    def _move(self, kind, account, asset, atoms):
        cdef ExchangeRequest row
        cdef RequestResult result
        memset(&row, 0, sizeof(row))
        row.kind, row.account, row.symbol = kind, self._check_account(account), self._check_asset(asset)
        row.quote_atoms = money_from_int(atoms)
        row.now_ns = self.state.now_ns
        exchange_apply(self.state, &row, 1, &result)
        return result.verdict

    def place(
        self, account, symbol, side, order_type, *, tif=0, qty_lots=0, quote_atoms=0, price_ticks=0, stop_ticks=0,
        trailing_bips=0, iceberg_lots=0, stp=0, flags=0, expire_ns=0, client_key=0, now_ns,
    ):
        """Place an order; returns its verdict and its number (0 where it was refused)."""
        cdef ExchangeRequest row
        cdef RequestResult result
        memset(&row, 0, sizeof(row))
        row.kind, row.account, row.symbol, row.side, row.type = REQUEST_PLACE, account, symbol, side, order_type
        row.tif, row.stp, row.flags, row.trailing_bips = tif, stp, flags, trailing_bips
        row.qty_lots, row.price_ticks, row.stop_ticks, row.iceberg_lots = qty_lots, price_ticks, stop_ticks, iceberg_lots
        row.quote_atoms = money_from_int(quote_atoms)
        row.expire_ns, row.client_key, row.now_ns = expire_ns, client_key, now_ns
        with nogil:
            exchange_apply(self.state, &row, 1, &result)
        return result.verdict, result.order_id

    def cancel(self, account, symbol, order_id, *, flags=0, client_key=0, now_ns):
        """Cancel an order, and with it its list; a verdict. `client_key` is told as request_key in the reports."""
        return self._named(REQUEST_CANCEL, account, symbol, order_id, flags, 0, client_key, now_ns)

    def cancel_all(self, account, symbol, *, now_ns):
        """Cancel every order of an account on a symbol; UNKNOWN_ORDER where there is none."""
        return self._named(REQUEST_CANCEL_ALL, account, symbol, 0, 0, 0, 0, now_ns)

    def amend(self, account, symbol, order_id, qty_lots, *, client_key=0, now_ns):
        """Lower the whole quantity of a resting order, which keeps its place; a verdict."""
        return self._named(REQUEST_AMEND, account, symbol, order_id, 0, qty_lots, client_key, now_ns)

    def advance(self, now_ns):
        """Move the time forward and expire what is due; a verdict."""
        return self._named(REQUEST_ADVANCE, 0, 0, 0, 0, 0, 0, now_ns)

    def _named(self, kind, account, symbol, order_id, flags, qty_lots, client_key, now_ns):
        cdef ExchangeRequest row
        cdef RequestResult result
        memset(&row, 0, sizeof(row))
        row.kind, row.account, row.symbol, row.order_id = kind, account, symbol, order_id
        row.flags, row.qty_lots, row.client_key, row.now_ns = flags, qty_lots, client_key, now_ns
        with nogil:
            exchange_apply(self.state, &row, 1, &result)
        return result.verdict

    def run_requests(self, requests, results=None):
        """Apply rows in order, without the GIL.

        Parameters
        ----------
        requests : ndarray[REQUEST_DTYPE], shape (n,)
            REQUEST_LEG rows belong to the list row before them.
        results : ndarray[RESULT_DTYPE], shape (n,), optional
            Receives the outcome of each row.

        Returns
        -------
        int
            Rows applied: fewer than n where the log must be taken first.
        """
        cdef Py_buffer view, out
        cdef int64_t count, done = 0, used
        cdef const ExchangeRequest* rows
        cdef RequestResult* outcome
        if results is None:
            results = np.zeros(len(requests), RESULT_DTYPE)
        if len(results) < len(requests):
            raise ValueError(f"results must have {len(requests)} rows, had {len(results)}")
        count = borrow_records(requests, &view, sizeof(ExchangeRequest), False)
        try:
            borrow_records(results, &out, sizeof(RequestResult), True)
        except BaseException:
            PyBuffer_Release(&view)
            raise
        rows = <const ExchangeRequest*>view.buf
        outcome = <RequestResult*>out.buf
        with nogil:
            while done < count:
                used = exchange_apply(self.state, &rows[done], count - done, &outcome[done])
                if used == 0:
                    break
                done += used
        PyBuffer_Release(&view)
        PyBuffer_Release(&out)
        return done

    # ---- what came of it

    def take_reports(self):
        """Records since the last call, ndarray[REPORT_DTYPE]; the log is empty afterwards."""
        reports = np.empty(self.state.log.count, REPORT_DTYPE)
        cdef Py_buffer view
        borrow_records(reports, &view, sizeof(ExchangeReport), True)
        memcpy(view.buf, self.state.log.records, <size_t>self.state.log.count * sizeof(ExchangeReport))
        PyBuffer_Release(&view)
        self.state.log.count = 0
        return reports

    def clear_reports(self):
        """Forget the records; returns how many there were."""
        count = self.state.log.count
        self.state.log.count = 0
        return count

    def balance(self, account, asset):
        """Free and locked atoms."""
        cell = balance_at(&self.state.balances, self._check_account(account), self._check_asset(asset))
        return money_to_int(cell.free_atoms), money_to_int(cell.locked_atoms)

    def total(self, asset):
        """Atoms of an asset over every account, the house included: deposits less withdrawals, always."""
        return money_to_int(balances_total(&self.state.balances, self._check_asset(asset)))

    def order(self, order_id):
        """The open order of this number, one ORDER_DTYPE record; None where it is closed or never was."""
        slot = index_find(&self.state.by_id, order_id, 0)
        if slot == NO_SLOT:
            return None
        found = np.empty(1, ORDER_DTYPE)
        cdef Py_buffer view
        borrow_records(found, &view, sizeof(ExchangeOrder), True)
        (<ExchangeOrder*>view.buf)[0] = self.state.orders[<uint32_t>slot]
        PyBuffer_Release(&view)
        return found[0]

    def find(self, account, client_key):
        """Number of the account's open order with this key; 0 where there is none."""
        slot = index_find(&self.state.by_client, client_key, <uint32_t>self._check_account(account))
        return 0 if slot == NO_SLOT else self.state.orders[<uint32_t>slot].order_id

    def open_orders(self, account, symbol):
        """Open orders of an account on a symbol, oldest first: ndarray[ORDER_DTYPE]."""
        cdef Py_buffer view
        cdef int64_t i = 0
        held = open_orders_of(self.state, self._check_account(account), self._check_symbol(symbol))
        found = np.empty(held.count, ORDER_DTYPE)
        cdef uint32_t slot = held.head
        borrow_records(found, &view, sizeof(ExchangeOrder), True)
        while slot != NO_SLOT:
            (<ExchangeOrder*>view.buf)[i] = self.state.orders[slot]
            slot = self.state.orders[slot].next
            i += 1
        PyBuffer_Release(&view)
        return found

    # ---- market data

    def depth(self, symbol, n=5000):
        """Last update id and the `n` best levels of both sides: (id, bids, asks), each ndarray[DEPTH_DTYPE]."""
        cdef SymbolState* held = &self.state.symbols[self._check_symbol(symbol)]
        sides = []
        cdef int64_t[::1] prices, lots
        for side in range(2):
            rows = min(n, side_levels(&held.book.sides[<int>side]))
            price_column, lot_column = np.zeros(max(rows, 1), np.int64), np.zeros(max(rows, 1), np.int64)
            prices, lots = price_column, lot_column
            l3_depth(&held.book, side, rows, &prices[0], &lots[0])
            levels = np.zeros(rows, DEPTH_DTYPE)
            levels["side"], levels["price_ticks"], levels["qty_lots"] = side, price_column[:rows], lot_column[:rows]
            sides.append(levels)
        return held.book.update_id, sides[0], sides[1]

    def take_depth(self, symbol):
        """Levels changed since the last call: (first id, last id, ndarray[DEPTH_DTYPE]).

        The next first id is this last id plus one, unless more levels changed in between than the ring of changes
        holds: the first id is then greater, and whoever keeps a book starts again from a snapshot. Without a change
        the first id is the last id plus one.
        """
        cdef SymbolState* held = &self.state.symbols[self._check_symbol(symbol)]
        cdef int64_t first = held.book.taken_id + 1, last = held.book.update_id, i
        first = max(first, last - <int64_t>held.book.change_mask)
        noted = np.empty(max(last - first + 1, 0), np.uint64)
        cdef uint64_t[::1] rows = noted
        for i in range(last - first + 1):
            rows[i] = held.book.changes[<uint64_t>(first + i) & held.book.change_mask]
        held.book.taken_id = last
        noted = np.unique(noted)
        rows = noted
        levels = np.zeros(len(noted), DEPTH_DTYPE)
        cdef int64_t[::1] lots = np.zeros(max(len(noted), 1), np.int64)
        for i in range(rows.shape[0]):
            lots[i] = l3_shown_at(&held.book, rows[i] & 1, <int64_t>(rows[i] >> 1))
        levels["side"] = noted & np.uint64(1)
        levels["price_ticks"] = noted >> np.uint64(1)
        levels["qty_lots"] = np.asarray(lots)[: len(noted)]
        return first, last, levels

    def best(self, symbol):
        """Best bid and best ask in ticks, 0 where a side is empty."""
        cdef SymbolState* held = &self.state.symbols[self._check_symbol(symbol)]
        return l3_best(&held.book, 0), l3_best(&held.book, 1)

    def last_price_ticks(self, symbol):
        """Price of the last trade; 0 before the first."""
        return self.state.symbols[self._check_symbol(symbol)].last_ticks

    def reference_price_ticks(self, symbol):
        """What the percent and notional filters compare with; 0: nothing yet."""
        return reference_price(self.state, self._check_symbol(symbol))

    # ---- settings that may change while it runs

    def set_reference_price(self, symbol, price_ticks):
        """Set the reference price, or with 0 take it back to the average of the last minutes."""
        self.state.symbols[self._check_symbol(symbol)].reference_ticks = price_ticks

    def set_symbol_status(self, symbol, status):
        """TRADING, HALT (nothing), or CANCEL_ONLY; a `SymbolStatus`."""
        if status not in (0, 1, 2):
            raise ValueError(f"status must be a SymbolStatus, was {status}")
        self.state.symbols[self._check_symbol(symbol)].status = status

    def set_exchange_limits(self, *, max_orders=0, max_algo_orders=0, max_iceberg_orders=0, max_order_lists=0):
        """The EXCHANGE_MAX_NUM_* filters, for every account over all symbols; 0 is off."""
        self.state.max_orders_exchange, self.state.max_algo_exchange = max_orders, max_algo_orders
        self.state.max_iceberg_exchange, self.state.max_lists_exchange = max_iceberg_orders, max_order_lists

    # ---- the exchange itself

    def state_hash(self):
        """64-bit hash of balances, books in their priority, open orders and counters."""
        return exchange_hash(self.state)

    @property
    def now_ns(self):
        """The latest time a request brought."""
        return self.state.now_ns

    @property
    def order_count(self):
        """Open orders."""
        return pool_used(&self.state.pool)

    @property
    def report_count(self):
        """Records waiting for `take_reports`."""
        return self.state.log.count

    @property
    def assets(self):
        """Names of the assets, by number."""
        return tuple(self.asset_names)

    @property
    def symbols(self):
        """Names of the symbols, by number."""
        return tuple(self.symbol_names)

    @property
    def accounts(self):
        """Names of the accounts, by number; 0 is the house."""
        return tuple(self.account_names)
