"""Choosing from a grid through the engine: nothing of the future in it, costs in it, and what is said of it."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest
from builders.backtest import MS, START_NS, bars, instrument, quotes, roomy
from click.testing import CliRunner

import bot4
from bot4.application.backtest.baselines import random_profits
from bot4.application.evidence.trial_runs import expand_grid, holding_spans, run_trials
from bot4.application.evidence.validation import figures_of, validate
from bot4.application.evidence.validation_report import validation_html, validation_json
from bot4.domain.errors import ConfigError, DataError
from bot4.entrypoints.cli.main import main
from bot4.strategy.ema_cross import EmaCross, compiled_ema_cross

SPOT = instrument()
MINUTES = 150
ROWS = quotes(MINUTES * 60, 4, step_ns=1_000 * MS)
GRID = {"fast": [5, 20], "slow": [40, 160]}


def cross(fast: int, slow: int) -> bot4.CompiledStrategy:
    return compiled_ema_cross(fast=fast, slow=slow, lots=900, slippage_ticks=5)


@pytest.fixture(scope="module", autouse=True)
def no_arch():
    """Loading arch takes longer than all of this: its tests are test_reality_check.py."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "arch.bootstrap", None)
        yield


@pytest.fixture(scope="module")
def found():
    return bot4.walk_forward(ROWS, SPOT, cross, GRID, windows=5, settings=roomy())


def later_changed(rows: np.ndarray, from_ns: int) -> np.ndarray:
    changed = rows.copy()
    later = changed["recv_ns"] >= from_ns
    other = quotes(len(rows), 77, step_ns=1_000 * MS)
    for name in ("bid_ticks", "ask_ticks"):
        changed[name][later] = other[name][later] + 500
    return changed


def check_no_look_ahead(make, grid) -> None:
    """Change everything from the middle of the record on: returns and choices before it must stay as they were."""
    middle_ns = START_NS + MINUTES * 30 * 1_000 * MS
    whole = bot4.walk_forward(ROWS, SPOT, make, grid, windows=5, settings=roomy())
    changed = bot4.walk_forward(later_changed(ROWS, middle_ns), SPOT, make, grid, windows=5, settings=roomy())
    before = int(np.searchsorted(whole.runs.stamps_ns, middle_ns)) - 1
    assert before > MINUTES / 3
    assert (changed.runs.table.returns[:before] == whole.runs.table.returns[:before]).all()
    assert (changed.runs.table.returns[before + 1 :] != whole.runs.table.returns[before + 1 :]).any()
    known = sum(window.train_end <= before for window in whole.walk_forward.windows)
    assert known >= 2
    assert changed.walk_forward.chosen[:known] == whole.walk_forward.chosen[:known]


def test_no_return_and_no_choice_knows_what_comes_after_it():
    check_no_look_ahead(cross, GRID)


def test_a_strategy_that_reads_the_data_ahead_is_noticed(monkeypatch):
    given = {"rows": ROWS}
    real = bot4.backtest

    def told(data, *words, **options):
        given["rows"] = data
        return real(data, *words, **options)

    monkeypatch.setattr("bot4.entrypoints.embedding.backtest", told)

    class Seer(bot4.Strategy):
        def __init__(self, ahead: int) -> None:
            self.ahead, self.seen = ahead, 0

        def on_book(self, market) -> None:
            self.seen += 1
            later = given["rows"]["bid_ticks"][min(self.seen + self.ahead, len(ROWS) - 1)]
            if later > market.ask_ticks + 5 and market.position_lots == 0:
                market.buy(5_000)
            elif later < market.bid_ticks and market.position_lots > 0:
                market.sell(market.position_lots)

    with pytest.raises(AssertionError):
        check_no_look_ahead(Seer, {"ahead": [300, 600]})


# -- the table ---------------------------------------------------------------------------------------------------------


def test_every_setting_is_run_once_and_its_returns_are_those_of_its_own_run(found):
    runs = found.runs
    assert [dict(trial.parameters) for trial in runs.trials] == list(expand_grid(GRID))
    for number, trial in enumerate(runs.trials):
        alone = bot4.backtest(ROWS, SPOT, cross(**trial.parameters), settings=roomy())
        assert (trial.result_hash, trial.profit) == (alone.result_hash, float(alone.profit))
        at = np.searchsorted(alone.equity_ns, runs.stamps_ns, side="right") - 1
        assert runs.table.returns[:, number] == pytest.approx(np.diff(alone.equity[at]) / alone.equity[at][:-1])
    assert (runs.period, len(runs.hold)) == ("minute", MINUTES - 1)


