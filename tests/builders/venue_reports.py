"""Names of the reports an external venue makes."""

from __future__ import annotations

from bot4._core.types import EventKind

ACK, FILL, TOTAL = EventKind.EVENT_ORDER_ACK, EventKind.EVENT_ORDER_FILL, EventKind.EVENT_ORDER_TOTAL
SENT, DROPPED, UNKNOWN = EventKind.EVENT_ORDER_SENT, EventKind.EVENT_ORDER_DROPPED, EventKind.EVENT_ORDER_UNKNOWN
ABSENT, CANCELED = EventKind.EVENT_ORDER_RESOLVED_ABSENT, EventKind.EVENT_ORDER_CANCELED
