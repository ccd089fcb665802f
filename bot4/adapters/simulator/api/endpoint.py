"""What an endpoint is: where it is found, what it takes and costs, who may use it, what answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

from bot4.adapters.simulator.wire.parameters import ParameterTable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bot4.adapters.simulator.trade.account import Account
    from bot4.adapters.simulator.wire.signatures import ApiKey

    Answer = Callable[[Any, "Call"], Any]  # of the house it is asked in, and the call
    Weight = int | Callable[[Mapping[str, Any]], int]

MILLISECOND_NS = 1_000_000
MICROSECOND_NS = 1_000


class Security(Enum):
    """Who may use an endpoint."""

    NONE = "none"
    TRADE = "trade"
    USER_DATA = "user_data"
    USER_STREAM = "user_stream"


class Call:
    """One request that was let in.

    Parameters
    ----------
    values : mapping
        Its parameters.
    now_ns : int
        Server time when it came.
    unit : int
        Nanoseconds of the time unit of the answer.
    account : Account or None
        Who asks; None where nobody need be known.
    key : ApiKey or None

    """

    __slots__ = ("account", "key", "now_ns", "unit", "values")

    def __init__(
        self, values: dict[str, Any], now_ns: int, unit: int, account: Account | None = None, key: ApiKey | None = None
    ) -> None:
        self.values = values
        self.now_ns = now_ns
        self.unit = unit
        self.account = account
        self.key = key

    @property
    def owner(self) -> Account:
        """The account of a signed request."""
        if self.account is None:
            raise RuntimeError("an endpoint without security asked whose request it is")
        return self.account


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One thing that can be asked.

    Parameters
    ----------
    method, path : str
        Of REST; empty where there is none.
    ws_method : str
        Of the WebSocket API; empty where there is none.
    answer : callable
        Takes the house and the call, returns what is written as JSON.
    parameters : ParameterTable
    weight : int or callable
        Of the request; a callable takes its parameters.
    security : Security
    places : int
        Orders it places, for the count of unfilled ones.
    is_free_when_done : bool
        A success costs no weight.

    """

    method: str
    path: str
    ws_method: str
    answer: Answer
    parameters: ParameterTable = field(default_factory=ParameterTable)
    weight: Weight = 1
    security: Security = Security.NONE
    places: int = 0
    is_free_when_done: bool = False

    def weight_of(self, values: Mapping[str, Any]) -> int:
        """Return what a request weighs."""
        return self.weight if isinstance(self.weight, int) else self.weight(values)
