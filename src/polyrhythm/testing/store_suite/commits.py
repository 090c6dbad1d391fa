"""Commits that succeed: everything is there, exactly as it was given, and after a reopening.

Fields are compared whole, so that a column forgotten in a statement is found.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

from polyrhythm.base.work import LineName
from polyrhythm.stores.port import RunWrite, Snapshot
from polyrhythm.testing.store_suite.samples import (
    NANOSECONDS_MAX,
    Subject,
    bench,
    created,
    log,
    names,
    namespace,
    row,
    snapshot,
    step,
    unstamped,
    work,
)

ODD_IDS = (
    "plain",
    "Plain",
    "plain ",
    "pla\0in",
    "pla\0in too",
    "",
    "'; DROP TABLE executions; --",
    '"quoted" and \\ back',
    "%like_",
    "Müller",
    "Mu\u0308ller",
    "日本語 🎼",
    "line\nbreak\ttab",
    "x" * 1000,
)


def rows_come_back_whole(subject: Subject) -> None:
    """Every field of a row, a log row and a snapshot is read as it was written."""
    with bench(subject) as desk:
        write = created(7)
        write.snapshot = snapshot(7, 1)
        desk.commit(write)
        stored = desk.store.load_run(7, 1)
        assert stored is not None
        assert stored.row == write.row == desk.store.load_row(7)
        assert stored.snapshot == write.snapshot
        assert unstamped(desk.store.read_log(7, 1, 10)) == [write.log]


def runs_come_whole(subject: Subject) -> None:
    """A run that is taken over from elsewhere is created with all rows of its log."""
    with bench(subject) as desk:
        write = created(7)
        write.earlier = [log(7, 1, 1, 2), log(7, 2, 3, 1)]
        write.log = log(7, 3, 4, 2)
        desk.commit(write)
        assert unstamped(desk.store.read_log(7, 1, 10)) == [*write.earlier, write.log]
        stored = desk.store.load_run(7, 1)
        assert stored is not None
        assert [entry.sequence for entry in stored.log] == [1, 2, 3]


def commit_time_is_the_batch_s(subject: Subject) -> None:
    """Log rows carry the time of the batch that wrote them."""
    with bench(subject) as desk:
        for write in (created(1), step(1, 2)):
            desk.commit(write)
            assert desk.store.read_log(1, 1, 10)[-1].committed_ns == desk.now_ns


def one_batch_writes_many_runs(subject: Subject) -> None:
    """Creations, updates, namespaces and a row without a log go in one commit."""
    with bench(subject) as desk:
        desk.commit(*(created(key) for key in range(1, 300)))
        changed = row(4, status=3, history_bytes=1)
        desk.commit(
            created(300), step(3, 2), RunWrite(changed), step(5, 2), namespaces=[namespace(1)]
        )
        assert desk.store.load_row(4) == changed
        assert len(desk.store.read_log(4, 1, 10)) == 1
        assert len(desk.store.read_log(3, 1, 10)) == 2
        assert desk.store.load_row(300) == row(300)
        assert list(desk.store.load_namespaces()) == [namespace(1)]


def updates_write_every_field(subject: Subject) -> None:
    """An update changes any field that is not the run's identity, told what was there or not."""
    more: dict[type, Any] = {int: 1, str: " ", bytes: b"x"}
    # A blank behind JSON is JSON too.
    fixed = {"run_key", "namespace_key", "kind", "workflow_id", "run_id", "start_ns"}
    with bench(subject) as desk:
        desk.commit(created(1), created(2))
        now, known = row(1), row(2)
        for name in names(now):
            # A text that is no work is refused; its changes are in the scans' tests.
            if name not in fixed and name != "work":
                value, before = getattr(now, name), replace(known)
                setattr(now, name, value + more[type(value)])
                setattr(known, name, getattr(known, name) + more[type(value)])
                desk.commit(RunWrite(now), RunWrite(known, before=before))
                assert desk.store.load_row(1) == now
                assert desk.store.load_row(2) == known
        assert now != row(1)


def updates_move_runs_between_scans(subject: Subject) -> None:
    """Whatever of due, work, owes and closing changes together, every scan tells the new row."""
    with bench(subject) as desk:
        desk.commit(created(1, due_ns=0, owes=0, work=""))
        store, before = desk.store, None
        choices = product((0, 5, 9), (0, 2), (0, 1, 2, 3), (0, 77))
        for due_ns, owes, kind, close_ns in choices:
            waits = work(1, kind=kind) if kind else ""
            now = row(1, due_ns=due_ns, owes=owes, work=waits, close_ns=close_ns)
            # Every other time the writer knows what is there.
            desk.commit(RunWrite(now, before=before))
            before = None if before is not None else now
            is_due = due_ns > 0 and close_ns == 0
            assert store.scan_due((0, 0), 9) == ([(due_ns, 1)] if is_due else [])
            assert store.scan_owing(0, 9) == ([1] if owes else [])
            assert store.scan_work_queues() == ([(1, kind, "queue-1", 1)] if kind else [])
            for other in (1, 2):
                line = LineName(1, other, "queue-1", 1, "tenant-1")
                offers = store.scan_work(line, (0, 0), 9)
                assert offers == ([(4001, 1)] if kind == other else [])


