"""What is said of a backtest: figures that add up, baselines, warnings, one HTML file, JSON, two results compared."""

from __future__ import annotations

import json
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from builders.backtest import MS, START_NS, instrument, quotes, roomy
from builders.engine import synthetic_capture
from click.testing import CliRunner

import bot4
from bot4.application.backtest.report import report_dict, report_html, report_json
from bot4.application.backtest.statistics import judge
from bot4.bootstrap import load_strategy
from bot4.domain.errors import ConfigError
from bot4.domain.instrument import ContractKind
from bot4.entrypoints.cli.main import main
from bot4.quant.track_record import moments, probabilistic_sharpe
from bot4.strategy.ema_cross import EmaCross, compiled_ema_cross

SPOT = instrument()
MINUTES = 90


ROWS = quotes(MINUTES * 600, 4, step_ns=100 * MS)


@pytest.fixture(scope="module")
def result() -> bot4.BacktestResult:
    cross = compiled_ema_cross(fast=20, slow=200, lots=500, slippage_ticks=5)
    return bot4.backtest(ROWS, SPOT, cross, settings=roomy())


# -- the result --------------------------------------------------------------------------------------------------------


def test_round_trips_and_what_is_still_held_add_up_to_the_profit(result):
    assert len(result.trades) > 50
    open_lots = int(result.positions["BTCUSDT"] * 1000)
    bought_last = result.fills[result.fills["side"] == 0][-1]
    held = Decimal(0)
    if open_lots:
        mark = Decimal(int(ROWS["bid_ticks"][-1] + ROWS["ask_ticks"][-1]) // 2)
        price = Decimal(int(bought_last["price_ticks"]))
        held = (mark - price) * open_lots / 2_000 - Decimal(int(bought_last["fee_atoms"])) / 10**8
    assert float(result.profit - held) == pytest.approx(float(result.trades["result"].sum()), abs=1e-6)


def test_the_curve_begins_and_ends_with_the_exact_equity(result):
    assert (result.equity[0], result.equity[-1]) == (1_000_000.0, float(result.equity_end))
    assert (np.diff(result.equity_ns) >= 0).all()
    cash = result.balances["USDT"]
    assert result.equity_end >= cash
    assert result.drawdown_max == pytest.approx(1 - (result.equity / np.maximum.accumulate(result.equity)).min())


def test_a_trip_through_zero_is_two_trips():
    class Turn(bot4.Strategy):
        def __init__(self) -> None:
            self.seen = 0

        def on_book(self, market) -> None:
            self.seen += 1
            if self.seen == 1:
                market.buy(10)
            elif self.seen == 2:
                market.sell(25)
            elif self.seen == 3:
                market.buy(15)

    rows = quotes(6, step_ns=100 * MS)
    rows["bid_ticks"] = [100, 110, 104, 104, 104, 104]
    rows["ask_ticks"] = rows["bid_ticks"] + 1
    perpetual = instrument(kind=ContractKind.LINEAR)
    result = bot4.backtest(rows, perpetual, Turn(), settings=roomy(strategy__take_slippage_bps=0))
    trips = [(int(row["side"]), int(row["qty_lots"]), row["entry_ticks"], row["exit_ticks"]) for row in result.trades]
    assert trips == [(0, 10, 101.0, 110.0), (1, 15, 110.0, 105.0)]
    assert float(result.profit) == pytest.approx(result.trades["result"].sum(), abs=1e-9)


# -- statistics --------------------------------------------------------------------------------------------------------


def test_ratios_are_those_of_the_returns_per_minute(result):
    found = judge(result)
    ends = START_NS + np.arange(MINUTES) * 60_000 * MS
    values = result.equity[np.searchsorted(result.equity_ns, ends, side="right") - 1]
    measured = moments(np.diff(values) / values[:-1])
    assert (found.period, found.periods) == ("minute", MINUTES - 1)
    assert found.sharpe == pytest.approx(measured.sharpe)
    assert found.psr == pytest.approx(
        probabilistic_sharpe(measured.sharpe, MINUTES - 1, skewness=measured.skewness, kurtosis=measured.kurtosis)
    )


def test_more_trials_leave_less_of_a_ratio(result):
    few, many = judge(result, trials=2), judge(result, trials=200)
    assert judge(result).deflated_sharpe == pytest.approx(judge(result).psr)
    assert many.deflated_sharpe <= few.deflated_sharpe <= few.psr
    with pytest.raises(ValueError, match="trials must be at least 1"):
        judge(result, trials=0)


def test_holding_earns_what_the_price_did_less_two_fees(result):
    marks = result.marks["BTCUSDT"][1]
    gained = marks[-1] / marks[0]
    assert judge(result).hold_profit == pytest.approx(1_000_000 * (gained - 1 - 0.0004 * (1 + gained)))


def test_random_entries_on_a_walk_earn_nothing_but_fees(result):
    found = judge(result)
    fees = 0.0004 * 2 * sum(row["qty_lots"] * row["entry_ticks"] / 2_000 for row in result.trades)
    assert found.random_profit_mean == pytest.approx(-fees, rel=0.2)
    assert judge(result, seed=1) == judge(result, seed=1)


def test_a_strategy_with_foresight_is_better_than_every_random_one():
    rows = quotes(40_000, 6, step_ns=100 * MS)

    class Seer(bot4.Strategy):
        def __init__(self) -> None:
            self.seen = 0

        def on_book(self, market) -> None:
            self.seen += 1
            later = rows["bid_ticks"][min(self.seen + 99, len(rows) - 1)]
            if later > market.ask_ticks + 20 and market.position_lots == 0:
                market.buy(500)
            elif later < market.bid_ticks and market.position_lots > 0:
                market.sell(market.position_lots)

    found = judge(bot4.backtest(rows, SPOT, Seer(), settings=roomy(paper__taker_fee_bps="0.1")))
    assert found.random_better_share == 0.0
    assert found.psr > 0.99


def test_a_short_sample_and_a_losing_one_are_said_to_be_so(result):
    assert any("lost" in text for text in judge(result).warnings)
    short = bot4.backtest(quotes(200), SPOT, EmaCross(lots=1), settings=roomy())
    texts = " ".join(judge(short).warnings)
    assert "shorter than 30 seconds" in texts
    assert "too few to tell skill from luck" in texts
    assert judge(short).sharpe is None


def test_a_run_without_a_trade_has_no_random_twin():
    class Idle(bot4.Strategy):
        def on_trade(self, _market, _trade) -> None:
            raise AssertionError("there are no prints")

    idle = judge(bot4.backtest(quotes(40_000, step_ns=10 * MS), SPOT, Idle(), settings=roomy()))
    assert (idle.random_better_share, idle.trades, idle.profit, idle.sharpe) == (None, 0, 0.0, None)
    assert any("did not vary" in text for text in idle.warnings)


# -- the report --------------------------------------------------------------------------------------------------------


class Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.outside: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag, attrs) -> None:
        self.tags.append(tag)
        self.outside += [value for name, value in attrs if name in {"src", "href", "srcset", "data"} and value]

    def handle_data(self, data) -> None:
        self.text.append(data)


