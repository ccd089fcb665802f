"""The lease, over a real PostgreSQL: one holder at a time, by the database's clock, and an epoch that only rises."""

from __future__ import annotations

import itertools
import threading
import time

import pytest

pytest.importorskip("psycopg", reason="psycopg is not installed (extra: postgres)")

from bot4.adapters.failover import lease as lease_module
from bot4.adapters.failover.leadership import LeaseTerms, take_lease
from bot4.adapters.failover.lease import EPOCH_START_S, FailoverError, Lease, connect, make_tables
from bot4.adapters.failover.lease_keeper import LeaseKeeper
from bot4.adapters.failover.standby import Standby
from bot4.config import FailoverSettings
from bot4.domain.errors import ConfigError

NAMES = iter(f"lease-{number}" for number in range(1_000_000))


@pytest.fixture
def database(postgres_url):
    with connect(postgres_url, 2.0) as connection:
        make_tables(connection)
        yield connection


def expire(database, name):
    database.execute("UPDATE bot4_leases SET expires_at = clock_timestamp() - INTERVAL '1 s' WHERE name = %s", (name,))


def take_in_turn(database, name, *, ttl_s=30.0, turns=5):
    """The epochs of two holders who take the lease from each other."""
    first, second = (Lease(database, name, holder, ttl_s) for holder in ("one", "two"))
    epochs = []
    for turn in range(turns):
        taker, other = (first, second) if turn % 2 == 0 else (second, first)
        epochs.append(taker.take())
        assert other.take() is None, "a lease that has not run out has one holder"
        expire(database, name)
    return epochs


def require_a_fencing_token(database):
    """The contract: every holder has an epoch of its own, one above the one before, and an earlier one is refused."""
    name = next(NAMES)
    epochs = take_in_turn(database, name)
    assert [after - before for before, after in itertools.pairwise(epochs)] == [1] * (len(epochs) - 1)
    assert not Lease(database, name, "one", 30.0).renew(epochs[-1] - 2), "an epoch of before renews nothing"


def test_an_epoch_rises_by_exactly_one_with_each_holder(database):
    require_a_fencing_token(database)


def test_a_lease_that_forgets_to_raise_its_epoch_is_caught(database, monkeypatch):
    planted = lease_module._TAKE.replace("lease.epoch + 1", "lease.epoch")
    assert planted != lease_module._TAKE
    monkeypatch.setattr(lease_module, "_TAKE", planted)
    with pytest.raises(AssertionError):
        require_a_fencing_token(database)


def test_a_first_epoch_is_above_those_of_data_directories_and_a_floor_is_kept(database):
    name = next(NAMES)
    first = Lease(database, name, "one", 30.0).take()
    assert abs(first - (time.time() - EPOCH_START_S)) < 5
    expire(database, name)
    assert Lease(database, name, "two", 30.0).take(floor=first + 1_000) == first + 1_000


