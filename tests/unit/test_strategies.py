"""The strategies over bars: what they want and when, and that they steer there through the engine."""

from __future__ import annotations

import random
from decimal import Decimal

import numpy as np
import pytest
from builders.backtest import trials_folder

import bot4
from bot4._core.engine.python_strategy import BarTold
from bot4.domain.instrument import ContractKind
from bot4.quant.cointegration import PairModel
from bot4.strategy.pairs import Pairs
from bot4.strategy.signals import ReversionSignal, Signal, TrendSignal
from bot4.strategy.targets import Steered

HOUR_NS = 3_600 * 10**9
START_NS = 1_700_000_000 * 10**9 // HOUR_NS * HOUR_NS
SETTINGS = {
    "strategy.bar_interval_ms": 3_600_000, "risk.order_notional_max": 50_000, "risk.position_notional_max": 50_000,
    "risk.fat_finger_multiple": 0, "risk.price_band_bps": 1_000, "breaker.stale_after_ms": 3_600_000,
}  # fmt: skip


class Bar:
    """What a signal reads of a `BarTold`."""

    def __init__(self, close: int, low: int | None = None, high: int | None = None) -> None:
        self.close_ticks, self.low_ticks, self.high_ticks = close, low or close - 5, high or close + 5


def wanted_by(signal: Signal, closes: list[int]) -> list[float]:
    return [signal.apply(Bar(close)) for close in closes]  # type: ignore[arg-type]


def test_a_breakout_goes_with_the_trend_and_leaves_on_the_nearer_extreme() -> None:
    wanted = wanted_by(TrendSignal(enter_bars=5, exit_bars=2), [100] * 5 + [120, 130, 140, 141, 120, 119])
    assert wanted == [0, 0, 0, 0, 0, 1, 1, 1, 1, 0, 0]


def test_a_bar_does_not_break_out_of_itself() -> None:
    signal = TrendSignal(enter_bars=2, exit_bars=1)
    assert [signal.apply(Bar(100, 90, 110)) for _ in range(4)] == [0, 0, 0, 0]  # type: ignore[arg-type]
    assert signal.apply(Bar(105, 80, 200)) == 0, "the close is inside the bars before, its own high does not count"  # type: ignore[arg-type]


def test_a_reversion_fades_what_is_far_and_waits_after_its_stop() -> None:
    calm = [100, 102] * 10
    signal = ReversionSignal(bars=20, enter=2.0, leave=0.25, stop=4.0)
    wanted = wanted_by(signal, [*calm, 106])
    assert wanted[-1] == -1
    stopped = ReversionSignal(bars=20, enter=2.0, leave=0.25, stop=4.0)
    after = wanted_by(stopped, [*calm, 400, 390, 380])
    assert after[-3:] == [0, 0, 0]


@pytest.mark.parametrize("make", [TrendSignal, ReversionSignal])
def test_what_a_signal_wants_hangs_on_no_later_bar(make: type[Signal]) -> None:
    dice, close, closes = random.Random(3), 10_000, []
    for _ in range(200):
        close = max(100, close + dice.randint(-90, 90))
        closes.append(close)
    changed = closes[:150] + [close + 5_000 for close in closes[150:]]
    assert wanted_by(make(), closes)[:150] == wanted_by(make(), changed)[:150]
    assert wanted_by(make(), closes) != wanted_by(make(), changed), "the control: later bars do count later"


def instrument(symbol: str, kind: ContractKind = ContractKind.SPOT) -> bot4.Instrument:
    return bot4.Instrument(
        symbol=symbol, venue="binance", kind=kind, base=symbol[:3], quote="USDT", settle="USDT",
        tick_size=Decimal("0.01"), lot_size=Decimal("0.001"),
    )  # fmt: skip


def bars(closes: list[int]) -> np.ndarray:
    rows = np.zeros(len(closes), bot4.Rows.BARS)
    rows["close_ticks"] = closes
    rows["open_ticks"] = [closes[0], *closes[:-1]]
    rows["high_ticks"] = np.maximum(rows["open_ticks"], rows["close_ticks"]) + 2
    rows["low_ticks"] = np.minimum(rows["open_ticks"], rows["close_ticks"]) - 2
    rows["volume_lots"] = 4_000_000
    rows["open_ns"] = START_NS + np.arange(len(closes)) * HOUR_NS
    rows["close_ns"] = rows["open_ns"] + HOUR_NS
    return rows


