"""What forbids live trading, one line each."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from bot4.application.live.preflight import PreflightError, preflight, require_consent
from bot4.config import load_settings
from bot4.domain.instrument import ContractKind, Instrument, Market
from bot4.ports.exchange import KeyPermissions, OrderLimit
from bot4.ports.venue_order import Balance, VenuePosition
from bot4.ports.venue_outcome import NoInformation

BTC = Instrument(
    symbol="BTCUSDT", venue="binance", kind=ContractKind.SPOT, base="BTC", quote="USDT", settle="USDT",
    tick_size=Decimal("0.01"), lot_size=Decimal("0.00001"), min_qty=Decimal("0.00001"), min_notional=Decimal(5),
)  # fmt: skip
CONSENTS = {"live.consent": "real orders", "live.endpoint": "testnet"}


class Venue:
    """A venue that answers as told."""

    class capabilities:  # noqa: N801 - an attribute of the port
        market = Market.SPOT

    def __init__(self, **answers):
        self.answers = {
            "ready": None,
            "key": KeyPermissions(
                trade=True, withdraw=False, internal_transfer=False, universal_transfer=False, ip_restricted=False
            ),
            "problems": [],
            "limits": [OrderLimit(200, 10), OrderLimit(200_000, 86_400)],
            "balances": [Balance("USDT", Decimal(1_000), Decimal(0))],
            "positions": [VenuePosition("ETHUSDT", Decimal(5), Decimal(1))],
        } | answers

    def why_not_ready(self):
        return self.answers["ready"]

    def order_limits(self):
        return self.answers["limits"]

    async def key_permissions(self):
        return self.answers["key"]

    async def account_problems(self):
        return self.answers["problems"]

    async def balances(self):
        return self.answers["balances"]

    async def positions(self):
        return self.answers["positions"]


def lines(venue, instrument=BTC, **overrides):
    settings = load_settings(environment={}, overrides={k.replace("__", "."): v for k, v in overrides.items()})
    return asyncio.run(preflight(venue, settings, [instrument]))


def key(**may):
    return KeyPermissions(
        **{"trade": True, "withdraw": False, "internal_transfer": False, "universal_transfer": False,
           "ip_restricted": False} | may
    )  # fmt: skip


def test_a_sound_account_passes():
    assert lines(Venue()) == []


@pytest.mark.parametrize(
    ("answers", "word"),
    [
        ({"ready": "the clocks differ by 900 ms"}, "clock and connection: the clocks differ"),
        ({"key": key(withdraw=True)}, "it may withdraw"),
        ({"key": key(internal_transfer=True)}, "it may transfer to other accounts"),
        ({"key": key(universal_transfer=True)}, "it may move money between accounts"),
        ({"key": key(trade=False)}, "it may not trade"),
        ({"key": NoInformation("503")}, "what it may do is not known (503): refused"),
        ({"problems": ["the venue does not let it trade"]}, "account: the venue does not let it trade"),
        ({"problems": NoInformation("503")}, "account: it did not answer"),
        ({"limits": []}, "limits: the venue named none"),
        ({"limits": [OrderLimit(50, 10)]}, "allow 100 orders in 10 s, the venue 50"),
        ({"balances": NoInformation("503")}, "balances: they are not known"),
        ({"positions": NoInformation("503")}, "positions: they are not known"),
        ({"positions": [VenuePosition("BTCUSDT", Decimal(-2), Decimal(1))]}, "holds a position of -2"),
        ({"balances": []}, "one order takes 500 USDT, the account has none"),
        ({"balances": [Balance("USDT", Decimal("3.5"), Decimal(999))]}, "the account has 3.5 free"),
    ],
)
def test_each_thing_that_is_wrong_gives_its_line(answers, word):
    found = lines(Venue(**answers))
    assert len(found) == 1
    assert word in found[0]


def test_a_key_of_unknown_permissions_is_taken_on_a_test_venue_only_and_only_when_told():
    unknown = Venue(key=NoInformation("404"))
    for endpoint, is_taken in (("testnet", True), ("mainnet", False)):
        found = lines(unknown, live__endpoint=endpoint, live__accept_unknown_key="true")
        assert (found == []) is is_taken
    assert lines(unknown, live__endpoint="testnet") != []


def test_several_things_give_several_lines():
    assert len(lines(Venue(ready="x", key=key(withdraw=True, trade=False), balances=[]))) == 4


def test_rules_of_the_venue_must_be_known_and_fit():
    from dataclasses import replace  # noqa: PLC0415

    assert "filters are not known" in lines(Venue(), replace(BTC, min_notional=None))[0]
    assert "below the venue's least 5" in lines(Venue(), strategy__order_notional="4")[0]
    assert "does not trade on this venue's spot" in lines(Venue(), replace(BTC, kind=ContractKind.LINEAR))[0]
    coin = [Balance("BTC", Decimal("0.01"), Decimal(0))]
    assert "the account has none" in lines(Venue(balances=coin))[0], "coins of before are not the run's to sell"


def test_a_key_for_any_address_is_refused_where_that_is_asked_for():
    assert "not restricted to an address" in lines(Venue(), live__require_ip_restriction="true")[0]
    assert lines(Venue(key=key(ip_restricted=True)), live__require_ip_restriction="true") == []


@pytest.mark.parametrize(
    ("overrides", "environment", "words"),
    [
        ({}, {}, ["live.consent", "BOT4_LIVE_CONSENT", "live.endpoint"]),
        (CONSENTS, {}, ["BOT4_LIVE_CONSENT"]),
        (CONSENTS, {"BOT4_LIVE_CONSENT": "yes"}, ["BOT4_LIVE_CONSENT"]),
        ({"live.endpoint": "mainnet"}, {"BOT4_LIVE_CONSENT": "real orders"}, ["live.consent"]),
        ({"live.consent": "real orders"}, {"BOT4_LIVE_CONSENT": "real orders"}, ["live.endpoint"]),
        (CONSENTS, {"BOT4_LIVE_CONSENT": "real orders", "BOT4_LIVE__CONSENT": "real orders"}, ["two places"]),
    ],
)
def test_consent_is_given_twice_and_in_these_words(overrides, environment, words):
    settings = load_settings(environment={}, overrides=overrides)
    with pytest.raises(PreflightError) as caught:
        require_consent(settings, environment)
    assert len(caught.value.lines) == len(words)
    assert all(word in line for word, line in zip(words, caught.value.lines, strict=True))
    assert caught.value.exit_code == 78


def test_both_consents_and_an_endpoint_are_enough():
    require_consent(load_settings(environment={}, overrides=CONSENTS), {"BOT4_LIVE_CONSENT": "real orders"})


def test_addresses_need_the_custom_endpoint():
    from bot4.domain.errors import ConfigError  # noqa: PLC0415

    with pytest.raises(ConfigError, match=r"needs live.endpoint"):
        load_settings(environment={}, overrides={"live.rest_url": "https://example.com"})
    with pytest.raises(ConfigError, match=r"needs live.rest_url"):
        load_settings(environment={}, overrides={"live.endpoint": "custom"})


def test_the_environment_of_keys_and_consent_is_no_setting():
    settings = load_settings(
        environment={"BOT4_API_KEY": "a", "BOT4_API_SECRET": "b", "BOT4_LIVE_CONSENT": "real orders"}
    )
    assert settings.live.consent == ""
