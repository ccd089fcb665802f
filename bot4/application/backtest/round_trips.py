"""Round trips of a run's fills: from flat to flat, or through zero."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bot4.domain.instrument import ContractKind

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bot4.application.assembly.assembly import Assembly

#: A round trip: from flat to flat, or through zero; prices are means in ticks, the result is net, in the settle asset.
TRADE_DTYPE = np.dtype(
    [
        ("instrument", "i8"),
        ("side", "i8"),
        ("qty_lots", "i8"),
        ("entry_ns", "i8"),
        ("exit_ns", "i8"),
        ("entry_ticks", "f8"),
        ("exit_ticks", "f8"),
        ("result", "f8"),
    ]
)


def round_trips(fills: NDArray[np.void], assembly: Assembly) -> NDArray[np.void]:
    """Round trips of the fills, instrument by instrument, in the order of their ends."""
    rows: list[tuple[float, ...]] = []
    for lane, instrument in enumerate(assembly.instruments):
        lot = float(instrument.lot_size * instrument.contract_size)
        tick = float(instrument.tick_size)
        decimals = assembly.account.decimals[assembly.asset(instrument.settle)]
        is_inverse = instrument.kind is ContractKind.INVERSE
        rows += _lane_trips(fills[fills["instrument"] == lane], lane, lot, tick, 10.0**decimals, is_inverse=is_inverse)
    trips = np.array(rows, TRADE_DTYPE) if rows else np.zeros(0, TRADE_DTYPE)
    return trips[np.argsort(trips["exit_ns"], kind="stable")]


def _lane_trips(
    fills: NDArray[np.void], lane: int, lot: float, tick: float, atoms: float, *, is_inverse: bool
) -> list[tuple[float, ...]]:
    found: list[tuple[float, ...]] = []
    held = opened = closed = 0
    entry = leave = fees = 0.0
    entry_ns = 0
    columns = (fills[name].tolist() for name in ("side", "price_ticks", "qty_lots", "fee_atoms", "recv_ns"))
    for side, price, lots, fee, stamp in zip(*columns, strict=True):
        signed = lots if side == 0 else -lots
        left = signed
        while left:
            if held == 0:
                opened = closed = 0
                entry = leave = fees = 0.0
                entry_ns = stamp
            if held == 0 or (held > 0) == (left > 0):
                part, held, opened, entry = left, held + left, opened + abs(left), entry + abs(left) * price
            else:
                part = left if abs(left) <= abs(held) else -held
                direction, held = (1 if held > 0 else -1), held + part
                closed, leave = closed + abs(part), leave + abs(part) * price
            fees += fee / atoms * abs(part) / lots
            left -= part
            if held == 0:
                mean_in, mean_out = entry / opened, leave / closed
                if is_inverse:
                    gain = direction * opened * lot * (1.0 / (mean_in * tick) - 1.0 / (mean_out * tick))
                else:
                    gain = direction * opened * lot * (mean_out - mean_in) * tick
                found.append((lane, 0 if direction > 0 else 1, opened, entry_ns, stamp, mean_in, mean_out, gain - fees))
    return found
