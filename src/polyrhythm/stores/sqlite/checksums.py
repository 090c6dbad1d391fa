"""Checksums of what is stored: each covers whose bytes they are as well as the bytes.

A damaged page that shows a row under another key is found out like a flipped bit.
"""

from __future__ import annotations

from zlib import crc32


def log_crc(run_key: int, sequence: int, events: bytes, notes: bytes) -> int:
    """Return the checksum of a log row."""
    return crc32(notes, crc32(events, crc32(b"%d %d" % (run_key, sequence))))


def object_crc(name: str, body: bytes) -> int:
    """Return the checksum of a named object."""
    return crc32(body, crc32(name.encode()))
