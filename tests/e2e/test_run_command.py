"""`bot4 run` as a person runs it: a process, its exit code, its output, what it leaves on the disk."""

from __future__ import annotations

import bisect
import gzip
import itertools
import json
import math
import os
import resource
import signal
import sqlite3
import subprocess
import sys
import time
import zipfile
from decimal import Decimal
from pathlib import Path

import pytest
from builders.recordings import kraken_capture
from builders.synthetic import capture_lines, write_capture

from bot4._core.journal.reader import JournalReader
from bot4._core.journal.record import JournalKind
from bot4.domain.version import VERSION

ROOT = Path(__file__).resolve().parents[2]
MAIN = "from bot4.entrypoints.cli.main import main; main()"
DOCUMENTED = {
    *("messages", "events", "rejected", "sequence_gaps", "resyncs", "crossed_books", "best_bid", "best_ask"),
    *("orders", "fills", "fees", "equity", "state_hash", "events_per_s", "latency_ns", "status", "open_orders_left"),
}


def command(*arguments, code: str = MAIN) -> list[str]:
    return [sys.executable, "-c", code, *map(str, arguments)]


def environment(**extra: str) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "BOT4_DATA_DIR"} | extra


def bot4(*arguments, code: str = MAIN, preexec_fn=None, **extra: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        command(*arguments, code=code),
        cwd=ROOT,
        env=environment(**extra),
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
        preexec_fn=preexec_fn,
    )


def run(tmp_path, *arguments, **options) -> subprocess.CompletedProcess:
    return bot4("run", "--data-dir", tmp_path / "data", "--quiet", "--json", "-", *arguments, **options)


def summary_of(tmp_path, *arguments, code: int = 0, **options) -> dict:
    done = run(tmp_path, *arguments, **options)
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout)


def journal_kinds(path: str) -> list[JournalKind]:
    with JournalReader(path) as reader:
        return [JournalKind(record.kind) for record in reader]


@pytest.fixture(scope="module")
def lines() -> list[bytes]:
    return capture_lines(4_000)


@pytest.fixture
def capture(tmp_path, lines):
    return write_capture(tmp_path / "btcusdt", lines)


# -- a run -------------------------------------------------------------------------------------------------------------


def test_json_to_stdout_is_nothing_but_the_summary_with_every_documented_key(tmp_path):
    done = bot4("run", "--data-dir", tmp_path, "--duration", "3", "--speed", "max", "--json", "-")
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert set(summary) >= DOCUMENTED
    assert {"price", "qty"} == set(summary["best_bid"])
    assert {"scan", "book", "message"} <= set(summary["latency_ns"])
    assert {"count", "p50", "p99", "p99_9", "max"} <= set(summary["latency_ns"]["message"])
    assert summary["status"] == "finished"
    assert summary["is_synthetic"] is True
    assert "SYNTHETIC" in done.stderr


def test_the_same_seed_gives_the_same_state_and_another_one_another(tmp_path):
    fixed = ("--duration", "20", "--speed", "max")
    first = summary_of(tmp_path, *fixed, "--seed", "3")
    again = summary_of(tmp_path, *fixed, "--seed", "3")
    other = summary_of(tmp_path, *fixed, "--seed", "4")
    assert first["state_hash"] == again["state_hash"] != other["state_hash"]
    assert first["orders"] == again["orders"]
    assert first["run_id"] != again["run_id"]


def test_a_recorded_market_gives_what_the_generated_one_gave(tmp_path, capture):
    replayed = summary_of(tmp_path, "--replay", capture)
    assert replayed["is_synthetic"] is False
    assert replayed["messages"] == 4_000
    assert replayed["orders"] > 0
    assert replayed["open_orders_left"] == 0


