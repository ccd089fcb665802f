from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from bot4._core.risk.filters import Filters
from bot4._core.sim.exchange_tables import ExchangeTables
from bot4._core.sim.margin_types import Bracket, MarginRow, MarkRow, PositionRow, SymbolMargin

class MarginTables(ExchangeTables):
    def add_perpetual(
        self,
        name: str,
        base: int,
        margin_asset: int,
        *,
        tick_size: str,
        lot_size: str,
        filters: Filters | None = None,
        brackets: Sequence[Bracket | tuple[int, int, int, int]] = ...,
        mark_divisions: int = 1,
        maker_fee_e8: int = 0,
        taker_fee_e8: int = 0,
        liquidation_fee_e8: int = 0,
        margin_call_ppm: int = 800_000,
        stp_modes: Iterable[int] = ...,
        max_algo_orders: int = 0,
        range_down_ppm: int = 0,
        range_up_ppm: int = 0,
        window_ticks: int = ...,
        far_capacity: int = ...,
        change_capacity: int = ...,
    ) -> int: ...
    def set_brackets(self, symbol: int, brackets: Sequence[Bracket | tuple[int, int, int, int]]) -> None: ...
    def brackets(self, symbol: int) -> tuple[Bracket, ...]: ...
    def is_perpetual(self, symbol: int) -> bool: ...
    # requests: each returns an ExchangeVerdict
    def set_mark(self, symbol: int, mark_price: int, *, index_price: int = 0, now_ns: int) -> int: ...
    def apply_funding(self, symbol: int, rate_e8: int, *, next_funding_ns: int = 0, now_ns: int) -> int: ...
    def set_leverage(self, account: int, symbol: int, leverage: int, *, now_ns: int) -> int: ...
    def set_margin_type(self, account: int, symbol: int, *, isolated: bool, now_ns: int) -> int: ...
    def set_position_mode(self, account: int, *, hedge: bool, now_ns: int) -> int: ...
    def adjust_margin(self, account: int, symbol: int, atoms: int, *, position_side: int = 0, now_ns: int) -> int: ...
    def modify(
        self,
        account: int,
        symbol: int,
        order_id: int,
        *,
        qty_lots: int,
        price_ticks: int,
        client_key: int = 0,
        now_ns: int,
    ) -> int: ...
    def countdown_cancel_all(self, account: int, symbol: int, deadline_ns: int, *, now_ns: int) -> int: ...
    def place_algo(
        self,
        account: int,
        symbol: int,
        side: int,
        order_type: int,
        *,
        stop_ticks: int = 0,
        qty_lots: int = 0,
        price_ticks: int = 0,
        trailing_bips: int = 0,
        tif: int = 0,
        stp: int = 0,
        flags: int = 0,
        expire_ns: int = 0,
        client_key: int = 0,
        now_ns: int,
    ) -> tuple[int, int]: ...
    def cancel_algo(self, account: int, symbol: int, algo_id: int, *, client_key: int = 0, now_ns: int) -> int: ...
    def cancel_all_algos(self, account: int, symbol: int, *, now_ns: int) -> int: ...
    # reads
    def algo_order(self, algo_id: int) -> np.void | None: ...
    def find_algo(self, account: int, client_key: int) -> int: ...
    def open_algo_orders(self, account: int, symbol: int) -> NDArray[np.void]: ...
    def positions(self, account: int, symbol: int | None = None, *, all_sides: bool = False) -> list[PositionRow]: ...
    def margin(self, account: int, asset: int) -> MarginRow: ...
    def symbol_margin(self, account: int, symbol: int) -> SymbolMargin: ...
    def mark(self, symbol: int) -> MarkRow: ...
    def is_hedged(self, account: int) -> bool: ...
