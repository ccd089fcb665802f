"""Trials are counted by themselves: over both stores, and by `bot4 backtest` in its data directory."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from builders.backtest import instrument, quotes, roomy
from builders.engine import synthetic_capture
from builders.stores import KINDS, empty_place, open_store
from click.testing import CliRunner

import bot4
from bot4.adapters.storage.migrations import StoreError
from bot4.application.evidence import trials as trials_room
from bot4.application.evidence.trials import count_trials, record_trial
from bot4.bootstrap.trials import TrialBook, parameters_digest
from bot4.config import Settings, load_settings
from bot4.domain.errors import OutputError
from bot4.domain.specification import where
from bot4.domain.trial import Trial, TrialCount
from bot4.entrypoints.cli.main import main
from bot4.strategy.ema_cross import EmaCross

TRIAL = Trial(
    family="EmaCross",
    parameters="a",
    symbols="BTCUSDT",
    first_ns=1_000,
    last_ns=2_000,
    rows=10,
    result_hash="00ff",
    ran_utc="2026-01-01T00:00:00.000+00:00",
    period="day",
    sharpe=0.25,
    profit_share=-0.5,
    drawdown_max=0.125,
)


@pytest.fixture(params=KINDS)
def store(request):
    store = open_store(*empty_place(request, request.param))
    yield store
    store.close()


def check_counts(store, count) -> None:
    """What counts and what does not; `count` is judged."""
    others = [
        replace(TRIAL, parameters="b"),
        replace(TRIAL, parameters="c", first_ns=2_000, last_ns=3_000),  # the end of one is the beginning of the other
        replace(TRIAL, parameters="c", first_ns=1_500, last_ns=1_600),  # the same choice on a part
        replace(TRIAL, parameters="d", first_ns=2_001, last_ns=3_000),  # other days
        replace(TRIAL, parameters="e", symbols="ETHUSDT"),
        replace(TRIAL, parameters="f", family="Grid"),
    ]
    for other in others:
        record_trial(store, other)
    assert count(store, TRIAL).trials == 3  # not yet kept, and counted all the same
    record_trial(store, TRIAL)
    record_trial(store, TRIAL)
    assert count(store, TRIAL).trials == 3
    assert count(store, replace(TRIAL, first_ns=2_001, last_ns=9_000)).trials == 3  # a, c and d
    assert count(store, replace(TRIAL, family="Other")) == TrialCount(1, None)


def test_different_choices_on_overlapping_data_are_counted(store):
    check_counts(store, count_trials)


def test_a_count_of_runs_instead_of_choices_would_be_noticed(store, monkeypatch):
    """Control."""
    monkeypatch.setattr(trials_room, "count_of", lambda found, _: TrialCount(len(list(found)), None))
    with pytest.raises(AssertionError):
        check_counts(store, count_trials)


def test_a_trial_comes_back_as_it_was_and_its_last_run_replaces_it(store):
    unmeasured = replace(TRIAL, period=None, sharpe=None, ran_utc="2026-01-02")
    with store.unit_of_work() as unit:
        unit.trials.save(TRIAL)
        assert list(unit.trials.find()) == [TRIAL]
        unit.trials.save(unmeasured)
        assert list(unit.trials.find()) == [unmeasured]
        assert list(unit.trials.find(where("family") == "Grid")) == []


def test_the_variance_is_of_ratios_over_the_same_period_and_of_ten_at_least(store):
    for number in range(8):
        record_trial(store, replace(TRIAL, parameters=str(number), sharpe=float(number)))
    record_trial(store, replace(TRIAL, parameters="hours", sharpe=99.0, period="hour"))
    assert count_trials(store, replace(TRIAL, sharpe=8.0)) == TrialCount(10, None)
    record_trial(store, replace(TRIAL, parameters="9", sharpe=9.0))
    assert count_trials(store, replace(TRIAL, sharpe=8.0)) == TrialCount(11, pytest.approx(55 / 6))


def test_whatever_can_change_a_result_is_another_choice(tmp_path):
    mine = tmp_path / "mine.py"
    mine.write_text("x = 1\n")
    name = f"{mine}:x"
    digests = {
        parameters_digest(Settings(), None, ()),
        parameters_digest(Settings(), name, ()),
        parameters_digest(Settings(), name, ("a=1",)),
        parameters_digest(Settings(), name, ("a=1",), strategy_latency_ns=1),
        parameters_digest(load_settings(None, overrides={"run.seed": 9}), name, ()),
        parameters_digest(load_settings(None, overrides={"paper.taker_fee_bps": 1}), name, ()),
        parameters_digest(Settings(), "bot4.strategy.grid:Grid", ()),
    }
    mine.write_text("x = 2\n")
    digests.add(parameters_digest(Settings(), name, ()))
    assert len(digests) == 8
    elsewhere = load_settings(None, overrides={"run.data_dir": "elsewhere", "store.wait_ms": 900})
    assert parameters_digest(elsewhere, None, ()) == parameters_digest(Settings(), None, ())
    assert parameters_digest(Settings(), name, ("b=1", "a=1")) == parameters_digest(Settings(), name, ("a=1", "b=1"))


@pytest.fixture(scope="module")
def capture(tmp_path_factory):
    path = tmp_path_factory.mktemp("captures") / "btcusdt.dat"
    path.write_bytes(synthetic_capture(2_000))
    return path


def trials_of(capture, folder, *words) -> int:
    """Run the command, and read how many trials its report counts."""
    done = CliRunner().invoke(
        main, [str(word) for word in ("backtest", capture, "--data-dir", folder, "--json", "-", "--quiet", *words)]
    )
    assert done.exit_code == 0, done.stderr
    return int(json.loads(done.stdout)["statistics"]["trials"])


def test_each_backtest_counts_itself_in_its_data_directory(capture, tmp_path):
    here = tmp_path / "here"
    assert trials_of(capture, here) == 1
    assert trials_of(capture, here) == 1  # the same again
    assert trials_of(capture, here, "--set", "strategy.order_notional=250") == 2
    assert trials_of(capture, here, "--seed", 5) == 3
    assert trials_of(capture, here) == 3
    assert trials_of(capture, here, "--trials", 20) == 20
    assert trials_of(capture, here, "--trials", 2) == 3
    assert trials_of(capture, tmp_path / "there") == 1


def test_a_trial_that_cannot_be_counted_loses_no_report_and_is_an_error(capture, tmp_path, monkeypatch):
    def fail(*_):
        raise StoreError("store x cannot be written: disk full")

    monkeypatch.setattr(TrialBook, "record", fail)
    report = tmp_path / "report.json"
    words = ("backtest", capture, "--data-dir", tmp_path, "--json", report, "--quiet")
    done = CliRunner().invoke(main, [str(word) for word in words])
    assert (done.exit_code, "disk full" in done.stderr) == (74, True)
    assert json.loads(report.read_bytes())["statistics"]["trials"] == 1


# -- from Python -------------------------------------------------------------------------------------------------------

ROWS = quotes(4_000, step_ns=100_000_000)


def cross(**words) -> EmaCross:
    return EmaCross(lots=900, slippage_ticks=5, **words)


def try_three(settings, *, count_trial: bool = True):
    """Backtest a strategy in a loop, as who looks for parameters does; the last result."""
    for fast in (5, 10, 20):
        result = bot4.backtest(
            ROWS, instrument(), cross(fast=fast, slow=60), settings=settings, count_trial=count_trial
        )
    return result


def check_loop_is_counted(folder, run) -> None:
    settings = roomy(run__data_dir=str(folder))
    result = run(settings)
    assert bot4.judge(result, settings=settings).trials == 3
    run(settings)  # the very same again
    judged = bot4.judge(result, settings=settings)
    assert judged.trials == 3
    assert f"after {judged.trials} trials" in bot4.report_html(result, judged)
    more = bot4.backtest(ROWS[:3_500], instrument(), cross(fast=7, slow=60), settings=settings)
    assert bot4.judge(more, settings=settings).trials == 4
    assert bot4.judge(result, settings=settings, trials=50).trials == 50


def test_a_loop_of_backtests_is_counted_in_the_store(tmp_path):
    check_loop_is_counted(tmp_path, try_three)


def test_a_loop_that_is_not_counted_would_be_noticed(tmp_path):
    """Control."""
    with pytest.raises(AssertionError):
        check_loop_is_counted(tmp_path, lambda settings: try_three(settings, count_trial=False))


def test_each_setting_of_a_grid_counts_beside_those_that_were_tried_before(tmp_path):
    settings = roomy(run__data_dir=str(tmp_path))
    try_three(settings)
    grid, one = {"fast": [5, 8], "slow": [60, 90]}, {"fast": [6], "slow": [60]}
    assert bot4.walk_forward(ROWS, instrument(), cross, grid, windows=2, settings=settings).trials == 6
    assert bot4.cross_validate(ROWS, instrument(), cross, one, groups=4, settings=settings).trials == 7
    without = bot4.walk_forward(ROWS, instrument(), cross, grid, windows=2, settings=settings, count_trial=False)
    assert without.trials == 4


def test_a_run_is_not_made_where_its_trial_could_not_be_counted(tmp_path):
    (tmp_path / "a file").write_text("")
    settings = roomy(run__data_dir=str(tmp_path / "a file"))
    with pytest.raises(OutputError, match="a file"):
        try_three(settings)
    assert len(try_three(settings, count_trial=False).orders) > 0
