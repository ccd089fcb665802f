"""Let a live run trade for a while and judge what it does with memory, descriptors and threads.

    python ci/soak_memory.py --minutes 60            (make soak-memory MINUTES=60)

One process serves the exchange, another one is `bot4 run --live`; the second one is looked at from outside each second:
resident memory, the part of it that is no file's (anonymous), open descriptors, threads. After the warm-up the slope of
that part is the median of the slopes between all pairs of samples (Theil-Sen), which one jump does not move. The last
line is

    minutes=M samples=N own_mib=U slope_mib_h=S rss_mib=R fds=A..B threads=C..D orders=O messages=F holds=yes

It ends with 1 where the slope is above the limit, descriptors or threads did not stay what they were, or nothing was
traded. `--leak` plants one: so much is kept for each message of the market, and the judge must say no.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "ci")]

from soak import KEY, REAL_ORDERS, SECRET, Exchange  # noqa: E402 - a checkout need not be installed

LIMIT_MIB_H = 1.0
WARM_UP_S = 120.0
PAIRS_MAX = 1_000  # samples that are paired with each other
SETTINGS = f"""
{REAL_ORDERS}
live.timeout_ms = 3000
strategy.enter_score = 0.05
strategy.take_score = 0.4
strategy.exit_score = 0.02
strategy.cooldown_ms = 500
strategy.passive_ttl_ms = 1000
"""
RUN = "from bot4.entrypoints.cli.main import main; main()"
# The control: a run that keeps something for each look of its screen.
LEAKY = """
from bot4.entrypoints.embedding import QuietDisplay
kept = []
QuietDisplay.show = lambda self, view: kept.append(b"." * {bytes_each})
"""


@dataclass(frozen=True)
class Sample:
    """One look at the process; sizes in KiB."""

    at_s: float
    rss: int
    own: int
    fds: int
    threads: int


@dataclass(frozen=True)
class Verdict:
    """What the samples say."""

    minutes: float
    samples: int
    own_mib: float
    rss_mib: float
    slope_mib_h: float
    fds: tuple[int, int]
    threads: tuple[int, int]
    grows: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Whether memory does not grow, and nothing else does."""
        return self.samples > 1 and self.slope_mib_h <= LIMIT_MIB_H and not self.grows

    def __str__(self) -> str:
        return (
            f"minutes={self.minutes:.1f} samples={self.samples} own_mib={self.own_mib:.1f} "
            f"slope_mib_h={self.slope_mib_h:+.2f} rss_mib={self.rss_mib:.1f} "
            f"fds={self.fds[0]}..{self.fds[1]} threads={self.threads[0]}..{self.threads[1]}"
        )


def look(pid: int, at_s: float) -> Sample:
    """Read one sample; a process that holds keys shows itself to root alone."""
    process = Path("/proc") / str(pid)
    # Pages of files are shared with whoever has them open: they come and go with other processes.
    sizes = {"Rss": 0, "Anonymous": 0}
    for line in (process / "smaps_rollup").read_text().splitlines():
        name, _, rest = line.partition(":")
        if name in sizes:
            sizes[name] = int(rest.split()[0])
    return Sample(
        at_s,
        sizes["Rss"],
        sizes["Anonymous"],
        sum(1 for _ in (process / "fd").iterdir()),
        sum(1 for _ in (process / "task").iterdir()),
    )


def slope_of(times_s: np.ndarray, sizes: np.ndarray) -> float:
    """Return the median slope between all pairs of samples, units of `sizes` a second (Theil-Sen)."""
    if len(times_s) > PAIRS_MAX:
        chosen = np.linspace(0, len(times_s) - 1, PAIRS_MAX).astype(int)
        times_s, sizes = times_s[chosen], sizes[chosen]
    first, second = np.triu_indices(len(times_s), 1)
    return float(np.median((sizes[second] - sizes[first]) / (times_s[second] - times_s[first])))


