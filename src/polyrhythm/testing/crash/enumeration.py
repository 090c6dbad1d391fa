"""Goes through a recording and looks at the disk after every operation.

For a point the rebuilt files are opened by the store itself, so its recovery is what is tested:
it must open, be sound in structure and checksums, have a greater epoch than any before, hold one
of the states a crash there may leave, and take another commit. Every violation names the round's
seed and the point, which is what `--point` takes to look at it again.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass, field
from random import Random

import apsw

from polyrhythm.base.errors import PolyrhythmError
from polyrhythm.stores.port import Batch
from polyrhythm.stores.sqlite import SqliteSettings, SqliteStore
from polyrhythm.testing.crash.disk import Cut, Disk
from polyrhythm.testing.crash.program import engine_batches
from polyrhythm.testing.crash.recording import Kind, Operation, Recorder, install
from polyrhythm.testing.crash.workload import Workload, digest, play

FILE = "crash.db"
VFS = "polyrhythm-crash"
# Memory-backed, so that a point costs a millisecond and no disk.
SCRATCH = "/dev/shm"  # noqa: S108 (a random folder is made in it)
CUTS = (Cut.ANY, Cut.ANY, Cut.ANY, Cut.ANY, Cut.NONE, Cut.ALL)


@dataclass(slots=True)
class Plan:
    """One round: which workload, and how the disk and the store behave. `engine`: its batches are
    the engine's."""

    seed: int
    commits: int = 60
    durability: str = "full"
    faults: tuple[str, ...] = ()
    engine: bool = False
    honest: bool = True
    checkpoint_pages: int = 40


@dataclass(slots=True)
class Violation:
    """A broken promise: `kind` is one of the Outcome's counters."""

    seed: int
    point: int
    kind: str
    detail: str


@dataclass(slots=True)
class Outcome:
    """What was tried and found."""

    points: int = 0
    operations: int = 0
    syncs: int = 0
    commits: int = 0
    violations: list[Violation] = field(default_factory=list)

    def count(self, kind: str) -> int:
        """Return how many violations are of a kind: unopened, unsound, lost or half."""
        return sum(1 for violation in self.violations if violation.kind == kind)


def enumerate_points(plan: Plan, limit: int, only: int | None = None) -> Outcome:
    """Try at most `limit` points of one round, spread evenly; or only the one given."""
    recorder = record(plan)
    operations = recorder.operations
    outcome = Outcome(
        operations=len(operations),
        syncs=sum(op.kind is Kind.SYNC for op in operations),
        commits=sum(op.kind is Kind.MAYBE for op in operations),
    )
    stride = max(1.0, len(operations) / limit)
    wanted = {int(n * stride) for n in range(min(limit, len(operations)))}
    wanted = wanted if only is None else {only}
    disk = Disk(Random(plan.seed), plan.honest)
    states = States()
    scratch = tempfile.mkdtemp(dir=SCRATCH if os.path.isdir(SCRATCH) else None)
    try:
        for point, operation in enumerate(operations):
            states.follow(operation)
            if operation.name:
                disk.follow(operation)
            if point in wanted:
                chance = Random(plan.seed * 1_000_003 + point)
                files = disk.crash(chance, chance.choice(CUTS))
                outcome.points += 1
                found = examine(files, scratch, states)
                if found is not None:
                    outcome.violations.append(Violation(plan.seed, point, *found))
    finally:
        shutil.rmtree(scratch)
    return outcome


def record(plan: Plan) -> Recorder:
    """Run a round's workload and return what it asked of the disk."""
    recorder = Recorder()
    vfs = install(recorder, VFS)
    settings = SqliteSettings(
        durability=plan.durability,
        vfs=VFS,
        checkpoint_pages=plan.checkpoint_pages,
        reserve_bytes=0,
    )
    workload = Workload(Random(plan.seed), plan.commits, plan.faults)
    if plan.engine:
        workload.given = engine_batches(plan.seed, plan.commits)
    with tempfile.TemporaryDirectory() as folder:
        play(os.path.join(folder, FILE), settings, recorder, workload)
    vfs.unregister()
    return recorder


class States:
    """Which states a crash may leave now, and which it might have left before."""

    def __init__(self) -> None:
        self.possible: set[bytes] = set()
        self.earlier: set[bytes] = set()

    def follow(self, operation: Operation) -> None:
        """Take in a mark of the workload."""
        if operation.kind is Kind.MAYBE:
            self.possible.add(operation.data)
        elif operation.kind is Kind.SURE:
            self.earlier |= self.possible
            self.possible = {operation.data}


def examine(files: dict[str, bytes], folder: str, states: States) -> tuple[str, str] | None:
    """Open rebuilt files as the next process would; return what is wrong with them."""
    for name in os.listdir(folder):
        os.unlink(os.path.join(folder, name))
    for name, content in files.items():
        with open(os.path.join(folder, name), "wb") as file:
            file.write(content)
    settings = SqliteSettings(durability="normal", reserve_bytes=0)
    store = SqliteStore(os.path.join(folder, FILE), settings)
    try:
        epoch = store.claim_lane(0, "next", "").epoch
        report = store.check()
        if not report.is_sound():
            return "unsound", str(report)
        found = digest(store)
        store.commit(Batch(0, epoch, 1))
    except (PolyrhythmError, apsw.Error) as error:
        return "unopened", f"{type(error).__name__}: {error}"
    finally:
        store.close()
    if found in states.possible:
        return None
    if found in states.earlier:
        return "lost", "an acknowledged commit is gone, the file is sound"
    return "half", "a state that no commit ever made"
