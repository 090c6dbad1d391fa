"""What SQLite's errors mean to the engine: full, damaged, or simply not done.

One function, one table. SQLite says FULL only for ENOSPC; a quota (EDQUOT) and a file size limit
(EFBIG) come as I/O errors and are told apart by the system's errno.
"""

from __future__ import annotations

from errno import EDQUOT, EFBIG, ENOSPC

import apsw

from polyrhythm.base.errors import DataLoss, PolyrhythmError, StoreError, StoreFull

NO_SPACE = (ENOSPC, EDQUOT, EFBIG)
# After these the connection is sound and a rollback is all it takes: nothing reached the disk.
HARMLESS = (apsw.FullError, apsw.ConstraintError, apsw.BusyError, apsw.TooBigError)


def is_full(error: apsw.Error, errno: int) -> bool:
    """Return whether an error means that there is no space."""
    return isinstance(error, apsw.FullError) or (
        isinstance(error, apsw.IOError) and errno in NO_SPACE
    )


def refusal(error: apsw.Error, errno: int, path: str) -> PolyrhythmError:
    """Return the error of ours for one of SQLite's."""
    text = str(error) or type(error).__name__
    if is_full(error, errno):
        return StoreFull(f"no space left for {path} ({text}); free some and go on")
    if isinstance(error, apsw.CorruptError):
        return DataLoss(f"{path} is damaged ({text}); run `poly db check`, restore a backup")
    if isinstance(error, apsw.NotADBError):
        return StoreError(f"{path} is not a SQLite database")
    if isinstance(error, apsw.CantOpenError):
        return StoreError(f"cannot open {path}: is its directory there, and writable?")
    if isinstance(error, (apsw.ReadOnlyError, apsw.PermissionsError)):
        return StoreError(f"{path} is read-only: make it and its directory writable")
    if isinstance(error, apsw.BusyError):
        return StoreError(f"{path} is locked by another process that writes to it")
    if isinstance(error, apsw.ConstraintError):
        return StoreError(f"a batch contradicts what {path} holds: {text}")
    return StoreError(f"{path}: {text}")
