"""Events of an account that are about its wallet, its positions and its settings.

Source: developers.binance.com, USDS-margined futures, "User Data Streams" (2026).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot4.adapters.simulator.futures.contracts import MARGIN_ASSET
from bot4.adapters.simulator.futures.trade import words
from bot4.adapters.simulator.trade.report import money
from bot4.adapters.simulator.wire.decimals import UNIT, format_e8

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot4._core.sim.margin_types import PositionRow
    from bot4.adapters.simulator.futures.contracts import Contract
    from bot4.adapters.simulator.trade.report import Report

MARGIN_TYPES = ("cross", "isolated")
MARGIN_MODES = ("CROSSED", "ISOLATED")


def entry_price(contract: Contract, lots: int, cost: int) -> int:
    """Return the mean price of a position in hundred-millionths; `cost` is signed as the lots are."""
    return abs(cost) * UNIT // (abs(lots) * contract.step) if lots else 0


def wallet_fields(wallet: int, cross: int, change: int) -> dict[str, Any]:
    """Return the balance inside ACCOUNT_UPDATE; `change` is what neither profit nor commission was."""
    return {"a": MARGIN_ASSET, "wb": format_e8(wallet), "cw": format_e8(cross), "bc": format_e8(change)}


def position_fields(contract: Contract, report: Report) -> dict[str, Any]:
    """Return the position inside ACCOUNT_UPDATE that a POSITION report tells of."""
    lots = report.orig_lots
    entry = entry_price(contract, lots, money(report.cumulative_quote_low, report.cumulative_quote_high))
    return {
        "s": contract.name,
        "pa": contract.qty_text(lots * contract.step),
        "ep": format_e8(entry),
        "bep": format_e8(entry),
        "cr": format_e8(money(report.fee_low, report.fee_high)),
        "up": format_e8(money(report.last_quote_low, report.last_quote_high)),
        "mt": MARGIN_TYPES[report.is_maker],
        "iw": format_e8(money(report.free_low, report.free_high)),
        "ps": words.position_side(report.flags),
    }


def account_update(
    cause: str, balances: Sequence[dict[str, Any]], positions: Sequence[dict[str, Any]], at_ns: int, unit: int
) -> dict[str, Any]:
    """Return the event ACCOUNT_UPDATE."""
    at = at_ns // unit
    return {"e": "ACCOUNT_UPDATE", "E": at, "T": at, "a": {"m": cause, "B": list(balances), "P": list(positions)}}


def config_update(symbol: str, leverage: int, at_ns: int, unit: int) -> dict[str, Any]:
    """Return the event of a leverage that was chosen."""
    at = at_ns // unit
    return {"e": "ACCOUNT_CONFIG_UPDATE", "E": at, "T": at, "ac": {"s": symbol, "l": leverage}}


def margin_call(
    cross_wallet: int, rows: Sequence[tuple[Contract, PositionRow]], marks: dict[str, int], at_ns: int, unit: int
) -> dict[str, Any]:
    """Return the event of positions that are near their liquidation."""
    return {
        "e": "MARGIN_CALL",
        "E": at_ns // unit,
        "cw": format_e8(cross_wallet),
        "p": [
            {
                "s": contract.name,
                "ps": words.POSITION_SIDES[row.side],
                "pa": contract.qty_text(row.lots * contract.step),
                "mt": MARGIN_MODES[row.is_isolated],
                "iw": format_e8(row.isolated_atoms),
                "mp": format_e8(marks[contract.name]),
                "up": format_e8(row.unrealised_atoms),
                "mm": format_e8(row.maintenance_atoms),
            }
            for contract, row in rows
        ],
    }


def liquidation(order: dict[str, Any], at_ns: int, unit: int) -> dict[str, Any]:
    """Return the payload of ``@forceOrder`` from the order that closed a position, as ORDER_TRADE_UPDATE shows it."""
    at = at_ns // unit
    names = ("s", "S", "q", "p", "ap", "X", "l", "z")
    body = {"o": "LIMIT", "f": "IOC", "T": at} | {name: order[name] for name in names}
    return {"e": "forceOrder", "E": at, "o": body}
