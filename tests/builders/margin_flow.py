"""Random requests to an exchange of perpetuals, and the exchange and its twin side by side through them.

Two narrow markets share one margin asset; the accounts are few and poor, their leverages high and the mark prices wild,
so that refusals, triggers, funding, margin calls and liquidations are common. Everything follows from the seed.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
from oracles.sim_margin import PerpetualTwin
from oracles.sim_margin_money import CLOSE, LONG, MARK, PROTECT, REDUCE, SHORT, Perpetual

from bot4._core.sim.exchange import Exchange
from bot4._core.sim.exchange_dtype import REPORT_DTYPE, REQUEST_DTYPE, RESULT_DTYPE
from bot4._core.sim.exchange_types import ExchangeVerdict, ExecutionType

ACCOUNTS = 5
FUNDS = 4_000_003
MID = 1_000
BRACKETS = [(30_000_000, 75, 500_000, 0), (150_000_000, 20, 2_500_000, 600_000), (10**10, 5, 10_000_000, 11_850_000)]
LIQUIDATION_E8 = 1_250_000
# tick x lot in atoms, mark ticks in a tick, maker and taker fee, what market orders keep within of the mark, protection
SYMBOLS = [(1_000, 1, 20_000, 50_001, (0, 0), 0), (700, 10, -7_003, 40_000, (970_001, 1_030_003), 8_000)]
MONEY = ("cumulative_quote_atoms", "last_quote_atoms", "fee_atoms", "free_atoms", "locked_atoms")
KINDS = (0, 1, 2, 5, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22)
WEIGHTS = (44, 6, 1, 1, 2, 2, 13, 2, 12, 2, 0.5, 5, 3, 2, 1.5, 2, 1)


class MarginPair:
    """The compiled exchange and its twin with the same tables."""

    def __init__(self, make_twin: type[PerpetualTwin] = PerpetualTwin, *, max_reports: int = 1 << 13) -> None:
        self.exchange = Exchange(max_orders=256, max_accounts=8, max_assets=4, max_symbols=3, max_reports=max_reports)
        base, margin = self.exchange.add_asset("BTC", 8), self.exchange.add_asset("USDT", 8)
        for number, (atoms, divisions, maker, taker, (down, up), protect) in enumerate(SYMBOLS):
            self.exchange.add_perpetual(
                f"P{number}", base, margin, tick_size=f"0.{atoms:05d}", lot_size="0.001", brackets=BRACKETS,
                mark_divisions=divisions, maker_fee_e8=maker, taker_fee_e8=taker, liquidation_fee_e8=LIQUIDATION_E8,
                window_ticks=256, far_capacity=256, change_capacity=1 << 12, range_down_ppm=down, range_up_ppm=up,
                protect_ppm=protect,
            )  # fmt: skip
        for account in range(ACCOUNTS):
            self.exchange.open_account(str(account))
        tables = [
            Perpetual(atoms, divisions, BRACKETS, maker, taker, LIQUIDATION_E8, 800_000, ranges, protect)
            for atoms, divisions, maker, taker, ranges, protect in SYMBOLS
        ]
        self.twin, self.margin_asset, self.deposited = make_twin(tables, ACCOUNTS), margin, 0

    def run(self, rows: np.ndarray) -> np.ndarray:
        """Apply rows to both and compare verdicts, reports and state; returns the results."""
        results = np.zeros(len(rows), RESULT_DTYPE)
        assert self.exchange.run_requests(rows, results) == len(rows)
        requests = [row_of(row) for row in rows]
        expected = [self.twin.apply(row) for row in requests]
        for row, result, outcome in zip(requests, results, expected, strict=True):
            assert (int(result["verdict"]), int(result["order_id"])) == outcome, (row, result, outcome)
            if result["verdict"] == 0 and row["kind"] in (10, 11):
                self.deposited += row["quote_atoms"] * (1 if row["kind"] == 10 else -1)
        self.compare_events()
        self.compare_state()
        return results

    def compare_events(self) -> None:
        reports, events = self.exchange.take_reports(), self.twin.events
        assert len(reports) == len(events), first_difference(reports, events)
        for report, event in zip(reports, events, strict=True):
            got = values_of(report, event)
            assert got == {name: int(value) for name, value in event.items()}, (kind_of(event), got, event)
        events.clear()

    def compare_state(self) -> None:
        exchange, twin = self.exchange, self.twin
        assert exchange.total(self.margin_asset) == self.deposited == twin.total()
        for account in range(ACCOUNTS + 1):
            assert exchange.balance(account, self.margin_asset) == (twin.free[account], twin.locked(account))
            assert exchange.margin(account, self.margin_asset).available_atoms == max(twin.available(account), 0)
            for symbol in range(len(SYMBOLS)):
                held = exchange.positions(account, symbol, all_sides=True)
                sides = (1, 2) if twin.hedged[account] else (0,)
                mine = [(row.lots, row.entry_atoms, row.realised_atoms, row.isolated_atoms) for row in held]
                theirs = [twin.holdings[account][symbol].positions[side] for side in sides]
                assert mine == [(p.lots, p.entry, p.realised, p.isolated) for p in theirs]
                self.compare_orders(account, symbol)
        for symbol in range(len(SYMBOLS)):
            assert sum(held.lots for row in twin.holdings for held in row[symbol].positions) == 0

    def compare_orders(self, account: int, symbol: int) -> None:
        for algos, found in enumerate(
            (self.exchange.open_orders(account, symbol), self.exchange.open_algo_orders(account, symbol))
        ):
            mine = [(int(order["order_id"]), int(order["orig_lots"]), int(order["executed_lots"])) for order in found]
            theirs = self.twin.of(account, symbol, algos=bool(algos))
            assert mine == [(order.order_id, order.orig, order.executed) for order in theirs]


def kind_of(event: dict[str, int]) -> str:
    return ExecutionType(event["execution_type"]).name


def row_of(request: np.void) -> dict[str, int]:
    row = dict(zip(REQUEST_DTYPE.names or (), request.tolist(), strict=True))
    row["quote_atoms"] = (row.pop("quote_atoms_high") << 64) + row.pop("quote_atoms_low")
    return row


def values_of(report: np.void, event: dict[str, int]) -> dict[str, int]:
    return {
        name: (int(report[name + "_high"]) << 64) + int(report[name + "_low"]) if name in MONEY else int(report[name])
        for name in event
    }


def first_difference(reports: np.ndarray, events: list[dict[str, int]]) -> str:
    names = REPORT_DTYPE.names or ()
    for number, event in enumerate(events):
        if number == len(reports):
            return f"missing {kind_of(event)} {event}"
        if values_of(reports[number], event) != {name: int(value) for name, value in event.items()}:
            return f"{dict(zip(names, reports[number].tolist(), strict=True))} instead of {kind_of(event)} {event}"
    return f"one too many: {dict(zip(names, reports[len(events)].tolist(), strict=True))}"


class MarginFlow:
    """Requests drawn from a seed; it learns the numbers of orders from the results."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.now_ns = 10**15
        self.mark = [MID, MID]
        self.orders: list[tuple[int, int, int]] = [(1, 0, 1)]
        self.algos: list[tuple[int, int, int]] = [(1, 0, 1)]
        self.hedged = set(range(4, ACCOUNTS + 1)) if seed % 2 else {2}

    def opening(self) -> np.ndarray:
        """Deposits, modes, leverages and first marks."""
        rows = [self.row(10, account, 1, quote=FUNDS) for account in range(1, ACCOUNTS + 1)]
        rows += [self.row(20, account, 0, qty_lots=1) for account in sorted(self.hedged)]
        for symbol in range(2):
            for account, leverage in enumerate((75, 50, 20, 20, 10), 1):
                rows.append(self.row(18, account, symbol, qty_lots=leverage))
            rows += [self.row(19, account, symbol, qty_lots=1) for account in (1, 3, 5)]
            rows.append(self.row(12, 0, symbol, price_ticks=MID * SYMBOLS[symbol][1]))
        return np.array(rows, REQUEST_DTYPE)

    def chunk(self, count: int) -> np.ndarray:
        weights = np.array(WEIGHTS) / sum(WEIGHTS)
        kinds = self.rng.choice(KINDS, count, p=weights)
        return np.array([self.draw(int(kind)) for kind in kinds], REQUEST_DTYPE)

    def learn(self, rows: np.ndarray, results: np.ndarray) -> None:
        for row, result in zip(rows, results, strict=True):
            if result["verdict"] == 0 and row["kind"] in (0, 14):
                known = self.orders if row["kind"] == 0 else self.algos
                known.append((int(row["account"]), int(row["symbol"]), int(result["order_id"])))

    def row(self, kind: int, account: int, symbol: int, quote: int = 0, **fields: int) -> tuple[int, ...]:
        self.now_ns += int(self.rng.integers(0, 3_000))
        get = fields.get
        return (
            kind, get("side", 0), get("type", 0), get("tif", 0), get("stp", 0), get("flags", 0), symbol, account,
            get("trailing_bips", 0), get("qty_lots", 0), get("price_ticks", 0), get("stop_ticks", 0), 0,
            quote & (2**64 - 1), quote >> 64, get("expire_ns", 0), get("client_key", 0), self.now_ns,
            get("order_id", 0),
        )  # fmt: skip

    def draw(self, kind: int) -> tuple[int, ...]:
        rng = self.rng
        account, symbol = int(rng.integers(1, ACCOUNTS + 1)), int(rng.integers(2))
        later = self.now_ns + int(rng.integers(1, 100_000))
        if kind in (1, 15, 17):
            known = self.algos if kind == 15 else self.orders
            account, symbol, order_id = known[-int(rng.integers(1, min(len(known), 30) + 1))]
            return self.row(
                kind, account, symbol, order_id=order_id, qty_lots=self.lots(), price_ticks=self.near(symbol)
            )
        if kind == 12:
            self.mark[symbol] = int(np.clip(self.mark[symbol] + rng.integers(-25, 26), 850, 1150))
            divisions = SYMBOLS[symbol][1]
            return self.row(12, 0, symbol, price_ticks=self.mark[symbol] * divisions + int(rng.integers(divisions)))
        if kind == 13:
            return self.row(13, 0, symbol, qty_lots=int(rng.integers(-300_000, 300_001)), expire_ns=later)
        if kind in (0, 14):
            return self.row(kind, account, symbol, **self.order(kind, account, symbol))
        amount = int(rng.integers(1, FUNDS // 2))
        fields = {
            18: {"qty_lots": int(rng.choice((1, 5, 10, 20, 50, 75, 76, 200)))},
            19: {"qty_lots": int(rng.integers(2))},
            20: {"qty_lots": int(rng.integers(2))},
            21: {"flags": int(rng.choice((0, 64, 128))), "quote": int(rng.choice((-1, 1))) * amount // 8},
            22: {"expire_ns": int(rng.choice((0, later)))},
            10: {"quote": amount // 2},
            11: {"quote": amount},
        }.get(kind, {})
        return self.row(kind, account, 1 if kind in (10, 11) else symbol, **fields)

    def lots(self) -> int:
        return int(self.rng.integers(1, 40))

    def near(self, symbol: int) -> int:
        return self.mark[symbol] + int(self.rng.integers(-12, 13))

    def order(self, kind: int, account: int, symbol: int) -> dict[str, int]:
        rng = self.rng
        fields = {
            "side": int(rng.integers(2)),
            "qty_lots": self.lots(),
            "stp": int(rng.choice(5, p=(0.6, 0.12, 0.13, 0.13, 0.02))),
        }
        fields["client_key"] = int(rng.integers(1, 50)) if rng.random() < 0.2 else 0
        if account in self.hedged:
            fields["flags"] = int(rng.choice((LONG, SHORT, 0), p=(0.49, 0.49, 0.02)))
        else:
            fields["flags"] = int(rng.choice((0, REDUCE, LONG), p=(0.74, 0.25, 0.01)))
        if kind == 0:
            fields["type"] = int(rng.choice((0, 1, 2, 3), p=(0.6, 0.25, 0.14, 0.01)))
        else:
            fields |= self.conditions(symbol)
            fields["flags"] |= MARK if rng.random() < 0.5 else 0
            fields["flags"] |= PROTECT if fields["stop_ticks"] % 4 == 1 else 0  # refused where it trails
        if fields["type"] in (0, 2, 4, 6):
            fields["price_ticks"] = self.near(symbol)
            fields["tif"] = int(rng.choice(4, p=(0.75, 0.1, 0.07, 0.08)))
            if fields["tif"] == 3:
                fields["expire_ns"] = self.now_ns + int(rng.integers(3_000, 200_000))
        elif kind == 14 and fields["type"] in (3, 5) and not fields.get("trailing_bips") and rng.random() < 0.4:
            fields |= {"qty_lots": 0, "flags": fields["flags"] & ~REDUCE | CLOSE}
        return fields

    def conditions(self, symbol: int) -> dict[str, int]:
        fields = {"type": int(self.rng.integers(3, 7)), "stop_ticks": self.near(symbol)}
        if self.rng.random() < 0.25:
            stop = self.near(symbol) if self.rng.random() < 0.5 else 0
            fields |= {"type": 5, "trailing_bips": int(self.rng.integers(1, 200)), "stop_ticks": stop}
        return fields


def run_margin_flow(
    seed: int, requests: int, chunk: int = 50, make_twin: type[PerpetualTwin] = PerpetualTwin
) -> tuple[Counter[str], Counter[str]]:
    """Run a flow through both; returns how often each verdict and each kind of report came."""
    flow, pair = MarginFlow(seed), MarginPair(make_twin)
    pair.run(flow.opening())
    verdicts: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    compare = pair.compare_events

    def counted() -> None:
        kinds.update(kind_of(event) for event in pair.twin.events)
        compare()

    pair.compare_events = counted  # type: ignore[method-assign]
    for start in range(0, requests, chunk):
        rows = flow.chunk(min(chunk, requests - start))
        results = pair.run(rows)
        flow.learn(rows, results)
        verdicts.update(ExchangeVerdict(int(verdict)).name for verdict in results["verdict"])
    return verdicts, kinds
