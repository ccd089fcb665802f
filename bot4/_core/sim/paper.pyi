from typing import Any

import numpy as np
from numpy.typing import NDArray

from bot4._core.account.contract import Contract
from bot4._core.book.depth_sync import DepthSync
from bot4._core.book.order_book import Book, BookView
from bot4._core.sim.fill_model import FillModel
from bot4._core.sim.latency import Latency
from bot4._core.sim.paper_matching import PaperReason

class Paper:
    def __init__(
        self,
        contract: Contract,
        *,
        seed: int,
        instrument: int = 0,
        submit_latency: Latency | None = None,
        report_latency: Latency | None = None,
        max_open_orders: int = 256,
        max_in_flight: int = 256,
        max_levels: int = 256,
        max_taken_levels: int = 256,
        assumed_half_spread_ticks: int = -1,
        fills: FillModel | None = None,
    ) -> None: ...
    def submit(
        self,
        *,
        now_ns: int,
        order_id: int = 0,
        action: int = 0,
        side: int = 0,
        type: int = 0,  # noqa: A002 - the trade's word for it
        tif: int = 0,
        flags: int = 0,
        price_ticks: int = 0,
        qty_lots: int = 0,
    ) -> PaperReason: ...
    def step(self, now_ns: int, book: BookView | None = None) -> NDArray[Any]: ...
    def on_event(
        self, event: NDArray[Any], book: BookView | None = None, now_ns: int | None = None
    ) -> NDArray[Any]: ...
    def follow(self, events: NDArray[Any], sync: DepthSync, now_ns: int) -> NDArray[Any]: ...
    def replay(
        self, events: NDArray[Any], intents: NDArray[Any], book: Book | None = None
    ) -> tuple[NDArray[Any], NDArray[np.uint8]]: ...
    def halt(self, *, is_halted: bool) -> None: ...
    def open_orders(self) -> list[tuple[int, int, int, int]]: ...
    @property
    def counts(self) -> dict[str, int]: ...
    @property
    def fees_atoms(self) -> tuple[int, int]: ...
    @property
    def position_lots(self) -> int: ...
    @position_lots.setter
    def position_lots(self, lots: int) -> None: ...
    @property
    def next_due_ns(self) -> int | None: ...
    @property
    def state_hash(self) -> int: ...
