"""Feature vectors of kept rows: what a strategy is told in a run, of the bar's end and nothing later."""

from __future__ import annotations

import numpy as np
import pytest
from builders.backtest import bars, instrument, prints, roomy

import bot4
from bot4._core.ta.features import Features
from bot4._core.ta.registry import FEATURES, FeatureClock
from bot4.config.features import FeaturesSettings
from bot4.domain.errors import ConfigError, DataError
from bot4.features.vectors import VectorMaker
from bot4.strategy.base import Strategy

SECOND_NS = 1_000_000_000
OF_BARS = {feature.name for feature in FEATURES if feature.clock == FeatureClock.CLOCK_BAR}


def maker(select: str = "base", *, of_trades: bool = True, interval_ns: int = SECOND_NS) -> VectorMaker:
    return VectorMaker(FeaturesSettings(select=select), instrument(), interval_ns, of_trades=of_trades)


def made(rows: np.ndarray, *, select: str = "base", goes_on: bool = False) -> tuple[tuple[str, ...], dict]:
    one = maker(select)
    stamps, values = one.of_trades(rows, goes_on=goes_on)
    return one.names, dict(zip(stamps.tolist(), values, strict=True))


class Notes(Strategy):
    """Writes down the features it is told with the first print after a bar."""

    reads_features = True

    def __init__(self) -> None:
        self.told: dict[int, np.ndarray] = {}

    def on_trade(self, market, trade) -> None:
        del trade
        end_ns = market.now_ns // SECOND_NS * SECOND_NS
        self.told.setdefault(end_ns, np.array(market.features))


def of_a_run(rows: np.ndarray, select: str) -> dict[int, np.ndarray]:
    notes = Notes()
    settings = roomy(strategy__bar_interval_ms=1_000, features__select=select)
    bot4.backtest(rows, instrument(), notes, settings=settings, count_trial=False)
    return notes.told


@pytest.mark.parametrize("select", ["base", "rsi_14,adx_14,atr_14"])
def test_features_of_bars_are_those_a_strategy_is_told_in_a_backtest(select):
    rows = prints(8_000, step_ns=7_000_000)
    names, vectors = made(rows, select=select)
    told = of_a_run(rows, select)
    columns = [place for place, name in enumerate(names) if name in OF_BARS]
    everything = Features(0.5, 0.001, SECOND_NS).names
    places = [everything.index(names[column]) for column in columns]
    assert len(vectors) == 55
    for end_ns, vector in vectors.items():
        np.testing.assert_array_equal(vector[columns], told[end_ns][places])
    assert np.isfinite(vector[columns]).sum() > 2, "warm by the end"


def test_what_comes_later_changes_no_vector():
    rows = prints(2_000, step_ns=7_000_000)
    rng = np.random.default_rng(4)
    whole = made(rows)[1]
    for cut in rng.integers(1, 2_000, 20).tolist():
        changed = rows.copy()
        changed["price_ticks"][cut:] += 700
        changed["qty_lots"][cut:] += 3
        for end_ns, vector in made(changed)[1].items():
            if end_ns <= rows["venue_ns"][cut]:
                np.testing.assert_array_equal(vector, whole[end_ns])


def test_a_bar_that_may_not_have_ended_has_no_vector():
    rows = prints(1_000, step_ns=7_000_000)  # seven seconds: the last has begun
    assert len(made(rows)[1]) == len(made(rows, goes_on=True)[1]) - 1 == 6
    assert made(rows[:0])[1] == made(rows[:0], goes_on=True)[1] == {}
    assert made(rows[:1])[1] == {}


def test_a_second_without_prints_has_no_vector():
    rows = prints(1_000, step_ns=7_000_000)
    quiet = (rows["venue_ns"] // SECOND_NS) % 3 == 1
    ends = set(made(rows)[1])
    left = set(made(rows[~quiet])[1])
    assert ends - left == {end for end in ends if (end // SECOND_NS - 1) % 3 == 1} != set()


def test_trades_that_go_back_are_refused_and_so_are_those_the_bank_refuses():
    rows = prints(100)
    rows["venue_ns"][50] -= SECOND_NS
    with pytest.raises(DataError, match="in the order of their stamps"):
        made(rows)
    rows = prints(100)
    rows["qty_lots"][50] = 0
    with pytest.raises(DataError, match=r"refused trades: .* 1"):
        made(rows, goes_on=True)
    with pytest.raises(ValueError, match="rows must be of"):
        maker().of_trades(np.zeros(3), goes_on=False)


def test_bars_have_the_vectors_of_the_bank_that_takes_them_in():
    rows = bars(list(range(120_000, 120_300)), minutes=1)
    one = maker("all", of_trades=False, interval_ns=60 * SECOND_NS)
    stamps, values = one.of_bars(rows)
    bank = Features(0.5, 0.001, 60 * SECOND_NS, select="all")
    assert stamps.tolist() == rows["close_ns"].tolist()
    assert set(one.names) == OF_BARS & set(bank.selected)
    for row, vector in zip(rows.tolist(), values, strict=True):
        assert bank.take_bar(*row)
        np.testing.assert_array_equal(vector, [bank.value(name) for name in one.names])
    assert np.isfinite(vector).all()
    with pytest.raises(ValueError, match="rows must be of"):
        one.of_bars(np.zeros(3))


def test_bars_that_the_bank_refuses_are_told():
    rows = bars([120_000, 120_001, 120_002])
    rows["high_ticks"][1] = 1
    with pytest.raises(DataError, match="refused bars"):
        maker(of_trades=False, interval_ns=60 * SECOND_NS).of_bars(rows)


@pytest.mark.parametrize(
    ("name", "of_trades", "rule"),
    [
        ("depth_imbalance_5", True, "cannot be made of trades alone"),
        ("beta_60", True, "cannot be made of trades alone"),
        ("trade_imbalance_50", False, "cannot be made of bars alone"),
        ("no_such", True, "no_such"),
        ("vpin_50", True, "vpin_50"),
    ],
)
def test_a_feature_that_such_rows_cannot_give_is_refused_by_name(name, of_trades, rule):
    with pytest.raises(ConfigError, match=rule):
        maker(name, of_trades=of_trades)


def test_of_base_and_all_is_left_out_what_trades_cannot_give():
    assert not {"depth_imbalance_5", "queue_imbalance"} & set(maker("all").names)
    assert set(maker().names) < set(maker("all").names)


def test_the_digest_tells_vectors_of_another_meaning_apart():
    one = maker().digest(500)
    others = [
        maker().digest(499), maker().digest(None), maker("all").digest(500), maker("rsi_14").digest(500),
        maker(interval_ns=2 * SECOND_NS).digest(500), maker(of_trades=False).digest(500),
    ]  # fmt: skip
    assert len({one, *others}) == 7
    assert maker().digest(500) == one


def test_progress_is_told_to_the_end():
    told: list[tuple[int, int]] = []
    maker().of_trades(prints(1_000), goes_on=True, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (1_000, 1_000)
    assert [done for done, _ in told] == sorted(done for done, _ in told)
