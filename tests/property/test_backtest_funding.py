"""Funding in backtests: to the last atom what the rates say of what was held, and never of anything else."""

from __future__ import annotations

import json
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from builders.backtest import MS, START_NS, bars, instrument, quotes, roomy
from builders.examples import examples
from click.testing import CliRunner
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from oracles.backtest_funding import settle

import bot4
from bot4.adapters.recordings.funding import read_funding
from bot4.domain.errors import DataError
from bot4.domain.instrument import ContractKind
from bot4.entrypoints.cli.main import main
from bot4.strategy.ema_cross import compiled_ema_cross

PERPETUAL = instrument(kind=ContractKind.LINEAR)
COIN = bot4.Instrument(
    symbol="BTCUSD_PERP", venue="binance", kind=ContractKind.INVERSE, base="BTC", quote="USD", settle="BTC",
    tick_size=Decimal("0.5"), lot_size=Decimal(1), contract_size=Decimal(100),
)  # fmt: skip
CASES = 1_000


class Held(bot4.Strategy):
    """Takes the wanted position at given rows of the market."""

    def __init__(self, wanted: dict[int, int]) -> None:
        self.wanted, self.seen = wanted, 0

    def on_book(self, market) -> None:
        self.seen += 1
        change = self.wanted.get(self.seen, market.position_lots) - market.position_lots
        if change > 0:
            market.buy(change, market.ask_ticks + 5, tif="ioc")
        elif change < 0:
            market.sell(-change, market.bid_ticks - 5, tif="ioc")


def settlements(rows: list[tuple[int, int, int]]) -> np.ndarray:
    return np.array(rows, bot4.Rows.FUNDING)


def drawn(seed: int):
    rng = np.random.default_rng(seed)
    count = int(rng.integers(10, 60))
    market = quotes(count, seed)
    wanted = {int(row): int(rng.integers(-900, 901)) for row in rng.integers(1, count, 5)}
    at = np.sort(rng.integers(1, 2 * count - 1, int(rng.integers(1, 6)))) * MS // 2
    rows = [
        (int(START_NS + stamp), int(rng.integers(-400_000, 400_001)), int(rng.choice([0, 0, 119_000, 121_003])))
        for stamp in at
    ]
    return market, wanted, [row for row in rows if START_NS < row[0] <= int(market["recv_ns"][-1])]


def run(market, wanted, rows, kind=PERPETUAL):
    return bot4.backtest(market, kind, Held(wanted), settings=roomy(), funding=settlements(rows), count_trial=False)


def check(seed: int, back=run) -> None:
    market, wanted, rows = drawn(seed)
    result, without = back(market, wanted, rows), run(market, wanted, [])
    fills = [(int(row["recv_ns"]), int(row["side"]), int(row["qty_lots"])) for row in without.fills]

    def mid(time_ns: int) -> int:
        row = market[np.searchsorted(market["recv_ns"], time_ns, side="left") - 1]
        return int(row["bid_ticks"] + row["ask_ticks"]) // 2

    expected = settle(fills, rows, mid, tick=Fraction(1, 2), lot=Fraction(1, 1_000), decimals=8)
    assert [tuple(map(int, (row["time_ns"], row["position_lots"], row["atoms"]))) for row in result.funding] == expected
    total = Decimal(sum(atoms for _, _, atoms in expected)).scaleb(-8)
    assert result.balances["USDT"] == without.balances["USDT"] - total
    assert sum(result.funding_paid.values(), Decimal(0)) == total
    assert result.profit == without.profit - total
    assert result.fills.tobytes() == without.fills.tobytes()


@settings(max_examples=examples(CASES), deadline=None, phases=[Phase.generate, Phase.shrink])
@given(st.integers(0, 2**32))
def test_funding_is_its_slow_twins_to_the_last_atom_and_touches_nothing_else(seed):
    check(seed)


def many(back) -> None:
    for seed in range(40):
        check(seed, back)


def turned(market, wanted, rows):
    return run(market, wanted, [(at, -rate, mark) for at, rate, mark in rows])


def late(market, wanted, rows):
    return run(market, wanted, [(min(at + MS, int(market["recv_ns"][-1])), rate, mark) for at, rate, mark in rows])


