from collections.abc import Sequence
from decimal import Decimal
from enum import IntFlag
from typing import NamedTuple

from bot4._core.account.contract import Contract
from bot4._core.account.positions import Positions

class LedgerVerdict(IntFlag):
    LEDGER_OK = 0
    LEDGER_INSUFFICIENT = 1
    LEDGER_NO_ASSET = 2

class LedgerBound(IntFlag):
    LOCK_FILL_SLACK = 1024

class BalanceRow(NamedTuple):
    available: int
    locked: int
    fees: int

class Equity(NamedTuple):
    atoms: int
    unvalued: int

class Hold:
    @property
    def remaining(self) -> int: ...
    @property
    def asset(self) -> int: ...

class Account:
    def __init__(self, decimals: Sequence[int]) -> None: ...
    @property
    def decimals(self) -> tuple[int, ...]: ...
    def check_contract(self, contract: Contract) -> None: ...
    def credit(self, asset: int, amount: Decimal | str | int) -> LedgerVerdict: ...
    def lock(self, hold: Hold, asset: int, amount: Decimal | str | int) -> LedgerVerdict: ...
    def lock_order(
        self, hold: Hold, contract: Contract, side: int, price_ticks: int, qty_lots: int
    ) -> LedgerVerdict: ...
    def release(self, hold: Hold) -> None: ...
    def apply_fill(
        self,
        positions: Positions,
        instrument: int,
        hold: Hold | None,
        side: int,
        price_ticks: int,
        qty_lots: int,
        fee_atoms: int,
        fee_asset: int | None = None,
    ) -> LedgerVerdict: ...
    def equity(self, positions: Positions, marks_ticks: Sequence[int], quote_asset: int) -> Equity: ...
    def amount(self, asset: int) -> Decimal: ...
    def __getitem__(self, asset: int, /) -> BalanceRow: ...
    def __len__(self) -> int: ...
    @property
    def refused(self) -> int: ...
    @property
    def state_hash(self) -> int: ...
