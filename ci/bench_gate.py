"""Benchmark gate: every kernel's ratio to its reference, and its instruction count, against the committed baseline.

    python ci/bench_gate.py            compare; exit 1 on a regression
    python ci/bench_gate.py --update   measure again and rewrite bench/baselines/

A ratio fails when it is above its baseline by more than the kernel's tolerance in each of six measurements, three when
its turn comes and three after all other kernels: noise passes, a slower kernel stays. A kernel that executed the very
instructions of its baseline is let through all the same: what made it slower is the machine, and the gate says so.
Instruction counts (callgrind, inside bot4/_core only) fail above 0.5 %, and are compared only where compiler, Cython,
-march, Python and valgrind are those of the baseline.
A kernel of the baseline that no benchmark provides any more fails, and so does a kernel without a baseline.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "bench")]

import harness  # noqa: E402
import instructions  # noqa: E402
from harness import BenchError, Kernel, Measured  # noqa: E402

TRIES = 3
SESSIONS = 5
TOLERANCE_MIN, TOLERANCE_MAX = 0.35, 0.60  # neighbours on a shared host cost a kernel a fifth; counts find the rest
FOREIGN_MACHINE = 2.0  # another processor shifts ratios: twice the tolerance
INSTRUCTION_TOLERANCE = 0.005
SAME_INSTRUCTIONS = 0.0001  # start-up of a batch may take a jump more
INSTRUCTIONS_SAVED = 0.05  # a baseline that much too high would hide the next regression


def ratio_limit(entry: dict[str, float], *, is_foreign: bool) -> float:
    """Largest ratio that still passes."""
    tolerance = max(entry["tolerance"], TOLERANCE_MIN)
    return entry["ratio"] * (1 + tolerance * (FOREIGN_MACHINE if is_foreign else 1.0))


def compare_names(kernels: set[str], baseline: set[str], what: str) -> list[str]:
    """Return a failure for each kernel that one side has and the other has not."""
    gone = [f"{name}: in the {what} baseline, but no benchmark provides it" for name in sorted(baseline - kernels)]
    new = [f"{name}: has no {what} baseline (run with --update)" for name in sorted(kernels - baseline)]
    return gone + new


def steadiest(kernel: Kernel, limit: float, budget_s: float) -> Measured:
    """Measure until the ratio is within `limit`, three times at most; return the best measurement."""
    best = harness.measure(kernel, budget_s=budget_s)
    for _ in range(TRIES - 1):
        if best.ratio <= limit:
            break
        best = min(best, harness.measure(kernel, budget_s=2 * budget_s), key=lambda result: result.ratio)
    return best


def passes(kernel: Kernel, limits: dict[str, float], budget_s: float) -> bool:
    """Measure, print the row, and say whether the ratio is within its limit; a kernel without one passes."""
    limit = limits.get(kernel.name, float("inf"))
    result = steadiest(kernel, limit, budget_s)
    is_fast = result.ratio <= limit
    print(f"{harness.row(result)} {limit:>8.3f}{'' if is_fast else '  SLOWER'}", flush=True)
    return is_fast


def check_ratios(
    kernels: list[Kernel], baseline: dict[str, Any], machine: dict[str, str], budget_s: float
) -> tuple[list[str], dict[str, str]]:
    """Print the table; return a line for each kernel that one side lacks, and one for each slower kernel by name."""
    entries: dict[str, dict[str, float]] = baseline.get("kernels", {})
    recorded = baseline.get("machine", {})
    is_foreign = recorded != machine
    if is_foreign:
        print(f"baseline is of another machine class, tolerances are doubled: {recorded}")
    failures = compare_names({kernel.name for kernel in kernels}, set(entries), "ratio")
    slower: dict[str, str] = {}
    print(f"{harness.HEADER} {'limit':>8}")
    limits = {name: ratio_limit(entry, is_foreign=is_foreign) for name, entry in entries.items()}
    suspects = [kernel for kernel in kernels if not passes(kernel, limits, budget_s)]
    for kernel in suspects:
        if not passes(kernel, limits, budget_s):
            slower[kernel.name] = (
                f"{kernel.name}: ratio above {limits[kernel.name]:.3f} "
                f"(baseline {entries[kernel.name]['ratio']:.3f}) in {2 * TRIES} measurements"
            )
    return failures, slower


def update_ratios(kernels: list[Kernel], machine: dict[str, str], budget_s: float) -> dict[str, Any]:
    """Measure each kernel in several sessions; the tolerance is twice the spread between them, within bounds."""
    sessions = [[harness.measure(kernel, budget_s=budget_s) for kernel in kernels] for _ in range(SESSIONS)]
    entries = {}
    for kernel, results in zip(kernels, zip(*sessions, strict=True), strict=True):
        ratios = [result.ratio for result in results]
        ratio = statistics.median(ratios)
        tolerance = min(max(2 * (max(ratios) - min(ratios)) / ratio, TOLERANCE_MIN), TOLERANCE_MAX)
        entries[kernel.name] = {
            "ratio": round(ratio, 4),
            "tolerance": round(tolerance, 3),
            "kernel_ns": round(statistics.median(result.kernel_ns for result in results), 2),
            "reference_ns": round(statistics.median(result.reference_ns for result in results), 2),
        }
        print(f"{kernel.name:<44} ratio {ratio:.3f}, tolerance {tolerance:.0%}")
    return {"machine": machine, "kernels": entries}


def check_instructions(folder: Path, baseline: dict[str, Any], tools: dict[str, str]) -> tuple[list[str], set[str]]:
    """Count and compare; return a line for each regression, and the kernels that executed the same instructions.

    Says why where nothing is compared.
    """
    if not baseline:
        return ["there is no instruction baseline (run with --update)"], set()
    if baseline["tools"] != tools:
        print(f"instructions skipped: the baseline was counted with {baseline['tools']}, here are {tools}")
        return [], set()
    entries: dict[str, int] = baseline["kernels"]
    counts = instructions.count(folder)
    unsteady = set(baseline["not_repeatable"])
    failures = compare_names(set(counts) - unsteady, set(entries), "instruction")
    print(f"{'kernel':<44} {'instructions':>14} {'baseline':>14} {'change':>9}")
    for name in sorted(set(entries) & set(counts)):
        now, was = counts[name][1], entries[name]
        change = now / was - 1
        is_more = change > INSTRUCTION_TOLERANCE
        note = (
            "  REGRESSION" if is_more else "  better: commit it with --update" if change < -INSTRUCTIONS_SAVED else ""
        )
        print(f"{name:<44} {now:>14,} {was:>14,} {change:>+9.3%}{note}")
        if is_more:
            failures.append(f"{name}: {now:,} instructions, the baseline has {was:,} ({change:+.2%})")
    for name in sorted(unsteady):
        print(f"{name:<44} not compared: its count did not repeat when the baseline was made")
    shared = set(entries) & set(counts)
    return failures, {name for name in shared if abs(counts[name][1] / entries[name] - 1) <= SAME_INSTRUCTIONS}


def update_instructions(folder: Path, tools: dict[str, str]) -> dict[str, Any]:
    """Count in two processes; a kernel whose counts differ (threads, clocks) is listed as not repeatable."""
    first, second = instructions.count(folder), instructions.count(folder)
    steady = {
        name: counts[1]
        for name, counts in sorted(first.items())
        if instructions.is_repeatable(counts) and instructions.is_repeatable((counts[1], second[name][1]))
    }
    return {"tools": tools, "kernels": steady, "not_repeatable": sorted(set(first) - set(steady))}


def read(path: Path) -> dict[str, Any]:
    """Return a committed baseline, empty where there is none yet."""
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def without(baseline: dict[str, Any], absent: dict[str, str]) -> dict[str, Any]:
    """Return a baseline less the kernels that a benchmark file says it cannot provide here."""
    kernels = {name: entry for name, entry in baseline.get("kernels", {}).items() if name not in absent}
    return {**baseline, "kernels": kernels} if baseline else {}


def write(path: Path, baseline: dict[str, Any]) -> None:
    """Write a baseline for committing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(baseline, indent=2) + "\n", encoding="utf-8")
    print(f"wrote {path}")


