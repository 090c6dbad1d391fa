"""The Store protocol: what the engine needs of a database, and nothing of how it is done.

A store keeps rows and bytes; it knows no event, note or state. One `commit` is one transaction
and, under durability `full`, one fsync: it either happened whole or raises and changed nothing.
A StoreError that is neither StoreFull nor LaneLost may come from a failed sync: then the next
read tells which of the two it was. Every commit names the owner's epoch and is refused with
LaneLost when another process has taken the lane. Everything is keyed by namespace. Reads see all
commits of this owner, at once.
Errors: StoreFull when there is no space, LaneLost, DataLoss for damaged bytes (naming the run),
StoreError for everything else. Calls are made from one thread at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Protocol

from polyrhythm.base.conditions import Condition
from polyrhythm.base.entities import EntityKind
from polyrhythm.base.work import LineCount, LineName


@dataclass(slots=True)
class Traits:
    """What a store can do; asked by name of the trait, never by name of the store."""

    durable: bool
    durability: str
    shared: bool


@dataclass(slots=True)
class RunRow:
    """One run's row: its identity, what lists show, and what recovery looks for.

    Times are nanoseconds since 1970, 0 for none. `work` says in which lines of which queues it has
    offers (`encode_work`); stores keep an index of them.
    `owes` is the number of messages other runs have not applied yet. `parent_*` and `root_*` (the
    top of the family) are empty for a run without a parent. `search_values` is a JSON object of
    what conditions ask for, by `search_key`: scalars, lists of keywords, texts as {"text": tokens};
    empty when there is none.
    """

    run_key: int
    namespace_key: int
    kind: int
    workflow_id: str
    run_id: str
    first_run_id: str
    workflow_type: str
    task_queue: str
    start_ns: int
    execution_ns: int
    status: int
    close_ns: int = 0
    due_ns: int = 0
    owes: int = 0
    work: str = ""
    history_events: int = 0
    history_bytes: int = 0
    transitions: int = 0
    memo: bytes = b""
    search_attributes: bytes = b""
    parent_workflow_id: str = ""
    parent_run_id: str = ""
    root_workflow_id: str = ""
    root_run_id: str = ""
    search_values: str = ""


@dataclass(slots=True)
class LogRow:
    """One commit's part of a run's log. `events` is a serialized History, `notes` a serialized
    NoteList; `sequence` counts the run's rows from 1; `first_event_id` 0 when there are none;
    `committed_ns` is read from the store, which takes it from the batch."""

    run_key: int
    sequence: int
    first_event_id: int
    event_count: int
    events: bytes
    notes: bytes
    committed_ns: int = 0


@dataclass(slots=True)
class Snapshot:
    """A state after `sequence` rows; `version` is the fold's version that wrote it."""

    run_key: int
    sequence: int
    version: int
    body: bytes


@dataclass(slots=True)
class NamespaceRow:
    """A namespace; `body` is a serialized description kept by the engine."""

    key: int
    name: str
    namespace_id: str
    retention_ns: int
    body: bytes


class ObjectKind(IntEnum):
    """What a named object is."""

    PERMIT = 1
    PROJECTION = 2
    QUEUE = 3
    DEPLOYMENT = 4


@dataclass(slots=True)
class ObjectRow:
    """A named value of a namespace, beside the runs; `body` is the engine's, None deletes it."""

    namespace_key: int
    kind: int
    name: str
    body: bytes | None


@dataclass(slots=True)
class LogEntry:
    """A log row with its place in the order of all commits, and whose it is."""

    position: int
    workflow_id: str
    run_id: str
    workflow_type: str
    row: LogRow


@dataclass(slots=True)
class RunWrite:
    """What one commit does to one run. `created`: the row is new and becomes the current run of
    its workflow id. `row` is written whole; `log` may be None when only the row changed.
    A batch has one RunWrite a run at most; an update never changes the row's namespace, kind,
    ids or start time. What contradicts the stored rows is a StoreError. `before` is the row as
    it is stored, if the writer knows it: a store may take its word and need not read. `earlier`:
    rows that come before `log`, of a created run that is taken over whole from elsewhere."""

    row: RunRow
    created: bool = False
    log: LogRow | None = None
    snapshot: Snapshot | None = None
    before: RunRow | None = None
    earlier: Sequence[LogRow] = ()


@dataclass(slots=True)
class Batch:
    """Everything one turn writes. Deletions come last and take log and snapshot along; a run that
    is not there is no error."""

    lane: int
    epoch: int
    committed_ns: int
    runs: list[RunWrite] = field(default_factory=list)
    namespaces: list[NamespaceRow] = field(default_factory=list)
    deleted_runs: list[int] = field(default_factory=list)
    objects: list[ObjectRow] = field(default_factory=list)


@dataclass(slots=True)
class StoredRun:
    """What a run's state is rebuilt from: its row, the newest snapshot of the asked fold version
    (or None), and all log rows after it, in order."""

    row: RunRow
    snapshot: Snapshot | None
    log: list[LogRow]


@dataclass(slots=True)
class LaneOwner:
    """Who owns a lane. `lease_ns` 0: held until the process ends (a file lock)."""

    lane: int
    owner: str
    address: str
    epoch: int
    lease_ns: int


