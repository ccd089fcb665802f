"""Where orders may go: nowhere by default, and to plain text on this machine only."""

from __future__ import annotations

import random
import time
from decimal import Decimal

import pytest

from bot4.adapters.venues.binance.accounts import make_account
from bot4.adapters.venues.binance.spot import BinanceSpot
from bot4.adapters.venues.binance.usdm import BinanceUsdm
from bot4.config import LiveSettings, Settings
from bot4.domain.errors import ConfigError
from bot4.domain.instrument import ContractKind, Instrument
from bot4.domain.secret import Secret


def instrument(kind=ContractKind.SPOT):
    return Instrument(
        symbol="BTCUSDT", venue="binance", kind=kind, base="BTC", quote="USDT", settle="USDT",
        tick_size=Decimal("0.01"), lot_size=Decimal("0.00001"),
    )  # fmt: skip


def account(live, kind=ContractKind.SPOT):
    return make_account(
        live, [instrument(kind)], api_key=Secret("k"), secret=Secret("s"), mono_ns=time.monotonic_ns,
        wall_ns=time.time_ns, rng=random.Random(1),
    )  # fmt: skip


def test_the_defaults_name_no_place_for_orders():
    assert Settings().live.endpoint == "none"
    assert Settings().live.consent == ""
    for kind in (ContractKind.SPOT, ContractKind.LINEAR):
        with pytest.raises(ConfigError, match="names no place for orders"):
            account(Settings().live, kind)


def test_each_market_has_its_own_account():
    assert isinstance(account(LiveSettings(endpoint="testnet")), BinanceSpot)
    assert isinstance(account(LiveSettings(endpoint="testnet"), ContractKind.LINEAR), BinanceUsdm)
    with pytest.raises(ConfigError, match="spot or usdm, was coinm"):
        account(LiveSettings(endpoint="testnet"), ContractKind.INVERSE)


def test_a_custom_place_in_plain_text_is_on_this_machine_or_refused():
    account(LiveSettings(endpoint="custom", rest_url="http://127.0.0.1:1", ws_api_url="ws://127.0.0.1:1"))
    with pytest.raises(ConfigError, match="must be https://host"):
        account(LiveSettings(endpoint="custom", rest_url="http://10.0.0.1", ws_api_url="wss://10.0.0.1"))
