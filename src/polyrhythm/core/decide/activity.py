"""Decides what workers do with activities: take one, report progress, answer.

Source: recordactivitytaskstarted, recordactivitytaskheartbeat and respondactivitytask* of the
server, with the size checks of its frontend. An answer belongs to an attempt: a token of an earlier
one is refused. A token without a scheduled event id names the activity by its id; such an answer
may complete an activity that no worker has taken.
"""

from __future__ import annotations

from copy import copy

from temporalio.api.common.v1 import WorkerVersionStamp
from temporalio.api.enums.v1 import RetryState
from temporalio.api.enums.v1 import event_type_pb2 as event_types
from temporalio.api.failure.v1 import Failure
from temporalio.api.history.v1 import ActivityTaskScheduledEventAttributes, HistoryEvent
from temporalio.api.workflowservice.v1 import (
    PollActivityTaskQueueResponse,
    RecordActivityTaskHeartbeatRequest,
    RecordActivityTaskHeartbeatResponse,
    RespondActivityTaskCanceledRequest,
    RespondActivityTaskCanceledResponse,
    RespondActivityTaskCompletedRequest,
    RespondActivityTaskCompletedResponse,
    RespondActivityTaskFailedRequest,
    RespondActivityTaskFailedResponse,
    StartActivityExecutionRequest,
)

from polyrhythm.api import notes
from polyrhythm.base.errors import InvalidArgument, NotFound
from polyrhythm.base.limits import FAILURE_CUT_BYTES
from polyrhythm.core.activity_options import current_policy
from polyrhythm.core.context import Context
from polyrhythm.core.decide import failures
from polyrhythm.core.decide.activity_attempt import (
    merged_priority,
    name_version,
    new_change,
    retry_state_of,
    write_closing,
    write_retry,
)
from polyrhythm.core.decision import Decision
from polyrhythm.core.durations import set_span
from polyrhythm.core.effects import ActivityOffer
from polyrhythm.core.state import ActivityState, RunState, Version

_GONE = "invalid activityID or activity already timed out or invoking workflow is completed"
_CLOSED = "workflow execution already completed"
_NOT_REQUESTED = "unable to mark activity as canceled without activity being request canceled first"


def find_activity(state: RunState, activity_id: str) -> ActivityState:
    """Return the pending activity of this id. Raises NotFound, or InvalidArgument for no id."""
    if not activity_id:
        raise InvalidArgument("activityID cannot be empty")
    scheduled_id = state.activity_ids.get(activity_id)
    if scheduled_id is None:
        raise NotFound(
            f"cannot find pending activity with ActivityID {activity_id}, check workflow execution"
            " history for more details"
        )
    return state.activities[scheduled_id]


def is_waiting(state: RunState, offer: ActivityOffer) -> bool:
    """Whether an offer is of an attempt that no worker has."""
    activity = state.activities.get(offer.scheduled_event_id)
    if not state.running or activity is None or activity.stamp != offer.stamp:
        return False
    return not activity.started_ns and not activity.pause


def start_activity(
    decision: Decision,
    run_key: int,
    offer: ActivityOffer,
    request_id: str,
    identity: str,
    version: Version | None = None,
) -> PollActivityTaskQueueResponse | None:
    """Hand an offered activity to a worker, or return None if the offer is obsolete.

    The same request id gets the same answer while its attempt runs. `run_key` goes into the token.
    """
    state = decision.state
    activity = state.activities.get(offer.scheduled_event_id)
    if not state.running or activity is None or activity.stamp != offer.stamp:
        return None
    if activity.started_ns:
        again = bool(request_id) and activity.request_id == request_id
        return _encode_task(decision, activity, run_key) if again else None
    if activity.pause:
        return None
    # NOTE: its time need not be looked at: an offer of this stamp was made when it had come, and
    # refusing it because the clock was set back since would lose it.
    note = new_change(decision, activity)
    note.activity.started_ns = decision.context.now_ns
    note.activity.request_id = request_id
    note.activity.identity = identity
    if version is not None or activity.last_version is not None:
        name_version(note.activity, version)
    decision.append_note(note)
    return _encode_task(decision, state.activities[offer.scheduled_event_id], run_key)


