"""Decides what workers do with an activity that has no workflow, and what its deadlines do to it.

Source: chasm/lib/activity of the server. Only a failure with an application's information is
retried, and only while nobody has asked to cancel; a lost or silent worker costs an attempt, and
the last one closes the activity as timed out. An answer belongs to an attempt: a token of an
earlier one is refused. A token without an attempt names the activity by its id.
"""

from __future__ import annotations

from temporalio.api.activity.v1 import ActivityExecutionOutcome
from temporalio.api.common.v1 import Payloads
from temporalio.api.enums.v1 import TimeoutType
from temporalio.api.failure.v1 import Failure
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
)

from polyrhythm.api import notes
from polyrhythm.api import service as api
from polyrhythm.base.entities import EntityKind
from polyrhythm.base.errors import FailedPrecondition, NotFound
from polyrhythm.base.retry import Verdict, next_retry
from polyrhythm.core.context import Context
from polyrhythm.core.deadlines import DeadlineKind
from polyrhythm.core.decide.activity import fill_task
from polyrhythm.core.decide.failures import TIMEOUT_NAMES, is_retryable
from polyrhythm.core.decide.postpone import check_first, give_back
from polyrhythm.core.decide.retry_policy import terms_of
from polyrhythm.core.decide.standalone import (
    canceled_failure,
    close_by_failure,
    new_change,
    offer_attempt,
)
from polyrhythm.core.durations import set_span, span_ns
from polyrhythm.core.effects import ActivityOffer
from polyrhythm.core.entity import EntityDecision
from polyrhythm.core.held import WORKER_ENDED, is_lost
from polyrhythm.core.standalone import (
    CANCELED,
    COMPLETED,
    FAILED,
    TIMED_OUT,
    StandaloneState,
    apply_note,
    next_deadline,
)

_TIMEOUTS = {
    DeadlineKind.ACTIVITY_SCHEDULE_TO_CLOSE: TimeoutType.TIMEOUT_TYPE_SCHEDULE_TO_CLOSE,
    DeadlineKind.ACTIVITY_SCHEDULE_TO_START: TimeoutType.TIMEOUT_TYPE_SCHEDULE_TO_START,
    DeadlineKind.ACTIVITY_START_TO_CLOSE: TimeoutType.TIMEOUT_TYPE_START_TO_CLOSE,
    DeadlineKind.ACTIVITY_HEARTBEAT: TimeoutType.TIMEOUT_TYPE_HEARTBEAT,
}
# These cost an attempt; the others end the activity.
_OF_ATTEMPT = frozenset({DeadlineKind.ACTIVITY_START_TO_CLOSE, DeadlineKind.ACTIVITY_HEARTBEAT})


def not_found(activity_id: str) -> NotFound:
    """Return the refusal of a call about an activity that is not there, or not in that state."""
    return NotFound(f"activity not found for ID: {activity_id}")


def start_attempt(
    state: StandaloneState, run_key: int, offer: ActivityOffer, identity: str, context: Context
) -> EntityDecision | None:
    """Hand the attempt to a worker, or return None if the offer is obsolete. The reply is a
    PollActivityTaskQueueResponse."""
    attempt = state.attempt
    if not state.running or attempt.started_ns or attempt.stamp != offer.stamp:
        return None
    decision = EntityDecision(state, context, apply_note)
    note = new_change(decision)
    change = note.standalone_changed.attempt
    change.started_ns = change.last_started_ns = context.now_ns
    change.identity = change.last_identity = identity
    decision.append_note(note)
    decision.reply = _encode_task(state, run_key, context)
    return decision


def decide_standalone_completed(
    state: StandaloneState,
    token: notes.TaskToken,
    request: RespondActivityTaskCompletedRequest,
    context: Context,
) -> EntityDecision:
    """Decide a result."""
    decision = _answered(state, token, context)
    note = new_change(decision)
    change = note.standalone_changed
    outcome = ActivityExecutionOutcome()
    outcome.result.CopyFrom(request.result)
    change.status, change.outcome = COMPLETED, outcome.SerializeToString()
    _end_attempt(change.attempt, request.identity, context.now_ns)
    decision.append_note(note)
    decision.reply = RespondActivityTaskCompletedResponse()
    return decision


