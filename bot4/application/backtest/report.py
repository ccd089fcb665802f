"""A backtest as plain values (JSON) and as one HTML file that needs nothing else."""

from __future__ import annotations

from dataclasses import asdict
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from bot4._core.build_info import build_info
from bot4.application.backtest.baselines import hold_returns
from bot4.application.backtest.breakdown import by_part, by_regime, cost_breakdown, exposure
from bot4.application.backtest.chart import POINTS, Line, Marks, chart
from bot4.application.backtest.expectation import expectation_text
from bot4.application.backtest.page import STYLE, amount_text, table, utc_text
from bot4.domain.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from bot4.application.backtest.result import BacktestResult
    from bot4.application.backtest.statistics import BacktestStatistics


_BLUE, _RED, _GREEN, _PURPLE, _GREY = "#2457a7", "#b3372f", "#1f8a4c", "#6a3fa0", "#8a93a5"


def report_dict(result: BacktestResult, statistics: BacktestStatistics) -> dict[str, Any]:
    """Return the result as plain values; amounts of money are exact decimals as text."""

    def amounts(table: Mapping[str, Decimal]) -> dict[str, str]:
        return {name: f"{amount:f}" for name, amount in table.items()}

    return {
        "kind": "bot4 backtest",
        "version": VERSION,
        "build_mode": build_info().mode,
        "strategy": result.strategy,
        "symbols": list(result.symbols),
        "sources": [{"symbol": symbol, "rows": kind, "count": count} for symbol, kind, count in result.sources],
        "seed": result.seed,
        "state_hash": result.state_hash,
        "result_hash": result.result_hash,
        "first_utc": utc_text(result.first_ns),
        "last_utc": utc_text(result.last_ns),
        "rows": result.rows,
        "elapsed_s": round(result.elapsed_s, 6),
        "rows_per_s": round(result.rows / result.elapsed_s) if result.elapsed_s > 0 else None,
        "settle": result.settle,
        "equity_start": f"{result.equity_start:f}",
        "equity_end": f"{result.equity_end:f}",
        "profit": f"{result.profit:f}",
        "balances": amounts(result.balances),
        "fees": amounts(result.fees),
        "funding_paid": amounts(result.funding_paid),
        "positions": amounts(result.positions),
        "orders": len(result.orders),
        "fills": len(result.fills),
        "maker_fills": int(((result.fills["flags"] & 128) != 0).sum()),
        "ends": len(result.ends),
        "refusals": len(result.refusals),
        "round_trips": len(result.trades),
        "open_orders_left": result.open_orders_left,
        "costs": asdict(cost_breakdown(result)),
        "by_regime": [asdict(row) for row in by_regime(result)],
        "by_part": [asdict(row) for row in by_part(result)],
        "parts": dict(result.parts),
        "statistics": statistics.to_dict(),
        "assumptions": dict(result.assumptions),
        "notes": list(result.notes),
        "counters": {symbol: dict(counters) for symbol, counters in result.counters.items()},
    }


def report_json(result: BacktestResult, statistics: BacktestStatistics) -> bytes:
    """Return the same as JSON."""
    return orjson.dumps(
        report_dict(result, statistics),
        option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE | orjson.OPT_SERIALIZE_NUMPY,
    )


# -- HTML --------------------------------------------------------------------------------------------------------------


def report_html(result: BacktestResult, statistics: BacktestStatistics) -> str:
    """Return one page with charts as inline SVG; it loads nothing."""
    warnings = "".join(f"<p class=w>{escape(text)}</p>" for text in (*statistics.warnings, *result.notes))
    title = f"{result.strategy} on {', '.join(result.symbols)}"
    parts = [
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{escape(title)}</title><style>{STYLE}</style>",
        f"<h1>{escape(title)}</h1><p>{_subtitle(result)}</p>{warnings}",
        "<h2>Figures</h2>" + table(_figures(result, statistics)),
        "<h2>Equity</h2>" + chart([Line(result.equity_ns, result.equity, _BLUE)], unit=result.settle),
        "<h2>Equity beside holding</h2>" + _beside_holding(result),
        "<h2>Drawdown</h2>" + chart([Line(result.equity_ns, -100.0 * result.drawdown, _RED, filled=True)], unit="%"),
        "<h2>Exposure: what is held over equity</h2>" + _exposure(result),
        *(_market(result, lane) for lane in range(len(result.symbols))),
        "<h2>By instrument</h2>" + _by_instrument(result),
        "<h2>By regime, as known when each period began</h2>" + _by_regime(result),
        "<h2>By strategy, and why orders were asked for</h2>" + _by_part(result),
        "<h2>Costs</h2>" + table(_costs(result, statistics)),
        "<h2>Latency</h2>" + table(_latencies(result)),
        "<h2>What was assumed</h2>" + table([(key, str(value)) for key, value in result.assumptions.items()]),
        "<p>A simulation. What it assumes and when that is false: docs/paper.md, docs/backtest.md.</p></html>",
    ]
    return "\n".join(parts)


