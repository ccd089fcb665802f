"""Kill a trading bot again and again, and count at its exchange's own ledger what came of it.

    python ci/soak.py --kills 200 --lanes 3            (make soak KILLS=200 LANES=3)

One process serves the exchange; another holds the interpreter with bot4 loaded and forks a child for each life, which
runs the whole `bot4 run --live`: engine, journal, gateway, tables. SIGKILL ends each life, most of them while an order
is out; the next one of the same data directory goes on. A round of lives ends with one that may finish. Then the
tables are compared with the exchange's administration. Rounds share nothing: as many as there are lanes run at a time,
for a life is mostly waiting. The last line, over all of them, is

    kills=N in_flight=K intents=M lost=0 ghost=0 doubled=0

`in_flight` counts the kills after which the exchange showed an order that the killed journal did not hold as settled,
`intents` the orders of the tables that were not stopped before the socket, `lost` what only one side has or what
differs (orders, trades, balances, open orders), `ghost` orders at the exchange that no table knows, `doubled` orders
and trades that are there twice. It ends with 1 where any of the three is not 0, an intent is not an order, or fewer
than a third of the kills hit an order in flight.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import json
import multiprocessing
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import partial
from pathlib import Path
from typing import IO, cast

from soak_verdict import OPENING, Verdict, count

ROOT = Path(__file__).resolve().parents[1]
KEY, SECRET = "soakkey", "soaksecret"
sys.path.insert(0, str(ROOT))  # a checkout need not be installed
LIMITS = """
weight_per_minute = 100000000
raw_requests_per_5_minutes = 100000000
orders_per_10_seconds = 1000000
orders_per_day = 100000000
connections_per_5_minutes = 1000000
"""
# Of each soak: real orders for the exchange served here, by one feature of its book.
REAL_ORDERS = """
live.consent = "real orders"
live.endpoint = "custom"
live.rest_url = "{rest}"
live.ws_api_url = "{ws_api}"
live.watchdog_after_ms = 0
venues.binance.rest_url = "{rest}"
venues.binance.ws_url = "{ws}"
strategy.weights.depth_imbalance_5 = 1.0
strategy.scales.depth_imbalance_5 = 1.0
"""
SETTINGS = f"""
{REAL_ORDERS}
live.reconcile_interval_ms = 1000
live.timeout_ms = 1000
live.recv_window_ms = 1000
live.venue_timeout_ms = 0
strategy.enter_score = 0.02
strategy.take_score = 0.9
strategy.exit_score = 0.01
strategy.cooldown_ms = 0
strategy.passive_ttl_ms = 150
risk.orders_per_s = 100
risk.orders_burst = 100
risk.duplicate_window_ms = 0
risk.consecutive_rejects_max = 1000
breaker.consecutive_rejects_max = 1000
breaker.error_rate_max_pct = 100
breaker.flood_trips = 1000
journal.snapshot_interval_ms = 1000
run.view_interval_ms = 50
"""
ROUND_KILLS = 200  # at most, lives of one exchange and one data directory: what the ledger lists stays small
LIFE_S = 60.0
QUIET_S = 6.0
REFUSED, REFUSALS_MAX = 78, 20  # exit code of a start the preflight forbids; how often in a row
_RECORD = 40  # bytes of a record before its payload
_CODE = _RECORD + 24  # where a control record has its code


class Exchange:
    """The served exchange, a process of its own, and its administration."""

    def __init__(self, folder: Path, seed: int) -> None:
        (folder / "limits.toml").write_text(LIMITS)
        account = f"live:{KEY}:{SECRET}:" + ",".join(f"{asset}={amount}" for asset, amount in OPENING.items())
        code = "from bot4.entrypoints.cli.main import main; main()"
        options = ["--port", "0", "--seed", str(seed), "--limits", str(folder / "limits.toml"), "--account", account]
        command = [sys.executable, "-c", code, "exchange", *options]
        # Tests that measure what they cover ask that of the bot, not of whom it trades with.
        env = {name: value for name, value in os.environ.items() if name != "COVERAGE_PROCESS_CONFIG"}
        quiet = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        self.process = subprocess.Popen(command, text=True, cwd=ROOT, env=env, **quiet)
        self.said = cast("IO[str]", self.process.stdout)
        self.at: dict[str, str] = json.loads(self.said.readline())

    def ledger(self) -> dict:
        """Return the account as the exchange has it: orders, trades, open orders, balances."""
        request = urllib.request.Request(  # noqa: S310 - an address of this machine
            f"{self.at['admin']}/ledger", headers={"Authorization": f"Bearer {self.at['admin_token']}"}
        )
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310 - an address of this machine
            return json.load(answer)["accounts"]["live"]

    def close(self) -> None:
        """End the process."""
        self.process.terminate()
        self.process.wait(20)
        self.said.close()


class Round:
    """Lives of one data directory on one exchange.

    `plant` runs in each child before the bot does: how a test makes a bot that is wrong.
    """

    def __init__(self, folder: Path, rng: random.Random, plant: Callable[[], None] | None = None) -> None:
        self.folder = folder
        self.rng = rng
        self.plant = plant
        self.exchange = Exchange(folder, rng.randrange(1 << 30))
        (folder / "bot4.toml").write_text(SETTINGS.format(**self.exchange.at))

    def kill_one(self, verdict: Verdict) -> None:
        """Live one life up to its kill, and count whether an order was in flight."""
        for _ in range(REFUSALS_MAX):
            if self._live_and_die():
                break
            verdict.refused += 1
        else:
            raise RuntimeError(f"{REFUSALS_MAX} starts in a row were refused:\n{self.log()}")
        verdict.kills += 1
        verdict.in_flight += self._was_in_flight(verdict.states)

    def _live_and_die(self) -> bool:
        """Live until the kill; false where the preflight refused the start, as a slow machine makes it."""
        journal = self._journal()
        begun = journal.stat().st_size if journal else 0
        child = self._fork([])
        # Some die before they trade - in the preflight, in the recovery - most once intents were journalled.
        early_s = self.rng.uniform(0.0, 1.0) if self.rng.random() < 0.15 else None  # noqa: PLR2004 - a share
        wanted, started = min(5, int(self.rng.expovariate(0.7)) + 1), time.monotonic()
        while early_s is None:
            intents, is_open = self._told(begun)
            # A market may give no reason to trade; a gate that does not open is another matter.
            if intents >= wanted or (is_open and time.monotonic() - started > QUIET_S):
                break
            if not self._is_alive(child, started):
                return False
            time.sleep(0.0005)
        late_s = self.rng.choice((0.0, self.rng.expovariate(1 / 0.002), self.rng.expovariate(1 / 0.03)))
        time.sleep(late_s if early_s is None else early_s)
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status):
            return True
        self._explain(os.waitstatus_to_exitcode(status))
        return False

    def finish(self) -> None:
        """Live the last life, which may end; raises where it ends with anything but 0."""
        for _ in range(REFUSALS_MAX):
            child = self._fork(["--duration", "2"])
            _, status = os.waitpid(child, 0)
            if (code := os.waitstatus_to_exitcode(status)) == 0:
                return
            self._explain(code)
        raise RuntimeError(f"{REFUSALS_MAX} starts in a row were refused:\n{self.log()}")

    def log(self) -> str:
        """Return the end of what the last life said."""
        path = self.folder / "log"
        return path.read_text()[-2_000:] if path.exists() else ""

    def judge(self, verdict: Verdict) -> None:
        """Compare tables and ledger, and add up."""
        ledger = self.exchange.ledger()
        with contextlib.closing(sqlite3.connect(self.folder / "data" / "bot4.sqlite")) as store:
            orders = {
                row[0]: row[1:] for row in store.execute("SELECT client_order_id, status, qty, filled_qty FROM orders")
            }
            fills = store.execute("SELECT trade_id, price, qty, fee, fee_asset FROM fills").fetchall()
        count(verdict, ledger, orders, fills)

    # -- inside

    def _fork(self, arguments: list[str]) -> int:
        child = os.fork()
        if child:
            return child
        code = 70
        try:
            log = os.open(self.folder / "log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            os.dup2(log, 1)
            os.dup2(log, 2)
            os.environ.update(BOT4_LIVE_CONSENT="real orders", BOT4_API_KEY=KEY, BOT4_API_SECRET=SECRET)
            if self.plant is not None:
                self.plant()
            from bot4.entrypoints.cli.main import main  # noqa: PLC0415 - loaded before the fork

            main.main(
                ["run", "--venue", "binance", "--live", "--config", str(self.folder / "bot4.toml"), "--data-dir",
                 str(self.folder / "data"), "--quiet", *arguments],
                standalone_mode=False,
            )  # fmt: skip
        except SystemExit as left:
            code = left.code if isinstance(left.code, int) else 0 if left.code is None else 1
        except BaseException as error:  # noqa: BLE001 - told by the exit code and the log
            os.write(2, f"{type(error).__name__}: {error}\n".encode())
        finally:
            os._exit(code)

    def _journal(self) -> Path | None:
        runs = self.folder / "data" / "runs"
        found = sorted(runs.glob("*/shard-0.journal")) if runs.is_dir() else []
        return found[-1] if found else None

    def _told(self, begun: int) -> tuple[int, bool]:
        """Return how many intents this life has journalled, and whether its gate was opened."""
        journal = self._journal()
        if journal is None or journal.stat().st_size <= begun:
            return 0, False
        with journal.open("rb") as file:
            file.seek(begun or 64)
            return told(file.read())

    def _is_alive(self, child: int, started: float) -> bool:
        """Whether it lives; raises where it ended for anything but a refusal of the preflight, or decides nothing."""
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            self._explain(os.waitstatus_to_exitcode(status))
            return False
        if time.monotonic() - started > LIFE_S:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            raise RuntimeError(f"a life opened no gate within {LIFE_S:.0f} s:\n{self.log()}")
        return True

    def _explain(self, code: int) -> None:
        if code != REFUSED or "round trips" not in self.log():
            raise RuntimeError(f"a life ended by itself with {code}:\n{self.log()}")

    def _was_in_flight(self, states: Counter[str]) -> bool:
        from bot4.application.past.run_past import read_past  # noqa: PLC0415 - loaded before the fork
        from bot4.domain.order_id import client_order_id  # noqa: PLC0415 - loaded before the fork

        ledger, journal = self.exchange.ledger(), self._journal()
        past = read_past(journal) if journal else None
        left = {client_order_id(order.epoch, order.order_id): order for order in past.unsettled} if past else {}
        there = {row["clientOrderId"]: row["status"].lower() for row in ledger["orders"]}
        for name, order in left.items():
            states[f"{order.life.state.value} here, {there.get(name, 'absent')} there"] += 1
        return bool(ledger["openOrders"]) or bool(left.keys() & there.keys())


def told(tail: bytes) -> tuple[int, bool]:
    """Return the intents of a journal's records, and whether a gate was opened; the last one may not be whole yet."""
    from bot4._core.engine.control import ControlCode  # noqa: PLC0415 - loaded before the fork
    from bot4._core.journal.record import JournalKind  # noqa: PLC0415 - loaded before the fork

    at, intents, is_open = 0, 0, False
    while at + _RECORD <= len(tail):
        kind, length = tail[at + 20], int.from_bytes(tail[at + 4 : at + 8], "little")
        end = at + _RECORD + length
        if end > len(tail):
            break  # read while it was written
        intents += kind == JournalKind.JOURNAL_INTENT
        is_open |= kind == JournalKind.JOURNAL_CONTROL and tail[at + _CODE] == ControlCode.CONTROL_GATE_OPEN
        at = end
    return intents, is_open


