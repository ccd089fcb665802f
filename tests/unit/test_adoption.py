"""Orders that a copy of a journal lacks and the venue has: each goes back to its place, with what paid for it."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from builders.crash_world import BTC

from bot4._core.intent_dtype import INTENT_DTYPE
from bot4._core.journal.record import JournalKind
from bot4._core.journal.stream import Journal
from bot4.adapters.failover.journal_tail import JournalTail, seal_record
from bot4.application.orders import adoption
from bot4.application.orders.adoption import VenueTale, adopt
from bot4.application.past.run_opening import OpenedInstrument, RunOpening
from bot4.application.past.run_past import PastUnreadableError, read_past
from bot4.domain.order import OrderSide
from bot4.domain.order_id import client_order_id
from bot4.ports.venue_order import VenueFill, VenueOrder, VenueOrderStatus

EPOCH = 7
EPOCHS = range(EPOCH, EPOCH + 1)
LOT = BTC.lot_size


@pytest.fixture
def copy(tmp_path):
    """A journal whose last record is the intent 3, of ten lots to buy."""
    path = tmp_path / "shard-0.journal"
    opening = RunOpening(
        place="test", instruments=(OpenedInstrument.of(BTC),), assets=(("BTC", 8), ("USDT", 8)),
        balances={"USDT": Decimal(1_000_000)},
    )  # fmt: skip
    with Journal(path, first_epoch=EPOCH, mono_ns=1, wall_ns=1) as journal:
        for piece in opening.pieces():
            journal.append(int(JournalKind.JOURNAL_OPENING), piece, mono_ns=2, wall_ns=2)
        journal.append(int(JournalKind.JOURNAL_MARK), bytes(64), mono_ns=3, wall_ns=3)
        row = np.zeros(1, INTENT_DTYPE)
        row["order_id"], row["qty_lots"], row["price_ticks"] = 3, 10, 100
        assert journal.append(int(JournalKind.JOURNAL_INTENT), row.tobytes(), mono_ns=4, wall_ns=4) == 3
    return path


def order(sequence, *, epoch=EPOCH, side=OrderSide.BUY, filled=0, status=VenueOrderStatus.WORKING, price="100"):
    return VenueOrder(
        client_order_id=client_order_id(epoch, sequence), venue_order_id=f"v{sequence}", symbol=BTC.symbol, side=side,
        status=status, qty=10 * LOT, filled_qty=filled * LOT, price=Decimal(price), updated_ns=50,
    )  # fmt: skip


def fill(sequence, trade_id, *, lots=10, side=OrderSide.BUY, ts_ns=40):
    return VenueFill(
        venue_order_id=f"v{sequence}", trade_id=trade_id, symbol=BTC.symbol, side=side, price=Decimal(100),
        qty=lots * LOT, fee=Decimal("0.001"), fee_asset="USDT", is_maker=False, ts_ns=ts_ns,
    )  # fmt: skip


def adopted(copy, orders, fills=(), epochs=EPOCHS):
    return adopt(read_past(copy), VenueTale(orders, fills), [BTC], next_seq=4, epochs=epochs)


def past_with(copy, records):
    end = JournalTail(copy).to_end()
    with copy.open("r+b") as file:
        file.truncate(end.at)
        file.seek(end.at)
        for row in records:
            file.write(
                seal_record(
                    seq=row.seq, epoch=row.epoch, kind=row.kind, mono_ns=1, wall_ns=row.wall_ns, payload=row.payload
                )
            )
    return read_past(copy)


def require_the_whole_tale(copy, records):
    """What went back holds every order at its place, and no fill before the order it is of."""
    places = {row.seq: row for row in records}
    assert sorted(places) == list(range(4, 9))
    assert [seq for seq, row in places.items() if row.kind == JournalKind.JOURNAL_INTENT] == [6, 8]
    past = past_with(copy, records)
    assert sorted(past.orders) == [3, 6, 8]
    assert past.orders[3].life.trade_ids == {1}, "what the sale at 8 sells was bought by then"
    assert past.orders[8].side is OrderSide.SELL
    assert past.orders[8].life.qty_lots == 10
    known = sum(len(found.life.trade_ids) for found in past.orders.values())
    assert known == len(past.fills), "a trade that is booked is one its order knows of"
    return past


def tale():
    orders = [order(3, filled=10, status=VenueOrderStatus.FILLED), order(6), order(8, side=OrderSide.SELL, filled=4)]
    return orders, [fill(3, 1), fill(8, 2, lots=4, side=OrderSide.SELL)]


def test_an_order_goes_back_to_its_place_and_fills_of_before_in_between(copy):
    past = require_the_whole_tale(copy, adopted(copy, *tale()))
    assert past.orders[8].life.trade_ids == frozenset(), "its own trades are asked for, as of any order of before"


def test_an_adoption_that_books_a_trade_before_its_order_is_caught(copy, monkeypatch):
    monkeypatch.setattr(adoption, "_sequence", lambda *_: -1)
    with pytest.raises(AssertionError):
        require_the_whole_tale(copy, adopted(copy, *tale()))


def test_nothing_goes_back_where_the_copy_lacks_no_order(copy):
    assert adopted(copy, [order(3, filled=10)], [fill(3, 1)]) == []
    assert adopted(copy, [order(9, epoch=EPOCH + 1)]) == [], "of a leader after"
    assert adopted(copy, [order(9, epoch=EPOCH - 1)]) == [], "of a run before"


def test_a_market_order_is_locked_at_the_price_it_paid(copy):
    records = adopted(copy, [order(4, price="0", filled=10)], [fill(4, 1)])
    assert past_with(copy, records).orders[4].life.qty_lots == 10
    assert np.frombuffer(records[-1].payload, INTENT_DTYPE)[0]["price_ticks"] == BTC.price_to_ticks(Decimal(100))


def test_names_that_contradict_the_copy_are_refused(copy):
    with pytest.raises(PastUnreadableError, match="no order of this journal"):
        adopted(copy, [order(2)])
    with pytest.raises(PastUnreadableError, match="has the place of another"):
        adopted(copy, [order(5), order(5, epoch=EPOCH + 1)], epochs=range(EPOCH, EPOCH + 2))
    with pytest.raises(PastUnreadableError, match="no order of this journal"):
        adopted(copy, [order(4 + adoption.GAP_MAX + 1)])
