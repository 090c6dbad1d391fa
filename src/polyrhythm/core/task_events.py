"""The events and the note of a workflow task, made from its state.

Nothing is decided here: a transient or speculative task has its events only in memory until it
completes or something else is written, and then they must be the ones its worker was shown.
"""

from __future__ import annotations

from temporalio.api.enums.v1 import SuggestContinueAsNewReason
from temporalio.api.enums.v1 import event_type_pb2 as event_types
from temporalio.api.enums.v1 import task_queue_pb2 as queue_kinds
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.taskqueue.v1 import TaskQueue

from polyrhythm.api import notes
from polyrhythm.core.durations import set_span
from polyrhythm.core.state import RunState, WorkflowTaskState


def scheduled_event(state: RunState, task: WorkflowTaskState) -> HistoryEvent:
    """Return the event of a task that waits for a worker."""
    event = HistoryEvent(event_type=event_types.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED)
    set_span(event.event_time, task.scheduled_ns)
    scheduled = event.workflow_task_scheduled_event_attributes
    encode_queue(scheduled.task_queue, state)
    set_span(scheduled.start_to_close_timeout, task.timeout_ns)
    scheduled.attempt = task.attempt
    return event


def started_event(task: WorkflowTaskState, scheduled_event_id: int, identity: str) -> HistoryEvent:
    """Return the event of a task that `identity` holds; empty where it is not to be told."""
    event = HistoryEvent(event_type=event_types.EVENT_TYPE_WORKFLOW_TASK_STARTED)
    set_span(event.event_time, task.started_ns)
    started = event.workflow_task_started_event_attributes
    started.scheduled_event_id = scheduled_event_id
    started.identity = identity
    started.request_id = task.request_id
    started.suggest_continue_as_new = task.suggest_continue_as_new
    started.suggest_continue_as_new_reasons.extend(
        SuggestContinueAsNewReason.ValueType(reason) for reason in task.suggest_reasons
    )
    started.history_size_bytes = task.history_bytes
    started.target_worker_deployment_version_changed = task.target_changed
    return event


def encode_queue(queue: TaskQueue, state: RunState) -> None:
    """Fill the queue a workflow task goes to: sticky while a worker caches the run."""
    if state.sticky_queue:
        queue.name = state.sticky_queue
        queue.kind = queue_kinds.TASK_QUEUE_KIND_STICKY
        queue.normal_name = state.task_queue
    else:
        queue.name = state.task_queue
        queue.kind = queue_kinds.TASK_QUEUE_KIND_NORMAL


def encode_task(change: notes.WorkflowTask, task: WorkflowTaskState) -> None:
    """Fill the note of a pending task."""
    change.pending = True
    change.attempt = task.attempt
    change.scheduled_event_id = task.scheduled_event_id
    change.started_event_id = task.started_event_id
    change.scheduled_ns = task.scheduled_ns
    change.started_ns = task.started_ns
    change.original_scheduled_ns = task.original_scheduled_ns
    change.timeout_ns = task.timeout_ns
    change.request_id = task.request_id
    change.identity = task.identity
    change.suggest_continue_as_new = task.suggest_continue_as_new
    change.history_bytes = task.history_bytes
    change.suggest_reasons.extend(task.suggest_reasons)
    change.speculative = task.speculative
    change.start_within_ns = task.start_within_ns
    change.target_changed = task.target_changed
