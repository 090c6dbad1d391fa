"""The commits of one round: every kind of write a store knows, seeded, with a shadow beside them.

Batches are of rows made up at random, or come from the engine (`given`, see program.py).
The shadow is a memory store that gets the same batches: another implementation tells which state
belongs to which commit. `digest` reads a store through its port only. Half way through the file
is closed and opened again; `faults` names what may fail now and then, in commits and checkpoints,
after which the workload goes on with whatever the store, or a new process, then says it has.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from hashlib import blake2b
from random import Random
from typing import Any

import apsw
import msgspec

from polyrhythm.base.errors import DataLoss, StoreError, StoreFull
from polyrhythm.core.snapshot import FOLD_VERSION
from polyrhythm.stores.memory import MemoryStore
from polyrhythm.stores.port import Batch, RunFilter, RunWrite, Snapshot, Store
from polyrhythm.stores.sqlite import SqliteSettings, SqliteStore
from polyrhythm.testing.crash.recording import Fault, Kind, Recorder
from polyrhythm.testing.store_suite.samples import created, log, namespace, row, work

PAGE = 1000
# What the engine's snapshots carry; those that are made up carry it too.
FOLD = FOLD_VERSION
# What can fail: the operation, and what SQLite says of it.
FAULTS = {
    "full": ("write", apsw.SQLITE_FULL),
    "write": ("write", apsw.SQLITE_IOERR_WRITE),
    "sync": ("sync", apsw.SQLITE_IOERR_FSYNC),
    "read": ("read", apsw.SQLITE_IOERR_READ),
}


@dataclass(slots=True)
class Workload:
    """What one round does. `given` are its batches if they are not made up; `sequences` counts each
    living run's log rows."""

    chance: Random
    commits: int
    faults: tuple[str, ...] = ()
    given: list[Batch] = field(default_factory=list)
    next_key: int = 1
    sequences: dict[int, int] = field(default_factory=dict)


def digest(store: Store) -> bytes:
    """Return a hash of everything a store's reads give."""
    found: list[Any] = [list(store.load_namespaces()), store.run_key_last()]
    found += [store.scan_due((0, 0), PAGE), store.scan_owing(0, PAGE), store.scan_work_queues()]
    listed = store.list_runs(RunFilter(1, limit=PAGE))
    found += (store.load_run(run.run_key, FOLD) for run in listed)
    # With `repr` a point took 4.2 ms of processor, 2.5 ms so.
    return blake2b(msgspec.msgpack.encode(found), digest_size=16).digest()


class Player:
    """One round: a store over the recorder, and its shadow."""

    def __init__(self, path: str, settings: SqliteSettings, recorder: Recorder) -> None:
        self.path = path
        self.settings = settings
        self.recorder = recorder
        self.shadow = MemoryStore()
        self.shadow_epoch = self.shadow.claim_lane(0, "shadow", "").epoch
        recorder.note(Kind.SURE, "", data=digest(self.shadow))
        self.open()

    def open(self) -> None:
        """Open the file as a new process would; one that cannot is followed by another."""
        try:
            self._claim()
        except (StoreError, DataLoss):
            self.recorder.faults.clear()
            self._claim()

    def _claim(self) -> None:
        self.store = SqliteStore(self.path, self.settings)
        self.epoch = self.store.claim_lane(0, "crash", "").epoch

    def reopen(self) -> None:
        """Close and open; the disk is in order again."""
        self.recorder.faults.clear()
        self.store.close()
        self.open()

    def commit(self, batch: Batch, as_new_process: bool) -> None:
        """Commit a batch; when that fails, find out what became of it and try again."""
        before = digest(self.shadow)
        self.shadow.commit(replace(batch, epoch=self.shadow_epoch))
        after = digest(self.shadow)
        self.recorder.note(Kind.MAYBE, "", data=after)
        try:
            self.store.commit(replace(batch, epoch=self.epoch))
        except StoreError as error:
            self.recorder.faults.clear()
            full = isinstance(error, StoreFull)
            if as_new_process:
                self.reopen()
            found = digest(self.store)
            assert found in (before, after), "a failed commit left neither state"
            assert found == before or not full, "a commit that found the disk full was written"
            # What was read is what must last, whether it happened or not.
            self.recorder.note(Kind.SURE, "", data=found)
            if found == before:
                self.recorder.note(Kind.MAYBE, "", data=after)
                self.store.commit(replace(batch, epoch=self.epoch))
        self.recorder.note(Kind.SURE, "", data=after)


def play(path: str, settings: SqliteSettings, recorder: Recorder, workload: Workload) -> None:
    """Run the workload against a file, noting which states a crash may leave."""
    player = Player(path, settings, recorder)
    chance, commits = workload.chance, workload.commits
    failing = chance.sample(range(commits), 4) if workload.faults else []
    for number in range(commits):
        if number == commits // 2:
            player.reopen()
        if number in failing:
            operation, code = FAULTS[chance.choice(workload.faults)]
            after = chance.randrange(4 if operation == "sync" else 12)
            recorder.faults[operation] = Fault(code, after, chance.choice((1, 2, 9)))
        batch = workload.given[number] if workload.given else next_batch(workload, number)
        player.commit(batch, as_new_process=chance.random() < 0.5)
    recorder.faults.clear()
    player.store.close()


def next_batch(workload: Workload, number: int) -> Batch:
    """Return the next batch: creations, steps, closings, snapshots, deletions, namespaces."""
    chance = workload.chance
    batch = Batch(0, 0, 1000 + number)
    for _ in range(chance.choice((0, 1, 1, 2, 6))):
        key = workload.next_key
        workload.next_key += 1
        workload.sequences[key] = 1
        batch.runs.append(created(key, memo=_blob(chance)))
    living = [key for key in workload.sequences if key not in _keys(batch)]
    for key in chance.sample(living, min(len(living), chance.choice((0, 1, 3)))):
        batch.runs.append(_step(workload, key))
    if chance.random() < 0.1:
        batch.namespaces.append(namespace(chance.randint(1, 5), body=_blob(chance)))
    if len(workload.sequences) > 15:
        for key in chance.sample(sorted(workload.sequences), 5):
            del workload.sequences[key]
            batch.deleted_runs.append(key)
    return batch


def _step(workload: Workload, key: int) -> RunWrite:
    chance = workload.chance
    workload.sequences[key] += 1
    sequence = workload.sequences[key]
    entry = log(key, sequence, first=3 * sequence)
    entry.events = _blob(chance) + entry.events
    closing = chance.random() < 0.2
    write = RunWrite(
        row(
            key,
            due_ns=chance.randrange(100),
            work=work(key, kind=kind) if (kind := chance.randrange(4)) else "",
            owes=chance.randrange(2),
            status=2 if closing else 1,
            close_ns=sequence if closing else 0,
        ),
        log=entry,
    )
    if chance.random() < 0.2:
        write.snapshot = Snapshot(key, sequence, FOLD, _blob(chance))
    return write


def _blob(chance: Random) -> bytes:
    return chance.randbytes(chance.choice((0, 40, 300, 300, 2000, 15_000)))


def _keys(batch: Batch) -> set[int]:
    return {write.row.run_key for write in batch.runs}
