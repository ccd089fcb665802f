"""The journal: sequences, epochs, reopening, following, and what a broken call gets."""

from __future__ import annotations

import os
import threading

import numpy as np
import pytest

from bot4._core.event_dtype import EVENT_DTYPE
from bot4._core.intent_dtype import INTENT_DTYPE
from bot4._core.journal.files import JournalBusy
from bot4._core.journal.reader import JournalCorrupt, JournalReader
from bot4._core.journal.record import JournalKind
from bot4._core.journal.stream import Journal, JournalState


@pytest.fixture
def path(tmp_path):
    return tmp_path / "0.journal"


def append(journal, count=1, payload=b"p" * 64):
    return [journal.append(JournalKind.JOURNAL_INTENT, payload, mono_ns=1, wall_ns=2) for _ in range(count)]


def test_sequences_start_at_one_and_grow_by_one(path):
    with Journal(path) as journal:
        assert journal.next_seq == 1
        assert append(journal, 3) == [1, 2, 3]
        assert journal.next_seq == 4
        assert journal.state == JournalState.JOURNAL_OPEN
        assert journal.error == ""


def test_reopening_goes_on_with_the_sequence_and_a_new_epoch(path):
    for epoch, first in ((1, 1), (2, 4), (3, 7)):
        with Journal(path, build_hash=epoch, config_hash=9) as journal:
            assert journal.epoch == epoch
            assert append(journal, 2) == [first, first + 1]
    with JournalReader(path) as reader:
        rows = list(reader)
    assert [row.seq for row in rows] == list(range(1, 9))
    assert [row.epoch for row in rows] == [1, 1, 2, 2, 2, 3, 3, 3]
    meta = [row for row in rows if row.kind == JournalKind.JOURNAL_META]
    assert [int.from_bytes(row.payload[:8], "little") for row in meta] == [2, 3]


def test_the_file_is_private_and_no_longer_than_what_was_written(path):
    with Journal(path) as journal:
        append(journal)
        assert path.stat().st_size == journal.size_bytes == 64 + 40 + 64
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.stat().st_size == 168


def test_a_second_writer_is_refused(path):
    with Journal(path), pytest.raises(JournalBusy, match="another writer"):
        Journal(path)
    Journal(path).close()


def test_another_streams_file_is_refused(path):
    Journal(path, stream_id=3).close()
    with pytest.raises(JournalCorrupt, match="stream id must be 4, was 3"):
        Journal(path, stream_id=4)


@pytest.mark.parametrize("content", [b"not a journal", b"x" * 64, b"BOT4JRNL" + bytes(56), bytes(200)])
def test_a_file_that_is_no_journal_is_refused_and_left_alone(path, content):
    path.write_bytes(content)
    with pytest.raises(JournalCorrupt):
        Journal(path)
    assert path.read_bytes() == content


@pytest.mark.parametrize("content", [b"", b"BOT4", b"BOT4JRNL\x01\x00"])
def test_a_header_cut_short_by_a_crash_is_written_again(path, content):
    path.write_bytes(content)
    with Journal(path) as journal:
        assert append(journal) == [1]


def test_damage_in_the_middle_is_refused_with_its_offset_and_nothing_is_truncated(path):
    with Journal(path) as journal:
        append(journal, 3)
    data = bytearray(path.read_bytes())
    data[64 + 104 + 60] ^= 4
    path.write_bytes(data)
    with pytest.raises(JournalCorrupt) as caught:
        Journal(path)
    assert caught.value.offset == 64 + 104
    assert "intact records follow" in caught.value.reason
    assert path.read_bytes() == data


def test_a_missing_record_is_a_gap(path):
    with Journal(path) as journal:
        append(journal, 3)
    data = path.read_bytes()
    path.write_bytes(data[: 64 + 104] + data[64 + 208 :])
    with JournalReader(path) as reader, pytest.raises(JournalCorrupt, match="sequence 3 of epoch 1 where 2"):
        list(reader)


def test_a_tail_of_zeros_is_torn_and_a_long_tail_of_anything_else_is_damage(path):
    with Journal(path) as journal:
        append(journal)
    whole = path.read_bytes()
    path.write_bytes(whole + bytes(10_000))
    with JournalReader(path) as reader:
        assert [row.seq for row in reader] == [1]
        assert reader.torn_bytes == 10_000
    path.write_bytes(whole + b"\xff" * 10_000)
    with JournalReader(path) as reader, pytest.raises(JournalCorrupt, match="that are no record"):
        list(reader)


