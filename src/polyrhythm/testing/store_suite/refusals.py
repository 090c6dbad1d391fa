"""Commits that are refused: nothing of them is there, and the store goes on.

By fencing (an old epoch) and by contradiction (what cannot follow from the stored rows).
"""

from __future__ import annotations

from polyrhythm.base.errors import LaneLost, StoreError
from polyrhythm.stores.port import Batch, RunWrite
from polyrhythm.testing.store_suite.samples import (
    Bench,
    Subject,
    bench,
    created,
    log,
    namespace,
    refused,
    row,
    snapshot,
    step,
)


def claims_raise_the_epoch(subject: Subject) -> None:
    """Each claim has a greater epoch, over reopenings too, and tells what it was given."""
    with bench(subject) as desk:
        first = desk.epoch
        desk.reopen()
        again = desk.store.claim_lane(0, "me", "unix:/tmp/x.sock")
        assert (again.lane, again.owner, again.address) == (0, "me", "unix:/tmp/x.sock")
        assert first < desk.epoch < again.epoch


def old_owners_are_fenced(subject: Subject) -> None:
    """A commit of an earlier epoch is LaneLost and writes nothing; the new owner's is written."""
    with bench(subject) as desk:
        desk.commit(created(1))
        old = desk.batch(created(2), step(1, 2), namespaces=[namespace(1)])
        desk.epoch = desk.store.claim_lane(0, "next", "").epoch
        with refused(LaneLost):
            desk.store.commit(old)
        assert desk.store.load_row(2) is None
        assert list(desk.store.load_namespaces()) == []
        assert len(desk.store.read_log(1, 1, 9)) == 1
        desk.commit(created(2), step(1, 2))
        assert desk.store.load_row(2) == row(2)


def lanes_without_an_owner_are_refused(subject: Subject) -> None:
    """A lane nobody claimed, and an empty batch of an old owner, are refused."""
    with bench(subject) as desk:
        with refused(LaneLost):
            desk.store.commit(Batch(5, desk.epoch, 1, [created(1)]))
        with refused(LaneLost):
            desk.store.commit(Batch(0, desk.epoch + 1, 1))
        desk.store.commit(Batch(0, desk.epoch, 1))
        assert desk.store.load_row(1) is None


def failing_batches_write_nothing(subject: Subject) -> None:
    """A batch whose last part is wrong leaves no trace of its first parts."""
    with bench(subject) as desk:
        desk.commit(created(1), created(2))
        before = _everything(desk)
        good = created(3)
        good.snapshot = snapshot(3, 1)
        for bad in _contradictions():
            batch = desk.batch(
                good, step(2, 2, status=9), *bad, namespaces=[namespace(1)], deleted_runs=[1]
            )
            with refused(StoreError):
                desk.store.commit(batch)
            assert _everything(desk) == before
        desk.reopen()
        assert _everything(desk) == before
        desk.commit(good, step(2, 2, status=9))
        assert desk.store.load_row(3) == row(3)
        assert desk.store.run_key_last() == 3


def namespace_names_are_unique(subject: Subject) -> None:
    """Two namespaces cannot have one name."""
    with bench(subject) as desk:
        desk.commit(namespaces=[namespace(1)])
        with refused(StoreError):
            desk.commit(created(1), namespaces=[namespace(2, name="shop-1")])
        assert desk.store.load_row(1) is None
        assert list(desk.store.load_namespaces()) == [namespace(1)]


def _contradictions() -> tuple[list[RunWrite], ...]:
    """What cannot be written when runs 1 and 2 exist with one log row each."""
    return (
        [created(1)],
        [step(99, 1)],
        [RunWrite(row(1), log=log(1, sequence=1))],
        [RunWrite(row(1), log=log(2, sequence=2))],
        [step(1, 2), RunWrite(row(1))],
        [RunWrite(row(1, workflow_id="another"))],
        [RunWrite(row(1, run_id="another"))],
        [RunWrite(row(1, namespace_key=2))],
        [RunWrite(row(1, kind=2))],
        [RunWrite(row(1, start_ns=5))],
        [RunWrite(row(1, start_ns=5), before=row(1))],
        [RunWrite(row(99), before=row(99))],
        [RunWrite(row(99, status=3), before=row(99)), RunWrite(row(1, status=3), before=row(1))],
    )


def _everything(desk: Bench) -> list[object]:
    store = desk.store
    rows = [store.load_run(key, 1) for key in range(5)]
    scans = [store.scan_due((0, 0), 99), store.scan_owing(0, 99), store.scan_work_queues()]
    return [rows, scans, list(store.load_namespaces()), store.run_key_last()]


CHECKS = (
    claims_raise_the_epoch,
    old_owners_are_fenced,
    lanes_without_an_owner_are_refused,
    failing_batches_write_nothing,
    namespace_names_are_unique,
)
