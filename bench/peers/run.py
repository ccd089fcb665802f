"""bot4 beside hftbacktest and nautilus_trader: the same generated events, CPU time, medians, one run after the other.

    python bench/peers/run.py [REPEATS]

The peers live in an environment of their own (.venv-peers, made here where it is not there). nautilus_trader's 2.x line
needs Python 3.13; where that interpreter is not there its 1.221 runs instead, and that is said. The EMA cross and the
order every hundred quotes must end with exactly the cash of nautilus_trader, and all that the grid's fills are apart
from hftbacktest's must be explained (grid_fills.py), else this exits with 1.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from decimal import Decimal
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
ENVIRONMENT = ROOT / ".venv-peers"
HFTBACKTEST = "hftbacktest==2.4.4"
NAUTILUS, NAUTILUS_FIRST = "nautilus_trader==2.0.0rc7", "nautilus_trader==1.221.0"
SAME_CASH = ("EMA cross, Python", "EMA cross, compiled", "an order every 100 quotes, Python")


def newest_python() -> str | None:
    """A Python 3.13, or None."""
    candidates = [shutil.which("python3.13"), *map(str, sorted(Path.home().glob(".pyenv/versions/3.13*/bin/python")))]
    for candidate in candidates:
        if candidate is None:
            continue
        asked = subprocess.run([candidate, "-c", "import sys; print(sys.version_info[:2] == (3, 13))"],
                               capture_output=True, text=True, check=False)  # fmt: skip
        if asked.stdout.strip() == "True":
            return candidate
    return None


def peers_python() -> Path:
    """The interpreter of the peers' environment, which is made where it is not there."""
    python = ENVIRONMENT / "bin" / "python"
    if python.exists():
        return python
    chosen = newest_python() or sys.executable
    subprocess.run([chosen, "-m", "venv", ENVIRONMENT], check=True)
    for package in (HFTBACKTEST, NAUTILUS if newest_python() else NAUTILUS_FIRST):
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--pre", package], check=True)
    return python


def lines_of(python: str | Path, script: str, *words: object) -> list[dict]:
    """What a script prints, one JSON object a line; raises where it fails."""
    done = subprocess.run([python, HERE / script, *map(str, words)], check=False, text=True, stdout=subprocess.PIPE,
                          env={key: value for key, value in os.environ.items() if key != "PYTHONPATH"})  # fmt: skip
    if done.returncode:
        raise SystemExit(f"{script} failed with {done.returncode}")
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def trace_grid(python: Path, folder: str) -> bool:
    """Say where the grid's fills are apart from hftbacktest's, and whether all of that is explained."""
    trace = Path(folder) / "theirs.npz"
    subprocess.run([python, HERE / "peer_hftbacktest.py", folder, "trace", trace], check=True)
    return subprocess.run([sys.executable, HERE / "grid_fills.py", folder, trace], check=False).returncode == 0


def same_cash(rows: list[dict]) -> list[str]:
    """What differs between bot4's cash and nautilus_trader's, by run."""
    cash = {(row["engine"].split()[0], row["run"]): row.get("cash") for row in rows}
    found = []
    for run in SAME_CASH:
        theirs = cash.get(("nautilus_trader", run.replace("compiled", "Python")))
        if theirs is not None and Decimal(cash[("bot4", run)]) != Decimal(theirs):
            found.append(f"{run}: bot4 ends with {cash[('bot4', run)]}, nautilus_trader with {theirs}")
    return found


def main(words: list[str]) -> int:
    repeats = int(words[0]) if words else 3
    python = peers_python()
    version = subprocess.run([python, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    asked = [python, "-c", "import nautilus_trader; print(nautilus_trader.__version__)"]
    nautilus = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()
    print(f"peers run on {version}; bot4 on Python {sys.version.split()[0]}")
    print(f"nautilus_trader {nautilus}" if nautilus else "nautilus_trader is left out: it is not in the environment")
    if nautilus.startswith("1."):
        print("its 2.x line needs Python 3.13, which is not here")
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, HERE / "market.py", folder], check=True)
        rows = lines_of(sys.executable, "ours.py", folder, repeats)
        rows += lines_of(python, "peer_hftbacktest.py", folder, repeats)
        rows += lines_of(python, "peer_nautilus.py", folder, repeats) if nautilus else []
        is_explained = trace_grid(python, folder)
    for row in sorted(rows, key=lambda row: (row["run"], -row["events_per_s"])):
        outcome = f"cash {row['cash']}" if "cash" in row else f"fees {row['fees']}, {row['volume_lots']} lots"
        print(f"{row['run']:<34} {row['engine']:<32} {row['events_per_s'] / 1e6:8.2f} M events/s"
              f" {row['orders']:>8} orders  {outcome}")  # fmt: skip
    differences = same_cash(rows)
    for text in differences:
        print(f"CASH DIFFERS: {text}")
    if nautilus and not differences:
        print("cash equals nautilus_trader's in every run that both have, to the last digit")
    return 1 if differences or not is_explained else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