def at_the_mid(market, wanted, rows):
    return run(market, wanted, [(at, rate, 0) for at, rate, _ in rows])


def one_part_off(market, wanted, rows):
    return run(market, wanted, [(at, rate + 1, mark) for at, rate, mark in rows])


@pytest.mark.parametrize("planted", [turned, late, at_the_mid, one_part_off])
def test_a_fault_planted_into_funding_is_noticed(planted):
    many(run)
    with pytest.raises(AssertionError):
        many(planted)


def test_a_coin_settled_contract_pays_in_the_coin():
    market = quotes(40)
    rows = [(START_NS + 20 * MS, 10_000, 120_001)]
    result = bot4.backtest(market, COIN, Held({3: 50}), settings=roomy(), funding=settlements(rows), count_trial=False)
    fills = [(int(row["recv_ns"]), int(row["side"]), int(row["qty_lots"])) for row in result.fills]
    expected = settle(fills, rows, None, tick=Fraction(1, 2), lot=Fraction(100), decimals=8, is_inverse=True)
    assert [int(row["atoms"]) for row in result.funding] == [atoms for _, _, atoms in expected]
    assert result.funding_paid["BTC"] > 0


def test_a_settlement_at_the_stamp_of_a_row_is_before_it_and_one_at_a_close_of_a_bar_after_it():
    market = quotes(10)
    at = int(market["recv_ns"][5])
    result = run(market, {6: 100}, [(at, 10_000, 0), (at + 1, 10_000, 0)])
    assert result.funding["position_lots"].tolist() == [0, 100]
    hours = bars([120_000] * 12, minutes=60)
    held = bot4.backtest(
        hours, PERPETUAL, Held({1: 100}), settings=roomy(),
        funding=settlements([(int(close), 10_000, 0) for close in hours["close_ns"]]),
    )  # fmt: skip
    assert len(held.funding) == 12
    assert held.funding["position_lots"][-1] == 100


def test_settlements_outside_the_data_are_left_out_and_the_rest_is_said():
    market = quotes(10)
    first, last = int(market["recv_ns"][0]), int(market["recv_ns"][-1])
    rows = [(first - 5, 10_000, 0), (first, 10_000, 0), (last, 10_000, 0), (last + 1, 10_000, 0)]
    result = run(market, {2: 10}, rows)
    assert result.funding["time_ns"].tolist() == [last]
    assert any("settled 1 times" in note for note in result.notes)
    assert result.rows == 10


def test_a_perpetual_without_rates_says_so_and_a_spot_market_does_not():
    market = quotes(10)
    said = bot4.backtest(market, PERPETUAL, Held({2: 10}), settings=roomy())
    assert any("perpetual without funding rates" in note for note in said.notes)
    assert len(said.funding) == 0
    spot = bot4.backtest(market, instrument(), Held({2: 10}), settings=roomy())
    assert not any("funding" in note for note in spot.notes)


def test_what_an_empty_account_cannot_pay_is_said():
    market = quotes(40)
    rows = [(START_NS + 20 * MS, 100_000_000, 120_000)]
    poor = roomy(paper__balance_quote="5000")
    result = bot4.backtest(market, PERPETUAL, Held({3: 900}), settings=poor, funding=settlements(rows))
    (row,) = result.funding
    assert row["atoms"] + row["unpaid_atoms"] == row["position_lots"] * 60_000 * 10**5
    assert row["unpaid_atoms"] > 0
    assert result.balances["USDT"] == 0
    assert any("could not be paid" in note for note in result.notes)


def test_the_result_hash_knows_the_rates():
    market = quotes(40)
    one, same, other = (run(market, {3: 9}, [(START_NS + 20 * MS, rate, 0)]) for rate in (10_000, 10_000, 10_001))
    assert one.result_hash == same.result_hash != other.result_hash


@pytest.mark.parametrize(
    ("funding", "kind", "rule"),
    [
        (settlements([(START_NS + MS, 10_000, 0)]), instrument(), "a spot market has no funding"),
        (settlements([(START_NS + MS, 100_000_001, 0)]), PERPETUAL, "within -100 % and 100 %"),
        (settlements([(START_NS + MS, 1, -1)]), PERPETUAL, "a mark is not below 0"),
        (settlements([(START_NS + 3 * MS, 1, 0), (START_NS + MS, 1, 0)]), PERPETUAL, "before the row in front"),
        (np.zeros(3), PERPETUAL, "rows of bot4.Rows.FUNDING"),
        ({"ETHUSDT": settlements([])}, PERPETUAL, "none of the instruments"),
    ],
)
def test_funding_that_cannot_be_is_refused(funding, kind, rule):
    with pytest.raises((ValueError, DataError), match=rule):
        bot4.backtest(quotes(10), kind, Held({}), settings=roomy(), funding=funding)


