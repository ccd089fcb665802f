"""``bot4 explain``: why an order exists, or an entry does not."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bot4.entrypoints.cli.options import config_option

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bot4.dto.explanation import Explanation


@click.command("explain")
@click.argument("order_id", metavar="ORDER_ID")
@click.option("--run", "run_id", metavar="RUN", help="Which run.  [default: the last]")
@click.option(
    "--data-dir", type=click.Path(path_type=Path), metavar="DIR", help="Where runs are kept.  [default: bot4-data]"
)
@config_option
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
def explain(
    order_id: str, run_id: str | None, data_dir: Path | None, config_file: Path | None, *, as_json: bool
) -> None:
    """Print the arithmetic that let an order pass, or that refused one, from the journal.

    ORDER_ID is an order's number, its name at the venue, the number of a refusal, or last.

    \b
    bot4 explain last
    bot4 explain b4-1-16d-z --run 20261122T205450-001
    """  # noqa: D301 - click's mark for a block left as it is
    from bot4.bootstrap import explain_order
    from bot4.config import load_settings
    from bot4.domain.errors import Bot4Error

    try:
        overrides = None if data_dir is None else {"run.data_dir": str(data_dir)}
        settings = load_settings(config_file, overrides=overrides)
        found = explain_order(Path(settings.run.data_dir), order_id, run_id=run_id)
    except Bot4Error as error:
        click.echo(f"bot4: {error}", err=True)
        sys.exit(error.exit_code)
    if as_json:
        import orjson

        sys.stdout.buffer.write(orjson.dumps(found.to_dict(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
        return
    for line in lines_of(found):
        click.echo(line)


def _time(ts_ns: int) -> str:
    return datetime.fromtimestamp(ts_ns // 1_000_000_000, UTC).strftime("%Y-%m-%d %H:%M:%S") + f".{ts_ns % 10**9:09d}"


def _percent(share: float | None) -> str:
    return "no bound" if share is None else f"{100 * share:.2f} %"


def lines_of(found: Explanation) -> Iterator[str]:
    """Yield an explanation, one line each."""
    name = f"{found.kind} {found.number}" + (f" ({found.client_order_id})" if found.client_order_id else "")
    yield f"{name} of run {found.run_id}: {found.side} {found.qty} {found.symbol} at {found.price}"
    yield f"  time        {_time(found.ts_ns)} UTC, touch {found.bid} / {found.ask}"
    if found.refused_by:
        more = f", {found.repeats} more before it" if found.repeats else ""
        yield f"  refused by  {found.refused_by}: {found.verdict}{more}"
    else:
        yield f"  reason      {found.verdict}{', as a maker' if found.is_maker else ''}"
    if found.bound:
        yield from _signal_lines(found)
        if found.kind != "exit":
            yield from _value_lines(found)
            yield from _size_lines(found)
        yield f"  stop        {found.stop} (ATR {found.atr})"
    else:
        yield from _stated_lines(found)
    for outcome in found.outcomes:
        fill = f" {outcome.qty} at {outcome.price}" if outcome.kind == "fill" else ""
        yield f"  then        {_time(outcome.ts_ns)} {outcome.kind}{fill}"


def _signal_lines(found: Explanation) -> Iterator[str]:
    yield (
        f"  score       {found.score:+.4f}, confidence {found.confidence:.2f}, agreement {found.agreement:.2f}, "
        f"coverage {found.coverage:.2f} of the sources' weight"
    )
    for source in found.sources:
        if source.state == "used":
            yield f"    {source.name:<10}{source.score:+.4f} x {source.share:.4f}, {source.age_s:.1f} s old"
        else:
            yield f"    {source.name:<10}{source.state}"
    alphas = ", ".join(f"{name} {value:+.3f}" for name, value in found.alphas.items() if value is not None)
    yield f"    ta is made of {alphas or 'nothing: warming'}"
    yield (
        f"  regime      {found.regime} (trend t {found.trend_t:+.2f}, stress {found.stress:.2f}); confirmed for "
        f"{found.confirmed_bars} bars, {100 * found.timeframes:.0f} % of the higher timeframes agree"
    )


def _stated_lines(found: Explanation) -> Iterator[str]:
    yield f"  regime      {found.regime} (trend t {found.trend_t:+.2f}, stress {found.stress:.2f})"
    if found.kind == "exit":
        yield "  value       none is asked for: it takes risk away"
        return
    score = f", score {found.score:+.4f}" if found.score else ""
    yield f"  value over  {found.horizon_s:g} s, as stated by {found.stated}, confidence {found.confidence:.2f}{score}"
    yield from _sum_lines(found)
    yield f"  size        as asked for: notional {found.notional}"


def _value_lines(found: Explanation) -> Iterator[str]:
    yield (
        f"  value over  {found.horizon_s:g} s, from {found.samples:.1f} outcomes of earlier scores, "
        f"deviation {100 * found.deviation:.3f} %"
    )
    yield from _sum_lines(found)


def _sum_lines(found: Explanation) -> Iterator[str]:
    for cost in found.costs:
        yield f"    {cost.name:<10}{cost.bps:>12} bps {cost.amount:>24}"
    sign = ">" if float(found.value_bps) > float(found.needed_bps) else "<="
    yield f"    {'= value':<10}{found.value_bps:>12} bps {sign} {found.needed_bps} bps needed (margin and errors)"


def _size_lines(found: Explanation) -> Iterator[str]:
    bound = f"bound by {found.bound}; held {_percent(found.held)}"
    yield f"  size        {_percent(found.size)} of equity {found.equity}, {bound}"
    yield "    " + ", ".join(f"{cap.name} {_percent(cap.share)}" for cap in found.caps)
    yield f"    notional {found.notional}"
