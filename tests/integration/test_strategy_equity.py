"""What a strategy is shown of the account's worth: the point of the equity curve that was drawn last."""

from __future__ import annotations

import ctypes
from decimal import Decimal

import numpy as np
from builders.backtest import MS, instrument, quotes, roomy
from builders.engine import Rig, quote

import bot4
from bot4._core.engine.python_strategy import PythonHost
from bot4._core.engine.recovery import Recovery
from bot4._core.engine.strategy import STRATEGY_CALL_DTYPE
from bot4._core.types import ContractKind

STRATEGY_FN = ctypes.CFUNCTYPE(ctypes.c_int32, *[ctypes.c_void_p] * 7)
ROWS = quotes(200, step_ns=20 * MS)


class Watches(bot4.Strategy):
    """Holds some from the fifth book on, and notes what it is shown."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, Decimal]] = []

    def on_start(self, market) -> None:
        self.seen.append((market.now_ns, market.equity))

    def on_book(self, market) -> None:
        self.seen.append((market.now_ns, market.equity))
        if len(self.seen) == 6:
            market.buy(1_000)


def test_it_is_the_last_point_of_the_curve_and_before_it_the_money_held():
    strategy = Watches()
    result = bot4.backtest(ROWS, instrument(), strategy, settings=roomy())
    assert strategy.seen[0][1] == Decimal(1_000_000) == result.equity_start
    last = np.searchsorted(result.equity_ns[:-1], [at for at, _ in strategy.seen], "right") - 1
    assert len(set(last)) > 10
    assert [float(worth) for _, worth in strategy.seen] == [result.equity[at] for at in last]
    assert len({worth for _, worth in strategy.seen}) > 5, "it moves with what is held"


def test_a_compiled_strategy_is_handed_the_same_in_atoms():
    seen: list[int] = []

    @STRATEGY_FN
    def function(call, _top, _event, _features, _orders, _requests, _state) -> int:
        buffer = (ctypes.c_char * STRATEGY_CALL_DTYPE.itemsize).from_address(call)
        seen.append(int(np.frombuffer(buffer, STRATEGY_CALL_DTYPE)[0]["equity_atoms"]))
        return 0

    strategy = bot4.CompiledStrategy(ctypes.cast(function, ctypes.c_void_p).value, np.zeros(1, "i8"), wants=("book",))
    result = bot4.backtest(ROWS, instrument(), strategy, settings=roomy(paper__balance_quote="777.5"))
    assert set(seen) == {77_750_000_000}
    assert result.equity_end == Decimal("777.5")


def test_a_run_that_goes_on_from_a_snapshot_shows_the_last_mark_and_not_the_money_alone():
    lived, again = Watches(), Watches()
    rig = Rig(kind=ContractKind.CONTRACT_SPOT)
    rig.engine.set_strategy(PythonHost(lived, rig.engine, wants=("book",)))
    for at_ms in range(10, 3_000, 10):
        rig.apply(quote(at_ms, at_ms, (100_000 + at_ms, 5_000), (100_002 + at_ms, 5_000)))
    assert rig.positions[0].lots == 1_000
    other = Rig(kind=ContractKind.CONTRACT_SPOT)
    other.engine.set_strategy(PythonHost(again, other.engine, wants=("book",)))
    Recovery(other.engine).load(Recovery(rig.engine).save(1, 1))
    other.apply(quote(3_000, 3_000, (100_000, 5_000), (100_002, 5_000)))
    money = Decimal(other.account[1].available + other.account[1].locked).scaleb(-8)
    assert again.seen[-1][1] == lived.seen[-1][1] > money + 999
