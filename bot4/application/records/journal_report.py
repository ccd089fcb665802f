"""A journal looked at: is it whole, what is in it, and what state does it give."""

from __future__ import annotations

import os
import tempfile
from collections import Counter, deque
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bot4._core.engine.control import ControlCode
from bot4._core.engine.lane_state import GateReason, RefusalStage
from bot4._core.engine.link import VenueLink
from bot4._core.engine.recovery import Recovery, RecoveryError
from bot4._core.event_dtype import EVENT_DTYPE
from bot4._core.intent_dtype import INTENT_DTYPE
from bot4._core.journal.files import segment_path
from bot4._core.journal.reader import JournalError, JournalReader, Record
from bot4._core.journal.record import JournalKind
from bot4._core.journal.stream import Journal
from bot4._core.reasons_dtype import REASONS_DTYPE
from bot4._core.types import EventKind, IntentAction
from bot4.application.assembly.assembly import assemble
from bot4.application.assembly.opening import ExternalVenue
from bot4.application.assembly.shape import InputShape
from bot4.application.past.accepted_balance import AcceptedBalance
from bot4.application.past.run_opening import OpenedInstrument, RunOpening
from bot4.application.past.run_past import JOURNAL_NAME
from bot4.application.past.snapshots import RunSnapshots
from bot4.application.records.projector import MARK_DTYPE, REFUSAL_DTYPE, verdict_name
from bot4.domain.errors import ConfigError, DataError, NoInputError
from bot4.domain.instrument import ContractKind, Instrument
from bot4.domain.order_id import client_order_id

if TYPE_CHECKING:
    from collections.abc import Iterator
    from enum import Enum

    from bot4._core.engine.engine import Engine
    from bot4.config import Settings

_SIDES = ("buy", "sell")


def find_journal(path: Path) -> Path:
    """Return the journal a path means: itself, that of a run's folder, or of the newest run of a data directory."""
    if path.is_file():
        return path
    runs = sorted((path / "runs").glob(f"*/{JOURNAL_NAME}"))
    found = path / JOURNAL_NAME if (path / JOURNAL_NAME).is_file() else runs[-1] if runs else None
    if found is None:
        raise NoInputError(f"{path} is no journal, no run's folder and no data directory with a run in it")
    return found


def verify_journal(path: Path) -> dict[str, Any]:
    """Read all of it and check every record, sequence, segment and the chain between them.

    Raises
    ------
    DataError
        It is damaged; the message names file and byte.

    """
    kinds: Counter[str] = Counter()
    epochs: list[int] = []
    records = _records(path)
    opening: list[bytes] = []
    for row in records:
        kinds[_word(row)] += 1
        if not epochs or epochs[-1] != row.epoch:
            epochs.append(row.epoch)
        if row.kind == JournalKind.JOURNAL_OPENING:
            opening.append(row.payload)
    reader = records.reader
    begun = RunOpening.join(opening)
    return {
        "journal": str(path),
        "segments": [Path(segment_path(str(path), n)).stat().st_size for n in range(reader.segment + 1)],
        "records": kinds.total(),
        "first_seq": reader.header.first_seq,
        "last_seq": reader.next_seq - 1,
        "epochs": epochs,
        "torn_bytes": reader.torn_bytes,
        "chain": f"{reader.chain:016x}",
        "kinds": dict(kinds),
        "place": None if begun is None else begun.place,
    }


def show_journal(
    path: Path, *, kinds: frozenset[str] = frozenset(), last: int | None = None
) -> Iterator[dict[str, Any]]:
    """Yield its records as plain values, in the words and units of the run; of `kinds` only, the `last` of them."""
    words = _Words()
    shown: deque[dict[str, Any]] = deque(maxlen=last)
    for row in _records(path):
        said = words.of(row)
        if kinds and said["kind"] not in kinds:
            continue
        if last is None:
            yield said
        else:
            shown.append(said)
    yield from shown


