"""The strategy of docs/strategy.md, taken from the page as it stands: it trades on bars, in and out."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from builders.backtest import bars, instrument, roomy

import bot4
from bot4.domain.instrument import ContractKind

MONEY = 5_000
PAGE = Path(__file__).parents[2] / "docs" / "strategy.md"


@pytest.mark.parametrize("kind", [ContractKind.SPOT, ContractKind.LINEAR])
def test_the_page_has_a_strategy_that_goes_in_and_out(kind):
    (text,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    traded, space = instrument(kind=kind), {}
    exec(compile(text, str(PAGE), "exec"), space)  # noqa: S102 - the project's own page
    waves = (120_000 * (1.0 + 0.2 * np.sin(np.arange(600) * 2 * np.pi / 100))).astype(int).tolist()
    # The page states 150 basis points: nothing that the ticks of these bars could not cost.
    result = bot4.backtest(bars(waves), traded, space["Breakout"](money=MONEY), settings=roomy())
    assert len(result.trades) >= 4
    assert set(result.fills["side"]) == {0, 1}
    paid = [
        traded.notional(int(fill["price_ticks"]), int(fill["qty_lots"])) for fill in result.fills if fill["side"] == 0
    ]
    assert 0 < max(paid) <= MONEY
