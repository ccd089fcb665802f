"""One live run an account on one machine."""

from __future__ import annotations

import subprocess
import sys

import pytest

from bot4.adapters.host.account_lock import AccountBusyError, AccountLock
from bot4.domain.errors import ConfigError
from bot4.domain.secret import Secret

KEY, PLACE = Secret("CANARY-key"), "binance spot mainnet"
HOLDER = """
import sys, pathlib, time
from bot4.adapters.host.account_lock import AccountLock
from bot4.domain.secret import Secret
lease = sys.argv[2] if len(sys.argv) > 2 else ""
lock = AccountLock(Secret("CANARY-key"), "binance spot mainnet", pathlib.Path(sys.argv[1]), lease=lease)
print("held", flush=True)
time.sleep(60)
"""


def test_the_second_process_is_refused_by_the_first_ones_id_and_a_killed_one_leaves_nothing_behind(tmp_path):
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(AccountBusyError, match=f"process {holder.pid} trades on this account"):
            AccountLock(KEY, PLACE, tmp_path)
        AccountLock(Secret("another"), PLACE, tmp_path).close()
        AccountLock(KEY, "binance usdm mainnet", tmp_path).close()
        holder.kill()
    AccountLock(KEY, PLACE, tmp_path).close()


def test_it_is_let_go_once_and_by_itself_where_nobody_closes_it(tmp_path):
    with AccountLock(KEY, PLACE, tmp_path) as first, pytest.raises(AccountBusyError):
        AccountLock(KEY, PLACE, tmp_path)
    first.close()
    second = AccountLock(KEY, PLACE, tmp_path)
    del second
    AccountLock(KEY, PLACE, tmp_path).close()


def test_nothing_on_the_disk_shows_the_key_and_a_folder_that_is_a_file_is_refused(tmp_path):
    AccountLock(KEY, PLACE, tmp_path).close()
    names = [path.name for path in tmp_path.iterdir()]
    assert not any("CANARY" in name for name in names)
    assert all(b"CANARY" not in path.read_bytes() for path in tmp_path.iterdir())
    with pytest.raises(ConfigError):
        AccountLock(KEY, PLACE, tmp_path / names[0])


def test_processes_of_one_lease_hold_it_together_and_nobody_else_beside_them(tmp_path):
    command = [sys.executable, "-c", HOLDER, str(tmp_path), "main"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as leader:
        assert leader.stdout.readline() == "held\n"
        with AccountLock(KEY, PLACE, tmp_path, lease="main"):
            pass
        with pytest.raises(AccountBusyError, match="lease main trades on this account"):
            AccountLock(KEY, PLACE, tmp_path)
        with pytest.raises(AccountBusyError, match="lease main trades on this account"):
            AccountLock(KEY, PLACE, tmp_path, lease="other")
        standby = AccountLock(KEY, PLACE, tmp_path, lease="main")
        leader.kill()
        leader.wait()
        with pytest.raises(AccountBusyError):
            AccountLock(KEY, PLACE, tmp_path)
        standby.close()
    with AccountLock(KEY, PLACE, tmp_path), pytest.raises(AccountBusyError, match=r"process \d+ trades"):
        AccountLock(KEY, PLACE, tmp_path, lease="main")
