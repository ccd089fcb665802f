"""The summary of a finished run, read off its engine, feed and account."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from bot4._core.build_info import build_info
from bot4.domain.version import VERSION
from bot4.dto.summary import InstrumentSummary, RunSummary, Touch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot4._core.engine.feed import Feed
    from bot4.application.assembly.assembly import Assembly
    from bot4.config import Settings
    from bot4.domain.instrument import Instrument
    from bot4.ports.market_feed import MarketFeed


def summarise(
    *,
    run_id: str,
    settings: Settings,
    source: MarketFeed,
    assembly: Assembly,
    feed: Feed,
    status: str,
    failure: str | None,
    started_utc: str,
    elapsed_s: float,
    fed_s: float,
    journal: str,
    store: str,
    open_orders_left: int,
    gateway_notes: Sequence[str] = (),
) -> RunSummary:
    """Put the summary together.

    ``fed_s`` is the wall time in which the input was read and applied; the rates are over it. ``gateway_notes`` is what
    a live run's gateway has to say.
    """
    engine = assembly.engine
    totals = engine.counters()
    fed = feed.counters()
    instruments = [_instrument(assembly, lane) for lane in range(len(assembly.instruments))]
    first = instruments[0]
    return RunSummary(
        run_id=run_id,
        version=VERSION,
        build_mode=build_info().mode,
        status=status,
        failure=failure,
        source=source.name,
        is_synthetic=source.is_synthetic,
        seed=settings.run.seed,
        started_utc=started_utc,
        elapsed_s=round(elapsed_s, 6),
        market_span_s=round((fed["last_ns"] - fed["first_ns"]) / 1e9, 6),
        messages=fed["messages"],
        events=totals["events"],
        ignored=fed["ignored"],
        rejected=dict(fed["rejected"]),
        sequence_gaps=sum(item.sequence_gaps for item in instruments),
        resyncs=sum(item.resyncs for item in instruments),
        crossed_books=sum(item.crossed_books for item in instruments),
        clock_backs=totals["clock_backs"],
        clock_jumps=totals["clock_jumps"],
        best_bid=first.best_bid,
        best_ask=first.best_ask,
        orders=sum(item.orders for item in instruments),
        cancels=sum(item.cancels for item in instruments),
        fills=sum(item.fills for item in instruments),
        refusals=sum(item.refusals for item in instruments),
        open_orders_left=open_orders_left,
        fees=first.fees,
        fees_by_asset=fees_by_asset(assembly),
        funding_by_asset=_funding_by_asset(assembly),
        equity=first.equity,
        equity_start=f"{assembly.opening.get(assembly.instruments[0].settle, Decimal(0)):f}",
        equity_asset=first.equity_asset,
        breaker=breaker_text(assembly),
        state_hash=engine.state_hash,
        events_per_s=round(totals["events"] / fed_s, 1) if fed_s > 0 else 0.0,
        messages_per_s=round(fed["messages"] / fed_s, 1) if fed_s > 0 else 0.0,
        latency_ns=engine.stages.percentiles(),
        notes=[
            *source.notes,
            *gateway_notes,
            *([f"the input is damaged: {source.damage}"] if source.damage else []),
            *_books(instruments),
            *_counted(totals, fed),
            *_entries(assembly),
        ],
        instruments=instruments,
        journal=journal,
        store=store,
    )


def fees_by_asset(assembly: Assembly) -> dict[str, str]:
    """Return the fees paid in each asset, exact; assets in which nothing was paid are left out."""
    decimals = assembly.account.decimals
    paid = {
        name: Decimal(assembly.account[asset].fees).scaleb(-decimals[asset])
        for asset, name in enumerate(assembly.assets)
    }
    return {name: f"{fees:f}" for name, fees in paid.items() if fees}


def _funding_by_asset(assembly: Assembly) -> dict[str, str]:
    paid: dict[str, Decimal] = {}
    for lane, instrument in enumerate(assembly.instruments):
        atoms = assembly.engine.lane_counters(lane)["funding_atoms"]
        decimals = assembly.account.decimals[assembly.asset(instrument.settle)]
        paid[instrument.settle] = paid.get(instrument.settle, Decimal(0)) + Decimal(atoms).scaleb(-decimals)
    return {name: f"{amount:f}" for name, amount in paid.items() if amount}


def breaker_text(assembly: Assembly) -> str:
    """Return ``closed``, ``open (stale)``, ``half_open``, or ``killed``."""
    breaker = assembly.breaker
    if breaker.killed:
        return "killed"
    phase = breaker.phase.name.removeprefix("BREAKER_").lower()
    if phase == "open":
        return f"open ({breaker.reason.name.removeprefix('TRIP_').lower()})"
    return str(phase)


def _instrument(assembly: Assembly, lane: int) -> InstrumentSummary:
    instrument = assembly.instruments[lane]
    counters = assembly.engine.lane_counters(lane)
    view = assembly.engine.view()["lanes"][lane]
    settle = assembly.asset(instrument.settle)
    decimals = assembly.account.decimals[settle]

    def amount(atoms: int) -> str:
        return f"{Decimal(atoms).scaleb(-decimals):f}"

    position = assembly.positions[lane]
    return InstrumentSummary(
        symbol=instrument.symbol,
        market=instrument.market.value,
        book_source=counters["source"],
        sequence_gaps=counters["gaps"],
        resyncs=counters["resyncs"],
        crossed_books=counters["crossed"],
        best_bid=_touch(instrument, view["bid_ticks"], view["bid_lots"]),
        best_ask=_touch(instrument, view["ask_ticks"], view["ask_lots"]),
        depth_messages=counters["depth_messages"],
        quotes=counters["quotes"],
        trades=counters["trades"],
        bars=counters["bars"],
        decisions=counters["decisions"],
        orders=counters["intents"],
        cancels=counters["cancels"],
        fills=counters["fills"],
        refusals=counters["refusals"],
        rejects=counters["rejects"],
        dropped=counters["dropped"],
        position=f"{instrument.lots_to_qty(view['position_lots']):f}",
        realised=amount(position.realised_atoms),
        fees=amount(position.fees_atoms),
        fee_asset=instrument.settle,
        equity=amount(view["equity_atoms"]),
        equity_asset=instrument.settle,
    )


def _touch(instrument: Instrument, price_ticks: int, qty_lots: int) -> Touch | None:
    if not price_ticks:
        return None
    price, qty = instrument.ticks_to_price(price_ticks), instrument.lots_to_qty(qty_lots)
    return Touch(price=f"{price:f}", qty=f"{qty:f}")


def _entries(assembly: Assembly) -> list[str]:
    """Return what came of the entries that the reasoned policy considered."""
    notes = []
    for symbol, policy in zip(assembly.engine.symbols, assembly.policies, strict=False):
        verdicts = dict(policy.verdicts)
        passed = verdicts.pop("pass")
        words = ", ".join(f"{word} {count}" for word, count in sorted(verdicts.items(), key=lambda v: -v[1]) if count)
        notes.append(f"{symbol}: {passed} entries passed the gate; refused: {words or 'none'}")
    return notes


def _books(instruments: list[InstrumentSummary]) -> list[str]:
    """Return which prices were not a book's."""
    notes = []
    for item in instruments:
        if item.depth_messages and item.book_source != "depth":
            missing, since = ("after the last gap", " from there on") if item.sequence_gaps else ("in the input", "")
            notes.append(
                f"{item.symbol}: the book is not synchronised (no fitting snapshot {missing}): "
                f"nothing was traded{since}"
            )
        if item.book_source == "assumed":
            notes.append(
                f"{item.symbol}: the input has no book; a touch is assumed around the last price, at the last quantity"
            )
    return notes


def _counted(totals: dict[str, int], fed: dict[str, Any]) -> list[str]:
    """Return what of the input was not taken as it was."""
    reasons = ", ".join(f"{reason} {count}" for reason, count in fed["rejected"].items())
    counted = (
        (fed["skipped_levels"], "depth level", "between two ticks: left out of the books"),
        (sum(fed["rejected"].values()), "message", f"refused: {reasons}"),
        (totals["clock_backs"], "stamp", "that went back: taken at the time reached before"),
        (totals["clock_jumps"], "gap", "between stamps too long to be lived through"),
    )
    return [f"{count} {noun}{'' if count == 1 else 's'} {what}" for count, noun, what in counted if count]
