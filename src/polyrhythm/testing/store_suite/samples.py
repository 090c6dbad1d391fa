"""What the checks are made of: a subject, its claimed store, rows with every field set.

Sample rows differ in every field and use values that hurt: ids with NUL, quotes and emoji, times
near the end of 64 bits. `Bench` is a claimed store with short verbs, so that a check reads as a
story.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from typing import Any, Protocol

from polyrhythm.base.errors import PolyrhythmError
from polyrhythm.base.work import WorkLine, encode_work
from polyrhythm.stores.port import Batch, LogRow, NamespaceRow, RunRow, RunWrite, Snapshot, Store

NANOSECONDS_MAX = (1 << 63) - 1


class Subject(Protocol):
    """A store under test. The first `open` makes an empty one, every later `open` comes back to
    the same data; the store opened before is closed by then."""

    def open(self) -> Store:
        """Return the store, its lane not yet claimed."""
        ...


class DamagedSubject(Protocol):
    """A subject that can flip bits of what is stored."""

    def open(self) -> Store:
        """Return the store, its lane not yet claimed."""
        ...

    def damage_log(self, run_key: int) -> None:
        """Change one byte of a run's first log row, while the store is closed."""
        ...

    def damage_snapshot(self, run_key: int) -> None:
        """Change one byte of a run's snapshot, while the store is closed."""
        ...


class Bench:
    """A store whose lane 0 is ours."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.store = subject.open()
        self.epoch = self.store.claim_lane(0, "suite", "").epoch
        self.now_ns = 1_000_000

    def batch(self, *runs: RunWrite, **parts: Any) -> Batch:
        """Return a batch of this owner, a microsecond after the last."""
        self.now_ns += 1000
        return Batch(0, self.epoch, self.now_ns, list(runs), **parts)

    def commit(self, *runs: RunWrite, **parts: Any) -> None:
        """Commit one batch."""
        self.store.commit(self.batch(*runs, **parts))

    def delete(self, *run_keys: int) -> None:
        """Commit a batch that deletes runs."""
        self.commit(deleted_runs=list(run_keys))

    def reopen(self) -> None:
        """Close the store and come back to its data as a new owner."""
        self.store.close()
        self.store = self.subject.open()
        self.epoch = self.store.claim_lane(0, "suite", "").epoch

    def close(self) -> None:
        """Close the store."""
        self.store.close()


@contextmanager
def bench(subject: Subject) -> Iterator[Bench]:
    """A claimed store, closed at the end even of a check that fails."""
    made = Bench(subject)
    try:
        yield made
    finally:
        made.close()


@contextmanager
def refused(wanted: type[PolyrhythmError], saying: str = "") -> Iterator[None]:
    """Assert that the block raises an error of this class whose message has these words."""
    try:
        yield
    except wanted as error:
        if saying in error.message:
            return
        raise
    raise AssertionError(f"nothing was refused; {wanted.__name__} was wanted")


def work(run_key: int, kind: int = 0, **changes: Any) -> str:
    """The work of a row: one line, set differently for every key."""
    line = WorkLine(
        kind=kind or run_key % 3 or 3,
        queue=f"queue-{run_key % 2}",
        priority=run_key % 5,
        fairness_key=f"tenant-{run_key % 3}",
        since_ns=4000 + run_key,
        count=1 + run_key,
    )
    return encode_work([replace(line, **changes)])


def row(run_key: int, **changes: Any) -> RunRow:
    """A row with every field set, and set differently for every key."""
    full = RunRow(
        run_key=run_key,
        namespace_key=1,
        kind=1,
        workflow_id=f"order-{run_key}",
        run_id=f"run-{run_key}",
        first_run_id=f"first-{run_key}",
        workflow_type="checkout",
        task_queue="shop",
        start_ns=1000 + run_key,
        execution_ns=2000 + run_key,
        status=1,
        close_ns=0,
        due_ns=3000 + run_key,
        owes=run_key % 3,
        work=work(run_key) if run_key % 3 else "",
        history_events=5 + run_key,
        history_bytes=600 + run_key,
        transitions=7 + run_key,
        memo=b"memo\0%d" % run_key,
        search_attributes=b"\xff\xfe%d" % run_key,
        parent_workflow_id=f"cart-{run_key}",
        parent_run_id=f"parent-{run_key}",
        root_workflow_id=f"visit-{run_key}",
        root_run_id=f"root-{run_key}",
        search_values=f'{{"Keyword01":"key\\u0000-{run_key}"}}',
    )
    return replace(full, **changes)


def log(run_key: int, sequence: int = 1, first: int = 1, count: int = 3) -> LogRow:
    """A log row; without events when `count` is 0."""
    events = b"\0events of %d, %d\xff" % (run_key, sequence) if count else b""
    notes = b"notes of %d, %d\0" % (run_key, sequence)
    return LogRow(run_key, sequence, first if count else 0, count, events, notes)


def snapshot(run_key: int, sequence: int, version: int = 1) -> Snapshot:
    """A snapshot whose body tells what it is of."""
    return Snapshot(run_key, sequence, version, b"\0state %d %d %d" % (run_key, sequence, version))


def created(run_key: int, **changes: Any) -> RunWrite:
    """The first commit of a run, with one log row."""
    return RunWrite(row(run_key, **changes), created=True, log=log(run_key))


def step(run_key: int, sequence: int, **changes: Any) -> RunWrite:
    """A later commit of a run, with one log row of three events."""
    entry = log(run_key, sequence, first=1 + 3 * (sequence - 1))
    return RunWrite(row(run_key, **changes), log=entry)


def namespace(key: int, **changes: Any) -> NamespaceRow:
    """A namespace with every field set."""
    made = NamespaceRow(key, f"shop-{key}", f"id-{key}", 86_400_000_000_000, b"\0body %d" % key)
    return replace(made, **changes)


def unstamped(rows: Iterable[LogRow]) -> list[LogRow]:
    """Log rows without the time the store gave them."""
    return [replace(entry, committed_ns=0) for entry in rows]


def names(record: Any) -> list[str]:
    """The field names of a dataclass."""
    return [f.name for f in fields(record)]
