"""What `make run` compiles before it starts is all that a run loads; the rest follows, and nobody trips over it."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

import compile_core
import cython_text
import pytest
from core_parts import BEHIND, is_of

ROOT = Path(__file__).resolve().parents[2]
EXT_SUFFIX = sysconfig.get_config_var("EXT_SUFFIX")
MODULES = {name.removesuffix(".pyx").replace("/", ".") for name in BEHIND}
# Who serves an exchange or measures a market; `bot4 run` comes to none of them.
USERS = (
    "adapters/simulator/", "quant/market_", "adapters/recordings/measure.py", "entrypoints/cli/calibrate_plots.py",
    "_core/mem/stress.py",
)  # fmt: skip
WITHOUT = """
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name in MISSING:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Missing())
from bot4.entrypoints.cli.main import main
main()
"""


def named(path: Path) -> set[str]:
    """Modules of the core that a Python file names, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{one.name}" for one in node.names)}
        elif isinstance(node, ast.Import):
            found |= {one.name for one in node.names}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.add(node.value.partition(":")[0])
    return found


def test_what_is_compiled_first_needs_nothing_of_the_rest() -> None:
    first = [path for path in sorted((ROOT / "bot4" / "_core").rglob("*.pyx"))
             if is_of(path.relative_to(ROOT).as_posix(), "run")]  # fmt: skip
    assert len(first) > 90
    for path in first:
        text = path.read_text(encoding="utf-8")
        used = {one.module for one in cython_text.imports(text)} | {
            f"{one.module}.{name}" for one in cython_text.imports(text) for name in one.names
        }
        assert used & MODULES == set(), path


def test_only_the_exchange_and_what_measures_names_the_rest() -> None:
    package = ROOT / "bot4"
    users = {path.relative_to(package).as_posix() for path in package.rglob("*.py") if named(path) & MODULES}
    assert len(users) > 10
    assert {user for user in users if not user.startswith(USERS)} == set()


def run_without(missing: set[str], *words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    code = WITHOUT.replace("MISSING", repr(missing))
    command = [sys.executable, "-c", code, *words]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, env=environment)


def test_a_run_trades_without_the_rest(tmp_path: Path) -> None:
    words = ("run", "--duration", "10", "--speed", "max", "--quiet", "--json", "-")
    done = run_without(MODULES, *words, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["fills"] > 0


def test_a_module_that_a_run_loads_would_be_missed(tmp_path: Path) -> None:
    """Control; and what somebody sees who comes before the compiler."""
    done = run_without({*MODULES, "bot4._core.sim.paper"}, "run", "--duration", "2", "--quiet", folder=tmp_path)
    assert (done.returncode, done.stderr.splitlines()) == (
        70,
        ["bot4: bot4._core.sim.paper is not compiled (yet): `make build` compiles what is missing"],
    )
    done = run_without({"click.nothing"}, "doctor", folder=tmp_path)
    assert done.returncode in {0, 1}


SETUP = """
import os, pathlib, sys
part = os.environ["BOT4_PART"]
with open("built", "a") as file: file.write((part or "all") + "\\n")
for name in {"run": ["clock"], "rest": ["sim/exchange"], "": ["clock", "sim/exchange"]}[part]:
    pathlib.Path(f"bot4/_core/{name}SUFFIX").touch()
pathlib.Path(".bot4-build-mode").write_text("release")
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A core of two modules, one for a run, and a compiler that says what it is asked for."""
    (tmp_path / "bot4" / "_core" / "sim").mkdir(parents=True)
    for name in ("clock.pyx", "sim/exchange.pyx"):
        (tmp_path / "bot4" / "_core" / name).touch()
    (tmp_path / "setup.py").write_text(SETUP.replace("SUFFIX", EXT_SUFFIX))
    (tmp_path / "ci").mkdir()
    for name in ("compile_core.py", "core_parts.py"):
        (tmp_path / "ci" / name).write_text((ROOT / "ci" / name).read_text(encoding="utf-8"))
    return tmp_path


def built(tree: Path) -> list[str]:
    return (tree / "built").read_text().split() if (tree / "built").exists() else []


def compiled(tree: Path, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "ci/compile_core.py", *words], cwd=tree, capture_output=True, text=True, check=True
    )
    return done.stdout


def wait_for_the_rest(tree: Path) -> None:
    stamp, deadline = compile_core.stamp_of(tree, ""), time.monotonic() + 60
    while not stamp.exists() or compile_core.reason_to_build(tree, stamp):
        assert time.monotonic() < deadline, (tree / "build" / "rest.log").read_text()
        time.sleep(0.02)


def test_a_first_start_waits_for_its_part_alone_and_the_rest_follows(tree: Path) -> None:
    assert "compiled behind this one" in compiled(tree, "--to-run")
    wait_for_the_rest(tree)
    assert built(tree) == ["run", "rest"]
    assert compiled(tree, "--to-run") == compiled(tree) == ""
    assert built(tree) == ["run", "rest"]


def test_a_rest_that_was_broken_off_is_taken_up_and_a_change_compiles_both(tree: Path) -> None:
    compiled(tree, "--to-run")
    wait_for_the_rest(tree)
    compile_core.stamp_of(tree, "").unlink()
    (tree / "bot4" / "_core" / f"sim/exchange{EXT_SUFFIX}").unlink()
    compiled(tree, "--to-run")
    wait_for_the_rest(tree)
    assert built(tree) == ["run", "rest", "rest"]
    later = time.time() + 5
    os.utime(tree / "bot4" / "_core" / "clock.pyx", (later, later))
    compiled(tree, "--rest")
    assert built(tree)[3:] == ["all"]


def test_a_build_waits_for_the_one_under_way(tree: Path) -> None:
    with compile_core.one_at_a_time(tree):
        second = subprocess.Popen(
            [sys.executable, "-u", "ci/compile_core.py"], cwd=tree, stdout=subprocess.PIPE, text=True
        )
        assert "another build of this tree is under way" in second.stdout.readline()
        assert built(tree) == []
        assert compile_core.is_under_way(tree)
    said, _ = second.communicate(timeout=60)
    assert "compiled in" in said
    assert built(tree) == ["all"]
    assert not compile_core.is_under_way(tree)


def test_a_start_while_the_rest_is_compiled_starts_no_second_one(tree: Path) -> None:
    compiled(tree, "--to-run")
    wait_for_the_rest(tree)
    compile_core.stamp_of(tree, "").unlink()
    with compile_core.one_at_a_time(tree):
        assert compiled(tree, "--to-run") == ""
    assert built(tree) == ["run", "rest"]


def test_what_it_does_not_know_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert compile_core.main(["--tomorrow"]) == 2
    assert "--to-run" in capsys.readouterr().err
