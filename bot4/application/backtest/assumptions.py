"""What a backtest assumed, and what a reader of its result has to know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bot4._core.array_dtypes import BAR_ROWS
from bot4._core.engine.lane_state import RefusalStage
from bot4.application.records.projector import verdict_name
from bot4.domain.instrument import ContractKind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from numpy.typing import NDArray

    from bot4.application.assembly.assembly import Assembly
    from bot4.config import ImpactSettings, Settings


def funding_notes(funding: NDArray[np.void], assembly: Assembly, given: AbstractSet[int]) -> tuple[str, ...]:
    """Say which perpetuals had no rates, `given` being the lanes that had some, and whether any could not be paid."""
    missing = [
        item.symbol
        for lane, item in enumerate(assembly.instruments)
        if item.kind is not ContractKind.SPOT and lane not in given
    ]
    notes = [
        f"{symbol}: a perpetual without funding rates, given or recorded: its result lacks what they cost"
        for symbol in missing
    ]
    if len(unpaid := funding[funding["unpaid_atoms"] != 0]):
        notes.append(f"funding could not be paid in full {len(unpaid)} times: the account had not as much")
    return tuple(notes)


def _funding_text(funding: NDArray[np.void], assembly: Assembly) -> str:
    if all(item.kind is ContractKind.SPOT for item in assembly.instruments):
        return "none: spot"
    if len(funding) == 0:
        return "none: no settlement by rates given or recorded"
    return f"{len(funding)} settlements by rates given or recorded, on the position known of, at the mark or the mid"


def _impact_text(settings: Settings, impacts: Mapping[str, ImpactSettings]) -> str:
    if settings.impact.model != "measured":
        return settings.impact.model
    if not impacts:
        return "none beyond what is displayed: the input tells no volume"
    parts = [
        f"{symbol} deviation {impact.volatility:g}, volume {impact.daily_volume:g} a day"
        for symbol, impact in impacts.items()
    ]
    return f"square root, measured over the whole data: {'; '.join(parts)}"


def assumptions_of(
    assembly: Assembly,
    settings: Settings,
    strategy_latency_ns: int,
    *,
    venue_clock: bool,
    funding: NDArray[np.void],
    impacts: Mapping[str, ImpactSettings],
) -> dict[str, Any]:
    """Return what the simulated exchange assumed, by name."""
    paper = settings.paper
    latency = {
        "zero": "0 ms",
        "fixed": f"{paper.latency_fixed_ms:g} ms",
        "lognormal": f"log-normal, mu {paper.latency_mu:g}, sigma {paper.latency_sigma:g} (ms)",
    }[paper.latency]
    return {
        "clock of the venue": "its own stamps" if venue_clock else "our receive stamps",
        "latency to the venue and back, each": latency,
        "latency of the strategy": f"{strategy_latency_ns / 1e6:g} ms",
        "passive fills": paper.queue_model,
        "partial fills": paper.partial_fills,
        "own impact": _impact_text(settings, impacts),
        "maker fee": f"{assembly.contracts[0].fields['maker_rate_e8'] / 10_000:g} bps",
        "taker fee": f"{assembly.contracts[0].fields['taker_rate_e8'] / 10_000:g} bps",
        "half spread where there is no book, ticks": paper.assumed_half_spread_ticks,
        "funding": _funding_text(funding, assembly),
        "inside a bar": "open, the extreme worse for what is held, the other, close; a quarter of the volume each",
        "never simulated": "outages, rate limits of the venue, hidden liquidity, others' reactions",
    }


def refusal_reasons(refusals: NDArray[np.void]) -> str:
    """Name the rules that refused, the most frequent first, with how often each did."""
    pairs, counts = np.unique(np.stack([refusals["stage"], refusals["verdict"]]), axis=1, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    return ", ".join(f"{verdict_name(RefusalStage(int(pairs[0, at])), int(pairs[1, at]))} {counts[at]}" for at in order)


def row_notes(sources: Sequence[tuple[int, NDArray[np.void]]], symbols: Sequence[str]) -> tuple[str, ...]:
    """Say which bars cannot have been any: nothing is mended, and who reads the figures has to know."""
    notes = []
    for lane, rows in sources:
        if rows.dtype == BAR_ROWS:
            body = rows["open_ticks"], rows["close_ticks"]
            is_bar = (rows["low_ticks"] <= np.minimum(*body)) & (rows["high_ticks"] >= np.maximum(*body))
            if wrong := len(rows) - int(np.count_nonzero(is_bar)):
                notes.append(f"{symbols[lane]}: {wrong} bars whose open, high, low and close make no bar")
    return tuple(notes)


def unread_notes(rejected: Mapping[str, int]) -> tuple[str, ...]:
    """Say how many messages or rows of a recording could not be taken, and why."""
    if not rejected:
        return ()
    reasons = ", ".join(f"{name} {count}" for name, count in sorted(rejected.items(), key=lambda item: -item[1]))
    return (f"{sum(rejected.values())} messages of the recording could not be taken: {reasons} (`bot4 data check`)",)


def run_notes(
    lanes: dict[str, dict[str, Any]], refusals: NDArray[np.void], totals: dict[str, int], calls: dict[str, int]
) -> tuple[str, ...]:
    """Return what happened that a reader of the figures has to know."""
    notes = []
    if len(refusals):
        notes.append(f"{len(refusals)} requests were refused before they became orders: {refusal_reasons(refusals)}")
    for symbol, counters in lanes.items():
        if counters["rejects"]:
            notes.append(f"{symbol}: the venue rejected {counters['rejects']} orders")
        if counters["has_depth"] and counters["needs_snapshot"]:
            notes.append(
                f"{symbol}: its book waited for a snapshot when the data ended; without one it is not traded on"
            )
        if counters["source"] == "assumed":
            notes.append(f"{symbol}: there is no book in the data; a touch is assumed around the last price")
        if counters["gaps"] or counters["crossed"]:
            crossed = counters["crossed"]
            notes.append(f"{symbol}: {counters['gaps']} gaps and {crossed} crossed books or quotes in the data")
    if totals["clock_jumps"]:
        notes.append(f"{totals['clock_jumps']} gaps between stamps were too long to be lived through")
    if calls.get("overflows"):
        notes.append(f"{calls['overflows']} requests were one too many for a call or for the strategy's latency")
    return tuple(notes)
