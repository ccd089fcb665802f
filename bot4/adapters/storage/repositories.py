"""Repositories over one open transaction: the same for every database, see `dialect` for what differs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

import orjson

from bot4.adapters.storage.conditions import condition
from bot4.domain.fill import Fill, Mark, Refusal
from bot4.domain.order import WORKING, Order, OrderSide, OrderStatus, TimeInForce
from bot4.domain.specification import EVERYTHING, Specification, where

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot4.adapters.storage.dialect import Connection

RecordT = TypeVar("RecordT")


class _Repository:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection


class Records(_Repository, ABC, Generic[RecordT]):
    """Records of one kind; columns are the record's fields by name."""

    _table: ClassVar[str]
    _columns: ClassVar[tuple[str, ...]]
    _order: ClassVar[str]

    def _select(
        self, known: dict[str, Any], specification: Specification, *, limit: int | None, newest_first: bool
    ) -> Sequence[RecordT]:
        text, values = condition(specification, self._columns, self._connection.dialect)
        order = ", ".join(f"{column}{' DESC' if newest_first else ''}" for column in self._order.split(", "))
        query = (
            f"SELECT {', '.join(self._columns)} FROM {self._table}"  # noqa: S608 - own names, values bound
            f" WHERE {''.join(f'{column} = ? AND ' for column in known)}({text}) ORDER BY {order}"
        )
        bound = [*known.values(), *values]
        if limit is not None:
            query += " LIMIT ?"
            bound.append(limit)
        return [self._record(row) for row in self._connection.execute(query, bound)]

    def _put(self, known: dict[str, Any], record: RecordT, on_conflict: str) -> bool:
        """Insert a record; whether a row was inserted or changed."""
        bound = self._connection.dialect.bound
        values = [*known.values(), *(bound(getattr(record, column)) for column in self._columns)]
        statement = (
            f"INSERT INTO {self._table} ({', '.join([*known, *self._columns])})"  # noqa: S608 - own names
            f" VALUES ({', '.join('?' * len(values))}) ON CONFLICT {on_conflict}"
        )
        return self._connection.execute(statement, values).rowcount == 1

    @classmethod
    def _replaced(cls, key: Sequence[str]) -> str:
        """Return what follows ON CONFLICT where a record of the same key is replaced."""
        changed = ", ".join(f"{column} = excluded.{column}" for column in cls._columns if column not in key)
        return f"({', '.join(key)}) DO UPDATE SET {changed}"

    @staticmethod
    @abstractmethod
    def _record(row: tuple[Any, ...]) -> RecordT:
        """Return the record that a row of its columns holds."""


class RecordsOfRuns(Records[RecordT]):
    """Records of one kind, each with the run it belongs to."""

    def find(
        self,
        run_id: str,
        specification: Specification = EVERYTHING,
        *,
        limit: int | None = None,
        newest_first: bool = False,
    ) -> Sequence[RecordT]:
        """Return a run's records that meet the condition, oldest first unless asked otherwise."""
        return self._select({"run_id": run_id}, specification, limit=limit, newest_first=newest_first)

    def count(self, run_id: str, specification: Specification = EVERYTHING) -> int:
        """Return how many of a run's records meet the condition."""
        text, values = condition(specification, self._columns, self._connection.dialect)
        query = f"SELECT count(*) FROM {self._table} WHERE run_id = ? AND ({text})"  # noqa: S608 - own names
        row = self._connection.execute(query, [run_id, *values]).fetchone()
        return int(row[0]) if row else 0

    def list(self, run_id: str) -> Sequence[RecordT]:
        """Return a run's records, oldest first."""
        return self.find(run_id)

    def _insert(self, run_id: str, record: RecordT) -> bool:
        return self._put({"run_id": run_id}, record, "DO NOTHING")


class Orders(RecordsOfRuns[Order]):
    """Orders."""

    _table = "orders"
    _columns = (
        *("order_id", "client_order_id", "symbol", "side", "tif", "post_only", "reduce_only", "price", "qty"),
        *("filled_qty", "status", "reason", "score", "ts_ns", "updated_ns"),
    )
    _order = "order_id"

    def save(self, run_id: str, order: Order) -> None:
        """Insert or replace one order."""
        self._put({"run_id": run_id}, order, self._replaced(("run_id", "order_id")))

    def get(self, run_id: str, order_id: int) -> Order | None:
        """Return one order, or None."""
        found = self.find(run_id, where("order_id") == order_id)
        return found[0] if found else None

    def list(self, run_id: str, *, working_only: bool = False) -> Sequence[Order]:
        """Return a run's orders, oldest first."""
        return self.find(run_id, where("status").one_of(sorted(WORKING, key=str)) if working_only else EVERYTHING)

    @staticmethod
    def _record(row: tuple[Any, ...]) -> Order:
        (
            order_id,
            client_order_id,
            symbol,
            side,
            tif,
            post_only,
            reduce_only,
            price,
            qty,
            filled_qty,
            status,
            reason,
            score,
            ts_ns,
            updated_ns,
        ) = row
        return Order(
            order_id=order_id,
            client_order_id=client_order_id,
            symbol=symbol,
            side=OrderSide(side),
            tif=TimeInForce(tif),
            post_only=bool(post_only),
            reduce_only=bool(reduce_only),
            price=Decimal(price),
            qty=Decimal(qty),
            filled_qty=Decimal(filled_qty),
            status=OrderStatus(status),
            reason=reason,
            score=score,
            ts_ns=ts_ns,
            updated_ns=updated_ns,
        )