def decide_activity_completed(
    state: RunState,
    token: notes.TaskToken,
    request: RespondActivityTaskCompletedRequest,
    context: Context,
) -> Decision:
    """Decide a result; one that is too large fails the activity and the worker is told nothing."""
    decision = Decision(state, context)
    reply = RespondActivityTaskCompletedResponse()
    if request.result.ByteSize() > context.limits.blob_bytes_max:
        return _fail_for_size(decision, token, failures.RESULT_TOO_LARGE, request.identity, reply)
    activity = check_token(state, token, unstarted=not token.scheduled_event_id)
    if not activity.started_ns:
        activity = copy(activity)
        activity.started_ns = context.now_ns
        activity.identity = request.identity
        activity.request_id = ""
    event = decision.new_event(event_types.EVENT_TYPE_ACTIVITY_TASK_COMPLETED)
    completed = event.activity_task_completed_event_attributes
    if request.HasField("result"):
        completed.result.CopyFrom(request.result)
    completed.identity = request.identity
    write_closing(decision, activity, event, completed, _version(request))
    decision.reply = reply
    return decision


def decide_activity_failed(
    state: RunState,
    token: notes.TaskToken,
    request: RespondActivityTaskFailedRequest,
    context: Context,
) -> Decision:
    """Decide a failed attempt: tried again without an event, or the activity fails."""
    activity = check_token(state, token)
    decision = Decision(state, context)
    reply = RespondActivityTaskFailedResponse()
    note = new_change(decision, activity)
    if request.HasField("last_heartbeat_details"):
        if request.last_heartbeat_details.ByteSize() > context.limits.blob_bytes_max:
            reply.failures.append(failures.server_failure(failures.HEARTBEAT_TOO_LARGE, True))
        else:
            details = request.last_heartbeat_details.SerializeToString()
            _write_progress(note.activity, details, request.identity, context.now_ns)
    failure = request.failure if request.HasField("failure") else None
    if failure is not None and failure.ByteSize() > context.limits.blob_bytes_max:
        failure = failures.oversize_failure(failure, FAILURE_CUT_BYTES, non_retryable=True)
        reply.failures.append(failure)
    note.activity.last_attempt_complete_ns = context.now_ns
    retry, interval_ns = retry_state_of(decision, activity, failure)
    if retry == RetryState.RETRY_STATE_IN_PROGRESS:
        write_retry(decision, note, interval_ns, failure)
    else:
        _write_failed(decision, activity, failure, retry, request)
    decision.reply = reply
    return decision


def decide_activity_canceled(
    state: RunState,
    token: notes.TaskToken,
    request: RespondActivityTaskCanceledRequest,
    context: Context,
) -> Decision:
    """Decide a worker's report that it stopped, which the workflow must have asked for."""
    decision = Decision(state, context)
    reply = RespondActivityTaskCanceledResponse()
    if request.details.ByteSize() > context.limits.blob_bytes_max:
        return _fail_for_size(decision, token, failures.DETAILS_TOO_LARGE, request.identity, reply)
    activity = check_token(state, token)
    if not activity.cancel_requested:
        raise InvalidArgument(_NOT_REQUESTED)
    event = decision.new_event(event_types.EVENT_TYPE_ACTIVITY_TASK_CANCELED)
    canceled = event.activity_task_canceled_event_attributes
    if request.HasField("details"):
        canceled.details.CopyFrom(request.details)
    canceled.latest_cancel_requested_event_id = activity.cancel_request_event_id
    canceled.identity = request.identity
    write_closing(decision, activity, event, canceled)
    decision.reply = reply
    return decision


def decide_activity_heartbeat(
    state: RunState,
    token: notes.TaskToken,
    request: RecordActivityTaskHeartbeatRequest,
    context: Context,
) -> Decision:
    """Decide a sign of life; details that are too large fail the activity."""
    decision = Decision(state, context)
    if request.details.ByteSize() > context.limits.blob_bytes_max:
        reply = RecordActivityTaskHeartbeatResponse(cancel_requested=True)
        return _fail_for_size(
            decision, token, failures.HEARTBEAT_TOO_LARGE, request.identity, reply
        )
    activity = check_token(state, token)
    note = new_change(decision, activity)
    details = request.details.SerializeToString()
    _write_progress(note.activity, details, request.identity, context.now_ns)
    decision.append_note(note)
    decision.reply = RecordActivityTaskHeartbeatResponse(
        cancel_requested=activity.cancel_requested,
        activity_paused=bool(activity.pause),
        activity_reset=activity.reset,
    )
    return decision


