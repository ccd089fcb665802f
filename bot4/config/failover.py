"""The section about a second process that takes over."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from bot4.config.section import Section


class FailoverSettings(Section, frozen=True):
    """Leader and hot standby: on where `account` is named; needs BOT4_POSTGRES_URL (docs/failover.md)."""

    account: Annotated[str, Meta(max_length=64, pattern="^[A-Za-z0-9_.-]*$")] = ""
    ttl_ms: Annotated[int, Meta(ge=500, le=60_000)] = 2_000
    renew_ms: Annotated[int, Meta(ge=50, le=20_000)] = 500
    unready_ms: Annotated[int, Meta(ge=100, le=60_000)] = 1_000
    mirror_interval_ms: Annotated[int, Meta(ge=5, le=10_000)] = 50

    def __post_init__(self) -> None:
        if self.renew_ms * 2 > self.ttl_ms:
            raise ValueError(f"failover.renew_ms must be at most half of ttl_ms {self.ttl_ms}, was {self.renew_ms}")
