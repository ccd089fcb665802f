"""Why an order exists, read from the journal alone: the reasons stand right before the intent or the refusal."""

from __future__ import annotations

from decimal import Decimal
from math import isnan
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from bot4._core.brain.blend import ALPHA_NAMES, REGIME_NAMES, SOURCE_NAMES
from bot4._core.brain.sizing import SIZE_NAMES
from bot4._core.engine.decide import DecisionReason
from bot4._core.engine.lane_state import RefusalStage
from bot4._core.event_dtype import EVENT_DTYPE
from bot4._core.intent_dtype import INTENT_DTYPE
from bot4._core.journal.reader import JournalError, JournalReader, Record
from bot4._core.journal.record import JournalKind
from bot4._core.reasons_dtype import REASONS_DTYPE
from bot4._core.types import ContractKind, EventKind, IntentAction, IntentFlag
from bot4.application.records.projector import REFUSAL_DTYPE, JournalReadError, verdict_name, word
from bot4.domain.errors import ConfigError
from bot4.domain.order_id import client_order_id, parse_client_order_id
from bot4.dto.explanation import CapLine, CostLine, Explanation, Outcome, SourceShare

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_VERSION = 1
_UNBOUNDED_PPM = 2**31 - 1
_PPB = Decimal(1_000_000_000)
_STATED = ("", "strategy", "settings")
_COSTS = (("edge", 1), ("fee", -1), ("spread", -1), ("impact", -1), ("funding", -1))


class NoReasonsError(ConfigError):
    """The journal holds no decision of that number, or none with reasons."""


class _Found:
    """One decision with its reasons, and what came of it."""

    def __init__(self, reasons: np.void, record: Record, *, is_order: bool) -> None:
        self.reasons, self.record, self.is_order = reasons, record, is_order
        self.outcomes: list[np.void] = []


def explain(journal_path: Path, run_id: str, wanted: str) -> Explanation:
    """Read one decision's reasons.

    Parameters
    ----------
    journal_path : Path
        A run's journal; the engine may be writing it.
    run_id : str
        For the answer.
    wanted : str
        An order's number or its name at the venue; the number of a refusal; or ``last``, the last order.

    Raises
    ------
    NoReasonsError
        There is no such decision.
    JournalReadError
        The journal cannot be read.

    """
    number = _number(wanted)
    found: _Found | None = None
    for candidate in _decisions(journal_path):
        if candidate.record.seq == number or (number is None and candidate.is_order):
            found = candidate
    if found is None:
        what = "no order" if number is None else f"nothing numbered {number}"
        raise NoReasonsError(f"run {run_id} has {what} with reasons")
    return _explanation(run_id, found)


def _number(wanted: str) -> int | None:
    if wanted == "last":
        return None
    key = parse_client_order_id(wanted)
    if key is not None:
        return key.sequence
    if not wanted.isdecimal():
        raise NoReasonsError(f"an order is named by its number, its name at the venue or 'last', was {wanted!r}")
    return int(wanted)


def _decisions(journal_path: Path) -> Iterator[_Found]:
    """Every decision with reasons, oldest first; what came of an order is added while later ones are read."""
    pending: np.void | None = None
    orders: dict[int, _Found] = {}
    try:
        with JournalReader(journal_path) as reader:
            for record in reader:
                if record.kind == JournalKind.JOURNAL_REASONS:
                    pending = _reasons(record)
                    continue
                if record.kind == JournalKind.JOURNAL_UPDATE:
                    row = np.frombuffer(record.payload, EVENT_DTYPE)[0]
                    if int(row["a"]) in orders:
                        orders[int(row["a"])].outcomes.append(row)
                elif pending is not None and record.kind in {JournalKind.JOURNAL_INTENT, JournalKind.JOURNAL_REFUSAL}:
                    is_order = record.kind == JournalKind.JOURNAL_INTENT
                    if (
                        is_order
                        and np.frombuffer(record.payload, INTENT_DTYPE)[0]["action"] != IntentAction.ACTION_PLACE
                    ):
                        continue
                    found = _Found(pending, record, is_order=is_order)
                    if is_order:
                        orders[record.seq] = found
                    yield found
                pending = None
    except (OSError, JournalError) as error:
        raise JournalReadError(f"the journal {journal_path} cannot be read: {error}") from error


