"""`bot4 config` and the list of commands, inside the process; tests/e2e starts them as a person does."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from bot4.config import Settings, settings_keys, settings_to_dict
from bot4.entrypoints.cli.main import main


@pytest.fixture
def at_home(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def bot4(*arguments: str, **environment: str):
    return CliRunner(env=environment).invoke(main, arguments)


def test_show_writes_every_setting_once(at_home):
    lines = bot4("config", "show").output.splitlines()
    assert [line.partition(" = ")[0] for line in lines] == list(settings_keys())


def test_show_tells_what_the_file_and_the_environment_changed(at_home):
    (at_home / "mine.toml").write_text("[risk]\nopen_orders_max = 3\norders_burst = 9\n")
    done = bot4("config", "show", "--config", "mine.toml", BOT4_RISK__ORDERS_BURST="8")
    assert "risk.open_orders_max = 3" in done.output.splitlines()
    assert "risk.orders_burst = 8" in done.output.splitlines()


def test_show_as_json_is_the_settings_nested(at_home):
    done = bot4("config", "show", "--json")
    assert json.loads(done.output) == json.loads(json.dumps(settings_to_dict(Settings()), default=str))


def test_check_says_that_a_file_is_sound(at_home):
    (at_home / "bot4.toml").write_text("[run]\nseed = 3\n")
    done = bot4("config", "check")
    assert (done.exit_code, done.output) == (0, "the settings are sound\n")


@pytest.mark.parametrize("command", ["show", "check"])
def test_a_wrong_setting_is_named_with_exit_78(at_home, command):
    (at_home / "bot4.toml").write_text("[run]\nspeed = 3\n")
    done = bot4("config", command)
    assert done.exit_code == 78
    assert done.stderr.startswith("bot4: ")
    assert "speed" in done.stderr


def test_check_finds_a_weight_of_a_feature_there_is_not(at_home):
    (at_home / "bot4.toml").write_text("[strategy]\nweights = { no_such = 1.0 }\nscales = { no_such = 1.0 }\n")
    done = bot4("config", "check")
    assert done.exit_code == 78
    assert done.stderr == "bot4: setting strategy.weights names no feature 'no_such': see docs/features.md\n"


def test_an_unknown_command_is_wrong_usage():
    done = bot4("trade")
    assert done.exit_code == 2
    assert "No such command 'trade'" in done.output


def test_every_command_listed_can_be_asked_for_help():
    names = main.list_commands(None)
    assert names == sorted(names)
    assert {"config", "data", "doctor", "run"} <= set(names)
    for name in names:
        done = bot4(name, "--help")
        assert done.exit_code == 0
        assert done.output.startswith(f"Usage: main {name}")
