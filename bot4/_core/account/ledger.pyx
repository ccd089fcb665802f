# cython: language_level=3
"""Ledger: what is owned, to the last atom.

Rules
-----
1. An order locks the most it can cost before it is sent; its fills spend from that lock first, then from free atoms; its
   close releases what is left, to the last atom.
2. A fill moves balances and position together or is refused as a whole (LEDGER_INSUFFICIENT): the caller halts, since a
   fill that happened at the venue and does not fit means that ledger and venue disagree.
3. Fees are taken from the asset the contract says (`contract_fee_asset`) and summed in ``fees``: over any sequence of spot
   fills, balances + fees change by exactly what was bought and sold.
4. Linear and inverse fills move only their realised result and fee, in the settle asset.
"""

from decimal import Decimal

from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport free

from bot4._core.account.contract import from_atoms, to_atoms
from bot4._core.account.rows import BalanceRow, Equity

from bot4._core.account.contract cimport (
    Contract, contract_base_atoms, contract_base_to_quote, contract_fee_asset, contract_is_in_range, contract_value,
)
from bot4._core.account.money cimport money_add, money_hash, money_min, money_rate_up, money_sub
from bot4._core.account.positions cimport Positions, position_apply_fee, position_apply_fill, position_unrealised
from bot4._core.types cimport (
    BOT4_ASSERT, CONTRACT_SPOT, SIDE_BUY, SIDE_SELL, aligned_zalloc, money_from_int, money_t, money_to_int,
)


cdef inline bint _has_assets(const Ledger* ledger, const ContractSpec* spec) noexcept nogil:
    return spec.base_asset < ledger.asset_count and spec.quote_asset < ledger.asset_count


cdef inline int _refuse(Ledger* ledger, int verdict) noexcept nogil:
    ledger.refused += 1
    return verdict


cdef int ledger_credit(Ledger* ledger, int asset, money_t atoms) noexcept nogil:
    cdef money_t after
    if asset < 0 or asset >= ledger.asset_count:
        return _refuse(ledger, LEDGER_NO_ASSET)
    after = money_add(ledger.balances[asset].available, atoms)
    if after < 0:
        return _refuse(ledger, LEDGER_INSUFFICIENT)
    ledger.balances[asset].available = after
    return LEDGER_OK


cdef int ledger_lock(Ledger* ledger, OrderLock* lock, int asset, money_t atoms) noexcept nogil:
    BOT4_ASSERT(atoms >= 0 and lock.remaining == 0)
    if asset < 0 or asset >= ledger.asset_count:
        return _refuse(ledger, LEDGER_NO_ASSET)
    if ledger.balances[asset].available < atoms:
        return _refuse(ledger, LEDGER_INSUFFICIENT)
    ledger.balances[asset].available = money_sub(ledger.balances[asset].available, atoms)
    ledger.balances[asset].locked = money_add(ledger.balances[asset].locked, atoms)
    lock.asset = asset
    lock.remaining = atoms
    return LEDGER_OK


cdef int ledger_lock_order(
    Ledger* ledger, OrderLock* lock, const ContractSpec* spec, int side, int64_t price_ticks, int64_t qty_lots
) noexcept nogil:
    cdef money_t value
    cdef money_t need
    cdef int64_t rate_e8 = spec.taker_rate_e8 if spec.taker_rate_e8 > spec.maker_rate_e8 else spec.maker_rate_e8
    if spec.kind == CONTRACT_SPOT and side == SIDE_SELL:
        return ledger_lock(ledger, lock, spec.base_asset, contract_base_atoms(spec, qty_lots))
    value = contract_value(spec, price_ticks, qty_lots)
    need = value if spec.kind == CONTRACT_SPOT else 0
    if rate_e8 > 0 and contract_fee_asset(spec, side) == spec.settle_asset:
        # Every fill rounds its own fee up, so that many small fills cost up to an atom each more than one large one.
        need = money_add(need, money_rate_up(value, rate_e8))
        need = money_add(need, qty_lots if qty_lots < LOCK_FILL_SLACK else LOCK_FILL_SLACK)
    return ledger_lock(ledger, lock, spec.settle_asset, need)


cdef void ledger_release(Ledger* ledger, OrderLock* lock) noexcept nogil:
    cdef AssetBalance* balance
    if lock.remaining == 0:
        return
    BOT4_ASSERT(0 <= lock.asset < ledger.asset_count)
    balance = &ledger.balances[lock.asset]
    BOT4_ASSERT(0 < lock.remaining and lock.remaining <= balance.locked)
    balance.locked = money_sub(balance.locked, lock.remaining)
    balance.available = money_add(balance.available, lock.remaining)
    lock.remaining = 0


