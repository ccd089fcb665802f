"""Writes the seed corpus of the scanner's fuzz target: frames of every shape, valid and faulty, and a dictionary.

Usage: python tests/fuzz/make_corpus.py FOLDER
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from oracles.wire_frames import INSTRUMENTS, Frames

#: What a mutation would have to find letter by letter.
WORDS = [
    '"stream":', '"data":', '"lastUpdateId":', '"bids":', '"asks":', '"symbol":', '"pu":', '"e":', '"b":',
    '"a":', '"k":',
    '"depthUpdate"', '"bookTicker"', '"aggTrade"', '"trade"', '"kline"', '"MARKET"', "@depth20@100ms", "\\u0031",
    "\\ud83d\\ude00", "1723161256000", "9223372036854775807", "true", "false", "null", '["1","2"]', "0.00001",
    *(row[0] for row in INSTRUMENTS),
]  # fmt: skip


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    rng = random.Random(2024)
    makers = [Frames(rng, share, max_levels=4, as_sent=sent) for sent in (False, True) for share in (0.0, 0.8)]
    for i in range(600):
        (folder / f"frame{i:03}").write_bytes(bytes([rng.randrange(256) | 1]) + makers[i % 4].next())
    lines = ('"' + "".join(f"\\x{byte:02x}" for byte in word.encode()) + '"\n' for word in WORDS)
    (folder.parent / "dictionary").write_text("".join(lines), encoding="ascii")


if __name__ == "__main__":
    main()
