"""Decides the workflow task: scheduled, started, failed, timed out.

Source: the server's workflow task state machine. A task is *normal* (its events are written),
*transient* (an attempt past the first) or *speculative* (nothing but updates asked for it). The
last two have no events until they complete, or until something new happens, which makes them
normal. At most one task is pending.
"""

from __future__ import annotations

from dataclasses import replace

from temporalio.api.common.v1 import WorkerVersionStamp
from temporalio.api.enums.v1 import (
    SuggestContinueAsNewReason,
    TimeoutType,
    WorkflowTaskFailedCause,
)
from temporalio.api.enums.v1 import event_type_pb2 as event_types
from temporalio.api.failure.v1 import Failure
from temporalio.api.history.v1 import HistoryEvent

from polyrhythm.core.context import Context
from polyrhythm.core.decision import Decision
from polyrhythm.core.durations import set_span
from polyrhythm.core.effects import WorkflowTaskOffer
from polyrhythm.core.state import RunState, WorkflowTaskState
from polyrhythm.core.task_events import (
    encode_queue,
    encode_task,
    scheduled_event,
    started_event,
)
from polyrhythm.core.versions import own_queue


def ensure_task(decision: Decision) -> None:
    """Schedule a workflow task unless one is pending or the run waits for its first."""
    state = decision.state
    if state.running and state.workflow_task is None and not state.waits_for_first_task:
        schedule_task(decision)


def schedule_task(
    decision: Decision, offered: bool = True, original_ns: int = 0, speculative: bool = False
) -> None:
    """Schedule a task; `offered` False when the caller starts it in the same breath."""
    state = decision.state
    assert state.workflow_task is None, "a workflow task is pending already"
    if state.buffered:
        decision.flush()
        _set_next_attempt(decision, 1)
    attempt = state.next_attempt
    timeout_ns = _timeout_ns(state, decision.context, attempt)
    now_ns = decision.context.now_ns
    if speculative:
        task = WorkflowTaskState(state.next_event_id, attempt, now_ns, now_ns, timeout_ns)
        task.speculative = True
        task.start_within_ns = decision.context.limits.speculative_start_ns
        _write_task_note(decision, task)
    elif attempt == 1:
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
    if task is None or task.started_event_id or not state.running:
        return None
    sticky, normal = state.sticky_queue, state.task_queue
    if state.versioning is not None:
        normal = own_queue(state, normal)
    return WorkflowTaskOffer(
        sticky or normal,
        normal,
        bool(sticky),
        task.scheduled_event_id,
        task.attempt,
        state.priority_key,
        state.fairness_key,
        state.fairness_weight,
        task.scheduled_ns,
    )


def start_task(
    decision: Decision,
    request_id: str,
    identity: str,
    version: WorkerVersionStamp | None = None,
    target_changed: bool = False,
) -> None:
    """Hand the pending task to a worker; a transient one becomes normal if news came since.

    Its messages are `decide.update`'s to send; `target_changed` is what `decide.versioning` says
    of the version that the run would go to.
    """
    state = decision.state
    task = state.workflow_task
    assert task is not None and not task.started_event_id
    now_ns = decision.context.now_ns
    reasons = _suggest_reasons(state, decision.context)
    unwritten = task.unwritten
    if unwritten and task.scheduled_event_id != state.next_event_id:
        decision.append(_scheduled_event(decision, 1, task.timeout_ns, now_ns))
        unwritten = False
    if not unwritten:
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
        if target_changed:
            started.target_worker_deployment_version_changed = True
        if version is not None:
            started.worker_version.CopyFrom(version)
        decision.append(event)
        return
    held = replace(
        task,
        started_event_id=task.scheduled_event_id + 1,
        started_ns=now_ns,
        request_id=request_id,
        identity=identity,
        suggest_continue_as_new=bool(reasons),
        suggest_reasons=tuple(reasons),
        history_bytes=state.history_bytes,
        target_changed=target_changed,
    )
    _write_task_note(decision, held)


def transient_events(state: RunState, identity: str = "") -> list[HistoryEvent]:
    """Return the events of a transient or speculative task, which the log does not hold (yet).

    None when something new was written since: then the task will be another one. Its worker sees
    its own `identity` in them, a reader of the history sees none.
    """
    task = state.workflow_task
    if task is None or not task.unwritten or task.scheduled_event_id != state.next_event_id:
        return []
    events = [scheduled_event(state, task)]
    if task.started_event_id:
        events.append(started_event(task, task.scheduled_event_id, identity))
        events[1].event_id = task.started_event_id
    events[0].event_id = task.scheduled_event_id
    return events


def write_task(
    decision: Decision, identity: str, version: WorkerVersionStamp | None = None
) -> None:
    """Write the events of a started task that has none, now that `identity` answers it."""
    state = decision.state
    task = state.workflow_task
    assert task is not None
    if task.unwritten:
        decision.append(scheduled_event(state, task))
        started = started_event(task, state.next_event_id - 1, identity)
        if version is not None:
            started.workflow_task_started_event_attributes.worker_version.CopyFrom(version)
        decision.append(started)


def discard_task(decision: Decision) -> None:
    """End the started speculative task as if it had never been."""
    note = decision.new_note()
    note.silent = True
    note.workflow_task.attempt = 1
    decision.append_note(note)


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
    if task.speculative:
        write_task(decision, identity)
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
    decision.write_speculative()
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
    note.silent = True
    note.sticky.queue = queue
    note.sticky.schedule_to_start_timeout_ns = timeout_ns if queue else 0
    decision.append_note(note)


def _scheduled_event(
    decision: Decision, attempt: int, timeout_ns: int, time_ns: int
) -> HistoryEvent:
    event = decision.new_event(event_types.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED, time_ns)
    scheduled = event.workflow_task_scheduled_event_attributes
    encode_queue(scheduled.task_queue, decision.state)
    set_span(scheduled.start_to_close_timeout, timeout_ns)
    scheduled.attempt = attempt
    return event


def _carry_original(decision: Decision, original_ns: int) -> None:
    # A heartbeat's chain of tasks is timed from the first of them.
    task = decision.state.workflow_task
    assert task is not None
    _write_task_note(decision, replace(task, original_scheduled_ns=original_ns))


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
    note.silent = task.speculative
    encode_task(note.workflow_task, task)
    decision.append_note(note)


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
    if len(state.updates) + len(state.completed_updates) >= context.limits.updates_suggest:
        reasons.append(SuggestContinueAsNewReason.SUGGEST_CONTINUE_AS_NEW_REASON_TOO_MANY_UPDATES)
    return reasons


def _timeout_ns(state: RunState, context: Context, attempt: int) -> int:
    # Backing off lengthens the timeout; the task itself is offered at once, as the server does.
    limits = context.limits
    extra = attempt - limits.task_retry_backoff_attempts
    if extra <= 0:
        return state.task_timeout_ns
    delay = limits.task_retry_initial_ns * 2 ** min(extra - 1, 40)
    return state.task_timeout_ns + min(int(delay), limits.task_retry_max_ns)
