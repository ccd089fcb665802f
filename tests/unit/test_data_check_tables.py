"""The data check of plain tables of bars: each kind of defect with its row, and nothing where there is none."""

from __future__ import annotations

import pytest
from builders.data_check import check, found, put

from bot4.adapters.recordings import check_table

HOUR_MS = 3_600_000
START_MS = 1_722_470_400_000


def rows(count: int = 30) -> list[bytes]:
    lines = [b"ts,open,high,low,close,volume,quote_volume"]
    lines += [b"%d,60000.5,60010,59990.25,60001,1.5,90000" % (START_MS + i * HOUR_MS) for i in range(count)]
    return lines


def check_one(tmp_path, lines: list[bytes]):
    return check(put(tmp_path / "BTCUSDT.csv", lines))


def test_a_sound_table_is_clean(tmp_path):
    report = check_one(tmp_path, rows())
    assert (report.exit_code, report.files[0].messages, report.files[0].lines) == (0, 30, 31)
    assert (report.files[0].format, report.files[0].symbols) == ("plain bars CSV", ["BTCUSDT"])
    assert report.files[0].first_ns == START_MS * 1_000_000


def check_defects(tmp_path) -> None:
    """Every planted defect is told with its line."""
    for old, new, kind in [
        (b"60000.5,", b"60000.505,", "off_grid"),
        (b",1.5,", b",1.5000000001,", "off_grid"),
        (b"60010,", b"59995,", "refused"),
        (b"59990.25,", b"60000.75,", "refused"),
        (b"59990.25,", b"0,", "refused"),
        (b",1.5,", b",-1.5,", "refused"),
        (b",1.5,", b",nan,", "refused"),
    ]:
        lines = rows()
        lines[12] = lines[12].replace(old, new)
        assert (kind, 13) in found(check_one(tmp_path, lines)), (old, new)
    lines = rows()
    assert found(check_one(tmp_path, lines[:12] + lines[14:])) == [("missing_bar", 13)]
    assert found(check_one(tmp_path, lines[:13] + lines[12:])) == [("duplicate", 14)]
    swapped = found(check_one(tmp_path, [*lines[:12], lines[13], lines[12], *lines[14:]]))
    assert ("out_of_order", 14) in swapped
    lines[12] = lines[12].replace(b"%d" % (START_MS + 11 * HOUR_MS), b"%d" % (START_MS + 11 * HOUR_MS + 60_000))
    assert ("inconsistent_rows", 13) in found(check_one(tmp_path, lines))


def test_each_defect_is_told_with_its_line(tmp_path):
    check_defects(tmp_path)


@pytest.mark.parametrize("blind", ["off_steps", "_impossible"])
def test_a_check_that_looks_away_would_be_noticed(tmp_path, monkeypatch, blind):
    """Control."""
    right = getattr(check_table, blind)
    monkeypatch.setattr(check_table, blind, lambda *given: right(*given) & False)
    with pytest.raises(AssertionError):
        check_defects(tmp_path)


def test_missing_bars_are_counted_one_by_one(tmp_path):
    lines = rows()
    report = check_one(tmp_path, lines[:10] + lines[14:])
    assert (report.defects_total, report.instruments[0].missing_bars) == (4, 4)


def test_what_is_no_table_of_numbers_and_a_symbol_without_rules_are_errors(tmp_path):
    assert check(put(tmp_path / "NOSUCH.csv", rows())).exit_code == 78
    assert check_one(tmp_path, [*rows(), b"1,2,x,4,5,6,7"]).exit_code == 65
    assert check_one(tmp_path, [*rows(), b"nan,2,3,4,5,6,7"]).exit_code == 65
    assert check_one(tmp_path, rows(0)).exit_code == 65
