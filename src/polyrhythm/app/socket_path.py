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


def inode_of(path: str) -> int:
    """Return which file stands at a path, 0 for none."""
    try:
        return os.stat(path).st_ino
    except FileNotFoundError:
        return 0


def remove_socket(path: str, inode: int) -> None:
    """Remove a socket, if it is still the one known by its inode.

    Its owner removes its own at the end, and one that was killed leaves it to the next owner. An
    owner whose lock was stolen must leave the path to the thief, who listens there already.
    """
    if inode and inode_of(path) == inode:
        os.unlink(path)
