"""What the memory store keeps: rows as tuples in dictionaries, with the lookups reads need.

Rows are taken apart on the way in and built anew on the way out, so that nobody outside holds a
row of the store: an engine that changes a row after its commit is found out, as with a file.
`check_batch` refuses whatever contradicts the stored rows before `write_batch` changes anything;
writing cannot fail half way. It checks more than a database would, a log row out of sequence for
one, because this is the store that engines are simulated on. No clock and no randomness: equal
batches give equal tables.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from operator import attrgetter
from typing import Any

from polyrhythm.base.errors import StoreError
from polyrhythm.base.work import decode_work
from polyrhythm.stores.port import (
    Batch,
    LaneOwner,
    LogRow,
    NamespaceRow,
    RunRow,
    RunWrite,
)

Row = tuple[Any, ...]
Lines = dict[tuple[int, str], dict[int, tuple[int, int]]]

# One C call takes a row apart; about 0.6 us for the 24 fields of a RunRow.
RUN_VALUES = attrgetter(*(f.name for f in fields(RunRow)))
NAMESPACE_VALUES = attrgetter(*(f.name for f in fields(NamespaceRow)))
# What identifies a run for good: an update that changes any of it is refused.
IDENTITY = attrgetter("namespace_key", "kind", "workflow_id", "run_id", "start_ns")


@dataclass(slots=True)
class Tables:
    """Everything stored. `work` maps (namespace, kind, queue) to {(priority, key): {run: (since,
    count)}}, `due` and `owing` are keyed by run, `by_id` lists an id's runs, the oldest first."""

    lanes: dict[int, LaneOwner] = field(default_factory=dict)
    namespaces: dict[int, Row] = field(default_factory=dict)
    runs: dict[int, Row] = field(default_factory=dict)
    logs: dict[int, list[Row]] = field(default_factory=dict)
    snapshots: dict[int, Row] = field(default_factory=dict)
    by_id: dict[tuple[int, int, str], list[int]] = field(default_factory=dict)
    by_run_id: dict[tuple[int, int, str, str], int] = field(default_factory=dict)
    due: dict[int, int] = field(default_factory=dict)
    work: dict[tuple[int, int, str], Lines] = field(default_factory=dict)
    owing: set[int] = field(default_factory=set)
    objects: dict[tuple[int, int, str], bytes] = field(default_factory=dict)
    # The runs of all log rows in the order of their commits: a position is a place here, from 1.
    positions: list[tuple[int, int]] = field(default_factory=list)
    run_key_last: int = 0


def check_batch(tables: Tables, batch: Batch) -> None:
    """Raise StoreError for a batch that contradicts the stored rows; our fault, not a caller's."""
    seen: set[int] = set()
    for write in batch.runs:
        run_key = write.row.run_key
        if run_key in seen:
            raise StoreError(f"run {run_key} is written twice in one batch")
        seen.add(run_key)
        _check_write(tables, write)
    names = {row[1]: key for key, row in tables.namespaces.items()}
    for namespace in batch.namespaces:
        if names.setdefault(namespace.name, namespace.key) != namespace.key:
            raise StoreError(f"namespace {namespace.name} exists under another key")


def _check_write(tables: Tables, write: RunWrite) -> None:
    row = write.row
    stored = tables.runs.get(row.run_key)
    if write.created and stored is not None:
        raise StoreError(f"run {row.run_key} exists")
    if not write.created:
        if stored is None:
            raise StoreError(f"run {row.run_key} does not exist")
        if IDENTITY(RunRow(*stored)) != IDENTITY(row):
            raise StoreError(f"run {row.run_key} cannot become another run")
        # Other stores take the writer's word; here it is checked, so that tests find a wrong one.
        if write.before is not None and write.before != RunRow(*stored):
            raise StoreError(f"run {row.run_key} is not what its writer takes it for")
    sequence = len(tables.logs.get(row.run_key, ()))
    for log in (*write.earlier, write.log):
        sequence += 1
        if log is not None and (log.run_key != row.run_key or log.sequence != sequence):
            raise StoreError(f"run {row.run_key}: log row {log.sequence}, {sequence} is next")


def write_batch(tables: Tables, batch: Batch) -> None:
    """Write a batch that `check_batch` let pass."""
    for namespace in batch.namespaces:
        tables.namespaces[namespace.key] = NAMESPACE_VALUES(namespace)
    for write in batch.runs:
        _write_run(tables, write, batch.committed_ns)
    for one in batch.objects:
        key = (one.namespace_key, one.kind, one.name)
        if one.body is None:
            tables.objects.pop(key, None)
        else:
            tables.objects[key] = one.body
    for run_key in batch.deleted_runs:
        _delete_run(tables, run_key)


def _write_run(tables: Tables, write: RunWrite, committed_ns: int) -> None:
    row = write.row
    if write.created:
        identity = (row.namespace_key, row.kind, row.workflow_id)
        tables.by_id.setdefault(identity, []).append(row.run_key)
        tables.by_id[identity].sort()
        tables.by_run_id[(*identity, row.run_id)] = row.run_key
        tables.run_key_last = max(tables.run_key_last, row.run_key)
    else:
        _drop_work(tables, RunRow(*tables.runs[row.run_key]))
    tables.runs[row.run_key] = RUN_VALUES(row)
    _note_due_work_owing(tables, row)
    for log in (*write.earlier, write.log):
        if log is None:
            continue
        tables.positions.append((log.run_key, log.sequence))
        values = (log.run_key, log.sequence, log.first_event_id, log.event_count)
        tables.logs.setdefault(row.run_key, []).append(
            (*values, log.events, log.notes, committed_ns)
        )
    if (snapshot := write.snapshot) is not None:
        tables.snapshots[row.run_key] = (
            row.run_key,
            snapshot.sequence,
            snapshot.version,
            snapshot.body,
        )


def _note_due_work_owing(tables: Tables, row: RunRow) -> None:
    if row.due_ns > 0 and row.close_ns == 0:
        tables.due[row.run_key] = row.due_ns
    else:
        tables.due.pop(row.run_key, None)
    if row.owes > 0:
        tables.owing.add(row.run_key)
    else:
        tables.owing.discard(row.run_key)
    for line in decode_work(row.work):
        lines = tables.work.setdefault((row.namespace_key, line.kind, line.queue), {})
        waiting = lines.setdefault((line.priority, line.fairness_key), {})
        waiting[row.run_key] = (line.since_ns, line.count)


def _drop_work(tables: Tables, row: RunRow) -> None:
    for line in decode_work(row.work):
        queue = (row.namespace_key, line.kind, line.queue)
        lines = tables.work[queue]
        waiting = lines[line.priority, line.fairness_key]
        del waiting[row.run_key]
        if not waiting:
            del lines[line.priority, line.fairness_key]
        if not lines:
            del tables.work[queue]


def _delete_run(tables: Tables, run_key: int) -> None:
    stored = tables.runs.pop(run_key, None)
    if stored is None:
        return
    row = RunRow(*stored)
    identity = (row.namespace_key, row.kind, row.workflow_id)
    tables.by_id[identity].remove(run_key)
    if not tables.by_id[identity]:
        del tables.by_id[identity]
    tables.by_run_id.pop((*identity, row.run_id), None)
    _drop_work(tables, row)
    tables.due.pop(run_key, None)
    tables.owing.discard(run_key)
    tables.logs.pop(run_key, None)
    tables.snapshots.pop(run_key, None)


def read_log_rows(tables: Tables, run_key: int) -> list[LogRow]:
    """Return all log rows of a run, in order."""
    return [LogRow(*values) for values in tables.logs.get(run_key, ())]
