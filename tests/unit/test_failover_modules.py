"""What a take-over imports is imported while its standby waits."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest.importorskip("psycopg", reason="psycopg is not installed (extra: postgres)")
pytest.importorskip("aiohttp", reason="aiohttp is not installed (extra: live)")

CODE = """
import sys
from bot4.bootstrap.failover import TAKE_OVER_MODULES, load_all
load_all()
before = set(sys.modules)
import aiohttp, sqlite3
from bot4.application.live.gateway import LiveGateway
from bot4.adapters.venues.binance.spot import BinanceSpot
from bot4.adapters.venues.binance.usdm import BinanceUsdm
from bot4.application.session.session import PaperSession
import bot4.adapters.storage.repositories
assert len(TAKE_OVER_MODULES) > 5
print(sorted(set(sys.modules) - before))
"""


def test_nothing_large_is_left_to_import():
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"
