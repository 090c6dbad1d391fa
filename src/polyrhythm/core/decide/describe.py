"""Describes a run as DescribeWorkflowExecution shows it, from its state alone.

Source: describeworkflow of the server. Pending activities are described by their own noun and
passed in. Not hot: the start event is parsed for what only it holds.
"""

from __future__ import annotations

from collections.abc import Iterable

from google.protobuf.timestamp_pb2 import Timestamp
from temporalio.api.common.v1 import Memo, Priority, SearchAttributes
from temporalio.api.enums.v1 import (
    EventType,
    ParentClosePolicy,
    PendingWorkflowTaskState,
    WorkflowExecutionStatus,
)
from temporalio.api.enums.v1 import task_queue_pb2 as queue_kinds
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflow.v1 import (
    PendingActivityInfo,
    PendingChildExecutionInfo,
    PendingWorkflowTaskInfo,
    WorkflowExecutionConfig,
    WorkflowExecutionExtendedInfo,
    WorkflowExecutionInfo,
)
from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionResponse

from polyrhythm.core.durations import set_span, span_ns
from polyrhythm.core.lineage import root_of
from polyrhythm.core.state import ChildState, RunState, WorkflowTaskState
from polyrhythm.core.versions import describe_versions

# What the server writes for "no run timeout": the zero time of its language, year 1.
_ZERO_TIME_SECONDS = -62_135_596_800


def describe_run(
    state: RunState, pending_activities: Iterable[PendingActivityInfo] = ()
) -> DescribeWorkflowExecutionResponse:
    """Return the description of a run."""
    event = HistoryEvent.FromString(state.start_event)
    answer = DescribeWorkflowExecutionResponse()
    _fill_config(answer.execution_config, state, event)
    _fill_info(answer.workflow_execution_info, state, event)
    _fill_extended(answer.workflow_extended_info, state, event)
    answer.pending_activities.extend(pending_activities)
    answer.pending_children.extend(_pending_child(child) for child in state.children.values())
    if state.workflow_task is not None:
        _fill_task(answer.pending_workflow_task, state.workflow_task)
    return answer


def _fill_config(config: WorkflowExecutionConfig, state: RunState, event: HistoryEvent) -> None:
    started = event.workflow_execution_started_event_attributes
    config.task_queue.name = state.task_queue
    config.task_queue.kind = queue_kinds.TASK_QUEUE_KIND_NORMAL
    if started.HasField("workflow_execution_timeout"):
        config.workflow_execution_timeout.CopyFrom(started.workflow_execution_timeout)
    if started.HasField("workflow_run_timeout"):
        config.workflow_run_timeout.CopyFrom(started.workflow_run_timeout)
    config.default_workflow_task_timeout.CopyFrom(started.workflow_task_timeout)
    if event.HasField("user_metadata"):
        config.user_metadata.CopyFrom(event.user_metadata)


def _fill_info(info: WorkflowExecutionInfo, state: RunState, event: HistoryEvent) -> None:
    started = event.workflow_execution_started_event_attributes
    info.execution.workflow_id = state.workflow_id
    info.execution.run_id = state.run_id
    info.type.name = state.workflow_type
    set_span(info.start_time, state.start_ns)
    info.status = WorkflowExecutionStatus.ValueType(state.status)
    info.history_length = state.next_event_id - 1
    execution_ns = state.start_ns + span_ns(started.first_workflow_task_backoff)
    set_span(info.execution_time, execution_ns)
    info.task_queue = state.task_queue
    info.state_transition_count = state.transitions
    info.history_size_bytes = state.history_bytes
    info.root_execution.workflow_id, info.root_execution.run_id = root_of(state)
    if state.parent_run_id:
        info.parent_namespace_id = started.parent_workflow_namespace_id
        info.parent_execution.workflow_id = state.parent_workflow_id
        info.parent_execution.run_id = state.parent_run_id
    info.first_run_id = state.first_run_id
    if state.priority is not None:
        info.priority.CopyFrom(Priority.FromString(state.priority))
    if state.close_ns:
        set_span(info.close_time, state.close_ns)
        set_span(info.execution_duration, state.close_ns - execution_ns)
    describe_versions(info, state)
    info.memo.CopyFrom(Memo.FromString(state.memo))
    info.search_attributes.CopyFrom(SearchAttributes.FromString(state.search_attributes))


def _fill_extended(
    extended: WorkflowExecutionExtendedInfo, state: RunState, event: HistoryEvent
) -> None:
    if state.execution_deadline_ns:
        set_span(extended.execution_expiration_time, state.execution_deadline_ns)
    if state.run_deadline_ns:
        set_span(extended.run_expiration_time, state.run_deadline_ns)
    else:
        extended.run_expiration_time.CopyFrom(Timestamp(seconds=_ZERO_TIME_SECONDS))
    extended.original_start_time.CopyFrom(event.event_time)
    extended.cancel_requested = state.cancel_requested
    extended.reset_run_id = state.reset_run_id
    if state.forked_event_id:
        set_span(extended.last_reset_time, state.start_ns)
    for request_id, became in state.request_events.items():
        info = extended.request_id_infos[request_id]
        info.event_type = EventType.ValueType(became.event_type)
        info.event_id = became.event_id
        info.buffered = not became.event_id


def _pending_child(child: ChildState) -> PendingChildExecutionInfo:
    info = PendingChildExecutionInfo()
    info.workflow_id = child.workflow_id
    info.run_id = child.run_id
    info.workflow_type_name = child.workflow_type
    info.initiated_id = child.initiated_event_id
    info.parent_close_policy = ParentClosePolicy.ValueType(child.close_policy)
    return info


def _fill_task(info: PendingWorkflowTaskInfo, task: WorkflowTaskState) -> None:
    info.state = PendingWorkflowTaskState.PENDING_WORKFLOW_TASK_STATE_SCHEDULED
    set_span(info.scheduled_time, task.scheduled_ns)
    set_span(info.original_scheduled_time, task.original_scheduled_ns)
    info.attempt = task.attempt
    if task.started_event_id:
        info.state = PendingWorkflowTaskState.PENDING_WORKFLOW_TASK_STATE_STARTED
        set_span(info.started_time, task.started_ns)
