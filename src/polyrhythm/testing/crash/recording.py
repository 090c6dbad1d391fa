"""A VFS that writes down what SQLite asks of the disk, and can be told to fail.

Everything is passed on to the system's VFS, so the files are real and reads are true. Temporary
files without a name are not recorded. `faults` maps an operation ("read", "write", "sync") to the
fault it fails with for as long as it is there; a failed sync is recorded as such, because it leaves
the disk in a state of its own, and a failed write has written the first half of its bytes.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

import apsw


class Kind(IntEnum):
    """What happened. MAYBE and SURE are the workload's: a state that a crash from now on may
    leave, and the only one it may leave."""

    WRITE = 1
    TRUNCATE = 2
    SYNC = 3
    SYNC_FAILED = 4
    DELETE = 5
    MAYBE = 6
    SURE = 7


@dataclass(slots=True)
class Operation:
    """One operation on a file, by base name; `at` is an offset or a size, for a deletion 1 when
    the directory was synced with it."""

    kind: Kind
    name: str
    at: int = 0
    data: bytes = b""


@dataclass(slots=True)
class Fault:
    """A SQLite result code to fail with: after so many operations, so many times; `file` is the
    only file's name it is for, empty for all."""

    code: int
    after: int = 0
    times: int = 1 << 62
    file: str = ""


@dataclass(slots=True)
class Recorder:
    """The operations so far and the faults in force."""

    operations: list[Operation] = field(default_factory=list)
    faults: dict[str, Fault] = field(default_factory=dict)

    def note(self, kind: Kind, name: str, at: int = 0, data: bytes = b"") -> None:
        """Append an operation."""
        self.operations.append(Operation(kind, name, at, data))

    def fault(self, operation: str, file: str) -> Exception | None:
        """Return SQLite's error if this operation is to fail."""
        fault = self.faults.get(operation)
        if fault is None or (fault.file and fault.file != file):
            return None
        fault.after -= 1
        if -fault.times <= fault.after < 0:
            return apsw.exception_for(fault.code)
        return None


class RecordedFile:
    """One open file: an apsw file of the system's VFS, with its changes written down.

    There is no xShm: a write-ahead log over this VFS needs exclusive locking.
    """

    def __init__(self, recorder: Recorder, name: str, file: apsw.VFSFile) -> None:
        self.recorder = recorder
        self.name = name
        self.file = file
        self.xClose = file.xClose
        self.xFileSize = file.xFileSize
        self.xLock = file.xLock
        self.xUnlock = file.xUnlock
        self.xCheckReservedLock = file.xCheckReservedLock
        self.xFileControl = file.xFileControl
        self.xSectorSize = file.xSectorSize
        self.xDeviceCharacteristics = file.xDeviceCharacteristics

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802 (SQLite's name)
        """Write bytes at an offset."""
        fault = self.recorder.fault("write", self.name)
        if fault is not None:
            self._write(data[: len(data) // 2], offset)
            raise fault
        self._write(data, offset)

    def _write(self, data: bytes, offset: int) -> None:
        self.recorder.note(Kind.WRITE, self.name, offset, bytes(data))
        self.file.xWrite(data, offset)

    def xRead(self, size: int, offset: int) -> bytes:  # noqa: N802 (SQLite's name)
        """Read bytes at an offset."""
        fault = self.recorder.fault("read", self.name)
        if fault is not None:
            raise fault
        return self.file.xRead(size, offset)

    def xTruncate(self, size: int) -> None:  # noqa: N802 (SQLite's name)
        """Cut the file."""
        self.recorder.note(Kind.TRUNCATE, self.name, size)
        self.file.xTruncate(size)

    def xSync(self, flags: int) -> None:  # noqa: N802 (SQLite's name)
        """Write down that all earlier changes of this file are durable from here on.

        The sync itself is not passed on: the recorded disk is the one that crashes."""
        fault = self.recorder.fault("sync", self.name)
        if fault is not None:
            self.recorder.note(Kind.SYNC_FAILED, self.name)
            raise fault
        self.recorder.note(Kind.SYNC, self.name)


def install(recorder: Recorder, name: str) -> apsw.VFS:
    """Register a recording VFS; `unregister()` it when done."""

    def open_file(vfs: apsw.VFS, path: Any, flags: list[int]) -> Any:
        file = apsw.VFSFile("", path, flags)
        if path is None:
            return file
        text = path if isinstance(path, str) else path.filename()
        return RecordedFile(recorder, os.path.basename(text), file)

    def delete_file(vfs: apsw.VFS, path: str, sync_directory: bool) -> None:
        recorder.note(Kind.DELETE, os.path.basename(path), int(sync_directory))
        apsw.VFS.xDelete(vfs, path, sync_directory)

    # apsw takes a VFS only as a subclass of its own; this one has two methods and no more.
    methods = {"xOpen": open_file, "xDelete": delete_file}
    made: apsw.VFS = type("RecordingVfs", (apsw.VFS,), methods)(name, "")
    return made
