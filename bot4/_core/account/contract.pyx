# cython: language_level=3
"""Contract: the exact arithmetic of one instrument, made once from the venue's decimal strings.

Everything the hot path needs is folded into three integers at construction, so that a notional is one or two
multiplications (spot, linear) or one division (inverse). Immutable afterwards: any thread may read it.
"""

from decimal import Decimal

from libc.stdint cimport int64_t

from bot4._core.account.money cimport money_fits_64, money_mul, money_mul_fits, money_rate_up
from bot4._core.types cimport CONTRACT_INVERSE, CONTRACT_LINEAR, CONTRACT_SPOT, SIDE_BUY, SIDE_SELL
from bot4._core.types cimport money_from_int, money_t, money_to_int, mul_wide

_INT64_MAX = (1 << 63) - 1
_DECIMALS_MAX = 18
_DIGITS_MAX = 38   # of a 128-bit amount


cdef money_t contract_base_to_quote(const ContractSpec* spec, money_t base_atoms, int64_t mark_ticks) noexcept nogil:
    cdef int shift = spec.quote_decimals - spec.base_decimals - spec.tick_decimals
    cdef money_t value
    cdef money_t divisor = 1
    cdef money_t quotient
    if mark_ticks <= 0:
        return 0
    value = money_mul(money_mul(base_atoms, mark_ticks), spec.tick_mantissa)
    while shift > 0:
        value = money_mul(value, 10)
        shift -= 1
    while shift < 0:
        divisor = money_mul(divisor, 10)
        shift += 1
    quotient = value / divisor
    if quotient * divisor > value:  # C truncates towards zero: a negative amount still rounds down
        quotient -= 1
    return quotient


cdef bint contract_is_in_range(const ContractSpec* spec, int64_t price_ticks, int64_t qty_lots) noexcept nogil:
    cdef int64_t rate_e8
    if price_ticks <= 0 or qty_lots <= 0:
        return False
    if spec.kind != CONTRACT_INVERSE and not money_mul_fits(
        mul_wide(price_ticks, qty_lots), spec.quote_atoms_per_ticklot
    ):
        return False
    rate_e8 = spec.taker_rate_e8 if spec.taker_rate_e8 > spec.maker_rate_e8 else spec.maker_rate_e8
    if rate_e8 < 0:
        rate_e8 = -rate_e8
    return money_fits_64(money_rate_up(contract_value(spec, price_ticks, qty_lots), rate_e8)) and (
        spec.fee_mode != FEE_IN_RECEIVED
        or money_fits_64(money_rate_up(contract_base_atoms(spec, qty_lots), rate_e8))
    )


def to_atoms(amount, decimals: int) -> int:
    """Exact atoms (10^-decimals) of a decimal amount.

    Parameters
    ----------
    amount : Decimal, str or int
        Units of the asset. A float is refused: it is not the amount it looks like.
    decimals : int
        Money decimals of the asset.

    Raises
    ------
    TypeError
        For a float.
    ValueError
        Where the amount is not a whole number of atoms.

    >>> to_atoms("1.5", 8)
    150000000
    """
    if isinstance(amount, float):
        raise TypeError(f"an amount must be a Decimal, a string or an integer, was the float {amount!r}")
    value = Decimal(amount)
    problem = ValueError(f"an amount must be a whole number of atoms of 10^-{decimals}, was {amount}")
    if not value.is_finite():
        raise problem
    # By digits: Decimal arithmetic would round to the context's precision without a word.
    sign, digits, exponent = value.as_tuple()
    atoms = int("".join(map(str, digits)))
    shift = exponent + decimals
    if atoms == 0:
        return 0
    if shift + len(digits) > _DIGITS_MAX:
        raise ValueError(f"an amount must be below 10^{_DIGITS_MAX} atoms, was {amount}")
    if shift >= 0:
        atoms *= 10**shift
    else:
        atoms, rest = divmod(atoms, 10 ** min(-shift, len(digits)))
        if rest or -shift > len(digits):
            raise problem
    return -atoms if sign else atoms


def from_atoms(atoms: int, decimals: int) -> Decimal:
    """Exact decimal amount of a number of atoms, whatever the decimal context.

    >>> from_atoms(-150000000, 8)
    Decimal('-1.50000000')
    """
    digits = tuple(int(digit) for digit in str(abs(atoms)))
    return Decimal((1 if atoms < 0 else 0, digits, -decimals))