def decide_standalone_failed(
    state: StandaloneState,
    token: notes.TaskToken,
    request: RespondActivityTaskFailedRequest,
    context: Context,
) -> EntityDecision:
    """Decide a failed attempt: another one follows, or the activity fails."""
    decision = _answered(state, token, context)
    note = new_change(decision)
    change = note.standalone_changed
    if request.HasField("last_heartbeat_details"):
        change.attempt.heartbeat_details = request.last_heartbeat_details.SerializeToString()
        change.attempt.heartbeat_ns = context.now_ns
    failure, info = request.failure, request.failure.application_failure_info
    # A kind of failure that is no application's is never retried here.
    again = request.failure.HasField("application_failure_info") and is_retryable(
        failure, state.asked().retry_policy.non_retryable_error_types
    )
    delay_ns = span_ns(info.next_retry_delay)
    if not again or not _retry(state, change.attempt, failure, delay_ns, context):
        change.status = FAILED
        _end_attempt(change.attempt, request.identity, context.now_ns)
        change.attempt.retry_interval_ns = 0
        change.attempt.last_failure = failure.SerializeToString()
        if not change.attempt.last_failure:
            close_by_failure(note, FAILED, failure)
    decision.append_note(note)
    offer_attempt(decision)
    decision.reply = RespondActivityTaskFailedResponse()
    return decision


def decide_standalone_canceled(
    state: StandaloneState,
    token: notes.TaskToken,
    request: RespondActivityTaskCanceledRequest,
    context: Context,
) -> EntityDecision:
    """Decide a worker's report that it stopped. Raises FailedPrecondition if nobody asked."""
    decision = _answered(state, token, context)
    if not state.attempt.cancel_requested:
        raise FailedPrecondition("invalid transition from Started")
    details = request.details if request.HasField("details") else None
    note = new_change(decision)
    close_by_failure(note, CANCELED, _canceled(details, state))
    decision.append_note(note)
    decision.reply = RespondActivityTaskCanceledResponse()
    return decision


def decide_standalone_heartbeat(
    state: StandaloneState,
    token: notes.TaskToken,
    request: RecordActivityTaskHeartbeatRequest,
    context: Context,
) -> EntityDecision:
    """Decide a sign of life."""
    decision = _answered(state, token, context)
    note = new_change(decision)
    change = note.standalone_changed.attempt
    change.heartbeat_details = request.details.SerializeToString()
    change.heartbeat_ns = context.now_ns
    decision.append_note(note)
    asked = state.attempt.cancel_requested
    decision.reply = RecordActivityTaskHeartbeatResponse(cancel_requested=asked)
    return decision


def decide_standalone_postponed(
    state: StandaloneState,
    token: notes.TaskToken,
    request: api.PostponeActivityTaskRequest,
    context: Context,
) -> EntityDecision:
    """Decide that a worker gives an attempt back which it has not begun."""
    decision = _answered(state, token, context)
    check_first(state.attempt, token)
    if state.attempt.cancel_requested:
        raise FailedPrecondition("an attempt that should end cannot be postponed")
    note = new_change(decision)
    give_back(note.standalone_changed.attempt, request, context.now_ns)
    decision.append_note(note)
    offer_attempt(decision)
    decision.reply = api.PostponeActivityTaskResponse()
    return decision


def fire_standalone(state: StandaloneState, context: Context) -> EntityDecision:
    """Decide every deadline that has passed, in the order of their times."""
    decision = EntityDecision(state, context, apply_note)
    while True:
        due_ns, kind = next_deadline(state)
        if not due_ns or due_ns > context.now_ns:
            break
        _time_out(decision, kind)
    # A back-off that is over, or the next attempt when it is due at once.
    offer_attempt(decision)
    return decision


