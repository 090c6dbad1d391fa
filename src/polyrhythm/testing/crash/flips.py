"""Flipped bits: a file of the engine's with one bit changed somewhere, opened and read.

A damaged log row must be DataLoss of its run and of no other, a damaged snapshot must be passed
over; where the damage is in SQLite's own structure the file or what is read of it is refused. A
log or a snapshot that reads differently without an error is a violation. The columns of a row
(`executions`) carry no checksum: what changes there the fold of the log must tell.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from random import Random

import apsw

from polyrhythm.app.row_check import check_rows
from polyrhythm.base.errors import DataLoss, NotFound, PolyrhythmError
from polyrhythm.core.snapshot import FOLD_VERSION
from polyrhythm.engine.turn import fold_run
from polyrhythm.stores.port import Batch, StoredRun
from polyrhythm.stores.sqlite import SqliteSettings, SqliteStore
from polyrhythm.testing.crash.program import engine_batches

FILE = "flips.db"
COMMITS = 120


@dataclass(slots=True)
class Flipped:
    """What became of each flipped bit: the file was refused, a run was lost and said so, a run's
    snapshot was passed over, a row changed and its log told, nothing changed; `silent` ones are
    violations."""

    points: int = 0
    refused: int = 0
    data_loss: int = 0
    passed_over: int = 0
    rows_changed: int = 0
    unchanged: int = 0
    silent: int = 0


def flip_bits(seed: int, points: int) -> Flipped:
    """Flip so many bits of one file, one at a time."""
    chance = Random(seed)
    flipped = Flipped()
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, FILE)
        _write(path, engine_batches(seed, COMMITS))
        with open(path, "rb") as file:
            content = bytearray(file.read())
        found = _read(path)
        assert found is not None
        keys = list(found)
        for _ in range(points):
            at, bit = chance.randrange(len(content)), 1 << chance.randrange(8)
            content[at] ^= bit
            with open(path, "wb") as file:
                file.write(content)
            content[at] ^= bit
            _judge(flipped, found, _read(path, keys), path)
    return flipped


def _write(path: str, batches: list[Batch]) -> None:
    store = SqliteStore(path, SqliteSettings(durability="normal", reserve_bytes=0))
    epoch = store.claim_lane(0, "flips", "").epoch
    for batch in batches:
        batch.epoch = epoch
        store.commit(batch)
    store.close()


Found = StoredRun | PolyrhythmError | None


def _read(path: str, keys: list[int] | None = None) -> dict[int, Found] | None:
    """Read all runs; None when the file is refused."""
    connection = SqliteStore(path, SqliteSettings(durability="normal", reserve_bytes=0))
    runs: dict[int, Found] = {}
    try:
        connection.claim_lane(0, "flips", "")
        for key in keys if keys is not None else range(1, connection.run_key_last() + 1):
            try:
                stored = connection.load_run(key, FOLD_VERSION)
            except (DataLoss, NotFound) as error:
                runs[key] = error
            else:
                if stored is not None or keys is not None:
                    runs[key] = stored
    except (PolyrhythmError, apsw.Error):
        return None
    finally:
        connection.close()
    return runs


def _judge(
    flipped: Flipped, before: dict[int, Found], after: dict[int, Found] | None, path: str
) -> None:
    flipped.points += 1
    if after is None:
        flipped.refused += 1
        return
    changed = [key for key, run in before.items() if after[key] != run]
    if not changed:
        flipped.unchanged += 1
    elif any(_is_refused(after[key]) for key in changed):
        flipped.data_loss += 1
    elif any(_logs_differ(before[key], after[key]) for key in changed):
        flipped.silent += 1
    elif any(_snapshot_of(before[key]) != _snapshot_of(after[key]) for key in changed):
        flipped.passed_over += 1
    elif check_rows(path).is_sound():
        flipped.silent += 1
    else:
        flipped.rows_changed += 1


def _is_refused(run: Found) -> bool:
    """Whether the engine says that this run is damaged, as it reads or as it folds it."""
    if isinstance(run, StoredRun):
        try:
            fold_run(run)
        except DataLoss:
            return True
    return isinstance(run, DataLoss)


def _logs_differ(before: Found, after: Found) -> bool:
    """Whether what a state is folded from reads differently, a snapshot passed over apart."""
    if not isinstance(before, StoredRun) or not isinstance(after, StoredRun):
        return after is not None
    if after.snapshot is None:
        return after.log[len(after.log) - len(before.log) :] != before.log
    return (before.snapshot, before.log) != (after.snapshot, after.log)


def _snapshot_of(run: Found) -> object:
    return run.snapshot if isinstance(run, StoredRun) else None
