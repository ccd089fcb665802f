"""Build of the compiled core.

Every ``.pyx`` under ``bot4/_core`` is one extension module. Environment:

``BOT4_BUILD``      release (default), debug, coverage (line tracing), annotate (HTML beside the sources)
``BOT4_SANITIZE``   thread, or address,undefined: instruments whatever mode is built
``BOT4_MARCH``      -march value; default x86-64-v3 where this machine has AVX2, BMI2 and FMA, else the compiler's
``BOT4_ONLY``       comma-separated path parts (``ta,types``): build only the modules whose path holds one of them
``BOT4_PART``       run: what `bot4 run` loads; rest: what it does not (ci/core_parts.py); default all
``BOT4_JOBS``       parallel compilers, default the cores there are
"""

from __future__ import annotations

import gc
import os
import platform
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "ci"))

from core_headers import CoreHeaders
from core_parts import BEHIND, PARTS, is_of
from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

MODES = ("release", "debug", "coverage", "annotate")
MODE = os.environ.get("BOT4_BUILD", "release")
SANITIZE = os.environ.get("BOT4_SANITIZE", "")
ONLY = [part for part in os.environ.get("BOT4_ONLY", "").split(",") if part]
PART = os.environ.get("BOT4_PART", "")
JOBS = int(os.environ.get("BOT4_JOBS", "0")) or len(os.sched_getaffinity(0))
STAMP = Path(".bot4-build-mode")
BUILD_DIR = Path(f"build/cython-{MODE}")
# What every module with typed memoryviews would else compile for itself, some 20,000 lines each.
SHARED = "bot4._core._cyutility"
# Modules that no event and no order passes through: constructors, words, readers of settings. Half the time to compile.
COLD = {
    "bot4/_core/brain/study.pyx",
    "bot4/_core/build_info.pyx",
    "bot4/_core/engine/control.pyx",
    "bot4/_core/engine/engine.pyx",
    "bot4/_core/engine/reasoned_policy.pyx",
    "bot4/_core/engine/recovery.pyx",
    "bot4/_core/engine/snapshot.pyx",
    "bot4/_core/engine/view.pyx",
    "bot4/_core/journal/reader.pyx",
    "bot4/_core/mem/intent_ring.pyx",
    "bot4/_core/mem/lossy_ring.pyx",
    "bot4/_core/mem/mpmc_ring.pyx",
    "bot4/_core/mem/object_pool.pyx",
    "bot4/_core/mem/record_ring.pyx",
    "bot4/_core/mem/spsc_ring.pyx",
    "bot4/_core/mem/waiter.pyx",
    "bot4/_core/sim/exchange.pyx",
    "bot4/_core/sim/exchange_tables.pyx",
    "bot4/_core/sim/exchange_types.pyx",
    "bot4/_core/sim/flow_model.pyx",
    "bot4/_core/sim/margin_settings.pyx",
    "bot4/_core/sim/margin_tables.pyx",
    "bot4/_core/ta/registry.pyx",
    "bot4/_core/ta/snapshot.pyx",
    "bot4/_core/types.pyx",
    "bot4/_core/wire/decimal.pyx",
}

if MODE not in MODES:
    raise SystemExit(f"BOT4_BUILD must be one of {', '.join(MODES)}, was {MODE!r}")
if PART not in PARTS:
    raise SystemExit(f"BOT4_PART must be run or rest, was {PART!r}")
if SANITIZE not in ("", "thread", "address,undefined"):
    raise SystemExit(f"BOT4_SANITIZE must be thread or address,undefined, was {SANITIZE!r}")


def default_march() -> str:
    """x86-64-v3 where this machine can run it; empty (the compiler's baseline) elsewhere."""
    if platform.machine() not in ("x86_64", "AMD64"):
        return ""
    try:
        cpu = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
    flags = next((line.split() for line in cpu.splitlines() if line.startswith("flags")), [])
    return "x86-64-v3" if {"avx2", "bmi2", "fma"} <= set(flags) else ""


MARCH = os.environ.get("BOT4_MARCH", default_march())


