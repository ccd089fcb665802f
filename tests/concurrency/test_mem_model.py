"""The ring, waiter and view headers under the relacy model checker: the same text that the extension modules compile.

Each program in `model/` states what is ACCEPTABLE and what is FORBIDDEN. The searches are proofs only within their
bounds (threads, records and ring size written there; `bound k`: every schedule with at most k preemptions, each with
every value the memory model lets a load return; `random n`: n schedules drawn at random).
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

MODEL = Path(__file__).parent / "model"
INCLUDE = Path(__file__).resolve().parents[2] / "bot4" / "_core" / "include"
RELACY = Path("/usr/include/relacy/relacy_std.hpp")

GOOD = [
    ("spsc", [], "bound 3"),
    ("spsc", ["BATCH=2", "RECORDS=4"], "bound 2"),
    ("mpmc", ["EACH=1"], "bound 2"),
    ("mpmc", ["EACH=2"], "random 100000"),
    ("mpmc", ["EACH=2", "BATCH=2"], "random 100000"),
    ("lossy", [], "bound 3"),
    ("view", ["WRITES=1", "LOOKS=1"], "bound 3"),
    ("view", [], "random 100000"),
    ("waiter", ["RECORDS=1"], "random 100000"),
    ("waiter", ["RECORDS=2"], "random 100000"),
]

PLANTED = [
    ("spsc", "BOT4_PLANT_RELAXED_PUBLISH", "DATA RACE"),
    ("spsc", "BOT4_PLANT_RELAXED_RELEASE", "DATA RACE"),
    ("mpmc", "BOT4_PLANT_RELAXED_PUBLISH", "DATA RACE"),
    ("mpmc", "BOT4_PLANT_RELAXED_RELEASE", "DATA RACE"),
    ("mpmc", "BOT4_PLANT_UNCLAIMED_TICKET", "DATA RACE|USER ASSERT FAILED|LIVELOCK"),
    ("lossy", "BOT4_PLANT_RELAXED_WORDS", "USER ASSERT FAILED"),
    ("lossy", "BOT4_PLANT_RELAXED_PUBLISH", "USER ASSERT FAILED"),
    ("lossy", "BOT4_PLANT_NO_SECOND_LOOK", "USER ASSERT FAILED"),
    ("view", "BOT4_PLANT_RELAXED_WORDS", "USER ASSERT FAILED"),
    ("view", "BOT4_PLANT_RELAXED_PUBLISH", "USER ASSERT FAILED"),
    ("view", "BOT4_PLANT_NO_SECOND_LOOK", "USER ASSERT FAILED"),
    ("waiter", "BOT4_PLANT_PLAIN_NOTIFY", "LIVELOCK|DEADLOCK"),
]


@pytest.fixture(scope="module")
def compiler() -> str:
    found = shutil.which("g++")
    if found is None:
        pytest.skip("g++ is not here: the headers are not model-checked on this machine")
    if not RELACY.exists():
        pytest.skip("relacy is not here (Debian package relacy-dev): the headers are not model-checked on this machine")
    return found


def run_model(compiler: str, folder: Path, program: str, macros: list[str], search: str) -> tuple[int, str, int]:
    """Compile and run one model; return its exit code, relacy's verdict and the executions explored."""
    binary = folder / program
    # -O0: to compile costs more than to run. C++03: relacy puts names into namespace std that later standards took.
    # -w: its warnings are not ours to mend.
    command = [compiler, "-std=c++03", "-w", "-O0", f"-I{INCLUDE}", *(f"-D{macro}" for macro in macros)]
    subprocess.run([*command, str(MODEL / f"{program}.cpp"), "-o", str(binary)], check=True, timeout=120)
    done = subprocess.run(
        [str(binary), *search.split()], check=False, capture_output=True, text=True, timeout=120, errors="replace"
    )
    verdict = re.search(rf"^{program} \w+ executions=(\d+) result=(.+)$", done.stdout, re.MULTILINE)
    assert verdict, f"no verdict from {program}: exit code {done.returncode}, {done.stderr[-500:]}"
    return done.returncode, verdict[2], int(verdict[1])


@pytest.mark.parametrize(("program", "macros", "search"), GOOD, ids=str)
def test_no_forbidden_outcome_in_any_execution_explored(compiler, tmp_path, program, macros, search):
    code, verdict, executions = run_model(compiler, tmp_path, program, macros, search)
    assert (code, verdict) == (0, "SUCCESS")
    assert executions > 500, f"only {executions} executions: the search is not what it says"


@pytest.mark.parametrize(("program", "plant", "expected"), PLANTED, ids=str)
def test_planted_fault_is_caught(compiler, tmp_path, program, plant, expected):
    code, verdict, _ = run_model(compiler, tmp_path, program, [plant], "random 100000")
    assert code == 1
    assert re.fullmatch(expected, verdict), f"{plant} in {program} ended as {verdict}"
