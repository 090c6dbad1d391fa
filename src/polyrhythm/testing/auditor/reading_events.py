"""What each event type must obey within its run, and what it leaves in the view.

One function an event type. An event counts when it is written or, while a worker holds the
workflow task, when it is buffered. Times are those the events carry: the clock of the turns.
"""

from __future__ import annotations

from collections.abc import Callable

from temporalio.api.enums.v1 import EventType, RetryState, TimeoutType
from temporalio.api.history.v1 import HistoryEvent

from polyrhythm.testing.auditor.finding import require
from polyrhythm.testing.auditor.ledger import Ledger
from polyrhythm.testing.auditor.view import ActivityView, RunView, TaskView

CLOSES = frozenset(
    {
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW,
    }
)
BEATS_NS = 30 * 60 * 1_000_000_000


def time_ns(event: HistoryEvent) -> int:
    """Return an event's time."""
    return event.event_time.ToNanoseconds()


def _started(_ledger: Ledger, view: RunView, event: HistoryEvent) -> None:
    require(event.event_id == 1, "start", f"{view.name}: started by event {event.event_id}")
    started = event.workflow_execution_started_event_attributes
    view.start_ns = time_ns(event)
    view.task_queue = started.task_queue.name
    first_ns = view.first_task_due_ns or view.start_ns
    run_ns = started.workflow_run_timeout.ToNanoseconds()
    view.execution_deadline_ns = started.workflow_execution_expiration_time.ToNanoseconds()
    view.run_deadline_ns = first_ns + run_ns if run_ns else 0
    if view.run_deadline_ns and view.execution_deadline_ns:
        view.run_deadline_ns = min(view.run_deadline_ns, view.execution_deadline_ns)


def _closed(_ledger: Ledger, view: RunView, event: HistoryEvent) -> None:
    require(not view.close_type, "one close", f"{view.name}: closed twice")
    view.close_type, view.close_ns = event.event_type, time_ns(event)
    if event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED:
        view.terminations[event.workflow_execution_terminated_event_attributes.reason] += 1
    if event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT:
        deadlines = [at for at in (view.run_deadline_ns, view.execution_deadline_ns) if at]
        early = not deadlines or view.close_ns < min(deadlines)
        require(not early, "early", f"{view.name}: timed out at {view.close_ns} of {deadlines}")
    view.task = None
    view.timers.clear()
    view.activities.clear()


def _signaled(ledger: Ledger, view: RunView, event: HistoryEvent) -> None:
    signaled = event.workflow_execution_signaled_event_attributes
    payload = signaled.input.payloads[0].data
    view.signals[payload] += 1
    require(view.signals[payload] == 1, "dedupe", f"{view.name}: signal {payload!r} twice")
    if signaled.external_workflow_execution.run_id:
        ledger.arrive(view.run_id, payload)


def _cancel_requested(ledger: Ledger, view: RunView, event: HistoryEvent) -> None:
    require(not view.cancel_requested, "dedupe", f"{view.name}: cancel requested twice")
    view.cancel_requested = True
    requested = event.workflow_execution_cancel_requested_event_attributes
    sender = requested.external_workflow_execution.run_id
    if sender:
        ledger.arrive(view.run_id, (sender, requested.external_initiated_event_id))


def _task_scheduled(_ledger: Ledger, view: RunView, event: HistoryEvent) -> None:
    scheduled = event.workflow_task_scheduled_event_attributes
    before = view.task
    written = before is not None and before.attempt > 1
    require(before is None or written, "one task", f"{view.name}: two workflow tasks")
    view.first_task_due_ns = 0
    view.task = TaskView(
        event.event_id,
        scheduled.attempt,
        time_ns(event),
        scheduled.start_to_close_timeout.ToNanoseconds(),
        original_ns=time_ns(event),
    )


def _task_started(_ledger: Ledger, view: RunView, event: HistoryEvent) -> None:
    task = view.task
    started = event.workflow_task_started_event_attributes
    require(
        task is not None and task.scheduled_id == started.scheduled_event_id,
        "task ids",
        f"{view.name}: event {event.event_id} starts {started.scheduled_event_id}",
    )
    assert task is not None
    start_task(view, task, event.event_id, time_ns(event))


def start_task(view: RunView, task: TaskView, started_id: int, started_ns: int) -> None:
    """Take in a start; the events of a transient attempt tell of a start known already."""
    require(not task.started_id, "one task", f"{view.name}: task started twice")
    task.started_id, task.started_ns = started_id, started_ns
    place = (started_id, task.attempt)
    require(
        place >= view.last_start, "attempt", f"{view.name}: start {place} after {view.last_start}"
    )
    view.last_start = place


def _task_completed(_ledger: Ledger, view: RunView, event: HistoryEvent) -> None:
    completed = event.workflow_task_completed_event_attributes
    _end_task(view, completed.scheduled_event_id, completed.started_event_id)
    view.completed_starts.add(completed.started_event_id)


def _task_failed(_ledger: Ledger, view: RunView, event: HistoryEvent) -> None:
    failed = event.workflow_task_failed_event_attributes
    _end_task(view, failed.scheduled_event_id, failed.started_event_id)
    _lose_sticky(view)


