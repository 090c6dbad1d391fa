"""Tells what a run's pending activities are doing, as DescribeWorkflowExecution shows them.

Source: GetPendingActivityInfo of the server, with the fields that 1.31.2 fills: a scheduled
activity shows a retry interval even before its first attempt.
"""

from __future__ import annotations

from temporalio.api.common.v1 import RetryPolicy
from temporalio.api.enums.v1 import PendingActivityState
from temporalio.api.workflow.v1 import PendingActivityInfo

from polyrhythm.base.retry import exponential_ns
from polyrhythm.core.activity_options import current_options
from polyrhythm.core.decide.activity_attempt import scheduled_attributes
from polyrhythm.core.durations import set_span, span_ns
from polyrhythm.core.state import ActivityState, RunState
from polyrhythm.core.versions import fill_version, spell_old


def describe_pending(state: RunState, now_ns: int) -> list[PendingActivityInfo]:
    """Return the pending activities in the order they were scheduled."""
    return [_describe(activity, now_ns) for _, activity in sorted(state.activities.items())]


def _describe(activity: ActivityState, now_ns: int) -> PendingActivityInfo:
    scheduled = scheduled_attributes(activity)
    options = current_options(activity, scheduled)
    info = PendingActivityInfo()
    info.activity_id = activity.activity_id
    info.activity_type.CopyFrom(scheduled.activity_type)
    info.state = _state_of(activity)
    info.attempt = activity.attempt
    info.maximum_attempts = options.retry_policy.maximum_attempts
    set_span(info.scheduled_time, activity.available_ns)
    info.last_worker_identity = activity.identity or activity.last_identity
    if activity.last_version is not None:
        info.last_worker_deployment_version = spell_old(activity.last_version)
        fill_version(info.last_deployment_version, activity.last_version)
    if activity.heartbeat_ns:
        set_span(info.last_heartbeat_time, activity.heartbeat_ns)
        if activity.heartbeat_details:
            info.heartbeat_details.MergeFromString(activity.heartbeat_details)
    if activity.started_ns:
        set_span(info.last_started_time, activity.started_ns)
    whole_ns = span_ns(scheduled.schedule_to_close_timeout)
    if whole_ns:
        set_span(info.expiration_time, activity.scheduled_ns + whole_ns)
    if activity.last_failure:
        info.last_failure.MergeFromString(activity.last_failure)
    if activity.last_attempt_complete_ns:
        set_span(info.last_attempt_complete_time, activity.last_attempt_complete_ns)
    if not activity.started_ns:
        _write_retry(info, activity, options.retry_policy, now_ns)
    if activity.pause:
        info.paused = True
        info.pause_info.MergeFromString(activity.pause)
    if options.HasField("priority"):
        info.priority.CopyFrom(options.priority)
    info.activity_options.CopyFrom(options)
    info.activity_options.task_queue.normal_name = activity.task_queue
    return info


def _state_of(activity: ActivityState) -> PendingActivityState.ValueType:
    if activity.cancel_requested:
        return PendingActivityState.PENDING_ACTIVITY_STATE_CANCEL_REQUESTED
    if activity.started_ns:
        if activity.pause:
            return PendingActivityState.PENDING_ACTIVITY_STATE_PAUSE_REQUESTED
        return PendingActivityState.PENDING_ACTIVITY_STATE_STARTED
    if activity.pause:
        return PendingActivityState.PENDING_ACTIVITY_STATE_PAUSED
    return PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED


def _write_retry(
    info: PendingActivityInfo,
    activity: ActivityState,
    policy: RetryPolicy,
    now_ns: int,
) -> None:
    if now_ns < activity.available_ns:
        set_span(info.next_attempt_schedule_time, activity.available_ns)
        set_span(info.current_retry_interval, activity.retry_interval_ns)
        return
    initial_ns = span_ns(policy.initial_interval)
    interval = exponential_ns(initial_ns, policy.backoff_coefficient, activity.attempt)
    set_span(info.current_retry_interval, interval)
