"""From settings to the parts of an engine: sizes, fees and delays, and settings that do not fit an instrument."""

from __future__ import annotations

import dataclasses
from decimal import Decimal

import numpy as np
import pytest
from builders.engine import START_NS, assembled, spot_instrument, synthetic_capture

from bot4._core.engine.feed import Feed
from bot4._core.event_dtype import EVENT_DTYPE
from bot4._core.intent_dtype import INTENT_DTYPE
from bot4._core.journal.reader import JournalReader
from bot4._core.journal.record import JournalKind
from bot4.application.assembly.assembly import assemble
from bot4.application.assembly.opening import start_balance
from bot4.application.assembly.shape import InputShape
from bot4.config import load_settings
from bot4.domain.errors import ConfigError
from bot4.domain.instrument import Market

PERP = {"market": Market.COINM, "symbol": "BTCUSD_PERP"}


def settings(**overrides):
    return load_settings(environment={}, overrides={key.replace("__", "."): value for key, value in overrides.items()})


def refusal(**arguments) -> str:
    with pytest.raises(ConfigError) as caught:
        assembled(**arguments)
    assert caught.value.exit_code == 78
    return str(caught.value)


def test_fees_are_the_venues_until_the_settings_name_others():
    price_ticks = 1_000_000  # with as many lots: no fee is rounded
    default, chosen = (
        assembled(**fees)[0].contracts[0]
        for fees in ({}, {"paper__maker_fee_bps": Decimal("-0.5"), "paper__taker_fee_bps": Decimal(7)})
    )
    value = default.value(price_ticks, 1_000_000)
    assert [default.fee(0, price_ticks, 1_000_000, maker) for maker in (True, False)] == [value // 1_000] * 2
    assert chosen.fee(0, price_ticks, 1_000_000, True) == -value * 5 // 100_000
    assert chosen.fee(0, price_ticks, 1_000_000, False) == value * 7 // 10_000


def test_an_inverse_account_is_opened_in_the_coin_and_sized_in_contracts():
    chosen = settings(paper__balance_coin=Decimal(2))
    perp = spot_instrument("BTCUSD_PERP", Market.COINM)
    assembly = assemble(chosen, [perp], journal=None, shape=InputShape())
    coin = assembly.asset("BTC")
    assert start_balance(chosen, perp) == 2
    assert assembly.account[coin].available == 2 * 10 ** assembly.account.decimals[coin]
    assert perp.settle == "BTC"


@pytest.mark.parametrize(
    ("amount", "key"),
    [
        ({"strategy__order_notional": Decimal(99)}, "strategy.order_notional"),
        ({"strategy__position_notional": Decimal(99)}, "strategy.position_notional"),
        ({"risk__position_notional_max": Decimal(99)}, "risk.position_notional_max"),
        ({"risk__order_notional_max": Decimal(99)}, "risk.order_notional_max"),
    ],
)
def test_an_amount_below_one_contract_names_the_setting_and_the_contract(amount, key):
    assert refusal(**PERP, **amount) == (
        f"setting {key} of 99 is less than one contract of BTCUSD_PERP, which is worth 100"
    )


def test_an_amount_below_one_lot_at_one_tick_names_the_setting():
    said = refusal(risk__position_notional_max=Decimal("0.00000001"), market=Market.USDM)
    assert "setting risk.position_notional_max of " in said
    assert said.endswith("is less than one lot at one tick of BTCUSDT")


def test_amounts_scale_with_the_account_where_the_quote_is_a_coin():
    """Settings speak of an account of 10,000 in money; the account of 5 ETH trades a two-thousandth of that."""
    pair = dataclasses.replace(spot_instrument(), quote="ETH", settle="ETH", min_notional=Decimal("0.25"))
    fits = settings(paper__balance_coin=Decimal(5), strategy__order_notional=Decimal(500))
    assert assemble(fits, [pair], journal=None, shape=InputShape()).account.decimals
    with pytest.raises(ConfigError, match=r"499 is below the least order of BTCUSDT, which is 0\.25 ETH"):
        assemble(
            settings(paper__balance_coin=Decimal(5), strategy__order_notional=Decimal(499)),
            [pair],
            journal=None,
            shape=InputShape(),
        )


def test_without_a_book_a_strategy_of_the_book_alone_is_refused():
    only_book = settings(strategy__weights={"queue_imbalance": 1.0}, strategy__scales={"queue_imbalance": 1.0})
    with pytest.raises(ConfigError, match="names only features of a book, and this input has none"):
        assemble(only_book, [spot_instrument()], journal=None, shape=InputShape(has_book=False))


def test_what_the_core_refuses_is_told_with_the_symbol(monkeypatch):
    def no_gate(**_):
        raise ValueError("burst must be at least 1, was 0")

    monkeypatch.setattr("bot4.application.assembly.risk_parts.RiskGate", no_gate)
    assert refusal() == "the settings do not fit BTCUSDT: burst must be at least 1, was 0"


@pytest.mark.parametrize(
    "latency", [*(pytest.param(one, marks=pytest.mark.untraced) for one in ("zero", "fixed")), "lognormal"]
)
def test_the_venues_latency_is_the_one_chosen(latency, tmp_path):
    """Same seed, same market: the first order is sent at the same moment and answered after the chosen delay."""
    trading = {"strategy__cooldown_ms": 200, "strategy__enter_score": 0.3, "strategy__take_score": 0.45}
    assembly, journal = assembled(
        tmp_path / "j", paper__latency=latency, paper__latency_fixed_ms=300.0, risk__drawdown_max_bps=5_000, **trading
    )
    Feed(assembly.scanner, assembly.engine).lines(synthetic_capture(4_000), 0, default_instrument=0)
    journal.close()
    delays_ms = answer_delays_ms(tmp_path / "j")
    assert delays_ms
    assert min(delays_ms) >= {"zero": 0, "fixed": 600, "lognormal": 0.01}[latency]
    if latency == "fixed":
        assert delays_ms[0] == pytest.approx(600)
    if latency == "lognormal":
        assert len(set(delays_ms)) > 1


def answer_delays_ms(path) -> list[float]:
    """From each order to its first report, by the journal."""
    sent, delays = {}, []
    with JournalReader(path) as reader:
        for record in reader:
            if record.kind == JournalKind.JOURNAL_INTENT:
                intent = np.frombuffer(record.payload, INTENT_DTYPE)[0]
                if intent["action"] == 0:
                    sent[int(intent["order_id"])] = int(intent["ts_ns"])
            elif record.kind == JournalKind.JOURNAL_UPDATE:
                update = np.frombuffer(record.payload, EVENT_DTYPE)[0]
                if (at_ns := sent.pop(int(update["a"]), None)) is not None:
                    delays.append((int(update["recv_ns"]) - at_ns) / 1e6)
    assert min(sent.values(), default=START_NS) >= START_NS
    return delays
