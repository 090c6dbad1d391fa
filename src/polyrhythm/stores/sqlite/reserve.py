"""Space set aside beside the database, so that closing down can commit on a full disk.

`<file>.reserve` is made of allocated blocks while there is room. When a commit finds no space the
file is removed, once; what it held is what the last commits need. It is made again as soon as
the disk has several times its size to spare, so that it never takes the last of it.
"""

from __future__ import annotations

import os
from contextlib import suppress

SUFFIX = ".reserve"
# The disk must have this many times the reserve free before it is made (again).
SPARE_FACTOR = 4


class Reserve:
    """The reserve of one database file."""

    def __init__(self, path: str, size: int) -> None:
        self.path = path + SUFFIX
        self.size = size
        self.held = False

    def hold(self) -> bool:
        """Set the space aside if there is plenty; return whether it is, True for a reserve of
        nothing. Never an error."""
        if self.held or not self.size:
            return True
        with suppress(OSError):
            space = os.statvfs(os.path.dirname(self.path) or ".")
            if space.f_bavail * space.f_frsize >= SPARE_FACTOR * self.size:
                _allocate(self.path, self.size)
                self.held = True
                return True
        self.release()
        return False

    def release(self) -> None:
        """Give the space back."""
        self.held = False
        with suppress(OSError):
            os.unlink(self.path)


def _allocate(path: str, size: int) -> None:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(descriptor, 0, size)
        else:
            # Without the call (macOS) blocks are taken by writing them.
            os.pwrite(descriptor, bytes(size), 0)
    finally:
        os.close(descriptor)
