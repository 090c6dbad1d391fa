"""Decides the workflow task: scheduled, started, failed, timed out.

Source: the server's workflow task state machine. A task is *normal* (its events are written) or
*transient* (an attempt past the first: no events until it completes, or until something new
happened, which makes it normal again). At most one task is pending.
"""

from __future__ import annotations

from temporalio.api.enums.v1 import (
    SuggestContinueAsNewReason,
    TimeoutType,
    WorkflowTaskFailedCause,
)
from temporalio.api.enums.v1 import event_type_pb2 as event_types
from temporalio.api.enums.v1 import task_queue_pb2 as queue_kinds
from temporalio.api.failure.v1 import Failure
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.taskqueue.v1 import TaskQueue

from polyrhythm.core.context import Context
from polyrhythm.core.decision import Decision
from polyrhythm.core.effects import WorkflowTaskOffer
from polyrhythm.core.state import RunState, WorkflowTaskState


def ensure_task(decision: Decision) -> None:
    """Schedule a workflow task unless one is pending or the run waits for its first."""
    state = decision.state
    if state.running and state.workflow_task is None and not state.waits_for_first_task:
        schedule_task(decision)


def schedule_task(decision: Decision, offered: bool = True, original_ns: int = 0) -> None:
    """Schedule a task; `offered` False when the caller starts it in the same breath."""
    state = decision.state
    assert state.workflow_task is None, "a workflow task is pending already"
    if state.buffered:
        decision.flush()
        _set_next_attempt(decision, 1)
    attempt = state.next_attempt
    timeout_ns = _timeout_ns(state, decision.context, attempt)
    now_ns = decision.context.now_ns
    if attempt == 1:
        decision.append(_scheduled_event(decision, attempt, timeout_ns, now_ns))
    else:
        task = WorkflowTaskState(state.next_event_id, attempt, now_ns, now_ns, timeout_ns)
        _write_task_note(decision, task)
    if original_ns:
        _carry_original(decision, original_ns)
    if offered:
        offer_task(decision)


def offer_task(decision: Decision) -> None:
    """Offer the pending, unstarted task to workers."""
    offer = task_offer(decision.state)
    if offer is not None:
        decision.effect(offer)


def task_offer(state: RunState) -> WorkflowTaskOffer | None:
    """Return the offer of the pending, unstarted workflow task, if there is one."""
    task = state.workflow_task
    if task is None or task.started_event_id:
        return None
    return WorkflowTaskOffer(
        queue=state.sticky_queue or state.task_queue,
        normal_queue=state.task_queue,
        sticky=bool(state.sticky_queue),
        scheduled_event_id=task.scheduled_event_id,
        attempt=task.attempt,
    )


def start_task(decision: Decision, request_id: str, identity: str) -> None:
    """Hand the pending task to a worker; a transient one becomes normal if news came since."""
    state = decision.state
    task = state.workflow_task
    assert task is not None and not task.started_event_id
    now_ns = decision.context.now_ns
    reasons = _suggest_reasons(state, decision.context)
    transient = task.attempt > 1
    if transient and task.scheduled_event_id != state.next_event_id:
        decision.append(_scheduled_event(decision, 1, task.timeout_ns, now_ns))
        transient = False
    if not transient:
        task = state.workflow_task
        assert task is not None
        event = decision.new_event(event_types.EVENT_TYPE_WORKFLOW_TASK_STARTED)
        started = event.workflow_task_started_event_attributes
        started.scheduled_event_id = task.scheduled_event_id
        started.identity = identity
        started.request_id = request_id
        started.suggest_continue_as_new = bool(reasons)
        started.suggest_continue_as_new_reasons.extend(reasons)
        started.history_size_bytes = state.history_bytes
        decision.append(event)
        return
    held = _copy(task)
    held.started_event_id = task.scheduled_event_id + 1
    held.started_ns = now_ns
    held.request_id = request_id
    held.identity = identity
    held.suggest_continue_as_new = bool(reasons)
    held.suggest_reasons = tuple(reasons)
    held.history_bytes = state.history_bytes
    _write_task_note(decision, held)


def transient_events(state: RunState, identity: str = "") -> list[HistoryEvent]:
    """Return the events of a transient task, which the log does not hold (yet).

    None when something new was written since: then the task will be another one. Its worker sees
    its own `identity` in them, a reader of the history sees none.
    """
    task = state.workflow_task
    if task is None or task.attempt == 1 or task.scheduled_event_id != state.next_event_id:
        return []
    events = [_event_of_scheduled(state, task)]
    if task.started_event_id:
        events.append(_event_of_started(task))
        events[1].workflow_task_started_event_attributes.identity = identity
        events[1].event_id = task.started_event_id
    events[0].event_id = task.scheduled_event_id
    return events


def write_transient(decision: Decision) -> None:
    """Write the events of a started transient task, now that it completes."""
    state = decision.state
    task = state.workflow_task
    assert task is not None
    if task.attempt > 1:
        decision.append(_event_of_scheduled(state, task))
        started = _event_of_started(task)
        started.workflow_task_started_event_attributes.scheduled_event_id = state.next_event_id - 1
        decision.append(started)


def fail_task(
    decision: Decision,
    cause: WorkflowTaskFailedCause.ValueType,
    failure: Failure | None,
    identity: str,
) -> None:
    """End the started task as failed; only a first attempt leaves an event."""
    state = decision.state
    task = state.workflow_task
    assert task is not None
    if task.attempt == 1:
        event = decision.new_event(event_types.EVENT_TYPE_WORKFLOW_TASK_FAILED)
        failed = event.workflow_task_failed_event_attributes
        failed.scheduled_event_id = task.scheduled_event_id
        failed.started_event_id = task.started_event_id
        failed.cause = cause
        failed.identity = identity
        if failure is not None:
            failed.failure.CopyFrom(failure)
        decision.append(event)
    else:
        _drop_task(decision, task.attempt + 1)
    if cause == WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND:
        note = decision.new_note()
        note.close_attempted.value = True
        decision.append_note(note)


