# cython: language_level=3
"""Tables of the simulated exchange: what may change only before it trades, and the settings that may change later."""

from decimal import Decimal


from libc.string cimport memset

from bot4._core.book.conditional cimport conditional_init
from bot4._core.book.matching cimport MAX_ORDER_TICKS, STP_TRANSFER, l3_init
from bot4._core.mem.record_buffer cimport checked_capacity
from bot4._core.risk.filters cimport Filters
from bot4._core.sim.average_price cimport average_init
from bot4._core.sim.exchange_core cimport exchange_free, exchange_new
from bot4._core.sim.exchange_state cimport AccountState, FeeRates, SymbolState
from bot4._core.sim.exchange_fees cimport fee_rates, fee_volume_30d
from bot4._core.types cimport money_from_int, money_to_int


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


cdef class ExchangeTables:
    """What an exchange trades, for whom and at what price: assets, symbols, accounts, fees. See `Exchange`."""

    def __cinit__(self, *, max_orders=1 << 14, max_accounts=256, max_assets=32, max_symbols=16, max_reports=None):
        checked_capacity(max_orders, 8)
        if max_reports is None:
            max_reports = max(16 * max_orders, 128)
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
            raise ValueError(
                f"a lot and a tick times a lot must be at most 2**36 atoms, were {base_atoms} and {quote_atoms}"
            )
        for i in range(self.state.symbol_count):
            if self.state.symbols[<int>i].perpetual != NULL and not self.adds_perpetual and (
                self.state.symbols[<int>i].quote_asset in (base, quote)
            ):
                raise ValueError(f"{self.asset_names[quote]} or {self.asset_names[base]} is a margin asset")
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
            if not 0 <= mode <= STP_TRANSFER:
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
        self._link_symbols()
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

    # ---- settings that may change while it runs

    def set_account_fees(self, account, maker_fee_e8, taker_fee_e8):
        """Give an account rates of its own, in parts of 10^8; a negative rate is a rebate."""
        cdef AccountState* held = &self.state.accounts[self._check_account(account)]
        _fill_rates(&held.own_rates, maker_fee_e8, taker_fee_e8)
        held.has_own_rates = 1

    def set_fee_tiers(self, asset, tiers):
        """Rates by the volume of the 30 whole UTC days before today, for accounts without rates of their own.

        Parameters
        ----------
        asset : int
            The asset volumes are counted in: trades of symbols quoted in it count in full, trades of others at the last
            price of the first symbol that has their quote as base and `asset` as quote, else not.
        tiers : Sequence[tuple[int, int, int]]
            (atoms of volume at least, maker rate, taker rate) with the volumes rising from 0, at most 32.
        """
        self._check_asset(asset)
        volumes = [volume for volume, _, _ in tiers]
        if not 0 < len(tiers) <= _MAX_TIERS or volumes[0] != 0 or volumes != sorted(set(volumes)):
            raise ValueError(f"tiers must be 1 to {_MAX_TIERS} with volumes rising from 0, were {volumes}")
        for i, (volume, maker_e8, taker_e8) in enumerate(tiers):
            self.state.tiers[<int>i].volume_atoms = money_from_int(volume)
            _fill_rates(&self.state.tiers[<int>i].rates, maker_e8, taker_e8)
        self.state.tier_count, self.state.tier_asset = len(tiers), asset
        self._link_symbols()

    def set_fee_asset(self, asset, discount_ppm):
        """Let accounts opened with `pays_in_fee_asset` pay their fees in this asset, at a discount.

        The fee is the discounted rate of the quote amount, converted at the last price of the first symbol with the
        fee asset as base and the traded symbol's quote as quote.
        """
        self._check_asset(asset)
        if not 0 <= discount_ppm <= 1_000_000:
            raise ValueError(f"discount_ppm must be from 0 to 10**6, was {discount_ppm}")
        self.state.fee_asset, self.state.fee_discount_ppm = asset, discount_ppm
        self._link_symbols()

    def _link_symbols(self):
        """Find for each symbol the one whose last price values its quote in fee asset and in the tiers' asset."""
        for i in range(self.state.symbol_count):
            quote = self.state.symbols[<int>i].quote_asset
            self.state.symbols[<int>i].fee_symbol = self._symbol_between(self.state.fee_asset, quote)
            self.state.symbols[<int>i].volume_symbol = self._symbol_between(quote, self.state.tier_asset)

    def _symbol_between(self, base, quote):
        """First symbol of two assets; -1 where they are one asset, -2 where there is none."""
        if base == quote:
            return -1
        for i in range(self.state.symbol_count):
            if self.state.symbols[<int>i].base_asset == base and self.state.symbols[<int>i].quote_asset == quote:
                return i
        return -2

    def fees(self, account, symbol):
        """Maker and taker rate of an account on a symbol, in parts of 10^8."""
        rates = fee_rates(self.state, self._check_account(account), self._check_symbol(symbol))
        return rates.maker_e8, rates.taker_e8

    def volume_30d(self, account):
        """Volume of the 30 whole days before today, in atoms of the tiers' asset."""
        return money_to_int(fee_volume_30d(self.state, self._check_account(account)))

    def set_reference_price(self, symbol, price_ticks):
        """Set the reference price, or with 0 take it back to the average of the last minutes."""
        if not 0 <= price_ticks <= MAX_ORDER_TICKS:
            raise ValueError(f"price_ticks must be from 0 to 2**40, was {price_ticks}")
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