@dataclass(slots=True)
class RunFilter:
    """A conjunction of simple conditions for a list of runs; None means any, an empty list
    matches nothing (excluded: everything), a close time condition never matches an open run.
    `condition` is one more, of any kind; `divided`: runs of divisions too.

    Order: open runs first, then by close time, start time and run key, newest first; `after` is
    the (close_ns, start_ns, run_key) of the last row seen (close_ns 0 for open)."""

    namespace_key: int
    kind: int = EntityKind.WORKFLOW
    workflow_ids: Sequence[str] | None = None
    run_ids: Sequence[str] | None = None
    workflow_types: Sequence[str] | None = None
    task_queues: Sequence[str] | None = None
    statuses: Sequence[int] | None = None
    excluded_statuses: Sequence[int] | None = None
    start_ns_min: int | None = None
    start_ns_max: int | None = None
    close_ns_min: int | None = None
    close_ns_max: int | None = None
    condition: Condition | None = None
    divided: bool = True
    after: tuple[int, int, int] | None = None
    limit: int = 1000


class Store(Protocol):
    """A database of runs."""

    traits: Traits

    def claim_lane(self, lane: int, owner: str, address: str) -> LaneOwner:
        """Become the owner: the epoch rises by one. Raises LaneHeld while another process lives
        (with the address where it answers)."""
        ...

    def commit(self, batch: Batch) -> None:
        """Write a batch whole, or raise and write nothing."""
        ...

    def find_space(self) -> bool:
        """Set space aside again that a StoreFull has used up; return whether there is enough of
        it to take new work."""
        ...

    def run_key_last(self) -> int:
        """Return the largest run key ever used, 0 for none."""
        ...

    def find_current(self, namespace_key: int, kind: int, workflow_id: str, before: int = 0) -> int:
        """Return the run key of the newest run of an id, 0 for none; `before`: of those with a
        smaller key."""
        ...

    def find_run(self, namespace_key: int, kind: int, workflow_id: str, run_id: str) -> int:
        """Return the run key of exactly this run, 0 for none."""
        ...

    def load_row(self, run_key: int) -> RunRow | None:
        """Return a run's row."""
        ...

    def load_run(self, run_key: int, fold_version: int) -> StoredRun | None:
        """Return what a state is rebuilt from. Raises DataLoss when a checksum does not match."""
        ...

    def read_log(self, run_key: int, first_event_id: int, limit: int) -> list[LogRow]:
        """Return log rows in order that hold events from `first_event_id` on, the row that
        contains it included, at most `limit` rows."""
        ...

    def scan_due(self, after: tuple[int, int], limit: int) -> list[tuple[int, int]]:
        """Return open runs' (due_ns, run_key) past `after`, ascending; 0 is never due."""
        ...

    def scan_work(
        self, line: LineName, after: tuple[int, int], limit: int
    ) -> list[tuple[int, int]]:
        """Return (since_ns, run_key) of rows with work in this line past `after`, ascending."""
        ...

    def scan_lines(
        self, namespace_key: int, work_kind: int, queue: str, after: tuple[int, str], limit: int
    ) -> list[tuple[int, str]]:
        """Return the (priority, fairness_key) of a queue's lines past `after` that have work,
        ascending; keys in the order of their UTF-8 bytes."""
        ...

    def count_work(self, namespace_key: int, work_kind: int, queue: str) -> list[LineCount]:
        """Return what waits in a queue, by priority, ascending."""
        ...

    def scan_work_queues(self) -> list[tuple[int, int, str, int]]:
        """Return (namespace_key, work_kind, queue, lines of runs) of all that waits for workers."""
        ...

    def scan_owing(self, after: int, limit: int) -> list[int]:
        """Return run keys greater than `after` that owe messages, ascending, closed runs too."""
        ...

    def scan_unread(self, limit: int) -> list[int]:
        """Return the keys of runs whose row an older release wrote, so that its search values are
        UNREAD, ascending."""
        ...

    def scan_expired(self, namespace_key: int, close_ns_max: int, limit: int) -> list[int]:
        """Return the keys of runs of all kinds that closed at `close_ns_max` or before and owe no
        message, a kind's earliest closed first."""
        ...

    def list_runs(self, wanted: RunFilter) -> list[RunRow]:
        """Return one page of runs."""
        ...

    def count_runs(self, wanted: RunFilter) -> int:
        """Return how many runs match, whatever `after` and `limit` say."""
        ...

    def list_by_key(
        self, wanted: RunFilter, key_after: int, key_last: int, limit: int
    ) -> list[RunRow]:
        """Return matching runs of a range of keys (the first excluded, the last included) by
        key, whatever the filter's `after` and `limit` say. It reads no other rows, so that a walk
        over all runs costs the same however few match, and no run is met twice."""
        ...

    def count_by_status(self, wanted: RunFilter) -> dict[int, int]:
        """The same for each status (0 to 9) that has any, in their order."""
        ...

    def load_namespaces(self) -> Iterable[NamespaceRow]:
        """Return all namespaces."""
        ...

    def scan_log(self, namespace_key: int, after: int, limit: int) -> list[LogEntry]:
        """Return a namespace's log rows past position `after`, in the order of their commits.
        Positions rise and are never used twice; rows of deleted runs are missing."""
        ...

    def position_last(self) -> int:
        """Return the last position of the log ever used, 0 for none."""
        ...

    def load_object(self, namespace_key: int, kind: int, name: str) -> ObjectRow | None:
        """Return a named object."""
        ...

    def list_objects(
        self, namespace_key: int, kind: int, after: str, limit: int
    ) -> list[ObjectRow]:
        """Return objects of a kind whose names follow `after`, by name."""
        ...

    def close(self) -> None:
        """Give the lane back and close the files."""
        ...
