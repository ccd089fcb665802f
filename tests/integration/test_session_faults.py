"""Parts of a session that fail: each ends the run in order, with a code, and with every order cancelled."""

from __future__ import annotations

import errno

import pytest
from builders.synthetic import capture_lines, write_capture

from bot4._core.engine.runner import ShardRunner
from bot4._core.journal.stream import Journal
from bot4.adapters.storage.repositories import Runs
from bot4.application.session.failure import SessionFailedError
from bot4.bootstrap import open_session
from bot4.config import load_settings
from bot4.domain.errors import OutputError, StrategyFailedError
from bot4.entrypoints.embedding import QuietDisplay

BUSY = {"strategy.cooldown_ms": 200, "strategy.enter_score": 0.3, "strategy.take_score": 0.45}


@pytest.fixture(scope="module")
def capture(tmp_path_factory):
    return write_capture(tmp_path_factory.mktemp("capture") / "btcusdt", capture_lines(1_500))


@pytest.fixture
def failure_of(tmp_path, capture):
    """Run a session that must fail, at full speed or paced; the failure, its orders checked."""

    def run(speed: float = 0.0) -> SessionFailedError:
        chosen = load_settings(environment={}, overrides=BUSY | {"run.data_dir": str(tmp_path / "data")})
        opened = open_session(chosen, QuietDisplay(), replay=[capture], speed=speed)
        with opened as session, pytest.raises(SessionFailedError) as caught:
            session.run()
        assert caught.value.summary.status == "failed"
        assert caught.value.summary.open_orders_left == 0
        return caught.value

    return run


def no_space(*_, **__):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_journal_that_cannot_be_synced_ends_the_run_with_exit_74(failure_of, monkeypatch):
    monkeypatch.setattr("bot4.application.session.parts.Journal", type("Unsynced", (Journal,), {"sync": no_space}))
    failure = failure_of(100.0)
    assert failure.failed_with == 74
    assert str(failure).endswith("shard-0.journal cannot be written: No space left on device")


def test_a_journal_that_cannot_be_closed_is_told_after_the_summary_was_made_whole(failure_of, monkeypatch):
    monkeypatch.setattr("bot4.application.session.parts.Journal", type("Unclosed", (Journal,), {"close": no_space}))
    failure = failure_of()
    assert failure.failed_with == 74
    assert failure.summary.orders > 0


def test_a_shard_that_cannot_run_stops_the_feed(failure_of, monkeypatch):
    def run(self):
        raise RuntimeError("no core for this shard")

    monkeypatch.setattr("bot4.application.session.parts.ShardRunner", type("Lame", (ShardRunner,), {"run": run}))
    failure = failure_of(20.0)
    assert failure.failed_with == 70
    assert failure.summary.failure == "RuntimeError: no core for this shard"
    assert failure.summary.orders == 0


def test_a_store_that_fails_at_the_very_end_is_the_failure_of_the_run(failure_of, monkeypatch):
    def finish(self, run_id, **fields):
        raise OutputError("the store went away")

    monkeypatch.setattr(Runs, "finish", finish)
    failure = failure_of()
    assert str(failure) == "the store went away"


def test_a_screen_that_breaks_at_the_end_costs_no_summary(failure_of, monkeypatch):
    def close(self):
        raise RuntimeError("no terminal")

    monkeypatch.setattr(QuietDisplay, "close", close)
    failure = failure_of()
    assert failure.summary.failure == "RuntimeError: no terminal"
    assert failure.summary.messages == 1_500


def test_a_screen_that_goes_with_its_terminal_leaves_the_run_interrupted(tmp_path, capture):
    class Gone(QuietDisplay):
        def close(self) -> None:
            raise OSError(errno.EIO, "Input/output error")

    chosen = load_settings(environment={}, overrides={"run.data_dir": str(tmp_path / "data")})
    with open_session(chosen, Gone(), replay=[capture], speed=1.0) as session:
        session.stop()
        assert session.run().status == "interrupted"


class Raises:
    """A strategy that fails at its hundredth book."""

    def __init__(self) -> None:
        self.left = 100

    def on_book(self, _) -> None:
        self.left -= 1
        if not self.left:
            raise LookupError("no such thing")


def test_a_strategy_that_raises_at_full_speed_fails_the_run(tmp_path, capture):
    chosen = load_settings(environment={}, overrides={"run.data_dir": str(tmp_path / "data")})
    opened = open_session(chosen, QuietDisplay(), replay=[capture], speed=0.0, strategy=Raises())
    with pytest.raises(StrategyFailedError), opened as session, pytest.raises(SessionFailedError) as caught:
        session.run()
    summary = caught.value.summary
    assert (summary.status, summary.open_orders_left) == ("failed", 0)
    assert summary.failure == "the strategy failed: it raised LookupError('no such thing')"
    assert 0 < summary.messages < 1_500