def test_the_summary_goes_to_a_file_and_into_the_store(tmp_path, capture):
    done = bot4(
        "run", "--replay", capture, "--data-dir", tmp_path / "data", "--quiet", "--json", tmp_path / "summary.json"
    )
    assert done.returncode == 0, done.stderr
    summary = json.loads((tmp_path / "summary.json").read_text())
    with sqlite3.connect(summary["store"]) as store:
        status, kept = store.execute("SELECT status, summary FROM runs").fetchone()
    store.close()
    assert (status, json.loads(kept)) == ("finished", summary)


def test_a_summary_that_cannot_be_written_is_exit_73(tmp_path, capture):
    done = bot4("run", "--replay", capture, "--data-dir", tmp_path / "data", "--quiet", "--json", tmp_path)
    assert done.returncode == 73
    assert done.stderr.splitlines()[-1] == f"bot4: summary {tmp_path} cannot be written: Is a directory"


def test_ten_times_the_pace_takes_a_tenth_of_the_time(tmp_path, lines):
    short = write_capture(tmp_path / "short", lines[:1200])
    summary = summary_of(tmp_path, "--replay", short, "--speed", "10")
    assert summary["messages"] == 1_200
    assert summary["market_span_s"] / 10 * 0.9 < summary["elapsed_s"] < summary["market_span_s"]
    assert summary["open_orders_left"] == 0


# -- the end -----------------------------------------------------------------------------------------------------------


def start(tmp_path, *arguments, code: str = MAIN, new_session: bool = False) -> subprocess.Popen:
    process = subprocess.Popen(
        command("run", "--data-dir", tmp_path / "data", "--quiet", "--json", "-", *arguments, code=code),
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=new_session,
    )
    wait_for(lambda: runs_started(tmp_path / "data"), process)
    return process


def runs_started(data_dir: Path) -> bool:
    """Whether the journal of a run holds more than its header: the session works."""
    return any(path.stat().st_size > 200 for path in data_dir.glob("runs/*/shard-0.journal"))


def wait_for(condition, process: subprocess.Popen, seconds: float = 60.0) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.02)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_run_in_order(tmp_path, number):
    process = start(tmp_path)
    time.sleep(1.0)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    summary = json.loads(out)
    assert summary["status"] == "interrupted"
    assert summary["open_orders_left"] == 0
    assert journal_kinds(summary["journal"])
    with sqlite3.connect(summary["store"]) as store:
        assert store.execute("SELECT status FROM runs").fetchall() == [("interrupted",)]
        working = "SELECT count(*) FROM orders WHERE status IN ('sent', 'acked', 'partially_filled')"
        assert store.execute(working).fetchone() == (0,)
    store.close()


# A source that does not look at the feed, so that the orderly end cannot come.
STUCK = f"""
import time
from bot4.adapters.synthetic.feed import SyntheticFeed
def run(self, feed):
    for stamped, _ in zip(self._market, range(300)):
        feed.frame(stamped.frame, stamped.recv_ns, default_instrument=0)
    while True:
        time.sleep(0.1)
SyntheticFeed.run = run
{MAIN}
"""


def test_a_second_ctrl_c_forces(tmp_path):
    process = start(tmp_path, code=STUCK)
    process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=20)
    assert process.returncode == 130
    assert out == ""


BROKEN = f"""
from bot4.adapters.synthetic.market import SyntheticMarket
right = SyntheticMarket._next
made = []
def wrong(self):
    made.append(1)
    if len(made) == 600:
        raise RuntimeError("the generator broke")
    return right(self)
SyntheticMarket._next = wrong
{MAIN}
"""


@pytest.mark.parametrize("speed", ["max", "20"])
def test_an_exception_in_the_source_ends_the_run_in_order_and_says_so(tmp_path, speed):
    done = run(tmp_path, "--duration", "60", "--speed", speed, code=BROKEN)
    assert done.returncode == 70, done.stderr
    summary = json.loads(done.stdout)
    assert summary["status"] == "failed"
    assert summary["failure"] == "RuntimeError: the generator broke"
    assert summary["open_orders_left"] == 0
    assert done.stderr.splitlines()[-1] == "bot4: RuntimeError: the generator broke"


