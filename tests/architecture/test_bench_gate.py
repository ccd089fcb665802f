"""The benchmark gate has teeth: slower, more instructions, missing and unlisted kernels each fail it."""

from __future__ import annotations

import json
from importlib.util import cache_from_source
from pathlib import Path

import bench_gate
import harness
import instructions
import pytest

from bot4._core import build_info

KERNELS = """
import time

def spin(turns):
    start = time.perf_counter_ns()
    total = 0
    for turn in range(turns):
        total += turn
    return (time.perf_counter_ns() - start) / 2000

KERNELS = [
    ("spin", lambda: spin({turns}), lambda: spin(2000)),
    {more}
]
"""
MORE = '("steady", lambda: 5.0, lambda: 10.0),'

pytestmark = pytest.mark.alone  # kernels are timed


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one benchmark file and its baseline, on a build that passes for a release build."""
    monkeypatch.setattr(build_info, "require_release", lambda: None)
    write_kernels(tmp_path)
    assert gate(tmp_path, "--update") == 0
    return tmp_path


def write_kernels(folder: Path, turns: int = 2000, more: str = MORE) -> None:
    source = folder / "bench_spin.py"
    # Python takes a source of the same second and length for unchanged.
    Path(cache_from_source(str(source))).unlink(missing_ok=True)
    source.write_text(KERNELS.format(turns=turns, more=more))


def gate(folder: Path, *options: str) -> int:
    places = ["--bench", str(folder), "--baselines", str(folder / "baselines")]
    return bench_gate.main(["--no-instructions", "--budget", "0.05", *places, *options])


def test_unchanged_kernels_pass(bench: Path) -> None:
    assert gate(bench) == 0


def test_slowed_kernel_fails_and_is_named(bench: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_kernels(bench, turns=8000)
    assert gate(bench) == 1
    shown = capsys.readouterr().out
    assert "FAILED spin: ratio" in shown
    assert "in 6 measurements" in shown
    assert "FAILED steady" not in shown


def test_kernel_that_no_benchmark_provides_any_more_fails(bench: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_kernels(bench, more="")
    assert gate(bench) == 1
    assert "FAILED steady: in the ratio baseline, but no benchmark provides it" in capsys.readouterr().out


def test_kernel_whose_baseline_vanished_is_reported_and_fails(bench: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = bench / "baselines" / "ratios.json"
    baseline = json.loads(path.read_text())
    del baseline["kernels"]["spin"]
    path.write_text(json.dumps(baseline))
    assert gate(bench) == 1
    assert "FAILED spin: has no ratio baseline" in capsys.readouterr().out


def test_kernel_left_out_with_a_reason_is_said_and_not_taken_for_deleted(
    bench: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_kernels(bench, more="")
    with (bench / "bench_spin.py").open("a") as file:
        file.write("ABSENT = {'steady': 'recorded data is not here'}\n")
    assert gate(bench) == 0
    assert "absent      steady: recorded data is not here" in capsys.readouterr().out
    assert gate(bench, "--update") == 1


def test_empty_benchmark_folder_fails(tmp_path: Path, bench: Path) -> None:
    (bench / "bench_spin.py").unlink()
    assert gate(bench) == 1


def test_two_kernels_of_one_name_and_a_file_without_kernels_are_refused(bench: Path) -> None:
    write_kernels(bench, more='("spin", lambda: 1.0, lambda: 1.0),')
    assert gate(bench) == 2
    (bench / "bench_spin.py").write_text("")
    assert gate(bench) == 2


def test_kernel_that_measures_nothing_is_refused(bench: Path) -> None:
    write_kernels(bench, more='("steady", lambda: 0.0, lambda: 1.0),')
    assert gate(bench) == 2


def test_build_that_is_not_release_is_refused(
    bench: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse() -> None:
        raise build_info.BuildError("figures need a release build, this one is debug")

    monkeypatch.setattr(build_info, "require_release", refuse)
    assert gate(bench) == 2
    assert "this one is debug" in capsys.readouterr().err


def test_baseline_of_another_machine_doubles_the_tolerance() -> None:
    entry = {"ratio": 2.0, "tolerance": 0.5}
    assert bench_gate.ratio_limit(entry, is_foreign=False) == 3.0
    assert bench_gate.ratio_limit(entry, is_foreign=True) == 4.0


def test_tolerance_narrower_than_the_noise_between_machines_is_widened() -> None:
    assert bench_gate.ratio_limit({"ratio": 2.0, "tolerance": 0.15}, is_foreign=False) == 2.7


def test_rounds_interleave_kernel_and_reference() -> None:
    calls: list[str] = []

    def log(name: str) -> float:
        calls.append(name)
        return 1.0

    harness.measure(harness.Kernel("k", lambda: log("k"), lambda: log("r")), budget_s=0, rounds_min=4)
    assert calls == ["k", "r", "k", "r", "r", "k", "k", "r", "r", "k"]


DUMP = """desc: Trigger: Client Request: run histogram.record / numpy
positions: line
ob=(1) /usr/lib/libc.so.6
fn=(1) memcpy
10 500
ob=(2) /site/bot4/_core/histogram.cpython-311-x86_64-linux-gnu.so
fn=(2) record
10 70
cob=(1)
cfn=(1)
calls=3 10
* 9000
+1 30
ob=(1)
fn=(1)
12 600
totals: 1200
"""


def test_only_self_cost_inside_the_core_counts_as_its_instructions() -> None:
    assert instructions.core_instructions(DUMP.splitlines(keepends=True)) == ("run histogram.record / numpy", 100)


TOOLS = {"compiler": "gcc 12", "valgrind": "3.19"}
COUNTED = {"tools": TOOLS, "kernels": {"a": 1000, "b": 1000}, "not_repeatable": ["t"]}


def counted(monkeypatch: pytest.MonkeyPatch, **counts: int) -> tuple[list[str], set[str]]:
    monkeypatch.setattr(instructions, "count", lambda _folder: {name: (n, n) for name, n in counts.items()})
    return bench_gate.check_instructions(Path(), COUNTED, TOOLS)


def test_six_instructions_more_in_a_thousand_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    assert counted(monkeypatch, a=1005, b=900, t=5) == ([], set())
    more = ["a: 1,006 instructions, the baseline has 1,000 (+0.60%)"]
    assert counted(monkeypatch, a=1006, b=1000, t=5) == (more, {"b"})


def test_uncounted_and_unlisted_kernels_fail_the_instruction_gate(monkeypatch: pytest.MonkeyPatch) -> None:
    gone, new = counted(monkeypatch, a=1000, c=5, t=5)[0]
    assert gone.startswith("b: in the instruction baseline, but no benchmark")
    assert new.startswith("c: has no instruction baseline")
    missing = ["there is no instruction baseline (run with --update)"]
    assert bench_gate.check_instructions(Path(), {}, TOOLS) == (missing, set())


def test_counts_of_another_compiler_are_not_compared(capsys: pytest.CaptureFixture[str]) -> None:
    assert bench_gate.check_instructions(Path(), COUNTED, {**TOOLS, "compiler": "gcc 13"}) == ([], set())
    assert "instructions skipped: the baseline was counted with" in capsys.readouterr().out


@pytest.mark.parametrize(("now", "exit_code"), [(1000, 0), (1002, 1)])
def test_slower_kernel_is_let_through_only_with_the_very_instructions_of_its_baseline(
    bench: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], now: int, exit_code: int
) -> None:
    monkeypatch.setattr(instructions, "why_not", lambda: "")
    monkeypatch.setattr(instructions, "valgrind_version", lambda: "valgrind-3")
    monkeypatch.setattr(instructions, "count", lambda _folder: {"spin": (1000, 1000), "steady": (5, 5)})
    places = ["--bench", str(bench), "--baselines", str(bench / "baselines"), "--budget", "0.05"]
    assert bench_gate.main([*places, "--update"]) == 0
    write_kernels(bench, turns=8000)
    monkeypatch.setattr(instructions, "count", lambda _folder: {"spin": (now, now), "steady": (5, 5)})
    assert bench_gate.main(places) == exit_code
    assert ("let through spin" in capsys.readouterr().out) == (exit_code == 0)


@pytest.mark.skipif(instructions.why_not() != "", reason=instructions.why_not() or "valgrind is here")
def test_callgrind_counts_of_a_real_kernel_repeat_and_grow_with_its_work(tmp_path: Path) -> None:
    (tmp_path / "bench_real.py").write_text(
        "import numpy as np\n"
        "from bot4._core.histogram import HdrHistogram\n"
        "def record(n):\n"
        "    HdrHistogram().record_many(np.arange(n, dtype=np.int64))\n"
        "    return 1.0\n"
        "KERNELS = [('small', lambda: record(1000), record), ('large', lambda: record(2000), record)]\n"
    )
    counts = instructions.count(tmp_path)
    assert instructions.is_repeatable(counts["small"])
    assert instructions.is_repeatable(counts["large"])
    assert 5_000 < counts["large"][1] - counts["small"][1] < 5_000_000
