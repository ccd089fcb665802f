"""``bot4 journal``: is a journal whole, what is in it, and what state does it give."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from bot4.entrypoints.cli.options import set_option

if TYPE_CHECKING:
    from collections.abc import Callable

_T = TypeVar("_T")
_PATH = click.argument("path", type=click.Path(path_type=Path), default="bot4-data", metavar="[PATH]")


@click.group()
def journal() -> None:
    """Look at the journal of a run: PATH is the file, the run's folder, or a data directory, whose newest run it is.

    Where no PATH is given it is the data directory bot4-data.

    \b
    bot4 journal verify
    bot4 journal show bot4-data --kind intent --last 20
    bot4 journal replay bot4-data/runs/20261122T152910-001
    """  # noqa: D301 - click's mark for a block left as it is


@journal.command("verify")
@_PATH
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
def verify(path: Path, *, as_json: bool) -> None:
    """Check every record, sequence and segment, and the chain between segments; 65 where something is damaged."""
    from bot4.application.records.journal_report import find_journal, verify_journal

    told = _told(lambda: verify_journal(find_journal(path)))
    if as_json:
        _write_json(told)
        return
    click.echo(f"{told['journal']}: whole")
    click.echo(f"segments     {len(told['segments'])}, {sum(told['segments']):,} bytes")
    click.echo(f"records      {told['records']:,}, sequence {told['first_seq']} to {told['last_seq']}")
    click.echo(f"kinds        {', '.join(f'{count} {kind}' for kind, count in told['kinds'].items())}")
    click.echo(f"epochs       {' '.join(map(str, told['epochs']))}")
    click.echo(f"chain        {told['chain']}")
    if told["torn_bytes"]:
        click.echo(f"torn tail    {told['torn_bytes']} bytes of a record that was not finished")


@journal.command("show")
@_PATH
@click.option("--kind", "kinds", multiple=True, metavar="KIND", help="Records of this kind only; may be repeated.")
@click.option("--last", type=click.IntRange(min=1), metavar="COUNT", help="The last ones only.")
@click.option("--json", "as_json", is_flag=True, help="Write one JSON object a line.")
def show(path: Path, kinds: tuple[str, ...], last: int | None, *, as_json: bool) -> None:
    """Print the records, one a line, in the units of the run."""
    from bot4._core.journal.record import JournalKind
    from bot4.application.records.journal_report import find_journal, show_journal

    known = {kind.name.removeprefix("JOURNAL_").lower() for kind in JournalKind if kind.name} - {"kind_end"}
    if unknown := sorted(set(kinds) - known):
        raise click.BadParameter(f"there is no kind {unknown[0]!r}: {', '.join(sorted(known))}")

    def write() -> None:
        for said in show_journal(find_journal(path), kinds=frozenset(kinds), last=last):
            if as_json:
                _write_json(said, indent=False)
            else:
                head = f"{said.pop('seq'):>8} {said.pop('epoch'):>10} {said.pop('wall_ns')} {said.pop('kind'):<8}"
                click.echo(f"{head} {' '.join(f'{key}={value}' for key, value in said.items())}".rstrip())

    _told(write)


@journal.command("replay")
@_PATH
@click.option(
    "--config", "config_file", type=click.Path(path_type=Path), metavar="FILE", help="The run's settings file."
)
@set_option
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
def replay(path: Path, config_file: Path | None, pairs: tuple[str, ...], *, as_json: bool) -> None:
    """Read a live run's journal into a fresh engine, whole and from each snapshot; 65 where the states differ."""
    from bot4.application.records.journal_report import find_journal, replay_journal
    from bot4.config import load_settings

    def read() -> dict[str, Any]:
        overrides = dict(pair.split("=", 1) for pair in pairs if "=" in pair)
        return replay_journal(find_journal(path), load_settings(config_file, overrides=overrides))

    told = _told(read)
    if as_json:
        _write_json(told)
        return
    click.echo(f"{told['journal']}: {told['records']:,} records, the last is {told['last_seq']}")
    click.echo(f"state hash   {told['state_hash']}")
    for name, what in told["snapshots"].items():
        click.echo(f"{name}: {what}")
    for lane in told["lanes"]:
        click.echo(
            f"{lane['symbol']}: {lane['working_orders']} orders work, {lane['unknown_orders']} of them unknown, "
            f"{lane['fills']} fills"
        )


def _told(ask: Callable[[], _T]) -> _T:
    from bot4.domain.errors import Bot4Error

    try:
        return ask()
    except Bot4Error as error:
        click.echo(f"bot4: {' '.join(str(error).split())}", err=True)
        sys.exit(error.exit_code)


def _write_json(content: Any, *, indent: bool = True) -> None:
    import orjson

    option = orjson.OPT_APPEND_NEWLINE | (orjson.OPT_INDENT_2 if indent else 0)
    sys.stdout.buffer.write(orjson.dumps(content, option=option))
    sys.stdout.buffer.flush()
