"""Compiles the core if anything it is made of changed since the last build; else does nothing, in a few milliseconds.

    python ci/compile_core.py

Shows how far it is; what the compilers say goes to build/compile.log, and on the screen where a build fails.
Reads BOT4_BUILD, BOT4_SANITIZE, BOT4_MARCH and BOT4_JOBS as setup.py does.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SUFFIXES = {".pyx", ".pxd", ".h"}


def wanted_build() -> str:
    """Return what is asked for: a stamp with other words is out of date."""
    settings = [os.environ.get(name, "") for name in ("BOT4_BUILD", "BOT4_SANITIZE", "BOT4_MARCH")]
    return " ".join([sysconfig.get_config_var("EXT_SUFFIX"), *(setting or "-" for setting in settings)])


def reason_to_build(root: Path, stamp: Path) -> str:
    """Return why the core has to be built, empty where it is up to date."""
    mode = root / ".bot4-build-mode"
    if not stamp.exists() or not mode.exists():
        return "nothing is built yet"
    if stamp.read_text(encoding="ascii") != f"{wanted_build()}\n{mode.read_text(encoding='ascii')}":
        return "the last build was of another kind"
    sources = [path for path in (root / "bot4" / "_core").rglob("*") if path.suffix in SUFFIXES]
    built = stamp.stat().st_mtime
    for source in [*sources, root / "setup.py"]:
        if source.stat().st_mtime > built:
            return f"{source.relative_to(root)} changed"
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    for source in sources:
        if source.suffix == ".pyx" and not source.with_name(source.stem + suffix).exists():
            return f"{source.relative_to(root)} is not compiled"
    return ""


class Progress:
    """One line that moves on a terminal, a line every quarter elsewhere: translated modules, then compiled ones."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._start = time.monotonic()
        self._wall = time.time()
        self._translated = self._modules = 0
        self._said = -1
        self._is_terminal = sys.stdout.isatty()

    def read(self, line: str) -> None:
        """Take one line of the translator: ``[12/71] Cythonizing ...``."""
        if found := re.match(r"\[ *(\d+)/(\d+)\] Cythonizing", line):
            self._translated, self._modules = int(found[1]), int(found[2])

    def show(self) -> None:
        """Draw where it is now."""
        libraries = self._root.joinpath("bot4", "_core").rglob("*.so")
        compiled = sum(library.stat().st_mtime >= self._wall for library in libraries)
        whole = max(self._modules, compiled, 1)
        # A module compiles twice as long as it translates.
        share = min((self._translated + 2 * compiled) / (3 * whole), 1.0)
        seconds = time.monotonic() - self._start
        text = f"{self._translated} translated, {compiled} compiled of {whole} modules, {seconds:.0f} s"
        if self._is_terminal:
            print(f"\r[{'#' * int(30 * share):30}] {share:4.0%}  {text} ", end="", flush=True)
        elif int(share * 4) > self._said and self._modules:
            self._said = int(share * 4)
            print(f"{share:4.0%}  {text}", flush=True)

    def end(self) -> None:
        """Leave the line."""
        if self._is_terminal:
            print()


def build(root: Path, log: Path) -> int:
    """Run setup.py with a progress line; its exit code, and on a failure what it said."""
    log.parent.mkdir(exist_ok=True)
    command = [sys.executable, "setup.py", "-q", "build_ext", "--inplace"]
    progress = Progress(root)
    with log.open("w", encoding="utf-8") as out:
        child = subprocess.Popen(command, cwd=root, stdout=out, stderr=subprocess.STDOUT)
        try:
            with log.open(encoding="utf-8", errors="replace") as text:
                while child.poll() is None:
                    time.sleep(0.25)
                    for line in text:
                        progress.read(line)
                    progress.show()
        finally:
            if child.poll() is None:
                child.terminate()
                child.wait()
            progress.end()
    if child.returncode != 0:
        print(log.read_text(encoding="utf-8", errors="replace")[-8000:], file=sys.stderr)
        print(f"the core did not compile; all of it in {log.relative_to(root)}", file=sys.stderr)
    return child.returncode


def main(root: Path = ROOT) -> int:
    """Build if needed; the compiler's exit code."""
    stamp = root / "build" / f"stamp-{sysconfig.get_config_var('SOABI')}"
    reason = reason_to_build(root, stamp)
    if not reason:
        return 0
    print(f"compiling the core: {reason}", flush=True)
    start, wall = time.monotonic(), time.time()
    code = build(root, root / "build" / "compile.log")
    if code == 0:
        mode = (root / ".bot4-build-mode").read_text(encoding="ascii")
        stamp.write_text(f"{wanted_build()}\n{mode}", encoding="ascii")
        os.utime(stamp, (wall, wall))  # a file saved while the compiler ran is newer than the stamp
        print(f"compiled in {time.monotonic() - start:.0f} s")
    return code


if __name__ == "__main__":
    sys.exit(main())
