"""What a batch operation does to one run: each kind is the call that a client could make itself.

Every function raises as that call would be refused. Identities and reasons are those that the
server's batch worker gives: it cancels and terminates under a name of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from temporalio.api.common.v1 import ResetOptions, WorkflowExecution
from temporalio.api.enums.v1 import ResetType
from temporalio.api.enums.v1 import event_type_pb2 as event_types
from temporalio.api.history.v1 import History
from temporalio.api.workflowservice.v1 import (
    RequestCancelWorkflowExecutionRequest,
    ResetActivityRequest,
    ResetWorkflowExecutionRequest,
    SignalWorkflowExecutionRequest,
    StartBatchOperationRequest,
    TerminateWorkflowExecutionRequest,
    UnpauseActivityRequest,
    UpdateActivityOptionsRequest,
    UpdateWorkflowExecutionOptionsRequest,
)

from polyrhythm.base.errors import InvalidArgument
from polyrhythm.core.context import Context
from polyrhythm.core.decide.activity_ops import decide_reset, decide_unpause
from polyrhythm.core.decide.activity_update import decide_update_activity
from polyrhythm.core.decide.cancel import decide_cancel
from polyrhythm.core.decide.signal import decide_signal
from polyrhythm.core.decide.terminate import decide_terminate
from polyrhythm.core.decide.workflow_options import decide_update_options
from polyrhythm.engine.cache import LoadedRun
from polyrhythm.engine.desk import Desk
from polyrhythm.engine.handlers.life import remove_run
from polyrhythm.engine.handlers.reset import read_history, reset_run

Operate = Callable[[Desk, LoadedRun, StartBatchOperationRequest, Context], None]

# As a process of the SDK calls itself: pid@host.
BATCH_IDENTITY = "1@batch-operation"


def operation_of(request: StartBatchOperationRequest) -> Operate:
    """Return what a request asks to be done to each run."""
    return _OPERATIONS[str(request.WhichOneof("operation"))]


def _terminate(
    desk: Desk, run: LoadedRun, request: StartBatchOperationRequest, context: Context
) -> None:
    end = TerminateWorkflowExecutionRequest(reason=request.reason, identity=BATCH_IDENTITY)
    desk.turn.stage(run, decide_terminate(run.state, end, context))


def _cancel(
    desk: Desk, run: LoadedRun, _request: StartBatchOperationRequest, context: Context
) -> None:
    cancel = RequestCancelWorkflowExecutionRequest(
        identity=BATCH_IDENTITY, request_id=context.ids.run_id()
    )
    desk.turn.stage(run, decide_cancel(run.state, cancel, context))


def _signal(
    desk: Desk, run: LoadedRun, request: StartBatchOperationRequest, context: Context
) -> None:
    # The server's worker leaves the header out.
    asked = request.signal_operation
    signal = SignalWorkflowExecutionRequest(signal_name=asked.signal, identity=asked.identity)
    if asked.HasField("input"):
        signal.input.CopyFrom(asked.input)
    desk.turn.stage(run, decide_signal(run.state, signal, context))


def _delete(
    desk: Desk, run: LoadedRun, _request: StartBatchOperationRequest, context: Context
) -> None:
    remove_run(desk, run, context)


def _reset(
    desk: Desk, run: LoadedRun, request: StartBatchOperationRequest, context: Context
) -> None:
    asked = request.reset_operation
    reset = ResetWorkflowExecutionRequest(
        reason=request.reason, request_id=context.ids.run_id(), identity=asked.identity
    )
    reset.post_reset_operations.extend(asked.post_reset_operations)
    if asked.HasField("options"):
        options = asked.options
        reset.reset_reapply_type = options.reset_reapply_type
        reset.reset_reapply_exclude_types.extend(options.reset_reapply_exclude_types)
        target = options.WhichOneof("target")
        if target == "workflow_task_id":
            point = options.workflow_task_id
        elif target == "build_id":
            run, point = _build_of(desk, run, options)
        else:
            point = _task_of(desk, run, last=target == "last_workflow_task")
    else:
        reset.reset_reapply_type = asked.reset_reapply_type
        last = asked.reset_type == ResetType.RESET_TYPE_LAST_WORKFLOW_TASK
        point = _task_of(desk, run, last=last)
    reset.workflow_execution.workflow_id = run.state.workflow_id
    reset.workflow_execution.run_id = run.state.run_id
    reset.workflow_task_finish_event_id = point
    reset_run(desk, run, reset, context)


def _build_of(desk: Desk, run: LoadedRun, options: ResetOptions) -> tuple[LoadedRun, int]:
    """Return where the chain first met a build: the run, and the end of the workflow task."""
    state, build_id = run.state, options.build_id
    for point in state.reset_points:
        if point.build_id != build_id:
            continue
        if not point.resettable:
            raise InvalidArgument(f"Reset point for {build_id} is not resettable")
        if point.expire_ns and point.expire_ns < desk.now_ns:
            raise InvalidArgument(f"Reset point for {build_id} is expired")
        if point.run_id == state.run_id:
            return run, point.completed_event_id
        if options.current_run_only:
            raise InvalidArgument(
                f"Reset point for {build_id} points to previous run and CurrentRunOnly is set"
            )
        met = WorkflowExecution(workflow_id=state.workflow_id, run_id=point.run_id)
        return desk.turn.find(state.namespace_key, met), point.completed_event_id
    raise InvalidArgument(f"Can't find reset point for {build_id}")


def _task_of(desk: Desk, run: LoadedRun, last: bool) -> int:
    """Return the event at which a run's first or last completed workflow task ended, or would
    have."""
    frames = read_history(desk, run).frames
    scheduled_id = 0
    for frame in reversed(frames) if last else frames:
        event = History.FromString(frame).events[0]
        if event.event_type == event_types.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
            return event.event_id
        if event.event_type == event_types.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED and (
            last or not scheduled_id
        ):
            scheduled_id = event.event_id
    if not scheduled_id:
        raise InvalidArgument("unable to find any scheduled or completed task")
    return scheduled_id + 1


def _update_options(
    desk: Desk, run: LoadedRun, request: StartBatchOperationRequest, context: Context
) -> None:
    asked = request.update_workflow_options_operation
    update = UpdateWorkflowExecutionOptionsRequest(
        workflow_execution_options=asked.workflow_execution_options,
        update_mask=asked.update_mask,
        identity=asked.identity,
    )
    desk.turn.stage(run, decide_update_options(run.state, update, context))


def _of_activities(operation: str, kind: type[Any], everything: str, decide: Any) -> Operate:
    """Return the operation whose request, but for which activities it means, says the same in the
    same words as a call about one run."""

    def operate(
        desk: Desk, run: LoadedRun, request: StartBatchOperationRequest, context: Context
    ) -> None:
        asked, wanted = getattr(request, operation), kind()
        known = wanted.DESCRIPTOR.fields_by_name
        for field, value in asked.ListFields():
            # The server leaves out what the call does not know: a reset's `reset_attempts`.
            if field.containing_oneof is not None or field.name not in known:
                continue
            if field.message_type is None:
                setattr(wanted, field.name, value)
            else:
                getattr(wanted, field.name).CopyFrom(value)
        if asked.WhichOneof("activity") == "type":
            wanted.type = asked.type
        else:
            setattr(wanted, everything, True)
        desk.turn.stage(run, decide(run.state, wanted, context))

    return operate


_OPERATIONS: dict[str, Operate] = {
    "termination_operation": _terminate,
    "signal_operation": _signal,
    "cancellation_operation": _cancel,
    "deletion_operation": _delete,
    "reset_operation": _reset,
    "update_workflow_options_operation": _update_options,
    "unpause_activities_operation": _of_activities(
        "unpause_activities_operation", UnpauseActivityRequest, "unpause_all", decide_unpause
    ),
    "reset_activities_operation": _of_activities(
        "reset_activities_operation", ResetActivityRequest, "match_all", decide_reset
    ),
    "update_activity_options_operation": _of_activities(
        "update_activity_options_operation",
        UpdateActivityOptionsRequest,
        "match_all",
        decide_update_activity,
    ),
}
