"""The one tree of errors: what happened, whether to try again, and the code the process leaves with.

Every failure is one of four outcomes. Adapters translate a venue's or a library's codes into this tree once; above them
nobody looks at a venue's numbers again.

========== ============================================== =======================================================
outcome    meaning                                        what may follow
========== ============================================== =======================================================
retryable  it did not happen and may be tried again       a bounded retry
rejected   it definitely did not happen and must not be   a new decision
           repeated as it is
unknown    it may or may not have happened                evidence from the venue, never a blind repeat
fatal      the program cannot go on                       a stop with `exit_code`
========== ============================================== =======================================================

Exit codes follow sysexits.h: 65 bad input data, 66 input missing, 69 unreachable, 70 internal, 73 cannot write,
75 temporary, 78 configuration.
"""

from __future__ import annotations

from enum import Enum
from typing import ClassVar


class Outcome(Enum):
    """What a failure says about the thing that was attempted."""

    RETRYABLE = "retryable"
    REJECTED = "rejected"
    UNKNOWN = "unknown"
    FATAL = "fatal"


class Certainty(Enum):
    """What an answer of a venue says about whether the thing that was asked for happened."""

    NO = "definitely-not"
    YES = "definitely-yes"
    UNKNOWN = "unknown"


class RejectReason(Enum):
    """Why a venue refused, in our words; every venue's codes are translated into these once (its `errors` table)."""

    INVALID_REQUEST = "invalid_request"
    FILTER_VIOLATION = "filter_violation"
    INSUFFICIENT_FUNDS = "insufficient_funds"
    WOULD_TAKE_LIQUIDITY = "would_take_liquidity"
    WOULD_TRIGGER = "would_trigger"
    WOULD_NOT_FILL = "would_not_fill"
    REDUCE_ONLY = "reduce_only"
    DUPLICATE_ID = "duplicate_id"
    UNKNOWN_ORDER = "unknown_order"
    NO_CHANGE = "no_change"
    RATE_LIMITED = "rate_limited"
    BANNED = "banned"
    CLOCK_SKEW = "clock_skew"
    AUTH_FAILED = "auth_failed"
    VENUE_HALTED = "venue_halted"
    ACCOUNT_RESTRICTED = "account_restricted"
    NOT_CONNECTED = "not_connected"  # ours: there was no connection to write to
    NOT_ADMITTED = "not_admitted"  # ours: the breaker moved between the decision and the write
    UNCLEAR = "unclear"  # a code no table knows: its certainty is unknown, too


class Bot4Error(Exception):
    """Root of every error this project raises on purpose.

    >>> ConfigError("unknown key 'foo'").exit_code
    78
    """

    outcome: ClassVar[Outcome] = Outcome.FATAL
    exit_code: ClassVar[int] = 70


class RetryableError(Bot4Error):
    """It did not happen and may be tried again after a pause."""

    outcome = Outcome.RETRYABLE
    exit_code = 75


class UnreachableError(RetryableError):
    """The other side, or the network on the way to it, does not answer; the message says where it ended."""

    exit_code = 69


class RejectedError(Bot4Error):
    """It definitely did not happen, and repeating it unchanged would be refused again."""

    outcome = Outcome.REJECTED
    exit_code = 1


class AuthenticationError(RejectedError):
    """The other side does not take the key; the message never shows it."""

    exit_code = 78


class UnknownOutcomeError(Bot4Error):
    """It may or may not have happened: only evidence from the other side may settle it."""

    outcome = Outcome.UNKNOWN
    exit_code = 75


class FatalError(Bot4Error):
    """The program cannot go on."""


class ConfigError(FatalError):
    """A setting, an option or an instrument rule is missing or wrong; the message names it."""

    exit_code = 78


class DataError(FatalError):
    """Input that is there but is not what it should be; the message says what was seen and where."""

    exit_code = 65


class NoInputError(FatalError):
    """Input that is missing or cannot be opened."""

    exit_code = 66


class StrategyFailedError(FatalError):
    """A strategy raised; the run was ended in order."""


class OutputError(FatalError):
    """A result that cannot be written where it was asked for."""

    exit_code = 73
