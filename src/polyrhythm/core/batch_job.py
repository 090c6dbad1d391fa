"""Batch operations: one thing done to many runs, a bounded number of them a turn.

The state says how far a job has come: a cursor over the keys of runs, or over the request's list,
and how many succeeded and failed. What a turn did to runs and the note that moves the cursor are
one commit, so a crash neither loses a run nor meets one twice. A job owns the runs that were there
when it began. Runs that cannot be handled now (a workflow that is closing) are tried again when
all others are done.
Sources: the batch workflow of the server's worker; DescribeBatchOperation of its frontend.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import ceil

from temporalio.api.enums.v1 import BatchOperationState, BatchOperationType
from temporalio.api.enums.v1 import workflow_pb2 as statuses
from temporalio.api.workflowservice.v1 import (
    DescribeBatchOperationResponse,
    StartBatchOperationRequest,
    StartBatchOperationResponse,
    StopBatchOperationRequest,
    StopBatchOperationResponse,
)

from polyrhythm.api import notes
from polyrhythm.base.errors import NotFound
from polyrhythm.base.limits import SECOND_NS
from polyrhythm.core.context import Context
from polyrhythm.core.durations import set_span
from polyrhythm.core.effects import BatchStep
from polyrhythm.core.entity import EntityDecision, apply_message

# Attempts at a run that cannot be handled now, and the time between them.
ATTEMPTS_MAX = 50
AGAIN_NS = SECOND_NS

_RUNNING = int(statuses.WORKFLOW_EXECUTION_STATUS_RUNNING)
_COMPLETED = int(statuses.WORKFLOW_EXECUTION_STATUS_COMPLETED)
_TERMINATED = int(statuses.WORKFLOW_EXECUTION_STATUS_TERMINATED)
_STATES = {
    _RUNNING: BatchOperationState.BATCH_OPERATION_STATE_RUNNING,
    _COMPLETED: BatchOperationState.BATCH_OPERATION_STATE_COMPLETED,
}


@dataclass(slots=True)
class BatchState:
    """One job. `cursor`: the key of the run, or the place in the request's list, up to which all
    is done; `again`: those to be tried once more; `due_ns`: when it goes on."""

    namespace_key: int = 0
    workflow_id: str = ""
    run_id: str = ""
    transitions: int = 0
    owed: dict[int, bytes] = field(default_factory=dict)
    owed_next: int = 1
    request: bytes = b""
    operation: int = 0
    identity: str = ""
    filter: bytes = b""
    total: int = 0
    run_key_last: int = 0
    request_id: str = ""
    status: int = _RUNNING
    start_ns: int = 0
    close_ns: int = 0
    due_ns: int = 0
    cursor: int = 0
    completed: int = 0
    failed: int = 0
    again: list[int] = field(default_factory=list)
    attempt: int = 0

    @property
    def running(self) -> bool:
        """Whether there is more to do."""
        return self.status == _RUNNING


@dataclass(slots=True)
class StartBatch:
    """A checked request for a job: which runs it means, as the engine's filter in bytes (empty
    for a list of executions), and how many those are by now."""

    request: StartBatchOperationRequest
    operation: BatchOperationType.ValueType
    identity: str
    filter: bytes = b""
    total: int = 0
    run_key_last: int = 0


@dataclass(slots=True)
class Progress:
    """What one turn did: `again` is the whole list of those to be tried again."""

    cursor: int
    completed: int = 0
    failed: int = 0
    again: list[int] = field(default_factory=list)
    attempt: int = 0
    over: bool = False


def decide_begin(wanted: StartBatch, context: Context) -> EntityDecision:
    """Decide a new job."""
    decision = EntityDecision(BatchState(), context, apply_batch)
    note = decision.new_note()
    begun = note.batch_begun
    begun.namespace_key = context.namespace.key
    begun.job_id = wanted.request.job_id
    begun.run_id = context.ids.run_id()
    begun.request = wanted.request.SerializeToString(deterministic=True)
    begun.operation = wanted.operation
    begun.identity = wanted.identity
    begun.filter = wanted.filter
    begun.total = wanted.total
    begun.run_key_last = wanted.run_key_last
    begun.request_id = context.ids.run_id()
    decision.append_note(note)
    decision.reply = StartBatchOperationResponse()
    return decision


def decide_due(state: BatchState, context: Context) -> EntityDecision:
    """Ask for the next step of a job whose time it is."""
    decision = EntityDecision(state, context, apply_batch)
    if state.running and state.due_ns <= context.now_ns:
        decision.effect(BatchStep())
    return decision


def decide_progress(
    state: BatchState, done: Progress, per_second: float, context: Context
) -> EntityDecision:
    """Decide what a step has done, and when the next one is due at this rate."""
    decision = EntityDecision(state, context, apply_batch)
    note = decision.new_note()
    advanced = note.batch_advanced
    advanced.cursor = done.cursor
    advanced.completed = done.completed
    advanced.failed = done.failed
    advanced.again.extend(done.again)
    advanced.attempt = done.attempt
    advanced.over = done.over
    handled = done.completed + done.failed
    wait_ns = ceil(handled * SECOND_NS / per_second)
    if done.attempt > state.attempt:
        wait_ns = max(wait_ns, AGAIN_NS)
    advanced.due_ns = context.now_ns + wait_ns
    decision.append_note(note)
    return decision


def decide_stop(
    state: BatchState, request: StopBatchOperationRequest, context: Context
) -> EntityDecision:
    """Decide that nothing more is done. Raises NotFound for a job that is over."""
    if not state.running:
        raise NotFound("workflow execution already completed")
    decision = EntityDecision(state, context, apply_batch)
    note = decision.new_note()
    note.batch_stopped.identity = request.identity
    note.batch_stopped.reason = request.reason
    decision.append_note(note)
    decision.reply = StopBatchOperationResponse()
    return decision


def describe_batch(state: BatchState) -> DescribeBatchOperationResponse:
    """Return what there is to know of a job; the total of one that runs is an estimate."""
    request = StartBatchOperationRequest.FromString(state.request)
    answer = DescribeBatchOperationResponse(
        operation_type=BatchOperationType.ValueType(state.operation),
        job_id=state.workflow_id,
        state=batch_state(state.status),
        complete_operation_count=state.completed,
        failure_operation_count=state.failed,
        identity=state.identity,
        reason=request.reason,
    )
    handled = state.completed + state.failed
    answer.total_operation_count = handled if state.status == _COMPLETED else state.total
    set_span(answer.start_time, state.start_ns)
    if state.close_ns:
        set_span(answer.close_time, state.close_ns)
    return answer


def batch_state(status: int) -> BatchOperationState.ValueType:
    """Return a row's status as the state of a job; a stopped one failed."""
    return _STATES.get(status, BatchOperationState.BATCH_OPERATION_STATE_FAILED)


