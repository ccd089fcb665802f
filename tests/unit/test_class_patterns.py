"""No pattern of a match statement takes a class's fields by their place: that costs a long run memory.

CPython looks `__match_args__` up by a string it makes anew each time, and its cache of attributes keeps one string for
each of 4,096 places: a quarter of a MiB that a live run fills in its first hours, by two matches an order.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import bot4
from bot4.domain.order_life import Missing, OrderLife, Sent, advance

ROOT = Path(bot4.__file__).parent


def by_place(source):
    """The lines whose class patterns take what stands in their brackets without a name."""
    return [node.lineno for node in ast.walk(ast.parse(source)) if isinstance(node, ast.MatchClass) and node.patterns]


def blocks_kept(step):
    """How many more blocks Python has after many steps, with other small ones in between that come and go."""
    for _ in range(500):
        step()
    before = sys.getallocatedblocks()
    between = []
    for number in range(10_000):
        step()
        between.append(str(number))
    del between
    return sys.getallocatedblocks() - before


def test_class_patterns_name_what_they_take():
    found = {str(path.relative_to(ROOT)): by_place(path.read_text()) for path in ROOT.rglob("*.py")}
    assert not {path: lines for path, lines in found.items() if lines}
    cases = ("Sent(until)", "Sent(until=until)", "Sent(until=float(number))", "Sent(until=float() as number)")
    source = "match life:\n" + "".join(f"    case {case}: pass\n" for case in cases)
    assert by_place(source) == [2, 4]


def test_an_order_that_was_taken_through_its_life_leaves_nothing_behind():
    def live():
        sent = advance(OrderLife(qty_lots=5), Sent(valid_until_ns=100)).life
        advance(sent, Missing(server_ns=50))

    assert blocks_kept(live) < 60


def test_a_pattern_by_place_is_seen_to_leave_something():
    def planted():
        match Sent(valid_until_ns=100):
            case Sent(until):
                return until

    assert blocks_kept(planted) > 200
