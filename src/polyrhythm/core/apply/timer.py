"""Applies user timers: started, then fired or cancelled.

The due time is the start event's time and its timeout: a fold gives the same due time for ever.
"""

from __future__ import annotations

from temporalio.api.enums.v1 import event_type_pb2 as event_types
from temporalio.api.history.v1 import HistoryEvent

from polyrhythm.core import deadlines
from polyrhythm.core.durations import span_ns
from polyrhythm.core.state import RunState, TimerState


def apply_started(state: RunState, event: HistoryEvent) -> None:
    """A timer runs from its event's time."""
    started = event.timer_started_event_attributes
    due_ns = span_ns(event.event_time) + span_ns(started.start_to_fire_timeout)
    state.timers[started.timer_id] = TimerState(started.timer_id, event.event_id, due_ns)
    deadlines.push_timer(state, started.timer_id)


def apply_ended(state: RunState, event: HistoryEvent) -> None:
    """A timer fired or was cancelled. One that was taken back from the buffer is gone already."""
    if event.event_type == event_types.EVENT_TYPE_TIMER_FIRED:
        state.timers.pop(event.timer_fired_event_attributes.timer_id, None)
    else:
        state.timers.pop(event.timer_canceled_event_attributes.timer_id, None)
