"""Each compiled module is a triple: contract (.pxd), story (.pyx), types (.pyi), side by side.

    python ci/triples.py [ROOT]

A .pxd may stand alone where a header's inline functions need no module; a .pyx has its .pxd always, and its .pyi where
Python sees anything of it: a class, a def or a cpdef.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import cython_text

ROOT = Path(__file__).resolve().parents[1]


_PUBLIC = re.compile(r"^(?:def|class|cdef class|cpdef)\s+(?!_)", re.MULTILINE)


def is_seen(story: Path) -> bool:
    """Whether Python sees a public name of this module."""
    sources = [path for path in (story, story.with_suffix(".pxd")) if path.exists()]
    return any(_PUBLIC.search(cython_text.without_text(path.read_text(encoding="utf-8"))) for path in sources)


def missing(root: Path) -> list[str]:
    """Return the parts that are not there."""
    stories = sorted((root / "bot4").rglob("*.pyx"))
    parts = [story.with_suffix(".pxd") for story in stories]
    parts += [story.with_suffix(".pyi") for story in stories if is_seen(story)]
    return [part.relative_to(root).as_posix() for part in parts if not part.exists()]


def main(root: Path = ROOT) -> int:
    """Print what is missing; 0 nothing, 1 something."""
    gone = missing(root)
    for name in gone:
        print(f"FAILED {name} is missing beside its .pyx")
    return 1 if gone else 0


if __name__ == "__main__":
    sys.exit(main(*(Path(argument).resolve() for argument in sys.argv[1:2])))
