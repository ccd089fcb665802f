"""Funding of a recording by the mark prices in it: the last word before a settlement, where no file has rates."""

from __future__ import annotations

import numpy as np
import pytest
from builders.backtest import MS, START_NS, bars, quotes, roomy
from builders.perpetual import PERPETUAL, RULES, capture_text, mark, mark_line, quote_lines

import bot4
from bot4.adapters.recordings import mark_prices
from bot4.bootstrap import BacktestInput
from bot4.bootstrap.golive_evidence import compare_runs
from bot4.strategy.ema_cross import EmaCross

START_MS = START_NS // 1_000_000
COUNT, STEP_MS = 3_000, 100
# Settled at two and at four minutes; the third lies beyond the recording.
FIRST, SECOND, THIRD = START_MS + 120_000, START_MS + 240_000, START_MS + 900_000
SETTLED = ((FIRST, 300_000, 120_026), (SECOND, -250_000, 119_951))


def said() -> list[tuple[int, str]]:
    """A mark each second. Rates drift; what names a settlement after its time is late and no word on it."""
    lines = []
    for second in range(300):
        at_ms = START_MS + second * 1_000
        settled = FIRST if at_ms < FIRST else SECOND if at_ms < SECOND else THIRD
        rate, price = ("0.00100000", "59000.1") if at_ms < settled - 1_000 else ("0.00300000", "60012.90000000")
        if settled == SECOND and at_ms >= SECOND - 1_000:
            rate, price = "-0.00250000", "59975.50000000"
        lines.append(mark_line(at_ms, mark(at_ms, rate, settled, price)))
    late = mark_line(FIRST + 500, mark(FIRST + 500, "0.09", FIRST))
    others = [mark(FIRST - 500, "0.5", FIRST, symbol="ETHUSDT"), mark(FIRST - 1_500, "0.001", FIRST)]
    return [*lines, late, mark_line(FIRST - 1_500, *others)]


def cross() -> EmaCross:
    return EmaCross(fast=10, slow=60, lots=900, slippage_ticks=5)


def settings(**changed: object):
    return roomy(run__mark_interval_ms=1_000, **changed)


def rows() -> np.ndarray:
    return quotes(COUNT, step_ns=STEP_MS * 1_000_000)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("marks")
    (folder / "rules.toml").write_text(RULES)
    (folder / "marked").write_text(capture_text(quote_lines(rows()), said()))
    (folder / "plain").write_text(capture_text(quote_lines(rows())))
    (folder / "BTCUSDT.csv").write_text(f"ts,funding_rate\n{START_MS + 60_000},0.002\n")
    return folder


def over(folder, name="marked", *funding, **how: bool) -> bot4.BacktestResult:
    source = BacktestInput(
        [folder / name], market="usdm", instrument_files=[folder / "rules.toml"], funding_files=funding, **how
    )
    return source.run(cross(), settings())


def check(folder) -> None:
    found = over(folder)
    wanted = np.zeros(2, bot4.Rows.FUNDING)
    wanted["time_ns"] = [time_ms * 1_000_000 for time_ms, _, _ in SETTLED]
    wanted["rate_e8"], wanted["mark_ticks"] = zip(*(row[1:] for row in SETTLED), strict=True)
    arrays = bot4.backtest(
        rows(), PERPETUAL, cross(), settings=settings(), venue_clock=False, funding=wanted, count_trial=False
    )
    assert np.count_nonzero(arrays.funding["atoms"]) == 2, "something was held at both"
    assert found.funding.tobytes() == arrays.funding.tobytes()
    assert (found.balances, len(found.orders)) == (arrays.balances, len(arrays.orders))
    assert "BTCUSDT: funding was settled 2 times by the rates recorded" in found.notes
    assert not [note for note in found.notes if "without funding rates" in note]


def test_a_recording_is_settled_by_the_last_word_on_each_settlement(folder):
    check(folder)


@pytest.mark.parametrize("fault", ["first word", "late word"])
def test_another_word_is_noticed(folder, monkeypatch, fault):
    note = mark_prices.MarkPrices._note

    def faulty(self, frame) -> None:
        if fault == "late word":
            note(self, frame | {"E": 0})
        elif frame["T"] * 1_000_000 not in self._said.get(frame["s"], {}):
            note(self, frame)

    monkeypatch.setattr(mark_prices.MarkPrices, "_note", faulty)
    with pytest.raises(AssertionError):
        check(folder)


