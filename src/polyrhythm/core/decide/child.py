"""Decides children: the start one owes to its parent's command, and what the parent is told.

Source: the child starter of the server's transfer queue, and RecordChildExecutionCompleted. A
child's first event and its parent's Started event are one commit, so a child is never known to
one of them alone. A parent that has closed starts nothing any more, whatever the close policy.
The parent is told of the end of the chain that began with the run it started, once: with that the
child is no longer pending, and a repeated message finds nothing to end.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from temporalio.api.common.v1 import Priority
from temporalio.api.enums.v1 import StartChildWorkflowExecutionFailedCause, WorkflowIdConflictPolicy
from temporalio.api.enums.v1 import event_type_pb2 as event_types
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflowservice.v1 import StartWorkflowExecutionRequest

from polyrhythm.api import notes
from polyrhythm.core import tables
from polyrhythm.core.context import Context
from polyrhythm.core.decide import task as tasks
from polyrhythm.core.decide.start import decide_start
from polyrhythm.core.decide.versioning import inherit_as_child
from polyrhythm.core.decision import Decision
from polyrhythm.core.lineage import child_origin
from polyrhythm.core.state import ChildState, RunState

ALREADY_EXISTS = StartChildWorkflowExecutionFailedCause.Value(
    "START_CHILD_WORKFLOW_EXECUTION_FAILED_CAUSE_WORKFLOW_ALREADY_EXISTS"
)

# Fields of an Initiated event that a start takes over as they are.
_MESSAGES = (
    "workflow_type",
    "task_queue",
    "input",
    "header",
    "workflow_execution_timeout",
    "workflow_run_timeout",
    "workflow_task_timeout",
    "retry_policy",
    "memo",
    "search_attributes",
    "versioning_override",
)


def child_request(state: RunState, message: notes.Message) -> StartWorkflowExecutionRequest | None:
    """Return the start that `state` owes by this message, None when it is not wanted any more."""
    child = state.children.get(message.sender_event_id)
    if not state.running or child is None or child.run_id:
        return None
    return start_of(state, HistoryEvent.FromString(child.initiated))


def start_of(state: RunState, event: HistoryEvent) -> StartWorkflowExecutionRequest:
    """Return the start that an Initiated event of `state` asks for."""
    initiated = event.start_child_workflow_execution_initiated_event_attributes
    request = StartWorkflowExecutionRequest()
    request.namespace = initiated.namespace
    request.workflow_id = initiated.workflow_id
    # The third part is the failover version of the event.
    request.request_id = f"{state.run_id}:{event.event_id}:{event.version}"
    request.workflow_id_reuse_policy = initiated.workflow_id_reuse_policy
    request.workflow_id_conflict_policy = WorkflowIdConflictPolicy.WORKFLOW_ID_CONFLICT_POLICY_FAIL
    request.cron_schedule = initiated.cron_schedule
    for field in _MESSAGES:
        if initiated.HasField(field):  # type: ignore[arg-type]
            getattr(request, field).CopyFrom(getattr(initiated, field))
    if event.HasField("user_metadata"):
        request.user_metadata.CopyFrom(event.user_metadata)
    own = initiated.priority if initiated.HasField("priority") else None
    priority = _merge_priority(state, own)
    if priority is not None:
        request.priority.CopyFrom(priority)
    return request


def decide_child(
    state: RunState,
    message: notes.Message,
    request: StartWorkflowExecutionRequest,
    context: Context,
) -> Decision:
    """Decide the child's first run; `request` is what `child_request` gave for the message."""
    origin = child_origin(state, message.sender_event_id, context.namespace)
    inherit_as_child(origin, request.task_queue.name, state, context)
    return decide_start(request, context, origin)


def write_started(decision: Decision, child: ChildState, run_id: str) -> None:
    """Write that a child runs."""
    initiated = HistoryEvent.FromString(child.initiated)
    asked = initiated.start_child_workflow_execution_initiated_event_attributes
    event = decision.new_event(event_types.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_STARTED)
    started = event.child_workflow_execution_started_event_attributes
    started.initiated_event_id = child.initiated_event_id
    started.namespace = asked.namespace
    started.namespace_id = asked.namespace_id
    started.workflow_execution.workflow_id = child.workflow_id
    started.workflow_execution.run_id = run_id
    started.workflow_type.name = child.workflow_type
    if asked.HasField("header"):
        started.header.CopyFrom(asked.header)
    decision.append(event)


