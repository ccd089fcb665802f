"""Charts of reports: round figures and times at the axes, and nothing that stands out is thinned away."""

from __future__ import annotations

from datetime import UTC, datetime
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from bot4.application.backtest.chart import POINTS, Line, Marks, chart, round_ticks, thinned, time_ticks

DAY_NS = 86_400 * 10**9


def ns(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 10**9


def test_lowest_and_highest_points_are_always_drawn():
    values = np.zeros(100_000)
    values[[12_345, 76_543]] = [-1.0, 2.0]
    kept = thinned(values)
    assert {0, 12_345, 76_543, 99_999} <= set(kept.tolist())
    assert len(kept) <= 2 * POINTS + 2
    # The control: every so many a point loses both.
    assert values[:: len(values) // POINTS].any() is np.False_


@pytest.mark.parametrize(
    ("low", "high", "shown"),
    [
        (0.0, 1.0, [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (-0.71, 0.0, [-0.8, -0.6, -0.4, -0.2, 0.0]),
        (61_556.0, 61_860.8, [61_500.0, 61_600.0, 61_700.0, 61_800.0, 61_900.0]),
        (1e-7, 1.4e-7, [1e-7, 1.1e-7, 1.2e-7, 1.3e-7, 1.4e-7]),
    ],
)
def test_values_at_the_axis_are_round_and_enclose(low, high, shown):
    assert round_ticks(low, high, 5) == pytest.approx(shown)


@pytest.mark.parametrize(
    ("first", "last", "begins", "count"),
    [
        ("2024-08-08T23:54:13", "2024-08-09T00:05:04", ["08-08 23:56", "23:58", "08-09 00:00", "00:02"], 5),
        ("2024-08-08T00:00:00", "2024-08-08T00:00:09", ["08-08 00:00:00", "00:00:02"], 5),
        ("2024-08-08T10:00:00", "2024-08-20T00:00:00", ["2024-08-09", "2024-08-11"], 6),
        ("2022-01-01T00:00:00", "2025-06-30T23:00:00", ["2022-01", "2022-07", "2023-01"], 7),
        ("2017-08-17T00:00:00", "2025-06-30T00:00:00", ["2018-01", "2019-01"], 8),
    ],
)
def test_times_at_the_axis_are_round_and_a_new_day_is_named(first, last, begins, count):
    found = time_ticks(ns(first), ns(last))
    assert [text for _, text in found[: len(begins)]] == begins
    assert len(found) == count
    assert all(ns(first) <= stamp <= ns(last) for stamp, _ in found)


def test_a_chart_is_one_picture_with_axes_unit_and_names_that_are_text():
    stamps = ns("2024-01-01T00:00:00") + np.arange(3) * DAY_NS
    line = Line(stamps, np.array([0.0, -2.0, -1.0]), "#123456", "<b>", filled=True)
    bought = Marks(stamps[1:2], np.array([-2.0]), "#00ff00", "bought", is_up=True)
    root = ET.fromstring(chart([line], [bought], unit="% & more"))  # noqa: S314 - our own
    texts = ["".join(node.itertext()) for node in root.iter("text")]
    assert {"% & more", "<b>", "bought", "0.0", "-2.0", "01-02 00:00"} <= set(texts)
    assert "-0.0" not in texts
    assert [node.tag for node in root if node.tag not in {"text", "line"}] == ["polygon", "polyline", "path"]


def test_a_line_that_stands_still_or_is_one_point_is_drawn():
    stamps = np.array([DAY_NS])
    for values in (np.array([0.0]), np.array([10_000.0])):
        assert "polyline" in chart([Line(stamps, values, "#000000")], unit="USDT")