def check_token(state: RunState, token: notes.TaskToken, unstarted: bool = False) -> ActivityState:
    """Return the started activity whose attempt the token is; `unstarted` True takes any.

    Raises NotFound for a closed run, an activity that ended, and an earlier attempt.
    """
    if not state.running:
        raise NotFound(_CLOSED)
    if not token.scheduled_event_id:
        activity: ActivityState | None = find_activity(state, token.activity_id)
    else:
        activity = state.activities.get(token.scheduled_event_id)
        if activity is not None and activity.attempt != token.attempt:
            activity = None
    if activity is None or not (activity.started_ns or unstarted):
        raise NotFound(_GONE)
    return activity


def _version(
    request: RespondActivityTaskCompletedRequest | RespondActivityTaskFailedRequest,
) -> WorkerVersionStamp | None:
    return request.worker_version if request.HasField("worker_version") else None


def _write_progress(change: notes.Activity, details: bytes, identity: str, now_ns: int) -> None:
    change.heartbeat_details = details
    change.heartbeat_ns = now_ns
    if identity:
        change.last_identity = identity


def _write_failed(
    decision: Decision,
    activity: ActivityState,
    failure: Failure | None,
    retry: RetryState.ValueType,
    request: RespondActivityTaskFailedRequest,
) -> None:
    event = decision.new_event(event_types.EVENT_TYPE_ACTIVITY_TASK_FAILED)
    failed = event.activity_task_failed_event_attributes
    if failure is not None:
        failed.failure.CopyFrom(failure)
    failed.identity = request.identity
    failed.retry_state = retry
    write_closing(decision, activity, event, failed, _version(request))


def _fail_for_size(
    decision: Decision, token: notes.TaskToken, message: str, identity: str, reply: object
) -> Decision:
    # The worker is answered as if all were well; only the history tells.
    activity = check_token(decision.state, token)
    failure = failures.server_failure(message, non_retryable=True)
    request = RespondActivityTaskFailedRequest(identity=identity)
    retry, _ = retry_state_of(decision, activity, failure)
    _write_failed(decision, activity, failure, retry, request)
    decision.reply = reply
    return decision


def _encode_task(
    decision: Decision, activity: ActivityState, run_key: int
) -> PollActivityTaskQueueResponse:
    state = decision.state
    event = HistoryEvent.FromString(activity.scheduled)
    scheduled = event.activity_task_scheduled_event_attributes
    task = PollActivityTaskQueueResponse()
    task.task_token = _encode_token(state, activity, run_key)
    task.workflow_namespace = decision.context.namespace.name
    task.workflow_type.name = state.workflow_type
    task.workflow_execution.workflow_id = state.workflow_id
    task.workflow_execution.run_id = state.run_id
    task.activity_id = activity.activity_id
    task.scheduled_time.CopyFrom(event.event_time)
    fill_task(task, activity, scheduled)
    task.retry_policy.CopyFrom(current_policy(activity, scheduled))
    priority = merged_priority(state, activity, scheduled)
    if priority is not None:
        task.priority.CopyFrom(priority)
    return task


def fill_task(
    task: PollActivityTaskQueueResponse,
    activity: ActivityState,
    asked: ActivityTaskScheduledEventAttributes | StartActivityExecutionRequest,
) -> None:
    """Write what a worker is told of an attempt and of what was asked for."""
    task.activity_type.CopyFrom(asked.activity_type)
    if asked.HasField("header"):
        task.header.CopyFrom(asked.header)
    if asked.HasField("input"):
        task.input.CopyFrom(asked.input)
    if activity.heartbeat_details:
        task.heartbeat_details.MergeFromString(activity.heartbeat_details)
    set_span(task.current_attempt_scheduled_time, activity.available_ns)
    set_span(task.started_time, activity.started_ns)
    task.attempt = activity.attempt
    # Timeouts are told as scheduled, whatever they were changed to: the server does the same.
    task.schedule_to_close_timeout.CopyFrom(asked.schedule_to_close_timeout)
    task.start_to_close_timeout.CopyFrom(asked.start_to_close_timeout)
    task.heartbeat_timeout.CopyFrom(asked.heartbeat_timeout)


def _encode_token(state: RunState, activity: ActivityState, run_key: int) -> bytes:
    token = notes.TaskToken()
    token.namespace_key = state.namespace_key
    token.run_key = run_key
    token.workflow_id = state.workflow_id
    token.run_id = state.run_id
    token.scheduled_event_id = activity.scheduled_event_id
    token.attempt = activity.attempt
    token.activity_id = activity.activity_id
    token.stamp = activity.stamp
    token.started_ns = activity.started_ns
    return token.SerializeToString()