def test_a_second_instance_on_the_same_data_directory_is_refused_with_the_holders_pid(tmp_path):
    process = start(tmp_path)
    try:
        done = run(tmp_path, "--duration", "1", "--speed", "max")
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
    assert done.returncode == 75
    assert f"is in use by process {process.pid}" in done.stderr
    assert len(done.stderr.splitlines()) == 1


# -- settings ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--set", "risk.open_order_max=4"), ["unknown setting 'risk.open_order_max'"]),
        (("--set", "risk.open_orders_max=0"), ["risk.open_orders_max", "'0'", ">= 1"]),
        (("--set", "risk.open_orders_max"), ["KEY=VALUE"]),
        (("--set", "synthetic.symbol=NOSUCHCOIN"), ["NOSUCHCOIN"]),
        (("--set", "synthetic.start_price=0.01"), ["synthetic.start_price", "0.01", "1000 ticks"]),
        (("--set", "strategy.weights.nonsense=1", "--set", "strategy.scales.nonsense=1"), ["nonsense"]),
        (("--set", "strategy.order_notional=0.0000001"), ["strategy.order_notional", "BTCUSDT", "least order"]),
        (("--set", "shard.cpu=4000", "--speed", "1"), ["shard.cpu", "4000"]),
        (("--speed", "max", "--duration", "0.0000000001"), []),
        (("--market", "usdm"), ["--market"]),
        (("--config", "/nowhere/bot4.toml"), ["/nowhere/bot4.toml"]),
    ],
)
def test_a_wrong_setting_is_one_line_and_exit_78(tmp_path, arguments, words):
    done = run(tmp_path, *(() if "--duration" in arguments else ("--duration", "1")), *arguments)
    if not words:  # wrong usage, click's own
        assert done.returncode == 2
        return
    assert done.returncode == 78, done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert all(word in done.stderr for word in words), done.stderr
    assert done.stdout == ""
    assert list(tmp_path.glob("data/runs/*")) == []


@pytest.mark.parametrize("speed", ["0", "-1", "nan", "fast"])
def test_a_wrong_speed_is_wrong_usage(tmp_path, speed):
    done = run(tmp_path, "--speed", speed)
    assert done.returncode == 2
    assert "above 0" in done.stderr


