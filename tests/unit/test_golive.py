"""What real orders ask for: each threshold on both sides, a digest for what changes a strategy, exemptions."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from builders.backtest import instrument

from bot4.application.evidence.golive import Evidence, checks, failed, require_passed
from bot4.application.live.preflight import PreflightError
from bot4.bootstrap.golive import Admission, digest_of, marked_digest, read_evidence
from bot4.bootstrap.golive_evidence import _keep
from bot4.bootstrap.session import open_session
from bot4.config import GoliveSettings, load_settings
from bot4.domain.errors import DataError
from bot4.domain.instrument import ContractKind

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
RULES = GoliveSettings()
SPOT = instrument()
VENUE = SimpleNamespace(instruments=(SPOT,))


def shown(**changed: object) -> Evidence:
    plain = {
        "digest": "d1", "strategy": "mine.py:Mine", "arguments": ("fast=5",), "symbols": ("BTCUSDT",), "market": "spot",
        "version": "0", "made_utc": "2026-11-10T12:00:00+00:00", "first_utc": "2025-01-01", "last_utc": "2026-11-01",
        "out_of_sample_days": 180.0, "profit_share": 0.01, "sharpe_annual": 1.5, "drawdown_max": 0.15, "trials": 4,
        "deflated_sharpe": 0.95, "added_orders": 40,
        "unstated_orders": 12, "stated_bps": 31.0, "brought_bps": 30.0, "preferred": "", "parity_orders": 20,
        "parity_fills": 9, "is_equal": True,
        "paper_days": 14.0,
    }  # fmt: skip
    return Evidence(**(plain | changed))


def test_evidence_that_just_reaches_every_threshold_passes():
    assert failed(checks(shown(), RULES, NOW)) == []
    require_passed(shown(), RULES, NOW, "d1")


BELOW = {
    "out of sample": {"out_of_sample_days": 179.9},
    "profit": {"profit_share": 0.0},
    "drawdown": {"drawdown_max": 0.1501},
    "deflated Sharpe": {"deflated_sharpe": 0.9499},
    "expectation": {"stated_bps": 31.01},
    "choice": {"preferred": "fast=9"},
    "parity": {"is_equal": False},
    "days on paper": {"paper_days": 13.99},
    "age": {"made_utc": (NOW - timedelta(days=31)).isoformat()},
}


@pytest.mark.parametrize("name", BELOW)
def test_each_thing_that_is_missing_is_one_line_that_names_it_and_why(name):
    lines = failed(checks(shown(**BELOW[name]), RULES, NOW))
    assert len(lines) == 1
    assert lines[0].startswith(f"golive: {name}: ")
    assert ": " in lines[0].partition("needed is")[2]
    with pytest.raises(PreflightError) as refused:
        require_passed(shown(**BELOW[name]), RULES, NOW, "d1")
    assert refused.value.lines == tuple(lines)


@pytest.mark.parametrize(
    "changed",
    [
        {"deflated_sharpe": None}, {"parity_orders": None, "parity_fills": None, "is_equal": False},
        {"parity_orders": 19}, {"made_utc": (NOW + timedelta(days=1)).isoformat()},
        {"brought_bps": None, "stated_bps": None, "added_orders": 0},
    ],
)  # fmt: skip
def test_what_was_not_measured_or_is_of_tomorrow_does_not_pass(changed):
    assert len(failed(checks(shown(**changed), RULES, NOW))) == 1


def test_every_check_is_made_and_every_threshold_is_a_setting():
    worst = shown(
        out_of_sample_days=0.0, profit_share=-1.0, drawdown_max=1.0, deflated_sharpe=None, stated_bps=100.0,
        preferred="x", is_equal=False, paper_days=0.0, made_utc="2020-01-01T00:00:00+00:00",
    )  # fmt: skip
    assert [check.name for check in checks(worst, RULES, NOW) if not check.is_passed] == list(BELOW)
    easy = GoliveSettings(
        out_of_sample_days_min=0.0, drawdown_max_bps=10_000, deflated_sharpe_min=0.0, parity_orders_min=1,
        paper_days_min=0.0, evidence_days_max=3_650.0,
    )  # fmt: skip
    tiny = shown(out_of_sample_days=1.0, drawdown_max=0.9, deflated_sharpe=0.1, parity_orders=1, paper_days=0.0)
    assert failed(checks(tiny, easy, NOW)) == []
    assert len(failed(checks(tiny, replace_setting(easy, profit_min_bps=101.0), NOW))) == 1


def replace_setting(rules: GoliveSettings, **changed: object) -> GoliveSettings:
    return GoliveSettings(**({name: getattr(rules, name) for name in rules.__struct_fields__} | changed))


def test_a_worth_that_was_not_brought_is_named_beside_what_was_and_what_is_measured_is_not_held_to_it():
    (line,) = failed(checks(shown(stated_bps=100.0, brought_bps=12.34, unstated_orders=40), RULES, NOW))
    assert "stated 100.0 bps, brought 12.3 bps before costs, 40 orders, 40 by strategy.expected_bps" in line
    assert "golive.overstated_bps_max" in line
    assert failed(checks(shown(stated_bps=-3.0, brought_bps=-2.5), RULES, NOW)) == [], "a maker may state a loss"
    assert failed(checks(shown(stated_bps=None, brought_bps=-2.5), RULES, NOW)) == []
    roomy = replace_setting(RULES, overstated_bps_max=88.0)
    assert failed(checks(shown(stated_bps=100.0, brought_bps=12.34), roomy, NOW)) == []


def test_evidence_of_another_digest_is_none():
    with pytest.raises(PreflightError, match="has to pass again"):
        require_passed(shown(), RULES, NOW, "d2")
    with pytest.raises(PreflightError, match="no evidence for this code"):
        require_passed(None, RULES, NOW, "d1")


# -- the digest --------------------------------------------------------------------------------------------------------


def settings(tmp_path, **overrides: object):
    plain = {"run.data_dir": str(tmp_path / "data")}
    return load_settings(environment={}, overrides=plain | {k.replace("__", "."): v for k, v in overrides.items()})


def test_a_digest_changes_with_whatever_changes_what_is_traded_and_with_nothing_else(tmp_path):
    code = tmp_path / "mine.py"
    code.write_text("FAST = 5\n")
    named = (f"{code}:Mine", ("fast=5", "slow=9"))
    first = digest_of(settings(tmp_path), named, [SPOT])
    assert first == digest_of(settings(tmp_path), (named[0], ("slow=9", "fast=5")), [SPOT])
    same = settings(tmp_path, run__seed=9, paper__latency="zero", live__timeout_ms=900, golive__paper_days_min=1.0)
    assert digest_of(same, named, [SPOT]) == first
    others = [
        digest_of(settings(tmp_path), (named[0], ("fast=6", "slow=9")), [SPOT]),
        digest_of(settings(tmp_path), None, [SPOT]),
        digest_of(settings(tmp_path, risk__open_orders_max=3), named, [SPOT]),
        digest_of(settings(tmp_path, strategy__enter_score=0.3), named, [SPOT]),
        digest_of(settings(tmp_path), named, [instrument("ETHUSDT")]),
        digest_of(settings(tmp_path), named, [instrument(kind=ContractKind.LINEAR)]),
    ]
    code.write_text("FAST = 6\n")
    others.append(digest_of(settings(tmp_path), named, [SPOT]))
    assert len({first, *others}) == len(others) + 1


def test_evidence_is_kept_by_its_digest_and_damage_is_no_evidence(tmp_path):
    there = settings(tmp_path)
    assert read_evidence(there, "d1") is None
    _keep(there, shown())
    assert read_evidence(there, "d1") == shown()
    path = tmp_path / "data" / "golive" / "d1.json"
    path.write_text(path.read_text().replace("paper_days", "paper_hours"))
    with pytest.raises(DataError, match="fields"):
        read_evidence(there, "d1")
    path.write_text("{")
    with pytest.raises(DataError, match="cannot be read"):
        read_evidence(there, "d1")


# -- who is asked ------------------------------------------------------------------------------------------------------


def admitted(tmp_path, named=None, strategy=None, unfinished=None, keep=None, **overrides: object) -> list[str]:
    there = settings(tmp_path, **overrides)
    said: list[str] = []
    admission = Admission(there, VENUE, strategy, named)
    if keep is not None:
        _keep(there, replace(keep, digest=admission.digest, made_utc=datetime.now(UTC).isoformat()))
    admission.require(unfinished, said.append)
    return said


MAINNET = {"live__endpoint": "mainnet"}


def test_real_orders_take_evidence_of_this_very_strategy(tmp_path):
    with pytest.raises(PreflightError, match="no evidence"):
        admitted(tmp_path, **MAINNET)
    assert "has passed" in admitted(tmp_path, keep=shown(), **MAINNET)[0]
    with pytest.raises(PreflightError, match="no evidence"):
        admitted(tmp_path, strategy__enter_score=0.3, **MAINNET)
    with pytest.raises(PreflightError, match="days on paper"):
        admitted(tmp_path, keep=shown(paper_days=1.0), **MAINNET)
    elsewhere = {"live__endpoint": "custom", "live__rest_url": "https://venue.example"}
    with pytest.raises(PreflightError, match="days on paper"):
        admitted(tmp_path, **elsewhere)


def test_real_orders_of_what_states_nothing_take_what_the_settings_say_to_have_been_brought(tmp_path):
    held_to_the_default = shown(stated_bps=100.0, unstated_orders=40)
    with pytest.raises(PreflightError, match=r"expectation: stated 100\.0 bps, brought 30\.0 bps"):
        admitted(tmp_path, keep=held_to_the_default, **MAINNET)
    assert "has passed" in admitted(tmp_path, keep=replace(held_to_the_default, brought_bps=99.5), **MAINNET)[0]


def test_a_strategy_without_a_name_is_refused(tmp_path):
    with pytest.raises(PreflightError, match="without a name"):
        admitted(tmp_path, strategy=object(), **MAINNET)


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ({"live__endpoint": "custom", "live__rest_url": "http://127.0.0.1:8080"}, "this machine (127.0.0.1)"),
        ({"live__endpoint": "testnet"}, "the testnet"),
    ],
)
def test_what_is_no_real_venue_is_said_and_let_through(tmp_path, overrides, words):
    (line,) = admitted(tmp_path, strategy=object(), **overrides)
    assert words in line
    assert "no evidence is asked for" in line


@pytest.mark.parametrize(
    "address", ["https://127.0.0.1.example.com", "https://localhost.evil.example", "https://10.0.0.1"]
)
def test_a_place_that_only_looks_like_this_machine_is_a_venue(tmp_path, address):
    with pytest.raises(PreflightError, match="no evidence"):
        admitted(tmp_path, live__endpoint="custom", live__rest_url=address)


def test_an_unfinished_run_of_the_same_strategy_goes_on_and_another_does_not(tmp_path):
    folder = tmp_path / "run-1"
    folder.mkdir()
    mine = Admission(settings(tmp_path), VENUE, None, None)
    mine.mark(folder, is_live=True)
    assert marked_digest(folder) == mine.digest
    unfinished = SimpleNamespace(folder=folder)
    assert "goes on with run run-1" in admitted(tmp_path, unfinished=unfinished, **MAINNET)[0]
    with pytest.raises(PreflightError, match="no evidence"):
        admitted(tmp_path, unfinished=unfinished, strategy__enter_score=0.3, **MAINNET)
    assert marked_digest(tmp_path) == ""


def test_a_market_that_is_no_venue_leaves_no_mark(tmp_path):
    Admission(settings(tmp_path), None, None, None).mark(tmp_path, is_live=False)
    assert list(tmp_path.glob("*.json")) == []


# -- a session asks ----------------------------------------------------------------------------------------------------


class AskedError(Exception):
    """The account was about to be opened."""


def open_live(tmp_path, monkeypatch, **overrides: object) -> list[str]:
    """Open a live session whose venue is a stand-in; what it is asked after the evidence raises `AskedError`."""

    def account(*_words: object, **_more: object) -> None:
        raise AskedError

    for name, stand_in in (
        ("require_live", lambda *_: None), ("open_venue", lambda *_: VENUE), ("open_recorder", lambda *_: None),
        ("open_live_feed", lambda *_: object()), ("find_unfinished", lambda *_: None), ("open_live_account", account),
    ):  # fmt: skip
        monkeypatch.setattr(f"bot4.bootstrap.session.{name}", stand_in)
    said: list[str] = []
    display = SimpleNamespace(say=said.append, show=lambda _: None, close=lambda: None)
    try:
        open_session(settings(tmp_path, **overrides), display, venue="binance", live=True, speed=0.0)
    except AskedError:
        return said
    raise AssertionError("a live session opened without an account")


def test_a_live_session_on_a_venue_asks_before_the_account_is_touched(tmp_path, monkeypatch):
    with pytest.raises(PreflightError, match="no evidence for this code"):
        open_live(tmp_path, monkeypatch, **MAINNET)
    digest = digest_of(settings(tmp_path), None, [SPOT])
    _keep(settings(tmp_path), shown(digest=digest, made_utc=datetime.now(UTC).isoformat()))
    assert "has passed" in open_live(tmp_path, monkeypatch, **MAINNET)[0]


def test_a_live_session_on_this_machine_says_that_it_is_not_asked(tmp_path, monkeypatch):
    here = {"live__endpoint": "custom", "live__rest_url": "http://127.0.0.1:8080"}
    assert "no evidence is asked for" in open_live(tmp_path, monkeypatch, **here)[0]
