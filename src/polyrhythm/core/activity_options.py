"""The options of a pending activity: what its scheduled event says, or what replaced it.

Options are the protocol's ActivityOptions. A state keeps them only while they differ from the
scheduled event, which alone holds the non-retryable error types: those never change.
"""

from __future__ import annotations

from temporalio.api.activity.v1 import ActivityOptions
from temporalio.api.common.v1 import RetryPolicy
from temporalio.api.history.v1 import ActivityTaskScheduledEventAttributes

from polyrhythm.core.state import ActivityState

_SPANS = (
    "schedule_to_close_timeout",
    "schedule_to_start_timeout",
    "start_to_close_timeout",
    "heartbeat_timeout",
)


def original_options(scheduled: ActivityTaskScheduledEventAttributes) -> ActivityOptions:
    """Return the options that the workflow asked for."""
    options = ActivityOptions()
    options.task_queue.name = scheduled.task_queue.name
    for name in _SPANS:
        getattr(options, name).CopyFrom(getattr(scheduled, name))
    policy = scheduled.retry_policy
    options.retry_policy.initial_interval.CopyFrom(policy.initial_interval)
    options.retry_policy.backoff_coefficient = policy.backoff_coefficient
    options.retry_policy.maximum_interval.CopyFrom(policy.maximum_interval)
    options.retry_policy.maximum_attempts = policy.maximum_attempts
    if scheduled.HasField("priority"):
        options.priority.CopyFrom(scheduled.priority)
    return options


def current_options(
    activity: ActivityState, scheduled: ActivityTaskScheduledEventAttributes
) -> ActivityOptions:
    """Return the options that count now."""
    if activity.options:
        return ActivityOptions.FromString(activity.options)
    return original_options(scheduled)


def encode_options(
    options: ActivityOptions, scheduled: ActivityTaskScheduledEventAttributes
) -> bytes:
    """Return options as a note keeps them: nothing when they are the original ones."""
    kept = ActivityOptions()
    kept.CopyFrom(options)
    kept.task_queue.ClearField("kind")
    del kept.retry_policy.non_retryable_error_types[:]
    if kept == original_options(scheduled):
        return b""
    return kept.SerializeToString(deterministic=True)


def current_policy(
    activity: ActivityState, scheduled: ActivityTaskScheduledEventAttributes
) -> RetryPolicy:
    """Return the retry policy that counts now."""
    if not activity.options:
        return scheduled.retry_policy
    policy = RetryPolicy()
    policy.CopyFrom(ActivityOptions.FromString(activity.options).retry_policy)
    policy.non_retryable_error_types.extend(scheduled.retry_policy.non_retryable_error_types)
    return policy
