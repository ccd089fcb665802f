"""A venue that answers from a script: what an adapter makes of each answer, without a socket."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from bot4.adapters.venues.binance.access import Operation, Success
from bot4.domain.errors import RejectReason
from bot4.ports.venue_outcome import Reject, Unknown


class Asked(NamedTuple):
    method: str
    path: str
    params: dict[str, str]


class ScriptedLink:
    """Stands for both of an account's connections; answers come in the order they were given."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.answers: list[Success | Reject | Unknown] = []
        self.is_up = True

    def answer(self, *payloads: Any) -> None:
        """Give the next answers: outcomes as they are, anything else as the payload of a success."""
        made = (item if isinstance(item, Success | Reject | Unknown) else Success(item) for item in payloads)
        self.answers.extend(made)

    async def call(self, operation: Operation, params: Mapping[str, str], **_options: Any) -> Any:
        self.asked.append(Asked(operation.http_method, operation.path, dict(params)))
        assert self.answers, f"nobody said what {operation.path} answers"
        return self.answers.pop(0)


NOT_CONNECTED = Reject(reason=RejectReason.NOT_CONNECTED, was_sent=False)
UNKNOWN_ORDER = Reject(reason=RejectReason.UNKNOWN_ORDER, code=-2013)
NO_ANSWER = Unknown("no answer")
