"""What each kind of note must obey within its run, and what it leaves in the view.

Written after the comments in `notes.proto`. The back-off of an activity is computed here anew
from the retry policy in its scheduled event.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from temporalio.api.activity.v1 import ActivityOptions
from temporalio.api.enums.v1 import EventType
from temporalio.api.failure.v1 import Failure
from temporalio.api.history.v1 import HistoryEvent

from polyrhythm.api import notes
from polyrhythm.testing.auditor.finding import require
from polyrhythm.testing.auditor.ledger import Ledger
from polyrhythm.testing.auditor.reading_activities import timeouts
from polyrhythm.testing.auditor.reading_events import start_task
from polyrhythm.testing.auditor.view import ActivityView, RunView, TaskView


def blank(event: HistoryEvent) -> bytes:
    """Return an event's bytes without what a buffered one gets only when it is flushed."""
    twin = HistoryEvent()
    twin.CopyFrom(event)
    twin.event_id = 0
    name = twin.WhichOneof("attributes") or ""
    if name.startswith(("activity_task_", "child_workflow_execution_")):
        attributes = getattr(twin, name)
        if "started_event_id" in attributes.DESCRIPTOR.fields_by_name:
            attributes.started_event_id = 0
    return twin.SerializeToString(deterministic=True)


def _run_created(_ledger: Ledger, view: RunView, note: notes.Note) -> None:
    require(not view.events, "start", f"{view.name}: created after events")
    created = note.run_created
    view.namespace_key = created.namespace_key
    view.workflow_id, view.run_id = created.workflow_id, created.run_id
    view.create_request_id = created.request_id
    view.first_task_due_ns = created.first_task_due_ns


def _workflow_task(_ledger: Ledger, view: RunView, note: notes.Note) -> None:
    change, before = note.workflow_task, view.task
    if not change.pending:
        if before is not None and before.attempt > 1 and change.attempt > 1:
            require(
                change.attempt == before.attempt + 1,
                "attempt",
                f"{view.name}: attempt {change.attempt} after {before.attempt}",
            )
        if before is not None and before.speculative and before.started_id:
            view.discarded_starts.add(before.started_id)
        view.task = None
        return
    if not change.speculative:
        view.first_task_due_ns = 0
    task = TaskView(
        change.scheduled_event_id, change.attempt, change.scheduled_ns, change.timeout_ns
    )
    view.task = task
    task.original_ns = change.original_scheduled_ns
    task.speculative, task.start_within_ns = change.speculative, change.start_within_ns
    if change.started_event_id:
        place = (change.started_event_id, change.started_ns)
        if before is not None and (before.started_id, before.started_ns) == place:
            task.started_id, task.started_ns = place
        else:
            start_task(view, task, *place)
            view.unwritten_starts.add((change.started_event_id, change.attempt))


def _sticky(_ledger: Ledger, view: RunView, note: notes.Note) -> None:
    view.sticky_queue = note.sticky.queue
    view.sticky_timeout_ns = note.sticky.schedule_to_start_timeout_ns


def _activity(_ledger: Ledger, view: RunView, note: notes.Note) -> None:
    change = note.activity
    activity = view.activities.get(change.scheduled_event_id)
    require(activity is not None, "activities", f"{view.name}: note of {change.scheduled_event_id}")
    assert activity is not None
    started = change.started_ns and change.started_ns != activity.started_ns
    if change.attempt == activity.attempt + 1:
        _retried(view, activity, note)
    elif change.attempt != activity.attempt:
        # Only an operator makes an activity begin again.
        require(change.attempt == 1, "attempt", f"{view.name}: {activity} to {change.attempt}")
        require(not started, "attempt", f"{view.name}: {activity} is reset and started")
        if change.started_ns:
            # Whoever still has the token of this attempt may answer for the one at work: tokens
            # are told apart by attempts alone, as the real server does.
            view.activity_starts[activity.scheduled_id, change.attempt] += 1
    elif started:
        _taken(view, activity, change.started_ns)
        place = (activity.scheduled_id, activity.attempt)
        view.start_details.setdefault(place, set()).add(change.heartbeat_details)
    elif activity.started_ns and not change.started_ns:
        # Given back by its worker, or by an operator's word; the attempt keeps its number.
        view.postponed[change.heartbeat_details] = change.available_ns - note.time_ns
    activity.attempt, activity.started_ns = change.attempt, change.started_ns
    activity.available_ns = change.available_ns
    activity.heartbeat_ns = change.heartbeat_ns
    activity.heartbeat_details = change.heartbeat_details
    activity.paused = bool(change.pause)
    if activity.paused:
        view.pauses.add(activity.activity_id)
    if change.options != activity.options:
        _set_options(activity, change.options)
    highest = view.activity_attempts.get(activity.scheduled_id, 1)
    view.activity_attempts[activity.scheduled_id] = max(highest, activity.attempt)
    if change.heartbeat_details:
        view.heartbeats.add(change.heartbeat_details)


def _taken(view: RunView, activity: ActivityView, started_ns: int) -> None:
    require(not activity.started_ns, "attempt", f"{view.name}: {activity} started twice")
    require(not activity.paused, "pause", f"{view.name}: {activity} started while it is paused")
    require(
        max(started_ns, view.newest_ns) >= activity.available_ns,
        "early",
        f"{view.name}: {activity} started at {started_ns}",
    )
    view.activity_starts[activity.scheduled_id, activity.attempt] += 1