def test_the_page_needs_nothing_else_and_shows_every_part(result):
    page = Page()
    page.feed(report_html(result, judge(result)))
    text = " ".join(page.text)
    assert page.outside == []
    assert not {"script", "link", "img", "iframe"} & set(page.tags)
    assert page.tags.count("svg") == 6  # equity, the same beside holding, drawdown, exposure, price, position
    for part in (
        "Exposure",
        "By regime",
        "By strategy",
        "buy and hold",
        "random entries",
        "funding",
        "Equity beside holding",
        "% of equity",
        "USDT per BTC",
        "bought",
        "Drawdown",
        "position",
        "Costs",
        "Latency",
        "What was assumed",
        result.result_hash,
    ):
        assert part in text
    assert f"{result.profit:f}" in text


def test_names_in_the_page_are_text_and_never_markup():
    odd = instrument("<b>USDT")
    strategy = bot4.CompiledStrategy(1, wants=(), name="<script>alert(1)</script>")
    shown = bot4.backtest(quotes(50), odd, strategy, settings=roomy())
    page = report_html(shown, judge(shown))
    assert "<script>" not in page
    assert "<b>" not in page


def test_the_json_is_the_result_with_exact_amounts(result):
    plain = json.loads(report_json(result, judge(result)))
    assert plain == json.loads(json.dumps(report_dict(result, judge(result)), default=float))
    assert Decimal(plain["profit"]) == result.profit
    assert Decimal(plain["balances"]["USDT"]) == result.balances["USDT"]
    assert plain["result_hash"] == result.result_hash


# -- the commands ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def capture(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("capture") / "btcusdt"
    path.write_bytes(synthetic_capture(4_000))
    return path


@pytest.fixture(autouse=True)
def own_data_directory(tmp_path, monkeypatch):
    """Trials are counted in the data directory of where one stands."""
    monkeypatch.chdir(tmp_path)


def run(*words: object) -> tuple[int, str, str]:
    done = CliRunner().invoke(main, [str(word) for word in words])
    return done.exit_code, done.stdout, done.stderr


def test_the_command_writes_page_and_json_and_says_what_came_of_it(capture, tmp_path):
    page, plain = tmp_path / "r.html", tmp_path / "r.json"
    code, out, err = run("backtest", capture, "--html", page, "--json", plain, "--trials", 20)
    assert (code, err) == (0, "")
    found = json.loads(plain.read_bytes())
    assert found["orders"] > 5
    assert found["statistics"]["trials"] == 20
    assert f"profit            {found['profit']} USDT" in out
    assert found["result_hash"] in page.read_text(encoding="utf-8")


