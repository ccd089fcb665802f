"""The frame of PostgreSQL's binary COPY format.

A file is a header, rows and a trailer. A row is the number of its fields (int16), then each field as its length (int32)
and its bytes, all big-endian. Source: PostgreSQL documentation, SQL command COPY, "Binary Format".
"""

COPY_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
"""Signature, no flags, no extension."""

COPY_TRAILER = b"\xff\xff"
"""A row of -1 fields."""