def compile_flags() -> tuple[list[str], list[str], list[tuple[str, str | None]]]:
    """Compiler flags, linker flags and macros of this mode."""
    # No fused multiply-add and no fast-math: the same journal must give the same state on every machine.
    compile_args = ["-std=gnu11", "-ffp-contract=off", "-fno-math-errno", "-fstack-protector-strong", "-Wall"]
    # What Cython writes, not us.
    compile_args += ["-Wno-unused-function", "-Wno-unused-variable", "-Wno-unused-but-set-variable"]
    link_args = ["-Wl,-z,relro,-z,now"]
    macros: list[tuple[str, str | None]] = [("NPY_NO_DEPRECATED_API", "NPY_1_7_API_VERSION")]
    optimise = {"release": "-O3", "annotate": "-O3", "debug": "-Og", "coverage": "-O0"}[MODE]
    if MARCH:
        compile_args.append(f"-march={MARCH}")
    if SANITIZE:
        optimise = "-O1"
        compile_args += ["-g", "-fno-omit-frame-pointer", f"-fsanitize={SANITIZE}"]
        link_args.append(f"-fsanitize={SANITIZE}")
        if "undefined" in SANITIZE:
            # Python's own flags hold -fwrapv, which would hide every signed overflow.
            compile_args += ["-fno-sanitize-recover=undefined", "-fno-wrapv"]
    elif MODE != "coverage":
        # -g0 cancels the -g of Python's own flags, a quarter of the compile time.
        compile_args += ["-U_FORTIFY_SOURCE", "-D_FORTIFY_SOURCE=2", "-g0"] if MODE != "debug" else []
    compile_args.append(optimise)
    if MODE == "debug":
        compile_args.append("-g")
    if MODE == "coverage":
        macros += [("CYTHON_TRACE", "1"), ("CYTHON_TRACE_NOGIL", "1"), ("CYTHON_USE_SYS_MONITORING", "0")]
    label = MODE + (f"+{SANITIZE}" if SANITIZE else "")
    macros += [("BOT4_BUILD_MODE", f'"{label}"'), ("BOT4_BUILD_MARCH", f'"{MARCH or "default"}"')]
    macros.append(("BOT4_BUILD_FLAGS", '"' + " ".join(compile_args) + '"'))
    return compile_args, link_args, macros


def cold_flags(source: Path) -> list[str]:
    """Return what a cold module of a release build is compiled with instead of -O3."""
    return ["-O1"] if MODE == "release" and not SANITIZE and source.as_posix() in COLD else []


def extensions() -> list[Extension]:
    """One extension for each .pyx of the core."""
    compile_args, link_args, macros = compile_flags()
    BUILD_DIR.mkdir(parents=True, exist_ok=True)
    shared = Extension(
        SHARED,
        [str(BUILD_DIR / "_cyutility.c")],
        extra_compile_args=compile_args,
        extra_link_args=link_args,
        define_macros=macros,
    )
    sources = sorted(Path("bot4/_core").rglob("*.pyx"))
    if gone := (COLD | BEHIND) - {source.as_posix() for source in sources}:
        raise SystemExit(f"COLD or BEHIND names modules that are not there: {', '.join(sorted(gone))}")
    headers = CoreHeaders()
    sources = [source for source in sources if is_of(source.as_posix(), PART)]
    if ONLY:
        sources = [source for source in sources if any(part in source.as_posix() for part in ONLY)]
    return [
        *([] if PART == "rest" else [shared]),  # a run that is under way has it loaded
        *(
            Extension(
                ".".join(source.with_suffix("").parts),
                [str(source)],
                include_dirs=["bot4/_core/include"],
                depends=[str(header) for header in headers.of(source)],
                extra_compile_args=[*compile_args, *cold_flags(source)],
                extra_link_args=link_args,
                define_macros=macros,
            )
            for source in sources
        ),
    ]


def mode_key() -> str:
    """Return what must not be mixed in one tree: a stale -O0 object would silently serve a release build."""
    return f"{MODE} {SANITIZE} {MARCH} python{sys.version_info.major}.{sys.version_info.minor}"


def is_stale() -> bool:
    """Return whether this tree holds objects of another mode, or none."""
    return not STAMP.exists() or STAMP.read_text(encoding="ascii") != mode_key()


class BuildExt(build_ext):
    """Forces a whole rebuild when the mode changed since the last build in this tree."""

    def finalize_options(self) -> None:
        """Compile in parallel."""
        super().finalize_options()
        self.parallel = JOBS

    def run(self) -> None:
        """Remove what another mode left, note this mode, build; a build that is cut short goes on where it stopped."""
        if is_stale():
            for old in Path("build").glob("temp.*"):
                shutil.rmtree(old)
            # Of build/lib.* the modules alone: where a wheel is made, its Python files lie there already.
            for library in [*Path("bot4/_core").rglob("*.so"), *Path("build").glob("lib.*/**/*.so")]:
                library.unlink()
            STAMP.write_text(mode_key(), encoding="ascii")
        super().run()


# The translator makes millions of small objects and no garbage to speak of: not to look for it saves a third of its
# time and costs some 6 MB a module. Its worker processes inherit this.
gc.disable()
modules = extensions()

setup(
    ext_modules=cythonize(
        modules,
        nthreads=JOBS if len(modules) > 1 else 0,
        build_dir=None if MODE in ("coverage", "annotate") else str(BUILD_DIR),
        shared_utility_qualified_name=SHARED,
        annotate=MODE == "annotate",
        compiler_directives={
            "language_level": 3,
            "boundscheck": False,
            "wraparound": False,
            "initializedcheck": False,
            "cdivision": True,
            "embedsignature": True,
            # Coverage and the HTML view find their lines by these comments; elsewhere they are a quarter of the C.
            "emit_code_comments": MODE in ("coverage", "annotate"),
            "freethreading_compatible": False,
            "linetrace": MODE == "coverage",
            "profile": False,
        },
    ),
    cmdclass={"build_ext": BuildExt},
)
