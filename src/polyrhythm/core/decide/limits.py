"""Decides what limits of a whole run do: its history, what it holds back, what it keeps.

Source: the end of every transaction on the server. A worker that lets too much wait behind its
workflow task loses the task. A run that has grown too large is terminated in the place of whatever
was to be done to it, and the caller is told why; closing is always allowed.
"""

from __future__ import annotations

from temporalio.api.enums.v1 import WorkflowTaskFailedCause
from temporalio.api.history.v1 import History, HistoryEvent

from polyrhythm.core import tables
from polyrhythm.core.closing import SERVICE_IDENTITY
from polyrhythm.core.context import Context
from polyrhythm.core.decide import task as tasks
from polyrhythm.core.decide.terminate import terminate_run
from polyrhythm.core.decision import Decision
from polyrhythm.core.state import RunState

SIZE_EXCEEDED = "Workflow history size exceeds limit."
COUNT_EXCEEDED = "Workflow history count exceeds limit."
STATE_EXCEEDED = "Workflow mutable state size exceeds limit."

_FORCE_CLOSE = WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_FORCE_CLOSE_COMMAND
# A decision whose notes are smaller than this is not measured: pending things are few enough
# (2,000) that such notes alone never fill a state. Measuring 2,000 activities takes 0.2 ms.
_SMALL_NOTES_BYTES = 1024
# What the server keeps of a pending activity beside its heartbeat details and its last failure.
_ACTIVITY_BYTES = 400
# A request id is a UUID.
_ID_BYTES = 36


def close_decision(decision: Decision) -> None:
    """End a decision: a started task with too much buffered behind it fails."""
    state, limits = decision.state, decision.context.limits
    if not state.buffered or not state.running or not state.task_started:
        return
    if (
        len(state.buffered) > limits.buffered_events_max
        or state.buffered_bytes > limits.buffered_bytes_max
    ):
        tasks.fail_task(decision, _FORCE_CLOSE, None, SERVICE_IDENTITY)
        decision.flush()
        tasks.schedule_task(decision)


def find_excess(decision: Decision) -> str:
    """Return why the run must end instead of taking this decision, or nothing."""
    state, limits = decision.state, decision.context.limits
    if not state.running or decision.empty:
        return ""
    if state.history_bytes > limits.history_bytes_max:
        # As it was before: the event that crosses the limit is still written.
        written = sum(event.ByteSize() for event in _events(decision))
        if state.history_bytes - written > limits.history_bytes_max:
            return SIZE_EXCEEDED
    if state.next_event_id - 1 > limits.history_events_max:
        # Events of the outside world get their ids after the server has looked.
        count = state.next_event_id - 1 - _trailing(decision)
        if count > limits.history_events_max:
            return COUNT_EXCEEDED
    if _held_bytes(decision) > limits.state_bytes_max:
        return STATE_EXCEEDED
    return ""


def decide_excess(state: RunState, reason: str, context: Context) -> Decision:
    """Decide the end of a run that has grown too large."""
    decision = Decision(state, context)
    terminate_run(decision, reason, None, SERVICE_IDENTITY)
    return decision


def _events(decision: Decision) -> list[HistoryEvent]:
    return list(History.FromString(b"".join(decision.event_frames)).events)


def _trailing(decision: Decision) -> int:
    count = 0
    for event in reversed(_events(decision)):
        if event.event_type in tables.UNBUFFERED:
            break
        count += 1
    return count


def _held_bytes(decision: Decision) -> int:
    if sum(map(len, decision.note_frames)) < _SMALL_NOTES_BYTES:
        return 0
    state = decision.state
    held = (
        len(state.memo) + len(state.search_attributes) + _ID_BYTES * len(state.signal_request_ids)
    )
    if state.task_started:
        held += state.buffered_bytes
    for activity in state.activities.values():
        held += _ACTIVITY_BYTES + len(activity.heartbeat_details) + len(activity.last_failure)
    return held
