"""``bot4 data features``: feature vectors of imported data, made, kept, listed, written to a file."""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bot4.entrypoints.cli.options import config_option, instrument_option, set_option

if TYPE_CHECKING:
    from bot4.config import Settings
    from bot4.dto.feature_table import FeatureTable
    from bot4.ports.feature_store import KeptFeatures

_UNITS_NS = {"ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3_600 * 10**9, "d": 86_400 * 10**9}
_LONGEST_NS = 366 * _UNITS_NS["d"]
_SUFFIXES = (".csv", ".npz")


@click.command("features")
@click.argument("name", required=False, metavar="[NAME]")
@click.option("--interval", metavar="LENGTH", help="Bars that trades are made into: 30s, 5m, 1h.  [default: 1m]")
@click.option("--select", metavar="NAMES", help="base, all, or features with commas; features.select where not given.")
@click.option("--from", "from_text", metavar="TIME", help="Bars that opened then or later: 2024-08-01T12:30, UTC.")
@click.option("--to", "to_text", metavar="TIME", help="Bars that ended then or before.")
@click.option("--warm-up", default=500, show_default=True, metavar="BARS", help="So many before --from go in first.")
@click.option("--kept", is_flag=True, help="Make nothing: read what was kept with the same choice.")
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="Also write them: .csv or .npz.")
@click.option("--archive", type=click.Path(path_type=Path), metavar="DIR", help="Imported data elsewhere.")
@config_option
@set_option
@click.option("--data-dir", type=click.Path(path_type=Path), metavar="DIR", help="Where store and archive are.")
@instrument_option
@click.option("--json", "as_json", is_flag=True, help="Write what was done, or the list, as JSON.")
def features(  # noqa: PLR0917 - click hands them over by name
    name: str | None,
    interval: str | None,
    select: str | None,
    from_text: str | None,
    to_text: str | None,
    warm_up: int,
    out: Path | None,
    archive: Path | None,
    config_file: Path | None,
    pairs: tuple[str, ...],
    data_dir: Path | None,
    instrument_files: tuple[Path, ...],
    *,
    kept: bool,
    as_json: bool,
) -> None:
    """Make feature vectors of imported data, one for each bar that ended, and keep them in the store.

    NAME is trades of the store or what an archive holds, as `bot4 backtest` takes it; without one, what is kept is
    listed. The vectors are those of the engine's own bank, so a model is fitted to what it will be told.

    Exit code: 65 the data has a defect, 66 there is no such data, 73 the file cannot be written, 74 the store cannot
    be used, 78 features, interval or rules do not fit.

    \b
    bot4 data features BTCUSDT@store --interval 5m --out btcusdt.npz
    bot4 data features BTCUSDT@1h --select rsi_14,adx_14 --from 2024-08-01 --to 2024-09-01
    bot4 data features
    """  # noqa: D301 - click's mark for a block left as it is
    from bot4.bootstrap import feature_table, list_features
    from bot4.domain.errors import Bot4Error, ConfigError
    from bot4.entrypoints.cli.data_archive import moment_ns
    from bot4.entrypoints.cli.progress import ByteBar

    try:
        settings = _settings(config_file, pairs, data_dir, select)
        if name is None:
            _list(list_features(settings), as_json=as_json)
            return
        if out is not None and out.suffix not in _SUFFIXES:
            raise ConfigError(f"--out must end with {' or '.join(_SUFFIXES)}, was {out}")
        with ByteBar("features", counts_bytes=False) as bar:
            table = feature_table(
                name,
                settings=settings,
                archive=archive,
                interval_ns=length_ns(interval),
                from_ns=moment_ns(from_text),
                to_ns=moment_ns(to_text),
                warm_up_bars=warm_up,
                only_kept=kept,
                instrument_files=instrument_files,
                progress=bar.update,
            )
        if out is not None:
            _write(table, out)
        _tell(table, kept=kept, out=out, as_json=as_json)
    except Bot4Error as error:
        click.echo(f"bot4: {error}", err=True)
        sys.exit(error.exit_code)


