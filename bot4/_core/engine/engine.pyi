from typing import Any

import numpy as np
from numpy.typing import NDArray

from bot4._core.account.ledger import Account
from bot4._core.account.positions import Positions
from bot4._core.book.depth_sync import DepthSync
from bot4._core.engine.decide import LinearPolicy
from bot4._core.engine.link import VenueLink
from bot4._core.engine.reasoned_policy import ReasonedPolicy, StatedGate
from bot4._core.engine.stages import StageTimes
from bot4._core.engine.strategy import StrategyHost
from bot4._core.engine.tape import TapeKeeper
from bot4._core.journal.stream import Journal
from bot4._core.risk.breaker import Breaker
from bot4._core.risk.limits import RiskGate
from bot4._core.sim.paper import Paper
from bot4._core.ta.features import Features

class Engine:
    def __init__(
        self,
        positions: Positions,
        account: Account,
        breaker: Breaker,
        journal: Journal | None = None,
        *,
        tick_interval_ns: int = ...,
        mark_interval_ns: int = ...,
        jump_ns: int = ...,
        sync_orders: bool = False,
        sample_every: int = 16,
        link: VenueLink | None = None,
    ) -> None: ...
    @property
    def link(self) -> VenueLink | None: ...
    @property
    def stages(self) -> StageTimes: ...
    @property
    def symbols(self) -> list[str]: ...
    def add_lane(
        self,
        symbol: str,
        sync: DepthSync,
        features: Features,
        paper: Paper | None,
        gate: RiskGate,
        policy: LinearPolicy,
        *,
        assumed_half_spread_ticks: int = 0,
        plays_bars: bool = False,
        position_ticklots_max: int = 0,
        trade_ids: int = 65_536,
        reasoned: ReasonedPolicy | None = None,
        stated: StatedGate | None = None,
        own_bars_ns: int = 0,
    ) -> int: ...
    def set_strategy(self, host: StrategyHost, *, features: bool = True) -> None: ...
    def set_reference(self, lane: int, reference: int) -> None: ...
    def set_tape(self, keeper: TapeKeeper, *, records_before: int = 0) -> None: ...
    def apply(self, events: NDArray[np.void]) -> None: ...
    def control(
        self,
        code: int,
        *,
        instrument: int = ...,
        value: int = 0,
        side: int = 0,
        qty_lots: int = 0,
        tif: int = 0,
        flags: int = 0,
    ) -> None: ...
    def drain(self, *, horizon_ns: int = ...) -> int: ...
    def remember_trades(self, index: int, trade_ids: NDArray[np.int64]) -> None: ...
    def orders(self, index: int) -> list[dict[str, Any]]: ...
    @property
    def working_orders(self) -> int: ...
    @property
    def state_hash(self) -> str: ...
    @property
    def now_ns(self) -> int: ...
    def counters(self) -> dict[str, int]: ...
    def lane_counters(self, index: int) -> dict[str, Any]: ...
    def top(self, index: int) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]: ...
    def view(self) -> dict[str, Any]: ...
