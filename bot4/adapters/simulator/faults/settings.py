"""What can be asked to go wrong, as it is written in a file or in ``PUT /faults``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from bot4.domain.errors import ConfigError, NoInputError

if TYPE_CHECKING:
    from pathlib import Path


class FaultSettings(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Faults of one exchange; what is not named does not happen. Shares are of all cases, 0 to 1.

    Parameters
    ----------
    drop_diffs, duplicate_diffs, reorder_diffs, delay_diffs : float
        Shares of the diffs of books; together at most 1.
    diff_delay_ms : int
        How late a delayed one comes.
    mute_streams, mute_users : bool
        Connections live and answer pings, but nothing comes any more.
    miss_pongs : bool
        The server hears no pong and cuts who it has pinged.
    disconnect_every_s : float
        Mean time between cuts of all sockets; 0 is never.
    outage_s : float
        Everything is cut, and refused for so long.
    refuse : int
        So many requests are refused with 429.
    ban_s : float
        What comes after these is refused with 418 for so long; 0 is not at all.
    order_timeouts : float
        Share of trading requests that are carried out and answered -1007.
    order_timeout_s : float
        How long that answer takes.
    lost_answers : float
        Share of trading requests that are carried out and whose connection breaks.
    order_delay_ms : int
        Mean time that a trading request takes to the matching engine.
    clock_skew_ms : int
        What the server's clock is ahead, or behind below zero.
    shutdown_notice : bool
        Tells everybody that the server is about to go.
    connection_age_s : float
        Connections are closed at that age; 0 is the venue's 24 hours.
    pong_timeout_s, ping_period_s : float
        0 is the venue's 60 and 20 seconds.
    slow_fills : float
        Share of the background's time that is lost: it trades less.
    partial_fill_storm : int
        Orders of the least size that take from both best levels of every market at each step; 1 is none.
    mark_shift_bps : int
        What index and mark prices of the futures are off, in basis points.
    halt : bool
        Trading requests are refused.
    chaos_seed : int or None
        Mixes all of this at random times, the same for the same seed.
    chaos_period_s : float
        How long each mixture lasts.

    """

    drop_diffs: float = 0.0
    duplicate_diffs: float = 0.0
    reorder_diffs: float = 0.0
    delay_diffs: float = 0.0
    diff_delay_ms: int = 500
    mute_streams: bool = False
    mute_users: bool = False
    miss_pongs: bool = False
    disconnect_every_s: float = 0.0
    outage_s: float = 0.0
    refuse: int = 0
    ban_s: float = 0.0
    order_timeouts: float = 0.0
    order_timeout_s: float = 10.0
    lost_answers: float = 0.0
    order_delay_ms: int = 0
    clock_skew_ms: int = 0
    shutdown_notice: bool = False
    connection_age_s: float = 0.0
    pong_timeout_s: float = 0.0
    ping_period_s: float = 0.0
    slow_fills: float = 0.0
    partial_fill_storm: int = 1
    mark_shift_bps: int = 0
    halt: bool = False
    chaos_seed: int | None = None
    chaos_period_s: float = 5.0

    def __post_init__(self) -> None:
        for name in _SHARES:
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ValueError(f"{name} must be from 0 to 1, was {getattr(self, name)}")
        if sum(getattr(self, name) for name in _DIFF_SHARES) > 1.0:
            raise ValueError(f"{', '.join(_DIFF_SHARES)} together must be at most 1")
        if self.order_timeouts + self.lost_answers > 1.0:
            raise ValueError("order_timeouts and lost_answers together must be at most 1")
        for name in _NOT_NEGATIVE:
            if not 0 <= getattr(self, name) <= _MOST:
                raise ValueError(f"{name} must be from 0 to {_MOST}, was {getattr(self, name)}")
        self._check_others()

    def _check_others(self) -> None:
        if not 1 <= self.partial_fill_storm <= _PIECES_MAX:
            raise ValueError(f"partial_fill_storm must be from 1 to {_PIECES_MAX}, was {self.partial_fill_storm}")
        for name, most in _WITHIN:
            if abs(getattr(self, name)) > most:
                raise ValueError(f"{name} must be within {most}, was {getattr(self, name)}")
        if self.chaos_period_s <= 0:
            raise ValueError(f"chaos_period_s must be above 0, was {self.chaos_period_s}")


_MOST = 86_400_000
_PIECES_MAX = 1_000
_WITHIN = (("clock_skew_ms", _MOST), ("mark_shift_bps", 5_000))
_DIFF_SHARES = ("drop_diffs", "duplicate_diffs", "reorder_diffs", "delay_diffs")
_SHARES = (*_DIFF_SHARES, "order_timeouts", "lost_answers", "slow_fills")
_NOT_NEGATIVE = (
    *("diff_delay_ms", "disconnect_every_s", "outage_s", "refuse", "ban_s", "order_timeout_s", "order_delay_ms"),
    *("connection_age_s", "pong_timeout_s", "ping_period_s"),
)


def decode_faults(content: bytes) -> FaultSettings:
    """Return the faults of a JSON text.

    Raises
    ------
    ConfigError
        It is no JSON, has an unknown key or a value that cannot be.

    """
    try:
        return msgspec.json.decode(content, type=FaultSettings)
    except msgspec.MsgspecError as error:
        raise ConfigError(f"faults: {error}") from None


def read_faults(path: Path) -> FaultSettings:
    """Return the faults of a JSON or TOML file.

    Raises
    ------
    NoInputError, ConfigError
        The file cannot be read, or see `decode_faults`.

    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise NoInputError(f"faults {path} cannot be read: {(error.strerror or str(error)).lower()}") from None
    if path.suffix == ".toml":
        try:
            return msgspec.toml.decode(content, type=FaultSettings)
        except msgspec.MsgspecError as error:
            raise ConfigError(f"faults {path}: {error}") from None
    return decode_faults(content)
