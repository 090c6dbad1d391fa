"""A store without a file: the same semantics as the others, at the speed of dictionaries.

It is what the simulator runs on. A crash of the process is played by `reopen`: a second handle on
the same tables, whose claim raises the epoch, so that whatever the first handle still tries to
commit gets LaneLost. Faults come from outside: a `Faults` object is asked before a batch is
written (raise StoreFull or StoreError: nothing was written) and after it (raise: it was written,
but its owner does not know). Nothing here knows a clock, a thread or a random number.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from heapq import nsmallest
from typing import Protocol

from polyrhythm.base.conditions import DIVISION, OPEN_LAST, UNREAD
from polyrhythm.base.errors import LaneLost, StoreError
from polyrhythm.base.work import LineCount, LineName
from polyrhythm.stores.memory.conditions import meets, value_of
from polyrhythm.stores.memory.tables import Tables, check_batch, read_log_rows, write_batch
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


class Faults(Protocol):
    """What a test may do to a commit; each method raises to make it fail there."""

    def before_commit(self, batch: Batch) -> None:
        """Raise StoreFull, StoreError or LaneLost: nothing is written."""
        ...

    def after_commit(self, batch: Batch) -> None:
        """Raise StoreError: everything is written and the owner is not told."""
        ...


class MemoryStore:
    """The Store of the simulator; `tables` outlives handles."""

    def __init__(self, faults: Faults | None = None, tables: Tables | None = None) -> None:
        self.traits = Traits(durable=False, durability="memory", shared=False)
        self.faults = faults
        self.tables = tables if tables is not None else Tables()
        self._closed = False

    def reopen(self, faults: Faults | None = None) -> MemoryStore:
        """Return a new handle on what was committed, as a process finds it after a crash."""
        return MemoryStore(faults, self.tables)

    def claim_lane(self, lane: int, owner: str, address: str) -> LaneOwner:
        """Become the owner; there is no second process, so nobody ever holds it against us."""
        before = self.tables.lanes.get(lane)
        epoch = before.epoch + 1 if before else 1
        self.tables.lanes[lane] = LaneOwner(lane, owner, address, epoch, 0)
        return replace(self.tables.lanes[lane])

    def commit(self, batch: Batch) -> None:
        """Write a batch whole, or raise and write nothing."""
        if self._closed:
            raise StoreError("the store is closed")
        if self.faults is not None:
            self.faults.before_commit(batch)
        owner = self.tables.lanes.get(batch.lane)
        if owner is None or owner.epoch != batch.epoch:
            raise LaneLost(f"lane {batch.lane} is no longer ours (epoch {batch.epoch})")
        check_batch(self.tables, batch)
        write_batch(self.tables, batch)
        if self.faults is not None:
            self.faults.after_commit(batch)

    def find_space(self) -> bool:
        """Return True: only a test's faults fill this store."""
        return True

    def run_key_last(self) -> int:
        """Return the largest run key ever used, 0 for none."""
        return self.tables.run_key_last

    def find_current(self, namespace_key: int, kind: int, workflow_id: str, before: int = 0) -> int:
        """Return the run key of the newest run of an id, 0 for none; `before`: of those with a
        smaller key."""
        found = self.tables.by_id.get((namespace_key, kind, workflow_id), [])
        older = found[: bisect_left(found, before)] if before else found
        return older[-1] if older else 0

    def find_run(self, namespace_key: int, kind: int, workflow_id: str, run_id: str) -> int:
        """Return the run key of exactly this run, 0 for none."""
        return self.tables.by_run_id.get((namespace_key, kind, workflow_id, run_id), 0)

    def load_row(self, run_key: int) -> RunRow | None:
        """Return a run's row."""
        values = self.tables.runs.get(run_key)
        return RunRow(*values) if values is not None else None

    def load_run(self, run_key: int, fold_version: int) -> StoredRun | None:
        """Return what a state is rebuilt from."""
        row = self.load_row(run_key)
        if row is None:
            return None
        values = self.tables.snapshots.get(run_key)
        snapshot = Snapshot(*values) if values is not None else None
        if snapshot is not None and snapshot.version != fold_version:
            snapshot = None
        done = snapshot.sequence if snapshot is not None else 0
        log = [entry for entry in read_log_rows(self.tables, run_key) if entry.sequence > done]
        return StoredRun(row, snapshot, log)

    def read_log(self, run_key: int, first_event_id: int, limit: int) -> list[LogRow]:
        """Return log rows that hold events from `first_event_id` on."""
        rows = read_log_rows(self.tables, run_key)
        wanted = [
            row
            for row in rows
            if row.event_count and row.first_event_id + row.event_count > first_event_id
        ]
        return wanted[:limit]

    def scan_due(self, after: tuple[int, int], limit: int) -> list[tuple[int, int]]:
        """Return open runs' (due_ns, run_key) past `after`, ascending."""
        due = ((due_ns, run_key) for run_key, due_ns in self.tables.due.items())
        return nsmallest(limit, (entry for entry in due if entry > after))

    def scan_work(
        self, line: LineName, after: tuple[int, int], limit: int
    ) -> list[tuple[int, int]]:
        """Return (since_ns, run_key) of rows with work in this line past `after`, ascending."""
        lines = self.tables.work.get((line.namespace_key, line.kind, line.queue), {})
        waiting = lines.get((line.priority, line.fairness_key), {})
        offers = ((since_ns, run_key) for run_key, (since_ns, _) in waiting.items())
        return nsmallest(limit, (entry for entry in offers if entry > after))

    def scan_lines(
        self, namespace_key: int, work_kind: int, queue: str, after: tuple[int, str], limit: int
    ) -> list[tuple[int, str]]:
        """Return the (priority, fairness_key) of a queue's lines past `after`, ascending."""
        lines = self.tables.work.get((namespace_key, work_kind, queue), {})
        past = (after[0], after[1].encode())
        named = ((priority, key.encode()) for priority, key in lines)
        found = nsmallest(limit, (name for name in named if name > past))
        return [(priority, key.decode()) for priority, key in found]

    def count_work(self, namespace_key: int, work_kind: int, queue: str) -> list[LineCount]:
        """Return what waits in a queue, by priority, ascending."""
        found: dict[int, LineCount] = {}
        lines = self.tables.work.get((namespace_key, work_kind, queue), {})
        for (priority, _), waiting in lines.items():
            for since_ns, count in waiting.values():
                total = found.setdefault(priority, LineCount(priority, 0, since_ns))
                total.count += count
                total.since_ns = min(total.since_ns, since_ns)
        return [found[priority] for priority in sorted(found)]

    def scan_work_queues(self) -> list[tuple[int, int, str, int]]:
        """Return (namespace_key, work_kind, queue, lines of runs) of all that waits."""
        return sorted(
            (*queue, sum(map(len, lines.values()))) for queue, lines in self.tables.work.items()
        )

    def scan_owing(self, after: int, limit: int) -> list[int]:
        """Return run keys greater than `after` that owe messages, ascending."""
        return nsmallest(limit, (run_key for run_key in self.tables.owing if run_key > after))

    def scan_unread(self, limit: int) -> list[int]:
        """Return the keys of runs whose search values are still to be made, ascending."""
        rows = (RunRow(*values) for values in self.tables.runs.values())
        return nsmallest(limit, (row.run_key for row in rows if row.search_values == UNREAD))

    def scan_expired(self, namespace_key: int, close_ns_max: int, limit: int) -> list[int]:
        """Return the keys of runs that closed at `close_ns_max` or before and owe no message."""
        expired = (
            (row.kind, row.close_ns, row.start_ns, row.run_key)
            for row in (RunRow(*values) for values in self.tables.runs.values())
            if row.namespace_key == namespace_key and 0 < row.close_ns <= close_ns_max
            if not row.owes
        )
        return [entry[-1] for entry in nsmallest(limit, expired)]

    def list_runs(self, wanted: RunFilter) -> list[RunRow]:
        """Return one page of runs."""
        found = [(_place(row), row) for row in self._matching(wanted)]
        if wanted.after is not None:
            close_ns, start_ns, run_key = wanted.after
            last = (close_ns or OPEN_LAST, start_ns, run_key)
            found = [entry for entry in found if entry[0] < last]
        found.sort(key=lambda entry: entry[0], reverse=True)
        return [row for _, row in found[: wanted.limit]]

    def count_runs(self, wanted: RunFilter) -> int:
        """Return how many runs match, whatever `after` and `limit` say."""
        return sum(1 for _ in self._matching(wanted))

    def list_by_key(
        self, wanted: RunFilter, key_after: int, key_last: int, limit: int
    ) -> list[RunRow]:
        """Return matching runs of a range of keys, by key."""
        found = (row for row in self._matching(wanted) if key_after < row.run_key <= key_last)
        return nsmallest(limit, found, key=lambda row: row.run_key)

    def count_by_status(self, wanted: RunFilter) -> dict[int, int]:
        """The same for each status that has any, in their order."""
        return dict(sorted(Counter(row.status for row in self._matching(wanted)).items()))

    def load_namespaces(self) -> Iterable[NamespaceRow]:
        """Return all namespaces."""
        return [
            NamespaceRow(*self.tables.namespaces[key]) for key in sorted(self.tables.namespaces)
        ]

    def scan_log(self, namespace_key: int, after: int, limit: int) -> list[LogEntry]:
        """Return a namespace's log rows past a position, in the order of their commits."""
        found: list[LogEntry] = []
        for position in range(after + 1, len(self.tables.positions) + 1):
            run_key, sequence = self.tables.positions[position - 1]
            row = self.load_row(run_key)
            if row is None or row.namespace_key != namespace_key:
                continue
            entry = read_log_rows(self.tables, run_key)[sequence - 1]
            found.append(LogEntry(position, row.workflow_id, row.run_id, row.workflow_type, entry))
            if len(found) == limit:
                break
        return found

    def position_last(self) -> int:
        """Return the last position of the log."""
        return len(self.tables.positions)

    def load_object(self, namespace_key: int, kind: int, name: str) -> ObjectRow | None:
        """Return a named object."""
        body = self.tables.objects.get((namespace_key, kind, name))
        return ObjectRow(namespace_key, kind, name, body) if body is not None else None

    def list_objects(
        self, namespace_key: int, kind: int, after: str, limit: int
    ) -> list[ObjectRow]:
        """Return objects of a kind whose names follow `after`, by name."""
        found = [
            ObjectRow(*key, body)
            for key, body in sorted(self.tables.objects.items())
            if key[:2] == (namespace_key, kind) and key[2] > after
        ]
        return found[:limit]

    def close(self) -> None:
        """End this handle; the tables stay for whoever reopens them."""
        self._closed = True

    def _matching(self, wanted: RunFilter) -> Iterable[RunRow]:
        for values in self.tables.runs.values():
            row = RunRow(*values)
            if (row.namespace_key, row.kind) == (wanted.namespace_key, wanted.kind) and _matches(
                row, wanted
            ):
                yield row


def _place(row: RunRow) -> tuple[int, int, int]:
    return (row.close_ns or OPEN_LAST, row.start_ns, row.run_key)


def _matches(row: RunRow, wanted: RunFilter) -> bool:
    """Compare the conditions that are set; a close time condition never matches an open run."""
    listed = (
        (row.workflow_id, wanted.workflow_ids),
        (row.run_id, wanted.run_ids),
        (row.workflow_type, wanted.workflow_types),
        (row.task_queue, wanted.task_queues),
        (row.status, wanted.statuses),
    )
    if any(values is not None and value not in values for value, values in listed):
        return False
    if wanted.excluded_statuses is not None and row.status in wanted.excluded_statuses:
        return False
    if not wanted.divided and value_of(row, DIVISION) is not None:
        return False
    if wanted.condition is not None and meets(row, wanted.condition) is not True:
        return False
    close = (wanted.close_ns_min, wanted.close_ns_max)
    if close != (None, None) and not (row.close_ns and _within(row.close_ns, *close)):
        return False
    return _within(row.start_ns, wanted.start_ns_min, wanted.start_ns_max)


def _within(value: int, low: int | None, high: int | None) -> bool:
    return (low is None or value >= low) and (high is None or value <= high)
