"""The data check over real recordings: nothing is lost, nothing crosses, every checksum is reproduced."""

from __future__ import annotations

import gzip

import pytest

from bot4.adapters.recordings.recognise import open_recording
from bot4.bootstrap import check_recordings
from bot4.domain.errors import DataError

pytestmark = pytest.mark.real_data


@pytest.fixture(scope="module")
def captures(shared_data):
    return shared_data / "ws_captures"


@pytest.mark.parametrize(
    ("names", "messages", "snapshots"),
    [
        (["hftbacktest/spot/btcusdt_20240808.gz", "hftbacktest/spot/btcusdt_20240809.gz"], 99_574, 1),
        (["hftbacktest/usdm/btcusdt_20240808.gz"], 93_954, 1),
        (["hftbacktest/cm/btcusd_perp_20240808.gz"], 48_270, 1),
        (["collect-binancefutures/btcusdt_20220811.dat.gz"], 1_533, 1),
    ],
)
def test_recorded_binance_streams_are_clean_and_end_with_a_live_book(captures, names, messages, snapshots):
    report = check_recordings([captures / name for name in names])
    (entry,) = report.instruments
    assert (report.exit_code, report.defects_total) == (0, 0)
    assert sum(file.messages for file in report.files) == messages
    assert (entry.book, entry.snapshots) == ("live", snapshots)
    assert (entry.sequence_gaps, entry.trade_id_gaps, entry.crossed_books) == (0, 0, 0)
    assert len(entry.bids) == len(entry.asks) == 10


def test_a_session_without_its_snapshot_is_clean_and_has_no_book(captures):
    report = check_recordings([captures / "hftbacktest/spot/btcusdt_20240809.gz"])
    assert (report.exit_code, report.instruments[0].book) == (0, "not live")
    assert any("no snapshot" in note for note in report.instruments[0].notes)


@pytest.mark.parametrize(("name", "off_grid"), [("BINANCE", 34), ("BINANCE_FUTURES", 131)])
def test_streams_with_rules_and_snapshots_apart_give_every_book(captures, name, off_grid):
    files = [captures / "cryptofeed" / f"{name}{part}.gz" for part in (".0", ".http.0.0", ".ws.1.0")]
    report = check_recordings(files)
    assert [entry.book for entry in report.instruments] == ["live"] * 4
    assert all(entry.sequence_gaps == entry.crossed_books == 0 for entry in report.instruments)
    # One snapshot each holds orders placed under an older, finer tick: the venue's own data, off its own grid.
    assert ({defect.kind for defect in report.defects}, report.defects_total) == ({"off_grid"}, off_grid)


@pytest.mark.parametrize("name", ["BINANCE.ws.1.0.gz", "BINANCE.http.0.0.gz"])
def test_a_stream_without_rules_is_told_to_need_them(captures, name):
    report = check_recordings([captures / "cryptofeed" / name])
    assert report.exit_code == 78
    assert "NKNUSDT" in report.files[0].error


@pytest.mark.parametrize("rules", [[], ["KRAKEN.0.gz"]])
def test_every_kraken_checksum_is_reproduced(captures, rules):
    names = [*rules, "KRAKEN.ws.48.0.gz", "KRAKEN.ws.49.0.gz", "KRAKEN.ws.50.0.gz"]
    report = check_recordings([captures / "cryptofeed" / name for name in names])
    assert sum(entry.checksums_verified for entry in report.instruments) == 4_269
    assert (report.exit_code, report.defects_total) == (0, 0)
    assert sum(entry.book == "live" for entry in report.instruments) == 10


@pytest.mark.parametrize("rules", [[], ["OKX.0.gz"]])
def test_every_okx_checksum_is_reproduced(captures, rules):
    report = check_recordings([captures / "cryptofeed" / name for name in [*rules, "OKX.ws.1.0.gz"]])
    assert sum(entry.checksums_verified for entry in report.instruments) == 290
    assert (report.exit_code, report.defects_total) == (0, 0)


def test_other_venues_are_refused_by_name(captures):
    for path in sorted((captures / "cryptofeed").glob("*.gz")):
        venue = path.name.split(".")[0]
        if venue in ("BINANCE", "BINANCE_FUTURES", "KRAKEN", "OKX"):
            assert open_recording(path).venue == venue.split("_")[0].lower()
        else:
            with pytest.raises(DataError, match=f"capture of {venue.lower()}"):
                open_recording(path)


def test_labelled_positive_files_are_clean(shared_data):
    files = sorted((shared_data / "l2_labelled").glob("*/*.gz"))
    report = check_recordings(files)
    assert [file.messages for file in report.files] == [2, 2_833, 10_000]
    assert report.exit_code == 0


def test_a_frame_taken_out_of_a_real_stream_is_one_gap(captures, tmp_path):
    lines = gzip.decompress((captures / "hftbacktest/usdm/btcusdt_20240808.gz").read_bytes()).splitlines(keepends=True)[
        :5_000
    ]
    at = [i for i, line in enumerate(lines) if b"depthUpdate" in line][100]
    path = tmp_path / "gap"
    path.write_bytes(b"".join(lines[:at] + lines[at + 1 :]))
    report = check_recordings([path])
    assert [defect.kind for defect in report.defects] == ["sequence_gap"]
    assert report.instruments[0].sequence_gaps == 1


def test_a_changed_checksum_of_a_real_stream_is_found(captures, tmp_path):
    content = gzip.decompress((captures / "cryptofeed/KRAKEN.ws.50.0.gz").read_bytes())
    path = tmp_path / "kraken"
    path.write_bytes(content.replace(b'"c":"2583817756"', b'"c":"2583817757"'))
    report = check_recordings([path])
    assert [(defect.kind, defect.line) for defect in report.defects] == [("checksum", 25)]
