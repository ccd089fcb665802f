"""The CSV row reader against its plain-Python twin."""

from __future__ import annotations

from decimal import Decimal
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles import wire_csv_rows as oracle

from bot4._core.wire.csv_rows import CsvKind, CsvRows

TICK, LOT = "0.05", "0.001"
SEEDS = st.integers(0, 2**64)  # one seed makes a dozen rows: the rows are the cases
ODD_DECIMALS = ("0", "00.5", "1.", ".5", "-1", "1e5", "", "9" * 30, "0.000", "12345678901234567.05", "7.0001")
ODD_TIMES = ("0", "1", "170000000000", "17000000000000000000", "soon", "")


def decimal(source: Random, step: str) -> str:
    """Mostly a number on the grid, at times with trailing zeros, at times anything."""
    if source.random() < 0.06:
        return source.choice(ODD_DECIMALS)
    value = source.randint(1, 2_000_000) * Decimal(step)
    return f"{value:f}" + source.choice(["", "", "0000"]) if source.random() < 0.96 else f"{value / 7:.6f}"


def whole(source: Random) -> str:
    return str(source.randint(0, 10**9)) if source.random() < 0.95 else source.choice(["", "-1", "1.5", "x", "1" * 19])


def when(source: Random) -> str:
    unit = source.choice([1, 1000])
    value = str(source.randint(1_500_000_000_000, 1_900_000_000_000) * unit)
    return value if source.random() < 0.95 else source.choice(ODD_TIMES)


def flag(source: Random) -> str:
    return (
        source.choice(["True", "False", "true", "false"])
        if source.random() < 0.95
        else source.choice(["1", "", "yes?"])
    )


def fields_of(source: Random, kind: int) -> list[str]:
    if kind == CsvKind.CSV_KLINES:
        prices = sorted(source.randint(1, 10**6) for _ in range(4))
        if source.random() < 0.1:
            source.shuffle(prices)
        low, start, end, high = (f"{ticks * Decimal(TICK):f}" for ticks in prices)
        if source.random() < 0.1:
            high = decimal(source, TICK)
        opened = when(source)
        span = source.choice([59_999, 59_999_999, -5])
        closed = str(int(opened) + span) if opened.isdigit() and source.random() < 0.9 else when(source)
        volume, bought = sorted((source.randint(0, 10**6) for _ in range(2)), reverse=source.random() < 0.95)
        lots = [f"{count * Decimal(LOT):f}" for count in (volume, bought)]
        return [
            opened,
            start,
            high,
            low,
            end,
            lots[0],
            closed,
            decimal(source, LOT),
            whole(source),
            lots[1],
            "0.7",
            "0",
        ]
    first = [whole(source), decimal(source, TICK), decimal(source, LOT)]
    if kind == CsvKind.CSV_AGG_TRADES:
        ids = [whole(source), whole(source)]
        if all(text.isdigit() for text in ids) and source.random() < 0.9:
            ids.sort(key=int)
        return [*first, *ids, when(source), flag(source), flag(source)]
    return [*first, decimal(source, LOT), when(source), flag(source), flag(source)]


def rows(source: Random, kind: int, count: int = 12) -> str:
    text = []
    for _ in range(count):
        fields = fields_of(source, kind)
        if source.random() < 0.08:
            fields = (fields + ["7"] * 3)[: source.choice([2, len(fields) - 1, len(fields) + 1, len(fields) + 2])]
        elif kind != CsvKind.CSV_KLINES and source.random() < 0.5:
            fields.pop()
        text.append(",".join(fields) + source.choice(["\n", "\n", "\r\n"]))
    return "".join(text)


def make(kind: int) -> CsvRows:
    return CsvRows(kind, TICK, LOT, instrument=3)


def check_against_oracle(reader: CsvRows, text: str) -> None:
    events, lines, rejects = reader.parse(text.encode())
    expected_rejects, expected = [], []
    for number, line in enumerate(text.split("\n")[:-1], 1):
        verdict, figures = oracle.row(line, reader.kind, Decimal(TICK), Decimal(LOT), first_line=number == 1)
        if verdict == oracle.OK:
            expected.append((number, figures))
        elif verdict != oracle.SKIPPED:
            expected_rejects.append((number, verdict))
    assert rejects == expected_rejects
    if reader.kind == CsvKind.CSV_KLINES:
        found = [_bar(events[i], events[i + 1], lines[i]) for i in range(0, len(events), 2)]
    else:
        assert set(events["kind"].tolist()) <= {3 if reader.kind == CsvKind.CSV_TRADES else 4}
        found = [_trade(events[i], lines[i]) for i in range(len(events))]
    assert found == expected


def _trade(event, line) -> tuple[int, dict[str, int]]:
    assert event["instrument"] == 3
    assert event["recv_ns"] == event["venue_ns"]
    names = ("price", "qty", "id", "first", "last")
    figures = {name: int(event[word]) for name, word in zip(names, "abcde", strict=True)}
    figures |= {"when": int(event["venue_ns"]), "maker": bool(event["flags"] & 8)}
    assert int(event["side"]) == int(figures["maker"])  # the seller took where the buyer was the maker
    return int(line), figures


def _bar(prices, flow, line) -> tuple[int, dict[str, int]]:
    assert (int(prices["kind"]), int(flow["kind"])) == (6, 7)
    assert (int(prices["flags"]), int(flow["flags"])) == (1 | 64, 2 | 64)
    figures = {
        name: int(prices[word]) for name, word in zip(("open", "high", "low", "close", "opened"), "abcde", strict=True)
    }
    words = zip(("volume", "bought", "count", "interval"), "abcd", strict=True)
    return int(line), figures | {name: int(flow[word]) for name, word in words} | {"when": int(flow["venue_ns"])}


@pytest.mark.parametrize("kind", [0, 1, 2])
@given(SEEDS)
def test_rows_are_read_or_refused_as_the_oracle_does(kind, seed):
    check_against_oracle(make(kind), rows(Random(seed), kind))


def test_the_rows_made_here_are_of_every_verdict():
    seen = dict.fromkeys(make(0).counts, 0)
    for kind in range(3):
        reader = make(kind)
        reader.parse("".join(rows(Random(seed), kind) for seed in range(400)).encode())
        seen = {name: count + reader.counts[name] for name, count in seen.items()}
    assert seen["ok"] > 5_000
    assert all(count for name, count in seen.items() if name != "skipped")


@given(st.binary(max_size=120), st.integers(0, 2))
def test_any_bytes_are_refused_or_read_as_the_oracle_does(raw, kind):
    check_against_oracle(make(kind), raw.decode("latin-1").encode("ascii", "replace").decode() + "\n")


class Broken:
    """The real reader with a planted fault."""

    def __init__(self, kind: int, fault: str) -> None:
        self.kind = kind
        self._reader, self._fault = make(kind), fault

    def parse(self, data: bytes):
        events, lines, rejects = self._reader.parse(data)
        if self._fault == "price":
            events["a"] += 1
        elif self._fault == "line":
            lines = lines + 1
        elif self._fault == "verdict":
            rejects = [(line, verdict + 1) for line, verdict in rejects]
        return events, lines, rejects


@pytest.mark.parametrize("fault", ["price", "line", "verdict"])
def test_control_a_broken_reader_is_caught(fault):
    text = "1,100.05,0.5,50.025,1700000000000,true\n2,100.01,0.5,50,1700000000000,true\n"
    check_against_oracle(make(0), text)
    with pytest.raises(AssertionError):
        check_against_oracle(Broken(0, fault), text)
