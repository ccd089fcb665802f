"""Looks at the machine and the installation: what is there, what is missing, what to do about it.

Nothing is changed but for one file written and removed in the data directory. Every probe stands alone: one that
cannot look says so and the others go on.
"""

from __future__ import annotations

import importlib
import os
import shutil
import socket
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from bot4.dto.host_check import Health, HostItem, HostReport

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PYTHON_MIN = (3, 11)
DISK_FREE_MIN_BYTES = 1 << 30
CONNECT_TIMEOUT_S = 1.0
REQUIRED_PACKAGES = ("click", "msgspec", "numpy", "orjson", "rich")
# What each optional package is for, and the extra that brings it.
OPTIONAL_PACKAGES = {
    "aiohttp": ("live", "real orders, and the served exchange"),
    "cryptography": ("live", "keys of real orders, TLS of the served exchange"),
    "uvloop": ("exchange", "the served exchange"),
    "psycopg": ("postgres", "PostgreSQL storage, and failover"),
    "redis": ("redis", "shared cache"),
    "arch": ("quant", "reality check, SPA and GARCH fits"),
    "statsmodels": ("quant", "regime fits and cointegration"),
    "matplotlib": ("plots", "plots of a calibration"),
}
_V3_FLAGS = ("avx2", "bmi2", "fma")
_SERVICES = (("redis", "BOT4_REDIS_URL", 6379), ("postgresql", "BOT4_POSTGRES_URL", 5432))


