"""Makes a folder hold exactly the files listed on standard input (NUL-separated), rewriting only what differs.

    git ls-files -z | python ci/copy_tree.py FROM TO

Unlike a plain copy it keeps the times of files that did not change, so a build in the copy stays incremental, and it
removes sources that are gone. What a build made (objects, C files) stays.
"""

from __future__ import annotations

import filecmp
import shutil
import sys
from pathlib import Path

SOURCES = {".py", ".pyx", ".pxd", ".pyi", ".h", ".toml"}
MADE_BY_BUILD = {"build", ".hypothesis"}


def mirror(source: Path, target: Path, names: list[str]) -> tuple[int, int]:
    """Return how many files were written and how many removed."""
    written = removed = 0
    wanted = {name for name in names if (source / name).is_file()}
    for name in sorted(wanted):
        copy = target / name
        if copy.is_file() and filecmp.cmp(source / name, copy, shallow=False):
            continue
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source / name, copy)
        written += 1
    for path in target.rglob("*"):
        name = path.relative_to(target)
        if path.suffix in SOURCES and name.parts[0] not in MADE_BY_BUILD and name.as_posix() not in wanted:
            path.unlink()
            removed += 1
    return written, removed


if __name__ == "__main__":
    listed = [name for name in sys.stdin.read().split("\0") if name]
    print("copy: {} files written, {} removed".format(*mirror(Path(sys.argv[1]), Path(sys.argv[2]), listed)))
