# cython: language_level=3
"""The simulated exchange: accounts, orders, trades and books, exact and deterministic (docs/exchange-core.md)."""


import numpy as np

from cpython.buffer cimport PyBuffer_Release
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from bot4._core.account.balances cimport balance_at, balances_total
from bot4._core.book.book_side cimport side_levels
from bot4._core.book.matching cimport l3_best, l3_depth, l3_shown_at
from bot4._core.book.order_index cimport NO_SLOT, index_find
from bot4._core.book.order_pool cimport pool_used
from bot4._core.mem.record_buffer cimport borrow_records
from bot4._core.sim.exchange_core cimport exchange_apply, exchange_hash
from bot4._core.sim.exchange_state cimport ExchangeOrder, ExchangeReport, ExchangeRequest, SymbolState
from bot4._core.sim.exchange_types cimport (
    LIST_OCO, LIST_OTO, LIST_OTOCO,
    REQUEST_ADVANCE, REQUEST_AMEND, REQUEST_CANCEL, REQUEST_CANCEL_ALL, REQUEST_CANCEL_REPLACE, REQUEST_DEPOSIT,
    REQUEST_LEG, REQUEST_OCO, REQUEST_PLACE,
    REQUEST_WITHDRAW,
)
from bot4._core.sim.execution cimport reference_price
from bot4._core.sim.requests cimport RequestResult
from bot4._core.types cimport money_from_int, money_to_int

from bot4._core.sim.exchange_dtype import DEPTH_DTYPE, ORDER_DTYPE, REPORT_DTYPE, RESULT_DTYPE

_LEG_FIELDS = frozenset(
    ("side", "order_type", "tif", "qty_lots", "price_ticks", "stop_ticks", "trailing_bips", "iceberg_lots", "stp",
     "flags", "expire_ns", "client_key")
)


cdef class Exchange(MarginTables):
    """An exchange of spot symbols and perpetuals in memory: every request changes it whole or not at all.

    Parameters
    ----------
    max_orders : int
        Orders open at one time over all symbols, a power of two from 8 to 2**20; one more is refused (ORDERS_FULL).
    max_accounts, max_assets, max_symbols : int
        Tables allocated once. Account 0 is the house, which collects the fees and trades nothing.
    max_reports : int
        Records kept until `take_reports`, by default 16 an order. A request that might write more than is free is
        refused (LOG_FULL) before it begins, and an order with which a later request might write more than there are in
        all is refused (ORDERS_FULL): 13 records an open order of a symbol (two more a shown part of an iceberg).

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
        row.qty_lots, row.iceberg_lots = qty_lots, iceberg_lots
        row.price_ticks, row.stop_ticks = price_ticks, stop_ticks
        row.quote_atoms = money_from_int(quote_atoms)
        row.expire_ns, row.client_key, row.now_ns = expire_ns, client_key, now_ns
        with nogil:
            exchange_apply(self.state, &row, 1, &result)
        return result.verdict, result.order_id

    def place_list(self, kind, account, symbol, legs, *, list_key=0, now_ns):
        """Place an order list, whole or not at all.

        Parameters
        ----------
        kind : int
            LIST_OCO (two legs), LIST_OTO (working, pending) or LIST_OTOCO (working, two pending).
        legs : Sequence[Mapping[str, int]]
            Each with ``side``, ``order_type`` and what else `place` takes by name.
        list_key : int
            The caller's key of the list: client_key of its LIST_STATUS records.

        Returns
        -------
        tuple[int, int, tuple[int, ...]]
            Verdict, number of the list (-1 where it was refused) and numbers of the orders, in the order of the legs.
        """
        cdef ExchangeRequest rows[3]
        cdef RequestResult results[3]
        cdef int i
        if kind not in (LIST_OCO, LIST_OTO, LIST_OTOCO) or len(legs) != (3 if kind == LIST_OTOCO else 2):
            raise ValueError(f"kind must be a ListKind with its two or three legs, was {kind} with {len(legs)}")
        memset(rows, 0, sizeof(rows))
        for i, leg in enumerate(legs):
            rows[i].kind = REQUEST_LEG if i else REQUEST_OCO + kind - LIST_OCO
            rows[i].account, rows[i].symbol, rows[i].now_ns = account, symbol, now_ns
            rows[i].order_id = 0 if i else list_key
            unknown = set(leg) - _LEG_FIELDS
            if unknown:
                raise ValueError(f"a leg has no {', '.join(sorted(unknown))}")
            rows[i].side, rows[i].type, rows[i].qty_lots = leg["side"], leg["order_type"], leg["qty_lots"]
            rows[i].tif, rows[i].stp, rows[i].flags = leg.get("tif", 0), leg.get("stp", 0), leg.get("flags", 0)
            rows[i].price_ticks, rows[i].stop_ticks = leg.get("price_ticks", 0), leg.get("stop_ticks", 0)
            rows[i].trailing_bips, rows[i].iceberg_lots = leg.get("trailing_bips", 0), leg.get("iceberg_lots", 0)
            rows[i].expire_ns, rows[i].client_key = leg.get("expire_ns", 0), leg.get("client_key", 0)
        i = len(legs)
        with nogil:
            exchange_apply(self.state, rows, i, results)
        if results[0].verdict != 0:
            return results[0].verdict, -1, ()
        return 0, self.state.last_list_id, tuple([results[i].order_id for i in range(len(legs))])

    def cancel_replace(
        self, account, symbol, order_id, side, order_type, *, tif=0, qty_lots=0, quote_atoms=0, price_ticks=0,
        stop_ticks=0, trailing_bips=0, iceberg_lots=0, stp=0, flags=0, expire_ns=0, client_key=0, now_ns,
    ):
        """Cancel one order and place another; returns (verdict of the cancel, verdict of the order, its number).

        The new order's shape, filters and counts are checked before anything is canceled. Without ORDER_ALLOW_FAILURE
        in `flags` a cancel that fails leaves the new order NOT_ATTEMPTED.
        """
        cdef ExchangeRequest row
        cdef RequestResult result
        memset(&row, 0, sizeof(row))
        row.kind, row.account, row.symbol = REQUEST_CANCEL_REPLACE, account, symbol
        row.side, row.type = side, order_type
        row.tif, row.stp, row.flags, row.trailing_bips = tif, stp, flags, trailing_bips
        row.qty_lots, row.iceberg_lots = qty_lots, iceberg_lots
        row.price_ticks, row.stop_ticks = price_ticks, stop_ticks
        row.quote_atoms = money_from_int(quote_atoms)
        row.expire_ns, row.client_key, row.now_ns, row.order_id = expire_ns, client_key, now_ns, order_id
        with nogil:
            exchange_apply(self.state, &row, 1, &result)
        return result.cancel_verdict, result.verdict, result.order_id

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
        """Atoms of an asset over every account, the house included, positions too: deposits less withdrawals."""
        return money_to_int(balances_total(&self.state.balances, self._check_asset(asset))) - self._positions_cost(asset)

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
        return self._open(account, symbol, False)

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
