"""What a user has said of a balance that a run's books do not explain: it is right, and the run goes on with it."""

from __future__ import annotations

from decimal import Decimal  # noqa: TC003 - msgspec reads the annotations

import msgspec


class AcceptedBalance(msgspec.Struct, frozen=True, kw_only=True):
    """One asset's total as the books had it, and as the venue shows it; a record of the run's journal.

    `more` others that were accepted with it follow.

    >>> AcceptedBalance(asset="USDT", ours=Decimal(100), venue=Decimal(130)).line
    'USDT: the venue has 130, the books had 100'
    """

    accepted: int = 1  # the version
    asset: str
    ours: Decimal
    venue: Decimal
    more: int = 0

    @property
    def line(self) -> str:
        """The difference in words."""
        return f"{self.asset}: the venue has {self.venue:f}, the books had {self.ours:f}"

    def payload(self) -> bytes:
        """Return it as the journal holds it."""
        return msgspec.json.encode(self)

    @classmethod
    def read(cls, payload: bytes) -> AcceptedBalance:
        """Return what a record of the journal says; raises `ValueError` where it is none this version can read."""
        said = msgspec.json.decode(payload, type=cls)
        if said.accepted != 1:
            raise ValueError(f"an accepted balance has version {said.accepted}, this bot4 reads 1")
        return said