def replay_journal(path: Path, settings: Settings) -> dict[str, Any]:
    """Read it into a fresh engine, whole, and once more from each snapshot beside it.

    Raises
    ------
    DataError
        It is damaged, does not fit an engine of these settings, or a snapshot and its tail give another state.
    ConfigError
        It is that of a paper run, whose state is not in its journal alone.

    """
    opening = RunOpening.join(row.payload for row in _records(path) if row.kind == JournalKind.JOURNAL_OPENING)
    if opening is None or not opening.is_live:
        raise ConfigError(f"{path} is no live run's: a paper run is played again with bot4 run --replay")
    with tempfile.TemporaryDirectory() as scratch:

        def make() -> Engine:
            journal = Journal(Path(scratch) / f"{len(os.listdir(scratch))}.journal")  # noqa: PTH208 - names only
            external = ExternalVenue(VenueLink(), opening.balances)
            lanes = tuple(map(_instrument, opening.instruments))
            return assemble(settings, lanes, journal=journal, shape=InputShape(), external=external).engine

        full = Recovery(make())
        try:
            count = full.replay(_records(path))
        except RecoveryError as error:
            raise DataError(f"{path}: {error}") from error
        told = {"journal": str(path), "records": count, "last_seq": full.seq, "state_hash": full.state_hash}
        told["snapshots"] = _snapshots(path, make, full)
    view = full.engine
    told["lanes"] = [
        {
            "symbol": lane.symbol,
            "working_orders": len(view.orders(index)),
            "unknown_orders": sum(order["is_unknown"] for order in view.orders(index)),
            "fills": view.lane_counters(index)["fills"],
            "gate": view.lane_counters(index)["gate"],
        }
        for index, lane in enumerate(opening.instruments)
    ]
    return told


def _snapshots(path: Path, make: Any, full: Recovery) -> dict[str, str]:
    told: dict[str, str] = {}
    beside = RunSnapshots(path)
    for file in (beside.newest, beside.before):
        if not file.exists():
            continue
        recovery = Recovery(make())
        try:
            recovery.load(file.read_bytes())
        except RecoveryError as error:
            told[file.name] = f"cannot be used: {error}"
            continue
        seq = recovery.seq
        recovery.replay(_records(path))
        if recovery.state_hash != full.state_hash:
            raise DataError(
                f"{file}: with the records behind {seq} it does not give {full.state_hash} under these settings; "
                "those of the run belong here: --config and --set"
            )
        told[file.name] = f"record {seq}: the same state"
    return told


class _records:  # noqa: N801 - used as a function, and asked for its reader afterwards
    """Iterate over a journal; damage is a `DataError`."""

    def __init__(self, path: Path) -> None:
        try:
            self.reader = JournalReader(path)
        except FileNotFoundError:
            raise NoInputError(f"{path} does not exist") from None
        except JournalError as error:
            raise DataError(str(error)) from error

    def __iter__(self) -> Iterator[Record]:
        try:
            yield from self.reader
        except JournalError as error:
            raise DataError(str(error)) from error
        finally:
            self.reader.close()


def _word(row: Record) -> str:
    return _short(JournalKind(row.kind), "JOURNAL_")


def _instrument(opened: OpenedInstrument) -> Instrument:
    return Instrument(
        symbol=opened.symbol,
        venue="journal",
        kind=ContractKind(opened.kind),
        base=opened.base,
        quote=opened.quote,
        settle=opened.settle,
        tick_size=opened.tick_size,
        lot_size=opened.lot_size,
        contract_size=opened.contract_size,
    )


