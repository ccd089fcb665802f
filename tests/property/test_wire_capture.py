"""The capture splitter against its plain-Python twin."""

from __future__ import annotations

from functools import partial
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles import wire_capture as oracle

from bot4._core.wire.capture import count_capture, rest_symbol, split_capture, stamp_ns

STAMPS = st.one_of(
    st.integers(0, 10**20).map(str),
    st.sampled_from(
        ["1723161256172216566", "1660228022484228", "1723161256172", "1633998512.0633569", "9223372036", ""]
    ),
    st.tuples(st.integers(0, 10**12), st.text("0123456789x", max_size=12)).map(lambda pair: f"{pair[0]}.{pair[1]}"),
    st.text("0123456789.-+e ", max_size=24),
)
SEEDS = st.integers(0, 2**64)  # one seed makes a buffer of lines
PAYLOADS = (b'{"u":1}', b"[1,2]", b"{}", b"{", b"]", b'{"a":1', b"", b" {} ", b"\t[]\t", b"text", b'{"e":"trade"}')
STARTS = (
    b"wss://x <-> ",
    b"https://h/depth?symbol=AB&limit=1 -> ",
    b"http://h -> ",
    b"configuration: ",
    b"#",
    b"ws://",
)
WHOLE_STAMPS = ("1723161256172216566", "1660228022484228", "1723161256172", "1633998512.0633569", "9223372036", "")


def stamp(source: Random) -> str:
    chance = source.random()
    if chance < 0.6:
        return source.choice(WHOLE_STAMPS)
    if chance < 0.8:
        return str(source.randint(0, 10 ** source.randint(1, 20)))
    fraction = "".join(source.choice("0123456789x") for _ in range(source.randint(0, 12)))
    return f"{source.randint(0, 10**12)}.{fraction}"


def buffer(source: Random) -> bytes:
    parts = []
    for _ in range(source.randint(0, 12)):
        start = source.choice(STARTS) if source.random() < 0.4 else b""
        payload = source.choice(PAYLOADS) if source.random() < 0.9 else source.randbytes(12).replace(b"\n", b"")
        separator = source.choice([b" ", b": ", b":", b"", b"  "])
        parts.append(start + stamp(source).encode() + separator + payload + source.choice([b"\n", b"\n", b"\r\n", b""]))
    return b"".join(parts)


def found(split, data: bytes, layout: int) -> list[tuple[int, int, bytes]]:
    return [(verdict, recv_ns, data[start:end]) for verdict, _, recv_ns, start, end in split(data, layout)]


def check_against_oracle(split, data: bytes, layout: int) -> None:
    assert found(split, data, layout) == oracle.split(data, layout)


@given(SEEDS, st.integers(0, 2))
def test_every_line_is_split_as_the_oracle_splits_it(seed, layout):
    check_against_oracle(split_capture, buffer(Random(seed)), layout)


def test_the_lines_made_here_are_of_every_verdict():
    rows = [row for seed in range(300) for row in split_capture(buffer(Random(seed)), 1)]
    assert {verdict for verdict, *_ in rows} == {0, 1, 2, 3}


@given(st.binary(max_size=200), st.integers(0, 2))
def test_any_bytes_are_split_as_the_oracle_splits_them(data, layout):
    check_against_oracle(split_capture, data, layout)


@given(STAMPS)
def test_stamps_equal_the_oracles(text):
    assert stamp_ns(text) == oracle.stamp_ns(text)


@given(SEEDS, st.integers(0, 2))
def test_counts_and_consumed_bytes_agree_with_the_split(seed, layout):
    data = buffer(Random(seed))
    rows = split_capture(data, layout)
    counts = count_capture(data, layout)
    assert list(counts[:4]) == [sum(row[0] == verdict for row in rows) for verdict in range(4)]
    assert counts[4] == data.rfind(b"\n") + 1


@given(SEEDS, st.integers(0, 2), st.integers(1, 5))
def test_a_limit_takes_the_same_lines_a_few_at_a_time(seed, layout, limit):
    data = buffer(Random(seed))
    taken, at = [], 0
    while rows := split_capture(data[at:], layout, limit):
        assert len(rows) <= limit
        taken += [(row[0], row[1] + at) for row in rows]
        at = data.find(b"\n", at + rows[-1][1]) + 1
    assert taken == [(row[0], row[1]) for row in split_capture(data, layout)]


def broken_split(data: bytes, layout: int, *, fault: str) -> list[tuple[int, int, int, int, int]]:
    """The real splitter with a planted fault."""
    rows = split_capture(data, layout)
    if fault == "stamp":
        return [(v, o, r + 1 if r else r, s, e) for v, o, r, s, e in rows]
    if fault == "payload":
        return [(v, o, r, s, e - 1 if e else e) for v, o, r, s, e in rows]
    return rows[:-1]


@pytest.mark.parametrize("fault", ["stamp", "payload", "lost line"])
def test_control_a_broken_splitter_is_caught(fault):
    data = b'1723161256172216566 {"u":1}\n1723161256172216567 [2]\n'
    check_against_oracle(split_capture, data, 0)
    with pytest.raises(AssertionError):
        check_against_oracle(partial(broken_split, fault=fault), data, 0)


@given(st.text("abs=symbol?&/#", max_size=30), st.text("AB1", max_size=6))
def test_the_symbol_of_an_address_is_its_symbol_parameter(before, symbol):
    line = f"https://h/{before}?symbol={symbol}&limit=5 -> 1633998512.3: {{}}".encode()
    query = line.split(b" -> ")[0]
    expected = next(
        (part.removeprefix(b"symbol=").split(b"#")[0] for part in query.replace(b"?", b"&").split(b"&")[1:]
         if part.startswith(b"symbol=") and part.removeprefix(b"symbol=").split(b"#")[0]),
        None,
    )  # fmt: skip
    told = rest_symbol(line)
    if "symbol=" not in before:
        assert told == (expected.decode() if expected else None)
