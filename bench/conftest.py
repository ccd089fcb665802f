"""pytest-benchmark runs of the same files refuse the same builds as the harness."""

from __future__ import annotations

import pytest

from bot4._core.build_info import require_release


@pytest.fixture(scope="session", autouse=True)
def _release_build() -> None:
    require_release()
