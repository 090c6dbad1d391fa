"""Where the owner of a file listens for other processes on the same file.

Beside the file, as `<file>.sock`, so that whoever may write there may attach. A Unix socket's path
has room for 107 bytes; a longer one goes to a folder of this user's own in the system's folder for
temporary files, under a name made from the file's. The owner writes the address it chose into its
lock file: nobody else computes it.
"""

from __future__ import annotations

import hashlib
import os
import tempfile

# sockaddr_un has 108 bytes with the closing zero, on Linux; 104 on BSD and macOS.
PATH_BYTES_MAX = 103


def socket_path(database: str) -> str:
    """Return the path of the owner's socket; makes the folder of a path that is too long."""
    beside = os.path.realpath(database) + ".sock"
    if len(os.fsencode(beside)) <= PATH_BYTES_MAX:
        return beside
    folder = os.path.join(tempfile.gettempdir(), f"polyrhythm-{os.getuid()}")
    os.makedirs(folder, mode=0o700, exist_ok=True)
    if os.stat(folder).st_uid != os.getuid():
        raise PermissionError(f"{folder} belongs to somebody else")
    name = hashlib.sha256(os.fsencode(beside)).hexdigest()[:32]
    return os.path.join(folder, name + ".sock")


def remove_socket(path: str) -> None:
    """Remove what an owner that was killed has left; only the owner of the file may do it."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        return