def write_start_failed(decision: Decision, child: ChildState, cause: int) -> None:
    """Write that a child could not be started."""
    initiated = HistoryEvent.FromString(child.initiated)
    asked = initiated.start_child_workflow_execution_initiated_event_attributes
    event = decision.new_event(event_types.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_FAILED)
    failed = event.start_child_workflow_execution_failed_event_attributes
    failed.initiated_event_id = child.initiated_event_id
    failed.namespace = asked.namespace
    failed.namespace_id = asked.namespace_id
    failed.workflow_id = child.workflow_id
    failed.workflow_type.name = child.workflow_type
    failed.control = asked.control
    failed.cause = StartChildWorkflowExecutionFailedCause.ValueType(cause)
    decision.append(event)


def complete_report(state: RunState, message: notes.Message) -> notes.Message:
    """Return a closed child's message with what its receiver has to know of the end."""
    if message.WhichOneof("kind") != "child_closed":
        return message
    whole = notes.Message()
    whole.CopyFrom(message)
    whole.child_closed.close_event = state.close_event
    return whole


def write_child_closed(decision: Decision, message: notes.Message) -> None:
    """Write how a child ended, if it is (still) a pending child of this run."""
    report = message.child_closed
    child = decision.state.children.get(report.initiated_event_id)
    if (
        child is None
        or child.workflow_id != message.sender_workflow_id
        or child.run_id != report.first_run_id
    ):
        return
    closed = HistoryEvent.FromString(report.close_event)
    event_type, copied = _ENDS[closed.event_type]
    event = decision.new_event(event_type)
    attributes: Any = getattr(event, tables.ATTRIBUTES[event_type])
    attributes.initiated_event_id = child.initiated_event_id
    attributes.started_event_id = child.started_event_id
    attributes.namespace = decision.context.namespace.name
    attributes.namespace_id = decision.context.namespace.namespace_id
    attributes.workflow_execution.workflow_id = message.sender_workflow_id
    attributes.workflow_execution.run_id = message.sender_run_id
    attributes.workflow_type.name = child.workflow_type
    copied(attributes, closed)
    decision.append(event)
    tasks.ensure_task(decision)


def _merge_priority(state: RunState, own: Priority | None) -> Priority | None:
    base = Priority.FromString(state.priority) if state.priority is not None else None
    if base is None or own is None:
        return own or base
    return Priority(
        priority_key=own.priority_key or base.priority_key,
        fairness_key=own.fairness_key or base.fairness_key,
        fairness_weight=own.fairness_weight or base.fairness_weight,
    )


def _copy_completed(attributes: Any, closed: HistoryEvent) -> None:
    completed = closed.workflow_execution_completed_event_attributes
    if completed.HasField("result"):
        attributes.result.CopyFrom(completed.result)


def _copy_failed(attributes: Any, closed: HistoryEvent) -> None:
    failed = closed.workflow_execution_failed_event_attributes
    if failed.HasField("failure"):
        attributes.failure.CopyFrom(failed.failure)
    attributes.retry_state = failed.retry_state


def _copy_canceled(attributes: Any, closed: HistoryEvent) -> None:
    cancelled = closed.workflow_execution_canceled_event_attributes
    if cancelled.HasField("details"):
        attributes.details.CopyFrom(cancelled.details)


def _copy_timed_out(attributes: Any, closed: HistoryEvent) -> None:
    timed_out = closed.workflow_execution_timed_out_event_attributes
    attributes.retry_state = timed_out.retry_state


def _copy_nothing(_attributes: Any, _closed: HistoryEvent) -> None:
    return


# How a child closed -> the event its parent gets, and what of the end is copied into it.
_ENDS: dict[int, tuple[event_types.EventType.ValueType, Callable[[Any, HistoryEvent], None]]] = {
    event_types.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED: (
        event_types.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_COMPLETED,
        _copy_completed,
    ),
    event_types.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED: (
        event_types.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_FAILED,
        _copy_failed,
    ),
    event_types.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED: (
        event_types.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_CANCELED,
        _copy_canceled,
    ),
    event_types.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT: (
        event_types.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_TIMED_OUT,
        _copy_timed_out,
    ),
    event_types.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED: (
        event_types.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_TERMINATED,
        _copy_nothing,
    ),
}