class Fills(RecordsOfRuns[Fill]):
    """Fills; a trade id counts once for its symbol and run."""

    _table = "fills"
    _columns = (*("order_id", "trade_id", "symbol", "side", "price", "qty", "fee", "fee_asset", "is_maker", "ts_ns"),)
    _order = "ts_ns, trade_id"

    def add(self, run_id: str, fill: Fill) -> bool:
        """Insert one fill; False where this trade id of the symbol is already there."""
        return self._insert(run_id, fill)

    @staticmethod
    def _record(row: tuple[Any, ...]) -> Fill:
        order_id, trade_id, symbol, side, price, qty, fee, fee_asset, is_maker, ts_ns = row
        return Fill(
            order_id=order_id,
            trade_id=trade_id,
            symbol=symbol,
            side=OrderSide(side),
            price=Decimal(price),
            qty=Decimal(qty),
            fee=Decimal(fee),
            fee_asset=fee_asset,
            is_maker=bool(is_maker),
            ts_ns=ts_ns,
        )


class Marks(RecordsOfRuns[Mark]):
    """Points of equity curves."""

    _table = "marks"
    _columns = ("seq", "symbol", "price", "position", "equity", "equity_asset", "ts_ns")
    _order = "seq"

    def add(self, run_id: str, mark: Mark) -> None:
        """Insert one point; the same sequence again changes nothing."""
        self._insert(run_id, mark)

    def curve(self, run_id: str, points_max: int) -> Sequence[Mark]:
        """Return at most so many points, evenly over a run's sequence, first and last among them: one look-up each."""
        ends = self._connection.execute("SELECT min(seq), max(seq) FROM marks WHERE run_id = ?", (run_id,)).fetchone()
        if ends is None or ends[0] is None:
            return []
        first, last = ends
        wanted = sorted({first + (last - first) * at // max(points_max - 1, 1) for at in range(points_max)})
        query = self._connection.dialect.next_marks.format(columns=", ".join(self._columns))
        return [self._record(row) for row in self._connection.execute(query, (run_id, orjson.dumps(wanted).decode()))]

    @staticmethod
    def _record(row: tuple[Any, ...]) -> Mark:
        seq, symbol, price, position, equity, equity_asset, ts_ns = row
        return Mark(seq, symbol, Decimal(price), Decimal(position), Decimal(equity), equity_asset, ts_ns)


class Refusals(RecordsOfRuns[Refusal]):
    """Decisions that were refused."""

    _table = "refusals"
    _columns = ("seq", "symbol", "side", "price", "qty", "stage", "verdict", "ts_ns")
    _order = "seq"

    def add(self, run_id: str, refusal: Refusal) -> None:
        """Insert one refusal; the same sequence again changes nothing."""
        self._insert(run_id, refusal)

    @staticmethod
    def _record(row: tuple[Any, ...]) -> Refusal:
        seq, symbol, side, price, qty, stage, verdict, ts_ns = row
        return Refusal(seq, symbol, OrderSide(side), Decimal(price), Decimal(qty), stage, verdict, ts_ns)


class Runs(_Repository):
    """Runs."""

    _COLUMNS = "run_id, started_utc, source, settings, status, summary"

    def start(self, run_id: str, *, started_utc: str, source: str, settings: dict[str, Any]) -> None:
        """Record the beginning of a run."""
        self._connection.execute(
            "INSERT INTO runs (run_id, started_utc, source, settings) VALUES (?, ?, ?, ?)",
            (run_id, started_utc, source, orjson.dumps(settings).decode()),
        )

    def finish(self, run_id: str, *, status: str, summary: dict[str, Any]) -> None:
        """Record its end and its summary."""
        self._connection.execute(
            "UPDATE runs SET status = ?, summary = ? WHERE run_id = ?",
            (status, orjson.dumps(summary).decode(), run_id),
        )

    def get(self, run_id: str) -> dict[str, Any] | None:
        """Return one run as recorded, or None."""
        query = f"SELECT {self._COLUMNS} FROM runs WHERE run_id = ?"  # noqa: S608 - own names
        row = self._connection.execute(query, (run_id,)).fetchone()
        return None if row is None else _run(row)

    def list(self) -> Sequence[dict[str, Any]]:
        """Return every run, oldest first."""
        query = f"SELECT {self._COLUMNS} FROM runs ORDER BY started_utc, run_id"  # noqa: S608 - own names
        return [_run(row) for row in self._connection.execute(query)]

    def projected_seq(self, run_id: str) -> int:
        """Return the last journal sequence that reached the tables; 0 before the first."""
        row = self._connection.execute("SELECT projected_seq FROM runs WHERE run_id = ?", (run_id,)).fetchone()
        return 0 if row is None else int(row[0])

    def set_projected_seq(self, run_id: str, seq: int) -> None:
        """Remember the last journal sequence that reached the tables."""
        self._connection.execute("UPDATE runs SET projected_seq = ? WHERE run_id = ?", (seq, run_id))

    def forget_records(self, run_id: str) -> None:
        """Take out what was projected of a run, so that its journal can be projected anew."""
        for table in ("fills", "marks", "refusals", "orders", "positions", "signals"):
            self._connection.execute(f"DELETE FROM {table} WHERE run_id = ?", (run_id,))  # noqa: S608 - own names
        self.set_projected_seq(run_id, 0)


def _run(row: tuple[Any, ...]) -> dict[str, Any]:
    run_id, started_utc, source, settings, status, summary = row
    return {
        "run_id": run_id,
        "started_utc": started_utc,
        "source": source,
        "settings": _json(settings),
        "status": status,
        "summary": _json(summary),
    }


def _json(value: Any) -> Any:
    """Return a JSON column: text in SQLite, already read in PostgreSQL."""
    return orjson.loads(value) if isinstance(value, str) else value
