"""Makes what a write-ahead log shows be what is on the disk, before anyone trusts it.

A log found at start-up, or after a failed sync, may be true in the page cache only: the process
before was killed between write and sync, or the kernel marked pages as written that were not
(after a failed fsync the next one succeeds and says nothing). SQLite would take such commits for
durable, and a crash in the next checkpoint would leave half of one in the database.
So the log is read, written again over itself, and synced: fresh writes, which the sync covers.
NOTE: a crash in between is harmless. What was durable is overwritten with equal bytes, and what
was not, nobody was told of.
"""

from __future__ import annotations

import os
from contextlib import suppress

import apsw

SUFFIX = "-wal"
# SQLite writes at most 128 kB at once.
CHUNK_BYTES = 1 << 16


def refresh_log(path: str, vfs: str) -> None:
    """Rewrite and sync the write-ahead log of a database nobody has open here, if it has one."""
    name = path + SUFFIX
    if not (os.path.exists(path) and os.path.exists(name)):
        return
    flags = apsw.SQLITE_OPEN_WAL | apsw.SQLITE_OPEN_READWRITE
    file = apsw.VFSFile(vfs, name, [flags, 0])
    try:
        size = file.xFileSize()
        for offset in range(0, size, CHUNK_BYTES):
            chunk = file.xRead(min(CHUNK_BYTES, size - offset), offset)
            file.xWrite(chunk, offset)
        if size:
            file.xSync(apsw.SQLITE_SYNC_FULL)
    finally:
        with suppress(apsw.Error):
            file.xClose()
