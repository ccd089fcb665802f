"""Keys come from a private file or the environment, and nothing of them shows."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bot4.adapters.host.no_dumps import forbid_dumps
from bot4.adapters.secrets.key_source import load_api_key, read_private
from bot4.domain.errors import ConfigError

CANARY = "CANARY-5ecr3t"


def write(path: Path, text: str, mode: int = 0o600) -> Path:
    path.write_text(text)
    path.chmod(mode)
    return path


def refusal(*arguments) -> str:
    with pytest.raises(ConfigError) as caught:
        load_api_key(*arguments)
    assert CANARY not in str(caught.value)
    assert caught.value.exit_code == 78
    return str(caught.value)


def test_the_environment_gives_the_key_and_forgets_it():
    environment = {"BOT4_API_KEY": "abc", "BOT4_API_SECRET": CANARY, "HOME": "/"}
    key = load_api_key(None, environment)
    assert (key.api_key.reveal(), key.secret.reveal()) == (b"abc", CANARY.encode())
    assert environment == {"HOME": "/"}
    assert CANARY not in repr(key)


def test_a_private_file_gives_the_key(tmp_path):
    path = write(tmp_path / "key.toml", f'api_key = "abc"\nsecret = "{CANARY}"\n')
    assert load_api_key(path, {}).secret.reveal() == CANARY.encode()
    write(tmp_path / "key.pem", f"-----BEGIN PRIVATE KEY-----\n{CANARY}\n")
    path = write(tmp_path / "pem.toml", 'api_key = "abc"\nprivate_key_file = "key.pem"\n')
    assert load_api_key(path, {}).secret.reveal().startswith(b"-----BEGIN")


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660, 0o601])
def test_a_file_that_others_may_touch_is_refused(tmp_path, mode):
    path = write(tmp_path / "key.toml", f'api_key = "abc"\nsecret = "{CANARY}"\n', mode)
    assert f"mode 0600), was {mode:04o}" in refusal(path, {})


def test_what_is_not_a_plain_file_of_ours_is_refused(tmp_path):
    path = write(tmp_path / "key.toml", f'api_key = "abc"\nsecret = "{CANARY}"\n')
    (tmp_path / "link").symlink_to(path)
    assert "cannot be read" in refusal(tmp_path / "link", {})
    assert "cannot be read" in refusal(tmp_path / "absent", {})
    assert "regular file" in refusal(tmp_path, {})
    assert "is empty" in refusal(write(tmp_path / "empty", ""), {})
    assert "at most 65536 bytes" in refusal(write(tmp_path / "big", "x" * 65_537), {})
    with pytest.raises(ConfigError, match="cannot be read"):
        read_private(tmp_path / "no" / "such")


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("api_key =", "not valid TOML"),
        ('api_key = "a"\n', "api_key and one of"),
        (f'secret = "{CANARY}"\n', "api_key and one of"),
        (f'api_key = "a"\nsecret = "{CANARY}"\nprivate_key_file = "b"\n', "api_key and one of"),
        (f'api_key = "a"\nsecret = "{CANARY}"\nother = "b"\n', "unknown field 'other'"),
        ('api_key = "a"\nsecret = ""\n', "not empty"),
        ('api_key = "a"\nsecret = 5\n', "not empty"),
        (f'api_key = "a b"\nsecret = "{CANARY}"\n', "plain ASCII"),
    ],
)
def test_a_file_that_says_something_else_is_refused(tmp_path, text, rule):
    assert rule in refusal(write(tmp_path / "key.toml", text), {})


def test_no_key_half_a_key_and_two_keys_are_refused(tmp_path):
    assert "BOT4_API_KEY and BOT4_API_SECRET" in refusal(None, {})
    assert "or BOT4_API_KEY in" in refusal(None, {"BOT4_API_SECRET": CANARY})
    path = write(tmp_path / "key.toml", f'api_key = "abc"\nsecret = "{CANARY}"\n')
    assert "one place" in refusal(path, {"BOT4_API_KEY": "x"})


def test_a_process_that_holds_keys_leaves_no_dump():
    code = (
        "from bot4.adapters.host.no_dumps import forbid_dumps; import resource, ctypes; assert forbid_dumps();"
        "assert resource.getrlimit(resource.RLIMIT_CORE) == (0, 0); assert ctypes.CDLL(None).prctl(3) == 0"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ})
    assert callable(forbid_dumps)
