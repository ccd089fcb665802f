"""Journals written by the core and read by the twin, and the other way round; tails torn and bytes flipped anywhere."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from builders.examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import journal_stream as twin

from bot4._core.journal.reader import JournalCorrupt, JournalReader
from bot4._core.journal.stream import Journal

stamp = st.integers(-(2**63), 2**63 - 1)
records = st.lists(
    st.tuples(st.integers(1, 7), st.binary(max_size=120) | st.binary(min_size=60, max_size=68), stamp, stamp),
    max_size=6,
)


@pytest.fixture(scope="module")
def folder():
    # Thousands of small files, each synced: in memory where the machine has such a place.
    memory = Path("/dev/shm")  # noqa: S108 - the folder in it is made by mkdtemp
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as name:
        yield Path(name)


def write(path, rows, **identity):
    path.unlink(missing_ok=True)
    with Journal(path, **identity) as journal:
        for kind, payload, mono, wall in rows:
            journal.append(kind, payload, mono_ns=mono, wall_ns=wall)
    return path.read_bytes()


def read(path):
    """(rows, torn bytes) as the twin's decode gives them; raises CorruptError where the core does."""
    try:
        with JournalReader(path) as reader:
            rows = [twin.Row(*record) for record in reader]
            return rows, reader.torn_bytes
    except JournalCorrupt as damage:
        raise twin.CorruptError(damage.offset) from damage


def outcome(reading, argument):
    try:
        return reading(argument)
    except twin.CorruptError as damage:
        return ("corrupt", damage.args[0])


@given(rows=records, stream_id=st.integers(0, 2**32 - 1), build=st.integers(0, 2**64 - 1), wall=stamp)
def test_what_is_written_is_read_back_and_equals_the_twins_bytes(folder, rows, stream_id, build, wall):
    data = write(folder / "0", rows, stream_id=stream_id, build_hash=build, config_hash=build ^ 1, wall_ns=wall)
    expected = twin.encode_header(stream_id=stream_id, build_hash=build, config_hash=build ^ 1, wall_ns=wall)
    for seq, (kind, payload, mono, wall_ns) in enumerate(rows, start=1):
        expected += twin.encode_record(twin.Row(seq, 1, kind, 0, mono, wall_ns, payload))
    assert data == expected
    assert read(folder / "0") == twin.decode(data)


def check_every_cut(reading, folder, rows):
    """Cut a file at every byte: what is whole is read, the rest is torn, and the next writer goes on behind it."""
    data = write(folder / "whole", rows)
    whole = twin.decode(data)[0]
    ends = [64]
    for row in whole:
        ends.append(ends[-1] + len(twin.encode_record(row)))
    for size in range(64, len(data) + 1):
        path = folder / "cut"
        path.write_bytes(data[:size])
        intact = sum(end <= size for end in ends[1:])
        assert reading(path) == (whole[:intact], size - ends[intact])
    return data, ends


@given(rows=records)
@settings(max_examples=examples(25))
def test_a_tail_torn_at_any_byte_is_recognised(folder, rows):
    check_every_cut(read, folder, rows)


@given(rows=records, cut=st.integers(0, 10**6))
@settings(max_examples=examples(200))
def test_a_new_writer_truncates_the_torn_tail_and_goes_on(folder, rows, cut):
    data = write(folder / "torn", rows)
    size = 64 + cut % (len(data) - 63)
    (folder / "torn").write_bytes(data[:size])
    kept, torn = twin.decode(data[:size])
    with Journal(folder / "torn", mono_ns=5, wall_ns=6) as journal:
        assert journal.torn_bytes == torn
        assert journal.epoch == 2
        assert journal.append(3, b"next", mono_ns=7, wall_ns=8) == len(kept) + 2
    after, torn = twin.decode((folder / "torn").read_bytes())
    assert torn == 0
    assert after[: len(kept)] == kept
    assert [row.kind for row in after[len(kept) :]] == [1, 3]
    assert [row.seq for row in after] == list(range(1, len(kept) + 3))


@given(rows=records, position=st.integers(0, 10**6), bit=st.integers(0, 7))
def test_a_flipped_bit_is_never_read_as_a_record(folder, rows, position, bit):
    data = bytearray(write(folder / "flip", rows))
    data[position % len(data)] ^= 1 << bit
    (folder / "flip").write_bytes(data)
    assert outcome(read, folder / "flip") == outcome(twin.decode, bytes(data))
    original = [twin.Row(seq, 1, row[0], 0, row[2], row[3], row[1]) for seq, row in enumerate(rows, 1)]
    result = outcome(read, folder / "flip")
    if result[0] != "corrupt":
        assert result[0] == original[: len(result[0])]
        assert result[1] > 0


def reads_past_damage(path):
    """Planted fault: a reader that takes any damage for a torn tail."""
    try:
        return read(path)
    except twin.CorruptError:
        return [], 0


def counts_bytes_wrong(path):
    """Planted fault: a reader that does not report torn bytes."""
    rows, _ = read(path)
    return rows, 0


def test_control_a_reader_that_hides_a_torn_tail_is_caught(folder):
    rows = [(2, b"x" * 64, 1, 2), (3, b"y" * 64, 3, 4)]
    check_every_cut(read, folder, rows)
    with pytest.raises(AssertionError):
        check_every_cut(counts_bytes_wrong, folder, rows)


def test_control_a_reader_that_skips_damage_is_caught(folder):
    data = bytearray(write(folder / "middle", [(2, b"x" * 64, 1, 2)] * 3))
    data[64 + 50] ^= 1
    (folder / "middle").write_bytes(data)
    assert outcome(read, folder / "middle") == outcome(twin.decode, bytes(data)) == ("corrupt", 64)
    assert outcome(reads_past_damage, folder / "middle") != outcome(twin.decode, bytes(data))
