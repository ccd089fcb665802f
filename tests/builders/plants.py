"""Compiled modules with planted faults: a fault is another text for lines of a module, switched on by a number.

One build holds all faults of its modules: each replaced text becomes ``if PLANT == n: fault, else: as it was``. The
modules take the places of the real ones in a process of their own, before anything imports those (run as a program:
``python -m builders.plants FOLDER TEST ...``), and each fault's own test runs with it. A test that still passes has no
power over that fault.
"""

from __future__ import annotations

import importlib
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from importlib.machinery import ExtensionFileLoader, ModuleSpec
from importlib.util import spec_from_file_location
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

BUILD = """
import sys
from Cython.Build import cythonize
from setuptools import Extension, setup

folder, *names = sys.argv[1:]
directives = {"language_level": 3, "cdivision": True}
directives |= dict.fromkeys(("boundscheck", "wraparound", "initializedcheck"), False)
modules = [Extension(name, [folder + "/" + name.replace(".", "/") + ".pyx"], include_dirs=["bot4/_core/include"],
                     extra_compile_args=["-O0", "-g0", "-std=gnu11", "-w"]) for name in names]
setup(name="plants", ext_modules=cythonize(modules, include_path=["."], quiet=True, nthreads=2,
                                             compiler_directives=directives),
      script_args=["-q", "build_ext", "-j2", "--build-lib", folder + "/lib", "--build-temp", folder + "/temp"])
"""


@dataclass(frozen=True)
class Fault:
    """`text` of a module, which must be there once, replaced by `fault`; `test` must notice.

    `text` is whole lines as they stand (the first without its indentation), or the head of an ``if`` or a ``while``;
    `fault` is lines from the margin on, or another head.
    """

    module: str
    text: str
    fault: str
    test: str


def planted(source: str, faults: dict[int, Fault]) -> str:
    """Return the source of a module with its faults as alternatives."""
    lines = source.splitlines()
    imports_end = next(i for i, line in enumerate(lines) if line.startswith("cdef ") and "import" not in line)
    for number, fault in faults.items():
        assert source.count(fault.text) == 1, f"{fault.module} must hold once: {fault.text!r}"
        at = source.index(fault.text)
        indent = " " * (at - source.rindex("\n", 0, at) - 1)
        if fault.text.endswith(":"):
            word, _, condition = fault.text[:-1].partition(" ")
            _, _, other = fault.fault[:-1].partition(" ")
            both = f"{word} (({other}) if PLANT == {number} else ({condition})):"
        else:
            right = textwrap.indent(textwrap.dedent(indent + fault.text), indent + "    ")
            wrong = textwrap.indent(fault.fault, indent + "    ")
            both = f"if PLANT == {number}:\n{wrong}\n{indent}else:\n{right}"
        source = source.replace(fault.text, both)
    first = lines[imports_end]
    switch = "cdef int PLANT = 0\n\n\ndef plant(int number):\n    global PLANT\n    PLANT = number\n\n\n"
    return source.replace(first, switch + first, 1)


def build(folder: Path, faults: dict[str, Fault]) -> None:
    """Compile the modules of the faults into ``folder/lib``."""
    names = sorted({fault.module for fault in faults.values()})
    for name in names:
        source = (ROOT / name.replace(".", "/")).with_suffix(".pyx").read_text(encoding="utf-8")
        mine = {number: fault for number, fault in enumerate(faults.values(), 1) if fault.module == name}
        target = (folder / name.replace(".", "/")).with_suffix(".pyx")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(planted(source, mine), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", BUILD, str(folder), *names], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3_000:]


class PlantedModules:
    """Import hook: the planted modules in the places of the real ones."""

    def __init__(self, folder: Path) -> None:
        self._libraries = {
            ".".join(path.relative_to(folder / "lib").with_name(path.name.split(".")[0]).parts): path
            for path in (folder / "lib").rglob("*.so")
        }

    def find_spec(self, name: str, *_: object) -> ModuleSpec | None:
        """Return the spec of a planted module."""
        library = self._libraries.get(name)
        return library and spec_from_file_location(name, library, loader=ExtensionFileLoader(name, str(library)))

    def plant(self, number: int) -> None:
        """Switch one fault on in all modules, or all off with 0."""
        for name in self._libraries:
            importlib.import_module(name).plant(number)


def main(folder: Path, tests: list[str]) -> int:
    """Run every test with no fault, then each with its own; prints ``number outcome`` for each."""
    modules = PlantedModules(folder)
    sys.meta_path.insert(0, modules)
    for number, test in enumerate(["", *tests]):
        modules.plant(number)
        wanted = [test] if test else sorted(set(tests))
        outcome = pytest.main(["-q", "--no-header", *wanted])
        sys.stdout.write(f"{number} {int(outcome)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
