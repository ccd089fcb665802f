"""Runs of the reasoned policy whose positions nothing but a stop ends, and how they are waited for and ended."""

from __future__ import annotations

import json
import signal
import time
import urllib.request
from contextlib import contextmanager
from decimal import Decimal

# A belief that nobody measured, so that the market sees entries at all; nothing but the stop ends a position. One entry
# is the whole of it: a position that grows has its stop moved, and a kill would meet it on its way.
STOPS = """
[strategy]
policy = "reasoned"
position_notional = "500"
enter_score = 0.05
take_score = 0.05
exit_score = 1.0
cooldown_ms = {cooldown_ms}
bar_interval_ms = 200
[gate]
prior_bps = 1000
prior_samples = 1000
samples_min = 0
standard_errors = 0
confirm_bars = 0
timeframes_min = 0
confidence_min = 0
regimes = ["bull", "bear", "sideways", "crisis"]
[regime]
warm_up_bars = 2
[stops]
atr_multiple = 0.0
min_bps = {least}
chandelier_multiple = 0.0
breakeven_reward = 0.0
targets = []
"""

STOOD_S = 0.5


@contextmanager
def begun():
    """Yield a list for the runs a test starts; those that a failed test leaves are killed."""
    runs = []
    yield runs
    for process in runs:
        if process.poll() is None:
            process.kill()
            process.communicate()


def until(process, condition, what: str):
    deadline = time.monotonic() + 60
    while not (found := condition()):
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline, f"not within a minute: {what}"
        time.sleep(0.02)
    return found


def standing(process, look):
    """Wait for the one stop at the venue that has stood for half a second: no kill meets it while it is moved."""
    seen, since_s = [], 0.0

    def stood():
        nonlocal seen, since_s
        now = look()
        names = [row.get("clientAlgoId") or row["clientOrderId"] for row in now]
        if names != seen:
            seen, since_s = names, time.monotonic()
        return now[0] if len(now) == 1 and time.monotonic() - since_s >= STOOD_S else None

    return until(process, stood, "a stop that stands at the venue")


def resting_beyond(url: str, trigger: Decimal, beyond: int, *, is_sell: bool) -> Decimal:
    """A price behind a trigger, as far as the next order that rests there: a trade at it triggers the stop."""
    with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - an address of this machine
        book = json.load(answer)
    prices = [Decimal(price) for price, _ in book["bids" if is_sell else "asks"]]
    if is_sell:
        return min([trigger - beyond, *[price for price in prices if price <= trigger][:1]])
    return max([trigger + beyond, *[price for price in prices if price >= trigger][:1]])


def ended(process) -> dict:
    """End a run in order; its summary."""
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    return json.loads(out)
