"""`bot4 journal`: whole journals are told, damaged ones refused with file and byte, states compared."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from builders.crash_world import CASH, Life, Venue, first_life
from builders.engine import Rig
from click.testing import CliRunner

from bot4._core.engine.recovery import Recovery
from bot4._core.journal.stream import Journal
from bot4.application.past.snapshots import RunSnapshots
from bot4.entrypoints.cli.main import main


def ask(*arguments):
    return CliRunner().invoke(main, ["journal", *map(str, arguments)])


@pytest.fixture
def run_dir(tmp_path):
    """A run of two orders, with a snapshot of its end."""
    folder = tmp_path / "data" / "runs" / "20261122T000000-001"
    folder.mkdir(parents=True)
    life = Life(folder / "shard-0.journal", Venue())
    for _ in first_life(life, 2):
        pass
    seq, epoch = life.rig.journal.next_seq - 1, life.rig.journal.epoch
    RunSnapshots(life.path).keep(Recovery(life.rig.engine).save(seq, epoch), life.rig.journal)
    life.close()
    return folder


def test_a_file_a_run_and_a_data_directory_mean_the_same_journal(run_dir):
    told = {ask("verify", path).stdout for path in (run_dir / "shard-0.journal", run_dir, run_dir.parents[1])}
    assert len(told) == 1
    assert "whole" in told.pop()


def test_what_happened_is_shown_in_the_units_of_the_run(run_dir):
    rows = [json.loads(line) for line in ask("show", run_dir, "--json").stdout.splitlines()]
    assert [row["seq"] for row in rows] == list(range(1, len(rows) + 1))
    fills = [row for row in rows if row.get("report") == "fill"]
    assert [(row["symbol"], row["price"], row["qty"]) for row in fills] == [
        ("BTCUSDT", "999.90", "0.005"),
        ("BTCUSDT", "999.90", "0.010"),
    ]
    placed = ask("show", run_dir, "--kind", "intent").stdout.splitlines()
    assert [line.split("order=")[1].split()[0] for line in placed] == [
        row["order"] for row in rows if row["kind"] == "intent"
    ]
    assert len(ask("show", run_dir, "--last", "3").stdout.splitlines()) == 3
    assert "there is no kind 'trade'" in ask("show", run_dir, "--kind", "trade").stderr


def test_damage_is_an_error_that_names_file_and_byte(run_dir):
    path = run_dir / "shard-0.journal"
    content = bytearray(path.read_bytes())
    content[500] ^= 1
    path.write_bytes(content)
    for command in ("verify", "show"):
        done = ask(command, run_dir)
        assert done.exit_code == 65
        assert "shard-0.journal: record damaged, intact records follow" in done.stderr
        assert "at byte" in done.stderr


def test_a_torn_tail_is_told_and_nothing_is_changed(run_dir):
    path = run_dir / "shard-0.journal"
    path.write_bytes(path.read_bytes()[:-10])
    before = path.read_bytes()
    assert "torn tail    94 bytes" in ask("verify", run_dir).stdout
    assert path.read_bytes() == before


@pytest.fixture
def rig_for_replay(monkeypatch, tmp_path):
    """The engine of these journals, in place of one of the settings."""

    def assemble(_settings, _lanes, *, journal, shape, external):
        del shape
        path = tmp_path / f"scratch-{Path(journal.path).name}"
        return SimpleNamespace(engine=Rig(journal=path, link=external.link, cash=CASH).engine)

    monkeypatch.setattr("bot4.application.records.journal_report.assemble", assemble)


@pytest.mark.usefixtures("rig_for_replay")
def test_a_snapshot_and_its_tail_are_compared_with_the_whole(run_dir):
    done = ask("replay", run_dir)
    assert done.exit_code == 0, done.stderr
    assert "the same state" in done.stdout
    assert "BTCUSDT: 0 orders work, 0 of them unknown, 2 fills" in done.stdout
    life = Life(run_dir / "other.journal", Venue())
    steps = first_life(life, 2)
    for _ in range(6):
        next(steps)
    last_seq = json.loads(ask("verify", run_dir, "--json").stdout)["last_seq"]
    RunSnapshots(run_dir / "shard-0.journal").newest.write_bytes(Recovery(life.rig.engine).save(last_seq, 1))
    life.close()
    done = ask("replay", run_dir)
    assert done.exit_code == 65
    assert "does not give" in done.stderr


def test_the_journal_of_a_paper_run_and_no_journal_at_all_are_said_to_be_that(tmp_path):
    with Journal(tmp_path / "j") as journal:
        journal.append(2, bytes(64), mono_ns=1, wall_ns=1)
    assert ask("replay", tmp_path / "j").exit_code == 78
    assert ask("verify", tmp_path / "absent").exit_code == 66
    (tmp_path / "empty").mkdir()
    assert "no data directory" in ask("verify", tmp_path / "empty").stderr
