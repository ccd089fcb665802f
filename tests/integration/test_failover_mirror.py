"""The mirror: a leader's journal is, byte by byte, what a standby has, over terms, segments and outages."""

from __future__ import annotations

import time

import pytest

pytest.importorskip("psycopg", reason="psycopg is not installed (extra: postgres)")

from psycopg.errors import UniqueViolation

from bot4._core.journal.reader import JournalReader
from bot4._core.journal.stream import Journal
from bot4.adapters.failover.journal_tail import JournalTail, Place, seal_record
from bot4.adapters.failover.lease import connect, make_tables
from bot4.adapters.failover.mirror_reader import MirrorGapError, MirrorReader
from bot4.adapters.failover.mirror_writer import MirrorWriter, begin_term, mirrored_end

NAMES = iter(f"mirror-{number}" for number in range(1_000_000))
JOURNAL = "shard-0.journal"
RUN = "20260101T000000-001"


@pytest.fixture
def database(postgres_url):
    with connect(postgres_url, 2.0) as connection:
        make_tables(connection)
        yield connection


def journal(folder, **options):
    folder.mkdir(parents=True, exist_ok=True)
    return Journal(folder / JOURNAL, mono_ns=1, wall_ns=2, **options)


def write(journal, count, size=100):
    for _ in range(count):
        journal.append(2, bytes([journal.next_seq % 251]) * size, mono_ns=3, wall_ns=4)


def mirror(url, database, name, epoch, folder, *, start=Place()):  # noqa: B008 - frozen
    """Copy what there is, as a leader of that epoch."""
    del database
    writer = MirrorWriter(url, name, epoch, RUN, folder / JOURNAL, start, interval_s=0.01, ttl_s=5.0)
    writer.start()
    assert writer.stop(20.0)
    return writer


def records(folder):
    with JournalReader(folder / JOURNAL) as reader:
        return [(row.seq, row.epoch, row.kind, row.payload) for row in reader]


def reader_of(name, folder):
    cuts = []
    return MirrorReader(name, folder, JOURNAL, cuts.append), cuts


def test_a_copy_is_the_journal_byte_by_byte_over_segments_and_while_it_is_written(postgres_url, database, tmp_path):
    name = next(NAMES)
    with journal(tmp_path / "a", segment_bytes=1 << 20, first_epoch=7) as book:
        writer = MirrorWriter(
            postgres_url, name, 7, RUN, tmp_path / "a" / JOURNAL, Place(), interval_s=0.005, ttl_s=5.0
        )  # fmt: skip
        writer.start()
        follower, _ = reader_of(name, tmp_path / "b")
        for _ in range(40):
            write(book, 25, 4_000)
            follower.catch_up(database)
        assert writer.stop(20.0)
        follower.catch_up(database)
        assert book.segment == 3
    assert records(tmp_path / "b" / RUN) == records(tmp_path / "a")
    assert len(records(tmp_path / "b" / RUN)) == 1_000
    for segment in sorted((tmp_path / "b" / RUN).iterdir()):
        theirs = (tmp_path / "a" / segment.name).read_bytes()
        ours = segment.read_bytes()
        assert theirs[: len(ours)] == ours
        assert not theirs[len(ours) :].strip(b"\0")
    again, _ = reader_of(name, tmp_path / "b")
    assert again.catch_up(database) == 0, "a standby that starts again goes on where it was"


def test_a_record_that_is_not_whole_yet_waits(tmp_path):
    with journal(tmp_path) as book:
        write(book, 3)
    whole = (tmp_path / JOURNAL).read_bytes()
    end = JournalTail(tmp_path / JOURNAL).to_end()
    for cut in range(64, end.at, 7):
        (tmp_path / JOURNAL).write_bytes(whole[:cut])
        tail = JournalTail(tmp_path / JOURNAL)
        place = tail.to_end()
        assert place.at == 64 + (cut - 64) // 140 * 140
        (tmp_path / JOURNAL).write_bytes(whole)
        assert tail.to_end() == end
        assert tail.last_seq == 3