def test_broken_calls_name_the_rule_and_the_stream_goes_on(path):
    with Journal(path) as journal:
        with pytest.raises(ValueError, match="at most 4056 bytes, was 4057"):
            journal.append(2, bytes(4057), mono_ns=0, wall_ns=0)
        for kind in (0, 10, -1):
            with pytest.raises(ValueError, match="kind must be 1 to 9"):
                journal.append(kind, b"", mono_ns=0, wall_ns=0)
        with pytest.raises(ValueError, match="whole number"):
            journal.append_many(2, bytes(65), 64, mono_ns=0, wall_ns=0)
        with pytest.raises(ValueError, match="kind must be"):
            journal.append_many(0, bytes(64), 64, mono_ns=0, wall_ns=0)
        assert journal.append(2, bytes(4056), mono_ns=0, wall_ns=0) == 1
        assert journal.append(7, b"", mono_ns=0, wall_ns=0) == 2
    with pytest.raises(ValueError, match="reserve_bytes must be above 0 and below block_bytes"):
        Journal(path, block_bytes=100, reserve_bytes=100)


def test_a_closed_journal_takes_nothing(path):
    journal = Journal(path)
    journal.close()
    journal.close()
    assert journal.state == JournalState.JOURNAL_CLOSED
    assert journal.fileno() == -1
    with pytest.raises(OSError, match="Bad file descriptor"):
        append(journal)
    with pytest.raises(OSError, match="Bad file descriptor"):
        journal.sync()


def test_batches_of_intents_and_events_come_back_as_arrays(path):
    intents = np.zeros(5, dtype=INTENT_DTYPE)
    intents["order_id"] = np.arange(5) + 10
    events = np.zeros(3, dtype=EVENT_DTYPE)
    events["kind"] = 17
    with Journal(path) as journal:
        assert journal.append_many(JournalKind.JOURNAL_INTENT, intents, 64, mono_ns=1, wall_ns=2) == 5
        assert journal.append_many(JournalKind.JOURNAL_UPDATE, events, 64, mono_ns=1, wall_ns=2) == 8
    with JournalReader(path) as reader:
        read = np.frombuffer(reader.payloads(JournalKind.JOURNAL_INTENT), dtype=INTENT_DTYPE)
    assert (read == intents).all()
    with JournalReader(path) as reader, pytest.raises(ValueError, match="kind must be 1 to 9"):
        reader.payloads(10)


def test_a_large_journal_is_read_across_buffer_boundaries(path):
    payload = bytes(range(256)) * 15
    with Journal(path) as journal:
        append(journal, 700, payload)
    with JournalReader(path) as reader:
        assert sum(row.payload == payload for row in reader) == 700
        assert reader.torn_bytes == 0


def test_a_follower_sees_every_record_while_it_is_written(path):
    journal = Journal(path)
    seen = []
    done = threading.Event()

    def follow():
        with JournalReader(path) as reader:
            for record in reader.follow(lambda: not done.wait(0.001)):
                seen.append(record.seq)
                if record.seq == 2_000:
                    return

    thread = threading.Thread(target=follow)
    thread.start()
    for _ in range(20):
        append(journal, 100)
        journal.sync()
    thread.join(20)
    done.set()
    thread.join(5)
    assert seen == list(range(1, 2_001))


def test_a_follower_waits_at_half_a_record_and_takes_it_when_it_is_whole(path):
    with Journal(path) as journal:
        append(journal, 2)
    data = path.read_bytes()
    path.write_bytes(data[:-10])
    with JournalReader(path) as reader:
        looks = iter([True, False])

        def wait():
            path.write_bytes(data)
            return next(looks)

        assert [row.seq for row in reader.follow(wait)] == [1, 2]


@pytest.mark.parametrize("stale", [0, 1])
def test_a_record_that_is_finished_between_two_looks_is_no_damage(path, monkeypatch, stale):
    """The first look meets the middle of a write, the next one may meet a page that is older than the one behind it."""
    with Journal(path) as journal:
        append(journal, 3)
    whole = path.read_bytes()
    second = 64 + 40 + 64
    old_page = whole[: second + 30] + bytes(30) + whole[second + 60 :]
    looks = [whole[: second + 70], *[old_page] * stale, whole]

    def read_while_written(_fd, size, offset):
        if offset == second:  # from the second record again: the next look
            looks[:] = looks[1:] or looks
        return looks[0][offset : offset + size]

    with JournalReader(path) as reader:
        monkeypatch.setattr(os, "pread", read_while_written)
        assert [row.seq for row in reader.follow(lambda: False)] == [1, 2, 3]
    assert looks == [whole]


def test_a_closed_reader_says_so(path):
    Journal(path).close()
    reader = JournalReader(path)
    reader.close()
    with pytest.raises(ValueError, match="the reader must be open"):
        next(reader)


def test_syncing_from_another_thread_while_appending_loses_nothing(path):
    with Journal(path) as journal:
        stop = threading.Event()

        def sync():
            while not stop.is_set():
                journal.sync()

        thread = threading.Thread(target=sync)
        thread.start()
        for _ in range(50):
            append(journal, 20)
        stop.set()
        thread.join()
        assert journal.state == JournalState.JOURNAL_OPEN
    with JournalReader(path) as reader:
        assert [row.seq for row in reader] == list(range(1, 1_001))


def test_a_journal_is_opened_once(path):
    with Journal(path) as journal, pytest.raises(ValueError, match="opened once"):
        journal.__init__(path)
