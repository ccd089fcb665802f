"""Each call of the lease's and of the mirror's database fails once, before it took effect or after.

The lease: who may send holds the row at that moment, whatever was lost, and leads again or is told to wait. The mirror:
a standby has the leader's journal byte by byte, nothing lost and nothing twice.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

pytest.importorskip("psycopg", reason="psycopg is not installed (extra: postgres)")

import psycopg

from bot4._core.journal.stream import Journal
from bot4.adapters.failover import leadership, lease, lease_keeper, mirror_writer
from bot4.adapters.failover.journal_tail import Place
from bot4.adapters.failover.leadership import LeaseTerms, take_lease
from bot4.adapters.failover.lease import FailoverError, Lease, connect, make_tables
from bot4.adapters.failover.lease_keeper import LeaseKeeper
from bot4.adapters.failover.mirror_reader import MirrorGapError, MirrorReader
from bot4.adapters.failover.mirror_writer import MirrorWriter
from bot4.config import FailoverSettings
from bot4.domain.errors import ConfigError

NAMES = iter(f"each-call-{number}" for number in range(1_000_000))
RUN, JOURNAL, EPOCH = "20260101T000000-001", "shard-0.journal", 7
NEVER = 10**9
PATIENCE_S = 60.0
TTL_MS = 1_000
STATEMENTS = {getattr(lease, name): name for name in ("_LOOK", "_TAKE", "_RENEW", "_LET_GO")}


class Link:
    """Connections whose n-th call, or n-th of a kind, fails: on its way to the database, or after its work there."""

    def __init__(self, nth, *, after=False, kind=None):
        self.left, self.after, self.kind, self.lost = nth, after, kind, None
        self.calls = Counter()
        self._lock = threading.Lock()

    def connect(self, url, ttl_s):
        return LossyConnection(self.call(lambda: connect(url, ttl_s), "connect"), self)

    def call(self, work, what, raw=None):
        with self._lock:
            self.calls[what] += 1
            self.left -= self.kind in {None, what}
            fails = self.left == -1 and self.lost is None
        if not fails:
            return work()
        self.lost = what
        if self.after:
            raw = work() if raw is None else (work(), raw)[1]
        if raw is not None:
            raw.close()
        raise psycopg.OperationalError(f"the connection was lost at {what}")


class LossyConnection:
    def __init__(self, raw, link):
        self._raw, self._link = raw, link

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._raw.close()

    def execute(self, statement, values=None):
        what = STATEMENTS.get(statement, "execute")
        return self._link.call(lambda: self._raw.execute(statement, values), what, self._raw)

    @contextmanager
    def transaction(self):
        with psycopg_transaction(self._raw) as end:
            yield
            self._link.call(end, "commit", self._raw)

    @contextmanager
    def cursor(self, **options):
        with self._raw.cursor(**options) as cursor:
            yield LossyCursor(cursor, self._link, self._raw)


@contextmanager
def psycopg_transaction(raw):
    """A transaction that ends where it is told to, and is undone where it is left before."""
    raw.execute("BEGIN")
    try:
        yield lambda: raw.execute("COMMIT")
    except BaseException:
        if not raw.closed:
            raw.execute("ROLLBACK")
        raise


class LossyCursor:
    def __init__(self, cursor, link, raw):
        self._cursor, self._link, self._raw = cursor, link, raw

    def executemany(self, statement, rows):
        self._link.call(lambda: self._cursor.executemany(statement, rows), "executemany", self._raw)

    @contextmanager
    def copy(self, statement):
        copying = self._cursor.copy(statement)
        copy = self._link.call(copying.__enter__, "copy", self._raw)
        try:
            yield LossyCopy(copy, self._link, self._raw)
        except BaseException as error:
            copying.__exit__(type(error), error, error.__traceback__)
            raise
        self._link.call(lambda: copying.__exit__(None, None, None), "end of copy", self._raw)


class LossyCopy:
    def __init__(self, copy, link, raw):
        self.set_types, self._copy, self._link, self._raw = copy.set_types, copy, link, raw

    def write_row(self, row):
        self._link.call(lambda: self._copy.write_row(row), "row of copy", self._raw)


def wait_for(condition):
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


# -- the mirror


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    """A journal that is copied in bulk, with a record at its end that comes later."""
    folder = tmp_path_factory.mktemp("leader")
    with Journal(folder / JOURNAL, mono_ns=1, wall_ns=2, first_epoch=EPOCH) as journal:
        journal.append_many(3, bytes(64 * 8_000), 64, mono_ns=3, wall_ns=4)
    return (folder / JOURNAL).read_bytes()


class Impatient(threading.Event):
    def wait(self, timeout=None):
        del timeout
        return super().wait(0.002)


def mirrored(url, book, folder, link, monkeypatch):
    """Copy the journal over that link, the last record alone; returns the mirror's bytes as a standby reads them."""
    folder.mkdir()
    name, path = next(NAMES), folder / JOURNAL
    path.write_bytes(book[:-104] + bytes(104))
    monkeypatch.setattr(mirror_writer, "connect", link.connect)
    writer = MirrorWriter(url, name, EPOCH, RUN, path, Place(), interval_s=0.01, ttl_s=5.0)
    writer._stop = Impatient()
    writer.start()
    wait_for(lambda: writer.bytes >= len(book) - 64 - 104)
    path.write_bytes(book)
    wait_for(lambda: writer.bytes >= len(book) - 64)
    assert writer.stop(20.0)
    with connect(url, 5.0) as database:
        MirrorReader(name, folder / "standby", JOURNAL, print).catch_up(database)
        rows = database.execute(
            "SELECT at, length(bytes) FROM bot4_journal_mirror WHERE name = %s ORDER BY at", (name,)
        ).fetchall()
    twice = [at for (at, size), (then, _) in itertools.pairwise(rows) if at + size != then]
    return (folder / "standby" / RUN / JOURNAL).read_bytes(), twice, writer.failures