def _task_timed_out(_ledger: Ledger, view: RunView, event: HistoryEvent) -> None:
    timed_out = event.workflow_task_timed_out_event_attributes
    task = view.task
    if task is not None:
        if timed_out.timeout_type == TimeoutType.TIMEOUT_TYPE_SCHEDULE_TO_START:
            due_ns = task.scheduled_ns + view.sticky_timeout_ns
        else:
            due_ns = task.started_ns + task.timeout_ns
        # A chain of heartbeats ends after half an hour, whatever the single tasks still have.
        in_time = time_ns(event) >= min(due_ns, task.original_ns + BEATS_NS)
        require(in_time, "early", f"{view.name}: task {task} out at {time_ns(event)}")
    _end_task(view, timed_out.scheduled_event_id, timed_out.started_event_id)
    _lose_sticky(view)


def _lose_sticky(view: RunView) -> None:
    # A failed task drops its stickiness without a note.
    view.sticky_queue = ""


def _end_task(view: RunView, scheduled_id: int, started_id: int) -> None:
    task = view.task
    require(
        task is not None and (task.scheduled_id, task.started_id) == (scheduled_id, started_id),
        "task ids",
        f"{view.name}: {task} ended as ({scheduled_id}, {started_id})",
    )
    view.task = None


def _timer_started(_ledger: Ledger, view: RunView, event: HistoryEvent) -> None:
    started = event.timer_started_event_attributes
    require(started.timer_id not in view.timers, "timers", f"{view.name}: {started.timer_id} twice")
    due_ns = time_ns(event) + started.start_to_fire_timeout.ToNanoseconds()
    view.timers[started.timer_id] = (event.event_id, due_ns)


def _timer_fired(_ledger: Ledger, view: RunView, event: HistoryEvent) -> None:
    fired = event.timer_fired_event_attributes
    timer = view.timers.pop(fired.timer_id, None)
    require(
        timer is not None and timer[0] == fired.started_event_id,
        "timers",
        f"{view.name}: {fired.timer_id} fired, and is not pending",
    )
    assert timer is not None
    require(
        time_ns(event) >= timer[1],
        "early",
        f"{view.name}: {fired.timer_id} fired at {time_ns(event)}, due {timer[1]}",
    )


def _timer_canceled(_ledger: Ledger, view: RunView, event: HistoryEvent) -> None:
    canceled = event.timer_canceled_event_attributes
    timer = view.timers.pop(canceled.timer_id, None)
    if timer is not None:
        require(timer[0] == canceled.started_event_id, "timers", f"{view.name}: {canceled}")


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
                activity.started_ns + activity.start_to_close_ns
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


def _signal_initiated(ledger: Ledger, view: RunView, event: HistoryEvent) -> None:
    initiated = event.signal_external_workflow_execution_initiated_event_attributes
    ledger.ask(view.run_id, event.event_id, initiated.input.payloads[0].data)


def _cancel_initiated(ledger: Ledger, view: RunView, event: HistoryEvent) -> None:
    ledger.ask(view.run_id, event.event_id, None)


def _outcome(name: str, failed: bool) -> Callable[[Ledger, RunView, HistoryEvent], None]:
    def take(ledger: Ledger, view: RunView, event: HistoryEvent) -> None:
        ledger.outcome(view.run_id, getattr(event, name).initiated_event_id, failed)

    return take


def _nothing(_ledger: Ledger, _view: RunView, _event: HistoryEvent) -> None:
    """Only its place in the history counts."""


EVENTS: dict[int, Callable[[Ledger, RunView, HistoryEvent], None]] = {
    **dict.fromkeys(CLOSES, _closed),
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED: _started,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED: _signaled,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED: _cancel_requested,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_OPTIONS_UPDATED: _nothing,
    EventType.EVENT_TYPE_WORKFLOW_PROPERTIES_MODIFIED: _nothing,
    EventType.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES: _nothing,
    EventType.EVENT_TYPE_MARKER_RECORDED: _nothing,
    EventType.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED: _task_scheduled,
    EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED: _task_started,
    EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED: _task_completed,
    EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED: _task_failed,
    EventType.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT: _task_timed_out,
    EventType.EVENT_TYPE_TIMER_STARTED: _timer_started,
    EventType.EVENT_TYPE_TIMER_FIRED: _timer_fired,
    EventType.EVENT_TYPE_TIMER_CANCELED: _timer_canceled,
    EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED: _activity_scheduled,
    EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED: _activity_started,
    EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED: _activity_completed,
    EventType.EVENT_TYPE_ACTIVITY_TASK_FAILED: _activity_failed,
    EventType.EVENT_TYPE_ACTIVITY_TASK_CANCELED: _activity_canceled,
    EventType.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT: _activity_timed_out,
    EventType.EVENT_TYPE_ACTIVITY_TASK_CANCEL_REQUESTED: _activity_cancel_requested,
    EventType.EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED: _signal_initiated,
    EventType.EVENT_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED: _cancel_initiated,
    EventType.EVENT_TYPE_EXTERNAL_WORKFLOW_EXECUTION_SIGNALED: _outcome(
        "external_workflow_execution_signaled_event_attributes", failed=False
    ),
    EventType.EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_FAILED: _outcome(
        "signal_external_workflow_execution_failed_event_attributes", failed=True
    ),
    EventType.EVENT_TYPE_EXTERNAL_WORKFLOW_EXECUTION_CANCEL_REQUESTED: _outcome(
        "external_workflow_execution_cancel_requested_event_attributes", failed=False
    ),
    EventType.EVENT_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_FAILED: _outcome(
        "request_cancel_external_workflow_execution_failed_event_attributes", failed=True
    ),
}
