"""Settings: where they come from, what wins, and how a wrong one is named."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from bot4.config import Settings, load_settings, settings_keys, settings_to_dict
from bot4.domain.errors import ConfigError


def load(*, environment=None, **overrides):
    return load_settings(
        environment=environment or {}, overrides={key.replace("__", "."): value for key, value in overrides.items()}
    )


def refusal(**arguments) -> str:
    with pytest.raises(ConfigError) as caught:
        load(**arguments)
    message = str(caught.value)
    assert caught.value.exit_code == 78
    assert "\n" not in message
    return message


def file_of(tmp_path, text: str):
    path = tmp_path / "bot4.toml"
    path.write_text(text)
    return path


def test_without_a_file_the_defaults_apply(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert load_settings(environment={}) == Settings()
    assert Settings().run.mode == "paper"


def test_each_place_is_stronger_than_the_one_before(tmp_path):
    path = file_of(tmp_path, "[risk]\nopen_orders_max = 2\norders_per_s = 3\norders_burst = 4\n")
    settings = load_settings(
        path,
        environment={"BOT4_RISK__ORDERS_PER_S": "5", "BOT4_RISK__ORDERS_BURST": "6"},
        overrides={"risk.orders_burst": "7", "risk.price_band_bps": None},
    )
    risk = settings.risk
    assert (risk.open_orders_max, risk.orders_per_s, risk.orders_burst, risk.price_band_bps) == (2, 5, 7, 100)


def test_the_file_in_the_working_folder_is_read_unless_the_environment_names_another(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file_of(tmp_path, "[run]\nseed = 3\n")
    (tmp_path / "other.toml").write_text("[run]\nseed = 2\n")
    assert load_settings(environment={}).run.seed == 3
    assert load_settings(environment={"BOT4_CONFIG": str(tmp_path / "other.toml")}).run.seed == 2


def test_amounts_of_a_file_are_exact(tmp_path):
    path = file_of(tmp_path, '[strategy]\norder_notional = 100.1\nposition_notional = "0.30"\nenter_score = 0.1\n')
    strategy = load_settings(path, environment={}).strategy
    assert strategy.order_notional == Decimal("100.1")
    assert strategy.position_notional == Decimal("0.30")
    assert strategy.enter_score == 0.1


def test_an_unknown_key_is_named_wherever_it_stands(tmp_path):
    assert "'risk.open_order_max'" in refusal(risk__open_order_max=1)
    assert "'risks'" in refusal(risks__open_orders_max=1)
    assert "'risk.x'" in refusal(environment={"BOT4_RISK__X": "1"})
    with pytest.raises(ConfigError, match=r"unknown setting 'shard\.rings'"):
        load_settings(file_of(tmp_path, "[shard]\nrings = 3\n"), environment={})


def test_an_environment_name_that_is_no_setting_is_refused_and_the_builds_own_are_passed_over():
    assert "BOT4_SEED" in refusal(environment={"BOT4_SEED": "1"})
    others = {"BOT4_BUILD": "debug", "BOT4_JOBS": "1", "BOT4_EXCHANGE_TOKEN": "x", "PATH": "x"}
    assert load(environment=others) == Settings()


def test_a_word_that_is_none_of_a_settings_words_is_refused_with_those_there_are():
    assert refusal(run__mode="live") == "setting run.mode: must be one of paper, was 'live'"
    assert refusal(shard__wait="sleep") == "setting shard.wait: must be one of spin, yield, park, was 'sleep'"


def test_an_empty_name_of_the_settings_file_is_refused():
    assert refusal(environment={"BOT4_CONFIG": ""}) == "BOT4_CONFIG is empty: name a settings file with it, or unset it"


def test_the_data_directory_has_a_short_name():
    assert load(environment={"BOT4_DATA_DIR": "/there"}).run.data_dir == "/there"


@pytest.mark.parametrize(
    ("key", "value", "rule"),
    [
        ("risk.open_orders_max", "0", ">= 1"),
        ("risk.open_orders_max", "65", "<= 64"),
        ("risk.open_orders_max", "many", "int"),
        ("risk.open_orders_max", "1.5", "int"),
        ("run.seed", "-1", ">= 0"),
        ("run.mode", "live", "must be one of"),
        ("shard.wait", "sleep", "must be one of"),
        ("shard.ring_capacity", "1500", "power of two"),
        ("synthetic.symbol", "btcusdt", "regex"),
        ("synthetic.start_price", "0", "positive"),
        ("synthetic.start_price", "NaN", "positive"),
        ("synthetic.volatility_annual", "nan", "volatility_annual"),
        ("paper.maker_fee_bps", "-101", "-100 .. 1000"),
        ("paper.maker_fee_bps", "NaN", "-100 .. 1000"),
        ("paper.balance_quote", "-5", "positive"),
        ("strategy.take_score", "0.1", "enter_score"),
        ("strategy.enter_score", "nan", "enter_score"),
        ("strategy.weights.mid_trend", "inf", "finite"),
        ("strategy.scales.mid_trend", "0", "above 0"),
        ("strategy.order_notional", "Infinity", "positive"),
    ],
)
def test_a_value_out_of_range_is_one_line_with_key_value_and_rule(key, value, rule):
    with pytest.raises(ConfigError) as caught:
        load_settings(environment={}, overrides={key: value})
    message = str(caught.value)
    assert key.rpartition(".")[2] in message
    assert rule in message
    assert value.lower() in message.lower() or value == "0.1"
    assert "\n" not in message


def test_weights_need_a_scale_each_and_at_least_one_must_be_there():
    with pytest.raises(ConfigError, match="lacks 'ofi_50'"):
        load_settings(environment={}, overrides={"strategy.weights": {"ofi_50": 1.0}})
    with pytest.raises(ConfigError, match="at least one feature"):
        load_settings(environment={}, overrides={"strategy.weights": {}})


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: path.write_text("[risk\n"), "is not valid TOML"),
        (lambda path: path.write_bytes(b"\xff\xfe"), "is not valid TOML"),
        (lambda path: path.mkdir(), "cannot be read"),
        (lambda _path: None, "cannot be read: No such file"),
        (lambda path: path.write_text("risk = 3\n"), "object"),
    ],
    ids=["syntax", "encoding", "directory", "missing", "no table"],
)
def test_a_file_that_cannot_be_used_is_named(tmp_path, make, words):
    path = tmp_path / "bot4.toml"
    make(path)
    with pytest.raises(ConfigError, match=words):
        load_settings(path, environment={})


def test_a_key_without_a_section_or_through_a_value_is_refused():
    assert "section.name" in refusal(seed=1)
    assert "'seed' is not a section" in refusal(run__seed=1, run__seed__x=2)


def test_settings_are_immutable():
    with pytest.raises(AttributeError):
        Settings().risk.open_orders_max = 9


def test_plain_settings_hold_every_key_and_amounts_as_text():
    plain = settings_to_dict(Settings())
    assert plain["paper"]["balance_quote"] == "10000"
    tables = {key.rpartition(".")[0] for key in settings_keys()}

    def keys(values: dict, prefix: str) -> set[str]:
        found = set()
        for name, value in values.items():
            is_table = f"{prefix}{name}" in {part for table in tables for part in (table, table.split(".")[0])}
            found |= keys(value, f"{prefix}{name}.") if is_table else {f"{prefix}{name}"}
        return found

    assert keys(plain, "") == set(settings_keys())
    assert msgspec.convert(plain, Settings, strict=False) == Settings()


@pytest.mark.parametrize(
    "address", ["ftp://x", "https://", "api.binance.com", "https://x/?a=1", "https://user@x", "wss://x"]
)
def test_an_address_that_is_none_is_refused_by_name(address):
    with pytest.raises(ConfigError, match=r"venues\.binance\.rest_url must be https://HOST or http://HOST"):
        load_settings(environment={}, overrides={"venues.binance.rest_url": address})


def test_a_venues_table_is_reached_from_the_environment():
    settings = load_settings(environment={"BOT4_VENUES__BINANCE__WS_URL": "ws://localhost:1"})
    assert settings.venues.binance.ws_url == "ws://localhost:1"
