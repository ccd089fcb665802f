"""Runs are told apart by an epoch: in the journal, in the names of orders, and on the disk before it is used."""

from __future__ import annotations

import pytest

from bot4._core.journal.reader import JournalReader
from bot4._core.journal.stream import Journal
from bot4.adapters.storage.data_dir import DataDir, DataDirError

START = 1_577_836_800


def test_an_epoch_only_grows_whatever_the_clock_does(tmp_path):
    with DataDir(tmp_path) as data_dir:
        assert data_dir.next_epoch(START + 100) == 100
        assert data_dir.next_epoch(START + 100) == 101
        assert data_dir.next_epoch(START - 5_000) == 102
        assert data_dir.next_epoch(START + 1_000) == 1_000
    with DataDir(tmp_path) as data_dir:
        assert data_dir.next_epoch(START) == 1_001
    assert (tmp_path / "epoch").read_text() == "1001\n"
    assert not (tmp_path / "epoch.new").exists()


def test_an_epoch_that_cannot_be_read_stops_the_start(tmp_path):
    with DataDir(tmp_path) as data_dir:
        (tmp_path / "epoch").write_text("many\n")
        with pytest.raises(DataDirError, match="cannot be advanced"):
            data_dir.next_epoch(START)


def test_a_journal_begins_with_the_epoch_it_is_given_and_goes_on_from_there(tmp_path):
    path = tmp_path / "j"
    with Journal(path, first_epoch=77) as journal:
        journal.append(2, b"intent", mono_ns=1, wall_ns=1)
        assert journal.epoch == 77
    with JournalReader(path) as reader:
        assert [record.epoch for record in reader] == [77]
    with Journal(path, first_epoch=5) as journal:
        assert journal.epoch == 78


@pytest.mark.parametrize("epoch", [0, -1, 1 << 32])
def test_an_epoch_has_32_bits_and_is_above_0(tmp_path, epoch):
    with pytest.raises(ValueError, match="first_epoch must have 32 bits"):
        Journal(tmp_path / "j", first_epoch=epoch)