def test_each_call_of_the_mirror_fails_once_and_a_standby_has_every_byte_once(
    postgres_url, book, tmp_path, monkeypatch
):
    with connect(postgres_url, 2.0) as database:
        make_tables(database)
    lost = set()
    for after in (False, True):
        for nth in itertools.count():
            link = Link(nth, after=after)
            copied, twice, failures = mirrored(postgres_url, book, tmp_path / f"{after}{nth}", link, monkeypatch)
            assert copied == book, f"call {nth}, {link.lost}, after it: {after}"
            assert not twice
            assert failures == (link.lost is not None)
            if link.lost is None:
                break
            lost.add((link.lost, after))
    calls = {"connect", "execute", "commit", "copy", "row of copy", "end of copy", "executemany"}
    assert lost == {(what, after) for what in calls for after in (False, True)}


def test_a_mirror_that_forgets_what_it_could_not_write_is_caught(postgres_url, book, tmp_path, monkeypatch):
    with connect(postgres_url, 2.0) as database:
        make_tables(database)
    write = MirrorWriter._write

    def forgetful(self, connection):
        try:
            write(self, connection)
        except psycopg.Error:
            self.bytes += sum(len(piece.data) for piece in self._waiting)
            self._waiting = []
            raise

    monkeypatch.setattr(MirrorWriter, "_write", forgetful)

    def is_whole(nth):
        try:
            return mirrored(postgres_url, book, tmp_path / f"{nth}", Link(nth), monkeypatch)[0] == book
        except (MirrorGapError, FileNotFoundError):
            return False

    assert not all(is_whole(nth) for nth in range(5, 9))


# -- the lease


