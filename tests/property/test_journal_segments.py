"""A journal of many files: the same records, each file chained to those before, nothing lost or swapped unnoticed."""

from __future__ import annotations

import random
import shutil
import struct
import threading
from pathlib import Path

import pytest
from builders.examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import journal_stream as twin

from bot4._core.journal.files import segment_path
from bot4._core.journal.reader import JournalCorrupt, JournalReader
from bot4._core.journal.stream import Journal

SEGMENT = 8_192
PAYLOADS = st.lists(st.integers(0, 4_056), min_size=1, max_size=30)


def write(path, lengths, **options):
    with Journal(path, segment_bytes=SEGMENT, block_bytes=1 << 16, reserve_bytes=1 << 12, **options) as journal:
        for number, length in enumerate(lengths):
            journal.append(2 + number % 7, bytes([number % 251]) * length, mono_ns=number, wall_ns=number)
        return journal.segment


def read(path):
    with JournalReader(path) as reader:
        rows = list(reader)
        return rows, reader.torn_bytes


def files(path):
    found = [path]
    while Path(segment_path(str(path), len(found))).exists():
        found.append(path.with_name(f"{path.name}.{len(found)}"))
    return found


@settings(max_examples=examples(150))
@given(lives=st.lists(PAYLOADS, min_size=1, max_size=3))
def test_segments_hold_the_records_of_one_file_and_the_chain_of_those_before(tmp_path_factory, lives):
    path = tmp_path_factory.mktemp("s") / "j"
    plain = path.with_name("plain")
    for lengths in lives:
        write(path, lengths)
        with Journal(plain) as journal:
            for number, length in enumerate(lengths):
                journal.append(2 + number % 7, bytes([number % 251]) * length, mono_ns=number, wall_ns=number)
    rows, torn = read(path)
    assert torn == 0
    assert rows == read(plain)[0]
    assert all(file.stat().st_size <= SEGMENT for file in files(path))
    seen, chain = 0, 0
    for number, file in enumerate(files(path)):
        content = file.read_bytes()
        header = twin.FILE_HEADER.unpack_from(content)
        assert header[9] == number
        assert header[5] == seen + 1
        if number == 0:
            (chain,) = struct.unpack_from("<I", content, 60)
        else:
            assert header[3] == chain, "the chain as the twin counts it"
        at = 64
        while at < len(content):
            row, end = twin._read(content, at)
            chain, seen, at = twin.chain_after(chain, content[at : at + 4], row.seq), row.seq, end


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    path = tmp_path_factory.mktemp("w") / "j"
    assert write(path, [300] * 100) >= 4
    return path


@pytest.fixture
def copy(written, tmp_path):
    for file in files(written):
        shutil.copy(file, tmp_path / file.name)
    return tmp_path / "j"


def test_a_segment_that_is_missing_ends_the_journal_or_is_noticed(copy):
    rows, _ = read(copy)
    (copy.parent / "j.2").unlink()
    kept, _ = read(copy)
    assert kept == rows[: len(kept)], "without what follows nothing tells that there was more"
    (copy.parent / "j.3").rename(copy.parent / "j.2")
    with pytest.raises(JournalCorrupt, match=r"j\.2: segment 3 .* where segment 2"):
        read(copy)


def test_a_segment_of_another_journal_of_the_same_shape_is_noticed(copy, tmp_path):
    other = tmp_path / "other" / "j"
    other.parent.mkdir()
    write(other, [300] * 50 + [301] + [300] * 60)
    shutil.copy(other.parent / "j.3", copy.parent / "j.3")
    with pytest.raises(JournalCorrupt, match=r"the chain is [0-9a-f]{16} here|where segment"):
        read(copy)


def test_damage_in_any_segment_but_the_end_of_the_last_refuses_to_read_and_to_write(copy):
    rng, last = random.Random(3), files(copy)[-1]
    for file in files(copy)[:-1]:
        whole = file.read_bytes()
        for at in rng.sample(range(len(whole)), 12):
            file.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << rng.randrange(8)]) + whole[at + 1 :])
            with pytest.raises(JournalCorrupt):
                read(copy)
            with pytest.raises(JournalCorrupt):
                Journal(copy)
        for cut in (1, 40, 400):
            file.write_bytes(whole[:-cut])
            with pytest.raises(JournalCorrupt, match=r"another segment follows|where segment"):
                read(copy)
        file.write_bytes(whole)
    rows, _ = read(copy)
    last.write_bytes(last.read_bytes()[:-7])
    kept, torn = read(copy)
    assert kept == rows[:-1]
    assert torn == 333
    with Journal(copy, segment_bytes=SEGMENT) as journal:
        assert journal.torn_bytes == 333
        journal.append(2, b"on", mono_ns=1, wall_ns=1)
    assert [row.payload for row in read(copy)[0]][-1] == b"on"


@pytest.mark.parametrize("begun", [b"", b"BOT4", bytes(64), bytes(4_096)])
def test_a_segment_whose_making_was_cut_short_is_none(copy, begun):
    rows, _ = read(copy)
    extra = copy.with_name(f"j.{len(files(copy))}")
    extra.write_bytes(begun)
    assert read(copy)[0] == rows
    with Journal(copy, segment_bytes=SEGMENT) as journal:
        assert not extra.exists()
        for _ in range(60):
            journal.append(2, bytes(300), mono_ns=1, wall_ns=1)
    assert len(read(copy)[0]) == len(rows) + 61  # and the record of the reopening


def test_a_reader_follows_from_file_to_file_while_they_are_written(tmp_path):
    path = tmp_path / "j"
    journal = Journal(path, segment_bytes=SEGMENT, block_bytes=1 << 16, reserve_bytes=1 << 12)
    done = threading.Event()

    def fill():
        for number in range(3_000):
            journal.append(2, number.to_bytes(4, "little") * 20, mono_ns=1, wall_ns=1)
            if number % 64 == 0:
                journal.sync()
        done.set()

    writer = threading.Thread(target=fill)
    writer.start()
    with JournalReader(path) as reader:
        seen = [int.from_bytes(row.payload[:4], "little") for row in reader.follow(lambda: not done.is_set())]
        seen += [int.from_bytes(row.payload[:4], "little") for row in reader]
    writer.join()
    journal.close()
    assert seen == list(range(3_000))
    assert len(files(path)) > 30


def test_a_second_writer_is_refused_in_every_segment(tmp_path):
    path = tmp_path / "j"
    with Journal(path, segment_bytes=SEGMENT) as journal:
        for _ in range(100):
            journal.append(2, bytes(300), mono_ns=1, wall_ns=1)
        assert journal.segment > 2
        with pytest.raises(Exception, match="another writer"):
            Journal(path)


def test_a_segment_holds_two_of_the_longest_records_at_least(tmp_path):
    with pytest.raises(ValueError, match="segment_bytes must hold two of the longest records, was 8191"):
        Journal(tmp_path / "j", segment_bytes=8_191)
