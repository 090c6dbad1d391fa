"""The only writer of a run's state: one function an event type or note kind.

`decide` and `fold` both come through here, so a state is always the fold of its log. Nothing here
decides, refuses or reads a clock: whatever was derived is in the event or the note.
"""

from __future__ import annotations

from collections.abc import Callable

from temporalio.api.enums.v1 import event_type_pb2 as event_types
from temporalio.api.history.v1 import HistoryEvent

from polyrhythm.api import notes
from polyrhythm.core.apply import (
    activity,
    child,
    external,
    life,
    reset,
    task,
    timer,
    update,
    versions,
)
from polyrhythm.core.state import RunState

_Apply = Callable[[RunState, HistoryEvent], None]

EVENTS: dict[int, _Apply] = {
    event_types.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED: life.apply_started,
    event_types.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED: life.apply_closed,
    event_types.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED: life.apply_closed,
    event_types.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED: life.apply_closed,
    event_types.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED: life.apply_closed,
    event_types.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT: life.apply_closed,
    event_types.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW: life.apply_closed,
    event_types.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED: life.apply_signaled,
    event_types.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED: life.apply_cancel_requested,
    event_types.EVENT_TYPE_WORKFLOW_EXECUTION_OPTIONS_UPDATED: life.apply_options_updated,
    event_types.EVENT_TYPE_WORKFLOW_PROPERTIES_MODIFIED: life.apply_properties_modified,
    event_types.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES: life.apply_search_attributes,
    event_types.EVENT_TYPE_MARKER_RECORDED: life.apply_nothing,
    event_types.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ADMITTED: update.apply_admitted_again,
    event_types.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED: update.apply_accepted,
    event_types.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_COMPLETED: update.apply_completed,
    event_types.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED: task.apply_scheduled,
    event_types.EVENT_TYPE_WORKFLOW_TASK_STARTED: task.apply_started,
    event_types.EVENT_TYPE_WORKFLOW_TASK_COMPLETED: task.apply_completed,
    event_types.EVENT_TYPE_WORKFLOW_TASK_FAILED: task.apply_failed,
    event_types.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT: task.apply_timed_out,
    event_types.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED: activity.apply_scheduled,
    event_types.EVENT_TYPE_ACTIVITY_TASK_STARTED: life.apply_nothing,
    event_types.EVENT_TYPE_ACTIVITY_TASK_COMPLETED: activity.apply_closed,
    event_types.EVENT_TYPE_ACTIVITY_TASK_FAILED: activity.apply_closed,
    event_types.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT: activity.apply_closed,
    event_types.EVENT_TYPE_ACTIVITY_TASK_CANCELED: activity.apply_closed,
    event_types.EVENT_TYPE_ACTIVITY_TASK_CANCEL_REQUESTED: activity.apply_cancel_requested,
    event_types.EVENT_TYPE_TIMER_STARTED: timer.apply_started,
    event_types.EVENT_TYPE_TIMER_FIRED: timer.apply_ended,
    event_types.EVENT_TYPE_TIMER_CANCELED: timer.apply_ended,
    event_types.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED: child.apply_initiated,
    event_types.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_FAILED: child.apply_ended,
    event_types.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_STARTED: child.apply_started,
    event_types.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_COMPLETED: child.apply_ended,
    event_types.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_FAILED: child.apply_ended,
    event_types.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_CANCELED: child.apply_ended,
    event_types.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_TIMED_OUT: child.apply_ended,
    event_types.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_TERMINATED: child.apply_ended,
    event_types.EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED: external.apply_signal,
    event_types.EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_FAILED: external.apply_ended,
    event_types.EVENT_TYPE_EXTERNAL_WORKFLOW_EXECUTION_SIGNALED: external.apply_ended,
    event_types.EVENT_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED: (
        external.apply_cancel
    ),
    event_types.EVENT_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_FAILED: external.apply_ended,
    event_types.EVENT_TYPE_EXTERNAL_WORKFLOW_EXECUTION_CANCEL_REQUESTED: external.apply_ended,
}

NOTES: dict[str, Callable[[RunState, notes.Note], None]] = {
    "run_created": life.apply_run_created,
    "workflow_task": task.apply_note,
    "sticky": task.apply_sticky,
    "activity": activity.apply_note,
    "buffer_flushed": life.apply_buffer_flushed,
    "buffer_dropped": life.apply_buffer_dropped,
    "signal_requested": life.apply_signal_requested,
    "cancel_requested": life.apply_cancel_request_id,
    "close_attempted": task.apply_close_attempted,
    "owed": external.apply_owed,
    "settled": external.apply_settled,
    "received": external.apply_received,
    "update_admitted": update.apply_admitted,
    "updates_sent": update.apply_sent,
    "update_dropped": update.apply_dropped,
    "batch": reset.apply_batch,
    "forked": reset.apply_forked,
    "reset_to": reset.apply_reset_to,
    "version_transition": versions.apply_transition,
    "target_version_seen": versions.apply_target_seen,
}


def apply_event(state: RunState, event: HistoryEvent, data: bytes) -> None:
    """Apply an event that has its id; `data` is its serialized form."""
    assert event.event_id == state.next_event_id, (event.event_id, state.next_event_id)
    state.next_event_id += 1
    state.history_bytes += len(data)
    if state.skip_events:
        # Flushed from the buffer: its effect is in the state since it was buffered.
        state.skip_events -= 1
        if event.event_type == event_types.EVENT_TYPE_WORKFLOW_EXECUTION_OPTIONS_UPDATED:
            # Only now is it known which event the attached request became.
            life.apply_attached_request(state, event)
        elif event.event_type == event_types.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_STARTED:
            child.apply_started(state, event)
        return
    EVENTS[event.event_type](state, event)


def apply_note(state: RunState, note: notes.Note) -> None:
    """Apply a note at its place in the log."""
    kind = note.WhichOneof("kind")
    if kind == "buffered":
        event = HistoryEvent.FromString(note.buffered.event)
        state.buffered.append(note.buffered.event)
        state.buffered_bytes += len(note.buffered.event)
        EVENTS[event.event_type](state, event)
        return
    assert kind is not None, "a note of a kind this release does not know"
    NOTES[kind](state, note)
