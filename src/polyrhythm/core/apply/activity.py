"""Applies activities: scheduled, changed without an event, closed.

An attempt writes no event: its Started event is written together with the closing one, so notes
carry everything that changes between them. Pausing has no event either, but clients search for it:
the run's attribute TemporalPauseInfo names the paused types and is left behind when they end, as
the server does.
"""

from __future__ import annotations

import json

from temporalio.api.activity.v1 import ActivityOptions
from temporalio.api.common.v1 import Priority, SearchAttributes
from temporalio.api.history.v1 import HistoryEvent

from polyrhythm.api import notes
from polyrhythm.core import deadlines, tables
from polyrhythm.core.activity_options import original_options
from polyrhythm.core.durations import span_ns
from polyrhythm.core.state import ActivityState, RunState

PAUSE_ATTRIBUTE = "TemporalPauseInfo"


def apply_scheduled(state: RunState, event: HistoryEvent) -> None:
    """An activity waits for a worker."""
    scheduled = event.activity_task_scheduled_event_attributes
    time_ns = span_ns(event.event_time)
    # Maps (headers, metadata) have no order of their own: a fold must give the same bytes.
    data = event.SerializeToString(deterministic=True)
    activity = ActivityState(event.event_id, scheduled.activity_id, data, time_ns, time_ns)
    activity.task_queue = scheduled.task_queue.name
    if scheduled.HasField("priority"):
        _set_priority(activity, scheduled.priority)
    activity.schedule_to_start_ns = span_ns(scheduled.schedule_to_start_timeout)
    activity.schedule_to_close_ns = span_ns(scheduled.schedule_to_close_timeout)
    activity.start_to_close_ns = span_ns(scheduled.start_to_close_timeout)
    activity.heartbeat_timeout_ns = span_ns(scheduled.heartbeat_timeout)
    state.activities[event.event_id] = activity
    state.activity_ids[activity.activity_id] = event.event_id
    deadlines.push_activity(state, activity, time_ns)
    deadlines.push_activity_close(state, activity)


def apply_note(state: RunState, note: notes.Note) -> None:
    """Replace the volatile part of an activity."""
    change = note.activity
    before = state.activities[change.scheduled_event_id]
    activity = changed_activity(before, change)
    if change.options != before.options:
        _set_options(activity, change.options)
    state.activities[change.scheduled_event_id] = activity
    if activity.stamp != before.stamp or activity.started_ns != before.started_ns:
        deadlines.push_activity(state, activity, note.time_ns)
    if activity.schedule_to_close_ns != before.schedule_to_close_ns or (
        before.pause and not activity.pause
    ):
        deadlines.push_activity_close(state, activity)
    if bool(activity.pause) != bool(before.pause):
        _set_pause_attribute(state)


def changed_activity(before: ActivityState, change: notes.Activity) -> ActivityState:
    """Return the activity with the volatile part that a note has; its options are left alone."""
    activity = before.twin()
    activity.attempt = change.attempt
    activity.stamp = change.stamp
    activity.available_ns = change.available_ns
    activity.started_ns = change.started_ns
    activity.request_id = change.request_id
    activity.identity = change.identity
    activity.last_failure = change.last_failure
    activity.heartbeat_details = change.heartbeat_details
    activity.heartbeat_ns = change.heartbeat_ns
    activity.last_identity = change.last_identity
    activity.last_attempt_complete_ns = change.last_attempt_complete_ns
    activity.last_started_ns = change.last_started_ns
    activity.retry_interval_ns = change.retry_interval_ns
    activity.pause = change.pause
    activity.reset = change.reset
    activity.reset_heartbeat = change.reset_heartbeat
    if change.HasField("last_version"):
        activity.last_version = change.last_version.deployment_name, change.last_version.build_id
    else:
        activity.last_version = None
    return activity


def apply_cancel_requested(state: RunState, event: HistoryEvent) -> None:
    """The workflow asked to cancel it. The activity may have ended in the buffer already."""
    scheduled_id = event.activity_task_cancel_requested_event_attributes.scheduled_event_id
    before = state.activities.get(scheduled_id)
    if before is None:
        return
    activity = before.twin()
    activity.cancel_requested = True
    activity.cancel_request_event_id = event.event_id
    state.activities[scheduled_id] = activity


def apply_closed(state: RunState, event: HistoryEvent) -> None:
    """The activity is over, whatever its outcome."""
    attributes = getattr(event, tables.ATTRIBUTES[event.event_type])
    activity = state.activities.pop(attributes.scheduled_event_id)
    del state.activity_ids[activity.activity_id]


def _set_options(activity: ActivityState, data: bytes) -> None:
    activity.options = data
    if data:
        options = ActivityOptions.FromString(data)
    else:
        scheduled = HistoryEvent.FromString(activity.scheduled)
        options = original_options(scheduled.activity_task_scheduled_event_attributes)
    activity.task_queue = options.task_queue.name
    _set_priority(activity, options.priority)
    activity.schedule_to_start_ns = span_ns(options.schedule_to_start_timeout)
    activity.schedule_to_close_ns = span_ns(options.schedule_to_close_timeout)
    activity.start_to_close_ns = span_ns(options.start_to_close_timeout)
    activity.heartbeat_timeout_ns = span_ns(options.heartbeat_timeout)


def _set_priority(activity: ActivityState, priority: Priority) -> None:
    activity.priority = priority.priority_key
    activity.fairness_key = priority.fairness_key
    activity.fairness_weight = priority.fairness_weight


def _set_pause_attribute(state: RunState) -> None:
    paused = {
        HistoryEvent.FromString(
            activity.scheduled
        ).activity_task_scheduled_event_attributes.activity_type.name
        for activity in state.activities.values()
        if activity.pause
    }
    # No type at all is null, which the server keeps beside the other attributes.
    entries = [f"property:activityType={name}" for name in sorted(paused)] or None
    attributes = SearchAttributes.FromString(state.search_attributes)
    payload = attributes.indexed_fields[PAUSE_ATTRIBUTE]
    payload.metadata["encoding"] = b"json/plain"
    payload.metadata["type"] = b"KeywordList"
    payload.data = json.dumps(entries, separators=(",", ":"), ensure_ascii=False).encode()
    state.search_attributes = attributes.SerializeToString(deterministic=True)