def test_the_environment_names_the_data_directory(tmp_path):
    done = bot4(
        "run", "--duration", "1", "--speed", "max", "--quiet", "--json", "-", BOT4_DATA_DIR=str(tmp_path / "there")
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["store"] == str(tmp_path / "there" / "bot4.sqlite")


# -- input that is not what it should be -------------------------------------------------------------------------------


def test_an_unknown_symbol_is_exit_78(tmp_path, lines):
    path = write_capture(tmp_path / "capture", [line.replace(b"BTCUSDT", b"NOSUCHUSDT") for line in lines[:200]])
    done = run(tmp_path, "--replay", path)
    assert done.returncode == 78
    assert "NOSUCHUSDT" in done.stderr


@pytest.mark.parametrize(
    ("make", "code", "words"),
    [
        (lambda path: path.write_bytes(b""), 65, "empty"),
        (lambda path: path.mkdir(), 66, "directory"),
        (lambda _path: None, 66, "input"),
        (lambda path: path.write_bytes(kraken_capture()), 65, "kraken"),
    ],
    ids=["empty", "directory", "missing", "kraken"],
)
def test_input_that_cannot_be_replayed_is_one_line_that_names_it(tmp_path, make, code, words):
    path = tmp_path / "input"
    make(path)
    done = run(tmp_path, "--replay", path)
    assert done.returncode == code, done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert str(path) in done.stderr
    assert words in done.stderr


def test_a_truncated_gzip_is_replayed_as_far_as_it_goes_and_fails(tmp_path, lines):
    path = tmp_path / "cut.gz"
    whole = gzip.compress(b"".join(lines))
    path.write_bytes(whole[: len(whole) // 2])
    summary = summary_of(tmp_path, "--replay", path, code=65)
    assert summary["status"] == "failed"
    assert str(path) in summary["failure"]
    assert 0 < summary["messages"] < 4_000
    assert summary["open_orders_left"] == 0


def test_corrupt_lines_are_counted_and_the_run_goes_on(tmp_path, lines):
    head, tail = lines[:1_000], lines[1_000:]
    path = write_capture(tmp_path / "corrupt", [*head, b"no stamp at all\n", b"17 {broken\n", *tail])
    summary = summary_of(tmp_path, "--replay", path)
    assert sum(summary["rejected"].values()) == 2
    assert summary["status"] == "finished"
    assert any("2 messages were refused" in note for note in summary["notes"])


def depth_at(lines: list[bytes], after: int) -> int:
    return next(index for index in range(after, len(lines)) if b"depthUpdate" in lines[index])


def test_a_sequence_gap_stops_trading_until_a_snapshot(tmp_path, lines):
    lost = depth_at(lines, 1_500)
    with_gap = write_capture(tmp_path / "gap", lines[:lost] + lines[lost + 1 :])
    summary = summary_of(tmp_path, "--replay", with_gap)
    before = summary_of(tmp_path, "--replay", write_capture(tmp_path / "before", lines[:lost]))
    assert (summary["sequence_gaps"], summary["resyncs"]) == (1, 0)
    assert summary["best_bid"] is None
    assert before["orders"] <= summary["orders"] <= before["orders"] + 1
    assert summary["open_orders_left"] == 0
    assert any("not synchronised" in note for note in summary["notes"])


def test_a_capture_without_a_snapshot_trades_nothing_and_says_why(tmp_path, lines):
    summary = summary_of(tmp_path, "--replay", write_capture(tmp_path / "no_snapshot", lines[1:]))
    assert summary["orders"] == 0
    assert any("no fitting snapshot" in note for note in summary["notes"])


def test_stamps_that_jump_are_counted_and_do_no_harm(tmp_path, lines):
    hour_ns = 3_600 * 10**9

    def shifted(line: bytes, by_ns: int) -> bytes:
        stamp, _, frame = line.partition(b" ")
        return b"%d %b" % (int(stamp) + by_ns, frame)

    moved = [
        *lines[:1_000],
        *(shifted(line, -hour_ns) for line in lines[1_000:1_010]),
        *lines[1_010:2_000],
        *(shifted(line, hour_ns) for line in lines[2_000:]),
    ]
    summary = summary_of(tmp_path, "--replay", write_capture(tmp_path / "moved", moved))
    assert summary["clock_backs"] >= 10
    assert summary["clock_jumps"] == 1
    assert summary["open_orders_left"] == 0
    assert summary["status"] == "finished"


# -- a disk that is full -----------------------------------------------------------------------------------------------


# Lifted again when the process ends: in a traced copy it then saves which lines it covered.
LIFT = "import atexit, resource as r; atexit.register(r.setrlimit, r.RLIMIT_FSIZE, (r.RLIM_INFINITY, r.RLIM_INFINITY))"
LIMITED_MAIN = f"{LIFT}; {MAIN}"


def small_files(limit_bytes: int):
    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, resource.RLIM_INFINITY))

    return limit


# The store is kept in memory, so that the limit meets the journal alone.
JOURNAL_ONLY = f"""
from bot4.adapters.storage.data_dir import DataDir
DataDir.store_path = ":memory:"
{LIMITED_MAIN}
"""


def test_a_journal_that_cannot_grow_stops_trading_with_exit_74(tmp_path, capture):
    done = run(tmp_path, "--replay", capture, code=JOURNAL_ONLY, preexec_fn=small_files(12_000))
    assert done.returncode == 74, done.stderr
    summary = json.loads(done.stdout)
    assert summary["status"] == "failed"
    assert "shard-0.journal cannot be written" in summary["failure"]
    assert summary["open_orders_left"] == 0
    full = summary_of(tmp_path, "--replay", capture)
    assert 0 < summary["orders"] < full["orders"]
    kinds = journal_kinds(summary["journal"])
    # What could not be written was not sent.
    assert kinds.count(JournalKind.JOURNAL_INTENT) == summary["orders"] + summary["cancels"]


def test_a_disk_that_fills_up_ends_the_run_with_exit_74(tmp_path):
    long = write_capture(tmp_path / "long", capture_lines(20_000))
    busy = {"cooldown_ms": 100, "enter_score": 0.2, "take_score": 0.3}
    options = [part for key, value in busy.items() for part in ("--set", f"strategy.{key}={value}")]
    done = run(tmp_path, "--replay", long, *options, code=LIMITED_MAIN, preexec_fn=small_files(80_000))
    assert done.returncode == 74, done.stderr
    summary = json.loads(done.stdout)
    assert summary["status"] == "failed"
    assert summary["open_orders_left"] == 0
    assert done.stderr.splitlines()[-1] == f"bot4: {summary['failure']}"


def test_a_data_directory_without_room_for_a_store_is_refused(tmp_path, capture):
    done = run(tmp_path, "--replay", capture, code=LIMITED_MAIN, preexec_fn=small_files(2_000))
    assert done.returncode == 74
    assert len(done.stderr.splitlines()) == 1
    assert "cannot be opened" in done.stderr


# -- public dumps, several files, own rules ----------------------------------------------------------------------------


def trade_rows(count: int) -> list[str]:
    start_ms = 1_723_161_255_000
    return [
        f"{500 + i},{60_000 + (i * 37 % 101) / 100 - 0.5:.2f},0.00100000,60.00000000,{start_ms + 250 * i},"
        f"{'True' if i % 3 else 'False'},True"
        for i in range(count)
    ]


def agg_trade_rows(count: int) -> list[str]:
    start_ms = 1_723_161_255_000
    return [
        f"{500 + i},{60_000 + (i * 37 % 101) / 100 - 0.5:.2f},0.00100000,{900 + i},{900 + i},{start_ms + 250 * i},"
        f"{'True' if i % 3 else 'False'},True"
        for i in range(count)
    ]


def kline_rows(count: int) -> list[str]:
    start_ms = 1_723_161_240_000
    rows = []
    for i in range(count):
        open_ms = start_ms + 60_000 * i
        price = 60_000 + i % 50
        rows.append(
            f"{open_ms},{price}.00,{price + 5}.00,{price - 5}.00,{price + 1}.00,1.50000000,{open_ms + 59_999},"
            "90000.00000000,120,0.75000000,45000.00000000,0"
        )
    return rows


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "zip"])
@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("BTCUSDT-trades-2024-08-09.csv", trade_rows(400)),
        ("BTCUSDT-aggTrades-2024-08-09.csv", agg_trade_rows(400)),
        ("BTCUSDT-1m-2024-08-09.csv", kline_rows(400)),
    ],
    ids=["trades", "aggTrades", "klines"],
)
def test_public_dumps_are_replayed(tmp_path, name, rows, packed):
    text = "\n".join(rows) + "\n"
    path = tmp_path / name
    if packed:
        path = path.with_suffix(".zip")
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(name, text)
    else:
        path.write_text(text)
    summary = summary_of(tmp_path, "--replay", path)
    assert summary["messages"] == 400
    assert summary["rejected"] == {}
    assert summary["instruments"][0]["book_source"] == "assumed"
    assert any("has no book" in note for note in summary["notes"])


