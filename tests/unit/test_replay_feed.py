"""Recordings as a session's source: what is taken, and how the rest is refused."""

from __future__ import annotations

import gzip

import pytest
from builders.engine import assembled
from builders.recordings import binance_capture, klines_csv, kraken_capture, trades_csv
from builders.synthetic import capture_lines, write_capture

from bot4._core.engine.feed import Feed
from bot4.adapters.recordings.replay_feed import ReplayFeed
from bot4.domain.errors import ConfigError, DataError, NoInputError
from bot4.domain.instrument import Market

RULES = """[[instrument]]
venue = "binance"
market = "spot"
symbol = "{}"
base = "AAA"
quote = "USDT"
price_step = "0.01"
qty_step = "0.00001"
"""


class StoppedFeed:
    """A feed that was stopped before anything was read."""

    is_stopped = True


class NotingFeed:
    """Notes how far the replay says it is whenever it is given lines."""

    is_stopped = False

    def __init__(self, replay: ReplayFeed) -> None:
        self.replay = replay
        self.fed: list[tuple[int, float]] = []

    def lines(self, data, *_, **__) -> None:
        self.fed.append((len(data), self.replay.progress))

    def counters(self) -> dict:
        return {"messages": 1, "rejected": {}}


@pytest.fixture
def capture(tmp_path):
    return write_capture(tmp_path / "btcusdt", capture_lines(300))


def test_a_capture_names_its_instrument_and_has_a_book(capture):
    feed = ReplayFeed([capture])
    assert [item.symbol for item in feed.instruments] == ["BTCUSDT"]
    assert (feed.has_book, feed.bar_interval_ns, feed.progress, feed.damage) == (True, None, 0.0, None)
    assert (feed.name, feed.is_synthetic, feed.is_endless) == ("btcusdt", False, False)


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_progress_is_what_was_fed_not_what_was_read_ahead(tmp_path, packed):
    content = b"".join(capture_lines(3_000))
    path = tmp_path / "btcusdt"
    path.write_bytes(gzip.compress(content) if packed else content)
    replay = ReplayFeed([path])
    feed = NotingFeed(replay)
    replay.run(feed)
    sizes = [size for size, _ in feed.fed]
    assert sum(sizes) == len(content) > 5 * max(sizes)
    before = 0
    for size, progress in feed.fed:
        assert progress == pytest.approx(before / len(content), abs=0.15)
        before += size
    assert replay.progress == 1.0


def test_bars_tell_their_length(tmp_path):
    path = tmp_path / "BTCUSDT-1m-2024-08-09.csv"
    path.write_text("1723161240000,1.00,1.00,1.00,1.00,1.00,1723161299999,60000.00,1,0.5,30000.00,0\n" * 2)
    feed = ReplayFeed([path])
    assert (feed.has_book, feed.bar_interval_ns) == (False, 60 * 10**9)


def test_rules_alone_are_nothing_to_replay(tmp_path):
    rules = tmp_path / "rules.toml"
    rules.write_text(RULES.format("AAAUSDT"))
    with pytest.raises(DataError, match="holds instrument rules and no market data"):
        ReplayFeed([rules])


def test_another_venue_is_named(tmp_path):
    path = tmp_path / "kraken"
    path.write_bytes(kraken_capture())
    with pytest.raises(DataError, match="is a recording of kraken: `bot4 run` replays Binance"):
        ReplayFeed([path])


def test_two_markets_cannot_be_one_replay(tmp_path):
    spot, usdm = tmp_path / "spot", tmp_path / "usdm"
    spot.write_bytes(binance_capture())
    usdm.write_bytes(binance_capture(market="usdm"))
    with pytest.raises(DataError, match=r"is of spot and .*usdm of usdm: a replay is of one market"):
        ReplayFeed([spot, usdm])


def test_a_missing_file_and_an_unknown_symbol_are_named(tmp_path, capture):
    with pytest.raises(NoInputError, match="nowhere"):
        ReplayFeed([tmp_path / "nowhere"])
    other = tmp_path / "other"
    other.write_bytes(capture.read_bytes().replace(b"BTCUSDT", b"AAAUSDT"))
    with pytest.raises(ConfigError, match="no rules for AAAUSDT of binance"):
        ReplayFeed([other])
    rules = tmp_path / "rules.toml"
    rules.write_text(RULES.format("AAAUSDT"))
    assert ReplayFeed([other], instrument_files=[rules]).instruments[0].source
    assert ReplayFeed([rules, other]).instruments[0].symbol == "AAAUSDT"


def test_a_dump_without_a_symbol_takes_the_only_instrument_given(tmp_path):
    path = tmp_path / "renamed.csv"
    path.write_bytes(trades_csv())
    with pytest.raises(ConfigError, match="names no instrument: give its rules with --instrument FILE"):
        ReplayFeed([path])
    rules = tmp_path / "rules.toml"
    rules.write_text(RULES.format("AAAUSDT"))
    assert [item.symbol for item in ReplayFeed([path], instrument_files=[rules]).instruments] == ["AAAUSDT"]


def test_what_can_only_be_checked_is_not_replayed(tmp_path):
    path = tmp_path / "x_depth_snapshot_spot_trxusdt_14-04-2025.csv"
    path.write_text(
        "TimestampOfReceive,TimestampOfRequest,LastUpdateId,IsAsk,Price,Quantity\n"
        "1744588800258,1744588800180,7,0,0.2301,5.0\n"
    )
    with pytest.raises(DataError, match="can be checked by `bot4 data check`, not replayed"):
        ReplayFeed([path])


def test_input_of_which_nothing_can_be_read_is_an_error_with_the_reasons(tmp_path):
    path = tmp_path / "BTCUSDT-trades-2024-08-09.csv"
    good = trades_csv().splitlines(keepends=True)
    path.write_bytes(b"".join(row.replace(b"61837", b"-1837") for row in good))
    assembly, _ = assembled()
    with pytest.raises(DataError, match=r"no message could be read \(50 refused: {'not_positive': 50}\)"):
        ReplayFeed([path]).run(Feed(assembly.scanner, assembly.engine))


def test_a_market_that_the_capture_is_not_of_is_refused_with_its_own(capture, tmp_path):
    with pytest.raises(DataError, match=r"is of the market spot, by what it holds, and not --market usdm"):
        ReplayFeed([capture], market=Market.USDM)
    assert ReplayFeed([capture], market=Market.SPOT).instruments[0].market is Market.SPOT


def test_klines_which_do_not_tell_are_of_the_market_that_is_named(tmp_path):
    path = tmp_path / "BTCUSDT-1m-2024-08-09.csv"
    path.write_bytes(klines_csv())
    assert ReplayFeed([path], market=Market.USDM).instruments[0].market is Market.USDM


def test_a_stop_before_the_first_message_is_no_error(capture):
    ReplayFeed([capture]).run(StoppedFeed())


def test_notes_of_several_files_stand_once(tmp_path, capture):
    packed = tmp_path / "more.gz"
    packed.write_bytes(gzip.compress(capture.read_bytes()))
    feed = ReplayFeed([capture, packed])
    assert feed.name == "btcusdt + more.gz"
    assert len(feed.notes) == len(set(feed.notes))
