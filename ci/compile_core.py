"""Compiles the core if anything it is made of changed since the last build; else does nothing, in a few milliseconds.

    python ci/compile_core.py

Reads BOT4_BUILD, BOT4_SANITIZE, BOT4_MARCH and BOT4_JOBS as setup.py does.
"""

from __future__ import annotations

import os
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


def main(root: Path = ROOT) -> int:
    """Build if needed; the compiler's exit code."""
    stamp = root / "build" / f"stamp-{sysconfig.get_config_var('SOABI')}"
    reason = reason_to_build(root, stamp)
    if not reason:
        return 0
    print(f"compiling the core: {reason}", flush=True)
    start, wall = time.monotonic(), time.time()
    done = subprocess.run([sys.executable, "setup.py", "-q", "build_ext", "--inplace"], cwd=root, check=False)
    if done.returncode == 0:
        stamp.parent.mkdir(exist_ok=True)
        mode = (root / ".bot4-build-mode").read_text(encoding="ascii")
        stamp.write_text(f"{wanted_build()}\n{mode}", encoding="ascii")
        os.utime(stamp, (wall, wall))  # a file saved while the compiler ran is newer than the stamp
        print(f"compiled in {time.monotonic() - start:.0f} s")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
