"""The models a run decides by are kept as their files were."""

from __future__ import annotations

import hashlib

import pytest

from bot4.adapters.storage.sqlite import SqliteStore
from bot4.application.session.run_entry import keep_models
from bot4.config import load_settings
from bot4.domain.errors import ConfigError

RUN = "run"


@pytest.fixture
def store():
    store = SqliteStore(":memory:")
    with store.unit_of_work() as unit:
        unit.runs.start(RUN, started_utc="2026-01-01", source="test", settings={})
        unit.commit()
    yield store
    store.close()


def kept(store, path, policy="reasoned"):
    settings = load_settings(
        environment={}, overrides={"strategy.policy": policy, "regime.model_file": str(path) if path else ""}
    )
    with store.unit_of_work() as unit:
        keep_models(unit, RUN, settings)
        unit.commit()
        return list(unit.models.list(RUN))


def test_a_model_is_kept_as_its_file_was_and_its_successor_beside_it(store, tmp_path):
    path = tmp_path / "model.json"
    path.write_text('{"a": 1}')
    (first,) = kept(store, path)
    assert (first.slot, first.name, first.content) == ("regime", "model.json", '{"a": 1}')
    assert first.digest == hashlib.sha256(b'{"a": 1}').hexdigest()
    assert kept(store, path) == [first]
    path.write_text('{"a": 2}')
    assert len(kept(store, path)) == 2


def test_a_run_without_a_model_keeps_none_and_a_missing_file_is_an_error(store, tmp_path):
    assert kept(store, None) == []
    assert kept(store, tmp_path / "none.json", policy="linear") == []
    with pytest.raises(ConfigError, match="cannot be read"):
        kept(store, tmp_path / "none.json")
