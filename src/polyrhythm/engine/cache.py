"""Runs in memory: their states, and the tail of their histories.

A cache, never a truth: any run can be dropped between turns and is folded again from its log when
it is needed. The least recently used go first, once there are too many or they hold too many
bytes. Runs of the turn in progress are never dropped.
The tail keeps the last events as framed bytes, so that a worker's next task needs no read.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from polyrhythm.base.entities import EntityKind
from polyrhythm.core.state import RunState
from polyrhythm.stores.port import RunRow

# What a run takes in memory, measured: state, row and tail of one that sleeps (4.0 kB), each
# pending thing without its payloads (0.7 kB), each id that is kept.
RUN_BYTES = 4000
ENTRY_BYTES = 700
ID_BYTES = 200


S = TypeVar("S")

# Bound once: a member read from its class takes as long as a call.
_WORKFLOW = EntityKind.WORKFLOW


@dataclass(slots=True)
class Loaded(Generic[S]):
    """A run or another entity in memory. `sequence` counts its log rows, `snapshot_sequence` those
    in its newest snapshot; `frames` are the framed events from `frames_first_id` on, to the end."""

    key: int
    state: S
    row: RunRow | None
    sequence: int = 0
    snapshot_sequence: int = 0
    frames: list[bytes] = field(default_factory=list)
    frames_first_id: int = 1
    frames_bytes: int = 0
    # What the cache counts it at.
    weight: int = 0
    kind: int = _WORKFLOW

    def remember(self, frames: list[bytes], bytes_max: int) -> None:
        """Append new events to the tail; a tail past `bytes_max` starts anew at its newest."""
        self.frames.extend(frames)
        self.frames_bytes += sum(map(len, frames))
        if self.frames_bytes > bytes_max:
            drop = len(self.frames) // 2
            if self.frames_bytes - sum(map(len, self.frames[:drop])) > bytes_max:
                drop = len(self.frames)
            self.frames_bytes -= sum(map(len, self.frames[:drop]))
            self.frames_first_id += drop
            del self.frames[:drop]


# What handlers of workflows work with.
LoadedRun = Loaded[RunState]


class RunCache:
    """Loaded runs and other entities by key, and the newest of each id among them."""

    def __init__(self, runs_max: int, bytes_max: int) -> None:
        self._runs_max = runs_max
        self._bytes_max = bytes_max
        self._bytes = 0
        self._runs: OrderedDict[int, Loaded[Any]] = OrderedDict()
        self._current: dict[tuple[int, int, str], int] = {}

    def __len__(self) -> int:
        return len(self._runs)

    def get(self, key: int) -> Loaded[Any] | None:
        """Return a loaded run and mark it used."""
        run = self._runs.get(key)
        if run is not None:
            self._runs.move_to_end(key)
        return run

    def put(self, run: Loaded[Any]) -> None:
        """Keep a run."""
        self._runs[run.key] = run
        self.weigh(run)

    def weigh(self, run: Loaded[Any]) -> None:
        """Count what a run holds now that it has changed; one that is not kept counts nothing."""
        if self._runs.get(run.key) is run:
            weight = weight_of(run)
            self._bytes += weight - run.weight
            run.weight = weight

    def current_key(self, namespace_key: int, kind: int, workflow_id: str) -> int:
        """Return the key of an id's newest run, 0 when it is not known here."""
        return self._current.get((namespace_key, kind, workflow_id), 0)

    def set_current(self, namespace_key: int, kind: int, workflow_id: str, key: int) -> None:
        """Remember the newest run of an id."""
        self._current[namespace_key, kind, workflow_id] = key

    def drop(self, key: int) -> None:
        """Forget a run."""
        run = self._runs.pop(key, None)
        if run is not None:
            self._bytes -= run.weight
            run.weight = 0
            identity = (run.state.namespace_key, run.kind, run.state.workflow_id)
            if self._current.get(identity) == key:
                del self._current[identity]

    def trim(self) -> None:
        """Forget the runs that were used least recently, between turns."""
        runs = self._runs
        while len(runs) > self._runs_max or (self._bytes > self._bytes_max and len(runs) > 1):
            self.drop(next(iter(runs)))


def weight_of(run: Loaded[Any]) -> int:
    """Return about how many bytes a run takes."""
    if run.kind != _WORKFLOW:
        row = run.row
        return RUN_BYTES + (len(row.memo) + len(row.search_attributes) if row is not None else 0)
    state: RunState = run.state
    weight = RUN_BYTES + run.frames_bytes + len(state.start_event) + len(state.memo)
    weight += len(state.search_attributes) + len(state.close_event) + state.buffered_bytes
    entries = len(state.timers) + len(state.external_signals) + len(state.external_cancels)
    if state.activities:
        entries += len(state.activities)
        for activity in state.activities.values():
            weight += len(activity.scheduled) + len(activity.heartbeat_details)
            weight += len(activity.last_failure)
    if state.children:
        entries += len(state.children)
        weight += sum(len(child.initiated) for child in state.children.values())
    if state.updates:
        entries += len(state.updates)
        weight += sum(len(update.request) for update in state.updates.values())
    if state.owed:
        weight += sum(map(len, state.owed.values()))
    ids = len(state.signal_request_ids) + len(state.request_events)
    ids += len(state.completed_updates) + len(state.received)
    return weight + ENTRY_BYTES * entries + ID_BYTES * ids
