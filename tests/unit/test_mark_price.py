"""What mark price frames of USD-M futures say of funding, and what of it the engine is told."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from bot4._core.engine.control import ControlCode
from bot4.adapters.venues.binance.mark_price import funding_rate
from bot4.adapters.venues.funding_teller import PAUSE_NS, FundingTeller
from bot4.adapters.venues.in_band import MALFORMED
from bot4.adapters.venues.venue_streams import FundingRate
from bot4.dto.mark_price import MARK_PRICE

DATA = {"e": "markPriceUpdate", "E": 1, "s": "BTCUSDT", "p": "60000.16", "i": "6", "r": "0.00038167", "T": 9_000}
LANES = {"BTCUSDT": (3, Decimal("0.1"))}


def frame(**changes):
    return json.dumps({"stream": "btcusdt@markPrice@1s", "data": DATA | changes}, separators=(",", ":")).encode()


def test_a_frame_tells_the_rate_and_when_and_at_which_mark_it_is_settled():
    assert MARK_PRICE in frame()
    expected = FundingRate(lane=3, rate_e8=38_167, mark_ticks=600_002, settled_ns=9_000_000_000, said_ns=1_000_000)
    assert funding_rate(frame(), LANES) == expected
    assert funding_rate(json.dumps(DATA).encode(), LANES) == expected  # without the combined stream's wrapper


@pytest.mark.parametrize("changes", [{"s": "ETHUSDT"}, {"r": ""}, {"E": 9_001}])
def test_other_symbols_contracts_without_funding_and_times_that_have_passed_tell_none(changes):
    assert funding_rate(frame(**changes), LANES) is None


@pytest.mark.parametrize(
    "changes",
    [{"r": "1.1"}, {"r": "NaN"}, {"r": "x"}, {"r": None}, {"r": "0.000000001"}, {"T": 0}, {"T": "never"},
     {"T": 10**13}, {"p": "0"}, {"p": "1e11"}, {"p": "Infinity"}, {"p": None}, {"E": "x"}],
)  # fmt: skip
def test_a_damaged_frame_is_refused(changes):
    with pytest.raises(MALFORMED):
        funding_rate(frame(**changes), LANES)


@pytest.mark.parametrize("text", [b"", b"[]", b'{"data":[]}', b'{"data":{"s":"BTCUSDT"}}'])
def test_text_that_is_no_frame_is_refused(text):
    with pytest.raises(MALFORMED):
        funding_rate(text, LANES)


S = 1_000_000_000
NOW_NS = 1_000 * S
FUNDING, SETTLE = ControlCode.CONTROL_FUNDING, ControlCode.CONTROL_SETTLE


class Told:
    """Feed and clock of a teller; a second passes with each word that is heard."""

    def __init__(self) -> None:
        self.words: list[tuple[int, ...]] = []
        self.now_ns = 0
        self.is_full = False
        self.teller = FundingTeller(self)

    def monotonic_ns(self) -> int:
        return self.now_ns

    def wall_ns(self) -> int:
        return NOW_NS

    def control(self, code: int, lane: int, value: int, now_ns: int, *reserved: int) -> bool:
        assert now_ns == NOW_NS
        if not self.is_full:
            self.words.append((code, lane, value, *reserved))
        return not self.is_full

    def hear(self, rate_e8: int, settled_s: int, said_s: int, mark: int = 7, lane: int = 0) -> list[tuple[int, ...]]:
        """Return what the engine is told of a word."""
        self.words = []
        self.teller.tell(self, FundingRate(lane, rate_e8, mark, settled_s * S, said_s * S), NOW_NS)
        self.now_ns += S
        return self.words


def test_a_rate_is_told_where_it_moved_and_at_most_every_ten_seconds():
    told = Told()
    assert told.hear(5, 100, 1) == [(FUNDING, 0, 50, 100 * S)]
    assert [told.hear(rate, 100, 2) for rate in (5, 6, 5, 6)] == [[]] * 4
    told.now_ns = PAUSE_NS
    assert told.hear(5, 100, 3) == [], "as it was told last"
    assert told.hear(-6, 100, 4) == [(FUNDING, 0, -60, 100 * S)]
    assert told.hear(-6, 100, 4, lane=1) == [(FUNDING, 1, -60, 100 * S)]


def test_a_settlement_is_told_once_at_the_last_word_on_it_and_the_next_rate_at_once():
    told = Told()
    told.hear(5, 100, 98)
    assert told.hear(8, 100, 99, mark=9) == []
    assert told.hear(8, 200, 100) == [(SETTLE, 0, 8, 100 * S, 9), (FUNDING, 0, 80, 200 * S)]
    assert told.hear(999, 100, 99, mark=1) == [], "a socket that lags behind"
    assert told.hear(999, 100, 100) == [], "one that says at the same moment what is over"
    assert told.hear(8, 200, 190) == []
    assert told.hear(3, 300, 201)[0] == (SETTLE, 0, 8, 200 * S, 7)
    assert told.teller.missed == 0


def test_what_is_said_an_hour_from_now_makes_nothing_old():
    told = Told()
    assert told.hear(5, 9_000, 4_601) == []
    assert told.teller.ahead == 1
    assert told.hear(5, 100, 99) == [(FUNDING, 0, 50, 100 * S)]


@pytest.mark.parametrize("moved_s", [150, 400])
def test_a_settlement_that_is_moved_before_its_time_is_none(moved_s):
    told = Told()
    told.hear(5, 200, 100)
    assert told.hear(5, moved_s, 101) == [(FUNDING, 0, 50, moved_s * S)]
    told.hear(6, moved_s, moved_s)
    assert told.hear(5, 900, moved_s + 1)[0] == (SETTLE, 0, 6, moved_s * S, 7)


@pytest.mark.parametrize(("last_s", "first_s", "is_told"), [(40, 160, True), (39, 100, False), (99, 161, False)])
def test_a_settlement_is_missed_where_no_word_came_within_a_minute(last_s, first_s, is_told):
    told = Told()
    told.hear(5, 100, last_s)
    words = told.hear(6, 300, first_s)
    assert [word[0] for word in words] == [SETTLE, FUNDING][not is_told :]
    assert told.teller.missed == (not is_told)


def test_what_a_full_ring_lost_is_told_at_the_next_frame():
    told = Told()
    told.is_full = True
    assert told.hear(5, 100, 98) == []
    told.is_full = False
    assert told.hear(5, 100, 99) == [(FUNDING, 0, 50, 100 * S)]
    told.is_full = True
    assert told.hear(6, 200, 101) == []
    told.is_full = False
    assert told.hear(6, 200, 102) == [(SETTLE, 0, 5, 100 * S, 7), (FUNDING, 0, 60, 200 * S)]