def test_what_is_held_makes_one_label_and_costs_its_fee_to_leave(found):
    table, runs = found.runs.table, found.runs
    alone = bot4.backtest(ROWS, SPOT, cross(**runs.trials[0].parameters), settings=roomy())
    trip = alone.trades[3]
    first = int(np.searchsorted(runs.stamps_ns, trip["entry_ns"], side="right")) - 1
    last = int(np.searchsorted(runs.stamps_ns, trip["exit_ns"], side="left")) - 1
    assert (table.starts[first : last + 1, 0] <= first).all()
    assert (table.ends[first : last + 1, 0] > last).all()
    held = (runs.stamps_ns[:, None] >= alone.trades["entry_ns"]) & (runs.stamps_ns[:, None] < alone.trades["exit_ns"])
    costs = table.leave_costs[held.any(axis=1), 0]
    value = 900 * 60_000 / 1_000 / 1_000_000
    assert (costs >= 0.0004 * value * 0.98).all()
    assert (costs < 0.0006 * value).all()
    open_at_end = bool(alone.positions["BTCUSDT"])
    inside = table.leave_costs[:, 0] > 0
    assert inside.sum() == held.any(axis=1).sum() + open_at_end * (runs.stamps_ns >= alone.fills["recv_ns"][-1]).sum()


def test_spans_of_positions_end_where_they_turn_and_at_the_end():
    fills = np.zeros(5, [("side", "i8"), ("qty_lots", "i8"), ("recv_ns", "i8")])
    fills["side"], fills["qty_lots"], fills["recv_ns"] = [0, 0, 1, 0, 0], [2, 3, 9, 4, 1], [10, 20, 30, 40, 50]
    assert holding_spans(fills, 90) == [(10, 30), (30, 40), (50, 90)]
    assert holding_spans(fills[:0], 90) == []


def test_baselines_cover_the_windows_and_add_up(found):
    hold, runs = found.out_of_sample["hold"], found.runs
    first = found.walk_forward.windows[0].test_first
    assert hold == figures_of(runs.hold[first : first + hold.periods], runs.per_year)
    alone = [bot4.backtest(ROWS, SPOT, cross(**trial.parameters), settings=roomy()) for trial in runs.trials]
    means = [random_profits(result, 1 + number).mean() / 1_000_000 for number, result in enumerate(alone)]
    assert runs.random.sum(axis=0) == pytest.approx(means, rel=0.02)


# -- cross-validation, refusals ----------------------------------------------------------------------------------------


def test_combinations_make_the_paths_of_the_book_and_purge_what_they_share(found):
    options = {"settings": roomy(), "count_trial": False}
    crossed = bot4.cross_validate(ROWS, SPOT, cross, GRID, groups=6, held_out=2, **options)
    plain = json.loads(validation_json(crossed))["cross_validation"]
    assert (plain["splits"], plain["paths"]) == (15, 5)
    assert 0.02 < plain["purged_share"] < 0.9
    assert crossed.walk_forward is None
    assert crossed.trials == 4
    more = validate(found.runs, groups=6, trials=400)
    assert (more.trials, more.deflated_sharpe <= crossed.deflated_sharpe) == (400, True)


def test_settings_are_a_grid_too_and_none_of_a_strategy_goes_without_one():
    rows = bars([120_000 + (i * 7919) % 211 - 105 for i in range(400)])
    grid = {"strategy.enter_score": [0.2, 0.4]}
    shown = bot4.walk_forward(rows, SPOT, None, grid, windows=2, settings=roomy())
    assert [trial.parameters["strategy.enter_score"] for trial in shown.runs.trials] == [0.2, 0.4]
    with pytest.raises(ConfigError, match="'fast' is a parameter of a strategy"):
        bot4.walk_forward(rows, SPOT, None, {"fast": [1]}, settings=roomy())


def test_data_too_short_a_grid_too_large_and_other_data_are_refused():
    with pytest.raises(DataError, match="120 seconds at least are needed"):
        bot4.walk_forward(ROWS[:100], SPOT, cross, GRID, settings=roomy())
    with pytest.raises(ConfigError, match="1 to 10000 settings, was 10201"):
        expand_grid({"a": list(range(101)), "b": list(range(101))})
    with pytest.raises(ConfigError, match="was 0"):
        expand_grid({"a": []})

    def other_data(parameters, _progress):
        return bot4.backtest(ROWS[: parameters["rows"]], SPOT, cross(5, 40), settings=roomy())

    with pytest.raises(DataError, match="did not run over the same data"):
        run_trials({"rows": [5_000, 6_000]}, other_data, periods_least=10)


def test_progress_goes_over_all_runs():
    told: list[tuple[int, int]] = []
    bot4.walk_forward(
        ROWS, SPOT, cross, GRID, windows=2, settings=roomy(), progress=lambda done, total: told.append((done, total))
    )
    assert told[-1] == (4_000, 4_000)
    assert sorted(told) == told


def test_without_arch_the_note_names_the_extra(found):
    assert found.snooping is None
    assert any("bot4[quant]" in text for text in found.warnings)


def test_figures_of_returns_compound():
    shown = figures_of(np.array([0.5, -0.5, 0.1]), 365.0)
    assert shown.profit_share == pytest.approx(1.5 * 0.5 * 1.1 - 1)
    assert shown.drawdown_max == pytest.approx(0.5)
    assert figures_of(np.zeros(3), 365.0).sharpe_annual is None


# -- the page and the command ------------------------------------------------------------------------------------------


