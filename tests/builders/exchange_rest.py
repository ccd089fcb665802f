"""Questions that tests of the served exchange ask over REST."""

from __future__ import annotations

import asyncio


def run(test):
    asyncio.run(test())


def balances(answer) -> dict[str, tuple[str, str]]:
    return {item["asset"]: (item["free"], item["locked"]) for item in answer.body["balances"]}
