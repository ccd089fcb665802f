"""What a calibration found, for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from bot4.quant.calibration import TOLERANCES

if TYPE_CHECKING:
    from bot4.quant.calibration import Calibration, Score
    from bot4.quant.market_model import MarketModel

_KINDS = {"ks": "ks", "tv": "tv", "log ratio": "log", "difference": "abs"}


def render(calibration: Calibration, out_file: str, console: Console | None = None) -> None:
    """Print the measures, the goodness of fit and the scores."""
    console = console if console is not None else Console(highlight=False)
    model = calibration.model
    origin = model.origin
    console.print(
        f"[bold]{origin.symbol}[/] ({origin.venue}), {', '.join(origin.files)}: {origin.messages:,} messages, "
        f"{origin.span_s:,.0f} s with a live book",
        soft_wrap=True,
    )
    console.print(_measures(model))
    console.print(_comparison(calibration.scores))
    for score in calibration.scores:
        if score.misses:
            console.print(
                f"{score.one} / {score.other} beyond the tolerance: {', '.join(score.misses)}", soft_wrap=True
            )
    console.print(f"parameters   {out_file}", soft_wrap=True)


def _measures(model: MarketModel) -> Table:
    table = Table("measure", "value", box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_row("spread", f"{model.spreads[0][0]} tick {_share(model, 0):.1%} of the time")
    table.add_row(
        "takers",
        f"{model.takers.per_s:.2f} a second, median {_number(model.takers.size_quantiles[32])} lots, "
        f"{model.takers.persistence:.0%} on the side of the one before",
    )
    table.add_row(
        "volatility",
        f"{model.moves.volatility_per_sqrt_s / 2:,.1f} ticks for the square root of a second; "
        f"{model.moves.follows_taker:.0%} of the moves go the last taker's way",
    )
    for regime in model.regimes:
        table.add_row(
            "regime",
            f"{regime.share:.0%} of the time, {regime.mean_s:.0f} s at a time: {regime.moves_per_s:.2f} moves, "
            f"{regime.takers_per_s:.1f} takers a second, quoting x {regime.quoting:.2f}",
        )
    if model.latency is not None:
        law = model.latency
        table.add_row(
            "feed latency",
            f"offset {law.offset_ms:,.1f} ms (clock skew is in it), above it log-normal mu {law.mu:.2f} "
            f"sigma {law.sigma:.2f} (median {law.p50_ms:.1f} ms, p99 {law.p99_ms:.1f} ms, KS {law.ks:.3f})",
        )
    for name, value in model.goodness.items():
        table.add_row(name.replace("_", " "), f"{value:.3f}")
    return table


def _share(model: MarketModel, index: int) -> float:
    return model.spreads[index][1] / sum(share for _, share in model.spreads)


def _comparison(scores: list[Score]) -> Table:
    """One row a figure: its value in each market, then the distance of each pair."""
    table = Table(box=None, padding=(0, 1, 0, 0))
    table.add_column("figure", no_wrap=True)
    markets = {name: which for score in reversed(scores) for name, which in ((score.one, 0), (score.other, 1))}
    for name in [*markets, *(f"{_short(score.one)[:3]}/{_short(score.other)[:3]}" for score in scores), "at most"]:
        table.add_column(_short(name) if name in markets else name, justify="right", no_wrap=True)
    for index, row in enumerate(scores[0].rows):
        values = [
            next(
                (score.rows[index].one if score.one == name else score.rows[index].other)
                for score in scores
                if name in (score.one, score.other)
            )
            for name in markets
        ]
        limit = TOLERANCES[row.kind]
        distances = [
            f"[yellow]{score.rows[index].distance:.3f}[/]"
            if score.rows[index].distance > limit
            else f"{score.rows[index].distance:.3f}"
            for score in scores
        ]
        table.add_row(row.name, *(_number(value) for value in values), *distances, f"{limit:g} {_KINDS[row.kind]}")
    return table


def _short(name: str) -> str:
    return name.split(maxsplit=1)[0]


def _number(value: float) -> str:
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if abs(value) >= size:
            return f"{value / size:.3g}{unit}"
    return f"{value:.3g}"