cdef inline bint _can_spend(const Ledger* ledger, const OrderLock* lock, int asset, money_t atoms) noexcept nogil:
    cdef money_t held = lock.remaining if lock != NULL and lock.asset == asset else 0
    return atoms <= money_add(ledger.balances[asset].available, held)


cdef inline void _spend(Ledger* ledger, OrderLock* lock, int asset, money_t atoms) noexcept nogil:
    """Take atoms from the order's lock first, then from free atoms; a negative amount is credited to free atoms."""
    cdef AssetBalance* balance = &ledger.balances[asset]
    cdef money_t from_lock = 0
    if atoms > 0 and lock != NULL and lock.asset == asset:
        from_lock = money_min(lock.remaining, atoms)
        lock.remaining = money_sub(lock.remaining, from_lock)
        balance.locked = money_sub(balance.locked, from_lock)
    balance.available = money_sub(balance.available, money_sub(atoms, from_lock))
    BOT4_ASSERT(balance.available >= 0 and balance.locked >= 0)


cdef int ledger_apply_fill(
    Ledger* ledger, Position* position, const ContractSpec* spec, OrderLock* lock,
    int side, int64_t price_ticks, int64_t qty_lots, money_t fee_atoms,
) noexcept nogil:
    return ledger_apply_fill_fee(
        ledger, position, spec, lock, side, price_ticks, qty_lots, contract_fee_asset(spec, side), fee_atoms)


cdef int ledger_apply_fill_fee(
    Ledger* ledger, Position* position, const ContractSpec* spec, OrderLock* lock,
    int side, int64_t price_ticks, int64_t qty_lots, int fee_asset, money_t fee_atoms,
) noexcept nogil:
    cdef money_t other_spent = 0   # a fee in neither asset of the contract
    cdef money_t quote_spent = 0   # of the settle asset on derivatives
    cdef money_t base_spent = 0
    cdef Position after
    if not _has_assets(ledger, spec) or fee_asset < 0 or fee_asset >= ledger.asset_count:
        return _refuse(ledger, LEDGER_NO_ASSET)
    BOT4_ASSERT(position != NULL or spec.kind == CONTRACT_SPOT)
    if position != NULL:
        after = position[0]
        quote_spent = -position_apply_fill(&after, spec, side, price_ticks, qty_lots)
        if fee_asset == spec.settle_asset:
            position_apply_fee(&after, fee_atoms)
    if spec.kind == CONTRACT_SPOT:
        quote_spent = contract_value(spec, price_ticks, qty_lots)
        base_spent = contract_base_atoms(spec, qty_lots)
        if side == SIDE_BUY:
            base_spent = -base_spent
        else:
            quote_spent = -quote_spent
        if fee_asset == spec.base_asset:
            base_spent = money_add(base_spent, fee_atoms)
    if fee_asset == spec.settle_asset:
        quote_spent = money_add(quote_spent, fee_atoms)
    elif spec.kind != CONTRACT_SPOT or fee_asset != spec.base_asset:
        other_spent = fee_atoms
    if not _can_spend(ledger, lock, spec.settle_asset, quote_spent):
        return _refuse(ledger, LEDGER_INSUFFICIENT)
    if spec.kind == CONTRACT_SPOT and not _can_spend(ledger, lock, spec.base_asset, base_spent):
        return _refuse(ledger, LEDGER_INSUFFICIENT)
    if other_spent != 0 and not _can_spend(ledger, lock, fee_asset, other_spent):
        return _refuse(ledger, LEDGER_INSUFFICIENT)
    _spend(ledger, lock, spec.settle_asset, quote_spent)
    if spec.kind == CONTRACT_SPOT:
        _spend(ledger, lock, spec.base_asset, base_spent)
    if other_spent != 0:
        _spend(ledger, lock, fee_asset, other_spent)
    ledger.balances[fee_asset].fees = money_add(ledger.balances[fee_asset].fees, fee_atoms)
    if position != NULL:
        position[0] = after
    return LEDGER_OK


cdef money_t ledger_total(const Ledger* ledger, int asset) noexcept nogil:
    return money_add(ledger.balances[asset].available, ledger.balances[asset].locked)


