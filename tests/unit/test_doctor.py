"""The doctor: each finding, made to stand well and ill."""

from __future__ import annotations

import importlib
import os
import re
import shutil
import socket
import sys
import tomllib
from pathlib import Path

import pytest

from bot4.adapters.host import doctor as doctor_module
from bot4.adapters.host.doctor import Doctor
from bot4.bootstrap import examine_host
from bot4.dto.host_check import Health, HostItem, HostReport

ROOT = Path(__file__).resolve().parents[2]


def by_name(items: list[HostItem]) -> dict[str, HostItem]:
    return {item.name: item for item in items}


@pytest.fixture
def host(tmp_path):
    """A made-up machine: the kernel's files are ours."""
    proc, sys_dir = tmp_path / "proc", tmp_path / "sys"
    (proc / "self").mkdir(parents=True)
    (proc / "self/maps").write_text("7f00 r-xp /usr/lib/libc.so.6\n")
    (proc / "cpuinfo").write_text("flags\t: fpu avx2 bmi2 fma constant_tsc nonstop_tsc\n")
    source = sys_dir / "devices/system/clocksource/clocksource0"
    source.mkdir(parents=True)
    (source / "current_clocksource").write_text("tsc\n")

    def make(environment=None, data_dir=None) -> Doctor:
        return Doctor(data_dir or tmp_path / "data", environment or {}, proc=proc, sys_dir=sys_dir)

    make.proc, make.source = proc, source / "current_clocksource"
    return make


def test_this_machine_can_run_bot4(tmp_path):
    report = examine_host(tmp_path, os.environ)
    assert report.exit_code == 0
    items = by_name(report.items)
    assert items["core"].health in (Health.OK, Health.WARN)
    assert items["data directory"].health is Health.OK
    assert report.to_dict()["usable"] is True
    assert list(tmp_path.iterdir()) == []


def test_the_allocator_is_told_by_what_is_loaded(host):
    assert host().allocator()[0].health is Health.MISSING
    (host.proc / "self/maps").write_text("7f00 r-xp /usr/lib/libmimalloc.so.2\n")
    assert host().allocator()[0].health is Health.OK


def test_a_slow_clock_source_and_a_varying_counter_are_warned_of(host):
    assert {item.health for item in host().clock()} == {Health.OK}
    host.source.write_text("hpet\n")
    (host.proc / "cpuinfo").write_text("flags\t: fpu\n")
    assert {item.health for item in host().clock()} == {Health.WARN}
    host.source.unlink()
    assert "cannot be read" in host().clock()[0].detail


def test_a_processor_without_the_instructions_is_warned_of(host):
    assert host().instruction_set()[0].health is Health.OK
    (host.proc / "cpuinfo").write_text("flags\t: fpu avx2\n")
    assert "no bmi2, fma" in host().instruction_set()[0].detail
    (host.proc / "cpuinfo").unlink()
    assert "cannot be read" in host().instruction_set()[0].detail


def test_a_core_that_does_not_load_is_a_failure(host, monkeypatch):
    def refuse(name):
        raise ImportError(f"no {name}")

    monkeypatch.setattr(importlib, "import_module", refuse)
    (item,) = host().core()
    assert (item.health, "build it" in item.advice) == (Health.FAILED, True)
    assert HostReport([item]).exit_code == 1
    assert host().clock()[1].health is Health.WARN
    assert "does not load" in host().instruction_set()[0].detail


def test_a_debug_build_is_warned_of(host, monkeypatch):
    build = importlib.import_module("bot4._core.build_info").build_info()
    slow = build._replace(mode="debug", is_optimised=False)
    monkeypatch.setattr(importlib.import_module("bot4._core.build_info"), "build_info", lambda: slow)
    item = host().core()[0]
    assert (item.health, "debug build" in item.detail) == (Health.WARN, True)


def test_a_data_directory_that_cannot_be_written_is_a_failure(host, tmp_path, monkeypatch):
    assert "can be made in" in host().data_directory()[0].detail

    def refuse(**_options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(doctor_module.tempfile, "NamedTemporaryFile", refuse)
    (item,) = host(data_dir=tmp_path).data_directory()
    assert (item.health, "Permission denied" in item.detail) == (Health.FAILED, True)


def test_a_full_disk_is_warned_of(host, monkeypatch):
    assert "GiB free" in host().disk()[0].detail
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: shutil._ntuple_diskusage(10, 9, 1))
    assert host().disk()[0].health is Health.WARN


def test_one_core_is_warned_of(host, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {0})
    assert host().cores()[0].health is Health.WARN


def test_an_old_python_is_a_failure(host, monkeypatch):
    monkeypatch.setattr(doctor_module, "PYTHON_MIN", (sys.version_info[0], sys.version_info[1] + 1))
    assert host().python()[0].health is Health.FAILED


def test_packages_that_are_missing_are_named(host, monkeypatch):
    monkeypatch.setattr(doctor_module, "find_spec", lambda name: None if name in ("orjson", "redis") else object())
    items = by_name(host().packages())
    assert items["package orjson"].health is Health.FAILED
    assert (items["package redis"].health, items["package redis"].advice) == (
        Health.MISSING,
        "pip install 'bot4[redis]'",
    )


def test_optional_packages_are_those_that_something_imports_and_their_extras_bring_them():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    sources = "\n".join(path.read_text() for path in (ROOT / "bot4").rglob("*.py") if path.name != "doctor.py")
    for name, (extra, _) in doctor_module.OPTIONAL_PACKAGES.items():
        assert re.search(rf"^\s*(import|from) {name}\b|import_module\(\"{name}\"\)", sources, re.MULTILINE), (
            f"nothing imports {name}"
        )
        assert any(re.match(rf"{name}\b", needed) for needed in project["optional-dependencies"][extra])


def test_services_are_looked_for_only_where_configured_and_no_password_is_shown(host):
    assert {item.health for item in host().services()} == {Health.MISSING}
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        (redis, _) = host({"BOT4_REDIS_URL": f"redis://:secret@127.0.0.1:{port}/0"}).services()
        assert (redis.health, redis.detail) == (Health.OK, f"reachable at 127.0.0.1:{port}")
    (redis, _) = host({"BOT4_REDIS_URL": f"redis://:secret@127.0.0.1:{port}/0"}).services()
    assert redis.health is Health.WARN
    assert "secret" not in f"{redis.detail}{redis.advice}"
    (_, postgres) = host({"BOT4_POSTGRES_URL": "postgresql://localhost:port/db"}).services()
    assert postgres.health is Health.FAILED


def test_a_probe_that_breaks_does_not_hide_the_others(host, monkeypatch):
    def explode(self):
        raise RuntimeError("boom")

    monkeypatch.setattr(Doctor, "disk", explode)
    report = host().examine()
    assert by_name(report.items)["explode"].detail == "could not be looked at: RuntimeError: boom"
    assert "packages" in by_name(report.items)


def test_the_nearest_folder_that_exists_is_found(tmp_path):
    assert doctor_module._nearest(tmp_path / "a/b/c") == tmp_path
    assert doctor_module._nearest(Path("/nowhere/at/all")) == Path("/")
