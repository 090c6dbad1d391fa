"""One turn of a lane, as a record: what was decided, what will be written, who is answered.

Decisions are staged here until the commit. A run that a decision broke (our own fault) is rebuilt
from its log and what is staged, so one bad request cannot poison its neighbours. Answers collect
in order and leave only when the lane performs the turn.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any

from temporalio.api.common.v1 import WorkflowExecution

from polyrhythm.base.entities import EntityKind
from polyrhythm.base.errors import DataLoss, NotFound, RunTooLarge
from polyrhythm.base.ids import UuidSource
from polyrhythm.base.limits import Limits
from polyrhythm.core.batches import encode_batch, encode_transitions
from polyrhythm.core.context import IdSource
from polyrhythm.core.decide.limits import close_decision, decide_excess, find_excess
from polyrhythm.core.decision import Decision, Effect
from polyrhythm.core.entity import EntityDecision
from polyrhythm.core.snapshot import FOLD_VERSION
from polyrhythm.engine.cache import Loaded, LoadedRun, RunCache
from polyrhythm.engine.calls import Call
from polyrhythm.engine.natures import NATURES
from polyrhythm.engine.reply import Reply
from polyrhythm.engine.residents import Activation, Attempt
from polyrhythm.stores.port import (
    Batch,
    LogRow,
    NamespaceRow,
    ObjectKind,
    ObjectRow,
    RunRow,
    RunWrite,
    Snapshot,
    Store,
    StoredRun,
)

# Bound once: a member read from its class takes as long as a call.
_WORKFLOW = EntityKind.WORKFLOW


@dataclass(slots=True)
class Staged:
    """What a turn writes of one run. `seen`: whoever waits for the run has looked at it; `counts`:
    transitions of the run's state, one a decision."""

    created: bool = False
    seen: bool = True
    counts: int = 0
    first_event_id: int = 0
    events: list[bytes] = field(default_factory=list)
    notes: list[bytes] = field(default_factory=list)


@dataclass(slots=True)
class World:
    """What a turn may use of its lane."""

    store: Store
    cache: RunCache
    ids: IdSource
    limits: Limits
    next_run_key: int = 1


