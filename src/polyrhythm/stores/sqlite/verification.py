"""Whether a file is sound, and a copy of it: the two things an operator asks for.

Both work on the owner's connection and, while another process owns the file, on a connection of
their own that only reads. A check walks SQLite's structure, every checksum, and whether each
run's log is whole. A copy is made by SQLite's backup interface under another name and renamed
when it is complete and on the disk, so that a file of the wanted name is never half a backup.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from os import fspath
from pathlib import Path

import apsw

from polyrhythm.base.errors import StoreError
from polyrhythm.stores.sqlite import logrows, refusals, schema, search_index
from polyrhythm.stores.sqlite.checksums import is_object_sound, is_snapshot_sound
from polyrhythm.stores.sqlite.database import sync_directory

PARTIAL = ".partial"
# In the order of the table, which reads each page once and every column from the row itself.
LOG_ROWS = f"SELECT {logrows.SELECTED} FROM log NOT INDEXED ORDER BY position"
SNAPSHOTS = "SELECT run_key, sequence, version, body, crc FROM snapshots"
OBJECTS = "SELECT namespace_key, kind, name, body, crc FROM objects"
GAPS = (
    "SELECT run_key FROM log GROUP BY run_key "
    "HAVING min(sequence) != 1 OR max(sequence) != count(*)"
)
ORPHANS = "SELECT DISTINCT run_key FROM log EXCEPT SELECT run_key FROM executions"


@dataclass(slots=True)
class Report:
    """What a check found. `structure` is what SQLite says of the file, empty when it is sound;
    the others are run keys, and names of objects."""

    log_rows: int = 0
    structure: list[str] = field(default_factory=list)
    damaged_logs: list[int] = field(default_factory=list)
    damaged_snapshots: list[int] = field(default_factory=list)
    damaged_objects: list[str] = field(default_factory=list)
    incomplete_logs: list[int] = field(default_factory=list)
    orphaned_logs: list[int] = field(default_factory=list)
    wrongly_indexed: list[int] = field(default_factory=list)

    def is_sound(self) -> bool:
        """Return whether nothing was found."""
        return self == Report(log_rows=self.log_rows)


def check(connection: apsw.Connection) -> Report:
    """Walk everything; damage is reported, not raised."""
    report = Report()
    try:
        found = connection.execute("PRAGMA integrity_check").fetchall()
        report.structure = [str(text) for (text,) in found if text != "ok"]
        _check_bytes(connection, report)
    except apsw.Error as error:
        report.structure.append(str(error))
    return report


def _check_bytes(connection: apsw.Connection, report: Report) -> None:
    damaged: dict[int, None] = {}
    for values in connection.execute(LOG_ROWS):
        report.log_rows += 1
        if not logrows.is_sound(values):
            damaged[values[3]] = None
    report.damaged_logs = sorted(damaged)
    report.damaged_snapshots = [
        values[0] for values in connection.execute(SNAPSHOTS) if not is_snapshot_sound(values)
    ]
    report.damaged_objects = [
        values[2] for values in connection.execute(OBJECTS) if not is_object_sound(values)
    ]
    report.incomplete_logs = [run_key for (run_key,) in connection.execute(GAPS)]
    report.orphaned_logs = [run_key for (run_key,) in connection.execute(ORPHANS)]
    # A file that no server of this release has opened yet has no such index.
    if connection.execute("PRAGMA user_version").get >= search_index.SCHEMA_SINCE:
        report.wrongly_indexed = search_index.find_wrong(connection)


def backup(connection: apsw.Connection, path: str) -> None:
    """Copy the database of a connection to `path`. Raises StoreError if that exists."""
    if os.path.exists(path):
        raise StoreError(f"{path} exists; a backup is never written over another file")
    partial = path + PARTIAL
    try:
        target = apsw.Connection(partial)
        try:
            with target.backup("main", connection, "main") as copying:
                copying.step(-1)
            # One file is easier to carry than two; the store makes it a WAL file again.
            target.execute("PRAGMA journal_mode = DELETE")
        finally:
            target.close()
    except apsw.Error as error:
        raise refusals.refusal(error, 0, partial) from error
    _sync_file(partial)
    os.rename(partial, path)
    sync_directory(path)


def check_file(path: str | Path) -> Report:
    """Check a file that another process may own."""
    with Reader(fspath(path)) as connection:
        return check(connection)


def backup_file(path: str | Path, target: str | Path) -> None:
    """Copy a file that another process may own."""
    with Reader(fspath(path)) as connection:
        backup(connection, fspath(target))


class Reader:
    """A connection that only reads, for as long as a `with` block."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.connection: apsw.Connection | None = None

    def __enter__(self) -> apsw.Connection:
        if not os.path.exists(self.path):
            raise StoreError(f"there is no file {self.path}")
        try:
            self.connection = apsw.Connection(self.path, apsw.SQLITE_OPEN_READONLY)
            self.connection.set_busy_timeout(5000)
            schema.read_version(self.connection, self.path)
        except apsw.Error as error:
            raise refusals.refusal(error, 0, self.path) from error
        return self.connection

    def __exit__(self, *exception: object) -> None:
        if self.connection is not None:
            self.connection.close()


def _sync_file(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