def _grid(name, text):
    """Mantissa and decimals of a positive decimal, trailing zeros dropped."""
    if isinstance(text, float):
        raise TypeError(f"{name} must be a Decimal or a string, was the float {text!r}")
    value = Decimal(text)
    if not value.is_finite() or value <= 0:
        raise ValueError(f"{name} must be above zero, was {text}")
    _, digits, exponent = value.as_tuple()
    mantissa = int("".join(map(str, digits)))
    while mantissa % 10 == 0 and exponent < 0:
        mantissa //= 10
        exponent += 1
    if exponent > 0:
        mantissa *= 10**exponent
        exponent = 0
    return mantissa, -exponent


def _bounded(name, value):
    if value > _INT64_MAX:
        raise ValueError(f"{name} must fit 63 bits, was {value}: use fewer money decimals")
    return value


cdef class Contract:
    """Exact rules of one instrument.

    Parameters
    ----------
    kind : int
        CONTRACT_SPOT, CONTRACT_LINEAR or CONTRACT_INVERSE.
    tick_size, lot_size : Decimal or str
        Price step in quote and quantity step in base (inverse: in contracts).
    base_asset, quote_asset : int
        Indices in the session's asset table.
    base_decimals, quote_decimals : int
        Money decimals of the two assets, 8 to 18; an atom is 10^-decimals. Quote decimals must be at least tick decimals + lot
        decimals (spot, linear) so that price times quantity is a whole number of atoms.
    contract_size : int
        Inverse only: quote units of one contract (100 for BTCUSD_PERP).
    maker_fee, taker_fee : Decimal or str
        Fraction of the notional, a multiple of 1e-8; negative is a rebate.
    fee_in_received : bool
        Spot only: a buy pays its fee in base (Binance without BNB), else every fee is paid in quote.

    Raises
    ------
    ValueError
        For any value out of range, naming it and the rule.

    >>> perp = Contract(2, tick_size="0.1", lot_size="1", base_asset=0, quote_asset=1, contract_size=100)
    >>> perp.value(500_000, 5)   # 5 contracts of 100 USD at 50,000: 0.01 BTC
    1000000
    """

    def __init__(
        self, kind, *, tick_size, lot_size, base_asset=0, quote_asset=1, base_decimals=8, quote_decimals=8,
        contract_size=1, maker_fee="0", taker_fee="0", fee_in_received=False,
    ):
        if kind not in (CONTRACT_SPOT, CONTRACT_LINEAR, CONTRACT_INVERSE):
            raise ValueError(f"kind must be CONTRACT_SPOT, CONTRACT_LINEAR or CONTRACT_INVERSE, was {kind}")
        for name, value in (("base_decimals", base_decimals), ("quote_decimals", quote_decimals)):
            if not 8 <= value <= _DECIMALS_MAX:
                raise ValueError(f"{name} must be 8 to {_DECIMALS_MAX}, was {value}")
        for name, value in (("base_asset", base_asset), ("quote_asset", quote_asset)):
            if not 0 <= value <= 0xFFFF:
                raise ValueError(f"{name} must be an index of 0 to 65535, was {value}")
        if base_asset == quote_asset:
            raise ValueError(f"base_asset and quote_asset must differ, both were {base_asset}")
        if contract_size <= 0 or (kind != CONTRACT_INVERSE and contract_size != 1):
            raise ValueError(f"contract_size must be positive, and 1 unless the contract is inverse, was {contract_size}")
        if fee_in_received and kind != CONTRACT_SPOT:
            raise ValueError("fee_in_received is for spot only: a derivative pays in its settle asset")
        self.spec.kind = kind
        self.spec.fee_mode = FEE_IN_RECEIVED if fee_in_received else FEE_IN_SETTLE
        self.spec.base_asset, self.spec.quote_asset = base_asset, quote_asset
        self.spec.base_decimals, self.spec.quote_decimals = base_decimals, quote_decimals
        self._set_grid(_grid("tick_size", tick_size), _grid("lot_size", lot_size), contract_size)
        self.spec.maker_rate_e8 = self._rate("maker_fee", maker_fee)
        self.spec.taker_rate_e8 = self._rate("taker_fee", taker_fee)

    def _set_grid(self, tick, lot, contract_size):
        """Fold tick, lot and decimals into the integers of the hot path."""
        cdef bint is_inverse = self.spec.kind == CONTRACT_INVERSE
        self.spec.settle_asset = self.spec.base_asset if is_inverse else self.spec.quote_asset
        self.spec.settle_decimals = self.spec.base_decimals if is_inverse else self.spec.quote_decimals
        self.spec.tick_mantissa, self.spec.tick_decimals = _bounded("tick_size mantissa", tick[0]), tick[1]
        self.spec.lot_mantissa, self.spec.lot_decimals = _bounded("lot_size mantissa", lot[0]), lot[1]
        self.spec.contract_size = _bounded("contract_size", contract_size)
        if is_inverse:
            shift = self.spec.base_decimals + tick[1] - lot[1]
            if shift < 0:
                raise ValueError(f"lot_size must have at most {self.spec.base_decimals + tick[1]} decimals, had {lot[1]}")
            self.spec.inverse_numerator = _bounded("contract value", lot[0] * contract_size * 10**shift)
            return
        if self.spec.quote_decimals < tick[1] + lot[1]:
            raise ValueError(
                f"quote_decimals must be at least tick decimals + lot decimals = {tick[1] + lot[1]}, "
                f"was {self.spec.quote_decimals}"
            )
        if self.spec.base_decimals < lot[1]:
            raise ValueError(f"base_decimals must be at least lot decimals = {lot[1]}, was {self.spec.base_decimals}")
        self.spec.quote_atoms_per_ticklot = _bounded(
            "atoms of one tick times one lot", tick[0] * lot[0] * 10 ** (self.spec.quote_decimals - tick[1] - lot[1])
        )
        self.spec.base_atoms_per_lot = _bounded("atoms of one lot", lot[0] * 10 ** (self.spec.base_decimals - lot[1]))

    @staticmethod
    def _rate(name, text):
        rate = to_atoms(text, 8)
        if not -100_000_000 <= rate <= 100_000_000:
            raise ValueError(f"{name} must be a fraction of -1 to 1, was {text}")
        return rate

    cdef int _check(self, object price_ticks, object qty_lots) except -1:
        if not (0 < price_ticks <= _INT64_MAX and 0 < qty_lots <= _INT64_MAX):
            raise ValueError(f"price_ticks and qty_lots must be 1 to 2^63 - 1, were {price_ticks} and {qty_lots}")
        if not contract_is_in_range(&self.spec, price_ticks, qty_lots):
            raise OverflowError(f"{qty_lots} lots at {price_ticks} ticks are beyond 128-bit money")
        return 0

    def value(self, price_ticks: int, qty_lots: int) -> int:
        """Notional in settle atoms: exact (spot, linear) or to the nearest atom, ties to even (inverse)."""
        self._check(price_ticks, qty_lots)
        return money_to_int(contract_value(&self.spec, price_ticks, qty_lots))

    def fee(self, side: int, price_ticks: int, qty_lots: int, is_maker: bool) -> int:
        """Fee in atoms of `fee_asset(side)`, rounded against the trader; negative is a rebate."""
        self._check(price_ticks, qty_lots)
        return money_to_int(contract_fee(&self.spec, side, price_ticks, qty_lots, is_maker))

    def fee_asset(self, side: int) -> int:
        """Asset index in which a fill of this side pays."""
        if side not in (SIDE_BUY, SIDE_SELL):
            raise ValueError(f"side must be SIDE_BUY or SIDE_SELL, was {side}")
        return contract_fee_asset(&self.spec, side)

    def base_to_quote(self, base_atoms: int, mark_ticks: int) -> int:
        """Quote atoms of base atoms at a mark, rounded down."""
        return money_to_int(contract_base_to_quote(&self.spec, money_from_int(base_atoms), mark_ticks))

    @property
    def fields(self) -> dict:
        """Every field of the specification by name."""
        return dict(self.spec)

    def __repr__(self):
        return f"Contract(kind={self.spec.kind}, tick={self.tick_size}, lot={self.lot_size})"

    @property
    def tick_size(self) -> Decimal:
        """Price step in quote."""
        return from_atoms(self.spec.tick_mantissa, self.spec.tick_decimals)

    @property
    def lot_size(self) -> Decimal:
        """Quantity step in base, or in contracts (inverse)."""
        return from_atoms(self.spec.lot_mantissa, self.spec.lot_decimals)