def length_ns(text: str | None) -> int | None:
    """Return a length in ns.

    >>> length_ns("5m"), length_ns("250ms"), length_ns(None)
    (300000000000, 250000000, None)
    """
    from bot4.domain.errors import ConfigError

    if text is None:
        return None
    unit = text.lstrip("0123456789")
    count = text.removesuffix(unit)
    if unit not in _UNITS_NS or not count.isdecimal() or not 0 < int(count) * _UNITS_NS[unit] <= _LONGEST_NS:
        raise ConfigError(f"an interval is written as 30s, 5m, 1h or 1d, at most a year, was {text!r}")
    return int(count) * _UNITS_NS[unit]


def _settings(config_file: Path | None, pairs: tuple[str, ...], data_dir: Path | None, select: str | None) -> Settings:
    from bot4.config import load_settings
    from bot4.entrypoints.cli.overrides import read_pairs

    overrides = read_pairs(pairs, data_dir=data_dir)
    return load_settings(config_file, overrides=overrides | ({} if select is None else {"features.select": select}))


def _write(table: FeatureTable, path: Path) -> None:
    import numpy as np

    from bot4.domain.errors import OutputError

    try:
        if path.suffix == ".npz":
            np.savez_compressed(path, names=np.array(table.names), ts_ns=table.ts_ns, values=table.values)
            return
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(("ts_ns", *table.names))
            for ts_ns, vector in zip(table.ts_ns.tolist(), table.values, strict=True):
                # Not ready is empty, which readers of tables take for missing.
                writer.writerow((ts_ns, *("" if value != value else repr(value) for value in vector.tolist())))  # noqa: PLR0124 - NaN
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {(error.strerror or str(error)).lower()}") from None


def _tell(table: FeatureTable, *, kept: bool, out: Path | None, as_json: bool) -> None:
    import numpy as np
    import orjson

    whole = int(np.isfinite(table.values).all(axis=1).sum())
    first_ns, last_ns = (int(table.ts_ns[0]), int(table.ts_ns[-1])) if len(table.ts_ns) else (0, 0)
    if as_json:
        told = {
            "name": table.name, "interval_ns": table.interval_ns, "names": table.names, "vectors": len(table.ts_ns),
            "ready": whole, "first_ns": first_ns, "last_ns": last_ns, "out": None if out is None else str(out),
        }  # fmt: skip
        sys.stdout.buffer.write(orjson.dumps(told, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
        sys.stdout.buffer.flush()
        return
    span = f", {_stamp(first_ns)} to {_stamp(last_ns)} UTC" if last_ns else ""
    done = "read from the store" if kept else "kept in the store"
    click.echo(
        f"{table.name}: {len(table.ts_ns):,} vectors of {len(table.names)} features{span}; {whole:,} with every"
        f" feature ready; {done}"
    )
    if out is not None:
        click.echo(f"written to {out}")


def _list(kept: list[KeptFeatures], *, as_json: bool) -> None:
    from dataclasses import asdict

    import orjson

    if as_json:
        sys.stdout.buffer.write(
            orjson.dumps([asdict(one) for one in kept], option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
        )
        sys.stdout.buffer.flush()
        return
    if not kept:
        click.echo("no features are kept")
    for one in kept:
        click.echo(
            f"{one.venue} {one.kind} {one.symbol}@{one.features.source}, bars of {one.features.interval_ns / 1e9:g} s:"
            f" {one.rows:,} vectors of {len(one.features.names)} features, {_stamp(one.first_ns)} to"
            f" {_stamp(one.last_ns)} UTC, set {one.features.digest[:8]}"
        )


def _stamp(stamp_ns: int) -> str:
    from datetime import UTC, datetime

    return f"{datetime.fromtimestamp(stamp_ns // 10**9, UTC):%Y-%m-%d %H:%M:%S}"
