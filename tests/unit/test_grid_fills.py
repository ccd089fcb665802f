"""How the grid's orders are laid beside hftbacktest's: one difference is explained, every other one is counted."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest


def loaded():
    path = Path(__file__).parents[2] / "bench" / "peers" / "grid_fills.py"
    specification = importlib.util.spec_from_file_location("grid_fills", path)
    module = importlib.util.module_from_spec(specification)
    sys.modules["grid_fills"] = module
    specification.loader.exec_module(module)
    return module.compare


COMPARE = loaded()
WHOLE, PART, NONE = (100, 1, 7_000), (200, -1, 7_010), (200, 1, 7_000)
OURS = {WHOLE: (10, 0, 0), PART: (4, 250, 390), NONE: (0, 0, 0)}
THEIRS = {WHOLE: True, PART: True, NONE: False, (300, -1, 7_010): True}


def test_an_order_quoted_again_where_our_rest_stands_is_explained():
    found = COMPARE(OURS, THEIRS, 10)
    assert (found.same_orders, found.filled, found.filled_whole, found.filled_in_part) == (3, 2, 1, 1)
    assert (found.lots, found.their_lots, found.second_orders, found.second_filled) == (14, 30, 1, 1)
    assert found.unexplained == 0


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (OURS | {NONE: (10, 0, 0)}, THEIRS),  # filled here and not there
        (OURS, THEIRS | {NONE: True}),  # filled there and not here
        (OURS | {(300, 1, 7_000): (0, 0, 0)}, THEIRS),  # an order that they do not have
        (OURS, THEIRS | {(400, -1, 7_010): False}),  # quoted again when the rest was gone
        (OURS, THEIRS | {(300, -1, 7_011): False}),  # at another price
    ],
)
def test_whatever_else_is_apart_is_counted(ours, theirs):
    assert COMPARE(ours, theirs, 10).unexplained == 1