def _subtitle(result: BacktestResult) -> str:
    span = f"{utc_text(result.first_ns)} to {utc_text(result.last_ns)}, {result.rows:,} rows"
    return f"{span}, result {result.result_hash}, seed {result.seed}, bot4 {VERSION}"


def _figures(result: BacktestResult, found: BacktestStatistics) -> list[tuple[str, str]]:
    period = found.period or "period"
    return [
        ("profit", f"{result.profit:f} {result.settle} ({100 * found.profit_share:.3f} %)"),
        ("equity at the start, at the end", f"{result.equity_start:f}, {result.equity_end:f}"),
        ("buy and hold", amount_text(found.hold_profit)),
        ("random entries: mean, share at least as good", _pair(found.random_profit_mean, found.random_better_share)),
        ("greatest drawdown", f"{100 * found.drawdown_max:.3f} %"),
        ("round trips, won", f"{found.trades}, {found.trades_won}"),
        (f"Sharpe ratio per {period}, annual", _pair(found.sharpe, found.sharpe_annual)),
        ("skewness, kurtosis", _pair(found.skewness, found.kurtosis)),
        ("probability of a true ratio above 0", _text(found.psr)),
        (f"the same after {found.trials} trials (deflated)", _text(found.deflated_sharpe)),
        (f"{period}s measured, needed for 95 %", f"{found.periods}, {_text(found.track_record_least)}"),
        ("orders that added risk, before costs", expectation_text(found.expectation)),
    ]


def _costs(result: BacktestResult, found: BacktestStatistics) -> list[tuple[str, str]]:
    maker = int(((result.fills["flags"] & 128) != 0).sum())
    costs = cost_breakdown(result)
    rows = [(f"fees in {asset}", f"{amount:f}") for asset, amount in result.fees.items() if amount]
    rows += [(f"funding in {asset}", f"{amount:f}") for asset, amount in result.funding_paid.items()]
    impact = "not known: the data tell no volume" if costs.impact_unpaid is None else f"{costs.impact_unpaid:,.4f}"
    return [
        *rows,
        ("beyond the mid: spread, book, own impact, delay; takers", f"{costs.taken_beyond_mid:,.4f}"),
        ("the same of makers (below 0: earned)", f"{costs.made_inside_mid:,.4f}"),
        ("all of it", f"{costs.before_costs:,.4f}"),
        ("profit before costs", f"{float(result.profit) + costs.before_costs:,.4f}"),
        ("impact not charged, by the square-root law", impact),
        ("turnover", f"{found.turnover:,.2f}"),
        ("fees over turnover", f"{10_000 * found.fees / found.turnover:.3f} bps" if found.turnover else "no fills"),
        ("fills as maker, as taker", f"{maker}, {len(result.fills) - maker}"),
        ("funding", str(result.assumptions["funding"])),
    ]


def _exposure(result: BacktestResult) -> str:
    stamps, shares = exposure(result)
    if not len(stamps):
        return "<p>nothing was marked</p>"
    return chart([Line(stamps, 100.0 * shares, _PURPLE, filled=True)], unit="% of equity")


def _beside_holding(result: BacktestResult) -> str:
    """Equity, and what the opening would have become in the first instrument."""
    ends = np.linspace(result.equity_ns[0], result.equity_ns[-1], POINTS).astype(np.int64)
    worth = float(result.equity_start) * np.cumprod(np.concatenate([[1.0], 1.0 + hold_returns(result, ends)]))
    held = Line(ends, worth, _GREY, f"{result.symbols[0]} held")
    return chart([held, Line(result.equity_ns, result.equity, _BLUE, "equity")], unit=result.settle)


