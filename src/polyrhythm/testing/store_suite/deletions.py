"""Deletions: a run is gone from every read, and neither its key nor its rows come back.

Whoever reads the log by position must never meet a position twice; keys likewise.
"""

from __future__ import annotations

from polyrhythm.stores.port import RunFilter
from polyrhythm.testing.store_suite.samples import (
    Subject,
    bench,
    created,
    log,
    snapshot,
    step,
    unstamped,
    work,
)


def deleted_runs_are_gone(subject: Subject) -> None:
    """Row, log, snapshot and every scan forget a deleted run, and only that one."""
    with bench(subject) as desk:
        for key in (1, 2, 3):
            write = created(key, work=work(key, kind=key), owes=1)
            write.snapshot = snapshot(key, 1)
            desk.commit(write)
        desk.delete(2)
        for _ in range(2):
            store = desk.store
            assert store.load_row(2) is None
            assert store.load_run(2, 1) is None
            assert store.read_log(2, 1, 9) == []
            assert store.find_current(1, 1, "order-2") == 0
            assert store.find_run(1, 1, "order-2", "run-2") == 0
            assert [key for _, key in store.scan_due((0, 0), 9)] == [1, 3]
            assert store.scan_owing(0, 9) == [1, 3]
            assert [kind for _, kind, _, _ in store.scan_work_queues()] == [1, 3]
            assert [r.run_key for r in store.list_runs(RunFilter(1))] == [3, 1]
            assert store.count_runs(RunFilter(1)) == 2
            stored = store.load_run(3, 1)
            assert stored is not None and stored.snapshot == snapshot(3, 1)
            desk.reopen()


def keys_are_not_used_again(subject: Subject) -> None:
    """The largest key ever used is remembered when its run is deleted."""
    with bench(subject) as desk:
        desk.commit(created(1), created(9))
        desk.delete(9)
        assert desk.store.run_key_last() == 9
        desk.reopen()
        assert desk.store.run_key_last() == 9
        desk.delete(1)
        desk.reopen()
        assert desk.store.run_key_last() == 9


def older_runs_become_current(subject: Subject) -> None:
    """When the newest run of an id is deleted, the newest that is left is the current one."""
    with bench(subject) as desk:
        desk.commit(*(created(key, workflow_id="same") for key in (1, 2, 3)))
        older = [desk.store.find_current(1, 1, "same", before=key) for key in (1, 2, 3, 9)]
        assert older == [0, 1, 2, 3]
        for key in (3, 2, 1):
            assert desk.store.find_current(1, 1, "same") == key
            desk.delete(key)
        assert desk.store.find_current(1, 1, "same") == 0


def deletion_comes_last(subject: Subject) -> None:
    """A batch that writes a run and deletes it leaves nothing; unknown runs are no error."""
    with bench(subject) as desk:
        desk.commit(created(1), created(2))
        desk.commit(created(3), step(1, 2), step(2, 2), deleted_runs=[3, 1, 77])
        assert [desk.store.load_row(key) is None for key in (1, 2, 3)] == [True, False, True]
        assert desk.store.read_log(1, 1, 9) == desk.store.read_log(3, 1, 9) == []
        assert len(desk.store.read_log(2, 1, 9)) == 2
        assert desk.store.run_key_last() == 3


def logs_go_on_after_deletions(subject: Subject) -> None:
    """Runs written after the newest log rows were deleted keep their own rows."""
    with bench(subject) as desk:
        desk.commit(created(1), created(2))
        desk.delete(2)
        desk.commit(created(3), step(1, 2))
        desk.reopen()
        desk.commit(step(1, 3))
        assert unstamped(desk.store.read_log(1, 1, 9)) == [
            log(1, 1, 1),
            log(1, 2, 4),
            log(1, 3, 7),
        ]
        assert unstamped(desk.store.read_log(3, 1, 9)) == [log(3)]


CHECKS = (
    deleted_runs_are_gone,
    keys_are_not_used_again,
    older_runs_become_current,
    deletion_comes_last,
    logs_go_on_after_deletions,
)
