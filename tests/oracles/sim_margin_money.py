"""Plain twin of the margin accounts: wallets, positions, margins, funding, liquidation, in whole numbers and lists.

Nothing is kept that can be worked out: open notionals are summed over the orders, isolated wallets over the positions.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from bot4._core.sim.exchange_types import ExecutionReason as R
from bot4._core.sim.exchange_types import ExecutionType as X

BUY, SELL = 0, 1
REDUCE, PROTECT, CLOSE, MARK, LONG, SHORT = 1, 2, 16, 32, 64, 128
LIQUIDATION = 255
MAX_TICKS = MAX_LOTS = 1 << 40


def ceil_div(a: int, b: int) -> int:
    return -(-a // b)


@dataclass
class Position:
    lots: int = 0
    entry: int = 0
    realised: int = 0
    isolated: int = 0


@dataclass
class Holding:
    positions: list[Position] = field(default_factory=lambda: [Position() for _ in range(3)])
    leverage: int = 20
    isolated: bool = False
    called: bool = False
    countdown_ns: int = 0


@dataclass
class Perpetual:
    atoms: int  # of a tick times a lot
    divisions: int
    brackets: list[tuple[int, int, int, int]]
    maker_e8: int
    taker_e8: int
    liquidation_e8: int
    call_ppm: int
    range_ppm: tuple[int, int] = (0, 0)  # what sells and buys at market keep within of the mark; 0: no bound
    protect_ppm: int = 0  # how far last and mark price may be apart for guarded algo orders; 0: any
    mark: int = 0
    last: int = 0
    trades: int = 0
    preventions: int = 0

    def is_near(self, last: int) -> bool:
        """Whether a guarded algo order may trigger."""
        if not self.protect_ppm or not last:
            return True
        return abs(last * self.divisions - self.mark) * 10**6 <= self.mark * self.protect_ppm

    def worth(self, lots: int) -> int:
        return self.mark * lots * self.atoms // self.divisions

    def cap(self, leverage: int) -> int:
        return max((tier[0] for tier in self.brackets if tier[1] >= leverage), default=0)

    def maintenance(self, notional: int) -> int:
        tier = next((tier for tier in self.brackets if notional <= tier[0]), self.brackets[-1])
        return max(ceil_div(notional * tier[2], 10**8) - tier[3], 0)


class MarginTwin:
    """Accounts on perpetuals of one margin asset; account 0 is the house."""

    def __init__(self, perpetuals: list[Perpetual], accounts: int) -> None:
        self.perpetuals = perpetuals
        self.free = [0] * (accounts + 1)
        self.hedged = [False] * (accounts + 1)
        self.called = [False] * (accounts + 1)
        self.holdings = [[Holding() for _ in perpetuals] for _ in range(accounts + 1)]
        self.orders: dict[int, Any] = {}
        self.algos: dict[int, Any] = {}
        self.now = 0
        self.key = 0
        self.cause = 0
        self.events: list[dict[str, int]] = []
        self.touched: list[tuple[int, int, int]] = []
        self.paid: list[int] = []
        self.suspects: list[int] = []

    # ---- events

    def tell(self, kind: int, **values: int) -> None:
        self.events.append({"execution_type": kind, "request_key": self.key, **values})

    def touch(self, account: int, symbol: int, side: int) -> None:
        if (account, symbol, side) not in self.touched:
            self.touched.append((account, symbol, side))
        self.suspect(account)

    def suspect(self, account: int) -> None:
        if account and account not in self.suspects:
            self.suspects.append(account)

    def pay(self, account: int, atoms: int) -> None:
        self.free[account] += atoms
        self.note(account)

    def note(self, account: int) -> None:
        if account not in self.paid:
            self.paid.append(account)

    def end_of_request(self) -> None:
        for account, symbol, _ in self.touched:
            for order in list(self.orders.values()):
                if order.is_cut and (order.account, order.symbol) == (account, symbol):
                    order.is_cut = False
                    self.tell_order(order, X.EXECUTION_REPLACED, R.REASON_REDUCE_ONLY)
        for account, symbol, side in self.touched:
            holding, perpetual = self.holdings[account][symbol], self.perpetuals[symbol]
            held = holding.positions[side]
            self.tell(
                X.EXECUTION_POSITION, account=account, symbol=symbol, flags=side << 6, orig_lots=held.lots,
                cumulative_quote_atoms=held.entry, last_quote_atoms=perpetual.worth(held.lots) - held.entry,
                fee_atoms=held.realised, free_atoms=held.isolated, price_ticks=holding.leverage, reason=self.cause,
                is_maker=holding.isolated, last_price_ticks=perpetual.mark,
            )  # fmt: skip
        for account in self.paid:
            self.tell(
                X.EXECUTION_BALANCE, account=account, free_atoms=self.free[account], locked_atoms=self.locked(account),
                reason=self.cause,
            )  # fmt: skip
        self.touched, self.paid, self.cause = [], [], 0

    def tell_order(self, order: Any, kind: int, reason: int = 0, **more: int) -> None:
        raise NotImplementedError

    # ---- what accounts have and need

    def locked(self, account: int) -> int:
        return sum(held.isolated for holding in self.holdings[account] for held in holding.positions)

    def open_notional(self, account: int, symbol: int, side: int, but: Any = None) -> int:
        return sum(
            order.left * order.price * self.perpetuals[symbol].atoms
            for order in self.orders.values()
            if (order.account, order.symbol, order.side) == (account, symbol, side)
            and not order.flags & REDUCE
            and order is not but
        )

    def exposure(self, account: int, symbol: int, bids: int, asks: int) -> int:
        perpetual, held = self.perpetuals[symbol], self.holdings[account][symbol].positions
        if self.hedged[account]:
            return perpetual.worth(held[1].lots) + bids - perpetual.worth(held[2].lots) + asks
        return max(abs(perpetual.worth(held[0].lots) + bids), abs(perpetual.worth(held[0].lots) - asks))

    def initial(self, account: int, symbol: int, but: Any = None, extra: tuple[int, int] = (0, 0)) -> int:
        bids, asks = (self.open_notional(account, symbol, side, but) + extra[side] for side in (BUY, SELL))
        return ceil_div(self.exposure(account, symbol, bids, asks), self.holdings[account][symbol].leverage)

    def of_positions(self, account: int, symbol: int) -> int:
        holding = self.holdings[account][symbol]
        worth = sum(abs(self.perpetuals[symbol].worth(held.lots)) for held in holding.positions)
        return ceil_div(worth, holding.leverage)

    def profit(self, account: int, symbol: int, side: int) -> int:
        held = self.holdings[account][symbol].positions[side]
        return self.perpetuals[symbol].worth(held.lots) - held.entry

    def cross(self, account: int) -> list[tuple[int, int]]:
        """The cross positions of an account."""
        return [
            (symbol, side)
            for symbol, holding in enumerate(self.holdings[account])
            for side in range(3)
            if holding.positions[side].lots and not holding.isolated
        ]

    def need_of(self, account: int, symbol: int, side: int) -> int:
        perpetual = self.perpetuals[symbol]
        return perpetual.maintenance(abs(perpetual.worth(self.holdings[account][symbol].positions[side].lots)))

    def cross_profit(self, account: int) -> int:
        return sum(self.profit(account, *at) for at in self.cross(account))

    def claimed(self, account: int) -> int:
        total = 0
        for symbol, holding in enumerate(self.holdings[account]):
            initial = self.initial(account, symbol)
            total += max(initial - self.of_positions(account, symbol), 0) if holding.isolated else initial
        return total

    def available(self, account: int) -> int:
        return self.free[account] + self.cross_profit(account) - self.claimed(account)

    def withdrawable(self, account: int) -> int:
        return min(self.free[account], self.free[account] - self.claimed(account) + min(self.cross_profit(account), 0))

    def total(self) -> int:
        cost = sum(held.entry for row in self.holdings for holding in row for held in holding.positions)
        return sum(self.free) + sum(map(self.locked, range(len(self.free)))) - cost

    # ---- fills

    def settle(self, order: Any, lots: int, price: int, *, maker: bool) -> tuple[int, int]:
        """Realised profit and fee of one side of a trade."""
        perpetual, holding = self.perpetuals[order.symbol], self.holdings[order.account][order.symbol]
        side, sign = order.flags >> 6, 1 if order.side == BUY else -1
        held, atoms = holding.positions[side], perpetual.atoms
        self.note(order.account)
        closed = min(lots, abs(held.lots)) if held.lots * sign < 0 else 0
        realised = self.close_lots(order.account, holding, held, closed, closed * price * atoms) if closed else 0
        if lots > closed:
            cost = (lots - closed) * price * atoms
            held.lots += sign * (lots - closed)
            held.entry += sign * cost
            if holding.isolated:
                self.to_isolated(
                    order.account, held, max(min(ceil_div(cost, holding.leverage), self.free[order.account]), 0)
                )
        fee = self.fee(order, lots * price * atoms, maker=maker)
        if fee:
            self.pay(order.account, -fee)
            self.pay(0, fee)
        self.touch(order.account, order.symbol, side)
        return realised, fee

    def fee(self, order: Any, quote: int, *, maker: bool) -> int:
        perpetual = self.perpetuals[order.symbol]
        rate = perpetual.maker_e8 if maker else perpetual.taker_e8
        return ceil_div(quote * (perpetual.liquidation_e8 if order.origin == LIQUIDATION else rate), 10**8)

    def close_lots(self, account: int, holding: Holding, held: Position, lots: int, quote: int) -> int:
        size, sign = abs(held.lots), 1 if held.lots > 0 else -1
        cost = abs(held.entry) * lots // size
        realised = sign * (quote - cost)
        held.entry -= sign * cost
        held.lots -= sign * lots
        held.realised += realised
        if not holding.isolated:
            self.free[account] += realised
        else:
            held.isolated += realised
            if lots == size:
                self.to_isolated(account, held, -held.isolated)
            elif held.isolated > 0:
                self.to_isolated(account, held, -(held.isolated * lots // size))
        return realised

    def to_isolated(self, account: int, held: Position, atoms: int) -> None:
        self.free[account] -= atoms
        held.isolated += atoms
        self.note(account)

    # ---- funding

    def pay_funding(self, symbol: int, rate_e8: int) -> None:
        perpetual = self.perpetuals[symbol]
        for account in range(len(self.free)):
            holding = self.holdings[account][symbol]
            for side, held in enumerate(holding.positions):
                if not held.lots:
                    continue
                atoms = ceil_div(perpetual.worth(held.lots) * rate_e8, 10**8)
                self.take_funding(account, holding, held, atoms)
                self.touch(account, symbol, side)
                self.tell(
                    X.EXECUTION_FUNDING, account=account, symbol=symbol, flags=side << 6, fee_atoms=atoms,
                    orig_lots=held.lots, last_price_ticks=perpetual.mark, stop_ticks=rate_e8,
                )  # fmt: skip

    def take_funding(self, account: int, holding: Holding, held: Position, atoms: int) -> None:
        if holding.isolated:
            held.isolated -= atoms
        else:
            self.free[account] -= atoms
        self.note(account)
        self.pay(0, atoms)

    # ---- liquidation

    def behind(self, account: int, symbol: int, side: int) -> int:
        """Margin of a position beside its own profit."""
        if self.holdings[account][symbol].isolated:
            return self.holdings[account][symbol].positions[side].isolated
        return self.free[account] + self.cross_profit(account) - self.profit(account, symbol, side)

    def due(self, account: int) -> tuple[int, int] | None:
        """The position to liquidate next."""
        for symbol, holding in enumerate(self.holdings[account]):
            for side, held in enumerate(holding.positions):
                if holding.isolated and held.lots:
                    balance = held.isolated + self.profit(account, symbol, side)
                    if balance < self.need_of(account, symbol, side):
                        return symbol, side
        crossed = self.cross(account)
        balance = self.free[account] + self.cross_profit(account)
        if crossed and balance < sum(self.need_of(account, *at) for at in crossed):
            return crossed[0]
        return None

    def take_over(self, account: int, symbol: int, side: int) -> None:
        holding = self.holdings[account][symbol]
        held, house = holding.positions[side], self.holdings[0][symbol].positions[0]
        margin = self.behind(account, symbol, side)
        cost, lots = held.entry - margin, held.lots
        if holding.isolated:
            held.isolated = 0
        else:
            self.free[account] -= margin
        self.note(account)
        held.realised -= margin
        held.lots = held.entry = 0
        self.touch(account, symbol, side)
        house.lots += lots
        house.entry += cost
        if house.lots == 0:
            self.pay(0, -house.entry)
            house.realised -= house.entry
            house.entry = 0
        self.touch(0, symbol, 0)
        self.tell(
            X.EXECUTION_INSURANCE, account=account, symbol=symbol, flags=side << 6, orig_lots=lots,
            cumulative_quote_atoms=cost,
        )  # fmt: skip

    def look_after(self, account: int) -> None:
        """What an account that need not be liquidated is told, or paid."""
        crossed = self.cross(account)
        if not crossed and self.free[account] < 0:
            self.tell(X.EXECUTION_INSURANCE, account=account, symbol=65535, fee_atoms=-self.free[account])
            short = self.free[account]
            self.pay(account, -short)
            self.pay(0, short)
        balance = self.free[account] + self.cross_profit(account)
        if not crossed:
            balance = max(balance, 0)
        need = sum(self.need_of(account, *at) for at in crossed)
        self.called[account] = self.call(account, 65535, balance, need, 0, told=self.called[account])
        for symbol, holding in enumerate(self.holdings[account]):
            if holding.isolated:
                sides = [side for side in range(3) if holding.positions[side].lots]
                balance = sum(holding.positions[side].isolated + self.profit(account, symbol, side) for side in sides)
                need = sum(self.need_of(account, symbol, side) for side in sides)
                holding.called = self.call(account, symbol, balance, need, symbol, told=holding.called)

    def call(self, account: int, symbol: int, balance: int, need: int, like: int, *, told: bool) -> bool:
        close = need > 0 and need > ceil_div(balance * self.perpetuals[like].call_ppm, 10**6)
        if close and not told:
            self.tell(X.EXECUTION_MARGIN_CALL, account=account, symbol=symbol, free_atoms=balance, locked_atoms=need)
        return close