def _by_regime(result: BacktestResult) -> str:
    rows = [
        (row.regime, f"{100 * row.share:.1f} %", f"{row.profit:,.2f}", f"{row.sharpe:.3f}", f"{row.round_trips:,}")
        for row in by_regime(result)
    ]
    if not rows:
        return "<p>the run is too short</p>"
    return table(rows, head=("regime", "of the time", "profit", "Sharpe per period", "round trips begun"))


def _by_part(result: BacktestResult) -> str:
    rows = [
        (row.part, f"{row.orders:,}", f"{row.fills:,}", f"{row.lots:,}", f"{row.fees:,.4f}") for row in by_part(result)
    ]
    orders = table(rows, head=("strategy: why", "orders", "fills", "lots", "fees")) if rows else "<p>no orders</p>"
    parts = [(name, f"{earned:,.2f}") for name, earned in result.parts.items()]
    return orders + (table(parts, head=("strategy", "earned before costs, close to close")) if parts else "")


def _latencies(result: BacktestResult) -> list[tuple[str, str]]:
    """How long orders took from being sent to the report of a fill that took at once."""
    sent = {int(row["order_id"]): int(row["ts_ns"]) for row in result.orders[:POINTS]}
    waits = sorted(
        int(row["recv_ns"]) - sent[int(row["order_id"])]
        for row in result.fills[: 4 * POINTS]
        if int(row["order_id"]) in sent and not int(row["flags"]) & 128
    )
    if not waits:
        return [("order to fill, takers", "no taker filled among the first orders")]
    return [
        (f"order to fill, takers, {name}", f"{waits[int(share * (len(waits) - 1))] / 1e6:.3f} ms")
        for name, share in (("median", 0.5), ("99 %", 0.99), ("longest", 1.0))
    ]


def _by_instrument(result: BacktestResult) -> str:
    rows = [
        (
            symbol,
            f"{result.positions[symbol]:f}",
            f"{counters['intents']:,}",
            f"{counters['fills']:,}",
            f"{counters['refusals']:,}",
            f"{float(result.trades['result'][result.trades['instrument'] == lane].sum()):,.4f}",
        )
        for lane, (symbol, counters) in enumerate(result.counters.items())
    ]
    return table(rows, head=("instrument", "position", "orders", "fills", "refused", "round trips, net"))


def _market(result: BacktestResult, lane: int) -> str:
    """Trades on price, and the position held."""
    symbol, instrument = result.symbols[lane], result.instruments[lane]
    stamps, ticks = result.marks[symbol]
    if len(stamps) == 0:
        return ""
    fills = result.fills[result.fills["instrument"] == lane]
    shown = fills[:: max(1, len(fills) // POINTS)]
    tick = float(instrument.tick_size)
    marks = [
        Marks(
            shown["recv_ns"][shown["side"] == side], shown["price_ticks"][shown["side"] == side] * tick, colour, name,
            is_up,
        )
        for side, colour, name, is_up in ((0, _GREEN, "bought", True), (1, _RED, "sold", False))
    ]  # fmt: skip
    held = np.cumsum(np.where(fills["side"] == 0, fills["qty_lots"], -fills["qty_lots"])) * float(instrument.lot_size)
    price = chart([Line(stamps, ticks * tick, _GREY, "mid")], marks, unit=f"{instrument.quote} per {instrument.base}")
    # A position stays what it is until the next fill: steps, not slopes.
    times, steps = np.repeat(fills["recv_ns"], 2)[1:], np.repeat(held, 2)[:-1]
    name = escape(symbol)
    drawn = f"<h2>{name}: price and fills</h2>{price}<h2>{name}: position</h2>"
    if not len(fills):
        return f"{drawn}<p>nothing was traded</p>"
    unit = instrument.base if instrument.contract_size == 1 else "contracts"
    return drawn + chart([Line(times, steps, _BLUE, filled=True)], unit=unit)


def _text(value: float | None) -> str:
    return "not measured" if value is None else f"{value:,.4g}"


def _pair(first: float | None, second: float | None) -> str:
    return f"{_text(first)}, {_text(second)}"
