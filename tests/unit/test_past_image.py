"""The image of a run's past: with it the next start comes to what the whole journal says, and reads little of it."""

from __future__ import annotations

import time
from decimal import Decimal

import msgspec
import numpy as np
import pytest
from builders.live_desk import BTC

from bot4._core.engine.control import ControlCode
from bot4._core.engine.lane_state import GateReason
from bot4._core.event_dtype import EVENT_DTYPE
from bot4._core.intent_dtype import INTENT_DTYPE
from bot4._core.journal.record import JournalKind
from bot4._core.journal.stream import Journal
from bot4._core.types import EventKind
from bot4.adapters.failover.journal_tail import JournalTail
from bot4.adapters.failover.mirror_reader import JournalCopy
from bot4.application.orders.accepting import accepted_balances
from bot4.application.orders.venue_books import VenueBooks
from bot4.application.past import run_past
from bot4.application.past.past_image import PastKeeper, image_path, load_image, read_past_on
from bot4.application.past.run_opening import OpenedInstrument, RunOpening
from bot4.application.past.run_past import PastUnreadableError, RunPast, read_past
from bot4.bootstrap import failover
from bot4.domain.errors import ConfigError
from bot4.domain.instrument import ContractKind
from bot4.ports.venue_order import Balance

S = 1_000_000_000
OPENING = RunOpening(
    place="test", instruments=(OpenedInstrument.of(BTC),), assets=(("BTC", 8), ("USDT", 8)),
    balances={"BTC": Decimal(0), "USDT": Decimal(1_000)},
)  # fmt: skip


class Writer:
    """Writes orders of a run by chance: filled, partly filled and canceled, refused, or left to rest."""

    def __init__(self, path, seed):
        self.path, self.rng, self.now_ns, self.trade_id = path, np.random.default_rng(seed), S, 0
        self.journal = Journal(path, segment_bytes=65_536)
        for piece in OPENING.pieces():
            self.write(JournalKind.JOURNAL_OPENING, piece)

    def write(self, kind, payload):
        return self.journal.append(int(kind), payload, mono_ns=self.now_ns, wall_ns=self.now_ns)

    def update(self, kind, order, **fields):
        row = np.zeros(1, EVENT_DTYPE)
        values = {"kind": int(kind), "recv_ns": self.now_ns, "venue_ns": self.now_ns, "a": order} | fields
        for name, value in values.items():
            row[name] = value
        self.write(JournalKind.JOURNAL_UPDATE, row.tobytes())

    def funding(self, number):
        row = np.zeros(1, EVENT_DTYPE)
        row["a"], row["c"], row["d"] = int(ControlCode.CONTROL_FUNDING_PAID), S + number * S * 1_440, number
        self.write(JournalKind.JOURNAL_CONTROL, row.tobytes())

    def order(self, *, rests=False):
        self.now_ns += int(self.rng.integers(1, 20)) * S
        side = int(self.rng.integers(0, 2))
        row = np.zeros(1, INTENT_DTYPE)
        row["order_id"], row["side"], row["qty_lots"] = self.journal.next_seq, side, 10
        order = self.write(JournalKind.JOURNAL_INTENT, row.tobytes())
        self.update(EventKind.EVENT_ORDER_SENT, order)
        if self.rng.random() < 0.1:
            self.update(EventKind.EVENT_ORDER_REJECTED, order)
            return
        self.update(EventKind.EVENT_ORDER_ACK, order)
        for lots in (3, 7) if self.rng.random() < 0.5 else (4,):
            self.trade_id += 1
            self.update(
                EventKind.EVENT_ORDER_FILL, order, side=side, b=int(self.rng.integers(9_000, 9_100)), c=lots,
                d=self.trade_id, e=int(self.rng.integers(0, 9)), reason=int(self.rng.integers(1, 3)),
            )  # fmt: skip
        if not rests:
            self.update(EventKind.EVENT_ORDER_CANCELED, order)


def books_of(past: RunPast) -> VenueBooks:
    books = VenueBooks([BTC])
    books.resume(past.balances, past.positions, past.fills)
    return books


def same_for_who_goes_on(ours: RunPast, whole: RunPast) -> None:
    """What a gateway, a standby and the books take of a past."""
    assert ours.unsettled == whole.unsettled
    assert (ours.last_ns, ours.since_ns, ours.has_stopped, ours.is_over, ours.opening) == (
        whole.last_ns, whole.since_ns, whole.has_stopped, whole.is_over, whole.opening
    )  # fmt: skip
    for asset in ("BTC", "USDT"):
        assert books_of(ours).total(asset) == books_of(whole).total(asset)
    recent = whole.since_ns - run_past._ASKED_AGAIN_NS
    assert [fill for fill in whole.fills if fill.ts_ns >= recent] == [f for f in ours.fills if f.ts_ns >= recent]
    assert {key for key, order in whole.orders.items() if order.heard_ns >= recent} <= set(ours.orders)
    assert ours.began_ns == whole.began_ns == S
    last_ns = max(whole.funding.values(), default=0)
    asked_again = {number: at for number, at in whole.funding.items() if at >= last_ns - run_past._FUNDING_NS}
    assert asked_again.items() <= ours.funding.items()


