"""Applies resets: the run that begins as another run's past, and the run it was made from.

A reset run's time starts when it is made. Its events before that moment are copies, so whatever
they say of their own time holds for timers alone.
"""

from __future__ import annotations

from polyrhythm.api import notes
from polyrhythm.core import deadlines
from polyrhythm.core.state import RunState


def apply_forked(state: RunState, note: notes.Note) -> None:
    """The copied events end here: the run, its timeouts and its activities start now."""
    now_ns = note.time_ns
    state.start_ns = now_ns
    state.forked_event_id = state.next_event_id - 1
    # The task that is pending is about to fail, as a first attempt.
    state.next_attempt = 1
    if state.execution_timeout_ns:
        state.execution_deadline_ns = now_ns + state.execution_timeout_ns
    if state.run_timeout_ns:
        state.run_deadline_ns = now_ns + state.run_timeout_ns
        if state.execution_deadline_ns:
            state.run_deadline_ns = min(state.run_deadline_ns, state.execution_deadline_ns)
    deadlines.push_run(state)
    for before in list(state.activities.values()):
        activity = before.twin()
        activity.scheduled_ns = activity.available_ns = now_ns
        state.activities[activity.scheduled_event_id] = activity
        deadlines.push_activity(state, activity, now_ns)
        deadlines.push_activity_close(state, activity)


def apply_reset_to(state: RunState, note: notes.Note) -> None:
    """The run goes on as another."""
    state.reset_run_id = note.reset_to.run_id


def apply_batch(_state: RunState, _note: notes.Note) -> None:
    """Where a batch begins is a matter of the log alone."""