def time_out_task(decision: Decision, timeout: TimeoutType.ValueType) -> None:
    """End the task by a timeout; only a first attempt leaves an event."""
    task = decision.state.workflow_task
    assert task is not None
    if task.attempt == 1:
        event = decision.new_event(event_types.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT)
        timed_out = event.workflow_task_timed_out_event_attributes
        timed_out.scheduled_event_id = task.scheduled_event_id
        timed_out.started_event_id = task.started_event_id
        timed_out.timeout_type = timeout
        decision.append(event)
    else:
        _drop_task(decision, task.attempt + 1)


def set_sticky(decision: Decision, queue: str, timeout_ns: int) -> None:
    """Remember (or with an empty queue forget) the worker that caches the run."""
    state = decision.state
    if queue == state.sticky_queue and (not queue or timeout_ns == state.sticky_timeout_ns):
        return
    note = decision.new_note()
    note.sticky.queue = queue
    note.sticky.schedule_to_start_timeout_ns = timeout_ns if queue else 0
    decision.append_note(note)


def encode_queue(queue: TaskQueue, state: RunState) -> None:
    """Fill the queue a workflow task goes to: sticky while a worker caches the run."""
    if state.sticky_queue:
        queue.name = state.sticky_queue
        queue.kind = queue_kinds.TASK_QUEUE_KIND_STICKY
        queue.normal_name = state.task_queue
    else:
        queue.name = state.task_queue
        queue.kind = queue_kinds.TASK_QUEUE_KIND_NORMAL


def _scheduled_event(
    decision: Decision, attempt: int, timeout_ns: int, time_ns: int
) -> HistoryEvent:
    event = decision.new_event(event_types.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED, time_ns)
    scheduled = event.workflow_task_scheduled_event_attributes
    encode_queue(scheduled.task_queue, decision.state)
    scheduled.start_to_close_timeout.FromNanoseconds(timeout_ns)
    scheduled.attempt = attempt
    return event


def _event_of_scheduled(state: RunState, task: WorkflowTaskState) -> HistoryEvent:
    event = HistoryEvent(event_type=event_types.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED)
    event.event_time.FromNanoseconds(task.scheduled_ns)
    scheduled = event.workflow_task_scheduled_event_attributes
    encode_queue(scheduled.task_queue, state)
    scheduled.start_to_close_timeout.FromNanoseconds(task.timeout_ns)
    scheduled.attempt = task.attempt
    return event


def _event_of_started(task: WorkflowTaskState) -> HistoryEvent:
    event = HistoryEvent(event_type=event_types.EVENT_TYPE_WORKFLOW_TASK_STARTED)
    event.event_time.FromNanoseconds(task.started_ns)
    started = event.workflow_task_started_event_attributes
    started.scheduled_event_id = task.scheduled_event_id
    started.identity = task.identity
    started.request_id = task.request_id
    started.suggest_continue_as_new = task.suggest_continue_as_new
    started.suggest_continue_as_new_reasons.extend(
        SuggestContinueAsNewReason.ValueType(reason) for reason in task.suggest_reasons
    )
    started.history_size_bytes = task.history_bytes
    return event


def _carry_original(decision: Decision, original_ns: int) -> None:
    # A heartbeat's chain of tasks is timed from the first of them.
    task = decision.state.workflow_task
    assert task is not None
    beat = _copy(task)
    beat.original_scheduled_ns = original_ns
    _write_task_note(decision, beat)


def _drop_task(decision: Decision, attempt: int) -> None:
    set_sticky(decision, "", 0)
    note = decision.new_note()
    note.workflow_task.pending = False
    note.workflow_task.attempt = attempt
    decision.append_note(note)


def _set_next_attempt(decision: Decision, attempt: int) -> None:
    if decision.state.next_attempt != attempt:
        note = decision.new_note()
        note.workflow_task.attempt = attempt
        decision.append_note(note)


def _write_task_note(decision: Decision, task: WorkflowTaskState) -> None:
    note = decision.new_note()
    change = note.workflow_task
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
    decision.append_note(note)


def _copy(task: WorkflowTaskState) -> WorkflowTaskState:
    return WorkflowTaskState(
        task.scheduled_event_id,
        task.attempt,
        task.scheduled_ns,
        task.original_scheduled_ns,
        task.timeout_ns,
        task.started_event_id,
        task.started_ns,
        task.request_id,
        task.identity,
    )


def _suggest_reasons(
    state: RunState, context: Context
) -> list[SuggestContinueAsNewReason.ValueType]:
    reasons = []
    if state.history_bytes >= context.limits.history_bytes_suggest:
        reasons.append(
            SuggestContinueAsNewReason.SUGGEST_CONTINUE_AS_NEW_REASON_HISTORY_SIZE_TOO_LARGE
        )
    if state.next_event_id >= context.limits.history_events_suggest:
        reasons.append(
            SuggestContinueAsNewReason.SUGGEST_CONTINUE_AS_NEW_REASON_TOO_MANY_HISTORY_EVENTS
        )
    return reasons


def _timeout_ns(state: RunState, context: Context, attempt: int) -> int:
    # Backing off lengthens the timeout; the task itself is offered at once, as the server does.
    limits = context.limits
    extra = attempt - limits.task_retry_backoff_attempts
    if extra <= 0:
        return state.task_timeout_ns
    delay = limits.task_retry_initial_ns * 2 ** min(extra - 1, 40)
    return state.task_timeout_ns + min(int(delay), limits.task_retry_max_ns)
