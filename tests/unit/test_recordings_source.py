"""Recorded bytes: compression, chunks of whole lines, damage, bounds."""

from __future__ import annotations

import gzip
import os
import zipfile
import zlib

import pytest

from bot4.adapters.recordings import source as source_module
from bot4.adapters.recordings.source import Source
from bot4.domain.errors import DataError, NoInputError

LINES = b"".join(b"%d line of some length\n" % i for i in range(5_000))


def write_zip(path, members, method=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


@pytest.fixture(params=["plain", "gzip", "zip"])
def lines_file(request, tmp_path):
    path = tmp_path / "lines.csv"
    if request.param == "plain":
        path.write_bytes(LINES)
    elif request.param == "gzip":
        path = tmp_path / "lines.csv.gz"
        path.write_bytes(gzip.compress(LINES))
    else:
        path = write_zip(tmp_path / "lines.zip", {"lines.csv": LINES})
    return request.param, path


@pytest.mark.parametrize("compress", [bytes, gzip.compress], ids=["plain", "gzip"])
@pytest.mark.parametrize("content", [LINES, b"ab", b""])
def test_a_byte_order_mark_is_no_content(tmp_path, compress, content):
    """Left in front of a dump's first row it made that row a header, and the row was lost without a word."""
    path = tmp_path / "marked"
    path.write_bytes(compress(b"\xef\xbb\xbf" + content))
    assert b"".join(Source(path).chunks()).rstrip(b"\n") == content.rstrip(b"\n")
    assert Source(path).head(100) == content[:100]


@pytest.mark.parametrize("size", [1, 100, 4_096, 1 << 22])
def test_chunks_are_whole_lines_and_join_to_the_content(lines_file, size):
    kind, path = lines_file
    source = Source(path)
    chunks = list(source.chunks(size))
    assert b"".join(chunks) == LINES
    assert all(chunk.endswith(b"\n") for chunk in chunks)
    assert source.compression == kind
    assert source.name == "lines.csv"
    assert source.damage is None
    assert source.content_bytes == len(LINES)
    assert source.bytes_read == source.bytes_total == path.stat().st_size


def test_head_leaves_the_source_whole(lines_file):
    source = Source(lines_file[1])
    assert source.head(1_000) == LINES[:1_000]
    assert b"".join(source.chunks()) == LINES


def test_a_last_line_without_its_line_end_is_delivered_with_one(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"one\ntwo")
    assert list(Source(path).chunks()) == [b"one\ntwo\n"]


def test_gzip_members_behind_one_another_are_one_stream(tmp_path):
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(b"one\ntw") + gzip.compress(b"o\nthree\n") + b"\0" * 100)
    source = Source(path)
    assert b"".join(source.chunks()) == b"one\ntwo\nthree\n"
    assert source.damage is None


@pytest.mark.parametrize("kept", [0.02, 0.3, 0.7, 0.99])
def test_a_truncated_gzip_keeps_its_whole_lines_and_tells(tmp_path, kept):
    path = tmp_path / "a.gz"
    whole = gzip.compress(os.urandom(20_000).hex().encode() + b"\n" + LINES)
    path.write_bytes(whole[: int(len(whole) * kept)])
    source = Source(path)
    content = b"".join(source.chunks())
    assert content == b"" or content.endswith(b"\n")
    assert source.damage is not None
    assert "truncated" in source.damage.reason
    assert source.damage.offset >= len(content)
    assert str(source.damage).endswith(f"truncated; {source.damage.offset:,} bytes of content were read")


