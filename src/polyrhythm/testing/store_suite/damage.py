"""Damaged bytes: the run they belong to says so, every other run goes on.

For stores with checksums; the subject changes bytes behind the store's back.
"""

from __future__ import annotations

from polyrhythm.base.errors import DataLoss
from polyrhythm.stores.port import RunFilter
from polyrhythm.testing.store_suite.samples import (
    DamagedSubject,
    bench,
    created,
    refused,
    row,
    snapshot,
    step,
)


def damaged_logs_are_data_loss(subject: DamagedSubject) -> None:
    """A changed byte in a log is DataLoss for its run; lists and other runs are untouched."""
    with bench(subject) as desk:
        desk.commit(*(created(key) for key in (1, 2, 3)))
        desk.commit(step(2, 2))
        desk.close()
        subject.damage_log(2)
        desk.reopen()
        with refused(DataLoss, saying="run 2"):
            desk.store.load_run(2, 1)
        with refused(DataLoss, saying="run 2"):
            desk.store.read_log(2, 1, 9)
        assert desk.store.load_row(2) == row(2)
        assert len(desk.store.list_runs(RunFilter(1))) == 3
        for key in (1, 3):
            stored = desk.store.load_run(key, 1)
            assert stored is not None and len(stored.log) == 1
        desk.commit(step(1, 2), created(4))


def damaged_snapshots_fall_back(subject: DamagedSubject) -> None:
    """A snapshot is a cache: a damaged one is passed over and the whole log is given."""
    with bench(subject) as desk:
        desk.commit(created(1))
        write = step(1, 2)
        write.snapshot = snapshot(1, 2)
        desk.commit(write)
        desk.close()
        subject.damage_snapshot(1)
        desk.reopen()
        stored = desk.store.load_run(1, 1)
        assert stored is not None and stored.snapshot is None
        assert [entry.sequence for entry in stored.log] == [1, 2]


CHECKS = (damaged_logs_are_data_loss, damaged_snapshots_fall_back)
