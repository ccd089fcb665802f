"""From a Binance answer that is not a success to our words: what is certain, and why.

The tables (`errors_spot`, `errors_usdm`) hold every documented code of their market; the same number may mean another
thing on the other one. A code that no table knows is unknown in both senses. What the transport says comes first: any
5xx leaves the execution unknown, whatever its body (rest-api.md "HTTP Return Codes"), but for the codes a table marks
as certain even then.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import TYPE_CHECKING

from bot4.domain.errors import Certainty, RejectReason
from bot4.ports.venue_outcome import Reject, Unknown

if TYPE_CHECKING:
    from collections.abc import Mapping

_TEAPOT = 418  # what Binance calls an IP ban
_WAF = 403
_ENGINE_CODES = frozenset({-1010, -2010, -2011, -2038})
_FILTER = "Filter failure: "


@dataclass(frozen=True, slots=True)
class ErrorRule:
    """What one code means. `holds_at_5xx`: it is certain even when the transport says otherwise."""

    name: str
    reason: RejectReason
    certainty: Certainty
    holds_at_5xx: bool = False


ErrorTable = dict[int, ErrorRule]


def definitely_not(reason: RejectReason, names: Mapping[int, str]) -> ErrorTable:
    """Return rules of requests that did not take effect."""
    return {code: ErrorRule(name, reason, Certainty.NO) for code, name in names.items()}


def definitely_yes(reason: RejectReason, names: Mapping[int, str]) -> ErrorTable:
    """Return rules of requests whose effect is already there."""
    return {code: ErrorRule(name, reason, Certainty.YES) for code, name in names.items()}


def unclear(names: Mapping[int, str]) -> ErrorTable:
    """Return rules of requests that may have taken effect."""
    return {code: ErrorRule(name, RejectReason.UNCLEAR, Certainty.UNKNOWN) for code, name in names.items()}


# What the matching engine says with one of `_ENGINE_CODES`; the longest beginning that fits decides.
# Source: errors.md "Messages for -1010 ERROR_MSG_RECEIVED, -2010 NEW_ORDER_REJECTED, ..."
_ENGINE_MESSAGES: dict[str, tuple[RejectReason, Certainty]] = {
    "Unknown order sent.": (RejectReason.UNKNOWN_ORDER, Certainty.NO),
    # Our ids are never used twice: an order of this id is one of ours that is already there.
    "Duplicate order sent.": (RejectReason.DUPLICATE_ID, Certainty.YES),
    "Market is closed.": (RejectReason.VENUE_HALTED, Certainty.NO),
    "Account has insufficient balance for requested action.": (RejectReason.INSUFFICIENT_FUNDS, Certainty.NO),
    "Order would trigger immediately.": (RejectReason.WOULD_TRIGGER, Certainty.NO),
    "Order would immediately match and take.": (RejectReason.WOULD_TAKE_LIQUIDITY, Certainty.NO),
    "Price * QTY is zero or less.": (RejectReason.FILTER_VIOLATION, Certainty.NO),
    "IcebergQty exceeds QTY.": (RejectReason.FILTER_VIOLATION, Certainty.NO),
    "This action is disabled on this account.": (RejectReason.ACCOUNT_RESTRICTED, Certainty.NO),
    "This account may not place or cancel orders.": (RejectReason.ACCOUNT_RESTRICTED, Certainty.NO),
    "This symbol is not permitted for this account.": (RejectReason.ACCOUNT_RESTRICTED, Certainty.NO),
    "This symbol is restricted for this account.": (RejectReason.ACCOUNT_RESTRICTED, Certainty.NO),
    "Rest API trading is not enabled.": (RejectReason.ACCOUNT_RESTRICTED, Certainty.NO),
    "WebSocket API trading is not enabled.": (RejectReason.ACCOUNT_RESTRICTED, Certainty.NO),
    "Cancel order is invalid. Check origClOrdId and orderId.": (RejectReason.INVALID_REQUEST, Certainty.NO),
    "Order was not canceled due to cancel restrictions.": (RejectReason.NO_CHANGE, Certainty.NO),
    "The requested action would change no state; rejecting": (RejectReason.NO_CHANGE, Certainty.NO),
    "Order amend (quantity increase) is not supported.": (RejectReason.INVALID_REQUEST, Certainty.NO),
    "Unsupported order combination": (RejectReason.INVALID_REQUEST, Certainty.NO),
    "Order book liquidity is": (RejectReason.WOULD_NOT_FILL, Certainty.NO),
    "The relationship of the prices for the orders is not correct.": (RejectReason.INVALID_REQUEST, Certainty.NO),
}


def explain(table: ErrorTable, code: int | None, message: str) -> ErrorRule:
    """Return the rule of one code, made sharper by the message where the code alone says little."""
    rule = table.get(code) if code is not None else None
    if rule is None:
        return ErrorRule(f"code {code}", RejectReason.UNCLEAR, Certainty.UNKNOWN)
    if message.startswith(_FILTER):
        return replace(rule, name=message.removeprefix(_FILTER)[:64], reason=RejectReason.FILTER_VIOLATION)
    if code in _ENGINE_CODES:
        fitting = [text for text in _ENGINE_MESSAGES if message.startswith(text)]
        if fitting:
            reason, certainty = _ENGINE_MESSAGES[max(fitting, key=len)]
            return replace(rule, reason=reason, certainty=certainty)
    return rule


def translate(
    table: ErrorTable, *, status: int, code: int | None, message: str, retry_after_s: float | None = None
) -> Reject | Unknown:
    """Translate one failed answer.

    Parameters
    ----------
    table : ErrorTable
        Of the market that answered.
    status : int
        HTTP status, or the ``status`` of a WebSocket API answer.
    code : int or None
        The venue's code; None where the body had none.
    message : str
        The venue's text; only its beginning is kept, control characters replaced.
    retry_after_s : float, optional
        What ``Retry-After`` or ``retryAfter`` asked for.

    """
    text = "".join(c if c.isprintable() else "?" for c in message[:200])
    if status == _TEAPOT:
        return Reject(reason=RejectReason.BANNED, code=code, message=text, retry_after_s=retry_after_s)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return Reject(reason=RejectReason.RATE_LIMITED, code=code, message=text, retry_after_s=retry_after_s)
    if status == _WAF and code is None:
        return Reject(
            reason=RejectReason.RATE_LIMITED, message="blocked by the venue's firewall", retry_after_s=retry_after_s
        )
    rule = explain(table, code, message)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR and not rule.holds_at_5xx:
        return Unknown(f"status {status} {rule.name}: {text}", code)
    if rule.certainty is Certainty.NO:
        return Reject(reason=rule.reason, code=code, message=f"{rule.name}: {text}", retry_after_s=retry_after_s)
    return Unknown(f"{rule.name}: {text}", code)
