"""The compiled exchange as the futures use it: perpetuals, positions, margin, algo orders."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from bot4._core.risk.filters import Filters
from bot4._core.sim.margin_types import Bracket
from bot4.adapters.simulator.futures.contracts import MARGIN_ASSET, Contract
from bot4.adapters.simulator.trade.engine import Engine

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot4._core.sim.margin_types import MarginRow, PositionRow, SymbolMargin
    from bot4.adapters.simulator.accounts import AccountSpec
    from bot4.adapters.simulator.futures.contracts import BracketRule
    from bot4.adapters.simulator.symbols import Symbol

MARK_DIVISIONS = 100


class FuturesRow(NamedTuple):
    """An order, or an algo order, in the engine's units."""

    side: int
    type: int
    tif: int
    stp: int
    flags: int
    qty_lots: int
    price_ticks: int
    stop_ticks: int
    trailing_bips: int
    expire_ns: int
    client_key: int


class FuturesEngine(Engine):
    """A matching engine of perpetuals. See `Engine`; one asset is the margin of all."""

    def _add(self, symbol: Symbol) -> None:
        if not isinstance(symbol, Contract):
            raise TypeError(f"a futures exchange trades contracts, was {type(symbol).__name__}")
        tick, step = symbol.price_text(symbol.tick), symbol.qty_text(symbol.step)
        self._exchange.add_perpetual(
            symbol.name,
            self._numbers[symbol.base],
            self._numbers[MARGIN_ASSET],
            tick_size=tick,
            lot_size=step,
            filters=Filters.from_binance(symbol.filters(), tick_size=tick, lot_size=step),
            brackets=[_bracket(*pair) for pair in zip(symbol.brackets, symbol.cumulative(), strict=True)],
            mark_divisions=MARK_DIVISIONS,
            maker_fee_e8=symbol.maker_fee,
            taker_fee_e8=symbol.taker_fee,
            liquidation_fee_e8=symbol.liquidation_fee,
            max_algo_orders=symbol.max_algo_orders,
            protect_ppm=symbol.price_protection * 10_000,
            range_down_ppm=1_000_000 - symbol.price_protection * 10_000,
            range_up_ppm=1_000_000 + symbol.price_protection * 10_000,
        )

    @staticmethod
    def _wallet(spec: AccountSpec) -> Mapping[str, int]:
        """Return what an account begins with here."""
        return spec.futures_balances

    # -- orders

    def place_order(self, account: int, symbol: int, row: FuturesRow, now_ns: int) -> tuple[int, int]:
        """Place an order; return the verdict and its id."""
        return self._exchange.place(
            *(account, symbol, row.side, row.type),
            tif=row.tif,
            qty_lots=row.qty_lots,
            price_ticks=row.price_ticks,
            stp=row.stp,
            flags=row.flags,
            expire_ns=row.expire_ns,
            client_key=row.client_key,
            now_ns=now_ns,
        )

    def modify(self, account: int, symbol: int, order_id: int, *, lots: int, ticks: int, now_ns: int) -> int:
        """Give a resting order another price and quantity; return the verdict."""
        return self._exchange.modify(account, symbol, order_id, qty_lots=lots, price_ticks=ticks, now_ns=now_ns)

    def countdown(self, account: int, symbol: int, deadline_ns: int, now_ns: int) -> int:
        """Let all orders of an account on a symbol be cancelled at a time, 0 for never; return the verdict."""
        return self._exchange.countdown_cancel_all(account, symbol, deadline_ns, now_ns=now_ns)

    def place_algo(self, account: int, symbol: int, row: FuturesRow, now_ns: int) -> tuple[int, int]:
        """Place an order that waits for a price; return the verdict and its algo id."""
        return self._exchange.place_algo(
            *(account, symbol, row.side, row.type),
            stop_ticks=row.stop_ticks,
            qty_lots=row.qty_lots,
            price_ticks=row.price_ticks,
            trailing_bips=row.trailing_bips,
            tif=row.tif,
            stp=row.stp,
            flags=row.flags,
            expire_ns=row.expire_ns,
            client_key=row.client_key,
            now_ns=now_ns,
        )

    def cancel_algo(self, account: int, symbol: int, algo_id: int, now_ns: int) -> int:
        """Cancel an algo order; return the verdict."""
        return self._exchange.cancel_algo(account, symbol, algo_id, now_ns=now_ns)

    def cancel_all_algos(self, account: int, symbol: int, now_ns: int) -> int:
        """Cancel all algo orders of an account on a symbol; return the verdict."""
        return self._exchange.cancel_all_algos(account, symbol, now_ns=now_ns)

    # -- prices and settings

    def set_mark(self, symbol: int, mark: int, index: int, now_ns: int) -> int:
        """Tell mark and index price, in mark ticks; return the verdict."""
        return self._exchange.set_mark(symbol, mark, index_price=index, now_ns=now_ns)

    def apply_funding(self, symbol: int, rate_e8: int, next_ns: int, now_ns: int) -> int:
        """Let every position of a contract pay or get funding; return the verdict."""
        return self._exchange.apply_funding(symbol, rate_e8, next_funding_ns=next_ns, now_ns=now_ns)

    def set_leverage(self, account: int, symbol: int, leverage: int, now_ns: int) -> int:
        """Choose a leverage; return the verdict."""
        return self._exchange.set_leverage(account, symbol, leverage, now_ns=now_ns)

    def set_margin_type(self, account: int, symbol: int, *, isolated: bool, now_ns: int) -> int:
        """Choose between cross and isolated margin; return the verdict."""
        return self._exchange.set_margin_type(account, symbol, isolated=isolated, now_ns=now_ns)

    def set_position_mode(self, account: int, *, hedge: bool, now_ns: int) -> int:
        """Choose between one position a symbol and two; return the verdict."""
        return self._exchange.set_position_mode(account, hedge=hedge, now_ns=now_ns)

    def adjust_margin(self, account: int, symbol: int, amount: int, side: int, now_ns: int) -> int:
        """Move money between the wallet and an isolated position; return the verdict."""
        return self._exchange.adjust_margin(account, symbol, amount, position_side=side, now_ns=now_ns)

    # -- reads

    def positions(self, account: int, symbol: int | None = None, *, all_sides: bool = False) -> list[PositionRow]:
        """Return an account's positions."""
        return self._exchange.positions(account, symbol, all_sides=all_sides)

    def margin(self, account: int) -> MarginRow:
        """Return an account's margin."""
        return self._exchange.margin(account, self._numbers[MARGIN_ASSET])

    def symbol_margin(self, account: int, symbol: int) -> SymbolMargin:
        """Return what an account has chosen, and has open, on a symbol."""
        return self._exchange.symbol_margin(account, symbol)

    def is_hedged(self, account: int) -> bool:
        """Whether an account has two positions a symbol."""
        return self._exchange.is_hedged(account)

    @property
    def account_count(self) -> int:
        """How many accounts there are, the house among them."""
        return len(self._exchange.accounts)

    def background_accounts(self) -> list[int]:
        """Return the accounts of the background market."""
        return [number for number, name in enumerate(self._exchange.accounts) if name.startswith("background-")]


def _bracket(rule: BracketRule, cumulative: int) -> Bracket:
    return Bracket(rule.cap, rule.leverage, rule.maintenance, cumulative)
