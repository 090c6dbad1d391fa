"""The Store protocol on one SQLite file: who owns it, commits and reads.

Nothing is opened before `claim_lane`: a second process learns from the lock file alone that the
lane is held, and touches nothing. A commit is BEGIN IMMEDIATE, the epoch, the batch, COMMIT; one
fsync under durability `full`. Then, between commits, a checkpoint when one is due.
A commit that raises StoreFull, LaneLost or a StoreError about its contents wrote nothing. Any
other StoreError may come from a failed sync: whether the batch is there, the next read tells.
"""

from __future__ import annotations

from collections.abc import Iterable
from os import fspath
from pathlib import Path
from typing import Any

import apsw

from polyrhythm.base.conditions import OPEN_LAST
from polyrhythm.base.entities import EntityKind
from polyrhythm.base.errors import DataLoss, InvalidArgument, StoreFull
from polyrhythm.base.work import LineCount, LineName
from polyrhythm.stores.port import (
    Batch,
    LaneOwner,
    LogEntry,
    LogRow,
    NamespaceRow,
    ObjectRow,
    RunFilter,
    RunRow,
    Snapshot,
    StoredRun,
    Traits,
)
from polyrhythm.stores.sqlite import (
    lists,
    lockfile,
    logrows,
    objects,
    verification,
    work_index,
    writes,
)
from polyrhythm.stores.sqlite.checksums import is_snapshot_sound
from polyrhythm.stores.sqlite.database import Database
from polyrhythm.stores.sqlite.settings import MEMORY_PATH, SqliteSettings

ROW = f"SELECT {lists.COLUMNS} FROM executions WHERE run_key = ?"
CURRENT = (
    "SELECT run_key FROM executions INDEXED BY executions_by_id "
    "WHERE namespace_key = ? AND kind = ? AND workflow_id = ? AND run_key < ? "
    "ORDER BY run_key DESC LIMIT 1"
)
# Past every run key: SQLite's largest integer.
KEY_END = (1 << 63) - 1
EXACT = (
    "SELECT run_key FROM executions INDEXED BY executions_by_id "
    "WHERE namespace_key = ? AND kind = ? AND workflow_id = ? AND run_id = ? "
    "ORDER BY run_key DESC LIMIT 1"
)
ROW_AND_SNAPSHOT = (
    f"SELECT {', '.join(f'e.{name}' for name in writes.RUN_COLUMNS)}, "
    "s.sequence, s.version, s.body, s.crc FROM executions e "
    "LEFT JOIN snapshots s ON s.run_key = e.run_key AND s.version = ? WHERE e.run_key = ?"
)
LOG = (
    f"SELECT {logrows.SELECTED} FROM log INDEXED BY log_by_run WHERE run_key = ? AND sequence > ? "
)
LOG_TAIL = LOG + "ORDER BY sequence"
LOG_PAGE = LOG + "AND event_count > 0 ORDER BY sequence LIMIT ?"
# Walks back from the newest row, inside the index: histories are mostly read at their end.
LOG_START = (
    "SELECT sequence FROM log INDEXED BY log_by_run WHERE run_key = ? "
    "AND first_event_id BETWEEN 1 AND ? ORDER BY sequence DESC LIMIT 1"
)
DUE_TIED = (
    "SELECT due_ns, run_key FROM executions INDEXED BY executions_due "
    "WHERE due_ns > 0 AND close_ns = 0 AND due_ns = ? AND run_key > ? ORDER BY run_key LIMIT ?"
)
DUE_LATER = (
    "SELECT due_ns, run_key FROM executions INDEXED BY executions_due "
    "WHERE due_ns > 0 AND close_ns = 0 AND due_ns > ? ORDER BY due_ns, run_key LIMIT ?"
)
OWING = (
    "SELECT run_key FROM executions INDEXED BY executions_owing "
    "WHERE owes > 0 AND run_key > ? ORDER BY run_key LIMIT ?"
)
UNREAD_RUNS = (
    "SELECT run_key FROM executions INDEXED BY executions_unread WHERE search_values = '{}' "
    "ORDER BY run_key LIMIT ?"
)
# The index of lists, read from its end, needs no other: among 100,000 rows nothing is found in
# 0.005 ms and 50 runs in 0.05 ms.
EXPIRED = (
    "SELECT run_key FROM executions INDEXED BY executions_by_time WHERE namespace_key = ? "
    "AND kind = ? AND list_ns <= ? AND owes = 0 ORDER BY list_ns, start_ns, run_key LIMIT ?"
)
NAMESPACES = (
    "SELECT namespace_key, name, namespace_id, retention_ns, body FROM namespaces "
    "ORDER BY namespace_key"
)
PUT_LANE = (
    "INSERT INTO lanes (lane, owner, address, epoch, lease_ns) VALUES (?, ?, ?, 1, 0) "
    "ON CONFLICT (lane) DO UPDATE SET owner = excluded.owner, address = excluded.address, "
    "epoch = epoch + 1, lease_ns = 0 RETURNING epoch"
)


