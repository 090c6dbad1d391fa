"""One attempt of an activity: changed by a note, tried again, or closed with its two events.

An attempt leaves no event while it may be tried again; the Started event is written beside the
closing one and tells of the last attempt only. What both workers' answers and timeouts need is
here.
"""

from __future__ import annotations

from temporalio.api.common.v1 import Priority, WorkerVersionStamp
from temporalio.api.enums.v1 import RetryState, TimeoutType
from temporalio.api.enums.v1 import event_type_pb2 as event_types
from temporalio.api.failure.v1 import Failure
from temporalio.api.history.v1 import (
    ActivityTaskCanceledEventAttributes,
    ActivityTaskCompletedEventAttributes,
    ActivityTaskFailedEventAttributes,
    ActivityTaskScheduledEventAttributes,
    ActivityTaskTimedOutEventAttributes,
    HistoryEvent,
)

from polyrhythm.api import notes
from polyrhythm.core.decide import task as tasks
from polyrhythm.core.decide.failures import oversize_failure
from polyrhythm.core.decide.retry_policy import decide_retry
from polyrhythm.core.decision import Decision
from polyrhythm.core.effects import ActivityOffer
from polyrhythm.core.state import ActivityState, RunState

Closing = (
    ActivityTaskCanceledEventAttributes
    | ActivityTaskCompletedEventAttributes
    | ActivityTaskFailedEventAttributes
    | ActivityTaskTimedOutEventAttributes
)

_FINAL_TIMEOUTS = frozenset(
    {TimeoutType.TIMEOUT_TYPE_SCHEDULE_TO_START, TimeoutType.TIMEOUT_TYPE_SCHEDULE_TO_CLOSE}
)


def scheduled_attributes(activity: ActivityState) -> ActivityTaskScheduledEventAttributes:
    """Return what the workflow asked for."""
    return HistoryEvent.FromString(activity.scheduled).activity_task_scheduled_event_attributes


def merged_priority(
    state: RunState, scheduled: ActivityTaskScheduledEventAttributes
) -> Priority | None:
    """Return the activity's priority, with the workflow's where it says nothing."""
    start = HistoryEvent.FromString(state.start_event).workflow_execution_started_event_attributes
    if not start.HasField("priority") and not scheduled.HasField("priority"):
        return None
    merged = Priority()
    merged.CopyFrom(start.priority)
    merged.MergeFrom(scheduled.priority)
    return merged


def activity_offer(state: RunState, scheduled_event_id: int, now_ns: int) -> ActivityOffer | None:
    """Return the offer of an activity that waits for a worker now, if it does."""
    activity = state.activities.get(scheduled_event_id)
    if activity is None or activity.started_ns or backs_off(activity, now_ns):
        return None
    key = activity.priority
    if not key:
        start = HistoryEvent.FromString(state.start_event)
        key = start.workflow_execution_started_event_attributes.priority.priority_key
    return ActivityOffer(activity.task_queue, scheduled_event_id, activity.stamp, key)


def backs_off(activity: ActivityState, now_ns: int) -> bool:
    """Whether an unstarted activity waits for its time. One that was available when it was
    scheduled never does, also when the clock was set back since."""
    if activity.started_ns or activity.available_ns == activity.scheduled_ns:
        return False
    return activity.available_ns > now_ns


def new_change(decision: Decision, activity: ActivityState) -> notes.Note:
    """Return a note that leaves the activity as it is, to be changed and appended."""
    note = decision.new_note()
    change = note.activity
    change.scheduled_event_id = activity.scheduled_event_id
    change.attempt = activity.attempt
    change.stamp = activity.stamp
    change.available_ns = activity.available_ns
    change.started_ns = activity.started_ns
    change.request_id = activity.request_id
    change.identity = activity.identity
    change.last_failure = activity.last_failure
    change.heartbeat_details = activity.heartbeat_details
    change.heartbeat_ns = activity.heartbeat_ns
    change.last_identity = activity.last_identity
    change.last_attempt_complete_ns = activity.last_attempt_complete_ns
    change.last_started_ns = activity.last_started_ns
    change.retry_interval_ns = activity.retry_interval_ns
    return note


def retry_state_of(
    decision: Decision, activity: ActivityState, failure: Failure | None
) -> tuple[RetryState.ValueType, int]:
    """Return what becomes of the activity after this failure, and the wait before a retry."""
    if activity.cancel_requested:
        return RetryState.RETRY_STATE_CANCEL_REQUESTED, 0
    # Deadlines of the whole activity are not failures of an attempt.
    if failure is not None and failure.timeout_failure_info.timeout_type in _FINAL_TIMEOUTS:
        return RetryState.RETRY_STATE_TIMEOUT, 0
    policy = scheduled_attributes(activity).retry_policy
    expires_ns = 0
    if activity.schedule_to_close_ns:
        expires_ns = activity.scheduled_ns + activity.schedule_to_close_ns
    return decide_retry(policy, failure, activity.attempt, decision.context.now_ns, expires_ns)


def write_retry(
    decision: Decision, note: notes.Note, interval_ns: int, failure: Failure | None
) -> None:
    """Write the note (from `new_change`) as the next attempt, due after the interval."""
    limits = decision.context.limits
    change = note.activity
    change.attempt += 1
    change.stamp += 1
    wait_ns = max(-decision.context.now_ns, min(interval_ns, limits.duration_ns_max))
    change.available_ns = decision.context.now_ns + wait_ns
    change.retry_interval_ns = wait_ns
    change.started_ns = 0
    change.request_id = ""
    change.last_identity = change.identity
    change.last_failure = b""
    if failure is not None:
        if failure.ByteSize() > limits.failure_bytes_max:
            failure = oversize_failure(failure, limits.failure_bytes_max, non_retryable=False)
        change.last_failure = failure.SerializeToString()
    decision.append_note(note)
    # A delay below zero is due already: no deadline will tell.
    offer = activity_offer(decision.state, change.scheduled_event_id, decision.context.now_ns)
    if offer is not None:
        decision.effect(offer)


def write_closing(
    decision: Decision,
    activity: ActivityState,
    event: HistoryEvent,
    closing: Closing,
    version: WorkerVersionStamp | None = None,
) -> None:
    """Write the attempt's Started event, if a worker had it, and the closing event.

    `closing` are the event's attributes; the ids in them are filled here. While the workflow task
    is started both are buffered, and the started id is wired when they get theirs.
    """
    state = decision.state
    closing.scheduled_event_id = activity.scheduled_event_id
    if activity.started_ns:
        if not state.task_started:
            closing.started_event_id = state.next_event_id
        _write_started(decision, activity, version)
    decision.append(event)
    tasks.ensure_task(decision)


def _write_started(
    decision: Decision, activity: ActivityState, version: WorkerVersionStamp | None
) -> None:
    event = decision.new_event(event_types.EVENT_TYPE_ACTIVITY_TASK_STARTED, activity.started_ns)
    started = event.activity_task_started_event_attributes
    started.scheduled_event_id = activity.scheduled_event_id
    started.identity = activity.identity
    started.request_id = activity.request_id
    started.attempt = activity.attempt
    if activity.last_failure:
        started.last_failure.MergeFromString(activity.last_failure)
    if version is not None:
        started.worker_version.CopyFrom(version)
    decision.append(event)