def test_a_corrupt_gzip_keeps_what_came_before_and_tells(tmp_path):
    path = tmp_path / "a.gz"
    raw = bytearray(gzip.compress(LINES * 20))
    raw[len(raw) // 2 : len(raw) // 2 + 40] = b"\xff" * 40
    path.write_bytes(raw)
    source = Source(path)
    content = b"".join(source.chunks())
    # Deflate has no marks inside: what follows the fault may be garbage for a while before it shows.
    sound = len(LINES * 20) // 3
    assert content[:sound] == (LINES * 20)[:sound]
    assert source.damage is not None
    assert "corrupt" in source.damage.reason


def test_a_gzip_with_a_wrong_checksum_is_told(tmp_path):
    path = tmp_path / "a.gz"
    raw = bytearray(gzip.compress(LINES))
    raw[-6] ^= 1
    path.write_bytes(raw)
    source = Source(path)
    assert b"".join(source.chunks()) == LINES
    assert source.damage is not None
    assert "corrupt" in source.damage.reason


def test_a_corrupt_zip_member_is_told(tmp_path):
    path = write_zip(tmp_path / "a.zip", {"a.csv": LINES}, zipfile.ZIP_STORED)
    raw = bytearray(path.read_bytes())
    raw[500] ^= 0xFF
    path.write_bytes(raw)
    source = Source(path)
    list(source.chunks())
    assert source.damage is not None
    assert "corrupt" in source.damage.reason


@pytest.mark.parametrize("members", [{}, {"a.csv": b"1\n", "b.csv": b"2\n"}, {"folder/": b""}])
def test_a_zip_must_hold_exactly_one_file(tmp_path, members):
    with pytest.raises(DataError, match="exactly one file"):
        Source(write_zip(tmp_path / "a.zip", members))


def test_a_truncated_zip_is_refused(tmp_path):
    path = write_zip(tmp_path / "a.zip", {"a.csv": LINES})
    path.write_bytes(path.read_bytes()[:-60])
    with pytest.raises(DataError, match="broken or truncated zip"):
        Source(path)


def test_an_encrypted_zip_is_refused(tmp_path):
    path = write_zip(tmp_path / "a.zip", {"a.csv": b"1\n"})
    raw = bytearray(path.read_bytes())
    for magic, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        raw[raw.index(magic) + offset] |= 1
    path.write_bytes(raw)
    with pytest.raises(DataError, match="encrypted"):
        Source(path)


@pytest.mark.parametrize(
    ("start", "name"),
    [(b"\x28\xb5\x2f\xfd", "zstandard"), (b"\xfd7zXZ\0", "xz"), (b"BZh9", "bzip2"), (b"PAR1", "parquet")],
)
def test_other_compressions_are_named_in_the_refusal(tmp_path, start, name):
    path = tmp_path / "a"
    path.write_bytes(start + b"\0" * 20)
    with pytest.raises(DataError, match=name):
        Source(path)


def test_missing_empty_and_special_files_are_refused(tmp_path):
    with pytest.raises(NoInputError, match="no such file"):
        Source(tmp_path / "nowhere")
    with pytest.raises(NoInputError, match="directory"):
        Source(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(NoInputError, match="not a regular file"):
        Source(tmp_path / "pipe")
    (tmp_path / "empty").touch()
    with pytest.raises(DataError, match="is empty"):
        Source(tmp_path / "empty")


def test_a_line_beyond_the_bound_ends_the_stream(tmp_path, monkeypatch):
    monkeypatch.setattr(source_module, "LINE_BYTES_MAX", 1 << 20)
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(b"first\n" + b"x" * (3 << 20)))
    source = Source(path)
    assert b"".join(source.chunks(100)) in (b"first\n", b"")
    assert source.damage is not None
    assert "longer than" in source.damage.reason


def test_a_bomb_is_not_decompressed_to_its_end(tmp_path, monkeypatch):
    monkeypatch.setattr(source_module, "BOMB_FLOOR_BYTES", 1 << 20)
    path = tmp_path / "bomb.gz"
    engine = zlib.compressobj(9, zlib.DEFLATED, 31)
    with path.open("wb") as file:
        for _ in range(64):
            file.write(engine.compress(b"\n" * (1 << 20)))
        file.write(engine.flush())
    source = Source(path)
    produced = sum(len(chunk) for chunk in source.chunks())
    assert source.damage is not None
    assert "times its size" in source.damage.reason
    assert produced < 64 << 20


def test_a_chunk_size_below_one_is_refused(tmp_path):
    (tmp_path / "a").write_bytes(b"1\n")
    with pytest.raises(ValueError, match="size must be at least 1, was 0"):
        list(Source(tmp_path / "a").chunks(0))


def test_a_zip_packed_in_a_way_that_is_not_read_is_refused(tmp_path):
    path = write_zip(tmp_path / "lines.zip", {"lines.csv": LINES})
    raw = bytearray(path.read_bytes())
    for magic, offset in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):  # the method's field, in both headers
        at = raw.index(magic) + offset
        raw[at : at + 2] = (99).to_bytes(2, "little")
    path.write_bytes(raw)
    with pytest.raises(DataError, match="is a zip that cannot be read"):
        list(Source(path).chunks())
