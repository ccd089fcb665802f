"""What `bot4 run` was asked for, and which of its words exclude or need each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bot4.domain.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What was asked for on the command line."""

    replay: tuple[Path, ...]
    venue: str | None
    symbols: tuple[str, ...]
    record: Path | None
    live: bool
    accept_balances: bool
    standby: bool
    speed: float | None
    duration: float | None
    instrument_files: tuple[Path, ...]
    market: str | None
    config_file: Path | None
    overrides: dict[str, Any]
    json_file: str | None
    strategy: tuple[str, tuple[str, ...]] | None
    quiet: bool

    def refuse_contradictions(self) -> None:
        """Raise `ConfigError` for words that exclude, or need, each other."""
        if self.venue is not None:
            self._refuse_beside_venue(self.venue)
        elif self.symbols or self.record is not None or self.live:
            word = "--symbol" if self.symbols else "--record" if self.record else "--live"
            raise ConfigError(f"{word} needs --venue")
        elif not self.replay and self.market not in {None, "spot"}:
            raise ConfigError("--market is for --replay and --venue: the synthetic market is a spot market")
        if self.standby and not self.live:
            raise ConfigError("--standby needs --venue and --live: it takes over real orders")
        if self.accept_balances and (self.standby or not self.live):
            raise ConfigError("--accept-balances needs --live, and somebody who looked: it is not for --standby")

    def _refuse_beside_venue(self, venue: str) -> None:
        if self.replay:
            raise ConfigError("--venue and --replay exclude each other: a run has one source")
        if self.speed is not None:
            raise ConfigError("--speed is not for --venue: a live market has its own pace")
        if self.record is not None and venue != "binance":
            raise ConfigError(f"--record keeps Binance's streams, which --replay reads, not those of {venue}")
        if self.instrument_files:
            raise ConfigError("--instrument is not for --venue: the venue gives its own rules")

    def chosen_speed(self) -> float:
        """Return the factor, 0 for max; raises `ConfigError` where the run would never end."""
        has_input = bool(self.replay) or self.venue is not None
        speed = self.speed if self.speed is not None else (0.0 if has_input else 1.0)
        if not has_input and speed == 0.0 and self.duration is None:
            raise ConfigError("the synthetic market never ends: --speed max needs --duration SECONDS")
        return speed
