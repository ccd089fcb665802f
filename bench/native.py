"""Small C helpers of the harness, compiled where they are used; absent where there is no compiler."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent
OUTPUT = HERE.parent / "build" / "bench"
INCLUDE = HERE.parent / "bot4" / "_core" / "include"


def load(name: str) -> ctypes.CDLL | None:
    """Compile ``bench/native/NAME.c`` once and load it; None where it cannot be compiled here."""
    source, library = HERE / "native" / f"{name}.c", OUTPUT / f"{name}.so"
    if not library.exists() or library.stat().st_mtime < source.stat().st_mtime:
        compiler = shutil.which(os.environ.get("CC", "cc"))
        if compiler is None:
            return None
        OUTPUT.mkdir(parents=True, exist_ok=True)
        fresh = library.with_suffix(f".{os.getpid()}")
        command = [compiler, "-O2", "-shared", "-fPIC", "-pthread", f"-I{INCLUDE}", "-o", str(fresh), str(source)]
        if subprocess.run(command, capture_output=True, check=False).returncode:
            return None
        fresh.replace(library)
    return ctypes.CDLL(str(library))
