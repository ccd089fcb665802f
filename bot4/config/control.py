"""Sections about what stands beside a run: its control endpoint, the kill switch, the watchdog."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from bot4.config.section import Section

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class ControlSettings(Section, frozen=True):
    """The control endpoint of a run, and what the kill switch does (docs/control.md)."""

    enabled: bool = False
    host: str = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65_535)] = 8_087
    flatten_on_kill: bool = False

    def __post_init__(self) -> None:
        if self.host not in LOOPBACK:
            places = ", ".join(sorted(LOOPBACK))
            raise ValueError(
                f"control.host must be on this machine ({places}), was {self.host!r}: use a proxy with TLS"
            )
