"""Who owns a file: an flock on `<file>.lock`, held for the process's life.

The kernel drops the lock when its holder dies, however it dies, so there is no lease to time out
and no stale lock to break. The owner writes its address into the file for those who come second.
NOTE: a second process may read the file between the owner's lock and its write and find the
address of an earlier owner, or none. It then dials an address that does not answer, and asks
again; it never becomes an owner by that, because only the lock decides.
The file is never unlinked: two processes could then hold locks on two files of one name.
"""

from __future__ import annotations

import fcntl
import json
import os

from polyrhythm.base.errors import LaneHeld, StoreError

SUFFIX = ".lock"
ADDRESS_BYTES_MAX = 4096


def take_lock(path: str, owner: str, address: str) -> int:
    """Return the descriptor that holds the lock. Raises LaneHeld while another process lives."""
    name = path + SUFFIX
    try:
        descriptor = os.open(name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreError(f"cannot create {name}: {error.strerror}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder, held_at = _read_holder(descriptor)
        os.close(descriptor)
        raise LaneHeld(f"{path} is open in another process ({holder})", held_at) from None
    except OSError as error:
        os.close(descriptor)
        raise StoreError(f"cannot lock {name}: {error.strerror}") from error
    write_holder(descriptor, owner, address)
    return descriptor


def write_holder(descriptor: int, owner: str, address: str) -> None:
    """Put the owner's name and address into the lock file, for those who come second."""
    text = json.dumps({"owner": owner, "address": address, "pid": os.getpid()})
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, text.encode(), 0)
    except OSError:
        # On a full disk the lock holds all the same; others only miss the address.
        return


def release_lock(descriptor: int) -> None:
    """Empty the file and give the lock back."""
    os.ftruncate(descriptor, 0)
    os.close(descriptor)


def _read_holder(descriptor: int) -> tuple[str, str]:
    try:
        holder = json.loads(os.pread(descriptor, ADDRESS_BYTES_MAX, 0))
        return str(holder["owner"]), str(holder["address"])
    except (OSError, ValueError, KeyError, TypeError):
        return "its address is not known yet", ""
