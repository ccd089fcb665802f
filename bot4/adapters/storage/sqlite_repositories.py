"""Repositories over one SQLite connection. They run inside the unit of work that hands them out."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import orjson

from bot4.domain.fill import Fill, Mark, Refusal
from bot4.domain.order import WORKING, Order, OrderSide, OrderStatus, TimeInForce

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence


class _SqliteRepository:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection


class SqliteOrders(_SqliteRepository):
    """Orders."""

    _COLUMNS = (
        "order_id, client_order_id, symbol, side, tif, post_only, reduce_only, price, qty, filled_qty, status, reason,"
        " score, ts_ns, updated_ns"
    )

    def save(self, run_id: str, order: Order) -> None:
        """Insert or replace one order."""
        self._connection.execute(
            f"INSERT OR REPLACE INTO orders (run_id, {self._COLUMNS}) VALUES (?{', ?' * 15})",  # noqa: S608 - own names
            (
                run_id,
                order.order_id,
                order.client_order_id,
                order.symbol,
                order.side.value,
                order.tif.value,
                order.post_only,
                order.reduce_only,
                str(order.price),
                str(order.qty),
                str(order.filled_qty),
                order.status.value,
                order.reason,
                order.score,
                order.ts_ns,
                order.updated_ns,
            ),
        )

    def get(self, run_id: str, order_id: int) -> Order | None:
        """Return one order, or None."""
        row = self._connection.execute(
            f"SELECT {self._COLUMNS} FROM orders WHERE run_id = ? AND order_id = ?",  # noqa: S608 - own names
            (run_id, order_id),
        ).fetchone()
        return None if row is None else _order(row)

    def list(self, run_id: str, *, working_only: bool = False) -> Sequence[Order]:
        """Return a run's orders, oldest first."""
        query = f"SELECT {self._COLUMNS} FROM orders WHERE run_id = ?"  # noqa: S608 - own names
        parameters: list[str] = [run_id]
        if working_only:
            query += f" AND status IN ({', '.join('?' * len(WORKING))})"
            parameters += [status.value for status in WORKING]
        return [_order(row) for row in self._connection.execute(query + " ORDER BY order_id", parameters)]


class SqliteFills(_SqliteRepository):
    """Fills; a trade id counts once for its symbol and run."""

    def add(self, run_id: str, fill: Fill) -> bool:
        """Insert one fill; False where this trade id of the symbol is already there."""
        cursor = self._connection.execute(
            "INSERT OR IGNORE INTO fills (run_id, symbol, trade_id, order_id, side, price, qty, fee, fee_asset,"
            " is_maker, ts_ns) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                run_id,
                fill.symbol,
                fill.trade_id,
                fill.order_id,
                fill.side.value,
                str(fill.price),
                str(fill.qty),
                str(fill.fee),
                fill.fee_asset,
                fill.is_maker,
                fill.ts_ns,
            ),
        )
        return cursor.rowcount == 1

    def list(self, run_id: str) -> Sequence[Fill]:
        """Return a run's fills, oldest first."""
        rows = self._connection.execute(
            "SELECT order_id, trade_id, symbol, side, price, qty, fee, fee_asset, is_maker, ts_ns FROM fills"
            " WHERE run_id = ? ORDER BY ts_ns, trade_id",
            (run_id,),
        )
        return [
            Fill(
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
            for order_id, trade_id, symbol, side, price, qty, fee, fee_asset, is_maker, ts_ns in rows
        ]


class SqliteMarks(_SqliteRepository):
    """Points of equity curves."""

    def add(self, run_id: str, mark: Mark) -> None:
        """Insert one point; the same sequence again changes nothing."""
        self._connection.execute(
            "INSERT OR IGNORE INTO marks (run_id, seq, symbol, price, position, equity, equity_asset, ts_ns)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                run_id,
                mark.seq,
                mark.symbol,
                str(mark.price),
                str(mark.position),
                str(mark.equity),
                mark.equity_asset,
                mark.ts_ns,
            ),
        )

    def list(self, run_id: str) -> Sequence[Mark]:
        """Return a run's points, oldest first."""
        rows = self._connection.execute(
            "SELECT seq, symbol, price, position, equity, equity_asset, ts_ns FROM marks WHERE run_id = ? ORDER BY seq",
            (run_id,),
        )
        return [
            Mark(
                seq=seq,
                symbol=symbol,
                price=Decimal(price),
                position=Decimal(position),
                equity=Decimal(equity),
                equity_asset=equity_asset,
                ts_ns=ts_ns,
            )
            for seq, symbol, price, position, equity, equity_asset, ts_ns in rows
        ]


class SqliteRefusals(_SqliteRepository):
    """Decisions that were refused."""

    def add(self, run_id: str, refusal: Refusal) -> None:
        """Insert one refusal; the same sequence again changes nothing."""
        self._connection.execute(
            "INSERT OR IGNORE INTO refusals (run_id, seq, symbol, side, price, qty, stage, verdict, ts_ns)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                run_id,
                refusal.seq,
                refusal.symbol,
                refusal.side.value,
                str(refusal.price),
                str(refusal.qty),
                refusal.stage,
                refusal.verdict,
                refusal.ts_ns,
            ),
        )

    def list(self, run_id: str) -> Sequence[Refusal]:
        """Return a run's refusals, oldest first."""
        rows = self._connection.execute(
            "SELECT seq, symbol, side, price, qty, stage, verdict, ts_ns FROM refusals WHERE run_id = ? ORDER BY seq",
            (run_id,),
        )
        return [
            Refusal(
                seq=seq,
                symbol=symbol,
                side=OrderSide(side),
                price=Decimal(price),
                qty=Decimal(qty),
                stage=stage,
                verdict=verdict,
                ts_ns=ts_ns,
            )
            for seq, symbol, side, price, qty, stage, verdict, ts_ns in rows
        ]


class SqliteRuns(_SqliteRepository):
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


def _run(row: tuple[Any, ...]) -> dict[str, Any]:
    run_id, started_utc, source, settings, status, summary = row
    return {
        "run_id": run_id,
        "started_utc": started_utc,
        "source": source,
        "settings": orjson.loads(settings),
        "status": status,
        "summary": None if summary is None else orjson.loads(summary),
    }


def _order(row: tuple[Any, ...]) -> Order:
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