class Turn:
    """Everything one turn decides."""

    def __init__(self, world: World, now_ns: int) -> None:
        self.world = world
        self.now_ns = now_ns
        self.causes: deque[tuple[int, Effect]] = deque()
        self.staged: dict[int, Staged] = {}
        self.touched: dict[int, Loaded[Any]] = {}
        self.namespaces: list[NamespaceRow] = []
        self.deleted: list[int] = []
        self.objects: dict[tuple[int, int, str], ObjectRow] = {}
        self.loaded: set[int] = set()
        self.answers: list[tuple[Reply, Any, Exception | None]] = []
        self.lates: list[tuple[Call, Any]] = []
        self.activations: list[Activation] = []
        self.attempts: list[Attempt] = []
        self.given = 0
        if isinstance(world.ids, UuidSource):
            world.ids.tick(now_ns)

    def answer(self, reply: Reply, value: Any) -> None:
        """Answer a call once the turn is committed."""
        self.answers.append((reply, value, None))

    def refuse(self, reply: Reply, error: Exception) -> None:
        """Refuse a call once the turn is committed: what it refers to must be true by then."""
        self.answers.append((reply, None, error))

    def postpone(self, call: Call, late: Any) -> None:
        """Let a parked call wait on, but answer `late` when its time is over, once the turn is
        committed."""
        self.lates.append((call, late))

    def find(self, namespace_key: int, execution: WorkflowExecution) -> LoadedRun:
        """Return the run that is meant: the newest of its id when no run id is given.

        Raises NotFound with the server's wording.
        """
        workflow_id, run_id = execution.workflow_id, execution.run_id
        run = self.find_current(namespace_key, workflow_id)
        if not run_id:
            if run is None:
                raise NotFound(f"workflow not found for ID: {workflow_id}")
            return run
        if run is not None and run.state.run_id == run_id:
            return run
        key = self.world.store.find_run(namespace_key, _WORKFLOW, workflow_id, run_id)
        if not key or key in self.deleted:
            raise NotFound(
                f'workflow execution not found for workflow ID "{workflow_id}" and run ID'
                f' "{run_id}"'
            )
        return self.load(key)

    def find_current(self, namespace_key: int, workflow_id: str) -> LoadedRun | None:
        """Return the newest run of an id, None when there is none."""
        return self.find_newest(namespace_key, _WORKFLOW, workflow_id)

    def find_entity(
        self, namespace_key: int, kind: EntityKind, entity_id: str, run_id: str = ""
    ) -> Loaded[Any] | None:
        """Return exactly this run of an entity, or the newest of its id; None when there is none.

        The caller knows the state's type by the kind.
        """
        found = self.find_newest(namespace_key, kind, entity_id)
        if not run_id or (found is not None and found.state.run_id == run_id):
            return found
        key = self.world.store.find_run(namespace_key, kind, entity_id, run_id)
        return self.load_any(key) if key and key not in self.deleted else None

    def find_newest(self, namespace_key: int, kind: int, workflow_id: str) -> Loaded[Any] | None:
        """Return the newest entity of a kind and id."""
        cache = self.world.cache
        key = cache.current_key(namespace_key, kind, workflow_id)
        if not key:
            key = self._newest_key(namespace_key, kind, workflow_id)
            if not key:
                return None
            # NOTE: a deletion of this turn may be undone with it: what is newest without the
            # deleted run is not remembered beyond the turn.
            if not self.deleted:
                cache.set_current(namespace_key, kind, workflow_id, key)
        return self.load_any(key)

    def _newest_key(self, namespace_key: int, kind: int, workflow_id: str) -> int:
        # As after the commit: the newest that is left becomes current when this turn deletes runs.
        store = self.world.store
        key = store.find_current(namespace_key, kind, workflow_id)
        if not self.deleted:
            return key
        while key and key in self.deleted:
            key = store.find_current(namespace_key, kind, workflow_id, before=key)
        for created, staged in self.staged.items():
            run = self.touched[created]
            named = (run.state.namespace_key, run.kind, run.state.workflow_id)
            if staged.created and named == (namespace_key, kind, workflow_id):
                key = max(key, created)
        return key

    def load(self, key: int) -> LoadedRun:
        """Return a run from memory, or fold it from its log. Raises NotFound or DataLoss."""
        run = self.load_any(key)
        if run.kind != _WORKFLOW:
            raise NotFound("workflow execution not found")
        return run

    def load_any(self, key: int) -> Loaded[Any]:
        """The same for an entity of any kind, whose state only its nature can read."""
        self.loaded.add(key)
        run = self.touched.get(key) or self.world.cache.get(key)
        if run is None:
            stored = self.world.store.load_run(key, FOLD_VERSION)
            if stored is None or key in self.deleted:
                raise NotFound("workflow execution not found")
            run = fold_run(stored)
            self.world.cache.put(run)
        return run

    def create(self, decision: Decision) -> LoadedRun:
        """Stage a new run, which becomes the newest of its id."""
        world = self.world
        key = world.next_run_key
        world.next_run_key += 1
        run = LoadedRun(key, decision.state, None)
        self._put(run)
        self._keep(run, decision)
        return run

    def create_entity(self, kind: EntityKind, decision: EntityDecision) -> Loaded[Any]:
        """Stage a new entity, which becomes the newest of its kind and id."""
        world = self.world
        key = world.next_run_key
        world.next_run_key += 1
        entity: Loaded[Any] = Loaded(key, decision.state, None, kind=kind)
        self._put(entity)
        self.stage_entity(entity, decision)
        return entity

    def _put(self, run: Loaded[Any]) -> None:
        cache = self.world.cache
        cache.put(run)
        cache.set_current(run.state.namespace_key, run.kind, run.state.workflow_id, run.key)
        self.staged[run.key] = Staged(created=True)

    def stage(self, run: LoadedRun, decision: Decision) -> None:
        """Keep what a decision writes, and follow up its effects in this turn.

        Raises RunTooLarge when the run had to be terminated instead; the decision is forgotten.
        """
        close_decision(decision)
        reason = find_excess(decision)
        if reason:
            self._rebuild(run)
            self._keep(run, decide_excess(run.state, reason, decision.context))
            raise RunTooLarge(reason)
        self._keep(run, decision)

    def stage_entity(self, entity: Loaded[Any], decision: EntityDecision) -> None:
        """Keep what a decision about an entity writes, and follow up its effects in this turn."""
        self._keep(entity, decision)
        staged = self.staged.get(entity.key)
        if staged is not None and decision.note_frames:
            staged.seen = False

    def _keep(self, run: Loaded[Any], decision: Decision | EntityDecision) -> None:
        key, events = run.key, decision.event_frames
        run.state = decision.state
        self.touched[key] = run
        if events or decision.note_frames:
            staged = self.staged.get(key)
            if staged is None:
                staged = self.staged[key] = Staged()
            if not staged.events:
                staged.first_event_id = decision.first_event_id
            elif events:
                staged.notes.append(encode_batch(decision.first_event_id))
            staged.counts += decision.counts
            if events:
                staged.seen = False
                staged.events.extend(events)
                run.remember(events, self.world.limits.cached_history_bytes_max)
            staged.notes.extend(decision.note_frames)
        for effect in decision.effects:
            self.causes.append((key, effect))

    def read_object(self, namespace_key: int, kind: ObjectKind, name: str) -> bytes | None:
        """Return a named object's body as of this moment of the turn."""
        staged = self.objects.get((namespace_key, kind, name))
        found = staged or self.world.store.load_object(namespace_key, kind, name)
        return found.body if found is not None else None

    def write_object(
        self, namespace_key: int, kind: ObjectKind, name: str, body: bytes | None
    ) -> None:
        """Stage a named object, None to delete it."""
        self.objects[namespace_key, kind, name] = ObjectRow(namespace_key, kind, name, body)

    def touch(self, run: Loaded[Any]) -> None:
        """Have a run's row and timers brought up to date though nothing was logged."""
        self.touched[run.key] = run

    def delete(self, run: Loaded[Any]) -> None:
        """Remove a run and all it has written."""
        self.delete_key(run.key)

    def delete_key(self, key: int) -> None:
        """Remove a run that need not be loaded for it."""
        self.deleted.append(key)
        self.staged.pop(key, None)
        self.touched.pop(key, None)
        self.world.cache.drop(key)

    def repair(self) -> None:
        """Make every state this turn has used anew: one of them was left half changed."""
        for key in self.loaded:
            if key in self.touched:
                self._rebuild(self.touched[key])
            else:
                self.world.cache.drop(key)

    def _rebuild(self, run: Loaded[Any]) -> None:
        stored = self.world.store.load_run(run.key, FOLD_VERSION)
        nature = NATURES[run.kind]
        fresh = fold_run(stored) if stored is not None else Loaded(run.key, nature.new(), None)
        staged = self.staged.get(run.key)
        if staged is not None and (staged.events or staged.notes):
            transitions = fresh.state.transitions
            nature.fold(fresh.state, b"".join(staged.events), b"".join(staged.notes))
            fresh.state.transitions = transitions
        run.state = fresh.state
        # What is staged is not in the log yet: the tail must have it.
        run.frames = list(staged.events) if staged is not None else []
        run.frames_bytes = sum(map(len, run.frames))
        if run.kind == _WORKFLOW:
            run.frames_first_id = run.state.next_event_id - len(run.frames)

    def batch(self, lane: int, epoch: int) -> Batch:
        """Return what the turn writes; rows that did not change are left out."""
        batch = Batch(lane, epoch, self.now_ns)
        batch.namespaces = self.namespaces
        batch.deleted_runs = self.deleted
        batch.objects = list(self.objects.values())
        for key, run in self.touched.items():
            staged = self.staged.get(key)
            if staged is not None:
                _count(run, staged)
            row = NATURES[run.kind].project(run, self.now_ns)
            if staged is not None:
                batch.runs.append(self._write_log(run, row, staged))
            elif row != run.row:
                batch.runs.append(RunWrite(row, before=run.row))
            run.row = row
        return batch

    def _write_log(self, run: Loaded[Any], row: RunRow, staged: Staged) -> RunWrite:
        state = run.state
        run.sequence += 1
        events, notes = staged.events, staged.notes
        first_event_id = staged.first_event_id if events else 0
        log = LogRow(
            run.key, run.sequence, first_event_id, len(events), b"".join(events), b"".join(notes)
        )
        write = RunWrite(row, staged.created, log, None, run.row)
        due = run.sequence - run.snapshot_sequence >= self.world.limits.snapshot_rows
        if due and state.running:
            body = NATURES[run.kind].encode(state)
            write.snapshot = Snapshot(run.key, run.sequence, FOLD_VERSION, body)
            run.snapshot_sequence = run.sequence
        return write


