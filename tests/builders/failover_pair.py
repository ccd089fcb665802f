"""A leader and its standby at one served exchange, faults for the leader, and the judge of what came of it."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field

import soak

from builders.cut_link import CutLink
from builders.failover_judge import judge
from builders.jumping_clock import build_clock, jump
from builders.live_process import MAIN, environment
from builders.new_records import NewRecords

FAULTS = ("kill", "stop", "cut", "database", "clock", "return")
TTL_S = 2.0
SETTINGS = """
[failover]
account = "test"
mirror_interval_ms = {mirror_ms}
"""
PATIENCE_S = 60.0
MIRRORS_MS = (50, 1_500)  # how far the copy is behind a leader that is killed
LOSES = 0.5  # share of the kills before which an order is lost on its way
SYMBOLS = ("BTCUSDT", "ETHUSDT")


@dataclass
class Outcome:
    """What one run came to."""

    seconds: float | None = 0.0  # None: every instrument had to wait for an unknown order
    stray: int = 0
    lost: int = 0
    doubled: int = 0
    orders: int = 0
    fills: int = 0
    held_s: dict[str, float] = field(default_factory=dict)  # symbols that had to wait for an unknown order
    led_by: str = ""
    notes: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        held = "".join(f" {symbol} held {seconds:.1f} s" for symbol, seconds in self.held_s.items())
        counted = f"orders={self.orders} fills={self.fills} stray={self.stray} lost={self.lost} doubled={self.doubled}"
        seconds = "   -   " if self.seconds is None else f"{self.seconds:5.2f} s"
        return f"{seconds} {self.led_by:8} {counted}{held} {' '.join(self.notes)}".rstrip()


class Bot:
    """One `bot4 run --live`, with links of its own to the exchange and the database."""

    def __init__(self, folder, name, exchange, database_port, *, standby, clock=None, mirror_ms=50, watchdog_ms=0):
        self.folder = folder / name
        self.folder.mkdir(exist_ok=True)
        port = exchange.at["rest"].rpartition(":")[2]
        self.to_venue, self.to_market, self.to_database = (CutLink(int(one)) for one in (port, port, database_port))
        links = {"rest": self.to_venue, "ws_api": self.to_venue, "ws": self.to_market}
        at = {key: exchange.at[key].replace(port, str(link.port)) for key, link in links.items()}
        settings = soak.SETTINGS.replace("venue_timeout_ms = 0", "venue_timeout_ms = 2000").format(**at)
        settings = settings.replace("watchdog_after_ms = 0", f"watchdog_after_ms = {watchdog_ms}")
        settings += SETTINGS.format(mirror_ms=mirror_ms)
        (self.folder / "bot4.toml").write_text(settings)
        extra = {"BOT4_POSTGRES_URL": f"postgresql://bot4@127.0.0.1:{self.to_database.port}/bot4"}
        if clock is not None:
            extra |= {"LD_PRELOAD": str(clock), "JUMPING_CLOCK": str(self.folder / "clock")}
        extra |= {"BOT4_API_KEY": soak.KEY, "BOT4_API_SECRET": soak.SECRET}
        command = [
            sys.executable, "-c", MAIN, "run", "--venue", "binance", "--live", *(["--standby"] if standby else []),
            *(part for symbol in SYMBOLS for part in ("--symbol", symbol)),
            "--config", str(self.folder / "bot4.toml"), "--data-dir", str(self.folder / "data"), "--quiet",
        ]  # fmt: skip
        self.log = (self.folder / "log").open("w+")
        self.process = subprocess.Popen(
            command, env=environment(**extra), stdout=subprocess.DEVNULL, stderr=self.log, text=True
        )
        self.records = NewRecords(self.folder / "data")

    def said(self) -> str:
        return (self.folder / "log").read_text()

    def signal(self, number):
        self.process.send_signal(number)

    def wait_until(self, condition, what):
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            if self.process.poll() is not None:
                raise RuntimeError(f"{self.folder.name} ended with {self.process.returncode}, {what}:\n{self.said()}")
            if time.monotonic() > deadline:
                raise RuntimeError(f"{self.folder.name}: {what} did not come in {PATIENCE_S:.0f} s:\n{self.said()}")
            time.sleep(0.01)

    def close(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
            self.process.wait(20)
        self.log.close()
        for link in (self.to_venue, self.to_market, self.to_database):
            link.close()


class Round:
    """One pair, one fault, one judgement."""

    def __init__(self, folder, database, rng):
        self.folder, self.database, self.rng = folder, database, rng

    def run(self, fault) -> Outcome:
        self.exchange = exchange = soak.Exchange(self.folder, self.rng.randrange(1 << 30))
        self.bots = bots = []
        try:
            clock = build_clock(self.folder) if fault == "clock" else None
            # Behind by more than an order's life, the copy lacks what only the venue can tell.
            mirror_ms = self.rng.choice(MIRRORS_MS) if fault == "kill" else 50
            leader = Bot(
                self.folder, "leader", exchange, self.database.port, standby=False, clock=clock, mirror_ms=mirror_ms
            )
            bots.append(leader)
            leader.wait_until(lambda: leader.records.look().intents > 0, "a first order")
            standby = Bot(self.folder, "standby", exchange, self.database.port, standby=True)
            bots.append(standby)
            standby.wait_until(lambda: "leads as epoch" in standby.said(), "a leader")
            time.sleep(self.rng.uniform(1.0, 2.0) * TTL_S)
            outcome = getattr(self, f"_{fault}")(leader, standby)
            after = {"standby": standby, "leader": leader}.get(outcome.led_by, bots[-1])
            self._end(after, standby if after is leader else leader)
            judge(outcome, exchange.ledger(), after.folder / "data")
            return outcome
        finally:
            for bot in bots:
                bot.close()
            exchange.close()

    # -- faults

    def _kill(self, leader, standby):
        wanted = leader.records.look().intents + self.rng.randrange(1, 4)
        leader.wait_until(lambda: leader.records.look().intents >= wanted, "an order to be killed at")
        notes = self._lose_an_order(leader) if self.rng.random() < LOSES else []
        failed_s = time.monotonic()
        leader.signal(signal.SIGKILL)
        leader.process.wait(20)
        outcome = self._taken_over(standby, failed_s)
        outcome.notes += notes
        return outcome

    def _lose_an_order(self, leader) -> list[str]:
        """Have an order written that never arrives, and its record copied: who takes over cannot know that."""
        leader.to_venue.cut()
        decided = leader.records.look().places
        until_s = time.monotonic() + 0.5
        while leader.records.look().places == decided and time.monotonic() < until_s:
            time.sleep(0.002)
        time.sleep(0.15)
        return [f"{leader.records.look().places - decided} orders never arrived"]

    def _stop(self, leader, standby):
        failed_s = time.monotonic()
        leader.signal(signal.SIGSTOP)
        outcome = self._taken_over(standby, failed_s)
        time.sleep(self.rng.uniform(0.0, 2.0))
        before = leader.records.look()
        decided, dropped = before.places, before.dropped
        leader.signal(signal.SIGCONT)
        leader.process.wait(PATIENCE_S)
        after = leader.records.look()
        outcome.notes.append(f"went on, decided {after.places - decided}, dropped {after.dropped - dropped}")
        return outcome

    def _cut(self, leader, standby):
        links = self.rng.choice(("venue", "database", "both"))
        failed_s = time.monotonic()
        away = {"venue": [leader.to_venue, leader.to_market], "database": [leader.to_database]}
        cut = [link for name, found in away.items() if links in {name, "both"} for link in found]
        for link in cut:
            link.cut()
        outcome = self._taken_over(standby, failed_s)
        outcome.notes.append(f"cut off: {links}")
        time.sleep(self.rng.uniform(0.0, 1.0))
        for link in cut:
            link.heal()
        return outcome

    def _database(self, leader, standby):
        self.database.stop()
        gone_s = time.monotonic()
        leader.wait_until(lambda: leader.records.look().closed_lanes == set(range(len(SYMBOLS))), "closed gates")
        closed_s = time.monotonic() - gone_s
        assert closed_s <= TTL_S + 1.0, f"the gates closed {closed_s:.1f} s after the database was gone"
        time.sleep(TTL_S)
        assert "took over" not in standby.said(), "there is no take-over without the database"
        ledger = self.exchange.ledger()
        assert not ledger["openOrders"], "without a lease nothing is left to rest"
        time.sleep(0.5)
        assert len(self.exchange.ledger()["orders"]) == len(ledger["orders"]), "without a lease nothing is sent"
        epoch = leader.records.look().epoch
        self.database.start()
        back_s = time.monotonic()
        while True:
            for name, bot in (("leader", leader), ("standby", standby)):
                look = bot.records.look()
                if look.open_lanes and (name == "leader" or look.epoch > epoch):
                    return Outcome(
                        time.monotonic() - back_s, led_by=name, notes=[f"gates closed after {closed_s:.1f} s"]
                    )
            if time.monotonic() - back_s > PATIENCE_S:
                raise RuntimeError(f"nobody trades on:\n{leader.said()}\n{standby.said()}")
            time.sleep(0.01)

    def _clock(self, leader, standby):
        by_s = self.rng.choice((-60, 60))
        failed_s = time.monotonic()
        jump(leader.folder / "clock", by_s)
        outcome = self._taken_over(standby, failed_s)
        outcome.notes.append(f"clock set by {by_s:+d} s")
        return outcome

    def _return(self, leader, standby):
        """Killed, the leader's own data directory is the next standby, and takes over again when that is killed."""
        first = self._kill(leader, standby)
        intents = standby.records.look().intents
        standby.wait_until(lambda: standby.records.look().intents > intents, "an order of the second leader")
        third = Bot(self.folder, "leader", self.exchange, self.database.port, standby=True)
        self.bots.append(third)
        third.wait_until(lambda: "leads as epoch" in third.said(), "a leader")
        time.sleep(TTL_S + 0.5)
        outcome = self._kill(standby, third)
        outcome.led_by = "returned"
        took = [one.seconds for one in (first, outcome) if one.seconds is not None]
        outcome.notes += [f"once {seconds:.2f} s" for seconds in took]
        outcome.seconds = max(took, default=None)
        return outcome

    # -- inside

    def _taken_over(self, standby, failed_s) -> Outcome:
        """Wait until the standby's gates are open, of lanes that need not wait for an unknown order first of all."""
        seen = {}
        standby.wait_until(lambda: "took over" in standby.said(), "the take-over")
        taken_s = time.monotonic() - failed_s
        epoch = int(standby.said().rpartition("took over as epoch ")[2].split()[0])

        def look():
            found = standby.records.look(epoch)
            for lane in found.open_lanes - seen.keys():
                seen[lane] = time.monotonic() - failed_s
            return len(seen) == len(SYMBOLS)

        standby.wait_until(look, "open gates")
        # An order the venue does not know may still come, until it is too old: its lane has to wait.
        held = standby.records.look(epoch).denied_lanes
        free = [seconds for lane, seconds in seen.items() if lane not in held]
        outcome = Outcome(max(free, default=None), led_by="standby", notes=[f"taken after {taken_s:.2f} s"])
        standby.wait_until(lambda: standby.records.look(epoch).places > 0, "an order of the new leader")
        outcome.notes.append(f"its first order after {time.monotonic() - failed_s:.2f} s")
        outcome.held_s = {SYMBOLS[lane]: seen[lane] for lane in held}
        return outcome

    def _end(self, after, other):
        """Let it trade on, and end in order; whoever is fenced off has ended by itself."""
        intents = after.records.look().intents
        after.wait_until(lambda: after.records.look().intents > intents, "an order after the fault")
        if other.process.poll() is None and other.folder.name == "leader":
            other.process.wait(PATIENCE_S)
            assert other.process.returncode != 0, "a leader that lost its lease says so"
        elif other.process.poll() is None:
            other.signal(signal.SIGINT)
            assert other.process.wait(PATIENCE_S) == 0, other.said()
        time.sleep(self.rng.uniform(0.2, 1.0))
        after.signal(signal.SIGINT)
        code = after.process.wait(PATIENCE_S)
        assert code == 0, f"{after.folder.name} ended with {code}:\n{after.said()}"