def run(folder: Path, baselines: Path, *, update: bool, budget_s: float, count_instructions: bool) -> list[str]:
    """Measure and compare, or measure and write; return the failures."""
    from machine import conditions, machine_class  # noqa: PLC0415 - needs the compiled core

    print(*conditions(), sep="\n")
    machine = machine_class()
    kernels, absent = harness.load_all(folder)
    for name, reason in absent.items():
        print(f"absent      {name}: {reason}")
    if not kernels:
        return [f"no kernels found in {folder}"]
    ratios, counts = baselines / "ratios.json", baselines / "instructions.json"
    if update and absent:
        return [f"{name}: a baseline needs every kernel ({reason})" for name, reason in absent.items()]
    if update:
        write(ratios, update_ratios(kernels, machine, budget_s))
        failures, slower = [], {}
    else:
        failures, slower = check_ratios(kernels, without(read(ratios), absent), machine, budget_s)
    missing = instructions.why_not() if count_instructions else "switched off by --no-instructions"
    if missing:
        print(f"instructions skipped: {missing}")
        return failures + list(slower.values())
    tools = {**machine, "valgrind": instructions.valgrind_version()}
    del tools["cpu"]
    if update:
        write(counts, update_instructions(folder, tools))
        return []
    more, same = check_instructions(folder, without(read(counts), absent), tools)
    for name in sorted(set(slower) & same):
        print(f"let through {slower.pop(name)}: the same instructions as the baseline's, so the machine is busy")
    return failures + list(slower.values()) + more


def main(arguments: list[str] | None = None) -> int:
    """Run the gate; 0 passed, 1 regression, 2 not a build to measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--update", action="store_true", help="measure again and rewrite the baselines")
    parser.add_argument("--no-instructions", action="store_true", help="ratios only")
    parser.add_argument("--budget", type=float, default=0.6, help="seconds a kernel, default 0.6")
    parser.add_argument("--bench", type=Path, default=harness.MICRO, help="folder of bench_*.py")
    parser.add_argument("--baselines", type=Path, default=ROOT / "bench" / "baselines")
    options = parser.parse_args(arguments)
    from bot4._core.build_info import BuildError, require_release  # noqa: PLC0415 - after --help

    try:
        require_release()
        failures = run(
            options.bench,
            options.baselines,
            update=options.update,
            budget_s=options.budget,
            count_instructions=not options.no_instructions,
        )
    except (BuildError, BenchError, instructions.CountingError) as error:
        print(f"bench gate: {error}", file=sys.stderr)
        return 2
    for failure in failures:
        print(f"FAILED {failure}")
    print("bench gate: " + (f"{len(failures)} failures" if failures else "passed"))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