def settings() -> bot4.Settings:
    return bot4.load_settings(environment={}, overrides={"run.data_dir": trials_folder()} | SETTINGS)


def test_a_steered_strategy_holds_what_its_signal_wants() -> None:
    rising = [10_000] * 60 + [10_000 + 40 * step for step in range(1, 40)]
    made = Steered({"trend": TrendSignal(enter_bars=20, exit_bars=10)}, lots=2_000, slippage_ticks=50)
    result = bot4.backtest(bars(rising), instrument("BTCUSDT"), made, settings=settings())
    assert result.positions["BTCUSDT"] == Decimal("2.000")
    assert len(result.orders) == 1
    falling = [10_000] * 60 + [10_000 - 40 * step for step in range(1, 40)]
    made = Steered({"trend": TrendSignal(enter_bars=20, exit_bars=10)}, lots=2_000, slippage_ticks=50)
    assert len(bot4.backtest(bars(falling), instrument("BTCUSDT"), made, settings=settings()).orders) == 0


def test_an_ensemble_listens_to_the_signals_of_the_regime() -> None:
    class Always:
        def __init__(self, wanted: float) -> None:
            self.wanted = wanted

        def apply(self, bar: BarTold) -> float:
            return self.wanted + 0.0 * bar.close_ticks

    shares = {"bull": {"up": 1.0}, "bear": {"down": 1.0}, "sideways": {}, "crisis": {}}
    dice, flat, close = random.Random(5), [], 10_000
    for _ in range(120):
        close = 10_000 + dice.randint(-20, 20)
        flat.append(close)
    rising = [flat[-1] + 25 * step + dice.randint(-20, 20) for step in range(1, 80)]
    made = Steered(
        {"up": Always(1.0), "down": Always(-1.0)}, lots=1_000, allocation=shares, slippage_ticks=50, short=True
    )
    futures = instrument("BTCUSDT", ContractKind.LINEAR)
    assert bot4.backtest(bars(flat + rising), futures, made, settings=settings()).positions["BTCUSDT"] == 1
    made = Steered(
        {"up": Always(1.0), "down": Always(-1.0)}, lots=1_000, allocation=shares, slippage_ticks=50, short=True
    )
    falling = [20_000 - close for close in flat + rising]
    assert bot4.backtest(bars(falling), futures, made, settings=settings()).positions["BTCUSDT"] == -1


def test_a_pair_sells_what_is_dear_buys_what_is_cheap_and_leaves_when_they_meet() -> None:
    model = PairModel(hedge_ratio=1.0, intercept=0.0, deviation=0.01, half_life_bars=10.0, p_value=0.01, bars=100)
    apart = [10_000] * 3 + [10_270] * 4
    lanes = [instrument(symbol, ContractKind.LINEAR) for symbol in ("AAAUSDT", "BBBUSDT")]

    def run(first: list[int]) -> dict[str, Decimal]:
        made = Pairs(
            model, first="AAAUSDT", second="BBBUSDT", first_tick=0.01, second_tick=0.01, first_lots=500,
            second_lots=500, slippage_ticks=50,
        )  # fmt: skip
        data = {"AAAUSDT": bars(first), "BBBUSDT": bars([10_000] * len(first))}
        return dict(bot4.backtest(data, lanes, made, settings=settings()).positions)

    assert run(apart) == {"AAAUSDT": Decimal("-0.500"), "BBBUSDT": Decimal("0.500")}
    assert not any(run(apart + [10_000] * 3).values())
    assert not any(run([10_000] * 3 + [10_500] * 4).values()), "five deviations apart: the relation broke"


def test_parameters_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match="exit_bars <= enter_bars"):
        TrendSignal(enter_bars=5, exit_bars=6)
    with pytest.raises(ValueError, match="leave < enter < stop"):
        ReversionSignal(enter=2.0, stop=2.0)
    with pytest.raises(ValueError, match="signals and lots"):
        Steered({}, lots=1)
    with pytest.raises(ValueError, match="an allocation is by bull, bear, sideways, crisis"):
        Steered({"a": TrendSignal()}, lots=1, allocation={"bull": {}})
