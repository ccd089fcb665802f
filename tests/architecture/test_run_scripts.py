"""What `make` and .ci/run rest on: when to build, how to count, what a workflow and a Dockerfile may not do."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import compile_core
import pytest
import tally

ROOT = Path(__file__).resolve().parents[2]
EXT_SUFFIX = sysconfig.get_config_var("EXT_SUFFIX")


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """A tree whose core was just built."""
    core = tmp_path / "bot4" / "_core"
    core.mkdir(parents=True)
    for name in ("clock.pyx", "clock.pxd", f"clock{EXT_SUFFIX}"):
        (core / name).touch()
    (tmp_path / "setup.py").touch()
    (tmp_path / ".bot4-build-mode").write_text("release")
    stamp = tmp_path / "stamp"
    stamp.write_text(f"{compile_core.wanted_build()}\nrelease")
    os.utime(stamp, (4e9, 4e9))
    return tmp_path


def test_nothing_is_compiled_while_nothing_changed(built: Path) -> None:
    assert compile_core.reason_to_build(built, built / "stamp") == ""


def test_changed_source_lost_module_and_other_mode_are_compiled(built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.utime(built / "bot4" / "_core" / "clock.pxd", (5e9, 5e9))
    assert compile_core.reason_to_build(built, built / "stamp") == "bot4/_core/clock.pxd changed"
    os.utime(built / "bot4" / "_core" / "clock.pxd", (1, 1))
    (built / "bot4" / "_core" / f"clock{EXT_SUFFIX}").unlink()
    assert compile_core.reason_to_build(built, built / "stamp") == "bot4/_core/clock.pyx is not compiled"
    (built / ".bot4-build-mode").write_text("debug")
    assert compile_core.reason_to_build(built, built / "stamp") == "the last build was of another kind"
    (built / ".bot4-build-mode").write_text("release")
    monkeypatch.setenv("BOT4_BUILD", "coverage")
    assert compile_core.reason_to_build(built, built / "stamp") == "the last build was of another kind"
    assert compile_core.reason_to_build(built, built / "absent") == "nothing is built yet"


SETUP_THAT_SPEAKS = """
import pathlib, sys, time

def wait_until_it_was_shown(name):
    deadline = time.monotonic() + 60
    while not pathlib.Path(name).exists():
        assert time.monotonic() < deadline, name
        time.sleep(0.01)

print("[1/1] Cythonizing bot4/_core/clock.pyx", flush=True)
wait_until_it_was_shown("shown-1-0")
pathlib.Path("bot4/_core/clock.so").touch()
wait_until_it_was_shown("shown-1-1")
print("what the compiler said")
sys.exit({code})
"""


@pytest.fixture
def watched(built: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tree that tells what was shown of its build."""
    show = compile_core.Progress.show

    def show_and_tell(progress: compile_core.Progress) -> None:
        compiled = int((built / "bot4" / "_core" / "clock.so").exists())
        show(progress)
        (built / f"shown-{progress._translated}-{compiled}").touch()

    monkeypatch.setattr(compile_core.Progress, "show", show_and_tell)
    return built


def test_build_shows_how_far_it_is_and_keeps_the_compilers_words_in_a_log(
    watched: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (watched / "setup.py").write_text(SETUP_THAT_SPEAKS.format(code=0))
    assert compile_core.build(watched, watched / "build" / "compile.log") == 0
    shown = capsys.readouterr().out
    assert "1 translated, 0 compiled of 1 modules" in shown
    assert "1 translated, 1 compiled of 1 modules" in shown
    assert "what the compiler said" not in shown
    assert "what the compiler said" in (watched / "build" / "compile.log").read_text()


def test_build_that_fails_shows_the_compilers_words(watched: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (watched / "setup.py").write_text(SETUP_THAT_SPEAKS.format(code=3))
    assert compile_core.build(watched, watched / "build" / "compile.log") == 3
    shown = capsys.readouterr().err
    assert "what the compiler said" in shown
    assert "build/compile.log" in shown


def report(path: Path, **counts: int) -> str:
    attributes = " ".join(f'{name}="{count}"' for name, count in counts.items())
    path.write_text(f"<testsuites><testsuite {attributes}/></testsuites>")
    return str(path)


def test_closing_line_adds_up_all_reports(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = report(tmp_path / "a.xml", tests=10, failures=0, errors=0, skipped=2)
    second = report(tmp_path / "b.xml", tests=5, failures=1, errors=1, skipped=0)
    assert tally.main([first]) == 0
    assert tally.main([first, second]) == 1
    assert capsys.readouterr().out == "8 passed, 0 failed, 2 skipped\n11 passed, 2 failed, 2 skipped\n"


def test_control_run_in_which_no_test_ran_fails(tmp_path: Path) -> None:
    assert tally.main([report(tmp_path / "a.xml", tests=3, failures=0, errors=0, skipped=3)]) == 1
    assert tally.main([]) == 1


def run(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )


def test_make_without_a_target_prints_what_there_is() -> None:
    shown = run("make", "--no-print-directory").stdout
    named = {line.split()[1] for line in shown.splitlines()}
    assert named >= {"run", "test", "check", "bench", "bench-gate", "coverage", "tsan", "asan", "leak", "fuzz", "model"}
    assert named >= {"lint", "docs", "image", "clean", "help"}


def test_interpreter_that_is_too_old_or_absent_is_refused_by_name(tmp_path: Path) -> None:
    done = run("ci/venv.sh", "run", PYTHON="/bin/false", VENV=str(tmp_path / "venv"))
    assert done.returncode == 1
    assert "bot4 needs Python 3.11 to 3.13, /bin/false is" in done.stderr


GOOD_WORKFLOW = """
name: x
on: [push]
jobs:
  a:
    runs-on: ubuntu-24.04
    steps:
      - uses: actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683
"""
GOOD_DOCKERFILE = "FROM debian:bookworm-slim\nUSER 10001\n"


@pytest.mark.parametrize(
    ("workflow", "dockerfile", "shown"),
    [
        (GOOD_WORKFLOW, GOOD_DOCKERFILE, ""),
        (GOOD_WORKFLOW.replace("runs-on", "runs-in"), GOOD_DOCKERFILE, "runs-in"),
        (GOOD_WORKFLOW.replace("11bd71901bbe5b1630ceea73d27597364c9af683", "v4"), GOOD_DOCKERFILE, "not pinned"),
        (GOOD_WORKFLOW, "FROM debian\nRUN cd /tmp\n", "DL3006"),
    ],
)
def test_control_bad_workflow_and_bad_dockerfile_fail(
    tmp_path: Path, workflow: str, dockerfile: str, shown: str
) -> None:
    (tmp_path / "w.yml").write_text(workflow)
    (tmp_path / "Dockerfile").write_text(dockerfile)
    done = run("ci/workflow.sh", str(tmp_path / "w.yml"), str(tmp_path / "Dockerfile"), PYTHON=sys.executable)
    assert (done.returncode == 0) == (shown == "")
    assert shown in done.stdout + done.stderr