def _reasons(record: Record) -> np.void:
    if len(record.payload) != REASONS_DTYPE.itemsize:
        raise JournalReadError(
            f"record {record.seq} holds reasons of {len(record.payload)} bytes, not of {REASONS_DTYPE.itemsize}"
        )
    row: np.void = np.frombuffer(record.payload, REASONS_DTYPE)[0]
    if row["version"] != _VERSION:
        raise JournalReadError(f"record {record.seq} holds reasons of version {row['version']}, this is {_VERSION}")
    return row


def _explanation(run_id: str, found: _Found) -> Explanation:
    row, record = found.reasons, found.record
    kind, refused_by, verdict = _verdict(found)
    grid = _Grid.of(row)
    return Explanation(
        run_id=run_id,
        number=record.seq,
        client_order_id=client_order_id(record.epoch, record.seq) if found.is_order else "",
        kind=kind,
        verdict=verdict,
        refused_by=refused_by,
        outcomes=tuple(_outcome(event, grid) for event in found.outcomes),
        **_asked(row, grid),
        **_outlook(row),
        **_arithmetic(row, grid),
        **_size(row),
    )


class _Grid(NamedTuple):
    """Steps of price and quantity, and what the order is worth."""

    tick: Decimal
    lot: Decimal
    notional: Decimal

    @classmethod
    def of(cls, row: np.void) -> _Grid:
        tick = Decimal(int(row["tick_mantissa"])).scaleb(-int(row["tick_decimals"]))
        lot = Decimal(int(row["lot_mantissa"])).scaleb(-int(row["lot_decimals"]))
        price, qty = int(row["price_ticks"]) * tick, int(row["qty_lots"]) * lot
        is_inverse = row["contract_kind"] == ContractKind.CONTRACT_INVERSE
        return cls(tick, lot, qty * int(row["contract_size"]) if is_inverse else price * qty)

    def price(self, ticks: int) -> str:
        return f"{int(ticks) * self.tick:f}"


def _asked(row: np.void, grid: _Grid) -> dict[str, Any]:
    """Return what was asked for, and the market it was asked on."""
    return {
        "symbol": row["symbol"].decode("ascii"),
        "side": "sell" if row["side"] else "buy",
        "is_maker": bool(row["is_maker"]),
        "ts_ns": int(row["ts_ns"]),
        "repeats": int(row["repeats"]),
        "price": grid.price(row["price_ticks"]),
        "qty": f"{int(row['qty_lots']) * grid.lot:f}",
        "notional": f"{grid.notional:f}",
        "bid": grid.price(row["bid_ticks"]),
        "ask": grid.price(row["ask_ticks"]),
        "stop": grid.price(row["stop_ticks"]),
        "atr": grid.price(row["atr_ticks"]),
    }


def _outlook(row: np.void) -> dict[str, Any]:
    """Return regime, score and where that came from."""
    regime = int(row["regime"])
    return {
        "regime": REGIME_NAMES[regime] if regime >= 0 else "unknown",
        "trend_t": float(row["trend_t"]),
        "stress": float(row["stress"]),
        "score": float(row["score"]),
        "confidence": float(row["confidence"]),
        "coverage": float(row["coverage"]),
        "agreement": float(row["agreement"]),
        "timeframes": float(row["timeframes"]),
        "confirmed_bars": int(row["confirmed_bars"]),
        "alphas": {name: _or_none(value) for name, value in zip(ALPHA_NAMES, row["alphas"], strict=True)},
        "sources": tuple(_source(row, place) for place in range(len(SOURCE_NAMES))),
    }


