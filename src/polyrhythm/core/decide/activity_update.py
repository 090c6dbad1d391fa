"""Decides changed options of pending activities, named by a field mask or restored as scheduled.

Source: updateactivityoptions of the server, which checks queue and timeouts as for a command, but
lets any retry policy pass. Nothing is written before all that are meant have been checked. An
attempt that no worker has is timed anew: a first one stays due when it was, a retry by the changed
policy from the end of the last attempt.
"""

from __future__ import annotations

from collections.abc import Callable

from temporalio.api.activity.v1 import ActivityOptions
from temporalio.api.common.v1 import RetryPolicy
from temporalio.api.enums.v1 import task_queue_pb2 as queue_kinds
from temporalio.api.workflowservice.v1 import (
    UpdateActivityOptionsRequest,
    UpdateActivityOptionsResponse,
)

from polyrhythm.base.errors import InvalidArgument
from polyrhythm.base.limits import Limits
from polyrhythm.base.retry import exponential_ns
from polyrhythm.core.activity_options import current_options, encode_options, original_options
from polyrhythm.core.context import Context
from polyrhythm.core.decide.activity_attempt import (
    append_change,
    new_change,
    scheduled_attributes,
)
from polyrhythm.core.decide.activity_ops import check_open, choose_activities, start_anew
from polyrhythm.core.decide.activity_spans import fill_spans
from polyrhythm.core.decide.commands.routing import queue_problem
from polyrhythm.core.decision import Decision
from polyrhythm.core.durations import span_ns
from polyrhythm.core.masks import masked_fields
from polyrhythm.core.state import ActivityState, RunState

_SPANS = {
    "scheduleToCloseTimeout": "schedule_to_close_timeout",
    "scheduleToStartTimeout": "schedule_to_start_timeout",
    "startToCloseTimeout": "start_to_close_timeout",
    "heartbeatTimeout": "heartbeat_timeout",
}
_PRIORITY = {
    "priority.priorityKey": "priority_key",
    "priority.fairnessKey": "fairness_key",
    "priority.fairnessWeight": "fairness_weight",
}
_POLICY = {
    "retryPolicy.backoffCoefficient": "backoff_coefficient",
    "retryPolicy.maximumAttempts": "maximum_attempts",
}
_POLICY_SPANS = {
    "retryPolicy.initialInterval": "initial_interval",
    "retryPolicy.maximumInterval": "maximum_interval",
}


def decide_update_activity(
    state: RunState, request: UpdateActivityOptionsRequest, context: Context
) -> Decision:
    """Decide changed options; the reply shows those of the last activity.

    Raises NotFound for a closed run and when no pending activity is meant, InvalidArgument for
    what cannot be an option.
    """
    changed: list[tuple[ActivityState, ActivityOptions]]
    if request.restore_original:
        # The server looks for the activity first: of a closed run it does not know an id either.
        chosen = choose_activities(state, request)
        check_open(state)
        changed = [(each, _restored(each)) for each in chosen]
    else:
        check_open(state)
        if not request.HasField("activity_options"):
            raise InvalidArgument("ActivityOptions are not provided")
        chosen = choose_activities(state, request)
        if not request.HasField("update_mask"):
            raise InvalidArgument("UpdateMask is not provided")
        fields = masked_fields(request.update_mask)
        changed = [
            (each, _merged(each, request.activity_options, fields, state, context.limits))
            for each in chosen
        ]
    decision = Decision(state, context)
    for activity, options in changed:
        _write(decision, activity, options)
    decision.reply = UpdateActivityOptionsResponse(activity_options=changed[-1][1])
    return decision


def _write(decision: Decision, activity: ActivityState, options: ActivityOptions) -> None:
    note = new_change(decision, activity)
    change = note.activity
    change.options = encode_options(options, scheduled_attributes(activity))
    change.stamp += 1
    if not activity.started_ns:
        now_ns = decision.context.now_ns
        start_anew(change, _due_ns(activity, options.retry_policy, now_ns), decision.context)
    append_change(decision, note)


