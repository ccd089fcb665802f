"""The grid's orders and fills, bot4's beside hftbacktest's, one by one: what is apart, and why.

    python bench/peers/grid_fills.py FOLDER THEIRS.npz

THEIRS.npz comes of ``peer_hftbacktest.py FOLDER trace THEIRS.npz``. Both with the cautious queue: an order waits for
all that was displayed at its price. Exits with 1 where anything is apart that is not explained by the one difference
there is meant to be: bot4 fills an order for at most what a print left over, hftbacktest's exchange fills it whole.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

Key = tuple[int, int, int]  # when it was sent, 1 to buy or -1 to sell, price in ticks


@dataclass(frozen=True)
class Apart:
    """What two runs have in common and what not."""

    orders: int
    same_orders: int
    filled: int
    filled_whole: int
    filled_in_part: int
    their_orders: int
    their_filled: int
    lots: int
    their_lots: int
    second_orders: int
    second_filled: int
    unexplained: int


def compare(ours: Mapping[Key, tuple[int, int, int]], theirs: Mapping[Key, bool], lots: int) -> Apart:
    """Lay orders side by side.

    Parameters
    ----------
    ours : mapping
        Of each order: lots filled, and from when to when a rest of it stood, in nanoseconds; 0 and 0 where none did.
    theirs : mapping
        Of each order: whether it filled.
    lots : int
        Of an order.

    """
    twins = ours.keys() & theirs.keys()
    wrong = sum((ours[key][0] > 0) != theirs[key] for key in twins) + len(ours.keys() - twins)
    rests: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for (_, side, price), (_, first_ns, last_ns) in ours.items():
        if last_ns:
            rests.setdefault((side, price), []).append((first_ns, last_ns))
    # Theirs was filled whole and is quoted again, while the rest of ours still stands there.
    seconds = [key for key in theirs if key not in ours]
    wrong += sum(
        not any(first <= sent <= last for first, last in rests.get((side, price), ())) for sent, side, price in seconds
    )
    filled = [done for done, _, _ in ours.values() if done]
    return Apart(
        len(ours), len(twins), len(filled), sum(done == lots for done in filled), sum(done < lots for done in filled),
        len(theirs), sum(theirs.values()), sum(filled), lots * sum(theirs.values()), len(seconds),
        sum(theirs[key] for key in seconds), wrong,
    )  # fmt: skip


def our_orders(folder: Path) -> dict[Key, tuple[int, int, int]]:
    """Run bot4's grid."""
    # The test of `compare` needs neither.
    from ours import GRID, instrument, l2_rows, settings  # noqa: PLC0415

    import bot4  # noqa: PLC0415
    from bot4.domain.instrument import ContractKind  # noqa: PLC0415
    from bot4.strategy.grid import compiled_grid  # noqa: PLC0415

    chosen = settings(paper__latency="fixed", paper__latency_fixed_ms=2, paper__queue_model="conservative")
    kind = instrument(ContractKind.LINEAR)
    found = bot4.backtest(l2_rows(folder), kind, compiled_grid(**GRID), settings=chosen, count_trial=False)
    lots, first, last = {}, {}, dict(found.ends[["order_id", "recv_ns"]].tolist())
    for order, qty, at in found.fills[["order_id", "qty_lots", "recv_ns"]].tolist():
        lots[order] = lots.get(order, 0) + qty
        first.setdefault(order, at)
        if lots[order] == GRID["lots"]:
            last[order] = at
    orders = found.orders[["order_id", "ts_ns", "side", "price_ticks"]].tolist()
    rests = {order: (first[order], last[order]) for order in first if first[order] != last[order]}
    return {
        (sent, -1 if side else 1, price): (lots.get(order, 0), *rests.get(order, (0, 0)))
        for order, sent, side, price in orders
    }


def their_orders(path: Path) -> dict[Key, bool]:
    """Read what the peer's run wrote."""
    arrays = np.load(path)
    filled = set(arrays["filled"].tolist())
    return {(sent, side, price): order in filled for order, sent, side, price in arrays["orders"].tolist()}


def main(words: list[str]) -> int:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    found = compare(our_orders(Path(words[0])), their_orders(Path(words[1])), 10)
    print(json.dumps(asdict(found)))
    print(
        f"cautious queue: {found.same_orders} of {found.orders} orders are the same in time, side and price;"
        f" {found.filled} of them fill in bot4 ({found.filled_whole} whole, {found.filled_in_part} in part,"
        f" {found.lots} lots), {found.their_filled - found.second_filled} in hftbacktest, the same ones;"
        f" {found.second_orders} orders of hftbacktest's ({found.second_filled} filled) are quoted again where a rest"
        f" of bot4's still stands ({found.their_lots} lots); unexplained: {found.unexplained}"
    )
    return 1 if found.unexplained else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
