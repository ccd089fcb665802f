from collections.abc import Iterable, Sequence

from bot4._core.risk.filters import Filters

class ExchangeTables:
    def __init__(
        self,
        *,
        max_orders: int = ...,
        max_accounts: int = 256,
        max_assets: int = 32,
        max_symbols: int = 16,
        max_reports: int | None = None,
    ) -> None: ...
    def add_asset(self, name: str, decimals: int) -> int: ...
    def add_symbol(
        self,
        name: str,
        base: int,
        quote: int,
        *,
        tick_size: str,
        lot_size: str,
        filters: Filters | None = None,
        maker_fee_e8: int = 0,
        taker_fee_e8: int = 0,
        stp_modes: Iterable[int] = ...,
        average_price_mins: int = 5,
        max_iceberg_parts: int = 0,
        max_algo_orders: int = 0,
        max_iceberg_orders: int = 0,
        max_order_lists: int = 0,
        max_amends: int = 0,
        min_trailing_above_bips: int = 0,
        max_trailing_above_bips: int = 0,
        min_trailing_below_bips: int = 0,
        max_trailing_below_bips: int = 0,
        range_down_ppm: int = 0,
        range_up_ppm: int = 0,
        window_ticks: int = ...,
        far_capacity: int = ...,
        change_capacity: int = ...,
    ) -> int: ...
    def open_account(
        self,
        name: str,
        *,
        trade_group: int = -1,
        maker_fee_e8: int | None = None,
        taker_fee_e8: int | None = None,
        pays_in_fee_asset: bool = False,
    ) -> int: ...
    def set_account_fees(self, account: int, maker_fee_e8: int, taker_fee_e8: int) -> None: ...
    def set_fee_tiers(self, asset: int, tiers: Sequence[tuple[int, int, int]]) -> None: ...
    def set_fee_asset(self, asset: int, discount_ppm: int) -> None: ...
    def fees(self, account: int, symbol: int) -> tuple[int, int]: ...
    def volume_30d(self, account: int) -> int: ...
    def set_reference_price(self, symbol: int, price_ticks: int) -> None: ...
    def set_symbol_status(self, symbol: int, status: int) -> None: ...
    def set_exchange_limits(
        self, *, max_orders: int = 0, max_algo_orders: int = 0, max_iceberg_orders: int = 0, max_order_lists: int = 0
    ) -> None: ...
    @property
    def assets(self) -> tuple[str, ...]: ...
    @property
    def symbols(self) -> tuple[str, ...]: ...
    @property
    def accounts(self) -> tuple[str, ...]: ...