def test_many_who_take_at_once_are_one(postgres_url, database):
    name, taken = next(NAMES), []
    Lease(database, name, "before", 30.0).take()
    expire(database, name)
    start = threading.Barrier(8)

    def run(number):
        with connect(postgres_url, 2.0) as connection:
            start.wait()
            taken.append(Lease(connection, name, f"taker-{number}", 30.0).take())

    threads = [threading.Thread(target=run, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([epoch for epoch in taken if epoch is not None]) == 1


def test_it_ends_by_the_databases_clock_and_is_renewed_while_nobody_else_has_it(database):
    name = next(NAMES)
    one, two = Lease(database, name, "one", 2.0), Lease(database, name, "two", 30.0)
    epoch = one.take()
    assert one.look().left_s > 0
    wait_for(lambda: one.look().left_s < 0)
    assert one.renew(epoch), "nobody took it: its epoch is still the newest"
    wait_for(lambda: one.look().left_s < 0)
    assert two.take() == epoch + 1
    assert not one.renew(epoch)
    assert not one.let_go(epoch, in_order=True)
    assert two.look().holder == "two"


def keeper(url, name, epoch, **options):
    lengths = {"ttl_s": 3.0, "renew_s": 0.1, "unready_s": 1.5} | options
    return LeaseKeeper(url, name, "one", epoch, time.monotonic(), **lengths)


def wait_for(condition, seconds=10.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_keeper_holds_it_while_trading_is_alive_and_gives_it_up_when_the_venue_is_gone(postgres_url, database):
    name = next(NAMES)
    lease = Lease(database, name, "one", 3.0)
    kept = keeper(postgres_url, name, lease.take())
    kept.start()
    until = time.monotonic() + 4.0  # more than it lasts without being renewed
    while time.monotonic() < until:
        kept.beat(is_ready=True)
        assert kept.is_valid()
        time.sleep(0.02)
    while kept.is_valid():
        kept.beat(is_ready=False)
        time.sleep(0.02)
        assert time.monotonic() < until + 5.0
    wait_for(lambda: lease.look().left_s < 0)
    assert not lease.look().is_released
    kept.beat(is_ready=True)
    wait_for(kept.is_valid)
    kept.end(in_order=True)
    assert lease.look().is_released


def test_a_keeper_knows_when_another_has_taken_it(postgres_url, database):
    name = next(NAMES)
    epoch = Lease(database, name, "one", 0.6).take()
    expire(database, name)
    assert Lease(database, name, "two", 30.0).take() == epoch + 1
    kept = keeper(postgres_url, name, epoch)
    kept.start()
    wait_for(lambda: kept.is_lost)
    assert not kept.is_valid()
    kept.end(in_order=True)
    assert Lease(database, name, "two", 30.0).look().holder == "two"


def test_a_keeper_without_its_database_stops_before_the_lease_runs_out():
    now = [100.0]
    kept = LeaseKeeper(
        "postgresql://bot4@127.0.0.1:1/none", "name", "one", 7, now[0],
        ttl_s=2.0, renew_s=0.5, unready_s=1.0, monotonic=lambda: now[0],
    )  # fmt: skip
    kept.start()
    now[0] = 101.79
    assert kept.is_valid()
    now[0] = 101.81
    assert not kept.is_valid()
    assert not kept.is_lost
    wait_for(lambda: kept.failures > 0)
    kept.end(in_order=True)


def terms(url, name, holder, **changed):
    lengths = {"ttl_ms": 2_000, "renew_ms": 100} | changed
    return LeaseTerms(url, name, holder, FailoverSettings(account="test", **lengths))


def lead_until(url, name, holder, last_epoch, *, in_order, has_unfinished=False):
    leadership = take_lease(terms(url, name, holder), last_epoch, has_unfinished=has_unfinished)
    leadership.end(in_order=in_order)
    return leadership.epoch


def test_a_second_leader_is_told_to_stand_by(postgres_url):
    name = next(NAMES)
    long = {"ttl_ms": 10_000}
    first = take_lease(terms(postgres_url, name, "one", **long), 0, has_unfinished=False)
    with pytest.raises(FailoverError, match=r"one leads .*--standby") as raised:
        take_lease(terms(postgres_url, name, "two", **long), 0, has_unfinished=False)
    assert raised.value.exit_code == 75
    first.end(in_order=True)


def test_after_an_end_in_order_anybody_leads_who_has_nothing_unfinished(postgres_url):
    name = next(NAMES)
    epoch = lead_until(postgres_url, name, "one", 0, in_order=True)
    with pytest.raises(ConfigError, match=r"has led .* since"):
        take_lease(terms(postgres_url, name, "two"), 5, has_unfinished=True)
    assert lead_until(postgres_url, name, "two", 5, in_order=True) == epoch + 1


def test_after_a_failure_the_same_data_directory_leads_and_no_other(postgres_url):
    name = next(NAMES)
    epoch = lead_until(postgres_url, name, "one", 0, in_order=False)
    time.sleep(2.2)
    with pytest.raises(ConfigError, match=r"has led .* since"):
        take_lease(terms(postgres_url, name, "two"), 0, has_unfinished=False)
    assert lead_until(postgres_url, name, "one again", epoch, in_order=True, has_unfinished=True) == epoch + 1


def standby(url, name, said, *, can_trade=lambda: None):
    class Reader:
        copy = run_id = None

        def catch_up(self, connection):
            del connection

    asked = {"keep": lambda: None, "can_trade": can_trade, "say": said.append}
    return Standby(terms(url, name, "two"), Reader(), last_epoch=0, recv_window_ms=1_000, **asked)


def waiting_on(waiting):
    taken = []
    thread = threading.Thread(target=lambda: taken.append(waiting.wait()))
    thread.start()
    return thread, taken


def test_a_standby_takes_what_has_run_out_and_not_before(postgres_url):
    name, said = next(NAMES), []
    first = take_lease(terms(postgres_url, name, "one"), 0, has_unfinished=False)
    thread, taken = waiting_on(standby(postgres_url, name, said))
    wait_for(lambda: any("one leads" in line for line in said))
    time.sleep(4.0)
    assert not taken
    ended_s = time.monotonic()
    first.end(in_order=False)
    thread.join(20)
    assert taken[0].epoch == first.epoch + 1
    assert taken[0].fence_until_s > ended_s + 1.0, "requests of the first may be taken for a receive window more"
    taken[0].end(in_order=True)


def keep_apart(url, database, *, patience_s=None):
    """A leader that renews, a database whose clock is set on and on, and a standby beside them for six seconds."""
    name, said = next(NAMES), []
    first = take_lease(terms(url, name, "one"), 0, has_unfinished=False)
    waiting = standby(url, name, said)
    if patience_s is not None:
        waiting._patience_s = patience_s
    thread, taken = waiting_on(waiting)
    until = time.monotonic() + 6.0
    while time.monotonic() < until and not taken:
        expire(database, name)
        time.sleep(0.02)
    waiting.stop()
    thread.join(20)
    for leadership in (first, *(one for one in taken if one is not None)):
        leadership.end(in_order=True)
    assert taken == [None]


def test_a_database_whose_clock_is_set_makes_no_second_leader(postgres_url, database):
    keep_apart(postgres_url, database)


def test_a_standby_that_believes_the_databases_clock_is_caught(postgres_url, database):
    with pytest.raises(AssertionError):
        keep_apart(postgres_url, database, patience_s=0.0)


def test_a_standby_takes_nothing_after_an_end_in_order_nor_without_a_venue_or_a_database(postgres_url):
    name, said = next(NAMES), []

    def unreachable():
        raise FailoverError("no route")

    first = take_lease(terms(postgres_url, name, "one"), 0, has_unfinished=False)
    first.end(in_order=True)
    after = standby(postgres_url, name, said)
    thread, taken = waiting_on(after)
    wait_for(lambda: said)
    time.sleep(3.0)
    after.stop()
    thread.join(20)
    assert taken == [None]
    assert said == ["standby: nobody leads: waiting for a leader"]
    lead_until(postgres_url, name, "one", first.epoch, in_order=False)
    cut_off = standby(postgres_url, name, said, can_trade=unreachable)
    thread, taken = waiting_on(cut_off)
    wait_for(lambda: "no route" in said[-1])
    cut_off.stop()
    thread.join(20)
    alone = standby("postgresql://bot4@127.0.0.1:1/none", name, said)
    thread, also = waiting_on(alone)
    wait_for(lambda: "nothing is taken over" in said[-1])
    alone.stop()
    thread.join(20)
    assert [*taken, *also] == [None, None]
