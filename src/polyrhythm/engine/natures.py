"""What the engine has to know of each kind of entity: how it is folded, kept, shown and woken.

A kind is one entry of `NATURES`; nothing else of the turn asks what it has before it. A run of a
workflow is the kind with history events. Its handlers are typed by their own state, and get it
only from lookups that name the kind.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from temporalio.api.workflowservice.v1 import StartWorkflowExecutionRequest

from polyrhythm.api import notes
from polyrhythm.base.entities import EntityKind
from polyrhythm.core.batch_job import BatchState, apply_batch, decide_due
from polyrhythm.core.context import Context
from polyrhythm.core.decide.fire import decide_fire
from polyrhythm.core.decide.lost import decide_lost
from polyrhythm.core.decide.standalone_attempt import (
    decide_standalone_lost,
    fire_standalone,
    start_attempt,
)
from polyrhythm.core.decision import Decision
from polyrhythm.core.effects import ActivityOffer, WorkflowTaskOffer
from polyrhythm.core.entity import EntityDecision, fold_notes
from polyrhythm.core.fold import fold_row
from polyrhythm.core.schedule.action import start_of_action
from polyrhythm.core.schedule.apply import apply_schedule
from polyrhythm.core.schedule.decide import (
    decide_outcome,
    decide_schedule_due,
    decide_told,
)
from polyrhythm.core.schedule.state import ScheduleState
from polyrhythm.core.snapshot import decode_state, encode_state
from polyrhythm.core.standalone import StandaloneState, apply_note, standalone_offers
from polyrhythm.core.state import RunState
from polyrhythm.engine.cache import Loaded
from polyrhythm.engine.rows import entity_row, open_offers, project_row, project_standalone
from polyrhythm.engine.schedule_row import project_schedule
from polyrhythm.stores.port import RunRow

Receive = Callable[[Any, notes.Message, int, int, Context], EntityDecision]
Settle = Callable[[Any, int, notes.Settled, Context], EntityDecision]
Begin = Callable[[Any, int, ActivityOffer, str, Context], EntityDecision | None]
Lose = Callable[[Any, Context, str], Decision | EntityDecision | None]
Start = Callable[[Any, notes.Message, int, Context], tuple[StartWorkflowExecutionRequest, bool]]


def _start_as_said(
    _state: Any, message: notes.Message, _sequence: int, _context: Context
) -> tuple[StartWorkflowExecutionRequest, bool]:
    return StartWorkflowExecutionRequest.FromString(message.start_workflow), False


def _refuse_message(
    state: Any, message: notes.Message, sender_key: int, sequence: int, context: Context
) -> EntityDecision:
    raise AssertionError("nobody sends messages to this kind of entity")


def _refuse_outcome(
    state: Any, sequence: int, outcome: notes.Settled, context: Context
) -> EntityDecision:
    raise AssertionError("this kind of entity does not send messages")


def _lose_nothing(state: Any, context: Context, process: str) -> EntityDecision | None:
    return None


def _refuse_worker(
    state: Any, run_key: int, offer: ActivityOffer, identity: str, context: Context
) -> EntityDecision | None:
    raise AssertionError("this kind of entity offers nothing to workers")


def _no_offers(_state: Any, _now_ns: int) -> list[WorkflowTaskOffer | ActivityOffer]:
    return []


def _fold_by(apply: Callable[[Any, notes.Note], None]) -> Callable[[Any, bytes, bytes], None]:
    """Return the fold of a kind whose log has notes alone."""
    return lambda state, _events, note_bytes: fold_notes(state, note_bytes, apply)


def _unpack_as(kind: type[Any]) -> Callable[[bytes], Any]:
    """Return what reads the snapshots of a kind whose state is packed as it is."""
    return lambda data: msgspec.msgpack.decode(data, type=kind)


def _project_batch(job: Loaded[BatchState], _now_ns: int) -> RunRow:
    state = job.state
    row = entity_row(job, state.start_ns, state.status)
    row.close_ns, row.due_ns = state.close_ns, state.due_ns
    return row


@dataclass(slots=True)
class Nature:
    """One kind. `fold` applies a log row; `encode` and `decode` are of snapshots; `project` makes
    the row as of an instant; `offers` is what waits for workers then; `fire` decides deadlines
    that have passed; `receive` takes a message (from a run of this key, by sequence) and `settle`
    the outcome of one that was sent, both without effect when they are repeated; `start` is the
    request that a message of it stands for, and whether it waits for the end of that chain;
    `begin` hands an offer to a worker of an identity, None if it is obsolete: the reply answers its
    poll.
    `lose` decides what workers inside other processes than the named one had in hand."""

    new: Callable[[], Any]
    fold: Callable[[Any, bytes, bytes], None]
    encode: Callable[[Any], bytes]
    decode: Callable[[bytes], Any]
    project: Callable[[Loaded[Any], int], RunRow]
    offers: Callable[[Any, int], Sequence[WorkflowTaskOffer | ActivityOffer]]
    fire: Callable[[Any, Context], Decision | EntityDecision]
    receive: Receive = _refuse_message
    settle: Settle = _refuse_outcome
    begin: Begin = _refuse_worker
    lose: Lose = _lose_nothing
    start: Start = _start_as_said


NATURES: dict[int, Nature] = {
    EntityKind.WORKFLOW: Nature(
        new=RunState,
        fold=fold_row,
        encode=encode_state,
        decode=decode_state,
        project=project_row,
        offers=open_offers,
        fire=decide_fire,
        lose=decide_lost,
    ),
    EntityKind.ACTIVITY: Nature(
        new=StandaloneState,
        fold=_fold_by(apply_note),
        encode=msgspec.msgpack.encode,
        decode=_unpack_as(StandaloneState),
        project=project_standalone,
        offers=standalone_offers,
        fire=fire_standalone,
        begin=start_attempt,
        lose=decide_standalone_lost,
    ),
    EntityKind.BATCH: Nature(
        new=BatchState,
        fold=_fold_by(apply_batch),
        encode=msgspec.msgpack.encode,
        decode=_unpack_as(BatchState),
        project=_project_batch,
        offers=_no_offers,
        fire=decide_due,
    ),
    EntityKind.SCHEDULE: Nature(
        new=ScheduleState,
        fold=_fold_by(apply_schedule),
        encode=msgspec.msgpack.encode,
        decode=_unpack_as(ScheduleState),
        project=project_schedule,
        offers=_no_offers,
        fire=decide_schedule_due,
        receive=decide_told,
        settle=decide_outcome,
        start=start_of_action,
    ),
}