def _count(run: Loaded[Any], staged: Staged) -> None:
    """Count a commit's transitions; those beside the first are told to the log."""
    counts = staged.counts if run.kind == _WORKFLOW else min(staged.counts, 1)
    run.state.transitions += counts
    if counts > 1:
        staged.notes.append(encode_transitions(counts - 1))


def fold_run(stored: StoredRun) -> Loaded[Any]:
    """Rebuild a run or another entity from its newest snapshot and the rows after it. Raises
    DataLoss when its row is of no known kind or knows of more than its log."""
    snapshot, kind = stored.snapshot, stored.row.kind
    nature = NATURES.get(kind)
    if nature is None:
        raise DataLoss(f"run {stored.row.run_key}: kind {kind} is unknown")
    state = nature.decode(snapshot.body) if snapshot is not None else nature.new()
    for row in stored.log:
        nature.fold(state, row.events, row.notes)
    sequence = snapshot.sequence if snapshot is not None else 0
    run = Loaded(
        key=stored.row.run_key,
        state=state,
        row=stored.row,
        sequence=stored.log[-1].sequence if stored.log else sequence,
        snapshot_sequence=sequence,
        frames_first_id=state.next_event_id if kind == _WORKFLOW else 1,
        kind=kind,
    )
    # A damaged page can hide the newest rows, which then no checksum misses.
    if stored.row.transitions > nature.project(run, 0).transitions:
        raise DataLoss(f"run {run.key}: the end of its log is missing")
    return run
