"""The writer of a recording: what it keeps, what it says where it cannot."""

from __future__ import annotations

import errno
import gzip
import time

import pytest

from bot4.adapters.recordings.recognise import open_recording
from bot4.adapters.recordings.recorder import FrameRecorder
from bot4.adapters.recordings.recording import RecordingFormat
from bot4.domain.errors import OutputError

STAMP = 1_700_000_000_000_000_000
QUOTE = b'{"stream":"btcusdt@bookTicker","data":{"u":5,"s":"BTCUSDT","b":"1.00","B":"1","a":"1.01","A":"1"}}'


def test_a_recording_is_recognised_by_what_it_holds(tmp_path):
    for name in ("plain", "packed.gz"):
        with FrameRecorder(tmp_path / name, buffer_bytes=1 << 16) as recorder:
            for number in range(10):
                recorder.log.frame(QUOTE, STAMP + number)
        recording = open_recording(tmp_path / name)
        assert recording.format is RecordingFormat.CRYPTOFEED
        assert (recording.venue, recording.symbols, recording.has_quotes) == ("binance", ("BTCUSDT",), True)
        assert recorder.notes == ()
    assert gzip.decompress((tmp_path / "packed.gz").read_bytes()) == (tmp_path / "plain").read_bytes()


def test_what_was_taken_is_on_the_disk_soon_without_being_closed(tmp_path):
    with FrameRecorder(tmp_path / "plain", buffer_bytes=1 << 16) as recorder:
        recorder.log.frame(QUOTE, STAMP)
        deadline = time.monotonic() + 5
        while QUOTE not in (tmp_path / "plain").read_bytes():
            assert time.monotonic() < deadline
            time.sleep(0.01)


def test_its_limit_ends_it_and_says_so_in_the_file_and_in_the_notes(tmp_path):
    with FrameRecorder(tmp_path / "plain", buffer_bytes=1 << 16, bytes_max=5_000) as recorder:
        for number in range(500):
            recorder.log.frame(QUOTE, STAMP + number)
            if number % 10 == 0:
                time.sleep(0.002)
    text = (tmp_path / "plain").read_bytes()
    assert len(text) < 6_000
    assert text.splitlines()[-1].startswith(b"# the recording ends here")
    assert "5,000 bytes are its limit" in recorder.notes[0]


def test_a_full_disk_ends_it_and_takes_what_still_comes(tmp_path, monkeypatch):
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    recorder = FrameRecorder(tmp_path / "plain", buffer_bytes=4_096)
    monkeypatch.setattr(recorder, "_write_some", full)
    deadline = time.monotonic() + 20
    while not any("No space left on device" in note for note in recorder.notes):
        recorder.log.frame(QUOTE, STAMP)
        assert time.monotonic() < deadline
        time.sleep(0.01)
    while recorder.log.counters["waiting_bytes"]:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    taken = [recorder.log.frame(QUOTE, STAMP) for _ in range(20)]
    assert all(taken)
    recorder.close()
    recorder.close()


def test_a_buffer_that_is_full_costs_frames_and_counts_them(tmp_path):
    with FrameRecorder(tmp_path / "plain", buffer_bytes=4_096) as recorder:
        taken = [recorder.log.frame(QUOTE, STAMP + number) for number in range(5_000)]
    lost = taken.count(False)
    assert lost > 0
    assert recorder.notes == (f"the recording lacks {lost} frames: its file could not keep up",)
    lines = (tmp_path / "plain").read_bytes().splitlines()
    assert len([line for line in lines if QUOTE in line]) == 5_000 - lost


def test_a_run_that_never_began_leaves_no_recording(tmp_path):
    FrameRecorder(tmp_path / "plain").close()
    assert not (tmp_path / "plain").exists()


def test_a_file_that_is_there_or_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "kept").write_text("mine")
    with pytest.raises(OutputError, match="not written over"):
        FrameRecorder(tmp_path / "kept")
    with pytest.raises(OutputError, match="No such file or directory"):
        FrameRecorder(tmp_path / "no" / "folder")