class Leader:
    """One who takes the lease over a link, leads, loses its venue for a moment, leads again, and ends."""

    def __init__(self, url, name, link):
        settings = FailoverSettings(account="test", ttl_ms=TTL_MS, renew_ms=100, unready_ms=200)
        self.link, self.wrong = link, []
        self._terms = LeaseTerms(f"{url}?fallback_application_name={name}", name, "one", settings)
        self._row = Lease(connect(url, 5.0), name, "judge", 1.0)

    def run(self):
        with self._row.connection:
            if (lead := self._take()) is None:
                return
            self._until(lead, lambda: lead.may_send() and self.link.calls["_RENEW"] >= 3, is_ready=True)
            self._until(lead, lambda: not lead.may_send() and self._row.look().left_s < 0, is_ready=False)
            self._until(lead, lead.may_send, is_ready=True)
            assert not lead.is_lost()
            lead.end(in_order=True)
            row = self._row.look()
            if not row.is_released and self.link.lost is None:
                self.wrong.append("an end in order did not give the lease back")

    def _take(self):
        last_epoch = 0
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            try:
                return take_lease(self._terms, last_epoch, has_unfinished=False)
            except FailoverError:
                time.sleep(0.02)
            except ConfigError:
                # The answer to having taken it was lost: nobody led as that epoch, and a start by hand is told so.
                row = self._row.look()
                if row.holder != "one" or row.left_s > 0 or self.link.lost is None:
                    self.wrong.append(f"it was refused with {row}")
                last_epoch = row.epoch
        raise AssertionError("it never led")

    def _until(self, lead, done, *, is_ready):
        deadline = time.monotonic() + PATIENCE_S
        while True:
            lead.beat(is_ready=is_ready)
            self._judge(lead)
            if done():
                return
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def _judge(self, lead):
        if not lead.may_send():
            return
        row = self._row.look()
        # It may have been given up while it was looked at; it is not taken back before the next sign of life.
        if lead.may_send() and (row.holder != "one" or row.epoch != lead.epoch or row.left_s < 0):
            self.wrong.append(f"epoch {lead.epoch} may send, and the lease is {row}")


def leaders(url, monkeypatch, cases):
    """Run them side by side, each over its own link; returns what was wrong, and what was lost."""
    links = {}
    route = lambda url, ttl_s: links[url.rpartition("=")[2]].connect(url, ttl_s)  # noqa: E731
    monkeypatch.setattr(lease_keeper, "connect", route)
    monkeypatch.setattr(leadership, "connect", route)
    made = []
    for kind, nth, after in cases:
        name = next(NAMES)
        links[name] = Link(nth, after=after, kind=kind)
        made.append(Leader(url, name, links[name]))
    with ThreadPoolExecutor(len(made)) as pool:
        for done in [pool.submit(leader.run) for leader in made]:
            done.result()
    return [line for leader in made for line in leader.wrong], [leader.link.lost for leader in made]


# Of the one that takes it and of the one that keeps it: the third connection, and what is let go second, are the end's.
CALLS = {"connect": 3, "execute": 1, "_LOOK": 1, "_TAKE": 1, "_RENEW": 3, "_LET_GO": 2}
CASES = [(kind, nth, after) for kind, count in CALLS.items() for nth in range(count) for after in (False, True)]


def test_each_call_of_the_lease_fails_once_and_who_may_send_holds_it(postgres_url, monkeypatch):
    with connect(postgres_url, 2.0) as database:
        make_tables(database)
    wrong, lost = leaders(postgres_url, monkeypatch, [*CASES, (None, NEVER, False)])
    assert not wrong
    assert lost[:-1] == [kind for kind, _, _ in CASES], "each of these calls was reached"
    assert lost[-1] is None


def test_a_leader_that_gives_the_lease_up_before_it_stops_is_caught(postgres_url, monkeypatch):
    with connect(postgres_url, 2.0) as database:
        make_tables(database)

    def renew_on(self, lease):
        while not self._stop.is_set():
            asked_s = self._monotonic()
            if self._is_wanted():
                lease.renew(self.epoch)
                self._valid_until_s = asked_s + self._ttl_s * 0.9
            elif self.is_valid():
                lease.let_go(self.epoch, in_order=False)
                self._valid_until_s = 0.0  # planted: it should have stopped before
            self._stop.wait(0.05)

    monkeypatch.setattr(LeaseKeeper, "_renew_on", renew_on)
    wrong, _ = leaders(postgres_url, monkeypatch, CASES)
    assert any("may send" in line for line in wrong)
