"""Funding with a recording: settled between its messages, as between the rows of arrays that say the same."""

from __future__ import annotations

import json

import numpy as np
import pytest
from builders.backtest import START_NS, quotes, roomy
from builders.perpetual import PERPETUAL, RULES, capture_text, quote_lines
from click.testing import CliRunner

import bot4
from bot4.bootstrap import BacktestInput
from bot4.domain.errors import DataError
from bot4.entrypoints.cli.main import main
from bot4.strategy.ema_cross import EmaCross

STEP_NS = 100_000_000
COUNT = 3_000
# Before the first message, between two, at the stamp of one, and after the last.
STAMPS_MS = [START_NS // 1_000_000 + at for at in (-5_000, 30_050, 120_000, 240_030, 900_000)]


def cross() -> EmaCross:
    return EmaCross(fast=10, slow=60, lots=900, slippage_ticks=5)


def settings():
    return roomy(run__mark_interval_ms=1_000)


def rows() -> np.ndarray:
    return quotes(COUNT, step_ns=STEP_NS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A capture of quotes of a perpetual, its rules, and rates for it."""
    folder = tmp_path_factory.mktemp("usdm")
    (folder / "btcusdt_usdm").write_text(capture_text(quote_lines(rows())))
    (folder / "rules.toml").write_text(RULES)
    rates = ["0.01", "0.002", "-0.003", "0.0005", "0.01"]
    text = "ts,funding_rate\n" + "".join(f"{at},{rate}\n" for at, rate in zip(STAMPS_MS, rates, strict=True))
    (folder / "BTCUSDT.csv").write_text(text)
    zero = "ts,funding_rate\n" + "".join(f"{at},0\n" for at in STAMPS_MS)
    (folder / "zero").mkdir()
    (folder / "zero" / "BTCUSDT.csv").write_text(zero)
    return folder


def over(folder, *funding):
    source = BacktestInput(
        [folder / "btcusdt_usdm"], market="usdm", instrument_files=[folder / "rules.toml"], funding_files=funding
    )
    return source.run(cross(), settings())


def test_a_recording_settles_as_arrays_of_the_same_do(folder):
    found = over(folder, folder / "BTCUSDT.csv")
    wanted = np.zeros(5, bot4.Rows.FUNDING)
    wanted["time_ns"] = np.array(STAMPS_MS) * 1_000_000
    wanted["rate_e8"] = [1_000_000, 200_000, -300_000, 50_000, 1_000_000]
    arrays = bot4.backtest(
        rows(), PERPETUAL, cross(), settings=settings(), venue_clock=False, funding=wanted, count_trial=False
    )
    assert len(found.funding) == 3
    assert np.count_nonzero(found.funding["atoms"]) >= 2
    assert found.funding.tobytes() == arrays.funding.tobytes()
    assert (found.balances, found.fees, len(found.orders)) == (arrays.balances, arrays.fees, len(arrays.orders))
    assert "settled 3 times" in " ".join(found.notes)


def test_settlements_of_nothing_change_nothing(folder):
    without, zero = over(folder), over(folder, folder / "zero" / "BTCUSDT.csv")
    assert (len(zero.funding), zero.funding["atoms"].any()) == (3, False)
    assert (zero.orders.tobytes(), zero.fills.tobytes()) == (without.orders.tobytes(), without.fills.tobytes())
    assert zero.sources == without.sources
    assert any("without funding rates" in note for note in without.notes)
    assert not any("without funding rates" in note for note in zero.notes)


def test_a_crossed_quote_in_a_recording_is_counted_in_the_notes(folder, tmp_path):
    crossed = rows()
    crossed["bid_ticks"][[700, 1_900]] = crossed["ask_ticks"][[700, 1_900]] + 3
    path = tmp_path / "btcusdt_usdm"
    path.write_text(capture_text(quote_lines(crossed)))
    source = BacktestInput([path], market="usdm", instrument_files=[folder / "rules.toml"])
    assert "BTCUSDT: 0 gaps and 2 crossed books or quotes in the data" in source.run(cross(), settings()).notes
    assert not [note for note in over(folder).notes if "crossed" in note]


def test_rates_of_another_time_are_rates_all_the_same(folder):
    late = folder / "late" / "BTCUSDT.csv"
    late.parent.mkdir()
    late.write_text(f"ts,funding_rate\n{STAMPS_MS[-1]},0.01\n")
    notes = " ".join(over(folder, late).notes)
    assert "settled 0 times" in notes
    assert "without funding rates" not in notes


def run(*words: object):
    return CliRunner().invoke(main, [str(word) for word in words])


def test_the_command_takes_both_and_refuses_funding_of_spot(folder, tmp_path):
    words = ("backtest", folder / "btcusdt_usdm", "--instrument", folder / "rules.toml", "--data-dir", tmp_path,
             "--funding", folder / "BTCUSDT.csv", "--json", "-", "--quiet")  # fmt: skip
    done = run(*words, "--market", "usdm")
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["assumptions"]["funding"].startswith("3 settlements")
    table = tmp_path / "BTCUSDT.csv"
    table.write_text("ts,open,high,low,close,volume\n1700000000000,1,1,1,1,1\n1700000060000,1,1,1,1,1\n")
    done = run("backtest", table, "--funding", folder / "BTCUSDT.csv", "--data-dir", tmp_path)
    assert (done.exit_code, "spot market has no funding" in done.stderr) == (65, True)
    other = tmp_path / "ETHUSDT.csv"
    other.write_bytes((folder / "BTCUSDT.csv").read_bytes())
    with pytest.raises(DataError, match="none of the instruments"):
        over(folder, other)
