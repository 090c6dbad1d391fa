"""Checksums of snapshots and named objects: each covers whose bytes they are as well as the bytes.

A damaged page that shows a row under another key is found out like a flipped bit. Files of schema
3 and before have checksums of fewer columns; either is taken, for a flip that turns one into the
other is as rare as one that goes unseen.
"""

from __future__ import annotations

from typing import Any
from zlib import crc32

# What a flip in a record's header, which gives a column another type, comes out as.
_MISTYPED = (TypeError, AttributeError)


def snapshot_crc(run_key: int, sequence: int, version: int, body: bytes) -> int:
    """Return the checksum of a snapshot."""
    return crc32(body, crc32(b"%d %d %d" % (run_key, sequence, version)))


def object_crc(namespace_key: int, kind: int, name: str, body: bytes) -> int:
    """Return the checksum of a named object."""
    return crc32(body, crc32(b"%d %d %b" % (namespace_key, kind, name.encode())))


def is_snapshot_sound(values: tuple[Any, ...]) -> bool:
    """Whether (run_key, sequence, version, body, crc) is what was written."""
    run_key, sequence, version, body, crc = values
    try:
        return crc in (snapshot_crc(run_key, sequence, version, body), crc32(body))
    except _MISTYPED:
        return False


def is_object_sound(values: tuple[Any, ...]) -> bool:
    """Whether (namespace_key, kind, name, body, crc) is what was written."""
    namespace_key, kind, name, body, crc = values
    try:
        return crc in (
            object_crc(namespace_key, kind, name, body),
            crc32(body, crc32(name.encode())),
        )
    except _MISTYPED:
        return False