def test_the_page_shows_windows_and_paths_and_names_are_text(found):
    page = validation_html(validate(found.runs, windows=5, groups=6))
    for part in ("Out of sample", "5 paths of 15 combinations", "Settings tried", "fast=5, slow=40", "Windows"):
        assert part in page
    assert page.count("<svg") == 2
    assert "http" not in page
    assert page.count("<tr>") > 15


@pytest.fixture(autouse=True)
def data_dir(tmp_path, monkeypatch):
    """Trials are counted in the data directory."""
    monkeypatch.setenv("BOT4_DATA_DIR", str(tmp_path / "data"))


def run(*words: object) -> tuple[int, str, str]:
    done = CliRunner().invoke(main, [str(word) for word in words])
    return done.exit_code, done.stdout, done.stderr


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """Plain bars: a walk of closes, an hour each."""
    rng = np.random.default_rng(3)
    closes = 60_000 + np.cumsum(rng.integers(-50, 51, 3_000))
    lines = ["ts,open,high,low,close,volume"]
    for number, close in enumerate(closes):
        opened = closes[max(0, number - 1)]
        stamp = 1_700_000_000_000 // 3_600_000 * 3_600_000 + number * 3_600_000
        lines.append(f"{stamp},{opened},{max(opened, close) + 5},{min(opened, close) - 5},{close},10")
    path = tmp_path_factory.mktemp("bars") / "BTCUSDT.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


STRATEGY = ("--strategy", "bot4.strategy.ema_cross:compiled_ema_cross", "--strategy-arg", "lots=100000",
            "--strategy-arg", "slippage_ticks=500", "--grid", "fast=5,10", "--grid", "slow=20,40")  # fmt: skip


def test_the_command_chooses_scores_and_writes_both_files(table, tmp_path):
    page, plain = tmp_path / "v.html", tmp_path / "v.json"
    code, out, err = run(
        "backtest", table, *STRATEGY, "--walk-forward", 4, "--rolling", "--cross-validate", "6:2", "--html", page,
        "--json", plain, "--set", "risk.order_notional_max=10000", "--set", "risk.position_notional_max=10000",
    )  # fmt: skip
    assert (code, err) == (0, "")
    shown = json.loads(plain.read_bytes())
    assert (len(shown["grid"]), shown["trials"], len(shown["walk_forward"]["windows"])) == (4, 4, 4)
    assert shown["grid"][0]["orders"] > 20
    assert shown["cross_validation"]["paths"] == 5
    windows = shown["walk_forward"]["windows"]
    assert all(window["train_end_ns"] < window["test_first_ns"] for window in windows)
    assert windows[2]["train_first_ns"] > windows[0]["train_first_ns"]
    for word in ("window 4", "chosen ", "hold ", "random ", "15 splits, 5 paths"):
        assert word in out
    assert "4 settings" in page.read_text(encoding="utf-8")


def test_every_setting_counts_as_a_trial_and_those_of_earlier_commands_too(table):
    grid = ("--walk-forward", 2, "--json", "-", "--grid")
    _, out, _ = run("backtest", table, *STRATEGY, *grid, "slippage_ticks=500,600")
    assert json.loads(out)["trials"] == 8
    _, out, _ = run("backtest", table, *STRATEGY, *grid, "slippage_ticks=600,700")
    assert json.loads(out)["trials"] == 12
    _, out, _ = run("backtest", table, *STRATEGY, *grid, "slippage_ticks=600,700", "--trials", 300)
    assert json.loads(out)["trials"] == 300


def test_a_grid_of_settings_needs_no_strategy(table):
    code, out, err = run(
        "backtest", table, "--walk-forward", 2, "--grid", "strategy.enter_score=0.2,0.3", "--json", "-"
    )
    assert (code, err) == (0, "")
    assert json.loads(out)["grid"][1]["parameters"] == {"strategy.enter_score": "0.3"}


@pytest.mark.parametrize(
    ("words", "rule"),
    [
        (("--grid", "fast=1,2"), "goes with --walk-forward"),
        (("--rolling", "--cross-validate", "4:1"), "--rolling goes with"),
        (("--walk-forward", "2", "--grid", "fast"), "takes KEY=A,B,C"),
        (("--cross-validate", "6"), "takes N:K"),
        (("--walk-forward", "2", "--grid", "fast=5"), "--strategy names none"),
        (("--cross-validate", "2:2"), "held out < groups"),
    ],
)
def test_options_that_do_not_go_together_are_refused(table, words, rule):
    code, _, err = run("backtest", table, *words)
    assert code in {65, 78}
    assert rule in err


def test_an_ema_cross_in_python_gives_the_same_table():
    python = bot4.walk_forward(
        ROWS[:3_000], SPOT, lambda **words: EmaCross(lots=900, slippage_ticks=5, **words), GRID, windows=1,
        settings=roomy(),
    )  # fmt: skip
    compiled = bot4.walk_forward(ROWS[:3_000], SPOT, cross, GRID, windows=1, settings=roomy())
    assert (python.runs.table.returns == compiled.runs.table.returns).all()
    assert python.walk_forward.chosen == compiled.walk_forward.chosen
