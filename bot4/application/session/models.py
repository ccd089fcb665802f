"""Which models a run decides by, each kept as its file was: what decided stays known when the file has changed."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from bot4.domain.errors import ConfigError
from bot4.domain.run_notes import UsedModel

if TYPE_CHECKING:
    from bot4.config import Settings
    from bot4.ports.unit_of_work import UnitOfWork


def keep_models(unit: UnitOfWork, run_id: str, settings: Settings) -> None:
    """Keep the models of the settings that a run uses; those it had in an earlier life stay."""
    if settings.strategy.policy != "reasoned" or not settings.regime.model_file:
        return
    path = Path(settings.regime.model_file)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"regime model {path} cannot be read: {error.strerror}") from None
    digest = hashlib.sha256(content).hexdigest()
    unit.models.add(run_id, UsedModel("regime", digest, path.name, content.decode()))