def decide_standalone_lost(
    state: StandaloneState, context: Context, process: str
) -> EntityDecision:
    """Decide the loss of an attempt that a worker inside another process than this had in hand."""
    decision = EntityDecision(state, context, apply_note)
    attempt = state.attempt
    if state.running and attempt.started_ns and is_lost(attempt.identity, process):
        _time_out(decision, DeadlineKind.ACTIVITY_START_TO_CLOSE, WORKER_ENDED)
    return decision


def _time_out(decision: EntityDecision, kind: int, why: str = "") -> None:
    timeout = _TIMEOUTS[DeadlineKind(kind)]
    failure = Failure(message=why or f"activity {TIMEOUT_NAMES[timeout]} timeout")
    failure.timeout_failure_info.timeout_type = timeout
    note = new_change(decision)
    change = note.standalone_changed
    if kind not in _OF_ATTEMPT:
        close_by_failure(note, TIMED_OUT, failure)
    elif not _retry(decision.state, change.attempt, failure, 0, decision.context):
        change.status = TIMED_OUT
        change.attempt.last_attempt_complete_ns = decision.context.now_ns
        change.attempt.retry_interval_ns = 0
        change.attempt.last_failure = failure.SerializeToString()
    decision.append_note(note)


def _retry(
    state: StandaloneState,
    change: notes.Activity,
    failure: Failure,
    delay_ns: int,
    context: Context,
) -> bool:
    """Make the change one to the next attempt; False, and no change, if there is none."""
    attempt, now_ns = state.attempt, context.now_ns
    if attempt.cancel_requested:
        return False
    terms = terms_of(state.asked().retry_policy)
    whole_ns = attempt.schedule_to_close_ns
    expires_ns = attempt.scheduled_ns + whole_ns if whole_ns else 0
    asked_ns = delay_ns if delay_ns > 0 else None
    verdict, wait_ns = next_retry(terms, attempt.attempt, now_ns, expires_ns, asked_ns)
    if verdict is not Verdict.AGAIN:
        return False
    wait_ns = min(wait_ns, context.limits.duration_ns_max)
    change.attempt += 1
    change.stamp += 1
    change.started_ns = 0
    change.available_ns = now_ns + wait_ns
    change.retry_interval_ns = wait_ns
    change.last_attempt_complete_ns = now_ns
    change.last_failure = failure.SerializeToString()
    return True


def _answered(state: StandaloneState, token: notes.TaskToken, context: Context) -> EntityDecision:
    # A token without an attempt is an answer by id: it means whichever attempt runs.
    attempt = state.attempt
    known = not token.attempt or token.attempt == attempt.attempt
    if not state.running or not attempt.started_ns or not known:
        raise not_found(state.workflow_id)
    return EntityDecision(state, context, apply_note)


def _end_attempt(change: notes.Activity, identity: str, now_ns: int) -> None:
    change.last_attempt_complete_ns = now_ns
    change.last_identity = identity


def _canceled(details: Payloads | None, state: StandaloneState) -> Failure:
    return canceled_failure(details, state.cancel_identity)


def _encode_task(
    state: StandaloneState, run_key: int, context: Context
) -> PollActivityTaskQueueResponse:
    attempt, asked = state.attempt, state.asked()
    task = PollActivityTaskQueueResponse()
    task.task_token = _encode_token(state, run_key)
    task.workflow_namespace = context.namespace.name
    # There is none; the server sends it empty.
    task.workflow_execution.SetInParent()
    task.activity_id = state.workflow_id
    task.activity_run_id = state.run_id
    set_span(task.scheduled_time, attempt.scheduled_ns)
    fill_task(task, attempt, asked)
    task.retry_policy.CopyFrom(asked.retry_policy)
    if asked.HasField("priority"):
        task.priority.CopyFrom(asked.priority)
    return task


def _encode_token(state: StandaloneState, run_key: int) -> bytes:
    token, attempt = notes.TaskToken(), state.attempt
    token.namespace_key = state.namespace_key
    token.run_key = run_key
    token.kind = EntityKind.ACTIVITY
    token.run_id = state.run_id
    token.attempt = attempt.attempt
    token.activity_id = state.workflow_id
    token.stamp = attempt.stamp
    token.started_ns = attempt.started_ns
    return token.SerializeToString()
