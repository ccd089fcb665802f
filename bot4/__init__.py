"""bot4: an autonomous crypto trading engine with a compiled, allocation-free core.

The public names below are loaded when they are first used (PEP 562): ``import bot4`` itself loads nothing else.

>>> import bot4
>>> bot4.Settings().run.mode
'paper'
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bot4._core.account.contract import Contract
    from bot4._core.account.ledger import Account
    from bot4._core.account.positions import Positions
    from bot4._core.book.depth_sync import DepthSync
    from bot4._core.book.order_book import Book as OrderBook
    from bot4._core.build_info import build_info
    from bot4._core.engine.engine import Engine
    from bot4._core.engine.feed import Feed
    from bot4._core.engine.link import VenueLink
    from bot4._core.engine.runner import ShardRunner
    from bot4._core.journal.reader import JournalReader
    from bot4._core.journal.stream import Journal
    from bot4._core.mem.mpmc_ring import MpmcRing
    from bot4._core.mem.object_pool import ObjectPool
    from bot4._core.mem.spsc_ring import SpscRing
    from bot4._core.risk.breaker import Breaker
    from bot4._core.risk.filters import Filters
    from bot4._core.risk.idempotency import IdempotencyStore
    from bot4._core.risk.limits import RiskGate
    from bot4._core.sim.paper import Paper
    from bot4._core.ta.features import Features
    from bot4._core.wire.scan import Scanner
    from bot4.application.backtest.report import report_html, report_json
    from bot4.application.backtest.result import BacktestResult
    from bot4.application.session.session import PaperSession
    from bot4.bootstrap import feature_table, open_archive, open_recording
    from bot4.config import Settings, load_settings
    from bot4.domain.instrument import Instrument
    from bot4.domain.version import VERSION as __version__  # noqa: N811 - the name Python users look for
    from bot4.dto.rows import Rows
    from bot4.entrypoints.embedding import backtest, judge, replay
    from bot4.entrypoints.validation import cross_validate, walk_forward
    from bot4.strategy.base import CompiledStrategy, Strategy

__all__ = [
    "Account",
    "BacktestResult",
    "Breaker",
    "CompiledStrategy",
    "Contract",
    "DepthSync",
    "Engine",
    "Features",
    "Feed",
    "Filters",
    "IdempotencyStore",
    "Instrument",
    "Journal",
    "JournalReader",
    "MpmcRing",
    "ObjectPool",
    "OrderBook",
    "Paper",
    "PaperSession",
    "Positions",
    "RiskGate",
    "Rows",
    "Scanner",
    "Settings",
    "ShardRunner",
    "SpscRing",
    "Strategy",
    "VenueLink",
    "__version__",
    "backtest",
    "build_info",
    "cross_validate",
    "feature_table",
    "judge",
    "load_settings",
    "open_archive",
    "open_recording",
    "replay",
    "report_html",
    "report_json",
    "walk_forward",
]

# Where each name lives; the module's own name of it stands behind the colon where it differs.
_HOMES = {
    "Account": "bot4._core.account.ledger",
    "BacktestResult": "bot4.application.backtest.result",
    "Breaker": "bot4._core.risk.breaker",
    "CompiledStrategy": "bot4.strategy.base",
    "Contract": "bot4._core.account.contract",
    "DepthSync": "bot4._core.book.depth_sync",
    "Engine": "bot4._core.engine.engine",
    "Features": "bot4._core.ta.features",
    "Feed": "bot4._core.engine.feed",
    "Filters": "bot4._core.risk.filters",
    "IdempotencyStore": "bot4._core.risk.idempotency",
    "Instrument": "bot4.domain.instrument",
    "Journal": "bot4._core.journal.stream",
    "JournalReader": "bot4._core.journal.reader",
    "MpmcRing": "bot4._core.mem.mpmc_ring",
    "ObjectPool": "bot4._core.mem.object_pool",
    "OrderBook": "bot4._core.book.order_book:Book",
    "Paper": "bot4._core.sim.paper",
    "PaperSession": "bot4.application.session.session",
    "Positions": "bot4._core.account.positions",
    "RiskGate": "bot4._core.risk.limits",
    "Rows": "bot4.dto.rows",
    "Scanner": "bot4._core.wire.scan",
    "Settings": "bot4.config",
    "ShardRunner": "bot4._core.engine.runner",
    "SpscRing": "bot4._core.mem.spsc_ring",
    "Strategy": "bot4.strategy.base",
    "VenueLink": "bot4._core.engine.link",
    "__version__": "bot4.domain.version:VERSION",
    "backtest": "bot4.entrypoints.embedding",
    "build_info": "bot4._core.build_info",
    "cross_validate": "bot4.entrypoints.validation",
    "feature_table": "bot4.bootstrap",
    "judge": "bot4.entrypoints.embedding",
    "load_settings": "bot4.config",
    "open_archive": "bot4.bootstrap",
    "open_recording": "bot4.bootstrap",
    "replay": "bot4.entrypoints.embedding",
    "report_html": "bot4.application.backtest.report",
    "report_json": "bot4.application.backtest.report",
    "walk_forward": "bot4.entrypoints.validation",
}


def __getattr__(name: str) -> Any:
    """Load a public name on its first use."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'bot4' has no attribute {name!r}")
    module, _, own_name = home.partition(":")
    value = getattr(import_module(module), own_name or name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
