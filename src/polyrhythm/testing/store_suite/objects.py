"""Named objects, and the log read in the order of its commits.

An object is put, replaced and deleted in the batch of the runs it belongs to, all or nothing. Who
reads the log by position meets every row once, in order, and no other namespace's.
"""

from __future__ import annotations

from polyrhythm.base.errors import StoreError
from polyrhythm.stores.port import ObjectKind, ObjectRow
from polyrhythm.testing.store_suite.samples import Subject, bench, created, refused, step

PERMIT, PROJECTION = ObjectKind.PERMIT, ObjectKind.PROJECTION
NAME = "a\0b 'quoted' \N{GRINNING FACE}"


def objects_are_put_replaced_and_deleted(subject: Subject) -> None:
    """The newest body counts; a body of None removes the object."""
    with bench(subject) as desk:
        desk.commit(objects=[ObjectRow(1, PERMIT, NAME, b"\0one")])
        desk.commit(objects=[ObjectRow(1, PERMIT, NAME, b""), ObjectRow(1, PERMIT, "z", b"z")])
        desk.reopen()
        assert desk.store.load_object(1, PERMIT, NAME) == ObjectRow(1, PERMIT, NAME, b"")
        desk.commit(objects=[ObjectRow(1, PERMIT, NAME, None), ObjectRow(1, PERMIT, "no", None)])
        desk.reopen()
        assert desk.store.load_object(1, PERMIT, NAME) is None
        assert desk.store.load_object(1, PERMIT, "z") == ObjectRow(1, PERMIT, "z", b"z")


def objects_are_kept_apart(subject: Subject) -> None:
    """By namespace and kind; lists go by name and continue after the last one seen."""
    with bench(subject) as desk:
        keys = [(1, PERMIT), (1, PROJECTION), (2, PERMIT)]
        rows = [ObjectRow(*key, name, b"%d" % key[0]) for name in "cab" for key in keys]
        desk.commit(objects=rows)
        assert [one.name for one in desk.store.list_objects(1, PERMIT, "", 9)] == ["a", "b", "c"]
        assert [one.name for one in desk.store.list_objects(1, PROJECTION, "a", 1)] == ["b"]
        assert desk.store.list_objects(2, PROJECTION, "", 9) == []
        assert desk.store.load_object(2, PERMIT, "a") == ObjectRow(2, PERMIT, "a", b"2")


def a_refused_batch_puts_no_object(subject: Subject) -> None:
    """Objects are written with the runs of their batch, or not at all."""
    with bench(subject) as desk:
        desk.commit(created(1))
        with refused(StoreError):
            desk.commit(step(9, 2), objects=[ObjectRow(1, PERMIT, "a", b"a")])
        assert desk.store.load_object(1, PERMIT, "a") is None


def the_log_is_read_in_commit_order(subject: Subject) -> None:
    """Across runs, from any position on, a page at a time."""
    with bench(subject) as desk:
        desk.commit(created(1), created(2, namespace_key=2))
        desk.commit(step(1, 2))
        desk.commit(created(3))
        desk.reopen()
        desk.commit(step(1, 3))
        found = desk.store.scan_log(1, 0, 9)
        assert [(one.row.run_key, one.row.sequence) for one in found] == [
            (1, 1),
            (1, 2),
            (3, 1),
            (1, 3),
        ]
        positions = [one.position for one in found]
        assert positions == sorted(set(positions))
        assert found[0].workflow_id == "order-1"
        assert found[2].run_id == "run-3"
        assert found[2].workflow_type == "checkout"
        assert found[0].row.committed_ns > 0
        assert desk.store.scan_log(1, positions[1], 1) == [found[2]]
        assert desk.store.scan_log(1, positions[-1], 9) == []
        assert desk.store.position_last() == positions[-1]


def positions_are_not_used_again(subject: Subject) -> None:
    """Who has read to a position misses nothing when rows before it are deleted."""
    with bench(subject) as desk:
        desk.commit(created(1), created(2))
        seen = desk.store.scan_log(1, 0, 9)[-1].position
        desk.delete(2)
        desk.reopen()
        assert desk.store.position_last() == seen
        desk.commit(created(3))
        assert [one.row.run_key for one in desk.store.scan_log(1, seen, 9)] == [3]


CHECKS = (
    objects_are_put_replaced_and_deleted,
    objects_are_kept_apart,
    a_refused_batch_puts_no_object,
    the_log_is_read_in_commit_order,
    positions_are_not_used_again,
)