def _arithmetic(row: np.void, grid: _Grid) -> dict[str, Any]:
    """Return what it was held to be worth, each cost, and what was needed."""
    return {
        "stated": _stated(row),
        "horizon_s": int(row["horizon_ns"]) / 1e9,
        "samples": float(row["samples"]),
        "deviation": float(row["deviation"]),
        "costs": tuple(_cost(row, name, sign, grid.notional) for name, sign in _COSTS),
        "value_bps": _bps(int(row["value_ppb"])),
        "needed_bps": _bps(int(row["needed_ppb"])),
    }


def _size(row: np.void) -> dict[str, Any]:
    """Return each bound of the size, and which one it was."""
    equity = Decimal(int(row["equity_high"]) << 64 | int(row["equity_low"])).scaleb(-int(row["settle_decimals"]))
    bound = int(row["bound"])
    return {
        "equity": f"{equity:f}",
        "caps": tuple(
            CapLine(name=name, share=None if ppm == _UNBOUNDED_PPM else int(ppm) / 1e6)
            for name, ppm in zip(SIZE_NAMES, row["caps_ppm"], strict=True)
        ),
        "bound": SIZE_NAMES[bound] if bound >= 0 else "",
        "size": int(row["size_ppm"]) / 1e6,
        "held": int(row["held_ppm"]) / 1e6,
    }


def _verdict(found: _Found) -> tuple[str, str, str]:
    """Return what the decision is (an order, an exit, a refusal), who refused it, and by which word."""
    row, payload = found.reasons, found.record.payload
    if found.is_order:
        intent = np.frombuffer(payload, INTENT_DTYPE)[0]
        is_exit = bool(intent["flags"] & IntentFlag.INTENT_REDUCE_ONLY) or (row["bound"] < 0 and not row["used"])
        return "exit" if is_exit else "order", "", word(DecisionReason(int(intent["reason"])), "REASON_")
    refusal = np.frombuffer(payload, REFUSAL_DTYPE)[0]
    stage = RefusalStage(int(refusal["stage"]))
    return "refusal", word(stage, "REFUSED_BY_"), verdict_name(stage, int(refusal["verdict"]))


def _stated(row: np.void) -> str:
    """Whose word the edge is; a size without a bound marks what the reasoned policy has not decided."""
    return _STATED[int(row["used"])] if int(row["bound"]) < 0 else ""


def _or_none(value: float) -> float | None:
    return None if isnan(value) else float(value)


def _bps(ppb: int) -> str:
    return f"{Decimal(ppb) / 100_000:f}"


def _cost(row: np.void, name: str, sign: int, notional: Decimal) -> CostLine:
    ppb = sign * int(row[f"{name}_ppb"])
    return CostLine(name=name, bps=_bps(ppb), amount=f"{notional * ppb / _PPB:f}")


def _source(row: np.void, place: int) -> SourceShare:
    bit = 0 if int(row["bound"]) < 0 else 1 << place
    states = {"used": row["used"], "stale": row["stale"], "missing": row["missing"]}
    state = next((name for name, bits in states.items() if int(bits) & bit), "silent")
    age_ns = int(row["age_ns"][place])
    return SourceShare(
        name=SOURCE_NAMES[place],
        state=state,
        score=_or_none(row["scores"][place]),
        share=int(row["share_ppm"][place]) / 1e6,
        age_s=None if age_ns < 0 else age_ns / 1e9,
    )


def _outcome(event: np.void, grid: _Grid) -> Outcome:
    kind = word(EventKind(int(event["kind"])), "EVENT_").removeprefix("order_")
    return Outcome(
        ts_ns=int(event["recv_ns"]) or int(event["venue_ns"]),
        kind=kind,
        price=grid.price(event["b"]),
        qty=f"{int(event['c']) * grid.lot:f}",
        fee_atoms=int(event["e"]),
    )
