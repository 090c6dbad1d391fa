"""What the simulator asks of the memory store: faults at a commit, and a crash of its owner."""

from dataclasses import dataclass, field

import pytest

from polyrhythm.base.errors import LaneLost, StoreError, StoreFull
from polyrhythm.stores.memory import MemoryStore
from polyrhythm.stores.port import Batch, RunWrite
from polyrhythm.testing.store_suite.samples import created, log, row


@dataclass
class Script:
    """Raises the error that stands for this commit, before or after it."""

    before: dict[int, Exception] = field(default_factory=dict)
    after: dict[int, Exception] = field(default_factory=dict)

    def before_commit(self, batch: Batch) -> None:
        if batch.committed_ns in self.before:
            raise self.before[batch.committed_ns]

    def after_commit(self, batch: Batch) -> None:
        if batch.committed_ns in self.after:
            raise self.after[batch.committed_ns]


def test_a_fault_before_the_commit_writes_nothing():
    store = MemoryStore(Script(before={1: StoreFull("full"), 2: StoreError("io")}))
    epoch = store.claim_lane(0, "sim", "").epoch
    for now, error in ((1, StoreFull), (2, StoreError)):
        with pytest.raises(error):
            store.commit(Batch(0, epoch, now, [created(1)]))
        assert store.run_key_last() == 0
    store.commit(Batch(0, epoch, 3, [created(1)]))
    assert store.load_row(1) == row(1)


def test_a_fault_after_the_commit_leaves_it_there():
    store = MemoryStore(Script(after={1: StoreError("no answer")}))
    epoch = store.claim_lane(0, "sim", "").epoch
    with pytest.raises(StoreError):
        store.commit(Batch(0, epoch, 1, [created(1)]))
    assert store.load_row(1) == row(1)


def test_a_crashed_owner_is_fenced_and_its_commits_are_found():
    first = MemoryStore()
    old = first.claim_lane(0, "first", "")
    first.commit(Batch(0, old.epoch, 1, [created(1)]))
    second = first.reopen()
    new = second.claim_lane(0, "second", "")
    with pytest.raises(LaneLost):
        first.commit(Batch(0, old.epoch, 2, [created(2)]))
    assert second.load_row(1) == row(1)
    assert second.load_row(2) is None
    second.commit(Batch(0, new.epoch, 2, [created(2)]))


def test_a_closed_handle_commits_nothing():
    store = MemoryStore()
    epoch = store.claim_lane(0, "sim", "").epoch
    store.close()
    with pytest.raises(StoreError, match="closed"):
        store.commit(Batch(0, epoch, 1, [created(1)]))


def test_a_gap_in_a_log_is_refused_at_once():
    store = MemoryStore()
    epoch = store.claim_lane(0, "sim", "").epoch
    store.commit(Batch(0, epoch, 1, [created(1)]))
    with pytest.raises(StoreError, match="2 is next"):
        store.commit(Batch(0, epoch, 2, [RunWrite(row(1), log=log(1, 3))]))
