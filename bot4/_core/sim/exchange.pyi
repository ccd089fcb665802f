from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from bot4._core.sim.margin_tables import MarginTables

class Exchange(MarginTables):
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
    def place_list(
        self,
        kind: int,
        account: int,
        symbol: int,
        legs: Sequence[Mapping[str, int]],
        *,
        list_key: int = 0,
        now_ns: int,
    ) -> tuple[int, int, tuple[int, ...]]: ...
    def cancel_replace(
        self,
        account: int,
        symbol: int,
        order_id: int,
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
    ) -> tuple[int, int, int]: ...
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
    def state_hash(self) -> int: ...
    @property
    def now_ns(self) -> int: ...
    @property
    def order_count(self) -> int: ...
    @property
    def report_count(self) -> int: ...
