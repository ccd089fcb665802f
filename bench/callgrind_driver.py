"""Runs under valgrind: each kernel once to warm up and twice to be counted, with a mark after every run.

valgrind --tool=callgrind python bench/callgrind_driver.py FOLDER [PART OF A NAME ...]
"""

from __future__ import annotations

import gc
import sys
from pathlib import Path

import native
from harness import load_kernels


def main(folder: str, words: list[str]) -> int:
    """Run and mark; exit 2 where the mark cannot be set."""
    library = native.load("callgrind_mark")
    if library is None:
        print("callgrind_mark cannot be compiled here", file=sys.stderr)
        return 2
    kernels = load_kernels(Path(folder), words)
    gc.disable()
    library.callgrind_start()  # until here, where the kernels' data are made, valgrind ran uninstrumented
    for kernel in kernels:
        kernel.run()
        library.callgrind_mark(f"warm {kernel.name}".encode())
        for _ in range(2):
            kernel.run()
            library.callgrind_mark(f"run {kernel.name}".encode())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
