"""ExecuteMultiOperation: an update with a start, decided together and written in one commit.

Source: the server's multioperation. A workflow that runs gets the update (when the start was the
same, the update is known, or the policy allows it), else a new run is started whose first task
carries it. An update that only a closing run aborted is done once more, with a new run.
"""

from __future__ import annotations

from temporalio.api.common.v1 import Link
from temporalio.api.enums.v1 import (
    EventType,
    WorkflowExecutionStatus,
    WorkflowIdConflictPolicy,
)
from temporalio.api.workflowservice.v1 import (
    StartWorkflowExecutionRequest,
    StartWorkflowExecutionResponse,
    UpdateWorkflowExecutionRequest,
)

from polyrhythm.base.errors import (
    Aborted,
    NotFound,
    OperationAborted,
    OperationsFailed,
    PolyrhythmError,
    Unavailable,
)
from polyrhythm.core.decide.resolve import Resolution, current_run, resolve_start
from polyrhythm.core.decide.start import decide_start
from polyrhythm.core.decide.terminate import decide_replaced
from polyrhythm.core.decide.update import ABORTED, admit, decide_update, find_update
from polyrhythm.core.state import RunState
from polyrhythm.engine.cache import LoadedRun
from polyrhythm.engine.calls import Call
from polyrhythm.engine.desk import Desk
from polyrhythm.engine.handlers.updates import OPERATIONS_FAILED, UpdateWait, look, wait_of

_USE_EXISTING = WorkflowIdConflictPolicy.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING
_RUNNING = WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING


def execute_multi(desk: Desk, call: Call) -> None:
    """Start a workflow if need be, update it and wait for the update."""
    if call.pending is None:
        _begin(desk, call, repeated=False)
    wait: UpdateWait = call.pending
    if _is_aborted(desk, wait):
        if not wait.repeated:
            _begin(desk, call, repeated=True)
        else:
            raise OperationsFailed(OPERATIONS_FAILED, [OperationAborted(), Aborted(ABORTED)])
    look(desk, call)


def _begin(desk: Desk, call: Call, repeated: bool) -> None:
    start: StartWorkflowExecutionRequest = call.request.operations[0].start_workflow
    update: UpdateWorkflowExecutionRequest = call.request.operations[1].update_workflow
    run = desk.turn.find_current(call.namespace.key, start.workflow_id)
    update_id, stage = update.request.meta.update_id, update.wait_policy.lifecycle_stage
    if run is not None and update_id in run.state.completed_updates:
        answer = StartWorkflowExecutionResponse(
            run_id=run.state.run_id, status=WorkflowExecutionStatus.ValueType(run.state.status)
        )
    elif run is not None and run.state.running and _joins(run.state, start, update_id):
        context = desk.context(call.namespace)
        try:
            decision = decide_update(run.state, update, context)
        except PolyrhythmError as error:
            raise OperationsFailed(OPERATIONS_FAILED, [OperationAborted(), error]) from error
        desk.turn.stage(run, decision)
        answer = _existing(run.state)
    else:
        run, answer = _start(desk, call, run)
    call.pending = wait_of(run, update_id, stage)
    call.pending.start = answer
    call.pending.repeated = repeated


def _joins(state: RunState, start: StartWorkflowExecutionRequest, update_id: str) -> bool:
    return (
        start.request_id == state.create_request_id
        or find_update(state, update_id) is not None
        or start.workflow_id_conflict_policy == _USE_EXISTING
    )


def _start(
    desk: Desk, call: Call, run: LoadedRun | None
) -> tuple[LoadedRun, StartWorkflowExecutionResponse]:
    start: StartWorkflowExecutionRequest = call.request.operations[0].start_workflow
    context = desk.context(call.namespace)
    try:
        current = current_run(run.state) if run is not None else None
        verdict = resolve_start(current, start, context)
        if verdict.resolution not in (Resolution.CREATE, Resolution.REPLACE):
            raise Unavailable("Workflow was not started: StartDeduped")
        decision = decide_start(start, context)
    except PolyrhythmError as error:
        raise OperationsFailed(OPERATIONS_FAILED, [error, OperationAborted()]) from error
    try:
        admit(decision, call.request.operations[1].update_workflow.request)
    except PolyrhythmError as error:
        raise OperationsFailed(OPERATIONS_FAILED, [OperationAborted(), error]) from error
    if verdict.resolution is Resolution.REPLACE:
        assert run is not None
        desk.turn.stage(run, decide_replaced(run.state, decision.state.run_id, context))
    answer = decision.reply
    assert isinstance(answer, StartWorkflowExecutionResponse)
    return desk.turn.create(decision), answer


def _existing(state: RunState) -> StartWorkflowExecutionResponse:
    # As the server makes it: the link names no namespace here.
    link = Link()
    event = link.workflow_event
    event.workflow_id, event.run_id = state.workflow_id, state.run_id
    event.event_ref.event_id = 1
    event.event_ref.event_type = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED
    return StartWorkflowExecutionResponse(run_id=state.run_id, status=_RUNNING, link=link)


def _is_aborted(desk: Desk, wait: UpdateWait) -> bool:
    if wait.start is not None and wait.start.started:
        return False
    try:
        run = desk.turn.load(wait.run_key)
    except NotFound:
        return True
    status = find_update(run.state, wait.update_id)
    return status is not None and isinstance(status.error, NotFound)
