"""Decides that a worker gives an attempt back which it has not begun.

Temporal has no word for it. The attempt keeps its number, so retry policies do not count it, and
start-to-close begins anew when it is handed out again; schedule-to-close goes on. What the worker
says takes the place of heartbeat details, which it passes on with it.
"""

from __future__ import annotations

from polyrhythm.api import notes
from polyrhythm.api import service as api
from polyrhythm.base.errors import FailedPrecondition, NotFound
from polyrhythm.core.context import Context
from polyrhythm.core.decide.activity import check_token
from polyrhythm.core.decide.activity_attempt import append_change, new_change
from polyrhythm.core.decision import Decision
from polyrhythm.core.state import ActivityState, RunState


def decide_activity_postponed(
    state: RunState,
    token: notes.TaskToken,
    request: api.PostponeActivityTaskRequest,
    context: Context,
) -> Decision:
    """Decide that an attempt is due again after a delay. Raises NotFound, and FailedPrecondition
    for one that should end: it is answered instead.
    """
    activity = check_token(state, token)
    check_first(activity, token)
    if activity.cancel_requested or activity.pause or activity.reset:
        raise FailedPrecondition("an attempt that should end cannot be postponed")
    decision = Decision(state, context)
    note = new_change(decision, activity)
    give_back(note.activity, request, context.now_ns)
    append_change(decision, note)
    decision.reply = api.PostponeActivityTaskResponse()
    return decision


def check_first(activity: ActivityState, token: notes.TaskToken) -> None:
    """Refuse the token of an attempt that was given back before."""
    # Of two starts of one attempt the token is the older one's: the call was sent twice.
    if activity.stamp != token.stamp or activity.started_ns != token.started_ns:
        raise NotFound("the attempt was postponed already")


def give_back(
    change: notes.Activity, request: api.PostponeActivityTaskRequest, now_ns: int
) -> None:
    """Make the change one to the same attempt, which nobody has and which is due later."""
    change.stamp += 1
    change.started_ns = 0
    change.request_id = ""
    change.last_identity = change.identity
    change.heartbeat_details = request.details
    change.heartbeat_ns = 0
    change.available_ns = now_ns + request.delay_ns
