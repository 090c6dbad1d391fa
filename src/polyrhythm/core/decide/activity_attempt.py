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
from polyrhythm.core.activity_options import current_options, current_policy
from polyrhythm.core.decide import task as tasks
from polyrhythm.core.decide.failures import is_retryable, oversize_failure
from polyrhythm.core.decide.retry_policy import decide_retry
from polyrhythm.core.decision import Decision
from polyrhythm.core.durations import span_ns
from polyrhythm.core.effects import ActivityOffer
from polyrhythm.core.state import ActivityState, RunState, Version
from polyrhythm.core.versions import own_queue

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
    state: RunState, activity: ActivityState, scheduled: ActivityTaskScheduledEventAttributes
) -> Priority | None:
    """Return the activity's priority, with the workflow's where it says nothing."""
    own = current_options(activity, scheduled) if activity.options else scheduled
    if state.priority is None and not own.HasField("priority"):
        return None
    merged = Priority()
    merged.MergeFromString(state.priority or b"")
    merged.MergeFrom(own.priority)
    return merged


def activity_offer(state: RunState, scheduled_event_id: int, now_ns: int) -> ActivityOffer | None:
    """Return the offer of an activity that waits for a worker now, if it does."""
    activity = state.activities.get(scheduled_event_id)
    if not state.running or activity is None or activity.started_ns or activity.pause:
        return None
    if backs_off(activity, now_ns):
        return None
    queue, versioning = activity.task_queue, state.versioning
    if versioning is not None:
        if versioning.in_transition:
            # Its version is decided by the workflow task that completes the transition.
            return None
        queue = own_queue(state, queue)
    return ActivityOffer(
        queue,
        scheduled_event_id,
        activity.stamp,
        activity.priority or state.priority_key,
        activity.fairness_key or state.fairness_key,
        activity.fairness_weight or state.fairness_weight,
        activity.available_ns,
    )


def backs_off(activity: ActivityState, now_ns: int) -> bool:
    """Whether an unstarted activity waits for its time. One that was available when it was
    scheduled never does, also when the clock was set back since."""
    if activity.started_ns or activity.available_ns == activity.scheduled_ns:
        return False
    return activity.available_ns > now_ns


def new_change(decision: Decision, activity: ActivityState) -> notes.Note:
    """Return a note that leaves the activity as it is, to be changed and appended."""
    note = decision.new_note()
    copy_volatile(note.activity, activity)
    return note


def copy_volatile(change: notes.Activity, activity: ActivityState) -> None:
    """Write the volatile part of an activity as it is."""
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
    change.pause = activity.pause
    change.options = activity.options
    change.reset = activity.reset
    change.reset_heartbeat = activity.reset_heartbeat
    if activity.last_version is not None:
        name_version(change, activity.last_version)


def name_version(change: notes.Activity, version: Version | None) -> None:
    """Write the version of the worker that takes an attempt."""
    change.ClearField("last_version")
    if version is not None:
        change.last_version.deployment_name, change.last_version.build_id = version


def retry_state_of(
    decision: Decision, activity: ActivityState, failure: Failure | None
) -> tuple[RetryState.ValueType, int]:
    """Return what becomes of the activity after this failure, and the wait before a retry.

    A paused one is kept for another attempt, however many it had and whatever time is left.
    """
    if activity.cancel_requested:
        return RetryState.RETRY_STATE_CANCEL_REQUESTED, 0
    # Deadlines of the whole activity are not failures of an attempt.
    if failure is not None and failure.timeout_failure_info.timeout_type in _FINAL_TIMEOUTS:
        return RetryState.RETRY_STATE_TIMEOUT, 0
    scheduled = scheduled_attributes(activity)
    policy = current_policy(activity, scheduled)
    if activity.pause:
        if failure is not None and not is_retryable(failure, policy.non_retryable_error_types):
            return RetryState.RETRY_STATE_NON_RETRYABLE_FAILURE, 0
        return RetryState.RETRY_STATE_IN_PROGRESS, 0
    # Changed options move the deadline, but not the time until which attempts are made.
    whole_ns = span_ns(scheduled.schedule_to_close_timeout)
    expires_ns = activity.scheduled_ns + whole_ns if whole_ns else 0
    return decide_retry(policy, failure, activity.attempt, decision.context.now_ns, expires_ns)


def write_retry(
    decision: Decision, note: notes.Note, interval_ns: int, failure: Failure | None
) -> None:
    """Write the note (from `new_change`) as the next attempt, due after the interval; a paused
    one is due when it is unpaused."""
    limits = decision.context.limits
    change = note.activity
    change.attempt += 1
    change.stamp += 1
    change.started_ns = 0
    change.request_id = ""
    if not change.pause:
        wait_ns = max(-decision.context.now_ns, min(interval_ns, limits.duration_ns_max))
        renew_attempt(change, decision.context.now_ns + wait_ns)
        change.retry_interval_ns = wait_ns
    change.last_failure = b""
    if failure is not None:
        if failure.ByteSize() > limits.failure_bytes_max:
            failure = oversize_failure(failure, limits.failure_bytes_max, non_retryable=False)
        change.last_failure = failure.SerializeToString()
    append_change(decision, note)


def renew_attempt(change: notes.Activity, due_ns: int) -> None:
    """Make the change one to an attempt that no worker has, due at `due_ns`."""
    change.available_ns = due_ns
    change.started_ns = 0
    change.request_id = ""
    change.last_identity = change.identity
    change.last_failure = b""
    if change.reset_heartbeat:
        change.heartbeat_details = b""
        change.heartbeat_ns = 0
    change.reset = False
    change.reset_heartbeat = False


def append_change(decision: Decision, note: notes.Note) -> None:
    """Write the note (from `new_change`), and offer an attempt that is due by now."""
    decision.append_note(note)
    # What is due already has no deadline that would tell.
    scheduled_event_id = note.activity.scheduled_event_id
    offer = activity_offer(decision.state, scheduled_event_id, decision.context.now_ns)
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
        # Its events come first and take the next ids.
        decision.write_speculative()
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
