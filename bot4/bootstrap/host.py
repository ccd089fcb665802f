"""The machine looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from bot4.dto.host_check import HostReport


def examine_host(data_dir: Path, environment: Mapping[str, str]) -> HostReport:
    """Look at the machine and the installation; never raises for what it finds.

    Parameters
    ----------
    data_dir : Path
        Where bot4 would keep its data.
    environment : mapping of str to str
        Environment variables: services are looked for where these name them.

    """
    from bot4.adapters.host.doctor import Doctor

    return Doctor(data_dir, environment).examine()