def swinging_bars(count: int) -> list[tuple[int, int, int, int, int]]:
    """Minutes of a price that swings: stamp in ms, then open, high, low and close in cents."""
    closes = [round(6_000_000 + 60_000 * math.sin(i / 15)) for i in range(count + 1)]
    return [
        (1_723_161_240_000 + 60_000 * i, a, max(a, b) + 500, min(a, b) - 500, b)
        for i, (a, b) in enumerate(itertools.pairwise(closes))
    ]


def test_orders_over_klines_fill_at_prices_the_bars_reached(tmp_path):
    bars = swinging_bars(400)
    path = tmp_path / "BTCUSDT-1m-2024-08.csv"
    path.write_text(
        "".join(
            f"{at},{o / 100:.2f},{h / 100:.2f},{low / 100:.2f},{c / 100:.2f},8.00000000,{at + 59_999},"
            "480000.00000000,120,4.00000000,240000.00000000,0\n"
            for at, o, h, low, c in bars
        )
    )
    summary = summary_of(tmp_path, "--replay", path, "--set", "strategy.take_score=0.95")
    assert summary["instruments"][0]["rejects"] == 0
    assert summary["orders"] >= summary["fills"] > 10
    with sqlite3.connect(summary["store"]) as store:
        fills = store.execute("SELECT ts_ns, price, is_maker FROM fills").fetchall()
    assert {is_maker for *_, is_maker in fills} == {0, 1}
    starts = [at for at, *_ in bars]
    for stamp_ns, price, _ in fills:
        # A taker meets the last close, a tick away; what rests is met inside the bar that closes at the fill.
        _, _, high, low, _ = bars[bisect.bisect_right(starts, stamp_ns // 1_000_000) - 2]
        assert low - 1 <= Decimal(price) * 100 <= high + 1


def test_files_are_chained_in_the_order_given(tmp_path, lines):
    one = write_capture(tmp_path / "one", lines[:2_000])
    two = tmp_path / "two.gz"
    two.write_bytes(gzip.compress(b"".join(lines[2_000:])))
    whole = summary_of(tmp_path, "--replay", write_capture(tmp_path / "whole", lines))
    chained = summary_of(tmp_path, "--replay", one, two)
    assert chained["messages"] == 4_000
    assert chained["state_hash"] == whole["state_hash"]


def test_rules_given_by_the_user_make_an_unknown_symbol_tradeable(tmp_path, lines):
    rules = tmp_path / "rules.toml"
    rules.write_text(
        '[[instrument]]\nsymbol = "MADEUPUSDT"\nvenue = "binance"\nmarket = "spot"\nbase = "MADEUP"\nquote = "USDT"\n'
        'price_step = "0.01"\nqty_step = "0.00001"\nmin_notional = "5"\n'
    )
    path = write_capture(tmp_path / "capture", [line.replace(b"BTCUSDT", b"MADEUPUSDT") for line in lines])
    summary = summary_of(tmp_path, "--replay", path, "--instrument", rules)
    assert summary["instruments"][0]["symbol"] == "MADEUPUSDT"
    assert summary["orders"] > 0


# -- help --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [(), ("run",), ("config", "show"), ("config", "check"), ("data", "check"), ("doctor",)],
    ids=lambda path: " ".join(path) or "bot4",
)
def test_every_help_page_holds_examples(path):
    done = bot4(*path, "--help")
    assert done.returncode == 0
    lines = [line.strip() for line in done.stdout.splitlines()]
    assert any(line.startswith(" ".join(["bot4", *path])) for line in lines), done.stdout


def test_help_imports_neither_numpy_nor_rich():
    code = (
        "import sys\n"
        "before = set(sys.modules)\n"
        "from bot4.entrypoints.cli.main import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "heavy = {'numpy', 'rich', 'orjson', 'msgspec', 'sqlite3'}\n"
        "print('loaded', sorted((set(sys.modules) - before) & heavy), file=sys.stderr)\n"
    )
    done = bot4("--help", code=code)
    assert "Exit codes" in done.stdout
    assert done.stderr.splitlines()[-1] == "loaded []"


def test_the_version_is_the_one_of_the_package():
    assert bot4("--version").stdout.split()[-1] == VERSION
