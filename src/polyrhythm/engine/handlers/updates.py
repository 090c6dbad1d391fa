"""Updates: admitted by core, waited for until they are as far as the caller asks.

An UpdateWorkflowExecution and a PollWorkflowExecutionUpdate wait alike: they look at their run
whenever it changes, and after 20 s are told how far the update is. An update that leaves no trace
(rejected, or lost with its task) is told to its callers by an effect of the decision.
An update with a start waits here too; `multi` does what comes before.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from temporalio.api.enums.v1 import UpdateWorkflowExecutionLifecycleStage
from temporalio.api.history.v1 import History
from temporalio.api.update.v1 import Outcome
from temporalio.api.workflowservice.v1 import (
    ExecuteMultiOperationRequest,
    ExecuteMultiOperationResponse,
    PollWorkflowExecutionUpdateRequest,
    PollWorkflowExecutionUpdateResponse,
    StartWorkflowExecutionResponse,
    UpdateWorkflowExecutionResponse,
)

from polyrhythm.base.errors import (
    DeadlineExceeded,
    NotFound,
    OperationAborted,
    OperationsFailed,
    PolyrhythmError,
    Unavailable,
)
from polyrhythm.core.decide.update import (
    ABORTED,
    COMPLETED,
    UpdateStatus,
    decide_update,
    find_update,
)
from polyrhythm.core.effects import UpdateEnded
from polyrhythm.engine.cache import LoadedRun
from polyrhythm.engine.calls import Call
from polyrhythm.engine.desk import Desk
from polyrhythm.engine.handlers.events import read_frames

OPERATIONS_FAILED = "Update-with-Start could not be executed."


@dataclass(slots=True)
class UpdateWait:
    """What a call waits for. `start` is the first half of an update with a start's answer."""

    run_key: int
    workflow_id: str
    run_id: str
    update_id: str
    stage: int
    start: StartWorkflowExecutionResponse | None = None
    repeated: bool = False


def update_workflow(desk: Desk, call: Call) -> None:
    """Admit an update, or find it again, and wait for it."""
    request = call.request
    if call.pending is None:
        run = desk.turn.find(call.namespace.key, request.workflow_execution)
        decision = decide_update(run.state, request, desk.context(call.namespace))
        desk.turn.stage(run, decision)
        stage = request.wait_policy.lifecycle_stage
        call.pending = wait_of(run, request.request.meta.update_id, stage)
    look(desk, call)


def poll_update(desk: Desk, call: Call) -> None:
    """Wait for an update that is there already."""
    request = call.request
    if call.pending is None:
        reference = request.update_ref
        run = desk.turn.find(call.namespace.key, reference.workflow_execution)
        if find_update(run.state, reference.update_id) is None:
            # Quoted as Go does it, which is JSON's way for all that ids are made of.
            quoted = json.dumps(reference.update_id, ensure_ascii=False)
            raise NotFound(f"update {quoted} not found")
        stage = request.wait_policy.lifecycle_stage
        call.pending = wait_of(run, reference.update_id, stage)
    look(desk, call)


def wait_of(run: LoadedRun, update_id: str, stage: int) -> UpdateWait:
    """Return what a call waits for that wants an update to reach a stage.

    A stage that is none is waited for by nobody: the call is told what there is.
    """
    stage = stage if stage <= COMPLETED else 0
    return UpdateWait(run.key, run.state.workflow_id, run.state.run_id, update_id, stage)


def look(desk: Desk, call: Call) -> PolyrhythmError | None:
    """Answer a call if its update is far enough, else let it wait (on).

    Returns the error the call was refused with, if it was.
    """
    wait: UpdateWait = call.pending
    try:
        run = desk.turn.load(wait.run_key)
    except NotFound:
        # Deleted, and terminated on the way out.
        return refuse(desk, call, NotFound(ABORTED))
    status = find_update(run.state, wait.update_id)
    if status is None:
        return refuse(desk, call, Unavailable("workflow update was aborted"))
    if status.error is not None:
        return refuse(desk, call, status.error)
    if status.stage >= wait.stage:
        answer = encode_answer(call, status.stage, _outcome(desk, run, status))
        desk.turn.answer(call.reply, answer)
    else:
        _wait(desk, call, status.stage)
    return None


def end_update(desk: Desk, run_key: int, ended: UpdateEnded) -> None:
    """Tell the callers of an update that leaves no trace."""
    waiters = desk.memory.waiters
    for call in waiters.take_watchers(run_key):
        wait = call.pending
        if not isinstance(wait, UpdateWait) or wait.update_id != ended.update_id:
            waiters.watch(run_key, call)
        elif ended.error is not None:
            refuse(desk, call, ended.error)
        else:
            outcome = Outcome()
            outcome.failure.MergeFromString(ended.failure)
            desk.turn.answer(call.reply, encode_answer(call, COMPLETED, outcome))


def refuse(desk: Desk, call: Call, error: PolyrhythmError) -> PolyrhythmError:
    """Refuse a call; of an update with a start both halves are told what became of them."""
    if isinstance(call.request, ExecuteMultiOperationRequest):
        wait: UpdateWait = call.pending
        started = wait.start is not None and wait.start.started
        outcomes = [None if started else OperationAborted(), error]
        desk.turn.refuse(call.reply, OperationsFailed(OPERATIONS_FAILED, outcomes))
    else:
        desk.turn.refuse(call.reply, error)
    return error


def encode_answer(
    call: Call, stage: UpdateWorkflowExecutionLifecycleStage.ValueType, outcome: Outcome | None
) -> Any:
    """Return the answer that an update has reached a stage, as the call's protocol has it."""
    wait: UpdateWait = call.pending
    if isinstance(call.request, PollWorkflowExecutionUpdateRequest):
        polled = PollWorkflowExecutionUpdateResponse(stage=stage, outcome=outcome)
        _fill_reference(polled, wait)
        return polled
    updated = UpdateWorkflowExecutionResponse(stage=stage, outcome=outcome)
    _fill_reference(updated, wait)
    if not isinstance(call.request, ExecuteMultiOperationRequest):
        return updated
    answer = ExecuteMultiOperationResponse()
    answer.responses.add(start_workflow=wait.start)
    answer.responses.add(update_workflow=updated)
    return answer


def _fill_reference(answer: Any, wait: UpdateWait) -> None:
    reference = answer.update_ref
    reference.workflow_execution.workflow_id = wait.workflow_id
    reference.workflow_execution.run_id = wait.run_id
    reference.update_id = wait.update_id


def _outcome(desk: Desk, run: LoadedRun, status: UpdateStatus) -> Outcome | None:
    if status.failure is not None:
        return Outcome(failure=status.failure)
    event_id = status.outcome_event_id
    if not event_id:
        return None
    frames = read_frames(desk, run, event_id, event_id + 1)
    event = History.FromString(b"".join(frames)).events[0]
    return event.workflow_execution_update_completed_event_attributes.outcome


def _wait(desk: Desk, call: Call, stage: UpdateWorkflowExecutionLifecycleStage.ValueType) -> None:
    late: Any = encode_answer(call, stage, None)
    until_ns = desk.now_ns + desk.limits.update_wait_ns
    if call.parked:
        if not isinstance(call.late, Exception) and call.late != late:
            desk.turn.postpone(call, late)
    else:
        if call.deadline_ns and call.deadline_ns < until_ns:
            until_ns, late = call.deadline_ns, DeadlineExceeded("context deadline exceeded")
        desk.memory.waiters.park(call, until_ns, late)
        call.parked = True
    desk.memory.waiters.watch(call.pending.run_key, call)
