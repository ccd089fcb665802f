"""Fixtures every suite may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parents[1]

# A failing example prints the seed and the blob that reproduce it; no deadline, machines are shared.
settings.register_profile(
    "bot4", max_examples=1000, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
# Line tracing makes the compiled core a hundred times slower: there, examples show lines, not rare cases.
settings.register_profile("coverage", settings.get_profile("bot4"), max_examples=40)
settings.load_profile(os.environ.get("BOT4_HYPOTHESIS_PROFILE", "bot4"))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real market data beside the checkout; tests that need it skip where it is absent."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("real market data (../shared/data) is not here: the generated fixtures cover this path")
    return folder
