# cython: language_level=3
"""The face of perpetuals: adding them, their requests, and what accounts hold (docs/exchange-margin.md)."""

from decimal import Decimal

import numpy as np

from cpython.buffer cimport PyBuffer_Release
from libc.stdint cimport int32_t, int64_t, uint32_t
from libc.stdlib cimport free
from libc.string cimport memset

from bot4._core.account.money cimport money_abs
from bot4._core.book.conditional cimport conditional_init
from bot4._core.book.order_index cimport NO_SLOT, index_find
from bot4._core.mem.record_buffer cimport borrow_records
from bot4._core.sim.exchange_core cimport exchange_add_margin, exchange_apply
from bot4._core.sim.exchange_state cimport ExchangeOrder, ExchangeRequest, holding_of, key_owner, open_orders_of
from bot4._core.sim.exchange_types cimport (
    REQUEST_ADJUST_MARGIN, REQUEST_ALGO, REQUEST_ALGO_CANCEL, REQUEST_ALGO_CANCEL_ALL, REQUEST_COUNTDOWN,
    REQUEST_FUNDING, REQUEST_LEVERAGE, REQUEST_MARGIN_TYPE, REQUEST_MARK, REQUEST_MODIFY, REQUEST_POSITION_MODE,
)
from bot4._core.sim.margin cimport (
    MarginFigures, margin_available, margin_cap, margin_figures, margin_initial, margin_maintenance,
    margin_withdrawable,
)
from bot4._core.sim.margin_state cimport (
    MAX_BRACKETS, MAX_LEVERAGE, Holding, Perpetual, Position, at_mark, leverage_of, unrealised,
)
from bot4._core.sim.requests cimport RequestResult
from bot4._core.types cimport aligned_zalloc, money_from_int, money_t, money_to_int

from bot4._core.sim.exchange_dtype import ORDER_DTYPE
from bot4._core.sim.margin_types import Bracket, MarginRow, MarkRow, PositionRow, SymbolMargin

_MAX_ATOMS_PER_TICKLOT = 1 << 30
_MAX_CAP = 1 << 100
_ANY_SIZE = (Bracket(_MAX_CAP, 125, 400_000, 0),)
_STP_MODES = (0, 1, 2, 3)