def test_the_tail_of_a_leader_that_was_overtaken_is_cut_and_the_new_leaders_follows(postgres_url, database, tmp_path):
    name = next(NAMES)
    with journal(tmp_path / "a" / RUN, first_epoch=7) as book:
        write(book, 10)
    mirror(postgres_url, database, name, 7, tmp_path / "a" / RUN)
    standby, _ = reader_of(name, tmp_path / "b")
    standby.catch_up(database)
    start = standby.copy.end
    assert mirrored_end(database, name, RUN) == start
    with journal(tmp_path / "a" / RUN, first_epoch=7) as book:  # the old one wrote on, and it even reached the mirror
        write(book, 5)
    late = MirrorWriter(postgres_url, name, 7, RUN, tmp_path / "a" / RUN / JOURNAL, start, interval_s=0.01, ttl_s=5.0)
    late.start()
    assert late.stop(20.0)
    with journal(tmp_path / "b" / RUN, first_epoch=9) as book:
        write(book, 20, 50)
    mirror(postgres_url, database, name, 9, tmp_path / "b" / RUN, start=start)
    (tmp_path / "a" / RUN / "shard-0.snapshot").write_bytes(b"of the old tail")
    for folder, was_cut in (("a", True), ("c", False)):
        follower, cuts = reader_of(name, tmp_path / folder)
        follower.catch_up(database)
        assert records(tmp_path / folder / RUN) == records(tmp_path / "b" / RUN), folder
        assert bool(cuts) is was_cut
        assert follower.run_id == RUN
    assert not (tmp_path / "a" / RUN / "shard-0.snapshot").exists()


def test_a_mirror_with_a_gap_is_refused(postgres_url, database, tmp_path):
    name = next(NAMES)
    with journal(tmp_path / "a") as book:
        write(book, 10)
    mirror(postgres_url, database, name, 7, tmp_path / "a")
    begin_term(database, name, 8, RUN, Place(0, 5_000))
    follower, _ = reader_of(name, tmp_path / "b")
    with pytest.raises(MirrorGapError):
        follower.catch_up(database)


def test_a_database_that_is_away_keeps_nobody_and_is_caught_up_with(postgres_url, database, tmp_path):
    name = next(NAMES)
    with journal(tmp_path / "a") as book:
        write(book, 10)
        away = MirrorWriter(
            "postgresql://bot4@127.0.0.1:1/none",
            name,
            7,
            RUN,
            tmp_path / "a" / JOURNAL,
            Place(),
            interval_s=0.01,
            ttl_s=1.0,
        )
        away.start()
        deadline = time.monotonic() + 20
        while not away.failures:
            assert time.monotonic() < deadline
            write(book, 1)
        away.stop(20.0)
    mirror(postgres_url, database, name, 7, tmp_path / "a")
    follower, _ = reader_of(name, tmp_path / "b")
    follower.catch_up(database)
    assert records(tmp_path / "b" / RUN) == records(tmp_path / "a")


def test_a_new_run_takes_the_place_of_the_old_one(postgres_url, database, tmp_path):
    name = next(NAMES)
    with journal(tmp_path / "a") as book:
        write(book, 10)
    mirror(postgres_url, database, name, 7, tmp_path / "a")
    begin_term(database, name, 8, "20260101T000000-002", Place())
    assert mirrored_end(database, name, RUN) == Place()
    follower, _ = reader_of(name, tmp_path / "b")
    assert follower.catch_up(database) == 0
    assert follower.run_id == "20260101T000000-002"


def test_a_record_sealed_here_is_one_a_journal_goes_on_behind(tmp_path):
    with journal(tmp_path) as book:
        write(book, 2)
    end = JournalTail(tmp_path / JOURNAL).to_end()
    with (tmp_path / JOURNAL).open("r+b") as file:
        file.truncate(end.at)
        file.seek(end.at)
        file.write(seal_record(seq=3, epoch=1, kind=2, mono_ns=5, wall_ns=6, payload=b"x" * 64))
    with journal(tmp_path) as book:
        write(book, 1)
    assert [row[0] for row in records(tmp_path)] == [1, 2, 3, 4, 5]


def test_a_long_journal_is_copied_in_bulk_and_what_was_there_already_comes_once(postgres_url, database, tmp_path):
    name = next(NAMES)
    with journal(tmp_path / "a", first_epoch=7) as book:
        book.append_many(3, bytes(64 * 40_000), 64, mono_ns=3, wall_ns=4)
    # Before the answer came the connection was lost: the writer does not know that these are there.
    lost = MirrorWriter(postgres_url, name, 7, RUN, tmp_path / "a" / JOURNAL, Place(), interval_s=0.01, ttl_s=5.0)
    begin_term(database, name, 7, RUN, Place())
    assert lost._read()
    lost._write(database)
    assert len(lost._waiting) > 4
    lost._write(database)
    writer = mirror(postgres_url, database, name, 7, tmp_path / "a", start=lost._waiting[-1].end)
    assert writer.failures == 0
    follower, _ = reader_of(name, tmp_path / "b")
    follower.catch_up(database)
    assert records(tmp_path / "b" / RUN) == records(tmp_path / "a")
    # The control: a copy that is made twice is refused by the database.
    lost._is_again = False
    with pytest.raises(UniqueViolation):
        lost._write(database)
