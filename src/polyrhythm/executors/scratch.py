"""The folder in which an executor keeps the files of its pods, and the remains of dead ones.

A scratch holds a lock as long as its process lives; whoever opens one beside it deletes those
whose lock is free. So a killed engine leaves nothing behind for longer than until the next start.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import Callable

PREFIX = "polyrhythm-steps-"
LOCK = "lock"


class Scratch:
    """One folder of one executor, with a folder for each pod."""

    def __init__(self, parent: str = "") -> None:
        """Below `parent`, which is the system's temporary folder when empty."""
        parent = os.path.abspath(parent or tempfile.gettempdir())
        os.makedirs(parent, exist_ok=True)
        _sweep(parent)
        self.path = tempfile.mkdtemp(prefix=PREFIX, dir=parent)
        self._lock = os.open(os.path.join(self.path, LOCK), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        self._count = 0
        self._closed = False

    def new_folder(self) -> str:
        """An empty folder for one pod."""
        self._count += 1
        path = os.path.join(self.path, str(self._count))
        os.mkdir(path, 0o700)
        return path

    def close(self) -> None:
        """Delete everything. Idempotent."""
        if not self._closed:
            self._closed = True
            remove_tree(self.path)
            os.close(self._lock)


def remove_tree(path: str) -> None:
    """Delete a folder, also one whose modes a step has taken away; what cannot go stays."""
    shutil.rmtree(path, onerror=_retry_writable)


def _retry_writable(call: Callable[..., object], path: str, _: object) -> None:
    try:
        for each in (os.path.dirname(path), path):
            if not os.path.islink(each):
                os.chmod(each, stat.S_IRWXU)
        if call in (os.open, os.scandir):
            shutil.rmtree(path, ignore_errors=True)
        else:
            call(path)
    except OSError:
        return


def _sweep(parent: str) -> None:
    for name in os.listdir(parent):
        folder = os.path.join(parent, name)
        if not name.startswith(PREFIX) or os.lstat(folder).st_uid != os.getuid():
            continue
        try:
            lock = os.open(os.path.join(folder, LOCK), os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError:
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            remove_tree(folder)
        except BlockingIOError:
            continue
        finally:
            os.close(lock)
