"""Names of orders at venues: what a venue takes, and the way there and back."""

from __future__ import annotations

import re
from dataclasses import dataclass

_OURS = re.compile(r"b4-[0-9a-z]{1,7}-[0-9a-z]{1,13}-[0-9a-z]")
# Not in the base-32 alphabet of our ids, so it can stand for the dash where a venue takes letters and digits only.
_DASH = "u"


def is_ours(client_order_id: str) -> bool:
    """Whether an id has the shape of ours; one whose check digit is wrong is still nobody else's.

    >>> is_ours("b4-1-7-m"), is_ours("web_4f1a"), is_ours("b4-and-more-to-come")
    (True, False, False)
    """
    return _OURS.fullmatch(client_order_id) is not None


@dataclass(frozen=True, slots=True)
class ClientIdRule:
    """What a venue takes for an id: its length, and whether dashes are allowed. The mapping is reversible.

    >>> rule = ClientIdRule(max_length=32, dashes=False)
    >>> rule.to_venue("b4-1-7-m"), rule.from_venue("b4u1u7um")
    ('b4u1u7um', 'b4-1-7-m')
    """

    max_length: int
    dashes: bool = True

    def to_venue(self, client_order_id: str) -> str:
        """Return what the venue is told; raises ValueError where that is too long or would not come back."""
        name = client_order_id if self.dashes else client_order_id.replace("-", _DASH)
        if len(name) > self.max_length:
            raise ValueError(f"an order id takes at most {self.max_length} characters, was {client_order_id!r}")
        if self.from_venue(name) != client_order_id:
            raise ValueError(f"order id {client_order_id!r} cannot be read back from {name!r}")
        return name

    def from_venue(self, name: str) -> str:
        """Return our id of a venue's name; a name that is not ours stays as it is."""
        if self.dashes:
            return name
        restored = name.replace(_DASH, "-")
        return restored if is_ours(restored) else name