@pytest.mark.parametrize("seed", range(8))
def test_an_image_and_the_tail_say_what_the_whole_journal_says(tmp_path, seed):
    writer = Writer(tmp_path / "shard-0.journal", seed)
    keeper = PastKeeper(writer.path, writer.journal.sync)
    for number in range(300):
        writer.order(rests=writer.rng.random() < (0.01 if number < 200 else 0.0))
        if number % 20 == 0:
            writer.funding(number)
        if writer.rng.random() < 0.05:
            keeper.keep()
    row = np.zeros(1, EVENT_DTYPE)
    row["a"] = int(ControlCode.CONTROL_STOP)
    writer.write(JournalKind.JOURNAL_CONTROL, row.tobytes())
    image, _ = load_image(image_path(writer.path))
    whole, ours = read_past(writer.path), read_past_on(writer.path)
    same_for_who_goes_on(ours, whole)
    assert len(whole.funding) == 15
    assert 1 <= len(image.funding) <= 5, "those of the last day"
    assert image.unsettled or len(image.fills) < len(whole.fills) / 2, "what is settled and old is in the sums alone"
    again = PastKeeper(writer.path, writer.journal.sync)  # of the next life: it goes on with the image
    again.keep()
    writer.journal.close()
    same_for_who_goes_on(read_past_on(writer.path), whole)


def test_the_control_a_past_that_forgets_without_summing_is_noticed(tmp_path, monkeypatch):
    monkeypatch.setattr(RunPast, "_fold", lambda *_: None)
    with pytest.raises(AssertionError):
        test_an_image_and_the_tail_say_what_the_whole_journal_says(tmp_path, 3)


def test_an_image_that_cannot_be_used_costs_nothing_but_time_and_damage_before_it_is_seen(tmp_path):
    writer = Writer(tmp_path / "shard-0.journal", 1)
    for _ in range(50):
        writer.order()
    PastKeeper(writer.path, writer.journal.sync).keep()
    writer.order()
    writer.journal.close()
    whole, image = read_past(writer.path), image_path(writer.path)
    kept = image.read_bytes()
    for damaged in (b"", kept[:-1], kept[:9] + bytes([kept[9] ^ 1]) + kept[10:]):
        image.write_bytes(damaged)
        assert load_image(image) is None
        same_for_who_goes_on(read_past_on(writer.path), whole)
    image.write_bytes(kept)
    other = Writer(tmp_path / "other.journal", 2)
    for _ in range(80):
        other.order()
    other.journal.close()
    image_path(other.path).write_bytes(kept)  # of another journal
    same_for_who_goes_on(read_past_on(other.path), read_past(other.path))
    content = bytearray(writer.path.read_bytes())
    content[1_000] ^= 1  # long before the image
    writer.path.write_bytes(content)
    with pytest.raises(PastUnreadableError, match="cannot be read"):
        read_past_on(writer.path)


@pytest.mark.untraced
def test_a_long_journal_is_gone_on_with_in_a_fraction_of_the_time(tmp_path):
    writer = Writer(tmp_path / "shard-0.journal", 5)
    for _ in range(1_500):
        writer.order()
    PastKeeper(writer.path, writer.journal.sync).keep()
    writer.journal.close()

    def seconds(read):
        started_s = time.process_time()
        assert read(writer.path) is not None
        return time.process_time() - started_s

    assert min(seconds(read_past_on) for _ in range(3)) < min(seconds(read_past) for _ in range(3)) / 5


def test_a_standby_keeps_one_of_what_it_has_copied_and_begins_anew_where_the_copy_was_cut_back(tmp_path, monkeypatch):
    monkeypatch.setattr(failover, "_IMAGE_S", 0.0)
    writer = Writer(tmp_path / "shard-0.journal", 7)
    for _ in range(60):
        writer.order()
    last_seq = writer.journal.next_seq - 1
    writer.journal.close()
    copy, kept = JournalCopy(tmp_path, "shard-0.journal"), failover._CopiedPast()
    kept.keep(None)
    kept.keep(copy)
    assert load_image(image_path(copy.path))[1][0] == last_seq
    copy.cut_back(JournalTail(copy.path).read(2_000).end)
    assert not image_path(copy.path).exists()
    kept.forget()
    kept.keep(copy)
    same_for_who_goes_on(read_past_on(copy.path), read_past(copy.path))
    assert load_image(image_path(copy.path))[1][0] < last_seq


