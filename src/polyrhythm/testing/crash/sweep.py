"""A fault at every operation in turn: writes without space, writes, syncs and reads that fail.

A short workload is played once for every operation of a kind it makes, and that operation fails,
once or for as long as it is tried. Nothing acknowledged may be gone, a commit may be there whole
or not at all (not at all when it was refused for lack of space), and when the fault is over the
store takes the next commit, without a new process or with one.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass, field
from random import Random

import apsw

from polyrhythm.base.errors import PolyrhythmError
from polyrhythm.stores.sqlite import SqliteSettings, check_file
from polyrhythm.testing.crash.program import engine_batches
from polyrhythm.testing.crash.recording import Fault, Recorder, install
from polyrhythm.testing.crash.workload import FAULTS, Player, digest

FILE = "sweep.db"
VFS = "polyrhythm-sweep"
COMMITS = 12
STAYS = 1 << 62


@dataclass(slots=True)
class Swept:
    """How many operations failed in turn, and what was wrong with which."""

    points: int = 0
    violations: list[str] = field(default_factory=list)


def sweep(kind: str, seed: int, stride: int = 1) -> Swept:
    """Let every `stride`-th operation of a kind fail, as many as the workload makes."""
    swept = Swept()
    after = seed % stride
    while True:
        fault = Fault(FAULTS[kind][1], after, times=1 if after % 2 else STAYS)
        try:
            _play(kind, seed, fault)
        except (AssertionError, PolyrhythmError, apsw.Error) as error:
            swept.violations.append(f"{kind}, operation {after}: {type(error).__name__} {error}")
        if fault.after >= 0:
            return swept
        swept.points += 1
        after += stride


def _play(kind: str, seed: int, fault: Fault) -> None:
    recorder = Recorder()
    vfs = install(recorder, VFS)
    settings = SqliteSettings(vfs=VFS, checkpoint_pages=20, reserve_bytes=0)
    chance = Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, FILE)
        recorder.faults[FAULTS[kind][0]] = fault
        player = Player(path, settings, recorder)
        try:
            for number, batch in enumerate(engine_batches(seed, COMMITS)):
                player.commit(batch, as_new_process=chance.random() < 0.5)
                if number == COMMITS // 2:
                    # A new process has nothing in memory: its reads are reads.
                    player.store.close()
                    player.open()
            recorder.faults.clear()
            assert digest(player.store) == digest(player.shadow), "the store and its shadow differ"
        finally:
            recorder.faults.clear()
            player.store.close()
        report = check_file(path)
        assert report.is_sound(), str(report)
    vfs.unregister()