def load() -> None:
    """Import what a life imports, once, before the first fork."""
    import importlib  # noqa: PLC0415 - all of it is here

    for name in (
        "numpy", "aiohttp", "cryptography.hazmat.primitives.asymmetric.ed25519", "orjson", "msgspec", "rich.console",
        "bot4.entrypoints.cli.main", "bot4.entrypoints.cli.run", "bot4.entrypoints.cli.run_display",
        "bot4.entrypoints.cli.run_request", "bot4.entrypoints.cli.run_signals", "bot4.entrypoints.cli.run_summary",
        "bot4.bootstrap", "bot4.bootstrap.session", "bot4.application.session.session",
        "bot4.application.past.run_past",
        "bot4.adapters.venues.binance.accounts", "bot4.adapters.venues.binance.market_data",
        "bot4.adapters.venues.live_feed", "bot4.adapters.storage.sqlite", "bot4.adapters.secrets.key_source",
        "bot4.adapters.host.no_dumps", "bot4.application.live.preflight", "sqlite3",
    ):  # fmt: skip
        importlib.import_module(name)
    gc.collect()
    gc.freeze()


def live_round(kills: int, seed: int, plant: Callable[[], None] | None = None) -> Verdict:
    """Kill so often on one exchange with one data directory; returns what was counted."""
    load()
    folder, verdict = Path(tempfile.mkdtemp(prefix="bot4-soak-")), Verdict()
    lives = Round(folder, random.Random(seed), plant)  # noqa: S311 - which moment is hit
    try:
        for _ in range(kills):
            lives.kill_one(verdict)
        lives.finish()
        lives.judge(verdict)
    finally:
        lives.exchange.close()
    shutil.rmtree(folder)  # kept where something was raised
    return verdict


