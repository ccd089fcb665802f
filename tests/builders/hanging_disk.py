"""A disk that stops answering while a process runs, for its journal alone: a library that is loaded before all others.

Who writes the journal is the shard's own thread: it stands still in the middle of a write, and every other one moves.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

SOURCE = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static void wait_for_disk(int file) {
    const char* path = getenv("HANGING_DISK");
    char link[64], name[4096];
    ssize_t length;
    if (!path || access(path, F_OK) != 0) return;
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    length = readlink(link, name, sizeof name - 1);
    if (length <= 0) return;
    name[length] = 0;
    if (!strstr(name, ".journal")) return;
    while (access(path, F_OK) == 0) usleep(5000);
}

ssize_t pwrite64(int file, const void* data, size_t size, off64_t offset) {
    static ssize_t (*real)(int, const void*, size_t, off64_t);
    if (!real) real = (ssize_t (*)(int, const void*, size_t, off64_t))dlsym(RTLD_NEXT, "pwrite64");
    wait_for_disk(file);
    return real(file, data, size, offset);
}

ssize_t pwrite(int file, const void* data, size_t size, off_t offset) { return pwrite64(file, data, size, offset); }
"""


def build_disk(folder: Path) -> Path:
    """Compile it; returns what LD_PRELOAD takes. The disk hangs while the file that HANGING_DISK names is there."""
    source, library = folder / "disk.c", folder / "disk.so"
    source.write_text(SOURCE)
    subprocess.run(["gcc", "-O1", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    return library
