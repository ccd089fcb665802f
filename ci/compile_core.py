"""Compiles the core if anything it is made of changed since the last build; else does nothing, in a few milliseconds.

    python ci/compile_core.py              all of it
    python ci/compile_core.py --to-run     what `bot4 run` loads; the rest is then compiled behind it, by this script:
    python ci/compile_core.py --rest       at the lowest priority, told in build/rest.log

One build of a tree at a time; another one waits for it. Shows how far it is; what the compilers say goes to
build/compile.log, and on the screen where a build fails. Reads BOT4_BUILD, BOT4_SANITIZE, BOT4_MARCH and BOT4_JOBS as
setup.py does.
"""

from __future__ import annotations

import fcntl
import os
import re
import subprocess
import sys
import sysconfig
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from core_parts import is_of

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[1]
SUFFIXES = {".pyx", ".pxd", ".h"}


def wanted_build() -> str:
    """Return what is asked for: a stamp with other words is out of date."""
    settings = [os.environ.get(name, "") for name in ("BOT4_BUILD", "BOT4_SANITIZE", "BOT4_MARCH")]
    return " ".join([sysconfig.get_config_var("EXT_SUFFIX"), *(setting or "-" for setting in settings)])


def reason_to_build(root: Path, stamp: Path, part: str = "") -> str:
    """Return why the core, or a part of it, has to be built, empty where it is up to date."""
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
        if not is_of(source.relative_to(root).as_posix(), part):
            continue
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


@contextmanager
def one_at_a_time(root: Path) -> Iterator[None]:
    """Hold this tree's build; wait for another one's end."""
    (root / "build").mkdir(exist_ok=True)
    with (root / "build" / "compile.lock").open("w", encoding="ascii") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("another build of this tree is under way: waiting for it", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def is_under_way(root: Path) -> bool:
    """Whether somebody builds this tree now."""
    with (root / "build" / "compile.lock").open("w", encoding="ascii") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def build(root: Path, log: Path, part: str = "") -> int:
    """Run setup.py with a progress line; its exit code, and on a failure what it said."""
    log.parent.mkdir(exist_ok=True)
    command = [sys.executable, "setup.py", "-q", "build_ext", "--inplace"]
    progress = Progress(root)
    with log.open("w", encoding="utf-8") as out:
        environment = os.environ | {"BOT4_PART": part}
        child = subprocess.Popen(command, cwd=root, stdout=out, stderr=subprocess.STDOUT, env=environment)
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


def compile_part(root: Path, part: str) -> int:
    """Build a part, or all, if needed and stamp it; the compiler's exit code.

    Of ``rest`` nothing else is compiled, for a run may have the other modules loaded, and with it all is there; where
    those are out of date, all is compiled.
    """
    with one_at_a_time(root):
        of_run = stamp_of(root, "run")
        if part == "rest" and reason_to_build(root, of_run, "run"):
            part = ""
        stamp = stamp_of(root, "run" if part == "run" else "")
        reason = reason_to_build(root, stamp, "run" if part == "run" else "")
        if not reason:
            return 0
        print(f"compiling the core: {reason}", flush=True)
        start, began = time.monotonic(), of_run.stat().st_mtime if part == "rest" else time.time()
        code = build(root, root / "build" / "compile.log", part)
        if code == 0:
            mode = (root / ".bot4-build-mode").read_text(encoding="ascii")
            stamp.write_text(f"{wanted_build()}\n{mode}", encoding="ascii")
            os.utime(stamp, (began, began))  # a file saved while the compiler ran is newer than the stamp
            print(f"compiled in {time.monotonic() - start:.0f} s")
    return code


def stamp_of(root: Path, part: str) -> Path:
    """Return the file that says when a part was built last."""
    return root / "build" / f"stamp-{sysconfig.get_config_var('SOABI')}{'-' if part else ''}{part}"


def compile_to_run(root: Path) -> int:
    """Build what a run loads, and leave the rest to a process of its own."""
    if not reason_to_build(root, stamp_of(root, "")):
        return 0
    if reason_to_build(root, stamp_of(root, "run"), "run") and (code := compile_part(root, "run")):
        return code
    if is_under_way(root):
        return 0
    print("the rest of the core, which no run loads, is compiled behind this one (build/rest.log)", flush=True)
    with (root / "build" / "rest.log").open("w", encoding="utf-8") as log:
        subprocess.Popen(
            ["nice", "-n", "19", sys.executable, str(Path(__file__).resolve()), "--rest"],
            cwd=root,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # it ends what it began, also where the run ends first
        )
    return 0


def main(arguments: list[str], root: Path = ROOT) -> int:
    """Build if needed; the compiler's exit code."""
    match arguments:
        case []:
            return compile_part(root, "")
        case ["--to-run"]:
            return compile_to_run(root)
        case ["--rest"]:
            return compile_part(root, "rest")
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