def control(writer, code, value=0):
    row = np.zeros(1, EVENT_DTYPE)
    row["a"], row["b"] = int(code), int(value)
    writer.write(JournalKind.JOURNAL_CONTROL, row.tobytes())


def test_a_run_that_halted_over_balances_is_not_over_before_all_of_them_were_accepted(tmp_path):
    writer = Writer(tmp_path / "shard-0.journal", 1)
    both = GateReason.GATE_START | GateReason.GATE_MISMATCH
    control(writer, ControlCode.CONTROL_GATE_OPEN, both)
    control(writer, ControlCode.CONTROL_GATE_CLOSE, both)  # as for a connection that is down
    control(writer, ControlCode.CONTROL_STOP)
    assert read_past(writer.path).is_over
    control(writer, ControlCode.CONTROL_GATE_CLOSE, GateReason.GATE_MISMATCH)
    control(writer, ControlCode.CONTROL_STOP)
    PastKeeper(writer.path, writer.journal.sync).keep()
    control(writer, ControlCode.CONTROL_GATE_OPEN, GateReason.GATE_OPERATOR)
    control(writer, ControlCode.CONTROL_STOP)
    for past in (read_past(writer.path), read_past_on(writer.path)):
        assert past.has_stopped
        assert not past.is_over
    gaps = accepted_balances(
        past, [Balance("BTC", Decimal(2), Decimal(0)), Balance("USDT", Decimal(7), Decimal(3))], [BTC]
    )
    assert [gap.line for gap in gaps] == [
        "BTC: the venue has 2, the books had 0", "USDT: the venue has 10, the books had 1000"
    ]  # fmt: skip
    for gap, differs in zip(gaps, (True, False), strict=True):
        writer.write(JournalKind.JOURNAL_OPENING, gap.payload())
        assert read_past(writer.path).differs is differs
    past = read_past_on(writer.path)
    assert {asset: books_of(past).total(asset) for asset in ("BTC", "USDT")} == {"BTC": 2, "USDT": 10}
    assert not past.is_over, "it goes on"
    with pytest.raises(ConfigError, match="no balance differs"):
        accepted_balances(
            past, [Balance("BTC", Decimal(2), Decimal(0)), Balance("USDT", Decimal(10), Decimal(0))], [BTC]
        )
    while not read_past(writer.path).unsettled:
        writer.order(rests=True)
    with pytest.raises(ConfigError, match="orders of the run are not settled"):
        accepted_balances(read_past(writer.path), [], [BTC])
    writer.journal.close()


def test_a_life_that_went_on_and_ended_before_its_books_were_compared_leaves_the_run_unfinished(tmp_path):
    writer = Writer(tmp_path / "shard-0.journal", 1)
    control(writer, ControlCode.CONTROL_GATE_OPEN, GateReason.GATE_START | GateReason.GATE_MISMATCH)
    writer.journal.close()  # as by a kill
    writer.journal = Journal(writer.path)
    PastKeeper(writer.path, writer.journal.sync).keep()
    control(writer, ControlCode.CONTROL_GATE_OPEN, GateReason.GATE_OPERATOR)
    control(writer, ControlCode.CONTROL_STOP)
    for past in (read_past(writer.path), read_past_on(writer.path)):
        assert not past.is_over, "a deposit of the pause would be taken without a word"
    writer.journal.close()
    writer.journal = Journal(writer.path)
    PastKeeper(writer.path, writer.journal.sync).keep()
    control(writer, ControlCode.CONTROL_GATE_OPEN, GateReason.GATE_START | GateReason.GATE_MISMATCH)
    control(writer, ControlCode.CONTROL_STOP)
    for past in (read_past(writer.path), read_past_on(writer.path)):
        assert past.is_over
    writer.journal.close()


def test_a_life_on_futures_ends_in_order_without_that_as_its_balances_are_not_compared(tmp_path, monkeypatch):
    linear = msgspec.structs.replace(OPENING.instruments[0], kind=ContractKind.LINEAR.value)
    monkeypatch.setattr(f"{__name__}.OPENING", msgspec.structs.replace(OPENING, instruments=(linear,)))
    writer = Writer(tmp_path / "shard-0.journal", 1)
    writer.journal.close()
    writer.journal = Journal(writer.path)
    control(writer, ControlCode.CONTROL_STOP)
    assert read_past(writer.path).is_over, "the next run demands a flat account"
    writer.journal.close()