def test_json_on_stdout_is_alone_there(capture):
    code, out, _ = run("backtest", capture, "--json", "-", "--quiet")
    assert code == 0
    assert json.loads(out)["kind"] == "bot4 backtest"


def test_a_strategy_is_named_with_its_arguments(capture):
    words = ("--strategy", "bot4.strategy.grid:Grid", "--json", "-")
    given = {"interval_ticks": 40, "half_spread_ticks": 50, "lots": 100_000, "position_max_lots": 300_000, "levels": 2}
    arguments = [word for key, value in given.items() for word in ("--strategy-arg", f"{key}={value}")]
    code, out, _ = run("backtest", capture, *words, *arguments)
    assert code == 0
    assert json.loads(out)["strategy"] == "Grid"
    assert json.loads(out)["orders"] > 20


def test_a_strategy_in_a_file_is_loaded(tmp_path):
    (tmp_path / "mine.py").write_text(
        "import bot4\nclass Mine(bot4.Strategy):\n"
        "    def __init__(self, size=1, share=0.5, name='x', on=False): self.given = (size, share, name, on)\n"
        "    def on_book(self, market): pass\n"
    )
    strategy = load_strategy(f"{tmp_path / 'mine.py'}:Mine", ("size=3", "share=0.25", "name=y", "on=true"))
    assert strategy.given == (3, 0.25, "y", True)


@pytest.mark.parametrize(
    ("name", "words", "rule"),
    [
        ("nocolon", (), "is named module:name"),
        ("no.such.module:X", (), "cannot be loaded"),
        ("missing.py:X", (), "is no Python file"),
        ("bot4.strategy.grid:Nothing", (), "cannot be loaded"),
        ("bot4.strategy.ema_cross:EmaCross", ("lots",), "is KEY=VALUE"),
        ("bot4.strategy.ema_cross:EmaCross", ("lots=-1",), "lots > 0"),
        ("bot4.strategy.ema_cross:EmaCross", (), "lots"),
        ("decimal:Decimal", (), "Decimal has none"),
    ],
)
def test_a_strategy_that_cannot_be_is_a_config_error(name, words, rule):
    with pytest.raises(ConfigError, match=rule):
        load_strategy(name, words)


def test_compare_marks_what_differs_and_says_where_data_or_assumptions_do(capture, tmp_path):
    first, second, third = (tmp_path / f"{name}.json" for name in "abc")
    run("backtest", capture, "--json", first)
    run("backtest", capture, "--json", second, "--set", "strategy.order_notional=250")
    run("backtest", capture, "--json", third, "--set", "paper.taker_fee_bps=1")
    code, out, _ = run("compare", first, second)
    assert code == 0
    lines = {line[2:].split("  ")[0].strip(): line[0] for line in out.splitlines()}
    assert (lines["profit"], lines["seed"], lines["equity_start"]) == ("*", " ", " ")
    assert "assumptions" not in out
    assert "assumptions differ: taker fee" in run("compare", first, third)[1]
    assert " *" not in run("compare", first, first)[1].replace("  ", "")


def test_what_is_no_result_is_refused(tmp_path):
    (tmp_path / "x.json").write_text("{}")
    code, _, err = run("compare", tmp_path / "x.json", tmp_path / "x.json")
    assert (code, "is no result of" in err) == (65, True)
    code, _, err = run("compare", tmp_path / "none", tmp_path / "x.json")
    assert (code, "cannot be read" in err) == (66, True)


def test_a_report_that_cannot_be_written_is_an_output_error(capture, tmp_path):
    code, _, err = run("backtest", capture, "--html", tmp_path / "no" / "such" / "folder.html")
    assert (code, "cannot be written" in err) == (73, True)


def test_run_takes_a_strategy_of_ones_own(capture, tmp_path):
    words = ("--data-dir", tmp_path / "data", "--quiet", "--strategy", "bot4.strategy.ema_cross:EmaCross")
    code, out, err = run(
        "run", "--replay", capture, *words, "--strategy-arg", "lots=100000", "--strategy-arg", "slippage_ticks=500",
        "--json", "-",
    )  # fmt: skip
    assert code == 0, err
    assert json.loads(out)["fills"] > 10


def test_a_strategy_that_raises_ends_a_run_on_paper_in_order(capture, tmp_path):
    (tmp_path / "bad.py").write_text(
        "import bot4\nclass Bad(bot4.Strategy):\n    def on_book(self, market): raise LookupError('no such thing')\n"
    )
    code, _, err = run(
        "run", "--replay", capture, "--data-dir", tmp_path / "data", "--quiet",
        "--strategy", f"{tmp_path / 'bad.py'}:Bad",
    )  # fmt: skip
    assert code != 0
    assert "the strategy failed: it raised LookupError('no such thing')" in err