def _due_ns(activity: ActivityState, policy: RetryPolicy, now_ns: int) -> int:
    if activity.attempt == 1:
        return activity.available_ns
    initial_ns, maximum_ns = span_ns(policy.initial_interval), span_ns(policy.maximum_interval)
    # Counted from the coming attempt, not from the one that failed: one step more than a retry.
    interval = exponential_ns(initial_ns, policy.backoff_coefficient, activity.attempt)
    if maximum_ns and not 0 < interval <= maximum_ns:
        interval = maximum_ns
    if interval <= 0:
        return activity.available_ns
    # After a timeout the server reckons from the year 1970; that is due at once, too.
    done_ns = activity.last_attempt_complete_ns
    return done_ns + interval if done_ns else now_ns


def _restored(activity: ActivityState) -> ActivityOptions:
    scheduled = scheduled_attributes(activity)
    options = original_options(scheduled)
    options.retry_policy.CopyFrom(scheduled.retry_policy)
    return options


def _merged(
    activity: ActivityState,
    given: ActivityOptions,
    fields: frozenset[str],
    state: RunState,
    limits: Limits,
) -> ActivityOptions:
    scheduled = scheduled_attributes(activity)
    options = current_options(activity, scheduled)
    for merge in _MERGES:
        merge(options, given, fields)
    problem = queue_problem(options.task_queue, state, limits)
    if not problem:
        options.task_queue.kind = queue_kinds.TASK_QUEUE_KIND_NORMAL
        names = (activity.activity_id, scheduled.activity_type.name)
        problem = fill_spans(options, options, names, 0, limits)
    if problem:
        raise InvalidArgument(problem)
    return options


def _merge_queue(options: ActivityOptions, given: ActivityOptions, fields: frozenset[str]) -> None:
    if "taskQueue.name" in fields:
        if not given.HasField("task_queue"):
            raise InvalidArgument("TaskQueue is not provided")
        options.task_queue.name = given.task_queue.name


def _merge_spans(options: ActivityOptions, given: ActivityOptions, fields: frozenset[str]) -> None:
    for path, name in _SPANS.items():
        if path in fields:
            getattr(options, name).CopyFrom(getattr(given, name))


def _merge_priority(
    options: ActivityOptions, given: ActivityOptions, fields: frozenset[str]
) -> None:
    if "priority" in fields:
        options.ClearField("priority")
        if given.HasField("priority"):
            options.priority.CopyFrom(given.priority)
    for path, name in _PRIORITY.items():
        if path in fields:
            if not given.HasField("priority"):
                raise InvalidArgument("Priority is not provided")
            options.priority.SetInParent()
            setattr(options.priority, name, getattr(given.priority, name))


def _merge_policy(options: ActivityOptions, given: ActivityOptions, fields: frozenset[str]) -> None:
    named = fields & {"retryPolicy", *_POLICY, *_POLICY_SPANS}
    # The server fails inside when a whole policy is asked for and none is given.
    if named and not given.HasField("retry_policy"):
        raise InvalidArgument("RetryPolicy is not provided")
    if "retryPolicy" in named:
        options.retry_policy.CopyFrom(given.retry_policy)
    for path in named & _POLICY_SPANS.keys():
        name = _POLICY_SPANS[path]
        getattr(options.retry_policy, name).CopyFrom(getattr(given.retry_policy, name))
    for path in named & _POLICY.keys():
        setattr(options.retry_policy, _POLICY[path], getattr(given.retry_policy, _POLICY[path]))


# In the server's order: the first of several flaws is the one that is told.
_MERGES: tuple[Callable[[ActivityOptions, ActivityOptions, frozenset[str]], None], ...] = (
    _merge_queue,
    _merge_spans,
    _merge_priority,
    _merge_policy,
)
