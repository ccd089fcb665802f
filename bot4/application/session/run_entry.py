"""A run entered into the store, with the models it decides by: what decided stays known when a file has changed."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from bot4.config import settings_to_dict
from bot4.domain.errors import ConfigError
from bot4.domain.run_notes import UsedModel

if TYPE_CHECKING:
    from bot4.config import Settings
    from bot4.ports.unit_of_work import Store, UnitOfWork


def enter_run(store: Store, run_id: str, started_utc: str, source: str, settings: Settings) -> None:
    """Enter a run before its first event; one that goes on is there already, and its models may be new ones."""
    with store.unit_of_work() as unit:
        if unit.runs.get(run_id) is None:
            unit.runs.start(run_id, started_utc=started_utc, source=source, settings=settings_to_dict(settings))
        keep_models(unit, run_id, settings)
        unit.commit()


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
