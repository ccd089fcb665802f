"""The faults that are on, where the exchange looks at them."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from bot4.adapters.simulator.faults.chaos import Chaos
from bot4.adapters.simulator.faults.depth import DepthFaults
from bot4.adapters.simulator.faults.orders import OrderFaults
from bot4.adapters.simulator.faults.settings import FaultSettings
from bot4.adapters.simulator.wire.errors import ApiError, refusal
from bot4.adapters.simulator.wire.request_budget import banned, too_much

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot4.adapters.simulator.market.hub import Hub

    Now = Callable[[], int]

_SECOND_NS = 1_000_000_000
_UNAVAILABLE = 503


class Faults:
    """What goes wrong just now.

    Parameters
    ----------
    seed : int
    hub : Hub
    now_ns : callable
        The true time.

    Belongs to the event loop's thread.

    """

    def __init__(self, seed: int, hub: Hub, now_ns: Now) -> None:
        self._random = Random(f"faults {seed}")  # noqa: S311 - dice of a test, not a secret
        self._now_ns = now_ns
        self.depth = DepthFaults(self._random, hub)
        self.orders = OrderFaults(self._random)
        self.asked = FaultSettings()
        self.settings = FaultSettings()
        self.clock_skew_ns = 0
        self.misses_pongs = False
        self.is_halted = False
        self._refusals = 0
        self._banned_until_ns = 0
        self._outage_until_ns = 0
        self._chaos: Chaos | None = None
        self._chaos_until_ns = 0

    def set(self, asked: FaultSettings, *, draws_chaos: bool = True) -> None:
        """Let these faults happen from now on, and no others.

        Parameters
        ----------
        asked : FaultSettings
            What is to happen.
        draws_chaos : bool
            Whether mixtures of chaos are drawn here; else they are told, see `follow`.

        """
        self.asked = asked
        self._chaos = Chaos(asked) if draws_chaos and asked.chaos_seed is not None else None
        self._chaos_until_ns = 0
        self._apply(asked)

    def step(self) -> bool:
        """Draw the next mixture of chaos when it is due; true where faults changed."""
        if self._chaos is None or self._now_ns() < self._chaos_until_ns:
            return False
        self._chaos_until_ns = self._now_ns() + int(self.asked.chaos_period_s * 1e9)
        self._apply(self._chaos.next())
        return True

    def follow(self, settings: FaultSettings) -> bool:
        """Let the mixture happen that was drawn elsewhere; true where faults changed."""
        if settings is self.settings:
            return False
        self._apply(settings)
        return True

    def _apply(self, settings: FaultSettings) -> None:
        self.settings = settings
        depth, orders = self.depth, self.orders
        depth.drop_share, depth.duplicate_share = settings.drop_diffs, settings.duplicate_diffs
        depth.reorder_share, depth.delay_share = settings.reorder_diffs, settings.delay_diffs
        depth.delay_ms = settings.diff_delay_ms
        orders.timeout_share, orders.lost_share = settings.order_timeouts, settings.lost_answers
        orders.delay_ms, orders.timeout_s = settings.order_delay_ms, settings.order_timeout_s
        self.clock_skew_ns = settings.clock_skew_ms * 1_000_000
        self.misses_pongs = settings.miss_pongs
        self.is_halted = settings.halt
        self._refusals = settings.refuse
        self._banned_until_ns = 0
        self._outage_until_ns = self._now_ns() + int(settings.outage_s * 1e9) if settings.outage_s else 0

    @property
    def is_out(self) -> bool:
        """Whether there is an outage."""
        return self._outage_until_ns != 0 and self._now_ns() < self._outage_until_ns

    def refuse_request(self) -> ApiError | None:
        """Return what a request is refused with; None where it is let in."""
        if self.is_out:
            return ApiError(-1016, refusal(-1016).text, _UNAVAILABLE)
        if self._refusals == 0 and self._banned_until_ns == 0:
            return None
        now_ns = self._now_ns()
        if self._refusals > 0:
            self._refusals -= 1
            if self._refusals == 0 and self.settings.ban_s > 0:
                self._banned_until_ns = now_ns + int(self.settings.ban_s * 1e9)
            return too_much("as the faults ask", now_ns, now_ns + _SECOND_NS)
        if now_ns < self._banned_until_ns:
            return banned(now_ns, self._banned_until_ns)
        self._banned_until_ns = 0
        return None

    def cuts_now(self, elapsed_s: float) -> bool:
        """Draw whether all sockets are cut in a stretch of time."""
        mean = self.settings.disconnect_every_s
        return mean > 0 and self._random.random() < elapsed_s / mean

    def takes_no_order(self) -> bool:
        """Draw whether a step of the background does not happen."""
        return self.settings.slow_fills > 0 and self._random.random() < self.settings.slow_fills