def test_a_file_of_rates_wins_over_the_recorded_ones(folder):
    found = over(folder, "marked", folder / "BTCUSDT.csv")
    assert found.funding["rate_e8"].tolist() == [200_000]
    assert "BTCUSDT: funding was settled 1 times by the rates given" in found.notes
    assert not [note for note in found.notes if "recorded" in note]


def test_a_recording_without_marks_says_that_funding_is_left_out(folder):
    found = over(folder, "plain")
    assert len(found.funding) == 0
    assert [note for note in found.notes if note.startswith("BTCUSDT: a perpetual without funding rates, given or rec")]


def test_frames_that_cannot_be_read_are_counted_and_those_without_a_rate_are_none(folder, tmp_path):
    odd = [
        mark_line(START_MS + 1_000, mark(START_MS + 1_000, "", FIRST)),
        mark_line(START_MS + 2_000, mark(START_MS + 2_000, "0.0000000001", FIRST)),
        mark_line(START_MS + 3_000, mark(START_MS + 3_000, "much", FIRST)),
        (START_NS + 4_000_000_000, f'{START_NS + 4_000_000_000} {{"data":{{"e":"markPriceUpdate",'),
    ]
    (tmp_path / "odd").write_text(capture_text(quote_lines(rows()), odd))
    (tmp_path / "rules.toml").write_text(RULES)
    found = over(tmp_path, "odd")
    assert len(found.funding) == 0
    assert "3 recorded mark prices could not be read: no rate was taken from them" in found.notes
    assert [note for note in found.notes if "without funding rates" in note]


def test_where_rates_do_not_reach_is_said():
    hours = bars([100_000] * 240, minutes=60)
    every = np.zeros(30, bot4.Rows.FUNDING)
    every["time_ns"] = START_NS + np.arange(1, 31) * 8 * 3_600_000_000_000
    for kept, spans in ((every, 0), (every[6:], 1), (np.concatenate([every[:3], every[12:20]]), 2), (every[:0], 0)):
        result = bot4.backtest(hours, PERPETUAL, cross(), settings=settings(), funding=kept, count_trial=False)
        told = [note for note in result.notes if note.startswith("BTCUSDT: no rates from ")]
        assert sum(note.count(" to 20") for note in told) == spans
    assert "2023-11-14T22:13:20.000+00:00 to 2023-11-" in "".join(
        bot4.backtest(hours, PERPETUAL, cross(), settings=settings(), funding=every[6:], count_trial=False).notes
    )


def test_what_is_held_against_a_run_on_paper_settles_as_little_as_that(folder):
    assert len(over(folder, settles_recorded=False).funding) == 0
    words = ("fast=10", "slow=60", "lots=900", "slippage_ticks=5")
    orders, _, is_equal = compare_runs(
        folder / "marked", settings(), "bot4.strategy.ema_cross:EmaCross", words,
        instrument_files=[folder / "rules.toml"], market="usdm",
    )  # fmt: skip
    assert (orders > 10, is_equal) == (True, True)


def test_a_settlement_that_is_put_off_before_its_time_is_none():
    marks = mark_prices.MarkPrices([PERPETUAL])
    for at_ms, settled_ms in ((100, 1_000), (200, 3_000), (3_001, 5_000), (3_002, 4_000)):
        _, line = mark_line(at_ms, mark(at_ms, "0.0001", settled_ms))
        marks.take(line.encode() + b"\n")
    assert marks.rates()["BTCUSDT"]["time_ns"].tolist() == [3_000_000_000, 4_000_000_000]


def test_a_socket_that_lags_behind_or_a_frame_that_cannot_be_changes_no_word():
    marks = mark_prices.MarkPrices([PERPETUAL])
    frames = [
        mark(2_999, "0.0002", 3_000), mark(3_001, "0.0003", 6_000), mark(2_998, "0.0001", 3_000),
        mark(3_002, "0.0004", 9_000, price="Infinity"), mark(3_002, "0.0004", 9_000, price="1e30"),
        mark(3_002, "0.0004", 9_000, price="0"), mark(3_002, "0.0004", 10**13),
    ]  # fmt: skip
    for frame in frames:
        marks.take(mark_line(3_000, frame)[1].encode() + b"\n")
    assert marks.rates()["BTCUSDT"][["time_ns", "rate_e8"]].tolist() == [(3_000 * MS, 20_000), (6_000 * MS, 30_000)]
    assert marks.unread == 4