cdef class MarginTables(ExchangeTables):
    """What an exchange has of perpetuals. See `Exchange`."""

    def add_perpetual(
        self, name, base, margin_asset, *, tick_size, lot_size, filters=None, brackets=_ANY_SIZE, mark_divisions=1,
        maker_fee_e8=0, taker_fee_e8=0, liquidation_fee_e8=0, margin_call_ppm=800_000, stp_modes=_STP_MODES,
        max_algo_orders=0, protect_ppm=0, **sizes,
    ):
        """Add a linear perpetual; returns the number of the symbol.

        Parameters
        ----------
        base, margin_asset : int
            What it is about, and what it is quoted, margined and settled in. No spot symbol may have the margin asset.
        tick_size, lot_size : str
            Decimal text. A tick times a lot must be whole atoms of the margin asset, at most 2**30.
        filters, stp_modes, max_algo_orders, window_ticks, far_capacity, change_capacity
            As of `add_symbol`; PERCENT_PRICE compares with the mark price, reduce-only orders have no least notional.
        brackets : Sequence[Bracket]
            Notional tiers, caps rising, leverages falling; by default one without a bound.
        mark_divisions : int
            Mark ticks in a tick: mark prices are finer than prices.
        maker_fee_e8, taker_fee_e8, liquidation_fee_e8 : int
            Parts of 10^8 of the notional.
        margin_call_ppm : int
            A MARGIN_CALL is told where the maintenance exceeds this part of the balance.
        range_down_ppm, range_up_ppm, protect_ppm
            Around the mark price: what market orders keep within (what is left of one expires), and how far the last price
            may be for an order with ORDER_PRICE_PROTECT to trigger. 0: any.
        """
        cdef Perpetual* perpetual
        for i in range(self.state.symbol_count):
            held = &self.state.symbols[<int>i]
            if held.perpetual == NULL and margin_asset in (held.base_asset, held.quote_asset):
                raise ValueError(f"asset {margin_asset} is traded on spot by {self.symbol_names[i]}")
        for word, value, least, most in (
            ("mark_divisions", mark_divisions, 1, 2**20), ("protect_ppm", protect_ppm, 0, 2**30),
            ("liquidation_fee_e8", liquidation_fee_e8, 0, 10**7), ("margin_call_ppm", margin_call_ppm, 1, 10**6),
        ):
            if not least <= value <= most:
                raise ValueError(f"{word} must be from {least} to {most}, was {value}")
        atoms = (Decimal(tick_size) * Decimal(lot_size)).scaleb(self.asset_decimals[self._check_asset(margin_asset)])
        if atoms % mark_divisions != 0 or not 0 < atoms <= _MAX_ATOMS_PER_TICKLOT:
            raise ValueError(
                f"tick_size times lot_size must be at most 2**30 atoms, a multiple of mark_divisions, was {atoms:f}"
            )
        if any(mode not in _STP_MODES for mode in stp_modes):
            raise ValueError(f"stp_modes of a perpetual must be from 0 to 3, were {stp_modes}")
        tiers = _checked_brackets(brackets)
        perpetual = <Perpetual*>aligned_zalloc(sizeof(Perpetual))
        if perpetual == NULL or not exchange_add_margin(self.state):
            free(perpetual)
            raise MemoryError(f"no memory for the positions of {name}")
        self.adds_perpetual = True
        try:
            number = self.add_symbol(
                name, base, margin_asset, tick_size=tick_size, lot_size=lot_size, filters=filters,
                maker_fee_e8=maker_fee_e8, taker_fee_e8=taker_fee_e8, stp_modes=stp_modes,
                max_algo_orders=max_algo_orders, average_price_mins=0, **sizes,
            )
        except BaseException:
            free(perpetual)
            raise
        finally:
            self.adds_perpetual = False
        held = &self.state.symbols[<int>number]
        held.perpetual = perpetual
        perpetual.divisions = mark_divisions
        perpetual.atoms_per_marklot = held.quote_atoms_per_ticklot // <int64_t>mark_divisions
        perpetual.liquidation_fee_e8, perpetual.margin_call_ppm = liquidation_fee_e8, margin_call_ppm
        perpetual.protect_ppm = protect_ppm
        conditional_init(&perpetual.marked, self.state.waiting_nodes, self.state.trails)
        for i in range(2):
            conditional_init(&perpetual.guarded[<int>i], self.state.waiting_nodes, self.state.trails)
        self.state.margin.perpetuals += 1
        self._fill_brackets(number, tiers)
        return number

    def _fill_brackets(self, number, tiers):
        cdef Perpetual* perpetual = self.state.symbols[<int>number].perpetual
        for i, tier in enumerate(tiers):
            perpetual.brackets[<int>i].cap_atoms = money_from_int(tier.cap_atoms)
            perpetual.brackets[<int>i].max_leverage = tier.max_leverage
            perpetual.brackets[<int>i].maintenance_e8 = tier.maintenance_e8
            perpetual.brackets[<int>i].cumulative_atoms = money_from_int(tier.cumulative_atoms)
        perpetual.bracket_count = len(tiers)

    def set_brackets(self, symbol, brackets):
        """Replace the notional tiers of a perpetual."""
        self._check_perpetual(symbol)
        self._fill_brackets(symbol, _checked_brackets(brackets))

    def brackets(self, symbol):
        """Notional tiers of a perpetual, a tuple of Bracket."""
        cdef const Perpetual* held
        self._check_perpetual(symbol)
        held = self.state.symbols[<int>symbol].perpetual
        return tuple([
            Bracket(
                money_to_int(held.brackets[<int>i].cap_atoms), held.brackets[<int>i].max_leverage,
                held.brackets[<int>i].maintenance_e8, money_to_int(held.brackets[<int>i].cumulative_atoms),
            )
            for i in range(held.bracket_count)
        ])

    def is_perpetual(self, symbol):
        """Whether a symbol is a perpetual."""
        return self.state.symbols[<int>self._check_symbol(symbol)].perpetual != NULL

    def _check_perpetual(self, symbol):
        if not self.is_perpetual(symbol):
            raise ValueError(f"symbol must be a perpetual, was {self.symbol_names[symbol]}")
        return symbol

    # ---- requests

    def _ask(
        self, kind, account, symbol, now_ns, *, qty_lots=0, price_ticks=0, stop_ticks=0, expire_ns=0, quote_atoms=0,
        flags=0, order_id=0, client_key=0,
    ):
        cdef ExchangeRequest row
        cdef RequestResult result
        memset(&row, 0, sizeof(row))
        row.kind, row.account, row.symbol, row.now_ns = kind, account, symbol, now_ns
        row.qty_lots, row.price_ticks, row.stop_ticks, row.expire_ns = qty_lots, price_ticks, stop_ticks, expire_ns
        row.quote_atoms = money_from_int(quote_atoms)
        row.flags, row.order_id, row.client_key = flags, order_id, client_key
        with nogil:
            exchange_apply(self.state, &row, 1, &result)
        return result.verdict

    def set_mark(self, symbol, mark_price, *, index_price=0, now_ns):
        """Set mark and index price, in mark ticks; triggers algo orders and liquidates. A verdict."""
        return self._ask(REQUEST_MARK, 0, symbol, now_ns, price_ticks=mark_price, stop_ticks=index_price)

    def apply_funding(self, symbol, rate_e8, *, next_funding_ns=0, now_ns):
        """Let every position pay rate x value at the mark (longs pay a rate above zero), in parts of 10^8."""
        return self._ask(REQUEST_FUNDING, 0, symbol, now_ns, qty_lots=rate_e8, expire_ns=next_funding_ns)

    def set_leverage(self, account, symbol, leverage, *, now_ns):
        """Choose the leverage of a symbol, 1 to what its brackets allow; a verdict."""
        return self._ask(REQUEST_LEVERAGE, account, symbol, now_ns, qty_lots=leverage)

    def set_margin_type(self, account, symbol, *, isolated, now_ns):
        """Isolated or cross margin on a symbol without orders and positions; a verdict."""
        return self._ask(REQUEST_MARGIN_TYPE, account, symbol, now_ns, qty_lots=int(bool(isolated)))

    def set_position_mode(self, account, *, hedge, now_ns):
        """Hedge or one-way mode of an account without orders and positions; a verdict."""
        return self._ask(REQUEST_POSITION_MODE, account, 0, now_ns, qty_lots=int(bool(hedge)))

    def adjust_margin(self, account, symbol, atoms, *, position_side=0, now_ns):
        """Move atoms from the cross wallet to an isolated position, or below zero back; a verdict."""
        return self._ask(
            REQUEST_ADJUST_MARGIN, account, symbol, now_ns, quote_atoms=atoms, flags=position_side << 6
        )

    def modify(self, account, symbol, order_id, *, qty_lots, price_ticks, client_key=0, now_ns):
        """Change price and quantity of a resting limit order, which goes to the end of its queue; a verdict."""
        return self._ask(
            REQUEST_MODIFY, account, symbol, now_ns, qty_lots=qty_lots, price_ticks=price_ticks, order_id=order_id,
            client_key=client_key,
        )

    def countdown_cancel_all(self, account, symbol, deadline_ns, *, now_ns):
        """Cancel the account's orders on a symbol at `deadline_ns` unless it is moved before; 0: never. A verdict."""
        return self._ask(REQUEST_COUNTDOWN, account, symbol, now_ns, expire_ns=deadline_ns)

    def place_algo(
        self, account, symbol, side, order_type, *, stop_ticks=0, qty_lots=0, price_ticks=0, trailing_bips=0, tif=0,
        stp=0, flags=0, expire_ns=0, client_key=0, now_ns,
    ):
        """Place a conditional order; returns its verdict and its algo id (0 where it was refused)."""
        cdef ExchangeRequest row
        cdef RequestResult result
        memset(&row, 0, sizeof(row))
        row.kind, row.account, row.symbol, row.side, row.type = REQUEST_ALGO, account, symbol, side, order_type
        row.tif, row.stp, row.flags, row.trailing_bips = tif, stp, flags, trailing_bips
        row.qty_lots, row.price_ticks, row.stop_ticks = qty_lots, price_ticks, stop_ticks
        row.expire_ns, row.client_key, row.now_ns = expire_ns, client_key, now_ns
        with nogil:
            exchange_apply(self.state, &row, 1, &result)
        return result.verdict, result.order_id

    def cancel_algo(self, account, symbol, algo_id, *, client_key=0, now_ns):
        """Cancel an algo order that has not triggered; a verdict."""
        return self._ask(REQUEST_ALGO_CANCEL, account, symbol, now_ns, order_id=algo_id, client_key=client_key)

    def cancel_all_algos(self, account, symbol, *, now_ns):
        """Cancel every algo order of an account on a symbol; UNKNOWN_ORDER where there is none."""
        return self._ask(REQUEST_ALGO_CANCEL_ALL, account, symbol, now_ns)

    # ---- algo orders

    def algo_order(self, algo_id):
        """The algo order of this id that has not triggered, one ORDER_DTYPE record; None where there is none."""
        slot = index_find(&self.state.by_id, algo_id, 1)
        if slot == NO_SLOT:
            return None
        found = np.empty(1, ORDER_DTYPE)
        cdef Py_buffer view
        borrow_records(found, &view, sizeof(ExchangeOrder), True)
        (<ExchangeOrder*>view.buf)[0] = self.state.orders[<uint32_t>slot]
        PyBuffer_Release(&view)
        return found[0]

    def find_algo(self, account, client_key):
        """Id of the account's waiting algo order with this key; 0 where there is none."""
        slot = index_find(&self.state.by_client, client_key, key_owner(self._check_account(account), True))
        return 0 if slot == NO_SLOT else self.state.orders[<uint32_t>slot].order_id

    def open_algo_orders(self, account, symbol):
        """Waiting algo orders of an account on a symbol, oldest first: ndarray[ORDER_DTYPE], order_id the algo id."""
        return self._open(account, symbol, True)

    cdef object _open(self, object account, object symbol, bint algos):
        cdef Py_buffer view
        cdef int64_t i = 0
        held = open_orders_of(self.state, self._check_account(account), self._check_symbol(symbol))
        found = np.empty(held.count, ORDER_DTYPE)
        cdef uint32_t slot = held.head
        borrow_records(found, &view, sizeof(ExchangeOrder), True)
        while slot != NO_SLOT:
            if self.state.orders[slot].is_algo == algos:
                (<ExchangeOrder*>view.buf)[i] = self.state.orders[slot]
                i += 1
            slot = self.state.orders[slot].next
        PyBuffer_Release(&view)
        return found[:i]

    # ---- what accounts have

    def positions(self, account, symbol=None, *, all_sides=False):
        """Positions of an account, a list of PositionRow by symbol and side; with `all_sides` also those of no lots."""
        self._check_account(account)
        found = []
        sides = [1, 2] if self.state.accounts[<int>account].is_hedged else [0]
        numbers = list(range(self.state.symbol_count)) if symbol is None else [self._check_perpetual(symbol)]
        for number in numbers:
            if self.state.symbols[<int>number].perpetual != NULL:
                found.extend([
                    self._position(account, number, side) for side in sides
                    if all_sides or holding_of(self.state, account, number).positions[<int>side].lots != 0
                ])
        return found

    def _position(self, int account, int symbol, int side):
        cdef const Perpetual* perpetual = self.state.symbols[symbol].perpetual
        cdef const Holding* holding = holding_of(self.state, account, symbol)
        cdef const Position* held = &holding.positions[side]
        cdef money_t notional = money_abs(at_mark(perpetual, held.lots))
        cdef int leverage = leverage_of(holding)
        return PositionRow(
            symbol, side, held.lots, money_to_int(held.entry_atoms), perpetual.mark_price,
            money_to_int(unrealised(perpetual, held)), money_to_int(held.realised_atoms),
            money_to_int(held.isolated_atoms), money_to_int((notional + leverage - 1) // leverage),
            money_to_int(margin_maintenance(perpetual, notional)) if held.lots != 0 else 0,
            self._liquidation_price(account, symbol, side), leverage, bool(holding.is_isolated), held.updated_ns,
        )

    def _liquidation_price(self, int account, int symbol, int side):
        """Mark price at which margin and maintenance meet, all else standing still; 0: none above zero."""
        cdef const Perpetual* perpetual = self.state.symbols[symbol].perpetual
        cdef const Holding* holding = holding_of(self.state, account, symbol)
        cdef const Position* held = &holding.positions[side]
        cdef MarginFigures figures
        cdef int64_t i = 0
        if held.lots == 0 or perpetual.mark_price == 0:
            return 0
        notional = abs(money_to_int(at_mark(perpetual, held.lots)))
        if holding.is_isolated:
            margin = money_to_int(held.isolated_atoms)
        else:
            margin_figures(self.state, account, self.state.symbols[symbol].quote_asset, &figures)
            margin = (
                money_to_int(figures.cross_wallet) + money_to_int(figures.cross_unrealised)
                - money_to_int(unrealised(perpetual, held)) - money_to_int(figures.cross_maintenance)
                + money_to_int(margin_maintenance(perpetual, at_mark(perpetual, abs(held.lots))))
            )
        while i + 1 < perpetual.bracket_count and notional > money_to_int(perpetual.brackets[i].cap_atoms):
            i += 1
        # margin + lots x p - cost = |lots| x p x rate - cumulative
        sign = 1 if held.lots > 0 else -1
        short = money_to_int(held.entry_atoms) - margin - money_to_int(perpetual.brackets[i].cumulative_atoms)
        slope = (
            abs(held.lots) * int(perpetual.atoms_per_marklot) * (sign * 10**8 - perpetual.brackets[i].maintenance_e8)
        )
        price = short * 10**8 // slope
        return max(price, 0)

    def margin(self, account, asset):
        """What an account has and needs in a margin asset, a MarginRow."""
        cdef MarginFigures held
        margin_figures(self.state, self._check_account(account), self._check_asset(asset), &held)
        wallet = money_to_int(held.cross_wallet) + money_to_int(held.isolated_wallet)
        profit = money_to_int(held.cross_unrealised) + money_to_int(held.isolated_unrealised)
        return MarginRow(
            wallet, money_to_int(held.cross_wallet), profit, money_to_int(held.cross_unrealised),
            money_to_int(held.initial), money_to_int(held.position_initial),
            max(money_to_int(held.initial) - money_to_int(held.position_initial), 0), money_to_int(held.maintenance),
            wallet + profit, max(money_to_int(margin_available(&held)), 0),
            max(money_to_int(margin_withdrawable(self.state, account, asset)), 0),
        )

    def symbol_margin(self, account, symbol):
        """What an account has chosen and has open on a perpetual, a SymbolMargin."""
        cdef const Holding* held
        cdef money_t of_positions
        self._check_perpetual(symbol)
        held = holding_of(self.state, self._check_account(account), symbol)
        atoms = int(self.state.symbols[<int>symbol].quote_atoms_per_ticklot)
        initial = margin_initial(self.state, account, symbol, 0, 0, &of_positions)
        return SymbolMargin(
            leverage_of(held), bool(held.is_isolated),
            money_to_int(margin_cap(self.state.symbols[<int>symbol].perpetual, leverage_of(held))),
            money_to_int(held.open_ticklots[0]) * atoms, money_to_int(held.open_ticklots[1]) * atoms,
            max(money_to_int(initial) - money_to_int(of_positions), 0), held.countdown_ns,
        )

    def mark(self, symbol):
        """Mark and index price of a perpetual and its funding, a MarkRow."""
        self._check_perpetual(symbol)
        held = self.state.symbols[<int>symbol].perpetual
        return MarkRow(
            held.mark_price, held.index_price, held.divisions, held.last_funding_e8, held.last_funding_ns,
            held.next_funding_ns,
        )

    def is_hedged(self, account):
        """Whether an account is in hedge mode."""
        return bool(self.state.accounts[<int>self._check_account(account)].is_hedged)

    cdef object _positions_cost(self, int asset):
        """Cost of all positions in a margin asset: their values at any mark less it is what they have earned."""
        cdef int32_t symbol, account
        cdef int i
        cost = 0
        for symbol in range(self.state.symbol_count):
            if self.state.symbols[symbol].perpetual == NULL or self.state.symbols[symbol].quote_asset != asset:
                continue
            for account in range(self.state.account_count):
                for i in range(3):
                    cost += money_to_int(holding_of(self.state, account, symbol).positions[i].entry_atoms)
        return cost


def _checked_brackets(brackets):
    """Brackets whose caps rise and whose leverages fall, at most 16."""
    tiers = [Bracket(*tier) for tier in brackets]
    if not 1 <= len(tiers) <= MAX_BRACKETS:
        raise ValueError(f"brackets must be 1 to {MAX_BRACKETS}, were {len(tiers)}")
    cap, leverage = 0, MAX_LEVERAGE
    for tier in tiers:
        if not cap < tier.cap_atoms <= _MAX_CAP or not 1 <= tier.max_leverage <= leverage or (
            not 0 <= tier.maintenance_e8 <= 10**8 or not 0 <= tier.cumulative_atoms <= _MAX_CAP
        ):
            raise ValueError(f"brackets must have rising caps up to 2**100 and falling leverages, had {tier}")
        cap, leverage = tier.cap_atoms, tier.max_leverage
    return tiers