cdef money_t ledger_equity(
    const Ledger* ledger, const Position* positions, const ContractSpec* specs, const int64_t* marks_ticks, int count,
    int quote_asset, int* unvalued,
) noexcept nogil:
    cdef money_t equity = ledger_total(ledger, quote_asset)
    cdef money_t atoms
    cdef int asset
    cdef int i
    cdef int pricer
    unvalued[0] = 0
    for i in range(count):
        if specs[i].kind != CONTRACT_SPOT and specs[i].settle_asset == quote_asset:
            if positions[i].lots != 0 and marks_ticks[i] <= 0:
                unvalued[0] += 1
            equity = money_add(equity, position_unrealised(&positions[i], &specs[i], marks_ticks[i]))
    for asset in range(ledger.asset_count):
        if asset == quote_asset:
            continue
        atoms = ledger_total(ledger, asset)
        pricer = -1
        for i in range(count):
            # One asset is priced once, by the first instrument that can, however many instruments trade it.
            if pricer < 0 and specs[i].base_asset == asset and specs[i].quote_asset == quote_asset and marks_ticks[i] > 0:
                pricer = i
            if specs[i].kind != CONTRACT_SPOT and specs[i].settle_asset == asset:
                atoms = money_add(atoms, position_unrealised(&positions[i], &specs[i], marks_ticks[i]))
                if positions[i].lots != 0 and marks_ticks[i] <= 0:
                    unvalued[0] += 1
        if atoms == 0:
            continue
        if pricer < 0:
            unvalued[0] += 1
            continue
        equity = money_add(equity, contract_base_to_quote(&specs[pricer], atoms, marks_ticks[pricer]))
    return equity


cdef uint64_t ledger_hash(const Ledger* ledger) noexcept nogil:
    cdef uint64_t digest = 0
    cdef int asset
    for asset in range(ledger.asset_count):
        digest = money_hash(digest, ledger.balances[asset].available)
        digest = money_hash(digest, ledger.balances[asset].locked)
        digest = money_hash(digest, ledger.balances[asset].fees)
    return digest


cdef class Hold:
    """What one open order has locked; empty until `Account.lock_order`."""

    @property
    def remaining(self) -> int:
        """Atoms still locked for the order."""
        return money_to_int(self.lock.remaining)

    @property
    def asset(self) -> int:
        """Asset index of the lock."""
        return self.lock.asset


