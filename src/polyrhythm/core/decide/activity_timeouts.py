"""Decides what a passed deadline does to an activity: the four timeouts and the retry back-off.

Source: the active timer queue executor of the server. Waiting too long for a worker and the limit
of the whole activity end it; a lost or silent worker costs an attempt.
"""

from __future__ import annotations

from temporalio.api.enums.v1 import RetryState, TimeoutType
from temporalio.api.enums.v1 import event_type_pb2 as event_types

from polyrhythm.core.deadlines import DeadlineKind
from polyrhythm.core.decide.activity_attempt import (
    activity_offer,
    new_change,
    retry_state_of,
    write_closing,
    write_retry,
)
from polyrhythm.core.decide.failures import TIMEOUT_NAMES, timeout_failure
from polyrhythm.core.decision import Decision
from polyrhythm.core.held import WORKER_ENDED
from polyrhythm.core.state import ActivityState, Deadline

_TIMEOUTS = {
    DeadlineKind.ACTIVITY_SCHEDULE_TO_CLOSE: TimeoutType.TIMEOUT_TYPE_SCHEDULE_TO_CLOSE,
    DeadlineKind.ACTIVITY_SCHEDULE_TO_START: TimeoutType.TIMEOUT_TYPE_SCHEDULE_TO_START,
    DeadlineKind.ACTIVITY_START_TO_CLOSE: TimeoutType.TIMEOUT_TYPE_START_TO_CLOSE,
    DeadlineKind.ACTIVITY_HEARTBEAT: TimeoutType.TIMEOUT_TYPE_HEARTBEAT,
}
_NO_TIME_LEFT = (
    "Not enough time to schedule next retry before activity ScheduleToClose timeout,"
    " giving up retrying"
)


def fire_activity(decision: Decision, deadline: Deadline) -> None:
    """Apply a live deadline of an activity that has passed."""
    _, kind, subject, _ = deadline
    activity = decision.state.activities[int(subject)]
    if kind == DeadlineKind.ACTIVITY_RETRY:
        offer = activity_offer(decision.state, activity.scheduled_event_id, decision.context.now_ns)
        if offer is not None:
            decision.effect(offer)
        return
    _time_out(decision, activity, _TIMEOUTS[DeadlineKind(kind)])


def lose_activity(decision: Decision, activity: ActivityState) -> None:
    """End an attempt whose worker is gone for certain."""
    start_to_close = TimeoutType.TIMEOUT_TYPE_START_TO_CLOSE
    _time_out(decision, activity, start_to_close, WORKER_ENDED)


def _time_out(
    decision: Decision, activity: ActivityState, timeout: TimeoutType.ValueType, why: str = ""
) -> None:
    failure = timeout_failure(why or f"activity {TIMEOUT_NAMES[timeout]} timeout", timeout)
    retry, interval_ns = retry_state_of(decision, activity, failure)
    if retry == RetryState.RETRY_STATE_IN_PROGRESS:
        write_retry(decision, new_change(decision, activity), interval_ns, failure)
        return
    queued = timeout == TimeoutType.TIMEOUT_TYPE_SCHEDULE_TO_START
    if retry == RetryState.RETRY_STATE_TIMEOUT and not queued:
        failure = timeout_failure(_NO_TIME_LEFT, TimeoutType.TIMEOUT_TYPE_SCHEDULE_TO_CLOSE)
    if activity.heartbeat_details:
        details = failure.timeout_failure_info.last_heartbeat_details
        details.MergeFromString(activity.heartbeat_details)
    if activity.last_failure:
        failure.cause.MergeFromString(activity.last_failure)
    event = decision.new_event(event_types.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT)
    timed_out = event.activity_task_timed_out_event_attributes
    timed_out.failure.CopyFrom(failure)
    timed_out.retry_state = retry
    write_closing(decision, activity, event, timed_out)
