"""Feature vectors in both stores: kept, replaced, read back, dropped where their trades are no longer all there is."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from builders.archive import hours, put, run
from builders.recordings import binance_capture
from builders.stores import KINDS, empty_place, open_store
from builders.synthetic import instrument

import bot4
from bot4.adapters.storage.feature_vectors import SqlFeatures
from bot4.adapters.storage.market_data import SqlMarketData
from bot4.adapters.storage.migrations import StoreError
from bot4.adapters.storage.tick_loaders import PostgresTickLoader, SqliteTickLoader
from bot4.adapters.storage.unit_of_work import transaction
from bot4.adapters.storage.vector_loaders import PostgresVectors, SqliteVectors
from bot4.bootstrap.store import open_store as open_store_of
from bot4.domain.errors import Bot4Error
from bot4.ports.feature_store import FeatureSet
from bot4.ports.market_data import TICK_DTYPE

BTC = instrument()
MINUTE_NS = 60_000_000_000
START_NS = 1_722_470_400_000_000_000  # August 2024
SET = FeatureSet("store", MINUTE_NS, ("rsi_14", "atr_14", "obv"), "of one meaning")


@pytest.fixture(params=KINDS)
def tables(request):
    """An empty store of one kind: its features, its trades."""
    store = open_store(*empty_place(request, request.param))
    is_file = request.param == "sqlite"
    yield (
        SqlFeatures(store, SqliteVectors() if is_file else PostgresVectors()),
        SqlMarketData(store, SqliteTickLoader() if is_file else PostgresTickLoader()),
    )
    store.close()


def vectors(count: int, *, start_ns: int = START_NS, width: int = 3, seed: int = 8) -> tuple[np.ndarray, np.ndarray]:
    values = np.random.default_rng(seed).normal(size=(count, width))
    values[: count // 3, -1] = np.nan
    values[-1] = [-0.0, 1e-320, 1.7976931348623157e308][:width]
    return start_ns + MINUTE_NS * np.arange(1, count + 1), values


def same(found: tuple[np.ndarray, np.ndarray], expected: tuple[np.ndarray, np.ndarray]) -> bool:
    """Whether stamps and every bit of the vectors agree."""
    return (
        found[0].tolist() == expected[0].tolist()
        and found[1].shape == expected[1].shape
        and found[1].tobytes() == expected[1].tobytes()
    )


def test_vectors_come_back_to_the_last_bit_over_months_and_chunks(tables):
    features, _ = tables
    stamps, values = vectors(60_000)  # some six weeks: two months, four chunks of COPY
    features.put(BTC, SET, stamps, values)
    assert same(features.vectors(BTC, SET, 0, 2**62), (stamps, values))
    part = features.vectors(BTC, SET, int(stamps[100]), int(stamps[200]))
    assert same(part, (stamps[100:200], values[100:200]))
    (kept,) = features.kept()
    assert (kept.symbol, kept.features, kept.rows) == (BTC.symbol, SET, 60_000)
    assert (kept.first_ns, kept.last_ns) == (stamps[0], stamps[-1])


def test_those_of_a_span_are_replaced_and_the_others_stay(tables):
    features, _ = tables
    stamps, values = vectors(100)
    features.put(BTC, SET, stamps, values)
    features.put(BTC, SET, stamps[20:40:2], values[20:40:2] + 1)
    expected = np.concatenate((values[:20], values[20:40:2] + 1, values[39:])), None
    found = features.vectors(BTC, SET, 0, 2**62)
    assert found[0].tolist() == [*stamps[:20], *stamps[20:40:2], *stamps[39:]]
    assert found[1].tobytes() == expected[0].tobytes()


def test_sets_of_another_meaning_source_interval_or_instrument_are_apart(tables):
    features, _ = tables
    others = [
        (BTC, replace(SET, digest="of another meaning")), (BTC, replace(SET, source="trades")),
        (BTC, replace(SET, interval_ns=5 * MINUTE_NS)), (instrument("ETHUSDT"), SET),
        (BTC, replace(SET, names=("rsi_14",), digest="of one feature")),
    ]  # fmt: skip
    for seed, (whose, chosen) in enumerate(others):
        assert len(features.vectors(whose, chosen, 0, 2**62)[0]) == 0
        features.put(whose, chosen, *vectors(50, seed=seed, width=len(chosen.names)))
    assert len(features.vectors(BTC, SET, 0, 2**62)[0]) == 0
    for seed, (whose, chosen) in enumerate(others):
        assert same(features.vectors(whose, chosen, 0, 2**62), vectors(50, seed=seed, width=len(chosen.names)))
    assert len(features.kept()) == len(others)


def trades_at(*minutes: int) -> np.ndarray:
    return np.array([(START_NS + at * MINUTE_NS, at, 6_000_000, 5, False) for at in minutes], TICK_DTYPE)


def test_trades_that_were_missing_take_what_was_made_without_them_away(tables):
    features, market = tables
    stamps, values = vectors(10)
    elsewhere = replace(SET, source="trades")
    market.add_ticks(BTC, trades_at(0, 4, 9))
    features.put(BTC, SET, stamps, values)
    features.put(BTC, elsewhere, stamps, values)
    assert market.add_ticks(BTC, trades_at(9)) == 0
    assert len(features.vectors(BTC, SET, 0, 2**62)[0]) == 10, "nothing new"
    market.add_ticks(BTC, trades_at(11, 12))
    assert len(features.vectors(BTC, SET, 0, 2**62)[0]) == 10, "newer than all of them"
    market.add_ticks(instrument("ETHUSDT"), trades_at(1))
    assert len(features.vectors(BTC, SET, 0, 2**62)[0]) == 10, "of another instrument"
    market.add_ticks(BTC, trades_at(6))
    assert same(features.vectors(BTC, SET, 0, 2**62), (stamps[:6], values[:6]))
    assert len(features.vectors(BTC, elsewhere, 0, 2**62)[0]) == 10, "not made of the store's trades"


def test_what_does_not_fit_is_refused_and_nothing_is_kept(tables):
    features, _ = tables
    stamps, values = vectors(10)
    for wrong in ((stamps[:9], values), (stamps, values[:, :2]), (stamps[::-1], values), (stamps * 0, values)):
        with pytest.raises(ValueError, match="vectors"):
            features.put(BTC, SET, *wrong)
    features.put(BTC, SET, stamps[:0], values[:0])
    assert features.kept() == []
    features.put(BTC, SET, stamps, values)
    with pytest.raises(StoreError, match=r"in ticks of 0\.01"):
        features.put(replace(BTC, tick_size=Decimal("0.001")), SET, stamps, values)


def test_those_who_keep_vectors_of_new_months_and_add_trades_do_not_stand_in_each_other_s_way(tables):
    features, market = tables
    errors: list[BaseException] = []

    def keep(symbol: str) -> None:
        try:
            for month in range(4):
                features.put(instrument(symbol), SET, *vectors(500, start_ns=START_NS + month * 31 * 1_440 * MINUTE_NS))
                market.add_ticks(instrument(symbol), trades_at(10**6 + month, 10**6 + 5 + month))
        except BaseException as error:  # noqa: BLE001 - told below
            errors.append(error)

    threads = [threading.Thread(target=keep, args=(symbol,)) for symbol in ("BTCUSDT", "ETHUSDT", "BNBUSDT")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == []
    assert [one.rows for one in features.kept()] == [2_000] * 3


def test_vectors_that_cannot_all_be_kept_leave_those_there_were(tables, monkeypatch):
    features, _ = tables
    stamps, values = vectors(10)
    features.put(BTC, SET, stamps, values)

    def fail(*_):
        raise KeyError

    monkeypatch.setattr(features._loader, "load", fail)
    with pytest.raises(KeyError):
        features.put(BTC, SET, stamps, values + 1)
    assert same(features.vectors(BTC, SET, 0, 2**62), (stamps, values))


@pytest.fixture(params=KINDS)
def stored(request, tmp_path, monkeypatch):
    """A data directory whose store is of one kind, with half an hour of trades in it and in the archive."""
    monkeypatch.chdir(tmp_path)
    if request.param == "postgresql":
        monkeypatch.setenv("BOT4_POSTGRES_URL", empty_place(request, request.param)[1])
        monkeypatch.setenv("BOT4_STORE__KIND", "postgresql")
    dump = put(tmp_path, "BTCUSDT-trades-2024-08-01.csv", dumped(0, 1_800))
    assert run("data", "import", dump, "--into", "store")[0] == 0
    assert run("data", "import", dump)[0] == 0
    return tmp_path


def dumped(first: int, end: int) -> bytes:
    """A dump of one trade a second."""
    rows = (
        f"{i},6{1_000 + i * 7_919 % 97}.{i % 100:02d},0.0{i % 9 + 1}100,12.5,{START_NS // 10**6 + i * 1_000}"
        for i in range(first, end)
    )
    return "\n".join(f"{row},{i % 3 == 0},True" for i, row in enumerate(rows)).encode() + b"\n"


def read_npz(name: str) -> dict[str, np.ndarray]:
    with np.load(name) as file:
        return dict(file)


def listed(*words: object) -> object:
    code, out, err = run("data", "features", *words, "--json")
    assert code == 0, err
    return json.loads(out)


def test_the_command_makes_keeps_lists_reads_and_writes_them(stored):
    assert "no features are kept" in run("data", "features")[1]
    made = listed("BTCUSDT@store", "--out", "f.npz")
    assert (made["name"], made["interval_ns"], made["vectors"]) == ("spot/BTCUSDT@store", MINUTE_NS, 29)
    assert made["last_ns"] == START_NS + 29 * MINUTE_NS, "the last minute may go on"
    (kept,) = listed()
    assert (kept["rows"], kept["features"]["names"]) == (29, made["names"])
    assert "29 vectors of" in run("data", "features")[1]
    again = listed("BTCUSDT@store", "--kept", "--out", "again.csv")
    assert again | {"out": "f.npz"} == made
    whole = read_npz("f.npz")
    assert whole["values"].shape == (29, len(made["names"]))
    lines = (stored / "again.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == ",".join(("ts_ns", *made["names"]))
    read = np.array([[float(cell or "nan") for cell in line.split(",")] for line in lines[1:]])
    np.testing.assert_array_equal(read[:, 0], whole["ts_ns"])
    np.testing.assert_array_equal(read[:, 1:], whole["values"])


def test_trades_of_the_archive_give_the_same_vectors(stored):
    listed("BTCUSDT@store", "--out", "store.npz")
    listed("BTCUSDT@trades", "--out", "trades.npz")
    one, other = read_npz("store.npz"), read_npz("trades.npz")
    np.testing.assert_array_equal(one["values"], other["values"])
    assert [kept["features"]["source"] for kept in listed()] == ["store", "trades"]


def test_a_period_is_the_bars_within_it_warmed_up_by_those_before(stored):
    whole = bot4.feature_table("BTCUSDT@store", warm_up_bars=10_000)
    first, last = START_NS + 25 * MINUTE_NS, START_NS + 28 * MINUTE_NS
    part = bot4.feature_table("BTCUSDT@store", from_ns=first, to_ns=last, warm_up_bars=10_000)
    assert part.ts_ns.tolist() == [first + MINUTE_NS, first + 2 * MINUTE_NS, last], "the last ended: trades came after"
    np.testing.assert_array_equal(part.values, whole.values[25:28])
    cold = bot4.feature_table("BTCUSDT@store", from_ns=first, to_ns=last, warm_up_bars=0)
    assert np.isnan(cold.column("sma_10")).all()
    assert np.isfinite(part.column("sma_10")).all()
    with pytest.raises(KeyError, match="no feature 'sma_11'"):
        part.column("sma_11")
    cut = bot4.feature_table("BTCUSDT@store", from_ns=first, to_ns=last + 30_000_000_000)
    assert cut.ts_ns[-1] == last, "half a bar is none"
    end = bot4.feature_table("BTCUSDT@store", from_ns=first, to_ns=START_NS + 30 * MINUTE_NS)
    assert end.ts_ns[-1] == START_NS + 29 * MINUTE_NS, "nothing tells that the last one ended"


def test_trades_that_come_later_are_in_the_next_table(stored):
    listed("BTCUSDT@store")
    more = put(stored, "BTCUSDT-trades-2024-08-02.csv", dumped(1_800, 2_400))
    assert run("data", "import", more, "--into", "store")[0] == 0
    assert listed("BTCUSDT@store", "--kept")["vectors"] == 29
    assert listed("BTCUSDT@store")["vectors"] == 39
    assert listed("BTCUSDT@store", "--kept")["vectors"] == 39


def test_what_was_kept_is_read_when_its_trades_are_gone_and_cold_vectors_do_not_replace_it(stored):
    assert stored.exists()
    whole = bot4.feature_table("BTCUSDT@store", warm_up_bars=10)
    forget_trades_before(START_NS + 15 * MINUTE_NS)
    left = bot4.feature_table("BTCUSDT@store", warm_up_bars=10)
    assert left.ts_ns.tolist() == whole.ts_ns[15:].tolist()
    assert np.isnan(left.column("sma_10")[0])
    kept = bot4.feature_table("BTCUSDT@store", warm_up_bars=10, only_kept=True)
    assert kept.ts_ns.tolist() == whole.ts_ns.tolist()
    np.testing.assert_array_equal(kept.column("sma_10")[:25], whole.column("sma_10")[:25])
    assert np.isfinite(kept.column("sma_10")[9:]).all()
    forget_trades_before(2**62)
    assert len(bot4.feature_table("BTCUSDT@store", warm_up_bars=10, only_kept=True).ts_ns) == 29


def forget_trades_before(ts_ns: int) -> None:
    store = open_store_of(bot4.load_settings())
    with transaction(store) as connection:
        connection.execute("DELETE FROM ticks WHERE ts_ns < ?", (ts_ns,))
    store.close()


def test_a_table_from_a_moment_on_is_another_set_than_the_whole_one(stored):
    assert stored.exists()
    whole = bot4.feature_table("BTCUSDT@store", warm_up_bars=5)
    bot4.feature_table("BTCUSDT@store", warm_up_bars=5, from_ns=START_NS + 20 * MINUTE_NS)
    kept = bot4.feature_table("BTCUSDT@store", warm_up_bars=5, only_kept=True)
    np.testing.assert_array_equal(kept.values, whole.values)
    assert len(listed()) == 2


def test_trades_imported_while_vectors_are_made_keep_them_from_being_kept(stored):
    more = put(stored, "BTCUSDT-trades-2024-08-02.csv", dumped(1_800, 2_400))
    done_once = []

    def import_meanwhile(done: int, total: int) -> None:
        if done == total and not done_once:
            done_once.append(run("data", "import", more, "--into", "store")[0])

    with pytest.raises(Bot4Error, match=r"were added while features were made .* try again") as refused:
        bot4.feature_table("BTCUSDT@store", progress=import_meanwhile)
    assert (done_once, refused.value.exit_code) == ([0], 75)
    assert listed() == []
    assert len(bot4.feature_table("BTCUSDT@store").ts_ns) == 39


def test_bars_of_the_archive_have_their_own_interval(stored):
    table = put(stored, "BTCUSDT.csv", hours(0, 60))
    assert run("data", "import", table, "--market", "usdm")[0] == 0
    made = listed("usdm/BTCUSDT@1h")
    assert (made["name"], made["vectors"], made["interval_ns"]) == ("usdm/BTCUSDT@1h", 60, 60 * MINUTE_NS)
    code, _, err = run("data", "features", "usdm/BTCUSDT@1h", "--interval", "5m")
    assert (code, "needs trades" in err) == (78, True)


@pytest.mark.parametrize(
    ("words", "code", "rule"),
    [
        (("ETHUSDT@store",), 66, "holds no trades of ETHUSDT"),
        (("BTCUSDT@store", "--kept"), 66, "keeps no features of spot/BTCUSDT@store"),
        (("BTCUSDT@store", "--select", "queue_imbalance"), 78, "cannot be made of trades alone"),
        (("BTCUSDT@store", "--interval", "1 fortnight"), 78, "an interval is written as 30s"),
        (("BTCUSDT@store", "--interval", "0m"), 78, "an interval is written as 30s"),
        (("BTCUSDT@store", "--interval", "99999999999d"), 78, "at most a year"),
        (("BTCUSDT@store", "--to", "2300-01-01"), 78, "from 1970 to 2262"),
        (("BTCUSDT@store", "--warm-up", "-1"), 78, "must be 0 bars or more, was -1"),
        (("BTCUSDT@store", "--out", "f.parquet"), 78, "--out must end with .csv or .npz"),
        (("BTCUSDT@store", "--out", "no/such/f.csv"), 73, "no/such/f.csv cannot be written"),
    ],
)
def test_what_cannot_be_done_is_said(stored, words, code, rule):
    assert stored.exists()
    found, _, err = run("data", "features", *words)
    assert (found, rule in err) == (code, True), err


def test_a_capture_has_no_feature_table(stored):
    capture = put(stored, "btcusdt.dat", binance_capture("spot", rounds=20))
    assert run("data", "import", capture)[0] == 0
    with pytest.raises(Bot4Error, match="is a capture"):
        bot4.feature_table("BTCUSDT@capture")
