"""What `bot4 run --record` records of a perpetual tells its funding rates to a backtest, without a file of them."""

from __future__ import annotations

import gzip
import json

from builders.bot4_process import bot4
from builders.exchange_process import exchange_process
from builders.live_process import EAGER
from builders.live_usdm import SETTINGS


def test_what_is_recorded_of_a_perpetual_settles_its_funding(tmp_path):
    recorded = tmp_path / "btcusdt.gz"
    with exchange_process("--seed", "7", "--futures", "--funding-interval", "2") as (_, at):
        (tmp_path / "bot4.toml").write_text(SETTINGS.format(**at) + EAGER)
        done = bot4(
            "run", "--venue", "binance", "--market", "usdm", "--config", tmp_path / "bot4.toml", "--duration", "6",
            "--record", recorded, "--data-dir", tmp_path / "data", "--quiet",
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = [line for line in gzip.decompress(recorded.read_bytes()).splitlines() if b"markPriceUpdate" in line]
    told = {json.loads(line[line.index(b"{") :])["data"]["T"] for line in lines}
    assert len(told) >= 2, "settlements went by"
    done = bot4("backtest", recorded, "--data-dir", tmp_path / "backtest", "--quiet", "--json", "-")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    (note,) = [text for text in result["notes"] if "by the rates recorded" in text]
    settled = int(note.split("was settled ")[1].split()[0])
    assert len(told) - 1 <= settled <= len(told)
    assert not [text for text in result["notes"] if "without funding rates" in text]
