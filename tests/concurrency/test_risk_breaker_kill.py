"""The breaker's header on real threads, under ThreadSanitizer, and under the relacy model checker.

Each program lists its ACCEPTABLE and FORBIDDEN outcomes at its head, and each is run a second time with a planted fault
that it has to find. x86 hides a wrong memory order from plain threads: only relacy's verdict speaks about orders.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
INCLUDE = HERE.parents[1] / "bot4" / "_core" / "include"
RELACY = Path("/usr/include/relacy/relacy_std.hpp")


def build(tmp_path: Path, source: str, *flags: str) -> Path:
    compiler = shutil.which("g++" if source.endswith(".cpp") else "gcc")
    if compiler is None:
        pytest.skip("no compiler: gcc and g++ build this program")
    program = tmp_path / "program"
    subprocess.run([compiler, *flags, f"-I{INCLUDE}", str(HERE / source), "-o", str(program)], check=True, timeout=120)
    return program


def kill_trials(tmp_path: Path, senders: int, trials: int, *flags: str) -> tuple[int, int, int]:
    """Orders that went out, trials in which one did, forbidden ones."""
    program = build(tmp_path, "risk_breaker_kill.c", "-std=gnu11", "-O2", "-pthread", *flags)
    done = subprocess.run([program, str(senders), str(trials)], check=True, capture_output=True, text=True, timeout=120)
    sent, with_orders, forbidden = map(int, done.stdout.split())
    return sent, with_orders, forbidden


@pytest.mark.alone
@pytest.mark.parametrize(("senders", "trials"), [(2, 1000), (8, 200), (64, 20)])
def test_no_readmit_succeeds_after_kill_returned(tmp_path: Path, senders: int, trials: int) -> None:
    sent, with_orders, forbidden = kill_trials(tmp_path, senders, trials)
    assert forbidden == 0
    # The race was really run: orders went out, and kill ended them.
    assert with_orders > 0
    assert sent < senders * trials * 4000


@pytest.mark.alone
def test_a_check_apart_from_its_act_is_caught_on_real_threads(tmp_path: Path) -> None:
    assert kill_trials(tmp_path, 4, 1000, "-DPLANT_SPLIT")[2] > 0


@pytest.mark.alone
def test_thread_sanitizer_finds_no_race_between_senders_and_kill(tmp_path: Path) -> None:
    if not Path(subprocess.run(["gcc", "-print-file-name=libtsan.so"], capture_output=True, text=True, check=True)
                .stdout.strip()).is_absolute():  # fmt: skip
        pytest.skip("gcc has no libtsan here")
    assert kill_trials(tmp_path, 4, 50, "-fsanitize=thread", "-g")[2] == 0


def model(tmp_path: Path, *flags: str) -> Path:
    if not RELACY.exists():
        pytest.skip("relacy is not installed (Debian: relacy-dev)")
    return build(tmp_path, "risk_breaker_model.cpp", "-std=c++03", "-w", "-O0", "-D__STDC_CONSTANT_MACROS", *flags)


def test_no_execution_of_the_model_is_forbidden(tmp_path: Path) -> None:
    program = model(tmp_path)
    for search in (("200000",), ("0", "3")):  # at random, and all executions of at most three preemptions
        done = subprocess.run([program, *search], capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 0, done.stdout[-2000:]
        assert "result=SUCCESS" in done.stdout


@pytest.mark.parametrize("plant", ["-DPLANT_SPLIT", "-DPLANT_PROBE"])
def test_a_planted_fault_is_found_by_the_model(tmp_path: Path, plant: str) -> None:
    done = subprocess.run([model(tmp_path, plant), "20000"], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 1
    assert "result=USER ASSERT FAILED" in done.stdout
