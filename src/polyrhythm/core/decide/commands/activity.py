"""ScheduleActivityTask and RequestCancelActivityTask.

Source: the server's command attribute validator, in its order, with the words of 1.31.2. Timeouts
that are left out are filled from the others and cut by the run's timeout; a retry policy is always
attached, so that the event says what the engine will do.
"""

from __future__ import annotations

from temporalio.api.command.v1 import Command, ScheduleActivityTaskCommandAttributes
from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import WorkflowTaskFailedCause
from temporalio.api.enums.v1 import event_type_pb2 as event_types
from temporalio.api.enums.v1 import task_queue_pb2 as queue_kinds
from temporalio.api.history.v1 import (
    ActivityTaskScheduledEventAttributes,
    History,
    HistoryEvent,
)

from polyrhythm.base.limits import Limits
from polyrhythm.core import tables
from polyrhythm.core.decide.activity_attempt import activity_offer
from polyrhythm.core.decide.activity_spans import fill_spans
from polyrhythm.core.decide.commands.record import CommandRefused, Completion
from polyrhythm.core.decide.commands.routing import priority_problem, queue_problem, too_long
from polyrhythm.core.decide.retry_policy import fill_policy, policy_problem, write_default_policy
from polyrhythm.core.decision import Decision
from polyrhythm.core.state import RunState

_BAD = WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_BAD_SCHEDULE_ACTIVITY_ATTRIBUTES
_BAD_CANCEL = (
    WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_BAD_REQUEST_CANCEL_ACTIVITY_ATTRIBUTES
)
_DUPLICATE = WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_SCHEDULE_ACTIVITY_DUPLICATE_ID
_TOO_MANY = WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_PENDING_ACTIVITIES_LIMIT_EXCEEDED
_NOT_STARTED = Payload(metadata={"encoding": b"json/plain"}, data=b'"ACTIVITY_ID_NOT_STARTED"')


def decide_schedule(completion: Completion, command: Command) -> None:
    """Schedule an activity, and offer it unless its worker takes it with the reply."""
    if not command.HasField("schedule_activity_task_command_attributes"):
        raise CommandRefused(
            _BAD,
            "ScheduleActivityTaskCommandAttributes is not set on ScheduleActivityTaskCommand.",
        )
    attributes = command.schedule_activity_task_command_attributes
    decision = completion.decision
    event = completion.new_event(event_types.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED, command)
    scheduled = event.activity_task_scheduled_event_attributes
    problem = _attributes_problem(attributes, scheduled, decision)
    if problem:
        raise CommandRefused(_BAD, problem)
    names = (attributes.activity_id, attributes.activity_type.name)
    limits = decision.context.limits
    problem = fill_spans(attributes, scheduled, names, decision.state.run_timeout_ns, limits)
    if problem:
        raise CommandRefused(_BAD, problem)
    _check_state(attributes, decision)
    _copy_attributes(attributes, scheduled)
    scheduled.workflow_task_completed_event_id = completion.completed_event_id
    event_id = decision.state.next_event_id
    decision.append(event)
    if attributes.request_eager_execution and (
        attributes.task_queue.name == decision.state.task_queue
    ):
        completion.eager.append(event_id)
        return
    offer = activity_offer(decision.state, event_id, decision.context.now_ns)
    assert offer is not None
    decision.effect(offer)


def decide_request_cancel(completion: Completion, command: Command) -> None:
    """Ask a running activity to stop; one that no worker holds is cancelled at once."""
    if not command.HasField("request_cancel_activity_task_command_attributes"):
        raise CommandRefused(
            _BAD_CANCEL,
            "RequestCancelActivityTaskCommandAttributes is not set on"
            " RequestCancelActivityTaskCommand.",
        )
    scheduled_id = command.request_cancel_activity_task_command_attributes.scheduled_event_id
    if scheduled_id <= 0:
        raise CommandRefused(
            _BAD_CANCEL, "ScheduledEventId is not set on RequestCancelActivityTaskCommand."
        )
    decision = completion.decision
    activity = decision.state.activities.get(scheduled_id)
    known = _has_ended(decision, scheduled_id) if activity is None else True
    if not known or (activity is not None and activity.cancel_requested):
        raise CommandRefused(
            _BAD_CANCEL,
            "invalid history builder state for action: add-activitytask-cancel-requested-event,"
            f" ScheduledEventID: {scheduled_id}",
        )
    request_id = decision.state.next_event_id
    event = completion.new_event(event_types.EVENT_TYPE_ACTIVITY_TASK_CANCEL_REQUESTED, command)
    requested = event.activity_task_cancel_requested_event_attributes
    requested.scheduled_event_id = scheduled_id
    requested.workflow_task_completed_event_id = completion.completed_event_id
    decision.append(event)
    if activity is not None and not activity.started_ns:
        _write_canceled(completion, scheduled_id, request_id)


