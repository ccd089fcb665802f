"""Parameters of a request: what an endpoint takes, and what was sent.

Source: binance-spot-api-docs rest-api.md (2026-07-21), "General Information on Endpoints".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus

from bot4.adapters.simulator.wire import kinds
from bot4.adapters.simulator.wire.errors import DUPLICATE_VALUES, TOO_MANY, ApiError, refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot4.adapters.simulator.wire.kinds import Kind

SIGNATURE = "signature"
_EMPTY_CODES = {"newClientOrderId": -1118, "origClientOrderId": -1119}


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of an endpoint."""

    name: str
    kind: Kind
    required: bool = False


class ParameterTable:
    """What one endpoint takes.

    Parameters
    ----------
    parameters : Parameter
        In the order in which missing ones are named.

    Immutable; any thread may read.

    """

    def __init__(self, *parameters: Parameter) -> None:
        self.names = tuple(item.name for item in parameters)
        self._kinds = {item.name: item.kind for item in parameters}
        self._required = tuple(item.name for item in parameters if item.required)
        self._ignores_others = False

    def with_signing(self) -> ParameterTable:
        """Return the table of the same endpoint as a signed one."""
        own = [Parameter(name, kind, name in self._required) for name, kind in self._kinds.items()]
        return ParameterTable(*own, *SIGNING)

    def lenient(self) -> ParameterTable:
        """Return the table of an endpoint that passes over parameters it does not know, as the futures do."""
        table = ParameterTable(*(Parameter(name, kind, name in self._required) for name, kind in self._kinds.items()))
        table._ignores_others = True
        return table

    def parse(self, sent: Mapping[str, str]) -> dict[str, Any]:
        """Return the values of what was sent.

        Raises
        ------
        ApiError
            A parameter is unknown, empty, malformed or missing.

        """
        values: dict[str, Any] = {}
        kind_of = self._kinds
        for name, text in sent.items():
            kind = kind_of.get(name)
            if kind is None:
                if self._ignores_others:
                    continue
                raise self._unknown(sent)
            if not text:
                raise refusal(_EMPTY_CODES[name]) if name in _EMPTY_CODES else refusal(-1105, name)
            values[name] = kind(name, text)
        for name in self._required:
            if name not in values:
                raise refusal(-1102, name)
        return values

    def _unknown(self, sent: Mapping[str, str]) -> ApiError:
        known = sum(name in self._kinds for name in sent)
        if not self._kinds:
            return refusal(-1101, TOO_MANY % (0, len(sent)))
        return refusal(-1104, known, len(sent))


# Parameters every signed request takes; the signature and the key are looked at before the others are.
SIGNING = (
    Parameter("timestamp", kinds.moment_ns),
    Parameter("recvWindow", kinds.recv_window_ns),
    Parameter(SIGNATURE, kinds.text),
)


def split_pairs(raw: str) -> dict[str, str]:
    """Return name and decoded text of each ``name=value`` of a query or a form.

    Raises
    ------
    ApiError
        A name occurs twice.

    """
    pairs: dict[str, str] = {}
    if not raw:
        return pairs
    for part in raw.split("&"):
        if not part:
            continue
        name, _, value = part.partition("=")
        if "%" in name or "+" in name:
            name = unquote_plus(name)
        if "%" in value or "+" in value:
            value = unquote_plus(value)
        if name in pairs:
            raise refusal(-1101, DUPLICATE_VALUES)
        pairs[name] = value
    return pairs


def sent_parameters(query: str, body: str) -> dict[str, str]:
    """Return the parameters of a request; what stands in both counts as in the query."""
    if not body:
        return split_pairs(query)
    return split_pairs(body) | split_pairs(query)


def signed_text(query: str, body: str) -> str:
    """Return what a REST signature covers: raw query and raw body without their signature, one after the other."""
    return _without_signature(query) + _without_signature(body)


def _without_signature(raw: str) -> str:
    if "signature=" not in raw:
        return raw
    return "&".join(part for part in raw.split("&") if not part.startswith("signature="))
