"""Decides the life of an activity without a workflow: its start, its cancellation, its end by hand.

Source: chasm/lib/activity of the server (state machine and handler) and its engine's id policies.
A request id seen before answers as it did then; a running activity is judged by the conflict
policy, a closed one by the reuse policy. Cancelling what no worker has closes it at once; a worker
hears of it by its heartbeats.
"""

from __future__ import annotations

import json

from temporalio.api.activity.v1 import ActivityExecutionOutcome
from temporalio.api.common.v1 import Payloads
from temporalio.api.enums.v1 import ActivityIdConflictPolicy, ActivityIdReusePolicy
from temporalio.api.failure.v1 import Failure
from temporalio.api.workflowservice.v1 import (
    RequestCancelActivityExecutionRequest,
    RequestCancelActivityExecutionResponse,
    StartActivityExecutionRequest,
    StartActivityExecutionResponse,
    TerminateActivityExecutionRequest,
    TerminateActivityExecutionResponse,
)

from polyrhythm.api import notes
from polyrhythm.base.errors import ActivityAlreadyStarted, FailedPrecondition
from polyrhythm.core.context import Context
from polyrhythm.core.decide.activity_attempt import copy_volatile
from polyrhythm.core.durations import span_ns
from polyrhythm.core.entity import EntityDecision
from polyrhythm.core.standalone import (
    CANCELED,
    COMPLETED,
    FAILED,
    TERMINATED,
    TIMED_OUT,
    StandaloneState,
    apply_note,
    standalone_offers,
)

_TAKEN = "activity execution already started"
_USE_EXISTING = ActivityIdConflictPolicy.ACTIVITY_ID_CONFLICT_POLICY_USE_EXISTING
_REJECT = ActivityIdReusePolicy.ACTIVITY_ID_REUSE_POLICY_REJECT_DUPLICATE
_FAILED_ONLY = ActivityIdReusePolicy.ACTIVITY_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY
_WORDS: dict[int, str] = {
    COMPLETED: "Completed",
    FAILED: "Failed",
    CANCELED: "Canceled",
    TERMINATED: "Terminated",
    TIMED_OUT: "TimedOut",
}


def resolve_standalone(
    newest: StandaloneState | None, request: StartActivityExecutionRequest
) -> StartActivityExecutionResponse | None:
    """Return the answer to a start over the newest activity of its id; None: another may begin.

    Raises ActivityAlreadyStarted when the policies forbid that.
    """
    if newest is None:
        return None
    again = newest.request_id == request.request_id
    if again or (newest.running and request.id_conflict_policy == _USE_EXISTING):
        return StartActivityExecutionResponse(run_id=newest.run_id)
    policy = request.id_reuse_policy
    refused = policy == _REJECT or (policy == _FAILED_ONLY and newest.status == COMPLETED)
    if newest.running or refused:
        raise ActivityAlreadyStarted(_TAKEN, newest.request_id, newest.run_id)
    return None


def decide_standalone(
    request: StartActivityExecutionRequest, context: Context, due_ns: int = 0
) -> EntityDecision:
    """Decide the start of an activity, for `due_ns` at the earliest, or after the delay of its
    request. The reply is a StartActivityExecutionResponse."""
    decision = EntityDecision(StandaloneState(), context, apply_note)
    note = decision.new_note()
    created = note.standalone_created
    created.namespace_key = context.namespace.key
    created.activity_id = request.activity_id
    created.run_id = context.ids.run_id()
    created.request = request.SerializeToString(deterministic=True)
    delayed_ns = context.now_ns + span_ns(request.start_delay)
    created.available_ns = max(delayed_ns, due_ns)
    decision.append_note(note)
    offer_attempt(decision)
    decision.reply = StartActivityExecutionResponse(run_id=created.run_id, started=True)
    return decision


def decide_standalone_cancel(
    state: StandaloneState, request: RequestCancelActivityExecutionRequest, context: Context
) -> EntityDecision:
    """Decide a request to cancel.

    Raises FailedPrecondition for a closed activity and for a second request of another id.
    """
    check_open(state)
    decision = EntityDecision(state, context, apply_note)
    decision.reply = RequestCancelActivityExecutionResponse()
    if state.attempt.cancel_requested:
        if state.cancel_request_id != request.request_id:
            raise FailedPrecondition(
                f"cancellation already requested with request ID {state.cancel_request_id}"
            )
        return decision
    note = new_change(decision)
    cancel = note.standalone_changed.cancel
    cancel.request_id, cancel.identity = request.request_id, request.identity
    cancel.reason = request.reason
    if not state.attempt.started_ns:
        details = Payloads()
        payload = details.payloads.add(data=json.dumps(request.reason).encode())
        payload.metadata["encoding"] = b"json/plain"
        failure = canceled_failure(details, request.identity)
        close_by_failure(note, CANCELED, failure)
    decision.append_note(note)
    return decision


def decide_standalone_terminate(
    state: StandaloneState, request: TerminateActivityExecutionRequest, context: Context
) -> EntityDecision:
    """Decide a termination: closed at once, whoever has the attempt."""
    decision = EntityDecision(state, context, apply_note)
    decision.reply = TerminateActivityExecutionResponse()
    if state.status == TERMINATED:
        if state.terminate_request_id != request.request_id:
            raise FailedPrecondition(
                f"already terminated with request ID {state.terminate_request_id}"
            )
        return decision
    check_open(state)
    failure = Failure(message=request.reason)
    failure.terminated_failure_info.identity = request.identity
    note = new_change(decision)
    note.standalone_changed.terminate_request_id = request.request_id
    close_by_failure(note, TERMINATED, failure)
    decision.append_note(note)
    return decision


def check_open(state: StandaloneState) -> None:
    """Raise FailedPrecondition for a closed activity."""
    if not state.running:
        raise FailedPrecondition(f"invalid transition from {_WORDS[state.status]}")


def new_change(decision: EntityDecision) -> notes.Note:
    """Return a note that leaves the activity as it is, to be changed and appended."""
    note: notes.Note = decision.new_note()
    state: StandaloneState = decision.state
    note.standalone_changed.status = state.status
    copy_volatile(note.standalone_changed.attempt, state.attempt)
    return note


def close_by_failure(note: notes.Note, status: int, failure: Failure) -> None:
    """Make the note (from `new_change`) one that closes the activity with this failure."""
    change = note.standalone_changed
    change.status = status
    change.outcome = ActivityExecutionOutcome(failure=failure).SerializeToString()


def canceled_failure(details: Payloads | None, identity: str) -> Failure:
    """Return the failure of a cancelled activity; `identity` asked for it."""
    failure = Failure(message="Activity canceled")
    failure.canceled_failure_info.identity = identity
    if details is not None:
        failure.canceled_failure_info.details.CopyFrom(details)
    return failure


def offer_attempt(decision: EntityDecision) -> None:
    """Offer the attempt, if it waits for a worker now."""
    for offer in standalone_offers(decision.state, decision.context.now_ns):
        decision.effect(offer)