cdef class Account:
    """Owner of a ledger: the balances of one account.

    Parameters
    ----------
    decimals : sequence of int
        Money decimals of each asset, in the order of the session's asset table.

    Amounts are ``int`` atoms, or ``Decimal`` and ``str`` units of the asset. One writer: the shard that decides.

    >>> from bot4._core.account.contract import Contract
    >>> from bot4._core.account.positions import Positions
    >>> spot = Contract(0, tick_size="0.01", lot_size="0.001", taker_fee="0.001")
    >>> account, book, hold = Account([8, 8]), Positions([spot]), Hold()
    >>> account.credit(1, "1000")
    <LedgerVerdict.LEDGER_OK: 0>
    >>> account.lock_order(hold, spot, 0, 10_000, 1_000)   # buy 1 at 100
    <LedgerVerdict.LEDGER_OK: 0>
    >>> account.apply_fill(book, 0, hold, 0, 9_900, 1_000, spot.fee(0, 9_900, 1_000, False))
    <LedgerVerdict.LEDGER_OK: 0>
    >>> account.release(hold)
    >>> account.amount(0), account.amount(1)
    (Decimal('1.00000000'), Decimal('900.90100000'))
    """

    def __cinit__(self, decimals):
        self.decimals = tuple(decimals)
        if not 0 < len(self.decimals) <= 65536:
            raise ValueError(f"decimals must name 1 to 65536 assets, named {len(self.decimals)}")
        if not all(8 <= value <= 18 for value in self.decimals):
            raise ValueError(f"decimals must be 8 to 18 each, were {self.decimals}")
        self.ledger.asset_count = len(self.decimals)
        self.ledger.balances = <AssetBalance*>aligned_zalloc(self.ledger.asset_count * sizeof(AssetBalance))
        if self.ledger.balances == NULL:
            raise MemoryError

    def __dealloc__(self):
        free(self.ledger.balances)

    cdef int _check(self, int asset) except -1:
        if not 0 <= asset < self.ledger.asset_count:
            raise IndexError(f"asset must be 0 to {self.ledger.asset_count - 1}, was {asset}")
        return 0

    def _atoms(self, asset, amount):
        atoms = amount if isinstance(amount, int) else to_atoms(amount, self.decimals[asset])
        if abs(atoms) >= 1 << 120:
            raise OverflowError(f"an amount must be below 2^120 atoms, was {amount}")
        return atoms

    def check_contract(self, contract: Contract) -> None:
        """Raise ValueError where the contract's assets are not this ledger's, or have other money decimals."""
        fields = contract.fields
        for name in ("base", "quote"):
            asset = fields[f"{name}_asset"]
            self._check(asset)
            if self.decimals[asset] != fields[f"{name}_decimals"]:
                raise ValueError(
                    f"{name}_decimals of the contract must be the ledger's {self.decimals[asset]} for asset {asset}, "
                    f"was {fields[f'{name}_decimals']}"
                )

    def credit(self, asset: int, amount) -> LedgerVerdict:
        """Add to the free balance (a negative amount debits it)."""
        self._check(asset)
        return LedgerVerdict(ledger_credit(&self.ledger, asset, money_from_int(self._atoms(asset, amount))))

    def lock(self, hold: Hold, asset: int, amount) -> LedgerVerdict:
        """Lock an amount of one asset for an order."""
        self._check(asset)
        atoms = self._atoms(asset, amount)
        if atoms < 0 or hold.lock.remaining != 0:
            raise ValueError(f"a lock needs an empty hold and an amount of at least 0, was {amount}")
        return LedgerVerdict(ledger_lock(&self.ledger, &hold.lock, asset, money_from_int(atoms)))

    def lock_order(self, hold: Hold, contract: Contract, side: int, price_ticks: int, qty_lots: int) -> LedgerVerdict:
        """Lock the most an order can cost: notional and fee of a spot buy, base of a spot sell, fee of a derivative."""
        self.check_contract(contract)
        contract.value(price_ticks, qty_lots)
        if hold.lock.remaining != 0 or side not in (SIDE_BUY, SIDE_SELL):
            raise ValueError("a lock needs an empty hold and a side that is SIDE_BUY or SIDE_SELL")
        return LedgerVerdict(ledger_lock_order(&self.ledger, &hold.lock, &contract.spec, side, price_ticks, qty_lots))

    def release(self, hold: Hold) -> None:
        """Give back what is left of an order's lock."""
        ledger_release(&self.ledger, &hold.lock)

    def apply_fill(
        self, positions: Positions, instrument: int, hold: Hold | None, side: int, price_ticks: int, qty_lots: int,
        fee_atoms: int, fee_asset: int | None = None,
    ) -> LedgerVerdict:
        """Apply one fill to the balances and to the instrument's position; refused as a whole when it does not fit.

        The fee is in `fee_asset`, where None is the contract's own; an external venue takes it where it likes.
        """
        cdef OrderLock* lock = NULL
        cdef ContractSpec* spec
        cdef int paid_in
        positions._check(instrument)
        spec = &positions.specs[instrument]
        if side not in (SIDE_BUY, SIDE_SELL) or not contract_is_in_range(spec, price_ticks, qty_lots):
            raise ValueError(f"a fill must have a side, a positive price and quantity, was {side} {qty_lots} @ {price_ticks}")
        if hold is not None:
            lock = &hold.lock
        paid_in = contract_fee_asset(spec, side) if fee_asset is None else self._check(fee_asset) or fee_asset
        return LedgerVerdict(ledger_apply_fill_fee(
            &self.ledger, &positions.positions[instrument], spec, lock, side, price_ticks, qty_lots, paid_in,
            money_from_int(fee_atoms),
        ))

    def equity(self, positions: Positions, marks_ticks, quote_asset: int) -> Equity:
        """Value of everything in atoms of one asset at the marks.

        Parameters
        ----------
        positions : Positions
        marks_ticks : sequence of int
            One mark for each instrument of `positions`; 0 where there is none.
        quote_asset : int
        """
        cdef int unvalued = 0
        cdef int i
        cdef money_t equity
        cdef int64_t* marks
        self._check(quote_asset)
        if len(marks_ticks) != positions.count:
            raise ValueError(f"marks_ticks must have {positions.count} entries, had {len(marks_ticks)}")
        marks = <int64_t*>aligned_zalloc(positions.count * sizeof(int64_t))
        if marks == NULL:
            raise MemoryError
        try:
            for i in range(positions.count):
                marks[i] = marks_ticks[i]
            equity = ledger_equity(
                &self.ledger, positions.positions, positions.specs, marks, positions.count, quote_asset, &unvalued
            )
            return Equity(money_to_int(equity), unvalued)
        finally:
            free(marks)

    def amount(self, asset: int) -> Decimal:
        """Free plus locked, in units of the asset."""
        self._check(asset)
        return from_atoms(money_to_int(ledger_total(&self.ledger, asset)), self.decimals[asset])

    def __getitem__(self, asset: int) -> BalanceRow:
        self._check(asset)
        cdef AssetBalance* balance = &self.ledger.balances[asset]
        return BalanceRow(money_to_int(balance.available), money_to_int(balance.locked), money_to_int(balance.fees))

    def __len__(self):
        return self.ledger.asset_count

    @property
    def refused(self) -> int:
        """Operations refused so far."""
        return self.ledger.refused

    @property
    def state_hash(self) -> int:
        """Hash of every balance."""
        return ledger_hash(&self.ledger)