def rows_are_isolated(subject: Subject) -> None:
    """Changing a row after it was written or read changes nothing that is stored."""
    with bench(subject) as desk:
        write = created(1)
        desk.commit(write)
        write.row.status = 99
        assert write.log is not None
        write.log.events = b"changed"
        for read in (desk.store.load_row(1), desk.store.load_row(1)):
            assert read == row(1)
            read.status = 98
        stored = desk.store.load_run(1, 1)
        assert stored is not None and stored.row == row(1)
        assert unstamped(stored.log) == [log(1)]


def odd_ids_stay_apart(subject: Subject) -> None:
    """Ids are bytes of text: no case folding, no end at NUL, no normal form, no SQL."""
    with bench(subject) as desk:
        for key, text in enumerate(ODD_IDS, 1):
            changes = {"workflow_id": text, "run_id": text, "task_queue": text}
            waits = work(key, kind=1, queue=text, priority=3, fairness_key=text)
            desk.commit(created(key, **changes, work=waits, workflow_type=text))
        desk.reopen()
        for key, text in enumerate(ODD_IDS, 1):
            stored = desk.store.load_row(key)
            assert stored is not None and stored.workflow_id == text
            assert desk.store.find_current(1, 1, text) == key
            assert desk.store.find_run(1, 1, text, text) == key
            offers = desk.store.scan_work(LineName(1, 1, text, 3, text), (0, 0), 99)
            assert desk.store.scan_lines(1, 1, text, (0, ""), 9) == [(3, text)]
            assert offers == [(4000 + key, key)]
        assert len(desk.store.scan_work_queues()) == len(ODD_IDS)


def big_values_fit(subject: Subject) -> None:
    """Blobs of megabytes and integers of 63 bits come back as they were."""
    with bench(subject) as desk:
        blob = bytes(range(256)) * 12_000
        waits = work(1, since_ns=NANOSECONDS_MAX)
        write = created(1, memo=blob, due_ns=NANOSECONDS_MAX, work=waits)
        assert write.log is not None
        write.row.run_key = write.log.run_key = NANOSECONDS_MAX - 1
        write.log.events = write.log.notes = blob
        write.snapshot = Snapshot(write.row.run_key, 1, 1, blob)
        desk.commit(write)
        desk.reopen()
        stored = desk.store.load_run(write.row.run_key, 1)
        assert stored is not None
        assert (stored.row, stored.snapshot) == (write.row, write.snapshot)
        assert unstamped(desk.store.read_log(write.row.run_key, 1, 1)) == [write.log]
        assert desk.store.scan_due((0, 0), 9) == [(NANOSECONDS_MAX, write.row.run_key)]
        assert desk.store.run_key_last() == write.row.run_key


def namespaces_are_put(subject: Subject) -> None:
    """A namespace is created and replaced by its key, and may take a new name."""
    with bench(subject) as desk:
        assert list(desk.store.load_namespaces()) == []
        desk.commit(namespaces=[namespace(2), namespace(1)])
        desk.commit(namespaces=[namespace(2, name="renamed", retention_ns=5, body=b"")])
        desk.reopen()
        stored = sorted(desk.store.load_namespaces(), key=lambda found: found.key)
        assert stored == [
            namespace(1),
            namespace(2, name="renamed", retention_ns=5, body=b""),
        ]


def reopening_finds_everything(subject: Subject) -> None:
    """What was committed is there for the next owner, in every read."""
    with bench(subject) as desk:
        assert desk.store.run_key_last() == 0
        desk.commit(*(created(key) for key in range(1, 30)), namespaces=[namespace(1)])
        desk.commit(step(3, 2), step(4, 2, status=2, close_ns=50, owes=1))
        desk.reopen()
        store = desk.store
        assert store.run_key_last() == 29
        assert store.load_row(4) == row(4, status=2, close_ns=50, owes=1)
        assert len(store.scan_due((0, 0), 99)) == 28
        assert 4 in store.scan_owing(0, 99)
        assert [entry.sequence for entry in store.read_log(3, 1, 9)] == [1, 2]
        desk.commit(created(30))
        assert store.run_key_last() == 30


CHECKS = (
    rows_come_back_whole,
    runs_come_whole,
    commit_time_is_the_batch_s,
    one_batch_writes_many_runs,
    updates_write_every_field,
    updates_move_runs_between_scans,
    rows_are_isolated,
    odd_ids_stay_apart,
    big_values_fit,
    namespaces_are_put,
    reopening_finds_everything,
)
