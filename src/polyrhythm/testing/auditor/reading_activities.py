"""What the events of activities must obey, and what they leave in the view.

Timeouts are reckoned anew from the scheduled event, or from the options that an operator has put
in their place: none may strike early, and none while the activity is paused.
"""

from __future__ import annotations

from collections.abc import Callable

from temporalio.api.enums.v1 import EventType, RetryState, TimeoutType
from temporalio.api.history.v1 import HistoryEvent

from polyrhythm.testing.auditor.finding import require
from polyrhythm.testing.auditor.ledger import Ledger
from polyrhythm.testing.auditor.view import ActivityView, RunView, time_ns

# An answer is waited for a little longer than the timeout says.
GRACE_NS = 100_000_000


def _activity_scheduled(_ledger: Ledger, view: RunView, event: HistoryEvent) -> None:
    scheduled = event.activity_task_scheduled_event_attributes
    view.activities[event.event_id] = ActivityView(
        scheduled_id=event.event_id,
        activity_id=scheduled.activity_id,
        queue=scheduled.task_queue.name,
        scheduled_ns=time_ns(event),
        available_ns=time_ns(event),
        policy=scheduled.retry_policy,
        to_close_ns=scheduled.schedule_to_close_timeout.ToNanoseconds(),
        to_start_ns=scheduled.schedule_to_start_timeout.ToNanoseconds(),
        start_to_close_ns=scheduled.start_to_close_timeout.ToNanoseconds(),
        heartbeat_timeout_ns=scheduled.heartbeat_timeout.ToNanoseconds(),
    )
    view.activities[event.event_id].original = scheduled
    view.activity_attempts[event.event_id] = 1


def _activity_started(_ledger: Ledger, view: RunView, event: HistoryEvent) -> None:
    started = event.activity_task_started_event_attributes
    activity = view.activities.get(started.scheduled_event_id)
    require(
        activity is not None and activity.attempt == started.attempt,
        "attempt",
        f"{view.name}: started event of {activity}: attempt {started.attempt}",
    )


def _activity_closed(view: RunView, event: HistoryEvent, scheduled_id: int) -> ActivityView:
    activity = view.activities.pop(scheduled_id, None)
    require(
        activity is not None and scheduled_id not in view.closed_activities,
        "one end",
        f"{view.name}: activity {scheduled_id} ended by {event.event_type}, and is not pending",
    )
    assert activity is not None
    view.closed_activities.add(scheduled_id)
    return activity


def _activity_completed(_ledger: Ledger, view: RunView, event: HistoryEvent) -> None:
    completed = event.activity_task_completed_event_attributes
    activity = _activity_closed(view, event, completed.scheduled_event_id)
    if completed.result.payloads:
        payload = completed.result.payloads[0].data
        view.results[payload] += 1
        # Simulated workers say which attempt a result is of: "id/attempt/...", 0 is by id.
        attempt = int(payload.split(b"/")[1])
        require(
            attempt in (0, activity.attempt),
            "stale",
            f"{view.name}: {payload!r} ended attempt {activity.attempt}",
        )


def _activity_failed(_ledger: Ledger, view: RunView, event: HistoryEvent) -> None:
    failed = event.activity_task_failed_event_attributes
    activity = _activity_closed(view, event, failed.scheduled_event_id)
    words = failed.failure.message.encode().split(b"/")
    if words[0] == b"failure":
        require(
            int(words[1]) in (0, activity.attempt),
            "stale",
            f"{view.name}: {words} ended attempt {activity.attempt}",
        )


def _activity_canceled(_ledger: Ledger, view: RunView, event: HistoryEvent) -> None:
    canceled = event.activity_task_canceled_event_attributes
    activity = _activity_closed(view, event, canceled.scheduled_event_id)
    require(activity.cancel_id, "cancel", f"{view.name}: {activity.activity_id} was not asked to")


def _activity_timed_out(_ledger: Ledger, view: RunView, event: HistoryEvent) -> None:
    timed_out = event.activity_task_timed_out_event_attributes
    activity = _activity_closed(view, event, timed_out.scheduled_event_id)
    require(not activity.paused, "pause", f"{view.name}: {activity} timed out while it is paused")
    at_ns = time_ns(event)
    kind = timed_out.failure.timeout_failure_info.timeout_type
    due = timeouts(activity)
    expected = due.get(kind, 0)
    if kind == TimeoutType.TIMEOUT_TYPE_SCHEDULE_TO_CLOSE and (
        timed_out.retry_state == RetryState.RETRY_STATE_TIMEOUT
        and (not expected or at_ns < expected)
    ):
        # Given up because no attempt fits any more: then this attempt itself has timed out.
        expected = min(
            due.get(TimeoutType.TIMEOUT_TYPE_START_TO_CLOSE, at_ns + 1),
            due.get(TimeoutType.TIMEOUT_TYPE_HEARTBEAT, at_ns + 1),
        )
    require(
        expected and at_ns >= expected, "early", f"{view.name}: {activity} out at {at_ns} by {kind}"
    )


def timeouts(activity: ActivityView) -> dict[int, int]:
    """Return when each timeout of an activity strikes as it stands."""
    due = {}
    if activity.to_close_ns:
        due[TimeoutType.TIMEOUT_TYPE_SCHEDULE_TO_CLOSE] = (
            activity.scheduled_ns + activity.to_close_ns
        )
    if activity.started_ns:
        if activity.start_to_close_ns:
            due[TimeoutType.TIMEOUT_TYPE_START_TO_CLOSE] = (
                activity.started_ns + activity.start_to_close_ns + GRACE_NS
            )
        if activity.heartbeat_timeout_ns:
            due[TimeoutType.TIMEOUT_TYPE_HEARTBEAT] = (
                max(activity.heartbeat_ns, activity.started_ns) + activity.heartbeat_timeout_ns
            )
    elif activity.to_start_ns:
        due[TimeoutType.TIMEOUT_TYPE_SCHEDULE_TO_START] = (
            activity.available_ns + activity.to_start_ns
        )
    return {int(kind): at_ns for kind, at_ns in due.items()}


def _activity_cancel_requested(_ledger: Ledger, view: RunView, event: HistoryEvent) -> None:
    requested = event.activity_task_cancel_requested_event_attributes
    activity = view.activities.get(requested.scheduled_event_id)
    if activity is not None:
        activity.cancel_id = event.event_id


ACTIVITY_EVENTS: dict[int, Callable[[Ledger, RunView, HistoryEvent], None]] = {
    EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED: _activity_scheduled,
    EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED: _activity_started,
    EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED: _activity_completed,
    EventType.EVENT_TYPE_ACTIVITY_TASK_FAILED: _activity_failed,
    EventType.EVENT_TYPE_ACTIVITY_TASK_CANCELED: _activity_canceled,
    EventType.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT: _activity_timed_out,
    EventType.EVENT_TYPE_ACTIVITY_TASK_CANCEL_REQUESTED: _activity_cancel_requested,
}