def judge(samples: list[Sample], warm_up_s: float = WARM_UP_S) -> Verdict:
    """Judge the samples behind the warm-up."""
    warm = [sample for sample in samples if sample.at_s >= warm_up_s]
    if len(warm) <= 1:
        return Verdict(0.0, len(warm), 0.0, 0.0, float("inf"), (0, 0), (0, 0), ())
    times = np.array([sample.at_s for sample in warm])
    own = np.array([sample.own for sample in warm], dtype=float)
    fds, threads = [sample.fds for sample in warm], [sample.threads for sample in warm]
    grows = [name for name, counts in (("fds", fds), ("threads", threads)) if _grows(counts)]
    return Verdict(
        minutes=(times[-1] - times[0]) / 60,
        samples=len(warm),
        own_mib=own[-1] / 1_024,
        rss_mib=warm[-1].rss / 1_024,
        slope_mib_h=slope_of(times, own) * 3_600 / 1_024,
        fds=(min(fds), max(fds)),
        threads=(min(threads), max(threads)),
        grows=tuple(grows),
    )


def _grows(counts: list[int]) -> bool:
    """Whether there are more at the end than ever in the first two thirds, or the usual number is another one.

    A connection, a snapshot: threads and descriptors that live for a moment come and go.
    """
    edge, last = len(counts) // 3, len(counts) * 2 // 3
    first = np.median(counts[: edge or 1])
    return max(counts[last:]) > max(counts[: last or 1]) or float(np.median(counts[last:])) > float(first) + 0.5


def soak(minutes: float, *, leak_bytes: int, seed: int, warm_up_s: float, log: Path | None) -> tuple[Verdict, dict]:
    """Run, look, and judge; returns the verdict and the run's own summary."""
    folder = Path(tempfile.mkdtemp(prefix="bot4-soak-memory-"))
    exchange = Exchange(folder, seed)
    (folder / "bot4.toml").write_text(SETTINGS.format(**exchange.at))
    code = (LEAKY.format(bytes_each=leak_bytes) if leak_bytes else "") + RUN
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BOT4_")}
    run = subprocess.Popen(
        [sys.executable, "-c", code, "run", "--venue", "binance", "--live", "--config", str(folder / "bot4.toml"),
         "--data-dir", str(folder / "data"), "--quiet", "--json", str(folder / "summary.json")],
        cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        env=kept | {"BOT4_LIVE_CONSENT": "real orders", "BOT4_API_KEY": KEY, "BOT4_API_SECRET": SECRET},
    )  # fmt: skip
    samples: list[Sample] = []
    started_s, next_word_s = time.monotonic(), 60.0
    try:
        while (at_s := time.monotonic() - started_s) < minutes * 60:
            if run.poll() is not None:
                raise RuntimeError(f"the run ended by itself with {run.returncode}: {run.communicate()[1]}")
            samples.append(look(run.pid, at_s))
            if at_s >= next_word_s:
                next_word_s += 60.0
                print(f"  {judge(samples, min(warm_up_s, at_s / 2))}", file=sys.stderr, flush=True)
            time.sleep(max(0.0, 1.0 - (time.monotonic() - started_s - at_s)))
        run.send_signal(signal.SIGINT)
        if run.wait(90) != 0:
            raise RuntimeError(f"the run ended with {run.returncode}: {run.communicate()[1]}")
        summary = json.loads((folder / "summary.json").read_text())
    finally:
        if run.poll() is None:
            run.kill()
            run.wait()
        if run.stderr is not None:
            run.stderr.close()
        exchange.close()
    if log is not None:
        log.write_text("at_s,rss_kib,own_kib,fds,threads\n" + "".join(
            f"{s.at_s:.1f},{s.rss},{s.own},{s.fds},{s.threads}\n" for s in samples))  # fmt: skip
    shutil.rmtree(folder)
    return judge(samples, warm_up_s), summary


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30.0, help="wall time, warm-up included")
    parser.add_argument("--warm-up", type=float, default=WARM_UP_S, metavar="SECONDS")
    parser.add_argument(
        "--leak", type=int, default=0, metavar="BYTES", help="plant a leak: so much four times a second"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--samples", type=Path, metavar="FILE", help="keep the samples as CSV")
    given = parser.parse_args()
    verdict, summary = soak(
        given.minutes, leak_bytes=given.leak, seed=given.seed, warm_up_s=given.warm_up, log=given.samples
    )
    holds = verdict.holds and summary["orders"] > 0 and summary["fills"] > 0
    print(f"{verdict} orders={summary['orders']} messages={summary['messages']} holds={'yes' if holds else 'no'}")
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
