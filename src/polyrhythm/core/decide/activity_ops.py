"""Decides what operators do to pending activities: pause, unpause, reset.

Source: pauseactivity, unpauseactivity and resetactivity of the server. None of them writes an
event. A running attempt is never taken from its worker: pausing and resetting it are told by its
heartbeats, but a reset past attempt 1 makes its token worthless. What is paused neither times out
nor is handed out; whatever makes an offer obsolete raises the stamp.
"""

from __future__ import annotations

from hashlib import blake2b

from google.protobuf.duration_pb2 import Duration
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.api.workflowservice.v1 import (
    PauseActivityRequest,
    PauseActivityResponse,
    ResetActivityRequest,
    ResetActivityResponse,
    UnpauseActivityRequest,
    UnpauseActivityResponse,
    UpdateActivityOptionsRequest,
)

from polyrhythm.api import notes
from polyrhythm.base.errors import NotFound
from polyrhythm.core.activity_options import current_options, encode_options, original_options
from polyrhythm.core.context import Context
from polyrhythm.core.decide.activity_attempt import (
    append_change,
    new_change,
    renew_attempt,
    scheduled_attributes,
)
from polyrhythm.core.decision import Decision
from polyrhythm.core.durations import set_span, span_ns
from polyrhythm.core.state import ActivityState, RunState

_CLOSED = "workflow execution already completed"
_NO_ACTIVITY = (
    "Can't find pending activity with such ID. Invalid activityID or activity already completed"
)

_Selecting = (
    PauseActivityRequest
    | ResetActivityRequest
    | UnpauseActivityRequest
    | UpdateActivityOptionsRequest
)


def decide_pause(state: RunState, request: PauseActivityRequest, context: Context) -> Decision:
    """Decide a pause; an activity that is paused already stays as it is.

    Raises NotFound for a closed run and when no pending activity is meant.
    """
    check_open(state)
    chosen = choose_activities(state, request)
    info = PendingActivityInfo.PauseInfo()
    set_span(info.pause_time, context.now_ns)
    info.manual.identity = request.identity
    info.manual.reason = request.reason
    decision = Decision(state, context)
    for activity in chosen:
        if activity.pause:
            continue
        note = new_change(decision, activity)
        note.activity.pause = info.SerializeToString(deterministic=True)
        if not activity.started_ns:
            note.activity.stamp += 1
        decision.append_note(note)
    decision.reply = PauseActivityResponse()
    return decision


def decide_unpause(state: RunState, request: UnpauseActivityRequest, context: Context) -> Decision:
    """Decide the end of a pause; what no worker has is due now, or within the jitter.

    Raises as `decide_pause`.
    """
    check_open(state)
    decision = Decision(state, context)
    for activity in choose_activities(state, request):
        if not activity.pause:
            continue
        note = new_change(decision, activity)
        change = note.activity
        change.pause = b""
        change.stamp += 1
        if request.reset_attempts:
            change.attempt = 1
        if request.reset_heartbeat:
            change.heartbeat_details = b""
            change.heartbeat_ns = 0
        if not activity.started_ns:
            start_anew(change, context.now_ns + _jitter_ns(request.jitter, context), context)
        append_change(decision, note)
    decision.reply = UnpauseActivityResponse()
    return decision


def decide_reset(state: RunState, request: ResetActivityRequest, context: Context) -> Decision:
    """Decide that an activity begins again with attempt 1.

    One that no worker has is due now, or within the jitter, and unpaused unless it shall stay
    paused; a running one stays as paused as it is. Raises as `decide_pause`.
    """
    check_open(state)
    decision = Decision(state, context)
    for activity in choose_activities(state, request):
        note = new_change(decision, activity)
        change = note.activity
        change.attempt = 1
        change.reset = True
        change.reset_heartbeat = change.reset_heartbeat or request.reset_heartbeat
        if request.restore_original_options:
            _restore_options(change, activity)
            change.stamp += 1
        running = activity.started_ns and not activity.cancel_requested
        if not running and not (activity.pause and request.keep_paused):
            change.stamp += 1
            change.pause = b""
            if not activity.started_ns:
                due_ns = context.now_ns + _jitter_ns(request.jitter, context)
                start_anew(change, due_ns, context)
        append_change(decision, note)
    decision.reply = ResetActivityResponse()
    return decision


def check_open(state: RunState) -> None:
    """Raise NotFound for a closed run."""
    if not state.running:
        raise NotFound(_CLOSED)


def choose_activities(state: RunState, request: _Selecting) -> list[ActivityState]:
    """Return the activities a request means, by id or by type, in the order of their scheduling.

    Raises NotFound when there is none; so it is for "all", which 1.31.2 does not know.
    """
    chosen: list[ActivityState] = []
    selector = request.WhichOneof("activity")
    if selector == "id" and request.id in state.activity_ids:
        chosen = [state.activities[state.activity_ids[request.id]]]
    elif selector == "type":
        pending = [activity for _, activity in sorted(state.activities.items())]
        chosen = [
            activity
            for activity in pending
            if scheduled_attributes(activity).activity_type.name == request.type
        ]
    if not chosen:
        raise NotFound(_NO_ACTIVITY)
    return chosen


def start_anew(change: notes.Activity, due_ns: int, context: Context) -> None:
    """Make an attempt that no worker has due at another time; its last failure is forgotten."""
    renew_attempt(change, due_ns)
    change.retry_interval_ns = due_ns - (change.last_attempt_complete_ns or context.now_ns)


def _restore_options(change: notes.Activity, activity: ActivityState) -> None:
    # All but the priority.
    scheduled = scheduled_attributes(activity)
    options = original_options(scheduled)
    current = current_options(activity, scheduled)
    options.ClearField("priority")
    if current.HasField("priority"):
        options.priority.CopyFrom(current.priority)
    change.options = encode_options(options, scheduled)


def _jitter_ns(jitter: Duration, context: Context) -> int:
    # Made of a fresh id, so that a simulator repeats it; what comes of it is in the note.
    span = min(span_ns(jitter), context.limits.duration_ns_max)
    if span <= 0:
        return 0
    seed = blake2b(context.ids.run_id().encode(), digest_size=8).digest()
    return int.from_bytes(seed) % span