def apply_batch(state: BatchState, note: notes.Note) -> None:
    """Apply a note of a job's log."""
    if apply_message(state, note):
        return
    if note.HasField("batch_begun"):
        _apply_begun(state, note)
    elif note.HasField("batch_advanced"):
        advanced = note.batch_advanced
        state.cursor = advanced.cursor
        state.completed += advanced.completed
        state.failed += advanced.failed
        state.again = list(advanced.again)
        state.attempt = advanced.attempt
        state.due_ns = advanced.due_ns
        if advanced.over:
            _close(state, _COMPLETED, note.time_ns)
    elif note.HasField("batch_stopped"):
        _close(state, _TERMINATED, note.time_ns)


def _apply_begun(state: BatchState, note: notes.Note) -> None:
    begun = note.batch_begun
    state.namespace_key = begun.namespace_key
    state.workflow_id, state.run_id = begun.job_id, begun.run_id
    state.request, state.operation = begun.request, begun.operation
    state.identity = begun.identity
    state.filter, state.total = begun.filter, begun.total
    state.run_key_last = begun.run_key_last
    state.request_id = begun.request_id
    state.start_ns = state.due_ns = note.time_ns


def _close(state: BatchState, status: int, now_ns: int) -> None:
    state.status = status
    state.close_ns = now_ns
    state.due_ns = 0
    state.again = []
