"""The data check of Kraken and OKX: every checksum is reproduced, and a changed message is found."""

from __future__ import annotations

import pytest
from builders.data_check import check, found, put
from builders.recordings import (
    kraken_capture,
    okx_capture,
)


@pytest.mark.parametrize("version", [1, 2])
def test_every_kraken_checksum_is_reproduced(tmp_path, version):
    report = check(put(tmp_path / "k.gz", kraken_capture(version, rounds=60)))
    (entry,) = report.instruments
    assert (report.exit_code, entry.checksums_verified, entry.checksums_failed) == (0, 60 if version == 1 else 61, 0)
    assert entry.book == "live"


def test_every_okx_checksum_is_reproduced(tmp_path):
    report = check(put(tmp_path / "o.gz", okx_capture(rounds=60)))
    assert (report.exit_code, report.instruments[0].checksums_verified) == (0, 61)


@pytest.mark.parametrize(
    "content", [kraken_capture(1), kraken_capture(2), okx_capture()], ids=["kraken v1", "kraken v2", "okx"]
)
def test_control_a_changed_quantity_breaks_the_checksum_there(tmp_path, content):
    parts = content.splitlines()
    at = 10
    for old in (b"17.00000001", b"3.25000000", b"9.00000000", b'"2.5"', b'"11"', b'"4"'):
        if old in parts[at]:
            parts[at] = parts[at].replace(old, old.replace(b"1", b"7").replace(b"2", b"7").replace(b"4", b"7"), 1)
    if parts == content.splitlines():  # a removal: remove another quantity instead
        parts[at] = parts[at].replace(b"0.00000000", b"5.00000000").replace(b'"0", "0"', b'"5", "0"')
    report = check(put(tmp_path / "x", parts))
    assert report.exit_code == 1
    assert found(report)[0] == ("checksum", at + 1)
    assert report.instruments[0].book == "not verified"


def test_an_update_before_any_snapshot_is_told(tmp_path):
    parts = kraken_capture().splitlines()
    report = check(put(tmp_path / "k", [*parts[:2], *parts[3:6]]))
    assert [kind for kind, _ in found(report)] == ["no_snapshot_before"] * 3


def test_okx_without_checksums_is_checked_by_its_ids(tmp_path):
    content = okx_capture(checksums=False, ids=True)
    clean = check(put(tmp_path / "o", content))
    assert (clean.exit_code, clean.instruments[0].checksums_verified) == (0, 0)
    assert "the messages carry no checksum" in clean.instruments[0].notes
    parts = content.splitlines()
    report = check(put(tmp_path / "p", parts[:8] + parts[9:]))
    assert found(report) == [("sequence_gap", 9)]


def test_a_malformed_book_message_is_refused(tmp_path):
    parts = kraken_capture().splitlines()
    parts[6] = (
        parts[6].replace(b'"17.00000001"', b'"1x"').replace(b'"3.25000000"', b'"1x"').replace(b'"9.00000000"', b'"1x"')
    )
    parts[6] = parts[6].replace(b'"0.00000000"', b'"1x"')
    report = check(put(tmp_path / "k", parts))
    assert found(report)[0] == ("refused", 7)