class Doctor:
    """Looks at one machine.

    Parameters
    ----------
    data_dir : Path
        Where bot4 would keep its data; need not exist.
    environment : mapping of str to str
        Environment variables: services are looked for where these name them.
    proc, sys_dir : Path
        Where the kernel tells of itself.

    """

    def __init__(
        self,
        data_dir: Path,
        environment: Mapping[str, str],
        *,
        proc: Path = Path("/proc"),
        sys_dir: Path = Path("/sys"),
    ) -> None:
        self._data_dir = data_dir
        self._environment = environment
        self._proc = proc
        self._sys = sys_dir

    def examine(self) -> HostReport:
        """Run every probe."""
        probes: tuple[Callable[[], list[HostItem]], ...] = (
            self.python, self.core, self.instruction_set, self.allocator, self.clock, self.cores, self.data_directory,
            self.disk, self.packages, self.services,
        )  # fmt: skip
        report = HostReport()
        for probe in probes:
            try:
                report.items.extend(probe())
            except Exception as error:  # noqa: BLE001 - a probe must not hide the others' findings
                name = probe.__name__.replace("_", " ")
                told = f"could not be looked at: {type(error).__name__}: {error}"
                report.items.append(HostItem(name, Health.WARN, told))
        return report

    def python(self) -> list[HostItem]:
        """Look at the interpreter's version."""
        version = ".".join(map(str, sys.version_info[:3]))
        if sys.version_info[:2] < PYTHON_MIN:
            wanted = ".".join(map(str, PYTHON_MIN))
            return [HostItem("python", Health.FAILED, version, f"bot4 needs Python {wanted} or newer")]
        return [HostItem("python", Health.OK, f"{sys.implementation.name} {version}")]

    def core(self) -> list[HostItem]:
        """Tell whether the compiled core loads, and how it was built."""
        try:
            importlib.import_module("bot4._core.types")
            build = importlib.import_module("bot4._core.build_info").build_info()
        except ImportError as error:
            advice = "build it: pip install -e . (or python setup.py build_ext --inplace)"
            return [HostItem("core", Health.FAILED, f"does not load: {error}", advice)]
        told = f"{build.mode} build, march {build.march}, {build.compiler}"
        flags = HostItem("build flags", Health.OK, build.flags)
        if not build.is_optimised or build.is_traced or build.sanitizer:
            advice = "for trading build it in release mode: BOT4_BUILD=release python setup.py build_ext --inplace"
            return [HostItem("core", Health.WARN, told, advice), flags]
        return [HostItem("core", Health.OK, told), flags]

    def instruction_set(self) -> list[HostItem]:
        """Tell what the processor can do and the build uses."""
        flags = self._cpu_flags()
        if not flags:
            return [HostItem("instruction set", Health.WARN, "the processor's flags cannot be read")]
        try:
            used = (
                ", ".join(importlib.import_module("bot4._core.build_info").build_info().instruction_set) or "baseline"
            )
        except ImportError:
            used = "unknown: the core does not load"
        if missing := [flag for flag in _V3_FLAGS if flag not in flags]:
            advice = "the core runs on the compiler's baseline and is slower; nothing to do but another machine"
            return [HostItem("instruction set", Health.WARN, f"no {', '.join(missing)}; the build uses {used}", advice)]
        return [HostItem("instruction set", Health.OK, f"the build uses {used}")]

    def allocator(self) -> list[HostItem]:
        """Tell whether mimalloc serves this process."""
        if "mimalloc" in (self._proc / "self" / "maps").read_text(encoding="utf-8", errors="replace"):
            return [HostItem("allocator", Health.OK, "mimalloc")]
        advice = (
            "optional: install libmimalloc and start with LD_PRELOAD=libmimalloc.so (the hot path allocates nothing)"
        )
        return [HostItem("allocator", Health.MISSING, "the system's malloc; mimalloc is not loaded", advice)]

    def clock(self) -> list[HostItem]:
        """Look at the kernel's clock source and the tick counter of the core."""
        items = []
        source_file = self._sys / "devices/system/clocksource/clocksource0/current_clocksource"
        try:
            source = source_file.read_text(encoding="ascii").strip()
        except OSError:
            items.append(HostItem("clock source", Health.WARN, "cannot be read"))
        else:
            is_slow = source in ("hpet", "acpi_pm", "jiffies")
            advice = "reading the time costs about a microsecond: boot with clocksource=tsc where the machine allows"
            items.append(
                HostItem("clock source", Health.WARN if is_slow else Health.OK, source, advice if is_slow else "")
            )
        try:
            clock = importlib.import_module("bot4._core.clock")
        except ImportError:
            return [*items, HostItem("tick counter", Health.WARN, "unknown: the core does not load")]
        costs = clock.read_costs()
        told = (
            f"{clock.tick_source()}, {clock.ticks_per_second() / 1e9:.3f} GHz, read {costs['ticks_ns']:.0f} ns, "
            f"step {costs['tick_step_ns']:.0f} ns"
        )
        if "constant_tsc" in (flags := self._cpu_flags()) and "nonstop_tsc" in flags:
            return [*items, HostItem("tick counter", Health.OK, f"{told}, invariant")]
        advice = "latencies may be off where the processor changes its pace; orders do not depend on it"
        return [*items, HostItem("tick counter", Health.WARN, f"{told}, not known to be invariant", advice)]

    def cores(self) -> list[HostItem]:
        """Count the cores this process may use."""
        allowed, total = len(os.sched_getaffinity(0)), os.cpu_count() or 1
        load = os.getloadavg()[0]
        told = f"{allowed} of {total} may be used, load {load:.1f}"
        if allowed < 2:  # noqa: PLR2004 - a shard's own, and one for the rest
            advice = "a shard shares its one core with everything else: latencies will show it"
            return [HostItem("cores", Health.WARN, told, advice)]
        return [HostItem("cores", Health.OK, told)]

    def data_directory(self) -> list[HostItem]:
        """Tell whether bot4 could write its data."""
        where = self._data_dir.absolute()
        place = _nearest(where)
        try:
            with tempfile.NamedTemporaryFile(dir=place, prefix=".bot4-doctor-") as file:
                file.write(b"x")
        except OSError as error:
            advice = "name another with --data-dir, or give this user the right to write there"
            return [HostItem("data directory", Health.FAILED, f"{where}: {error.strerror}", advice)]
        made = "writable" if place == where else f"not there yet, can be made in {place}"
        return [HostItem("data directory", Health.OK, f"{where} ({made})")]

    def disk(self) -> list[HostItem]:
        """Look at the free space where the data goes."""
        free = shutil.disk_usage(_nearest(self._data_dir.absolute())).free
        told = f"{free / (1 << 30):.1f} GiB free"
        if free < DISK_FREE_MIN_BYTES:
            return [
                HostItem("disk", Health.WARN, told, "free at least 1 GiB: trading halts when the journal cannot grow")
            ]
        return [HostItem("disk", Health.OK, told)]

    def packages(self) -> list[HostItem]:
        """Look for the Python packages bot4 needs, and for those its extras would use."""
        items = [
            HostItem(f"package {name}", Health.FAILED, "needed, and not installed", f"pip install {name}")
            for name in REQUIRED_PACKAGES
            if find_spec(name) is None
        ]
        if not items:
            items.append(HostItem("packages", Health.OK, ", ".join(REQUIRED_PACKAGES)))
        for name, (extra, purpose) in OPTIONAL_PACKAGES.items():
            if find_spec(name) is not None:
                items.append(HostItem(f"package {name}", Health.OK, purpose))
            else:
                advice = f"pip install 'bot4[{extra}]'"
                items.append(HostItem(f"package {name}", Health.MISSING, f"optional: {purpose}", advice))
        return items

    def services(self) -> list[HostItem]:
        """Tell whether something listens where the environment names a service."""
        return [self._service(*service) for service in _SERVICES]

    def _service(self, name: str, variable: str, default_port: int) -> HostItem:
        address = self._environment.get(variable, "")
        if not address:
            told = "not configured: the embedded default is used"
            return HostItem(name, Health.MISSING, told, f"optional: set {variable}")
        try:
            parts = urlsplit(address)
            host, port = parts.hostname or "localhost", parts.port or default_port
        except ValueError as error:
            return HostItem(name, Health.FAILED, f"{variable} is no address: {error}", f"correct {variable}")
        # The address may hold a password: only host and port are ever shown.
        try:
            socket.create_connection((host, port), CONNECT_TIMEOUT_S).close()
        except OSError as error:
            told = f"nothing answers at {host}:{port} ({error.strerror or error})"
            return HostItem(name, Health.WARN, told, f"start it, or unset {variable}")
        return HostItem(name, Health.OK, f"reachable at {host}:{port}")

    def _cpu_flags(self) -> set[str]:
        try:
            text = (self._proc / "cpuinfo").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return set()
        return set(next((line.split() for line in text.splitlines() if line.startswith("flags")), []))


def _nearest(path: Path) -> Path:
    """Return the path itself, or the nearest folder above it that is there."""
    while not path.is_dir() and path != path.parent:
        path = path.parent
    return path
