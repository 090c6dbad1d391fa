"""What callers see of an activity without a workflow: its description and its outcome.

Made from the state and the request that is kept in it; nothing here changes either. An outcome that
is not kept by itself is the last attempt's failure.
"""

from __future__ import annotations

from temporalio.api.activity.v1 import ActivityExecutionInfo, ActivityExecutionOutcome
from temporalio.api.common.v1 import SearchAttributes
from temporalio.api.enums.v1 import PendingActivityState
from temporalio.api.failure.v1 import Failure

from polyrhythm.core.durations import set_span
from polyrhythm.core.standalone import StandaloneState

_SPANS = (
    "schedule_to_close_timeout",
    "schedule_to_start_timeout",
    "start_to_close_timeout",
    "heartbeat_timeout",
)
_SET = frozenset({"header", "user_metadata", "priority", "start_delay"})


def describe_standalone(state: StandaloneState) -> ActivityExecutionInfo:
    """Return everything that is known of an activity."""
    asked, attempt = state.asked(), state.attempt
    info = ActivityExecutionInfo()
    info.activity_id = state.workflow_id
    info.run_id = state.run_id
    info.activity_type.CopyFrom(asked.activity_type)
    info.status = state.status  # type: ignore[assignment]
    info.run_state = _run_state(state)
    info.task_queue = asked.task_queue.name
    for name in _SPANS:
        getattr(info, name).CopyFrom(getattr(asked, name))
    for field, value in asked.ListFields():
        if field.name in _SET:
            getattr(info, field.name).CopyFrom(value)
    info.retry_policy.CopyFrom(asked.retry_policy)
    info.links.extend(asked.links)
    info.search_attributes.CopyFrom(SearchAttributes.FromString(state.search_attributes))
    info.attempt = attempt.attempt
    info.last_worker_identity = attempt.last_identity
    info.canceled_reason = state.cancel_reason
    info.state_transition_count = state.changes
    _write_times(info, state)
    if attempt.heartbeat_details:
        info.heartbeat_details.MergeFromString(attempt.heartbeat_details)
    if attempt.last_failure:
        info.last_failure.MergeFromString(attempt.last_failure)
    if attempt.retry_interval_ns:
        set_span(info.current_retry_interval, attempt.retry_interval_ns)
    return info


def outcome_of(state: StandaloneState) -> ActivityExecutionOutcome | None:
    """Return the result or the failure of a closed activity, None while it runs."""
    if state.running:
        return None
    if state.outcome:
        return ActivityExecutionOutcome.FromString(state.outcome)
    failure = Failure.FromString(state.attempt.last_failure)
    return ActivityExecutionOutcome(failure=failure)


def _run_state(state: StandaloneState) -> PendingActivityState.ValueType:
    if not state.running:
        return PendingActivityState.PENDING_ACTIVITY_STATE_UNSPECIFIED
    if state.attempt.cancel_requested:
        return PendingActivityState.PENDING_ACTIVITY_STATE_CANCEL_REQUESTED
    if state.attempt.started_ns:
        return PendingActivityState.PENDING_ACTIVITY_STATE_STARTED
    return PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED


def _write_times(info: ActivityExecutionInfo, state: StandaloneState) -> None:
    attempt = state.attempt
    set_span(info.schedule_time, attempt.scheduled_ns)
    if attempt.schedule_to_close_ns:
        set_span(info.expiration_time, attempt.scheduled_ns + attempt.schedule_to_close_ns)
    if state.close_ns:
        set_span(info.close_time, state.close_ns)
        set_span(info.execution_duration, max(0, state.close_ns - attempt.scheduled_ns))
    if attempt.last_started_ns:
        set_span(info.last_started_time, attempt.last_started_ns)
    if attempt.heartbeat_ns:
        set_span(info.last_heartbeat_time, attempt.heartbeat_ns)
    if attempt.last_attempt_complete_ns:
        set_span(info.last_attempt_complete_time, attempt.last_attempt_complete_ns)
    if attempt.retry_interval_ns and attempt.last_attempt_complete_ns:
        next_ns = attempt.last_attempt_complete_ns + attempt.retry_interval_ns
        set_span(info.next_attempt_schedule_time, next_ns)
