"""What a live venue settles of perpetuals, brought to the engine's own account: each payment once, whatever is lost."""

from __future__ import annotations

import asyncio
from decimal import ROUND_CEILING, Context
from typing import TYPE_CHECKING

from bot4._core.engine.control import ControlCode
from bot4.ports.venue_outcome import NoInformation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bot4.application.past.run_past import RunPast
    from bot4.domain.instrument import Instrument
    from bot4.ports.exchange import ExchangePort
    from bot4.ports.shard_link import ShardLink
    from bot4.ports.venue_order import FundingPayment

_S = 1_000_000_000
# A payment may be listed later than one of a later time: so much is asked for again.
OVERLAP_NS = 3_600 * _S
# How long a payment may take to be listed, once the venue has told of it, and how often to look meanwhile and else.
EAGER_NS = 60 * _S
EAGER_PAUSE_NS = 10 * _S
PAUSE_NS = 300 * _S
_EXACT = Context(prec=120)


class VenueFunding:
    """Asks for the payments of a derivatives account; on spot there are none.

    What the account's list says is all that counts: the venue's events only say when to look, and what was not heard is
    found five minutes later. A payment is booked when its number is in the journal, and known by it ever after.

    Parameters
    ----------
    exchange : ExchangePort
    shard : ShardLink
    instruments : sequence of Instrument
        In the order of the lanes.
    assets : mapping of str to (int, int)
        Index in the engine's account and decimals, by asset.

    One event loop.

    """

    def __init__(
        self,
        exchange: ExchangePort,
        shard: ShardLink,
        instruments: Sequence[Instrument],
        assets: Mapping[str, tuple[int, int]],
    ) -> None:
        self._exchange = exchange
        self._shard = shard
        self._lanes = {instrument.symbol: (lane, instrument) for lane, instrument in enumerate(instruments)}
        self._assets = assets
        self._since_ns = 0  # no payment that is missing here is older
        self._booked: dict[int, int] = {}  # when, by number
        self._other: set[int] = set()
        self._eager_until_ns = self._looked_ns = self._silent_ns = 0
        self._one_at_a_time = asyncio.Lock()

    def resume(self, past: RunPast) -> None:
        """Go on after an earlier life of the run: what it booked is known, and what it did not hear of is asked for."""
        self._booked = dict(past.funding)
        self._since_ns = max([past.began_ns, *(at_ns - OVERLAP_NS for at_ns in self._booked.values())])

    def hear(self) -> None:
        """Look soon, and for a minute: the venue has told that it settled, or what it told may have been missed."""
        self._eager_until_ns = self._exchange.server_now_ns() + EAGER_NS

    async def look(self, *, at_once: bool = False) -> None:
        """Ask for what is new and hand it to the shard, where it is time; what is not answered is asked for later."""
        if self._exchange.capabilities.positions:
            # Two looks would ask for the same, and the later one book what the earlier one forgot by then.
            async with self._one_at_a_time:
                await self._look(at_once=at_once)

    async def _look(self, *, at_once: bool) -> None:
        now_ns = self._exchange.server_now_ns()
        self._since_ns = self._since_ns or now_ns  # a run begins flat: what was settled before is none of its own
        pause_ns = EAGER_PAUSE_NS if now_ns < self._eager_until_ns else PAUSE_NS
        is_early = now_ns - self._looked_ns < pause_ns or now_ns - self._silent_ns < EAGER_PAUSE_NS
        if is_early and not at_once:
            return
        rows = await self._exchange.funding_since(self._since_ns)
        if isinstance(rows, NoInformation):
            self._silent_ns = now_ns  # the question is dear: others have to be answered, too
            return
        if not all(self._book(row) for row in rows):
            return
        self._looked_ns = now_ns
        last_ns = max((row.ts_ns for row in rows), default=0)
        self._since_ns = max(self._since_ns, last_ns - OVERLAP_NS)
        self._booked = {number: at_ns for number, at_ns in self._booked.items() if at_ns >= self._since_ns}

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of the result has to know."""
        if not self._other:
            return ()
        return (f"{len(self._other)} payments of funding were in other assets than a contract's own: not booked",)

    def _book(self, row: FundingPayment) -> bool:
        """Hand one payment to the shard, unless it was; false where there was no room for it."""
        if row.symbol not in self._lanes or row.number in self._booked:
            return True
        lane, instrument = self._lanes[row.symbol]
        if row.asset != instrument.settle:
            self._other.add(row.number)
            return True
        _, decimals = self._assets[row.asset]
        atoms = int(_EXACT.scaleb(row.paid, decimals).to_integral_value(ROUND_CEILING))
        paid = int(ControlCode.CONTROL_FUNDING_PAID)
        if self._shard.control(paid, instrument=lane, value=atoms, qty_lots=row.ts_ns, tif=row.number) is False:
            return False
        self._booked[row.number] = row.ts_ns
        return True
