from decimal import Decimal
from enum import IntFlag

class FeeMode(IntFlag):
    FEE_IN_SETTLE = 0
    FEE_IN_RECEIVED = 1

def to_atoms(amount: Decimal | str | int, decimals: int) -> int: ...
def from_atoms(atoms: int, decimals: int) -> Decimal: ...

class Contract:
    def __init__(
        self,
        kind: int,
        *,
        tick_size: Decimal | str,
        lot_size: Decimal | str,
        base_asset: int = 0,
        quote_asset: int = 1,
        base_decimals: int = 8,
        quote_decimals: int = 8,
        contract_size: int = 1,
        maker_fee: Decimal | str = "0",
        taker_fee: Decimal | str = "0",
        fee_in_received: bool = False,
    ) -> None: ...
    def value(self, price_ticks: int, qty_lots: int) -> int: ...
    def fee(self, side: int, price_ticks: int, qty_lots: int, is_maker: bool) -> int: ...
    def fee_asset(self, side: int) -> int: ...
    def base_to_quote(self, base_atoms: int, mark_ticks: int) -> int: ...
    @property
    def fields(self) -> dict[str, int]: ...
    @property
    def tick_size(self) -> Decimal: ...
    @property
    def lot_size(self) -> Decimal: ...