def test_a_grid_takes_funding_too():
    market = quotes(2_000, step_ns=1_000 * MS)
    rows = settlements([(START_NS + number * 100_000 * MS, 100_000, 0) for number in range(1, 20)])

    def make(slow: int):
        return compiled_ema_cross(fast=5, slow=slow, lots=100, slippage_ticks=5)

    with_rates = bot4.walk_forward(
        market, PERPETUAL, make, {"slow": [20, 50]}, windows=1, settings=roomy(), funding=rows
    )
    without = bot4.walk_forward(market, PERPETUAL, make, {"slow": [20, 50]}, windows=1, settings=roomy())
    assert all(a.profit < b.profit for a, b in zip(with_rates.runs.trials, without.runs.trials, strict=True))


# -- files -------------------------------------------------------------------------------------------------------------


def test_a_file_of_rates_is_read_to_the_last_part(tmp_path):
    path = tmp_path / "BTCUSDT-funding.csv"
    path.write_text("ts,funding_rate\n1701388800000,0.0001\n1701417600002,-0.00012345\n")
    assert read_funding(path).tolist() == [
        (1_701_388_800_000_000_000, 10_000, 0),
        (1_701_417_600_002_000_000, -12_345, 0),
    ]
    path.write_text("calc_time,funding_interval_hours,last_funding_rate\n1701388800000,8,1e-8\n")
    assert read_funding(path)["rate_e8"].tolist() == [1]


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("time,rate\n1,2\n", "its columns are"),
        ("ts,funding_rate\n1,x\n", "row 2: '1', 'x' are no stamp and rate"),
        ("ts,funding_rate\n1,0.000000001\n", "whole parts"),
        ("ts,funding_rate\n1,1.5\n", "within -1 and 1"),
        ("ts,funding_rate\n2,0\n2,0\n", "row 3: a settlement at or before"),
        ("ts,funding_rate\n2\n", "row 2: '2', None"),
    ],
)
def test_a_file_that_is_none_is_refused_by_row(tmp_path, text, rule):
    (tmp_path / "x.csv").write_text(text)
    with pytest.raises(DataError, match=rule):
        read_funding(tmp_path / "x.csv")


def test_the_command_settles_by_a_file_and_says_what_it_came_to(tmp_path, monkeypatch):
    monkeypatch.setenv("BOT4_DATA_DIR", str(tmp_path / "data"))
    hour = 3_600_000
    lines = [f"{1_701_388_800_000 + row * hour},40000,40010,39990,{40000 + row % 7},100" for row in range(400)]
    (tmp_path / "BTCUSDT.csv").write_text("\n".join(["ts,open,high,low,close,volume", *lines]) + "\n")
    rates = [f"{1_701_388_800_000 + row * 8 * hour},0.0005" for row in range(60)]
    (tmp_path / "BTCUSDT-rates.csv").write_text("\n".join(["ts,funding_rate", *rates]) + "\n")
    words = [
        "backtest", str(tmp_path / "BTCUSDT.csv"), "--market", "usdm", "--funding", str(tmp_path / "BTCUSDT-rates.csv"),
        "--strategy", "bot4.strategy.ema_cross:EmaCross", "--strategy-arg", "lots=10", "--strategy-arg",
        "slippage_ticks=500", "--json", "-",
    ]  # fmt: skip
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["orders"] > 5
    assert "settled 50 times" in " ".join(found["notes"])
    assert Decimal(found["funding_paid"]["USDT"]) > 0
    without = json.loads(CliRunner().invoke(main, [*words[:4], *words[6:]]).stdout)
    assert Decimal(without["profit"]) - Decimal(found["profit"]) == Decimal(found["funding_paid"]["USDT"])
    assert "perpetual without funding rates" in " ".join(without["notes"])
