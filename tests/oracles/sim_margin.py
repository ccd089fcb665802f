"""Plain twin of an exchange of perpetuals: every request, one row at a time.

It knows no bound on records or orders, no filters and no icebergs.
"""

from __future__ import annotations

from bot4._core.sim.exchange_types import ExchangeOrderStatus as S
from bot4._core.sim.exchange_types import ExchangeOrderType as T
from bot4._core.sim.exchange_types import ExchangeTimeInForce as F
from bot4._core.sim.exchange_types import ExchangeVerdict as V
from bot4._core.sim.exchange_types import ExecutionReason as R
from bot4._core.sim.exchange_types import ExecutionType as X
from bot4._core.sim.margin_types import AlgoStatus as A
from oracles.sim_margin_algo import AlgoTwin
from oracles.sim_margin_money import BUY, CLOSE, LONG, MARK, MAX_LOTS, MAX_TICKS, PROTECT, REDUCE, SELL, SHORT

MARKETS = (T.TYPE_MARKET, T.TYPE_STOP_LOSS, T.TYPE_TAKE_PROFIT)
PLACE, ALGO = 0, 14


class PerpetualTwin(AlgoTwin):
    """The whole exchange."""

    # ---- one row

    def apply(self, row: dict[str, int]) -> tuple[int, int]:
        self.advance(row["now_ns"])
        verdict, number = self.dispatch(row)
        return int(verdict), number

    def dispatch(self, row: dict[str, int]) -> tuple[int, int]:  # noqa: PLR0911 - one kind a line
        kind = row["kind"]
        if kind in (10, 11):
            return self.move_funds(row), 0
        if kind == 5:
            return V.VERDICT_OK, 0
        verdict = self.known(row)
        if verdict:
            return verdict, 0
        if kind == PLACE:
            return self.place(row)
        if kind == ALGO:
            return self.place_algo(row)
        if kind in (1, 15, 17):
            return {1: self.cancel, 15: self.cancel_algo, 17: self.modify}[kind](row), row["order_id"]
        calls = {
            2: self.cancel_all, 12: self.set_mark, 13: self.apply_funding, 16: self.cancel_algos, 18: self.set_leverage,
            19: self.set_margin_type, 20: self.set_mode, 21: self.adjust, 22: self.set_countdown,
        }  # fmt: skip
        return calls[kind](row), 0

    def known(self, row: dict[str, int]) -> int:
        if row["kind"] != 20 and not row["symbol"] < len(self.perpetuals):
            return V.VERDICT_UNKNOWN_ORDER if row["kind"] == 1 else V.VERDICT_UNKNOWN_SYMBOL
        if row["kind"] not in (12, 13) and not 0 < row["account"] < len(self.free):
            return V.VERDICT_UNKNOWN_ORDER if row["kind"] == 1 else V.VERDICT_UNKNOWN_ACCOUNT
        return V.VERDICT_OK

    def move_funds(self, row: dict[str, int]) -> int:
        account, atoms = row["account"], row["quote_atoms"]
        if row["kind"] == 11:
            if self.withdrawable(account) < atoms:
                return V.VERDICT_INSUFFICIENT_BALANCE
            atoms = -atoms
        self.pay(account, atoms)
        self.end_of_request()
        return V.VERDICT_OK

    def advance(self, now_ns: int) -> None:
        while True:
            live = [order for order in (*self.orders.values(), *self.algos.values()) if order.expire_ns]
            first = min(live, key=lambda order: (order.expire_ns, order.order_id), default=None)
            countdown = min((h.countdown_ns for row in self.holdings for h in row if h.countdown_ns), default=1 << 63)
            due = min(first.expire_ns if first else 1 << 63, countdown)
            if due > now_ns:
                break
            self.now = max(self.now, due)
            if countdown == due:
                self.run_countdowns(due)
            elif first is not None and first.is_algo:
                self.end_algo(first, A.EXPIRED, R.REASON_EXCHANGE_CANCELED)
            elif first is not None:
                self.end(first, X.EXECUTION_EXPIRED, S.STATUS_EXPIRED, R.REASON_EXCHANGE_CANCELED)
        self.now = max(self.now, now_ns)

    def run_countdowns(self, due: int) -> None:
        for account, row in enumerate(self.holdings):
            for symbol, holding in enumerate(row):
                if holding.countdown_ns == due:
                    holding.countdown_ns = 0
                    for order in self.of(account, symbol):
                        self.end(order, X.EXECUTION_CANCELED, S.STATUS_CANCELED, R.REASON_COUNTDOWN)

    # ---- orders

    def shape(self, row: dict[str, int]) -> int:  # noqa: C901, PLR0911 - one rule a line
        algo, flags, kind = row["kind"] == ALGO, row["flags"], row["type"]
        if row["side"] > SELL:
            return V.VERDICT_BAD_SIDE
        if kind > T.TYPE_TAKE_PROFIT_LIMIT or algo != (kind >= T.TYPE_STOP_LOSS):
            return V.VERDICT_BAD_TYPE
        hedged = self.hedged[row["account"]]
        if flags & ~(REDUCE | LONG | SHORT | (CLOSE | MARK | PROTECT if algo else 0)) or flags >> 6 == 3:
            return V.VERDICT_BAD_FLAGS
        if hedged != bool(flags >> 6):
            return V.VERDICT_POSITION_SIDE
        if flags & PROTECT and row["trailing_bips"]:
            return V.VERDICT_BAD_FLAGS
        if flags & REDUCE and (hedged or flags & CLOSE):
            return V.VERDICT_BAD_FLAGS
        if flags & CLOSE and (
            kind not in MARKETS or row["trailing_bips"] or (hedged and (row["side"] == BUY) == bool(flags & LONG))
        ):
            return V.VERDICT_BAD_FLAGS
        if row["tif"] > F.TIME_GTD or (kind in MARKETS and row["tif"] != F.TIME_GTC):
            return V.VERDICT_BAD_TIF
        if kind == T.TYPE_LIMIT_MAKER and row["tif"] not in (F.TIME_GTC, F.TIME_GTD):
            return V.VERDICT_BAD_TIF
        if (row["tif"] == F.TIME_GTD) != (row["expire_ns"] != 0) or 0 < row["expire_ns"] <= self.now:
            return V.VERDICT_BAD_EXPIRY
        if row["stp"] > 3:
            return V.VERDICT_STP_NOT_ALLOWED if row["stp"] <= 7 else V.VERDICT_BAD_STP
        return self.amounts(row)

    def amounts(self, row: dict[str, int]) -> int:
        algo, kind = row["kind"] == ALGO, row["type"]
        if row["price_ticks"] != 0 if kind in MARKETS else not 0 < row["price_ticks"] <= MAX_TICKS:
            return V.VERDICT_BAD_PRICE
        bad = not 0 <= row["stop_ticks"] <= MAX_TICKS
        if not algo:
            bad |= bool(row["stop_ticks"] or row["trailing_bips"])
        elif row["trailing_bips"]:
            bad |= kind != T.TYPE_TAKE_PROFIT or not 1 <= row["trailing_bips"] <= 1000
        else:
            bad |= row["stop_ticks"] == 0
        if bad:
            return V.VERDICT_BAD_STOP
        if row["iceberg_lots"]:
            return V.VERDICT_BAD_ICEBERG
        if (row["qty_lots"] == 0) != bool(row["flags"] & CLOSE) or not 0 <= row["qty_lots"] <= MAX_LOTS:
            return V.VERDICT_BAD_QUANTITY
        return V.VERDICT_OK if self.perpetuals[row["symbol"]].mark else V.VERDICT_NO_MARK

    def place(self, row: dict[str, int]) -> tuple[int, int]:
        verdict = self.shape(row)
        if not verdict and self.key_taken(row["account"], row["client_key"], algos=False):
            verdict = V.VERDICT_DUPLICATE_ORDER
        if verdict:
            return verdict, 0
        self.key = row["client_key"]
        order = self.new(row)
        if order.type == T.TYPE_LIMIT_MAKER and self.best_against(order) is not None:
            verdict = V.VERDICT_WOULD_MATCH
        verdict = verdict or self.fund(order)
        if verdict:
            self.close(order)
            self.last_order -= 1
        else:
            self.start(order)
            self.settle_queue()
        self.end_of_request()
        self.key = 0
        return verdict, 0 if verdict else order.order_id

    def cancel(self, row: dict[str, int]) -> int:
        order = self.orders.get(row["order_id"])
        if order is None or (order.account, order.symbol) != (row["account"], row["symbol"]):
            return V.VERDICT_UNKNOWN_ORDER
        self.key = row["client_key"]
        self.end(order, X.EXECUTION_CANCELED, S.STATUS_CANCELED)
        self.key = 0
        return V.VERDICT_OK

    def cancel_all(self, row: dict[str, int]) -> int:
        found = self.of(row["account"], row["symbol"])
        for order in found:
            self.end(order, X.EXECUTION_CANCELED, S.STATUS_CANCELED)
        return V.VERDICT_OK if found else V.VERDICT_UNKNOWN_ORDER

    def modify(self, row: dict[str, int]) -> int:
        order, price, lots = self.orders.get(row["order_id"]), row["price_ticks"], row["qty_lots"]
        if order is None or (order.account, order.symbol) != (row["account"], row["symbol"]):
            return V.VERDICT_UNKNOWN_ORDER
        if not 0 < price <= MAX_TICKS:
            return V.VERDICT_BAD_PRICE
        if not 0 < lots <= MAX_LOTS:
            return V.VERDICT_BAD_QUANTITY
        if (price, lots) == (order.price, order.orig):
            return V.VERDICT_NO_CHANGE
        self.key, verdict = row["client_key"], int(V.VERDICT_OK)
        old = order.price, order.orig
        order.price = price
        if lots <= order.executed + order.prevented or (
            order.type == T.TYPE_LIMIT_MAKER and self.best_against(order) is not None
        ):
            order.price = old[0]
            self.end(order, X.EXECUTION_CANCELED, S.STATUS_CANCELED)
        else:
            order.orig = lots
            verdict = self.fund(order)
            if verdict:
                order.price, order.orig = old
            else:
                order.resting, order.is_cut = 0, False
                self.tell_order(order, X.EXECUTION_REPLACED)
                self.execute(order)
        self.settle_queue()
        self.end_of_request()
        self.key = 0
        return verdict

    def place_algo(self, row: dict[str, int]) -> tuple[int, int]:
        verdict, perpetual = self.shape(row), None
        if not verdict and self.key_taken(row["account"], row["client_key"], algos=True):
            verdict = V.VERDICT_DUPLICATE_ORDER
        if verdict:
            return verdict, 0
        perpetual, marked = self.perpetuals[row["symbol"]], bool(row["flags"] & MARK)
        order = self.new(row, is_algo=True)
        price, stop = self.watched(order)
        if stop and price and (price >= stop if order.upwards else price <= stop):
            self.close(order)
            self.last_algo -= 1
            return V.VERDICT_WOULD_TRIGGER, 0
        self.key = row["client_key"]
        self.tell_algo(order, A.NEW)
        self.key = 0
        self.last_place += 1
        order.waits_since = self.last_place
        order.extreme = (perpetual.mark if marked else perpetual.last) if order.trailing and not stop else 0
        return V.VERDICT_OK, order.order_id

    def cancel_algo(self, row: dict[str, int]) -> int:
        order = self.algos.get(row["order_id"])
        if order is None or (order.account, order.symbol) != (row["account"], row["symbol"]):
            return V.VERDICT_UNKNOWN_ORDER
        self.key = row["client_key"]
        self.end_algo(order, A.CANCELED)
        self.key = 0
        return V.VERDICT_OK

    def cancel_algos(self, row: dict[str, int]) -> int:
        found = self.of(row["account"], row["symbol"], algos=True)
        for order in found:
            self.end_algo(order, A.CANCELED)
        return V.VERDICT_OK if found else V.VERDICT_UNKNOWN_ORDER

    # ---- mark, funding, settings

    def set_mark(self, row: dict[str, int]) -> int:
        symbol, perpetual = row["symbol"], self.perpetuals[row["symbol"]]
        if not 0 < row["price_ticks"] <= MAX_TICKS * perpetual.divisions:
            return V.VERDICT_BAD_PRICE
        perpetual.mark = row["price_ticks"]
        self.look_for(symbol, perpetual.mark, marked=True)
        for account in range(1, len(self.free)):
            if any(held.lots for held in self.holdings[account][symbol].positions):
                self.suspect(account)
        self.settle_queue()
        self.end_of_request()
        return V.VERDICT_OK

    def apply_funding(self, row: dict[str, int]) -> int:
        if abs(row["qty_lots"]) > 10**7:
            return V.VERDICT_BAD_AMOUNT
        if not self.perpetuals[row["symbol"]].mark:
            return V.VERDICT_NO_MARK
        self.cause = R.REASON_CAUSE_FUNDING
        self.pay_funding(row["symbol"], row["qty_lots"])
        self.settle_queue()
        self.end_of_request()
        return V.VERDICT_OK

    def is_open(self, account: int, symbol: int) -> bool:
        return any(held.lots for held in self.holdings[account][symbol].positions)

    def set_leverage(self, row: dict[str, int]) -> int:
        account, symbol, leverage = row["account"], row["symbol"], row["qty_lots"]
        holding, perpetual = self.holdings[account][symbol], self.perpetuals[symbol]
        if not 1 <= leverage <= 125 or not perpetual.cap(leverage):
            return V.VERDICT_BAD_LEVERAGE
        bids, asks = (self.open_notional(account, symbol, side) for side in (BUY, SELL))
        if self.exposure(account, symbol, bids, asks) > perpetual.cap(leverage):
            return V.VERDICT_LEVERAGE_POSITION
        if leverage < holding.leverage and holding.isolated and self.is_open(account, symbol):
            return V.VERDICT_ISOLATED_LEVERAGE
        old, holding.leverage = holding.leverage, leverage
        if leverage < old and (self.is_open(account, symbol) or bids or asks) and self.available(account) < 0:
            holding.leverage = old
            return V.VERDICT_INSUFFICIENT_MARGIN
        return V.VERDICT_OK

    def idle(self, account: int, symbol: int) -> int:
        if self.of(account, symbol) or self.of(account, symbol, algos=True):
            return V.VERDICT_OPEN_ORDERS
        return V.VERDICT_OPEN_POSITION if self.is_open(account, symbol) else V.VERDICT_OK

    def set_margin_type(self, row: dict[str, int]) -> int:
        holding = self.holdings[row["account"]][row["symbol"]]
        if holding.isolated == bool(row["qty_lots"]):
            return V.VERDICT_NO_CHANGE
        verdict = self.idle(row["account"], row["symbol"])
        if not verdict:
            holding.isolated, holding.called = bool(row["qty_lots"]), False
        return verdict

    def set_mode(self, row: dict[str, int]) -> int:
        if self.hedged[row["account"]] == bool(row["qty_lots"]):
            return V.VERDICT_NO_CHANGE
        verdicts = [self.idle(row["account"], symbol) for symbol in range(len(self.perpetuals))]
        if not any(verdicts):
            self.hedged[row["account"]] = bool(row["qty_lots"])
        return next(filter(None, verdicts), V.VERDICT_OK)

    def adjust(self, row: dict[str, int]) -> int:
        account, symbol, side, atoms = row["account"], row["symbol"], row["flags"] >> 6, row["quote_atoms"]
        holding = self.holdings[account][symbol]
        if side > 2 or bool(side) != self.hedged[account]:
            return V.VERDICT_POSITION_SIDE
        held = holding.positions[side]
        if not holding.isolated:
            return V.VERDICT_NOT_ISOLATED
        if not held.lots:
            return V.VERDICT_NO_POSITION
        if not atoms:
            return V.VERDICT_BAD_AMOUNT
        worth = abs(self.perpetuals[symbol].worth(held.lots))
        spare = held.isolated + (-worth // holding.leverage) + min(self.profit(account, symbol, side), 0)
        if atoms > 0:
            spare = min(self.available(account), self.free[account])
        if abs(atoms) > spare:
            return V.VERDICT_INSUFFICIENT_MARGIN
        self.cause = R.REASON_CAUSE_MARGIN_TRANSFER
        self.to_isolated(account, held, atoms)
        self.touch(account, symbol, side)
        self.end_of_request()
        return V.VERDICT_OK

    def set_countdown(self, row: dict[str, int]) -> int:
        if row["expire_ns"] and row["expire_ns"] <= self.now:
            return V.VERDICT_BAD_EXPIRY
        self.holdings[row["account"]][row["symbol"]].countdown_ns = row["expire_ns"]
        return V.VERDICT_OK
