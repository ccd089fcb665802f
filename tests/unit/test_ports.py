"""Adapters are what the ports ask for: the same members, taken in the same way."""

from __future__ import annotations

import inspect

import pytest

from bot4.adapters.recordings.replay_feed import ReplayFeed
from bot4.adapters.storage.sqlite import SqliteStore
from bot4.adapters.synthetic.feed import SyntheticFeed
from bot4.application.commands.gateway import ControlGateway
from bot4.entrypoints.cli.run_display import LineDisplay, LiveDisplay
from bot4.entrypoints.embedding import QuietDisplay
from bot4.ports.display import Display
from bot4.ports.market_feed import MarketFeed
from bot4.ports.order_gateway import OrderGateway
from bot4.ports.repositories import (
    FillRepository,
    MarkRepository,
    OrderRepository,
    RefusalRepository,
    RunRepository,
)
from bot4.ports.unit_of_work import Store, UnitOfWork

REPOSITORIES = {
    "orders": OrderRepository,
    "fills": FillRepository,
    "marks": MarkRepository,
    "refusals": RefusalRepository,
    "runs": RunRepository,
}


def parameters(function) -> list[tuple[str, object, object]]:
    return [(name, item.kind, item.default) for name, item in inspect.signature(function).parameters.items()]


def shortfalls(port: type, adapter: type) -> list[str]:
    """What the port promises and the adapter has not, or takes in another way."""
    found = []
    for name, member in vars(port).items():
        if name.startswith("_") and name not in {"__enter__", "__exit__"}:
            continue
        if not inspect.isfunction(member):
            # A property of the port may be one of the adapter, or an attribute of its class or of its instances.
            if (
                not isinstance(member, property)
                or hasattr(adapter, name)
                or f"self.{name}" in inspect.getsource(adapter)
            ):
                continue
            found.append(name)
        elif not inspect.isfunction(getattr(adapter, name, None)):
            found.append(name)
        elif parameters(getattr(adapter, name)) != parameters(member):
            found.append(f"{name}{inspect.signature(getattr(adapter, name))}")
    return found


@pytest.mark.parametrize(
    ("port", "adapter"),
    [
        (Display, LiveDisplay),
        (Display, LineDisplay),
        (Display, QuietDisplay),
        (MarketFeed, ReplayFeed),
        (MarketFeed, SyntheticFeed),
        (OrderGateway, ControlGateway),
        (Store, SqliteStore),
    ],
    ids=lambda value: value.__name__,
)
def test_an_adapter_has_every_member_of_its_port(port, adapter):
    assert shortfalls(port, adapter) == []


def test_a_stores_unit_and_its_repositories_have_every_member_of_theirs():
    store = SqliteStore(":memory:")
    with store.unit_of_work() as unit:
        assert shortfalls(UnitOfWork, type(unit)) == []
        for name, port in REPOSITORIES.items():
            assert shortfalls(port, type(getattr(unit, name))) == [], name
    store.close()


def test_control_a_missing_member_and_another_parameter_are_noticed():
    class Deaf:
        def show(self, view):
            raise NotImplementedError

        def say(self, text):
            raise NotImplementedError

    assert shortfalls(Display, Deaf) == ["say(self, text)", "close"]
