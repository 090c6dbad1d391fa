"""One batch as statements inside an open transaction: creations, updates, log rows, deletions.

Owns the write SQL. Everything goes in by `executemany`. An update names only the groups of
columns that changed: SQLite rewrites an index entry for every column named. What was there before
the writer says, or it is read. A batch that contradicts the stored rows raises StoreError and the
caller rolls back. Log positions are given out here, from one counter, and never used twice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from operator import attrgetter
from typing import Any

import apsw

from polyrhythm.base.errors import LaneLost, StoreError
from polyrhythm.stores.port import Batch, NamespaceRow, RunRow, RunWrite, Snapshot
from polyrhythm.stores.sqlite import logrows, search_index, work_index
from polyrhythm.stores.sqlite.checksums import snapshot_crc
from polyrhythm.stores.sqlite.objects import write_objects

RUN_COLUMNS = tuple(f.name for f in fields(RunRow))
NAMESPACE_VALUES = attrgetter(*(f.name for f in fields(NamespaceRow)))
RUN_VALUES = attrgetter(*RUN_COLUMNS)

IDENTITY = ("namespace_key", "kind", "workflow_id", "run_id", "start_ns")
# Columns that change together, the indexed ones by the index they move a row in.
PLACE = ("status", "close_ns")
DUE = ("due_ns",)
WORK = ("work",)
OWES = ("owes",)
COUNTS = ("history_events", "history_bytes", "transitions")
# They hardly ever change, and the index of lists has them.
LISTED = ("workflow_type", "search_values")
DETAILS = tuple(
    c for c in RUN_COLUMNS[1:] if c not in (*IDENTITY, *PLACE, *DUE, *WORK, *OWES, *COUNTS, *LISTED)
)
GROUPS = (PLACE, DUE, WORK, OWES, DETAILS, LISTED)
IDENTITY_VALUES = attrgetter(*IDENTITY)
DETAIL_VALUES = attrgetter(*DETAILS)

EPOCH = "SELECT epoch FROM lanes WHERE lane = ?"
STORED = f"SELECT {', '.join(RUN_COLUMNS)} FROM executions WHERE run_key = ?"
INSERT_RUN = (
    f"INSERT INTO executions ({', '.join(RUN_COLUMNS)}) "
    f"VALUES ({', '.join('?' for _ in RUN_COLUMNS)})"
)
REPLACE_RUN = INSERT_RUN.replace("INSERT", "INSERT OR REPLACE", 1)
PUT_SNAPSHOT = (
    "INSERT INTO snapshots (run_key, sequence, version, crc, body) VALUES (?, ?, ?, ?, ?) "
    "ON CONFLICT (run_key) DO UPDATE SET sequence = excluded.sequence, "
    "version = excluded.version, crc = excluded.crc, body = excluded.body"
)
PUT_NAMESPACE = (
    "INSERT INTO namespaces (namespace_key, name, namespace_id, retention_ns, body) "
    "VALUES (?, ?, ?, ?, ?) ON CONFLICT (namespace_key) DO UPDATE SET name = excluded.name, "
    "namespace_id = excluded.namespace_id, retention_ns = excluded.retention_ns, "
    "body = excluded.body"
)
# Keys and positions of deleted rows are not used again: what was the largest is kept.
KEEP_LAST = (
    "INSERT INTO meta (key, value) VALUES (?, ?) "
    "ON CONFLICT (key) DO UPDATE SET value = max(value, excluded.value)"
)
RUN_KEY_LAST = (
    "SELECT max(coalesce((SELECT max(run_key) FROM executions), 0), "
    "coalesce((SELECT value FROM meta WHERE key = 'run_key_last'), 0))"
)
POSITION_LAST = (
    "SELECT max(coalesce((SELECT max(position) FROM log), 0), "
    "coalesce((SELECT value FROM meta WHERE key = 'position_last'), 0))"
)
DELETE_RUN = (
    "DELETE FROM executions WHERE run_key = ?",
    "DELETE FROM log WHERE run_key = ?",
    "DELETE FROM snapshots WHERE run_key = ?",
)


def _update(changed: int) -> tuple[str, Callable[[RunRow], tuple[Any, ...]]]:
    groups = [group for bit, group in enumerate(GROUPS) if changed & (1 << bit)]
    columns = (*COUNTS, *(column for group in groups for column in group))
    sets = ", ".join(f"{column} = ?" for column in columns)
    sql = f"UPDATE executions SET {sets} WHERE run_key = ?"
    return sql, attrgetter(*columns, "run_key")


# One statement for each set of groups that changed, with what takes its values from a row.
UPDATES = tuple(_update(changed) for changed in range(1 << len(GROUPS)))


def check_epoch(cursor: apsw.Cursor, lane: int, epoch: int) -> None:
    """Raise LaneLost unless the lane is still at this epoch."""
    if cursor.execute(EPOCH, (lane,)).get != epoch:
        raise LaneLost(f"lane {lane} is no longer ours (epoch {epoch})")


def write_batch(cursor: apsw.Cursor, batch: Batch, position: int) -> int:
    """Write a batch inside the open transaction; return the last log position used."""
    if len({write.row.run_key for write in batch.runs}) != len(batch.runs):
        raise StoreError("a run is written twice in one batch")
    if batch.namespaces:
        cursor.executemany(PUT_NAMESPACE, map(NAMESPACE_VALUES, batch.namespaces))
    created = [RUN_VALUES(write.row) for write in batch.runs if write.created]
    cursor.executemany(INSERT_RUN, created)
    work_index.add_lines(cursor, [w.row for w in batch.runs if w.created and w.row.work])
    search_index.index_created(cursor, (write.row for write in batch.runs if write.created))
    _update_runs(cursor, [write for write in batch.runs if not write.created])
    entries = []
    for write in batch.runs:
        run_key, committed_ns = write.row.run_key, batch.committed_ns
        for entry in write.earlier:
            position += 1
            entries.append(logrows.log_values(run_key, entry, position, committed_ns))
        if write.log is not None:
            position += 1
            entries.append(logrows.log_values(run_key, write.log, position, committed_ns))
    cursor.executemany(logrows.INSERT, entries)
    snapshots = [_snapshot_values(s) for write in batch.runs if (s := write.snapshot)]
    if snapshots:
        cursor.executemany(PUT_SNAPSHOT, snapshots)
    if batch.objects:
        write_objects(cursor, batch.objects)
    if batch.deleted_runs:
        _delete_runs(cursor, batch.deleted_runs, position)
    return position


def replace_rows(cursor: apsw.Cursor, rows: list[RunRow]) -> None:
    """Write rows whole, whatever is there, inside the open transaction."""
    # An index may disagree with the row that is to go, which SQLite refuses to delete then.
    cursor.execute("REINDEX executions")
    cursor.executemany(REPLACE_RUN, map(RUN_VALUES, rows))
    work_index.rebuild(cursor)
    search_index.rebuild(cursor)


def _update_runs(cursor: apsw.Cursor, writes: list[RunWrite]) -> None:
    values: dict[int, list[tuple[Any, ...]]] = {}
    moved: list[tuple[RunRow, RunRow]] = []
    indexed: list[tuple[RunRow, RunRow]] = []
    for write in writes:
        row = write.row
        before = write.before or _read_row(cursor, row.run_key)
        changed = _changed_groups(before, row)
        if before.work != row.work:
            moved.append((before, row))
        if before.search_values or row.search_values:
            indexed.append((before, row))
        values.setdefault(changed, []).append(UPDATES[changed][1](row))
    written = cursor.connection.total_changes()
    for changed, rows in values.items():
        cursor.executemany(UPDATES[changed][0], rows)
    if cursor.connection.total_changes() - written != len(writes):
        raise StoreError("a run that is updated does not exist")
    if moved:
        work_index.move_lines(cursor, moved)
    search_index.index_changed(cursor, indexed)


def _changed_groups(before: RunRow, row: RunRow) -> int:
    if IDENTITY_VALUES(before) != IDENTITY_VALUES(row):
        raise StoreError(f"run {row.run_key} cannot become another run")
    return (
        (before.status != row.status or before.close_ns != row.close_ns)
        | (before.due_ns != row.due_ns) << 1
        | (before.work != row.work) << 2
        | (before.owes != row.owes) << 3
        | (DETAIL_VALUES(before) != DETAIL_VALUES(row)) << 4
        | (before.search_values != row.search_values or before.workflow_type != row.workflow_type)
        << 5
    )


def _read_row(cursor: apsw.Cursor, run_key: int) -> RunRow:
    stored = cursor.execute(STORED, (run_key,)).fetchone()
    if stored is None:
        raise StoreError(f"run {run_key} does not exist")
    return RunRow(*stored)


def _snapshot_values(one: Snapshot) -> tuple[Any, ...]:
    key = (one.run_key, one.sequence, one.version)
    return (*key, snapshot_crc(*key, one.body), one.body)


def _delete_runs(cursor: apsw.Cursor, run_keys: list[int], position: int) -> None:
    cursor.execute(KEEP_LAST, ("run_key_last", cursor.execute(RUN_KEY_LAST).get))
    cursor.execute(KEEP_LAST, ("position_last", position))
    work_index.forget_runs(cursor, run_keys)
    search_index.forget_runs(cursor, run_keys)
    keys = [(run_key,) for run_key in run_keys]
    for sql in DELETE_RUN:
        cursor.executemany(sql, keys)
