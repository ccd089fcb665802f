"""Which C headers a module of the core is made of, so that a changed header compiles those modules again and no others.

python ci/core_headers.py          every module with its headers
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
INCLUDE = Path("bot4/_core/include")
_CIMPORT = re.compile(r"^\s*(?:from\s+([\w.]+)\s+cimport|cimport\s+([\w.]+))", re.MULTILINE)
_HEADER = re.compile(r'(?:extern\s+from|#\s*include)\s+"(bot4/[\w./]+\.h)"')
_INCLUDED = re.compile(r'^\s*#\s*include\s+"([\w./]+)"', re.MULTILINE)


class CoreHeaders:
    """Answers for one source tree; each file is read once."""

    def __init__(self, root: Path = ROOT) -> None:
        self._root = root
        self._texts: dict[Path, str] = {}

    def of(self, source: Path) -> list[Path]:
        """Return the headers of one .pyx, relative to the root: its own, those of what it cimports, and theirs."""
        headers: set[Path] = set()
        for cython in self._cimported(source):
            for name in _HEADER.findall(self._text(cython)):
                self._add(INCLUDE / name, headers)
        return sorted(headers)

    def _cimported(self, source: Path) -> set[Path]:
        """Return the .pyx with its .pxd and every .pxd it cimports, however far."""
        found: set[Path] = set()
        waiting = [source, source.with_suffix(".pxd")]
        while waiting:
            path = waiting.pop()
            if path in found or not (self._root / path).exists():
                continue
            found.add(path)
            modules = [either or other for either, other in _CIMPORT.findall(self._text(path))]
            waiting += [Path(*module.split(".")).with_suffix(".pxd") for module in modules]
        return found

    def _add(self, header: Path, headers: set[Path]) -> None:
        if header in headers or not (self._root / header).exists():
            return
        headers.add(header)
        for name in _INCLUDED.findall(self._text(header)):
            beside, from_root = header.parent / name, INCLUDE / name
            self._add(beside if (self._root / beside).exists() else from_root, headers)

    def _text(self, path: Path) -> str:
        if path not in self._texts:
            self._texts[path] = (self._root / path).read_text(encoding="utf-8")
        return self._texts[path]


def main() -> int:
    """Print every module with its headers."""
    headers = CoreHeaders()
    for source in sorted((ROOT / "bot4" / "_core").rglob("*.pyx")):
        path = source.relative_to(ROOT)
        print(path, *(header.relative_to(INCLUDE / "bot4").as_posix() for header in headers.of(path)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
