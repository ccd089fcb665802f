"""What is left out of the engine's reports: nothing that a client, a trade or a book is told."""

from __future__ import annotations

import time

import pytest
from builders.served_exchange import ALICE, BOB

from bot4.adapters.simulator import run
from bot4.adapters.simulator.accounts import parse_account
from bot4.adapters.simulator.futures.market.publisher import FuturesPublisher
from bot4.adapters.simulator.market.publisher import Publisher
from bot4.adapters.simulator.run import ExchangeSettings, build_futures, build_venue
from bot4.adapters.simulator.trade.report_reader import ReportReader

NOW_NS = 1_785_000_000_000_000_000
NEVER = 1 << 60


def settings() -> ExchangeSettings:
    return ExchangeSettings(
        host="127.0.0.1", port=0, seed=5, accounts=[parse_account(ALICE), parse_account(BOB)], limits=None, speed=0,
        background="calibrated", market_model=None, has_tls=False, has_listen_keys=False, token="", faults=None,
        has_futures=True,
    )  # fmt: skip


def told(build, many: int, monkeypatch) -> list[tuple]:
    """All that is published of a history, in its order."""
    said: list[tuple] = []
    with monkeypatch.context() as patch:
        patch.setattr(ReportReader, "many", many)
        patch.setattr(run, "HISTORY_S", 20)
        patch.setattr(time, "time_ns", lambda: NOW_NS)
        for publisher in (Publisher, FuturesPublisher):
            for name in ("trade", "aggregate", "book_changed"):
                tell = lambda _, market, *what, name=name: said.append((name, market.number, what))  # noqa: E731
                patch.setattr(publisher, name, tell)
        house, _ = build(settings())
        said += [("state", house.engine.state_hash(), ())]
        said += [("account", number, (len(one.orders),)) for number, one in house.accounts.items()]
    return said


@pytest.mark.untraced
@pytest.mark.parametrize("build", [build_venue, build_futures])
def test_a_history_is_told_the_same_whether_the_market_s_own_reports_are_read_or_left_out(build, monkeypatch):
    read, left_out = told(build, NEVER, monkeypatch), told(build, 1, monkeypatch)
    assert sum(name == "trade" for name, *_ in read) > 30
    assert sum(name == "book_changed" for name, *_ in read) > 30
    assert left_out == read
