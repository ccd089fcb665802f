"""What of the core a first start needs, and what can be compiled behind it.

The exchange that `bot4 exchange` serves, and what only measures, is a third of the core. `bot4 run` trades on paper or
at a venue and loads none of it, so `make run` starts when the rest is there, and has these compiled meanwhile.
tests/architecture/test_core_parts.py holds the list to that.
"""

from __future__ import annotations

PARTS = ("", "run", "rest")

_ROOT = "bot4/_core"
BEHIND = frozenset(
    f"{_ROOT}/{name}.pyx"
    for name in (
        "account/balances",
        "book/conditional",
        "book/matching",
        "book/matching_book",
        "book/order_index",
        "book/order_pool",
        "book/slot_heap",
        "mem/stress_loops",
        "mem/timing",
        "sim/average_price",
        "sim/exchange",
        "sim/exchange_core",
        "sim/exchange_fees",
        "sim/exchange_reports",
        "sim/exchange_tables",
        "sim/exchange_types",
        "sim/execution",
        "sim/flow",
        "sim/flow_model",
        "sim/flow_requests",
        "sim/flow_run",
        "sim/follow_ups",
        "sim/list_requests",
        "sim/margin",
        "sim/margin_liquidation",
        "sim/margin_orders",
        "sim/margin_requests",
        "sim/margin_settings",
        "sim/margin_tables",
        "sim/market_measure",
        "sim/order_life",
        "sim/order_lists",
        "sim/request_check",
        "sim/requests",
        "sim/settlement",
    )
)
"""Sources that no run loads."""


def is_of(source: str, part: str) -> bool:
    """Whether a source is compiled in a part: ``run``, ``rest``, or both where it is empty.

    >>> is_of("bot4/_core/sim/exchange.pyx", "run"), is_of("bot4/_core/sim/exchange.pyx", "rest")
    (False, True)
    """
    return not part or (source in BEHIND) == (part == "rest")