def _write_canceled(completion: Completion, scheduled_id: int, request_id: int) -> None:
    decision = completion.decision
    event = decision.new_event(event_types.EVENT_TYPE_ACTIVITY_TASK_CANCELED)
    canceled = event.activity_task_canceled_event_attributes
    canceled.details.payloads.append(_NOT_STARTED)
    canceled.latest_cancel_requested_event_id = request_id
    canceled.scheduled_event_id = scheduled_id
    canceled.identity = completion.request.identity
    decision.append(event)
    completion.cancelled_unstarted = True


def _has_ended(decision: Decision, scheduled_id: int) -> bool:
    # The workflow cannot know of an end that is still buffered or was written just now: it may
    # ask to cancel such an activity.
    events = [HistoryEvent.FromString(data) for data in decision.state.buffered]
    events += History.FromString(b"".join(decision.event_frames)).events
    return any(
        tables.MOVED_LAST.get(event.event_type) == "scheduled_event_id"
        and getattr(event, tables.ATTRIBUTES[event.event_type]).scheduled_event_id == scheduled_id
        for event in events
    )


def _attributes_problem(
    attributes: ScheduleActivityTaskCommandAttributes,
    scheduled: ActivityTaskScheduledEventAttributes,
    decision: Decision,
) -> str:
    # Writes the retry policy as well, since it is checked with its defaults in.
    activity_id, activity_type = attributes.activity_id, attributes.activity_type.name
    limits = decision.context.limits
    problem = _queue_problem(attributes, decision.state, limits)
    if problem:
        return problem
    if not activity_id:
        return "activityId is not set"
    if not activity_type:
        return "activityType is not set"
    if attributes.HasField("retry_policy"):
        scheduled.retry_policy.CopyFrom(attributes.retry_policy)
        fill_policy(scheduled.retry_policy, limits)
        problem = policy_problem(scheduled.retry_policy, limits)
    else:
        write_default_policy(scheduled.retry_policy, limits)
    problem = (
        problem
        or _length_problem("activityId", activity_id, limits)
        or _length_problem("activityType", activity_type, limits)
    )
    if not problem and attributes.HasField("priority"):
        problem = priority_problem(attributes.priority)
        problem = f"invalid priorities: {problem}" if problem else ""
    return problem


def _queue_problem(
    attributes: ScheduleActivityTaskCommandAttributes, state: RunState, limits: Limits
) -> str:
    if not attributes.HasField("task_queue"):
        return "taskQueue is not set"
    return queue_problem(attributes.task_queue, state, limits)


def _length_problem(what: str, value: str, limits: Limits) -> str:
    if not too_long(value, limits):
        return ""
    limit = limits.id_bytes_max
    return f"{what} exceeds length limit. Length={len(value.encode())} Limit={limit}"


def _check_state(attributes: ScheduleActivityTaskCommandAttributes, decision: Decision) -> None:
    state, limits = decision.state, decision.context.limits
    if attributes.use_workflow_build_id and attributes.task_queue.name != state.task_queue:
        raise CommandRefused(
            _BAD, "Activity with UseCompatibleVersion cannot run on different task queue."
        )
    if attributes.input.ByteSize() > limits.blob_bytes_max:
        raise CommandRefused(
            _BAD,
            "ScheduleActivityTaskCommandAttributes.Input exceeds size limit.",
            terminates=True,
        )
    pending = len(state.activities)
    if pending >= limits.pending_activities_max:
        raise CommandRefused(
            _TOO_MANY,
            f"the number of pending activities, {pending}, has reached the per-workflow limit of"
            f" {limits.pending_activities_max}",
        )
    if attributes.activity_id in state.activity_ids:
        raise CommandRefused(
            _DUPLICATE,
            "invalid history builder state for action: add-activitytask-scheduled-event,"
            f" ActivityID: {attributes.activity_id}",
        )


def _copy_attributes(
    attributes: ScheduleActivityTaskCommandAttributes,
    scheduled: ActivityTaskScheduledEventAttributes,
) -> None:
    scheduled.activity_id = attributes.activity_id
    scheduled.activity_type.name = attributes.activity_type.name
    scheduled.task_queue.CopyFrom(attributes.task_queue)
    if not scheduled.task_queue.kind:
        scheduled.task_queue.kind = queue_kinds.TASK_QUEUE_KIND_NORMAL
    if attributes.HasField("header"):
        scheduled.header.CopyFrom(attributes.header)
    if attributes.HasField("input"):
        scheduled.input.CopyFrom(attributes.input)
    if attributes.HasField("priority"):
        scheduled.priority.CopyFrom(attributes.priority)
    if attributes.use_workflow_build_id:
        scheduled.use_workflow_build_id = True