def _set_options(activity: ActivityView, data: bytes) -> None:
    activity.options = data
    given: Any = ActivityOptions.FromString(data) if data else activity.original
    assert given is not None
    activity.queue = given.task_queue.name
    activity.to_close_ns = given.schedule_to_close_timeout.ToNanoseconds()
    activity.to_start_ns = given.schedule_to_start_timeout.ToNanoseconds()
    activity.start_to_close_ns = given.start_to_close_timeout.ToNanoseconds()
    activity.heartbeat_timeout_ns = given.heartbeat_timeout.ToNanoseconds()
    activity.policy = given.retry_policy


def _retried(view: RunView, activity: ActivityView, note: notes.Note) -> None:
    change = note.activity
    view.failed_attempts.add((activity.scheduled_id, activity.attempt))
    require(not change.started_ns, "attempt", f"{view.name}: {activity} retried and started")
    failure = Failure.FromString(change.last_failure)
    if failure.HasField("timeout_failure_info"):
        require(not activity.paused, "pause", f"{view.name}: {activity} out while it is paused")
        due_ns = timeouts(activity).get(failure.timeout_failure_info.timeout_type, 0)
        require(
            due_ns and note.time_ns >= due_ns,
            "early",
            f"{view.name}: {activity} out at {note.time_ns}",
        )
    if activity.paused:
        # It waits for its next attempt whatever its policy says.
        return
    maximum = activity.policy.maximum_attempts
    require(
        not maximum or change.attempt <= maximum,
        "attempt",
        f"{view.name}: attempt {change.attempt} of {maximum}",
    )
    require(
        change.available_ns >= note.time_ns + _backoff_ns(activity, failure),
        "early",
        f"{view.name}: {activity} again at {change.available_ns}, failed {note.time_ns}",
    )


def _backoff_ns(activity: ActivityView, failure: Failure) -> int:
    info = failure.application_failure_info
    if info.HasField("next_retry_delay"):
        return info.next_retry_delay.ToNanoseconds()
    policy = activity.policy
    factor = policy.backoff_coefficient ** (activity.attempt - 1)
    wait = policy.initial_interval.ToNanoseconds() * factor
    return int(min(wait, policy.maximum_interval.ToNanoseconds() or wait))


def _buffer_flushed(_ledger: Ledger, view: RunView, note: notes.Note) -> None:
    require(
        note.buffer_flushed.count == len(view.buffer),
        "buffer",
        f"{view.name}: {note.buffer_flushed.count} of {len(view.buffer)} events flushed",
    )
    view.flushing = [blank(event) for event in view.buffer]
    view.buffer = []


def _buffer_dropped(_ledger: Ledger, view: RunView, note: notes.Note) -> None:
    index = note.buffer_dropped.index
    require(index < len(view.buffer), "buffer", f"{view.name}: no buffered event {index}")
    event = view.buffer.pop(index)
    require(
        event.event_type == EventType.EVENT_TYPE_TIMER_FIRED,
        "buffer",
        f"{view.name}: event {event.event_type} dropped from the buffer",
    )


def _signal_requested(_ledger: Ledger, view: RunView, note: notes.Note) -> None:
    request_id = note.signal_requested.request_id
    require(request_id not in view.request_ids, "dedupe", f"{view.name}: {request_id} taken twice")
    view.request_ids.add(request_id)


def _owed(_ledger: Ledger, view: RunView, note: notes.Note) -> None:
    sequence = note.owed.sequence
    require(sequence == view.owed_last + 1, "owed", f"{view.name}: message {sequence} out of order")
    view.owed_last = sequence
    view.owed[sequence] = note.owed.message


def _settled(_ledger: Ledger, view: RunView, note: notes.Note) -> None:
    message = view.owed.pop(note.settled.sequence, None)
    require(message is not None, "owed", f"{view.name}: {note.settled.sequence} was not owed")


def _received(_ledger: Ledger, view: RunView, note: notes.Note) -> None:
    key = (note.received.sender_run_key, note.received.sequence)
    require(key not in view.received, "messages", f"{view.name}: {key} received twice")
    view.received.add(key)


def _reset_to(_ledger: Ledger, view: RunView, note: notes.Note) -> None:
    view.reset_to = note.reset_to.run_id


def _nothing(_ledger: Ledger, _view: RunView, _note: notes.Note) -> None:
    """No rule looks at it."""


NOTES: dict[str, Callable[[Ledger, RunView, notes.Note], None]] = {
    "run_created": _run_created,
    "workflow_task": _workflow_task,
    "sticky": _sticky,
    "activity": _activity,
    "buffer_flushed": _buffer_flushed,
    "buffer_dropped": _buffer_dropped,
    "signal_requested": _signal_requested,
    "cancel_requested": _nothing,
    "close_attempted": _nothing,
    "owed": _owed,
    "settled": _settled,
    "received": _received,
    "batch": _nothing,
    "reset_to": _reset_to,
    "version_transition": _nothing,
    "target_version_seen": _nothing,
}