class SqliteStore:
    """A database of runs in one file; the constructor opens nothing."""

    def __init__(self, path: str | Path, settings: SqliteSettings | None = None) -> None:
        settings = settings if settings is not None else SqliteSettings()
        name = fspath(path)
        in_memory = settings.durability == "memory"
        if in_memory != (name == MEMORY_PATH):
            raise InvalidArgument(f"durability memory goes with the path {MEMORY_PATH} only")
        self.traits = Traits(durable=not in_memory, durability=settings.durability, shared=False)
        self._database = Database(name, settings)
        self._lock: int | None = None
        # The last log position given out; None when a failed commit left it unknown.
        self._position: int | None = None

    def claim_lane(self, lane: int, owner: str, address: str) -> LaneOwner:
        """Become the owner: lock the file, open it, raise the epoch. Raises LaneHeld while
        another process lives, StoreError when the file is not one of ours."""
        database = self._database
        if self._lock is None:
            if not database.in_memory:
                self._lock = lockfile.take_lock(database.path, owner, address)
        else:
            lockfile.write_holder(self._lock, owner, address)
        claimed = False
        try:
            if not database.is_open:
                database.open()
            try:
                epoch = self._raise_epoch(lane, owner, address)
            except StoreFull:
                # The reserve that an owner before us left behind is free now: whoever may end or
                # delete runs has to get in.
                database.rollback()
                epoch = self._raise_epoch(lane, owner, address)
            self._position = None
            claimed = True
        finally:
            if not claimed:
                self.close()
        return LaneOwner(lane, owner, address, epoch, 0)

    def _raise_epoch(self, lane: int, owner: str, address: str) -> int:
        database = self._database
        connection = database.connection()
        try:
            database.set_durable(durable=True)
            connection.execute("BEGIN IMMEDIATE")
            epoch = connection.execute(PUT_LANE, (lane, owner, address)).get
            connection.execute("COMMIT")
            database.set_durable(durable=False)
        except apsw.Error as error:
            raise database.refused(error) from error
        return int(epoch)

    def commit(self, batch: Batch) -> None:
        """Write a batch whole, or raise and write nothing."""
        database = self._database
        connection = database.connection()
        database.verify_in_place()
        position, self._position = self._position, None
        if position is None:
            position = self._read_int(writes.POSITION_LAST)
        try:
            cursor = connection.cursor()
            cursor.execute("BEGIN IMMEDIATE")
            writes.check_epoch(cursor, batch.lane, batch.epoch)
            position = writes.write_batch(cursor, batch, position)
            cursor.execute("COMMIT")
            self._position = position
        except apsw.Error as error:
            raise database.refused(error) from error
        finally:
            if self._position is None:
                database.rollback()
        database.tend()

    def replace_rows(self, owner: LaneOwner, rows: list[RunRow]) -> None:
        """Write rows of runs whole over damaged ones, and their indexes anew; all or nothing."""
        connection = self._database.connection()
        try:
            cursor = connection.cursor()
            cursor.execute("BEGIN IMMEDIATE")
            writes.check_epoch(cursor, owner.lane, owner.epoch)
            writes.replace_rows(cursor, rows)
            cursor.execute("COMMIT")
        except apsw.Error as error:
            raise self._database.refused(error) from error
        finally:
            self._database.rollback()

    def find_space(self) -> bool:
        """Set the reserve aside again; False while the disk has not several times its size."""
        return self._database.reserve.hold()

    def run_key_last(self) -> int:
        """Return the largest run key ever used, 0 for none."""
        return self._read_int(writes.RUN_KEY_LAST)

    def find_current(self, namespace_key: int, kind: int, workflow_id: str, before: int = 0) -> int:
        """Return the run key of the newest run of an id, 0 for none; `before`: of those with a
        smaller key."""
        return self._read_int(CURRENT, (namespace_key, kind, workflow_id, before or KEY_END))

    def find_run(self, namespace_key: int, kind: int, workflow_id: str, run_id: str) -> int:
        """Return the run key of exactly this run, 0 for none."""
        return self._read_int(EXACT, (namespace_key, kind, workflow_id, run_id))

    def load_row(self, run_key: int) -> RunRow | None:
        """Return a run's row."""
        rows = self._database.read(ROW, (run_key,))
        return RunRow(*rows[0]) if rows else None

    def load_run(self, run_key: int, fold_version: int) -> StoredRun | None:
        """Return what a state is rebuilt from. Raises DataLoss when a checksum does not match."""
        found = self._database.read(ROW_AND_SNAPSHOT, (fold_version, run_key))
        if not found:
            return None
        row = RunRow(*found[0][:-4])
        snapshot = _snapshot(run_key, *found[0][-4:])
        done = snapshot.sequence if snapshot is not None else 0
        log = self._read_log_rows(LOG_TAIL, (run_key, done))
        for expected, entry in enumerate(log, done + 1):
            if entry.sequence != expected:
                raise DataLoss(f"run {run_key}: log row {expected} is missing")
        return StoredRun(row, snapshot, log)

    def read_log(self, run_key: int, first_event_id: int, limit: int) -> list[LogRow]:
        """Return log rows that hold events from `first_event_id` on."""
        start = 0
        if first_event_id > 1:
            start = self._read_int(LOG_START, (run_key, first_event_id))
        # The row that starts at or before the event may end before it: then it is left out.
        rows = self._read_log_rows(LOG_PAGE, (run_key, max(start - 1, 0), limit + 1))
        wanted = [r for r in rows if r.first_event_id + r.event_count > first_event_id]
        return wanted[:limit]

    def scan_due(self, after: tuple[int, int], limit: int) -> list[tuple[int, int]]:
        """Return open runs' (due_ns, run_key) past `after`, ascending."""
        return self._page(DUE_TIED, DUE_LATER, (), after, limit)

    def scan_work(
        self, line: LineName, after: tuple[int, int], limit: int
    ) -> list[tuple[int, int]]:
        """Return (since_ns, run_key) of rows with work in this line past `after`, ascending."""
        return self._database.read(*work_index.line_query(line, after, limit))

    def scan_lines(
        self, namespace_key: int, work_kind: int, queue: str, after: tuple[int, str], limit: int
    ) -> list[tuple[int, str]]:
        """Return the (priority, fairness_key) of a queue's lines past `after`, ascending."""
        found: list[tuple[int, str]] = []
        while len(found) < limit:
            # One seek a line: a million offers of one key are skipped at once.
            values = (namespace_key, work_kind, queue, *after)
            rows = self._database.read(work_index.NEXT_LINE, values)
            if not rows:
                break
            after = rows[0]
            found.append(after)
        return found

    def count_work(self, namespace_key: int, work_kind: int, queue: str) -> list[LineCount]:
        """Return what waits in a queue, by priority, ascending."""
        rows = self._database.read(work_index.COUNTS, (namespace_key, work_kind, queue))
        return [LineCount(*values) for values in rows]

    def scan_work_queues(self) -> list[tuple[int, int, str, int]]:
        """Return (namespace_key, work_kind, queue, lines of runs) of all that waits."""
        return self._database.read(work_index.QUEUES)

    def scan_owing(self, after: int, limit: int) -> list[int]:
        """Return run keys greater than `after` that owe messages, ascending."""
        return [run_key for (run_key,) in self._database.read(OWING, (after, limit))]

    def scan_unread(self, limit: int) -> list[int]:
        """Return the keys of runs whose search values are still to be made, ascending."""
        return [run_key for (run_key,) in self._database.read(UNREAD_RUNS, (limit,))]

    def scan_expired(self, namespace_key: int, close_ns_max: int, limit: int) -> list[int]:
        """Return the keys of runs that closed at `close_ns_max` or before and owe no message."""
        expired: list[int] = []
        # Open runs stand at the other end.
        close_ns_max = min(close_ns_max, OPEN_LAST - 1)
        for kind in EntityKind:
            values = (namespace_key, kind, close_ns_max, limit - len(expired))
            expired += (run_key for (run_key,) in self._database.read(EXPIRED, values))
        return expired

    def list_runs(self, wanted: RunFilter) -> list[RunRow]:
        """Return one page of runs."""
        return [RunRow(*row) for row in self._database.read(*lists.list_statement(wanted))]

    def count_runs(self, wanted: RunFilter) -> int:
        """Return how many runs match, whatever `after` and `limit` say."""
        return self._read_int(*lists.count_statement(wanted))

    def list_by_key(
        self, wanted: RunFilter, key_after: int, key_last: int, limit: int
    ) -> list[RunRow]:
        """Return matching runs of a range of keys, by key."""
        statement = lists.key_statement(wanted, key_after, key_last, limit)
        return [RunRow(*row) for row in self._database.read(*statement)]

    def count_by_status(self, wanted: RunFilter) -> dict[int, int]:
        """The same for each status that has any, in their order."""
        [counts] = self._database.read(*lists.status_statement(wanted))
        return {status: count for status, count in enumerate(counts) if count}

    def load_namespaces(self) -> Iterable[NamespaceRow]:
        """Return all namespaces."""
        return [NamespaceRow(*row) for row in self._database.read(NAMESPACES)]

    def scan_log(self, namespace_key: int, after: int, limit: int) -> list[LogEntry]:
        """Return a namespace's log rows past a position, in the order of their commits."""
        rows = self._database.read(objects.LOG_FROM, (after, namespace_key, limit))
        return [objects.log_entry(row) for row in rows]

    def position_last(self) -> int:
        """Return the last position of the log ever used."""
        if self._position is None:
            return self._read_int(writes.POSITION_LAST)
        return self._position

    def load_object(self, namespace_key: int, kind: int, name: str) -> ObjectRow | None:
        """Return a named object. Raises DataLoss."""
        rows = self._database.read(objects.GET, (namespace_key, kind, name))
        return objects.object_row(rows[0]) if rows else None

    def list_objects(
        self, namespace_key: int, kind: int, after: str, limit: int
    ) -> list[ObjectRow]:
        """Return objects of a kind whose names follow `after`, by name. Raises DataLoss."""
        rows = self._database.read(objects.LIST, (namespace_key, kind, after, limit))
        return [objects.object_row(row) for row in rows]

    def check(self) -> verification.Report:
        """Check the file's structure and every checksum; reads all of it."""
        return verification.check(self._database.connection())

    def backup(self, path: str | Path) -> None:
        """Copy the database to a new file, whole, as of now."""
        verification.backup(self._database.connection(), fspath(path))

    def close(self) -> None:
        """Give the lane back and close the files."""
        self._database.close()
        if self._lock is not None:
            lockfile.release_lock(self._lock)
            self._lock = None

    def _read_log_rows(self, sql: str, values: tuple[int, ...]) -> list[LogRow]:
        """Read rows of the run that `values` begins with, each checked."""
        try:
            return [logrows.log_row(row) for row in self._database.read(sql, values)]
        except DataLoss as error:
            raise DataLoss(f"run {values[0]}: {error.message}") from error

    def _page(
        self, tied: str, later: str, key: tuple[Any, ...], after: tuple[int, int], limit: int
    ) -> list[tuple[int, int]]:
        """Rows past (value, run_key): first those of the same value, then those of greater ones.
        SQLite cannot seek by (column, rowid) in one step; a million equal timers need it."""
        rows = self._database.read(tied, (*key, *after, limit)) if after[0] > 0 else []
        if len(rows) < limit:
            rows += self._database.read(later, (*key, after[0], limit - len(rows)))
        return rows

    def _read_int(self, sql: str, values: tuple[Any, ...] = ()) -> int:
        rows = self._database.read(sql, values)
        return int(rows[0][0]) if rows else 0


def _snapshot(
    run_key: int, sequence: int | None, version: int, body: bytes, crc: int
) -> Snapshot | None:
    """A damaged snapshot is as good as none: it is a cache of the log."""
    if sequence is None or not is_snapshot_sound((run_key, sequence, version, body, crc)):
        return None
    return Snapshot(run_key, sequence, version, body)
