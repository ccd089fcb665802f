"""No pattern of a match statement takes a class's fields by their place: that costs a long run memory.

CPython 3.11 looks `__match_args__` up by a string it makes anew each time, and its cache of attributes keeps one string
for each of 4,096 places: a quarter of a MiB that a live run fills in its first hours, by two matches an order. From
3.12 on the string is one.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import bot4

ROOT = Path(bot4.__file__).parent


def by_place(source):
    """The lines whose class patterns take what stands in their brackets without a name."""
    return [node.lineno for node in ast.walk(ast.parse(source)) if isinstance(node, ast.MatchClass) and node.patterns]


MEASURE = """
import sys
from bot4.domain.order_life import Missing, OrderLife, Sent, advance

def live():
    sent = advance(OrderLife(qty_lots=5), Sent(valid_until_ns=100)).life
    advance(sent, Missing(server_ns=50))

def by_place():
    match Sent(valid_until_ns=100):
        case Sent(until):
            return until

step = {"live": live, "by_place": by_place}[sys.argv[1]]
for _ in range(500):
    step()
before = sys.getallocatedblocks()
between = []
for number in range(30_000):
    step()
    between.append(str(number))
del between
print(sys.getallocatedblocks() - before)
"""


def blocks_kept(step):
    """How many more blocks a new Python has after many steps, with other small ones in between that come and go.

    A new one, since what CPython's cache of attributes still has room for depends on all that ran before.
    """
    done = subprocess.run([sys.executable, "-c", MEASURE, step], capture_output=True, text=True, timeout=60, check=True)
    return int(done.stdout)


def test_class_patterns_name_what_they_take():
    found = {str(path.relative_to(ROOT)): by_place(path.read_text()) for path in ROOT.rglob("*.py")}
    assert not {path: lines for path, lines in found.items() if lines}
    cases = ("Sent(until)", "Sent(until=until)", "Sent(until=float(number))", "Sent(until=float() as number)")
    source = "match life:\n" + "".join(f"    case {case}: pass\n" for case in cases)
    assert by_place(source) == [2, 4]


def test_an_order_that_was_taken_through_its_life_leaves_nothing_behind():
    assert blocks_kept("live") < 60


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="from Python 3.12 on a pattern by place leaves nothing")
def test_a_pattern_by_place_is_seen_to_leave_something():
    assert blocks_kept("by_place") > 200
