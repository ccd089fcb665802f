from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from bot4._core.risk.filters import Filters

class Exchange:
    def __init__(
        self,
        *,
        max_orders: int = ...,
        max_accounts: int = 256,
        max_assets: int = 32,
        max_symbols: int = 16,
        max_reports: int = ...,
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
    def deposit(self, account: int, asset: int, atoms: int) -> int: ...
    def withdraw(self, account: int, asset: int, atoms: int) -> int: ...
    def place(
        self,
        account: int,
        symbol: int,
        side: int,
        order_type: int,
        *,
        tif: int = 0,
        qty_lots: int = 0,
        quote_atoms: int = 0,
        price_ticks: int = 0,
        stop_ticks: int = 0,
        trailing_bips: int = 0,
        iceberg_lots: int = 0,
        stp: int = 0,
        flags: int = 0,
        expire_ns: int = 0,
        client_key: int = 0,
        now_ns: int,
    ) -> tuple[int, int]: ...
    def cancel(
        self, account: int, symbol: int, order_id: int, *, flags: int = 0, client_key: int = 0, now_ns: int
    ) -> int: ...
    def cancel_all(self, account: int, symbol: int, *, now_ns: int) -> int: ...
    def amend(
        self, account: int, symbol: int, order_id: int, qty_lots: int, *, client_key: int = 0, now_ns: int
    ) -> int: ...
    def advance(self, now_ns: int) -> int: ...
    def run_requests(self, requests: NDArray[np.void], results: NDArray[np.void] | None = None) -> int: ...
    def take_reports(self) -> NDArray[np.void]: ...
    def clear_reports(self) -> int: ...
    def balance(self, account: int, asset: int) -> tuple[int, int]: ...
    def total(self, asset: int) -> int: ...
    def order(self, order_id: int) -> np.void | None: ...
    def find(self, account: int, client_key: int) -> int: ...
    def open_orders(self, account: int, symbol: int) -> NDArray[np.void]: ...
    def depth(self, symbol: int, n: int = 5000) -> tuple[int, NDArray[np.void], NDArray[np.void]]: ...
    def take_depth(self, symbol: int) -> tuple[int, int, NDArray[np.void]]: ...
    def best(self, symbol: int) -> tuple[int, int]: ...
    def last_price_ticks(self, symbol: int) -> int: ...
    def reference_price_ticks(self, symbol: int) -> int: ...
    def set_reference_price(self, symbol: int, price_ticks: int) -> None: ...
    def set_symbol_status(self, symbol: int, status: int) -> None: ...
    def set_exchange_limits(
        self, *, max_orders: int = 0, max_algo_orders: int = 0, max_iceberg_orders: int = 0, max_order_lists: int = 0
    ) -> None: ...
    def state_hash(self) -> int: ...
    @property
    def now_ns(self) -> int: ...
    @property
    def order_count(self) -> int: ...
    @property
    def report_count(self) -> int: ...
    @property
    def assets(self) -> tuple[str, ...]: ...
    @property
    def symbols(self) -> tuple[str, ...]: ...
    @property
    def accounts(self) -> tuple[str, ...]: ...
