"""Recordings put on disk and checked, and where their defects were found."""

from __future__ import annotations

import gzip
from pathlib import Path

from bot4.bootstrap import check_recordings


def put(path: Path, content: bytes | list[bytes]) -> Path:
    raw = content if isinstance(content, bytes) else b"\n".join(content) + b"\n"
    path.write_bytes(gzip.compress(raw) if path.suffix == ".gz" else raw)
    return path


def check(*paths: Path, **options):
    return check_recordings(paths, **options)


def found(report) -> list[tuple[str, int]]:
    return [(defect.kind, defect.line) for defect in report.defects]
