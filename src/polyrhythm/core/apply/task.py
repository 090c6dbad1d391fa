"""Applies the workflow task: events where the protocol writes them, notes where it does not.

The attempt counter follows `failWorkflowTask` of the server's state machine: it rises only when the
task failed on the normal queue; on a sticky queue the stickiness is dropped instead.
"""

from __future__ import annotations

from temporalio.api.enums.v1 import TimeoutType, WorkflowTaskFailedCause
from temporalio.api.history.v1 import HistoryEvent

from polyrhythm.api import notes
from polyrhythm.core import deadlines
from polyrhythm.core.apply import versions
from polyrhythm.core.durations import span_ns
from polyrhythm.core.state import RunState, WorkflowTaskState

# After these the next task is a first attempt.
_FIRST_AGAIN = frozenset(
    {
        WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW,
        WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_FAILOVER_CLOSE_COMMAND,
    }
)


def apply_scheduled(state: RunState, event: HistoryEvent) -> None:
    """A normal task waits for a worker."""
    scheduled = event.workflow_task_scheduled_event_attributes
    time_ns = span_ns(event.event_time)
    state.first_task_due_ns = 0
    timeout_ns = span_ns(scheduled.start_to_close_timeout)
    state.workflow_task = WorkflowTaskState(
        event.event_id, scheduled.attempt, time_ns, time_ns, timeout_ns
    )
    deadlines.push_task(state)


def apply_started(state: RunState, event: HistoryEvent) -> None:
    """A worker has the task."""
    started = event.workflow_task_started_event_attributes
    before = state.workflow_task
    assert before is not None
    task = WorkflowTaskState(
        before.scheduled_event_id,
        before.attempt,
        before.scheduled_ns,
        before.original_scheduled_ns,
        before.timeout_ns,
        event.event_id,
        span_ns(event.event_time),
        started.request_id,
        started.identity,
    )
    if started.suggest_continue_as_new:
        task.suggest_continue_as_new = True
        task.suggest_reasons = tuple(started.suggest_continue_as_new_reasons)
    task.history_bytes = started.history_size_bytes
    task.target_changed = started.target_worker_deployment_version_changed
    state.workflow_task = task
    deadlines.push_task(state)


def apply_completed(state: RunState, event: HistoryEvent) -> None:
    """The task is done."""
    completed = event.workflow_task_completed_event_attributes
    state.last_completed_started_id = completed.started_event_id
    versions.apply_completed(state, completed, event.event_id, event.event_time)
    _end(state, attempt=1)


def apply_failed(state: RunState, event: HistoryEvent) -> None:
    """The task failed: the next one is another attempt."""
    cause = event.workflow_task_failed_event_attributes.cause
    _fail(state, counts=True)
    if cause in _FIRST_AGAIN:
        state.next_attempt = 1


def apply_timed_out(state: RunState, event: HistoryEvent) -> None:
    """The task timed out; waiting too long on a sticky queue is nobody's failure."""
    timeout = event.workflow_task_timed_out_event_attributes.timeout_type
    _fail(state, counts=timeout != TimeoutType.TIMEOUT_TYPE_SCHEDULE_TO_START)


def apply_note(state: RunState, note: notes.Note) -> None:
    """Replace the task by one that has no events: a transient or speculative one, or none."""
    change = note.workflow_task
    if not change.pending:
        _end(state, attempt=change.attempt)
        return
    if not change.speculative:
        state.first_task_due_ns = 0
    state.workflow_task = WorkflowTaskState(
        scheduled_event_id=change.scheduled_event_id,
        attempt=change.attempt,
        scheduled_ns=change.scheduled_ns,
        original_scheduled_ns=change.original_scheduled_ns,
        timeout_ns=change.timeout_ns,
        started_event_id=change.started_event_id,
        started_ns=change.started_ns,
        request_id=change.request_id,
        identity=change.identity,
        suggest_continue_as_new=change.suggest_continue_as_new,
        suggest_reasons=tuple(change.suggest_reasons),
        history_bytes=change.history_bytes,
        speculative=change.speculative,
        start_within_ns=change.start_within_ns,
        target_changed=change.target_changed,
    )
    deadlines.push_task(state)


def apply_sticky(state: RunState, note: notes.Note) -> None:
    """Remember or forget the worker that has the run in its cache."""
    state.sticky_queue = note.sticky.queue
    state.sticky_timeout_ns = note.sticky.schedule_to_start_timeout_ns


def apply_close_attempted(state: RunState, note: notes.Note) -> None:
    """The workflow tried to close over buffered events."""
    state.close_attempted = note.close_attempted.value


def _fail(state: RunState, counts: bool) -> None:
    before = state.workflow_task
    assert before is not None
    if state.sticky_queue:
        state.sticky_queue = ""
        counts = False
    _end(state, attempt=before.attempt + 1 if counts else 1)


def _end(state: RunState, attempt: int) -> None:
    if state.workflow_task is not None:
        state.last_original_scheduled_ns = state.workflow_task.original_scheduled_ns
        # Only the end of a task clears it: setting the next attempt's number does not.
        state.close_attempted = False
    state.workflow_task = None
    state.next_attempt = attempt