class _Words:
    """What records say, in the instruments' own units once the opening has told them."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._opening: RunOpening | None = None
        self._epochs: dict[int, int] = {}

    def of(self, row: Record) -> dict[str, Any]:
        said: dict[str, Any] = {"seq": row.seq, "epoch": row.epoch, "wall_ns": row.ts_wall_ns, "kind": _word(row)}
        match row.kind:
            case JournalKind.JOURNAL_OPENING:
                said |= self._begun(row.payload)
            case JournalKind.JOURNAL_INTENT | JournalKind.JOURNAL_DROPPED:
                said |= self._intent(np.frombuffer(row.payload, INTENT_DTYPE)[0], row)
            case JournalKind.JOURNAL_UPDATE:
                said |= self._update(np.frombuffer(row.payload, EVENT_DTYPE)[0])
            case JournalKind.JOURNAL_REFUSAL:
                said |= self._refusal(np.frombuffer(row.payload, REFUSAL_DTYPE)[0])
            case JournalKind.JOURNAL_MARK:
                mark = np.frombuffer(row.payload, MARK_DTYPE)[0]
                said |= self._at(int(mark["instrument"]), mark["mark_ticks"], mark["position_lots"])
            case JournalKind.JOURNAL_REASONS:
                reasons = np.frombuffer(row.payload, REASONS_DTYPE)[0]
                said |= self._at(int(reasons["instrument"]), reasons["price_ticks"], reasons["qty_lots"])
                said |= {"score": float(reasons["score"]), "value_ppb": int(reasons["value_ppb"])}
            case JournalKind.JOURNAL_CONTROL:
                event = np.frombuffer(row.payload, EVENT_DTYPE)[0]
                said |= {"code": _short(ControlCode(int(event["a"])), "CONTROL_"), "value": int(event["b"])}
        return said

    def _begun(self, payload: bytes) -> dict[str, Any]:
        """Return what a run begins with, and later on what one of its lives was told to begin with."""
        if self._opening is not None:
            accepted = AcceptedBalance.read(payload)
            return {"accepted": accepted.asset, "books": f"{accepted.ours:f}", "venue": f"{accepted.venue:f}"}
        self._pieces.append(payload)
        self._opening = RunOpening.join(self._pieces)
        if self._opening is None:
            return {}
        return {"place": self._opening.place, "symbols": [i.symbol for i in self._opening.instruments]}

    def _intent(self, row: np.void, record: Record) -> dict[str, Any]:
        order_id, action = int(row["order_id"]), IntentAction(int(row["action"]))
        if action is IntentAction.ACTION_PLACE:
            self._epochs[order_id] = record.epoch
        said = {"action": _short(action, "ACTION_"), "order": self._name(order_id)}
        return said | self._order(row)

    def _refusal(self, row: np.void) -> dict[str, Any]:
        stage = RefusalStage(int(row["stage"]))
        by_gate = stage is RefusalStage.REFUSED_BY_GATE
        verdict = _gates(row) if by_gate else verdict_name(stage, int(row["verdict"]))
        return self._order(row["intent"]) | {"stage": _short(stage, "REFUSED_BY_"), "verdict": verdict}

    def _update(self, row: np.void) -> dict[str, Any]:
        kind = EventKind(int(row["kind"]))
        word = _short(kind, "EVENT_").removeprefix("order_")
        said: dict[str, Any] = {"report": word, "order": self._name(int(row["a"]))}
        if kind is EventKind.EVENT_ORDER_FILL:
            said |= self._at(int(row["instrument"]), row["b"], row["c"]) | {"trade_id": int(row["d"])}
        return said

    def _order(self, row: np.void) -> dict[str, Any]:
        place = self._at(int(row["instrument"]), row["price_ticks"], row["qty_lots"])
        return {"side": _SIDES[int(row["side"])]} | place

    def _at(self, lane: int, ticks: Any, lots: Any) -> dict[str, Any]:
        if self._opening is None or lane >= len(self._opening.instruments):
            return {"lane": lane, "price_ticks": int(ticks), "qty_lots": int(lots)}
        instrument = self._opening.instruments[lane]
        price, qty = int(ticks) * instrument.tick_size, int(lots) * instrument.lot_size
        return {"symbol": instrument.symbol, "price": f"{price:f}", "qty": f"{qty:f}"}

    def _name(self, order_id: int) -> str:
        return client_order_id(self._epochs[order_id], order_id) if order_id in self._epochs else str(order_id)


def _gates(refusal: np.void) -> str:
    held = int(refusal["verdict"])
    return "+".join(_short(reason, "GATE_") for reason in GateReason if held & reason)


def _short(member: Enum, prefix: str) -> str:
    return member.name.removeprefix(prefix).lower()
