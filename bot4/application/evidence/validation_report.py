"""What came of choosing from a grid as plain values (JSON) and as one HTML file that needs nothing else."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import numpy as np
import orjson

from bot4.application.backtest.chart import Line, chart
from bot4.application.backtest.page import STYLE, table, utc_text
from bot4.application.evidence.validation import random_windows

if TYPE_CHECKING:
    from bot4.application.evidence.validation import Figures, Validation

_COLOURS = {"chosen": "#2457a7", "hold": "#8a93a5", "random": "#d99a00"}


def validation_json(found: Validation) -> bytes:
    """Return it as JSON."""
    return orjson.dumps(
        found.to_dict(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE | orjson.OPT_SERIALIZE_NUMPY
    )


def validation_html(found: Validation) -> str:
    """Return one page; it loads nothing."""
    runs = found.runs
    title = f"{runs.strategy}: {len(runs.trials)} settings"
    span = f"{utc_text(int(runs.stamps_ns[0]))} to {utc_text(int(runs.stamps_ns[-1]))}"
    parts = [
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{escape(title)}</title><style>{STYLE}</style>",
        f"<h1>{escape(title)}</h1><p>{span}, {len(runs.hold)} {runs.period}s, net of all costs of the runs</p>",
        *(f"<p class=w>{escape(text)}</p>" for text in found.warnings),
        "<h2>What the choice is worth</h2>" + table(_figures(found)),
        *_walk_forward(found),
        *_cross_validation(found),
        "<h2>Settings tried</h2>"
        + table(_trials(found), head=("setting", "profit", "drawdown", "fees", "round trips")),
        "</html>",
    ]
    return "\n".join(parts)


def walk_rows(found: Validation) -> list[tuple[str, ...]]:
    """Return number, test window, parameters, and both ratios of each window."""
    walked = found.walk_forward
    if walked is None:
        return []
    stamps, year = found.runs.stamps_ns, found.runs.per_year**0.5
    return [
        (
            str(number),
            f"{utc_text(int(stamps[window.test_first]))[:16]} to {utc_text(int(stamps[window.test_end]))[:16]}",
            _named(found, chosen),
            f"{inside * year:.2f}",
            f"{outside * year:.2f}",
        )
        for number, (window, chosen, inside, outside) in enumerate(
            zip(walked.windows, walked.chosen, walked.scores_in, walked.scores_out, strict=True), 1
        )
    ]


def _named(found: Validation, trial: int) -> str:
    return ", ".join(f"{key}={value}" for key, value in found.runs.trials[trial].parameters.items()) or "as given"


def _figures(found: Validation) -> list[tuple[str, str]]:
    rows = [
        ("settings tried, counted", f"{len(found.runs.trials)}, {found.trials}"),
        ("best of all over everything", _named(found, found.best)),
        ("sure that it is better than luck (deflated Sharpe)", _share(found.deflated_sharpe)),
    ]
    if found.overfitting is not None:
        pbo = found.overfitting
        rows.append((f"probability of overfitting, {pbo.splits} splits", _share(pbo.probability)))
    for name, test in (found.snooping or {}).items():
        rows.append((f"against {name}: reality check p, SPA p", f"{test.reality_check:.3f}, {test.spa:.3f}"))
    return rows


def _walk_forward(found: Validation) -> list[str]:
    walked, runs = found.walk_forward, found.runs
    if walked is None:
        return []
    first, end = walked.windows[0].test_first, walked.windows[-1].test_end
    stamps, cost = runs.stamps_ns[first : end + 1], 10_000 * walked.switch_cost
    series = {"chosen": walked.returns, "hold": runs.hold[first:end], "random": random_windows(runs, walked)}
    lines = [
        Line(stamps, 100.0 * (np.concatenate([[1.0], np.cumprod(1.0 + returns)]) - 1.0), _COLOURS[name], name)
        for name, returns in series.items()
    ]
    return [
        "<h2>Out of sample: what was chosen, holding, random entries</h2>" + chart(lines, unit="% earned"),
        table(
            [(name, *_figure_cells(figures)) for name, figures in found.out_of_sample.items()],
            head=("", "profit", "drawdown", "Sharpe, annual", "sure of a ratio above 0", "periods, needed"),
        ),
        "<h2>Windows</h2>" + table(walk_rows(found), head=("", "scored on", "chosen", "ratio before", "ratio after")),
        f"<p>Changes of setting: {walked.switches}; to take over, change and leave cost {cost:.2f} bps of equity.</p>",
    ]


def _cross_validation(found: Validation) -> list[str]:
    crossed, runs = found.cross_validation, found.runs
    if crossed is None:
        return []
    ratios = crossed.path_sharpes * runs.per_year**0.5
    lines = [
        Line(runs.stamps_ns, 100.0 * (np.concatenate([[1.0], np.cumprod(1.0 + path)]) - 1.0), "#2457a7")
        for path in crossed.path_returns
    ]
    return [
        f"<h2>{len(ratios)} paths of {len(crossed.chosen)} combinations</h2>" + chart(lines, unit="% earned"),
        table(
            [
                ("groups, held out at a time", f"{crossed.groups}, {crossed.held_out}"),
                ("purged or embargoed of what could be chosen on", _share(crossed.purged_share)),
                ("Sharpe, annual, of the paths", ", ".join(f"{ratio:.2f}" for ratio in ratios)),
                ("paths that lose", _share(crossed.losing_share)),
            ]
        ),
    ]


def _figure_cells(figures: Figures) -> tuple[str, ...]:
    needed = "more than any" if figures.track_record_least is None else f"{figures.track_record_least:,.0f}"
    return (
        f"{100 * figures.profit_share:+.3f} %",
        f"{100 * figures.drawdown_max:.3f} %",
        "not measured" if figures.sharpe_annual is None else f"{figures.sharpe_annual:.2f}",
        _share(figures.psr),
        f"{figures.periods:,}, {needed}",
    )


def _trials(found: Validation) -> list[tuple[str, ...]]:
    order = sorted(range(len(found.runs.trials)), key=lambda trial: -found.runs.trials[trial].profit)
    rows = [(trial, found.runs.trials[trial]) for trial in order]
    return [
        (_named(found, trial), f"{row.profit:,.2f}", f"{100 * row.drawdown_max:.2f} %", f"{row.fees:,.2f}",
         f"{row.round_trips:,}")
        for trial, row in rows
    ]  # fmt: skip


def _share(share: float | None) -> str:
    return "not measured" if share is None else f"{100 * share:.1f} %"
