"""Slow twin of the whole exchange: lists and dicts, everything looked up by searching, written from the rules.

`apply` takes a request as a dict and returns (verdict, cancel verdict, order number); `reports` collects tuples in the
order of REPORT_DTYPE. It knows no bound on the log.
"""

from __future__ import annotations

from bot4._core.sim.exchange_types import ExchangeOrderStatus as S
from bot4._core.sim.exchange_types import ExchangeVerdict as V
from bot4._core.sim.exchange_types import ExecutionReason as R
from bot4._core.sim.exchange_types import ExecutionType as X
from bot4._core.sim.exchange_types import RequestKind as K
from oracles import sim_exchange_rules as rules
from oracles.book_order_book import hash_mix
from oracles.sim_exchange_life import LifePart
from oracles.sim_exchange_parts import LEG, WORD, ListTwin, Order, Symbol
from oracles.sim_exchange_rules import BUY, LIMIT, LIMIT_MAKER, STOPS


class ExchangeTwin(LifePart):
    """The whole exchange: requests and the state."""

    # ---- requests

    def of_account(self, account: int, symbol: int | None = None) -> list[Order]:
        return [o for o in self.orders.values() if o.account == account and symbol in (None, o.symbol)]

    def check(self, rows: list[dict[str, int]]) -> int:
        for row in rows:
            if row["symbol"] >= len(self.symbols):
                return V.VERDICT_UNKNOWN_SYMBOL
            if not 0 < row["account"] < len(self.accounts):
                return V.VERDICT_UNKNOWN_ACCOUNT
            if verdict := rules.shape(row, self.symbols[row["symbol"]], self.now):
                return verdict
        for row in rows:
            symbol = self.symbols[row["symbol"]]
            held = sum(self.money.cell(row["account"], symbol.base))
            lots = -(-held // symbol.base_atoms)
            lots += sum(o.left for o in self.of_account(row["account"], row["symbol"]) if o.side == BUY)
            if verdict := rules.filters(row, symbol, self.reference(symbol), lots):
                return verdict
        first = rows[0]
        mine = [joined for joined in self.lists.values() if joined.account == first["account"]]
        return rules.counts(
            rows,
            self.symbols[first["symbol"]],
            self.of_account(first["account"], first["symbol"]),
            self.of_account(first["account"]),
            lists=(sum(joined.symbol == first["symbol"] for joined in mine), len(mine)),
            house=self.house_limits,
        )

    def is_duplicate(self, row: dict[str, int]) -> bool:
        return row["client_key"] != 0 and any(
            order.client_key == row["client_key"] for order in self.of_account(row["account"])
        )

    def reject(self, row: dict[str, int], verdict: int) -> None:
        reason = {
            V.VERDICT_INSUFFICIENT_BALANCE: R.REASON_INSUFFICIENT_BALANCES,
            V.VERDICT_WOULD_TRIGGER: R.REASON_STOP_PRICE_WOULD_TRIGGER_IMMEDIATELY,
            V.VERDICT_WOULD_MATCH: R.REASON_WOULD_MATCH_IMMEDIATELY,
            V.VERDICT_LIST_PRICES: R.REASON_OCO_BAD_PRICES,
        }.get(verdict)
        if reason is not None:
            order = self.open(row)
            del self.orders[order.order_id]
            self.next_id -= 1
            order.order_id, order.status = 0, S.STATUS_REJECTED
            self.report(X.EXECUTION_REJECTED, order, reason)

    def admit(self, row: dict[str, int]) -> tuple[int, int]:
        if self.is_duplicate(row):
            verdict = V.VERDICT_DUPLICATE_ORDER
        else:
            order = self.open(row)
            verdict = self.entry(order) or self.fund([order])
            if not verdict:
                self.start(order)
                self.settle_queue()
                return V.VERDICT_OK, order.order_id
            self.unopen([order])
        self.reject(row, verdict)
        return verdict, 0

    def place(self, row: dict[str, int]) -> tuple[int, int, int]:
        verdict, order_id = self.check([row]), 0
        if not verdict:
            self.cause = row["client_key"]
            verdict, order_id = self.admit(row)
            self.end_request()
        return verdict, 0, order_id

    def check_list(self, rows: list[dict[str, int]]) -> int:
        if verdict := self.check(rows):
            return verdict
        first, keys = rows[0], [row["client_key"] for row in rows if row["client_key"]]
        for place, row in enumerate(rows):
            if (
                (place and row["kind"] != LEG)
                or row["quote_atoms"]
                or ((row["account"], row["symbol"]) != (first["account"], first["symbol"]))
            ):
                return V.VERDICT_BAD_LIST
            if row["client_key"] in [earlier["client_key"] for earlier in rows[:place]] and row["client_key"] in keys:
                return V.VERDICT_DUPLICATE_ORDER
        verdict = V.VERDICT_OK
        if first["kind"] == K.REQUEST_OCO:
            verdict = rules.pair(rows[0], rows[1], self.symbols[first["symbol"]].last)
        elif first["type"] not in (LIMIT, LIMIT_MAKER):
            verdict = V.VERDICT_LIST_TYPES
        elif first["kind"] == K.REQUEST_OTOCO:
            verdict = rules.pair(rows[1], rows[2], 0)
        if not verdict and any(self.is_duplicate(row) for row in rows):
            verdict = V.VERDICT_DUPLICATE_ORDER
        return verdict

    def place_list(self, rows: list[dict[str, int]]) -> list[tuple[int, int, int]]:
        verdict, orders = self.check_list(rows), []
        self.cause = rows[0]["order_id"]
        kind = rows[0]["kind"] - K.REQUEST_OCO + 1
        if not verdict:
            orders = [self.open(row) for row in rows]
            at_once = orders if kind == 1 else orders[:1]
            verdict = next((bad for order in at_once if (bad := self.entry(order))), 0) or self.fund(at_once)
            if verdict:
                self.unopen(orders)
        if verdict:
            for row in rows:
                self.reject(row, verdict)
        else:
            self.join(kind, rows[0]["order_id"], orders)
            self.settle_queue()
        self.end_request()
        return (
            [(verdict, 0, 0 if verdict else order.order_id) for order in orders]
            if not verdict
            else [(verdict, 0, 0)] * len(rows)
        )

    def join(self, kind: int, key: int, orders: list[Order]) -> None:
        self.next_list += 1
        joined = ListTwin(self.next_list, key, kind, orders[0].account, orders[0].symbol, list(orders))
        self.lists[joined.list_id] = joined
        for order in orders:
            order.list = joined
        self.report_list(joined, 1, 0)
        if kind == 1:
            for order in sorted(orders, key=lambda order: order.type not in STOPS):
                self.start(order)
            return
        for order in orders[1:]:
            order.status, order.place = S.STATUS_PENDING_NEW, 3
            self.report(X.EXECUTION_NEW, order)
        self.start(orders[0])

    def find(self, row: dict[str, int]) -> Order | None:
        order = self.orders.get(row["order_id"])
        known = order is not None and (order.account, order.symbol) == (row["account"], row["symbol"])
        return order if known else None

    def check_cancel(self, row: dict[str, int], order: Order | None) -> int:
        if order is None:
            return V.VERDICT_UNKNOWN_ORDER
        if self.symbols[order.symbol].status == 1:
            return V.VERDICT_NOT_TRADING
        if (row["flags"] & 4 and order.executed) or (row["flags"] & 8 and not order.executed):
            return V.VERDICT_CANCEL_RESTRICTED
        return V.VERDICT_OK

    def cancel(self, row: dict[str, int]) -> tuple[int, int, int]:
        order = self.find(row)
        verdict = self.check_cancel(row, order)
        if not verdict:
            self.cause = row["client_key"]
            self.finish(order, X.EXECUTION_CANCELED, S.STATUS_CANCELED)
            self.end_request()
        return verdict, 0, row["order_id"]

    def cancel_all(self, row: dict[str, int]) -> tuple[int, int, int]:
        if row["symbol"] >= len(self.symbols):
            return V.VERDICT_UNKNOWN_SYMBOL, 0, 0
        if not 0 < row["account"] < len(self.accounts):
            return V.VERDICT_UNKNOWN_ACCOUNT, 0, 0
        if not self.of_account(row["account"], row["symbol"]):
            return V.VERDICT_UNKNOWN_ORDER, 0, 0
        if self.symbols[row["symbol"]].status == 1:
            return V.VERDICT_NOT_TRADING, 0, 0
        while mine := self.of_account(row["account"], row["symbol"]):
            self.finish(mine[0], X.EXECUTION_CANCELED, S.STATUS_CANCELED)
        self.end_request()
        return V.VERDICT_OK, 0, 0

    def cancel_replace(self, row: dict[str, int]) -> tuple[int, int, int]:
        if verdict := self.check([row]):
            return verdict, V.VERDICT_NOT_ATTEMPTED, 0
        order = self.find(row)
        cancel_verdict = self.check_cancel(row, order)
        if cancel_verdict and not row["flags"] & 2:
            return V.VERDICT_NOT_ATTEMPTED, cancel_verdict, 0
        self.cause = row["client_key"]
        if not cancel_verdict:
            self.finish(order, X.EXECUTION_CANCELED, S.STATUS_CANCELED)
        verdict, order_id = self.admit(row)
        self.end_request()
        return verdict, cancel_verdict, order_id

    def amend(self, row: dict[str, int]) -> tuple[int, int, int]:
        order, verdict = self.find(row), V.VERDICT_OK
        symbol = self.symbols[row["symbol"]] if row["symbol"] < len(self.symbols) else None
        if order is None:
            verdict = V.VERDICT_UNKNOWN_ORDER
        elif symbol.status == 1:
            verdict = V.VERDICT_NOT_TRADING
        elif order.place != 1 or order.list is not None:
            verdict = V.VERDICT_AMEND_NOT_RESTING
        elif row["qty_lots"] == order.orig:
            verdict = V.VERDICT_NO_CHANGE
        elif not order.executed + order.prevented < row["qty_lots"] < order.orig:
            verdict = V.VERDICT_AMEND_QUANTITY
        elif row["qty_lots"] < symbol.filters.get("min_qty_lots", 0) or (
            row["qty_lots"] % max(symbol.filters.get("qty_step_lots", 1), 1)
        ):
            verdict = V.VERDICT_LOT_SIZE
        elif symbol.limits.get("max_amends") and order.amends >= symbol.limits["max_amends"]:
            verdict = V.VERDICT_MAX_NUM_ORDER_AMENDS
        if not verdict:
            order.orig = row["qty_lots"]
            order.amends += 1
            order.shown = min(order.shown, order.left)
            symbol.update_id += 1
            self.lock(order, self.need(order, order.left))
            self.cause = row["client_key"]
            self.report(X.EXECUTION_REPLACED, order)
            self.end_request()
        return verdict, 0, row["order_id"]

    def advance(self, now_ns: int) -> None:
        while due := [order for order in self.orders.values() if 0 < order.expire_ns <= now_ns]:
            order = min(due, key=lambda order: (order.expire_ns, order.order_id))
            self.now = max(self.now, order.expire_ns)
            self.finish(order, X.EXECUTION_EXPIRED, S.STATUS_EXPIRED, R.REASON_EXCHANGE_CANCELED)
            self.end_request()
        self.now = max(self.now, now_ns)

    def move_funds(self, row: dict[str, int]) -> tuple[int, int, int]:
        out = row["kind"] == K.REQUEST_WITHDRAW
        if not 0 < row["account"] < len(self.accounts):
            return V.VERDICT_UNKNOWN_ACCOUNT, 0, 0
        if row["symbol"] >= self.assets:
            return V.VERDICT_UNKNOWN_ASSET, 0, 0
        after = sum(self.money.cell(row["account"], row["symbol"])) + row["quote_atoms"]
        if not 0 < row["quote_atoms"] < 1 << 90 or (not out and after >= 1 << 90):
            return V.VERDICT_BAD_AMOUNT, 0, 0
        if out and self.money.cell(row["account"], row["symbol"])[0] < row["quote_atoms"]:
            return V.VERDICT_INSUFFICIENT_BALANCE, 0, 0
        self.money.move(row["account"], row["symbol"], -row["quote_atoms"] if out else row["quote_atoms"])
        self.end_request()
        return V.VERDICT_OK, 0, 0

    def apply(self, rows: list[dict[str, int]]) -> list[tuple[int, int, int]]:
        """One request: its row, or the rows of a list. (verdict, cancel verdict, order number) for each."""
        row = rows[0]
        self.advance(row["now_ns"])
        if row["kind"] in (K.REQUEST_OCO, K.REQUEST_OTO, K.REQUEST_OTOCO):
            return self.place_list(rows)
        if row["kind"] == K.REQUEST_ADVANCE:
            return [(V.VERDICT_OK, 0, 0)]
        handlers = {
            K.REQUEST_PLACE: self.place,
            K.REQUEST_CANCEL: self.cancel,
            K.REQUEST_CANCEL_ALL: self.cancel_all,
            K.REQUEST_CANCEL_REPLACE: self.cancel_replace,
            K.REQUEST_AMEND: self.amend,
            K.REQUEST_DEPOSIT: self.move_funds,
            K.REQUEST_WITHDRAW: self.move_funds,
        }
        handler = handlers.get(row["kind"])
        return [(V.VERDICT_BAD_KIND, 0, 0)] if handler is None else [handler(row)]

    # ---- the state

    def depth(self, symbol: int, side: int) -> list[tuple[int, int]]:
        levels: dict[int, int] = {}
        for order in self.symbols[symbol].book[side]:
            levels[order.price] = levels.get(order.price, 0) + order.shown
        return list(levels.items())

    def state_hash(self) -> int:
        hashed = 0
        for account in range(len(self.accounts)):
            for asset in range(self.assets):
                for amount in self.money.cell(account, asset):
                    hashed = hash_mix(hash_mix(hashed, amount & WORD), (amount >> 64) & WORD)
        for word in (self.now, self.next_id, self.next_list):
            hashed = hash_mix(hashed, word)
        for number, symbol in enumerate(self.symbols):
            for word in (self.book_hash(symbol), symbol.last, symbol.trades):
                hashed = hash_mix(hashed, word)
            for account in range(len(self.accounts)):
                for o in self.of_account(account, number):
                    for word in (o.order_id, o.left, o.executed, o.status | o.place << 8 | o.type << 16):
                        hashed = hash_mix(hashed, word)
        return hashed

    def book_hash(self, symbol: Symbol) -> int:
        hashed = symbol.update_id
        for side in (0, 1):
            price = 0
            for order in symbol.book[side]:
                if order.price != price:
                    price = order.price
                    hashed = hash_mix(hashed, price)
                for word in (order.order_id, order.left, order.shown):
                    hashed = hash_mix(hashed, word)
            hashed = hash_mix(hashed, side + 1)
        return hashed