def rounds(kills: int, lanes: int) -> list[int]:
    """Return how many kills each round has: as many rounds as keep the lanes busy and none too long."""
    number = min(kills, max(lanes, -(-kills // ROUND_KILLS)))
    return [len(range(first, kills, number)) for first in range(number)]


def soak(kills: int, seed: int, lanes: int, say: Callable[[str], None]) -> tuple[Verdict, int]:
    """Kill so often in rounds, `lanes` of them at a time; returns what was counted, and how many rounds broke off.

    The round that begins after `n` others has the seed `seed + n`. A round that breaks off is told with its cause and
    adds nothing to the count.
    """
    total, broken = Verdict(), 0
    with ProcessPoolExecutor(lanes, mp_context=multiprocessing.get_context("spawn")) as pool:
        sizes = enumerate(rounds(kills, lanes))
        running = {pool.submit(live_round, size, seed + at): seed + at for at, size in sizes}
        for done in as_completed(running):
            if error := done.exception():
                broken += 1
                say(f"the round of seed {running[done]} broke off: {error}")
                continue
            total.add(done.result())
            say(str(total))
    return total, broken


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--lanes", type=int, default=1, help="rounds at a time (default 1)")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    if given.kills < 1 or given.lanes < 1:
        parser.error(f"--kills and --lanes are at least 1, were {given.kills} and {given.lanes}")
    started, used = time.monotonic(), os.times()
    say = partial(print, file=sys.stderr, flush=True)
    verdict, broken = soak(given.kills, given.seed, given.lanes, say)
    now = os.times()
    cpu_s = sum(now[:4]) - sum(used[:4])
    for state, times in verdict.states.most_common():
        print(f"  {times:6} x {state}", file=sys.stderr)
    print(f"  {verdict.refused:6} starts refused by the preflight, as round trips spread too far", file=sys.stderr)
    print(f"{time.monotonic() - started:.0f} s, {cpu_s:.0f} s of CPU, seed {given.seed}", file=sys.stderr)
    print(verdict)
    return 0 if verdict.holds and not broken else 1


if __name__ == "__main__":
    sys.exit(main())
